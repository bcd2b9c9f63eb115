//! One person: what is known of them, where they are signed in, what they may do and why, and what can be done about it.

use actix_web::web::Path;
use askama::Template;
use aviary_domain::access::RoleInfo;
use aviary_domain::accounts::Person;
use aviary_kernel::base::Result;
use aviary_kernel::model::{Account, AccountId, AccountSource, Grants, Permission, Session, SessionKind};
use uuid::Uuid;

use super::card::{Card, Fact, fact};
use super::desk::{Crumb, Desk, Head, Known, Shell};
use super::explained::Explained;
use super::nav::Spot;
use super::people::{email, panel_user, roles, second_factor, state};
use super::servers::table_or;
use super::shown::When;
use super::value::{Pill, Value};
use super::{nodes, on_record, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

#[derive(Template)]
#[template(path = "people/one.html")]
struct PersonView {
    shell: Shell,
    head: Head,
    id: AccountId,
    email: String,
    is_active: bool,
    has_second_factor: bool,
    /// Why a form was not taken.
    trouble: Option<Trouble>,
    /// Why nothing can be done about them here.
    hands_off: Option<String>,
    may: Acts,
    facts: Vec<Fact>,
    linked: Card,
    servers: Vec<Card>,
    sessions: Vec<SessionRow>,
    /// Addresses and devices are for who can end sessions.
    shows_sessions: bool,
    roles: Vec<RoleBox>,
    /// The roles that the form begins with.
    had: String,
    explained: Option<Explained>,
    on_record: Option<Card>,
}

/// What the reader may do about this person.
#[derive(Default)]
struct Acts {
    roles: bool,
    sessions: bool,
    write: bool,
    security: bool,
}

impl Acts {
    fn any(&self) -> bool {
        self.write || self.security
    }
}

/// Why a form was not taken: the field, or none for the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) field: &'static str,
    pub(super) why: String,
}

/// Somewhere they are signed in.
struct SessionRow {
    id: Uuid,
    kind: &'static str,
    is_own: bool,
    from: String,
    with: Value,
    began: When,
    seen: When,
    ends: When,
}

/// A role to tick.
pub(super) struct RoleBox {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) ticked: bool,
    pub(super) needs_second_factor: bool,
    /// Why it cannot be given.
    pub(super) locked: Option<String>,
}

/// The page.
pub(super) async fn page(_may: Allow<perm::AccountRead>, desk: Desk, id: Path<AccountId>) -> PageResult {
    show(desk, *id, None).await
}

/// The page, with what went wrong.
pub(super) async fn show(mut desk: Desk, id: AccountId, trouble: Option<Trouble>) -> PageResult {
    let known = desk.known().await?;
    let person = desk.accounts.person(id).await?;
    let all_roles = desk.access.roles().await?;
    let sessions = desk.sign_in.sessions_of(id).await?;
    let explained = match known.may(Permission::RoleRead) {
        true => Some(Explained::new(&mut desk.query, &desk.access.explain_all(id).await?)),
        false => None,
    };
    let account = &person.account;
    let hands_off = hands_off(&known, account, &all_roles);
    let view = PersonView {
        head: Head {
            title: shown::name(&account.username),
            pills: pills(&person),
            truth: vec![email(account), roles(&known, account)],
            ..Head::default()
        },
        id,
        email: account.email.to_string(),
        is_active: account.is_active,
        has_second_factor: account.second_factor.is_some(),
        trouble,
        may: acts(&known, id, hands_off.is_some()),
        hands_off,
        facts: facts(&desk, &known, &person).await?,
        linked: linked(&known, &person),
        servers: servers(&desk, &known, &person).await?,
        shows_sessions: known.may(Permission::AccountSecurity),
        sessions: sessions.iter().map(|session| SessionRow::new(&known, session)).collect(),
        roles: boxes(&known, &all_roles, &account.roles),
        had: had(account),
        explained,
        on_record: on_record::card(&desk, &known, "account", &id.to_string()).await?,
        shell: desk.shell(&known, Spot::People, crumbs(account, None)),
    };
    html(&view)
}

/// The way to a page about a person.
pub(super) fn crumbs(account: &Account, here: Option<&str>) -> Vec<Crumb> {
    let name = shown::name(&account.username);
    let mut crumbs = vec![Crumb::to("People", "/admin/people")];
    match here {
        Some(here) => {
            crumbs.push(Crumb::to(name, format!("/admin/people/{}", account.id)));
            crumbs.push(Crumb::here(here));
        }
        None => crumbs.push(Crumb::here(name)),
    }
    crumbs
}

fn pills(person: &Person) -> Vec<Pill> {
    let mut pills = vec![state(&person.account)];
    if person.is_panel_admin() {
        pills.push(Pill::new("info", "admin on a panel"));
    }
    pills
}

/// Nobody acts on somebody who may more than they do; and some things nobody does to themselves.
fn hands_off(known: &Known, account: &Account, all: &[RoleInfo]) -> Option<String> {
    let has = |info: &&RoleInfo| account.roles.contains(&info.role.name);
    let grants = Grants(all.iter().filter(has).flat_map(|info| info.role.grants.0.clone()).collect());
    let beyond = known.reader.require_no_more_than_own(&grants).err()?;
    Some(format!(
        "{} may do more than you, so there is nothing that you can do about their account: {beyond}.",
        shown::name(&account.username)
    ))
}

fn acts(known: &Known, id: AccountId, hands_off: bool) -> Acts {
    if hands_off {
        return Acts::default();
    }
    let others = known.reader.account != Some(id);
    Acts {
        roles: known.may(Permission::RoleAssign),
        sessions: known.may(Permission::AccountSecurity),
        write: others && known.may(Permission::AccountWrite),
        security: others && known.may(Permission::AccountSecurity),
    }
}

async fn facts(desk: &Desk, known: &Known, person: &Person) -> Result<Vec<Fact>> {
    let account = &person.account;
    let time = |at: Option<_>| at.map_or(Value::Muted("never".into()), |at| Value::When(known.when(at)));
    let proved = account.email_verified.map_or(Value::pill("warn", "not yet"), |at| Value::When(known.when(at)));
    let mut facts = vec![
        fact("E-mail", Value::code(account.email.as_str())),
        fact("Address proved", proved),
        fact("Roles", roles(known, account)),
        fact("Second factor", factor(known, account)),
        fact("Password", Value::Text(if account.password.is_some() { "set" } else { "none yet" }.into())),
        fact("Last sign-in", time(account.last_login_at)),
        fact("Came here", Value::Text(source(known, account))),
        fact("Account made", Value::When(known.when(account.created_at))),
        fact("Changed", Value::When(known.when(account.updated_at))),
        fact("Id", Value::code(&account.id.to_string())),
    ];
    let name = [account.profile.first_name.as_deref(), account.profile.last_name.as_deref()];
    let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if !name.trim().is_empty() {
        facts.insert(0, fact("Name", Value::Said(shown::short(&name, 120))));
    }
    if let Some(company) = account.profile.company_name.as_deref() {
        facts.insert(1, fact("Company", Value::Said(shown::short(company, 120))));
    }
    if known.opens("/admin/api-keys") {
        let keys = desk.access.keys(&known.reader, Some(account.id)).await?;
        let href = format!("/admin/api-keys?owner={}", account.id);
        facts.push(fact("API keys", known.count(keys.len() as u64, href)));
    }
    Ok(facts)
}

fn factor(known: &Known, account: &Account) -> Value {
    let Some(factor) = &account.second_factor else { return second_factor(account) };
    let left = factor.recovery.len() as u64;
    Value::Many(vec![
        second_factor(account),
        Value::Text("since".into()),
        Value::When(known.when(factor.since)),
        Value::Muted(shown::counted(left, "recovery code left", "recovery codes left")),
    ])
}

fn source(known: &Known, account: &Account) -> String {
    match account.source {
        AccountSource::Registered => "registered".into(),
        AccountSource::Made => "made by an administrator".into(),
        AccountSource::FirstRun => "set this place up".into(),
        AccountSource::Panel(key) => format!("as a user of {}", known.panel_name(key.panel)),
    }
}

fn linked(known: &Known, person: &Person) -> Card {
    let rows = person.linked.iter().map(|linked| {
        vec![
            panel_user(known, linked),
            known.panel_link(linked.panel),
            if linked.user.root_admin { Value::pill("info", "admin") } else { Value::Muted("user".into()) },
            if linked.user.two_factor { Value::pill("fine", "on") } else { Value::Muted("off".into()) },
        ]
    });
    let hint = match person.account.email_verified {
        Some(_) => "No panel has a user with this e-mail address.",
        None => "The address is not proved yet. Once it is, the users of panels with the same address are shown here.",
    };
    let titles = &["User", "Panel", "Role there", "Two-factor there"];
    Card::new("On the panels", "c6", table_or("Users of panels", titles, rows.collect(), hint))
}

async fn servers(desk: &Desk, known: &Known, person: &Person) -> Result<Vec<Card>> {
    if !known.may(Permission::ServerRead) {
        return Ok(Vec::new());
    }
    let users: Vec<_> = person.linked.iter().map(|linked| (linked.panel, linked.user.id)).collect();
    let cards = desk.look(known, move |page, known| {
        users.into_iter().map(|(panel, user)| nodes::servers_of_user(page, known, panel, user)).collect()
    });
    cards.await
}

impl SessionRow {
    fn new(known: &Known, session: &Session) -> Self {
        Self {
            id: session.id,
            kind: match session.kind {
                SessionKind::Browser => "pages",
                SessionKind::Api => "API",
            },
            is_own: known.reader.session == Some(session.id),
            from: session.address.map_or_else(|| "an unknown address".into(), |address| address.to_string()),
            with: Value::maybe(session.user_agent.as_deref().map(|agent| shown::short(agent, 60)).as_deref()),
            began: known.when(session.created_at),
            seen: known.when(session.seen_at),
            ends: known.when(session.expires_at),
        }
    }
}

/// The roles of a person, as their form carries them.
pub(super) fn had(account: &Account) -> String {
    account.roles.join(" ")
}

/// Every role; those that the reader may not give say why.
pub(super) fn boxes(known: &Known, all: &[RoleInfo], ticked: &[String]) -> Vec<RoleBox> {
    let a_box = |RoleInfo { role, .. }: &RoleInfo| RoleBox {
        name: role.name.clone(),
        description: shown::visible(&role.description),
        ticked: ticked.contains(&role.name),
        needs_second_factor: role.needs_second_factor,
        locked: known.reader.require_no_more_than_own(&role.grants).err().map(|why| super::sentence(&why.to_string())),
    };
    all.iter().map(a_box).collect()
}
