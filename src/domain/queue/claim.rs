//! Taking work.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{Job, JobKind, JobState, Queue};
use aviary_kernel::store::tables::{JOBS, JOBS_DUE};
use aviary_kernel::store::{Direction, Read, Span, WriteTx};

use super::put;

/// Free places by kind of job.
pub(crate) type Free = BTreeMap<JobKind, u32>;

/// Takes what is due as far as there are places, the most urgent queues first, each kind in the order of its times.
pub(crate) fn claim(tx: &mut WriteTx<'_>, env: &Env, free: &Free) -> Result<Vec<Job>> {
    let now = env.now();
    let mut taken = Vec::new();
    for kind in by_urgency() {
        let places = free.get(&kind).copied().unwrap_or(0) as usize;
        for id in due(tx, kind, now, places)? {
            let Some(mut job) = tx.get(JOBS, &id)? else { continue };
            job.state = JobState::Running;
            job.attempts += 1;
            job.started_at = Some(now);
            put(tx, env, &job)?;
            taken.push(job);
        }
    }
    Ok(taken)
}

/// When the next of the kinds with a free place is due.
pub(crate) fn first_due(reader: &impl Read, free: &Free) -> Result<Option<Timestamp>> {
    let mut first = None::<Timestamp>;
    for (kind, _) in free.iter().filter(|(_, places)| **places > 0) {
        reader.walk_index(JOBS_DUE, &Span::prefix(&kind.number()), Direction::Up, |(_, due_at, _)| {
            first = Some(first.map_or(due_at, |first| first.min(due_at)));
            Ok(ControlFlow::Break(()))
        })?;
    }
    Ok(first)
}

fn by_urgency() -> impl Iterator<Item = JobKind> {
    Queue::ALL.into_iter().flat_map(Queue::kinds)
}

fn due(reader: &impl Read, kind: JobKind, now: Timestamp, most: usize) -> Result<Vec<uuid::Uuid>> {
    let mut ids = Vec::new();
    if most == 0 {
        return Ok(ids);
    }
    reader.walk_index(JOBS_DUE, &Span::prefix(&kind.number()), Direction::Up, |(_, due_at, id)| {
        if due_at > now {
            return Ok(ControlFlow::Break(()));
        }
        ids.push(id);
        Ok(if ids.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(ids)
}
