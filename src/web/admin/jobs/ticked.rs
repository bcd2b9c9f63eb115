//! The same with jobs that were ticked: first a page that says which and what happens, then the deed.

use std::collections::BTreeMap;

use aviary_domain::jobs::Bulk;
use aviary_kernel::base::Error;
use aviary_kernel::model::{Job, JobId};

use super::asked::Asked;
use super::bulk::{ask_for, nothing_to_do, question, told};
use super::{TICKED, does, pill};
use crate::admin::desk::{Crumb, Desk};
use crate::admin::export;
use crate::admin::form::{self, Fields, Sent};
use crate::admin::nav::Spot;
use crate::admin::value::Value;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, see_other};

/// Asks, and does it when it was asked.
pub(in crate::admin) async fn act(_may: Allow<perm::JobWrite>, mut desk: Desk, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let act: Bulk = sent.field("act").parse()?;
    let asked = Asked::in_address(&mut desk.query);
    if !sent.field("all").is_empty() {
        return Ok(see_other(&asked.at("/admin/jobs/bulk", &[("act", act.word())])));
    }
    let ids: Vec<JobId> = export::picked(&sent)?;
    if ids.is_empty() {
        return Err(Error::invalid("pick", "tick the jobs first, or all that the list finds").into());
    }
    let jobs = desk.jobs.chosen(ids).await?.into_iter().map(|shown| shown.job);
    let fit: Vec<Job> = jobs.filter(|job| act.states().contains(&job.state)).collect();
    let n = fit.len() as u64;
    let was_asked = !sent.field("asked").is_empty();
    if was_asked && n > 0 && form::is_typed(&sent, n) {
        let ids: Vec<_> = fit.iter().map(|job| job.id).collect();
        let done = desk.jobs.each(&desk.who(), act, &ids).await?;
        return Ok(see_other(&asked.at("/admin/jobs", &[("done", told(act, done))])));
    }
    let why = was_asked.then(|| format!("Nothing was done: type {n} to say that you mean all of them."));
    ask(desk, act, &asked, &fit, why).await
}

async fn ask(desk: Desk, act: Bulk, asked: &Asked, jobs: &[Job], why: Option<String>) -> PageResult {
    let known = desk.known().await?;
    let (n, back) = (jobs.len() as u64, asked.at("/admin/jobs", &[]));
    let question = if n == 0 {
        nothing_to_do(&known, back)
    } else {
        let ask = ask_for(act, n, &asked.at(TICKED, &[])).with("asked", "yes").keep("Leave them", back);
        let ask = jobs.iter().fold(ask, |ask, job| ask.with("pick", job.id.to_string()));
        question(act, n, rows(jobs)).noting("warn", why).ask(ask)
    };
    question.show(desk, &known, Spot::Jobs, vec![Crumb::to("Jobs", "/admin/jobs"), Crumb::here("Ticked jobs")])
}

/// How many there are of each kind in each state.
fn rows(jobs: &[Job]) -> Vec<Vec<Value>> {
    let mut counts = BTreeMap::new();
    for job in jobs {
        counts.entry((job.kind.name(), job.state.word())).or_insert((job, 0)).1 += 1;
    }
    let row = |(job, n): (&Job, u64)| {
        vec![Value::Text(does(job.kind).into()), Value::Pill(pill(job.state)), Value::number(n)]
    };
    counts.into_values().map(row).collect()
}
