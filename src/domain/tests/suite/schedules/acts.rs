//! What people do about schedules.

use aviary_domain::audit::{Audit, AuditQuery};
use aviary_domain::schedules::{NewSchedule, SchedulePatch};
use aviary_kernel::base::Error;
use aviary_kernel::model::{Action, MissedRuns, Overlap, PanelId, ScheduledWork, When};

use super::{House, at, cron, daily_at_five};
use crate::lab::{sealer, who};

fn backup(name: &str, when: When) -> NewSchedule {
    NewSchedule {
        name: name.into(),
        work: ScheduledWork::Backup,
        when,
        missed: MissedRuns::Once,
        overlap: Overlap::Skip,
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field() {
    let house = House::new("2026-01-01T00:00:00Z").await;
    let sync = |panel| ScheduledWork::Sync { panel, targets: vec![] };
    let wrong = [
        (backup(" ", daily_at_five()), "name"),
        (backup("backup", daily_at_five()), "name"),
        (backup("A", cron("99 * * * *", "UTC")), "cron"),
        (backup("A", cron("0 0 31 2 *", "UTC")), "cron"),
        (backup("A", cron("*/10 * * * * *", "UTC")), "cron"),
        (backup("A", cron("5,10 0 3 * * *", "UTC")), "cron"),
        (backup("A", cron("0 3 * * *", "Europe/Atlantis")), "zone"),
        (backup("A", When::Every { seconds: 59 }), "every"),
        (backup("A", When::AsThePanelSays), "when"),
        (NewSchedule { work: sync(PanelId(9)), ..backup("A", daily_at_five()) }, "panel"),
        (NewSchedule { work: ScheduledWork::CleanUp, ..backup("A", daily_at_five()) }, "work"),
    ];
    for (new, wanted) in wrong {
        match house.schedules.make(&who(), new).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, wanted),
            other => panic!("{wanted}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_people_do_is_on_record() {
    let house = House::new("2026-01-01T00:00:00Z").await;
    let id = house.schedules.make(&who(), backup("Mine", daily_at_five())).await.unwrap().schedule.id;
    let patch = SchedulePatch { when: Some(cron("0 6 * * *", "UTC")), ..SchedulePatch::default() };
    house.patch(id, patch.clone()).await.unwrap();
    house.patch(id, patch).await.unwrap();
    house.schedules.pause(&who(), id).await.unwrap();
    house.schedules.pause(&who(), id).await.unwrap();
    house.schedules.resume(&who(), id).await.unwrap();
    house.schedules.run_now(&who(), id).await.unwrap();
    house.schedules.remove(&who(), id).await.unwrap();
    let audit = Audit::new(house.store.clone(), house.env.clone(), sealer());
    let page = audit.of_target("schedule", id, 20).await.unwrap();
    let done: Vec<_> = page.events.iter().rev().map(|(_, event)| event.action).collect();
    assert_eq!(
        done,
        [
            Action::ScheduleMade,
            Action::ScheduleChanged,
            Action::SchedulePaused,
            Action::ScheduleResumed,
            Action::ScheduleRun,
            Action::ScheduleRemoved,
        ]
    );
    let changed = &page.events[4].1.changes;
    assert_eq!((changed.len(), changed[0].field.as_str()), (1, "when"));
    assert_eq!(changed[0].after.as_deref(), Some("0 6 * * * (UTC)"));
    assert!(audit.list(AuditQuery::default()).await.unwrap().events.len() >= 6);
}

#[tokio::test]
async fn a_changed_time_counts_from_then_on() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Once, Overlap::Skip).await;
    house.go_to("2026-01-01T04:00:00Z");
    let patch = SchedulePatch { when: Some(cron("0 3 * * *", "UTC")), ..SchedulePatch::default() };
    assert_eq!(house.patch(id, patch).await.unwrap().schedule.next_at, Some(at("2026-01-02T03:00:00Z")));
    let patch = SchedulePatch { when: Some(When::Every { seconds: 600 }), ..SchedulePatch::default() };
    assert_eq!(house.patch(id, patch).await.unwrap().schedule.next_at, Some(at("2026-01-01T04:10:00Z")));
    house.tick().await;
    assert!(house.jobs_of(id).await.is_empty() && house.alerts().await.is_empty());
}

#[tokio::test]
async fn a_preview_says_what_an_expression_means() {
    let house = House::new("2026-03-28T12:00:00Z").await;
    let preview = house.schedules.preview("30 2 * * *", "europe/berlin").unwrap();
    assert_eq!((preview.zone.as_str(), preview.coming.len()), ("Europe/Berlin", 10));
    assert!(preview.spoken.contains("02:30"), "{}", preview.spoken);
    assert_eq!(preview.coming[0].at, at("2026-03-29T01:00:00Z"));
    let wall = preview.coming[0].wall.as_ref().unwrap();
    assert_eq!(wall.rfc3339, "2026-03-29T03:00:00+02:00");
    assert_eq!(wall.spoken, "Sun 29 Mar 2026, 03:00 CEST");
    assert!(matches!(house.schedules.preview("x", "UTC"), Err(Error::Invalid { field: "cron", .. })));
    assert!(matches!(house.schedules.preview("@daily", "x"), Err(Error::Invalid { field: "zone", .. })));
}

#[tokio::test]
async fn the_next_ten_runs_are_shown() {
    let (house, id) =
        House::with_backups("2026-01-01T00:00:00Z", daily_at_five(), MissedRuns::Once, Overlap::Skip).await;
    let shown = house.get(id).await;
    assert_eq!(shown.spoken, "every day at 05:00 (UTC)");
    assert_eq!(shown.coming.len(), 10);
    assert_eq!(shown.coming[9].at, at("2026-01-10T05:00:00Z"));
    house.schedules.pause(&who(), id).await.unwrap();
    assert!(house.get(id).await.coming.is_empty());
}
