//! Takes jobs that are due and runs them. One loop claims and ends jobs in commits that they share; each job is a task of its
//! own, so that one that panics, hangs or fails disturbs no other.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Job, JobId, JobKind};
use aviary_kernel::store::WriteTx;
use aviary_kernel::store::tables::JOBS;
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use super::{Jobs, Live};
use crate::queue::{self, Body, Done, Ending, Fault, Free, Outcome, Progress, Retry, Stop, Work};

/// The loop looks again after this, even if nothing tells it to: clocks may jump.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// The pause after a round that failed, as on a full disk.
const AFTER_TROUBLE: Duration = Duration::from_secs(1);
/// A cancelled job that does not stop is broken off after this.
const GRACE: Duration = Duration::from_secs(30);
/// The pause of a job that could not go on for reasons that are not its own.
const NOT_COUNTED_PAUSE: Duration = Duration::from_secs(5);

/// Jobs at work. When it is dropped without [`Runner::stop`], they are broken off, as by a crash.
pub struct Runner {
    stop: watch::Sender<Option<Duration>>,
    task: JoinHandle<Stopped>,
}

/// What became of the jobs at work when Aviary ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Jobs that ended within their time.
    pub ended: usize,
    /// Jobs that begin again at the next start.
    pub given_back: usize,
}

impl Jobs {
    /// Starts to run jobs of the kinds that have a body; others wait. Jobs run as tasks of `runtime`. `beat` is called every few
    /// seconds, unless jobs cannot be taken.
    pub fn start(&self, bodies: Vec<(JobKind, Body)>, runtime: &Handle, beat: impl Fn() + Send + 'static) -> Runner {
        let (stop, stopping) = watch::channel(None);
        self.inner.ending.send_replace(false);
        let (tell, told) = mpsc::unbounded_channel();
        let the_loop = Loop {
            jobs: self.clone(),
            bodies: bodies.into_iter().map(|(kind, body)| (kind, Arc::new(body))).collect(),
            runtime: runtime.clone(),
            running: HashMap::new(),
            ended: Vec::new(),
            tell,
            told,
            abort: watch::channel(false).0,
        };
        Runner { stop, task: runtime.spawn(the_loop.work(stopping, beat)) }
    }
}

impl Runner {
    /// Takes no new jobs, gives those at work so much time, and gives the rest back.
    pub async fn stop(mut self, budget: Duration) -> Stopped {
        self.stop.send_replace(Some(budget));
        (&mut self.task).await.unwrap_or_default()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Loop {
    jobs: Jobs,
    bodies: HashMap<JobKind, Arc<Body>>,
    runtime: Handle,
    running: HashMap<JobId, JobKind>,
    // Ended, but not yet on disk.
    ended: Vec<(JobId, Ending)>,
    tell: mpsc::UnboundedSender<(JobId, Ending)>,
    told: mpsc::UnboundedReceiver<(JobId, Ending)>,
    // Breaks off whatever is at work. Dropped with the loop, which does the same.
    abort: watch::Sender<bool>,
}

impl Loop {
    async fn work(mut self, mut stopping: watch::Receiver<Option<Duration>>, beat: impl Fn()) -> Stopped {
        let mut changed = self.jobs.inner.store.watch(JOBS);
        beat();
        loop {
            let told = *stopping.borrow();
            if let Some(budget) = told {
                return self.wind_up(budget).await;
            }
            let wait = match self.round().await {
                Ok(wait) => {
                    beat();
                    wait
                }
                // The store says so itself.
                Err(Error::ReadOnly(_)) => {
                    beat();
                    AFTER_TROUBLE
                }
                // No sign of life, so that jobs show as overdue when this goes on.
                Err(trouble) => {
                    error!(error = %trouble, "jobs could not be taken; trying again");
                    AFTER_TROUBLE
                }
            };
            tokio::select! {
                Some(ended) = self.told.recv() => self.take_note(ended),
                _ = changed.changed() => {}
                _ = stopping.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
            self.hear_all();
        }
    }

    fn take_note(&mut self, (id, ending): (JobId, Ending)) {
        self.running.remove(&id);
        self.ended.push((id, ending));
    }

    fn hear_all(&mut self) {
        while let Ok(ended) = self.told.try_recv() {
            self.take_note(ended);
        }
    }

    /// Notes what ended, takes what is due. How long there is nothing to do after that.
    async fn round(&mut self) -> Result<Duration> {
        let free = self.free();
        let asked = free.clone();
        let due = self.jobs.inner.store.read(move |tx| queue::first_due(tx, &asked)).await?;
        let now = self.jobs.inner.env.now();
        if self.ended.is_empty() && due.is_none_or(|due| due > now) {
            return Ok(due.map_or(LOOK_AGAIN, |due| due.since(now).min(LOOK_AGAIN)));
        }
        for job in self.write(free).await? {
            self.begin(job);
        }
        // What this commit made room for, or what came meanwhile.
        Ok(Duration::ZERO)
    }

    fn free(&self) -> Free {
        let mut free: Free = self.bodies.keys().map(|kind| (*kind, kind.rules().at_once)).collect();
        for kind in self.running.values() {
            free.entry(*kind).and_modify(|places| *places = places.saturating_sub(1));
        }
        free
    }

    async fn write(&mut self, free: Free) -> Result<Vec<Job>> {
        let (jobs, ended) = (self.jobs.clone(), self.ended.clone());
        let written = self
            .jobs
            .inner
            .store
            .write(move |tx| {
                jobs.end_all(tx, ended)?;
                queue::claim(tx, &jobs.inner.env, &free)
            })
            .await;
        match written {
            Ok(taken) => {
                self.ended.clear();
                Ok(taken)
            }
            // It stays in memory until the disk takes it: what is done is not done again.
            Err(error @ Error::ReadOnly(_)) => Err(error),
            Err(error) => {
                warn!(%error, "the ends of jobs could not be noted together; trying one by one");
                self.end_one_by_one().await;
                Err(error)
            }
        }
    }

    async fn end_one_by_one(&mut self) {
        for (id, ending) in std::mem::take(&mut self.ended) {
            let (jobs, again) = (self.jobs.clone(), ending.clone());
            let noted = self.jobs.inner.store.write(move |tx| jobs.end_all(tx, vec![(id, again)])).await;
            let Err(why) = noted else { continue };
            if matches!(why, Error::ReadOnly(_)) {
                self.ended.push((id, ending));
                continue;
            }
            error!(error = %why, job.id = %id, "what follows from the end of a job could not be done");
            let (env, again) = (self.jobs.inner.env.clone(), ending.clone());
            if let Err(why) = self.jobs.inner.store.write(move |tx| queue::end(tx, &env, id, again).map(drop)).await {
                error!(error = %why, job.id = %id, "the end of a job could not be noted");
                self.ended.push((id, ending));
            }
        }
    }

    fn begin(&mut self, job: Job) {
        let Some(body) = self.bodies.get(&job.kind).cloned() else { return };
        let (stop, stopped) = watch::channel(None);
        let (tell_progress, progress) = watch::channel(Progress::default());
        let (id, kind) = (job.id, job.kind);
        self.jobs.live().insert(id, Live { stop, progress });
        self.running.insert(id, kind);
        let (jobs, tell, abort) = (self.jobs.clone(), self.tell.clone(), self.abort.subscribe());
        self.runtime.spawn(async move {
            let work = Work::new(job, stopped.clone(), tell_progress);
            let ending = attempt(&jobs, &body, work, kind, stopped, abort).await;
            jobs.live().remove(&id);
            // Without a listener the job stays as if Aviary had crashed, and is taken back at the next start.
            let _ = tell.send((id, ending));
        });
    }

    /// No new jobs; those at work get their time, and what is left is given back.
    async fn wind_up(mut self, budget: Duration) -> Stopped {
        let at_work = self.running.len();
        info!(jobs = at_work, "no new jobs are taken; those at work get up to {} seconds", budget.as_secs());
        for live in self.jobs.live().values() {
            live.stop.send_if_modified(|stop| stop.is_none() && stop.replace(Stop::Ending).is_none());
        }
        let _ = tokio::time::timeout(budget, self.hear_of_the_rest()).await;
        let broken_off = self.running.len();
        self.abort.send_replace(true);
        self.hear_of_the_rest().await;
        let given_back = self.ended.iter().filter(|(_, ending)| matches!(ending, Ending::GivenBack)).count();
        if let Err(error) = self.write(Free::new()).await {
            warn!(%error, "the ends of jobs could not be noted; they are taken back at the next start");
        }
        self.jobs.inner.ending.send_replace(true);
        let stopped = Stopped { ended: at_work.saturating_sub(given_back), given_back };
        info!(ended = stopped.ended, given_back, broken_off, "jobs stopped");
        stopped
    }

    async fn hear_of_the_rest(&mut self) {
        while !self.running.is_empty() {
            let Some(ended) = self.told.recv().await else { return };
            self.take_note(ended);
        }
    }
}

impl Jobs {
    fn end_all(&self, tx: &mut WriteTx<'_>, ended: Vec<(JobId, Ending)>) -> Result<()> {
        for (id, ending) in ended {
            if let Some(job) = queue::end(tx, &self.inner.env, id, ending)? {
                self.observe(tx, &job)?;
            }
        }
        Ok(())
    }
}

/// Runs the body once, however that ends.
async fn attempt(
    jobs: &Jobs,
    body: &Body,
    work: Work,
    kind: JobKind,
    stopped: watch::Receiver<Option<Stop>>,
    mut abort: watch::Receiver<bool>,
) -> Ending {
    let timeout = kind.rules().timeout;
    // In a block, so that a panic before the first step is caught too.
    let body = AssertUnwindSafe(async { body(work).await }).catch_unwind();
    tokio::select! {
        result = body => ending_of(jobs, result, *stopped.borrow()),
        () = tokio::time::sleep(timeout) => {
            Ending::Retry(format!("was broken off after {} seconds, the longest that this may take", timeout.as_secs()), None)
        }
        () = overstayed(stopped.clone()) => Ending::Cancelled,
        // An error means that nobody is left to tell.
        _ = abort.wait_for(|abort| *abort) => {
            if *stopped.borrow() == Some(Stop::Cancelled) { Ending::Cancelled } else { Ending::GivenBack }
        }
    }
}

/// Returns when the job was cancelled and had its time to stop.
async fn overstayed(mut stopped: watch::Receiver<Option<Stop>>) {
    if stopped.wait_for(|stop| *stop == Some(Stop::Cancelled)).await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(GRACE).await;
}

type Caught = std::result::Result<Done, Box<dyn std::any::Any + Send>>;

fn ending_of(jobs: &Jobs, result: Caught, stop: Option<Stop>) -> Ending {
    let fault = match result {
        Ok(Ok(Outcome::Done(note))) => return Ending::Completed(note),
        Ok(Ok(Outcome::Later(at, note))) => return Ending::Later(at, note),
        Ok(Ok(Outcome::Stopped)) if stop.is_none() => return Ending::Cancelled,
        Ok(Ok(Outcome::Stopped)) => Fault::again("stopped"),
        Ok(Err(fault)) => fault,
        Err(panic) => Fault::again(format!("Aviary hit a fault of its own, please report it: {}", said(&*panic))),
    };
    match (stop, fault.retry) {
        (Some(Stop::Cancelled), _) => Ending::Cancelled,
        (Some(Stop::Ending), _) => Ending::GivenBack,
        (None, Retry::Usual) => Ending::Retry(fault.what, None),
        (None, Retry::After(pause)) => Ending::Retry(fault.what, Some(pause)),
        (None, Retry::Never) => Ending::GiveUp(fault.what),
        (None, Retry::NotCounted) => Ending::Later(jobs.inner.env.now().plus(NOT_COUNTED_PAUSE), Some(fault.what)),
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it did not say which")
}
