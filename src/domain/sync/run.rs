use std::sync::Arc;
use std::time::Instant;

use aviary_kernel::base::Error;
use aviary_kernel::model::{
    Counts, Kind, Panel, Reach, RemoteId, StepState, SyncIssue, SyncRequest, SyncRun, SyncStatus, Target,
};
use aviary_remote::{FaultKind, PanelClient, PanelError, Sent, Sweep, Unreadable};
use tokio::sync::watch;
use tracing::{info, warn};

use super::service::{CUT_SHORT, Cancel, Inner};
use super::steps::Steps;
use super::told::Found;
use crate::mirror::PanelCounts;
use crate::panels;

/// Requests that are kept one by one; more are counted.
const KEPT_REQUESTS: u32 = 2000;
/// Issues that are kept in detail; more are counted.
const KEPT_ISSUES: usize = 200;

/// Why a run ends before its last step.
#[derive(Debug)]
pub(super) enum Halt {
    /// Somebody asked for it.
    Cancelled,
    /// Our own data file failed.
    Store(Error),
    /// The panel cannot be talked to at all; the issue is noted.
    Panel,
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// One run of a sync: what it tells about itself, and how it ends. What it does is in `steps`.
pub(super) struct Run {
    pub(super) inner: Arc<Inner>,
    pub(super) panel: Panel,
    tell: watch::Sender<SyncRun>,
    pub(super) cancelled: watch::Receiver<Cancel>,
    began: Instant,
    /// Rows that the run will probably read in all; for the remaining time.
    expected_rows: u64,
    /// The step that is at work.
    step: Option<Target>,
    /// The requests that were used when the present step began.
    requests_before: u64,
    step_began: Instant,
    contact: Option<PanelError>,
    /// Requests that are not on disk yet, and how many are.
    requests: Vec<SyncRequest>,
    requests_kept: u32,
    /// What the mirror held before anything was written: the share that would vanish is of this.
    pub(super) held: PanelCounts,
}

impl Run {
    pub(super) fn new(
        inner: Arc<Inner>,
        panel: Panel,
        tell: watch::Sender<SyncRun>,
        cancelled: watch::Receiver<Cancel>,
    ) -> Self {
        let now = Instant::now();
        Self {
            inner,
            panel,
            tell,
            cancelled,
            began: now,
            expected_rows: 0,
            step: None,
            requests_before: 0,
            step_began: now,
            contact: None,
            requests: Vec::new(),
            requests_kept: 0,
            held: PanelCounts::default(),
        }
    }

    /// Does the work, and leaves the record of it on disk whatever happens.
    pub(super) async fn work(mut self) {
        let now = self.inner.env.now();
        self.update(|run| {
            run.status = SyncStatus::Running;
            run.started_at = Some(now);
            "Connecting to the panel".clone_into(&mut run.message);
        });
        let result = self.attempt().await;
        self.finish(result).await;
    }

    async fn attempt(&mut self) -> Result<bool, Halt> {
        self.save().await?;
        let panel = self.panel.id;
        let held = self.inner.store.read(move |tx| PanelCounts::of(tx, panel)).await?;
        self.expected_rows = self.targets().into_iter().map(|target| expected(&held, target)).sum();
        self.held = held;
        let client = match self.inner.panels.client(&self.panel) {
            Ok(client) => client,
            Err(error) => return Err(self.config_fault(&error)),
        };
        let mut steps = Steps::new(self, client.clone());
        let done = match steps.all().await {
            Ok(()) => steps.prune().await,
            Err(halt) => Err(halt),
        };
        self.note_usage(&client);
        // What cut a step short cost something too.
        let cut = self.step.take();
        if let Some(target) = cut {
            self.note_cost(target, &client);
        }
        self.note_sent(cut, &client);
        if let Err(error) = self.save().await {
            warn!(%error, sync.id = %self.sync_id(), "the last requests of a sync could not be noted");
        }
        done
    }

    fn config_fault(&mut self, error: &Error) -> Halt {
        let remedy = "Give the panel its keys again.".to_owned();
        let issue = self.issue(Target::Locations, "config", error.to_string(), remedy);
        self.note_issue(issue);
        Halt::Panel
    }

    pub(super) fn targets(&self) -> Vec<Target> {
        self.tell.borrow().steps.iter().map(|step| step.target).collect()
    }

    pub(super) fn wants(&self, target: Target) -> bool {
        self.tell.borrow().steps.iter().any(|step| step.target == target)
    }

    pub(super) fn is_full(&self) -> bool {
        self.tell.borrow().is_full()
    }

    pub(super) fn sync_id(&self) -> uuid::Uuid {
        self.tell.borrow().id
    }

    /// Whether any step failed so far.
    pub(super) fn has_failed(&self) -> bool {
        self.tell.borrow().steps.iter().any(|step| step.state == StepState::Failed)
    }

    fn update(&self, change: impl FnOnce(&mut SyncRun)) {
        self.tell.send_modify(change);
    }

    /// Puts on disk where the run stands, and the requests that it sent.
    async fn save(&mut self) -> Result<(), Error> {
        let run = self.tell.borrow().clone();
        let first = self.requests_kept;
        self.inner.save(&run, first, self.requests.clone()).await?;
        self.requests_kept += self.requests.len() as u32;
        self.requests.clear();
        Ok(())
    }

    /// Notes what was sent since this was asked last.
    fn note_sent(&mut self, target: Option<Target>, client: &PanelClient) {
        let room = (KEPT_REQUESTS - self.requests_kept) as usize;
        for Sent { request, attempt, at, waited_ms, took_ms, status, taken, bytes } in client.take_sent() {
            if self.requests.len() < room {
                let sent = SyncRequest { target, request, attempt, at, waited_ms, took_ms, status, taken, bytes };
                self.requests.push(sent);
            }
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow() != Cancel::No
    }

    /// Whether it is to stop because Aviary ends.
    fn is_ending(&self) -> bool {
        *self.cancelled.borrow() == Cancel::Ending
    }

    /// Begins a step.
    pub(super) fn begin(&mut self, target: Target, client: &PanelClient) {
        self.note_sent(None, client);
        self.step = Some(target);
        self.requests_before = client.usage().requests;
        self.step_began = Instant::now();
        self.set_state(target, StepState::Running);
        self.update(|run| run.message = format!("Reading {}", plain_name(target)));
    }

    /// What is counted from here on is not this step's doing.
    pub(super) fn begin_at_no_cost(&mut self, client: &PanelClient) {
        self.requests_before = client.usage().requests;
    }

    pub(super) fn set_state(&self, target: Target, state: StepState) {
        self.update(|run| {
            if let Some(step) = run.steps.iter_mut().find(|step| step.target == target) {
                step.state = state;
            }
        });
    }

    /// Ends a step and puts the run on disk. A step that failed stays failed.
    pub(super) async fn end(&mut self, target: Target, client: &PanelClient) -> Result<(), Halt> {
        self.step = None;
        self.note_cost(target, client);
        self.update(|run| {
            if let Some(step) = run.steps.iter_mut().find(|step| step.target == target)
                && step.state == StepState::Running
            {
                step.state = StepState::Done;
            }
            run.note_progress();
        });
        self.note_sent(Some(target), client);
        Ok(self.save().await?)
    }

    /// Notes what a step took, of requests and of time.
    fn note_cost(&self, target: Target, client: &PanelClient) {
        let requests = client.usage().requests.saturating_sub(self.requests_before);
        let took_ms = u64::try_from(self.step_began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.update(|run| {
            if let Some(step) = run.steps.iter_mut().find(|step| step.target == target) {
                step.requests = requests;
                step.took_ms = took_ms;
            }
        });
    }

    /// Notes how many requests were sent and how many the panel still allows.
    fn note_usage(&self, client: &PanelClient) {
        let usage = client.usage();
        self.update(|run| {
            run.requests = usage.requests;
            run.budget = usage.limit.zip(usage.remaining);
        });
    }

    /// Says so while the panel's limit makes us wait.
    pub(super) fn note_waiting(&self, client: &PanelClient) {
        let wait_s = client.usage().waits_ms.div_ceil(1000);
        if wait_s > 1 {
            self.note_usage(client);
            self.update(|run| {
                run.message = format!("Waiting {wait_s} s for the panel's request limit");
                run.remaining_ms = None;
            });
        }
    }

    /// Adds to the counts of a step.
    pub(super) fn count(&self, target: Target, client: &PanelClient, counts: &Counts) {
        self.note_usage(client);
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let expected = self.expected_rows;
        self.update(|run| {
            if let Some(step) = run.steps.iter_mut().find(|step| step.target == target) {
                step.counts.add(counts);
            }
            let totals = run.totals();
            let left = expected.max(totals.total).saturating_sub(totals.done);
            run.remaining_ms = (elapsed * left).checked_div(totals.done);
            run.message = format!("Reading {}: {} rows so far", plain_name(target), totals.done);
            run.note_progress();
        });
    }

    /// Sets the counts of a step to what its listings came to. Rows that were read twice count once.
    pub(super) fn settle(&self, target: Target, sweeps: &[Sweep]) {
        let total = sweeps.iter().map(|sweep| sweep.total).sum();
        let read: u64 = sweeps.iter().map(|sweep| sweep.ids.len()).sum();
        let failed: u64 = sweeps.iter().map(|sweep| sweep.unreadable_count).sum();
        let nameless: u64 = sweeps.iter().map(|sweep| sweep.nameless).sum();
        self.update(|run| {
            if let Some(step) = run.steps.iter_mut().find(|step| step.target == target) {
                let counts = &mut step.counts;
                counts.total = total;
                counts.done = read;
                counts.failed = failed;
                let unread = failed.saturating_sub(nameless);
                counts.unchanged = read.saturating_sub(counts.created + counts.updated + unread.min(read));
            }
        });
    }

    /// Notes removals in the step that they belong to.
    pub(super) fn count_removed(&self, kind: Kind, removed: u64) {
        let target = kind.target();
        self.update(|run| {
            if let Some(step) = run.steps.iter_mut().find(|step| step.target == target) {
                step.counts.removed += removed;
            }
        });
    }

    /// Notes one more object of a step with which something is not right.
    pub(super) fn count_failed(&self, target: Target) {
        self.update(|run| {
            if let Some(step) = run.steps.iter_mut().find(|step| step.target == target) {
                step.counts.failed += 1;
            }
        });
    }

    pub(super) fn issue(&self, target: Target, code: &str, what: String, remedy: String) -> SyncIssue {
        SyncIssue { target, request: None, page: None, object: None, code: code.to_owned(), what, remedy }
    }

    pub(super) fn note_issue(&self, issue: SyncIssue) {
        warn!(
            panel.name = self.panel.name,
            sync.step = issue.target.name(),
            fault = issue.code,
            request = issue.request,
            "{}",
            issue.what
        );
        self.update(|run| {
            run.issue_count += 1;
            if run.issues.len() < KEPT_ISSUES {
                run.issues.push(issue);
            }
        });
    }

    /// Notes that a scope could not be read. The step failed; some faults end the whole run.
    pub(super) fn note_fault(&mut self, target: Target, fault: &PanelError) -> Result<(), Halt> {
        self.note_issue(SyncIssue {
            target,
            request: fault.request.clone(),
            page: fault.page,
            object: None,
            code: fault.kind.code().to_owned(),
            what: fault.what.clone(),
            remedy: fault.remedy.clone(),
        });
        self.set_state(target, StepState::Failed);
        if is_panel_wide(fault.kind) {
            self.contact = Some(fault.clone());
            return Err(Halt::Panel);
        }
        Ok(())
    }

    /// Notes records that could not be read; what the mirror holds of them stays.
    pub(super) fn note_unreadable(&self, target: Target, unreadable: &[Unreadable]) {
        for one in unreadable {
            self.note_issue(SyncIssue {
                target,
                request: Some(one.request.clone()),
                page: one.page,
                object: one.id,
                code: "unreadable".into(),
                what: format!("a record of kind {} cannot be read: {}", one.kind.noun(), one.reason),
                remedy:
                    "What was known of it stays. Look at the object in the panel; saving it anew there often mends it."
                        .into(),
            });
        }
    }

    pub(super) fn say(&self, message: &str) {
        self.update(|run| message.clone_into(&mut run.message));
    }

    async fn finish(&mut self, result: Result<bool, Halt>) {
        self.note_contact(&result).await;
        let now = self.inner.env.now();
        let mut run = self.tell.borrow().clone();
        run.finished_at = Some(now);
        run.remaining_ms = None;
        run.status = self.status(&result);
        let cut_short = matches!(result, Err(Halt::Cancelled)) && self.is_ending();
        run.message = if cut_short { CUT_SHORT.into() } else { closing_words(&run, &result) };
        for step in &mut run.steps {
            match step.state {
                StepState::Waiting => step.state = StepState::Skipped,
                StepState::Running => step.state = StepState::Failed,
                _ => {}
            }
        }
        let found = self.found(&run).await;
        if let Err(error) = self.inner.save_end(&run, found.clone()).await {
            warn!(%error, sync.id = %run.id, "the end of a sync could not be noted yet");
            self.inner.save_end_later(run.clone(), found);
        }
        if run.status == SyncStatus::Completed && run.is_full() {
            let _ = self.inner.panels.note_synced(self.panel.id).await;
        }
        let totals = run.totals();
        info!(
            panel.name = self.panel.name, sync.id = %run.id, status = run.status.word(), requests = run.requests,
            created = totals.created, updated = totals.updated, removed = totals.removed, unchanged = totals.unchanged,
            failed = totals.failed, took_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "synced {}", self.panel.name
        );
        // Only now: who waits for the end may rely on the record.
        self.update(|live| *live = run);
    }

    /// What does not fit together after a run that read everything.
    async fn found(&self, run: &SyncRun) -> Option<Found> {
        if run.status != SyncStatus::Completed || !run.is_full() {
            return None;
        }
        let panel = run.panel;
        match self.inner.store.read(move |tx| Found::of(tx, panel)).await {
            Ok(found) => Some(found),
            Err(error) => {
                warn!(%error, sync.id = %run.id, "what does not fit together could not be counted");
                None
            }
        }
    }

    fn status(&self, result: &Result<bool, Halt>) -> SyncStatus {
        match result {
            Err(Halt::Cancelled) if !self.is_ending() => SyncStatus::Cancelled,
            Err(_) => SyncStatus::Failed,
            Ok(_) if self.has_failed() => SyncStatus::Failed,
            Ok(true) => SyncStatus::NeedsReview,
            Ok(false) => SyncStatus::Completed,
        }
    }

    async fn note_contact(&self, result: &Result<bool, Halt>) {
        if matches!(result, Err(Halt::Cancelled | Halt::Store(_))) {
            return;
        }
        let trouble = self.contact.as_ref().map(panels::trouble);
        let rate_limit = self.tell.borrow().budget.map(|(limit, _)| limit);
        let reach = Reach { at: Some(self.inner.env.now()), trouble, rate_limit };
        // Which API the panel speaks is found out anew after it turned out to speak another.
        let changed = self.contact.as_ref().is_some_and(|fault| fault.kind == FaultKind::UnknownDialect);
        let dialect = if changed { None } else { self.panel.dialect };
        if let Err(error) = self.inner.panels.note_contact(&self.panel, dialect, reach).await {
            warn!(%error, "the state of a panel could not be noted");
        }
    }
}

/// Faults that the next request would meet as well.
fn is_panel_wide(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Dns
            | FaultKind::Connect
            | FaultKind::Tls
            | FaultKind::Unauthorized
            | FaultKind::WrongKeyKind
            | FaultKind::TwoFactorRequired
            | FaultKind::IpNotAllowed
            | FaultKind::Maintenance
            | FaultKind::UnknownDialect
            | FaultKind::Redirected
            | FaultKind::Config
    )
}

fn closing_words(run: &SyncRun, result: &Result<bool, Halt>) -> String {
    let failed: Vec<_> =
        run.steps.iter().filter(|s| s.state == StepState::Failed).map(|s| plain_name(s.target)).collect();
    let unread = run.totals().failed;
    match result {
        Err(Halt::Cancelled) => "Cancelled; what was read so far is kept, nothing was removed".into(),
        Err(Halt::Store(error)) => format!("Stopped: {error}"),
        Err(Halt::Panel) => run.issues.last().map_or_else(|| "Stopped".into(), |issue| issue.what.clone()),
        Ok(_) if !failed.is_empty() => format!("Not all could be read: {}. Nothing was removed", failed.join(", ")),
        Ok(true) => "So much would vanish that a person must decide; nothing was removed".into(),
        Ok(false) if unread == 1 => "Done, but one record could not be read or confirmed".into(),
        Ok(false) if unread > 0 => format!("Done, but {unread} records could not be read or confirmed"),
        Ok(false) => "Done".into(),
    }
}

fn expected(held: &PanelCounts, target: Target) -> u64 {
    match target {
        Target::Locations => held.locations,
        Target::Nodes => held.nodes,
        Target::Allocations => held.allocations,
        Target::Nests => held.nests + held.eggs + held.egg_variables,
        Target::Users => held.users,
        Target::Servers => held.servers,
        Target::Databases => held.databases,
        Target::Subusers => held.subusers,
    }
}

fn plain_name(target: Target) -> &'static str {
    match target {
        Target::Nests => "nests and eggs",
        other => other.name(),
    }
}

/// An object that a complete listing of its scope did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Absent {
    pub(super) kind: Kind,
    pub(super) id: RemoteId,
    /// Node of an allocation, nest of an egg, egg of a variable, server of a database or subuser.
    pub(super) parent: Option<RemoteId>,
}
