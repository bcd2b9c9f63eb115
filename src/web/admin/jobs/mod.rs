//! Jobs: what waits, what is at work, what came of it; and what can be done about it.

mod asked;
pub(super) mod bulk;
pub(super) mod one;
pub(super) mod standing;
pub(super) mod ticked;

use askama::Template;
use aviary_domain::jobs::{Bulk, JobFilter, JobQuery, ShownJob, Standing};
use aviary_kernel::base::Cursor;
use aviary_kernel::model::{Job, JobId, JobKind, JobState, Queue};

use super::columns::{self, Columns, Heading, Ticks};
use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::nav::Spot;
use super::query::Query;
use super::shown;
use super::table::{Empty, Filters, Pager, PickAct, Select, Table};
use super::value::{Pill, Value};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};
use asked::{Asked, GROUPS};
use standing::StandingPart;

#[derive(Template)]
#[template(path = "jobs/page.html")]
struct JobsView {
    shell: Shell,
    head: Head,
    /// Where the moving part is fetched.
    part_at: String,
    part: StandingPart,
    filters: Filters,
    table: Table,
    pager: Pager,
    empty: Option<Empty>,
}

/// The list.
pub(super) async fn list(_may: Allow<perm::JobRead>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let columns = Columns::read(&mut desk.query, &known, "jobs", &COLUMNS);
    let asked = Asked::in_address(&mut desk.query);
    let after = desk.query.pick("after", "the list begins with the newest", |text| {
        text.parse::<Cursor>().ok().filter(|cursor| cursor.key().len() == size_of::<JobId>())
    });
    let older = after.is_some();
    let standing = desk.jobs.standing().await?;
    let page = desk.jobs.list(JobQuery { filter: asked.0.clone(), after, limit: columns.rows }).await?;
    let query = &desk.query;
    let next = page.next.map(|cursor| query.link(&[("after", &cursor.to_string())]));
    let rows: Vec<_> = page.jobs.iter().map(|job| row(&known, job)).collect();
    let total = asked.count(&standing.counts);
    let said =
        format!("{} of {}, newest first", shown::grouped(rows.len() as u64), shown::counted(total, "job", "jobs"));
    let keys = page.jobs.iter().map(|shown| shown.job.id.to_string()).collect();
    let ticks = Ticks { acts: ticked_acts(&known, &asked), ..Ticks::new(keys, Some(total)) };
    let empty = rows.is_empty().then(|| empty(&known, &asked));
    let table = Table { caption: "Jobs".into(), columns: columns::unordered(&COLUMNS), rows, ..Table::default() };
    let view = JobsView {
        head: Head { title: "Jobs".into(), acts: acts(&known, &asked, &standing), ..Head::default() },
        part_at: asked.at("/admin/jobs/standing", &[]),
        part: StandingPart::new(&desk, &known, &asked, &standing),
        filters: filters(query, &asked),
        empty,
        table: columns.over(table, &desk, &known, "/admin/jobs/export", ticks),
        pager: Pager { back: "Newest", on: "Older", ..Pager::new(said, older.then(|| query.link(&[])), next) },
        shell: desk.shell(&known, Spot::Jobs, vec![Crumb::here("Jobs")]),
    };
    html(&view)
}

/// What can be done with all that the list shows.
fn acts(known: &Known, asked: &Asked, standing: &Standing) -> Vec<Act> {
    let act = |act: Bulk| {
        let n = standing.counts.fit_for(act, &asked.0);
        let (verb, icon, class) = looks(act);
        let to = asked.at("/admin/jobs/bulk", &[("act", act.word())]);
        let text = if n == 1 { format!("{verb} it") } else { format!("{verb} all {}", shown::grouped(n)) };
        (n > 0).then(|| Act::link(text, icon, to).class(class))
    };
    known.offered(Bulk::ALL.into_iter().filter_map(act))
}

/// What can be done with jobs that are ticked.
fn ticked_acts(known: &Known, asked: &Asked) -> Vec<PickAct> {
    let act = |act: Bulk| {
        let (text, _, class) = looks(act);
        PickAct { text, act: act.word(), to: asked.at(TICKED, &[]), class }
    };
    if known.takes(TICKED) { Bulk::ALL.map(act).into() } else { Vec::new() }
}

/// The filters of an address.
pub(super) fn filter(query: &mut Query) -> JobFilter {
    Asked::in_address(query).0
}

/// What an act is called, its icon and how its button looks.
fn looks(act: Bulk) -> (&'static str, &'static str, &'static str) {
    match act {
        Bulk::Retry => ("Retry", "sync", ""),
        Bulk::Cancel => ("Cancel", "close", ""),
        Bulk::Remove => ("Remove", "close", "risky"),
    }
}

fn filters(query: &Query, asked: &Asked) -> Filters {
    let queue = asked.0.queue.map(Queue::name);
    let kind = asked.0.kind.map(JobKind::name);
    let pairs = asked.pairs();
    let state = pairs.iter().find(|(name, _)| *name == "state").map(|(_, value)| value.as_str());
    let queues = Queue::ALL.map(|queue| (queue.name().to_owned(), queue.name().to_owned()));
    let kinds = JobKind::ALL.iter().map(|kind| (kind.name().to_owned(), kind.name().to_owned()));
    let states = GROUPS.iter().map(|group| (group.word(), group.title.to_owned()));
    // An address may ask for states together that are no choice of their own.
    let odd = state.filter(|state| GROUPS.iter().all(|group| group.word() != *state));
    let odd = odd.map(|state| (state.to_owned(), state.replace(',', " or ")));
    Filters {
        action: "/admin/jobs".into(),
        hidden: query.carried(&["state", "queue", "kind"]),
        selects: vec![
            Select::new("state", "State", "All states", state, states.chain(odd)),
            Select::new("queue", "Queue", "All queues", queue, queues),
            Select::new("kind", "Kind", "All kinds", kind, kinds),
        ],
        reset: (!asked.is_any()).then(|| "/admin/jobs".into()),
        ..Filters::default()
    }
}

fn empty(known: &Known, asked: &Asked) -> Empty {
    if asked.is_any() {
        return Empty {
            icon: "work",
            title: "No jobs yet".into(),
            text: "Whatever takes its time is a job: syncs, mails, webhooks, backups. They show here as soon as there are some."
                .into(),
            acts: known.ways(vec![("Go to the panels", "/admin/panels".into())]),
        };
    }
    Empty {
        icon: "work",
        title: "No such jobs".into(),
        text: "No job fits these filters at the moment.".into(),
        acts: vec![("Show all jobs", "/admin/jobs".into())],
    }
}

/// Where what is to be done with ticked jobs is asked and done.
const TICKED: &str = "/admin/jobs/ticked";

/// Names and news have room to be read; the queue goes first where there is little.
const COLUMNS: [Heading; 7] = [
    Heading("kind", "Job", None, "wrap"),
    Heading("state", "State", None, ""),
    Heading("queue", "Queue", None, "less"),
    Heading("by", "Asked by", None, ""),
    Heading("createdAt", "Asked for", None, ""),
    Heading("due", "Due, or took", None, ""),
    Heading("note", "Latest", None, "wrap"),
];

fn row(known: &Known, shown: &ShownJob) -> Vec<Value> {
    let job = &shown.job;
    let latest = shown.progress.as_ref().map(|progress| progress.step.as_str()).filter(|step| !step.is_empty());
    let latest = latest.or(job.note.as_deref()).map_or(Value::Nothing, |text| Value::Said(shown::short(text, 80)));
    vec![
        Value::Name {
            text: does(job.kind).into(),
            href: format!("/admin/jobs/{}", job.id),
            sub: job.kind.name().into(),
        },
        Value::Pill(pill(job.state)),
        Value::Text(job.queue().name().into()),
        Value::Said(shown::short(&job.by, 30)),
        Value::When(known.when(job.created_at)),
        timing(known, job),
        latest,
    ]
}

/// When it is due, since when it runs, or how long it took.
fn timing(known: &Known, job: &Job) -> Value {
    match job.state {
        JobState::Pending | JobState::Scheduled | JobState::Retrying => Value::When(known.due(job.due_at)),
        JobState::Running => job
            .started_at
            .map_or(Value::Nothing, |at| Value::Many(vec![Value::Muted("began".into()), Value::When(known.when(at))])),
        _ => took(job).map_or(Value::Nothing, Value::Text),
    }
}

/// How long the last try took.
fn took(job: &Job) -> Option<String> {
    let took = job.finished_at?.since(job.started_at?);
    Some(shown::span_ms(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)))
}

/// What a kind of job does, as a title.
fn does(kind: JobKind) -> &'static str {
    kind.does().trim_end_matches('.')
}

/// A state, in a word.
fn pill(state: JobState) -> Pill {
    let (tone, word) = match state {
        JobState::Pending => ("", "waiting"),
        JobState::Scheduled => ("", "waits for its time"),
        JobState::Running => ("live", "running"),
        JobState::Retrying => ("warn", "retrying"),
        JobState::Completed => ("fine", "done"),
        JobState::Failed => ("bad", "failed"),
        JobState::Cancelled => ("", "cancelled"),
        JobState::Dead => ("bad", "dead"),
    };
    Pill::new(tone, word)
}
