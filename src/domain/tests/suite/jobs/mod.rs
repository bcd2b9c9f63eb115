//! Work that cannot be lost.

mod acts;
mod ends;
mod restarts;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aviary_domain::jobs::{Jobs, Observer, Runner};
use aviary_domain::queue::{Body, Done, NewJob, Work, body, enqueue};
use aviary_kernel::base::{Env, ManualClock, Timestamp};
use aviary_kernel::model::{Job, JobId, JobKind, JobState};
use aviary_kernel::store::faulty::Disk;
use aviary_kernel::store::tables::JOBS;
use aviary_kernel::store::{Options, Read, Span, Store, verify};
use tokio::runtime::Handle;

/// A queue with its data file, of which the process can be killed.
pub struct Place {
    pub disk: Disk,
    pub clock: Arc<ManualClock>,
    pub env: Env,
    pub store: Store,
    pub jobs: Jobs,
    observers: Vec<Observer>,
}

impl Place {
    pub fn new() -> Self {
        Self::with(vec![])
    }

    pub fn with(observers: Vec<Observer>) -> Self {
        let (env, clock) = Env::manual(Timestamp::from_seconds(1_700_000_000));
        let disk = Disk::new();
        let store = open(&disk);
        let jobs = Jobs::new(store.clone(), env.clone(), observers.clone());
        Self { disk, clock, env, store, jobs, observers }
    }

    /// As after `kill -9`: what is not on disk is gone.
    pub async fn crash(self, runner: Runner) -> Self {
        self.disk.power_cut();
        drop(runner);
        let Self { disk, clock, env, store, jobs, observers } = self;
        drop((store, jobs));
        disk.heal();
        let store = open(&disk);
        let jobs = Jobs::new(store.clone(), env.clone(), observers.clone());
        jobs.recover().await.unwrap();
        Self { disk, clock, env, store, jobs, observers }
    }

    pub fn run(&self, bodies: Vec<(JobKind, Body)>) -> Runner {
        self.jobs.start(bodies, &Handle::current(), || {})
    }

    pub async fn add(&self, new: NewJob) -> JobId {
        self.jobs.enqueue(new).await.unwrap().id
    }

    /// Waits until `is_so` holds for a job; none = it is not on record any more.
    pub async fn until(&self, id: JobId, is_so: impl Fn(Option<&Job>) -> bool) -> Option<Job> {
        let mut changed = self.store.watch(JOBS);
        loop {
            let job = self.store.read(move |tx| tx.get(JOBS, &id)).await.unwrap();
            if is_so(job.as_ref()) {
                return job;
            }
            changed.changed().await.unwrap();
        }
    }

    pub async fn until_state(&self, id: JobId, state: JobState) -> Job {
        self.until(id, |job| job.is_some_and(|job| job.state == state)).await.unwrap()
    }

    /// Lets time pass, in which what is due gets done.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
        // The loop looks at the clock again when something is written.
        let env = self.env.clone();
        self.store.write_later(move |tx| enqueue(tx, &env, NewJob::new(JobKind::Probe).unique("nudge")).map(drop));
    }

    pub async fn assert_sound(&self) {
        let report = self.store.read(verify).await.unwrap();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }

    pub async fn all(&self) -> Vec<Job> {
        self.store.read(|tx| tx.all(JOBS, &Span::all())).await.unwrap().into_iter().map(|(_, job)| job).collect()
    }
}

fn open(disk: &Disk) -> Store {
    Store::open(Options::on(disk.backing())).unwrap()
}

/// Counts how often each job was begun.
#[derive(Clone, Default)]
pub struct Begun(Arc<Mutex<BTreeMap<JobId, u32>>>);

impl Begun {
    pub fn note(&self, work: &Work) -> u32 {
        let mut begun = self.0.lock().unwrap();
        let count = begun.entry(work.job.id).or_default();
        *count += 1;
        *count
    }

    pub fn of(&self, id: JobId) -> u32 {
        self.0.lock().unwrap().get(&id).copied().unwrap_or(0)
    }

    pub fn all(&self) -> Vec<u32> {
        self.0.lock().unwrap().values().copied().collect()
    }
}

/// A body that counts, and then does as it is told.
pub fn counted(
    kind: JobKind,
    begun: &Begun,
    act: impl Fn(u32, Work) -> Done + Send + Sync + 'static,
) -> (JobKind, Body) {
    let (begun, act) = (begun.clone(), Arc::new(act));
    body(kind, move |work| {
        let done = act(begun.note(&work), work);
        async move { done }
    })
}
