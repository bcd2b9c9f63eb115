//! Finding jobs. A page is merged from the newest ends of as many index ranges as there are kinds and states asked for, so it
//! costs the same however many jobs there are.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use aviary_kernel::base::{Cursor, Env, Result, Timestamp};
use aviary_kernel::model::{Job, JobId, JobKind, JobState, Queue};
use aviary_kernel::store::tables::{JOBS, JOBS_OF};
use aviary_kernel::store::{Direction, Key, Read, ReadTx, Span, WriteTx};

use super::{Jobs, ShownJob};
use crate::queue::{self, Free};

/// Which jobs. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Of this queue.
    pub queue: Option<Queue>,
    /// Of this kind.
    pub kind: Option<JobKind>,
    /// In one of these states; empty = in any.
    pub states: Vec<JobState>,
}

impl JobFilter {
    /// Whether jobs of a kind are meant.
    fn fits(&self, kind: JobKind) -> bool {
        self.queue.is_none_or(|queue| kind.queue() == queue) && self.kind.is_none_or(|wanted| kind == wanted)
    }

    fn ranges(&self) -> Vec<(u16, u8)> {
        let states = if self.states.is_empty() { &JobState::ALL[..] } else { &self.states };
        let kinds = JobKind::ALL.iter().filter(|kind| self.fits(**kind));
        kinds.flat_map(|kind| states.iter().map(|state| (kind.number(), state.number()))).collect()
    }
}

/// What is asked of the list.
#[derive(Clone, Debug, Default)]
pub struct JobQuery {
    /// Which.
    pub filter: JobFilter,
    /// Behind this one.
    pub after: Option<Cursor>,
    /// Jobs of a page; 0 is taken as 50, more than 200 as 200.
    pub limit: usize,
}

/// A page of jobs.
#[derive(Clone, Debug)]
pub struct JobPage {
    /// Newest first.
    pub jobs: Vec<ShownJob>,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
}

/// How many jobs there are.
#[derive(Clone, Debug, Default)]
pub struct Counts(BTreeMap<(JobKind, JobState), u64>);

impl Counts {
    /// Of those that fit.
    pub fn of(&self, filter: &JobFilter) -> u64 {
        let fits = |(kind, state): &(JobKind, JobState)| {
            filter.fits(*kind) && (filter.states.is_empty() || filter.states.contains(state))
        };
        self.0.iter().filter(|(at, _)| fits(at)).map(|(_, count)| count).sum()
    }

    /// In a state.
    pub fn in_state(&self, state: JobState) -> u64 {
        self.of(&JobFilter { states: vec![state], ..JobFilter::default() })
    }
}

/// Where the work stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// How many jobs there are.
    pub counts: Counts,
    // When the first of those that wait is, or was, due.
    due: BTreeMap<JobKind, Timestamp>,
}

impl Standing {
    /// Since when the one of a filter has been due that waits longest; none when none is due. States are not looked at.
    pub fn due_since(&self, filter: &JobFilter, now: Timestamp) -> Option<Timestamp> {
        let due = self.due.iter().filter(|(kind, at)| filter.fits(**kind) && **at <= now);
        due.map(|(_, at)| *at).min()
    }
}

impl Jobs {
    /// A page of jobs, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn list(&self, query: JobQuery) -> Result<JobPage> {
        let wanted = if query.limit == 0 { 50 } else { query.limit.min(200) };
        let after = query.after.as_ref().and_then(|cursor| <JobId as Key>::from_bytes(cursor.key()));
        let mut found = self
            .inner
            .store
            .read(move |tx| {
                let ids = ids(tx, &query.filter, after, wanted + 1)?;
                ids.iter().filter_map(|id| tx.get(JOBS, id).transpose()).collect::<Result<Vec<Job>>>()
            })
            .await?;
        let more = found.len() > wanted;
        found.truncate(wanted);
        let next = found.last().filter(|_| more).map(|job| Cursor::after(&job.id.to_bytes()));
        Ok(JobPage { jobs: found.into_iter().map(|job| self.shown(job)).collect(), next })
    }

    /// Those of these jobs that are there.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn chosen(&self, ids: Vec<JobId>) -> Result<Vec<ShownJob>> {
        let get = move |tx: &ReadTx| ids.iter().filter_map(|id| tx.get(JOBS, id).transpose()).collect();
        let jobs: Vec<Job> = self.inner.store.read(get).await?;
        Ok(jobs.into_iter().map(|job| self.shown(job)).collect())
    }

    /// How many jobs there are of each kind in each state; kept, not counted.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn counts(&self) -> Result<Counts> {
        self.inner.store.read(counts).await
    }

    /// Where the work stands, from one look.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn standing(&self) -> Result<Standing> {
        self.inner
            .store
            .read(|tx| {
                let mut due = BTreeMap::new();
                for kind in JobKind::ALL {
                    due.extend(queue::first_due(tx, &Free::from([(*kind, 1)]))?.map(|at| (*kind, at)));
                }
                Ok(Standing { counts: counts(tx)?, due })
            })
            .await
    }
}

pub(super) fn counts(reader: &impl Read) -> Result<Counts> {
    let mut counts = BTreeMap::new();
    for kind in JobKind::ALL {
        for state in JobState::ALL {
            counts.insert((*kind, state), reader.count(kind.counter(state))?);
        }
    }
    Ok(Counts(counts))
}

/// At most `most` jobs that fit and are older than `before`, newest first.
pub(super) fn ids(reader: &impl Read, filter: &JobFilter, before: Option<JobId>, most: usize) -> Result<Vec<JobId>> {
    let mut found = Vec::new();
    for range in filter.ranges() {
        let span = before.map_or_else(
            || Span::prefix(&range),
            |id| Span::prefix(&range).after(&(range.0, range.1, id).to_bytes(), Direction::Down),
        );
        let mut of_range = 0;
        reader.walk_index(JOBS_OF, &span, Direction::Down, |(_, _, id)| {
            found.push(id);
            of_range += 1;
            Ok(if of_range < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.truncate(most);
    Ok(found)
}

/// Removes at most `most` jobs of a state that were over before `limit`, oldest first.
pub(super) fn forget(tx: &mut WriteTx<'_>, env: &Env, state: JobState, limit: Timestamp, most: usize) -> Result<usize> {
    let mut old = Vec::new();
    for kind in JobKind::ALL {
        let mut of_kind = Vec::new();
        tx.walk_index(JOBS_OF, &Span::prefix(&(kind.number(), state.number())), Direction::Up, |(_, _, id)| {
            let job = tx.get(JOBS, &id)?;
            let is_old = job.and_then(|job| job.finished_at).is_none_or(|at| at < limit);
            of_kind.extend(is_old.then_some(id));
            // They stand in the order in which they were enqueued, so behind one that is new few are old.
            Ok(if is_old && of_kind.len() + old.len() < most {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        })?;
        old.append(&mut of_kind);
    }
    for id in &old {
        queue::remove(tx, env, *id)?;
    }
    Ok(old.len())
}
