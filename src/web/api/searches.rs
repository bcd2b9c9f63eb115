//! Searches that the caller keeps, to ask them again.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use aviary_domain::accounts::Accounts;
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::SavedSearch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::me::person;
use super::reply::{self, Reply};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};

/// A search that is kept.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SavedSearchView {
    id: Uuid,
    name: String,
    /// What stands behind the `?` of the address of the search page; `/api/v1/search` takes the same.
    query: String,
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
}

impl From<SavedSearch> for SavedSearchView {
    fn from(SavedSearch { id, name, query, made_at }: SavedSearch) -> Self {
        Self { id, name, query, made_at }
    }
}

/// The caller's saved searches, by name
#[utoipa::path(get, path = "/api/v1/searches", tag = "search", responses((status = 200, body = Reply<Vec<SavedSearchView>>)))]
pub(crate) async fn list(accounts: Data<Accounts>, caller: Allow<perm::SignedIn>) -> ApiResult {
    let kept = accounts.searches(person(&caller.caller)?).await?;
    Ok(reply::ok(kept.into_iter().map(SavedSearchView::from).collect::<Vec<_>>()))
}

/// A search to keep.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaveSearch {
    /// 1 to 60 characters.
    #[schema(min_length = 1, max_length = 60)]
    name: String,
    /// What stands behind the `?` of the address of the search page, such as `q=lobby&kind=server`.
    #[schema(min_length = 1, max_length = 2000)]
    query: String,
}

/// Save a search
///
/// Somebody keeps 50 at most.
#[utoipa::path(post, path = "/api/v1/searches", tag = "search", request_body = SaveSearch, responses(
    (status = 201, body = Reply<SavedSearchView>),
    (status = 400, description = "The name or the query cannot be taken", body = ProblemView),
    (status = 409, description = "There is one of this name, or there are too many", body = ProblemView),
))]
pub(crate) async fn save(accounts: Data<Accounts>, caller: Allow<perm::SignedIn>, body: Json<SaveSearch>) -> ApiResult {
    let kept = accounts.keep_search(person(&caller.caller)?, &body.name, &body.query).await?;
    Ok(reply::told(StatusCode::CREATED, SavedSearchView::from(kept), ""))
}

/// Remove a saved search
#[utoipa::path(delete, path = "/api/v1/searches/{id}", tag = "search", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Reply<SavedSearchView>),
    (status = 404, description = "The caller has no such search", body = ProblemView),
))]
pub(crate) async fn remove(accounts: Data<Accounts>, caller: Allow<perm::SignedIn>, id: Path<Uuid>) -> ApiResult {
    Ok(reply::ok(SavedSearchView::from(accounts.drop_search(person(&caller.caller)?, *id).await?)))
}
