//! Whether Aviary lives, and whether it can do its work.

use actix_web::HttpResponse;
use actix_web::web::Data;
use aviary_domain::mails::Mails;
use aviary_domain::ops::{Health, Heartbeats};
use aviary_domain::panels::Panels;
use aviary_domain::search::{Search, Standing};
use aviary_kernel::base::{Env, Timestamp};
use aviary_kernel::model::PanelId;
use aviary_kernel::store::Store;
use serde::Serialize;
use utoipa::ToSchema;

use crate::door::Open;
use crate::problem::ApiResult;

/// Whether Aviary lives.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// `healthy` or `unhealthy`.
    status: &'static str,
    database: PartView,
    workers: PartView,
    /// Always `aviary`.
    service: &'static str,
    /// The version of the program.
    version: &'static str,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    checks: ChecksView,
}

/// A part of it.
#[derive(Serialize, ToSchema)]
struct PartView {
    /// `connected` or `disconnected`; for workers `running` or `unavailable`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// `ok` or `error`, part by part.
#[derive(Serialize, ToSchema)]
struct ChecksView {
    database: &'static str,
    workers: &'static str,
    /// Only when all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<&'static str>,
}

/// Whether Aviary lives
///
/// For container and load balancer checks. Unhealthy while the data file cannot be read or takes no writes, and while a
/// background worker is overdue.
#[utoipa::path(get, path = "/health", tag = "health", responses(
    (status = 200, description = "All is well", body = HealthView),
    (status = 503, description = "Something is not", body = HealthView),
))]
pub(crate) async fn health(_: Open, env: Data<Env>, store: Data<Store>, beats: Data<Heartbeats>) -> HttpResponse {
    let health = Health::look(&store, &beats).await;
    let fault = if health.readable { health.read_only } else { Some("the data file cannot be read".to_owned()) };
    let (file, work) = (fault.is_none(), health.overdue.is_empty() && !health.stopping);
    let word = |good| if good { "ok" } else { "error" };
    let overdue = match health.stopping {
        true => Some("Aviary is stopping".to_owned()),
        false => (!work).then(|| format!("overdue: {}", health.overdue.join(", "))),
    };
    let view = HealthView {
        status: if file && work { "healthy" } else { "unhealthy" },
        database: PartView { status: if file { "connected" } else { "disconnected" }, error: fault },
        workers: PartView { status: if work { "running" } else { "unavailable" }, error: overdue },
        service: "aviary",
        version: env!("CARGO_PKG_VERSION"),
        timestamp: env.now(),
        checks: ChecksView { database: word(file), workers: word(work), api: (file && work).then_some("ok") },
    };
    let mut head = if file && work { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    head.json(view)
}

/// Whether Aviary can do its work.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadyView {
    ready: bool,
    /// Why no writes are taken; null = they are.
    read_only: Option<String>,
    /// Whether the data file can be read.
    readable: bool,
    /// State of the search index: `ready`, `building` or `broken`. It is a cache, so Aviary is ready without it.
    index: &'static str,
    /// Changes that cannot be found yet.
    index_behind: u64,
    /// Workers that did not report in time.
    overdue: Vec<&'static str>,
    /// Aviary ends.
    stopping: bool,
    workers: Vec<WorkerView>,
    panels: Vec<PanelReachView>,
    mail: MailReachView,
}

/// A background worker.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WorkerView {
    name: &'static str,
    /// When it last reported.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
}

/// Whether a panel answers. What exactly is wrong is told to those who are signed in only.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PanelReachView {
    #[schema(value_type = u32)]
    id: PanelId,
    /// Null = never tried.
    reachable: Option<bool>,
    #[schema(value_type = Option<String>, format = DateTime)]
    checked_at: Option<Timestamp>,
}

/// Whether mail leaves. What exactly is wrong is told to those who are signed in only.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MailReachView {
    /// Whether a mail service is set up; without one mails are kept.
    set_up: bool,
    /// Whether it took what it was given last; null = nothing was given since the start.
    working: Option<bool>,
    #[schema(value_type = Option<String>, format = DateTime)]
    checked_at: Option<Timestamp>,
}

impl MailReachView {
    async fn look(mails: &Mails) -> Self {
        // An unreadable file is told elsewhere; it must not turn the answer into an error.
        let Ok(standing) = mails.standing().await else {
            return Self { set_up: false, working: None, checked_at: None };
        };
        let fared = standing.fared.as_ref().filter(|_| standing.service.is_ok());
        Self {
            set_up: standing.service.is_ok(),
            working: fared.map(|fared| fared.trouble.is_none()),
            checked_at: fared.map(|fared| fared.at),
        }
    }
}

/// Whether Aviary can do its work
///
/// A panel that does not answer, a mail service in trouble and an index that is not ready are shown but do not make Aviary unready.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Ready", body = ReadyView),
    (status = 503, description = "Not ready", body = ReadyView),
))]
pub(crate) async fn ready(
    _: Open,
    store: Data<Store>,
    panels: Data<Panels>,
    mails: Data<Mails>,
    search: Data<Search>,
    beats: Data<Heartbeats>,
) -> ApiResult {
    let health = Health::look(&store, &beats).await;
    let ready = health.is_well();
    // An unreadable file is told above; it must not turn the answer into an error.
    let panels = panels.all().await.unwrap_or_default();
    let view = ReadyView {
        ready,
        read_only: health.read_only,
        readable: health.readable,
        index: match search.standing() {
            Standing::Ready => "ready",
            Standing::Building { .. } => "building",
            Standing::Broken(_) => "broken",
        },
        index_behind: search.stats().behind,
        overdue: health.overdue,
        stopping: health.stopping,
        mail: MailReachView::look(&mails).await,
        workers: beats.all().into_iter().map(|(name, seen_at)| WorkerView { name, seen_at }).collect(),
        panels: panels
            .into_iter()
            .map(|panel| PanelReachView {
                id: panel.id,
                reachable: panel.reach.at.map(|_| panel.reach.trouble.is_none()),
                checked_at: panel.reach.at,
            })
            .collect(),
    };
    let mut head = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    Ok(head.json(view))
}
