//! Due while the last run is still at work.

use aviary_domain::jobs::Runner;
use aviary_domain::queue::{Outcome, body};
use aviary_kernel::model::{JobKind, JobState, MissedRuns, Overlap, ScheduleId};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::{House, cron};
use crate::lab::who;

/// Backups that hang until they are let go.
struct Hung {
    runner: Runner,
    go: watch::Sender<bool>,
}

async fn hang(house: &House) -> Hung {
    let (go, gone) = watch::channel(false);
    let (tell, mut told) = mpsc::unbounded_channel();
    let work = body(JobKind::Backup, move |_| {
        let (mut gone, tell) = (gone.clone(), tell.clone());
        async move {
            let _ = tell.send(());
            let _ = gone.wait_for(|gone| *gone).await;
            Ok(Outcome::Done(None))
        }
    });
    let runner = house.jobs.start(vec![work], &Handle::current(), || {});
    told.recv().await.unwrap();
    Hung { runner, go }
}

impl Hung {
    async fn let_go(self, house: &House, id: ScheduleId) {
        self.go.send_replace(true);
        loop {
            let open: Vec<_> =
                house.jobs_of(id).await.into_iter().filter(|job| !job.state.is_over()).map(|job| job.id).collect();
            let Some(id) = open.first() else { break };
            house.jobs.wait(*id).await.unwrap();
        }
        self.runner.stop(std::time::Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn times_are_left_out_while_the_last_run_is_at_work_and_the_third_is_told() {
    let minutely = cron("* * * * *", "UTC");
    let (house, id) = House::with_backups("2026-01-01T00:00:30Z", minutely, MissedRuns::Skip, Overlap::Skip).await;
    house.tick_at("2026-01-01T00:01:00Z").await;
    let hung = hang(&house).await;
    for (time, alerts) in [("02", 0), ("03", 0), ("04", 1), ("05", 1)] {
        house.tick_at(&format!("2026-01-01T00:{time}:00Z")).await;
        assert_eq!(house.alerts().await.len(), alerts, "{time}");
        assert_eq!(house.runs(id).await[0], format!("2026-01-01T00:{time}:00Z skipped"));
    }
    assert!(house.get(id).await.is_in_trouble());
    hung.let_go(&house, id).await;
    assert_eq!(house.jobs_of(id).await.len(), 1);
    assert!(!house.get(id).await.is_in_trouble());
    house.tick_at("2026-01-01T00:06:00Z").await;
    assert_eq!(house.runs(id).await[0], "2026-01-01T00:06:00Z running");
}

#[tokio::test]
async fn one_run_waits_for_the_last_where_that_is_wanted() {
    let minutely = cron("* * * * *", "UTC");
    let (house, id) = House::with_backups("2026-01-01T00:00:30Z", minutely, MissedRuns::Skip, Overlap::Queue).await;
    house.tick_at("2026-01-01T00:01:00Z").await;
    let hung = hang(&house).await;
    house.tick_at("2026-01-01T00:02:00Z").await;
    house.tick_at("2026-01-01T00:03:00Z").await;
    assert_eq!(
        house.runs(id).await,
        ["2026-01-01T00:03:00Z skipped", "2026-01-01T00:02:00Z waiting", "2026-01-01T00:01:00Z running"]
    );
    hung.let_go(&house, id).await;
    let jobs = house.jobs_of(id).await;
    assert_eq!(jobs.iter().filter(|job| job.state == JobState::Completed).count(), 2);
    assert_eq!(house.runs(id).await[1..], ["2026-01-01T00:02:00Z completed", "2026-01-01T00:01:00Z completed"]);
}

#[tokio::test]
async fn a_run_by_hand_says_when_one_is_at_work() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:30Z", cron("0 5 * * *", "UTC"), MissedRuns::Skip, Overlap::Skip).await;
    house.schedules.pause(&who(), id).await.unwrap();
    let job = house.schedules.run_now(&who(), id).await.unwrap();
    let refused = house.schedules.run_now(&who(), id).await.unwrap_err().to_string();
    assert!(refused.contains("at work already") && refused.contains(&job.to_string()), "{refused}");
    house.work(|| Ok(Outcome::Done(None))).await;
    assert_eq!(house.runs(id).await, ["2026-01-01T00:00:30Z completed"]);
    assert_eq!(house.get(id).await.schedule.next_at, None, "it stays held back");
}
