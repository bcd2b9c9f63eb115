//! How people want to see things: zone, units, theme, density; and what pages make of it.

use actix_web::http::StatusCode;
use aviary_kernel::model::Preferences;
use aviary_kernel::store::tables::PREFERENCES;

use super::assert_is_clean;
use super::fixture::{EMAIL, Fixture};

const FORM: [(&str, &str); 5] =
    [("timeZone", "asia/kolkata"), ("units", "decimal"), ("density", "compact"), ("theme", "dark"), ("rows", "100")];

#[actix_web::test]
async fn times_and_sizes_are_shown_as_the_reader_wants_them() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let page = fixture.get(&session, "/admin/servers/1/1").await.body;
    assert!(page.contains("8 GiB") && page.contains(" UTC\"") && page.contains("As of 09:41:07"), "{page}");
    assert!(page.contains(r#"data-theme="system" data-density="comfortable" data-side="open""#), "{page}");

    let saved = fixture.post(&session, "/admin/me/display", &FORM).await;
    assert_eq!(saved.location, "/admin/me/display?done=display-saved", "{}", saved.body);
    let page = fixture.get(&session, "/admin/servers/1/1").await.body;
    assert!(page.contains("8.6 GB") && !page.contains("GiB"), "{page}");
    assert!(page.contains("IST, Asia/Kolkata\"") && !page.contains(" UTC\""), "{page}");
    assert!(page.contains("As of 15:11:07"), "the line that says how true it is: {page}");
    assert!(page.contains("datetime=\"2026-03-14T09:"), "for scripts it stays UTC: {page}");
    assert!(page.contains(r#"data-theme="dark" data-density="compact" data-side="open""#), "{page}");
    for uri in ["/admin/nodes", "/admin/nodes/1/1", "/admin/servers", "/admin", "/admin/locations/1/1"] {
        assert!(!fixture.get(&session, uri).await.body.contains("GiB"), "{uri}");
    }
    let day = fixture.get(&session, "/admin/audit?from=2026-03-15").await.body;
    assert!(day.contains("Nothing matches"), "the day begins at midnight there: {day}");

    let display = fixture.get(&session, "/admin/me/display").await.body;
    assert_is_clean("/admin/me/display", &display);
    for part in
        ["value=\"Asia/Kolkata\"", "value=\"decimal\" checked", "<option value=\"100\" selected>", "It is 2026-03-14"]
    {
        assert!(display.contains(part), "{part}: {display}");
    }
    let other = fixture.sign_in_as("bob@example.com", "MEMBER").await;
    assert!(
        fixture.get(&other, "/admin/me").await.body.contains(r#"data-theme="system""#),
        "of others nothing changes"
    );
}

#[actix_web::test]
async fn every_fault_of_the_form_is_shown_at_its_field_and_nothing_is_kept() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let bad =
        [("timeZone", "Europe/<b>Berlim"), ("units", "miles"), ("density", ""), ("theme", "pink"), ("rows", "many")];
    let page = fixture.post(&session, "/admin/me/display", &bad).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_is_clean("/admin/me/display", &page.body);
    for id in ["timeZone-error", "units-error", "density-error", "theme-error"] {
        assert!(page.body.contains(&format!("id=\"{id}\"")), "{id}: {}", page.body);
    }
    assert!(
        page.body.contains("there is no time zone") || page.body.contains("There is no time zone"),
        "{}",
        page.body
    );
    let odd = [("timeZone", ""), ("units", "exact"), ("density", "compact"), ("theme", "dark"), ("rows", "33")];
    let page = fixture.post(&session, "/admin/me/display", &odd).await.body;
    assert!(page.contains("25, 50, 100 or 200"), "{page}");
    assert!(fixture.get(&session, "/admin").await.body.contains(r#"data-theme="system""#));
}

#[actix_web::test]
async fn switches_of_the_frame_lead_back_to_where_they_stand_and_nowhere_else() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let page = fixture.get(&session, "/admin/servers?q=a%26b&done=profile-saved").await.body;
    assert!(page.contains("name=\"back\" value=\"/admin/servers?q=a%26b\""), "{page}");
    for (name, value, shows) in [
        ("theme", "dark", r#"data-theme="dark""#),
        ("density", "compact", r#"data-density="compact""#),
        ("side", "folded", r#"data-side="folded""#),
    ] {
        let back = [(name, value), ("back", "/admin/servers?q=a%26b")];
        let led = fixture.post(&session, "/admin/me/display/switch", &back).await;
        assert_eq!((led.status, &*led.location), (StatusCode::SEE_OTHER, "/admin/servers?q=a%26b"), "{name}");
        assert!(fixture.get(&session, "/admin/servers").await.body.contains(shows), "{name}");
    }
    let away = [("theme", "light"), ("back", "https://evil.example")];
    assert_eq!(fixture.post(&session, "/admin/me/display/switch", &away).await.location, "/admin");
    let unknown = [("theme", "pink"), ("side", "up"), ("back", "/admin")];
    assert_eq!(fixture.post(&session, "/admin/me/display/switch", &unknown).await.status, StatusCode::SEE_OTHER);
    assert!(
        fixture.get(&session, "/admin").await.body.contains(r#"data-theme="light""#),
        "what is unknown changes nothing"
    );
}

#[actix_web::test]
async fn a_zone_that_is_not_known_any_more_is_told_and_utc_stands_in() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let id = fixture.services.accounts.find(EMAIL).await.unwrap().id;
    let lost = Preferences { time_zone: Some("Mars/<b>Olympus</b>".into()), ..Preferences::default() };
    fixture.services.store.write(move |tx| tx.put(PREFERENCES, &id, &lost).map(drop)).await.unwrap();
    let page = fixture.get(&session, "/admin/me/display").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_is_clean("/admin/me/display", &page.body);
    assert!(page.body.contains("Mars/&#60;b") && page.body.contains("not known any more"), "{}", page.body);
    assert!(page.body.contains(" UTC"), "{}", page.body);
}

#[actix_web::test]
async fn chosen_columns_are_forgotten_when_that_is_ticked() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let keep = [("list", "servers"), ("col", "state"), ("col", "owner"), ("back", "/admin/servers")];
    assert_eq!(fixture.post(&session, "/admin/me/display/switch", &keep).await.location, "/admin/servers");
    let page = fixture.get(&session, "/admin/me/display").await.body;
    assert!(page.contains("that you chose for 1 list"), "{page}");
    let forget: Vec<_> = FORM.into_iter().chain([("forgetColumns", "yes")]).collect();
    fixture.post(&session, "/admin/me/display", &forget).await;
    let page = fixture.get(&session, "/admin/me/display").await.body;
    assert!(!page.contains("that you chose for"), "{page}");
}
