//! What is done with a webhook: on and off, its secret, what waits for it, and its removal. What cannot be undone is asked.

use actix_web::web::{Data, Path};
use askama::Template;
use aviary_domain::webhooks::{DeliveryCounts, Listed, Webhooks};
use aviary_kernel::base::{Error, Secret, Timestamp};
use aviary_kernel::model::{HookTarget, Webhook, WebhookId};

use super::ask::{Ask, Question};
use super::card::{Fact, fact};
use super::desk::{Desk, Known, Shell};
use super::form::{self, Fields, Sent};
use super::fresh::{Fresh, Why};
use super::nav::Spot;
use super::value::Value;
use super::webhook::{back, crumbs};
use super::webhooks::address;
use super::{deliveries, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

fn at(id: WebhookId, what: &str) -> String {
    format!("/admin/webhooks/{id}{what}")
}

fn said(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

/// Turns it on.
pub(super) async fn enable(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    webhooks.set_enabled(&desk.who(), *id, true).await?;
    Ok(back(&desk, *id, "webhook-on").await?)
}

/// Asks whether it shall be turned off: what waits is dropped, and what happens meanwhile is never sent.
pub(super) async fn ask_disable(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
) -> PageResult {
    show_disable(desk, &webhooks, *id, None, None).await
}

async fn show_disable(
    desk: Desk,
    webhooks: &Webhooks,
    id: WebhookId,
    wrong: Option<String>,
    more: Option<String>,
) -> PageResult {
    let known = desk.known().await?;
    let Listed { webhook: hook, counts } = webhooks.require(id).await?;
    let name = shown::name(&hook.name);
    let goes = vec![
        fact("Deliveries that wait", waiting(&known, id, counts)),
        fact("While it is off", said("nothing is written for it, and that cannot be sent later")),
    ];
    let stays = vec![
        fact("The webhook", said("with its address and secret; it can be turned on again")),
        fact("Events", said("on record, and sent to other webhooks that want them")),
        fact("What waited", said("can be sent again when it is on")),
    ];
    let off = (!hook.is_enabled).then(|| "It is turned off already.".to_owned());
    let ask = Ask::new(at(id, "/disable"), format!("Turn off {name}"))
        .line(format!("{name} hears of nothing until somebody turns it on again."))
        .counting(counts.waiting)
        .mistyped(wrong)
        .keep("Leave it on", at(id, ""))
        .shut(off.is_some());
    let tone = if more.is_some() { "warn" } else { "info" };
    Question::new(format!("Turn off {name}?"), goes, stays).noting(tone, more.or(off)).ask(ask).show(
        desk,
        &known,
        Spot::Webhooks,
        crumbs(&hook, Some("Turn off")),
    )
}

/// How many wait, and that they are not sent.
fn waiting(known: &Known, id: WebhookId, counts: DeliveryCounts) -> Value {
    match counts.waiting {
        0 => said("none"),
        n => Value::Many(vec![
            known.count(n, at(id, "/deliveries?state=waiting")),
            said(if n == 1 { "is not sent" } else { "are not sent" }),
        ]),
    }
}

/// Turns it off.
pub(super) async fn disable(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let seen = form::counted(&sent)?;
    if let Some(why) = form::mistyped(&sent, seen) {
        return show_disable(desk, &webhooks, *id, Some(why), None).await;
    }
    if let Some(why) = form::outgrown(seen, webhooks.require(*id).await?.counts.waiting) {
        return show_disable(desk, &webhooks, *id, None, Some(why)).await;
    }
    webhooks.set_enabled(&desk.who(), *id, false).await?;
    Ok(back(&desk, *id, "webhook-off").await?)
}

/// Asks whether what waits shall not be sent.
pub(super) async fn ask_drop(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
) -> PageResult {
    show_drop(desk, &webhooks, *id, None, None).await
}

async fn show_drop(
    desk: Desk,
    webhooks: &Webhooks,
    id: WebhookId,
    wrong: Option<String>,
    more: Option<String>,
) -> PageResult {
    let known = desk.known().await?;
    let Listed { webhook: hook, counts } = webhooks.require(id).await?;
    let name = shown::name(&hook.name);
    let goes = vec![fact("To", Value::Said(name.clone())), fact("Deliveries that wait", waiting(&known, id, counts))];
    let stays = vec![
        fact("The webhook", said("on, and it hears of what happens from now on")),
        fact("What was dropped", said("can be sent again as long as its events are kept")),
    ];
    let none = (counts.waiting == 0).then(|| "Nothing waits for it.".to_owned());
    let ask = Ask::new(at(id, "/drop"), format!("Drop {}", shown::counted(counts.waiting, "delivery", "deliveries")))
        .line(format!("{name} is not told of them, unless somebody sends them again."))
        .counting(counts.waiting)
        .mistyped(wrong)
        .keep("Let them wait", at(id, "/deliveries"))
        .shut(none.is_some());
    let title = format!("Drop what waits for {name}?");
    let tone = if more.is_some() { "warn" } else { "info" };
    Question::new(title, goes, stays).noting(tone, more.or(none)).ask(ask).show(
        desk,
        &known,
        Spot::Webhooks,
        crumbs(&hook, Some("Drop what waits")),
    )
}

/// Does not send what waits, unless more does by now than was seen.
pub(super) async fn drop_waiting(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let expected = form::counted(&sent)?;
    if let Some(why) = form::mistyped(&sent, expected) {
        return show_drop(desk, &webhooks, *id, Some(why), None).await;
    }
    match webhooks.drop_waiting(&desk.who(), *id, Some(expected)).await {
        Ok(_) => Ok(back(&desk, *id, "deliveries-dropped").await?),
        Err(Error::Conflict(why)) => show_drop(desk, &webhooks, *id, None, Some(super::sentence(&why))).await,
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "webhooks/secret.html")]
struct SecretView {
    shell: Shell,
    id: WebhookId,
    name: String,
    secret: Secret<String>,
    /// What was done before it is shown.
    done: &'static str,
}

/// The secret, once after it was made, renewed or asked for; otherwise asks whether it shall be shown.
pub(super) async fn secret(
    may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    fresh: Data<Fresh>,
    id: Path<WebhookId>,
) -> PageResult {
    let hook = webhooks.require(*id).await?.webhook;
    let known = desk.known().await?;
    let Some((secret, why)) = fresh.take(&may.caller, hook.id, known.now) else {
        return ask_secret(desk, &known, &hook);
    };
    html(&SecretView {
        id: hook.id,
        name: shown::name(&hook.name),
        secret,
        done: match why {
            Why::Made => "The webhook was made and is on.",
            Why::MadeTwin => {
                "The webhook was made and is on. Another one has the same address: what both hear of arrives there twice."
            }
            Why::Renewed => {
                "The secret was renewed. For 24 hours messages are signed with the old one too, so give the new one to the \
                 receiver within that time."
            }
            Why::Asked => "That you looked is put on record.",
        },
        shell: desk.shell(&known, Spot::Webhooks, crumbs(&hook, Some("Secret"))),
    })
}

fn ask_secret(desk: Desk, known: &Known, hook: &Webhook) -> PageResult {
    let name = shown::name(&hook.name);
    let unsigned = unsigned(hook);
    let ask = Ask::new(at(hook.id, "/secret"), "Show the secret")
        .class("main")
        .line("Whoever has it can forge messages. That you look at it is put on record.")
        .keep("Back", at(hook.id, ""))
        .shut(unsigned.is_some());
    Question::new(format!("Show the secret of {name}?"), Vec::new(), Vec::new()).noting("info", unsigned).ask(ask).show(
        desk,
        known,
        Spot::Webhooks,
        crumbs(hook, Some("Secret")),
    )
}

/// Why there is no secret.
fn unsigned(hook: &Webhook) -> Option<String> {
    let is_signed = matches!(hook.target, HookTarget::Http { .. });
    (!is_signed).then(|| "It has no secret: only messages to endpoints of your own are signed.".to_owned())
}

/// Where a secret is shown that is held for it.
pub(super) fn secret_page(id: WebhookId) -> String {
    at(id, "/secret")
}

/// Shows the secret; that is put on record.
pub(super) async fn reveal(
    may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    fresh: Data<Fresh>,
    id: Path<WebhookId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let secret = webhooks.reveal_secret(&desk.who(), *id).await?;
    fresh.hold(&may.caller, *id, secret, Why::Asked, desk.env.now());
    Ok(see_other(&secret_page(*id)))
}

/// Asks whether it shall get another secret.
pub(super) async fn ask_renew(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
) -> PageResult {
    show_renew(desk, &webhooks, *id, None).await
}

async fn show_renew(desk: Desk, webhooks: &Webhooks, id: WebhookId, done: Option<String>) -> PageResult {
    let known = desk.known().await?;
    let hook = webhooks.require(id).await?.webhook;
    let name = shown::name(&hook.name);
    let unsigned = unsigned(&hook);
    let ask = Ask::new(at(id, "/renew"), format!("Renew the secret of {name}"))
        .line("You are shown the new secret. Give it to the receiver within 24 hours: after that it refuses every message.")
        .line("A renewal cannot be undone.")
        .with("asked", known.now.to_string())
        .keep("Keep the secret", at(id, ""))
        .shut(unsigned.is_some());
    let stays = vec![
        fact("Address", address(&hook.target)),
        fact("What waits", said("is sent, signed with both secrets for 24 hours")),
    ];
    let goes = if unsigned.is_some() { Vec::new() } else { secrets(&known, &hook) };
    let tone = if done.is_some() { "warn" } else { "info" };
    Question::new(format!("Renew the secret of {name}?"), goes, stays).noting(tone, done.or(unsigned)).ask(ask).show(
        desk,
        &known,
        Spot::Webhooks,
        crumbs(&hook, Some("Renew the secret")),
    )
}

/// The secrets that a renewal ends.
fn secrets(known: &Known, hook: &Webhook) -> Vec<Fact> {
    let mut goes = vec![fact("The secret", said("that the receiver checks messages with: good for 24 hours more"))];
    if let HookTarget::Http { old_secret: Some((_, until)), .. } = &hook.target
        && *until > known.now
    {
        let ends = vec![said("ends at once, and not"), Value::When(known.when(*until))];
        goes.push(fact("The one before it", Value::Many(ends)));
    }
    goes
}

/// Gives it another secret.
pub(super) async fn renew(
    may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    fresh: Data<Fresh>,
    id: Path<WebhookId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let asked = Timestamp::parse(sent.field("asked")).ok_or_else(|| Error::invalid("asked", "is no time"))?;
    match webhooks.renew_secret(&desk.who(), *id, Some(asked)).await {
        Ok(secret) => {
            fresh.hold(&may.caller, *id, secret, Why::Renewed, desk.env.now());
            Ok(see_other(&secret_page(*id)))
        }
        // The first of two looks at it still has its secret to be shown.
        Err(Error::Conflict(_)) if fresh.holds(&may.caller, *id, desk.env.now()) => Ok(see_other(&secret_page(*id))),
        Err(Error::Conflict(why)) => show_renew(desk, &webhooks, *id, Some(super::sentence(&why))).await,
        Err(error) => Err(error.into()),
    }
}

/// Asks whether it shall go.
pub(super) async fn ask_remove(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
) -> PageResult {
    show_remove(desk, &webhooks, *id, None, None).await
}

async fn show_remove(
    desk: Desk,
    webhooks: &Webhooks,
    id: WebhookId,
    wrong: Option<String>,
    more: Option<String>,
) -> PageResult {
    let known = desk.known().await?;
    let Listed { webhook: hook, counts } = webhooks.require(id).await?;
    let name = shown::name(&hook.name);
    let mut goes = vec![fact("Address and secret", address(&hook.target))];
    let of_each = deliveries::counted(&known, id, counts);
    goes.extend(of_each.into_iter().map(|(what, count)| fact(format!("{what} deliveries"), count)));
    let stays = vec![
        fact("Events", said("on record, with what other webhooks were told")),
        fact("Audit trail", said("of what was done with the webhook")),
    ];
    let ask = Ask::new(at(id, "/remove"), format!("Remove {name}"))
        .line("What waits is not sent, and that cannot be undone. To stop it for a while only, turn it off instead.")
        .counting(all(counts))
        .mistyped(wrong)
        .keep("Keep it", at(id, ""));
    Question::new(format!("Remove {name}?"), goes, stays).noting("warn", more).ask(ask).show(
        desk,
        &known,
        Spot::Webhooks,
        crumbs(&hook, Some("Remove")),
    )
}

fn all(counts: DeliveryCounts) -> u64 {
    counts.waiting + counts.delivered + counts.failed + counts.dropped
}

/// Removes it.
pub(super) async fn remove(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let seen = form::counted(&sent)?;
    if let Some(why) = form::mistyped(&sent, seen) {
        return show_remove(desk, &webhooks, *id, Some(why), None).await;
    }
    if let Some(why) = form::outgrown(seen, all(webhooks.require(*id).await?.counts)) {
        return show_remove(desk, &webhooks, *id, None, Some(why)).await;
    }
    webhooks.remove(&desk.who(), *id).await?;
    let known = desk.known().await?;
    Ok(see_other(if known.opens("/admin/webhooks") { "/admin/webhooks?done=webhook-removed" } else { "/admin" }))
}
