//! The pages of settings, and the form that changes a panel.

use actix_web::http::StatusCode;
use aviary_domain::masked::MASK;
use aviary_domain::settings::{Key, Value};
use aviary_kernel::model::PanelId;

use super::assert_is_clean;
use super::fixture::Fixture;

#[actix_web::test]
async fn a_group_is_saved_as_its_form_says() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let page = fixture.get(&session, "/admin/settings").await.body;
    assert!(page.contains("Default") && page.contains("name=\"site_name\" value=\"Aviary\""), "{page}");
    let site = [("group", "site"), ("site_name", "Birds & <b>bees</b>"), ("site_url", ""), ("maintenance_mode", "yes")];
    let saved = fixture.post(&session, "/admin/settings", &site).await;
    assert_eq!((saved.status, &*saved.location), (StatusCode::SEE_OTHER, "/admin/settings?done=settings-saved"));
    let settings = &fixture.services.settings;
    assert!(settings.maintenance_mode().await.unwrap());
    let page = fixture.get(&session, "/admin/settings").await.body;
    assert!(page.contains("Set by") && page.contains("Birds &#38; &#60;b&#62;bees"), "{page}");
    assert_is_clean("/admin/settings", &page);
    let off = fixture.post(&session, "/admin/settings", &[("group", "site"), ("site_name", "Birds")]).await;
    assert_eq!(off.status, StatusCode::SEE_OTHER);
    assert!(!settings.maintenance_mode().await.unwrap(), "a box without a tick is off");
    let same = fixture.post(&session, "/admin/settings", &[("group", "site"), ("site_name", "Birds")]).await;
    assert_eq!(&*same.location, "/admin/settings?done=settings-same");
    let reset = fixture.post(&session, "/admin/settings", &[("group", "site"), ("reset", "site_name")]).await;
    assert_eq!(&*reset.location, "/admin/settings?done=setting-reset");
    assert_eq!(settings.site_name().await.unwrap(), "Aviary");
}

#[actix_web::test]
async fn bad_values_come_back_marked_and_secrets_never_do() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let fields = [("group", "mail"), ("resend_api_key", "re_hide_this_please"), ("email_from", "nobody")];
    let refused = fixture.post(&session, "/admin/settings", &fields).await;
    assert_eq!(refused.status, StatusCode::OK);
    assert!(
        refused.body.contains("Nothing was saved") && refused.body.contains("value=\"nobody\""),
        "{}",
        refused.body
    );
    assert!(!refused.body.contains("re_hide"));
    let fields = [("group", "mail"), ("resend_api_key", "re_hide_this_please"), ("email_from", "a@b.example")];
    fixture.post(&session, "/admin/settings", &fields).await;
    let page = fixture.get(&session, "/admin/settings").await.body;
    assert!(page.contains(&format!("name=\"resend_api_key\" value=\"{MASK}\"")) && !page.contains("re_hide"));
    fixture.post(&session, "/admin/settings", &[("group", "mail"), ("resend_api_key", MASK)]).await;
    let kept = fixture.services.settings.value(Key::ResendApiKey).await.unwrap();
    assert_eq!(kept, Value::Secret(Some("re_hide_this_please".into())));
}

#[actix_web::test]
async fn a_change_is_undone_on_the_page_of_its_setting() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    fixture.post(&session, "/admin/settings", &[("group", "site"), ("site_name", "Birds")]).await;
    let page = fixture.get(&session, "/admin/settings/site_name").await.body;
    assert!(page.contains("as without") && page.contains(">Undo</button>"), "{page}");
    let number = page.split("name=\"change\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let undone = fixture.post(&session, "/admin/settings/site_name/undo", &[("change", &number)]).await;
    assert_eq!(&*undone.location, "/admin/settings/site_name?done=setting-undone");
    assert_eq!(fixture.services.settings.site_name().await.unwrap(), "Aviary");
    let again = fixture.post(&session, "/admin/settings/site_name/undo", &[("change", &number)]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(fixture.get(&session, "/admin/settings/nothing").await.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn a_test_shows_what_was_asked_without_the_key() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let nothing = fixture.post(&session, "/admin/settings/test/panel", &[]).await;
    assert!(nothing.body.contains("not tested"), "{}", nothing.body);
    fixture.add_panel("Main", "http://127.0.0.1:1").await;
    let tested = fixture.post(&session, "/admin/settings/test/panel", &[]).await;
    assert_eq!(tested.status, StatusCode::OK);
    assert!(tested.body.contains("GET http://127.0.0.1:1/api/application/nodes"), "{}", tested.body);
    assert!(tested.body.contains("What to do:") && !tested.body.contains("ptla_secretsecret"));
    assert_is_clean("/admin/settings/test/panel", &tested.body);
    let database = fixture.post(&session, "/admin/settings/test/database", &[]).await;
    assert!(database.body.contains("answers"), "{}", database.body);
}

#[actix_web::test]
async fn a_panel_is_changed_by_its_form_and_keys_stay_when_they_are_left_alone() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let id = fixture.add_panel("Main", "https://panel.example.com").await;
    let form = fixture.get(&session, "/admin/panels/1/edit").await.body;
    assert!(form.contains(&format!("value=\"{MASK}\"")) && form.contains("value=\"Main\""), "{form}");
    let before = fixture.services.panels.require(id).await.unwrap();
    let fields = [
        ("name", "Renamed"),
        ("url", "https://panel.example.com"),
        ("app_key", MASK),
        ("client_key", "ptlc_new"),
        ("share", "50"),
        ("minutes", ""),
    ];
    let saved = fixture.post(&session, "/admin/panels/1/edit", &fields).await;
    assert_eq!(&*saved.location, "/admin/panels/1?done=panel-changed", "{}", saved.body);
    let panel = fixture.services.panels.require(PanelId(1)).await.unwrap();
    assert_eq!((panel.name.as_str(), panel.share_percent, panel.client_key.is_some()), ("Renamed", 50, true));
    assert_eq!(panel.app_key, before.app_key);
    let bad = [("name", ""), ("url", "nowhere"), ("app_key", MASK), ("share", "0"), ("minutes", "x")];
    let refused = fixture.post(&session, "/admin/panels/1/edit", &bad).await;
    assert_eq!(refused.status, StatusCode::OK);
    assert!(refused.body.contains("Give the panel a name.") && refused.body.contains("value=\"nowhere\""));
}

#[actix_web::test]
async fn a_panel_form_that_was_open_for_long_is_refused_and_shows_what_is_there_now() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let id = fixture.add_panel("Main", "https://panel.example.com").await;
    let form = fixture.get(&session, "/admin/panels/1/edit").await.body;
    let (_, had) = form.split_once("name=\"had\" value=\"").unwrap();
    let had = had.split('"').next().unwrap().to_owned();
    let send = async |name: &str, had: &str| {
        let url = "https://panel.example.com";
        let fields = [("name", name), ("url", url), ("app_key", MASK), ("share", "80"), ("minutes", ""), ("had", had)];
        fixture.post(&session, "/admin/panels/1/edit", &fields).await
    };
    assert_eq!(&*send("First", &had).await.location, "/admin/panels/1?done=panel-changed");
    let late = send("Second", &had).await;
    assert!(
        late.body.contains("Somebody changed this panel") && late.body.contains("value=\"First\""),
        "{}",
        late.body
    );
    assert_eq!(fixture.services.panels.require(id).await.unwrap().name, "First");
}

#[actix_web::test]
async fn a_form_that_was_open_for_long_takes_nothing_back() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let page = fixture.get(&session, "/admin/settings").await.body;
    assert!(page.contains("name=\"was:session_hours\" value=\"12\""), "{page}");
    assert!(!page.contains("was:resend_api_key"), "secrets are not compared");
    let form = |hours, tries| {
        [
            ("group", "access"),
            ("was:registration_enabled", "false"),
            ("was:session_hours", "12"),
            ("session_hours", hours),
            ("was:sign_in_per_minute", "10"),
            ("sign_in_per_minute", tries),
        ]
    };
    fixture.post(&session, "/admin/settings", &form("24", "10")).await;
    let other = fixture.post(&session, "/admin/settings", &form("12", "20")).await;
    assert_eq!(&*other.location, "/admin/settings?done=settings-saved", "{}", other.body);
    let settings = &fixture.services.settings;
    assert_eq!(settings.value(Key::SessionHours).await.unwrap(), Value::Number(24), "the other tab did not touch it");
    assert_eq!(settings.value(Key::SignInPerMinute).await.unwrap(), Value::Number(20));

    let clash = fixture.post(&session, "/admin/settings", &form("48", "20")).await;
    assert_eq!(clash.status, StatusCode::OK);
    assert!(clash.body.contains("Somebody else set this to “24” meanwhile."), "{}", clash.body);
    assert!(
        clash.body.contains("name=\"session_hours\" value=\"48\"")
            && clash.body.contains("session_hours\" value=\"24\"")
    );
    assert_eq!(settings.value(Key::SessionHours).await.unwrap(), Value::Number(24));
}

#[actix_web::test]
async fn a_change_that_cannot_be_undone_any_more_says_so_on_its_page() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    for name in ["Birds", "Bees"] {
        fixture.post(&session, "/admin/settings", &[("group", "site"), ("site_name", name)]).await;
    }
    let page = fixture.get(&session, "/admin/settings/site_name").await.body;
    let number = page.split("name=\"change\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    fixture.post(&session, "/admin/settings", &[("group", "site"), ("site_name", "Wasps")]).await;
    let late = fixture.post(&session, "/admin/settings/site_name/undo", &[("change", &number)]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("Nothing was changed.") && late.body.contains("All settings"), "{}", late.body);
}
