//! Databases of servers.

use aviary_domain::mirror::{Mirrored, Page, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, ObjectKey, PanelId, ServerDatabase};

use super::desk::{Desk, Known};
use super::listing::{Heading, Listing};
use super::nav::Spot;
use super::value::Value;
use super::{links, listing, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

static LISTING: Listing<ServerDatabase> = Listing {
    spot: Spot::Databases,
    title: "Databases",
    icon: "database",
    search: "Database, user",
    columns: &[
        Heading("Database", Some(("name", Sort::Name)), ""),
        Heading("User", None, ""),
        Heading("Server", None, ""),
        Heading("Host", None, "num"),
        Heading("Allowed from", None, ""),
        Heading("Connections", None, "num"),
        Heading("Created", Some(("created", Sort::Created)), "num"),
    ],
    parents: &[Kind::Server],
    nothing: "No server has a database, or the application key may not read databases.",
    row,
};

/// The list.
pub(super) async fn list(_may: Allow<perm::DatabaseRead>, desk: Desk) -> PageResult {
    listing::list(desk, &LISTING).await
}

fn row(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<ServerDatabase>) -> Result<Vec<Value>> {
    let database = &row.data;
    let connections = match database.max_connections {
        None | Some(0) => Value::Muted("no limit".into()),
        Some(n) => Value::Text(n.to_string()),
    };
    Ok(vec![
        known.name(
            shown::name(&database.database),
            links::history(ObjectKey { panel, kind: Kind::Database, id: database.id }),
        ),
        Value::code(&database.username),
        links::relation(page, known, panel, Kind::Server, Some(database.server_id))?,
        Value::Text(database.host_id.to_string()),
        Value::code(&database.remote),
        connections,
        database.created_at.map_or(Value::Nothing, |at| Value::When(known.when(at))),
    ])
}
