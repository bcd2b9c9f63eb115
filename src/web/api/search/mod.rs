//! Finding anything: the objects of panels, people, and what is on record, each hit for whom it may be shown to.

mod export;
mod read;
mod tail;
mod view;

use actix_web::HttpRequest;
use actix_web::web::Data;
use aviary_domain::access::Caller;
use aviary_domain::search::{Search, Sight};
use aviary_kernel::base::Env;

use super::reply::{self, Reply};
use crate::allow::{Allow, perm};
use crate::problem::ApiResult;

pub(crate) use export::{__path_export, export};
pub(crate) use read::{pairs, read};
pub(crate) use tail::{__path_tail, tail};
pub(crate) use view::FoundView;

/// What somebody may find.
pub(crate) fn sight_of(caller: &Caller) -> Sight {
    Sight::of(|permission| caller.may(permission))
}

/// Search everything
///
/// Any query gets an answer: what makes no sense in `q` or in another parameter is left out and said so in `doubts`. Objects come
/// first, by how well they fit, then what is on record, newest first. Each hit is shown to who may see it, and counts are those
/// of what the caller may see.
#[utoipa::path(get, path = "/api/v1/search", tag = "search", params(
    ("q" = Option<String>, Query, description = "Words, \"phrases\", prefixes*, `field:value`, ranges of time, `-not`"),
    ("kind" = Option<Vec<String>>, Query, description = "Only these kinds, such as `server` or `job`; may repeat, or be a list with commas"),
    ("panel" = Option<u32>, Query, description = "Only what has to do with the panel of this number"),
    ("since" = Option<String>, Query, description = "Not before this: RFC 3339, a date, or so long ago, as in `-24h` or `-7d`"),
    ("until" = Option<String>, Query, description = "Before this; written as `since`"),
    ("order" = Option<String>, Query, description = "`usual`, `newest` or `oldest`"),
    ("limit" = Option<usize>, Query, minimum = 1, maximum = 200, description = "Hits of a page; 25 unless told"),
    ("cursor" = Option<String>, Query, description = "The `nextCursor` of the page before"),
    ("facets" = Option<bool>, Query, description = "Whether to count by kind, panel and state"),
    ("histogram" = Option<bool>, Query, description = "Whether to count what is on record over time"),
    ("zone" = Option<String>, Query, description = "The time zone of dates, such as `Europe/Berlin`; UTC unless told"),
), responses((status = 200, body = Reply<FoundView>)))]
pub(crate) async fn find(
    search: Data<Search>,
    env: Data<Env>,
    caller: Allow<perm::Known>,
    request: HttpRequest,
) -> ApiResult {
    let wanted = read(&pairs(request.query_string()), env.now(), None);
    let found = search.find(wanted.asked, sight_of(&caller.caller)).await?;
    Ok(reply::ok(FoundView::new(found, wanted.doubts)))
}
