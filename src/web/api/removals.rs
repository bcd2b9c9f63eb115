//! Removals that wait for a person, because they are so many.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use aviary_domain::sync::Syncs;
use aviary_kernel::model::{Actor, RemovalStop, SyncId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::reply::{self, Reply};
use super::syncs::SyncView;
use crate::allow::{Allow, perm};
use crate::openapi::doc;
use crate::problem::{ApiResult, ProblemView};

/// What is asked of the list of removals.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RemovalsQuery {
    /// Only those that nobody decided yet.
    #[serde(default)]
    waiting: bool,
}

/// Removals that wait for a person, or did, newest first
#[utoipa::path(get, path = "/api/v1/removals", tag = "removals", params(RemovalsQuery), responses((status = 200, body = Reply<Vec<doc::RemovalStop>>)))]
pub(crate) async fn list(
    syncs: Data<Syncs>,
    _caller: Allow<perm::RemovalRead>,
    query: Query<RemovalsQuery>,
) -> ApiResult {
    Ok(reply::ok(syncs.stops(query.waiting).await?))
}

/// The removals that a sync stopped at
#[utoipa::path(get, path = "/api/v1/removals/{sync}", tag = "removals", params(("sync" = uuid::Uuid, Path)), responses(
    (status = 200, body = Reply<doc::RemovalStop>),
    (status = 404, description = "This sync did not stop", body = ProblemView),
))]
pub(crate) async fn one(syncs: Data<Syncs>, _caller: Allow<perm::RemovalRead>, sync: Path<SyncId>) -> ApiResult {
    Ok(reply::ok(syncs.stop(*sync).await?))
}

/// What was decided, and what came of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct DecidedView {
    #[schema(value_type = doc::RemovalStop)]
    stop: RemovalStop,
    /// The sync that makes the removals; null when they were refused.
    run: Option<SyncView>,
}

async fn decide(syncs: &Syncs, by: &Actor, sync: SyncId, confirm: bool) -> ApiResult {
    let (stop, started) = syncs.decide(by, sync, confirm).await?;
    let message =
        if confirm { "a sync checks each object again and removes those that are gone" } else { "the objects stay" };
    let view = DecidedView { stop, run: started.map(|started| started.run.into()) };
    Ok(reply::told(StatusCode::OK, view, message))
}

/// Confirm removals
///
/// A sync starts at once, checks each object again, and removes those that are gone.
#[utoipa::path(post, path = "/api/v1/removals/{sync}/confirm", tag = "removals", params(("sync" = uuid::Uuid, Path)), responses(
    (status = 200, body = Reply<DecidedView>),
    (status = 404, description = "This sync did not stop", body = ProblemView),
    (status = 409, description = "It was decided already", body = ProblemView),
))]
pub(crate) async fn confirm(syncs: Data<Syncs>, caller: Allow<perm::RemovalDecide>, sync: Path<SyncId>) -> ApiResult {
    decide(&syncs, &caller.who, *sync, true).await
}

/// Refuse removals
///
/// The objects stay.
#[utoipa::path(post, path = "/api/v1/removals/{sync}/refuse", tag = "removals", params(("sync" = uuid::Uuid, Path)), responses(
    (status = 200, body = Reply<DecidedView>),
    (status = 404, description = "This sync did not stop", body = ProblemView),
    (status = 409, description = "It was decided already", body = ProblemView),
))]
pub(crate) async fn refuse(syncs: Data<Syncs>, caller: Allow<perm::RemovalDecide>, sync: Path<SyncId>) -> ApiResult {
    decide(&syncs, &caller.who, *sync, false).await
}
