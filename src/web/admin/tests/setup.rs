//! The first run.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use aviary_domain::access::SUPER_ADMIN;
use aviary_domain::masked::MASK;
use aviary_sim::{PanelSpec, SimPanel};

use super::assert_is_clean;
use super::fixture::{Answer, EMAIL, Fixture, HOSTILE, PASSWORD, hidden, same_origin};

async fn token(fixture: &Fixture) -> String {
    fixture.services.accounts.first_run_token().await.unwrap().unwrap().reveal().clone()
}

/// Opens the link, and follows where it leads.
async fn open(fixture: &Fixture, token: &str) -> Answer {
    let led = fixture.get_outside(&format!("/admin/setup?token={token}")).await;
    assert_eq!((led.status, &*led.location), (StatusCode::SEE_OTHER, "/admin/setup"));
    let cookie = led.cookie.unwrap();
    assert!(cookie.http_only() == Some(true) && cookie.path() == Some("/admin/setup"), "{cookie}");
    fixture.send(TestRequest::get().uri("/admin/setup").cookie(cookie)).await
}

fn first<'a>(token: &'a str, email: &'a str, password: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("token", token), ("email", email), ("username", ""), ("password", password), ("confirm", password)]
}

fn session(answer: &Answer) -> Cookie<'static> {
    answer.cookies.iter().find(|cookie| cookie.name() == "aviary").cloned().unwrap()
}

#[actix_web::test]
async fn whoever_has_the_link_becomes_the_administrator_and_is_signed_in() {
    let fixture = Fixture::empty();
    let token = token(&fixture).await;
    let page = open(&fixture, &token).await;
    assert_is_clean("/admin/setup", &page.body);
    assert_eq!(hidden(&page.body, "token"), token);
    let made = fixture.post_outside("/admin/setup", &first(&token, EMAIL, PASSWORD)).await;
    assert_eq!((made.status, &*made.location), (StatusCode::SEE_OTHER, "/admin/setup/panel"), "{}", made.body);
    assert_eq!(fixture.services.accounts.find(EMAIL).await.unwrap().roles, [SUPER_ADMIN]);
    let kept = made.cookies.iter().find(|cookie| cookie.name() == "aviary-setup").unwrap();
    assert_eq!(kept.value(), "", "the token is forgotten");
    let next = fixture.get(&session(&made), "/admin/setup/panel").await;
    assert_eq!(next.status, StatusCode::OK, "{}", next.body);
    assert_is_clean("/admin/setup/panel", &next.body);
}

#[actix_web::test]
async fn a_link_that_was_used_or_replaced_says_how_to_get_another() {
    let fixture = Fixture::empty();
    let (old, token) = (token(&fixture).await, token(&fixture).await);
    for bad in [&old, "abc"] {
        let page = open(&fixture, bad).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.body.contains("Start Aviary again") && page.body.contains("aviary user create"), "{}", page.body);
        let refused = fixture.post_outside("/admin/setup", &first(bad, EMAIL, PASSWORD)).await;
        assert!(
            refused.cookie.is_none() && refused.body.contains("This link is not good any more"),
            "{}",
            refused.body
        );
    }
    assert!(fixture.get_outside("/admin/setup").await.body.contains("Open the link from the console"));
    let strange = fixture.get_outside("/admin/setup?token=a%0d%0aset-cookie:x%3Dy").await;
    assert!(strange.status == StatusCode::BAD_REQUEST && strange.cookie.is_none());
    fixture.post_outside("/admin/setup", &first(&token, EMAIL, PASSWORD)).await;
    for other in [EMAIL, "eve@example.com"] {
        let again = fixture.post_outside("/admin/setup", &first(&token, other, "Other-1234")).await;
        assert!(again.cookie.is_none() && again.body.contains("There is an administrator already"), "{}", again.body);
    }
    assert!(open(&fixture, &token).await.body.contains("There is an administrator already"));
}

#[actix_web::test]
async fn what_cannot_be_taken_is_said_at_its_field_and_passwords_do_not_come_back() {
    let fixture = Fixture::empty();
    let token = token(&fixture).await;
    let both = |email, password, confirm| {
        [("token", token.as_str()), ("email", email), ("password", password), ("confirm", confirm)]
    };
    for (fields, at, why) in [
        (both("", PASSWORD, PASSWORD), "email", "Give your e-mail address."),
        (both(HOSTILE[0], PASSWORD, PASSWORD), "email", "This is no e-mail address"),
        (both(EMAIL, "", ""), "password", "Choose a password."),
        (both(EMAIL, "Ab1", "Ab1"), "password", "at least 8 characters"),
        (both(EMAIL, "Password1", "Password1"), "password", "tried first"),
        (both(EMAIL, PASSWORD, "Other-1234"), "confirm", "The two passwords differ."),
    ] {
        let page = fixture.post_outside("/admin/setup", &fields).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{why}");
        let (_, error) = page.body.split_once(&format!("id=\"{at}-error\"")).unwrap_or_else(|| panic!("{}", page.body));
        assert!(error.split("</p>").next().unwrap().contains(why), "{why}: {}", page.body);
        assert!(!page.body.contains(PASSWORD) && !page.body.contains("Other-1234"), "{}", page.body);
        assert_eq!(hidden(&page.body, "token"), token, "it can be sent again");
        assert_is_clean("/admin/setup", &page.body);
    }
    assert!(fixture.services.accounts.is_first_run().await.unwrap());
}

#[actix_web::test]
async fn another_site_makes_no_administrator_and_nobody_tries_tokens_for_long() {
    let fixture = Fixture::empty();
    let token = token(&fixture).await;
    let form = first(&token, "eve@example.com", PASSWORD);
    for origin in ["https://evil.example", "null"] {
        let request = TestRequest::post().uri("/admin/setup").insert_header(("host", "localhost:8080"));
        let refused = fixture.send(request.insert_header(("origin", origin)).set_form(&form)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let mut last = StatusCode::OK;
    for _ in 0..21 {
        last = fixture.post_outside("/admin/setup", &first("wrong", EMAIL, PASSWORD)).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert!(fixture.services.accounts.is_first_run().await.unwrap());
}

#[actix_web::test]
async fn a_cookie_from_before_is_not_taken_over() {
    let fixture = Fixture::empty();
    let token = token(&fixture).await;
    let planted = Cookie::new("aviary", "planted");
    let request = same_origin(TestRequest::post().uri("/admin/setup")).cookie(planted.clone());
    let made = fixture.send(request.set_form(first(&token, EMAIL, PASSWORD))).await;
    assert_ne!(session(&made).value(), "planted");
    assert_eq!(fixture.get(&planted, "/admin/panels").await.status, StatusCode::SEE_OTHER, "it opens nothing");
    let request = same_origin(TestRequest::post().uri("/admin/login")).cookie(session(&made));
    let again = fixture.send(request.set_form([("email", EMAIL), ("password", PASSWORD)])).await;
    assert_ne!(session(&again).value(), session(&made).value());
}

#[actix_web::test]
async fn the_sign_in_page_says_that_there_is_no_administrator_as_long_as_that_is_so() {
    let fixture = Fixture::empty();
    let says = "There is no administrator yet.";
    assert!(fixture.get_outside("/admin/login").await.body.contains(says));
    fixture.sign_in_as("member@example.com", "MEMBER").await;
    assert!(fixture.get_outside("/admin/login").await.body.contains(says));
    fixture.sign_in().await;
    let page = fixture.get_outside("/admin/login").await.body;
    assert!(!page.contains(says) && page.contains("Forgot your password?") && page.contains("Sign in by mail"));
}

#[actix_web::test]
async fn the_first_panel_is_connected_tested_and_synced() {
    let sim = SimPanel::start(PanelSpec::default().tame()).await.unwrap();
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let here = "/admin/setup/panel";
    let nothing = fixture.post(&session, here, &[("name", ""), ("url", "")]).await;
    assert!(nothing.body.contains("Give the panel a name.") && nothing.body.contains("Paste the application API key."));
    let wrong = [("name", HOSTILE[0]), ("url", "http://127.0.0.1:9"), ("app_key", "ptla_verysecret")];
    let refused = fixture.post(&session, here, &wrong).await;
    assert!(refused.body.contains("The panel did not answer as it should"), "{}", refused.body);
    assert!(refused.body.contains("Do it later"), "{}", refused.body);
    assert!(!refused.body.contains("verysecret") && !refused.body.contains("Start the first sync"));
    assert_is_clean(here, &refused.body);
    let id = hidden(&refused.body, "panel");
    let later = fixture.get(&session, here).await.body;
    assert!(!later.contains("is connected") && !later.contains("Start the first sync"), "{later}");
    assert!(later.contains("Nobody answers at 127.0.0.1:9") && later.contains("Test it again"), "{later}");
    // A key that is pasted into a field with the mask in it stands behind the mask.
    let key = format!("{MASK}{}", sim.app_key());
    let right = [("panel", id.as_str()), ("name", "Main"), ("url", &sim.url()), ("app_key", &key)];
    let good = fixture.post(&session, here, &right).await;
    assert!(
        good.body.contains("What the keys may read") && good.body.contains("Start the first sync"),
        "{}",
        good.body
    );
    assert_eq!(fixture.services.panels.all().await.unwrap().len(), 1, "it was corrected, not added again");
    assert_is_clean(here, &good.body);
    let back = fixture.get(&session, here).await;
    assert!(back.body.contains("Start the first sync"), "{}", back.body);
    let started = fixture.post(&session, "/admin/syncs", &[("panel", &id)]).await;
    assert!(started.location.contains("done=sync-started"), "{}", started.location);
    let sync = started.location.split(['/', '?']).nth(3).unwrap().parse().unwrap();
    fixture.services.syncs.wait(sync).await.unwrap();
    assert_eq!(fixture.get(&session, here).await.location, "/admin", "it is all done");
}

#[actix_web::test]
async fn only_who_may_change_panels_connects_one() {
    let fixture = Fixture::empty();
    assert!(fixture.get_outside("/admin/setup/panel").await.location.starts_with("/admin/login"));
    let member = fixture.sign_in_as("member@example.com", "MEMBER").await;
    assert_eq!(fixture.get(&member, "/admin/setup/panel").await.status, StatusCode::FORBIDDEN);
    let admin = fixture.sign_in().await;
    let fields = [("name", "Main"), ("url", "https://panel.example.com"), ("app_key", "ptla_key"), ("_token", "wrong")];
    let request = same_origin(TestRequest::post().uri("/admin/setup/panel")).cookie(admin).set_form(fields);
    assert_eq!(fixture.send(request).await.status, StatusCode::FORBIDDEN);
    assert!(fixture.services.panels.all().await.unwrap().is_empty());
}
