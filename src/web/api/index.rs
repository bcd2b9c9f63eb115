//! The search index as a whole: how it stands, and making it anew.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use aviary_domain::search::{Search, Standing};
use aviary_kernel::base::Timestamp;
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use super::reply::{self, Reply};
use crate::allow::{Allow, perm};
use crate::problem::ApiResult;

/// How the search index stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IndexView {
    /// `ready`, `building` or `broken`.
    state: &'static str,
    /// While it is made anew: records that are in it.
    done: Option<u64>,
    /// While it is made anew: records that there are.
    of: Option<u64>,
    /// Why it is broken. It is tried again by itself.
    problem: Option<String>,
    /// Things that can be found.
    documents: u64,
    /// What it takes on disk, in bytes.
    bytes: u64,
    /// Changes that cannot be found yet.
    behind: u64,
    /// Months of which there are records.
    months: usize,
    /// When it last held everything; null = not since the start.
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
}

impl IndexView {
    fn of(search: &Search) -> Self {
        let stats = search.stats();
        let (state, done, of, problem) = match search.standing() {
            Standing::Ready => ("ready", None, None, None),
            Standing::Building { done, of } => ("building", Some(done), Some(of), None),
            Standing::Broken(why) => ("broken", None, None, Some(why)),
        };
        Self {
            state,
            done,
            of,
            problem,
            documents: stats.documents,
            bytes: stats.bytes,
            behind: stats.behind,
            months: stats.slices,
            as_of: stats.as_of,
        }
    }
}

/// How the search index stands
#[utoipa::path(get, path = "/api/v1/search/standing", tag = "health", responses((status = 200, body = Reply<IndexView>)))]
pub(crate) async fn standing(search: Data<Search>, _caller: Allow<perm::StoreCheck>) -> ApiResult {
    Ok(reply::ok(IndexView::of(&search)))
}

/// Make the search index anew
///
/// In the background, from the data file; ask how it stands until it is `ready`. Searches find what is in it by then, and everything else
/// works.
#[utoipa::path(post, path = "/api/v1/reindex", tag = "health", responses((status = 202, body = Reply<IndexView>)))]
pub(crate) async fn reindex(search: Data<Search>, _caller: Allow<perm::StoreCheck>) -> ApiResult {
    let begun = search.begin_anew();
    tokio::spawn(async move {
        if let Err(error) = begun.await {
            warn!(%error, "the search index could not be made anew and is tried again");
        }
    });
    Ok(reply::told(StatusCode::ACCEPTED, IndexView::of(&search), "the search index is made anew"))
}
