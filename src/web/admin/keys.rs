//! The API keys of everybody. People make their own on their own pages; here they are looked over and taken back.

use std::collections::BTreeMap;

use actix_web::web::Path;
use askama::Template;
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{AccountId, ApiKey, Email, Permission};
use uuid::Uuid;

use super::ask::{Ask, Question};
use super::card::{Card, Fact, fact};
use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::explained::Explained;
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::query::Query;
use super::table::{Empty, Filters, ListView, Pager, Search, Select, Table, Tie};
use super::value::{Pill, Value};
use super::{on_record, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

const ROWS: usize = 50;

/// How a key stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Ended,
    Revoked,
}

impl State {
    const ALL: [Self; 3] = [Self::Good, Self::Ended, Self::Revoked];

    fn of(key: &ApiKey, now: Timestamp) -> Self {
        match (key.revoked_at, key.expires_at) {
            (Some(_), _) => Self::Revoked,
            (None, Some(end)) if end <= now => Self::Ended,
            _ => Self::Good,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
        }
    }

    fn pill(self) -> Pill {
        match self {
            Self::Good => Pill::new("fine", "good"),
            Self::Ended => Pill::new("", "ended"),
            Self::Revoked => Pill::new("bad", "revoked"),
        }
    }
}

/// What the address asks for.
struct Wanted {
    search: Option<String>,
    state: Option<State>,
    owner: Option<AccountId>,
    offset: usize,
}

type Owners = BTreeMap<AccountId, Email>;

/// The list.
pub(super) async fn list(_may: Allow<perm::ApiKeyRead>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let all = desk.access.keys(&known.reader, None).await?;
    let owners = desk.access.owners(&all).await?;
    let wanted = read(&mut desk.query);
    let query = &desk.query;
    let found: Vec<_> = all.iter().rev().filter(|key| wanted.takes(key, &owners, known.now)).collect();
    let narrowed = query.has_any(&["q", "state", "owner"]);
    let rows: Vec<_> = found.iter().skip(wanted.offset).take(ROWS).map(|key| row(&known, key, &owners)).collect();
    let good = all.iter().filter(|key| State::of(key, known.now) == State::Good).count();
    let acts = [Act::link("Keys of your own", "key", "/admin/me/keys")];
    let view = ListView {
        head: Head {
            title: "API keys".into(),
            truth: vec![
                Value::Text(format!("{} in all", shown::grouped(all.len() as u64))),
                Value::Text(format!("{} good", shown::grouped(good as u64))),
                Value::Text("a key may never do more than its owner".into()),
            ],
            acts: known.offered(acts),
            ..Head::default()
        },
        filters: (!all.is_empty()).then(|| filters(query, &wanted, &owners, narrowed)),
        pager: pager(query, &wanted, rows.len(), found.len()),
        empty: rows.is_empty().then(|| empty(&known, query, narrowed)),
        table: Table::plain("API keys, newest first", TITLES, rows),
        shell: desk.shell(&known, Spot::ApiKeys, vec![Crumb::here("API keys")]),
    };
    html(&view)
}

const TITLES: &[&str] = &["Name", "Owner", "State", "Begins with", "May", "Ends", "Last used", "From"];

fn read(query: &mut Query) -> Wanted {
    Wanted {
        search: query.search().map(|text| text.to_lowercase()),
        state: query
            .pick("state", "all keys are shown", |word| State::ALL.into_iter().find(|state| state.word() == word)),
        owner: query.parse("owner", "keys of everybody are shown"),
        offset: query.parse("offset", "the list begins at the front").unwrap_or(0),
    }
}

impl Wanted {
    fn takes(&self, key: &ApiKey, owners: &Owners, now: Timestamp) -> bool {
        let shows = |text: &String| {
            let owner = owners.get(&key.owner).map(Email::key).unwrap_or_default();
            [key.name.to_lowercase(), key.start.clone(), owner].iter().any(|field| field.contains(text))
        };
        self.owner.is_none_or(|owner| owner == key.owner)
            && self.state.is_none_or(|state| state == State::of(key, now))
            && self.search.as_ref().is_none_or(shows)
    }
}

fn pager(query: &Query, wanted: &Wanted, shown_rows: usize, total: usize) -> Pager {
    let at = |offset: usize| query.link(&[("offset", &if offset == 0 { String::new() } else { offset.to_string() })]);
    let end = wanted.offset.saturating_add(shown_rows);
    let said = match shown_rows {
        0 => String::new(),
        _ => format!("{}–{end} of {total}", wanted.offset.saturating_add(1)),
    };
    let previous = (wanted.offset > 0).then(|| at(wanted.offset.saturating_sub(ROWS)));
    Pager::new(said, previous, (end < total && shown_rows > 0).then(|| at(end)))
}

fn filters(query: &Query, wanted: &Wanted, owners: &Owners, narrowed: bool) -> Filters {
    let states = State::ALL.map(|state| (state.word().to_owned(), state.word().to_owned()));
    let tie = wanted.owner.map(|owner| Tie {
        text: owners.get(&owner).map_or_else(|| "of one person".into(), |email| format!("of {email}")),
        href: query.link(&[("owner", "")]),
    });
    Filters {
        action: query.bare(),
        hidden: query.carried(&["q", "state"]),
        search: Some(Search { label: "Name, owner, beginning", value: query.search().unwrap_or_default() }),
        selects: vec![Select::new("state", "State", "In every state", wanted.state.map(State::word), states)],
        ties: tie.into_iter().collect(),
        reset: narrowed.then(|| query.bare()),
        ..Filters::default()
    }
}

fn empty(known: &Known, query: &Query, narrowed: bool) -> Empty {
    if narrowed {
        return Empty {
            icon: "search",
            title: "Nothing matches".into(),
            text: "No key fits all filters. Take one off, or search for a part of the name only.".into(),
            acts: vec![("Show all", query.bare())],
        };
    }
    Empty {
        icon: "key",
        title: "No API keys yet".into(),
        text: "Programs use keys to ask Aviary. People make them on their own pages, with no more than they may themselves."
            .into(),
        acts: known.ways(vec![("Keys of your own", "/admin/me/keys".into())]),
    }
}

fn row(known: &Known, key: &ApiKey, owners: &Owners) -> Vec<Value> {
    let never = || Value::Muted("never".into());
    vec![
        known.name(shown::name(&key.name), format!("/admin/api-keys/{}", key.id)),
        owner(known, key, owners),
        Value::Pill(State::of(key, known.now).pill()),
        Value::Code(key.start.clone()),
        may(key),
        key.expires_at.map_or_else(never, |at| Value::When(known.when(at))),
        key.used_at.map_or_else(never, |at| Value::When(known.when(at))),
        key.used_from.map_or(Value::Nothing, |address| Value::Code(address.to_string())),
    ]
}

fn owner(known: &Known, key: &ApiKey, owners: &Owners) -> Value {
    match owners.get(&key.owner) {
        Some(email) => known.link(shown::short(email.as_str(), 50), format!("/admin/people/{}", key.owner)),
        None => Value::Muted("removed".into()),
    }
}

/// The first few permissions, and how many more there are.
fn may(key: &ApiKey) -> Value {
    const SHOWN: usize = 3;
    let grants = &key.grants.0;
    let mut tags: Vec<_> = grants.iter().take(SHOWN).map(|grant| Value::Tag(grant.to_string())).collect();
    if grants.len() > SHOWN {
        tags.push(Value::Muted(format!("and {} more", grants.len() - SHOWN)));
    }
    if tags.is_empty() { Value::Muted("nothing".into()) } else { Value::Tags(tags) }
}

#[derive(Template)]
#[template(path = "keys/one.html")]
struct KeyView {
    shell: Shell,
    head: Head,
    id: Uuid,
    facts: Vec<Fact>,
    may_revoke: bool,
    explained: Explained,
    on_record: Option<Card>,
}

/// One key.
pub(super) async fn one(_may: Allow<perm::ApiKeyRead>, mut desk: Desk, id: Path<Uuid>) -> PageResult {
    let known = desk.known().await?;
    let key = desk.access.key(&known.reader, *id).await?;
    let owners = desk.access.owners(std::slice::from_ref(&key)).await?;
    let explained = Explained::new(&mut desk.query, &desk.access.explain_key_all(key.id).await?);
    let state = State::of(&key, known.now);
    html(&KeyView {
        head: Head {
            title: shown::name(&key.name),
            pills: vec![state.pill()],
            truth: vec![Value::Code(key.start.clone()), owner(&known, &key, &owners)],
            ..Head::default()
        },
        id: key.id,
        facts: facts(&known, &key, &owners),
        may_revoke: state != State::Revoked && known.may(Permission::ApiKeyWrite),
        explained,
        on_record: on_record::card(&desk, &known, "apikey", &key.id.to_string()).await?,
        shell: desk.shell(
            &known,
            Spot::ApiKeys,
            vec![Crumb::to("API keys", "/admin/api-keys"), Crumb::here(shown::name(&key.name))],
        ),
    })
}

fn facts(known: &Known, key: &ApiKey, owners: &Owners) -> Vec<Fact> {
    let never = || Value::Muted("never".into());
    let when = |at: Option<_>| at.map_or_else(never, |at| Value::When(known.when(at)));
    let addresses = key.addresses.iter().map(|net| Value::Code(net.to_string())).collect::<Vec<_>>();
    let anywhere = Value::Muted("anywhere".into());
    let mut facts = vec![
        fact("Owner", owner(known, key, owners)),
        fact("May", Value::Tags(key.grants.0.iter().map(|grant| Value::Tag(grant.to_string())).collect())),
        fact("Good from", if addresses.is_empty() { anywhere } else { Value::Lines(addresses) }),
        fact(
            "Requests a minute",
            key.per_minute.map_or(Value::Muted("as for every key".into()), |n| Value::number(n.into())),
        ),
        fact("Made", Value::When(known.when(key.created_at))),
        fact("Ends", when(key.expires_at)),
        fact("Last used", when(key.used_at)),
        fact("Last used from", key.used_from.map_or(Value::Nothing, |address| Value::Code(address.to_string()))),
    ];
    if let Some(at) = key.revoked_at {
        facts.push(fact("Revoked", Value::When(known.when(at))));
    }
    if let Some(previous) = key.previous.filter(|previous| previous.until > known.now) {
        facts.push(fact("The text before it ends", Value::When(known.when(previous.until))));
    }
    facts
}

/// Asks whether a key shall be taken back.
pub(super) async fn ask_revoke(_may: Allow<perm::ApiKeyWrite>, desk: Desk, id: Path<Uuid>) -> PageResult {
    let known = desk.known().await?;
    let here = format!("/admin/api-keys/{id}");
    let key = desk.access.key_to_change(&known.reader, *id).await?;
    let owners = desk.access.owners(std::slice::from_ref(&key)).await?;
    let name = shown::name(&key.name);
    let mut goes = loses(&known, &key);
    goes.insert(1, fact("Owner", owner(&known, &key, &owners)));
    let is_revoked = key.revoked_at.is_some();
    let crumbs =
        vec![Crumb::to("API keys", "/admin/api-keys"), Crumb::to(name.clone(), here.clone()), Crumb::here("Revoke")];
    Question::new(format!("Revoke the key {name}?"), goes, stays())
        .ask(revoking(&name, &here).keep("Keep it", here.clone()).shut(is_revoked))
        .show(desk, &known, Spot::ApiKeys, crumbs)
}

/// What a key that is revoked opens no more.
pub(super) fn loses(known: &Known, key: &ApiKey) -> Vec<Fact> {
    let used = key.used_at.map_or(Value::Muted("never".into()), |at| Value::When(known.when(at)));
    vec![
        fact("The key", Value::Said(shown::name(&key.name))),
        fact("Begins with", Value::Code(key.start.clone())),
        fact("May", may(key)),
        fact("Last used", used),
        fact("Last used from", key.used_from.map_or(Value::Nothing, |address| Value::Code(address.to_string()))),
    ]
}

/// What stays of a key that is revoked.
pub(super) fn stays() -> Vec<Fact> {
    vec![fact("On record", Value::Text("that there was such a key, and what was done with it".into()))]
}

/// The form that takes a key back.
pub(super) fn revoking(name: &str, at: &str) -> Ask {
    Ask::new(format!("{at}/revoke"), format!("Revoke {name}"))
        .line("Programs that use it are refused at once and need another one. That cannot be undone.")
}

/// Takes a key back.
pub(super) async fn revoke(may: Allow<perm::ApiKeyWrite>, desk: Desk, id: Path<Uuid>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    desk.access.revoke_key(&may.caller, *id).await?;
    let known = desk.known().await?;
    let page = format!("/admin/api-keys/{id}");
    Ok(see_other(&if known.opens(&page) { format!("{page}?done=key-revoked") } else { "/admin".into() }))
}
