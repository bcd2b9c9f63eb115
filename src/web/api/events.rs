//! What happened and was told, and everything that can be.

use actix_web::web::{Data, Path, Query};
use aviary_domain::events::{EventQuery, Events, Happening, Told};
use aviary_kernel::base::{Cursor, Error, Result, Timestamp};
use aviary_kernel::model::{Event, EventId, EventName, PanelId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::deliveries::{DeliveryView, views};
use super::reply::{self, Reply, Walk};
use super::syncs::limit;
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventView {
    id: Uuid,
    /// Such as `server.created`; see `/api/v1/event-types`.
    r#type: &'static str,
    /// `info`, `warning` or `alert`.
    severity: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The panel it is about.
    #[schema(value_type = Option<u32>)]
    panel: Option<PanelId>,
    /// One sentence for people.
    summary: String,
    /// The facts: an object.
    data: Value,
    /// The program or person that wants it told; null = Aviary noticed it.
    posted_by: Option<String>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            r#type: event.name.name(),
            severity: event.name.weight().word(),
            at: event.at,
            panel: event.panel,
            summary: event.summary,
            // What this release wrote is JSON; of anything else nothing is known.
            data: serde_json::from_str(&event.data).unwrap_or_default(),
            posted_by: event.posted_by,
        }
    }
}

/// What is asked of the list of events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// A name, or a pattern such as `server.*`.
    name: Option<String>,
    /// 1 to 200; 25 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// What happened, newest first
///
/// Changes of mirrored objects are kept when somebody wants to hear of them; all of them stand in the history.
#[utoipa::path(get, path = "/api/v1/events", tag = "webhooks", params(EventsQuery), responses(
    (status = 200, body = Reply<Walk<EventView>>),
    (status = 400, description = "The name stands for no event, or the cursor is not of this list", body = ProblemView),
))]
pub(crate) async fn list(
    events: Data<Events>,
    _caller: Allow<perm::WebhookRead>,
    query: Query<EventsQuery>,
) -> ApiResult {
    let like = EventQuery::like(query.name.as_deref().unwrap_or_default()).map_err(of_name)?;
    let after = query.cursor.as_deref().map(str::parse::<Cursor>).transpose()?;
    let page = events.list(EventQuery { after, limit: limit(query.limit, 25, 200)?, ..like }).await?;
    let items: Vec<_> = page.events.into_iter().map(EventView::from).collect();
    Ok(reply::ok(Walk::new(items, page.next.as_ref())))
}

/// The field is called `name` here.
fn of_name(error: Error) -> Error {
    match error {
        Error::Invalid { reason, .. } => Error::invalid("name", reason),
        other => other,
    }
}

/// An event, and what became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ToldView {
    event: EventView,
    /// To whom it went, oldest first.
    deliveries: Vec<DeliveryView>,
}

/// An event, and to whom it went
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "webhooks", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Reply<ToldView>),
    (status = 404, description = "There is no such event, or it was forgotten", body = ProblemView),
))]
pub(crate) async fn one(events: Data<Events>, _caller: Allow<perm::WebhookRead>, id: Path<EventId>) -> ApiResult {
    let Told { event, deliveries } = events.require(*id).await?;
    Ok(reply::ok(ToldView { deliveries: views(&deliveries), event: event.into() }))
}

/// An event that there can be.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventTypeView {
    /// Such as `server.created`.
    name: &'static str,
    /// What happened.
    description: &'static str,
    /// `info`, `warning` or `alert`.
    severity: &'static str,
    /// What `data` may look like. Facts that are not known are left out.
    sample: Value,
}

/// Every event with an example, in the order of [`EventName::ALL`].
pub(crate) fn samples() -> Result<Vec<(EventName, Happening)>> {
    let samples = Happening::samples();
    let of = |name: &EventName| {
        let sample = samples.iter().find(|sample| sample.name() == *name).cloned();
        Ok((*name, sample.ok_or_else(|| Error::internal(format!("{name} has no example")))?))
    };
    EventName::ALL.iter().map(of).collect()
}

/// Every event that there can be
#[utoipa::path(get, path = "/api/v1/event-types", tag = "webhooks", responses((status = 200, body = Reply<Vec<EventTypeView>>)))]
pub(crate) async fn types(_caller: Allow<perm::WebhookRead>) -> ApiResult {
    let types = samples()?.into_iter().map(|(name, sample)| {
        let sample = serde_json::from_str(&sample.data()?).map_err(Error::internal)?;
        let (description, severity) = (name.says(), name.weight().word());
        Ok(EventTypeView { name: name.name(), description, severity, sample })
    });
    Ok(reply::ok(types.collect::<Result<Vec<_>>>()?))
}
