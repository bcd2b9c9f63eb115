//! What failed or was dropped is sent to a webhook again, after a look at how much that is.

use std::time::Duration;

use actix_web::web::{Data, Path};
use askama::Template;
use aviary_domain::webhooks::{Again, Webhooks};
use aviary_kernel::base::{Error, Timestamp};
use aviary_kernel::model::WebhookId;

use super::ask::Ask;
use super::desk::{Desk, Shell};
use super::form::{self, Fields, Sent};
use super::nav::Spot;
use super::notices::Notice;
use super::{shown, webhook};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

const HOUR: Duration = Duration::from_secs(3600);
/// How far back things are sent again, and in words.
const SPANS: [(u32, &str); 5] =
    [(1, "the last hour"), (6, "the last 6 hours"), (24, "the last 24 hours"), (168, "the last 7 days"), (0, "ever")];
const USUAL_SPAN: u32 = 24;

#[derive(Template)]
#[template(path = "webhooks/again.html")]
struct AgainView {
    shell: Shell,
    id: WebhookId,
    name: String,
    notice: Option<Notice>,
    is_enabled: bool,
    spans: Vec<(u32, &'static str, bool)>,
    ask: Ask,
}

/// What stands in the way of what was asked for.
#[derive(Default)]
struct Trouble {
    notice: Option<Notice>,
    /// About the number that was typed.
    number: Option<String>,
}

/// Asks what shall be sent again, and says how much that is.
pub(super) async fn ask(
    _may: Allow<perm::WebhookWrite>,
    mut desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
) -> PageResult {
    let known_span = |text: &str| text.parse().ok().filter(|hours| SPANS.iter().any(|(known, _)| known == hours));
    let hours = desk.query.pick("hours", "the last 24 hours are shown", known_span).unwrap_or(USUAL_SPAN);
    let now = desk.env.now();
    let since = if hours == 0 { Timestamp::default() } else { now.minus(HOUR * hours) };
    show(desk, &webhooks, Again { webhook: *id, since }, hours, Trouble::default()).await
}

async fn show(desk: Desk, webhooks: &Webhooks, again: Again, hours: u32, trouble: Trouble) -> PageResult {
    let known = desk.known().await?;
    let hook = webhooks.require(again.webhook).await?.webhook;
    let count = webhooks.count_again(again).await?;
    let here = format!("/admin/webhooks/{}", hook.id);
    let said = shown::counted(count, "delivery", "deliveries");
    let ask = Ask::new(format!("{here}/again"), format!("Send {said} again"))
        .class("main")
        .line(match count {
            0 => "Nothing failed or was dropped in that time.".to_owned(),
            _ => format!(
                "{said} leave for {}. Each keeps its id, so a receiver that took one already can tell.",
                shown::name(&hook.name)
            ),
        })
        .with("since", again.since.to_string())
        .with("hours", hours.to_string())
        .counting(count)
        .mistyped(trouble.number)
        .keep("Back", format!("{here}/deliveries"))
        .shut(count == 0 || !hook.is_enabled)
        .seen_by(&desk, &known);
    html(&AgainView {
        id: hook.id,
        name: shown::name(&hook.name),
        notice: trouble.notice,
        is_enabled: hook.is_enabled,
        spans: SPANS.map(|(span, words)| (span, words, span == hours)).into(),
        ask,
        shell: desk.shell(&known, Spot::Webhooks, webhook::crumbs(&hook, Some("Send again"))),
    })
}

/// Sends again what was counted.
pub(super) async fn send(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let since = Timestamp::parse(sent.field("since")).ok_or_else(|| Error::invalid("since", "is no time"))?;
    let expected = form::counted(&sent)?;
    let again = Again { webhook: *id, since };
    let hours = sent.field("hours").parse().unwrap_or(USUAL_SPAN);
    if let Some(why) = form::mistyped(&sent, expected) {
        return show(desk, &webhooks, again, hours, Trouble { number: Some(why), notice: None }).await;
    }
    match webhooks.send_all_again(&desk.who(), again, expected).await {
        Ok(_) => Ok(webhook::back(&desk, *id, "deliveries-again").await?),
        Err(Error::Conflict(why)) => {
            let notice = Some(Notice::new("bad", super::sentence(&why)));
            show(desk, &webhooks, again, hours, Trouble { notice, number: None }).await
        }
        Err(error) => Err(error.into()),
    }
}
