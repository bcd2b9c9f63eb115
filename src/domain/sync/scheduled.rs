//! What schedules ask for and have to know.

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{Job, JobId, JobKind, PanelId, ScheduleId, SyncId, Target};
use aviary_kernel::store::{Read, WriteTx};

use super::service::{Args, draft, job_name, job_of, put, tidy};
use super::{log, told};
use crate::queue;

/// The newest sync of everything that a panel has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastFull {
    /// When it was over; while it is at work, when it was asked for.
    pub(crate) at: Timestamp,
    /// Whether it is at work, or waits for its turn.
    pub(crate) is_at_work: bool,
}

/// The newest sync of everything that a panel has, whoever asked for it.
pub(crate) fn last_full(reader: &impl Read, panel: PanelId) -> Result<Option<LastFull>> {
    let Some(run) = log::newest_full(reader, panel)? else { return Ok(None) };
    // Without a job nothing more comes of a run, whatever its record says.
    let is_at_work = !run.status.is_over() && queue::of_name(reader, &job_name(run.id))?.is_some();
    Ok(Some(LastFull { at: run.finished_at.unwrap_or(run.created_at), is_at_work }))
}

/// The sync that a job does, or did; none when it does something else.
pub(crate) fn of_job(job: &Job) -> Option<SyncId> {
    let is_sync = job.kind == JobKind::Sync;
    is_sync.then(|| serde_json::from_str::<Args>(&job.args).ok()).flatten().map(|args| args.sync)
}

/// Puts a sync on record with the job that does it; to be called in the transaction that marks the time of the schedule as
/// dealt with. When another sync of the panel is at work by then, it waits for the end of that one.
pub(crate) fn begin(
    tx: &mut WriteTx<'_>,
    env: &Env,
    schedule: ScheduleId,
    panel: PanelId,
    targets: &[Target],
    by: &str,
) -> Result<JobId> {
    let run = draft(env, panel, tidy(targets.to_vec()), by.to_owned());
    put(tx, env, &run)?;
    told::began(tx, env, &run)?;
    Ok(queue::enqueue(tx, env, job_of(&run)?.from_schedule(schedule))?.id)
}
