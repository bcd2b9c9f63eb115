//! The syncs of panels, each by its own interval or by the one for all.

use std::time::Duration;

use aviary_domain::jobs::JobQuery;
use aviary_domain::ops::Heartbeats;
use aviary_domain::schedules::Schedules;
use aviary_domain::settings::{AutoSync, Settings};
use aviary_domain::sync::SyncQuery;
use aviary_kernel::model::{JobState, RunOutcome, SyncRun, SyncStatus, Target};
use aviary_sim::{Fault, FaultKind, Match};

use crate::lab::{Lab, small, who};

fn schedules(lab: &Lab, every_s: Option<u32>) -> (Schedules, Settings) {
    let settings = lab.settings(every_s);
    (Schedules::new(lab.store.clone(), lab.env.clone(), settings.clone()), settings)
}

async fn runs(lab: &Lab) -> Vec<SyncRun> {
    lab.syncs.list(SyncQuery::default()).await.unwrap().runs
}

/// Waits for the end of all syncs that schedules began; how many syncs there were so far.
async fn wait_for_all(lab: &Lab, schedules: &Schedules) -> usize {
    for shown in schedules.list().await.unwrap().into_iter().filter(|shown| shown.panel_name.is_some()) {
        if let Some(job) = shown.at_work {
            lab.jobs.wait(job).await.unwrap();
        }
    }
    runs(lab).await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panel_is_synced_when_due_and_not_before() {
    let lab = Lab::new(small()).await;
    let (schedules, _) = schedules(&lab, Some(900));
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 1, "a new panel is due at once");
    lab.clock.advance_s(899);
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 1);
    let next = schedules.next_sync(lab.panel).await.unwrap().unwrap();
    assert_eq!(next, lab.env.now().plus(Duration::from_secs(1)));
    lab.clock.advance_s(1);
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 2);
    assert_eq!(runs(&lab).await[0].requested_by, "schedule");
    assert!(runs(&lab).await.iter().all(|run| run.status == SyncStatus::Completed && run.is_full()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_is_made_up_for_once() {
    let lab = Lab::new(small()).await;
    let (schedules, _) = schedules(&lab, Some(900));
    schedules.tick().await.unwrap();
    wait_for_all(&lab, &schedules).await;
    schedules.tick().await.unwrap();
    lab.clock.advance_s(900 * 50);
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 2);
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_interval_counts_at_once() {
    let lab = Lab::new(small()).await;
    let (schedules, settings) = schedules(&lab, None);
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 0, "only by hand");
    settings.set_auto_sync(&who(), AutoSync { enabled: true, every_s: 120 }).await.unwrap();
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 1);
    assert!(settings.set_auto_sync(&who(), AutoSync { enabled: true, every_s: 5 }).await.is_err(), "too often");
    assert_eq!(settings.auto_sync().await.unwrap().every_s, 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_sync_by_hand_counts_and_a_partial_one_does_not() {
    let lab = Lab::new(small()).await;
    let (schedules, _) = schedules(&lab, Some(900));
    schedules.tick().await.unwrap();
    wait_for_all(&lab, &schedules).await;
    lab.clock.advance_s(600);
    lab.clean_sync().await;
    lab.clock.advance_s(600);
    lab.sync_only(&[Target::Nodes]).await;
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 3, "660 seconds after the sync by hand");
    lab.clock.advance_s(240);
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_shows_red_and_comes_again_after_its_interval() {
    let lab = Lab::new(small()).await;
    let (schedules, _) = schedules(&lab, Some(900));
    lab.sim.faults().inject(Fault { when: Match::containing("/api/application"), what: FaultKind::Status(401) });
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 1);
    let all = schedules.list().await.unwrap();
    let shown = all.iter().find(|shown| shown.panel_name.is_some()).unwrap();
    assert!(matches!(shown.schedule.runs[0].outcome, RunOutcome::Over(_, JobState::Failed)));
    assert!(shown.is_in_trouble());
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 1);
    lab.clock.advance_s(900);
    schedules.tick().await.unwrap();
    assert_eq!(wait_for_all(&lab, &schedules).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_sync_by_hand_makes_up_for_a_scheduled_one_that_failed() {
    let lab = Lab::new(small()).await;
    let (schedules, _) = schedules(&lab, Some(900));
    lab.sim.faults().inject(Fault { when: Match::containing("/api/application"), what: FaultKind::Status(401) });
    schedules.tick().await.unwrap();
    wait_for_all(&lab, &schedules).await;
    let in_trouble = async || {
        for job in lab.jobs.list(JobQuery::default()).await.unwrap().jobs {
            lab.jobs.wait(job.job.id).await.unwrap();
        }
        schedules.list().await.unwrap().iter().any(|shown| shown.is_in_trouble())
    };
    lab.sync().await;
    assert!(in_trouble().await, "that one failed as well");
    lab.sim.faults().clear();
    lab.sync_only(&[Target::Nodes]).await;
    assert!(in_trouble().await, "a part is not all");
    lab.clean_sync().await;
    assert!(!in_trouble().await);
    let all = schedules.list().await.unwrap();
    let shown = all.iter().find(|shown| shown.panel_name.is_some()).unwrap();
    assert!(matches!(shown.schedule.runs[0].outcome, RunOutcome::Over(_, JobState::Failed)), "what was, stays");
}

#[tokio::test]
async fn a_worker_that_is_silent_for_too_long_is_overdue() {
    let (env, clock) = aviary_kernel::base::Env::manual(aviary_kernel::base::Timestamp::from_seconds(1_000_000));
    let heartbeats = Heartbeats::new(env);
    heartbeats.beat("schedule", Duration::from_secs(20));
    clock.advance_s(20);
    assert!(heartbeats.overdue().is_empty());
    clock.advance_s(1);
    assert_eq!(heartbeats.overdue(), ["schedule"]);
}
