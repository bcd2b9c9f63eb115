//! The job of a sync.

use std::sync::PoisonError;
use std::time::Duration;

use aviary_kernel::base::{Env, Result};
use aviary_kernel::model::{Job, JobKind, JobState, SyncRun, SyncStatus};
use aviary_kernel::store::tables::SYNCS;
use aviary_kernel::store::{Read, WriteTx};
use tokio::sync::watch;
use tracing::error;

use super::Syncs;
use super::run::Run;
use super::service::{Args, CUT_SHORT, Cancel, Live, broken, end, put};
use crate::queue::{self, Body, Done, Fault, Outcome, Stop, Work};

/// How long a sync waits that finds another of its panel at work.
const BUSY: Duration = Duration::from_secs(5);

/// What a job finds to do.
enum Found {
    /// This run.
    Ready(Live, watch::Sender<SyncRun>),
    /// Another sync of the panel is at work.
    Busy,
    /// Nothing: it was done, or is on record no more.
    Over(Outcome),
}

impl Syncs {
    /// What the jobs of syncs do.
    pub fn body(&self) -> (JobKind, Body) {
        let this = self.clone();
        queue::body(JobKind::Sync, move |work| {
            let this = this.clone();
            async move { this.work(work).await }
        })
    }

    /// After Aviary ended in the middle it begins anew, as a run of its own, so that the record of each says what it did; so
    /// does a failed one when somebody wants it. By itself a sync that failed is not tried again: the next one by schedule
    /// makes up for it.
    async fn work(&self, work: Work) -> Done {
        let args: Args = work.args()?;
        let (live, tell) = match self.find(&work, args).await? {
            Found::Ready(live, tell) => (live, tell),
            Found::Busy => {
                return Ok(Outcome::Later(
                    self.inner.env.now().plus(BUSY),
                    Some("waits for another sync of its panel".into()),
                ));
            }
            Found::Over(outcome) => return Ok(outcome),
        };
        let (id, panel) = (tell.borrow().id, tell.borrow().panel);
        let _leaves = Leaves { syncs: self, live: &live };
        let panel = match self.inner.panels.require(panel).await {
            Ok(panel) => panel,
            Err(gone) => {
                self.inner.mark_broken(panel, &gone.to_string()).await;
                return Err(gone.into());
            }
        };
        let run = Run::new(self.inner.clone(), panel.clone(), tell, live.cancel.subscribe());
        // A task of its own, so that a panic in a sync leaves its record and the panel in order.
        let mut task = tokio::spawn(run.work());
        let mut progress = live.progress.clone();
        let ended = loop {
            tokio::select! {
                ended = &mut task => break ended,
                stop = work.stopped(), if *live.cancel.borrow() == Cancel::No => {
                    live.cancel.send_replace(if stop == Stop::Ending { Cancel::Ending } else { Cancel::Asked });
                }
                Ok(()) = progress.changed() => {
                    let run = progress.borrow_and_update();
                    work.progress(run.message.clone(), run.percent().into(), Some(100));
                }
            }
        };
        if let Err(broke_off) = ended {
            error!(error = %broke_off, "a sync broke off");
            self.inner.mark_broken(panel.id, "Aviary hit a fault of its own in this sync; please report it").await;
        }
        let run = self.get(id).await?;
        match run.status {
            SyncStatus::Completed | SyncStatus::NeedsReview => Ok(Outcome::Done(Some(run.message))),
            SyncStatus::Cancelled => Ok(Outcome::Stopped),
            SyncStatus::Failed if run.message == CUT_SHORT => Ok(Outcome::Stopped),
            SyncStatus::Failed | SyncStatus::Pending | SyncStatus::Running => Err(Fault::for_good(run.message)),
        }
    }

    async fn find(&self, work: &Work, args: Args) -> Result<Found> {
        if let Some(live) = self.inner.live_run(args.sync) {
            let tell = live.tell.lock().unwrap_or_else(PoisonError::into_inner).take();
            return Ok(tell.map_or(Found::Busy, |tell| Found::Ready(live, tell)));
        }
        let run = self.inner.store.read(move |tx| tx.get(SYNCS, &args.sync)).await?;
        let Some(run) = run else {
            return Ok(Found::Over(Outcome::Done(Some("the sync is on record no more".into()))));
        };
        let run = match run.status {
            SyncStatus::Pending => run,
            // Cut short, or failed and somebody lets its job try again.
            SyncStatus::Failed => self.anew(&run),
            SyncStatus::Cancelled => return Ok(Found::Over(Outcome::Stopped)),
            _ => return Ok(Found::Over(Outcome::Done(Some(run.message)))),
        };
        let live = Live::new(run.clone());
        if self.inner.enter(run.panel, &live).is_some() {
            return Ok(Found::Busy);
        }
        let (env, job, panel, id) = (self.inner.env.clone(), work.job.id, run.panel, run.id);
        let noted = self.inner.store.write(move |tx| {
            put(tx, &env, &run)?;
            queue::set_args(tx, job, &Args { sync: run.id })
        });
        if let Err(error) = noted.await {
            self.inner.leave(panel, id);
            return Err(error);
        }
        let tell = live.tell.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(tell.map_or(Found::Busy, |tell| Found::Ready(live, tell)))
    }

    /// Another run that does the same.
    fn anew(&self, cut_short: &SyncRun) -> SyncRun {
        self.new_run(cut_short.panel, cut_short.targets.clone(), cut_short.requested_by.clone())
    }
}

/// A sync whose job was cancelled or given up before the sync began is over too.
///
/// # Errors
/// When the file cannot be read or written.
pub fn job_over(tx: &mut WriteTx<'_>, env: &Env, job: &Job) -> Result<()> {
    if job.kind != JobKind::Sync || job.state == JobState::Completed {
        return Ok(());
    }
    let Ok(Args { sync }) = serde_json::from_str(&job.args) else { return Ok(()) };
    let Some(mut run) = tx.get(SYNCS, &sync)?.filter(|run| run.status == SyncStatus::Pending) else { return Ok(()) };
    broken(&mut run, env, "Cancelled before it began; nothing was read and nothing was removed");
    if job.state == JobState::Cancelled {
        run.status = SyncStatus::Cancelled;
    }
    end(tx, env, &run, None)
}

/// However the job ends, the run stops, and the panel is free for others.
struct Leaves<'a> {
    syncs: &'a Syncs,
    live: &'a Live,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        let (id, panel, is_over) = {
            let run = self.live.progress.borrow();
            (run.id, run.panel, run.status.is_over())
        };
        if !is_over {
            self.live.cancel.send_replace(Cancel::Ending);
        }
        self.syncs.inner.leave(panel, id);
    }
}
