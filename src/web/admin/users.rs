//! Users of the panels: the list, and one of them with the servers that are theirs or that they may use.

use actix_web::web::Path;
use aviary_domain::mirror::{Mirrored, Page, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, PanelId, Permission, RemoteId, Subuser, User};
use aviary_kernel::store::tables::counted;

use super::card::{Body, Card, fact};
use super::desk::{Desk, Known};
use super::listing::{Heading, Listing};
use super::nav::Spot;
use super::object::{self, Object};
use super::servers::table_or;
use super::value::{Pill, Value};
use super::{links, listing, nodes, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

static LISTING: Listing<User> = Listing {
    spot: Spot::Users,
    title: "Panel users",
    icon: "user",
    search: "Name, e-mail, id, UUID",
    columns: &[
        Heading("User", Some(("name", Sort::Name)), ""),
        Heading("E-mail", None, ""),
        Heading("Name", None, ""),
        Heading("Role", None, ""),
        Heading("Two-factor", None, ""),
        Heading("Servers", None, "num"),
        Heading("Created", Some(("created", Sort::Created)), "num"),
        Heading("Changed", Some(("changed", Sort::Changed)), "num"),
    ],
    parents: &[],
    nothing: "The panels have no users.",
    row,
};

/// The list.
pub(super) async fn list(_may: Allow<perm::UserRead>, desk: Desk) -> PageResult {
    listing::list(desk, &LISTING).await
}

/// One user.
pub(super) async fn one(_may: Allow<perm::UserRead>, desk: Desk, path: Path<(PanelId, RemoteId)>) -> PageResult {
    object::show::<User>(desk, Spot::Users, "Panel users", path.into_inner(), describe).await
}

fn full_name(user: &User) -> String {
    let parts = [user.first_name.as_deref(), user.last_name.as_deref()];
    parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(" ")
}

fn role(user: &User) -> Value {
    if user.root_admin { Value::pill("info", "admin") } else { Value::Muted("user".into()) }
}

fn two_factor(user: &User) -> Value {
    match (user.two_factor, user.root_admin) {
        (true, _) => Value::pill("good", "on"),
        (false, true) => Value::pill("warn", "off"),
        (false, false) => Value::Muted("off".into()),
    }
}

fn row(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<User>) -> Result<Vec<Value>> {
    let user = &row.data;
    let name = full_name(user);
    Ok(vec![
        known.name(shown::name(&user.username), format!("/admin/users/{panel}/{}", user.id)),
        Value::Said(shown::short(&user.email, 50)),
        if name.is_empty() { Value::Nothing } else { Value::Said(shown::short(&name, 50)) },
        role(user),
        two_factor(user),
        known.count(
            page.count(counted::USER_SERVERS, panel, user.id)?,
            links::children(Kind::Server, panel, (Kind::User, user.id)),
        ),
        user.created_at.map_or(Value::Nothing, |at| Value::When(known.when(at))),
        Value::When(known.when(row.changed_at)),
    ])
}

fn describe(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<User>) -> Result<Object> {
    let user = &row.data;
    let time = |at: Option<_>| at.map_or(Value::Nothing, |at| Value::When(known.when(at)));
    let facts = vec![
        fact("Name", Value::maybe(Some(&*full_name(user)))),
        fact("E-mail", Value::code(&user.email)),
        fact("Role", role(user)),
        fact("Two-factor sign-in", two_factor(user)),
        fact("Language", Value::code(&user.language)),
        fact("External id", user.external_id.as_deref().map_or(Value::Nothing, Value::code)),
        fact("UUID", Value::code(&user.uuid)),
        fact("Created on the panel", time(user.created_at)),
        fact("Changed on the panel", time(user.updated_at)),
    ];
    let mut shared = Vec::new();
    for row in page.children::<Subuser>(panel, (Kind::User, user.id), 100)? {
        shared.push(vec![
            links::relation(page, known, panel, Kind::Server, Some(row.data.server_id))?,
            Value::Text(shown::counted(row.data.permissions.len() as u64, "permission", "permissions")),
        ]);
    }
    let shared =
        table_or("Servers of others", &["Server", "May"], shared, "This user has no access to the servers of others.");
    let mut cards = vec![Card::new("About", "c6", Body::Facts(facts))];
    if known.may(Permission::ServerRead) {
        cards.push(Card::new("Access to servers of others", "c6", shared));
        cards.push(nodes::servers_of_user(page, known, panel, user.id)?);
    }
    let pills = if user.root_admin { vec![Pill::new("info", "admin")] } else { Vec::new() };
    Ok(Object { title: shown::short(&user.username, 120), pills, code: String::new(), cards })
}
