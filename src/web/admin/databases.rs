//! Databases of servers.

use actix_web::web::{Data, Path};
use aviary_domain::events::Events;
use aviary_domain::mirror::{Mirrored, Page, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, ObjectKey, PanelId, ServerDatabase};

use super::card::{Body, Card, fact};
use super::columns::Heading;
use super::desk::{Desk, Known};
use super::listing::Listing;
use super::nav::Spot;
use super::object::{self, Face, Look, Sight, Tab};
use super::value::Value;
use super::{links, listing, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

pub(super) static LISTING: Listing<ServerDatabase> = Listing {
    spot: Spot::Databases,
    title: "Databases",
    icon: "database",
    search: "Database, user",
    columns: &[
        Heading("database", "Database", Some(("name", Sort::Name)), ""),
        Heading("username", "User", None, ""),
        Heading("serverId", "Server", None, ""),
        Heading("hostId", "Host", None, "num"),
        Heading("remote", "Allowed from", None, ""),
        Heading("maxConnections", "Connections", None, "num"),
        Heading("createdAt", "Created", Some(("created", Sort::Created)), "num"),
    ],
    parents: &[Kind::Server],
    nothing: "No server has a database, or the application key may not read databases.",
    row,
};

/// The list.
pub(super) async fn list(_may: Allow<perm::DatabaseRead>, desk: Desk) -> PageResult {
    listing::list(desk, &LISTING).await
}

/// One database.
pub(super) async fn one(
    _may: Allow<perm::DatabaseRead>,
    desk: Desk,
    events: Data<Events>,
    path: Path<(PanelId, String)>,
) -> PageResult {
    object::show(desk, &events, &SIGHT, path.into_inner(), Vec::new()).await
}

static SIGHT: Sight<ServerDatabase> = Sight {
    spot: Spot::Databases,
    plural: "Databases",
    face: |_, row| Ok(Face::new(&row.data.database, Vec::new())),
    tabs: &[Tab { word: "summary", title: "Summary", needs: None, count: object::uncounted, cards: summary }],
};

fn summary(look: &Look<'_>, row: &Mirrored<ServerDatabase>) -> Result<Vec<Card>> {
    let database = &row.data;
    let facts = vec![
        fact("Server", look.relation(Kind::Server, Some(database.server_id))?),
        fact("User", Value::code(&database.username)),
        fact("Allowed from", Value::code(&database.remote)),
        fact("Connections at a time", connections(database)),
        fact("Database host", Value::Text(format!("host {} of the panel", database.host_id))),
        fact("Password", Value::Muted("never asked for".into())),
        fact("Created on the panel", look.time(database.created_at)),
        fact("Changed on the panel", look.time(database.updated_at)),
    ];
    Ok(vec![Card::new("About", "c12", Body::Facts(facts))])
}

fn connections(database: &ServerDatabase) -> Value {
    match database.max_connections {
        None | Some(0) => Value::Muted("no limit".into()),
        Some(n) => Value::Text(n.to_string()),
    }
}

fn row(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<ServerDatabase>) -> Result<Vec<Value>> {
    let database = &row.data;
    Ok(vec![
        known.name(
            shown::name(&database.database),
            links::object(ObjectKey { panel, kind: Kind::Database, id: database.id }),
        ),
        Value::code(&database.username),
        links::relation(page, known, panel, Kind::Server, Some(database.server_id))?,
        Value::Text(database.host_id.to_string()),
        Value::code(&database.remote),
        connections(database),
        database.created_at.map_or(Value::Nothing, |at| Value::When(known.when(at))),
    ])
}
