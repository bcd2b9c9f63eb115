//! Runs the work that waits, and shows it to people. What each kind of job does is handed in by the composition root.
//!
//! `runner` takes jobs and runs their bodies, `list` finds them, `moves` tells when they change, `acts` is what people may do
//! about them.

mod acts;
mod list;
mod moves;
mod runner;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aviary_kernel::base::{Env, Error, Result, Timestamp};
use aviary_kernel::model::{Job, JobId, JobState};
use aviary_kernel::store::tables::JOBS;
use aviary_kernel::store::{Read, Store, WriteTx};
use tokio::sync::watch;

use crate::events::{self, Happening, JobFacts};
use crate::queue::{self, Enqueued, NewJob, Progress, Stop};

pub use acts::{Bulk, BulkDone};
pub use list::{Counts, JobFilter, JobPage, JobQuery, Standing};
pub use moves::Moves;
pub use runner::{Runner, Stopped};

/// Hears of each job that is over, in the transaction that ends it.
pub type Observer = fn(&mut WriteTx<'_>, &Env, &Job) -> Result<()>;

/// The jobs. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    env: Env,
    observers: Vec<Observer>,
    live: Mutex<HashMap<JobId, Live>>,
    // Whether nothing more will happen in this process.
    ending: watch::Sender<bool>,
}

/// A job at work in this process.
struct Live {
    stop: watch::Sender<Option<Stop>>,
    progress: watch::Receiver<Progress>,
}

/// A job, and how far it is.
#[derive(Clone, Debug)]
pub struct ShownJob {
    /// The job.
    pub job: Job,
    /// How far it is, while it runs.
    pub progress: Option<Progress>,
}

/// Jobs that one commit takes back or forgets.
const AT_ONCE: usize = 500;

impl Jobs {
    /// The jobs in `store`.
    pub fn new(store: Store, env: Env, observers: Vec<Observer>) -> Self {
        let ending = watch::channel(false).0;
        Self { inner: Arc::new(Inner { store, env, observers, live: Mutex::default(), ending }) }
    }

    /// Puts a job on record. It runs once a runner has a place for it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn enqueue(&self, new: NewJob) -> Result<Enqueued> {
        let env = self.inner.env.clone();
        self.inner.store.write(move |tx| queue::enqueue(tx, &env, new)).await
    }

    /// A job.
    ///
    /// # Errors
    /// [`Error::NotFound`]; one that is done and whose kind keeps no record is not found either.
    pub async fn get(&self, id: JobId) -> Result<ShownJob> {
        self.find(id).await?.ok_or_else(|| Error::not_found("job", id))
    }

    /// A job, if it is on record.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn find(&self, id: JobId) -> Result<Option<ShownJob>> {
        let job = self.inner.store.read(move |tx| tx.get(JOBS, &id)).await?;
        Ok(job.map(|job| self.shown(job)))
    }

    /// Waits until a job is over. None when nothing is kept of it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn wait(&self, id: JobId) -> Result<Option<Job>> {
        let mut changed = self.inner.store.watch(JOBS);
        loop {
            let job = self.inner.store.read(move |tx| tx.get(JOBS, &id)).await?;
            if job.as_ref().is_none_or(|job| job.state.is_over()) || changed.changed().await.is_err() {
                return Ok(job);
            }
        }
    }

    /// Takes back what ran when Aviary ended without warning; to be called before a runner starts. How many.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn recover(&self) -> Result<usize> {
        let mut taken_back = 0;
        loop {
            let this = self.clone();
            let batch = self.inner.store.write(move |tx| this.take_back(tx)).await?;
            taken_back += batch;
            if batch < AT_ONCE {
                return Ok(taken_back);
            }
        }
    }

    fn take_back(&self, tx: &mut WriteTx<'_>) -> Result<usize> {
        let running = JobFilter { states: vec![JobState::Running], ..JobFilter::default() };
        let ids = list::ids(tx, &running, None, AT_ONCE)?;
        for id in &ids {
            let Some(job) = tx.get(JOBS, id)? else { continue };
            let job = queue::put_back(tx, &self.inner.env, job)?;
            self.observe(tx, &job)?;
        }
        Ok(ids.len())
    }

    /// Removes what was over before `before`; of dead jobs, what was over before `dead_before`. How many.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn forget(&self, before: Timestamp, dead_before: Timestamp) -> Result<u64> {
        let mut forgotten = 0;
        for state in JobState::ALL.into_iter().filter(|state| state.is_over()) {
            let limit = if matches!(state, JobState::Dead | JobState::Failed) { dead_before } else { before };
            loop {
                let env = self.inner.env.clone();
                let batch = self.inner.store.write(move |tx| list::forget(tx, &env, state, limit, AT_ONCE)).await?;
                forgotten += batch as u64;
                if batch < AT_ONCE {
                    break;
                }
            }
        }
        Ok(forgotten)
    }

    fn shown(&self, job: Job) -> ShownJob {
        let progress = self.live().get(&job.id).map(|live| live.progress.borrow().clone());
        ShownJob { job, progress }
    }

    /// Tells the observers of a job that is over; of a dead one everybody who wants to hear of it.
    fn observe(&self, tx: &mut WriteTx<'_>, job: &Job) -> Result<()> {
        if !job.state.is_over() {
            return Ok(());
        }
        if job.state == JobState::Dead {
            events::raise(tx, &self.inner.env, &Happening::JobDead(JobFacts::of(job)))?;
        }
        self.inner.observers.iter().try_for_each(|observer| observer(tx, &self.inner.env, job))
    }

    fn live(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, Live>> {
        self.inner.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
