//! The same with many jobs: first a page that says how many and what happens, then, for exactly those, the deed.

use aviary_domain::jobs::{Bulk, BulkDone, Counts, JobFilter};
use aviary_kernel::base::Error;
use aviary_kernel::model::{JobKind, JobState};

use super::asked::Asked;
use super::{does, looks, pill};
use crate::admin::ask::{Ask, Question};
use crate::admin::card::{Body, Card};
use crate::admin::desk::{Crumb, Desk, Known};
use crate::admin::form::{self, Fields, Sent};
use crate::admin::nav::Spot;
use crate::admin::shown;
use crate::admin::table::{Empty, Table};
use crate::admin::value::Value;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, see_other};

/// Asks.
pub(in crate::admin) async fn ask(_may: Allow<perm::JobWrite>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let act = desk.query.parse::<Bulk>("act", "nothing is done");
    let asked = Asked::in_address(&mut desk.query);
    show(desk, &known, act, &asked, None).await
}

/// Does it.
pub(in crate::admin) async fn act(_may: Allow<perm::JobWrite>, desk: Desk, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let act: Bulk = sent.field("act").parse()?;
    let asked = Asked::in_form(&sent)?;
    let expected: u64 = sent.field("expected").parse().map_err(|_| Error::invalid("expected", "is a number"))?;
    if !form::is_typed(&sent, expected) {
        let known = desk.known().await?;
        let changed = "Nothing was done: type their number to say that you mean all of them.".to_owned();
        return show(desk, &known, Some(act), &asked, Some(changed)).await;
    }
    match desk.jobs.bulk(&desk.visitor.who, act, asked.0.clone(), expected).await {
        Ok(done) => Ok(see_other(&asked.at("/admin/jobs", &[("done", told(act, done))]))),
        Err(Error::Conflict(why)) => {
            let known = desk.known().await?;
            let changed = format!("Nothing was done: {}.", why.trim_end_matches('.'));
            show(desk, &known, Some(act), &asked, Some(changed)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn show(desk: Desk, known: &Known, act: Option<Bulk>, asked: &Asked, changed: Option<String>) -> PageResult {
    let counts = desk.jobs.counts().await?;
    let act = act.map(|act| (act, counts.fit_for(act, &asked.0)));
    let back = asked.at("/admin/jobs", &[]);
    let question = act.filter(|(_, n)| *n > 0).map(|(act, n)| {
        let ask = asked
            .pairs()
            .into_iter()
            .fold(ask_for(act, n, "/admin/jobs/bulk"), |ask, (name, value)| ask.with(name, value));
        let ask = ask
            .with("expected", n.to_string())
            .line("When there are more such jobs by then, nothing is done and you are asked again.");
        question(act, n, rows(&act.among(&asked.0), &counts)).ask(ask.keep("Leave them", back.clone()))
    });
    let question = question.unwrap_or_else(|| nothing_to_do(known, back)).noting("warn", changed);
    question.show(desk, known, Spot::Jobs, vec![Crumb::to("Jobs", "/admin/jobs"), Crumb::here("Many at once")])
}

/// What is to be confirmed, with how many jobs of which kind and state.
pub(super) fn question(act: Bulk, n: u64, rows: Vec<Vec<Value>>) -> Question {
    let table = Table::plain("The jobs", &["Job", "State", "#How many"], rows);
    Question {
        title: format!("{}?", names(act, n)),
        cards: vec![Card::new("Which jobs", "c12", Body::Table(table))],
        ..Question::default()
    }
}

/// The form below it.
pub(super) fn ask_for(act: Bulk, n: u64, to: &str) -> Ask {
    let class = looks(act).2;
    let ask = Ask::new(to, names(act, n)).class(if class.is_empty() { "main" } else { class });
    lines(act).iter().fold(ask, |ask, line| ask.line(*line)).with("act", act.word()).counting(n).busy("At work…")
}

/// `Retry 5 jobs`.
fn names(act: Bulk, n: u64) -> String {
    format!("{} {}", looks(act).0, shown::counted(n, "job", "jobs"))
}

/// Why nothing is asked.
pub(super) fn nothing_to_do(known: &Known, back: String) -> Question {
    let empty = Empty {
        icon: "work",
        title: "No such jobs".into(),
        text: "No job that fits is in a state for this. Others may have been quicker.".into(),
        acts: known.ways(vec![("Back to the jobs", back)]),
    };
    Question { title: "Nothing to do".into(), empty: Some(empty), ..Question::default() }
}

/// The word for what was done, as the list tells it.
pub(super) fn told(act: Bulk, done: BulkDone) -> &'static str {
    match act {
        _ if done.left > 0 => "jobs-left",
        Bulk::Retry => "jobs-retried",
        Bulk::Cancel => "jobs-cancelled",
        Bulk::Remove => "jobs-removed",
    }
}

/// What happens.
fn lines(act: Bulk) -> &'static [&'static str] {
    match act {
        Bulk::Retry => &[
            "They begin anew at once, with all of their tries, as fast as there are places.",
            "One that has a twin on its way, which does the same, is left as it is.",
        ],
        Bulk::Cancel => &[
            "Those that wait are taken back and do not run. They can be retried later.",
            "Those that run are told to stop, and broken off after 30 seconds when they do not. What they did until then stays done.",
        ],
        Bulk::Remove => &[
            "They go from the list, with their tries. That cannot be undone.",
            "What they did stays done, and that you removed them stays on record.",
        ],
    }
}

fn rows(filter: &JobFilter, counts: &Counts) -> Vec<Vec<Value>> {
    let of = |kind: JobKind, state: JobState| {
        let one = JobFilter { kind: Some(kind), states: vec![state], ..filter.clone() };
        let is_meant = filter.kind.is_none_or(|wanted| wanted == kind);
        if is_meant { counts.of(&one) } else { 0 }
    };
    let all = JobKind::ALL.iter().flat_map(|kind| filter.states.iter().map(move |state| (*kind, *state)));
    let there = all.map(|(kind, state)| (kind, state, of(kind, state))).filter(|(_, _, n)| *n > 0);
    there
        .map(|(kind, state, n)| vec![Value::Text(does(kind).into()), Value::Pill(pill(state)), Value::number(n)])
        .collect()
}
