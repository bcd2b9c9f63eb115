//! The cards of the overview: each answers one question, and each number leads to what was counted.

use std::time::Duration;

use aviary_domain::audit::AuditQuery;
use aviary_domain::mirror::{Capacity, Changes, Fullness, Lately, Place};
use aviary_domain::ops::Backup;
use aviary_domain::search::{Search, Standing};
use aviary_domain::sync::SyncQuery;
use aviary_domain::webhooks::DeliveryCounts;
use aviary_kernel::base::Result;
use aviary_kernel::model::{
    AuditEvent, DeliveryState, DriftKind, HistoryEntry, JobState, Kind, MailState, Operation, SyncRun,
};
use aviary_kernel::store::Store;

use super::super::card::{Body, Card, PlaceRow, Row, fact};
use super::super::chart::{Gauge, Histogram, HistogramColumn};
use super::super::desk::{Desk, Known};
use super::super::drift::kind_words;
use super::super::memo::Findings;
use super::super::nodes::gauges;
use super::super::table::Table;
use super::super::timeline::{about, operation_words};
use super::super::value::{Pill, Value};
use super::super::well::Odd;
use super::super::{links, on_record, shown, syncs, wording};
use super::{SYNCS, Seen, since_yesterday};

/// Nodes and locations that are shown.
const NODES: usize = 6;
const LOCATIONS: usize = 4;
/// Audit events that are shown.
const EVENTS: usize = 6;
/// After so long a backup is old.
pub(in crate::admin) const OLD_BACKUP: Duration = Duration::from_secs(8 * 86_400);

/// How full it is, and how syncs went.
pub(super) async fn what_there_is(desk: &Desk, known: &Known, capacity: &Capacity) -> Result<Vec<Card>> {
    let mut cards = Vec::new();
    if known.opens("/admin/nodes") {
        let count = capacity.nodes.len() as u64;
        let places = capacity.nodes.iter().take(NODES).map(|place| place_row(known, Kind::Node, place)).collect();
        let body = if count == 0 { Body::Hint("No node is in the mirror yet.".into()) } else { Body::Places(places) };
        let all = format!("All {}", shown::counted(count, "node", "nodes"));
        cards.push(known.more(Card::new("Capacity by node", "c12", body), all, "/admin/nodes"));
    }
    if known.opens("/admin/locations") && capacity.locations.len() > 1 {
        let places = capacity.locations.iter().take(LOCATIONS);
        let places = places.map(|place| place_row(known, Kind::Location, place)).collect();
        let all = format!("All {}", shown::counted(capacity.locations.len() as u64, "location", "locations"));
        let card = Card::new("Capacity by location", "c12", Body::Places(places));
        cards.push(known.more(card, all, "/admin/locations"));
    }
    if known.opens("/admin/syncs") {
        let runs = desk.syncs.list(SyncQuery { limit: SYNCS, ..SyncQuery::default() }).await?.runs;
        let body = match runs.is_empty() {
            true => Body::Hint("No panel was synced yet.".into()),
            false => Body::Rows(runs.iter().map(|run| sync_row(known, run)).collect()),
        };
        cards.push(known.more(Card::new("Last syncs", "c12", body), "All", "/admin/syncs"));
    }
    Ok(cards)
}

/// What changed, what does not fit, and what people did.
pub(super) async fn what_was_done(
    desk: &Desk,
    known: &Known,
    seen: &Seen,
    lately: Option<&Lately>,
    drift: &Findings,
) -> Result<Vec<Card>> {
    let mut cards = Vec::new();
    if let Some(lately) = lately {
        let card = Card::new("What changed since yesterday", "c12", changed(known, seen, lately));
        cards.push(known.more(card, "All of it", since_yesterday(lately, &[])));
    }
    if known.opens("/admin/drift") {
        let card = Card::new("What does not fit together", "c12", drifted(known, drift));
        cards.push(known.more(card, "Drift", "/admin/drift"));
    }
    if known.opens("/admin/audit") {
        let events = desk.audit.list(AuditQuery { limit: EVENTS, ..AuditQuery::default() }).await?.events;
        let rows = events.iter().map(|(seq, event)| audit_row(known, *seq, event)).collect();
        cards.push(known.more(Card::new("Who did what", "c12", Body::Rows(rows)), "Audit trail", "/admin/audit"));
    }
    Ok(cards)
}

fn place_row(known: &Known, kind: Kind, place: &Place) -> PlaceRow {
    let Place { panel, id, name, within, nodes, fullness } = place;
    let [memory, disk, _]: [Gauge; 3] = gauges(fullness, known.units());
    let sub = match (within, kind) {
        (_, Kind::Location) => {
            let href = links::children(Kind::Node, *panel, (Kind::Location, *id));
            Value::Many(vec![known.count(*nodes, href), Value::Text(if *nodes == 1 { "node" } else { "nodes" }.into())])
        }
        (Some(location), _) => Value::Said(shown::short(location, 30)),
        (None, _) if known.several() => Value::Said(known.panel_name(*panel)),
        (None, _) => Value::Text(String::new()),
    };
    PlaceRow {
        name: known.link(shown::name(name), format!("/admin/{}/{panel}/{id}", kind.plural())),
        sub,
        memory,
        disk,
        free: free(known, kind, place, fullness),
    }
}

/// Allocations that are left, leading to them.
fn free(known: &Known, kind: Kind, place: &Place, fullness: &Fullness) -> Value {
    let n = fullness.load.allocations.saturating_sub(fullness.load.assigned);
    let words = Value::Text(if n == 1 { "port free" } else { "ports free" }.into());
    let (panel, id) = (place.panel.to_string(), place.id.to_string());
    let free = links::list(Kind::Allocation, &[("panel", &panel), (kind.noun(), &id), ("use", "free")]);
    let number = known.count(n, free);
    Value::Many(vec![number, words])
}

fn sync_row(known: &Known, run: &SyncRun) -> Row {
    let totals = run.totals();
    let changed = totals.created + totals.updated + totals.removed;
    let changes = match changed {
        0 => Value::Text("nothing changed,".into()),
        n => {
            let href = format!("/admin/history?sync={}", run.id);
            let words = if n == 1 { "change," } else { "changes," };
            Value::Many(vec![known.count(n, href), Value::Text(words.into())])
        }
    };
    let requests = Value::Text(shown::counted(run.requests, "request", "requests"));
    Row {
        lead: Some(syncs::pill(run)),
        what: known.link(known.panel_name(run.panel), format!("/admin/syncs/{}", run.id)),
        sub: Some(Value::Many(vec![changes, requests])),
        end: Value::When(known.when(run.created_at)),
    }
}

fn changed(known: &Known, seen: &Seen, lately: &Lately) -> Body {
    if lately.total() == 0 && seen.changes.is_empty() {
        return Body::Hint("Nothing has changed yet.".into());
    }
    let rows: Vec<_> = lately.by_kind().iter().map(|(kind, changes)| kind_row(known, lately, *kind, changes)).collect();
    let mut bodies = Vec::new();
    if rows.is_empty() {
        bodies.push(Body::Hint("Nothing has changed since this time yesterday.".into()));
    } else {
        let titles = &["Kind", "#New", "#Changed", "#Removed"];
        bodies.push(Body::Histogram(histogram(known, lately)));
        bodies.push(Body::Table(Table::plain("Changes since yesterday by kind", titles, rows)));
    }
    bodies.push(Body::Rows(seen.changes.iter().map(|entry| change_row(known, seen, entry)).collect()));
    Body::Several(bodies)
}

fn kind_row(known: &Known, lately: &Lately, kind: Kind, changes: &Changes) -> Vec<Value> {
    let href = |operation: Option<Operation>| {
        let operation = operation.map_or("", Operation::word);
        let filters: Vec<_> = [("kind", kind.plural()), ("operation", operation)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        since_yesterday(lately, &filters)
    };
    let mut noun = format!("{}s", kind.noun());
    if let Some(first) = noun.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    vec![
        known.link(noun, href(None)),
        known.count(changes.created, href(Some(Operation::Created))),
        known.count(changes.changed, href(Some(Operation::Changed))),
        known.count(changes.removed, href(Some(Operation::Removed))),
    ]
}

fn histogram(known: &Known, lately: &Lately) -> Histogram {
    let hour = Duration::from_secs(3600);
    let columns = lately.by_hour(known.now).into_iter().map(|(at, count)| {
        let (from, until) = (at.to_string(), at.plus(hour).to_string());
        let href = format!("/admin/history?{}", shown::query(&[("from", &from), ("until", &until)]));
        let when = known.exact(at);
        let when = when.get(..16).unwrap_or(&when).to_owned();
        HistogramColumn { when, count, href: if known.opens(&href) { href } else { String::new() } }
    });
    Histogram::new("Changes hour by hour", "hour", columns.collect())
}

fn change_row(known: &Known, seen: &Seen, entry: &HistoryEntry) -> Row {
    let (tone, word) = operation_words(entry.operation);
    let noun = entry.object.kind.noun();
    let what = match entry.operation {
        Operation::Changed => format!("{noun}: {}", wording::summary(&seen.names, entry)),
        _ => noun.to_owned(),
    };
    Row {
        lead: Some(Pill::new(if tone == "info" { "" } else { tone }, word.to_lowercase())),
        what: about(known, entry),
        sub: Some(Value::Said(shown::short(&what, 110))),
        end: Value::When(known.when(entry.at)),
    }
}

fn drifted(known: &Known, drift: &Findings) -> Body {
    let rows: Vec<_> = DriftKind::ALL
        .into_iter()
        .filter(|kind| drift.of(*kind) > 0)
        .map(|kind| {
            let (tone, title, _) = kind_words(kind);
            let href = format!("/admin/drift?kind={}", kind.word());
            Row {
                lead: Some(Pill::new(tone, shown::grouped(drift.of(kind)))),
                what: known.link(title, href),
                sub: None,
                end: Value::Text(String::new()),
            }
        })
        .collect();
    if rows.is_empty() { Body::Hint("Everything fits together.".into()) } else { Body::Rows(rows) }
}

fn audit_row(known: &Known, seq: u64, event: &AuditEvent) -> Row {
    let mut said = vec![on_record::who(known, &event.actor), Value::Text(shown::lower(event.action.does()))];
    said.extend(event.target.as_ref().map(|target| on_record::target(known, target)));
    Row { lead: None, what: Value::Many(said), sub: None, end: on_record::when(known, seq, event) }
}

/// How work, schedules, deliveries and mail stand: a line each, numbers with their words.
pub(super) fn work(known: &Known, odd: &Odd) -> Option<Card> {
    let told = |numbers: Vec<(u64, &str, String)>| {
        let last = numbers.len().saturating_sub(1);
        let said = numbers.into_iter().enumerate().map(|(at, (n, word, href))| {
            let word = if at == last { word.to_owned() } else { format!("{word},") };
            Value::Many(vec![known.count(n, href), Value::Text(word)])
        });
        Value::Many(said.collect())
    };
    let mut facts = Vec::new();
    if known.opens("/admin/jobs") {
        let jobs = |states: &[JobState]| states.iter().map(|state| odd.jobs.in_state(*state)).sum::<u64>();
        let numbers = [
            ("running", &[JobState::Running][..], "running"),
            ("waiting", &[JobState::Pending, JobState::Scheduled], "pending,scheduled"),
            ("to try again", &[JobState::Retrying], "retrying"),
            ("failed", &[JobState::Failed], "failed"),
            ("dead", &[JobState::Dead], "dead"),
        ];
        let numbers = numbers.map(|(word, states, name)| {
            (jobs(states), word, format!("/admin/jobs?{}", shown::query(&[("state", name)])))
        });
        facts.push(fact("Jobs", told(numbers.into())));
    }
    if known.opens("/admin/schedules") {
        let busy = odd.schedules.iter().filter(|one| one.at_work.is_some()).count() as u64;
        let red = odd.schedules.iter().filter(|one| one.is_in_trouble()).count() as u64;
        let href = || "/admin/schedules".to_owned();
        facts.push(fact("Schedules", told(vec![(busy, "at work", href()), (red, "in trouble", href())])));
    }
    if known.opens("/admin/webhooks") {
        // With one webhook its deliveries are the list; otherwise the webhooks say which.
        let href = |state: DeliveryState| match odd.hooks.as_slice() {
            [one] => format!("/admin/webhooks/{}/deliveries?state={}", one.webhook.id, state.word()),
            _ => "/admin/webhooks".into(),
        };
        let sum = |of: fn(&DeliveryCounts) -> u64| odd.hooks.iter().map(|hook| of(&hook.counts)).sum::<u64>();
        let numbers = vec![
            (sum(|counts| counts.waiting), "waiting", href(DeliveryState::Waiting)),
            (sum(|counts| counts.failed), "given up", href(DeliveryState::Failed)),
        ];
        facts.push(fact("Deliveries", told(numbers)));
    }
    if known.opens("/admin/mails") {
        let numbers = [
            ("waiting", MailState::Waiting),
            ("kept", MailState::Kept),
            ("sent back", MailState::Bounced),
            ("refused", MailState::Refused),
            ("given up", MailState::Failed),
        ];
        let numbers = numbers
            .into_iter()
            .filter(|(_, state)| matches!(state, MailState::Waiting | MailState::Kept) || odd.mails.of(*state) > 0);
        let numbers =
            numbers.map(|(word, state)| (odd.mails.of(state), word, format!("/admin/mails?state={}", state.word())));
        facts.push(fact("Mails", told(numbers.collect())));
    }
    (!facts.is_empty()).then(|| Card::new("Work", "c12", Body::Facts(facts)))
}

/// The data file and its backups.
pub(super) fn storage(
    known: &Known,
    (store, used_bytes): (&Store, Option<u64>),
    backups: &Result<Vec<Backup>>,
    search: &Search,
) -> Option<Card> {
    if !known.opens("/admin/settings") {
        return None;
    }
    let size = |bytes: u64| Value::Text(known.bytes(bytes));
    let mut facts = vec![fact("Data file", size(store.file_bytes()))];
    if let Some(free) = used_bytes.map(|used| store.file_bytes().saturating_sub(used)) {
        let said = vec![size(free), Value::Muted("filled first, before the file grows".into())];
        facts.push(fact("Free inside it", Value::Many(said)));
    }
    facts.push(fact(
        "Takes changes",
        match &known.read_only {
            None => Value::pill("fine", "yes"),
            Some(_) => Value::pill("bad", "no, read-only"),
        },
    ));
    match backups.as_deref() {
        Ok([]) => facts.push(fact("Last backup", Value::Muted("none yet".into()))),
        Ok([last, ..]) => {
            let mut said = vec![Value::When(known.when(last.made_at)), Value::Muted(known.bytes(last.bytes))];
            if known.now.since(last.made_at) > OLD_BACKUP {
                said.push(Value::pill("warn", "old"));
            }
            facts.push(fact("Last backup", Value::Many(said)));
        }
        Err(why) => facts.push(fact("Backups", Value::Text(super::super::sentence(&why.to_string())))),
    }
    facts.push(fact("Search index", index(known, search)));
    let card = Card::new("Storage", "c12", Body::Facts(facts));
    Some(known.more(card, "Schedules", "/admin/schedules"))
}

/// How the search index stands, how large it is, and whether it has caught up.
fn index(known: &Known, search: &Search) -> Value {
    let stats = search.stats();
    let size = format!("{}, {}", shown::counted(stats.documents, "entry", "entries"), known.bytes(stats.bytes));
    match search.standing() {
        Standing::Ready if stats.behind == 0 => Value::Many(vec![Value::pill("fine", "follows"), Value::Muted(size)]),
        Standing::Ready => {
            let behind = format!("{} behind", shown::counted(stats.behind, "change", "changes"));
            Value::Many(vec![Value::pill("info", behind), Value::Muted(size)])
        }
        Standing::Building { done, of } => {
            let progress = format!("being made, {} of {}", shown::grouped(done), shown::grouped(of));
            Value::pill("live", progress)
        }
        Standing::Broken(why) => {
            let why = super::super::sentence(&shown::short(&why, 160));
            Value::Many(vec![Value::pill("bad", "cannot be used"), Value::Text(why)])
        }
    }
}
