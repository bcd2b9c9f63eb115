//! Syncs: what was asked, where they stand, what came of them.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path, Query};
use aviary_domain::sync::{RequestQuery, StartSync, SyncQuery, Syncs};
use aviary_kernel::base::{Cursor, Error};
use aviary_kernel::model::{Counts, PanelId, SyncId, SyncRun, Target};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::reply::{self, Reply, Walk};
use crate::allow::{Allow, perm};
use crate::openapi::doc;
use crate::problem::{ApiResult, Problem, ProblemView};
use crate::sse;

/// A sync, with its sums.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SyncView {
    #[serde(flatten)]
    #[schema(value_type = doc::SyncRun)]
    run: SyncRun,
    /// Whether everything was asked for.
    full: bool,
    /// How much is done, 0 to 100.
    percent: u8,
    /// The sums over all steps.
    #[schema(value_type = doc::Counts)]
    totals: Counts,
}

impl From<SyncRun> for SyncView {
    fn from(run: SyncRun) -> Self {
        Self { full: run.is_full(), percent: run.percent(), totals: run.totals(), run }
    }
}

/// What is asked of the list of syncs.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct SyncsQuery {
    /// Number of a panel.
    #[param(value_type = Option<u32>)]
    panel: Option<PanelId>,
    /// Only full ones, or only partial ones.
    full: Option<bool>,
    /// Only partial ones with this target.
    target: Option<String>,
    /// 1 to 100; 20 unless told.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Syncs, newest first
#[utoipa::path(get, path = "/api/v1/syncs", tag = "syncs", params(SyncsQuery), responses((status = 200, body = Reply<Walk<SyncView>>)))]
pub(crate) async fn list(syncs: Data<Syncs>, _caller: Allow<perm::SyncRead>, query: Query<SyncsQuery>) -> ApiResult {
    let query = query.into_inner();
    let page = syncs
        .list(SyncQuery {
            panel: query.panel,
            full: query.full,
            target: query.target.map(|word| word.parse::<Target>()).transpose()?,
            after: query.cursor.as_deref().map(cursor).transpose()?,
            offset: 0,
            limit: limit(query.limit, 20, 100)?,
        })
        .await?;
    Ok(reply::ok(Walk::new(page.runs.into_iter().map(SyncView::from).collect(), page.next.as_ref())))
}

/// A cursor of this list.
fn cursor(text: &str) -> Result<Cursor, Error> {
    let cursor: Cursor = text.parse()?;
    match SyncId::from_slice(cursor.key()) {
        Ok(_) => Ok(cursor),
        Err(_) => Err(Error::invalid("cursor", "is not one of this list; begin again without it")),
    }
}

/// The rows of a page, if that many may be asked for.
pub(super) fn limit(asked: Option<usize>, usual: usize, most: usize) -> Result<usize, Error> {
    match asked {
        None => Ok(usual),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Error::invalid("limit", format!("needs 1 to {most}"))),
    }
}

/// A sync
#[utoipa::path(get, path = "/api/v1/syncs/{id}", tag = "syncs", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = Reply<SyncView>),
    (status = 404, description = "There is no such sync", body = ProblemView),
))]
pub(crate) async fn one(syncs: Data<Syncs>, _caller: Allow<perm::SyncRead>, id: Path<SyncId>) -> ApiResult {
    Ok(reply::ok(SyncView::from(syncs.get(*id).await?)))
}

/// What is asked of the requests of a sync.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RequestsQuery {
    /// True = only those that were not answered, not taken, or had to be sent again.
    trouble: Option<bool>,
    /// 1 to 500; 100 unless told.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// The requests of a sync
///
/// Every attempt that was sent to the panel, in order; of more than 2,000 the first. Those of a step are there when the step is
/// over.
#[utoipa::path(get, path = "/api/v1/syncs/{id}/requests", tag = "syncs", params(("id" = uuid::Uuid, Path), RequestsQuery), responses(
    (status = 200, body = Reply<Walk<doc::SyncRequest>>),
    (status = 404, description = "There is no such sync", body = ProblemView),
))]
pub(crate) async fn requests(
    syncs: Data<Syncs>,
    _caller: Allow<perm::SyncRead>,
    id: Path<SyncId>,
    query: Query<RequestsQuery>,
) -> ApiResult {
    let query = query.into_inner();
    let page = syncs
        .requests(
            *id,
            RequestQuery {
                trouble: query.trouble.unwrap_or_default(),
                after: query.cursor.as_deref().map(number).transpose()?,
                limit: limit(query.limit, 100, 500)?,
            },
        )
        .await?;
    let next = page.next.map(|number| Cursor::after(&number.to_be_bytes()));
    Ok(reply::ok(Walk::new(page.requests.into_iter().map(|(_, request)| request).collect(), next.as_ref())))
}

/// A place among the requests of a sync.
pub(crate) fn number(text: &str) -> Result<u32, Error> {
    let cursor: Cursor = text.parse()?;
    let bytes = cursor.key().try_into();
    bytes
        .map(u32::from_be_bytes)
        .map_err(|_| Error::invalid("cursor", "is not one of this list; begin again without it"))
}

/// Cancel a sync
///
/// It stops within one page; rows that were written stay.
#[utoipa::path(post, path = "/api/v1/syncs/{id}/cancel", tag = "syncs", params(("id" = uuid::Uuid, Path)), responses(
    (status = 202, description = "It will stop", body = Reply<SyncView>),
    (status = 404, description = "There is no such sync", body = ProblemView),
    (status = 409, description = "It is over", body = ProblemView),
))]
pub(crate) async fn cancel(syncs: Data<Syncs>, caller: Allow<perm::SyncRun>, id: Path<SyncId>) -> ApiResult {
    let run = syncs.cancel(&caller.who, *id).await?;
    Ok(reply::told(StatusCode::ACCEPTED, SyncView::from(run), "the sync stops within one page"))
}

/// Follow a sync
///
/// Server-sent events: `update` with the sync now and on each change, `done` with the sync at its end; a comment every 15
/// seconds. The key may stand in the address as `token`.
#[utoipa::path(get, path = "/api/v1/syncs/{id}/events", tag = "syncs", params(("id" = uuid::Uuid, Path), ("token" = Option<String>, Query)),
    responses(
        (status = 200, description = "A stream of events", body = SyncView, content_type = "text/event-stream"),
        (status = 404, description = "There is no such sync", body = ProblemView),
    ))]
pub(crate) async fn events(
    syncs: Data<Syncs>,
    _caller: Allow<perm::Following<perm::SyncRead>>,
    id: Path<SyncId>,
) -> ApiResult {
    let (run, changes) = sse::begin(&syncs, *id).await?;
    let tell = |run: &SyncRun| {
        let name = if run.status.is_over() { "done" } else { "update" };
        sse::event(name, &SyncView::from(run.clone()))
    };
    Ok(sse::answer(sse::follow(run, changes, tell)))
}

/// What to sync.
#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct SyncPanel {
    /// Targets, such as `nodes`; everything unless told.
    #[serde(default)]
    only: Vec<String>,
}

/// A body that may be absent, but must be right when it is there.
pub(super) fn optional<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Problem> {
    if body.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))
}

/// What was started.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunView {
    run: SyncView,
    /// True = the panel was being synced already, and this is that sync.
    joined: bool,
    /// True = it does everything that was asked. False only when joined to a sync of something else: start again when that
    /// one is over.
    covers: bool,
}

/// Sync a panel
///
/// A panel is synced once at a time; a second request is joined to the sync at work. `covers` tells whether that one does
/// everything that was asked.
#[utoipa::path(post, path = "/api/v1/panels/{id}/sync", tag = "panels", params(("id" = u32, Path)), request_body = Option<SyncPanel>, responses(
    (status = 202, description = "Started, or joined", body = Reply<RunView>),
    (status = 400, description = "There is no such target, or the body cannot be read", body = ProblemView),
    (status = 404, description = "There is no such panel", body = ProblemView),
))]
pub(crate) async fn start(
    syncs: Data<Syncs>,
    caller: Allow<perm::SyncRun>,
    id: Path<PanelId>,
    body: Bytes,
) -> ApiResult {
    let SyncPanel { only } = optional(&body)?;
    let targets = only.iter().map(|word| word.parse()).collect::<Result<Vec<Target>, Error>>()?;
    let started = syncs.start(StartSync { panel: *id, targets, by: caller.who.clone(), requested_by: None }).await?;
    let message = match (started.joined, started.covers) {
        (false, _) => "the sync started",
        (true, true) => "a sync of this panel is at work already, the request was joined to it",
        (true, false) => {
            "a sync of this panel is at work already, the request was joined to it; it does not do everything that was \
             asked: start again when it is over"
        }
    };
    let view = RunView { run: started.run.into(), joined: started.joined, covers: started.covers };
    Ok(reply::told(StatusCode::ACCEPTED, view, message))
}
