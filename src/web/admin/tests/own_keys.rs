//! Somebody's own API keys.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;

use super::assert_is_clean;
use super::fixture::{Fixture, HOSTILE};

const HERE: &str = "/admin/me/keys";

fn text(page: &str) -> String {
    page.split("id=\"key\">").nth(1).unwrap_or_else(|| panic!("{page}")).split('<').next().unwrap().to_owned()
}

fn id(page: &str) -> String {
    page.split("/admin/me/keys/").nth(1).unwrap_or_else(|| panic!("{page}")).split('/').next().unwrap().to_owned()
}

async fn opens(fixture: &Fixture, key: &str, uri: &str) -> StatusCode {
    fixture.send(TestRequest::get().uri(uri).insert_header(("x-api-key", key))).await.status
}

#[actix_web::test]
async fn a_key_may_what_was_ticked_and_is_shown_once() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    assert!(fixture.get(&session, HERE).await.body.contains("No key yet"));
    let fields = [("name", HOSTILE[0]), ("may", "server.read"), ("may", "node.read"), ("days", "30")];
    let made = fixture.post(&session, HERE, &fields).await;
    let shown = fixture.get(&session, &made.location).await;
    assert_is_clean(HERE, &shown.body);
    let key = text(&shown.body);
    let again = fixture.get(&session, &made.location).await;
    assert_eq!(again.location, HERE, "loading the page again shows nothing and makes nothing: {}", again.body);
    assert_eq!(opens(&fixture, &key, "/api/v1/mirror/servers").await, StatusCode::OK);
    assert_eq!(opens(&fixture, &key, "/api/v1/panels").await, StatusCode::FORBIDDEN);
    let page = fixture.get(&session, HERE).await.body;
    assert!(!page.contains(&key) && page.contains(&key[..17]) && page.contains("last used"), "{page}");
    assert_is_clean(HERE, &page);
}

#[actix_web::test]
async fn what_cannot_be_taken_is_said_at_its_field() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let fields = [("name", " "), ("days", "9999"), ("addresses", HOSTILE[1])];
    let refused = fixture.post(&session, HERE, &fields).await.body;
    for at in ["name", "may", "days", "addresses"] {
        assert!(refused.contains(&format!("id=\"{at}-error\"")), "{at}: {refused}");
    }
    assert_is_clean(HERE, &refused);
    let unknown = fixture.post(&session, HERE, &[("name", "a"), ("may", "*.fly"), ("days", "30")]).await.body;
    assert!(unknown.contains("id=\"may-error\""), "{unknown}");
    assert!(fixture.get(&session, HERE).await.body.contains("No key yet"));
}

#[actix_web::test]
async fn nobody_gives_a_key_more_than_they_may() {
    let fixture = Fixture::empty();
    let tech = fixture.sign_in_as("tech@example.com", "TECH_TEAM").await;
    let page = fixture.get(&tech, HERE).await.body;
    assert!(page.contains("value=\"sync.run\"") && !page.contains("value=\"account.write\""), "{page}");
    let more = fixture.post(&tech, HERE, &[("name", "a"), ("may", "account.write"), ("days", "30")]).await;
    assert_eq!(more.status, StatusCode::FORBIDDEN);
    let member = fixture.sign_in_as("member@example.com", "MEMBER").await;
    assert_eq!(fixture.get(&member, HERE).await.status, StatusCode::FORBIDDEN);
    assert!(fixture.get_outside(HERE).await.location.starts_with("/admin/login"));
}

#[actix_web::test]
async fn a_key_is_renewed_with_the_old_text_good_for_a_while_and_revoked_at_once() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let made = fixture.post(&session, HERE, &[("name", "Billing"), ("may", "server.read"), ("days", "90")]).await;
    let old = text(&fixture.get(&session, &made.location).await.body);
    let id = id(&fixture.get(&session, HERE).await.body);
    let renewed = fixture.post(&session, &format!("{HERE}/{id}/rotate"), &[("overlap", "3600")]).await;
    let tech = fixture.sign_in_as("tech@example.com", "TECH_TEAM").await;
    assert_eq!(fixture.get(&tech, &renewed.location).await.location, HERE, "the text is for who made it");
    let new = text(&fixture.get(&session, &renewed.location).await.body);
    let asks = "/api/v1/mirror/servers";
    assert_eq!([opens(&fixture, &old, asks).await, opens(&fixture, &new, asks).await], [StatusCode::OK; 2]);
    fixture.clock.advance_s(3601);
    assert_eq!(opens(&fixture, &old, asks).await, StatusCode::UNAUTHORIZED);
    assert_eq!(opens(&fixture, &new, asks).await, StatusCode::OK);
    let foreign = fixture.post(&tech, &format!("{HERE}/{id}/revoke"), &[]).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND, "keys of others are not theirs to know of");
    let revoked = fixture.post(&session, &format!("{HERE}/{id}/revoke"), &[]).await;
    assert_eq!(&*revoked.location, "/admin/me/keys?done=key-revoked");
    assert_eq!(opens(&fixture, &new, asks).await, StatusCode::UNAUTHORIZED);
    assert!(fixture.get(&session, HERE).await.body.contains("revoked"));
}
