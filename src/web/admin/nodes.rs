//! Nodes: the list, and one of them with what stands on it.

use actix_web::web::{Data, Path};
use aviary_domain::events::Events;
use aviary_domain::mirror::{AllocationQuery, Fullness, Mirrored, Page, Share, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, Node, PanelId, Permission, RemoteId, Server, Units};
use aviary_kernel::store::tables::counted;

use super::card::{Body, Card, fact};
use super::chart::Gauge;
use super::columns::Heading;
use super::desk::{Desk, Known};
use super::listing::Listing;
use super::nav::Spot;
use super::object::{self, Banner, Face, Look, Sight, Tab};
use super::servers::{pill as server_pill, table_or};
use super::table::Pager;
use super::value::{Pill, Value};
use super::{links, listing, ports, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

pub(super) static LISTING: Listing<Node> = Listing {
    spot: Spot::Nodes,
    title: "Nodes",
    icon: "node",
    search: "Name, address, UUID",
    columns: &[
        Heading("name", "Name", Some(("name", Sort::Name)), ""),
        Heading("maintenanceMode", "State", None, ""),
        Heading("fqdn", "Address", None, ""),
        Heading("locationId", "Location", None, ""),
        Heading("memory", "Memory given away", None, ""),
        Heading("disk", "Disk given away", None, ""),
        Heading("servers", "Servers", None, "num"),
        Heading("allocations", "Free allocations", None, "num"),
        Heading("createdAt", "Created", Some(("created", Sort::Created)), "num"),
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
pub(super) async fn one(
    _may: Allow<perm::NodeRead>,
    desk: Desk,
    events: Data<Events>,
    path: Path<(PanelId, String)>,
) -> PageResult {
    object::show(desk, &events, &SIGHT, path.into_inner(), Vec::new()).await
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

static SIGHT: Sight<Node> = Sight {
    spot: Spot::Nodes,
    plural: "Nodes",
    face,
    tabs: &[
        Tab { word: "summary", title: "Summary", needs: None, count: object::uncounted, cards: summary },
        Tab {
            word: "servers",
            title: "Servers",
            needs: Some(Permission::ServerRead),
            count: |look, row| Ok(Some(look.page.load(look.panel, row.data.id)?.servers)),
            cards: its_servers,
        },
        Tab {
            word: "allocations",
            title: "Allocations",
            needs: Some(Permission::AllocationRead),
            count: |look, row| Ok(Some(look.page.load(look.panel, row.data.id)?.allocations)),
            cards: allocations,
        },
    ],
};

fn face(look: &Look<'_>, row: &Mirrored<Node>) -> Result<Face> {
    let node = &row.data;
    let mut pills = vec![pill(node)];
    if !node.public {
        pills.push(Pill::new("", "private"));
    }
    let fullness = look.page.fullness(look.panel, node)?;
    let size = |mib: u64| look.known.mib(i64::try_from(mib).unwrap_or(i64::MAX));
    let over: Vec<_> = [("memory", fullness.memory.beyond()), ("disk", fullness.disk.beyond())]
        .into_iter()
        .filter(|(_, beyond)| *beyond > 0)
        .map(|(what, beyond)| format!("{} of {what}", size(beyond)))
        .collect();
    let banner = (!over.is_empty()).then(|| Banner {
        tone: "warn",
        title: format!("Over-allocated by {}.", shown::listed(&over)),
        text: "The limits of its servers add up to more than it may give. Move servers, lower limits, or raise what it may give on the panel.".into(),
    });
    Ok(Face { banner, ..Face::new(&node.name, pills) })
}

fn summary(look: &Look<'_>, row: &Mirrored<Node>) -> Result<Vec<Card>> {
    let node = &row.data;
    let fullness = look.page.fullness(look.panel, node)?;
    let extra = |percent: i64| Value::Text(if percent < 0 { "not checked".into() } else { format!("{percent} %") });
    let text = |text: String| Value::Text(text);
    let mut facts = vec![
        fact("Address", Value::code(&format!("{}://{}", node.scheme, node.fqdn))),
        fact("Daemon port", text(node.daemon_listen.to_string())),
        fact("SFTP port", text(node.daemon_sftp.to_string())),
        fact("Behind a proxy", Value::yes(node.behind_proxy)),
        fact("Open for new servers", Value::yes(node.public)),
        fact("Memory it may give beyond", extra(node.memory_overallocate)),
        fact("Disk it may give beyond", extra(node.disk_overallocate)),
        fact("Largest upload", text(look.known.mib(node.upload_size))),
        fact("Server files in", Value::code(&node.daemon_base)),
        fact("UUID", Value::code(&node.uuid)),
        fact("Created on the panel", look.time(node.created_at)),
    ];
    if node.location_id.is_some() {
        facts.insert(0, fact("Location", look.relation(Kind::Location, node.location_id)?));
    }
    if !node.tags.is_empty() {
        facts.push(fact("Tags", Value::Tags(node.tags.iter().map(|tag| Value::Tag(shown::short(tag, 40))).collect())));
    }
    let tied = (Kind::Node, node.id);
    let load = fullness.load;
    let counts = Body::Facts(vec![
        fact("Servers", look.known.count(load.servers, links::children(Kind::Server, look.panel, tied))),
        fact(
            "Free allocations",
            look.known.count(load.allocations.saturating_sub(load.assigned), free(look.panel, node.id)),
        ),
        fact("Memory left to give", left(look.known, fullness.memory)),
        fact("Disk left to give", left(look.known, fullness.disk)),
    ]);
    let given = Body::Several(vec![Body::Gauges(gauges(&fullness, look.known.units()).into()), counts]);
    let mut cards = vec![Card::new("Given away", "c6", given), Card::new("About", "c6", Body::Facts(facts))];
    cards.extend(object::description(node.description.as_deref()));
    Ok(cards)
}

fn left(known: &Known, share: Share) -> Value {
    match share.left() {
        Some(0) => Value::Muted("nothing".into()),
        Some(mib) => Value::Text(known.mib(i64::try_from(mib).unwrap_or(i64::MAX))),
        None => Value::Muted("as much as one likes".into()),
    }
}

fn its_servers(look: &Look<'_>, row: &Mirrored<Node>) -> Result<Vec<Card>> {
    let total = look.page.load(look.panel, row.data.id)?.servers;
    let of = (Kind::Node, row.data.id);
    Ok(vec![servers(look.page, look.known, look.panel, of, total, "No server stands on this node.")?])
}

/// Allocations that are shown at once.
const PORTS: usize = 200;

fn allocations(look: &Look<'_>, row: &Mirrored<Node>) -> Result<Vec<Card>> {
    let node = row.data.id;
    let wanted = AllocationQuery {
        panel: Some(look.panel),
        node: Some(node),
        offset: look.offset,
        limit: PORTS,
        ..AllocationQuery::default()
    };
    let (placed, total) = look.page.allocations(&wanted)?;
    let shown_now = placed.len() as u64;
    if total == 0 {
        let hint = "This node has no allocation to give to servers. Add some on the panel.";
        return Ok(vec![Card::new("Allocations", "c12", Body::Hint(hint.into()))]);
    }
    let at = |offset: u64| {
        let offset = if offset == 0 { String::new() } else { offset.to_string() };
        look.query.link(&[("offset", &offset)])
    };
    let end = look.offset + shown_now;
    let said = match shown_now {
        0 => format!("none of {} here", shown::grouped(total)),
        _ => format!("{}–{} of {}", shown::grouped(look.offset + 1), shown::grouped(end), shown::grouped(total)),
    };
    let previous = (look.offset > 0).then(|| at(look.offset.saturating_sub(PORTS as u64)));
    let next = (end < total && shown_now > 0).then(|| at(end));
    let bodies = vec![Body::Ports(ports::groups(look.known, placed)), Body::Pager(Pager::new(said, previous, next))];
    let card = Card::new("Allocations", "c12", Body::Several(bodies));
    Ok(vec![look.known.more(card, "As a list", links::children(Kind::Allocation, look.panel, (Kind::Node, node)))])
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
