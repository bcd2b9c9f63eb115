//! Who somebody is here: their names, their roles and what these allow, their servers, what they did last.

use actix_web::web::Data;
use askama::Template;
use aviary_domain::access::{Access, RoleInfo};
use aviary_domain::accounts::{Accounts, DashboardQuery, DashboardServer, Person, ProfilePatch};
use aviary_domain::audit::AuditQuery;
use aviary_kernel::base::Result;
use aviary_kernel::model::{Account, AuditEvent, Grants, Permission, Who};

use super::Tabs;
use crate::admin::card::Card;
use crate::admin::desk::{Crumb, Desk, Head, Known, Shell};
use crate::admin::field::{Errors, Field};
use crate::admin::form::{Fields, Sent};
use crate::admin::nav::Spot;
use crate::admin::table::{Pager, Table};
use crate::admin::value::Value;
use crate::admin::{on_record, servers, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

/// Servers on a page.
const SERVERS: usize = 20;
/// Events that are shown.
const EVENTS: usize = 12;

#[derive(Template)]
#[template(path = "me/profile.html")]
struct ProfileView {
    shell: Shell,
    head: Head,
    tabs: Tabs,
    error: Option<String>,
    fields: Vec<Field>,
    roles: Vec<(String, String)>,
    /// What they may do, by area.
    allowed: Vec<(&'static str, Vec<&'static str>)>,
    servers: Option<Table>,
    no_servers: &'static str,
    pager: Pager,
    events: Card,
}

/// The page.
pub(in crate::admin) async fn page(
    _may: Allow<perm::SignedIn>,
    desk: Desk,
    accounts: Data<Accounts>,
    access: Data<Access>,
) -> PageResult {
    show(desk, &accounts, &access, None, &Errors::default()).await
}

/// Takes what somebody tells about themselves.
pub(in crate::admin) async fn save(
    may: Allow<perm::SignedIn>,
    desk: Desk,
    accounts: Data<Accounts>,
    access: Data<Access>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let mut errors = Errors::default();
    errors.require(&sent, &[("username", "say what people call you")]);
    if errors.is_empty() {
        let field = |name: &str| Some(sent.field(name).to_owned());
        let patch = ProfilePatch {
            username: field("username"),
            first_name: field("firstName"),
            last_name: field("lastName"),
            phone_number: field("phoneNumber"),
            company_name: field("companyName"),
            billing_email: field("billingEmail"),
            avatar_url: field("avatarUrl"),
        };
        match accounts.change_profile(&may.caller, patch).await {
            Ok(_) => return Ok(see_other("/admin/me?done=profile-saved")),
            Err(error) => errors.note(error.into())?,
        }
    }
    show(desk, &accounts, &access, Some(&sent), &errors).await
}

async fn show(
    mut desk: Desk,
    accounts: &Accounts,
    access: &Access,
    sent: Option<&Sent>,
    errors: &Errors,
) -> PageResult {
    let known = desk.known().await?;
    let caller = desk.visitor.caller.clone();
    let Person { account, .. } = accounts.own_person(&caller).await?;
    let offset = desk.query.parse::<usize>("offset", "the list begins with its first row").unwrap_or(0);
    let query = DashboardQuery { offset, limit: SERVERS, ..DashboardQuery::default() };
    let page = accounts.dashboard_servers(account.id, query).await?;
    let links = caller.may(Permission::ServerRead);
    let rows: Vec<_> = page.rows.iter().map(|row| server(&known, row, links)).collect();
    let roles = access.roles().await?;
    let filled = |field: Field| sent.map_or(field.clone(), |sent| field.typed(sent)).checked(errors);
    let view = ProfileView {
        head: head(&known, &account),
        tabs: Tabs::new("profile", &caller),
        error: errors.whole().map(str::to_owned),
        fields: fields(&account).into_iter().map(filled).collect(),
        roles: own_roles(&account, &roles),
        allowed: allowed(&caller.grants),
        pager: pager(&desk, offset, rows.len(), page.total),
        servers: (!rows.is_empty()).then(|| Table::plain("Your servers", TITLES, rows)),
        no_servers: if account.email_verified.is_none() {
            "Servers are found by your e-mail address, which is not proved yet. The mail that you got leads on."
        } else {
            "No panel has a server that belongs to a user with your e-mail address."
        },
        events: events(&desk, &known, &account).await?,
        shell: desk.shell(&known, Spot::Me, vec![Crumb::here("Your account")]),
    };
    html(&view)
}

fn head(known: &Known, account: &Account) -> Head {
    let made = Value::Many(vec![Value::Text("made".into()), Value::When(known.when(account.created_at))]);
    let truth = vec![Value::Said(account.email.as_str().to_owned()), made];
    Head { title: shown::name(&account.username), truth, ..Head::default() }
}

fn fields(account: &Account) -> Vec<Field> {
    let told = |text: &Option<String>| text.clone().unwrap_or_default();
    let profile = &account.profile;
    vec![
        Field::text("username", "What people call you").fills("nickname").value(&account.username),
        Field::text("firstName", "First name").fills("given-name").optional().value(told(&profile.first_name)),
        Field::text("lastName", "Last name").fills("family-name").optional().value(told(&profile.last_name)),
        Field::text("phoneNumber", "Telephone").fills("tel").optional().value(told(&profile.phone_number)),
        Field::text("companyName", "Company").fills("organization").optional().value(told(&profile.company_name)),
        Field::text("billingEmail", "E-mail address for bills").optional().value(told(&profile.billing_email)),
        Field::url("avatarUrl", "Address of a picture")
            .helps("Begins with https://. Front ends show it; these pages do not.")
            .optional()
            .value(told(&profile.avatar_url)),
    ]
}

/// Their roles by name, with what each is for.
fn own_roles(account: &Account, all: &[RoleInfo]) -> Vec<(String, String)> {
    let described = |name: &String| {
        let role = all.iter().map(|info| &info.role).find(|role| role.name == *name);
        let what = role.map_or_else(|| "This role is gone and allows nothing.".into(), |role| role.description.clone());
        (name.clone(), shown::short(&what, 300))
    };
    account.roles.iter().map(described).collect()
}

/// What these grants let somebody do, by area.
fn allowed(grants: &Grants) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut areas: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
    for permission in Permission::ALL.iter().filter(|permission| grants.allow(**permission)) {
        match areas.last_mut().filter(|(area, _)| *area == permission.group()) {
            Some((_, does)) => does.push(permission.does()),
            None => areas.push((permission.group(), vec![permission.does()])),
        }
    }
    areas
}

const TITLES: &[&str] = &["Server", "State", "Address", "Node", "Egg", "Panel", "Changed"];

fn server(known: &Known, row: &DashboardServer, links: bool) -> Vec<Value> {
    let server = &row.server.data;
    let name = shown::name(&server.name);
    let said = |text: &Option<String>| text.as_deref().map_or(Value::Nothing, |text| Value::Said(shown::name(text)));
    let address = row.address.as_ref().map_or(Value::Nothing, |(ip, port)| match ip.contains(':') {
        true => Value::code(&format!("[{ip}]:{port}")),
        false => Value::code(&format!("{ip}:{port}")),
    });
    vec![
        if links {
            Value::Link { text: name, href: format!("/admin/servers/{}/{}", row.panel, server.id) }
        } else {
            Value::Said(name)
        },
        Value::Pill(servers::pill(server)),
        address,
        said(&row.node),
        said(&row.egg),
        Value::Said(known.panel_name(row.panel)),
        Value::When(known.when(row.server.changed_at)),
    ]
}

fn pager(desk: &Desk, offset: usize, rows: usize, total: u64) -> Pager {
    let at = |offset: usize| desk.query.link(&[("offset", &offset.to_string())]);
    let more = (offset + rows) as u64;
    let said = format!("{rows} of {}", shown::counted(total, "server", "servers"));
    let previous = (offset > 0).then(|| at(offset.saturating_sub(SERVERS)));
    Pager::new(said, previous, (rows > 0 && more < total).then(|| at(offset + rows)))
}

/// What they did last, and what was done to their account.
async fn events(desk: &Desk, known: &Known, account: &Account) -> Result<Card> {
    let own = Who::Person(account.id);
    let by_them = AuditQuery { actor: Some(own.to_string()), limit: EVENTS, ..AuditQuery::default() };
    let mut events = desk.audit.list(by_them).await?.events;
    let to_them = desk.audit.of_target("account", account.id, EVENTS).await?.events;
    events.extend(to_them.into_iter().filter(|(_, event)| event.actor.who != own));
    events.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
    events.truncate(EVENTS);
    let links = desk.visitor.caller.may(Permission::AuditRead);
    let rows: Vec<_> = events.iter().map(|(seq, event)| event_row(known, own, *seq, event, links)).collect();
    let body =
        servers::table_or("What you did last", &["When", "Who", "What", "To", "From", "Outcome"], rows, "Nothing yet.");
    let card = Card::new("On record", "c12", body);
    let all = format!("/admin/audit?{}", shown::query(&[("actor", &own.to_string())]));
    Ok(if links { card.more("All of it", all) } else { card })
}

fn event_row(known: &Known, own: Who, seq: u64, event: &AuditEvent, links: bool) -> Vec<Value> {
    let who = match event.actor.who {
        who if who == own => "you",
        Who::Nobody => "somebody who was not signed in",
        Who::Person(_) => "an administrator",
        _ => "a program",
    };
    // Where others came from is theirs, unless it was a try to be this person.
    let is_told = event.actor.who == own || event.actor.who == Who::Nobody;
    let address = event.actor.origin.address.filter(|_| is_told);
    vec![
        if links { on_record::when(known, seq, event) } else { Value::When(known.when(event.at)) },
        Value::Text(who.into()),
        Value::Text(event.action.does().into()),
        event.target.as_ref().map_or(Value::Nothing, |target| Value::Said(shown::name(&target.name))),
        address.map_or(Value::Nothing, |address| Value::Code(address.to_string())),
        on_record::outcome(event),
    ]
}
