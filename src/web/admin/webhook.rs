//! One webhook: what it is, how its deliveries go, and what can be done about it.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;
use aviary_domain::webhooks::{DeliveryQuery, Listed, Tried, Webhooks};
use aviary_kernel::base::Result;
use aviary_kernel::model::{DeliveryAttempt, HookTarget, Permission, Webhook, WebhookId};

use super::card::{Card, Fact, fact};
use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::shown::When;
use super::table::Table;
use super::value::Value;
use super::webhooks::{address, kind_words, last_taken, pill, recipients};
use super::{deliveries, hears, on_record, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

/// Deliveries on the page.
const ROWS: usize = 10;

#[derive(Template)]
#[template(path = "webhooks/one.html")]
struct WebhookView {
    shell: Shell,
    head: Head,
    id: WebhookId,
    /// Why Aviary turned it off.
    disabled_why: Option<String>,
    failing: Option<When>,
    /// Why nothing was taken last, and what to do about it.
    why: Option<(String, String)>,
    /// When something is sent next.
    next_try: Option<When>,
    counts: Vec<(&'static str, Value)>,
    facts: Vec<Fact>,
    last: Option<Table>,
    /// Whether its messages are signed.
    is_signed: bool,
    /// Until when with the old secret too.
    old_secret_until: Option<When>,
    may_write: bool,
    on_record: Option<Card>,
}

/// The page.
pub(super) async fn page(
    _may: Allow<perm::WebhookRead>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
) -> PageResult {
    let known = desk.known().await?;
    let Listed { webhook: hook, counts } = webhooks.require(*id).await?;
    let query = DeliveryQuery { webhook: Some(hook.id), limit: ROWS, ..DeliveryQuery::default() };
    let last = webhooks.deliveries(query).await?.deliveries;
    let taken = last_taken(&webhooks, hook.id).await?;
    let outlook = webhooks.outlook(hook.id).await?;
    let why = outlook.failed.and_then(|(_, attempt)| attempt.error).filter(|_| hook.failing_since.is_some());
    let mut facts = facts(&known, &hook);
    facts.push(fact("Last taken", taken.map_or(Value::Muted("never".into()), |at| Value::When(known.when(at)))));
    let (is_signed, old) = match &hook.target {
        HookTarget::Http { old_secret, .. } => (true, old_secret.as_ref().map(|(_, until)| *until)),
        _ => (false, None),
    };
    html(&WebhookView {
        head: head(&known, &hook),
        id: hook.id,
        disabled_why: hook.disabled_why.as_deref().map(|why| super::sentence(&shown::visible(why))),
        failing: hook.failing_since.filter(|_| hook.is_enabled).map(|since| known.when(since)),
        why: why.as_deref().map(split),
        next_try: outlook.next_try.map(|at| known.due(at)),
        counts: deliveries::counted(&known, hook.id, counts),
        facts,
        last: (!last.is_empty()).then(|| deliveries::table(&known, &webhooks, &last)),
        is_signed,
        old_secret_until: old.filter(|until| *until > known.now).map(|until| known.when(until)),
        may_write: known.may(Permission::WebhookWrite),
        on_record: on_record::card(&desk, &known, "webhook", &hook.id.to_string()).await?,
        shell: desk.shell(&known, Spot::Webhooks, crumbs(&hook, None)),
    })
}

/// The way to a page of a webhook.
pub(super) fn crumbs(hook: &Webhook, here: Option<&'static str>) -> Vec<Crumb> {
    let mut crumbs = vec![Crumb::to("Webhooks", "/admin/webhooks")];
    match here {
        None => crumbs.push(Crumb::here(shown::name(&hook.name))),
        Some(here) => {
            crumbs.push(Crumb::to(shown::name(&hook.name), format!("/admin/webhooks/{}", hook.id)));
            crumbs.push(Crumb::here(here));
        }
    }
    crumbs
}

fn head(known: &Known, hook: &Webhook) -> Head {
    let at = |what: &str| format!("/admin/webhooks/{}/{what}", hook.id);
    let switch = match hook.is_enabled {
        true => Act::link("Turn off", "close", at("disable")),
        false => Act::post("Turn on", "check", at("enable")),
    };
    let acts = vec![
        Act::post("Test", "check", at("test")).class("main"),
        Act::link("Change", "settings", at("edit")),
        switch,
        Act::link("Remove", "close", at("remove")).class("risky"),
    ];
    Head {
        title: shown::name(&hook.name),
        pills: vec![pill(hook)],
        truth: vec![Value::Text(kind_words(&hook.target).into()), address(&hook.target)],
        acts: known.offered(acts),
    }
}

fn facts(known: &Known, hook: &Webhook) -> Vec<Fact> {
    let never = || Value::Muted("never".into());
    let patterns = hook.events.iter().map(|pattern| Value::Tag(pattern.text().to_owned())).collect();
    let mut facts = vec![
        fact("Hears of", Value::Text(hears::words(known, hook))),
        fact("As written", Value::Tags(patterns)),
        fact("About", Value::Text(hears::about_words(hook).into())),
        fact("For", Value::Text(hears::scope_words(hook.scope).into())),
        fact("Made", Value::When(known.when(hook.created_at))),
        fact("Last good test", hook.test_success_at.map_or_else(never, |at| Value::When(known.when(at)))),
    ];
    if !hook.description.is_empty() {
        facts.insert(0, fact("What it is for", Value::long(&hook.description, 300)));
    }
    if let HookTarget::Mail { to } = &hook.target {
        facts.insert(0, fact("To", recipients(to)));
    }
    if hook.failures > 0 {
        facts.push(fact("Failures in a row", Value::number(hook.failures.into())));
    }
    facts
}

/// Back to the page of a webhook, or away for who may not see it.
pub(super) async fn back(desk: &Desk, id: WebhookId, done: &str) -> Result<HttpResponse> {
    let known = desk.known().await?;
    let page = format!("/admin/webhooks/{id}");
    Ok(see_other(&if known.opens(&page) { format!("{page}?done={done}") } else { "/admin".into() }))
}

#[derive(Template)]
#[template(path = "webhooks/test.html")]
struct TestView {
    shell: Shell,
    head: Head,
    id: WebhookId,
    /// What went wrong, and what to do about it.
    failed: Option<(String, String)>,
    facts: Vec<Fact>,
}

/// Tests it and shows what came of it.
pub(super) async fn test(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let Tried { webhook: hook, attempt, .. } = webhooks.try_out(&desk.who(), *id).await?;
    let known = desk.known().await?;
    let again = Act::post("Test again", "check", format!("/admin/webhooks/{}/test", hook.id)).class("main");
    let change = Act::link("Change", "settings", format!("/admin/webhooks/{}/edit", hook.id));
    html(&TestView {
        head: Head {
            title: format!("Test of {}", shown::name(&hook.name)),
            truth: vec![Value::Text(kind_words(&hook.target).into()), address(&hook.target)],
            acts: known.offered([change, again]),
            ..Head::default()
        },
        id: hook.id,
        failed: attempt.error.as_deref().map(split),
        facts: attempt_facts(&known, &attempt),
        shell: desk.shell(&known, Spot::Webhooks, crumbs(&hook, Some("Test"))),
    })
}

/// What went wrong, and what to do about it: both stand in the error of a try.
pub(super) fn split(error: &str) -> (String, String) {
    let (what, remedy) = error.split_once("; ").unwrap_or((error, ""));
    (super::sentence(&shown::visible(what)), super::sentence(&shown::visible(remedy)))
}

fn attempt_facts(known: &Known, attempt: &DeliveryAttempt) -> Vec<Fact> {
    vec![
        fact("When", Value::When(known.when(attempt.at))),
        fact("Status", deliveries::status(attempt.status)),
        fact("Took", Value::Text(shown::span_ms(attempt.took_ms))),
        fact("Answer", Value::long(&attempt.excerpt, 300)),
    ]
}
