//! What people may do about jobs. Each act is put on record.

use std::str::FromStr;

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Action, Actor, Job, JobId, JobState};
use aviary_kernel::store::tables::JOBS;
use aviary_kernel::store::{Read, WriteTx};

use super::list::{self, Counts, JobFilter};
use super::{AT_ONCE, Jobs, ShownJob};
use crate::audit::{self, Did};
use crate::queue::{self, Stop};

/// What to do with many jobs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bulk {
    /// Let those that are dead, failed or cancelled try again.
    Retry,
    /// Take back those that wait, and stop those that run.
    Cancel,
    /// Remove those that are over.
    Remove,
}

impl Bulk {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Retry, Self::Cancel, Self::Remove];

    /// The states of jobs with which this can be done.
    pub fn states(self) -> &'static [JobState] {
        match self {
            Self::Retry => &[JobState::Dead, JobState::Failed, JobState::Cancelled],
            Self::Cancel => &[JobState::Pending, JobState::Scheduled, JobState::Retrying, JobState::Running],
            Self::Remove => &[JobState::Completed, JobState::Dead, JobState::Failed, JobState::Cancelled],
        }
    }

    /// The word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Remove => "remove",
        }
    }

    fn action(self) -> Action {
        match self {
            Self::Retry => Action::JobRetried,
            Self::Cancel => Action::JobCancelled,
            Self::Remove => Action::JobRemoved,
        }
    }

    /// The jobs of a filter with which this can be done.
    pub fn among(self, filter: &JobFilter) -> JobFilter {
        let wanted = |state: &JobState| filter.states.is_empty() || filter.states.contains(state);
        JobFilter { states: self.states().iter().copied().filter(wanted).collect(), ..filter.clone() }
    }
}

impl FromStr for Bulk {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|act| act.word() == text);
        found.ok_or_else(|| Error::invalid("act", "is retry, cancel or remove"))
    }
}

impl Counts {
    /// Of the jobs of a filter, those with which something can be done.
    pub fn fit_for(&self, act: Bulk, filter: &JobFilter) -> u64 {
        let among = act.among(filter);
        // Without a state, all of them would be meant.
        if among.states.is_empty() { 0 } else { self.of(&among) }
    }
}

/// What became of many jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkDone {
    /// Jobs with which it was done.
    pub done: u64,
    /// Jobs that were gone or no longer in a state for it, or had another of their name beside them.
    pub left: u64,
}

impl Jobs {
    /// Lets a job that is dead, failed or cancelled try again, with all of its tries.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is not over, or another of its name is on its way.
    pub async fn retry(&self, by: &Actor, id: JobId) -> Result<ShownJob> {
        self.one(by, id, Bulk::Retry).await
    }

    /// Takes back a job that waits. One that runs is told to stop, and is broken off when it does not.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is over.
    pub async fn cancel(&self, by: &Actor, id: JobId) -> Result<ShownJob> {
        self.one(by, id, Bulk::Cancel).await
    }

    /// Removes a job that is over.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is not over.
    pub async fn remove(&self, by: &Actor, id: JobId) -> Result<ShownJob> {
        self.one(by, id, Bulk::Remove).await
    }

    async fn one(&self, by: &Actor, id: JobId, act: Bulk) -> Result<ShownJob> {
        let (this, by) = (self.clone(), by.clone());
        let job = self
            .inner
            .store
            .write(move |tx| {
                let job = tx.get(JOBS, &id)?.ok_or_else(|| Error::not_found("job", id))?;
                let did = Did::new(act.action()).to("job", id, job.kind.name());
                let job = this.act(tx, act, job)?;
                audit::record(tx, &this.inner.env, &by, did)?;
                Ok(job)
            })
            .await?;
        Ok(self.shown(job))
    }

    /// Does the same with all jobs of a filter that are in a state for it. `expected` = how many the caller saw there were:
    /// when there are more by now, nothing is done.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there are more than expected.
    pub async fn bulk(&self, by: &Actor, act: Bulk, filter: JobFilter, expected: u64) -> Result<BulkDone> {
        let filter = act.among(&filter);
        if filter.states.is_empty() {
            return Ok(BulkDone::default());
        }
        let there = self.counts().await?.of(&filter);
        if there > expected {
            return Err(Error::Conflict(format!(
                "there are {there} such jobs by now, not {expected}: look again, then repeat this"
            )));
        }
        let mut sum = BulkDone::default();
        let mut before = None;
        loop {
            let (this, by, filter) = (self.clone(), by.clone(), filter.clone());
            let (batch, last) = self.inner.store.write(move |tx| this.some(tx, &by, act, &filter, before)).await?;
            sum.done += batch.done;
            sum.left += batch.left;
            if last.is_none() {
                return Ok(sum);
            }
            before = last;
        }
    }

    /// Does the same with jobs that somebody chose, as far as they are in a state for it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn each(&self, by: &Actor, act: Bulk, ids: &[JobId]) -> Result<BulkDone> {
        let mut sum = BulkDone::default();
        for some in ids.chunks(AT_ONCE) {
            let (this, by, some) = (self.clone(), by.clone(), some.to_vec());
            let batch = self.inner.store.write(move |tx| this.these(tx, &by, act, &some, "chosen".into())).await?;
            sum.done += batch.done;
            sum.left += batch.left;
        }
        Ok(sum)
    }

    /// The next jobs of a filter, from the newest to the oldest; where to go on, unless that was all.
    fn some(
        &self,
        tx: &mut WriteTx<'_>,
        by: &Actor,
        act: Bulk,
        filter: &JobFilter,
        before: Option<JobId>,
    ) -> Result<(BulkDone, Option<JobId>)> {
        let ids = list::ids(tx, filter, before, AT_ONCE)?;
        let which = filter.kind.map_or_else(|| filter.queue.map_or("all", |q| q.name()).to_owned(), |k| k.to_string());
        let batch = self.these(tx, by, act, &ids, which)?;
        Ok((batch, ids.last().copied().filter(|_| ids.len() == AT_ONCE)))
    }

    /// Does it with these jobs, and puts on record with how many of `which`.
    fn these(&self, tx: &mut WriteTx<'_>, by: &Actor, act: Bulk, ids: &[JobId], which: String) -> Result<BulkDone> {
        let mut batch = BulkDone::default();
        for id in ids {
            let done = tx.get(JOBS, id)?.map(|job| self.act(tx, act, job));
            match done {
                Some(Ok(_)) => batch.done += 1,
                None | Some(Err(Error::Conflict(_))) => batch.left += 1,
                Some(Err(error)) => return Err(error),
            }
        }
        if batch.done > 0 {
            let did = Did::new(act.action()).to("jobs", which, format!("{} jobs at once", batch.done));
            audit::record(tx, &self.inner.env, by, did)?;
        }
        Ok(batch)
    }

    fn act(&self, tx: &mut WriteTx<'_>, act: Bulk, job: Job) -> Result<Job> {
        if !act.states().contains(&job.state) {
            let can = match act {
                Bulk::Retry => "it can be tried again once it is dead, failed or cancelled",
                Bulk::Cancel => "only what is not over can be cancelled",
                Bulk::Remove => "it can be removed once it is over; cancel it first",
            };
            return Err(Error::Conflict(format!("this job is {}: {can}", job.state.word())));
        }
        match act {
            Bulk::Retry => self.try_again(tx, job),
            Bulk::Cancel if job.state == JobState::Running => {
                if let Some(live) = self.live().get(&job.id) {
                    live.stop.send_replace(Some(Stop::Cancelled));
                }
                Ok(job)
            }
            Bulk::Cancel => {
                let job = queue::cancel(tx, &self.inner.env, job)?;
                self.observe(tx, &job)?;
                Ok(job)
            }
            Bulk::Remove => queue::remove(tx, &self.inner.env, job.id).map(|()| job),
        }
    }

    fn try_again(&self, tx: &mut WriteTx<'_>, job: Job) -> Result<Job> {
        let other = job.unique.as_deref().map(|name| queue::of_name(tx, name)).transpose()?.flatten();
        match other {
            Some(other) => {
                Err(Error::Conflict(format!("job {} does the same and is on its way; wait for it", other.id)))
            }
            None => queue::restart(tx, &self.inner.env, job),
        }
    }
}
