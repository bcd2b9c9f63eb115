//! What may stand in the address of an event stream.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::desk::{Desk, KEY};
use crate::promise;

const STREAMS: [&str; 2] = ["/api/v1/syncs/{id}/events", "/api/admin/sync/stream/{id}"];

/// What streams answer to a token in the address. There is no sync, so whoever is let in hears that: 404.
async fn opened(desk: &Desk, token: &str) -> u16 {
    let id = uuid::Uuid::nil().to_string();
    let ask = |path: &str| format!("{}?token={token}", path.replace("{id}", &id));
    let (one, other) = (desk.anonymous(&ask(STREAMS[0])).await, desk.anonymous(&ask(STREAMS[1])).await);
    assert_eq!(one.status, other.status, "{}", other.body);
    one.status
}

async fn ticket(desk: &Desk, token: &str) -> String {
    let answer = desk.by(token, Method::POST, "/api/v1/tickets", Value::Null).await.ok();
    promise::keeps("post", "/api/v1/tickets", &answer);
    assert_eq!(answer["expiresIn"], 60);
    answer["ticket"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_ticket_opens_streams_for_a_minute() {
    let desk = Desk::empty();
    let token = desk.token_of("ada@example.com", &["TECH_TEAM"]).await;
    let ticket = ticket(&desk, &token).await;
    assert_eq!(opened(&desk, &ticket).await, 404);
    desk.clock.advance_s(59);
    assert_eq!(opened(&desk, &ticket).await, 404);
    desk.clock.advance_s(1);
    assert_eq!(opened(&desk, &ticket).await, 401);
}

#[actix_web::test]
async fn a_ticket_opens_nothing_else() {
    let desk = Desk::empty();
    let token = desk.token_of("ada@example.com", &["SUPER_ADMIN"]).await;
    let ticket = ticket(&desk, &token).await;
    for path in ["/api/v1/counts", "/api/v1/syncs", "/api/v1/me", "/api/admin/sync"] {
        desk.anonymous(&format!("{path}?token={ticket}")).await.problem(401);
    }
    desk.by(&ticket, Method::GET, "/api/v1/counts", Value::Null).await.problem(401);
    desk.by(&ticket, Method::POST, "/api/v1/tickets", Value::Null).await.problem(401);
    let events = format!("/api/v1/syncs/{}/events", uuid::Uuid::nil());
    desk.by(&ticket, Method::GET, &events, Value::Null).await.problem(401);
}

#[actix_web::test]
async fn a_ticket_ends_with_its_session_and_with_what_its_owner_may() {
    let desk = Desk::empty();
    let token = desk.token_of("ada@example.com", &["TECH_TEAM"]).await;
    let first = ticket(&desk, &token).await;
    let ada = desk.services.accounts.find("ada@example.com").await.unwrap().id.to_string();
    let roles = |role: &str| json!({"userId": ada, "roles": [role]});
    desk.as_admin(Method::POST, "/api/admin/users/roles", roles("MEMBER")).await.ok();
    assert_eq!(opened(&desk, &first).await, 403);
    desk.as_admin(Method::POST, "/api/admin/users/roles", roles("TECH_TEAM")).await.ok();
    assert_eq!(opened(&desk, &first).await, 404);
    desk.by(&token, Method::POST, "/api/v1/auth/logout", json!({})).await.ok();
    assert_eq!(opened(&desk, &first).await, 401);
}

#[actix_web::test]
async fn access_tokens_and_keys_open_streams_for_the_older_front_end() {
    let desk = Desk::empty();
    let token = desk.token_of("ada@example.com", &["ADMINISTRATOR"]).await;
    assert_eq!(opened(&desk, &token).await, 404);
    assert_eq!(opened(&desk, &KEY.replace(' ', "%20")).await, 404);
    let key = json!({"name": "ci", "permissions": ["sync.read"], "expiresAt": "2026-04-01T12:00:00Z"});
    let made = desk.by(&token, Method::POST, "/api/v1/api-keys", key).await.json();
    assert_eq!(opened(&desk, made["data"]["text"].as_str().unwrap()).await, 404);
    desk.clock.advance_s(3600);
    assert_eq!(opened(&desk, &token).await, 401, "an access token ends after a quarter of an hour");
    let member = desk.token_of("bob@example.com", &[]).await;
    assert_eq!(opened(&desk, &member).await, 403);
    for wrong in ["", "wrong", "a.b.c", "%00", "..", "%C3%A9.%C3%A9.%C3%A9"] {
        assert_eq!(opened(&desk, wrong).await, 401, "{wrong}");
    }
}

#[actix_web::test]
async fn tickets_are_for_people() {
    let desk = Desk::empty();
    desk.post("/api/v1/tickets", Value::Null).await.problem(403);
    assert_eq!(desk.call(actix_web::test::TestRequest::post().uri("/api/v1/tickets")).await.status, 401);
}
