//! Somebody's own account: profile, password, e-mail address, sessions.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use aviary_domain::access::Caller;
use aviary_domain::accounts::{AccountPatch, NewAccount, ProfilePatch};
use aviary_kernel::model::SyncId;

use super::assert_is_clean;
use super::fixture::{self, EMAIL, Fixture, HOSTILE, PASSWORD, apply, form_token, same_origin};

const MEMBER: &str = "u2@example.com";
const NEW: &str = "Better-5678";

#[actix_web::test]
async fn whoever_may_not_see_the_overview_lands_on_their_own_page() {
    let fixture = Fixture::hostile().await;
    let member = fixture.sign_in_as(MEMBER, "MEMBER").await;
    let led = fixture.get(&member, "/admin").await;
    assert_eq!((led.status, &*led.location), (StatusCode::SEE_OTHER, "/admin/me"));
    let page = fixture.get(&member, "/admin/me").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert_is_clean("/admin/me", &page.body);
    assert!(page.body.contains("MEMBER") && page.body.contains("Sees their own servers and account."));
    for link in ["/admin/servers", "/admin/audit", "/admin/panels", "/admin/me/keys"] {
        assert!(!page.body.contains(&format!("href=\"{link}")), "{link} would be refused: {}", page.body);
        assert_eq!(fixture.get(&member, link).await.status, StatusCode::FORBIDDEN, "{link}");
    }
    let admin = fixture.sign_in().await;
    let page = fixture.get(&admin, "/admin/me").await.body;
    assert!(
        page.contains("See servers, their limits and variables.") && page.contains("href=\"/admin/audit"),
        "{page}"
    );
}

#[actix_web::test]
async fn people_see_their_own_servers_and_no_others() {
    let fixture = Fixture::hostile().await;
    let member = fixture.sign_in_as(MEMBER, "MEMBER").await;
    let panel = fixture.services.panels.all().await.unwrap()[0].id;
    let own = fixture::server(900, "own <b>bold</b>", 2, 1, 1);
    apply(&fixture.writer(panel, SyncId::from_u128(9)), vec![own, fixture::server(901, "of another", 3, 1, 1)]).await;
    let page = fixture.get(&member, "/admin/me").await.body;
    assert!(page.contains("own &#60;b&#62;bold") && !page.contains("of another"), "{page}");
    assert_is_clean("/admin/me", &page);
    let stranger = fixture.sign_in_as("stranger@example.com", "MEMBER").await;
    let page = fixture.get(&stranger, "/admin/me").await.body;
    assert!(page.contains("No panel has a server that belongs to a user with your e-mail address."), "{page}");
    assert!(fixture.get(&member, "/admin/me?offset=x").await.body.contains("The address has a value of"));
    assert_eq!(fixture.get(&member, "/admin/me?offset=99999999999").await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_profile_is_changed_and_bad_values_come_back_marked() {
    let fixture = Fixture::empty();
    let member = fixture.sign_in_as(MEMBER, "MEMBER").await;
    let bad = [("username", HOSTILE[0]), ("billingEmail", "nobody"), ("roles", "SUPER_ADMIN")];
    let refused = fixture.post(&member, "/admin/me", &bad).await;
    assert!(
        refused.body.contains("id=\"billingEmail-error\"") && refused.body.contains("&#60;script"),
        "{}",
        refused.body
    );
    let nameless = fixture.post(&member, "/admin/me", &[("username", " ")]).await;
    assert!(nameless.body.contains("Say what people call you."), "{}", nameless.body);
    let good = [("username", HOSTILE[1]), ("firstName", HOSTILE[5]), ("isActive", "false"), ("roles", "SUPER_ADMIN")];
    let saved = fixture.post(&member, "/admin/me", &good).await;
    assert_eq!(&*saved.location, "/admin/me?done=profile-saved", "{}", saved.body);
    let account = fixture.services.accounts.find(MEMBER).await.unwrap();
    assert_eq!((account.username.as_str(), account.roles.as_slice()), (HOSTILE[1], ["MEMBER".to_owned()].as_slice()));
    let page = fixture.get(&member, "/admin/me").await.body;
    assert_is_clean("/admin/me", &page);
    assert!(page.contains("Changed an account"), "what they did last: {page}");
}

#[actix_web::test]
async fn what_others_did_to_an_account_shows_on_its_page_without_telling_where_they_were() {
    let fixture = Fixture::empty();
    let member = fixture.sign_in_as(MEMBER, "MEMBER").await;
    let wrong = [("email", MEMBER), ("password", "wrong")];
    fixture.post_outside("/admin/login", &wrong).await;
    let account = fixture.services.accounts.find(MEMBER).await.unwrap();
    let profile = ProfilePatch { username: Some("Other".into()), ..ProfilePatch::default() };
    let patch = AccountPatch { profile, ..AccountPatch::default() };
    fixture.services.accounts.update(&Caller::command_line(), account.id, patch).await.unwrap();
    let page = fixture.get(&member, "/admin/me").await.body;
    assert!(page.contains("somebody who was not signed in") && page.contains("Tried to sign in"), "{page}");
    assert!(page.contains("a program") && !page.contains("command line"), "{page}");
}

#[actix_web::test]
async fn another_password_needs_the_present_one_and_ends_other_sessions() {
    let fixture = Fixture::empty();
    let (here, there) = (fixture.sign_in().await, fixture.sign_in().await);
    let uri = "/admin/me/security/password";
    for (current, new, confirm, at) in [
        ("", NEW, NEW, "current"),
        ("wrong", NEW, NEW, "current"),
        (PASSWORD, "short", "short", "password"),
        (PASSWORD, NEW, "Other-5678", "confirm"),
    ] {
        let fields = [("current", current), ("password", new), ("confirm", confirm)];
        let refused = fixture.post(&here, uri, &fields).await;
        assert!(refused.body.contains(&format!("id=\"password-{at}-error\"")), "{at}: {}", refused.body);
        assert!(!refused.body.contains(NEW) && !refused.body.contains(PASSWORD));
        assert_is_clean(uri, &refused.body);
    }
    let done = fixture.post(&here, uri, &[("current", PASSWORD), ("password", NEW), ("confirm", NEW)]).await;
    assert_eq!(&*done.location, "/admin/me/security?done=password-changed", "{}", done.body);
    assert_eq!(fixture.get(&here, "/admin").await.status, StatusCode::OK);
    assert!(fixture.get(&there, "/admin").await.location.starts_with("/admin/login"));
}

#[actix_web::test]
async fn another_address_counts_once_its_link_was_used() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let uri = "/admin/me/security/email";
    let bad = fixture.post(&session, uri, &[("email", HOSTILE[1]), ("current", PASSWORD)]).await;
    assert!(bad.body.contains("id=\"email-email-error\""), "{}", bad.body);
    assert_is_clean(uri, &bad.body);
    let wrong = fixture.post(&session, uri, &[("email", "new@example.com"), ("current", "wrong")]).await;
    assert!(wrong.body.contains("id=\"email-current-error\"") && wrong.body.contains("value=\"new@example.com\""));
    let asked = fixture.post(&session, uri, &[("email", "new@example.com"), ("current", PASSWORD)]).await;
    assert_eq!(&*asked.location, "/admin/me/security?done=email-asked", "{}", asked.body);
    assert!(fixture.get(&session, "/admin/me/security").await.body.contains(EMAIL), "it has not changed yet");
    let link = fixture.mailed().await;
    let page = fixture.get(&session, &link).await.body;
    let fields = [("token", fixture::hidden(&page, "token")), ("id", fixture::hidden(&page, "id"))];
    let request = same_origin(TestRequest::post().uri("/admin/verify-email")).cookie(session.clone());
    let proved = fixture.send(request.set_form(&fields)).await;
    assert_eq!(&*proved.location, "/admin/me/security?done=verified", "{}", proved.body);
    assert!(fixture.get(&session, "/admin/me/security").await.body.contains("new@example.com"));
}

#[actix_web::test]
async fn sessions_are_listed_and_ended_but_only_ones_own() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1";
    let other = TestRequest::post().uri("/admin/login").insert_header(("user-agent", agent));
    let other = same_origin(other).set_form([("email", EMAIL), ("password", PASSWORD)]);
    let phone = fixture.send(other).await.cookie.unwrap();
    let hostile = TestRequest::post().uri("/admin/login").insert_header(("user-agent", "<script>alert(1)</script>"));
    let hostile = same_origin(hostile).set_form([("email", EMAIL), ("password", PASSWORD)]);
    fixture.send(hostile).await;
    let page = fixture.get(&session, "/admin/me/security").await.body;
    assert!(
        page.contains("Safari on iPhone") && page.contains("this one") && page.contains("Sign out everywhere else")
    );
    assert_is_clean("/admin/me/security", &page);
    let member = fixture.sign_in_as(MEMBER, "MEMBER").await;
    let id = page.split("Safari on iPhone</b>").nth(1).map(|rest| fixture::hidden(rest, "which")).unwrap();
    let end = "/admin/me/security/sessions/end";
    fixture.post(&member, end, &[("which", &id)]).await;
    assert_eq!(fixture.get(&phone, "/admin").await.status, StatusCode::OK, "a session of somebody else");
    let ended = fixture.post(&session, end, &[("which", &id)]).await;
    assert_eq!(&*ended.location, "/admin/me/security?done=session-ended");
    assert!(fixture.get(&phone, "/admin").await.location.starts_with("/admin/login"));
    fixture.post(&session, end, &[("which", "others")]).await;
    let page = fixture.get(&session, "/admin/me/security").await.body;
    assert!(page.contains("You are signed in nowhere else."), "{page}");
    assert_eq!(fixture.post(&session, end, &[("which", "<b>")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(fixture.get(&member, "/admin/me").await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_form_of_another_session_is_refused() {
    let fixture = Fixture::empty();
    let (session, other) = (fixture.sign_in().await, fixture.sign_in_as(MEMBER, "MEMBER").await);
    let token = form_token(&fixture.get(&other, "/admin/me").await.body);
    let fields = [("username", "Mallory"), ("_token", token.as_str())];
    let request = same_origin(TestRequest::post().uri("/admin/me")).cookie(session).set_form(fields);
    assert_eq!(fixture.send(request).await.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn who_may_not_see_the_audit_trail_sees_none_of_it_on_other_pages() {
    let fixture = Fixture::hostile().await;
    let admin = fixture.sign_in().await;
    let support = fixture.sign_in_as("support@example.com", "SUPPORT_TEAM").await;
    let uri = "/admin/panels/1";
    assert!(fixture.get(&admin, uri).await.body.contains("Added a panel"));
    let page = fixture.get(&support, uri).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.body.contains("Added a panel") && !page.body.contains("href=\"/admin/audit"), "{}", page.body);
}

#[actix_web::test]
async fn an_address_that_is_to_be_proved_gets_its_mail_once_more() {
    let fixture = Fixture::empty();
    let member = fixture.sign_in_as(MEMBER, "MEMBER").await;
    let account = fixture.services.accounts.find(MEMBER).await.unwrap();
    let patch = AccountPatch { verified: Some(false), ..AccountPatch::default() };
    fixture.services.accounts.update(&Caller::command_line(), account.id, patch).await.unwrap();
    let page = fixture.get(&member, "/admin/me/security").await.body;
    assert!(page.contains("not proved") && page.contains("Send the mail again"), "{page}");
    let again = "/admin/me/security/verification";
    let sent = fixture.post(&member, again, &[]).await;
    assert_eq!(&*sent.location, "/admin/me/security?done=verification-sent", "{}", sent.body);
    let page = fixture.get_outside(&fixture.mailed().await).await.body;
    let (token, id) = (fixture::hidden(&page, "token"), fixture::hidden(&page, "id"));
    fixture.post_outside("/admin/verify-email", &[("token", &token), ("id", &id)]).await;
    let page = fixture.get(&member, "/admin/me/security").await.body;
    assert!(!page.contains("not proved") && !page.contains("Send the mail again"), "{page}");
    let sent = fixture.post(&member, again, &[]).await;
    assert_eq!(&*sent.location, "/admin/me/security?done=verified");
}

#[actix_web::test]
async fn who_has_no_password_is_led_to_set_one_by_mail() {
    let fixture = Fixture::empty();
    fixture.sign_in().await;
    let new = NewAccount {
        email: MEMBER.into(),
        username: None,
        password: None,
        roles: vec!["MEMBER".into()],
        verified: true,
    };
    fixture.services.accounts.create(&Caller::command_line(), new).await.unwrap();
    fixture.post_outside("/admin/magic-link", &[("email", MEMBER)]).await;
    let page = fixture.get_outside(&fixture.mailed().await).await.body;
    let (token, id) = (fixture::hidden(&page, "token"), fixture::hidden(&page, "id"));
    let entered = fixture.post_outside("/admin/magic-link", &[("token", &token), ("id", &id)]).await;
    let page = fixture.get(&entered.cookie.unwrap(), "/admin/me/security").await.body;
    assert!(page.contains("You have no password yet") && page.contains("href=\"/admin/forgot-password\""), "{page}");
}
