//! The form that makes a schedule, or changes one, and shows when it would run before anything is stored.

use actix_web::web::Path;
use askama::Template;
use aviary_domain::schedules::{NewSchedule, Preview, SHORTEST_S, SchedulePatch};
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{MissedRuns, Overlap, PanelId, Schedule, ScheduleId, ScheduledWork, Target, When};

use super::desk::{Crumb, Desk, Known, Shell};
use super::field::{Errors, Field};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::panels::{MOST_MINUTES, minutes, parse_minutes};
use super::schedules::{missed_words, overlap_words, work_words};
use super::shown;
use super::table::{Choice, Table};
use super::value::Value;
use crate::allow::{Allow, perm};
use crate::page::{PageError, PageResult, html, see_other};

/// Zones that the field offers; any other can be typed.
const ZONES: [&str; 12] = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Paris",
    "Europe/Warsaw",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
];

#[derive(Template)]
#[template(path = "schedules/form.html")]
struct FormView {
    shell: Shell,
    form: Form,
    /// The schedule that is changed; none = one is made.
    edits: Option<Schedule>,
    /// What the one that is changed does.
    what: &'static str,
    panels: Vec<Choice>,
    zones: &'static [&'static str],
    preview: Option<Shown>,
}

/// When it would run.
struct Shown {
    spoken: String,
    table: Option<Table>,
}

/// The fields, with what was typed.
struct Form {
    name: String,
    work: String,
    panel: String,
    targets: Vec<String>,
    /// `cron`, `every` or `panel`.
    how: String,
    cron: String,
    zone: String,
    minutes: String,
    missed: String,
    overlap: String,
    errors: Errors,
}

impl Default for Form {
    fn default() -> Self {
        let word = String::from;
        Self {
            name: String::new(),
            work: word("sync"),
            panel: String::new(),
            targets: Vec::new(),
            how: word("cron"),
            cron: String::new(),
            zone: word("UTC"),
            minutes: String::new(),
            missed: MissedRuns::Once.word().into(),
            overlap: Overlap::Skip.word().into(),
            errors: Errors::default(),
        }
    }
}

impl Form {
    fn sent(sent: &Sent) -> Self {
        let kept = |name: &str| shown::short(sent.field(name), 300);
        Self {
            name: kept("name"),
            work: kept("work"),
            panel: kept("panel"),
            targets: sent.each("targets").map(|word| shown::short(word, 40)).take(Target::ALL.len()).collect(),
            how: kept("how"),
            cron: kept("cron"),
            zone: kept("zone"),
            minutes: kept("minutes"),
            missed: kept("missed"),
            overlap: kept("overlap"),
            errors: Errors::default(),
        }
    }

    fn of(schedule: &Schedule) -> Self {
        let mut form = Self {
            name: schedule.name.clone(),
            work: schedule.work.word().into(),
            missed: schedule.missed.word().into(),
            overlap: schedule.overlap.word().into(),
            ..Self::default()
        };
        if let ScheduledWork::Sync { panel, targets } = &schedule.work {
            form.panel = panel.to_string();
            form.targets = targets.iter().map(|target| target.name().to_owned()).collect();
        }
        match &schedule.when {
            When::Cron { expression, zone } => (form.cron, form.zone) = (expression.clone(), zone.clone()),
            When::Every { seconds } => (form.how, form.minutes) = ("every".into(), minutes(*seconds)),
            When::AsThePanelSays => form.how = "panel".into(),
        }
        form
    }

    /// What is shown of a schedule, as its form carries it: so a form that was loaded before somebody else's change is noticed.
    fn had(schedule: &Schedule) -> String {
        let Self { name, work, panel, targets, how, cron, zone, minutes, missed, overlap, .. } = Self::of(schedule);
        [name, work, panel, targets.join(","), how, cron, zone, minutes, missed, overlap].join(" | ")
    }

    fn has(&self, target: &Target) -> bool {
        self.targets.iter().any(|word| word == target.name())
    }

    fn name_field(&self) -> Field {
        let field = Field::text("name", "Name").helps("What people call it, such as Backup before lunch.");
        field.value(self.name.clone()).checked(&self.errors)
    }

    fn cron_field(&self) -> Field {
        let help = "Minute, hour, day, month, weekday: 30 2 * * MON-FRI is 02:30 on working days, */15 * * * * is every \
                    15 minutes. Also @daily, L for the last day of a month, MON#1 for its first Monday.";
        Field::text("cron", "Expression")
            .only("for times of the clock")
            .helps(help)
            .value(self.cron.clone())
            .checked(&self.errors)
    }

    fn minutes_field(&self) -> Field {
        let help = "Counted from the end of one run to the next.";
        Field::text("minutes", "Minutes between runs")
            .only("for every so many minutes")
            .helps(help)
            .value(self.minutes.clone())
            .checked(&self.errors)
    }

    fn missed_choices(&self) -> Vec<Choice> {
        let choice = |missed: MissedRuns| Choice {
            value: missed.word().into(),
            text: shown::sentence(missed_words(missed)),
            chosen: self.missed == missed.word(),
        };
        vec![choice(MissedRuns::Once), choice(MissedRuns::Skip)]
    }

    fn overlap_choices(&self) -> Vec<Choice> {
        let choice = |overlap: Overlap| Choice {
            value: overlap.word().into(),
            text: shown::sentence(overlap_words(overlap)),
            chosen: self.overlap == overlap.word(),
        };
        vec![choice(Overlap::Skip), choice(Overlap::Queue)]
    }

    /// Takes note of what the service refused.
    fn note(&mut self, error: Error) -> Result<(), PageError> {
        match error {
            Error::Invalid { field, reason } => {
                let field = match field {
                    "every" => "minutes",
                    "name" | "cron" | "zone" | "panel" | "targets" | "missed" | "overlap" => field,
                    _ => "",
                };
                self.errors.put(field, reason);
            }
            Error::Conflict(why) => self.errors.put("", why),
            other => return Err(other.into()),
        }
        Ok(())
    }

    fn work(&mut self) -> Option<ScheduledWork> {
        match self.work.as_str() {
            "backup" => Some(ScheduledWork::Backup),
            "sync" => {
                let Ok(panel) = self.panel.parse::<u32>() else {
                    self.errors.put("panel", "choose the panel to sync");
                    return None;
                };
                let known = |word: &String| Target::ALL.into_iter().find(|target| target.name() == word);
                Some(ScheduledWork::Sync {
                    panel: PanelId(panel),
                    targets: self.targets.iter().filter_map(known).collect(),
                })
            }
            _ => {
                self.errors.put("", "choose what it is to do");
                None
            }
        }
    }

    /// `held` is what it goes by so far.
    fn when(&mut self, held: Option<&When>) -> Option<When> {
        match self.how.as_str() {
            "panel" => Some(When::AsThePanelSays),
            "every" => {
                // An interval that is no whole number of minutes comes back as it was shown.
                if let Some(When::Every { seconds }) = held
                    && minutes(*seconds) == self.minutes.trim()
                {
                    return held.cloned();
                }
                let seconds = parse_minutes(&self.minutes).filter(|seconds| *seconds >= SHORTEST_S);
                if seconds.is_none() {
                    self.errors.put("minutes", format!("give whole minutes from 1 to {MOST_MINUTES}"));
                }
                seconds.map(|seconds| When::Every { seconds })
            }
            _ if self.cron.trim().is_empty() => {
                self.errors.put("cron", "say when it is to run, such as 0 3 * * * for every day at 03:00");
                None
            }
            _ => Some(When::Cron { expression: self.cron.clone(), zone: self.zone.clone() }),
        }
    }

    fn policies(&mut self) -> Option<(MissedRuns, Overlap)> {
        match (self.missed.parse(), self.overlap.parse()) {
            (Ok(missed), Ok(overlap)) => Some((missed, overlap)),
            _ => {
                self.errors.put("", "choose what becomes of missed times, and of times while it is at work");
                None
            }
        }
    }

    fn read_new(&mut self) -> Option<NewSchedule> {
        let (work, when, policies) = (self.work(), self.when(None), self.policies());
        let (missed, overlap) = policies?;
        Some(NewSchedule { name: self.name.clone(), work: work?, when: when?, missed, overlap })
    }

    fn read_patch(&mut self, held: &Schedule) -> Option<SchedulePatch> {
        let own = (!held.is_built_in).then(|| self.work());
        let (when, policies) = (self.when(Some(&held.when)), self.policies());
        let (missed, overlap) = policies?;
        let (name, work) = match own {
            Some(work) => (Some(self.name.clone()), Some(work?)),
            None => (None, None),
        };
        Some(SchedulePatch { name, work, when: Some(when?), missed: Some(missed), overlap: Some(overlap) })
    }

    /// When it would run, or what is wrong with that.
    fn preview(&mut self, desk: &Desk, known: &Known, held: Option<&When>) -> Result<Option<Shown>, PageError> {
        match self.when(held) {
            Some(When::Cron { expression, zone }) => match desk.schedules.preview(&expression, &zone) {
                Ok(preview) => Ok(Some(Shown::of(known, preview))),
                Err(error) => self.note(error).map(|()| None),
            },
            Some(When::Every { seconds }) => {
                let spoken =
                    format!("Every {}, counted from the end of one run to the next.", shown::span_s(seconds.into()));
                Ok(Some(Shown { spoken, table: None }))
            }
            Some(When::AsThePanelSays) => Ok(Some(Shown {
                spoken: "As often as its panel says, or the setting for all panels.".into(),
                table: None,
            })),
            None => Ok(None),
        }
    }
}

impl Shown {
    fn of(known: &Known, preview: Preview) -> Self {
        let rows = preview.coming.into_iter().map(|run| {
            let local = run.wall.map_or(Value::Nothing, |wall| Value::Text(wall.spoken));
            vec![local, Value::Text(known.exact(run.at)), Value::When(known.due(run.at))]
        });
        let table = Table::plain("The next ten runs", &["In its zone", "In yours", "From now"], rows.collect());
        Self { spoken: shown::sentence(&preview.spoken), table: Some(table) }
    }
}

/// The empty form.
pub(super) async fn new(_may: Allow<perm::ScheduleWrite>, desk: Desk) -> PageResult {
    show(desk, Form::default(), None, false).await
}

/// The form with what a schedule has.
pub(super) async fn edit(_may: Allow<perm::ScheduleWrite>, desk: Desk, id: Path<ScheduleId>) -> PageResult {
    let held = desk.schedules.get(*id).await?.schedule;
    show(desk, Form::of(&held), Some(held), false).await
}

async fn show(desk: Desk, mut form: Form, edits: Option<Schedule>, with_preview: bool) -> PageResult {
    let known = desk.known().await?;
    let mut crumbs = vec![Crumb::to("Schedules", "/admin/schedules")];
    match &edits {
        Some(held) => {
            crumbs.push(Crumb::to(shown::name(&held.name), format!("/admin/schedules/{}", held.id)));
            crumbs.push(Crumb::here("Change"));
        }
        None => crumbs.push(Crumb::here("Make a schedule")),
    }
    let held = edits.as_ref().map(|held| &held.when);
    let preview = if with_preview { form.preview(&desk, &known, held)? } else { None };
    let choice = |panel: &aviary_kernel::model::Panel| {
        let value = panel.id.to_string();
        Choice { chosen: form.panel == value, value, text: shown::name(&panel.name) }
    };
    let panels = known.panels.iter().map(choice).collect();
    let shell = desk.shell(&known, Spot::Schedules, crumbs);
    let what = edits.as_ref().map_or("", |held| work_words(&held.work));
    html(&FormView { shell, form, edits, what, panels, zones: &ZONES, preview })
}

fn asks_for_preview(sent: &Sent) -> bool {
    sent.field("act") == "preview"
}

/// Takes the form and makes a schedule, or shows when it would run.
pub(super) async fn make(_may: Allow<perm::ScheduleWrite>, desk: Desk, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let mut form = Form::sent(&sent);
    if asks_for_preview(&sent) {
        return show(desk, form, None, true).await;
    }
    if let Some(new) = form.read_new() {
        match desk.schedules.make(&desk.who(), new).await {
            Ok(made) => return Ok(see_other(&format!("/admin/schedules/{}?done=schedule-made", made.schedule.id))),
            Err(error) => form.note(error)?,
        }
    }
    show(desk, form, None, false).await
}

/// Takes the form and changes a schedule, or shows when it would run.
pub(super) async fn save(_may: Allow<perm::ScheduleWrite>, desk: Desk, id: Path<ScheduleId>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let held = desk.schedules.get(*id).await?.schedule;
    let mut form = Form::sent(&sent);
    if held.is_built_in {
        // Not for the form to say.
        let Form { name, work, panel, targets, .. } = Form::of(&held);
        (form.name, form.work, form.panel, form.targets) = (name, work, panel, targets);
    }
    if asks_for_preview(&sent) {
        return show(desk, form, Some(held), true).await;
    }
    if sent.iter().any(|(name, _)| name == "had") && sent.field("had") != Form::had(&held) {
        let mut form = Form::of(&held);
        form.errors
            .put("", "somebody changed this since you opened the page. Look at what is there now, and change it again");
        return show(desk, form, Some(held), false).await;
    }
    if let Some(patch) = form.read_patch(&held) {
        match desk.schedules.change(&desk.who(), *id, patch).await {
            Ok(_) => return Ok(see_other(&format!("/admin/schedules/{}?done=schedule-changed", *id))),
            Err(error) => form.note(error)?,
        }
    }
    show(desk, form, Some(held), false).await
}
