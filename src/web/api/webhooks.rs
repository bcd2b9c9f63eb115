//! Webhooks: who wants to hear of events. Addresses go in and come out masked; secrets come out where they are made, and
//! where somebody asks for one, which goes on record.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use aviary_domain::webhooks::{
    DeliveryCounts, Listed, Made, NewTarget, NewWebhook, Tried, WebhookPatch, Webhooks, shown_address,
};
use aviary_kernel::base::{Error, Result, Secret, Timestamp};
use aviary_kernel::model::{Actor, Email, HookScope, HookTarget, HookTopic, PanelId, WebhookId, Weight};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::deliveries::DeliveryAttemptView;
use super::reply::{self, Reply};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};

/// A webhook.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookView {
    id: Uuid,
    name: String,
    description: String,
    /// `discord`, `http` or `mail`.
    target: &'static str,
    /// Its address, masked: who knows it can post. Null for mail.
    url: Option<String>,
    /// To whom mail goes; empty for others.
    to: Vec<String>,
    /// Until when messages are signed with the secret before the last renewal too; null = with the present one only.
    #[schema(value_type = Option<String>, format = DateTime)]
    old_secret_until: Option<Timestamp>,
    /// `GAME_SERVER`, `VPS`, `SYSTEM`, `BILLING`, `SECURITY`, `SUPPORT` or `CUSTOM`.
    r#type: &'static str,
    /// `ADMIN`, `USER` or `PUBLIC`.
    scope: &'static str,
    /// What it hears of: names and patterns such as `server.*` and `*`.
    events: Vec<String>,
    /// The panels it hears of; empty = all, and what is about none.
    #[schema(value_type = Vec<u32>)]
    panels: Vec<PanelId>,
    /// It hears of nothing that matters less: `info`, `warning` or `alert`.
    severity: &'static str,
    /// Whether anything is sent.
    enabled: bool,
    /// Why Aviary turned it off; null when it did not.
    disabled_why: Option<String>,
    /// Since when every try failed; null after one that went well.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// Tries that failed in a row.
    failures: u32,
    /// When the test last went well.
    #[schema(value_type = Option<String>, format = DateTime)]
    test_success_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    deliveries: DeliveryCountsView,
}

/// How many deliveries are in each state.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryCounts)]
struct DeliveryCountsView {
    /// Wait to be sent.
    waiting: u64,
    /// Were taken by the other side.
    delivered: u64,
    /// Were given up.
    failed: u64,
    /// Were not sent.
    dropped: u64,
}

impl From<DeliveryCounts> for DeliveryCountsView {
    fn from(DeliveryCounts { waiting, delivered, failed, dropped }: DeliveryCounts) -> Self {
        Self { waiting, delivered, failed, dropped }
    }
}

impl From<Listed> for WebhookView {
    fn from(Listed { webhook: hook, counts }: Listed) -> Self {
        let url = shown_address(&hook.target).map(str::to_owned);
        let (to, old_secret_until) = match hook.target {
            HookTarget::Mail { ref to } => (to.iter().map(Email::to_string).collect(), None),
            HookTarget::Http { ref old_secret, .. } => (Vec::new(), old_secret.as_ref().map(|(_, until)| *until)),
            HookTarget::Discord { .. } => (Vec::new(), None),
        };
        Self {
            id: hook.id,
            name: hook.name,
            description: hook.description,
            target: hook.target.word(),
            url,
            to,
            old_secret_until,
            r#type: hook.topic.word(),
            scope: hook.scope.word(),
            events: hook.events.iter().map(|pattern| pattern.text().to_owned()).collect(),
            panels: hook.panels,
            severity: hook.least.word(),
            enabled: hook.is_enabled,
            disabled_why: hook.disabled_why,
            failing_since: hook.failing_since,
            failures: hook.failures,
            test_success_at: hook.test_success_at,
            created_at: hook.created_at,
            updated_at: hook.updated_at,
            deliveries: counts.into(),
        }
    }
}

async fn view(webhooks: &Webhooks, id: WebhookId) -> Result<WebhookView> {
    webhooks.require(id).await.map(WebhookView::from)
}

/// Webhooks, newest first
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", responses((status = 200, body = Reply<Vec<WebhookView>>)))]
pub(crate) async fn list(webhooks: Data<Webhooks>, _caller: Allow<perm::WebhookRead>) -> ApiResult {
    let all = webhooks.all().await?.into_iter().map(WebhookView::from);
    Ok(reply::ok(all.collect::<Vec<_>>()))
}

/// A webhook
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Reply<WebhookView>),
    (status = 404, description = "There is no such webhook", body = ProblemView),
))]
pub(crate) async fn one(webhooks: Data<Webhooks>, _caller: Allow<perm::WebhookRead>, id: Path<WebhookId>) -> ApiResult {
    Ok(reply::ok(view(&webhooks, *id).await?))
}

/// A webhook that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MakeWebhook {
    /// 1 to 100 characters.
    name: String,
    /// Up to 500 characters.
    #[serde(default)]
    description: String,
    /// `discord`, `http` or `mail`.
    target: String,
    /// The address; for Discord and HTTP.
    #[schema(value_type = Option<String>)]
    url: Option<Secret<String>>,
    /// The secret to sign with, `whsec_` and base64; a new one is made unless told. For HTTP.
    #[schema(value_type = Option<String>)]
    secret: Option<Secret<String>>,
    /// 1 to 20 e-mail addresses; for mail.
    to: Option<Vec<String>>,
    /// `SYSTEM` unless told.
    r#type: Option<String>,
    /// `ADMIN` unless told.
    scope: Option<String>,
    /// Names and patterns such as `server.*` and `*`; what suits type and scope unless told.
    events: Option<Vec<String>>,
    /// Panels; all unless told.
    #[serde(default)]
    #[schema(value_type = Vec<u32>)]
    panels: Vec<PanelId>,
    /// Nothing that matters less: `info`, `warning` or `alert`; `info` unless told.
    severity: Option<String>,
}

impl MakeWebhook {
    fn new_webhook(self) -> Result<NewWebhook> {
        let target = match (self.target.as_str(), self.url, self.to, self.secret) {
            ("discord", Some(url), None, None) => NewTarget::Discord { url },
            ("http", Some(url), None, secret) => NewTarget::Http { url, secret },
            ("mail", None, Some(to), None) => NewTarget::Mail { to },
            ("discord" | "http", None, ..) => return Err(Error::invalid("url", "is missing: where to post to")),
            ("mail", _, None, _) => return Err(Error::invalid("to", "is missing: whom to write to")),
            ("mail", Some(_), ..) => return Err(Error::invalid("url", "is not for webhooks that send mail")),
            ("discord" | "http", _, Some(_), _) => return Err(Error::invalid("to", "is for webhooks that send mail")),
            ("discord" | "mail", ..) => {
                return Err(Error::invalid("secret", "is for `http` only: others are not signed"));
            }
            _ => return Err(Error::invalid("target", "is discord, http or mail")),
        };
        Ok(NewWebhook {
            name: self.name,
            description: self.description,
            target,
            topic: self.r#type.map_or(Ok(HookTopic::System), |word| word.parse())?,
            scope: self.scope.map_or(Ok(HookScope::Admin), |word| word.parse())?,
            events: self.events,
            panels: self.panels,
            least: self.severity.map_or(Ok(Weight::Info), |word| word.parse())?,
        })
    }
}

/// A webhook that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeWebhookView {
    webhook: WebhookView,
    /// What messages are signed with; null where they are not.
    secret: Option<String>,
    /// What others with the same address are called: what several hear of arrives there several times.
    twins: Vec<String>,
}

/// Make a webhook
///
/// It is turned on. The answer holds the secret that messages are signed with.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = MakeWebhook, responses(
    (status = 201, description = "Made", body = Reply<MadeWebhookView>),
    (status = 400, description = "A value cannot be taken, such as an address inside the network", body = ProblemView),
))]
pub(crate) async fn make(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    wanted: Json<MakeWebhook>,
) -> ApiResult {
    let new = wanted.into_inner().new_webhook()?;
    let Made { webhook, secret, twins } = webhooks.make(&caller.who, new).await?;
    let secret = secret.map(|secret| secret.reveal().clone());
    let message = match (&secret, twins.is_empty()) {
        (Some(_), _) => {
            "the receiver checks signatures with the secret; who looks at it later is put on record".to_owned()
        }
        (None, true) => String::new(),
        (None, false) => format!("the same address is that of {}", twins.join(", ")),
    };
    let webhook = WebhookView::from(Listed { webhook, counts: DeliveryCounts::default() });
    Ok(reply::told(StatusCode::CREATED, MadeWebhookView { webhook, secret, twins }, message))
}

/// What is to become different of a webhook. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangeWebhook {
    name: Option<String>,
    description: Option<String>,
    /// The masked address stands for the one that is there.
    #[schema(value_type = Option<String>)]
    url: Option<Secret<String>>,
    to: Option<Vec<String>>,
    r#type: Option<String>,
    scope: Option<String>,
    events: Option<Vec<String>>,
    #[schema(value_type = Option<Vec<u32>>)]
    panels: Option<Vec<PanelId>>,
    severity: Option<String>,
    /// What waits when it is turned off is not sent; it can be asked for again.
    enabled: Option<bool>,
}

/// Change a webhook
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path)), request_body = ChangeWebhook, responses(
    (status = 200, description = "Changed", body = Reply<WebhookView>),
    (status = 400, description = "A value cannot be taken", body = ProblemView),
    (status = 404, description = "There is no such webhook", body = ProblemView),
))]
pub(crate) async fn change(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    id: Path<WebhookId>,
    wanted: Json<ChangeWebhook>,
) -> ApiResult {
    let ChangeWebhook { name, description, url, to, r#type, scope, events, panels, severity, enabled } =
        wanted.into_inner();
    let patch = WebhookPatch {
        name,
        description,
        url,
        to,
        topic: r#type.map(|word| word.parse()).transpose()?,
        scope: scope.map(|word| word.parse()).transpose()?,
        events,
        panels,
        least: severity.map(|word| word.parse()).transpose()?,
        is_enabled: enabled,
    };
    webhooks.change(&caller.who, *id, patch).await?;
    Ok(reply::ok(view(&webhooks, *id).await?))
}

/// Remove a webhook
///
/// With what is known of its deliveries. The events stay.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "Removed; `data` is null", body = Reply<Option<String>>),
    (status = 404, description = "There is no such webhook", body = ProblemView),
))]
pub(crate) async fn remove(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    id: Path<WebhookId>,
) -> ApiResult {
    webhooks.remove(&caller.who, *id).await?;
    Ok(reply::told(StatusCode::OK, None::<String>, "the webhook was removed"))
}

async fn switched(webhooks: &Webhooks, who: &Actor, id: WebhookId, is_enabled: bool) -> ApiResult {
    webhooks.set_enabled(who, id, is_enabled).await?;
    let message = if is_enabled { "the webhook is on" } else { "the webhook is off; what waited is not sent" };
    Ok(reply::told(StatusCode::OK, view(webhooks, id).await?, message))
}

/// Turn a webhook on
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/enable", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "It is on", body = Reply<WebhookView>),
    (status = 404, description = "There is no such webhook", body = ProblemView),
))]
pub(crate) async fn enable(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    id: Path<WebhookId>,
) -> ApiResult {
    switched(&webhooks, &caller.who, *id, true).await
}

/// Turn a webhook off
///
/// What waits is not sent; it can be asked for again.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/disable", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "It is off", body = Reply<WebhookView>),
    (status = 404, description = "There is no such webhook", body = ProblemView),
))]
pub(crate) async fn disable(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    id: Path<WebhookId>,
) -> ApiResult {
    switched(&webhooks, &caller.who, *id, false).await
}

/// What came of a test.
#[derive(Serialize, ToSchema)]
pub(crate) struct TriedView {
    /// Whether it was taken.
    taken: bool,
    /// The event that was sent.
    event: Uuid,
    attempt: DeliveryAttemptView,
}

/// Test a webhook
///
/// Sends a `webhook.test` at once, also when the webhook is turned off, and waits for the answer.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "Tested; also when it was not taken", body = Reply<TriedView>),
    (status = 404, description = "There is no such webhook", body = ProblemView),
))]
pub(crate) async fn test(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    id: Path<WebhookId>,
) -> ApiResult {
    let Tried { event, attempt, .. } = webhooks.try_out(&caller.who, *id).await?;
    let message = attempt.error.clone().unwrap_or_else(|| "the test was taken".into());
    let view = TriedView { taken: attempt.error.is_none(), event, attempt: attempt.into() };
    Ok(reply::told(StatusCode::OK, view, message))
}

/// What messages are signed with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SigningSecretView {
    /// `whsec_` and base64.
    secret: String,
    /// Until when messages are signed with the secret before it too; null = with this one only.
    #[schema(value_type = Option<String>, format = DateTime)]
    old_secret_until: Option<Timestamp>,
}

async fn secret_view(webhooks: &Webhooks, id: WebhookId, secret: &Secret<String>) -> Result<SigningSecretView> {
    let old_secret_until = view(webhooks, id).await?.old_secret_until;
    Ok(SigningSecretView { secret: secret.reveal().clone(), old_secret_until })
}

/// The secret of a webhook
///
/// That somebody looked is put on record.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/secret", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Reply<SigningSecretView>),
    (status = 404, description = "There is no such webhook", body = ProblemView),
    (status = 409, description = "Its messages are not signed", body = ProblemView),
))]
pub(crate) async fn secret(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    id: Path<WebhookId>,
) -> ApiResult {
    let secret = webhooks.reveal_secret(&caller.who, *id).await?;
    Ok(reply::ok(secret_view(&webhooks, *id, &secret).await?))
}

/// Renew the secret of a webhook
///
/// For a day messages are signed with the old one too.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/renew-secret", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "Renewed", body = Reply<SigningSecretView>),
    (status = 404, description = "There is no such webhook", body = ProblemView),
    (status = 409, description = "Its messages are not signed", body = ProblemView),
))]
pub(crate) async fn renew_secret(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    id: Path<WebhookId>,
) -> ApiResult {
    let secret = webhooks.renew_secret(&caller.who, *id, None).await?;
    let message = "give it to the receiver within a day: until then messages carry both signatures";
    Ok(reply::told(StatusCode::OK, secret_view(&webhooks, *id, &secret).await?, message))
}
