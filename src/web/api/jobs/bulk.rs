//! The same with many jobs: first how many, then, for exactly those, the deed.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use aviary_domain::jobs::{Bulk, BulkDone, JobFilter, Jobs};
use aviary_kernel::base::Error;
use aviary_kernel::model::JobState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::allow::{Allow, perm};
use crate::api::reply::{self, Reply};
use crate::problem::{ApiResult, ProblemView};

/// What to do with which jobs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActOnJobs {
    /// `retry`, `cancel` or `remove`.
    act: String,
    /// Which; all unless told. Of those, the ones that are in a state for it.
    #[serde(default)]
    filter: FilterJobs,
    /// How many you know there are; without it you are told, and nothing is done.
    expected: Option<u64>,
}

/// Which jobs.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilterJobs {
    /// `critical`, `default` or `low`.
    queue: Option<String>,
    /// A kind, such as `sync.run`.
    kind: Option<String>,
    /// States; any unless told.
    #[serde(default)]
    states: Vec<String>,
}

impl FilterJobs {
    fn filter(&self) -> Result<JobFilter, Error> {
        Ok(JobFilter {
            queue: self.queue.as_deref().map(str::parse).transpose()?,
            kind: self.kind.as_deref().map(str::parse).transpose()?,
            states: self.states.iter().map(|word| word.parse::<JobState>()).collect::<Result<_, _>>()?,
        })
    }
}

/// What became of many jobs.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkView {
    /// Jobs of the filter that were in a state for it when this was asked.
    count: u64,
    /// Jobs with which it was done.
    done: u64,
    /// Jobs that were no longer in a state for it, or had another that does the same beside them.
    left: u64,
}

/// Retry, cancel or remove many jobs
///
/// Ask without `expected` first: the answer says how many jobs it would be. Then send that number as `expected`. When there
/// are more by then, nothing is done.
#[utoipa::path(post, path = "/api/v1/jobs/bulk", tag = "jobs", request_body = ActOnJobs, responses(
    (status = 200, body = Reply<BulkView>),
    (status = 400, description = "The act or the filter cannot be read", body = ProblemView),
    (status = 409, description = "There are more than expected; nothing was done", body = ProblemView),
))]
pub(crate) async fn bulk(jobs: Data<Jobs>, caller: Allow<perm::JobWrite>, wanted: Json<ActOnJobs>) -> ApiResult {
    let act: Bulk = wanted.act.parse()?;
    let filter = wanted.filter.filter()?;
    let count = jobs.counts().await?.fit_for(act, &filter);
    let Some(expected) = wanted.expected else {
        let view = BulkView { count, done: 0, left: 0 };
        let message = format!("nothing was done yet: send \"expected\": {count} to {} these jobs", act.word());
        return Ok(reply::told(StatusCode::OK, view, message));
    };
    let BulkDone { done, left } = jobs.bulk(&caller.who, act, filter, expected).await?;
    Ok(reply::ok(BulkView { count, done, left }))
}
