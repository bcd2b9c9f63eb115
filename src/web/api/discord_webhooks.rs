//! Webhooks of Discord as the admin area of the older API knew them, and the events that other back ends want told. Addresses
//! go in and come out masked; one that comes back as it was shown means that it stays.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Json, Path, Query};
use aviary_domain::webhooks::{NewTarget, NewWebhook, WebhookPatch, Webhooks, shown_address};
use aviary_kernel::base::{Error, Result, Secret, Timestamp};
use aviary_kernel::model::{HookScope, HookTarget, HookTopic, Webhook, WebhookId, Weight};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::reply::{self, Reply};
use super::words::{filled, seconds};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, Problem, ProblemView};

/// A webhook, as the older API has it.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiscordWebhookView {
    id: Uuid,
    name: String,
    /// Masked: who knows it can post.
    webhook_url: String,
    /// `GAME_SERVER`, `VPS`, `SYSTEM`, `BILLING`, `SECURITY`, `SUPPORT` or `CUSTOM`.
    r#type: &'static str,
    /// `ADMIN`, `USER` or `PUBLIC`.
    scope: &'static str,
    description: String,
    enabled: bool,
    /// When the test last went well.
    #[schema(value_type = Option<String>, format = DateTime)]
    test_success_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Webhook> for DiscordWebhookView {
    fn from(hook: Webhook) -> Self {
        Self {
            id: hook.id,
            webhook_url: shown_address(&hook.target).unwrap_or_default().to_owned(),
            name: hook.name,
            r#type: hook.topic.word(),
            scope: hook.scope.word(),
            description: hook.description,
            enabled: hook.is_enabled,
            test_success_at: hook.test_success_at.map(seconds),
            created_at: seconds(hook.created_at),
        }
    }
}

/// The webhooks of Discord, newest first; of one scope, or of all.
pub(super) async fn of_scope(webhooks: &Webhooks, scope: Option<HookScope>) -> Result<Vec<DiscordWebhookView>> {
    let all = webhooks.all().await?.into_iter().map(|listed| listed.webhook);
    let of_discord = all.filter(|hook| matches!(hook.target, HookTarget::Discord { .. }));
    Ok(of_discord.filter(|hook| scope.is_none_or(|scope| hook.scope == scope)).map(Into::into).collect())
}

/// The webhooks.
#[derive(Serialize, ToSchema)]
pub(crate) struct DiscordWebhooksView {
    success: bool,
    /// Newest first.
    webhooks: Vec<DiscordWebhookView>,
}

/// The webhooks of Discord
///
/// Those that go elsewhere are listed by `/api/v1/webhooks` only.
#[utoipa::path(get, path = "/api/admin/settings/webhooks", tag = "admin", responses((status = 200, body = DiscordWebhooksView)))]
pub(crate) async fn list(webhooks: Data<Webhooks>, _caller: Allow<perm::WebhookRead>) -> ApiResult {
    let webhooks = of_scope(&webhooks, None).await?;
    Ok(HttpResponse::Ok().json(DiscordWebhooksView { success: true, webhooks }))
}

/// A webhook that was made or changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoredWebhookView {
    success: bool,
    message: String,
    webhook: DiscordWebhookView,
    /// The same, for front ends that look for it here.
    data: WebhookDataView,
}

/// A webhook inside `data`.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookDataView {
    webhook: DiscordWebhookView,
}

fn stored(webhook: Webhook, message: impl Into<String>) -> HttpResponse {
    let webhook = DiscordWebhookView::from(webhook);
    let data = WebhookDataView { webhook: webhook.clone() };
    HttpResponse::Ok().json(StoredWebhookView { success: true, message: message.into(), webhook, data })
}

/// A webhook that somebody wants.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MakeDiscordWebhook {
    name: String,
    /// The address, as Discord shows it.
    #[schema(value_type = String)]
    webhook_url: Secret<String>,
    /// `SYSTEM` unless told.
    r#type: Option<String>,
    /// `ADMIN` unless told.
    scope: Option<String>,
    description: Option<String>,
}

/// Make a webhook of Discord
///
/// It is turned on, and hears what suits its type and scope.
#[utoipa::path(post, path = "/api/admin/settings/webhooks", tag = "admin", request_body = MakeDiscordWebhook, responses(
    (status = 200, body = StoredWebhookView),
    (status = 400, description = "A value is missing or cannot be taken", body = ProblemView),
))]
pub(crate) async fn make(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    body: Json<MakeDiscordWebhook>,
) -> ApiResult {
    let MakeDiscordWebhook { name, webhook_url, r#type, scope, description } = body.into_inner();
    let new = NewWebhook {
        name,
        description: description.unwrap_or_default(),
        target: NewTarget::Discord { url: webhook_url },
        topic: word(r#type.as_deref())?.unwrap_or(HookTopic::System),
        scope: word(scope.as_deref())?.unwrap_or(HookScope::Admin),
        events: None,
        panels: Vec::new(),
        least: Weight::Info,
    };
    let made = webhooks.make(&caller.who, new).await.map_err(named)?;
    Ok(stored(made.webhook, "Webhook created"))
}

/// One of our words, if there is any.
fn word<T: std::str::FromStr<Err = Error>>(text: Option<&str>) -> Result<Option<T>> {
    filled(text).map(|text| text.parse()).transpose()
}

/// The service says `url` where this API says `webhookUrl`.
fn named(error: Error) -> Error {
    match error {
        Error::Invalid { field: "url", reason } => Error::invalid("webhookUrl", reason),
        other => other,
    }
}

/// Which webhook, in the address.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichQuery {
    /// Its id, unless that is in the body.
    id: Option<String>,
}

/// Which webhook.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct WhichWebhook {
    /// Its id, unless that is in the address.
    id: Option<String>,
}

/// What is to become different. What is absent, null or empty stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeDiscordWebhook {
    /// Its id, unless that is in the address.
    id: Option<String>,
    name: Option<String>,
    /// The masked address stands for the one that is there.
    #[schema(value_type = Option<String>)]
    webhook_url: Option<Secret<String>>,
    r#type: Option<String>,
    scope: Option<String>,
    description: Option<String>,
    enabled: Option<bool>,
}

/// A body that may be left out.
fn sent<T: DeserializeOwned + Default>(body: &Bytes) -> ApiResult<T> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))
}

/// The id that the body or the address has.
fn which(in_body: Option<String>, query: &WhichQuery) -> Result<String> {
    let named = filled(in_body.as_deref()).or_else(|| filled(query.id.as_deref()));
    named.ok_or_else(|| Error::invalid("id", "is missing: say which webhook, in the body or as ?id="))
}

fn parsed(id: &str) -> Result<WebhookId> {
    id.parse().map_err(|_| unknown())
}

fn unknown() -> Error {
    Error::invalid("id", "names no webhook that there is")
}

/// Change a webhook
#[utoipa::path(put, path = "/api/admin/settings/webhooks", tag = "admin", params(WhichQuery), request_body = ChangeDiscordWebhook, responses(
    (status = 200, body = StoredWebhookView),
    (status = 400, description = "No such webhook, or a value cannot be taken", body = ProblemView),
))]
pub(crate) async fn change(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    query: Query<WhichQuery>,
    body: Bytes,
) -> ApiResult {
    let wanted: ChangeDiscordWebhook = sent(&body)?;
    let id = parsed(&which(wanted.id, &query)?)?;
    let patch = WebhookPatch {
        name: filled(wanted.name.as_deref()),
        url: wanted.webhook_url,
        topic: word(wanted.r#type.as_deref())?,
        scope: word(wanted.scope.as_deref())?,
        description: filled(wanted.description.as_deref()),
        is_enabled: wanted.enabled,
        ..WebhookPatch::default()
    };
    let changed = webhooks.change(&caller.who, id, patch).await.map_err(|error| named(gone_is_bad(error)))?;
    Ok(stored(changed, "Webhook updated"))
}

/// This API says 400 of what is not there.
fn gone_is_bad(error: Error) -> Error {
    if matches!(error, Error::NotFound { .. }) { unknown() } else { error }
}

/// What came of a test.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestedWebhookView {
    /// Whether it was taken.
    success: bool,
    message: String,
    /// What went wrong, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// When the test last went well.
    #[schema(value_type = Option<String>, format = DateTime)]
    test_success_at: Option<Timestamp>,
}

/// Test a webhook
///
/// Really posts something, also when the webhook is turned off.
#[utoipa::path(patch, path = "/api/admin/settings/webhooks", tag = "admin", params(WhichQuery), request_body = WhichWebhook, responses(
    (status = 200, description = "Tested; also when it was not taken", body = TestedWebhookView),
    (status = 400, description = "No such webhook", body = ProblemView),
))]
pub(crate) async fn test(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    query: Query<WhichQuery>,
    body: Bytes,
) -> ApiResult {
    let wanted: WhichWebhook = sent(&body)?;
    let id = parsed(&which(wanted.id, &query)?)?;
    let tried = webhooks.try_out(&caller.who, id).await.map_err(gone_is_bad)?;
    let error = tried.attempt.error;
    Ok(HttpResponse::Ok().json(TestedWebhookView {
        success: error.is_none(),
        message: error.clone().unwrap_or_else(|| "Webhook test sent".into()),
        error,
        test_success_at: tried.webhook.test_success_at.map(seconds),
    }))
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct RemovedWebhookView {
    success: bool,
    message: String,
}

async fn removed(webhooks: &Webhooks, caller: &Allow<perm::WebhookWrite>, id: &str) -> ApiResult {
    let message = match id.parse::<WebhookId>() {
        Err(_) => NOT_THERE,
        Ok(id) => match webhooks.remove(&caller.who, id).await {
            Ok(()) => "Webhook deleted",
            Err(Error::NotFound { .. }) => NOT_THERE,
            Err(error) => return Err(error.into()),
        },
    };
    Ok(HttpResponse::Ok().json(RemovedWebhookView { success: true, message: message.into() }))
}

const NOT_THERE: &str = "There is no such webhook";

/// Remove a webhook
///
/// The id stands in the body or in the address. One that is not there is no fault.
#[utoipa::path(delete, path = "/api/admin/settings/webhooks", tag = "admin", params(WhichQuery), request_body = Option<WhichWebhook>, responses(
    (status = 200, body = RemovedWebhookView),
    (status = 400, description = "It was not said which", body = ProblemView),
))]
pub(crate) async fn remove(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    query: Query<WhichQuery>,
    body: Bytes,
) -> ApiResult {
    let wanted: WhichWebhook = sent(&body)?;
    removed(&webhooks, &caller, &which(wanted.id, &query)?).await
}

/// Remove the webhook that the path names
///
/// One that is not there is no fault.
#[utoipa::path(delete, path = "/api/admin/settings/webhooks/{id}", tag = "admin", params(("id" = String, Path)),
    responses((status = 200, body = RemovedWebhookView)))]
pub(crate) async fn remove_named(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    id: Path<String>,
) -> ApiResult {
    removed(&webhooks, &caller, &id).await
}

/// Something that happened elsewhere.
#[derive(Deserialize, ToSchema)]
pub(crate) struct DispatchEvent {
    /// Such as `server.suspended`; 1 to 100 characters. Names without facts of their own are told as `notice.posted`.
    event: String,
    /// What is known of it: up to 50 values, which are told as text.
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
}

/// What was put on its way.
#[derive(Serialize, ToSchema)]
pub(crate) struct DispatchedView {
    /// Webhooks that it goes to.
    dispatched: usize,
    /// One delivery for each.
    task_ids: Vec<Uuid>,
}

/// Have an event told
///
/// To every webhook that is turned on, whatever it is about and for whom.
#[utoipa::path(post, path = "/api/v1/webhook/dispatch", tag = "webhooks", request_body = DispatchEvent, responses(
    (status = 202, description = "It is on its way", body = Reply<DispatchedView>),
    (status = 400, description = "The name or the data cannot be taken", body = ProblemView),
))]
pub(crate) async fn dispatch(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::EventSend>,
    body: Json<DispatchEvent>,
) -> ApiResult {
    let DispatchEvent { event, data } = body.into_inner();
    let sent = webhooks.dispatch(&caller.who, &event, &data.unwrap_or_default()).await?;
    let view = DispatchedView { dispatched: sent.deliveries.len(), task_ids: sent.deliveries };
    Ok(reply::told(StatusCode::ACCEPTED, view, "Webhooks dispatched"))
}
