//! The allocations of a node at a glance: by address, free ports as ranges, used ones with their servers.

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::mirror::PlacedAllocation;
use aviary_kernel::model::{Kind, ObjectKey};

use super::desk::Known;
use super::value::Value;
use super::{links, shown};

/// The ports of an address.
#[derive(Template)]
#[template(path = "partials/_ports.html")]
pub(super) struct PortGroup {
    ip: String,
    cells: Vec<Cell>,
}

impl HtmlSafe for PortGroup {}

/// A port, or a range of free ones.
struct Cell {
    /// `25565`, `25570–25599`.
    ports: String,
    is_free: bool,
    /// Who uses it, or how many are free.
    what: Value,
}

/// Ports in the order of their numbers; those that are free and follow one another are one.
pub(super) fn groups(known: &Known, mut placed: Vec<PlacedAllocation>) -> Vec<PortGroup> {
    placed.sort_by(|a, b| (&a.row.data.ip, a.row.data.port).cmp(&(&b.row.data.ip, b.row.data.port)));
    let mut groups: Vec<PortGroup> = Vec::new();
    let mut range: Option<(u16, u16)> = None;
    for one in placed {
        let (ip, port) = (shown::short(&one.row.data.ip, 60), one.row.data.port);
        if groups.last().is_none_or(|group| group.ip != ip) {
            end_range(&mut groups, &mut range);
            groups.push(PortGroup { ip, cells: Vec::new() });
        }
        match (one.row.data.assigned, &mut range) {
            (false, Some((_, last))) if u32::from(*last) + 1 == u32::from(port) => *last = port,
            (false, _) => {
                end_range(&mut groups, &mut range);
                range = Some((port, port));
            }
            (true, _) => {
                end_range(&mut groups, &mut range);
                let what = used_by(known, &one);
                if let Some(group) = groups.last_mut() {
                    group.cells.push(Cell { ports: port.to_string(), is_free: false, what });
                }
            }
        }
    }
    end_range(&mut groups, &mut range);
    groups
}

fn end_range(groups: &mut [PortGroup], range: &mut Option<(u16, u16)>) {
    let (Some((first, last)), Some(group)) = (range.take(), groups.last_mut()) else { return };
    let ports = if first == last { first.to_string() } else { format!("{first}–{last}") };
    let n = u64::from(last - first) + 1;
    let what = Value::Text(if n == 1 { "free".into() } else { format!("{} free", shown::grouped(n)) });
    group.cells.push(Cell { ports, is_free: true, what });
}

fn used_by(known: &Known, one: &PlacedAllocation) -> Value {
    match &one.server {
        Some((id, name)) => {
            let key = ObjectKey { panel: one.panel, kind: Kind::Server, id: *id };
            known.link(shown::name(name), links::object(key))
        }
        None => Value::Muted("in use".into()),
    }
}
