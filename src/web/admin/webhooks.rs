//! The webhooks: the list.

use actix_web::web::Data;
use aviary_domain::webhooks::{DeliveryQuery, Listed, Webhooks, shown_address};
use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{DeliveryState, Email, HookTarget, Webhook, WebhookId};

use super::desk::{Act, Crumb, Desk, Head, Known};
use super::nav::Spot;
use super::table::{Empty, ListView, Pager, Table};
use super::value::{Pill, Value};
use super::{hears, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

/// Addresses of a mail that are named.
const NAMED: usize = 2;

/// The list.
pub(super) async fn list(_may: Allow<perm::WebhookRead>, desk: Desk, webhooks: Data<Webhooks>) -> PageResult {
    let known = desk.known().await?;
    let all = webhooks.all().await?;
    let mut rows = Vec::with_capacity(all.len());
    for listed in &all {
        let last = last_taken(&webhooks, listed.webhook.id).await?;
        rows.push(row(&known, listed, last));
    }
    let acts = vec![
        Act::link("Events", "bell", "/admin/events"),
        Act::link("New webhook", "plus", "/admin/webhooks/new").class("main"),
    ];
    let view = ListView {
        head: Head {
            title: "Webhooks".into(),
            truth: vec![Value::Text("who hears of what happens".into())],
            acts: known.offered(acts),
            ..Head::default()
        },
        filters: None,
        pager: Pager::new(shown::counted(rows.len() as u64, "webhook", "webhooks"), None, None),
        empty: rows.is_empty().then(|| empty(&known)),
        table: Table::plain("Webhooks, newest first", TITLES, rows).with(&[(1, "wrap"), (2, "wrap"), (3, "wrap")]),
        shell: desk.shell(&known, Spot::Webhooks, vec![Crumb::here("Webhooks")]),
    };
    html(&view)
}

const TITLES: &[&str] = &["Name", "State", "Goes to", "Hears of", "#Waiting", "#Failed", "Last taken"];

fn empty(known: &Known) -> Empty {
    Empty {
        icon: "hook",
        title: "Nobody hears of anything yet".into(),
        text: "A webhook tells a channel of Discord, a program of yours or people by mail what happens: a sync that failed, a server that was suspended, a panel that does not answer.".into(),
        acts: known.ways(vec![("Make the first webhook", "/admin/webhooks/new".into())]),
    }
}

/// When something was last taken by the other side.
pub(super) async fn last_taken(webhooks: &Webhooks, id: WebhookId) -> Result<Option<Timestamp>> {
    let query = DeliveryQuery {
        webhook: Some(id),
        state: Some(DeliveryState::Delivered),
        limit: 1,
        ..DeliveryQuery::default()
    };
    let page = webhooks.deliveries(query).await?;
    Ok(page.deliveries.first().and_then(|(delivery, _)| delivery.finished_at))
}

fn row(known: &Known, Listed { webhook: hook, counts }: &Listed, last: Option<Timestamp>) -> Vec<Value> {
    let page = format!("/admin/webhooks/{}", hook.id);
    let of_state = |state: DeliveryState| format!("{page}/deliveries?state={}", state.word());
    vec![
        known.name(shown::name(&hook.name), &*page),
        state(known, hook),
        goes_to(hook),
        Value::long(&hears::words(known, hook), 120),
        known.count(counts.waiting, of_state(DeliveryState::Waiting)),
        known.count(counts.failed, of_state(DeliveryState::Failed)),
        last.map_or(Value::Muted("never".into()), |at| Value::When(known.when(at))),
    ]
}

/// How a webhook stands.
pub(super) fn pill(hook: &Webhook) -> Pill {
    match (hook.is_enabled, &hook.disabled_why, hook.failing_since) {
        (false, Some(_), _) => Pill::new("bad", "turned off by Aviary"),
        (false, None, _) => Pill::new("", "off"),
        (true, _, Some(_)) => Pill::new("warn", "failing"),
        (true, _, None) => Pill::new("fine", "on"),
    }
}

/// How a webhook stands, and why or since when.
fn state(known: &Known, hook: &Webhook) -> Value {
    let mut lines = vec![Value::Pill(pill(hook))];
    match (&hook.disabled_why, hook.failing_since) {
        (Some(why), _) => lines.push(Value::long(why, 80)),
        (None, Some(since)) => {
            lines.push(Value::Many(vec![Value::Text("first failed".into()), Value::When(known.when(since))]))
        }
        (None, None) => {}
    }
    Value::Lines(lines)
}

/// The kind of a target, for people.
pub(super) fn kind_words(target: &HookTarget) -> &'static str {
    match target {
        HookTarget::Discord { .. } => "Discord",
        HookTarget::Http { .. } => "Signed HTTP",
        HookTarget::Mail { .. } => "Mail",
    }
}

/// Where events go, as far as everybody may know.
pub(super) fn address(target: &HookTarget) -> Value {
    match (shown_address(target), target) {
        (Some(address), _) => Value::code(address),
        (None, HookTarget::Mail { to }) => {
            let mut names: Vec<_> = to.iter().take(NAMED).map(|to| shown::short(to.as_str(), 60)).collect();
            if to.len() > NAMED {
                names.push(format!("{} more", to.len() - NAMED));
            }
            Value::Said(shown::listed(&names))
        }
        (None, _) => Value::Nothing,
    }
}

fn goes_to(hook: &Webhook) -> Value {
    Value::Lines(vec![Value::Text(kind_words(&hook.target).into()), address(&hook.target)])
}

/// Everybody whom mail goes to.
pub(super) fn recipients(to: &[Email]) -> Value {
    Value::Lines(to.iter().map(|to| Value::Said(shown::short(to.as_str(), 254))).collect())
}
