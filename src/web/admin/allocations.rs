//! Allocations: addresses and ports, by node.

use actix_web::web::{Data, Path};
use aviary_domain::events::Events;
use aviary_domain::mirror::{AllocationQuery, Mirrored, Page, PlacedAllocation, address};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Allocation, Kind, Location, Node, ObjectKey, PanelId};

use super::card::{Body, Card, fact};
use super::columns::{self, Columns, Heading, Ticks};
use super::desk::{Crumb, Desk, Head, Known};
use super::listing::nothing;
use super::nav::Spot;
use super::object::{self, Face, Look, Sight, Tab};
use super::query::Query;
use super::table::{Chip, Column, Empty, Filters, ListView, Pager, Search, Select, Table, Tie};
use super::value::{Pill, Value};
use super::{links, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

const COLUMNS: [Heading; 6] = [
    Heading("address", "Address", None, ""),
    Heading("assigned", "State", None, ""),
    Heading("server", "Server", None, ""),
    Heading("nodeId", "Node", None, ""),
    Heading("alias", "Alias", None, ""),
    Heading("notes", "Notes", None, ""),
];

/// What one look gave.
struct Seen {
    rows: Vec<Vec<Value>>,
    /// What the boxes of the rows send.
    keys: Vec<String>,
    total: u64,
    /// What narrows and is no choice of its own: its name in the address, and in words.
    ties: Vec<(&'static str, String)>,
    assigned: u64,
    all: u64,
}

/// The list.
pub(super) async fn list(_may: Allow<perm::AllocationRead>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let columns = Columns::read(&mut desk.query, &known, "allocations", &COLUMNS);
    let asked = read(&mut desk.query, &known, columns.rows);
    let wanted = asked.clone();
    let seen = desk.look(&known, move |page, known| look(page, known, &wanted)).await?;
    let shown_rows = seen.rows.len() as u64;
    let filtered = asked.search.is_some()
        || asked.assigned.is_some()
        || asked.node.is_some()
        || asked.location.is_some()
        || asked.panel.is_some();
    let query = &desk.query;
    let page_at =
        |offset: u64| query.link(&[("offset", &if offset == 0 { String::new() } else { offset.to_string() })]);
    let end = asked.offset + shown_rows;
    let said = match shown_rows {
        0 => String::new(),
        _ => format!("{}–{} of {}", shown::grouped(asked.offset + 1), shown::grouped(end), shown::grouped(seen.total)),
    };
    let previous = (asked.offset > 0).then(|| page_at(asked.offset.saturating_sub(asked.limit as u64)));
    let next = (end < seen.total && shown_rows > 0).then(|| page_at(end));
    let mut truth = vec![Value::Text(format!(
        "{} in all, {} free",
        shown::grouped(seen.all),
        shown::grouped(seen.all - seen.assigned)
    ))];
    truth.extend(known.truth(asked.panel));
    let mut headed = columns::unordered(&COLUMNS);
    if known.several() {
        headed.push(Column { title: "Panel", class: "", sort: None });
    }
    let empty = match (shown_rows, known.counts.allocations, filtered) {
        (1.., ..) => None,
        (0, 1.., _) => Some(Empty {
            icon: "search",
            title: "Nothing matches".into(),
            text: "No allocation fits all filters. Take one off, or search for a part of the address only.".into(),
            acts: vec![("Show all", query.bare())],
        }),
        _ => Some(nothing(
            &known,
            "plug",
            "The panels have no allocations: their nodes have no address to give to servers.",
        )),
    };
    let filters = (known.counts.allocations > 0).then(|| filters(&desk, &known, &asked, &seen));
    let ticks = Ticks::new(seen.keys, Some(seen.total));
    let table = Table { caption: "Allocations".into(), columns: headed, rows: seen.rows, ..Table::default() };
    let view = ListView {
        head: Head {
            title: "Allocations".into(),
            truth: if known.panels.is_empty() { Vec::new() } else { truth },
            ..Head::default()
        },
        filters,
        table: columns.over(table, &desk, &known, "/admin/export/allocations", ticks),
        pager: Pager::new(said, previous, next),
        empty,
        shell: desk.shell(&known, Spot::Allocations, vec![Crumb::here("Allocations")]),
    };
    html(&view)
}

/// One allocation.
pub(super) async fn one(
    _may: Allow<perm::AllocationRead>,
    desk: Desk,
    events: Data<Events>,
    path: Path<(PanelId, String)>,
) -> PageResult {
    object::show(desk, &events, &SIGHT, path.into_inner(), Vec::new()).await
}

static SIGHT: Sight<Allocation> = Sight {
    spot: Spot::Allocations,
    plural: "Allocations",
    face: |_, row| {
        let pill = if row.data.assigned { Pill::new("info", "assigned") } else { Pill::new("", "free") };
        Ok(Face::new(&address(&row.data.ip, row.data.port), vec![pill]))
    },
    tabs: &[Tab { word: "summary", title: "Summary", needs: None, count: object::uncounted, cards: summary }],
};

fn summary(look: &Look<'_>, row: &Mirrored<Allocation>) -> Result<Vec<Card>> {
    let allocation = &row.data;
    let server = look.page.user_of_allocation(look.panel, allocation.id)?;
    let server = match server {
        Some(server) => look.relation(Kind::Server, Some(server.id))?,
        None if allocation.assigned => Value::Muted("not known".into()),
        None => Value::Muted("none: it is free".into()),
    };
    let facts = vec![
        fact("Server", server),
        fact("Node", look.relation(Kind::Node, Some(allocation.node_id))?),
        fact("IP address", Value::code(&allocation.ip)),
        fact("Port", Value::Text(allocation.port.to_string())),
        fact("Alias", Value::maybe(allocation.alias.as_deref())),
        fact("Notes", Value::maybe(allocation.notes.as_deref())),
    ];
    Ok(vec![Card::new("About", "c12", Body::Facts(facts))])
}

/// What an address asks for.
pub(super) fn read(query: &mut Query, known: &Known, limit: usize) -> AllocationQuery {
    AllocationQuery {
        panel: query.panel(known),
        node: query.parse("node", "all nodes are shown"),
        location: query.parse("location", "all locations are shown"),
        assigned: query.pick("use", "assigned and free ones are shown", |word| match word {
            "assigned" => Some(true),
            "free" => Some(false),
            _ => None,
        }),
        search: query.search(),
        offset: query.parse("offset", "the list begins at the front").unwrap_or(0),
        limit,
    }
}

fn look(page: &Page<'_>, known: &Known, wanted: &AllocationQuery) -> Result<Seen> {
    let (rows, total) = page.allocations(wanted)?;
    let ties = [("node", of_node(page, wanted)?), ("location", of_location(page, wanted)?)];
    let ties = ties.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
    let (assigned, all) = sums(page, known, wanted)?;
    let keys = rows.iter().map(|placed| format!("{}/{}", placed.panel, placed.row.data.id)).collect();
    let rows = rows.into_iter().map(|placed| row(known, placed)).collect();
    Ok(Seen { rows, keys, total, ties, assigned, all })
}

fn of_location(page: &Page<'_>, wanted: &AllocationQuery) -> Result<Option<String>> {
    Ok(match (wanted.panel, wanted.location) {
        (Some(panel), Some(id)) => {
            let label = page.relative::<Location>(panel, id)?.map(|location| shown::name(&location.label));
            Some(format!("Location {}", label.unwrap_or_else(|| format!("{id}, not in the mirror"))))
        }
        (None, Some(id)) => Some(format!("Location {id} of every panel")),
        _ => None,
    })
}

fn of_node(page: &Page<'_>, wanted: &AllocationQuery) -> Result<Option<String>> {
    Ok(match (wanted.panel, wanted.node) {
        (Some(panel), Some(node)) => {
            let label = page.relative::<Node>(panel, node)?.map(|node| shown::name(&node.label));
            Some(format!("Node {}", label.unwrap_or_else(|| format!("{node}, not in the mirror"))))
        }
        (None, Some(node)) => Some(format!("Node {node} of every panel")),
        _ => None,
    })
}

/// Assigned ones and all, on the panel, location and node that are asked for.
fn sums(page: &Page<'_>, known: &Known, wanted: &AllocationQuery) -> Result<(u64, u64)> {
    if wanted.location.is_some() {
        let count = |assigned| {
            let all = AllocationQuery { assigned, search: None, offset: 0, limit: 1, ..wanted.clone() };
            page.allocations(&all).map(|(_, total)| total)
        };
        return Ok((count(Some(true))?, count(None)?));
    }
    let (mut assigned, mut all) = (0, 0);
    for panel in known.panels.iter().map(|panel| panel.id).filter(|id| wanted.panel.is_none_or(|panel| panel == *id)) {
        if let Some(node) = wanted.node {
            let load = page.load(panel, node)?;
            assigned += load.assigned;
            all += load.allocations;
        } else {
            let counts = page.counts(Some(panel))?;
            assigned += counts.assigned_allocations;
            all += counts.allocations;
        }
    }
    Ok((assigned, all))
}

fn row(known: &Known, placed: PlacedAllocation) -> Vec<Value> {
    let PlacedAllocation { panel, row, node, server } = placed;
    let link = |kind, id, label: &str| known.link(shown::name(label), links::object(ObjectKey { panel, kind, id }));
    let mut cells = vec![
        known.name(
            address(&row.data.ip, row.data.port),
            links::object(ObjectKey { panel, kind: Kind::Allocation, id: row.data.id }),
        ),
        if row.data.assigned { Value::pill("info", "assigned") } else { Value::pill("", "free") },
        match server {
            Some((id, name)) => link(Kind::Server, id, &name),
            None if row.data.assigned => Value::Muted("not known".into()),
            None => Value::Nothing,
        },
        match node {
            Some(node) => link(Kind::Node, node.id, &node.name),
            None => Value::Muted(format!("node {}, not in the mirror", row.data.node_id)),
        },
        row.data.alias.as_deref().map_or(Value::Nothing, |text| Value::long(text, 40)),
        row.data.notes.as_deref().map_or(Value::Nothing, |text| Value::long(text, 40)),
    ];
    if known.several() {
        cells.push(known.panel_link(panel));
    }
    cells
}

fn filters(desk: &Desk, known: &Known, wanted: &AllocationQuery, seen: &Seen) -> Filters {
    let query = &desk.query;
    let mut selects = Vec::new();
    if known.several() {
        let chosen = wanted.panel.map(|id| id.to_string());
        let panels = known.panels.iter().map(|panel| (panel.id.to_string(), panel.name.clone()));
        selects.push(Select::new("panel", "Panel", "All panels", chosen.as_deref(), panels));
    }
    let own: Vec<_> = selects.iter().map(|select| select.name).chain(["q"]).collect();
    let chip = |text: &str, word: &str, n, on| Chip {
        text: text.into(),
        count: shown::grouped(n),
        href: query.link(&[("use", word)]),
        on,
    };
    Filters {
        action: query.bare(),
        hidden: query.carried(&own),
        search: Some(Search { label: "Address, alias, notes", value: wanted.search.clone().unwrap_or_default() }),
        selects,
        chips_label: "Use",
        chips: vec![
            chip("All", "", seen.all, wanted.assigned.is_none()),
            chip("Assigned", "assigned", seen.assigned, wanted.assigned == Some(true)),
            chip("Free", "free", seen.all - seen.assigned, wanted.assigned == Some(false)),
        ],
        ties: seen
            .ties
            .iter()
            .map(|(name, text)| Tie { text: text.clone(), href: query.link(&[(name, "")]) })
            .collect(),
        reset: (wanted.search.is_some()
            || wanted.node.is_some()
            || wanted.location.is_some()
            || wanted.panel.is_some())
        .then(|| query.bare()),
        ..Filters::default()
    }
}
