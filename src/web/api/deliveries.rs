//! What became of events on their way to webhooks.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query};
use aviary_domain::webhooks::{Again, DeliveryQuery, Webhooks};
use aviary_kernel::base::{Cursor, Timestamp};
use aviary_kernel::model::{Delivery, DeliveryAttempt, DeliveryId, DeliveryState, Event, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::events::EventView;
use super::reply::{self, Reply, Walk};
use super::syncs::limit;
use super::words::filled;
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};

/// An event on its way to a webhook.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryView {
    id: Uuid,
    /// To where.
    webhook: Uuid,
    /// The id of the event; what the receiver sees as `webhook-id`.
    event: Uuid,
    /// The name of the event.
    r#type: &'static str,
    /// `waiting`, `delivered`, `failed` or `dropped`.
    state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it is tried next; null when it waits no more.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_try_at: Option<Timestamp>,
    /// When it was over.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Why it was given up or not sent.
    why: Option<String>,
    /// Tries since it was written or asked for again.
    tries: u32,
    /// The status of the last answer.
    status: Option<u16>,
}

impl From<&Delivery> for DeliveryView {
    fn from(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id,
            webhook: delivery.webhook,
            event: delivery.event,
            r#type: delivery.name.name(),
            state: delivery.state.word(),
            created_at: delivery.created_at,
            next_try_at: Some(delivery.due_at).filter(|_| delivery.state == DeliveryState::Waiting),
            finished_at: delivery.finished_at,
            why: delivery.why.clone(),
            tries: delivery.tries,
            status: delivery.attempts.last().and_then(|attempt| attempt.status),
        }
    }
}

/// A try to deliver something.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryAttemptView {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Milliseconds it took.
    took_ms: u64,
    /// The status of the answer; null when there was none.
    status: Option<u16>,
    /// What went wrong and what to do about it; null = it was taken.
    error: Option<String>,
    /// The beginning of the answer.
    excerpt: String,
    /// How many events went with it in one message, this one included.
    together: u32,
}

impl From<DeliveryAttempt> for DeliveryAttemptView {
    fn from(DeliveryAttempt { at, took_ms, status, error, excerpt, together }: DeliveryAttempt) -> Self {
        Self { at, took_ms, status, error, excerpt, together }
    }
}

/// A delivery with its tries.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryDetailView {
    delivery: DeliveryView,
    /// What happened; null when that is no longer known.
    event: Option<EventView>,
    /// Oldest first; of many the latest 25.
    attempts: Vec<DeliveryAttemptView>,
}

impl DeliveryDetailView {
    fn new(delivery: Delivery, event: Option<Event>) -> Self {
        Self {
            delivery: DeliveryView::from(&delivery),
            event: event.map(EventView::from),
            attempts: delivery.attempts.into_iter().map(DeliveryAttemptView::from).collect(),
        }
    }
}

/// What is asked of the list of deliveries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveriesQuery {
    /// `waiting`, `delivered`, `failed` or `dropped`.
    state: Option<String>,
    /// 1 to 200; 25 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// What became of what was to be sent to a webhook, newest first
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks", params(("id" = Uuid, Path), DeliveriesQuery), responses(
    (status = 200, body = Reply<Walk<DeliveryView>>),
    (status = 400, description = "A filter cannot be read", body = ProblemView),
    (status = 404, description = "There is no such webhook", body = ProblemView),
))]
pub(crate) async fn list(
    webhooks: Data<Webhooks>,
    _caller: Allow<perm::WebhookRead>,
    id: Path<WebhookId>,
    query: Query<DeliveriesQuery>,
) -> ApiResult {
    webhooks.require(*id).await?;
    let asked = DeliveryQuery {
        webhook: Some(*id),
        state: filled(query.state.as_deref()).map(|word| word.parse()).transpose()?,
        after: query.cursor.as_deref().map(str::parse::<Cursor>).transpose()?,
        limit: limit(query.limit, 25, 200)?,
    };
    let page = webhooks.deliveries(asked).await?;
    let items: Vec<_> = page.deliveries.iter().map(|(delivery, _)| DeliveryView::from(delivery)).collect();
    Ok(reply::ok(Walk::new(items, page.next.as_ref())))
}

/// A delivery, with its event and every try
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Reply<DeliveryDetailView>),
    (status = 404, description = "There is no such delivery", body = ProblemView),
))]
pub(crate) async fn one(
    webhooks: Data<Webhooks>,
    _caller: Allow<perm::WebhookRead>,
    id: Path<DeliveryId>,
) -> ApiResult {
    let (delivery, event) = webhooks.delivery(*id).await?;
    Ok(reply::ok(DeliveryDetailView::new(delivery, event)))
}

/// Send a delivery again
///
/// Whatever became of it. It keeps its `webhook-id`, so the receiver can tell that it is the same.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/redeliver", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 202, description = "It waits to be sent", body = Reply<DeliveryView>),
    (status = 404, description = "There is no such delivery", body = ProblemView),
    (status = 409, description = "It waits already, or its webhook is turned off", body = ProblemView),
))]
pub(crate) async fn redeliver(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    id: Path<DeliveryId>,
) -> ApiResult {
    let delivery = webhooks.send_again(&caller.who, *id).await?;
    Ok(reply::told(StatusCode::ACCEPTED, DeliveryView::from(&delivery), "it is sent again"))
}

/// What to send again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedeliverAll {
    /// What was written since then, and failed or was dropped.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// How many you know there are; without it you are told, and nothing is done.
    expected: Option<u64>,
}

/// What became of many deliveries.
#[derive(Serialize, ToSchema)]
pub(crate) struct RedeliveredView {
    /// Deliveries that failed or were dropped since then, when this was asked.
    count: u64,
    /// Deliveries that are sent again.
    done: u64,
}

/// Send everything again that failed or was dropped
///
/// Ask without `expected` first: the answer says how many deliveries it would be. Then send that number as `expected`. When
/// there are more by then, nothing is done.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/redeliver", tag = "webhooks", params(("id" = Uuid, Path)), request_body = RedeliverAll, responses(
    (status = 200, body = Reply<RedeliveredView>),
    (status = 404, description = "There is no such webhook", body = ProblemView),
    (status = 409, description = "There are more than expected, or the webhook is turned off; nothing was done", body = ProblemView),
))]
pub(crate) async fn redeliver_all(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    id: Path<WebhookId>,
    wanted: Json<RedeliverAll>,
) -> ApiResult {
    let again = Again { webhook: *id, since: wanted.since };
    let count = webhooks.count_again(again).await?;
    let Some(expected) = wanted.expected else {
        let message = format!("nothing was done yet: send \"expected\": {count} to send these again");
        return Ok(reply::told(StatusCode::OK, RedeliveredView { count, done: 0 }, message));
    };
    let done = webhooks.send_all_again(&caller.who, again, expected).await?;
    Ok(reply::ok(RedeliveredView { count, done }))
}

/// What was dropped.
#[derive(Serialize, ToSchema)]
pub(crate) struct DroppedView {
    /// Deliveries that waited and are not sent.
    dropped: u64,
}

/// Drop what waits for a webhook
///
/// It is not sent; it can be asked for again.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}/waiting", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Reply<DroppedView>),
    (status = 404, description = "There is no such webhook", body = ProblemView),
))]
pub(crate) async fn drop_waiting(
    webhooks: Data<Webhooks>,
    caller: Allow<perm::WebhookWrite>,
    id: Path<WebhookId>,
) -> ApiResult {
    let dropped = webhooks.drop_waiting(&caller.who, *id, None).await?;
    Ok(reply::ok(DroppedView { dropped }))
}

/// The deliveries of an event.
pub(super) fn views(deliveries: &[Delivery]) -> Vec<DeliveryView> {
    deliveries.iter().map(DeliveryView::from).collect()
}
