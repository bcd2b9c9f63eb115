use std::time::Duration;

use aviary_domain::ops::Heartbeats;
use aviary_domain::settings::{AutoSync, Settings};
use aviary_domain::sync::{Schedule, SyncQuery};

use crate::lab::{Lab, small, who};

fn schedule(lab: &Lab, every_s: Option<u32>) -> (Schedule, Settings) {
    let settings = lab.settings(every_s);
    (Schedule::new(lab.env.clone(), lab.panels.clone(), lab.syncs.clone(), settings.clone()), settings)
}

async fn wait_for_all(lab: &Lab) -> usize {
    for run in lab.syncs.running() {
        lab.syncs.wait(run.id).await.unwrap();
    }
    lab.syncs.list(SyncQuery::default()).await.unwrap().runs.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panel_is_synced_when_due_and_not_before() {
    let lab = Lab::new(small()).await;
    let (schedule, _) = schedule(&lab, Some(900));
    assert_eq!(schedule.tick().await.unwrap(), 1, "a new panel is due at once");
    assert_eq!(wait_for_all(&lab).await, 1);
    lab.clock.advance_s(899);
    assert_eq!(schedule.tick().await.unwrap(), 0);
    lab.clock.advance_s(1);
    assert_eq!(schedule.tick().await.unwrap(), 1);
    assert_eq!(wait_for_all(&lab).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_is_made_up_for_once() {
    let lab = Lab::new(small()).await;
    let (schedule, _) = schedule(&lab, Some(900));
    schedule.tick().await.unwrap();
    wait_for_all(&lab).await;
    lab.clock.advance_s(900 * 50);
    assert_eq!(schedule.tick().await.unwrap(), 1);
    wait_for_all(&lab).await;
    assert_eq!(schedule.tick().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_interval_counts_at_once() {
    let lab = Lab::new(small()).await;
    let (schedule, settings) = schedule(&lab, None);
    assert_eq!(schedule.tick().await.unwrap(), 0, "only by hand");
    settings.set_auto_sync(&who(), AutoSync { enabled: true, every_s: 120 }).await.unwrap();
    assert_eq!(schedule.tick().await.unwrap(), 1);
    wait_for_all(&lab).await;
    assert!(settings.set_auto_sync(&who(), AutoSync { enabled: true, every_s: 5 }).await.is_err(), "too often");
    assert_eq!(settings.auto_sync().await.unwrap().every_s, 120);
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
