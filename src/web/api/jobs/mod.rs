//! Jobs: what waits, what is at work, what came of it; and what people may do about it.

mod bulk;
mod live;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use aviary_domain::jobs::{JobFilter, JobQuery, Jobs, ShownJob};
use aviary_domain::queue::Progress;
use aviary_kernel::base::{Cursor, Error, Timestamp};
use aviary_kernel::model::{JobFault, JobId, JobKind, JobState, Queue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::reply::{self, Reply, Walk};
use super::syncs::limit;
use super::words::filled;
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};

pub(crate) use bulk::{__path_bulk, bulk};
pub(crate) use live::{__path_events, __path_follow, events, follow};

/// A job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobView {
    /// Its id, which is the idempotency key of what it does.
    id: Uuid,
    /// What it does, such as `sync.run`.
    kind: &'static str,
    /// The same for people.
    does: &'static str,
    /// `critical`, `default` or `low`.
    queue: &'static str,
    /// `pending`, `scheduled`, `running`, `retrying`, `completed`, `failed`, `cancelled` or `dead`.
    state: &'static str,
    /// What it works with.
    args: Value,
    /// As long as it is not over, another job of the same name is not enqueued.
    unique: Option<String>,
    /// Whether it runs once more when it is done, since it was asked for again while it ran.
    again: bool,
    /// Who or what asked for it.
    by: String,
    /// The schedule it came from.
    schedule: Option<String>,
    /// When it was enqueued.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it may run, or run again.
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    /// When the last try began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When it was over.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Tries that were begun since it was enqueued or retried by hand.
    attempts: u32,
    /// Tries it gets.
    max_attempts: u32,
    /// The latest thing worth saying about it, one sentence.
    note: Option<String>,
    /// How far it is, while it runs.
    progress: Option<ProgressView>,
    /// Tries that failed, oldest first; of many the latest.
    faults: Vec<JobFaultView>,
}

/// How far a job is.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProgressView {
    /// What it is at.
    step: String,
    /// How much is done.
    done: u64,
    /// Of how much; null = not known.
    of: Option<u64>,
}

/// A try that failed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobFaultView {
    /// Which try it was, counted from 1.
    attempt: u32,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Milliseconds it took.
    took_ms: u64,
    /// What went wrong.
    what: String,
}

impl From<ShownJob> for JobView {
    fn from(ShownJob { job, progress }: ShownJob) -> Self {
        Self {
            id: job.id,
            kind: job.kind.name(),
            does: job.kind.does(),
            queue: job.queue().name(),
            state: job.state.word(),
            // What this release wrote is JSON; of anything else the text is told.
            args: serde_json::from_str(&job.args).unwrap_or(Value::String(job.args)),
            unique: job.unique,
            again: job.again,
            by: job.by,
            schedule: job.schedule.map(|id| id.to_string()),
            created_at: job.created_at,
            due_at: job.due_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            note: job.note,
            progress: progress.map(|Progress { step, done, of }| ProgressView { step, done, of }),
            faults: job.faults.into_iter().map(JobFaultView::from).collect(),
        }
    }
}

impl From<JobFault> for JobFaultView {
    fn from(JobFault { attempt, at, took_ms, what }: JobFault) -> Self {
        Self { attempt, at, took_ms, what }
    }
}

/// What is asked of the list of jobs.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct JobsQuery {
    /// `critical`, `default` or `low`.
    queue: Option<String>,
    /// A kind, such as `sync.run`.
    kind: Option<String>,
    /// A state, or several with commas between them: `dead,failed`.
    state: Option<String>,
    /// 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl JobsQuery {
    fn query(self) -> Result<JobQuery, Error> {
        let states = filled(self.state.as_deref());
        let states = states.iter().flat_map(|states| states.split(',')).map(str::trim);
        let filter = JobFilter {
            queue: filled(self.queue.as_deref()).map(|word| word.parse::<Queue>()).transpose()?,
            kind: filled(self.kind.as_deref()).map(|word| word.parse::<JobKind>()).transpose()?,
            states: states.map(str::parse::<JobState>).collect::<Result<_, _>>()?,
        };
        let after = self.cursor.as_deref().map(cursor).transpose()?;
        Ok(JobQuery { filter, after, limit: limit(self.limit, 50, 200)? })
    }
}

/// A cursor of this list.
fn cursor(text: &str) -> Result<Cursor, Error> {
    let cursor: Cursor = text.parse()?;
    match JobId::from_slice(cursor.key()) {
        Ok(_) => Ok(cursor),
        Err(_) => Err(Error::invalid("cursor", "is not one of this list; begin again without it")),
    }
}

/// Jobs, newest first
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(JobsQuery), responses(
    (status = 200, body = Reply<Walk<JobView>>),
    (status = 400, description = "A filter cannot be read", body = ProblemView),
))]
pub(crate) async fn list(jobs: Data<Jobs>, _caller: Allow<perm::JobRead>, query: Query<JobsQuery>) -> ApiResult {
    let page = jobs.list(query.into_inner().query()?).await?;
    Ok(reply::ok(Walk::new(page.jobs.into_iter().map(JobView::from).collect(), page.next.as_ref())))
}

/// A job
///
/// Of kinds that are not kept when they are done, a job that is done is not found.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = Reply<JobView>),
    (status = 404, description = "There is no such job", body = ProblemView),
))]
pub(crate) async fn one(jobs: Data<Jobs>, _caller: Allow<perm::JobRead>, id: Path<JobId>) -> ApiResult {
    Ok(reply::ok(JobView::from(jobs.get(*id).await?)))
}

/// Let a job try again
///
/// One that is dead, failed or cancelled begins anew at once, with all of its tries.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "jobs", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, description = "It waits for a free place", body = Reply<JobView>),
    (status = 404, description = "There is no such job", body = ProblemView),
    (status = 409, description = "It is not over, or another that does the same is on its way", body = ProblemView),
))]
pub(crate) async fn retry(jobs: Data<Jobs>, caller: Allow<perm::JobWrite>, id: Path<JobId>) -> ApiResult {
    let job = jobs.retry(&caller.who, *id).await?;
    Ok(reply::told(StatusCode::OK, JobView::from(job), "the job begins anew"))
}

/// Cancel a job
///
/// One that waits is taken back. One that runs is told to stop, and broken off after 30 seconds when it does not; what it did
/// until then stays done.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, description = "It is cancelled", body = Reply<JobView>),
    (status = 202, description = "It will stop", body = Reply<JobView>),
    (status = 404, description = "There is no such job", body = ProblemView),
    (status = 409, description = "It is over", body = ProblemView),
))]
pub(crate) async fn cancel(jobs: Data<Jobs>, caller: Allow<perm::JobWrite>, id: Path<JobId>) -> ApiResult {
    let job = jobs.cancel(&caller.who, *id).await?;
    let (status, message) = match job.job.state {
        JobState::Running => (StatusCode::ACCEPTED, "the job was told to stop"),
        _ => (StatusCode::OK, "the job is cancelled"),
    };
    Ok(reply::told(status, JobView::from(job), message))
}

/// Remove a job
///
/// One that is over goes from the list, with its tries. What it did stays done.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, description = "It was removed", body = Reply<JobView>),
    (status = 404, description = "There is no such job", body = ProblemView),
    (status = 409, description = "It is not over", body = ProblemView),
))]
pub(crate) async fn remove(jobs: Data<Jobs>, caller: Allow<perm::JobWrite>, id: Path<JobId>) -> ApiResult {
    let job = jobs.remove(&caller.who, *id).await?;
    Ok(reply::told(StatusCode::OK, JobView::from(job), "the job was removed"))
}
