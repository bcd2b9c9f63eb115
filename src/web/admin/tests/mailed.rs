//! Registering, and links that come by mail.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use aviary_domain::settings::{Key, Wanted};
use aviary_kernel::model::Actor;

use super::assert_is_clean;
use super::fixture::{Answer, EMAIL, Fixture, HOSTILE, PASSWORD, hidden};

const NEW: &str = "Better-5678";

async fn open_registration(fixture: &Fixture) {
    let changes = vec![(Key::RegistrationEnabled, Wanted::Switch(true))];
    fixture.services.settings.change(&Actor::command_line(), changes).await.unwrap();
}

fn registration(email: &str) -> Vec<(&str, &str)> {
    vec![("email", email), ("password", PASSWORD), ("confirm", PASSWORD), ("firstName", HOSTILE[0])]
}

/// Opens the link of the newest mail; that alone changes nothing, so it is opened twice.
async fn follow(fixture: &Fixture) -> (String, String, Answer) {
    let link = fixture.mailed().await;
    fixture.get_outside(&link).await;
    let page = fixture.get_outside(&link).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert_is_clean(&link, &page.body);
    (hidden(&page.body, "token"), hidden(&page.body, "id"), page)
}

async fn can_sign_in(fixture: &Fixture, email: &str, password: &str) -> bool {
    let form = [("email", email), ("password", password)];
    fixture.post_outside("/admin/login", &form).await.status == StatusCode::SEE_OTHER
}

#[actix_web::test]
async fn people_register_only_where_it_is_open_and_prove_their_address() {
    let fixture = Fixture::empty();
    fixture.sign_in().await;
    let email = "new@example.com";
    for closed in [
        fixture.get_outside("/admin/register").await,
        fixture.post_outside("/admin/register", &registration(email)).await,
    ] {
        assert_eq!(closed.status, StatusCode::FORBIDDEN);
        assert!(closed.body.contains("Registration is closed"), "{}", closed.body);
    }
    assert!(!fixture.get_outside("/admin/login").await.body.contains("/admin/register"));
    open_registration(&fixture).await;
    assert!(fixture.get_outside("/admin/login").await.body.contains("/admin/register"));
    let made = fixture.post_outside("/admin/register", &registration(email)).await;
    assert_eq!((made.status, &*made.location), (StatusCode::SEE_OTHER, "/admin/login?done=registered"));
    assert!(!can_sign_in(&fixture, email, PASSWORD).await, "the address is not proved");
    let (token, id, _) = follow(&fixture).await;
    assert!(!can_sign_in(&fixture, email, PASSWORD).await, "a link that is only opened proves nothing");
    let link = [("token", token.as_str()), ("id", id.as_str())];
    let proved = fixture.post_outside("/admin/verify-email", &link).await;
    assert_eq!(&*proved.location, "/admin/login?done=verified", "{}", proved.body);
    assert!(can_sign_in(&fixture, email, PASSWORD).await);
    let again = fixture.post_outside("/admin/verify-email", &link).await;
    assert!(again.status == StatusCode::BAD_REQUEST && again.body.contains("used already"), "{}", again.body);
    let account = fixture.services.accounts.find(email).await.unwrap();
    assert_eq!(account.roles, ["MEMBER"]);
}

#[actix_web::test]
async fn who_registers_does_not_learn_who_has_an_account() {
    let fixture = Fixture::empty();
    fixture.sign_in().await;
    open_registration(&fixture).await;
    let taken = fixture.post_outside("/admin/register", &registration(EMAIL)).await;
    let free = fixture.post_outside("/admin/register", &registration("free@example.com")).await;
    assert_eq!((taken.status, taken.location, taken.body), (free.status, free.location, free.body));
    let bad = fixture.post_outside("/admin/register", &[("email", "no"), ("password", "x"), ("confirm", "x")]).await;
    assert!(bad.status == StatusCode::BAD_REQUEST && bad.body.contains("id=\"email-error\""), "{}", bad.body);
    let roles = [registration("eve@example.com"), vec![("roles", "SUPER_ADMIN"), ("role", "SUPER_ADMIN")]].concat();
    fixture.post_outside("/admin/register", &roles).await;
    assert_eq!(fixture.services.accounts.find("eve@example.com").await.unwrap().roles, ["MEMBER"]);
}

#[actix_web::test]
async fn a_forgotten_password_is_replaced_by_a_link_that_is_good_once() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let known = fixture.post_outside("/admin/forgot-password", &[("email", EMAIL)]).await;
    let unknown = fixture.post_outside("/admin/forgot-password", &[("email", "nobody@example.com")]).await;
    assert_eq!((known.status, &known.body), (StatusCode::OK, &unknown.body), "nobody learns who has an account");
    let bad = fixture.post_outside("/admin/forgot-password", &[("email", HOSTILE[1])]).await;
    assert!(bad.body.contains("id=\"email-error\"") && bad.body.contains("&#60;img"), "{}", bad.body);
    assert_is_clean("/admin/forgot-password", &bad.body);

    let (token, id, _) = follow(&fixture).await;
    let link = [("token", token.as_str()), ("id", id.as_str())];
    let set = async |password, confirm| {
        let fields = [link.as_slice(), &[("password", password), ("confirm", confirm)]].concat();
        fixture.post_outside("/admin/reset-password", &fields).await
    };
    assert!(set(NEW, "Other-5678").await.body.contains("id=\"confirm-error\""));
    assert!(set("short", "short").await.body.contains("id=\"password-error\""));
    let done = set(NEW, NEW).await;
    assert_eq!(&*done.location, "/admin/login?done=password-reset", "{}", done.body);
    assert!(fixture.get(&session, "/admin").await.location.starts_with("/admin/login"), "sessions are over");
    assert!(can_sign_in(&fixture, EMAIL, NEW).await && !can_sign_in(&fixture, EMAIL, PASSWORD).await);
    let again = set("Third-9876", "Third-9876").await;
    assert!(again.status == StatusCode::BAD_REQUEST && again.body.contains("used already"), "{}", again.body);
    assert!(can_sign_in(&fixture, EMAIL, NEW).await);
}

#[actix_web::test]
async fn a_link_signs_in_once_and_not_by_being_opened() {
    let fixture = Fixture::empty();
    fixture.sign_in().await;
    assert!(fixture.get_outside("/admin/magic-link").await.body.contains("Send the link"));
    fixture.post_outside("/admin/magic-link", &[("email", EMAIL)]).await;
    let (token, id, page) = follow(&fixture).await;
    assert!(page.cookie.is_none());
    let link = [("token", token.as_str()), ("id", id.as_str()), ("next", "https://evil.example")];
    let entered = fixture.post_outside("/admin/magic-link", &link).await;
    assert_eq!((entered.status, &*entered.location), (StatusCode::SEE_OTHER, "/admin"));
    assert_eq!(fixture.get(&entered.cookie.unwrap(), "/admin").await.status, StatusCode::OK);
    let again = fixture.post_outside("/admin/magic-link", &link).await;
    assert!(again.cookie.is_none() && again.body.contains("used already"), "{}", again.body);
}

#[actix_web::test]
async fn a_link_that_is_too_old_or_made_up_leads_to_a_new_one() {
    let fixture = Fixture::empty();
    fixture.sign_in().await;
    fixture.post_outside("/admin/magic-link", &[("email", EMAIL)]).await;
    let (token, ..) = follow(&fixture).await;
    fixture.clock.advance_s(31 * 60);
    let old = fixture.post_outside("/admin/magic-link", &[("token", &token)]).await;
    assert!(old.body.contains("too old") && old.body.contains("href=\"/admin/magic-link\""), "{}", old.body);
    for (uri, way) in [
        ("/admin/magic-link", "/admin/magic-link"),
        ("/admin/verify-email", "/admin/forgot-password"),
        ("/admin/reset-password", "/admin/forgot-password"),
    ] {
        let fields = [("token", HOSTILE[1]), ("id", HOSTILE[0]), ("password", NEW), ("confirm", NEW)];
        let refused = fixture.post_outside(uri, &fields).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{uri}");
        assert!(refused.body.contains(&format!("href=\"{way}\"")), "{uri}: {}", refused.body);
        assert_is_clean(uri, &refused.body);
        let opened = fixture.get_outside(&format!("{uri}?token=%22%3E%3Cimg%20src=x%3E&id=%3Cscript%3E")).await;
        assert_is_clean(uri, &opened.body);
    }
}

#[actix_web::test]
async fn forms_of_other_sites_are_not_taken_and_nobody_asks_for_long() {
    let fixture = Fixture::empty();
    fixture.sign_in().await;
    for uri in ["register", "verify-email", "forgot-password", "reset-password", "magic-link", "setup"]
        .map(|page| format!("/admin/{page}"))
    {
        let request = TestRequest::post().uri(&uri).insert_header(("host", "localhost:8080"));
        let request = request.insert_header(("origin", "https://evil.example"));
        let refused = fixture.send(request.set_form([("email", EMAIL), ("token", "a")])).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{uri}");
    }
    let asked = async || fixture.post_outside("/admin/forgot-password", &[("email", "a@example.com")]).await.status;
    for _ in 0..5 {
        assert_eq!(asked().await, StatusCode::OK);
    }
    assert_eq!(asked().await, StatusCode::TOO_MANY_REQUESTS);
}
