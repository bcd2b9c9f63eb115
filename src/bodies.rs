//! What each kind of job does.

use std::ops::ControlFlow;
use std::time::Duration;

use aviary_domain::ops::BackupProgress;
use aviary_domain::queue::{Body, Done, Fault, Outcome, Work, body};
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{Actor, DEAD_FOR, JobKind};
use aviary_kernel::store::verify;
use aviary_web::Services;

const DAY_S: u64 = 86_400;
/// So many problems of a data file are named; `aviary check` names all.
const NAMED: usize = 5;

/// Every kind of job that is done here.
pub(crate) fn all(services: &Services) -> Vec<(JobKind, Body)> {
    let mut bodies = vec![
        services.syncs.body(),
        services.webhooks.body(),
        of(JobKind::CleanUp, services, clean_up),
        of(JobKind::EndSessions, services, end_sessions),
        of(JobKind::Backup, services, back_up),
        of(JobKind::Check, services, check),
        body(JobKind::Probe, |_| async { Ok(Outcome::Done(None)) }),
    ];
    bodies.extend(services.mails.bodies());
    bodies
}

fn of<F>(
    kind: JobKind,
    services: &Services,
    act: impl Fn(Services, Work) -> F + Send + Sync + 'static,
) -> (JobKind, Body)
where
    F: Future<Output = Done> + Send + 'static,
{
    let services = services.clone();
    body(kind, move |work| act(services.clone(), work))
}

/// Forgets what is older than it shall be kept. Each kind of record has its own line; one that fails leaves the rest for the
/// next try.
async fn clean_up(services: Services, work: Work) -> Done {
    let settings = &services.settings;
    let (history, trail) = (settings.history_days().await?, settings.audit_days().await?);
    let (done, events) = (settings.job_days().await?, settings.event_days().await?);
    let since = |days: u32| (days > 0).then(|| before(&services, u64::from(days) * DAY_S));
    let mut forgotten = 0;
    if let Some(limit) = since(history) {
        work.progress("history", 0, None);
        forgotten += services.book.forget_history(limit).await?;
        work.progress("syncs", forgotten, None);
        forgotten += services.syncs.forget(limit).await?;
    }
    if let Some(limit) = since(trail) {
        work.progress("audit trail", forgotten, None);
        services.audit.trim(limit).await?;
    }
    if let Some(limit) = since(done) {
        work.progress("jobs", forgotten, None);
        forgotten += services.jobs.forget(limit, limit.min(before(&services, DEAD_FOR))).await?;
    }
    if let Some(limit) = since(events) {
        work.progress("events and deliveries", forgotten, None);
        forgotten += services.webhooks.forget(limit).await?;
        work.progress("mails", forgotten, None);
        forgotten += services.mails.forget(limit).await?;
    }
    Ok(Outcome::Done(Some(format!("{forgotten} old records were removed"))))
}

fn before(services: &Services, seconds: u64) -> Timestamp {
    services.env.now().minus(Duration::from_secs(seconds))
}

async fn end_sessions(services: Services, _work: Work) -> Done {
    let now = services.env.now();
    services.accounts.clean_up(now).await?;
    services.mails.tidy().await?;
    services.sign_in.clean_up(now).await?;
    services.access.clean_up().await?;
    Ok(Outcome::Done(None))
}

async fn back_up(services: Services, work: Work) -> Done {
    let by = Actor::job(&work.job.by);
    let watch = move |now: &BackupProgress| {
        work.progress(now.step.name(), now.percent.into(), Some(100));
        if work.stop().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let backup = services.backups.make(&by, watch).await?;
    Ok(Outcome::Done(Some(format!("Made {} with {} records", backup.name, backup.rows))))
}

/// Another look finds the same, so a damaged file is told of at once.
async fn check(services: Services, work: Work) -> Done {
    work.progress("reading every record", 0, None);
    let report = services.store.read(verify).await?;
    if report.is_clean() {
        let rows: u64 = report.rows.values().sum();
        return Ok(Outcome::Done(Some(format!("Looked at {rows} records; all is well"))));
    }
    let named: Vec<_> = report.problems.iter().take(NAMED).map(ToString::to_string).collect();
    let (count, named) = (report.problem_count, named.join("; "));
    Err(Fault::for_good(format!("the data file has {count} problems, restore a backup: {named}")))
}
