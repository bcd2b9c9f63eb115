//! The audit trail: the list, one event, and taking it out as a file.

use actix_web::web::Path;
use askama::Template;
use aviary_domain::audit::{AuditQuery, KnownActor, Told};
use aviary_kernel::base::{Cursor, Zone};
use aviary_kernel::model::{Action, AuditChange, AuditEvent, Went};

use super::card::{Body, Card, CardsView, Fact, fact};
use super::columns::{self, Columns, Heading, Ticks};
use super::desk::{Crumb, Desk, Head, Known, Shell};
use super::export::Asked;
use super::nav::Spot;
use super::query::Query;
use super::table::{Empty, Filters, Input, Pager, Search, Select, Table, Tie};
use super::value::Value;
use super::{on_record, shown};
use crate::allow::{Allow, perm};
use crate::api;
use crate::page::{PageResult, html};

/// The list.
#[derive(Template)]
#[template(path = "audit/page.html")]
struct AuditView {
    shell: Shell,
    head: Head,
    filters: Filters,
    table: Table,
    pager: Pager,
    /// Nothing was found so far, but there is more to look at.
    further: bool,
    empty: Option<Empty>,
}

/// What narrows the list.
const FILTERS: [&str; 8] = ["q", "actor", "action", "kind", "id", "outcome", "from", "to"];

/// The list.
pub(super) async fn page(_may: Allow<perm::AuditRead>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let columns = Columns::read(&mut desk.query, &known, "audit", &COLUMNS);
    let wanted = AuditQuery { limit: columns.rows, ..read(&mut desk.query, &known.prefers.zone) };
    let found = desk.audit.list(wanted.clone()).await?;
    let (actors, kinds) = (desk.audit.actors().await?, desk.audit.kinds().await?);
    let query = &desk.query;
    let narrowed = query.has_any(&FILTERS);
    let next = found.next.map(|cursor| query.link(&[("after", &cursor.to_string())]));
    let newest = wanted.after.is_some().then(|| query.link(&[]));
    let rows: Vec<_> = found.events.iter().map(|(seq, event)| row(&known, *seq, event)).collect();
    let said = format!("{} shown, newest first", shown::counted(rows.len() as u64, "event", "events"));
    let (further, is_empty) = (rows.is_empty() && next.is_some(), rows.is_empty() && next.is_none());
    let caption = "What was done, newest first".into();
    let table = Table { caption, columns: columns::unordered(&COLUMNS), rows, ..Table::default() };
    let keys = found.events.iter().map(|(seq, _)| seq.to_string()).collect();
    let table = columns.over(table, &desk, &known, "/admin/audit/export", Ticks::new(keys, None));
    let view = AuditView {
        head: Head { title: "Audit trail".into(), ..Head::default() },
        filters: filters(query, &wanted, actors, kinds, narrowed),
        further,
        empty: is_empty.then(|| empty(&known, narrowed)),
        table,
        pager: Pager { back: "Newest", on: "Older", ..Pager::new(said, newest, next) },
        shell: desk.shell(&known, Spot::Audit, vec![Crumb::here("Audit trail")]),
    };
    html(&view)
}

const COLUMNS: [Heading; 6] = [
    Heading("at", "When", None, ""),
    Heading("actor", "Who", None, ""),
    Heading("address", "From", None, ""),
    Heading("action", "What", None, ""),
    Heading("target", "To", None, ""),
    Heading("outcome", "Outcome", None, ""),
];

fn row(known: &Known, seq: u64, event: &AuditEvent) -> Vec<Value> {
    let address = event.actor.origin.address.map(|address| address.to_string());
    vec![
        on_record::when(known, seq, event),
        on_record::who(known, &event.actor),
        Value::code(address.as_deref().unwrap_or_default()),
        Value::Text(event.action.does().into()),
        event.target.as_ref().map_or(Value::Nothing, |target| on_record::target(known, target)),
        on_record::outcome(event),
    ]
}

/// What an address asks for.
fn read(query: &mut Query, zone: &Zone) -> AuditQuery {
    let text = |name| query.text(name).map(str::to_owned);
    let (actor, kind, id) = (text("actor"), text("kind"), text("id"));
    AuditQuery {
        actor,
        kind,
        id,
        action: query.parse::<Action>("action", "all actions are shown"),
        outcome: query.parse::<Went>("outcome", "all outcomes are shown"),
        from: query.pick("from", "write it as 2026-03-14", |day| zone.bounds(day)).map(|(from, _)| from),
        until: query.pick("to", "write it as 2026-03-14", |day| zone.bounds(day)).map(|(_, end)| end),
        search: query.search(),
        after: query.pick("after", "the list begins with the newest", |text| {
            text.parse::<Cursor>().ok().filter(|cursor| cursor.key().len() == 2 * size_of::<u64>())
        }),
        limit: 0,
    }
}

fn filters(query: &Query, wanted: &AuditQuery, actors: Vec<KnownActor>, kinds: Vec<String>, narrowed: bool) -> Filters {
    let text = |name| query.text(name).unwrap_or_default().to_owned();
    let actors = actors.into_iter().map(|actor| (actor.id, shown::name(&actor.name)));
    let actions = Action::ALL.iter().map(|action| (action.name().to_owned(), action.does().to_owned()));
    let kinds = kinds.into_iter().map(|kind| (kind.clone(), shown::name(&kind)));
    let outcomes = Went::ALL.map(|went| (went.word().to_owned(), went.word().to_owned()));
    let tie = wanted.id.as_deref().map(|id| Tie { text: shown::short(id, 40), href: query.link(&[("id", "")]) });
    Filters {
        action: query.bare(),
        hidden: query.carried(&["q", "actor", "action", "kind", "outcome", "from", "to"]),
        search: Some(Search { label: "Name or address", value: query.search().unwrap_or_default() }),
        selects: vec![
            Select::new("actor", "Who", "Everybody", wanted.actor.as_deref(), actors),
            Select::new("action", "What", "Everything", wanted.action.map(Action::name), actions),
            Select::new("kind", "To what", "All kinds", wanted.kind.as_deref(), kinds),
            Select::new("outcome", "Outcome", "All outcomes", wanted.outcome.map(Went::word), outcomes),
        ],
        inputs: vec![
            Input { name: "from", label: "From", kind: "date", value: text("from") },
            Input { name: "to", label: "to", kind: "date", value: text("to") },
        ],
        ties: tie.into_iter().collect(),
        reset: narrowed.then(|| query.bare()),
        ..Filters::default()
    }
}

fn empty(known: &Known, narrowed: bool) -> Empty {
    if narrowed {
        return Empty {
            icon: "search",
            title: "Nothing matches".into(),
            text: "No event fits all filters. Take one off, or choose a longer time.".into(),
            acts: vec![("Show all", "/admin/audit".into())],
        };
    }
    super::listing::nothing(known, "lock", "Whatever somebody does from now on is put on record.")
}

/// Takes out what the list finds, or what was ticked, as a file; that it is taken out is put on record first.
pub(super) async fn export(may: Allow<perm::AuditExport>, mut desk: Desk, asked: Asked<u64>) -> PageResult {
    let export = match asked.picked {
        Some(seqs) => desk.audit.export_these(&may.who, seqs, asked.format).await?,
        None => {
            let zone = desk.known().await?.prefers.zone.clone();
            let wanted = AuditQuery { after: None, ..read(&mut desk.query, &zone) };
            desk.audit.export(&may.who, wanted, asked.format).await?
        }
    };
    Ok(api::audit::file(export, asked.format))
}

/// One event.
pub(super) async fn one(_may: Allow<perm::AuditRead>, desk: Desk, seq: Path<u64>) -> PageResult {
    let known = desk.known().await?;
    let (seq, event) = desk.audit.get(*seq).await?;
    let truth = vec![Value::Code(format!("event {seq}")), Value::Text(known.exact(event.at))];
    let head = Head { title: event.action.does().into(), truth, ..Head::default() };
    let crumbs = vec![Crumb::to("Audit trail", "/admin/audit"), Crumb::here(format!("Event {seq}"))];
    let changes = changes(&event.changes);
    let cards = vec![
        Card::new("What was done", "c6", Body::Facts(what(&known, &event))),
        Card::new("Who did it", "c6", Body::Facts(from(&known, &event))),
        Card::new("What became different", "c12", changes),
        Card::new("Proof", "c12", Body::Facts(proof(seq, event))),
    ];
    html(&CardsView { head, cards, shell: desk.shell(&known, Spot::Audit, crumbs) })
}

fn what(known: &Known, event: &AuditEvent) -> Vec<Fact> {
    let mut facts = vec![
        fact("When", Value::When(known.when(event.at))),
        fact("Action", Value::Tag(event.action.name().into())),
        fact("To", event.target.as_ref().map_or(Value::Nothing, |target| on_record::target(known, target))),
        fact("Outcome", on_record::outcome(event)),
    ];
    if let Some(target) = &event.target {
        facts.insert(3, fact("Id", Value::code(&target.id)));
    }
    if let Some(reason) = event.outcome.reason() {
        facts.push(fact("Why", Value::long(reason, 300)));
    }
    facts
}

fn from(known: &Known, event: &AuditEvent) -> Vec<Fact> {
    let (actor, origin) = (&event.actor, &event.actor.origin);
    let address = origin.address.map(|address| address.to_string());
    vec![
        fact("Name", on_record::who(known, actor)),
        fact("Kind and id", Value::code(&actor.who.to_string())),
        fact("Address", Value::code(address.as_deref().unwrap_or_default())),
        fact("User agent", Value::maybe(origin.user_agent.as_deref())),
        fact("Request", Value::code(origin.request_id.as_deref().unwrap_or_default())),
    ]
}

fn changes(changes: &[AuditChange]) -> Body {
    if changes.is_empty() {
        return Body::Hint("Nothing that is kept field by field.".into());
    }
    let side = |text: &Option<String>| match text.as_deref() {
        None => Value::Nothing,
        Some("") => Value::Muted("empty".into()),
        Some(text) => Value::long(text, 160),
    };
    let rows = changes
        .iter()
        .map(|change| vec![Value::Code(shown::short(&change.field, 80)), side(&change.before), side(&change.after)]);
    Body::Table(Table::plain("Fields before and after", &["Field", "Before", "After"], rows.collect()))
}

fn proof(seq: u64, event: AuditEvent) -> Vec<Fact> {
    let told = Told::from((seq, event));
    vec![
        fact("Number", Value::Text(shown::grouped(seq))),
        fact("Hash", Value::code(&told.hash)),
        fact("To verify", Value::Code("aviary audit verify".into())),
    ]
}
