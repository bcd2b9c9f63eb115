//! The rows of jobs: whoever follows the feed hears of each change.

use aviary_kernel::base::{Env, Result};
use aviary_kernel::model::{Job, JobState};
use aviary_kernel::store::WriteTx;
use aviary_kernel::store::tables::JOBS;

use crate::feed::{self, Change};

/// Whether there is more to a job than that it is done in a moment: some kinds are so many that only those are of interest in which
/// something went wrong.
pub(crate) fn leaves_a_trace(job: &Job) -> bool {
    job.kind.rules().is_kept || !job.faults.is_empty() || (job.state.is_over() && job.state != JobState::Completed)
}

/// Stores a job.
pub(crate) fn put(tx: &mut WriteTx<'_>, env: &Env, job: &Job) -> Result<()> {
    let before = tx.put(JOBS, &job.id, job)?;
    if leaves_a_trace(job) || before.as_ref().is_some_and(leaves_a_trace) {
        feed::append(tx, env, Change::Job(job.id))?;
    }
    Ok(())
}

/// Removes a job.
pub(crate) fn remove(tx: &mut WriteTx<'_>, env: &Env, id: aviary_kernel::model::JobId) -> Result<()> {
    let before = tx.remove(JOBS, &id)?;
    if before.as_ref().is_some_and(leaves_a_trace) {
        feed::append(tx, env, Change::Job(id))?;
    }
    Ok(())
}
