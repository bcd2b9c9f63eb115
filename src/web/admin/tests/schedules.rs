//! The pages of schedules.

use actix_web::http::StatusCode;
use aviary_domain::schedules::NewSchedule;
use aviary_kernel::model::{Actor, MissedRuns, Overlap, ScheduleId, ScheduledWork, When};

use super::assert_is_clean;
use super::fixture::Fixture;

async fn furnished() -> Fixture {
    let fixture = Fixture::empty();
    fixture.services.schedules.settle().await.unwrap();
    fixture
}

async fn backups(fixture: &Fixture, when: When) -> ScheduleId {
    let new = NewSchedule {
        name: "Before <lunch>".into(),
        work: ScheduledWork::Backup,
        when,
        missed: MissedRuns::Once,
        overlap: Overlap::Skip,
    };
    fixture.services.schedules.make(&Actor::job("test"), new).await.unwrap().schedule.id
}

fn berlin() -> When {
    When::Cron { expression: "30 11 * * *".into(), zone: "Europe/Berlin".into() }
}

#[actix_web::test]
async fn the_list_tells_what_comes_next() {
    let fixture = furnished().await;
    let session = fixture.sign_in().await;
    backups(&fixture, berlin()).await;
    let page = fixture.get(&session, "/admin/schedules").await.body;
    assert_is_clean("/admin/schedules", &page);
    assert!(page.contains("Next: ") && page.contains("every day at 02:15 (UTC)"), "{page}");
    assert!(page.contains("every day at 11:30 (Europe/Berlin)") && page.contains("Before &#60;lunch&#62;"), "{page}");
}

#[actix_web::test]
async fn a_schedule_is_looked_at_held_back_run_and_removed() {
    let fixture = furnished().await;
    let session = fixture.sign_in().await;
    let id = backups(&fixture, berlin()).await;
    let at = format!("/admin/schedules/{id}");
    let page = fixture.get(&session, &at).await.body;
    assert_is_clean(&at, &page);
    assert!(page.contains("The next ten runs") && page.contains("11:30 CE"), "{page}");
    for (act, word) in [("pause", "paused"), ("run", "run"), ("resume", "resumed")] {
        let done = fixture.post(&session, &format!("{at}/{act}"), &[]).await;
        assert_eq!(done.location, format!("{at}?done=schedule-{word}"), "{}", done.body);
        let page = fixture.get(&session, &done.location).await.body;
        assert!(page.contains("notice good"), "{page}");
    }
    let again = fixture.post(&session, &format!("{at}/run"), &[]).await.body;
    assert!(again.contains("Nothing was done.") && again.contains("is at work already"), "{again}");
    let removed = fixture.post(&session, &format!("{at}/remove"), &[]).await;
    assert_eq!(removed.location, "/admin/schedules?done=schedule-removed");
    assert_eq!(fixture.get(&session, &at).await.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn the_form_shows_when_it_would_run_and_stores_nothing() {
    let fixture = furnished().await;
    let session = fixture.sign_in().await;
    let fields = [
        ("name", "Nights"),
        ("work", "backup"),
        ("how", "cron"),
        ("cron", "30 2 * * *"),
        ("zone", "europe/berlin"),
        ("missed", "skip"),
        ("overlap", "queue"),
    ];
    let before = fixture.services.schedules.list().await.unwrap().len();
    let preview = fixture.post(&session, "/admin/schedules", &[&fields[..], &[("act", "preview")]].concat()).await.body;
    assert_is_clean("/admin/schedules", &preview);
    assert!(preview.contains("Every day at 02:30 (Europe/Berlin)."), "{preview}");
    assert!(preview.contains("value=\"Nights\"") && preview.contains("value=\"skip\" selected"), "{preview}");
    assert_eq!(fixture.services.schedules.list().await.unwrap().len(), before);
    let made = fixture.post(&session, "/admin/schedules", &fields).await;
    assert!(made.location.ends_with("?done=schedule-made"), "{}", made.body);
    assert_eq!(fixture.services.schedules.list().await.unwrap().len(), before + 1);
}

#[actix_web::test]
async fn what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost() {
    let fixture = furnished().await;
    let session = fixture.sign_in().await;
    let base = [("work", "backup"), ("missed", "once"), ("overlap", "skip"), ("name", "Mine")];
    let wrong: [(&[(&str, &str)], &str); 5] = [
        (&[("how", "cron"), ("cron", "0 25 * * *"), ("zone", "UTC")], "cron"),
        (&[("how", "cron"), ("cron", ""), ("zone", "UTC")], "cron"),
        (&[("how", "cron"), ("cron", "0 5 * * *"), ("zone", "Mars/Base")], "zone"),
        (&[("how", "every"), ("minutes", "0")], "minutes"),
        (&[("how", "every"), ("minutes", "abc")], "minutes"),
    ];
    for (fields, field) in wrong {
        for act in ["", "preview"] {
            let sent = [&base[..], fields, &[("act", act)]].concat();
            let page = fixture.post(&session, "/admin/schedules", &sent).await.body;
            assert!(page.contains(&format!("id=\"{field}-error\"")), "{field}: {page}");
            assert!(page.contains("value=\"Mine\""), "{page}");
        }
    }
    let sync = [
        ("name", "Mine"),
        ("work", "sync"),
        ("how", "every"),
        ("minutes", "30"),
        ("missed", "once"),
        ("overlap", "skip"),
    ];
    let page = fixture.post(&session, "/admin/schedules", &sync).await.body;
    assert!(page.contains("id=\"panel-error\""), "{page}");
}

#[actix_web::test]
async fn what_comes_with_aviary_is_changed_and_given_back() {
    let fixture = furnished().await;
    let session = fixture.sign_in().await;
    let all = fixture.services.schedules.list().await.unwrap();
    let id = all.iter().find(|one| one.schedule.name == "Backup").unwrap().schedule.id;
    let at = format!("/admin/schedules/{id}");
    let form = fixture.get(&session, &format!("{at}/edit")).await.body;
    assert_is_clean(&at, &form);
    assert!(form.contains("value=\"15 2 * * *\"") && !form.contains("name=\"work\""), "{form}");
    let fields = [("how", "cron"), ("cron", "0 5 * * *"), ("zone", "UTC"), ("missed", "once"), ("overlap", "skip")];
    let saved = fixture.post(&session, &format!("{at}/edit"), &[&fields[..], &[("name", "Other")]].concat()).await;
    assert_eq!(saved.location, format!("{at}?done=schedule-changed"), "{}", saved.body);
    let stale =
        fixture.post(&session, &format!("{at}/edit"), &[&fields[..], &[("had", "something else")]].concat()).await;
    assert!(stale.body.contains("Somebody changed this"), "{}", stale.body);
    let page = fixture.get(&session, &at).await.body;
    assert!(page.contains("Give it its own times back") && !page.contains("Remove the schedule"), "{page}");
    fixture.post(&session, &format!("{at}/reset"), &[]).await;
    let reset = fixture.services.schedules.get(id).await.unwrap();
    assert!(!reset.is_changed && reset.schedule.name == "Backup");
    let kept = fixture.post(&session, &format!("{at}/remove"), &[]).await.body;
    assert!(kept.contains("cannot be removed"), "{kept}");
}
