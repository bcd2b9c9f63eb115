//! The same with many jobs: first a page that says how many and what happens, then, for exactly those, the deed.

use askama::Template;
use aviary_domain::jobs::{Bulk, Counts, JobFilter};
use aviary_kernel::base::Error;
use aviary_kernel::model::{JobKind, JobState};

use super::asked::Asked;
use super::{does, looks, pill};
use crate::admin::desk::{Crumb, Desk, Head, Known, Shell};
use crate::admin::form::{self, Fields, Sent};
use crate::admin::nav::Spot;
use crate::admin::notices::Notice;
use crate::admin::shown;
use crate::admin::table::{Empty, Table};
use crate::admin::value::Value;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

#[derive(Template)]
#[template(path = "jobs/bulk.html")]
struct BulkView {
    shell: Shell,
    head: Head,
    /// What became different since the reader looked.
    changed: Option<Notice>,
    question: Option<Question>,
    empty: Empty,
    back: String,
}

/// What is to be confirmed.
struct Question {
    /// What happens.
    lines: &'static [&'static str],
    /// Which jobs, by kind and state.
    table: Table,
    fields: Vec<(&'static str, String)>,
    button: String,
    class: &'static str,
    /// The number to be typed.
    to_type: Option<u64>,
}

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
        let changed =
            Notice::new("warn", format!("Nothing was done: type {expected} to say that you mean all of them."));
        return show(desk, &known, Some(act), &asked, Some(changed)).await;
    }
    match desk.jobs.bulk(&desk.visitor.who, act, asked.0.clone(), expected).await {
        Ok(done) => {
            let word = match act {
                _ if done.left > 0 => "jobs-left",
                Bulk::Retry => "jobs-retried",
                Bulk::Cancel => "jobs-cancelled",
                Bulk::Remove => "jobs-removed",
            };
            Ok(see_other(&asked.at("/admin/jobs", &[("done", word)])))
        }
        Err(Error::Conflict(why)) => {
            let known = desk.known().await?;
            let changed = Notice::new("warn", format!("Nothing was done: {}.", why.trim_end_matches('.')));
            show(desk, &known, Some(act), &asked, Some(changed)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn show(desk: Desk, known: &Known, act: Option<Bulk>, asked: &Asked, changed: Option<Notice>) -> PageResult {
    let counts = desk.jobs.counts().await?;
    let act = act.map(|act| (act, counts.fit_for(act, &asked.0)));
    let question = act.filter(|(_, n)| *n > 0).map(|(act, n)| Question::new(act, n, asked, &counts));
    let title = question.as_ref().map_or_else(|| "Nothing to do".into(), |question| format!("{}?", question.button));
    let back = asked.at("/admin/jobs", &[]);
    let empty = Empty {
        icon: "work",
        title: "No such jobs".into(),
        text: "No job that fits is in a state for this. Others may have been quicker.".into(),
        acts: known.ways(vec![("Back to the jobs", back.clone())]),
    };
    let crumbs = vec![Crumb::to("Jobs", "/admin/jobs"), Crumb::here("Many at once")];
    html(&BulkView {
        head: Head { title, ..Head::default() },
        changed,
        question,
        empty,
        back,
        shell: desk.shell(known, Spot::Jobs, crumbs),
    })
}

impl Question {
    fn new(act: Bulk, n: u64, asked: &Asked, counts: &Counts) -> Self {
        let (verb, _, class) = looks(act);
        let mut fields = vec![("act", act.word().to_owned()), ("expected", n.to_string())];
        fields.extend(asked.pairs());
        Self {
            lines: lines(act),
            table: Table::plain("The jobs", &["Job", "State", "#How many"], rows(&act.among(&asked.0), counts)),
            fields,
            button: format!("{verb} {}", shown::counted(n, "job", "jobs")),
            to_type: form::to_type(n),
            class: if class.is_empty() { "main" } else { class },
        }
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
