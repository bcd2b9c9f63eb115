use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aviary_kernel::base::{Env, Error, Result, Sealer, Timestamp};
use aviary_kernel::model::{
    Action, Actor, JobKind, Panel, PanelId, RemovalState, RemovalStop, StepReport, StepState, SyncId, SyncRequest,
    SyncRun, SyncStatus, Target, Who,
};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::{REMOVAL_STOPS, SYNC_REQUESTS, SYNCS};
use aviary_kernel::store::{Direction, Read, Span, Store, WriteTx};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::{error, info};

use super::log::{self, RequestPage, RequestQuery, SyncPage, SyncQuery};
use super::told::{self, Found};
use crate::audit::{self, Did};
use crate::feed;
use crate::mirror::Writer;
use crate::panels::Panels;
use crate::queue::{self, NewJob};

/// When a sync must not remove on its own.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// More than this share of a kind, in percent …
    pub percent: u8,
    /// … and at least so many rows.
    pub rows: u64,
}

/// What to sync.
#[derive(Clone, Debug)]
pub struct StartSync {
    /// The panel.
    pub panel: PanelId,
    /// What; empty = everything.
    pub targets: Vec<Target>,
    /// Who asks.
    pub by: Actor,
    /// The name to put in the sync log, when not theirs.
    pub requested_by: Option<String>,
}

/// The run that answers a request.
#[derive(Clone, Debug)]
pub struct Started {
    /// The run.
    pub run: SyncRun,
    /// It was running already; the request was joined to it.
    pub joined: bool,
    /// It does everything that was asked. Not so when a partial one was running already: start again when that is over.
    pub covers: bool,
}

/// Starts, joins, watches and cancels syncs. Cheap to clone.
#[derive(Clone)]
pub struct Syncs {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) env: Env,
    pub(super) sealer: Arc<Sealer>,
    pub(super) panels: Panels,
    pub(super) limits: Limits,
    // Syncs run here, not on the threads that answer requests.
    runtime: Handle,
    live: Mutex<HashMap<PanelId, Live>>,
}

/// What is said of a run that ended with Aviary; its job begins anew.
pub(super) const CUT_SHORT: &str = "Aviary stopped while this sync was at work; it is begun anew";
/// The same of a run without a job, such as from before there were jobs.
const LEFT_BEHIND: &str = "Aviary stopped while this sync was at work; the next one makes up for it";
/// How long to wait before the end of a run is noted again, when the disk did not take it.
const SAVE_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Runs that one commit forgets, with all of their requests.
const FORGET_AT_ONCE: usize = 50;

#[derive(Clone)]
pub(super) struct Live {
    pub(super) progress: watch::Receiver<SyncRun>,
    pub(super) cancel: Arc<watch::Sender<Cancel>>,
    /// Until its job takes it up.
    pub(super) tell: Arc<Mutex<Option<watch::Sender<SyncRun>>>>,
}

/// Whether a run is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    /// It is not.
    No,
    /// A person asked for it.
    Asked,
    /// Aviary ends; the run is begun anew at the next start.
    Ending,
}

impl Live {
    pub(super) fn new(run: SyncRun) -> Self {
        let (tell, progress) = watch::channel(run);
        Self { progress, cancel: Arc::new(watch::channel(Cancel::No).0), tell: Arc::new(Mutex::new(Some(tell))) }
    }
}

impl Syncs {
    /// Syncs run as tasks of `runtime`.
    pub fn new(store: Store, env: Env, sealer: Arc<Sealer>, panels: Panels, limits: Limits, runtime: Handle) -> Self {
        Self { inner: Arc::new(Inner { store, env, sealer, panels, limits, runtime, live: Mutex::default() }) }
    }

    /// Starts a sync, or joins the one that runs for this panel. The record is on disk when this returns.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown panel.
    pub async fn start(&self, wanted: StartSync) -> Result<Started> {
        let panel = self.inner.panels.require(wanted.panel).await?;
        let targets = tidy(wanted.targets);
        let asked = targets.clone();
        let requested_by = wanted.requested_by.unwrap_or_else(|| wanted.by.name.clone());
        let run = self.new_run(panel.id, targets, requested_by);
        self.let_go_of_cancelled(panel.id).await?;
        // Entered before anything is written, so that two requests at once cannot both start one.
        if let Some(running) = self.inner.enter(panel.id, &Live::new(run.clone())) {
            let covers = asked.iter().all(|target| running.targets.contains(target));
            return Ok(Started { run: running, joined: true, covers });
        }
        if let Err(error) = self.admit(&run, &panel, &wanted.by).await {
            self.inner.leave(panel.id, run.id);
            return Err(error);
        }
        Ok(Started { run, joined: false, covers: true })
    }

    /// A run whose job was cancelled before it began keeps no other from its panel.
    async fn let_go_of_cancelled(&self, panel: PanelId) -> Result<()> {
        let waits = self.running_on(panel).filter(|run| run.status == SyncStatus::Pending);
        let Some(id) = waits.map(|run| run.id) else { return Ok(()) };
        let stored = self.inner.store.read(move |tx| tx.get(SYNCS, &id)).await?;
        if stored.is_some_and(|run| run.status.is_over()) {
            self.inner.leave(panel, id);
        }
        Ok(())
    }

    /// Puts a run that has entered on disk with the job that does it, unless its panel began to be removed in the meantime.
    async fn admit(&self, run: &SyncRun, panel: &Panel, by: &Actor) -> Result<()> {
        self.inner.panels.require(run.panel).await?;
        let (run, env) = (run.clone(), self.inner.env.clone());
        // What the schedule starts stands in the sync log; on record is what somebody asked for.
        let did = (by.who != Who::Job).then(|| (by.clone(), about(&run, &panel.name, Action::SyncStarted)));
        let write = move |tx: &mut WriteTx<'_>| {
            put(tx, &env, &run)?;
            told::began(tx, &env, &run)?;
            queue::enqueue(tx, &env, job_of(&run)?)?;
            did.map_or(Ok(()), |(by, did)| audit::record(tx, &env, &by, did).map(drop))
        };
        self.inner.store.write(write).await
    }

    /// Removes a panel with all that was mirrored from it; nothing is changed on the panel itself. Sync logs and history stay.
    /// Goes on after a restart if it is broken off. The number of objects removed.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] while it is being synced.
    pub async fn remove_panel(&self, by: &Actor, id: PanelId) -> Result<u64> {
        let panel = self.inner.panels.require(id).await?;
        if self.running_on(id).is_some() {
            return Err(Error::Conflict(format!("{} is being synced: cancel the sync first", panel.name)));
        }
        self.inner.panels.begin_removal(by, id).await?;
        // One that slipped in before the mark stood; none can after it.
        if let Some(run) = self.running_on(id) {
            let _ = self.halt(run.id);
            self.wait(run.id).await?;
        }
        self.inner.panels.finish_removal(id).await
    }

    fn running_on(&self, panel: PanelId) -> Option<SyncRun> {
        self.running().into_iter().find(|run| run.panel == panel && !run.status.is_over())
    }

    pub(super) fn new_run(&self, panel: PanelId, targets: Vec<Target>, requested_by: String) -> SyncRun {
        draft(&self.inner.env, panel, targets, requested_by)
    }

    /// Asks a running sync to stop; it does within one page. The run as it stands.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is over.
    pub async fn cancel(&self, by: &Actor, id: SyncId) -> Result<SyncRun> {
        if let Some(run) = self.halt(id) {
            let name = self.inner.panels.require(run.panel).await.map_or_else(|_| String::new(), |panel| panel.name);
            let (by, did, env) = (by.clone(), about(&run, &name, Action::SyncCancelled), self.inner.env.clone());
            self.inner.store.write(move |tx| audit::record(tx, &env, &by, did)).await?;
            return Ok(run);
        }
        let run = self.get(id).await?;
        Err(Error::Conflict(format!("this sync is {} and cannot be cancelled", run.status.word().replace('_', " "))))
    }

    fn halt(&self, id: SyncId) -> Option<SyncRun> {
        let live = self.inner.live_run(id)?;
        live.cancel.send_replace(Cancel::Asked);
        Some(live.progress.borrow().clone())
    }

    /// A run: live while it is at work, else from the record.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, id: SyncId) -> Result<SyncRun> {
        if let Some(live) = self.inner.live_run(id) {
            return Ok(live.progress.borrow().clone());
        }
        let run = self.inner.store.read(move |tx| tx.get(SYNCS, &id)).await?;
        run.ok_or_else(|| Error::not_found("sync", id))
    }

    /// The requests that a run sent to its panel, up to 2,000 of them, as far as its steps are over.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such run.
    pub async fn requests(&self, id: SyncId, query: RequestQuery) -> Result<RequestPage> {
        self.get(id).await?;
        self.inner.store.read(move |tx| log::requests(tx, id, &query)).await
    }

    /// Follows a run that is at work; none when it is over or unknown. The last value sent is the end of it.
    pub fn watch(&self, id: SyncId) -> Option<watch::Receiver<SyncRun>> {
        self.inner.live_run(id).map(|live| live.progress)
    }

    /// Waits for the end of a run.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn wait(&self, id: SyncId) -> Result<SyncRun> {
        if let Some(mut progress) = self.watch(id) {
            // An error means that the sender is gone; the record then tells the rest.
            let _ = progress.wait_for(|run| run.status.is_over()).await;
        }
        self.get(id).await
    }

    /// The runs at work, by panel.
    pub fn running(&self) -> Vec<SyncRun> {
        let mut runs: Vec<_> = self.inner.live().values().map(|live| live.progress.borrow().clone()).collect();
        runs.sort_by_key(|run| run.panel);
        runs
    }

    /// A page of the list of syncs, newest first; those at work as they stand now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn list(&self, query: SyncQuery) -> Result<SyncPage> {
        let mut page = self.inner.store.read(move |tx| log::page(tx, &query)).await?;
        for run in &mut page.runs {
            if let Some(live) = self.inner.live_run(run.id) {
                *run = live.progress.borrow().clone();
            }
        }
        Ok(page)
    }

    /// Removals that wait for a person, or did; newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn stops(&self, waiting_only: bool) -> Result<Vec<RemovalStop>> {
        let mut stops = self.inner.store.read(|tx| tx.all(REMOVAL_STOPS, &Span::all())).await?;
        stops.retain(|(_, stop)| !waiting_only || stop.state == RemovalState::Waiting);
        Ok(stops.into_iter().rev().map(|(_, stop)| stop).collect())
    }

    /// One stop, by the sync that stopped.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn stop(&self, id: SyncId) -> Result<RemovalStop> {
        let stop = self.inner.store.read(move |tx| tx.get(REMOVAL_STOPS, &id)).await?;
        stop.ok_or_else(|| Error::not_found("stopped removal", id))
    }

    /// Decides a stop. Confirmed removals are made by a sync that is started at once and checks each object again.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it was decided already.
    pub async fn decide(&self, by: &Actor, id: SyncId, confirm: bool) -> Result<(RemovalStop, Option<Started>)> {
        let env = self.inner.env.clone();
        let actor = by.clone();
        let stop = self
            .inner
            .store
            .write(move |tx| {
                let mut stop = tx.get(REMOVAL_STOPS, &id)?.ok_or_else(|| Error::not_found("stopped removal", id))?;
                // Who refused may change their mind.
                let open = stop.state == RemovalState::Waiting || (confirm && stop.state == RemovalState::Refused);
                if !open {
                    return Err(Error::Conflict("this was decided already".into()));
                }
                let action = match (confirm, stop.state) {
                    (true, RemovalState::Refused) => Action::RefusalTakenBack,
                    (true, _) => Action::RemovalConfirmed,
                    (false, _) => Action::RemovalRefused,
                };
                stop.state = if confirm { RemovalState::Confirmed } else { RemovalState::Refused };
                stop.decided = Some((actor.name.clone(), env.now()));
                tx.put(REMOVAL_STOPS, &id, &stop)?;
                feed::append(tx, &env, Change::RemovalStop(id))?;
                let did = Did::new(action).to(
                    "sync",
                    id,
                    format!("{} removals", stop.removals.iter().map(|kind| kind.ids.len()).sum::<usize>()),
                );
                audit::record(tx, &env, &actor, did)?;
                Ok(stop)
            })
            .await?;
        info!(sync.id = %id, confirm, "a stopped removal was decided");
        if !confirm {
            return Ok((stop, None));
        }
        let wanted = StartSync { panel: stop.panel, targets: Vec::new(), by: by.clone(), requested_by: None };
        let started = self.start(wanted.clone()).await?;
        if !started.covers {
            self.start_after(started.run.id, wanted);
        }
        Ok((stop, Some(started)))
    }

    /// Starts a sync when another is over.
    fn start_after(&self, running: SyncId, wanted: StartSync) {
        let this = self.clone();
        self.inner.runtime.spawn(async move {
            let _ = this.wait(running).await;
            if let Err(error) = this.start(wanted).await {
                error!(%error, "the sync that makes a confirmed removal could not be started");
            }
        });
    }

    /// Marks runs that a crash cut short as failed; their jobs begin anew. To be called once, before the first job runs.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn recover(&self) -> Result<u64> {
        let env = self.inner.env.clone();
        self.inner
            .store
            .write(move |tx| {
                let mut cut_short = 0;
                for mut run in unfinished(tx)? {
                    let has_job = queue::of_name(tx, &job_name(run.id))?.is_some();
                    if has_job && run.status == SyncStatus::Pending {
                        continue;
                    }
                    broken(&mut run, &env, if has_job { CUT_SHORT } else { LEFT_BEHIND });
                    end(tx, &env, &run, None)?;
                    cut_short += 1;
                }
                Ok(cut_short)
            })
            .await
    }

    /// Forgets runs that were over before `before`, a bit at a time so that others can write in between. The number forgotten.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn forget(&self, before: Timestamp) -> Result<u64> {
        let mut forgotten = 0;
        loop {
            let env = self.inner.env.clone();
            let batch = self.inner.store.write(move |tx| log::forget(tx, &env, before, FORGET_AT_ONCE)).await?;
            forgotten += batch as u64;
            if batch < FORGET_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }
}

impl Inner {
    pub(super) fn live_run(&self, id: SyncId) -> Option<Live> {
        self.live().values().find(|live| live.progress.borrow().id == id).cloned()
    }

    fn live(&self) -> std::sync::MutexGuard<'_, HashMap<PanelId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a run is at work, or about to be. The one that is already, if there is one.
    pub(super) fn enter(&self, panel: PanelId, live: &Live) -> Option<SyncRun> {
        let mut all = self.live();
        let running = all.get(&panel).map(|live| live.progress.borrow().clone()).filter(|run| !run.status.is_over());
        if running.is_none() {
            all.insert(panel, live.clone());
        }
        running
    }

    pub(super) fn leave(&self, panel: PanelId, id: SyncId) {
        let mut live = self.live();
        if live.get(&panel).is_some_and(|run| run.progress.borrow().id == id) {
            live.remove(&panel);
        }
    }

    pub(super) fn writer(&self, panel: PanelId, sync: SyncId) -> Writer {
        Writer::new(self.store.clone(), self.env.clone(), self.sealer.clone(), panel, sync)
    }

    /// Puts the run as it stands on disk.
    /// Puts a run on disk, and requests that it sent, the first of them with this number.
    pub(super) async fn save(&self, run: &SyncRun, first: u32, requests: Vec<SyncRequest>) -> Result<()> {
        let (run, env) = (run.clone(), self.env.clone());
        self.store
            .write(move |tx| {
                for (number, request) in (first..).zip(&requests) {
                    tx.put(SYNC_REQUESTS, &(run.id, number), request)?;
                }
                put(tx, &env, &run)
            })
            .await
    }

    /// Puts the end of a run on disk, and tells of it.
    pub(super) async fn save_end(&self, run: &SyncRun, found: Option<Found>) -> Result<()> {
        let (run, env) = (run.clone(), self.env.clone());
        self.store.write(move |tx| end(tx, &env, &run, found)).await
    }

    /// Does the same as soon as the disk takes it.
    pub(super) fn save_end_later(self: &Arc<Self>, run: SyncRun, found: Option<Found>) {
        let inner = self.clone();
        self.runtime.spawn(async move {
            while inner.save_end(&run, found.clone()).await.is_err() {
                tokio::time::sleep(SAVE_AGAIN_AFTER).await;
            }
        });
    }

    pub(super) async fn mark_broken(&self, panel: PanelId, why: &str) {
        let run = self.live().get(&panel).map(|live| live.progress.borrow().clone());
        if let Some(mut run) = run {
            broken(&mut run, &self.env, why);
            if let Err(error) = self.save_end(&run, None).await {
                error!(%error, "the end of a broken sync could not be noted");
            }
        }
    }
}

pub(super) fn put(tx: &mut WriteTx<'_>, env: &Env, run: &SyncRun) -> Result<()> {
    tx.put(SYNCS, &run.id, run)?;
    feed::append(tx, env, Change::Sync(run.id)).map(drop)
}

/// A run that has not begun.
pub(super) fn draft(env: &Env, panel: PanelId, targets: Vec<Target>, requested_by: String) -> SyncRun {
    let step = |target: &Target| StepReport {
        target: *target,
        state: StepState::Waiting,
        counts: Default::default(),
        requests: 0,
        took_ms: 0,
    };
    SyncRun {
        id: env.ids.next(),
        panel,
        steps: targets.iter().map(step).collect(),
        targets,
        requested_by,
        status: SyncStatus::Pending,
        issues: Vec::new(),
        issue_count: 0,
        requests: 0,
        budget: None,
        created_at: env.now(),
        started_at: None,
        finished_at: None,
        message: "Waiting to start".into(),
        remaining_ms: None,
        progress: 0,
    }
}

/// What the job of a run works with.
#[derive(Serialize, Deserialize)]
pub(super) struct Args {
    pub(super) sync: SyncId,
}

pub(super) fn job_of(run: &SyncRun) -> Result<NewJob> {
    let job = NewJob::new(JobKind::Sync).args(&Args { sync: run.id })?;
    Ok(job.unique(job_name(run.id)).by(&run.requested_by))
}

pub(super) fn job_name(id: SyncId) -> String {
    format!("sync/{id}")
}

/// Puts the end of a run on record and tells of it, once. Of one that begins anew the end is told when that is over.
pub(super) fn end(tx: &mut WriteTx<'_>, env: &Env, run: &SyncRun, found: Option<Found>) -> Result<()> {
    let was_over = tx.get(SYNCS, &run.id)?.is_some_and(|before| before.status.is_over());
    put(tx, env, run)?;
    if was_over || run.message == CUT_SHORT { Ok(()) } else { told::ended(tx, env, run, found) }
}

/// The beginning of an audit event about a sync.
fn about(run: &SyncRun, panel: &str, action: Action) -> Did {
    Did::new(action).to("sync", run.id, panel)
}

/// Unfinished runs are among the newest, at most one a panel; a hundred are looked at.
fn unfinished(reader: &impl Read) -> Result<Vec<SyncRun>> {
    let (mut runs, mut looked_at) = (Vec::new(), 0);
    reader.walk(SYNCS, &Span::all(), Direction::Down, |_, run| {
        looked_at += 1;
        if !run.status.is_over() {
            runs.push(run);
        }
        Ok(if looked_at < 100 { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) })
    })?;
    Ok(runs)
}

pub(super) fn broken(run: &mut SyncRun, env: &Env, why: &str) {
    run.status = SyncStatus::Failed;
    run.finished_at = Some(env.now());
    run.remaining_ms = None;
    why.clone_into(&mut run.message);
    for step in &mut run.steps {
        match step.state {
            StepState::Running => step.state = StepState::Failed,
            StepState::Waiting => step.state = StepState::Skipped,
            _ => {}
        }
    }
}

/// Every target once and in order; none means all. Allocations are listed by node, so the nodes are read along.
pub(super) fn tidy(mut targets: Vec<Target>) -> Vec<Target> {
    if targets.is_empty() {
        return Target::ALL.to_vec();
    }
    if targets.contains(&Target::Allocations) {
        targets.push(Target::Nodes);
    }
    targets.sort_unstable();
    targets.dedup();
    targets
}
