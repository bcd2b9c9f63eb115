//! One job, as it goes on.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::jobs::{Bulk, ShownJob};
use aviary_domain::queue::Progress;
use aviary_domain::webhooks::Webhooks;
use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{Job, JobFault, JobId, JobState, Permission};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{does, looks, pill, took};
use crate::admin::ask::{Ask, Question};
use crate::admin::card::{Body, Card, Fact, fact};
use crate::admin::desk::{Act, Crumb, Desk, Head, Known, Shell};
use crate::admin::form::{Fields, Sent};
use crate::admin::nav::Spot;
use crate::admin::shown::{self, When};
use crate::admin::timeline::{Entry, Timeline};
use crate::admin::value::{Pill, Value};
use crate::admin::{on_record, sentence};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

#[derive(Template)]
#[template(path = "jobs/one.html")]
struct JobView {
    shell: Shell,
    head: Head,
    id: JobId,
    part: JobPart,
    cards: Vec<Card>,
    moves: bool,
}

/// What moves while a job goes on.
#[derive(Template)]
#[template(path = "jobs/_part.html")]
struct JobPart {
    pill: Pill,
    /// Where it stands, in a sentence.
    message: String,
    when: Option<When>,
    bar: Option<Bar>,
    numbers: Vec<(&'static str, Value)>,
    /// What began when and how it ended, newest first.
    course: Timeline,
    /// What the reader can do: the button and what it does.
    can: Vec<(&'static str, &'static str)>,
    /// For those who listen: said when it changes.
    said: String,
    over: bool,
}

impl HtmlSafe for JobPart {}

/// How far it is.
struct Bar {
    step: String,
    /// `1,204 of 3,000`; empty where percents say it all.
    done: String,
    /// None = not known.
    percent: Option<u64>,
}

/// What is left of a job of which nothing is kept.
#[derive(Template)]
#[template(path = "jobs/_gone.html")]
struct GonePart;

/// The page.
pub(in crate::admin) async fn page(
    _may: Allow<perm::JobRead>,
    mut desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<JobId>,
) -> PageResult {
    let known = desk.known().await?;
    let shown = desk.jobs.get(*id).await?;
    let job = &shown.job;
    let moves = !job.state.is_over();
    if !moves {
        desk.drop_passing_notices();
    }
    let arguments = Card::new("What with", "c6", Body::Block(shown::visible(&pretty(&job.args))));
    let ways = ways(&desk, &known, &webhooks, job).await?;
    let mut cards = vec![Card::new("About", "c6", Body::Facts(about(&known, job, ways))), arguments];
    cards.extend(on_record::card(&desk, &known, "job", &id.to_string()).await?);
    let view = JobView {
        head: Head {
            title: does(job.kind).into(),
            truth: truth(&known, job),
            acts: acts(&known, job),
            ..Head::default()
        },
        id: *id,
        part: JobPart::new(&known, &shown),
        cards,
        moves,
        shell: desk.shell(&known, Spot::Jobs, vec![Crumb::to("Jobs", "/admin/jobs"), Crumb::here("Job")]),
    };
    html(&view)
}

/// The moving part of the page.
pub(in crate::admin) async fn part(
    _may: Allow<perm::JobRead>,
    desk: Desk,
    id: Path<JobId>,
) -> PageResult<HttpResponse> {
    let known = desk.known().await?;
    match desk.jobs.find(*id).await? {
        Some(shown) => html(&JobPart::new(&known, &shown)),
        None => html(&GonePart),
    }
}

/// Lets it try again.
pub(in crate::admin) async fn retry(
    _may: Allow<perm::JobWrite>,
    desk: Desk,
    id: Path<JobId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    desk.jobs.retry(&desk.visitor.who, *id).await?;
    Ok(see_other(&format!("/admin/jobs/{id}?done=job-retried")))
}

/// Takes it back, or tells it to stop.
pub(in crate::admin) async fn cancel(
    _may: Allow<perm::JobWrite>,
    desk: Desk,
    id: Path<JobId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    Ok(match desk.jobs.cancel(&desk.visitor.who, *id).await {
        Ok(_) => see_other(&format!("/admin/jobs/{id}?done=job-cancelled")),
        // It came to its end in the meantime; its page says so.
        Err(Error::Conflict(_)) => see_other(&format!("/admin/jobs/{id}")),
        Err(error) => return Err(error.into()),
    })
}

/// Asks whether it shall be taken off the list.
pub(in crate::admin) async fn ask_remove(
    _may: Allow<perm::JobWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<JobId>,
) -> PageResult {
    let known = desk.known().await?;
    let here = format!("/admin/jobs/{id}");
    let job = desk.jobs.get(*id).await?.job;
    let mut goes = about(&known, &job, ways(&desk, &known, &webhooks, &job).await?);
    goes.insert(1, fact("It is", Value::Pill(pill(job.state))));
    goes.push(fact("Tries on record", Value::number(job.attempts.into())));
    let stays = vec![
        fact("What it did", Value::Text("stays done".into())),
        fact("Audit trail", Value::Text("of what people did to it, and that you removed it".into())),
    ];
    let goes_on = (!job.state.is_over()).then(|| "It is not over. Cancel it first, then it can be removed.".to_owned());
    let ask = Ask::new(format!("{here}/remove"), "Remove the job")
        .line("It goes from the list, with its tries and why they failed. That cannot be undone.")
        .keep("Keep it", here.clone())
        .shut(goes_on.is_some());
    let crumbs = vec![Crumb::to("Jobs", "/admin/jobs"), Crumb::to("Job", here), Crumb::here("Remove")];
    Question::new(format!("Remove the job “{}”?", does(job.kind)), goes, stays).noting("warn", goes_on).ask(ask).show(
        desk,
        &known,
        Spot::Jobs,
        crumbs,
    )
}

/// Takes it off the list.
pub(in crate::admin) async fn remove(
    _may: Allow<perm::JobWrite>,
    desk: Desk,
    id: Path<JobId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    desk.jobs.remove(&desk.visitor.who, *id).await?;
    let known = desk.known().await?;
    Ok(see_other(if known.opens("/admin/jobs") { "/admin/jobs?done=job-removed" } else { "/admin" }))
}

/// What can be done with it.
fn possible(state: JobState) -> impl Iterator<Item = Bulk> {
    Bulk::ALL.into_iter().filter(move |act| act.states().contains(&state))
}

fn acts(known: &Known, job: &Job) -> Vec<Act> {
    let act = |act| {
        let (verb, icon, class) = looks(act);
        let to = format!("/admin/jobs/{}/{}", job.id, act.word());
        let act = if act == Bulk::Remove { Act::link(verb, icon, to) } else { Act::post(verb, icon, to) };
        act.class(class)
    };
    known.offered(possible(job.state).map(act))
}

/// What a button does.
fn explained(act: Bulk, state: JobState) -> (&'static str, &'static str) {
    let text = match act {
        Bulk::Retry => "It begins anew at once, with all of its tries.",
        Bulk::Cancel if state == JobState::Running => {
            "It is told to stop, and broken off after 30 seconds when it does not. What it did until then stays done."
        }
        Bulk::Cancel => "It is taken back and does not run. It can be retried later.",
        Bulk::Remove => {
            "It goes from this list, with its tries. What it did stays done, and what people did to it stays on record."
        }
    };
    (looks(act).0, text)
}

fn truth(known: &Known, job: &Job) -> Vec<Value> {
    vec![
        Value::Code(job.kind.name().into()),
        Value::Text(format!("queue {}", job.queue().name())),
        Value::Many(vec![
            Value::Text("asked for".into()),
            Value::When(known.when(job.created_at)),
            Value::Said(format!("by {}", shown::short(&job.by, 40))),
        ]),
    ]
}

impl JobPart {
    fn new(known: &Known, shown: &ShownJob) -> Self {
        let job = &shown.job;
        let (message, when) = message(known, job);
        let can = possible(job.state).map(|act| explained(act, job.state));
        Self {
            pill: pill(job.state),
            said: format!("The job: {}. {message}", pill(job.state).text),
            message,
            when,
            bar: (job.state == JobState::Running).then(|| Bar::new(shown.progress.as_ref())),
            numbers: numbers(known, job),
            course: course(known, job),
            can: if known.may(Permission::JobWrite) { can.collect() } else { Vec::new() },
            over: job.state.is_over(),
        }
    }
}

/// Where it stands, and the time that this is about.
fn message(known: &Known, job: &Job) -> (String, Option<When>) {
    let due = Some(known.due(job.due_at));
    let note = || job.note.as_deref().map(|note| sentence(&shown::visible(note)));
    let with_note = |text: &str| note().map_or_else(|| text.to_owned(), |note| format!("{text} {note}"));
    match job.state {
        JobState::Pending => (with_note("Waits for a free place."), None),
        JobState::Scheduled if job.due_at <= known.now => (with_note("Begins any moment."), None),
        JobState::Scheduled => (with_note("Begins"), due),
        JobState::Running => ("At work.".into(), None),
        JobState::Retrying => {
            let failed = format!("Try {} of {} failed. The next one comes", job.attempts.max(1), job.max_attempts);
            if job.due_at <= known.now { (failed + " any moment.", None) } else { (failed, due) }
        }
        JobState::Completed => (note().unwrap_or_else(|| "Done.".into()), None),
        JobState::Failed => (with_note("Given up, since another try would end the same."), None),
        JobState::Cancelled => ("Taken back by a person.".into(), None),
        JobState::Dead => (with_note("Every try failed, and nothing more happens by itself."), None),
    }
}

impl Bar {
    fn new(progress: Option<&Progress>) -> Self {
        let Some(Progress { step, done, of }) = progress else {
            return Self { step: String::new(), done: String::new(), percent: None };
        };
        let done_of = match of {
            Some(100) => String::new(),
            Some(of) => format!("{} of {}", shown::grouped(*done), shown::grouped(*of)),
            None if *done > 0 => format!("{} done", shown::grouped(*done)),
            None => String::new(),
        };
        Self {
            step: sentence(&shown::visible(step)),
            done: done_of,
            percent: of.and_then(|of| shown::percent((*done).min(of), of)),
        }
    }
}

fn numbers(known: &Known, job: &Job) -> Vec<(&'static str, Value)> {
    let mut numbers = vec![("Tries", Value::Text(format!("{} of {}", job.attempts, job.max_attempts)))];
    if let Some(at) = job.started_at {
        let label = if job.state == JobState::Running { "Began" } else { "Last try" };
        numbers.push((label, Value::When(known.when(at))));
    }
    if let Some(at) = job.finished_at {
        numbers.push(("Over", Value::When(known.when(at))));
    }
    numbers.extend(took(job).map(|took| ("Took", Value::Text(took))));
    if job.again {
        numbers.push(("Afterwards", Value::Text("once more".into())));
    }
    numbers
}

/// What began when, how it ended and when the next try came or comes, newest first.
fn course(known: &Known, job: &Job) -> Timeline {
    let mut entries: Vec<_> = stands(known, job).into_iter().collect();
    for (at, fault) in job.faults.iter().enumerate().rev() {
        let next = job.faults.get(at + 1).map(began).or_else(|| last_try(job).filter(|began| *began > fault.at));
        let mut entry = Entry::plain("bad", format!("Try {} failed", fault.attempt), known.when(began(fault)))
            .beside(Value::Text(format!("took {}", shown::span_ms(fault.took_ms))))
            .text(Value::long(&sentence(&fault.what), 300));
        if let Some(next) = next {
            let pause = shown::span_ms(u64::try_from(next.since(fault.at).as_millis()).unwrap_or(u64::MAX));
            entry = entry.beside(Value::Text(format!("the next one came {pause} later")));
        }
        entries.push(entry);
    }
    let asked = Entry::plain("", "Asked for", known.when(job.created_at))
        .beside(Value::Said(format!("by {}", shown::short(&job.by, 40))));
    let is_cut = job.faults.len() == Job::FAULTS;
    let cut = format!("Of the tries that failed the last {} are kept.", Job::FAULTS);
    entries.push(if is_cut { asked.text(Value::Muted(cut)) } else { asked });
    Timeline::new(entries, "Nothing is known of its tries.")
}

/// When a try that failed began.
fn began(fault: &JobFault) -> Timestamp {
    fault.at.minus(Duration::from_millis(fault.took_ms))
}

/// When the try began that is no failure so far, if there is one.
fn last_try(job: &Job) -> Option<Timestamp> {
    job.started_at.filter(|_| matches!(job.state, JobState::Running | JobState::Completed | JobState::Cancelled))
}

/// Where it stands now: the newest entry. A last try that failed says so itself.
fn stands(known: &Known, job: &Job) -> Option<Entry> {
    let try_n = job.attempts.max(1);
    let note = |entry: Entry| match &job.note {
        Some(note) => entry.text(Value::long(&sentence(&shown::visible(note)), 300)),
        None => entry,
    };
    let over = |tone, verb: &'static str| job.finished_at.map(|at| Entry::plain(tone, verb, known.when(at)));
    match job.state {
        JobState::Pending => Some(Entry::plain("info", "Waits for a free place", known.due(job.due_at))),
        JobState::Scheduled => Some(Entry::plain("info", "Begins", known.due(job.due_at))),
        JobState::Retrying => {
            Some(Entry::plain("info", format!("Try {} comes", job.attempts + 1), known.due(job.due_at)))
        }
        JobState::Running => {
            let at = job.started_at?;
            Some(
                Entry::plain("info", format!("Try {try_n} began"), known.when(at))
                    .beside(Value::Text("at work".into())),
            )
        }
        JobState::Completed => {
            let done = Entry::plain("good", format!("Try {try_n} is done"), known.when(job.started_at?));
            Some(note(match took(job) {
                Some(took) => done.beside(Value::Text(format!("took {took}"))),
                None => done,
            }))
        }
        JobState::Cancelled => over("", "Taken back"),
        JobState::Failed => over("bad", "Given up").map(note),
        JobState::Dead => over("bad", "Given up").map(|entry| entry.text(Value::Text("Every try failed.".into()))),
    }
}

fn about(known: &Known, job: &Job, ways: Vec<Fact>) -> Vec<Fact> {
    let mut facts = vec![
        fact("It", Value::Text(job.kind.does().into())),
        fact("Asked by", Value::Said(shown::short(&job.by, 80))),
        fact("Asked for", Value::When(known.when(job.created_at))),
    ];
    if job.state.is_waiting() {
        facts.push(fact("Due", Value::When(known.due(job.due_at))));
    }
    facts.extend(ways);
    if let Some(name) = &job.unique {
        facts.push(fact("Never beside another", Value::code(name)));
    }
    facts.push(fact("Id", Value::Code(job.id.to_string())));
    facts
}

/// What it is about, by name. What is gone is named by its id.
async fn ways(desk: &Desk, known: &Known, webhooks: &Webhooks, job: &Job) -> Result<Vec<Fact>> {
    let args: Json = serde_json::from_str(&job.args).unwrap_or_default();
    let uuid = |name: &str| args[name].as_str().and_then(|text| text.parse::<Uuid>().ok());
    let mut facts = Vec::new();
    if let Some(id) = uuid("sync") {
        let panel = desk.syncs.get(id).await.map(|run| run.panel);
        let name = panel.as_ref().map_or_else(|_| id.to_string(), |panel| format!("of {}", known.panel_name(*panel)));
        facts.extend(panel.ok().map(|panel| fact("Panel", known.panel_link(panel))));
        facts.push(fact("Sync", known.link(name, format!("/admin/syncs/{id}"))));
    } else if let Some(panel) = args["panel"].as_u64().and_then(|id| id.to_string().parse().ok()) {
        facts.push(fact("Panel", known.panel_link(panel)));
    }
    if let Some(id) = uuid("webhook") {
        let name =
            webhooks.require(id).await.map_or_else(|_| id.to_string(), |listed| shown::name(&listed.webhook.name));
        facts.push(fact("Webhook", known.link(name, format!("/admin/webhooks/{id}"))));
    }
    if let Some(number) = args["mail"].as_u64() {
        facts.push(fact("Mail", known.link(format!("mail {number}"), format!("/admin/mails/{number}"))));
    }
    if let Some(id) = job.schedule {
        let found = desk.schedules.get(id).await;
        let name = found.map_or_else(|_| id.to_string(), |one| shown::name(&one.schedule.name));
        facts.push(fact("Schedule", known.link(name, format!("/admin/schedules/{id}"))));
    }
    Ok(facts)
}

/// The arguments, line by line.
fn pretty(args: &str) -> String {
    let value = serde_json::from_str::<Json>(args).and_then(|value| serde_json::to_string_pretty(&value));
    // What is no JSON is shown as it is.
    value.unwrap_or_else(|_| args.to_owned())
}
