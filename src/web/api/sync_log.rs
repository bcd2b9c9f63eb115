//! A sync as the older API tells it: one row of a log, with five status words and everything else in `metadata`.

use aviary_domain::panels::Panels;
use aviary_domain::sync::{StartSync, Started, SyncQuery, Syncs};
use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{Actor, Counts, Panel, PanelId, StepReport, StepState, SyncId, SyncRun, SyncStatus, Target};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::openapi::doc;

/// A sync.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SyncLog {
    #[schema(value_type = String, format = Uuid)]
    id: SyncId,
    /// `full`, one target, or several with commas.
    r#type: String,
    /// `PENDING`, `RUNNING`, `COMPLETED`, `FAILED` or `CANCELLED`. A sync that waits for a person is `FAILED`, with
    /// `metadata.needsReview`.
    status: &'static str,
    /// Over all steps, as far as the panel has said.
    items_total: u64,
    items_synced: u64,
    items_failed: u64,
    error: Option<String>,
    metadata: Metadata,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Option<Timestamp>,
    duration_seconds: Option<f64>,
}

/// What else there is to say about a sync. An object; it was text once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Metadata {
    /// `starting`, the target at work, or `completed`.
    step: &'static str,
    /// Percent.
    progress: u8,
    /// The same as `progress`.
    percentage: u8,
    #[serde(rename = "lastMessage")]
    last_message: String,
    /// Seconds since 1970.
    #[serde(rename = "lastUpdated")]
    last_updated: i64,
    #[serde(rename = "itemsTotal")]
    items_total: u64,
    #[serde(rename = "itemsProcessed")]
    items_processed: u64,
    requested_by: String,
    skip_users: bool,
    #[serde(rename = "panelId")]
    #[schema(value_type = u32)]
    panel_id: PanelId,
    /// Requests sent to the panel.
    requests: u64,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<i64>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_step: Option<&'static str>,
    /// True = so much would be removed that a person must decide.
    #[serde(rename = "needsReview")]
    needs_review: bool,
    /// What was done, by target.
    #[schema(value_type = std::collections::BTreeMap<String, StepView>)]
    steps: Map<String, Value>,
}

/// What was done in a step.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "only the document needs the type")]
struct StepView {
    #[schema(value_type = doc::StepState)]
    state: StepState,
    #[serde(flatten)]
    #[schema(value_type = doc::Counts)]
    counts: Counts,
    requests: u64,
    took_ms: u64,
}

impl SyncLog {
    /// A run, told at `now`.
    pub(super) fn new(run: &SyncRun, now: Timestamp) -> Self {
        let sum = run.totals();
        let duration = run.started_at.zip(run.finished_at).map(|(from, to)| to.since(from).as_secs_f64());
        let error = fault(run);
        Self {
            id: run.id,
            r#type: words(run).join(","),
            status: status(run.status),
            items_total: sum.total,
            items_synced: sum.done,
            items_failed: sum.failed,
            metadata: Metadata {
                step: step(run),
                progress: run.percent(),
                percentage: run.percent(),
                last_message: run.message.clone(),
                last_updated: run.finished_at.unwrap_or(now).seconds(),
                items_total: sum.total,
                items_processed: sum.done,
                requested_by: run.requested_by.clone(),
                skip_users: skips_users(run),
                panel_id: run.panel,
                requests: run.requests,
                started_at: run.started_at.map(Timestamp::seconds),
                completed_at: run.finished_at.map(Timestamp::seconds),
                duration,
                error: error.clone(),
                failed_step: run
                    .steps
                    .iter()
                    .find(|step| step.state == StepState::Failed)
                    .map(|step| step.target.name()),
                needs_review: run.status == SyncStatus::NeedsReview,
                steps: run.steps.iter().map(|step| (step.target.name().to_owned(), step_view(step))).collect(),
            },
            error,
            started_at: run.started_at.unwrap_or(run.created_at),
            completed_at: run.finished_at,
            duration_seconds: duration,
        }
    }

    /// Whether nothing more will happen.
    pub(super) fn is_over(&self) -> bool {
        !matches!(self.status, "PENDING" | "RUNNING")
    }

    /// What the event stream of the older API tells.
    pub(super) fn event(&self) -> Value {
        json!({
            "id": self.id, "status": self.status, "itemsTotal": self.items_total, "itemsSynced": self.items_synced,
            "metadata": self.metadata,
        })
    }
}

/// The older status word.
pub(super) fn status(status: SyncStatus) -> &'static str {
    match status {
        SyncStatus::Pending => "PENDING",
        SyncStatus::Running => "RUNNING",
        SyncStatus::Completed => "COMPLETED",
        SyncStatus::Failed | SyncStatus::NeedsReview => "FAILED",
        SyncStatus::Cancelled => "CANCELLED",
    }
}

fn fault(run: &SyncRun) -> Option<String> {
    let told = match run.status {
        SyncStatus::NeedsReview => run.message.clone(),
        SyncStatus::Failed => match run.issues.first() {
            Some(issue) => format!("{} {}", issue.what, issue.remedy).trim().to_owned(),
            None => run.message.clone(),
        },
        _ => return None,
    };
    Some(told)
}

fn step(run: &SyncRun) -> &'static str {
    if run.status == SyncStatus::Completed {
        return "completed";
    }
    let begun = |step: &&StepReport| step.state != StepState::Waiting && step.state != StepState::Skipped;
    let at_work = run.steps.iter().find(|step| step.state == StepState::Running);
    at_work.or_else(|| run.steps.iter().rev().find(begun)).map_or("starting", |step| step.target.name())
}

fn step_view(step: &StepReport) -> Value {
    let counts = serde_json::to_value(step.counts).unwrap_or_default();
    let Value::Object(mut view) = counts else { return Value::Null };
    view.insert("state".into(), json!(step.state));
    view.insert("requests".into(), json!(step.requests));
    view.insert("tookMs".into(), json!(step.took_ms));
    Value::Object(view)
}

/// Everything but the users.
pub(super) fn targets_without_users() -> Vec<Target> {
    Target::ALL.into_iter().filter(|target| *target != Target::Users).collect()
}

fn skips_users(run: &SyncRun) -> bool {
    run.targets == targets_without_users()
}

/// The words of a run's type. Allocations are listed by node, so that the nodes are only read along with them.
fn words(run: &SyncRun) -> Vec<&'static str> {
    if run.is_full() || skips_users(run) {
        return vec![FULL];
    }
    if run.targets == [Target::Nodes, Target::Allocations] {
        return vec![Target::Allocations.name()];
    }
    run.targets.iter().map(|target| target.name()).collect()
}

const FULL: &str = "full";

/// The runs of a type, or all, newest first.
pub(super) async fn runs(
    syncs: &Syncs,
    panel: Option<PanelId>,
    of_type: Option<&str>,
    offset: u64,
    limit: usize,
) -> Result<Vec<SyncRun>> {
    let Some(word) = of_type else {
        return Ok(syncs.list(SyncQuery { panel, offset, limit, ..SyncQuery::default() }).await?.runs);
    };
    // Types are not what the list of syncs goes by: a sync without users is of type `full`, and not every sync that reads
    // nodes is of type `nodes`.
    let target = if word == FULL { None } else { Some(word.parse()?) };
    let mut query = SyncQuery { panel, target, limit: AT_ONCE, ..SyncQuery::default() };
    let (mut found, mut skip) = (Vec::new(), offset);
    loop {
        let page = syncs.list(query.clone()).await?;
        for run in page.runs.into_iter().filter(|run| words(run).contains(&word)) {
            if skip > 0 {
                skip -= 1;
            } else {
                found.push(run);
            }
            if found.len() == limit {
                return Ok(found);
            }
        }
        let Some(next) = page.next else { return Ok(found) };
        query.after = Some(next);
    }
}

/// Runs that are looked at together.
const AT_ONCE: usize = 100;

/// The targets of a type word: none = everything.
pub(super) fn targets(word: &str) -> Result<Vec<Target>> {
    match word.trim() {
        "" | FULL | "all" => Ok(Vec::new()),
        word => Ok(vec![word.parse()?]),
    }
}

/// The type words that there are.
pub(super) fn all_types() -> Vec<&'static str> {
    std::iter::once(FULL).chain(Target::ALL.map(Target::name)).collect()
}

/// What was started.
#[derive(Serialize, ToSchema)]
pub(crate) struct StartedView {
    /// The sync; of the first panel when there are several.
    #[schema(value_type = String, format = Uuid)]
    pub sync_log_id: SyncId,
    /// One for each panel.
    #[schema(value_type = Vec<String>)]
    pub sync_log_ids: Vec<SyncId>,
    /// The same as `sync_log_id`.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: SyncId,
    /// `PENDING`, or `RUNNING` when the request was joined to a sync that was at work.
    pub status: &'static str,
}

/// Starts a sync of one panel, or of each. Also what to tell people.
pub(super) async fn start(
    syncs: &Syncs,
    panels: &Panels,
    panel: Option<PanelId>,
    targets: Vec<Target>,
    by: &Actor,
    requested_by: Option<String>,
) -> Result<(StartedView, String)> {
    let mut started = Vec::new();
    for panel in wanted(panels, panel).await? {
        let wanted =
            StartSync { panel: panel.id, targets: targets.clone(), by: by.clone(), requested_by: requested_by.clone() };
        started.push((panel.name, syncs.start(wanted).await?));
    }
    let Some((_, first)) = started.first() else {
        return Err(Error::Conflict(
            "there is no panel yet: add one at /admin/panels or with `aviary panel add`".into(),
        ));
    };
    let view = StartedView {
        sync_log_id: first.run.id,
        sync_log_ids: started.iter().map(|(_, one)| one.run.id).collect(),
        task_id: first.run.id,
        status: status(first.run.status),
    };
    let told: Vec<_> = started.iter().map(|(name, one)| said(name, one)).collect();
    Ok((view, told.join("; ")))
}

async fn wanted(panels: &Panels, panel: Option<PanelId>) -> Result<Vec<Panel>> {
    match panel {
        Some(id) => Ok(vec![panels.require(id).await?]),
        None => panels.all().await,
    }
}

fn said(name: &str, started: &Started) -> String {
    match (started.joined, started.covers) {
        (false, _) => format!("sync of {name} started"),
        (true, true) => format!("a sync of {name} is at work already, the request was joined to it"),
        (true, false) => format!(
            "a sync of {name} is at work already, the request was joined to it; it does not do everything that was asked: \
             start again when it is over"
        ),
    }
}

#[cfg(test)]
mod tests {
    use aviary_kernel::model::SyncIssue;

    use super::*;

    fn run(status: SyncStatus) -> SyncRun {
        let step = |target, state| StepReport {
            target,
            state,
            counts: Counts { total: 10, done: 5, failed: 1, ..Counts::default() },
            requests: 2,
            took_ms: 3,
        };
        SyncRun {
            id: SyncId::nil(),
            panel: PanelId(1),
            targets: Target::ALL.to_vec(),
            requested_by: "admin".into(),
            status,
            steps: vec![
                step(Target::Locations, StepState::Done),
                step(Target::Nodes, StepState::Failed),
                step(Target::Users, StepState::Waiting),
            ],
            issues: vec![SyncIssue {
                target: Target::Nodes,
                request: None,
                page: None,
                object: None,
                code: "timeout".into(),
                what: "The panel did not answer.".into(),
                remedy: "Look whether it is up.".into(),
            }],
            issue_count: 1,
            requests: 6,
            budget: None,
            created_at: Timestamp::from_seconds(100),
            started_at: Some(Timestamp::from_seconds(101)),
            finished_at: status.is_over().then(|| Timestamp::from_millis(103_500)),
            message: "Something happened".into(),
            remaining_ms: None,
            progress: 50,
        }
    }

    #[test]
    fn a_failed_sync_names_its_step_and_the_way_out() {
        let log = serde_json::to_value(SyncLog::new(&run(SyncStatus::Failed), Timestamp::from_seconds(200))).unwrap();
        assert_eq!(log["status"], "FAILED");
        assert_eq!(log["error"], "The panel did not answer. Look whether it is up.");
        assert_eq!(log["metadata"]["failed_step"], "nodes");
        assert_eq!(log["metadata"]["duration"], 2.5);
        assert_eq!(log["metadata"]["steps"]["nodes"]["failed"], 1);
        assert_eq!((&log["itemsTotal"], &log["itemsSynced"], &log["itemsFailed"]), (&json!(30), &json!(15), &json!(3)));
        assert_eq!(log["completedAt"], "1970-01-01T00:01:43.500Z");
    }

    #[test]
    fn a_sync_that_waits_for_a_person_failed_and_says_why() {
        let log =
            serde_json::to_value(SyncLog::new(&run(SyncStatus::NeedsReview), Timestamp::from_seconds(200))).unwrap();
        assert_eq!((&log["status"], &log["error"]), (&json!("FAILED"), &json!("Something happened")));
        assert_eq!(log["metadata"]["needsReview"], true);
    }

    #[test]
    fn a_running_sync_has_progress_and_no_error() {
        let log = serde_json::to_value(SyncLog::new(&run(SyncStatus::Running), Timestamp::from_seconds(200))).unwrap();
        assert_eq!(
            (&log["status"], &log["error"], &log["completedAt"]),
            (&json!("RUNNING"), &Value::Null, &Value::Null)
        );
        assert_eq!(log["metadata"]["lastUpdated"], 200);
        assert!(log["metadata"]["progress"].is_number());
    }

    #[test]
    fn leaving_out_the_users_is_still_a_full_sync() {
        let run = SyncRun { targets: targets_without_users(), ..run(SyncStatus::Running) };
        let log = SyncLog::new(&run, Timestamp::default());
        assert_eq!((log.r#type.as_str(), log.metadata.skip_users), ("full", true));
    }

    #[test]
    fn nodes_that_are_read_along_with_allocations_are_not_part_of_the_type() {
        let type_of =
            |targets: &[Target]| words(&SyncRun { targets: targets.to_vec(), ..run(SyncStatus::Running) }).join(",");
        assert_eq!(type_of(&[Target::Nodes, Target::Allocations]), "allocations");
        assert_eq!(type_of(&[Target::Nodes]), "nodes");
        assert_eq!(type_of(&[Target::Nodes, Target::Users]), "nodes,users");
    }
}
