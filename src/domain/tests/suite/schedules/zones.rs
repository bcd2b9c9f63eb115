//! Changes of the clock, through the service.

use aviary_domain::queue::Outcome;
use aviary_kernel::model::{MissedRuns, Overlap};

use super::{House, at, cron};

/// The times at which an expression of Berlin runs while the worker looks every five minutes.
async fn runs_of(expression: &str, from: &str, until: &str) -> Vec<String> {
    let berlin = cron(expression, "Europe/Berlin");
    let (house, id) = House::with_backups(from, berlin, MissedRuns::Skip, Overlap::Skip).await;
    while house.env.now() < at(until) {
        house.clock.advance_s(300);
        house.tick().await;
        house.work(|| Ok(Outcome::Done(None))).await;
    }
    let mut runs = house.runs(id).await;
    runs.reverse();
    runs
}

#[tokio::test]
async fn a_time_that_is_left_out_in_spring_runs_when_the_gap_ends() {
    let runs = runs_of("30 2 * * *", "2026-03-28T00:00:00Z", "2026-03-30T06:00:00Z").await;
    let wanted = ["2026-03-28T01:30:00Z completed", "2026-03-29T01:00:00Z completed", "2026-03-30T00:30:00Z completed"];
    assert_eq!(runs, wanted);
}

#[tokio::test]
async fn a_time_that_comes_twice_in_autumn_runs_once() {
    let runs = runs_of("30 2 * * *", "2026-10-24T00:00:00Z", "2026-10-26T06:00:00Z").await;
    let wanted = ["2026-10-24T00:30:00Z completed", "2026-10-25T00:30:00Z completed", "2026-10-26T01:30:00Z completed"];
    assert_eq!(runs, wanted);
}

#[tokio::test]
async fn what_repeats_goes_on_through_the_hour_that_comes_twice() {
    let runs = runs_of("*/30 * * * *", "2026-10-24T23:45:00Z", "2026-10-25T02:00:00Z").await;
    let times = ["00:00", "00:30", "01:00", "01:30", "02:00"];
    assert_eq!(runs, times.map(|time| format!("2026-10-25T{time}:00Z completed")));
}
