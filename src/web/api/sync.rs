//! Syncs as the admin area and other back ends knew them.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Json, Path, Query};
use aviary_domain::mirror::Book;
use aviary_domain::panels::Panels;
use aviary_domain::settings::{AutoSync, Key, Settings, Wanted};
use aviary_domain::sync::{SyncQuery, Syncs};
use aviary_kernel::base::{Env, Error, Result, Timestamp};
use aviary_kernel::model::{PanelId, SyncId, SyncRun, Target};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::reply::{self, Reply};
use super::sync_log::{self, StartedView, SyncLog};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, Problem, ProblemView};
use crate::sse;

/// Where syncing stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SyncStatusView {
    success: bool,
    status: StatusView,
    counts: CountsView,
    /// What can be asked for.
    available_targets: Vec<&'static str>,
}

/// Whether a sync is at work, and the newest one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StatusView {
    last_sync: Option<SyncLog>,
    /// When the newest sync began.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_running: Option<Timestamp>,
    is_syncing: bool,
}

/// How much there is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CountsView {
    users: u64,
    /// Always 0: nothing is migrated.
    migrated_users: u64,
    servers: u64,
    nodes: u64,
    locations: u64,
    allocations: u64,
    nests: u64,
    eggs: u64,
    egg_variables: u64,
    server_databases: u64,
}

/// Where syncing stands
#[utoipa::path(get, path = "/api/admin/sync", tag = "admin", responses((status = 200, body = SyncStatusView)))]
pub(crate) async fn status(
    env: Data<Env>,
    syncs: Data<Syncs>,
    book: Data<Book>,
    _caller: Allow<perm::SyncRead>,
) -> ApiResult {
    let last = newest(&syncs).await?;
    let counts = book.counts(None).await?;
    Ok(HttpResponse::Ok().json(SyncStatusView {
        success: true,
        status: StatusView {
            last_running: last.as_ref().map(|run| run.started_at.unwrap_or(run.created_at)),
            last_sync: last.map(|run| SyncLog::new(&run, env.now())),
            is_syncing: syncs.running().iter().any(|run| !run.status.is_over()),
        },
        counts: CountsView {
            users: counts.users,
            migrated_users: 0,
            servers: counts.servers,
            nodes: counts.nodes,
            locations: counts.locations,
            allocations: counts.allocations,
            nests: counts.nests,
            eggs: counts.eggs,
            egg_variables: counts.egg_variables,
            server_databases: counts.databases,
        },
        available_targets: sync_log::all_types(),
    }))
}

async fn newest(syncs: &Syncs) -> Result<Option<SyncRun>> {
    Ok(syncs.list(SyncQuery { limit: 1, ..SyncQuery::default() }).await?.runs.into_iter().next())
}

/// What to sync.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
pub(crate) struct StartWanted {
    /// `full`, `locations`, `nodes`, `allocations`, `nests`, `users`, `servers`, `databases` or `subusers`.
    r#type: Option<String>,
    /// The same as `type`; `all` = `full`.
    target: Option<String>,
    /// Number of a panel; all unless told.
    #[schema(value_type = Option<u32>)]
    panel: Option<PanelId>,
}

/// What was started, flat.
#[derive(Serialize, ToSchema)]
pub(crate) struct StartedFlat {
    success: bool,
    #[serde(flatten)]
    started: StartedView,
    message: String,
}

/// Start a sync
///
/// Of every panel unless one is named. A panel is synced once at a time; a second request is joined to the sync at work, and
/// `message` says so. A body that cannot be read counts as none.
#[utoipa::path(post, path = "/api/admin/sync", tag = "admin", request_body = Option<StartWanted>, responses(
    (status = 202, description = "Started, or joined", body = StartedFlat),
    (status = 400, description = "There is no such type", body = ProblemView),
    (status = 409, description = "There is no panel", body = ProblemView),
))]
pub(crate) async fn start(
    syncs: Data<Syncs>,
    panels: Data<Panels>,
    caller: Allow<perm::SyncRun>,
    body: Bytes,
) -> ApiResult {
    let wanted: StartWanted = serde_json::from_slice(&body).unwrap_or_default();
    let targets = sync_log::targets(wanted.r#type.or(wanted.target).as_deref().unwrap_or("full"))?;
    let (started, message) = sync_log::start(&syncs, &panels, wanted.panel, targets, &caller.who, None).await?;
    Ok(HttpResponse::Accepted().json(StartedFlat { success: true, started, message }))
}

/// What was cancelled.
#[derive(Serialize, ToSchema)]
pub(crate) struct CancelledView {
    success: bool,
    #[schema(value_type = String, format = Uuid)]
    sync_log_id: SyncId,
    message: String,
}

/// Cancel what is at work
///
/// Every sync at work, of whichever panel; each stops within one page.
#[utoipa::path(post, path = "/api/admin/sync/cancel", tag = "admin", responses(
    (status = 200, body = CancelledView),
    (status = 400, description = "Nothing is at work", body = ProblemView),
    (status = 404, description = "There never was a sync", body = ProblemView),
))]
pub(crate) async fn cancel(syncs: Data<Syncs>, caller: Allow<perm::SyncRun>) -> ApiResult {
    let mut running: Vec<_> = syncs.running().into_iter().filter(|run| !run.status.is_over()).collect();
    running.sort_by_key(|run| run.id);
    let Some(last) = running.last() else {
        let last = newest(&syncs).await?.ok_or_else(|| Error::not_found("sync", "yet"))?;
        let word = last.status.word().replace('_', " ");
        return Err(Problem::bad_request(format!("no sync is at work; the last one is {word}")));
    };
    let (sync_log_id, many) = (last.id, running.len());
    for run in running {
        // One that ended in this moment needs no cancelling.
        let _ = syncs.cancel(&caller.who, run.id).await;
    }
    let message = if many == 1 {
        "the sync stops within one page".into()
    } else {
        format!("{many} syncs stop within one page each")
    };
    Ok(HttpResponse::Ok().json(CancelledView { success: true, sync_log_id, message }))
}

/// What is asked of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogsQuery {
    /// 1 to 100; 20 unless told.
    #[param(value_type = Option<u64>)]
    limit: Option<String>,
    /// Syncs to pass over.
    #[param(value_type = Option<u64>)]
    offset: Option<String>,
    /// `full` or a target.
    r#type: Option<String>,
    /// Number of a panel; all unless told.
    #[param(value_type = Option<u32>)]
    panel: Option<PanelId>,
}

/// A page of the log.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogsView {
    logs: Vec<SyncLog>,
    limit: usize,
    offset: u64,
}

/// A page of the log, flat.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogsFlat {
    success: bool,
    #[serde(flatten)]
    page: LogsView,
}

async fn read_logs(env: &Env, syncs: &Syncs, asked: &LogsQuery) -> Result<LogsView> {
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.trim().parse::<u64>().ok());
    let limit = usize::try_from(number(&asked.limit).filter(|limit| *limit > 0).unwrap_or(20).min(100)).unwrap_or(100);
    let offset = number(&asked.offset).unwrap_or(0);
    let of_type = asked.r#type.as_deref().filter(|word| !matches!(*word, "" | "all"));
    let runs = sync_log::runs(syncs, asked.panel, of_type, offset, limit).await?;
    let now = env.now();
    Ok(LogsView { logs: runs.iter().map(|run| SyncLog::new(run, now)).collect(), limit, offset })
}

/// Syncs, newest first
#[utoipa::path(get, path = "/api/admin/sync/logs", tag = "admin", params(LogsQuery), responses((status = 200, body = LogsFlat)))]
pub(crate) async fn logs(
    env: Data<Env>,
    syncs: Data<Syncs>,
    _caller: Allow<perm::SyncRead>,
    query: Query<LogsQuery>,
) -> ApiResult {
    Ok(HttpResponse::Ok().json(LogsFlat { success: true, page: read_logs(&env, &syncs, &query).await? }))
}

/// Automatic syncs, in both spellings.
#[derive(Serialize, ToSchema)]
pub(crate) struct AutoSyncView {
    success: bool,
    data: AutoSyncData,
    settings: AutoSyncText,
    message: String,
}

/// Automatic syncs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AutoSyncData {
    auto_sync_enabled: bool,
    /// Seconds.
    auto_sync_interval: u32,
}

/// The same as text.
#[derive(Serialize, ToSchema)]
struct AutoSyncText {
    /// `true` or `false`.
    auto_sync_enabled: String,
    /// Seconds.
    sync_interval: String,
}

fn auto_sync_view(auto: &AutoSync, message: &str) -> HttpResponse {
    HttpResponse::Ok().json(AutoSyncView {
        success: true,
        data: AutoSyncData { auto_sync_enabled: auto.enabled, auto_sync_interval: auto.every_s },
        settings: AutoSyncText { auto_sync_enabled: auto.enabled.to_string(), sync_interval: auto.every_s.to_string() },
        message: message.to_owned(),
    })
}

/// Automatic syncs
#[utoipa::path(get, path = "/api/admin/sync/settings", tag = "admin", responses((status = 200, body = AutoSyncView)))]
pub(crate) async fn settings(settings: Data<Settings>, _caller: Allow<perm::SettingsRead>) -> ApiResult {
    Ok(auto_sync_view(&settings.auto_sync().await?, ""))
}

/// Change automatic syncs. Both spellings are taken; what is absent stays as it is.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SetAutoSync {
    /// Also `"true"` and `"false"`.
    #[serde(alias = "autoSyncEnabled", rename = "auto_sync_enabled")]
    #[schema(value_type = Option<bool>)]
    enabled: Option<Wanted>,
    /// Seconds, at least 60; also as text. 0 and less are ignored.
    #[serde(alias = "autoSyncInterval", alias = "auto_sync_interval", rename = "sync_interval")]
    #[schema(value_type = Option<i64>)]
    interval: Option<Wanted>,
}

impl SetAutoSync {
    fn wanted(self) -> Vec<(Key, Wanted)> {
        let is_meant = |wanted: &Wanted| match wanted {
            Wanted::Reset | Wanted::Number(..=0) => false,
            Wanted::Text(text) => text.reveal().trim().parse::<i64>().map_or(true, |seconds| seconds > 0),
            _ => true,
        };
        let interval = self.interval.filter(is_meant).map(|wanted| (Key::SyncInterval, wanted));
        let enabled = self.enabled.filter(|wanted| !matches!(wanted, Wanted::Reset));
        enabled.map(|wanted| (Key::AutoSyncEnabled, wanted)).into_iter().chain(interval).collect()
    }
}

/// Change automatic syncs
///
/// Takes effect at once.
#[utoipa::path(post, path = "/api/admin/sync/settings", tag = "admin", request_body = SetAutoSync, responses(
    (status = 200, body = AutoSyncView),
    (status = 400, description = "The interval is too short", body = ProblemView),
))]
pub(crate) async fn set_settings(
    settings: Data<Settings>,
    caller: Allow<perm::SettingsWrite>,
    wanted: Json<SetAutoSync>,
) -> ApiResult {
    settings.change(&caller.who, wanted.into_inner().wanted()).await.map_err(Error::from)?;
    Ok(auto_sync_view(&settings.auto_sync().await?, "automatic syncs were changed"))
}

/// Follow a sync
///
/// Server-sent events: `connected` once, `update` on each change, `done` at the end; a comment every 15 seconds. The key may
/// stand in the address as `token`.
#[utoipa::path(get, path = "/api/admin/sync/stream/{id}", tag = "admin", params(("id" = uuid::Uuid, Path), ("token" = Option<String>, Query)),
    responses(
        (status = 200, description = "A stream of events", body = SyncLog, content_type = "text/event-stream"),
        (status = 404, description = "There is no such sync", body = ProblemView),
    ))]
pub(crate) async fn stream(
    env: Data<Env>,
    syncs: Data<Syncs>,
    _caller: Allow<perm::Following<perm::SyncRead>>,
    id: Path<SyncId>,
) -> ApiResult {
    let (run, changes) = sse::begin(&syncs, *id).await?;
    let connected = sse::event("connected", &json!({"syncLogId": run.id}));
    let tell = move |run: &SyncRun| {
        let log = SyncLog::new(run, env.now());
        sse::event(if log.is_over() { "done" } else { "update" }, &log.event())
    };
    Ok(sse::answer(stream::once(async move { connected }).chain(sse::follow(run, changes, tell))))
}

/// What to leave out, and who asks.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
pub(crate) struct FullWanted {
    skip_users: bool,
    requested_by: Option<String>,
    /// Number of a panel; all unless told.
    #[schema(value_type = Option<u32>)]
    panel: Option<PanelId>,
}

/// Longest name that is kept in a log.
const LONGEST_NAME: usize = 100;

/// Start a sync of everything, for other back ends
///
/// A body that cannot be read counts as none.
#[utoipa::path(post, path = "/api/v1/sync/full", tag = "sync", request_body = Option<FullWanted>, responses(
    (status = 202, description = "Started, or joined", body = Reply<StartedView>),
    (status = 409, description = "There is no panel", body = ProblemView),
))]
pub(crate) async fn v1_full(
    syncs: Data<Syncs>,
    panels: Data<Panels>,
    caller: Allow<perm::SyncRun>,
    body: Bytes,
) -> ApiResult {
    let wanted: FullWanted = serde_json::from_slice(&body).unwrap_or_default();
    let targets = if wanted.skip_users { sync_log::targets_without_users() } else { Vec::new() };
    let named = wanted.requested_by.map(|name| name.trim().chars().take(LONGEST_NAME).collect::<String>());
    let named = named.filter(|name| !name.is_empty());
    let (started, message) = sync_log::start(&syncs, &panels, wanted.panel, targets, &caller.who, named).await?;
    Ok(reply::told(StatusCode::ACCEPTED, started, message))
}

/// Start a sync of one target, for other back ends
///
/// `target` is `locations`, `nodes`, `allocations`, `nests`, `users`, `servers`, `databases` or `subusers`.
#[utoipa::path(post, path = "/api/v1/sync/{target}", tag = "sync", params(("target" = String, Path), super::stats::OfPanel), responses(
    (status = 202, description = "Started, or joined", body = Reply<StartedView>),
    (status = 404, description = "There is no such target", body = ProblemView),
    (status = 409, description = "There is no panel", body = ProblemView),
))]
pub(crate) async fn v1_target(
    syncs: Data<Syncs>,
    panels: Data<Panels>,
    caller: Allow<perm::SyncRun>,
    target: Path<String>,
    query: Query<super::stats::OfPanel>,
) -> ApiResult {
    let target = target.parse::<Target>().map_err(|_| Error::not_found("target", target.as_str()))?;
    let (started, message) = sync_log::start(&syncs, &panels, query.panel, vec![target], &caller.who, None).await?;
    Ok(reply::told(StatusCode::ACCEPTED, started, message))
}

/// Cancel a sync, for other back ends
///
/// Always 200; `message` says whether there was anything to cancel.
#[utoipa::path(post, path = "/api/v1/sync/cancel/{id}", tag = "sync", params(("id" = uuid::Uuid, Path)), responses((status = 200, body = Reply<Option<String>>)))]
pub(crate) async fn v1_cancel(syncs: Data<Syncs>, caller: Allow<perm::SyncRun>, id: Path<SyncId>) -> ApiResult {
    let message = match syncs.cancel(&caller.who, *id).await {
        Ok(_) => "the sync stops within one page".to_owned(),
        Err(error @ (Error::NotFound { .. } | Error::Conflict(_))) => format!("nothing was cancelled: {error}"),
        Err(error) => return Err(error.into()),
    };
    Ok(reply::told(StatusCode::OK, None::<String>, message))
}

/// A sync, for other back ends
#[utoipa::path(get, path = "/api/v1/sync/status/{id}", tag = "sync", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = Reply<SyncLog>),
    (status = 404, description = "There is no such sync", body = ProblemView),
))]
pub(crate) async fn v1_status(
    env: Data<Env>,
    syncs: Data<Syncs>,
    _caller: Allow<perm::SyncRead>,
    id: Path<SyncId>,
) -> ApiResult {
    Ok(reply::ok(SyncLog::new(&syncs.get(*id).await?, env.now())))
}

/// Syncs, newest first, for other back ends
#[utoipa::path(get, path = "/api/v1/sync/logs", tag = "sync", params(LogsQuery), responses((status = 200, body = Reply<LogsView>)))]
pub(crate) async fn v1_logs(
    env: Data<Env>,
    syncs: Data<Syncs>,
    _caller: Allow<perm::SyncRead>,
    query: Query<LogsQuery>,
) -> ApiResult {
    Ok(reply::ok(read_logs(&env, &syncs, &query).await?))
}

/// The newest sync of each type, for other back ends
#[utoipa::path(get, path = "/api/v1/sync/latest", tag = "sync", responses((status = 200, body = Reply<std::collections::BTreeMap<String, SyncLog>>)))]
pub(crate) async fn v1_latest(env: Data<Env>, syncs: Data<Syncs>, _caller: Allow<perm::SyncRead>) -> ApiResult {
    let mut latest = serde_json::Map::new();
    for word in sync_log::all_types() {
        if let Some(run) = sync_log::runs(&syncs, None, Some(word), 0, 1).await?.first() {
            latest.insert(word.to_owned(), json!(SyncLog::new(run, env.now())));
        }
    }
    Ok(reply::ok(latest))
}
