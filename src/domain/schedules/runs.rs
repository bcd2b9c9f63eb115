//! What came of the times at which an entry was due.

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{
    Job, JobId, JobKind, JobState, RunOutcome, Schedule, ScheduleRun, ScheduledWork, SyncStatus,
};
use aviary_kernel::store::tables::{JOBS, SCHEDULES, SYNCS};
use aviary_kernel::store::{Read, Span, WriteTx};

use super::{GRACE, put};
use crate::events::{self, Happening, ScheduleFacts};
use crate::queue::{self, NewJob};
use crate::sync;

/// So many times left out in a row mean that the last run hangs.
const HANGS_AFTER: usize = 3;
/// How the trouble begins that the next run that goes well ends.
const FAILED: &str = "The last run failed:";
const NOT_STARTED: &str = "it did not begin within five minutes: too much other work waits";

/// Takes note of the end of a job that a schedule began, and begins the run that waited for it. An observer of jobs: called in
/// the transaction that ends the job.
///
/// # Errors
/// When the file cannot be read or written.
pub fn job_over(tx: &mut WriteTx<'_>, env: &Env, job: &Job) -> Result<()> {
    make_up(tx, env, job)?;
    let Some(mut schedule) = job.schedule.map(|id| tx.get(SCHEDULES, &id)).transpose()?.flatten() else {
        return Ok(());
    };
    if note_end(&mut schedule, job) {
        begin_waiting(tx, env, &mut schedule)?;
        put(tx, env, &schedule)?;
    }
    Ok(())
}

/// A panel that was synced whole, whoever asked for it, is in no trouble for a scheduled sync that failed before.
fn make_up(tx: &mut WriteTx<'_>, env: &Env, job: &Job) -> Result<()> {
    let Some(id) = sync::of_job(job).filter(|_| job.state == JobState::Completed) else { return Ok(()) };
    let Some(run) = tx.get(SYNCS, &id)?.filter(|run| run.status == SyncStatus::Completed && run.is_full()) else {
        return Ok(());
    };
    for (_, schedule) in tx.all(SCHEDULES, &Span::all())? {
        let is_of_it = matches!(&schedule.work, ScheduledWork::Sync { panel, .. } if *panel == run.panel);
        if is_of_it && schedule.trouble.as_deref().is_some_and(|why| why.starts_with(FAILED)) {
            put(tx, env, &Schedule { trouble: None, ..schedule })?;
        }
    }
    Ok(())
}

fn note_end(schedule: &mut Schedule, job: &Job) -> bool {
    let newest = schedule.runs.iter().find_map(|run| run.outcome.job());
    let mut is_ours = false;
    for run in schedule.runs.iter_mut().filter(|run| run.outcome.job() == Some(job.id)) {
        run.outcome = RunOutcome::Over(job.id, job.state);
        run.finished_at = job.finished_at;
        run.note = job.note.clone().or(run.note.take());
        is_ours = true;
    }
    if newest == Some(job.id) {
        match job.state {
            JobState::Completed => schedule.trouble = None,
            JobState::Failed | JobState::Dead => schedule.trouble = Some(why_failed(job)),
            _ => {}
        }
    }
    is_ours
}

fn why_failed(job: &Job) -> String {
    let what = job.faults.last().map_or("it did not say why", |fault| fault.what.as_str());
    format!("{FAILED} {what}")
}

/// One that waited begins when nothing else is at work, unless the schedule is held back by now.
fn begin_waiting(tx: &mut WriteTx<'_>, env: &Env, schedule: &mut Schedule) -> Result<()> {
    if schedule.runs.iter().any(|run| matches!(run.outcome, RunOutcome::Begun(_))) {
        return Ok(());
    }
    let Some(waiting) = schedule.runs.iter().position(|run| run.outcome == RunOutcome::Waiting) else { return Ok(()) };
    schedule.runs[waiting].outcome = if schedule.is_paused {
        RunOutcome::Skipped
    } else {
        RunOutcome::Begun(enqueue(tx, env, schedule, "schedule")?)
    };
    Ok(())
}

/// Enqueues the job of a schedule and notes the run.
pub(super) fn begin(
    tx: &mut WriteTx<'_>,
    env: &Env,
    schedule: &mut Schedule,
    due_at: Timestamp,
    by: &str,
    note: Option<String>,
) -> Result<JobId> {
    let job = enqueue(tx, env, schedule, by)?;
    push(schedule, ScheduleRun { due_at, outcome: RunOutcome::Begun(job), finished_at: None, note });
    Ok(job)
}

fn enqueue(tx: &mut WriteTx<'_>, env: &Env, schedule: &Schedule, by: &str) -> Result<JobId> {
    let kind = match &schedule.work {
        ScheduledWork::Sync { panel, targets } => return sync::begin(tx, env, schedule.id, *panel, targets, by),
        ScheduledWork::Backup => JobKind::Backup,
        ScheduledWork::Check => JobKind::Check,
        ScheduledWork::CleanUp => JobKind::CleanUp,
        ScheduledWork::EndSessions => JobKind::EndSessions,
        ScheduledWork::WatchExpiry => JobKind::WatchExpiry,
    };
    let new = NewJob::new(kind).unique(unique(schedule)).from_schedule(schedule.id).by(by);
    Ok(queue::enqueue(tx, env, new)?.id)
}

fn unique(schedule: &Schedule) -> String {
    format!("schedule/{}", schedule.id)
}

/// The job of a schedule that is not over.
pub(super) fn at_work(reader: &impl Read, schedule: &Schedule) -> Result<Option<Job>> {
    for run in &schedule.runs {
        // One that failed may have been let try again by hand.
        if let Some(id) = run.outcome.job()
            && let Some(job) = reader.get(JOBS, &id)?.filter(|job| !job.state.is_over())
        {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

/// Keeps the newest; what is not over stays in any case.
pub(super) fn push(schedule: &mut Schedule, run: ScheduleRun) {
    schedule.runs.insert(0, run);
    while schedule.runs.len() > Schedule::RUNS {
        let oldest = schedule.runs.iter().rposition(|run| !run.outcome.is_open());
        schedule.runs.remove(oldest.unwrap_or(schedule.runs.len() - 1));
    }
}

/// A run that is not begun, since the last one is at work.
pub(super) fn leave_out(
    tx: &mut WriteTx<'_>,
    env: &Env,
    schedule: &mut Schedule,
    due_at: Timestamp,
    why: &str,
) -> Result<()> {
    let skipped = ScheduleRun { due_at, outcome: RunOutcome::Skipped, finished_at: None, note: Some(why.to_owned()) };
    push(schedule, skipped);
    let in_a_row = schedule.runs.iter().take_while(|run| run.outcome == RunOutcome::Skipped).count();
    if in_a_row == HANGS_AFTER {
        let first = schedule.runs[in_a_row - 1].due_at;
        alert(tx, env, schedule, first, in_a_row as u64, "the last run is still at work; see whether it hangs")?;
    }
    Ok(())
}

/// Shows a schedule red and tells those who listen that it did not run when it was due.
pub(super) fn alert(
    tx: &mut WriteTx<'_>,
    env: &Env,
    schedule: &mut Schedule,
    due_at: Timestamp,
    missed: u64,
    why: &str,
) -> Result<()> {
    schedule.trouble = Some(format!("It was due at {due_at} and did not run: {why}"));
    let facts = ScheduleFacts::of(schedule, schedule.id, due_at, missed, why);
    events::raise(tx, env, &Happening::ScheduleMissed(facts)).map(drop)
}

/// Whether the book of runs says something else than the jobs do.
pub(super) fn is_behind(reader: &impl Read, env: &Env, schedule: &Schedule) -> Result<bool> {
    for (run, job) in begun(reader, schedule)? {
        if job.is_none_or(|job| job.state.is_over() || is_late(env, &schedule.runs[run], &job)) {
            return Ok(true);
        }
    }
    Ok(schedule.runs.iter().any(|run| run.outcome == RunOutcome::Waiting) && at_work(reader, schedule)?.is_none())
}

/// Looks what became of the jobs that are not known to be over, and whether they have begun.
pub(super) fn catch_up(tx: &mut WriteTx<'_>, env: &Env, schedule: &mut Schedule) -> Result<()> {
    for (run, job) in begun(tx, schedule)? {
        match job {
            Some(job) if job.state.is_over() => {
                note_end(schedule, &job);
            }
            Some(job) if is_late(env, &schedule.runs[run], &job) => {
                schedule.runs[run].note = Some(NOT_STARTED.into());
                alert(tx, env, schedule, job.created_at, 1, NOT_STARTED)?;
            }
            Some(_) => {}
            None => {
                let gone = &mut schedule.runs[run];
                if let Some(id) = gone.outcome.job() {
                    gone.outcome = RunOutcome::Over(id, JobState::Cancelled);
                    gone.finished_at = Some(env.now());
                    gone.note = Some("its job was removed".into());
                }
            }
        }
    }
    begin_waiting(tx, env, schedule)
}

/// The runs that are not known to be over, by place, with their jobs.
fn begun(reader: &impl Read, schedule: &Schedule) -> Result<Vec<(usize, Option<Job>)>> {
    let open = schedule.runs.iter().enumerate().filter_map(|(at, run)| match run.outcome {
        RunOutcome::Begun(id) => Some((at, id)),
        _ => None,
    });
    open.map(|(at, id)| Ok((at, reader.get(JOBS, &id)?))).collect()
}

fn is_late(env: &Env, run: &ScheduleRun, job: &Job) -> bool {
    let is_told = run.note.as_deref() == Some(NOT_STARTED);
    !is_told && job.state.is_waiting() && job.started_at.is_none() && env.now().since(job.created_at) > GRACE
}
