//! The GitHub repositories whose releases front ends show, one by one.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Json, Query};
use aviary_domain::settings::Settings;
use aviary_kernel::base::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};

/// The list.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReposView {
    success: bool,
    /// As `owner/name`.
    repos: Vec<String>,
}

fn view(repos: Vec<String>) -> HttpResponse {
    HttpResponse::Ok().json(ReposView { success: true, repos })
}

/// The repositories
#[utoipa::path(get, path = "/api/admin/settings/repos", tag = "admin", responses((status = 200, body = ReposView)))]
pub(crate) async fn list(settings: Data<Settings>, _caller: Allow<perm::SettingsRead>) -> ApiResult {
    Ok(view(settings.repositories().await?))
}

/// A repository.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AddRepo {
    /// As `owner/name`.
    repo: String,
}

/// Add a repository
///
/// One that is there already is not added again.
#[utoipa::path(post, path = "/api/admin/settings/repos", tag = "admin", request_body = AddRepo, responses(
    (status = 200, body = ReposView),
    (status = 400, description = "This is not `owner/name`", body = ProblemView),
))]
pub(crate) async fn add(
    settings: Data<Settings>,
    caller: Allow<perm::SettingsWrite>,
    body: Json<AddRepo>,
) -> ApiResult {
    Ok(view(settings.add_repository(&caller.who, &body.repo).await?))
}

/// A repository in the place of another.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplaceRepo {
    /// The one that goes.
    #[serde(default)]
    old_repo: String,
    /// The one that comes, as `owner/name`.
    repo: String,
}

/// Replace a repository
///
/// When the old one is not there, the new one is added at the end.
#[utoipa::path(put, path = "/api/admin/settings/repos", tag = "admin", request_body = ReplaceRepo, responses(
    (status = 200, body = ReposView),
    (status = 400, description = "This is not `owner/name`", body = ProblemView),
))]
pub(crate) async fn replace(
    settings: Data<Settings>,
    caller: Allow<perm::SettingsWrite>,
    body: Json<ReplaceRepo>,
) -> ApiResult {
    Ok(view(settings.replace_repository(&caller.who, &body.old_repo, &body.repo).await?))
}

/// Which repository goes; in the address or in the body.
#[derive(Deserialize, IntoParams, Default)]
#[into_params(parameter_in = Query)]
pub(crate) struct RemoveQuery {
    /// As `owner/name`.
    repo: Option<String>,
    /// Its place in the list, from 0.
    #[param(value_type = Option<u64>)]
    index: Option<String>,
}

/// Which repository goes.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
pub(crate) struct RemoveRepo {
    /// As `owner/name`.
    repo: Option<String>,
    /// Its place in the list, from 0.
    #[schema(value_type = Option<u64>)]
    index: Option<Value>,
}

/// Remove a repository
///
/// By name or by place; a name that is not in the list is no fault.
#[utoipa::path(delete, path = "/api/admin/settings/repos", tag = "admin", params(RemoveQuery), request_body = Option<RemoveRepo>, responses(
    (status = 200, body = ReposView),
    (status = 400, description = "Neither name nor place, or both and they do not agree", body = ProblemView),
))]
pub(crate) async fn remove(
    settings: Data<Settings>,
    caller: Allow<perm::SettingsWrite>,
    query: Query<RemoveQuery>,
    body: Bytes,
) -> ApiResult {
    let RemoveQuery { repo, index } = query.into_inner();
    let sent: RemoveRepo = serde_json::from_slice(&body).unwrap_or_default();
    let index = sent.index.filter(|index| !index.is_null()).or(index.map(Value::from));
    let index = index.as_ref().map(place).transpose()?;
    Ok(view(settings.remove_repository(&caller.who, sent.repo.or(repo).as_deref(), index).await?))
}

fn place(index: &Value) -> Result<u64> {
    let number = index.as_u64().or_else(|| index.as_str()?.trim().parse().ok());
    number.ok_or_else(|| Error::invalid("index", "is a whole number from 0"))
}
