//! Tabs that every kind of object has: its history, what was done to it, and what was told of it.

use std::collections::BTreeMap;

use aviary_domain::events::Events;
use aviary_domain::mirror::HistoryQuery;
use aviary_kernel::base::{Cursor, Result};
use aviary_kernel::model::ObjectKey;

use super::super::card::{Body, Card};
use super::super::compare::CompareForm;
use super::super::desk::{Desk, Known};
use super::super::table::{Pager, Table};
use super::super::timeline::Timeline;
use super::super::value::Value;
use super::super::wording::{self, Names};
use super::super::{deliveries, links, on_record, shown};
use super::Look;

/// Entries of a page of the history.
const ENTRIES: usize = 25;
/// Events that are shown.
const EVENTS: usize = 25;
/// Deliveries of these events that are shown.
const DELIVERIES: usize = 25;

/// What changed, and what is different between two times.
pub(super) fn history(look: &Look<'_>, key: ObjectKey, after: Option<Cursor>) -> Result<Vec<Card>> {
    let older = after.is_some();
    let query = HistoryQuery { object: Some(key), after, limit: ENTRIES, ..HistoryQuery::default() };
    let found = look.page.history(&query)?;
    let names = Names::of(look.page, look.known, &found.entries)?;
    let count = found.entries.len() as u64;
    let mut bodies = vec![Body::Timeline(Timeline::of_one(look.known, &names, &found.entries))];
    let next = found.next.map(|cursor| look.query.link(&[("after", &cursor.to_string())]));
    if older || next.is_some() {
        let said = format!("{} shown, newest first", shown::counted(count, "change", "changes"));
        let newest = older.then(|| look.query.link(&[]));
        bodies.push(Body::Pager(Pager { back: "Newest", on: "Older", ..Pager::new(said, newest, next) }));
    }
    let compare = CompareForm::new(look.known, key, None);
    let timeline = Card::new("History", "c12", Body::Several(bodies));
    Ok(vec![
        Card::new("What was different?", "c12", Body::Compare(compare)),
        look.known.more(timeline, "Search in it", links::history(key)),
    ])
}

/// What people and programs did to it through Aviary.
pub(super) async fn audit(desk: &Desk, known: &Known, key: ObjectKey) -> Result<Option<Card>> {
    let (kind, of) = on_record::object(key);
    on_record::card(desk, known, kind, &of).await
}

/// What was told of it, to whom, and the way to everything else that mentions it.
pub(super) async fn log(desk: &Desk, events: &Events, known: &Known, key: ObjectKey, title: &str) -> Result<Vec<Card>> {
    let told = events.about(key, EVENTS, DELIVERIES).await?;
    let hooks: BTreeMap<_, _> = match told.iter().all(|told| told.deliveries.is_empty()) {
        true => BTreeMap::new(),
        false => {
            let all = desk.webhooks.all().await?.into_iter();
            all.map(|listed| (listed.webhook.id, shown::name(&listed.webhook.name))).collect()
        }
    };
    let mut sent = Vec::new();
    for delivery in told.iter().flat_map(|told| told.deliveries.iter().rev()) {
        let hook = hooks.get(&delivery.webhook);
        sent.push(vec![
            Value::When(known.when(delivery.created_at)),
            known.name(delivery.name.name(), format!("/admin/deliveries/{}", delivery.id)),
            match hook {
                Some(name) => known.link(name.clone(), format!("/admin/webhooks/{}", delivery.webhook)),
                None => Value::Muted("a webhook that was removed".into()),
            },
            Value::Pill(deliveries::pill(delivery.state)),
            delivery.attempts.last().map_or(Value::Nothing, |attempt| deliveries::status(attempt.status)),
        ]);
    }
    let sent = match sent.is_empty() {
        true => Body::Hint("No webhook was told of it.".into()),
        false => {
            let titles = &["When", "Event", "To", "State", "Last status"];
            Body::Table(Table::plain("Deliveries, newest first", titles, sent))
        }
    };
    let rows: Vec<_> = told
        .into_iter()
        .map(|told| {
            let href = format!("/admin/events/{}", told.event.id);
            vec![
                Value::When(known.when(told.event.at)),
                known.name(told.event.name.name(), href),
                Value::Said(shown::short(&wording::told(&told.event), 160)),
            ]
        })
        .collect();
    let body = if rows.is_empty() {
        Body::Hint("No event about it is kept. Changes become events when a webhook hears of them.".into())
    } else {
        Body::Table(Table::plain("Events, newest first", &["When", "Event", "What happened"], rows))
    };
    let search = format!("/admin/search?{}", shown::query(&[("q", title)]));
    Ok(vec![
        known.more(Card::new("Events that were told", "c12", body), "Search for it everywhere", search),
        Card::new("To whom they went", "c12", sent),
    ])
}
