//! Servers: the list, and one of them with its limits, variables, allocations, databases and people.

use actix_web::web::{Data, Path};
use aviary_domain::events::Events;
use aviary_domain::mirror::{Mirrored, Page, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{
    Allocation, EggVariable, Kind, Limits, ObjectKey, PanelId, Permission, RemoteId, Scalar, Server, ServerDatabase,
    ServerState, ServerVariable, Subuser,
};

use super::card::{Body, Card, Fact, fact};
use super::chart::Gauge;
use super::columns::Heading;
use super::desk::{Desk, Known};
use super::listing::Listing;
use super::nav::Spot;
use super::object::{self, Banner, Face, Look, Sight, Tab};
use super::table::Table;
use super::value::{Pill, Value};
use super::{granted, links, listing, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

pub(super) static LISTING: Listing<Server> = Listing {
    spot: Spot::Servers,
    title: "Servers",
    icon: "server",
    search: "Name, id, UUID, external id",
    columns: &[
        Heading("name", "Name", Some(("name", Sort::Name)), ""),
        Heading("status", "State", Some(("state", Sort::State)), ""),
        Heading("userId", "Owner", None, ""),
        Heading("nodeId", "Node", None, ""),
        Heading("eggId", "Egg", None, "less"),
        Heading("allocationId", "Address", None, ""),
        Heading("limits.memory", "Memory", None, "num"),
        Heading("limits.disk", "Disk", None, "num"),
        Heading("createdAt", "Created", Some(("created", Sort::Created)), "num less"),
        Heading("changedAt", "Changed", Some(("changed", Sort::Changed)), "num"),
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
pub(super) async fn one(
    _may: Allow<perm::ServerRead>,
    desk: Desk,
    events: Data<Events>,
    path: Path<(PanelId, String)>,
) -> PageResult {
    object::show(desk, &events, &SIGHT, path.into_inner(), Vec::new()).await
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

static SIGHT: Sight<Server> = Sight {
    spot: Spot::Servers,
    plural: "Servers",
    face,
    tabs: &[
        Tab { word: "summary", title: "Summary", needs: None, count: object::uncounted, cards: summary },
        Tab { word: "variables", title: "Variables", needs: None, count: object::uncounted, cards: variables },
        Tab { word: "allocations", title: "Allocations", needs: None, count: count_allocations, cards: allocations },
        Tab {
            word: "databases",
            title: "Databases",
            needs: Some(Permission::DatabaseRead),
            count: count_databases,
            cards: databases,
        },
        Tab { word: "access", title: "Access", needs: Some(Permission::UserRead), count: count_people, cards: people },
    ],
};

fn face(_: &Look<'_>, row: &Mirrored<Server>) -> Result<Face> {
    let server = &row.data;
    let banner = banner(server);
    Ok(Face { code: server.identifier.clone(), banner, ..Face::new(&server.name, vec![pill(server)]) })
}

/// What the state means for those who use the server, and what to do.
fn banner(server: &Server) -> Option<Banner> {
    let (tone, title, text) = match server.state() {
        ServerState::Normal if server.installed => return None,
        ServerState::Normal => (
            "info",
            "Not installed yet.",
            "The panel has not noted the end of the installation. If that lasts, look at the node.",
        ),
        ServerState::Suspended => (
            "warn",
            "Suspended.",
            "It does not run, and neither its owner nor its users can start it. Its files and limits stay as they are; an admin of the panel can lift the suspension.",
        ),
        ServerState::Installing => (
            "info",
            "Being installed.",
            "The install script of its egg is at work; nobody can start it until that is over.",
        ),
        ServerState::InstallFailed => (
            "bad",
            "The installation failed.",
            "It cannot be started. Look at the install log on the panel, then install it again there.",
        ),
        ServerState::ReinstallFailed => (
            "bad",
            "The reinstallation failed.",
            "It may lack files. Look at the install log on the panel, then install it again there.",
        ),
        ServerState::RestoringBackup => {
            ("info", "A backup is being restored.", "It cannot be started until its files are back.")
        }
        ServerState::Other => {
            let word = shown::short(server.status.as_deref().unwrap_or_default(), 40);
            let (tone, text) = match word.contains("transfer") {
                true => ("info", "It moves to another node and cannot be started until it is there."),
                false => ("info", "Aviary does not know this state; look at the server on the panel."),
            };
            return Some(Banner { tone, title: format!("The panel says “{word}”."), text: text.into() });
        }
    };
    Some(Banner { tone, title: title.into(), text: text.into() })
}

fn summary(look: &Look<'_>, row: &Mirrored<Server>) -> Result<Vec<Card>> {
    let server = &row.data;
    let mut cards = vec![
        Card::new("About", "c6", Body::Facts(about(look, server)?)),
        Card::new(
            "Limits",
            "c6",
            Body::Several(vec![Body::Facts(limits(look.known, server)), Body::Gauges(extras(look, server)?)]),
        ),
    ];
    cards.extend(object::description(server.description.as_deref()));
    Ok(cards)
}

/// So many databases are counted one by one.
const MOST: usize = 100;

/// What the owner made of what they may make.
fn extras(look: &Look<'_>, server: &Server) -> Result<Vec<Gauge>> {
    let allowed = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    let mut gauges = Vec::new();
    if let (Some(allowed), true) = (allowed(server.feature_limits.databases), look.known.may(Permission::DatabaseRead))
    {
        let made = look.page.children::<ServerDatabase>(look.panel, (Kind::Server, server.id), MOST)?.len() as u64;
        gauges.push(Gauge { tone: "", ..Gauge::taken("Databases made", made, allowed) });
    }
    if let (Some(allowed), Some(own)) = (allowed(server.feature_limits.allocations), &server.allocations) {
        gauges.push(Gauge { tone: "", ..Gauge::taken("Allocations", own.len() as u64, allowed) });
    }
    Ok(gauges)
}

fn about(look: &Look<'_>, server: &Server) -> Result<Vec<Fact>> {
    let mut facts = vec![
        fact("Owner", look.relation(Kind::User, Some(server.user_id))?),
        fact("Node", look.relation(Kind::Node, Some(server.node_id))?),
        fact("Egg", look.relation(Kind::Egg, Some(server.egg_id))?),
    ];
    if server.nest_id.is_some() {
        facts.push(fact("Nest", look.relation(Kind::Nest, server.nest_id)?));
    }
    facts.extend([
        fact("Address", address(look.page, look.panel, server.allocation_id)?),
        fact("Image", Value::code(&server.image)),
        fact("Installed", Value::yes(server.installed)),
        fact("External id", server.external_id.as_deref().map_or(Value::Nothing, Value::code)),
        fact("UUID", Value::code(&server.uuid)),
        fact("Created on the panel", look.time(server.created_at)),
        fact("Changed on the panel", look.time(server.updated_at)),
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
        fact("Kept when out of memory", Value::yes(*oom_disabled)),
        fact("Databases", extra(server.feature_limits.databases, "unlimited")),
        fact("Allocations of its own", extra(server.feature_limits.allocations, "none")),
        fact("Backups", extra(server.feature_limits.backups, "none")),
    ]
}

fn count_allocations(_: &Look<'_>, row: &Mirrored<Server>) -> Result<Option<u64>> {
    Ok(row.data.allocations.as_ref().map(|all| all.len() as u64))
}

fn count_databases(look: &Look<'_>, row: &Mirrored<Server>) -> Result<Option<u64>> {
    Ok(Some(look.page.children::<ServerDatabase>(look.panel, (Kind::Server, row.data.id), MOST)?.len() as u64))
}

fn count_people(look: &Look<'_>, row: &Mirrored<Server>) -> Result<Option<u64>> {
    Ok(Some(look.page.children::<Subuser>(look.panel, (Kind::Server, row.data.id), MOST)?.len() as u64))
}

fn allocations(look: &Look<'_>, row: &Mirrored<Server>) -> Result<Vec<Card>> {
    let (known, panel, server) = (look.known, look.panel, &row.data);
    let rows: Vec<_> = look
        .page
        .allocations_of(panel, server)?
        .into_iter()
        .map(|row| {
            let primary = Some(row.data.id) == server.allocation_id;
            let label = aviary_domain::mirror::address(&row.data.ip, row.data.port);
            let key = ObjectKey { panel, kind: Kind::Allocation, id: row.data.id };
            vec![
                known.name(label, links::object(key)),
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
    let body = table_or("Allocations of this server", &["Address", "Role", "Alias", "Notes"], rows, hint);
    Ok(vec![Card::new("Allocations", "c12", body)])
}

fn databases(look: &Look<'_>, row: &Mirrored<Server>) -> Result<Vec<Card>> {
    let (known, panel, server) = (look.known, look.panel, &row.data);
    let rows: Vec<_> = look
        .page
        .children::<ServerDatabase>(panel, (Kind::Server, server.id), MOST)?
        .into_iter()
        .map(|row| {
            let key = ObjectKey { panel, kind: Kind::Database, id: row.data.id };
            vec![
                known.name(shown::name(&row.data.database), links::object(key)),
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
    let card = Card::new("Databases", "c12", body);
    Ok(vec![known.more(card, "As a list", links::children(Kind::Database, panel, (Kind::Server, server.id)))])
}

fn variables(look: &Look<'_>, row: &Mirrored<Server>) -> Result<Vec<Card>> {
    const TITLES: &[&str] = &["Variable", "Value", "Default of the egg", "Compared with it"];
    let server = &row.data;
    let mut rows = Vec::new();
    let mut hides = false;
    match &server.variables {
        Some(variables) => {
            let of_egg = look.page.children::<EggVariable>(look.panel, (Kind::Egg, server.egg_id), 500)?;
            for variable in variables {
                let own = of_egg.iter().find(|row| row.data.id == variable.id).map(|row| &row.data);
                hides |= matches!(variable.server_value, Scalar::Hidden(_));
                rows.push(variable_row(variable, own));
            }
        }
        None => rows.extend(
            server
                .environment
                .0
                .iter()
                .map(|(name, value)| vec![Value::code(name), scalar(value), Value::Nothing, Value::Nothing]),
        ),
    }
    let hint = "This server has no variables, or the application key lacks the level that shows them.";
    let mut bodies = vec![table_or("Variables of this server", TITLES, rows, hint)];
    if hides {
        bodies.push(Body::Hint(
            "Values that the panel hides from its users are not shown here either. The mark behind the dots is another one when the value is.".into(),
        ));
    }
    Ok(vec![
        Card::new("Variables", "c12", Body::Several(bodies)),
        Card::new("Start command", "c12", Body::Block(shown::visible(&server.startup_command))),
    ])
}

fn variable_row(variable: &ServerVariable, of_egg: Option<&EggVariable>) -> Vec<Value> {
    let name = match of_egg.map(|row| row.name.as_str()).filter(|name| !name.trim().is_empty()) {
        Some(name) => Value::Lines(vec![Value::code(&variable.env_variable), Value::Said(shown::short(name, 60))]),
        None => Value::code(&variable.env_variable),
    };
    let default = of_egg.map(|row| &row.default_value);
    let compared = match (&variable.server_value, default) {
        (Scalar::Null, Some(_)) => Value::Muted("the default counts".into()),
        (Scalar::Hidden(_), _) | (_, None | Some(Scalar::Hidden(_))) => Value::Nothing,
        (value, Some(default)) if value == default => Value::Muted("the same".into()),
        (_, Some(_)) => Value::pill("info", "differs"),
    };
    let value = match (&variable.server_value, default) {
        (Scalar::Null, Some(default)) => scalar(default),
        (value, _) => scalar(value),
    };
    vec![name, value, default.map_or(Value::Nothing, scalar), compared]
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

fn people(look: &Look<'_>, row: &Mirrored<Server>) -> Result<Vec<Card>> {
    let server = &row.data;
    let owner = look.relation(Kind::User, Some(server.user_id))?;
    let mut rows = vec![vec![owner, Value::pill("info", "owner"), Value::Text("everything".into())]];
    for row in look.page.children::<Subuser>(look.panel, (Kind::Server, server.id), MOST)? {
        let user = look.relation(Kind::User, Some(row.data.user_id))?;
        rows.push(vec![user, Value::Muted("subuser".into()), granted(&row.data.permissions)]);
    }
    let mut table = Table::plain("Who may use this server", &["User", "As", "May"], rows);
    table.columns[2].class = "wrap";
    Ok(vec![Card::new("Access", "c12", Body::Table(table))])
}

/// What a subuser may, in words.
pub(super) fn granted(permissions: &[String]) -> Value {
    let words = granted::words(permissions);
    if words.is_empty() {
        return Value::Muted("look only".into());
    }
    let lines = words.into_iter().map(|(title, verbs)| {
        Value::Many(vec![Value::Text(format!("{title}:")), Value::Cut(shown::Cut::new(&verbs, 160))])
    });
    Value::Lines(lines.collect())
}

/// A table, or what it means that it is empty.
pub(super) fn table_or(caption: &str, titles: &[&'static str], rows: Vec<Vec<Value>>, hint: &str) -> Body {
    if rows.is_empty() { Body::Hint(hint.into()) } else { Body::Table(Table::plain(caption, titles, rows)) }
}
