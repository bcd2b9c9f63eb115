//! The entries that always exist.

use aviary_domain::panels::{NewPanel, PanelPatch};
use aviary_domain::schedules::{NewSchedule, SchedulePatch};
use aviary_kernel::base::{Error, Secret};
use aviary_kernel::model::{MissedRuns, Overlap, PanelId, ScheduledWork, When};
use aviary_kernel::store::tables::PANELS;

use super::{House, cron, daily_at_five};
use crate::lab::who;

async fn add_panel(house: &House, name: &str) -> PanelId {
    let new = NewPanel {
        name: name.into(),
        url: format!("https://{}.example.com", name.to_lowercase()),
        app_key: Secret::from("ptla_0123456789abcdef"),
        client_key: None,
        share_percent: None,
        sync_every_s: Some(900),
    };
    house.panels.add(&who(), new).await.unwrap().id
}

async fn names(house: &House) -> Vec<String> {
    let mut names: Vec<_> =
        house.schedules.list().await.unwrap().into_iter().map(|shown| shown.schedule.name).collect();
    names.sort();
    names
}

const ONCE: [&str; 5] = ["Backup", "Clean-up", "End of sessions", "Integrity check", "Watch over expiry"];

#[tokio::test]
async fn what_comes_with_aviary_is_there_once() {
    let house = House::new("2026-01-01T00:00:00Z").await;
    house.schedules.settle().await.unwrap();
    let house = house.crash().await;
    house.schedules.settle().await.unwrap();
    assert_eq!(names(&house).await, ONCE);
    for shown in house.schedules.list().await.unwrap() {
        let id = shown.schedule.id;
        assert!(shown.schedule.is_built_in && !shown.is_changed);
        let refused = house.schedules.remove(&who(), id).await.unwrap_err();
        assert!(matches!(refused, Error::Conflict(_)), "{refused}");
        let renamed = SchedulePatch { name: Some("Other".into()), ..SchedulePatch::default() };
        let refused = house.patch(id, renamed).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: "name", .. }), "{refused}");
    }
}

#[tokio::test]
async fn each_panel_has_an_entry_that_follows_it() {
    let house = House::new("2026-01-01T00:00:00Z").await;
    let (main, other) = (add_panel(&house, "Main").await, add_panel(&house, "Other").await);
    house.hush().await;
    house.schedules.settle().await.unwrap();
    assert_eq!(names(&house).await[4..6], ["Sync of Main", "Sync of Other"]);
    let renamed = PanelPatch { name: Some("First".into()), ..PanelPatch::default() };
    house.panels.change(&who(), main, renamed).await.unwrap();
    house.store.write(move |tx| tx.remove(PANELS, &other).map(drop)).await.unwrap();
    house.schedules.settle().await.unwrap();
    let left = names(&house).await;
    assert_eq!((left.len(), left[4].as_str()), (6, "Sync of First"));
}

#[tokio::test]
async fn a_schedule_of_a_panel_that_is_removed_is_held_back_and_says_why() {
    let house = House::new("2026-01-01T00:00:00Z").await;
    let panel = add_panel(&house, "Main").await;
    let new = NewSchedule {
        name: "Users at night".into(),
        work: ScheduledWork::Sync { panel, targets: vec![] },
        when: daily_at_five(),
        missed: MissedRuns::Once,
        overlap: Overlap::Skip,
    };
    let id = house.schedules.make(&who(), new).await.unwrap().schedule.id;
    house.store.write(move |tx| tx.remove(PANELS, &panel).map(drop)).await.unwrap();
    assert_eq!(house.schedules.list().await.unwrap().len(), 6, "the list is there at any moment");
    house.tick_at("2026-01-01T05:00:00Z").await;
    let shown = house.get(id).await;
    assert!(shown.schedule.is_paused && shown.is_in_trouble());
    assert!(house.jobs_of(id).await.is_empty());
    assert!(matches!(house.schedules.resume(&who(), id).await, Err(Error::Conflict(_))));
    assert!(matches!(house.schedules.run_now(&who(), id).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn times_of_what_comes_with_aviary_can_be_changed_and_given_back() {
    let house = House::new("2026-01-01T00:00:00Z").await;
    let all = house.schedules.list().await.unwrap();
    let backup = all.iter().find(|shown| shown.schedule.name == "Backup").unwrap();
    let (id, default) = (backup.schedule.id, backup.schedule.when.clone());
    let patch = SchedulePatch { when: Some(cron("0 4 * * *", "europe/berlin")), ..SchedulePatch::default() };
    let changed = house.patch(id, patch).await.unwrap();
    assert!(changed.is_changed);
    assert_eq!(changed.schedule.when, cron("0 4 * * *", "Europe/Berlin"));
    let house = house.crash().await;
    house.schedules.settle().await.unwrap();
    assert_eq!(house.get(id).await.schedule.when, changed.schedule.when, "a start changes nothing");
    let reset = house.schedules.reset(&who(), id).await.unwrap();
    assert_eq!((reset.schedule.when, reset.is_changed), (default, false));
    let mine = house.add("Mine", When::Every { seconds: 60 }, MissedRuns::Once, Overlap::Skip).await;
    assert!(matches!(house.schedules.reset(&who(), mine).await, Err(Error::Conflict(_))));
}
