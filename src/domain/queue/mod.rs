//! Work that waits, on disk: put there in the commit of the change that asks for it, taken and ended in group commits.
//!
//! What a job does is not known here. [`crate::jobs`] runs them and shows them to people.

mod claim;
mod end;
mod rows;
mod work;

use aviary_kernel::base::{Env, Error, Result, Timestamp};
use aviary_kernel::model::{Job, JobId, JobKind, JobState, ScheduleId};
use aviary_kernel::store::tables::{JOBS, JOBS_UNIQUE};
use aviary_kernel::store::{Direction, Read, SortText, Span, WriteTx};
use serde::Serialize;

pub(crate) use claim::{Free, claim, first_due};
pub(crate) use end::{Ending, cancel, end, put_back, restart, set_args};
pub(crate) use rows::{leaves_a_trace, put, remove};
pub(crate) use work::Retry;
pub use work::{Body, Done, Fault, Outcome, Progress, Stop, Work, body};

/// Work that somebody wants done.
#[derive(Clone, Debug)]
pub struct NewJob {
    kind: JobKind,
    args: String,
    unique: Option<String>,
    again: bool,
    by: String,
    schedule: Option<ScheduleId>,
    due_at: Option<Timestamp>,
}

/// The job that answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The job.
    pub id: JobId,
    /// There was one of this name already; nothing was added.
    pub joined: bool,
}

impl NewJob {
    /// A job that is to run at once, and needs to know nothing.
    pub fn new(kind: JobKind) -> Self {
        Self { kind, args: "{}".into(), unique: None, again: false, by: "Aviary".into(), schedule: None, due_at: None }
    }

    /// What it is to work with. Never a secret.
    ///
    /// # Errors
    /// [`Error::Internal`] when it is no JSON.
    pub fn args(mut self, args: &impl Serialize) -> Result<Self> {
        self.args = serde_json::to_string(args).map_err(Error::internal)?;
        Ok(self)
    }

    /// Not beside another of this name; who asks meanwhile is joined to it.
    #[must_use]
    pub fn unique(self, name: impl Into<String>) -> Self {
        Self { unique: Some(name.into()), ..self }
    }

    /// As [`NewJob::unique`]; when that one runs already, it runs once more, since it may have looked too early.
    #[must_use]
    pub fn unique_again(self, name: impl Into<String>) -> Self {
        Self { again: true, ..self.unique(name) }
    }

    /// Who or what asks.
    #[must_use]
    pub fn by(self, by: impl Into<String>) -> Self {
        Self { by: by.into(), ..self }
    }

    /// The schedule it comes from.
    #[must_use]
    pub fn from_schedule(self, schedule: ScheduleId) -> Self {
        Self { schedule: Some(schedule), ..self }
    }

    /// Not before this time.
    #[must_use]
    pub fn at(self, due_at: Timestamp) -> Self {
        Self { due_at: Some(due_at), ..self }
    }
}

/// Puts a job on record; to be called in the transaction of what makes it necessary. It starts once that is on disk.
///
/// # Errors
/// When the file cannot be read or written.
pub fn enqueue(tx: &mut WriteTx<'_>, env: &Env, new: NewJob) -> Result<Enqueued> {
    let now = env.now();
    let due_at = new.due_at.unwrap_or(now);
    if let Some(name) = &new.unique
        && let Some(job) = of_name(tx, name)?
    {
        return join(tx, env, job, due_at, new.again);
    }
    let job = Job {
        id: env.ids.next(),
        kind: new.kind,
        args: new.args,
        state: waiting_state(due_at, now),
        unique: new.unique,
        again: false,
        by: new.by,
        schedule: new.schedule,
        created_at: now,
        due_at,
        started_at: None,
        finished_at: None,
        attempts: 0,
        max_attempts: new.kind.rules().attempts,
        losses: 0,
        faults: Vec::new(),
        note: None,
    };
    put(tx, env, &job)?;
    Ok(Enqueued { id: job.id, joined: false })
}

/// The job of a name that is not over.
///
/// # Errors
/// When the file cannot be read.
pub fn of_name(reader: &impl Read, name: &str) -> Result<Option<Job>> {
    let mut found = None;
    reader.walk_index(JOBS_UNIQUE, &Span::prefix(&SortText::new(name)), Direction::Up, |(_, id)| {
        found = Some(id);
        Ok(std::ops::ControlFlow::Break(()))
    })?;
    found.map(|id| reader.get(JOBS, &id)).transpose().map(Option::flatten)
}

/// A waiting job is brought forward when somebody wants it earlier.
fn join(tx: &mut WriteTx<'_>, env: &Env, mut job: Job, due_at: Timestamp, again: bool) -> Result<Enqueued> {
    let id = job.id;
    // One that is retrying waits for the other side to recover.
    let earlier = matches!(job.state, JobState::Pending | JobState::Scheduled) && due_at < job.due_at;
    let once_more = job.state == JobState::Running && again && !job.again;
    if earlier || once_more {
        job.again |= once_more;
        job.due_at = if earlier { due_at } else { job.due_at };
        put(tx, env, &job)?;
    }
    Ok(Enqueued { id, joined: true })
}

fn waiting_state(due_at: Timestamp, now: Timestamp) -> JobState {
    if due_at <= now { JobState::Pending } else { JobState::Scheduled }
}
