//! What runs by itself, and when.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use aviary_domain::schedules::{Coming, NewSchedule, Preview, SchedulePatch, Schedules, ShownSchedule, Times};
use aviary_kernel::base::{Error, Timestamp};
use aviary_kernel::model::{
    JobId, MissedRuns, Overlap, PanelId, ScheduleId, ScheduleRun, ScheduledWork, SyncId, Target, When,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reply::{self, Reply};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};

/// A schedule.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScheduleView {
    #[schema(value_type = String, format = Uuid)]
    id: ScheduleId,
    name: String,
    /// `sync`, `backup`, `check`, `clean_up`, `end_sessions` or `watch_expiry`.
    work: &'static str,
    /// The panel that is synced.
    #[schema(value_type = Option<u32>)]
    panel: Option<PanelId>,
    panel_name: Option<String>,
    /// What is synced; empty = everything.
    #[schema(value_type = Vec<String>)]
    targets: Vec<Target>,
    /// When it runs, as an expression; null when it goes by an interval.
    cron: Option<String>,
    /// The time zone of the expression.
    zone: Option<String>,
    /// Seconds from the end of a run to the next; null for an expression, and where the panel or the settings say it.
    every: Option<u32>,
    /// When it runs, in English.
    spoken: String,
    /// What becomes of times at which Aviary did not run: `skip` or `once`.
    missed: &'static str,
    /// What happens when it is due while the last run is at work: `skip` or `queue`.
    overlap: &'static str,
    is_paused: bool,
    /// It comes with Aviary and cannot be removed.
    is_built_in: bool,
    /// It comes with Aviary and is no longer as it came; see `reset`.
    is_changed: bool,
    made_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
    /// When it is due next; null = paused, by hand only, or counting from the end of the run at work.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    /// The job that does it at the moment.
    #[schema(value_type = Option<String>, format = Uuid)]
    at_work: Option<JobId>,
    /// What went wrong last; null after a run that went well.
    trouble: Option<String>,
    last_run: Option<ScheduleRunView>,
}

/// A run of a schedule, or a time at which there was none.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScheduleRunView {
    /// When it was due; for a run by hand, when it was asked for.
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    /// `running`, `waiting`, `completed`, `failed`, `cancelled`, `dead`, `skipped` (the last run was at work) or `missed`
    /// (Aviary did not run then).
    outcome: &'static str,
    /// The job that did it.
    #[schema(value_type = Option<String>, format = Uuid)]
    job: Option<JobId>,
    /// The sync that it did, where it is one.
    #[schema(value_type = Option<String>, format = Uuid)]
    sync: Option<SyncId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    note: Option<String>,
}

/// A run that is to come.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScheduleComingView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The same on the clocks of the schedule's time zone; null where it goes by an interval.
    #[schema(value_type = Option<String>, format = DateTime)]
    local: Option<String>,
}

/// A schedule with what comes and what was.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScheduleDetailView {
    schedule: ScheduleView,
    /// The next ten runs; where it goes by an interval, the earliest that they can be.
    next: Vec<ScheduleComingView>,
    /// The newest runs, newest first, at most 50.
    runs: Vec<ScheduleRunView>,
}

impl ScheduleRunView {
    fn new(run: &ScheduleRun, shown: &ShownSchedule) -> Self {
        Self {
            sync: run.outcome.job().and_then(|job| shown.syncs.get(&job).copied()),
            due_at: run.due_at,
            outcome: run.outcome.word(),
            job: run.outcome.job(),
            finished_at: run.finished_at,
            note: run.note.clone(),
        }
    }
}

impl From<Coming> for ScheduleComingView {
    fn from(coming: Coming) -> Self {
        Self { at: coming.at, local: coming.wall.map(|wall| wall.rfc3339) }
    }
}

impl From<&ShownSchedule> for ScheduleView {
    fn from(shown: &ShownSchedule) -> Self {
        let schedule = &shown.schedule;
        let (panel, targets) = match &schedule.work {
            ScheduledWork::Sync { panel, targets } => (Some(*panel), targets.clone()),
            _ => (None, Vec::new()),
        };
        let (cron, zone, every) = match &schedule.when {
            When::Cron { expression, zone } => (Some(expression.clone()), Some(zone.clone()), None),
            When::Every { seconds } => (None, None, Some(*seconds)),
            When::AsThePanelSays => (None, None, None),
        };
        Self {
            id: schedule.id,
            name: schedule.name.clone(),
            work: schedule.work.word(),
            panel,
            panel_name: shown.panel_name.clone(),
            targets,
            cron,
            zone,
            every,
            spoken: shown.spoken.clone(),
            missed: schedule.missed.word(),
            overlap: schedule.overlap.word(),
            is_paused: schedule.is_paused,
            is_built_in: schedule.is_built_in,
            is_changed: shown.is_changed,
            made_by: schedule.made_by.clone(),
            created_at: schedule.created_at,
            changed_at: schedule.changed_at,
            next_at: schedule.next_at,
            at_work: shown.at_work,
            trouble: schedule.trouble.clone(),
            last_run: schedule.runs.first().map(|run| ScheduleRunView::new(run, shown)),
        }
    }
}

impl From<ShownSchedule> for ScheduleDetailView {
    fn from(shown: ShownSchedule) -> Self {
        Self {
            schedule: ScheduleView::from(&shown),
            runs: shown.schedule.runs.iter().map(|run| ScheduleRunView::new(run, &shown)).collect(),
            next: shown.coming.into_iter().map(ScheduleComingView::from).collect(),
        }
    }
}

/// Schedules
///
/// The next to be due first, then those that are not due. Their coming runs and their history stand with each.
#[utoipa::path(get, path = "/api/v1/schedules", tag = "schedules", responses((status = 200, body = Reply<Vec<ScheduleView>>)))]
pub(crate) async fn list(schedules: Data<Schedules>, _caller: Allow<perm::ScheduleRead>) -> ApiResult {
    let all = schedules.list().await?;
    Ok(reply::ok(all.iter().map(ScheduleView::from).collect::<Vec<_>>()))
}

/// A schedule, with its next ten runs
#[utoipa::path(get, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = String, Path)), responses(
    (status = 200, body = Reply<ScheduleDetailView>),
    (status = 404, description = "There is no such schedule", body = ProblemView),
))]
pub(crate) async fn one(
    schedules: Data<Schedules>,
    _caller: Allow<perm::ScheduleRead>,
    id: Path<ScheduleId>,
) -> ApiResult {
    Ok(reply::ok(ScheduleDetailView::from(schedules.get(*id).await?)))
}

/// A schedule that is to be made. It needs `cron`, or `every`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MakeSchedule {
    /// What people call it; 1 to 60 characters.
    name: String,
    /// `sync` or `backup`.
    work: String,
    /// The panel to sync.
    #[schema(value_type = Option<u32>)]
    panel: Option<PanelId>,
    /// What to sync; everything unless told.
    targets: Option<Vec<String>>,
    /// Such as `0 3 * * *`; five parts, or six with seconds in front.
    cron: Option<String>,
    /// The time zone of the expression, such as `Europe/Berlin`; UTC unless told.
    zone: Option<String>,
    /// Seconds from the end of a run to the next, at least 60.
    every: Option<u32>,
    /// `skip` or `once`; `once` unless told.
    missed: Option<String>,
    /// `skip` or `queue`; `skip` unless told.
    overlap: Option<String>,
}

/// Make a schedule
#[utoipa::path(post, path = "/api/v1/schedules", tag = "schedules", request_body = MakeSchedule, responses(
    (status = 201, description = "Made", body = Reply<ScheduleDetailView>),
    (status = 400, description = "A value cannot be taken", body = ProblemView),
))]
pub(crate) async fn make(
    schedules: Data<Schedules>,
    caller: Allow<perm::ScheduleWrite>,
    wanted: Json<MakeSchedule>,
) -> ApiResult {
    let MakeSchedule { name, work, panel, targets, cron, zone, every, missed, overlap } = wanted.into_inner();
    let when = Times { cron, zone, every }.on(None)?;
    let new = NewSchedule {
        name,
        work: parse_work(&work, panel, targets)?,
        when: when.ok_or_else(|| Error::invalid("cron", "is needed, such as 0 3 * * *; or every, in seconds"))?,
        missed: missed.map_or(Ok(MissedRuns::Once), |word| word.parse())?,
        overlap: overlap.map_or(Ok(Overlap::Skip), |word| word.parse())?,
    };
    let made = schedules.make(&caller.who, new).await?;
    let message = format!("{} was made", made.schedule.name);
    Ok(reply::told(StatusCode::CREATED, ScheduleDetailView::from(made), message))
}

fn parse_work(work: &str, panel: Option<PanelId>, targets: Option<Vec<String>>) -> Result<ScheduledWork, Error> {
    match work {
        "sync" => Ok(ScheduledWork::Sync {
            panel: panel.ok_or_else(|| Error::invalid("panel", "is needed for a sync"))?,
            targets: targets.map_or(Ok(Vec::new()), |targets| parse_targets(&targets))?,
        }),
        "backup" => Ok(ScheduledWork::Backup),
        _ => Err(Error::invalid("work", "is sync or backup; the rest comes with Aviary")),
    }
}

pub(crate) fn parse_targets(targets: &[String]) -> Result<Vec<Target>, Error> {
    let parse = |word: &String| {
        let found = Target::ALL.into_iter().find(|target| target.name() == word);
        found.ok_or_else(|| {
            let known = Target::ALL.map(Target::name).join(", ");
            Error::invalid("targets", format!("are some of {known}; none means everything"))
        })
    };
    targets.iter().map(parse).collect()
}

/// What is to become different about a schedule; what is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PatchSchedule {
    /// Not of one that comes with Aviary.
    name: Option<String>,
    /// Not of one that comes with Aviary.
    #[schema(value_type = Option<u32>)]
    panel: Option<PanelId>,
    /// Not of one that comes with Aviary; empty = everything.
    targets: Option<Vec<String>>,
    cron: Option<String>,
    zone: Option<String>,
    /// Seconds, at least 60. Takes the place of an expression.
    every: Option<u32>,
    /// `skip` or `once`.
    missed: Option<String>,
    /// `skip` or `queue`.
    overlap: Option<String>,
}

/// Change a schedule
///
/// New times count from now on.
#[utoipa::path(patch, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = String, Path)), request_body = PatchSchedule, responses(
    (status = 200, body = Reply<ScheduleDetailView>),
    (status = 400, description = "A value cannot be taken", body = ProblemView),
    (status = 404, description = "There is no such schedule", body = ProblemView),
))]
pub(crate) async fn patch(
    schedules: Data<Schedules>,
    caller: Allow<perm::ScheduleWrite>,
    id: Path<ScheduleId>,
    wanted: Json<PatchSchedule>,
) -> ApiResult {
    let PatchSchedule { name, panel, targets, cron, zone, every, missed, overlap } = wanted.into_inner();
    let held = schedules.get(*id).await?.schedule;
    let patch = SchedulePatch {
        name,
        work: patch_work(&held.work, panel, targets)?,
        when: Times { cron, zone, every }.on(Some(&held.when))?,
        missed: missed.map(|word| word.parse()).transpose()?,
        overlap: overlap.map(|word| word.parse()).transpose()?,
    };
    let changed = schedules.change(&caller.who, *id, patch).await?;
    let message = format!("{} was changed", changed.schedule.name);
    Ok(reply::told(StatusCode::OK, ScheduleDetailView::from(changed), message))
}

fn patch_work(
    held: &ScheduledWork,
    panel: Option<PanelId>,
    targets: Option<Vec<String>>,
) -> Result<Option<ScheduledWork>, Error> {
    match held {
        _ if panel.is_none() && targets.is_none() => Ok(None),
        ScheduledWork::Sync { panel: held, targets: held_targets } => Ok(Some(ScheduledWork::Sync {
            panel: panel.unwrap_or(*held),
            targets: targets.map_or_else(|| Ok(held_targets.clone()), |targets| parse_targets(&targets))?,
        })),
        _ => Err(Error::invalid(if panel.is_some() { "panel" } else { "targets" }, "belongs to syncs only")),
    }
}

/// The schedule that was removed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RemovedScheduleView {
    name: String,
}

/// Remove a schedule
///
/// What is at work goes on. One that comes with Aviary cannot be removed, only paused.
#[utoipa::path(delete, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = String, Path)), responses(
    (status = 200, description = "Removed", body = Reply<RemovedScheduleView>),
    (status = 404, description = "There is no such schedule", body = ProblemView),
    (status = 409, description = "It comes with Aviary", body = ProblemView),
))]
pub(crate) async fn remove(
    schedules: Data<Schedules>,
    caller: Allow<perm::ScheduleWrite>,
    id: Path<ScheduleId>,
) -> ApiResult {
    let name = schedules.remove(&caller.who, *id).await?.name;
    let message = format!("{name} was removed");
    Ok(reply::told(StatusCode::OK, RemovedScheduleView { name }, message))
}

/// The run that was asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunNowView {
    /// The job that does it.
    #[schema(value_type = String, format = Uuid)]
    job: JobId,
}

/// Run a schedule now
///
/// Also one that is paused. Its times stay as they are.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/run", tag = "schedules", params(("id" = String, Path)), responses(
    (status = 202, description = "It begins", body = Reply<RunNowView>),
    (status = 404, description = "There is no such schedule", body = ProblemView),
    (status = 409, description = "It is at work already", body = ProblemView),
))]
pub(crate) async fn run(
    schedules: Data<Schedules>,
    caller: Allow<perm::ScheduleRun>,
    id: Path<ScheduleId>,
) -> ApiResult {
    let job = schedules.run_now(&caller.who, *id).await?;
    Ok(reply::told(StatusCode::ACCEPTED, RunNowView { job }, "it begins"))
}

/// Pause a schedule
#[utoipa::path(post, path = "/api/v1/schedules/{id}/pause", tag = "schedules", params(("id" = String, Path)), responses(
    (status = 200, body = Reply<ScheduleDetailView>),
    (status = 404, description = "There is no such schedule", body = ProblemView),
))]
pub(crate) async fn pause(
    schedules: Data<Schedules>,
    caller: Allow<perm::ScheduleWrite>,
    id: Path<ScheduleId>,
) -> ApiResult {
    Ok(reply::ok(ScheduleDetailView::from(schedules.pause(&caller.who, *id).await?)))
}

/// Let a schedule go on
///
/// What was due while it was paused counts for nothing.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/resume", tag = "schedules", params(("id" = String, Path)), responses(
    (status = 200, body = Reply<ScheduleDetailView>),
    (status = 404, description = "There is no such schedule", body = ProblemView),
    (status = 409, description = "Its panel was removed", body = ProblemView),
))]
pub(crate) async fn resume(
    schedules: Data<Schedules>,
    caller: Allow<perm::ScheduleWrite>,
    id: Path<ScheduleId>,
) -> ApiResult {
    Ok(reply::ok(ScheduleDetailView::from(schedules.resume(&caller.who, *id).await?)))
}

/// Give a schedule that comes with Aviary its times and rules back
#[utoipa::path(post, path = "/api/v1/schedules/{id}/reset", tag = "schedules", params(("id" = String, Path)), responses(
    (status = 200, body = Reply<ScheduleDetailView>),
    (status = 404, description = "There is no such schedule", body = ProblemView),
    (status = 409, description = "It was made by a person", body = ProblemView),
))]
pub(crate) async fn reset(
    schedules: Data<Schedules>,
    caller: Allow<perm::ScheduleWrite>,
    id: Path<ScheduleId>,
) -> ApiResult {
    Ok(reply::ok(ScheduleDetailView::from(schedules.reset(&caller.who, *id).await?)))
}

/// An expression.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PreviewSchedule {
    /// Such as `0 3 * * *`.
    cron: String,
    /// Such as `Europe/Berlin`; UTC unless told.
    zone: Option<String>,
}

/// What an expression means.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchedulePreviewView {
    /// As it would be stored.
    cron: String,
    zone: String,
    /// In English.
    spoken: String,
    /// The next ten runs.
    next: Vec<ScheduleComingView>,
}

/// What an expression means, before anything is stored
#[utoipa::path(post, path = "/api/v1/schedules/preview", tag = "schedules", request_body = PreviewSchedule, responses(
    (status = 200, body = Reply<SchedulePreviewView>),
    (status = 400, description = "The expression or the zone cannot be taken", body = ProblemView),
))]
pub(crate) async fn preview(
    schedules: Data<Schedules>,
    _caller: Allow<perm::ScheduleRead>,
    wanted: Json<PreviewSchedule>,
) -> ApiResult {
    let PreviewSchedule { cron, zone } = wanted.into_inner();
    let Preview { expression, zone, spoken, coming } = schedules.preview(&cron, zone.as_deref().unwrap_or("UTC"))?;
    let next = coming.into_iter().map(ScheduleComingView::from).collect();
    Ok(reply::ok(SchedulePreviewView { cron: expression, zone, spoken, next }))
}
