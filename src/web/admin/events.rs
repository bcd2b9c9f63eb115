//! What happened lately and was told.

use actix_web::web::{Data, Path};
use aviary_domain::events::{EventQuery, Events, Told};
use aviary_domain::webhooks::{Listed, Webhooks};
use aviary_kernel::model::{Delivery, Event, EventId, EventName, EventPattern, Weight};
use serde_json::Value as Json;

use super::card::{Body, Card, CardsView, fact};
use super::columns::{self, Columns, Heading, Ticks};
use super::deliveries::{cursor, pill, status};
use super::desk::{Act, Crumb, Desk, Head, Known};
use super::nav::Spot;
use super::query::Query;
use super::table::{Empty, Filters, ListView, Pager, Select, Table};
use super::value::{Pill, Value};
use super::{shown, wording};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

const COLUMNS: [Heading; 6] = [
    Heading("at", "When", None, ""),
    Heading("type", "Event", None, ""),
    Heading("summary", "What happened", None, "wrap"),
    Heading("severity", "Weight", None, ""),
    Heading("panel", "Panel", None, ""),
    Heading("postedBy", "From", None, "less"),
];

/// The list.
pub(super) async fn list(_may: Allow<perm::WebhookRead>, mut desk: Desk, events: Data<Events>) -> PageResult {
    let known = desk.known().await?;
    let columns = Columns::read(&mut desk.query, &known, "events", &COLUMNS);
    let asked = read(&mut desk.query);
    let after = desk.query.pick("after", "the list begins with the newest", cursor);
    let page = events.list(EventQuery { after: after.clone(), limit: columns.rows, ..asked }).await?;
    let query = &desk.query;
    let name = query.text("name").map(str::to_owned);
    let rows: Vec<_> = page.events.iter().map(|event| row(&known, event)).collect();
    let said = format!("{} shown, newest first", shown::counted(rows.len() as u64, "event", "events"));
    let next = page.next.map(|cursor| query.link(&[("after", &cursor.to_string())]));
    let newest = after.map(|_| query.link(&[]));
    let empty = rows.is_empty().then(|| empty(name.is_some()));
    let ticks = Ticks::new(page.events.iter().map(|event| event.id.to_string()).collect(), None);
    let caption = "Events, newest first".into();
    let table = Table { caption, columns: columns::unordered(&COLUMNS), rows, ..Table::default() };
    let view = ListView {
        head: Head {
            title: "Events".into(),
            truth: vec![Value::Text("what happened lately and was told".into())],
            acts: known.offered([Act::link("Webhooks", "hook", "/admin/webhooks")]),
            ..Head::default()
        },
        filters: Some(Filters {
            action: query.bare(),
            hidden: query.carried(&["name"]),
            selects: vec![Select::new("name", "Event", "Every event", name.as_deref(), choices())],
            reset: name.as_ref().map(|_| query.bare()),
            ..Filters::default()
        }),
        empty,
        table: columns.over(table, &desk, &known, "/admin/events/export", ticks),
        pager: Pager { back: "Newest", on: "Older", ..Pager::new(said, newest, next) },
        shell: desk.shell(&known, Spot::Events, vec![Crumb::here("Events")]),
    };
    html(&view)
}

/// What an address asks for.
pub(super) fn read(query: &mut Query) -> EventQuery {
    query.pick("name", "all events are shown", |text| EventQuery::like(text).ok()).unwrap_or_default()
}

/// Every event, and before those of a noun all of them together.
fn choices() -> Vec<(String, String)> {
    let mut choices: Vec<(String, String)> = Vec::new();
    let mut names: Vec<_> = EventName::ALL.to_vec();
    names.sort_by_key(|name| name.name());
    for name in &names {
        let all = format!("{}.*", name.noun());
        let has_kin = names.iter().filter(|other| other.noun() == name.noun()).count() > 1;
        if has_kin && EventPattern::parse(&all).is_ok() && !choices.iter().any(|(known, _)| *known == all) {
            choices.push((all.clone(), all));
        }
        choices.push((name.name().to_owned(), name.name().to_owned()));
    }
    choices
}

fn empty(narrowed: bool) -> Empty {
    match narrowed {
        true => Empty {
            icon: "search",
            title: "Nothing matches".into(),
            text: "No event of this name is kept. Take the filter off to see the others.".into(),
            acts: vec![("Show all", "/admin/events".into())],
        },
        false => Empty {
            icon: "bell",
            title: "Nothing happened yet".into(),
            text: "Syncs, alerts and what other programs want told appear here; changes of mirrored objects do when a webhook hears of them.".into(),
            acts: Vec::new(),
        },
    }
}

fn row(known: &Known, event: &Event) -> Vec<Value> {
    let href = format!("/admin/events/{}", event.id);
    vec![
        known.link(known.when(event.at).words(), &*href),
        known.name(event.name.name(), &*href),
        Value::Said(shown::short(&wording::told(event), 140)),
        Value::Pill(weight(event.name.weight())),
        event.panel.map_or(Value::Nothing, |panel| known.panel_link(panel)),
        event.posted_by.as_deref().map_or(Value::Muted("Aviary".into()), |by| Value::Said(shown::name(by))),
    ]
}

fn weight(weight: Weight) -> Pill {
    match weight {
        Weight::Info => Pill::new("", "info"),
        Weight::Warning => Pill::new("warn", "warning"),
        Weight::Alert => Pill::new("bad", "alert"),
    }
}

/// An event, and its facts.
pub(super) fn cards(known: &Known, event: &Event) -> [Card; 2] {
    let facts = vec![
        fact("Event", known.link(event.name.name(), format!("/admin/events/{}", event.id))),
        fact("What happened", Value::long(&wording::told(event), 300)),
        fact("When", Value::When(known.when(event.at))),
        fact("Weight", Value::Pill(weight(event.name.weight()))),
        fact("Panel", event.panel.map_or(Value::Nothing, |panel| known.panel_link(panel))),
        fact(
            "From",
            event.posted_by.as_deref().map_or(Value::Text("Aviary".into()), |by| Value::Said(shown::name(by))),
        ),
        fact("Id", Value::code(&event.id.to_string())),
    ];
    let data = serde_json::from_str::<Json>(&event.data).and_then(|data| serde_json::to_string_pretty(&data));
    let data = Body::Block(shown::visible(&data.unwrap_or_else(|_| event.data.clone())));
    [Card::new("Event", "c6", Body::Facts(facts)), Card::new("Facts as they are told", "c12", data)]
}

/// The deliveries of an event, by webhook.
fn went(known: &Known, deliveries: &[Delivery], hooks: &[Listed]) -> Table {
    let rows = deliveries.iter().map(|delivery| {
        let hook = hooks.iter().find(|listed| listed.webhook.id == delivery.webhook);
        let name = hook.map_or_else(|| "a webhook that was removed".into(), |listed| shown::name(&listed.webhook.name));
        vec![
            known.name(name, format!("/admin/deliveries/{}", delivery.id)),
            Value::Pill(pill(delivery.state)),
            Value::number(delivery.attempts.len() as u64),
            Value::When(known.when(delivery.created_at)),
            delivery.attempts.last().map_or(Value::Nothing, |attempt| status(attempt.status)),
        ]
    });
    Table::plain("To whom it went", &["To", "State", "#Tries", "Written", "Last status"], rows.collect())
}

/// One event, and to whom it went.
pub(super) async fn one(
    _may: Allow<perm::WebhookRead>,
    desk: Desk,
    events: Data<Events>,
    webhooks: Data<Webhooks>,
    id: Path<EventId>,
) -> PageResult {
    let known = desk.known().await?;
    let Told { event, deliveries } = events.require(*id).await?;
    let [about, data] = cards(&known, &event);
    let hooks = webhooks.all().await?;
    let went = match deliveries.is_empty() {
        true => Body::Hint("No webhook hears of it.".into()),
        false => Body::Table(went(&known, &deliveries, &hooks)),
    };
    html(&CardsView {
        head: Head {
            title: event.name.name().into(),
            pills: vec![weight(event.name.weight())],
            truth: vec![Value::Said(wording::told(&event))],
            ..Head::default()
        },
        cards: vec![about, Card::new("To whom it went", "c12", went), data],
        shell: desk.shell(
            &known,
            Spot::Events,
            vec![Crumb::to("Events", "/admin/events"), Crumb::here(event.name.name())],
        ),
    })
}
