//! What becomes of work that was taken.

use std::time::Duration;

use aviary_kernel::base::{Env, Error, Result, Timestamp};
use aviary_kernel::model::{Job, JobFault, JobId, JobState};
use aviary_kernel::store::tables::JOBS;
use aviary_kernel::store::{Read, WriteTx};
use serde::Serialize;

use super::{put, remove, waiting_state};

/// So often may Aviary end while a job runs, in a row, before the job is taken for the cause.
const MOST_LOSSES: u32 = 5;
/// What went wrong is kept up to so many characters.
const LONGEST_FAULT: usize = 1000;

/// How a try ended.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// Done; what came of it.
    Completed(Option<String>),
    /// Nothing failed, but it is not done: it goes on at this time. Not counted as a try.
    Later(Timestamp, Option<String>),
    /// Failed; another try after this pause, or after the usual one.
    Retry(String, Option<Duration>),
    /// Failed, and another try would end the same.
    GiveUp(String),
    /// Stopped by a person.
    Cancelled,
    /// Stopped because Aviary ends; begins again at the next start. Not counted as a try.
    GivenBack,
}

/// Notes how a try ended. The job as it is then; none when it was ended already, as by a body in its own transaction.
pub(crate) fn end(tx: &mut WriteTx<'_>, env: &Env, id: JobId, ending: Ending) -> Result<Option<Job>> {
    let Some(mut job) = tx.get(JOBS, &id)?.filter(|job| job.state == JobState::Running) else { return Ok(None) };
    let now = env.now();
    job.losses = 0;
    match ending {
        Ending::Completed(note) => {
            job.note = note;
            over(&mut job, JobState::Completed, now);
            if job.again {
                begin_again(&mut job, now);
            }
        }
        Ending::Later(at, note) => {
            job.note = note.or(job.note);
            wait(&mut job, at.max(now), now);
        }
        Ending::Retry(what, after) => {
            note_fault(&mut job, now, what);
            if job.attempts >= job.max_attempts {
                over(&mut job, JobState::Dead, now);
            } else {
                job.state = JobState::Retrying;
                job.due_at = now.plus(pause(env, &job, after));
            }
        }
        Ending::GiveUp(what) => {
            note_fault(&mut job, now, what);
            over(&mut job, JobState::Failed, now);
        }
        Ending::Cancelled => over(&mut job, JobState::Cancelled, now),
        Ending::GivenBack => wait(&mut job, now, now),
    }
    // Somebody asked anew while it ran, which has nothing to do with what failed before.
    if job.again && matches!(job.state, JobState::Failed | JobState::Dead) {
        begin_again(&mut job, now);
    }
    if job.state == JobState::Completed && !job.kind.rules().is_kept {
        remove(tx, env, id)?;
    } else {
        put(tx, env, &job)?;
    }
    Ok(Some(job))
}

/// Takes back a job that ran when Aviary ended without warning. It may run again at once; one during which that happens again
/// and again waits longer each time, and is dead in the end.
pub(crate) fn put_back(tx: &mut WriteTx<'_>, env: &Env, mut job: Job) -> Result<Job> {
    let now = env.now();
    job.losses += 1;
    note_fault(&mut job, now, "Aviary ended while this ran".into());
    if job.losses >= MOST_LOSSES {
        over(&mut job, JobState::Dead, now);
    } else {
        // The end of Aviary is no failure of the job, as far as is known.
        job.attempts = job.attempts.saturating_sub(1);
        job.state = JobState::Retrying;
        let pause = if job.losses == 1 { Duration::ZERO } else { job.kind.pause_after(job.losses - 1) };
        job.due_at = now.plus(pause);
    }
    put(tx, env, &job)?;
    Ok(job)
}

/// Gives a job other arguments: where it goes on if it is begun again.
pub(crate) fn set_args(tx: &mut WriteTx<'_>, id: JobId, args: &impl Serialize) -> Result<()> {
    let Some(mut job) = tx.get(JOBS, &id)? else { return Ok(()) };
    job.args = serde_json::to_string(args).map_err(Error::internal)?;
    tx.put(JOBS, &id, &job).map(drop)
}

/// Takes back a job that waits.
pub(crate) fn cancel(tx: &mut WriteTx<'_>, env: &Env, mut job: Job) -> Result<Job> {
    over(&mut job, JobState::Cancelled, env.now());
    put(tx, env, &job)?;
    Ok(job)
}

/// Lets a job that is over run again, with all of its tries.
pub(crate) fn restart(tx: &mut WriteTx<'_>, env: &Env, mut job: Job) -> Result<Job> {
    begin_again(&mut job, env.now());
    put(tx, env, &job)?;
    Ok(job)
}

fn begin_again(job: &mut Job, now: Timestamp) {
    job.again = false;
    job.state = JobState::Pending;
    job.due_at = now;
    job.finished_at = None;
    job.attempts = 0;
    job.losses = 0;
}

fn wait(job: &mut Job, due_at: Timestamp, now: Timestamp) {
    job.attempts = job.attempts.saturating_sub(1);
    job.state = waiting_state(due_at, now);
    job.due_at = due_at;
    if job.again {
        job.again = false;
        job.state = JobState::Pending;
        job.due_at = now;
    }
}

fn over(job: &mut Job, state: JobState, now: Timestamp) {
    job.state = state;
    job.finished_at = Some(now);
}

fn note_fault(job: &mut Job, now: Timestamp, what: String) {
    let took = now.since(job.started_at.unwrap_or(now));
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let what = if what.chars().count() > LONGEST_FAULT { what.chars().take(LONGEST_FAULT).collect() } else { what };
    job.note = Some(what.clone());
    job.faults.push(JobFault { attempt: job.attempts, at: now, took_ms, what });
    if job.faults.len() > Job::FAULTS {
        job.faults.remove(0);
    }
}

/// The usual pause, or the longer one that the other side asked for; longer or shorter by up to a fifth, so that what failed
/// together is not tried together.
fn pause(env: &Env, job: &Job, after: Option<Duration>) -> Duration {
    let usual = job.kind.pause_after(job.attempts);
    let (after, usual) = (after.filter(|after| *after > usual), after.map_or(usual, |after| after.max(usual)));
    let chance = (env.ids.next().as_u64_pair().1 % 1000) as f64 / 1000.0;
    // What the other side asked for is not cut short.
    if after.is_some() { usual.mul_f64(1.0 + chance * 0.2) } else { usual.mul_f64(0.8 + chance * 0.4) }
}
