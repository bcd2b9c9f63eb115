//! The panels that are mirrored. Keys go in and never come out.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use aviary_domain::panels::{NewPanel, PanelCheck, PanelPatch, Panels};
use aviary_domain::sync::Syncs;
use aviary_kernel::base::{Secret, Timestamp};
use aviary_kernel::model::{Dialect, Panel, PanelId, SyncId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reply::{self, Reply};
use crate::allow::{Allow, perm};
use crate::openapi::doc;
use crate::problem::{ApiResult, ProblemView};

/// A panel.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PanelView {
    #[schema(value_type = u32)]
    id: PanelId,
    name: String,
    url: String,
    /// Found out at the first contact.
    #[schema(value_type = Option<doc::Dialect>)]
    dialect: Option<Dialect>,
    /// Whether there is a Client API key; without one subusers are not mirrored.
    has_client_key: bool,
    /// How much of the panel's request limit may be used, in percent.
    share_percent: u8,
    /// Seconds between automatic syncs; null = as set for all.
    sync_every_s: Option<u32>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When a sync of everything last succeeded.
    #[schema(value_type = Option<String>, format = DateTime)]
    synced_at: Option<Timestamp>,
    reach: ReachView,
    /// The sync at work.
    #[schema(value_type = Option<String>, format = Uuid)]
    syncing: Option<SyncId>,
}

/// What the last contact with a panel was like.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReachView {
    /// When that was; null = never tried.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// What went wrong and what to do about it; null = it answered as it should.
    trouble: Option<String>,
    /// Requests a minute that the panel allows.
    rate_limit: Option<u32>,
}

impl PanelView {
    fn new(panel: Panel, syncs: &Syncs) -> Self {
        let running = syncs.running().into_iter().find(|run| run.panel == panel.id && !run.status.is_over());
        Self {
            id: panel.id,
            name: panel.name,
            url: panel.base_url,
            dialect: panel.dialect,
            has_client_key: panel.client_key.is_some(),
            share_percent: panel.share_percent,
            sync_every_s: panel.sync_every_s,
            created_at: panel.created_at,
            synced_at: panel.synced_at,
            reach: ReachView { at: panel.reach.at, trouble: panel.reach.trouble, rate_limit: panel.reach.rate_limit },
            syncing: running.map(|run| run.id),
        }
    }
}

/// Panels, by number
#[utoipa::path(get, path = "/api/v1/panels", tag = "panels", responses((status = 200, body = Reply<Vec<PanelView>>)))]
pub(crate) async fn list(panels: Data<Panels>, syncs: Data<Syncs>, _caller: Allow<perm::PanelRead>) -> ApiResult {
    let panels = panels.all().await?.into_iter().map(|panel| PanelView::new(panel, &syncs));
    Ok(reply::ok(panels.collect::<Vec<_>>()))
}

/// A panel that is to be mirrored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddPanel {
    /// What people call it; 1 to 60 characters.
    name: String,
    /// Its address, such as `https://panel.example.com`.
    url: String,
    /// An Application API key that may read everything.
    #[schema(value_type = String)]
    app_key: Secret<String>,
    /// A Client API key of an administrator, for subusers.
    #[schema(value_type = Option<String>)]
    client_key: Option<Secret<String>>,
    /// How much of the panel's request limit may be used, in percent; as configured unless told.
    #[schema(minimum = 1, maximum = 100)]
    share_percent: Option<u8>,
    /// Seconds between automatic syncs; as set for all unless told.
    sync_every_s: Option<u32>,
}

/// Add a panel
///
/// It is not asked anything yet: test it, then sync it.
#[utoipa::path(post, path = "/api/v1/panels", tag = "panels", request_body = AddPanel, responses(
    (status = 201, description = "Added", body = Reply<PanelView>),
    (status = 400, description = "A value cannot be taken", body = ProblemView),
    (status = 409, description = "The name or the address is taken", body = ProblemView),
))]
pub(crate) async fn add(
    panels: Data<Panels>,
    syncs: Data<Syncs>,
    caller: Allow<perm::PanelWrite>,
    wanted: Json<AddPanel>,
) -> ApiResult {
    let AddPanel { name, url, app_key, client_key, share_percent, sync_every_s } = wanted.into_inner();
    let client_key = client_key.filter(|key| !key.reveal().trim().is_empty());
    let panel =
        panels.add(&caller.who, NewPanel { name, url, app_key, client_key, share_percent, sync_every_s }).await?;
    let message = format!("{} was added; test it, then sync it", panel.name);
    Ok(reply::told(StatusCode::CREATED, PanelView::new(panel, &syncs), message))
}

/// A panel
#[utoipa::path(get, path = "/api/v1/panels/{id}", tag = "panels", params(("id" = u32, Path)), responses(
    (status = 200, body = Reply<PanelView>),
    (status = 404, description = "There is no such panel", body = ProblemView),
))]
pub(crate) async fn one(
    panels: Data<Panels>,
    syncs: Data<Syncs>,
    _caller: Allow<perm::PanelRead>,
    id: Path<PanelId>,
) -> ApiResult {
    Ok(reply::ok(PanelView::new(panels.require(*id).await?, &syncs)))
}

/// What is to become different about a panel; what is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PatchPanel {
    /// What people call it; 1 to 60 characters.
    name: Option<String>,
    /// Its address. Who stands there is found out anew, and another host or port needs the keys anew.
    url: Option<String>,
    /// An Application API key; empty or the mask = as it is.
    #[schema(value_type = Option<String>)]
    app_key: Option<Secret<String>>,
    /// A Client API key of an administrator; empty or the mask = as it is, null takes it away.
    #[schema(value_type = Option<String>)]
    #[serde(default, deserialize_with = "given")]
    client_key: Option<Option<Secret<String>>>,
    /// How much of the panel's request limit may be used, in percent.
    #[schema(minimum = 1, maximum = 100)]
    share_percent: Option<u8>,
    /// Seconds between automatic syncs; 0 = by hand only, null = as set for all.
    #[schema(value_type = Option<u32>)]
    #[serde(default, deserialize_with = "given")]
    sync_every_s: Option<Option<u32>>,
}

/// Tells what is null from what is absent.
fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Change a panel
///
/// What is mirrored stays; when another panel stands at a new address, nothing is replaced unasked.
#[utoipa::path(patch, path = "/api/v1/panels/{id}", tag = "panels", params(("id" = u32, Path)), request_body = PatchPanel, responses(
    (status = 200, body = Reply<PanelView>),
    (status = 400, description = "A value cannot be taken", body = ProblemView),
    (status = 404, description = "There is no such panel", body = ProblemView),
    (status = 409, description = "The name or the address is taken", body = ProblemView),
))]
pub(crate) async fn patch(
    panels: Data<Panels>,
    syncs: Data<Syncs>,
    caller: Allow<perm::PanelWrite>,
    id: Path<PanelId>,
    wanted: Json<PatchPanel>,
) -> ApiResult {
    let PatchPanel { name, url, app_key, client_key, share_percent, sync_every_s } = wanted.into_inner();
    let patch = PanelPatch { name, url, app_key, client_key, share_percent, sync_every_s };
    let panel = panels.change(&caller.who, *id, patch).await?;
    let message = format!("{} was changed", panel.name);
    Ok(reply::told(StatusCode::OK, PanelView::new(panel, &syncs), message))
}

/// What was removed.
#[derive(Serialize, ToSchema)]
pub(crate) struct RemovedView {
    /// Mirrored objects that are gone from here.
    objects: u64,
}

/// Remove a panel
///
/// With all that was mirrored from it; nothing changes on the panel itself. Sync logs and history stay.
#[utoipa::path(delete, path = "/api/v1/panels/{id}", tag = "panels", params(("id" = u32, Path)), responses(
    (status = 200, body = Reply<RemovedView>),
    (status = 404, description = "There is no such panel", body = ProblemView),
    (status = 409, description = "It is being synced", body = ProblemView),
))]
pub(crate) async fn remove(
    panels: Data<Panels>,
    syncs: Data<Syncs>,
    caller: Allow<perm::PanelWrite>,
    id: Path<PanelId>,
) -> ApiResult {
    let panel = panels.require(*id).await?;
    let objects = syncs.remove_panel(&caller.who, panel.id).await?;
    Ok(reply::told(StatusCode::OK, RemovedView { objects }, format!("{} was removed", panel.name)))
}

/// What a look at a panel showed.
#[derive(ToSchema)]
#[schema(as = PanelCheck, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the document needs the types: the record is sent as it is")]
struct PanelCheckView {
    dialect: doc::Dialect,
    /// What can be read, kind by kind.
    access: Vec<AccessView>,
    application_limit: Option<RateLimitView>,
    /// Null without a client key.
    client_limit: Option<RateLimitView>,
    /// Whether the client key belongs to a root administrator; null without a key or when it does not work.
    client_is_admin: Option<bool>,
    /// Seconds that the panel's clock is ahead of ours.
    clock_ahead_s: Option<i64>,
    /// Whether the connection is encrypted.
    is_secure: bool,
    /// Requests that the check took.
    requests: u64,
    /// What a person should know, worst first.
    findings: Vec<FindingView>,
}

/// Whether a kind of object can be read.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "only the document needs the type")]
struct AccessView {
    /// The part of a sync it belongs to.
    target: String,
    kind: String,
    /// `yes`, `no` or `unknown`.
    readable: String,
    /// How many there are, where the panel says so.
    total: Option<u64>,
    /// What the mirror lacks without it.
    without: String,
    /// What to do when it cannot be read, or is not known to be.
    remedy: Option<String>,
}

/// How many requests a panel allows.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "only the document needs the type")]
struct RateLimitView {
    /// Requests a minute.
    per_minute: u32,
    /// How many were left at the last answer.
    remaining: Option<u32>,
}

/// Something that a person should know.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "only the document needs the type")]
struct FindingView {
    /// `problem`, `warning` or `note`.
    severity: String,
    /// What it is about, in one word.
    code: String,
    what: String,
    /// What to do; null when nothing needs to be done.
    remedy: Option<String>,
}

/// Test a panel
///
/// Asks the panel what may be read, and takes note of the answer. Needs a few requests.
#[utoipa::path(post, path = "/api/v1/panels/{id}/test", tag = "panels", params(("id" = u32, Path)), responses(
    (status = 200, description = "The panel answered; the findings tell whether all is well", body = Reply<PanelCheckView>),
    (status = 404, description = "There is no such panel", body = ProblemView),
    (status = 502, description = "It does not answer as a panel would", body = ProblemView),
    (status = 503, description = "It does not answer now; later may help", body = ProblemView),
))]
pub(crate) async fn test(panels: Data<Panels>, caller: Allow<perm::PanelWrite>, id: Path<PanelId>) -> ApiResult {
    let check: PanelCheck = panels.test(&caller.who, *id).await?;
    let message = if check.is_good() {
        "the panel can be mirrored"
    } else {
        "the panel answers, but something stands in the way"
    };
    Ok(reply::told(StatusCode::OK, check, message))
}
