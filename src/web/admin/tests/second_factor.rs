//! Second factors: turned on, used, moved, given up; and roles that ask for one.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use aviary_domain::access::{Caller, SUPER_ADMIN};
use totp_rs::{Builder, Totp};

use super::assert_is_clean;
use super::fixture::{Answer, EMAIL, Fixture, PASSWORD, hidden};

const HERE: &str = "/admin/me/security/second-factor";

struct App(Totp);

impl App {
    /// Reads the secret off the page.
    fn scan(page: &str) -> Self {
        let secret = page.split("id=\"secret\">").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
        Self(Builder::new().with_secret(totp_rs::Secret::try_from_base32(&secret).unwrap()).build().unwrap())
    }

    /// What it shows now; the step before is used up.
    fn code(&self, fixture: &Fixture) -> String {
        fixture.clock.advance_s(30);
        self.0.generate(u64::try_from(fixture.services.env.now().seconds()).unwrap()).to_string()
    }
}

fn recovery_codes(page: &str) -> Vec<String> {
    let block = page.split("class=\"block codes\" tabindex=\"0\">").nth(1).unwrap().split('<').next().unwrap();
    block.split_whitespace().map(str::to_owned).collect()
}

async fn turn_on(fixture: &Fixture, session: &Cookie<'static>) -> (App, Answer) {
    let offer = fixture.post(session, HERE, &[("current", PASSWORD)]).await;
    assert_is_clean(HERE, &offer.body);
    assert!(offer.body.contains("<svg xmlns") && offer.body.contains("href=\"otpauth://totp/"), "{}", offer.body);
    let app = App::scan(&offer.body);
    let code = app.code(fixture);
    let done = fixture.post(session, &format!("{HERE}/on"), &[("code", &code)]).await;
    (app, done)
}

async fn enter(fixture: &Fixture, code: &str) -> Answer {
    let half = fixture.post_outside("/admin/login", &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert!(half.cookie.is_none(), "the password alone lets nobody in");
    let half_way = hidden(&half.body, "half_way");
    fixture.post_outside("/admin/login", &[("half_way", &half_way), ("code", code), ("next", "/admin/nodes")]).await
}

#[actix_web::test]
async fn once_it_is_on_signing_in_takes_a_code_that_is_good_once() {
    let fixture = Fixture::empty();
    let (session, other) = (fixture.sign_in().await, fixture.sign_in().await);
    let wrong = fixture.post(&session, HERE, &[("current", "wrong")]).await;
    assert!(wrong.body.contains("id=\"factor-on-current-error\"") && !wrong.body.contains("<svg xmlns"));
    fixture.post(&session, HERE, &[("current", PASSWORD)]).await;
    let bad = fixture.post(&session, &format!("{HERE}/on"), &[("code", "000000")]).await;
    assert!(bad.body.contains("id=\"code-error\""), "{}", bad.body);
    assert_eq!(fixture.services.accounts.find(EMAIL).await.unwrap().second_factor, None);

    let (app, done) = turn_on(&fixture, &session).await;
    let codes = recovery_codes(&done.body);
    assert_eq!(codes.len(), 10, "{}", done.body);
    assert!(
        done.body.contains("download=\"aviary-recovery-codes.txt\"")
            && done.body.contains(&format!("%0A{}%0A", codes[3]))
    );
    assert_is_clean(HERE, &done.body);
    assert!(fixture.get(&other, "/admin").await.location.starts_with("/admin/login"), "other sessions are over");
    let page = fixture.get(&session, "/admin/me/security").await.body;
    assert!(page.contains("10 recovery codes are left") && !page.contains(&codes[0]), "shown once: {page}");

    let code = app.code(&fixture);
    let entered = enter(&fixture, &code).await;
    assert_eq!((entered.status, &*entered.location), (StatusCode::SEE_OTHER, "/admin/nodes"), "{}", entered.body);
    assert!(enter(&fixture, &code).await.cookie.is_none(), "a code is good once");
    assert!(enter(&fixture, &codes[0]).await.cookie.is_some());
    assert!(enter(&fixture, &codes[0]).await.cookie.is_none(), "a recovery code is good once");
}

#[actix_web::test]
async fn a_link_from_a_mail_asks_for_the_code_too_and_stays_good_until_it_is_right() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let (app, _) = turn_on(&fixture, &session).await;
    fixture.post_outside("/admin/magic-link", &[("email", EMAIL)]).await;
    let page = fixture.get_outside(&fixture.mailed().await).await.body;
    let (token, id) = (hidden(&page, "token"), hidden(&page, "id"));
    let link = [("token", token.as_str()), ("id", id.as_str())];
    let asks = fixture.post_outside("/admin/magic-link", &link).await;
    assert!(
        asks.status == StatusCode::OK && asks.cookie.is_none() && asks.body.contains("for=\"code\""),
        "{}",
        asks.body
    );
    let with = |code: &str| {
        [link.as_slice(), &[("code", code)]]
            .concat()
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect::<Vec<_>>()
    };
    for code in ["000000", ""] {
        let fields = with(code);
        let fields: Vec<_> = fields.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let wrong = fixture.post_outside("/admin/magic-link", &fields).await;
        assert!(wrong.cookie.is_none() && wrong.body.contains("id=\"code-error\""), "{code}: {}", wrong.body);
    }
    let code = app.code(&fixture);
    let fields = with(&code);
    let fields: Vec<_> = fields.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert!(fixture.post_outside("/admin/magic-link", &fields).await.cookie.is_some());
}

#[actix_web::test]
async fn it_moves_to_another_phone_gets_new_codes_and_is_turned_off_with_password_and_code() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let (app, done) = turn_on(&fixture, &session).await;
    let old = recovery_codes(&done.body);
    let code = app.code(&fixture);
    let offer = fixture.post(&session, HERE, &[("current", PASSWORD), ("code", &code)]).await;
    let another = App::scan(&offer.body);
    let code = another.code(&fixture);
    let moved = fixture.post(&session, &format!("{HERE}/on"), &[("code", &code)]).await;
    assert_ne!(recovery_codes(&moved.body), old);
    let renewed = |code: String| {
        let (fixture, session) = (&fixture, &session);
        async move { fixture.post(session, &format!("{HERE}/codes"), &[("current", PASSWORD), ("code", &code)]).await }
    };
    let with_old_app = renewed(app.code(&fixture)).await;
    assert!(with_old_app.body.contains("id=\"renew-codes-code-error\""), "{}", with_old_app.body);
    let page = renewed(another.code(&fixture)).await;
    assert_eq!(recovery_codes(&page.body).len(), 10, "{}", page.body);
    let off = format!("{HERE}/off");
    let refused = fixture.post(&session, &off, &[("current", PASSWORD), ("code", &old[0])]).await;
    assert!(refused.body.contains("id=\"factor-off-code-error\""), "{}", refused.body);
    let code = another.code(&fixture);
    let done = fixture.post(&session, &off, &[("current", PASSWORD), ("code", &code)]).await;
    assert_eq!(&*done.location, "/admin/me/security?done=second-factor-off", "{}", done.body);
    assert_eq!(fixture.services.accounts.find(EMAIL).await.unwrap().second_factor, None);
}

#[actix_web::test]
async fn a_role_that_asks_for_it_leads_to_the_security_page_and_nowhere_else() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    fixture.services.access.set_second_factor(&Caller::command_line(), SUPER_ADMIN, true).await.unwrap();
    for uri in ["/admin", "/admin/me", "/admin/me/keys", "/admin/panels", "/admin/settings", "/admin/setup/panel"] {
        let led = fixture.get(&session, uri).await;
        let there = "/admin/me/security?done=needs-second-factor";
        assert_eq!((led.status, &*led.location), (StatusCode::SEE_OTHER, there), "{uri}");
    }
    let form = [("name", "Main"), ("url", "https://panel.example.com"), ("app_key", "ptla_key")];
    assert_eq!(fixture.post(&session, "/admin/panels", &form).await.status, StatusCode::SEE_OTHER);
    assert!(fixture.services.panels.all().await.unwrap().is_empty());
    let page = fixture.get(&session, "/admin/me/security?done=needs-second-factor").await;
    assert!(
        page.status == StatusCode::OK && page.body.contains("Your role asks for a second factor."),
        "{}",
        page.body
    );
    assert!(!page.body.contains("href=\"/admin/panels\""), "{}", page.body);
    let (app, done) = turn_on(&fixture, &session).await;
    assert_eq!(recovery_codes(&done.body).len(), 10);
    assert_eq!(fixture.get(&session, "/admin").await.status, StatusCode::OK, "now everything opens");
    let page = fixture.get(&session, "/admin/me/security").await.body;
    assert!(page.contains("so it cannot be turned off") && !page.contains(&format!("{HERE}/off")), "{page}");
    let code = app.code(&fixture);
    let kept = fixture.post(&session, &format!("{HERE}/off"), &[("current", PASSWORD), ("code", &code)]).await;
    assert!(kept.location.is_empty());
    assert!(fixture.services.accounts.find(EMAIL).await.unwrap().second_factor.is_some());
}
