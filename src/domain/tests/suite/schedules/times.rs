//! Due, missed, held back; clocks that jump.

use aviary_domain::queue::{Fault, Outcome};
use aviary_kernel::model::{MissedRuns, Overlap, RunOutcome, When};

use super::{House, at, daily_at_five};
use crate::lab::who;

#[tokio::test]
async fn an_entry_runs_at_its_time_once_and_not_before() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Skip, Overlap::Skip).await;
    house.tick_at("2026-01-01T04:59:59Z").await;
    assert!(house.jobs_of(id).await.is_empty());
    house.tick_at("2026-01-01T05:00:00Z").await;
    house.tick().await;
    house.tick_at("2026-01-01T05:00:10Z").await;
    assert_eq!(house.jobs_of(id).await.len(), 1);
    let shown = house.get(id).await;
    assert_eq!(shown.schedule.next_at, Some(at("2026-01-02T05:00:00Z")));
    assert!(shown.at_work.is_some());
    house.work(|| Ok(Outcome::Done(Some("Copied".into())))).await;
    let shown = house.get(id).await;
    assert!(shown.at_work.is_none());
    assert_eq!(shown.schedule.runs[0].note.as_deref(), Some("Copied"));
    assert!(matches!(shown.schedule.runs[0].outcome, RunOutcome::Over(..)));
    assert!(house.alerts().await.is_empty());
}

#[tokio::test]
async fn the_worker_sleeps_until_the_next_is_due_but_never_long() {
    let (house, _) =
        House::with_backups("2026-01-01T04:59:58Z", daily_at_five(), MissedRuns::Skip, Overlap::Skip).await;
    assert_eq!(house.schedules.tick().await.unwrap().as_secs(), 2);
    house.go_to("2026-01-01T05:00:00Z");
    assert_eq!(house.schedules.tick().await.unwrap().as_secs(), 5);
}

#[tokio::test]
async fn missed_times_are_left_out_where_that_is_wanted_and_it_is_told_once() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Skip, Overlap::Skip).await;
    house.tick().await;
    let house = house.crash().await;
    house.tick_at("2026-01-04T12:00:00Z").await;
    house.tick().await;
    assert!(house.jobs_of(id).await.is_empty());
    assert_eq!(house.runs(id).await, ["2026-01-04T05:00:00Z missed"]);
    let shown = house.get(id).await;
    assert_eq!(shown.schedule.next_at, Some(at("2026-01-05T05:00:00Z")));
    assert!(shown.is_in_trouble());
    let alerts = house.alerts().await;
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].data.contains("\"missed\":4"), "{}", alerts[0].data);
    assert!(alerts[0].data.contains("2026-01-01T05:00:00Z"), "{}", alerts[0].data);
}

#[tokio::test]
async fn after_days_one_run_makes_up_for_all_and_clears_the_trouble() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Once, Overlap::Skip).await;
    house.tick().await;
    let house = house.crash().await;
    house.tick_at("2026-01-04T12:00:00Z").await;
    house.tick().await;
    assert_eq!(house.jobs_of(id).await.len(), 1);
    assert_eq!(house.alerts().await.len(), 1);
    let shown = house.get(id).await;
    assert_eq!(shown.schedule.runs[0].note.as_deref(), Some("Makes up for 4 missed times"));
    assert!(shown.is_in_trouble(), "until it went well");
    house.work(|| Ok(Outcome::Done(None))).await;
    assert!(!house.get(id).await.is_in_trouble());
    house.assert_sound().await;
}

#[tokio::test]
async fn what_is_a_little_late_is_not_missed() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Skip, Overlap::Skip).await;
    house.tick_at("2026-01-01T05:05:00Z").await;
    assert_eq!(house.runs(id).await, ["2026-01-01T05:00:00Z running"]);
    assert!(house.alerts().await.is_empty());
    house.work(|| Ok(Outcome::Done(None))).await;
    house.tick_at("2026-01-02T05:05:01Z").await;
    assert_eq!(house.runs(id).await[0], "2026-01-02T05:00:00Z missed");
}

#[tokio::test]
async fn a_clock_that_is_put_back_repeats_nothing() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Once, Overlap::Skip).await;
    house.tick_at("2026-01-01T05:00:00Z").await;
    house.work(|| Ok(Outcome::Done(None))).await;
    for time in ["2026-01-01T04:00:00Z", "2026-01-01T05:00:00Z", "2025-12-31T05:00:00Z", "2026-01-01T06:00:00Z"] {
        house.tick_at(time).await;
        assert_eq!(house.jobs_of(id).await.len(), 1, "{time}");
    }
    house.tick_at("2026-01-02T05:00:00Z").await;
    assert_eq!(house.jobs_of(id).await.len(), 2);
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_does_not_silence_a_schedule() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Once, Overlap::Skip).await;
    house.tick_at("2036-01-01T05:01:00Z").await;
    house.work(|| Ok(Outcome::Done(None))).await;
    house.tick_at("2026-01-01T06:00:00Z").await;
    assert_eq!(house.get(id).await.schedule.next_at, Some(at("2026-01-02T05:00:00Z")));
    house.tick_at("2026-01-02T05:00:00Z").await;
    assert_eq!(house.jobs_of(id).await.len(), 2);
}

#[tokio::test]
async fn times_that_pass_while_it_is_held_back_count_for_nothing() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Once, Overlap::Skip).await;
    house.schedules.pause(&who(), id).await.unwrap();
    house.tick_at("2026-01-03T06:00:00Z").await;
    assert_eq!(house.get(id).await.schedule.next_at, None);
    house.schedules.resume(&who(), id).await.unwrap();
    house.tick().await;
    assert!(house.jobs_of(id).await.is_empty() && house.alerts().await.is_empty());
    assert_eq!(house.get(id).await.schedule.next_at, Some(at("2026-01-04T05:00:00Z")));
}

#[tokio::test]
async fn an_interval_counts_from_the_end_of_the_last_run() {
    let every = When::Every { seconds: 3600 };
    let (house, id) = House::with_backups("2026-01-01T00:00:00Z", every, MissedRuns::Skip, Overlap::Skip).await;
    house.tick_at("2026-01-01T00:59:59Z").await;
    assert!(house.jobs_of(id).await.is_empty());
    house.tick_at("2026-01-01T01:00:00Z").await;
    house.tick_at("2026-01-01T01:04:00Z").await;
    assert_eq!(house.get(id).await.schedule.next_at, None, "it is at work");
    house.work(|| Ok(Outcome::Done(None))).await;
    house.tick().await;
    assert_eq!(house.get(id).await.schedule.next_at, Some(at("2026-01-01T02:04:00Z")));
    let house = house.crash().await;
    house.tick_at("2026-01-01T09:00:00Z").await;
    assert_eq!(house.runs(id).await[0], "2026-01-01T02:04:00Z missed");
    assert_eq!(house.get(id).await.schedule.next_at, Some(at("2026-01-01T10:00:00Z")));
    assert_eq!(house.alerts().await.len(), 1);
}

#[tokio::test]
async fn an_interval_goes_on_when_the_clock_is_put_back() {
    let every = When::Every { seconds: 3600 };
    let (house, id) = House::with_backups("2026-01-02T00:00:00Z", every, MissedRuns::Skip, Overlap::Skip).await;
    house.tick_at("2026-01-02T01:00:00Z").await;
    house.work(|| Ok(Outcome::Done(None))).await;
    house.tick().await;
    house.tick_at("2025-06-01T00:00:00Z").await;
    house.tick_at("2025-06-01T00:10:00Z").await;
    assert_eq!(house.get(id).await.schedule.next_at, Some(at("2025-06-01T01:00:00Z")));
    house.tick_at("2025-06-01T01:00:00Z").await;
    assert_eq!(house.jobs_of(id).await.len(), 2);
}

#[tokio::test]
async fn a_run_that_fails_shows_red_until_one_goes_well() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Skip, Overlap::Skip).await;
    house.tick_at("2026-01-01T05:00:00Z").await;
    house.work(|| Err(Fault::for_good("the disk is full"))).await;
    let shown = house.get(id).await;
    assert_eq!(shown.schedule.trouble.as_deref(), Some("The last run failed: the disk is full"));
    assert_eq!(house.runs(id).await, ["2026-01-01T05:00:00Z failed"]);
    let job = house.jobs_of(id).await[0].id;
    house.jobs.retry(&who(), job).await.unwrap();
    house.work(|| Ok(Outcome::Done(None))).await;
    assert_eq!(house.runs(id).await, ["2026-01-01T05:00:00Z completed"]);
    assert!(!house.get(id).await.is_in_trouble());
}

#[tokio::test]
async fn a_run_that_does_not_begin_is_told_once() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Skip, Overlap::Skip).await;
    house.tick_at("2026-01-01T05:00:00Z").await;
    house.tick_at("2026-01-01T05:05:00Z").await;
    assert!(house.alerts().await.is_empty());
    house.tick_at("2026-01-01T05:05:01Z").await;
    house.tick_at("2026-01-01T05:10:00Z").await;
    assert_eq!(house.alerts().await.len(), 1);
    assert!(house.get(id).await.is_in_trouble());
    house.work(|| Ok(Outcome::Done(None))).await;
    assert!(!house.get(id).await.is_in_trouble());
}
