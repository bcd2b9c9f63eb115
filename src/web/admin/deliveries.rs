//! What became of events on their way to webhooks, and sending them again.

use actix_web::web::{Data, Path};
use aviary_domain::webhooks::{DeliveryCounts, DeliveryQuery, Listed, Webhooks};
use aviary_kernel::base::{Cursor, Error};
use aviary_kernel::model::{Delivery, DeliveryAttempt, DeliveryId, DeliveryState, Event, Webhook, WebhookId};

use super::card::{Body, Card, CardsView, Fact, fact};
use super::columns::{self, Columns, Heading, Ticks};
use super::desk::{Act, Desk, Head, Known};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::query::Query;
use super::shown;
use super::table::{Chip, Empty, Filters, ListView, Pager, PickAct, Table};
use super::value::{Pill, Value};
use super::{events, export, webhook, wording};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

/// How a delivery stands.
pub(super) fn pill(state: DeliveryState) -> Pill {
    match state {
        DeliveryState::Waiting => Pill::new("info", "waiting"),
        DeliveryState::Delivered => Pill::new("fine", "delivered"),
        DeliveryState::Failed => Pill::new("bad", "failed"),
        DeliveryState::Dropped => Pill::new("", "dropped"),
    }
}

fn count_of(counts: DeliveryCounts, state: DeliveryState) -> u64 {
    match state {
        DeliveryState::Waiting => counts.waiting,
        DeliveryState::Delivered => counts.delivered,
        DeliveryState::Failed => counts.failed,
        DeliveryState::Dropped => counts.dropped,
    }
}

/// How many deliveries of a webhook are in each state, leading there.
pub(super) fn counted(known: &Known, hook: WebhookId, counts: DeliveryCounts) -> Vec<(&'static str, Value)> {
    let of = |state: DeliveryState| {
        let href = format!("/admin/webhooks/{hook}/deliveries?state={}", state.word());
        let title = match state {
            DeliveryState::Waiting => "Waiting",
            DeliveryState::Delivered => "Delivered",
            DeliveryState::Failed => "Failed",
            DeliveryState::Dropped => "Dropped",
        };
        (title, known.count(count_of(counts, state), href))
    };
    DeliveryState::ALL.map(of).into()
}

/// The status of an answer.
pub(super) fn status(status: Option<u16>) -> Value {
    match status {
        Some(status @ 200..=299) => Value::pill("fine", status.to_string()),
        Some(status) => Value::pill("bad", status.to_string()),
        None => Value::Muted("no answer".into()),
    }
}

/// Deliveries as rows.
pub(super) fn table(known: &Known, webhooks: &Webhooks, deliveries: &[(Delivery, Option<Event>)]) -> Table {
    let rows = deliveries.iter().map(|(delivery, event)| {
        let last = delivery.attempts.last();
        let name = known.name(delivery.name.name(), format!("/admin/deliveries/{}", delivery.id));
        let summary =
            event.as_ref().map_or(Value::Nothing, |event| Value::Said(shown::short(&wording::told(event), 110)));
        vec![
            name,
            summary,
            Value::Pill(pill(delivery.state)),
            Value::number(delivery.attempts.len() as u64),
            Value::When(known.when(delivery.created_at)),
            next_try(known, webhooks, delivery),
            last.map_or(Value::Nothing, |attempt| status(attempt.status)),
        ]
    });
    let caption = "Deliveries, newest first".into();
    Table { caption, columns: columns::unordered(&COLUMNS), rows: rows.collect(), ..Table::default() }
}

const COLUMNS: [Heading; 7] = [
    Heading("type", "Event", None, ""),
    Heading("summary", "What happened", None, "wrap"),
    Heading("state", "State", None, ""),
    Heading("tries", "Tries", None, "num less"),
    Heading("createdAt", "Written", None, ""),
    Heading("nextTryAt", "Next try", None, ""),
    Heading("status", "Last status", None, ""),
];

/// When it is really tried: not while its webhook rests.
fn next_try(known: &Known, webhooks: &Webhooks, delivery: &Delivery) -> Value {
    match delivery.state {
        DeliveryState::Waiting => Value::When(known.due(webhooks.tried_at(delivery.webhook, delivery.due_at))),
        _ => Value::Nothing,
    }
}

/// The deliveries of a webhook.
pub(super) async fn list(
    _may: Allow<perm::WebhookRead>,
    mut desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
) -> PageResult {
    let known = desk.known().await?;
    let Listed { webhook: hook, counts } = webhooks.require(*id).await?;
    let columns = Columns::read(&mut desk.query, &known, "deliveries", &COLUMNS);
    let state = state(&mut desk.query);
    let after = desk.query.pick("after", "the list begins with the newest", cursor);
    let query = DeliveryQuery { webhook: Some(hook.id), state, after: after.clone(), limit: columns.rows };
    let page = webhooks.deliveries(query).await?;
    let next = page.next.map(|cursor| desk.query.link(&[("after", &cursor.to_string())]));
    let newest = after.is_some().then(|| desk.query.link(&[]));
    let said =
        format!("{} shown, newest first", shown::counted(page.deliveries.len() as u64, "delivery", "deliveries"));
    let at = |what: &str| format!("/admin/webhooks/{}/{what}", hook.id);
    let keys = page.deliveries.iter().map(|(delivery, _)| delivery.id.to_string()).collect();
    let ticks =
        Ticks { acts: ticked_acts(&known, at("deliveries/again")), ..Ticks::new(keys, Some(total(counts, state))) };
    let table =
        columns.over(table(&known, &webhooks, &page.deliveries), &desk, &known, &at("deliveries/export"), ticks);
    let view = ListView {
        head: Head {
            title: format!("Deliveries to {}", shown::name(&hook.name)),
            pills: vec![super::webhooks::pill(&hook)],
            truth: vec![Value::Text("kept as long as their events are".into())],
            acts: known.offered(list_acts(&hook, counts)),
        },
        filters: Some(filters(&desk.query, state, counts)),
        empty: page.deliveries.is_empty().then(|| empty(&desk.query, state)),
        table,
        pager: Pager { back: "Newest", on: "Older", ..Pager::new(said, newest, next) },
        shell: desk.shell(&known, Spot::Webhooks, webhook::crumbs(&hook, Some("Deliveries"))),
    };
    html(&view)
}

/// The state that an address asks for.
pub(super) fn state(query: &mut Query) -> Option<DeliveryState> {
    query.parse("state", "deliveries in every state are shown")
}

/// What can be done with deliveries that are ticked.
fn ticked_acts(known: &Known, to: String) -> Vec<PickAct> {
    let act = PickAct { text: "Send again", act: "again", to, class: "" };
    if known.takes(&act.to) { vec![act] } else { Vec::new() }
}

/// How many deliveries are in a state, or in any.
fn total(counts: DeliveryCounts, state: Option<DeliveryState>) -> u64 {
    state.map_or_else(|| DeliveryState::ALL.map(|of| count_of(counts, of)).iter().sum(), |of| count_of(counts, of))
}

/// A place in a list of ids.
pub(super) fn cursor(text: &str) -> Option<Cursor> {
    text.parse::<Cursor>().ok().filter(|cursor| cursor.key().len() == size_of::<DeliveryId>())
}

fn list_acts(hook: &Webhook, counts: DeliveryCounts) -> Vec<Act> {
    let at = |what: &str| format!("/admin/webhooks/{}/{what}", hook.id);
    let mut acts = Vec::new();
    if counts.waiting > 0 {
        acts.push(Act::link("Drop what waits", "close", at("drop")));
    }
    if counts.failed + counts.dropped > 0 {
        acts.push(Act::link("Send failed ones again", "sync", at("again")).class("main"));
    }
    acts
}

fn filters(query: &Query, chosen: Option<DeliveryState>, counts: DeliveryCounts) -> Filters {
    let chip = |text: &str, word: &str, n: u64, on| Chip {
        text: text.into(),
        count: shown::grouped(n),
        href: query.link(&[("state", word)]),
        on,
    };
    let mut chips = vec![chip("All", "", total(counts, None), chosen.is_none())];
    let states = DeliveryState::ALL.into_iter();
    chips.extend(states.map(|of| chip(of.word(), of.word(), count_of(counts, of), chosen == Some(of))));
    Filters { action: query.bare(), chips_label: "State", chips, ..Filters::default() }
}

fn empty(query: &Query, state: Option<DeliveryState>) -> Empty {
    let (title, text, acts) = match state {
        Some(state) => (format!("None is {}", state.word()), "Look at all of them.", vec![("Show all", query.bare())]),
        None => {
            ("Nothing was sent yet".into(), "When something happens that it hears of, it appears here.", Vec::new())
        }
    };
    Empty { icon: "history", title, text: text.into(), acts }
}

/// One delivery.
pub(super) async fn one(
    _may: Allow<perm::WebhookRead>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<DeliveryId>,
) -> PageResult {
    let known = desk.known().await?;
    let (delivery, event) = webhooks.delivery(*id).await?;
    let hook = webhooks.require(delivery.webhook).await?.webhook;
    let again = Act::post("Send again", "sync", format!("/admin/deliveries/{}/again", delivery.id)).class("main");
    let can_again = hook.is_enabled && delivery.state != DeliveryState::Waiting;
    let mut cards = vec![Card::new("Delivery", "c6", Body::Facts(facts(&known, &webhooks, &delivery, &hook)))];
    match &event {
        Some(event) => cards.extend(events::cards(&known, event)),
        None => cards.push(Card::new("Event", "c6", Body::Hint("It is so old that it was forgotten.".into()))),
    }
    cards.push(Card::new("Tries, oldest first", "c12", attempts(&known, &delivery.attempts)));
    html(&CardsView {
        head: Head {
            title: delivery.name.name().into(),
            pills: vec![pill(delivery.state)],
            truth: vec![
                Value::Text("to".into()),
                known.link(shown::name(&hook.name), format!("/admin/webhooks/{}", hook.id)),
            ],
            acts: known.offered(can_again.then_some(again)),
        },
        cards,
        shell: desk.shell(&known, Spot::Webhooks, webhook::crumbs(&hook, Some("Delivery"))),
    })
}

fn facts(known: &Known, webhooks: &Webhooks, delivery: &Delivery, hook: &Webhook) -> Vec<Fact> {
    let mut facts = vec![
        fact("To", known.link(shown::name(&hook.name), format!("/admin/webhooks/{}", hook.id))),
        fact("Written", Value::When(known.when(delivery.created_at))),
        fact("Tries", Value::number(delivery.attempts.len() as u64)),
    ];
    if delivery.state == DeliveryState::Waiting {
        facts.push(fact("Next try", next_try(known, webhooks, delivery)));
    }
    if let Some(at) = delivery.finished_at {
        facts.push(fact("Over", Value::When(known.when(at))));
    }
    if let Some(why) = &delivery.why {
        let (what, remedy) = webhook::split(why);
        facts.push(fact("Why", Value::Text(what)));
        if !remedy.is_empty() {
            facts.push(fact("What to do", Value::Text(remedy)));
        }
    }
    if !hook.is_enabled {
        facts.push(fact("To send it again", Value::Muted("turn the webhook on first".into())));
    }
    facts
}

fn attempts(known: &Known, attempts: &[DeliveryAttempt]) -> Body {
    if attempts.is_empty() {
        return Body::Hint("It was not tried yet.".into());
    }
    let row = |attempt: &DeliveryAttempt| {
        let error = attempt.error.as_deref().map_or(Value::Nothing, |error| Value::long(&webhook::split(error).0, 160));
        vec![
            Value::When(known.when(attempt.at)),
            status(attempt.status),
            Value::Text(shown::span_ms(attempt.took_ms)),
            Value::number(attempt.together.into()),
            error,
            Value::long(&attempt.excerpt, 120),
        ]
    };
    let titles = &["When", "Status", "Took", "#Events in it", "What went wrong", "Answer"];
    Body::Table(Table::plain("Tries, oldest first", titles, attempts.iter().map(row).collect()))
}

/// Sends a delivery again.
pub(super) async fn again(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<DeliveryId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let done = match webhooks.send_again(&desk.who(), *id).await {
        Ok(_) => "delivery-again",
        Err(Error::Conflict(_)) => "delivery-stays",
        Err(error) => return Err(error.into()),
    };
    let known = desk.known().await?;
    let page = format!("/admin/deliveries/{id}");
    Ok(see_other(&if known.opens(&page) { format!("{page}?done={done}") } else { "/admin".into() }))
}

/// Sends again what was ticked; all that ended badly is asked about on a page of its own.
pub(super) async fn again_ticked(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    if !sent.field("all").is_empty() {
        return Ok(see_other(&format!("/admin/webhooks/{id}/again?hours=0")));
    }
    let picked: Vec<DeliveryId> = export::picked(&sent)?;
    let list = format!("/admin/webhooks/{id}/deliveries");
    let done = match webhooks.send_each_again(&desk.who(), *id, &picked).await {
        Ok(0) | Err(Error::Conflict(_)) => "deliveries-stay",
        Ok(_) => "deliveries-again",
        Err(error) => return Err(error.into()),
    };
    let known = desk.known().await?;
    Ok(see_other(&if known.opens(&list) { format!("{list}?done={done}") } else { "/admin".into() }))
}
