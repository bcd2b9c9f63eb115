//! Nodes: the list, and one of them with what stands on it.

use actix_web::web::Path;
use aviary_domain::mirror::{Fullness, Mirrored, Page, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, Node, PanelId, Permission, RemoteId, Server, Units};
use aviary_kernel::store::tables::counted;

use super::card::{Body, Card, fact};
use super::chart::Gauge;
use super::desk::{Desk, Known};
use super::listing::{Heading, Listing};
use super::nav::Spot;
use super::object::{self, Object};
use super::servers::{pill as server_pill, table_or};
use super::value::{Pill, Value};
use super::{links, listing, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

static LISTING: Listing<Node> = Listing {
    spot: Spot::Nodes,
    title: "Nodes",
    icon: "node",
    search: "Name, address, UUID",
    columns: &[
        Heading("Name", Some(("name", Sort::Name)), ""),
        Heading("State", None, ""),
        Heading("Address", None, ""),
        Heading("Location", None, ""),
        Heading("Memory given away", None, ""),
        Heading("Disk given away", None, ""),
        Heading("Servers", None, "num"),
        Heading("Free allocations", None, "num"),
        Heading("Created", Some(("created", Sort::Created)), "num"),
    ],
    parents: &[Kind::Location],
    nothing: "The panels have no nodes.",
    row,
};

/// The list.
pub(super) async fn list(_may: Allow<perm::NodeRead>, desk: Desk) -> PageResult {
    listing::list(desk, &LISTING).await
}

/// One node.
pub(super) async fn one(_may: Allow<perm::NodeRead>, desk: Desk, path: Path<(PanelId, RemoteId)>) -> PageResult {
    object::show::<Node>(desk, Spot::Nodes, "Nodes", path.into_inner(), describe).await
}

fn pill(node: &Node) -> Pill {
    if node.maintenance_mode { Pill::new("warn", "maintenance") } else { Pill::new("fine", "in service") }
}

/// How much of the node's memory and disk its servers may use, and of its allocations they do.
pub(super) fn gauges(fullness: &Fullness, units: Units) -> [Gauge; 3] {
    [
        Gauge::share("Memory", fullness.memory, units),
        Gauge::share("Disk", fullness.disk, units),
        Gauge::taken("Allocations", fullness.load.assigned, fullness.load.allocations),
    ]
}

fn row(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<Node>) -> Result<Vec<Value>> {
    let node = &row.data;
    let fullness = page.fullness(panel, node)?;
    let load = fullness.load;
    let [memory, disk, _] = gauges(&fullness, known.units()).map(|gauge| Value::Gauge(gauge.bare()));
    let tied = (Kind::Node, node.id);
    Ok(vec![
        known.name(shown::name(&node.name), format!("/admin/nodes/{panel}/{}", node.id)),
        Value::Pill(pill(node)),
        Value::code(&node.fqdn),
        links::relation(page, known, panel, Kind::Location, node.location_id)?,
        memory,
        disk,
        known.count(load.servers, links::children(Kind::Server, panel, tied)),
        known.count(load.allocations.saturating_sub(load.assigned), free(panel, node.id)),
        node.created_at.map_or(Value::Nothing, |at| Value::When(known.when(at))),
    ])
}

fn free(panel: PanelId, node: RemoteId) -> String {
    links::list(Kind::Allocation, &[("panel", &panel.to_string()), ("node", &node.to_string()), ("use", "free")])
}

fn describe(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<Node>) -> Result<Object> {
    let node = &row.data;
    let fullness = page.fullness(panel, node)?;
    let load = fullness.load;
    let time = |at: Option<_>| at.map_or(Value::Nothing, |at| Value::When(known.when(at)));
    let extra = |percent: i64| Value::Text(if percent < 0 { "not checked".into() } else { format!("{percent} %") });
    let text = |text: String| Value::Text(text);
    let mut facts = vec![
        fact("Address", Value::code(&format!("{}://{}", node.scheme, node.fqdn))),
        fact("Daemon port", text(node.daemon_listen.to_string())),
        fact("SFTP port", text(node.daemon_sftp.to_string())),
        fact("Behind a proxy", Value::yes(node.behind_proxy)),
        fact("Open for new servers", Value::yes(node.public)),
        fact("More memory than there is", extra(node.memory_overallocate)),
        fact("More disk than there is", extra(node.disk_overallocate)),
        fact("Largest upload", text(known.mib(node.upload_size))),
        fact("Server files in", Value::code(&node.daemon_base)),
        fact("UUID", Value::code(&node.uuid)),
        fact("Created on the panel", time(node.created_at)),
    ];
    if node.location_id.is_some() {
        facts.insert(0, fact("Location", links::relation(page, known, panel, Kind::Location, node.location_id)?));
    }
    if !node.tags.is_empty() {
        facts.push(fact("Tags", Value::Tags(node.tags.iter().map(|tag| Value::Tag(shown::short(tag, 40))).collect())));
    }
    let given = gauges(&fullness, known.units()).to_vec();
    let mut cards = vec![
        Card::new("About", "c6", Body::Facts(facts)),
        known.more(
            Card::new("Given away", "c6", Body::Gauges(given)),
            format!("{} allocations", shown::grouped(load.allocations)),
            links::children(Kind::Allocation, panel, (Kind::Node, node.id)),
        ),
    ];
    if known.may(Permission::ServerRead) {
        cards.push(servers(page, known, panel, (Kind::Node, node.id), load.servers, "No server stands on this node.")?);
    }
    if let Some(text) = node.description.as_deref().filter(|text| !text.trim().is_empty()) {
        cards.insert(2, Card::new("Description", "c12", Body::Text(shown::Cut::new(text, 600))));
    }
    let mut pills = vec![pill(node)];
    if !node.public {
        pills.push(Pill::new("", "private"));
    }
    Ok(Object { title: shown::short(&node.name, 120), pills, code: String::new(), cards })
}

/// The servers that a user of a panel owns.
pub(super) fn servers_of_user(page: &Page<'_>, known: &Known, panel: PanelId, user: RemoteId) -> Result<Card> {
    let total = page.count(counted::USER_SERVERS, panel, user)?;
    let card = servers(page, known, panel, (Kind::User, user), total, "This user owns no server.")?;
    let title = if known.several() { format!("Servers on {}", known.panel_name(panel)) } else { card.title };
    Ok(Card { title, ..card })
}

/// The first servers that belong to an object, and the way to all of them.
pub(super) fn servers(
    page: &Page<'_>,
    known: &Known,
    panel: PanelId,
    of: (Kind, RemoteId),
    total: u64,
    hint: &str,
) -> Result<Card> {
    const MOST: usize = 10;
    let mut rows = Vec::new();
    for row in page.children::<Server>(panel, of, MOST)? {
        let server = &row.data;
        let other = if of.0 == Kind::Node { (Kind::User, server.user_id) } else { (Kind::Node, server.node_id) };
        rows.push(vec![
            Value::Name {
                text: shown::name(&server.name),
                href: format!("/admin/servers/{panel}/{}", server.id),
                sub: shown::short(&server.identifier, 12),
            },
            Value::Pill(server_pill(server)),
            links::relation(page, known, panel, other.0, Some(other.1))?,
            Value::Text(known.limit_mib(server.limits.memory)),
            Value::Text(known.limit_mib(server.limits.disk)),
        ]);
    }
    let third = if of.0 == Kind::Node { "Owner" } else { "Node" };
    let body = table_or("Servers", &["Name", "State", third, "#Memory", "#Disk"], rows, hint);
    let card = Card::new("Servers", "c12", body);
    let more = format!("All {}", shown::grouped(total));
    Ok(if total == 0 { card } else { card.more(more, links::children(Kind::Server, panel, of)) })
}
