//! Locations: the list, and one of them with its nodes.

use actix_web::web::{Data, Path};
use aviary_domain::events::Events;
use aviary_domain::mirror::{Fullness, Mirrored, Page, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, Location, Node, PanelId, Permission};
use aviary_kernel::store::tables::counted;

use super::card::{Body, Card, fact};
use super::columns::Heading;
use super::desk::{Desk, Known};
use super::listing::Listing;
use super::nav::Spot;
use super::nodes::gauges;
use super::object::{self, Face, Look, Sight, Tab};
use super::servers::table_or;
use super::value::Value;
use super::{links, listing, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

pub(super) static LISTING: Listing<Location> = Listing {
    spot: Spot::Locations,
    title: "Locations",
    icon: "pin",
    search: "Name",
    columns: &[
        Heading("short", "Short name", Some(("name", Sort::Name)), ""),
        Heading("long", "Description", None, "wrap"),
        Heading("nodes", "Nodes", None, "num"),
        Heading("createdAt", "Created", Some(("created", Sort::Created)), "num"),
    ],
    parents: &[],
    nothing: "The panels have no locations. Panels of the Pelican kind never have any; they use tags.",
    row,
};

/// The list.
pub(super) async fn list(_may: Allow<perm::LocationRead>, desk: Desk) -> PageResult {
    listing::list(desk, &LISTING).await
}

/// One location.
pub(super) async fn one(
    _may: Allow<perm::LocationRead>,
    desk: Desk,
    events: Data<Events>,
    path: Path<(PanelId, String)>,
) -> PageResult {
    object::show(desk, &events, &SIGHT, path.into_inner(), Vec::new()).await
}

static SIGHT: Sight<Location> = Sight {
    spot: Spot::Locations,
    plural: "Locations",
    face: |_, row| Ok(Face::new(&row.data.short, Vec::new())),
    tabs: &[
        Tab { word: "summary", title: "Summary", needs: None, count: object::uncounted, cards: summary },
        Tab {
            word: "nodes",
            title: "Nodes",
            needs: Some(Permission::NodeRead),
            count: |look, row| Ok(Some(look.page.count(counted::LOCATION_NODES, look.panel, row.data.id)?)),
            cards: nodes,
        },
    ],
};

fn row(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<Location>) -> Result<Vec<Value>> {
    let id = row.data.id;
    Ok(vec![
        known.name(shown::name(&row.data.short), format!("/admin/locations/{panel}/{id}")),
        Value::maybe(row.data.long.as_deref()),
        known.count(
            page.count(counted::LOCATION_NODES, panel, id)?,
            links::children(Kind::Node, panel, (Kind::Location, id)),
        ),
        row.data.created_at.map_or(Value::Nothing, |at| Value::When(known.when(at))),
    ])
}

fn summary(look: &Look<'_>, row: &Mirrored<Location>) -> Result<Vec<Card>> {
    let location = &row.data;
    let facts = vec![
        fact("Description", Value::maybe(location.long.as_deref())),
        fact("Created on the panel", look.time(location.created_at)),
        fact("Changed on the panel", look.time(location.updated_at)),
    ];
    let mut cards = vec![Card::new("About", "c6", Body::Facts(facts))];
    let all = look.page.children::<Node>(look.panel, (Kind::Location, location.id), NODES)?;
    if look.known.may(Permission::NodeRead) && !all.is_empty() {
        let mut sum = Fullness::default();
        for (at, node) in all.iter().enumerate() {
            let fullness = look.page.fullness(look.panel, &node.data)?;
            sum = if at == 0 { fullness } else { sum.with(&fullness) };
        }
        cards.insert(
            0,
            Card::new("Given away by its nodes", "c6", Body::Gauges(gauges(&sum, look.known.units()).into())),
        );
    }
    Ok(cards)
}

/// Nodes of a location that are looked at.
const NODES: usize = 100;

fn nodes(look: &Look<'_>, row: &Mirrored<Location>) -> Result<Vec<Card>> {
    let of = (Kind::Location, row.data.id);
    let mut rows = Vec::new();
    for row in look.page.children::<Node>(look.panel, of, NODES)? {
        let node = &row.data;
        let fullness = look.page.fullness(look.panel, node)?;
        let [memory, disk, _] = gauges(&fullness, look.known.units()).map(|gauge| Value::Gauge(gauge.bare()));
        rows.push(vec![
            look.known.name(shown::name(&node.name), format!("/admin/nodes/{}/{}", look.panel, node.id)),
            memory,
            disk,
            look.known.count(fullness.load.servers, links::children(Kind::Server, look.panel, (Kind::Node, node.id))),
        ]);
    }
    let titles = &["Name", "Memory given away", "Disk given away", "#Servers"];
    let body = table_or("Nodes at this location", titles, rows, "No node stands here.");
    let href = links::children(Kind::Node, look.panel, of);
    Ok(vec![look.known.more(Card::new("Nodes", "c12", body), "As a list", href)])
}
