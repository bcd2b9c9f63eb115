//! A time is dealt with once, whenever the process ends.

use std::io::ErrorKind;

use aviary_domain::queue::Outcome;
use aviary_kernel::model::{MissedRuns, Overlap};
use aviary_kernel::store::faulty::Op;

use super::{House, daily_at_five};

#[tokio::test]
async fn whenever_the_disk_fails_while_a_time_is_dealt_with_there_is_one_job_for_it() {
    for good in 0.. {
        let (house, id) =
            House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Once, Overlap::Skip).await;
        house.go_to("2026-01-01T05:00:00Z");
        house.disk.fail(Op::Write, good, ErrorKind::Other);
        let went_well = house.schedules.tick().await.is_ok();
        let house = house.crash().await;
        house.tick().await;
        house.tick_at("2026-01-01T05:00:20Z").await;
        assert_eq!(house.jobs_of(id).await.len(), 1, "after {good} operations");
        assert_eq!(house.runs(id).await, ["2026-01-01T05:00:00Z running"], "after {good} operations");
        if went_well {
            break;
        }
    }
}

#[tokio::test]
async fn a_crash_between_due_and_done_runs_the_job_again_and_not_the_schedule() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Once, Overlap::Skip).await;
    house.tick_at("2026-01-01T05:00:00Z").await;
    let house = house.crash().await;
    house.tick_at("2026-01-01T05:02:00Z").await;
    house.work(|| Ok(Outcome::Done(None))).await;
    assert_eq!(house.runs(id).await, ["2026-01-01T05:00:00Z completed"]);
    assert_eq!(house.jobs_of(id).await.len(), 1);
    assert!(house.alerts().await.is_empty());
    house.assert_sound().await;
}
