//! Users of the panels: the list, and one of them with the servers that are theirs or that they may use.

use actix_web::web::{Data, Path};
use aviary_domain::events::Events;
use aviary_domain::mirror::{Mirrored, Page, Sort};
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Kind, PanelId, Permission, RemoteId, Subuser, User};
use aviary_kernel::store::tables::counted;

use super::card::{Body, Card, fact};
use super::columns::Heading;
use super::desk::{Desk, Known};
use super::listing::Listing;
use super::nav::Spot;
use super::object::{self, Banner, Face, Look, Sight, Tab};
use super::servers::granted;
use super::table::Table;
use super::value::{Pill, Value};
use super::{links, listing, nodes, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

pub(super) static LISTING: Listing<User> = Listing {
    spot: Spot::Users,
    title: "Panel users",
    icon: "user",
    search: "Name, e-mail, id, UUID",
    columns: &[
        Heading("username", "User", Some(("name", Sort::Name)), ""),
        Heading("email", "E-mail", None, ""),
        Heading("name", "Name", None, ""),
        Heading("rootAdmin", "Role", None, ""),
        Heading("twoFactor", "Two-factor", None, ""),
        Heading("servers", "Servers", None, "num"),
        Heading("createdAt", "Created", Some(("created", Sort::Created)), "num"),
        Heading("changedAt", "Changed", Some(("changed", Sort::Changed)), "num"),
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
pub(super) async fn one(
    _may: Allow<perm::UserRead>,
    desk: Desk,
    events: Data<Events>,
    path: Path<(PanelId, String)>,
) -> PageResult {
    let path = path.into_inner();
    let account = account(&desk, &path).await?;
    object::show(desk, &events, &SIGHT, path, account.into_iter().collect()).await
}

/// The account here that has the same address, for who may see people.
async fn account(desk: &Desk, (panel, id): &(PanelId, String)) -> Result<Option<Card>> {
    let known = desk.known().await?;
    let (panel, Ok(id)) = (*panel, id.parse::<RemoteId>()) else { return Ok(None) };
    if !known.opens("/admin/people") {
        return Ok(None);
    }
    let email = desk.look(&known, move |page, _| Ok(page.get::<User>(panel, id)?.map(|row| row.data.email))).await?;
    let Some(email) = email else { return Ok(None) };
    let value = match desk.accounts.find(&email).await {
        Ok(account) => known.link(shown::name(account.email.as_str()), format!("/admin/people/{}", account.id)),
        Err(Error::NotFound { .. } | Error::Invalid { .. }) => Value::Muted("none with this address".into()),
        Err(error) => return Err(error),
    };
    Ok(Some(Card::new("In Aviary", "c6", Body::Facts(vec![fact("Account", value)]))))
}

static SIGHT: Sight<User> = Sight {
    spot: Spot::Users,
    plural: "Panel users",
    face,
    tabs: &[
        Tab { word: "summary", title: "Summary", needs: None, count: object::uncounted, cards: summary },
        Tab {
            word: "servers",
            title: "Servers",
            needs: Some(Permission::ServerRead),
            count: |look, row| Ok(Some(look.page.count(counted::USER_SERVERS, look.panel, row.data.id)?)),
            cards: |look, row| Ok(vec![nodes::servers_of_user(look.page, look.known, look.panel, row.data.id)?]),
        },
        Tab {
            word: "access",
            title: "Access",
            needs: Some(Permission::ServerRead),
            count: |look, row| Ok(Some(shared(look, row)?.len() as u64)),
            cards: access,
        },
    ],
};

fn face(_: &Look<'_>, row: &Mirrored<User>) -> Result<Face> {
    let pills = if row.data.root_admin { vec![Pill::new("info", "admin")] } else { Vec::new() };
    let banner = (row.data.root_admin && !row.data.two_factor).then(|| Banner {
        tone: "warn",
        title: "An admin of the panel without a second factor.".into(),
        text: "Their password alone opens everything on the panel. Ask them to turn two-factor sign-in on there."
            .into(),
    });
    Ok(Face { banner, ..Face::new(&row.data.username, pills) })
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

fn summary(look: &Look<'_>, row: &Mirrored<User>) -> Result<Vec<Card>> {
    let user = &row.data;
    let facts = vec![
        fact("Name", Value::maybe(Some(&*full_name(user)))),
        fact("E-mail", Value::code(&user.email)),
        fact("Role", role(user)),
        fact("Two-factor sign-in", two_factor(user)),
        fact("Language", Value::code(&user.language)),
        fact("External id", user.external_id.as_deref().map_or(Value::Nothing, Value::code)),
        fact("UUID", Value::code(&user.uuid)),
        fact("Created on the panel", look.time(user.created_at)),
        fact("Changed on the panel", look.time(user.updated_at)),
    ];
    Ok(vec![Card::new("About", "c6", Body::Facts(facts))])
}

fn shared(look: &Look<'_>, row: &Mirrored<User>) -> Result<Vec<Mirrored<Subuser>>> {
    look.page.children::<Subuser>(look.panel, (Kind::User, row.data.id), 100)
}

fn access(look: &Look<'_>, row: &Mirrored<User>) -> Result<Vec<Card>> {
    let mut rows = Vec::new();
    for row in shared(look, row)? {
        let server = look.relation(Kind::Server, Some(row.data.server_id))?;
        rows.push(vec![server, granted(&row.data.permissions)]);
    }
    let hint = "This user has no access to the servers of others.";
    let body = match rows.is_empty() {
        true => Body::Hint(hint.into()),
        false => {
            let mut table = Table::plain("Servers of others", &["Server", "May"], rows);
            table.columns[1].class = "wrap";
            Body::Table(table)
        }
    };
    Ok(vec![Card::new("Access to servers of others", "c12", body)])
}
