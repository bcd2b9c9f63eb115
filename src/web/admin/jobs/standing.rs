//! Whether work gets done, and how much of it there is.

use actix_web::HttpResponse;
use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::jobs::{JobFilter, Standing};
use aviary_domain::ops::Heartbeats;
use aviary_kernel::model::JobState;

use super::asked::{Asked, GROUPS};
use crate::admin::desk::{Desk, Known};
use crate::admin::shown;
use crate::admin::value::Pill;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

/// The moving part of the list.
#[derive(Template)]
#[template(path = "jobs/_standing.html")]
pub(super) struct StandingPart {
    pill: Pill,
    truth: Vec<String>,
    numbers: Vec<Number>,
}

impl HtmlSafe for StandingPart {}

/// Jobs in a state.
struct Number {
    title: &'static str,
    count: String,
    href: String,
    on: bool,
    class: &'static str,
}

/// The part alone.
pub(in crate::admin) async fn part(_may: Allow<perm::JobRead>, mut desk: Desk) -> PageResult<HttpResponse> {
    let known = desk.known().await?;
    let asked = Asked::in_address(&mut desk.query);
    let standing = desk.jobs.standing().await?;
    html(&StandingPart::new(&desk, &known, &asked, &standing))
}

impl StandingPart {
    pub(super) fn new(desk: &Desk, known: &Known, asked: &Asked, standing: &Standing) -> Self {
        let (pill, why) = life(desk, known);
        let truth = why.into_iter().chain(load(known, standing)).collect();
        let number = |title, states: &[JobState]| {
            let of = asked.with(states);
            let n = of.count(&standing.counts);
            let wants_a_look = n > 0 && matches!(states, [JobState::Dead | JobState::Failed]);
            Number {
                title,
                count: shown::grouped(n),
                href: of.at("/admin/jobs", &[]),
                on: asked.0.states == states,
                class: if wants_a_look { "bad" } else { "" },
            }
        };
        let all = std::iter::once(number("All", &[]));
        let numbers = all.chain(GROUPS.iter().map(|group| number(group.title, group.states))).collect();
        Self { pill, truth, numbers }
    }
}

/// Whether jobs are taken, and if not, what to do.
fn life(desk: &Desk, known: &Known) -> (Pill, Option<String>) {
    let beats = &desk.heartbeats;
    let Some(seen) = beats.seen(Heartbeats::JOBS) else {
        return (Pill::new("warn", "no work gets done"), Some("nothing takes jobs in this process".into()));
    };
    if beats.overdue().contains(&Heartbeats::JOBS) {
        let why =
            format!("the last sign of life was {}: look at the log, then restart Aviary", known.when(seen).words());
        return (Pill::new("bad", "no work gets done"), Some(why));
    }
    (Pill::new("good", "work gets done"), None)
}

/// How much there is to do, in all queues.
fn load(known: &Known, standing: &Standing) -> [String; 2] {
    let of = |states: &[JobState]| states.iter().map(|state| standing.counts.in_state(*state)).sum::<u64>();
    let running = of(&[JobState::Running]);
    let waiting = of(&[JobState::Pending, JobState::Scheduled, JobState::Retrying]);
    let running = if running == 0 { "none running".into() } else { format!("{} running", shown::grouped(running)) };
    let since = standing.due_since(&JobFilter::default(), known.now).map(|since| known.now.since(since).as_secs());
    let waiting = match (waiting, since) {
        (0, _) => "none waiting".into(),
        (n, Some(s)) if s > 0 => format!("{} waiting, the first for {}", shown::grouped(n), shown::span_s(s)),
        (n, _) => format!("{} waiting", shown::grouped(n)),
    };
    [running, waiting]
}
