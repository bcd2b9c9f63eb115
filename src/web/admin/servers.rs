//! Servers: the list, and one of them with its limits, variables, allocations, databases and people.

use actix_web::web::Path;
use aviary_domain::mirror::{Mirrored, Page, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{
    Allocation, EggVariable, Kind, Limits, ObjectKey, PanelId, Permission, RemoteId, Scalar, Server, ServerDatabase,
    ServerState, Subuser,
};

use super::card::{Body, Card, Fact, fact};
use super::desk::{Desk, Known};
use super::listing::{Heading, Listing};
use super::nav::Spot;
use super::object::{self, Object};
use super::table::Table;
use super::value::{Pill, Value};
use super::{links, listing, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

static LISTING: Listing<Server> = Listing {
    spot: Spot::Servers,
    title: "Servers",
    icon: "server",
    search: "Name, id, UUID, external id",
    columns: &[
        Heading("Name", Some(("name", Sort::Name)), ""),
        Heading("State", Some(("state", Sort::State)), ""),
        Heading("Owner", None, ""),
        Heading("Node", None, ""),
        Heading("Egg", None, "less"),
        Heading("Address", None, ""),
        Heading("Memory", None, "num"),
        Heading("Disk", None, "num"),
        Heading("Created", Some(("created", Sort::Created)), "num"),
        Heading("Changed", Some(("changed", Sort::Changed)), "num"),
    ],
    parents: &[Kind::Node, Kind::Egg, Kind::User, Kind::Nest],
    nothing: "The panels have no servers. As soon as one is made there, it appears here with the next sync.",
    row,
};

/// The list.
pub(super) async fn list(_may: Allow<perm::ServerRead>, desk: Desk) -> PageResult {
    listing::list(desk, &LISTING).await
}

/// One server.
pub(super) async fn one(_may: Allow<perm::ServerRead>, desk: Desk, path: Path<(PanelId, RemoteId)>) -> PageResult {
    object::show::<Server>(desk, Spot::Servers, "Servers", path.into_inner(), describe).await
}

/// The tone and the words of a state.
pub(super) fn state_words(state: ServerState) -> (&'static str, &'static str) {
    match state {
        ServerState::Normal => ("fine", "Normal"),
        ServerState::Suspended => ("warn", "Suspended"),
        ServerState::Installing => ("info", "Installing"),
        ServerState::InstallFailed => ("bad", "Install failed"),
        ServerState::ReinstallFailed => ("bad", "Reinstall failed"),
        ServerState::RestoringBackup => ("info", "Restoring a backup"),
        ServerState::Other => ("", "Other"),
    }
}

/// The state of a server; a word that we do not know is shown as the panel says it.
pub(super) fn pill(server: &Server) -> Pill {
    let state = server.state();
    let (tone, words) = state_words(state);
    match (state, server.status.as_deref()) {
        (ServerState::Other, Some(word)) => Pill::new(tone, shown::short(word, 30)),
        _ => Pill::new(tone, words.to_lowercase()),
    }
}

fn row(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<Server>) -> Result<Vec<Value>> {
    let server = &row.data;
    Ok(vec![
        Value::Name {
            text: shown::name(&server.name),
            href: format!("/admin/servers/{panel}/{}", server.id),
            sub: shown::short(&server.identifier, 12),
        },
        Value::Pill(pill(server)),
        links::relation(page, known, panel, Kind::User, Some(server.user_id))?,
        links::relation(page, known, panel, Kind::Node, Some(server.node_id))?,
        links::relation(page, known, panel, Kind::Egg, Some(server.egg_id))?,
        address(page, panel, server.allocation_id)?,
        limit(known, server.limits.memory),
        limit(known, server.limits.disk),
        server.created_at.map_or(Value::Nothing, |at| Value::When(known.when(at))),
        Value::When(known.when(row.changed_at)),
    ])
}

fn limit(known: &Known, mib: i64) -> Value {
    if mib == 0 { Value::Muted("unlimited".into()) } else { Value::Text(known.mib(mib)) }
}

fn address(page: &Page<'_>, panel: PanelId, allocation: Option<RemoteId>) -> Result<Value> {
    let Some(id) = allocation else { return Ok(Value::Nothing) };
    let relative = page.relative::<Allocation>(panel, id)?;
    Ok(relative.map_or_else(|| Value::Muted(format!("allocation {id}")), |relative| Value::code(&relative.label)))
}

fn describe(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<Server>) -> Result<Object> {
    let server = &row.data;
    let mut cards = vec![
        Card::new("About", "c6", Body::Facts(about(page, known, panel, server)?)),
        Card::new("Limits", "c6", Body::Facts(limits(known, server))),
    ];
    if let Some(text) = server.description.as_deref().filter(|text| !text.trim().is_empty()) {
        cards.push(Card::new("Description", "c12", Body::Text(shown::Cut::new(text, 600))));
    }
    cards.push(allocations(page, known, panel, server)?);
    if known.may(Permission::DatabaseRead) {
        cards.push(databases(page, known, panel, server)?);
    }
    cards.push(variables(page, panel, server)?);
    if known.may(Permission::UserRead) {
        cards.push(people(page, known, panel, server)?);
    }
    cards.push(Card::new("Start command", "c12", Body::Block(shown::visible(&server.startup_command))));
    Ok(Object {
        title: shown::short(&server.name, 120),
        pills: vec![pill(server)],
        code: server.identifier.clone(),
        cards,
    })
}

fn about(page: &Page<'_>, known: &Known, panel: PanelId, server: &Server) -> Result<Vec<Fact>> {
    let time = |at: Option<_>| at.map_or(Value::Nothing, |at| Value::When(known.when(at)));
    let mut facts = vec![
        fact("Owner", links::relation(page, known, panel, Kind::User, Some(server.user_id))?),
        fact("Node", links::relation(page, known, panel, Kind::Node, Some(server.node_id))?),
        fact("Egg", links::relation(page, known, panel, Kind::Egg, Some(server.egg_id))?),
    ];
    if server.nest_id.is_some() {
        facts.push(fact("Nest", links::relation(page, known, panel, Kind::Nest, server.nest_id)?));
    }
    facts.extend([
        fact("Address", address(page, panel, server.allocation_id)?),
        fact("Image", Value::code(&server.image)),
        fact("Installed", Value::yes(server.installed)),
        fact("External id", server.external_id.as_deref().map_or(Value::Nothing, Value::code)),
        fact("UUID", Value::code(&server.uuid)),
        fact("Created on the panel", time(server.created_at)),
        fact("Changed on the panel", time(server.updated_at)),
    ]);
    Ok(facts)
}

fn limits(known: &Known, server: &Server) -> Vec<Fact> {
    let Limits { memory, swap, disk, io, cpu, threads, oom_disabled } = &server.limits;
    let text = |text: String| Value::Text(text);
    let extra = |n: Option<i64>, none: &str| text(n.map_or(none.into(), |n| n.to_string()));
    vec![
        fact("Memory", text(known.limit_mib(*memory))),
        fact(
            "Swap",
            text(match swap {
                0 => "none".into(),
                -1 => "unlimited".into(),
                n => known.mib(*n),
            }),
        ),
        fact("Disk", text(known.limit_mib(*disk))),
        fact("Processor", text(if *cpu == 0 { "unlimited".into() } else { format!("{cpu} % of one core") })),
        fact("Pinned cores", threads.as_deref().map_or(text("none".into()), Value::code)),
        fact("Disk priority", text(format!("{io} of 10 to 1000"))),
        fact("Killed when out of memory", Value::yes(!oom_disabled)),
        fact("Databases", extra(server.feature_limits.databases, "unlimited")),
        fact("Allocations of its own", extra(server.feature_limits.allocations, "none")),
        fact("Backups", extra(server.feature_limits.backups, "none")),
    ]
}

fn allocations(page: &Page<'_>, known: &Known, panel: PanelId, server: &Server) -> Result<Card> {
    let rows: Vec<_> = page
        .allocations_of(panel, server)?
        .into_iter()
        .map(|row| {
            let primary = Some(row.data.id) == server.allocation_id;
            let label = aviary_domain::mirror::address(&row.data.ip, row.data.port);
            vec![
                known.link(
                    label.clone(),
                    links::object(ObjectKey { panel, kind: Kind::Allocation, id: row.data.id }, &label),
                ),
                if primary { Value::pill("info", "primary") } else { Value::Muted("additional".into()) },
                Value::maybe(row.data.alias.as_deref()),
                Value::maybe(row.data.notes.as_deref()),
            ]
        })
        .collect();
    let hint = if server.allocations.is_none() {
        "Only the primary allocation is known: the application key lacks the level that shows the others."
    } else {
        "This server has no allocation."
    };
    Ok(Card::new(
        "Allocations",
        "c6",
        table_or("Allocations of this server", &["Address", "Role", "Alias", "Notes"], rows, hint),
    ))
}

fn databases(page: &Page<'_>, known: &Known, panel: PanelId, server: &Server) -> Result<Card> {
    const MOST: usize = 50;
    let rows: Vec<_> = page
        .children::<ServerDatabase>(panel, (Kind::Server, server.id), MOST)?
        .into_iter()
        .map(|row| {
            vec![
                Value::code(&row.data.database),
                Value::code(&row.data.username),
                Value::code(&row.data.remote),
                Value::Text(format!("host {}", row.data.host_id)),
            ]
        })
        .collect();
    let body = table_or(
        "Databases of this server",
        &["Database", "User", "Allowed from", "On"],
        rows,
        "This server has no database.",
    );
    let card = Card::new("Databases", "c6", body);
    Ok(known.more(card, "As a list", links::children(Kind::Database, panel, (Kind::Server, server.id))))
}

fn variables(page: &Page<'_>, panel: PanelId, server: &Server) -> Result<Card> {
    const TITLES: &[&str] = &["Variable", "Value"];
    let mut rows = Vec::new();
    match &server.variables {
        Some(variables) => {
            let known = page.children::<EggVariable>(panel, (Kind::Egg, server.egg_id), 500)?;
            for variable in variables {
                let of_egg = known.iter().find(|row| row.data.id == variable.id);
                let value = match (&variable.server_value, of_egg) {
                    (Scalar::Null, Some(row)) => {
                        Value::Many(vec![scalar(&row.data.default_value), Value::Muted("(default)".into())])
                    }
                    (value, _) => scalar(value),
                };
                rows.push(vec![Value::code(&variable.env_variable), value]);
            }
        }
        None => rows.extend(server.environment.0.iter().map(|(name, value)| vec![Value::code(name), scalar(value)])),
    }
    let hint = "This server has no variables, or the application key lacks the level that shows them.";
    Ok(Card::new("Variables", "c6", table_or("Variables of this server", TITLES, rows, hint)))
}

/// A value of a variable. What the panel hides from its users stays hidden.
pub(super) fn scalar(value: &Scalar) -> Value {
    match value {
        Scalar::Null => Value::Nothing,
        Scalar::Bool(is) => Value::Code(is.to_string()),
        Scalar::Int(n) => Value::Code(n.to_string()),
        Scalar::Float(n) => Value::Code(n.to_string()),
        Scalar::Text(text) => Value::long(text, 80),
        Scalar::Hidden(hidden) => Value::Muted(format!("hidden {hidden}")),
    }
}

fn people(page: &Page<'_>, known: &Known, panel: PanelId, server: &Server) -> Result<Card> {
    let mut rows = Vec::new();
    for row in page.children::<Subuser>(panel, (Kind::Server, server.id), 100)? {
        let granted = row.data.permissions.len() as u64;
        rows.push(vec![
            links::relation(page, known, panel, Kind::User, Some(row.data.user_id))?,
            Value::Cut(shown::Cut {
                head: shown::counted(granted, "permission", "permissions"),
                whole: (granted > 0).then(|| (shown::visible(&row.data.permissions.join("\n")), "of them".into())),
            }),
        ]);
    }
    Ok(Card::new(
        "Subusers",
        "c6",
        table_or("Subusers of this server", &["User", "May"], rows, "Nobody but the owner may use this server."),
    ))
}

/// A table, or what it means that it is empty.
pub(super) fn table_or(caption: &str, titles: &[&'static str], rows: Vec<Vec<Value>>, hint: &str) -> Body {
    if rows.is_empty() { Body::Hint(hint.into()) } else { Body::Table(Table::plain(caption, titles, rows)) }
}
