//! Jobs as they go on.

use std::time::Duration;

use actix_web::web::{Data, Path};
use aviary_domain::jobs::{Jobs, Moves};
use aviary_kernel::base::Result;
use aviary_kernel::model::{JobId, JobState};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Serialize;
use utoipa::ToSchema;

use super::JobView;
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};
use crate::sse;

/// Nobody can read faster, and a busy queue changes a thousand times a second.
const PAUSE: Duration = Duration::from_millis(300);

/// How many jobs there are by state.
#[derive(PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct JobCountsView {
    /// They wait for a free place.
    pending: u64,
    /// They wait for their time.
    scheduled: u64,
    /// They are at work.
    running: u64,
    /// A try failed, and they wait for the next.
    retrying: u64,
    /// They are done.
    completed: u64,
    /// They were given up at once.
    failed: u64,
    /// People took them back.
    cancelled: u64,
    /// Every try failed.
    dead: u64,
}

impl JobCountsView {
    async fn now(jobs: &Jobs) -> Result<Self> {
        let counts = jobs.counts().await?;
        Ok(Self {
            pending: counts.in_state(JobState::Pending),
            scheduled: counts.in_state(JobState::Scheduled),
            running: counts.in_state(JobState::Running),
            retrying: counts.in_state(JobState::Retrying),
            completed: counts.in_state(JobState::Completed),
            failed: counts.in_state(JobState::Failed),
            cancelled: counts.in_state(JobState::Cancelled),
            dead: counts.in_state(JobState::Dead),
        })
    }
}

/// Something that was looked at.
struct Seen {
    event: Bytes,
    /// Whether nothing more will come.
    last: bool,
}

/// Follow the numbers
///
/// Server-sent events: `update` with the number of jobs by state, now and whenever it changed; a comment every 15 seconds. The
/// key may stand in the address as `token`.
#[utoipa::path(get, path = "/api/v1/jobs/events", tag = "jobs", params(("token" = Option<String>, Query)),
    responses((status = 200, description = "A stream of events", body = JobCountsView, content_type = "text/event-stream")))]
pub(crate) async fn follow(jobs: Data<Jobs>, _caller: Allow<perm::Following<perm::JobRead>>) -> ApiResult {
    let moves = jobs.moves(None);
    let look = move || {
        let jobs = jobs.clone();
        async move { Ok(Seen { event: sse::event("update", &JobCountsView::now(&jobs).await?), last: false }) }
    };
    Ok(sse::answer(updates(moves, look)))
}

/// Follow a job
///
/// Server-sent events: `update` with the job now and on each change, `done` with the job at its end, or with null when nothing
/// is kept of it; a comment every 15 seconds. The key may stand in the address as `token`.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", tag = "jobs", params(("id" = uuid::Uuid, Path), ("token" = Option<String>, Query)),
    responses(
        (status = 200, description = "A stream of events", body = JobView, content_type = "text/event-stream"),
        (status = 404, description = "There is no such job", body = ProblemView),
    ))]
pub(crate) async fn events(
    jobs: Data<Jobs>,
    _caller: Allow<perm::Following<perm::JobRead>>,
    id: Path<JobId>,
) -> ApiResult {
    let (id, moves) = (*id, jobs.moves(Some(*id)));
    jobs.get(id).await?;
    let look = move || {
        let jobs = jobs.clone();
        async move {
            let job = jobs.find(id).await?;
            let last = job.as_ref().is_none_or(|shown| shown.job.state.is_over());
            let event = sse::event(if last { "done" } else { "update" }, &job.map(JobView::from));
            Ok(Seen { event, last })
        }
    };
    Ok(sse::answer(updates(moves, look)))
}

/// What `look` finds now, and whenever something moved and it finds something else. In between a sign of life.
fn updates<F, Look>(moves: Moves, look: Look) -> impl Stream<Item = Bytes>
where
    F: Future<Output = Result<Seen>>,
    Look: Fn() -> F,
{
    stream::unfold(Some((moves, look, Bytes::new())), |state| async move {
        let (mut moves, look, told) = state?;
        loop {
            if !told.is_empty() {
                tokio::time::sleep(PAUSE).await;
                match tokio::time::timeout(sse::HEARTBEAT, moves.next()).await {
                    Err(_) => return Some((sse::sign_of_life(), Some((moves, look, told)))),
                    Ok(false) => return None,
                    Ok(true) => {}
                }
            }
            // Who listens asks again when the stream ends; a file that cannot be read is told there.
            let Seen { event, last } = look().await.ok()?;
            if event != told {
                return Some((event.clone(), (!last).then_some((moves, look, event))));
            }
        }
    })
}
