//! Schedules: the list, one of them with what comes and what was, and what can be done about it.

use actix_web::web::Path;
use askama::Template;
use aviary_domain::schedules::ShownSchedule;
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{
    JobState, MissedRuns, Overlap, RunOutcome, Schedule, ScheduleId, ScheduleRun, ScheduledWork, When,
};

use super::ask::{Ask, Question};
use super::card::{Body, Card, Fact, fact};
use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::table::{Empty, ListView, Pager, Table};
use super::value::{Pill, Value};
use super::{on_record, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageError, PageResult, html, see_other};

/// The list.
pub(super) async fn list(_may: Allow<perm::ScheduleRead>, desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let all = desk.schedules.list().await?;
    let mut table = Table::plain(
        "Schedules, the next to be due first",
        &["Name", "What it does", "When", "Next run", "Last run"],
        all.iter().map(|one| row(&known, one)).collect(),
    );
    for column in table.columns.iter_mut().take(3) {
        column.class = "wrap";
    }
    let acts = [Act::link("Make a schedule", "plus", "/admin/schedules/new").class("main")];
    let view = ListView {
        head: Head {
            title: "Schedules".into(),
            truth: truth(&known, &all),
            acts: known.offered(acts),
            ..Head::default()
        },
        filters: None,
        table,
        pager: Pager::new(format!("All {}", all.len()), None, None),
        empty: all.is_empty().then(|| Empty {
            icon: "clock",
            title: "Nothing runs by itself yet".into(),
            text: "The entries that come with Aviary are made when it starts to work; look again in a moment.".into(),
            acts: known.ways(vec![("Make a schedule", "/admin/schedules/new".into())]),
        }),
        shell: desk.shell(&known, Spot::Schedules, vec![Crumb::here("Schedules")]),
    };
    html(&view)
}

fn truth(known: &Known, all: &[ShownSchedule]) -> Vec<Value> {
    let next = all.iter().find_map(|one| one.schedule.next_at.map(|at| (one, at)));
    let mut truth: Vec<_> = next
        .map(|(one, at)| {
            let name = shown::name(&one.schedule.name);
            Value::Many(vec![Value::Said(format!("Next: {name}")), Value::When(known.due(at))])
        })
        .into_iter()
        .collect();
    let count = |is: fn(&ShownSchedule) -> bool| all.iter().filter(|one| is(one)).count() as u64;
    let (red, held, busy) =
        (count(ShownSchedule::is_in_trouble), count(|one| one.schedule.is_paused), count(|one| one.at_work.is_some()));
    if busy > 0 {
        truth.push(Value::Text(format!("{} at work", shown::grouped(busy))));
    }
    if held > 0 {
        truth.push(Value::Text(format!("{} held back", shown::grouped(held))));
    }
    if red > 0 {
        truth.push(Value::pill(
            "bad",
            format!("{} want{} a look", shown::grouped(red), if red == 1 { "s" } else { "" }),
        ));
    }
    truth
}

fn row(known: &Known, one: &ShownSchedule) -> Vec<Value> {
    let schedule = &one.schedule;
    let name = known.name(shown::name(&schedule.name), href(schedule.id, ""));
    let name = match &schedule.trouble {
        Some(trouble) => Value::Lines(vec![
            Value::Many(vec![name, Value::pill("bad", "wants a look")]),
            Value::Muted(shown::short(trouble, 160)),
        ]),
        None => name,
    };
    vec![name, what(known, one), Value::Text(shown::short(&one.spoken, 200)), next(known, one), last(known, schedule)]
}

fn href(id: ScheduleId, act: &str) -> String {
    format!("/admin/schedules/{id}{act}")
}

/// What it does, in words.
pub(super) fn work_words(work: &ScheduledWork) -> &'static str {
    match work {
        ScheduledWork::Sync { .. } => "Sync",
        ScheduledWork::Backup => "Backup",
        ScheduledWork::Check => "Check of the data file",
        ScheduledWork::CleanUp => "Forget what is old",
        ScheduledWork::EndSessions => "End old sessions and links",
        ScheduledWork::WatchExpiry => "Warn of what expires",
    }
}

fn what(known: &Known, one: &ShownSchedule) -> Value {
    let words = Value::Text(work_words(&one.schedule.work).into());
    match &one.schedule.work {
        ScheduledWork::Sync { panel, targets } => {
            let mut parts = vec![words, Value::Text("of".into()), known.panel_link(*panel)];
            if !targets.is_empty() {
                let targets: Vec<_> = targets.iter().map(|target| target.name().to_owned()).collect();
                parts.push(Value::Muted(format!("only {}", shown::listed(&targets))));
            }
            Value::Many(parts)
        }
        _ => words,
    }
}

fn next(known: &Known, one: &ShownSchedule) -> Value {
    match one.schedule.next_at {
        _ if one.schedule.is_paused => Value::pill("warn", "held back"),
        Some(at) => Value::When(known.due(at)),
        None if one.at_work.is_some() => Value::Muted("after this run".into()),
        // Just after a run the next one is not planned yet, but known.
        None => match one.coming.first() {
            Some(coming) => Value::When(known.due(coming.at)),
            None => Value::Muted("by hand only".into()),
        },
    }
}

fn last(known: &Known, schedule: &Schedule) -> Value {
    match schedule.runs.first() {
        Some(run) => {
            let at = run.finished_at.unwrap_or(run.due_at);
            Value::Many(vec![Value::Pill(pill(run)), Value::When(known.when(at))])
        }
        None => Value::Muted("none yet".into()),
    }
}

/// What came of a run, as a state.
fn pill(run: &ScheduleRun) -> Pill {
    let tone = match &run.outcome {
        RunOutcome::Begun(_) => "live",
        RunOutcome::Waiting => "info",
        RunOutcome::Over(_, JobState::Completed) => "fine",
        RunOutcome::Over(_, JobState::Failed | JobState::Dead) | RunOutcome::Missed => "bad",
        RunOutcome::Over(..) => "",
        RunOutcome::Skipped => "warn",
    };
    let text = match &run.outcome {
        RunOutcome::Begun(_) => "at work",
        RunOutcome::Over(_, JobState::Completed) => "done",
        RunOutcome::Skipped => "left out",
        other => other.word(),
    };
    Pill::new(tone, text)
}

#[derive(Template)]
#[template(path = "schedules/one.html")]
struct ScheduleView {
    shell: Shell,
    head: Head,
    id: ScheduleId,
    trouble: Option<String>,
    /// Why what was asked for was not done.
    refused: Option<String>,
    facts: Vec<Fact>,
    coming: Card,
    runs: Card,
    may_remove: bool,
    may_reset: bool,
    on_record: Option<Card>,
}

/// One schedule.
pub(super) async fn one(_may: Allow<perm::ScheduleRead>, desk: Desk, id: Path<ScheduleId>) -> PageResult {
    show(desk, *id, None).await
}

async fn show(desk: Desk, id: ScheduleId, refused: Option<String>) -> PageResult {
    let known = desk.known().await?;
    let one = desk.schedules.get(id).await?;
    let schedule = &one.schedule;
    let crumbs = vec![Crumb::to("Schedules", "/admin/schedules"), Crumb::here(shown::name(&schedule.name))];
    html(&ScheduleView {
        head: Head {
            title: shown::name(&schedule.name),
            pills: pills(&one),
            truth: vec![Value::Text(super::sentence(&one.spoken))],
            acts: known.offered(acts(&one)),
        },
        id,
        trouble: schedule.trouble.as_deref().map(super::sentence),
        refused,
        facts: facts(&known, &one),
        coming: coming(&known, &one),
        runs: runs(&known, &one),
        may_remove: !schedule.is_built_in && known.takes(&href(id, "/remove")),
        may_reset: one.is_changed && known.takes(&href(id, "/reset")),
        on_record: on_record::card(&desk, &known, "schedule", &id.to_string()).await?,
        shell: desk.shell(&known, Spot::Schedules, crumbs),
    })
}

fn pills(one: &ShownSchedule) -> Vec<Pill> {
    let mut pills = Vec::new();
    if one.at_work.is_some() {
        pills.push(Pill::new("live", "at work"));
    }
    if one.schedule.is_paused {
        pills.push(Pill::new("warn", "held back"));
    }
    if one.schedule.is_built_in {
        pills.push(Pill::new("", "comes with the program"));
    }
    pills
}

fn acts(one: &ShownSchedule) -> Vec<Act> {
    let id = one.schedule.id;
    let mut acts = Vec::new();
    if one.at_work.is_none() {
        acts.push(Act::post("Run now", "sync", href(id, "/run")).class("main"));
    }
    acts.push(match one.schedule.is_paused {
        true => Act::post("Let it go on", "next", href(id, "/resume")),
        false => Act::post("Hold it back", "close", href(id, "/pause")),
    });
    acts.push(Act::link("Change", "settings", href(id, "/edit")));
    acts
}

fn facts(known: &Known, one: &ShownSchedule) -> Vec<Fact> {
    let schedule = &one.schedule;
    let mut facts = vec![fact("What it does", what(known, one)), fact("Next run", next(known, one))];
    if let When::Cron { expression, zone } = &schedule.when {
        facts.push(fact("Expression", Value::code(expression)));
        facts.push(fact("Time zone", Value::code(zone)));
    }
    facts.push(fact("Missed times", Value::Text(missed_words(schedule.missed).into())));
    facts.push(fact("Due while at work", Value::Text(overlap_words(schedule.overlap).into())));
    if let Some(job) = one.at_work {
        facts.push(fact("At work", job_link(known, job)));
    }
    if !schedule.is_built_in {
        facts.push(fact("Made by", Value::Said(shown::name(&schedule.made_by))));
    }
    facts.push(fact("Made", Value::When(known.when(schedule.created_at))));
    facts
}

/// What becomes of missed times, in words.
pub(super) fn missed_words(missed: MissedRuns) -> &'static str {
    match missed {
        MissedRuns::Once => "one run makes up for all of them",
        MissedRuns::Skip => "are left out",
    }
}

/// What happens when it is due while at work, in words.
pub(super) fn overlap_words(overlap: Overlap) -> &'static str {
    match overlap {
        Overlap::Skip => "that time is left out",
        Overlap::Queue => "one run waits",
    }
}

fn job_link(known: &Known, job: aviary_kernel::model::JobId) -> Value {
    known.link("Job", format!("/admin/jobs/{job}"))
}

fn coming(known: &Known, one: &ShownSchedule) -> Card {
    let title = "The next ten runs";
    if one.coming.is_empty() {
        let why = match () {
            () if one.schedule.is_paused => "None, since it is held back.",
            () if one.at_work.is_some() => "The next one counts from the end of the run at work.",
            () => "None: it runs only by hand.",
        };
        return Card::new(title, "c7", Body::Hint(why.into()));
    }
    let is_in_zone = one.coming.iter().any(|run| run.wall.is_some());
    let rows = one.coming.iter().map(|run| {
        let yours = Value::Text(known.exact(run.at));
        let from_now = Value::When(known.due(run.at));
        match &run.wall {
            Some(wall) => vec![Value::Text(wall.spoken.clone()), yours, from_now],
            None => vec![yours, from_now],
        }
    });
    let titles: &[&'static str] =
        if is_in_zone { &["In its zone", "In yours", "From now"] } else { &["At the earliest", "From now"] };
    Card::new(title, "c7", Body::Table(Table::plain(title, titles, rows.collect())))
}

fn runs(known: &Known, one: &ShownSchedule) -> Card {
    let title = "Runs, newest first";
    if one.schedule.runs.is_empty() {
        return Card::new(title, "c12", Body::Hint("It did not run yet. “Run now” does not wait for its time.".into()));
    }
    let is_sync = matches!(one.schedule.work, ScheduledWork::Sync { .. });
    let rows = one.schedule.runs.iter().map(|run| {
        let mut details = Vec::new();
        if let Some(job) = run.outcome.job() {
            details.push(job_link(known, job));
            if let Some(sync) = one.syncs.get(&job) {
                details.push(known.link("Sync", format!("/admin/syncs/{sync}")));
            }
        }
        vec![
            Value::When(known.when(run.due_at)),
            Value::Pill(pill(run)),
            run.finished_at.map_or(Value::Nothing, |at| Value::When(known.when(at))),
            Value::maybe(run.note.as_deref()),
            if details.is_empty() { Value::Nothing } else { Value::Many(details) },
        ]
    });
    let last = if is_sync { "Job and sync" } else { "Job" };
    let mut table = Table::plain(title, &["Due", "Outcome", "Over", "What came of it", last], rows.collect());
    table.columns[3].class = "wrap";
    Card::new(title, "c12", Body::Table(table))
}

/// Goes back to the page of a schedule, with a word on what was done, or with why it was not.
async fn after<T>(desk: Desk, id: ScheduleId, done: Result<T>, word: &str) -> PageResult {
    match done {
        Ok(_) => Ok(see_other(&format!("/admin/schedules/{id}?done={word}"))),
        Err(Error::Conflict(why)) => show(desk, id, Some(super::sentence(&why))).await,
        Err(error) => Err(PageError::from(error)),
    }
}

/// Runs it now.
pub(super) async fn run(_may: Allow<perm::ScheduleRun>, desk: Desk, id: Path<ScheduleId>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let done = desk.schedules.run_now(&desk.who(), *id).await;
    after(desk, *id, done, "schedule-run").await
}

/// Holds it back.
pub(super) async fn pause(
    _may: Allow<perm::ScheduleWrite>,
    desk: Desk,
    id: Path<ScheduleId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let done = desk.schedules.pause(&desk.who(), *id).await;
    after(desk, *id, done, "schedule-paused").await
}

/// Lets it go on.
pub(super) async fn resume(
    _may: Allow<perm::ScheduleWrite>,
    desk: Desk,
    id: Path<ScheduleId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let done = desk.schedules.resume(&desk.who(), *id).await;
    after(desk, *id, done, "schedule-resumed").await
}

/// Gives it its times and rules back.
pub(super) async fn reset(
    _may: Allow<perm::ScheduleWrite>,
    desk: Desk,
    id: Path<ScheduleId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let done = desk.schedules.reset(&desk.who(), *id).await;
    after(desk, *id, done, "schedule-reset").await
}

/// Asks whether it shall go.
pub(super) async fn ask_remove(_may: Allow<perm::ScheduleWrite>, desk: Desk, id: Path<ScheduleId>) -> PageResult {
    let known = desk.known().await?;
    let one = desk.schedules.get(*id).await?;
    let schedule = &one.schedule;
    let name = shown::name(&schedule.name);
    let goes = vec![
        fact("The schedule", Value::Said(name.clone())),
        fact("What it does", what(&known, &one)),
        fact("When", Value::Text(shown::short(&one.spoken, 200))),
        fact("Next run", next(&known, &one)),
        fact("Runs on record", Value::number(schedule.runs.len() as u64)),
    ];
    let stays = vec![
        fact("Jobs", Value::Text("of its runs, in the list of jobs".into())),
        fact("What is at work", Value::Text("goes on to its end".into())),
    ];
    let built_in =
        schedule.is_built_in.then(|| "This schedule comes with the program; hold it back instead.".to_owned());
    let ask = Ask::new(href(*id, "/remove"), format!("Remove {name}"))
        .line("It does not run any more. That cannot be undone; to stop it for a while, hold it back instead.")
        .keep("Keep it", href(*id, ""))
        .shut(built_in.is_some());
    let crumbs =
        vec![Crumb::to("Schedules", "/admin/schedules"), Crumb::to(name.clone(), href(*id, "")), Crumb::here("Remove")];
    Question::new(format!("Remove the schedule {name}?"), goes, stays).noting("warn", built_in).ask(ask).show(
        desk,
        &known,
        Spot::Schedules,
        crumbs,
    )
}

/// Removes it.
pub(super) async fn remove(
    _may: Allow<perm::ScheduleWrite>,
    desk: Desk,
    id: Path<ScheduleId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    match desk.schedules.remove(&desk.who(), *id).await {
        Ok(_) => Ok(see_other("/admin/schedules?done=schedule-removed")),
        refused => after(desk, *id, refused, "").await,
    }
}
