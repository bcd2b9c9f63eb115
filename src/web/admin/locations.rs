//! Locations: the list, and one of them with its nodes.

use actix_web::web::Path;
use aviary_domain::mirror::{Mirrored, Page, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, Location, Node, PanelId, Permission, RemoteId};
use aviary_kernel::store::tables::counted;

use super::card::{Body, Card, fact};
use super::desk::{Desk, Known};
use super::listing::{Heading, Listing};
use super::nav::Spot;
use super::nodes::gauges;
use super::object::{self, Object};
use super::servers::table_or;
use super::value::Value;
use super::{links, listing, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

static LISTING: Listing<Location> = Listing {
    spot: Spot::Locations,
    title: "Locations",
    icon: "pin",
    search: "Name",
    columns: &[
        Heading("Short name", Some(("name", Sort::Name)), ""),
        Heading("Description", None, "wrap"),
        Heading("Nodes", None, "num"),
        Heading("Created", Some(("created", Sort::Created)), "num"),
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
pub(super) async fn one(_may: Allow<perm::LocationRead>, desk: Desk, path: Path<(PanelId, RemoteId)>) -> PageResult {
    object::show::<Location>(desk, Spot::Locations, "Locations", path.into_inner(), describe).await
}

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

fn describe(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<Location>) -> Result<Object> {
    let location = &row.data;
    let time = |at: Option<_>| at.map_or(Value::Nothing, |at| Value::When(known.when(at)));
    let mut rows = Vec::new();
    for row in page.children::<Node>(panel, (Kind::Location, location.id), 100)? {
        let node = &row.data;
        let fullness = page.fullness(panel, node)?;
        let [memory, disk, _] = gauges(&fullness, known.units()).map(|gauge| Value::Gauge(gauge.bare()));
        rows.push(vec![
            known.name(shown::name(&node.name), format!("/admin/nodes/{panel}/{}", node.id)),
            memory,
            disk,
            Value::number(fullness.load.servers),
        ]);
    }
    let nodes = table_or(
        "Nodes at this location",
        &["Name", "Memory given away", "Disk given away", "#Servers"],
        rows,
        "No node stands here.",
    );
    let facts = vec![
        fact("Description", Value::maybe(location.long.as_deref())),
        fact("Created on the panel", time(location.created_at)),
        fact("Changed on the panel", time(location.updated_at)),
    ];
    let mut cards = vec![Card::new("About", "c4", Body::Facts(facts))];
    if known.may(Permission::NodeRead) {
        let href = links::children(Kind::Node, panel, (Kind::Location, location.id));
        cards.push(Card::new("Nodes", "c8", nodes).more("As a list", href));
    }
    Ok(Object { title: shown::short(&location.short, 120), pills: Vec::new(), code: String::new(), cards })
}
