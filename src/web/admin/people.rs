//! People: the list of all accounts.

use aviary_domain::access::RoleInfo;
use aviary_domain::accounts::{AccountQuery, LinkedUser, PeopleFilter, PeoplePage, PeopleSort, Person};
use aviary_kernel::model::{Account, Kind};

use super::columns::{self, Columns, Heading, Ticks};
use super::desk::{Act, Crumb, Desk, Head, Known};
use super::nav::Spot;
use super::query::Query;
use super::table::{Empty, Filters, ListView, Pager, Search, Select, Table};
use super::value::{Pill, Value};
use super::{links, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

/// The choices of who is shown: the word in the address and the words for people.
const FILTERS: [(&str, &str, PeopleFilter); 5] = [
    ("active", "May sign in", PeopleFilter::Active),
    ("inactive", "Disabled", PeopleFilter::Inactive),
    ("migrated", "In use", PeopleFilter::Migrated),
    ("not-migrated", "Not in use yet", PeopleFilter::NotMigrated),
    ("admin", "Administrators, here or on a panel", PeopleFilter::Admin),
];

const COLUMNS: [Heading<PeopleSort>; 9] = [
    Heading("username", "Name", Some(("name", PeopleSort::Username)), ""),
    Heading("email", "E-mail", Some(("email", PeopleSort::Email)), ""),
    Heading("state", "State", None, ""),
    Heading("roles", "Roles", None, ""),
    Heading("linked", "Panel user", None, "less"),
    Heading("servers", "Servers", None, "num"),
    Heading("sessions", "Sessions", None, "num less"),
    Heading("secondFactor", "Second factor", None, ""),
    Heading("lastLoginAt", "Last sign-in", Some(("sign-in", PeopleSort::LastLogin)), "num"),
];

/// The list.
pub(super) async fn list(_may: Allow<perm::AccountRead>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let roles = desk.access.roles().await?;
    let columns = Columns::read(&mut desk.query, &known, "people", &COLUMNS);
    let wanted = AccountQuery { limit: columns.rows, ..read(&mut desk.query, &roles) };
    let page = desk.accounts.list(wanted.clone()).await?;
    let query = &desk.query;
    let narrowed = query.has_any(&["q", "state", "role"]);
    let link = |name, cursor: Option<&aviary_kernel::base::Cursor>| {
        cursor.map(|cursor| query.link(&[(name, &cursor.to_string())]))
    };
    let acts = [Act::link("Add a person", "plus", "/admin/people/new").class("main")];
    let ticks = Ticks::new(page.rows.iter().map(|person| person.account.id.to_string()).collect(), Some(page.total));
    let table = Table {
        caption: "People".into(),
        columns: columns::headed(query, &COLUMNS, Some((wanted.sort, wanted.descending)), |_| true),
        rows: page.rows.iter().map(|person| row(&known, person)).collect(),
        ..Table::default()
    };
    let view = ListView {
        head: Head { title: "People".into(), truth: truth(&page), acts: known.offered(acts), ..Head::default() },
        filters: Some(filters(query, &wanted, &roles, narrowed)),
        pager: Pager::new(said(&page), link("before", page.previous.as_ref()), link("after", page.next.as_ref())),
        empty: page.rows.is_empty().then(|| empty(&known, query, narrowed)),
        table: columns.over(table, &desk, &known, "/admin/people/export", ticks),
        shell: desk.shell(&known, Spot::People, vec![Crumb::here("People")]),
    };
    html(&view)
}

pub(super) fn read(query: &mut Query, roles: &[RoleInfo]) -> AccountQuery {
    let filter = query.pick("state", "everybody is shown", |word| {
        FILTERS.into_iter().find(|(name, ..)| *name == word).map(|(.., filter)| filter)
    });
    let role = query.pick("role", "people with every role are shown", |name| {
        roles.iter().map(|info| &info.role.name).find(|role| *role == name).cloned()
    });
    let order = columns::order(query, &COLUMNS, "the oldest account comes first");
    let (sort, descending) = order.unwrap_or_default();
    AccountQuery {
        search: query.search(),
        filter: filter.unwrap_or_default(),
        role,
        sort,
        descending,
        at: query.place(),
        limit: 0,
    }
}

fn truth(page: &PeoplePage) -> Vec<Value> {
    let stats = &page.stats;
    vec![
        Value::Text(format!("{} in all", shown::grouped(stats.total))),
        Value::Text(format!("{} may sign in", shown::grouped(stats.active))),
        Value::Text(format!("{} in use", shown::grouped(stats.migrated))),
        Value::Text(shown::counted(stats.admins, "administrator", "administrators")),
    ]
}

fn said(page: &PeoplePage) -> String {
    let (count, total) = (page.rows.len() as u64, shown::grouped(page.total));
    match page.previous {
        _ if count == page.total => format!("All {total}"),
        None => format!("1–{} of {total}", shown::grouped(count)),
        Some(_) => format!("{} of {total}", shown::grouped(count)),
    }
}

fn filters(query: &Query, wanted: &AccountQuery, roles: &[RoleInfo], narrowed: bool) -> Filters {
    let state = FILTERS.into_iter().find(|(.., filter)| *filter == wanted.filter).map(|(word, ..)| word);
    let states = FILTERS.map(|(word, text, _)| (word.to_owned(), text.to_owned()));
    let roles = roles.iter().map(|info| (info.role.name.clone(), info.role.name.clone()));
    Filters {
        action: query.bare(),
        hidden: query.carried(&["q", "state", "role"]),
        search: Some(Search { label: "Name or e-mail", value: query.search().unwrap_or_default() }),
        selects: vec![
            Select::new("state", "Who", "Everybody", state, states),
            Select::new("role", "Role", "All roles", wanted.role.as_deref(), roles),
        ],
        reset: narrowed.then(|| query.bare()),
        ..Filters::default()
    }
}

fn empty(known: &Known, query: &Query, narrowed: bool) -> Empty {
    if narrowed {
        return Empty {
            icon: "search",
            title: "Nobody matches".into(),
            text: "No person fits all filters. Take one off, or search for a part of the name only.".into(),
            acts: vec![("Show everybody", query.bare())],
        };
    }
    Empty {
        icon: "people",
        title: "Nobody has an account yet".into(),
        text: "People get an account here, by registering, or with the first sync of a panel that knows them.".into(),
        acts: known.ways(vec![("Add a person", "/admin/people/new".into())]),
    }
}

fn row(known: &Known, person: &Person) -> Vec<Value> {
    let account = &person.account;
    vec![
        known.name(shown::name(&account.username), format!("/admin/people/{}", account.id)),
        email(account),
        Value::Pill(state(account)),
        roles(known, account),
        match person.linked.as_slice() {
            [] => Value::Nothing,
            linked => Value::Many(linked.iter().map(|linked| panel_user(known, linked)).collect()),
        },
        servers(known, person),
        Value::number(person.sessions),
        second_factor(account),
        account.last_login_at.map_or(Value::Muted("never".into()), |at| Value::When(known.when(at))),
    ]
}

/// The address, and whether it is theirs.
pub(super) fn email(account: &Account) -> Value {
    let address = Value::Said(shown::short(account.email.as_str(), 50));
    match account.email_verified {
        Some(_) => address,
        None => Value::Many(vec![address, Value::pill("", "not proved")]),
    }
}

/// Whether they may sign in.
pub(super) fn state(account: &Account) -> Pill {
    match (account.is_active, account.is_claimed()) {
        (false, _) => Pill::new("bad", "disabled"),
        (true, true) => Pill::new("fine", "active"),
        (true, false) => Pill::new("", "not in use yet"),
    }
}

/// The roles of a person, each leading to what it allows.
pub(super) fn roles(known: &Known, account: &Account) -> Value {
    if account.roles.is_empty() {
        return Value::Muted("none".into());
    }
    Value::Many(account.roles.iter().map(|role| known.link(role.clone(), format!("/admin/roles/{role}"))).collect())
}

/// Whether they have a second factor; who runs the place should.
pub(super) fn second_factor(account: &Account) -> Value {
    match account.second_factor {
        Some(_) => Value::pill("fine", "on"),
        None => Value::Muted("off".into()),
    }
}

/// The user of a panel that a person is.
pub(super) fn panel_user(known: &Known, linked: &LinkedUser) -> Value {
    let name = shown::name(&linked.user.username);
    let name = if known.several() { format!("{name} on {}", known.panel_name(linked.panel)) } else { name };
    known.link(name, format!("/admin/users/{}/{}", linked.panel, linked.user.id))
}

/// How many servers are theirs, leading there when they are all on one panel.
fn servers(known: &Known, person: &Person) -> Value {
    match person.linked.as_slice() {
        [one] => known.count(person.servers, links::children(Kind::Server, one.panel, (Kind::User, one.user.id))),
        _ => Value::number(person.servers),
    }
}
