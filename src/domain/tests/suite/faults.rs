use std::ops::ControlFlow;
use std::time::Duration;

use aviary_domain::jobs::JobQuery;
use aviary_domain::sync::RequestQuery;
use aviary_kernel::model::{JobState, Server, SyncRequest, SyncRun, SyncStatus, Target, User};
use aviary_kernel::store::tables::SYNC_REQUESTS;
use aviary_kernel::store::{Direction, Read, Span};
use aviary_sim::{Fault, FaultKind, Match, PanelSpec};

use crate::lab::{Lab, small, who};

/// Every fault on a page of a list: the sync says so, the scope keeps what it had, nothing is removed, others are synced,
/// and the next clean sync heals.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_keeps_the_scope_and_the_next_sync_heals() {
    let lab = Lab::new(PanelSpec { servers: 120, users: 90, per_page_cap: Some(50), ..small() }).await;
    let mut victims = lab.sim.with_world(|world| {
        (0..20).map(|n| world.add_user(&format!("victim{n}"), &format!("victim{n}@mail.example"))).collect::<Vec<_>>()
    });
    lab.clean_sync().await;
    let faults = [
        FaultKind::Status(500),
        FaultKind::Status(403),
        FaultKind::Status(404),
        FaultKind::StatusHtml(502),
        FaultKind::StatusHtml(504),
        FaultKind::Html200,
        FaultKind::Reset,
        FaultKind::ResetMidBody,
        FaultKind::TruncatedBody,
        FaultKind::TruncatedJson,
        FaultKind::EmptyPage,
        FaultKind::LieTotal(7),
        FaultKind::LieTotal(-7),
        FaultKind::DuplicateRows,
        FaultKind::Redirect("https://elsewhere.example/".into()),
    ];
    for fault in faults {
        let users = lab.ids::<User>();
        let victim = victims.pop().unwrap();
        lab.sim.with_world(|world| {
            world.remove_user(victim);
            world.change_server(*world.servers.keys().next().unwrap(), |server| server.name.push('x'));
        });
        lab.sim.faults().inject(Fault { when: Match::path("/api/application/users").from_nth(2), what: fault.clone() });
        let run = lab.sync().await;
        assert_eq!(run.status, SyncStatus::Failed, "{fault:?}: {run:#?}");
        assert!(!run.issues.is_empty(), "{fault:?}");
        assert!(run.issues.iter().all(|issue| !issue.remedy.is_empty()), "{fault:?}: {:#?}", run.issues);
        assert_eq!(lab.ids::<User>(), users, "{fault:?}");
        assert!(users.contains(&victim));
        if !matches!(fault, FaultKind::Redirect(_)) {
            let first = *lab.ids::<Server>().first().unwrap();
            assert!(
                lab.get::<Server>(first).unwrap().name.ends_with('x'),
                "{fault:?}: other scopes are synced: {run:#?}"
            );
        }
        lab.sim.faults().clear();
        lab.clean_sync().await;
        lab.assert_same();
    }
}

/// Every request of a run, page by page.
async fn requests(lab: &Lab, run: &SyncRun, trouble: bool) -> Vec<SyncRequest> {
    let (mut requests, mut after) = (Vec::new(), None);
    loop {
        let page = lab.syncs.requests(run.id, RequestQuery { trouble, after, limit: 3 }).await.unwrap();
        assert!(page.requests.len() <= 3);
        requests.extend(page.requests.into_iter().map(|(_, request)| request));
        after = page.next;
        if after.is_none() {
            return requests;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_a_sync_is_on_record_with_what_came_back() {
    let lab = Lab::new(PanelSpec { users: 90, per_page_cap: Some(50), ..small() }).await;
    let clean = lab.clean_sync().await;
    let all = requests(&lab, &clean, false).await;
    assert_eq!(all.len() as u64, clean.requests);
    assert!(all.iter().all(|one| one.attempt == 1 && one.taken && one.status.is_some() && one.bytes > 0), "{all:#?}");
    for step in &clean.steps {
        let of_it = all.iter().filter(|one| one.target == Some(step.target)).count() as u64;
        assert_eq!(of_it, step.requests, "{:?}: {all:#?}", step.target);
    }
    assert!(requests(&lab, &clean, true).await.is_empty());

    lab.sim
        .faults()
        .inject(Fault { when: Match::path("/api/application/users").page(2).once(), what: FaultKind::Status(500) });
    let run = lab.sync().await;
    let trouble = requests(&lab, &run, true).await;
    assert_eq!(trouble.len(), 2, "what failed, and what was sent again: {trouble:#?}");
    let told = |one: &SyncRequest| (one.target, one.attempt, one.status);
    assert_eq!(told(&trouble[0]), (Some(Target::Users), 1, Some(500)));
    assert_eq!(told(&trouble[1]), (Some(Target::Users), 2, Some(200)));
    assert!(trouble[0].request.starts_with("GET /api/application/users?page=2"), "{trouble:#?}");

    lab.clock.advance_s(10);
    lab.syncs.forget(lab.env.now()).await.unwrap();
    let left = lab.store.read(|tx| {
        let mut left = 0;
        tx.walk(SYNC_REQUESTS, &Span::all(), Direction::Up, |_, _| {
            left += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(left)
    });
    assert_eq!(left.await.unwrap(), 0, "they go with their syncs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_cannot_be_read_is_counted_and_its_neighbours_are_synced() {
    for fault in [FaultKind::WrongTypes, FaultKind::BadRow] {
        let lab = Lab::new(small()).await;
        lab.clean_sync().await;
        lab.sim.faults().inject(Fault { when: Match::path("/api/application/users"), what: fault.clone() });
        let before = lab.all_rows::<User>();
        let run = lab.sync().await;
        assert!(run.totals().failed > 0, "{fault:?}: {run:#?}");
        assert_eq!(lab.all_rows::<User>(), before, "{fault:?}");
        lab.sim.faults().clear();
        lab.clean_sync().await;
        lab.assert_same();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_told_at_once_and_changes_nothing() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let before = lab.all_ids();
    lab.sim.faults().inject(Fault { when: Match::containing("/api/application"), what: FaultKind::Status(401) });
    lab.sim.reset_requests();
    let run = lab.sync().await;
    assert_eq!(run.status, SyncStatus::Failed);
    assert!(run.issues.iter().any(|issue| issue.code == "unauthorized"), "{:#?}", run.issues);
    let in_steps: u64 = run.steps.iter().map(|step| step.requests).sum();
    assert!(in_steps > 0 && in_steps == run.requests, "what was refused was asked all the same: {:#?}", run.steps);
    assert!(lab.sim.request_count() < 8, "no use in asking on: {}", lab.sim.request_count());
    assert_eq!(lab.all_ids(), before);
    assert!(lab.panels.require(lab.panel).await.unwrap().reach.refuses_key(), "that is not the same as being away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_is_begun_anew_when_somebody_lets_its_job_try_again() {
    let lab = Lab::new(small()).await;
    lab.sim.faults().inject(Fault { when: Match::containing("/api/application"), what: FaultKind::Status(401) });
    let failed = lab.sync().await;
    let job = lab.jobs.list(JobQuery::default()).await.unwrap().jobs.remove(0).job.id;
    assert_eq!(lab.jobs.wait(job).await.unwrap().unwrap().state, JobState::Failed);
    lab.sim.faults().clear();
    lab.jobs.retry(&who(), job).await.unwrap();
    assert_eq!(lab.jobs.wait(job).await.unwrap().unwrap().state, JobState::Completed);
    lab.assert_same();
    assert_eq!(lab.syncs.get(failed.id).await.unwrap().status, SyncStatus::Failed, "the record of the first stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maintenance_keeps_the_mirror_as_it_is() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let before = lab.all_ids();
    lab.sim
        .faults()
        .inject(Fault { when: Match::any(), what: FaultKind::Maintenance { retry_after_s: None, html: false } });
    let run = lab.sync().await;
    assert_eq!(run.status, SyncStatus::Failed);
    assert_eq!(lab.all_ids(), before);
    lab.sim.faults().clear();
    lab.clean_sync().await;
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_broken_egg_does_not_lose_the_others() {
    let lab = Lab::new(small()).await;
    let broken = lab.sim.with_world(|world| world.add_inheriting_egg()).unwrap();
    let run = lab.sync().await;
    assert_eq!(run.status, SyncStatus::Completed, "{run:#?}");
    assert!(run.totals().failed > 0);
    let eggs = lab.ids::<aviary_kernel::model::Egg>();
    let used = lab
        .sim
        .with_world(|world| world.servers.values().map(|s| s.egg).filter(|egg| *egg != broken).collect::<Vec<_>>());
    assert!(used.iter().all(|egg| eggs.contains(egg)), "{eggs:?} {used:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_429_is_waited_out() {
    let lab = Lab::new(small()).await;
    let storm = Match::path("/api/application/servers").times(2);
    lab.sim.faults().inject(Fault { when: storm, what: FaultKind::TooMany { retry_after_s: Some(1) } });
    lab.clean_sync().await;
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_answer_times_out_and_is_tried_again() {
    let lab = Lab::new(small()).await;
    let slow = Match::path("/api/application/users").times(1);
    lab.sim.faults().inject(Fault { when: slow, what: FaultKind::Delay(Duration::from_secs(4)) });
    lab.clean_sync().await;
    lab.assert_same();
}
