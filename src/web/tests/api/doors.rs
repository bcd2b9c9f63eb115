//! Who gets in, and what every answer has.

use aviary_kernel::model::{Actor, SessionKind};
use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;

use serde_json::json;

use crate::desk::{Desk, KEY, keyed};

#[actix_web::test]
async fn the_key_opens_in_each_of_its_places() {
    let desk = Desk::empty();
    for (name, value) in [("x-api-key", KEY.to_owned()), ("authorization", format!("Bearer {KEY}"))] {
        let answer = desk.call(TestRequest::get().uri("/api/v1/counts").insert_header((name, value))).await;
        answer.ok();
    }
}

#[actix_web::test]
async fn nobody_and_a_wrong_key_are_refused_with_the_body_that_front_ends_read() {
    let desk = Desk::empty();
    let nobody = desk.anonymous("/api/admin/servers").await;
    assert!(nobody.problem(401).contains("X-API-Key"));
    assert_eq!(nobody.json()["code"], "UNAUTHORIZED");
    for wrong in ["", "wrong", "the key of these test", "the key of these tests "].map(str::to_owned) {
        let answer = desk
            .call(
                TestRequest::get()
                    .uri("/api/admin/servers")
                    .insert_header(("authorization", format!("bearer {wrong}"))),
            )
            .await;
        answer.problem(401);
    }
}

#[actix_web::test]
async fn the_key_in_the_address_opens_streams_only() {
    let desk = Desk::empty();
    let token = "?token=the%20key%20of%20these%20tests";
    desk.anonymous(&format!("/api/v1/counts{token}")).await.problem(401);
    let id = uuid::Uuid::nil();
    desk.anonymous(&format!("/api/v1/syncs/{id}/events{token}")).await.problem(404);
    desk.anonymous(&format!("/api/admin/sync/stream/{id}{token}")).await.problem(404);
    desk.anonymous(&format!("/api/admin/sync/stream/{id}?token=wrong")).await.problem(401);
}

#[actix_web::test]
async fn without_a_key_in_the_configuration_no_key_is_the_one() {
    let desk = Desk::with(|options| options.api_key = None);
    desk.get("/api/v1/counts").await.problem(401);
    desk.anonymous("/api/stats").await.ok();
}

/// Signs in as the pages do; the cookie as browsers send it.
async fn signed_in(desk: &Desk) -> String {
    desk.token_of("mara@example.com", &["SUPER_ADMIN"]).await;
    let entered = desk.enter("mara@example.com", SessionKind::Browser).await;
    format!("aviary={}", entered.token.reveal())
}

#[actix_web::test]
async fn a_session_may_read_and_from_our_own_pages_write() {
    let desk = Desk::empty();
    let cookie = signed_in(&desk).await;
    desk.call(TestRequest::get().uri("/api/v1/counts").insert_header(("cookie", cookie.clone()))).await.ok();

    let post = || {
        TestRequest::post()
            .uri("/api/v1/sync/full")
            .insert_header(("cookie", cookie.clone()))
            .insert_header(("host", "aviary.test"))
    };
    desk.call(post()).await.problem(403);
    desk.call(post().insert_header(("origin", "https://evil.example"))).await.problem(403);
    desk.call(post().insert_header(("origin", "null"))).await.problem(403);
    desk.call(post().insert_header(("sec-fetch-site", "cross-site"))).await.problem(403);
    // Let in, and then told that there is no panel.
    desk.call(post().insert_header(("origin", "http://aviary.test"))).await.problem(409);
    desk.call(post().insert_header(("sec-fetch-site", "same-origin"))).await.problem(409);
}

#[actix_web::test]
async fn a_session_lasts_while_it_is_used_and_ends_when_it_is_not() {
    let desk = Desk::empty();
    let cookie = signed_in(&desk).await;
    let get = || TestRequest::get().uri("/api/v1/counts").insert_header(("cookie", cookie.clone()));
    for _ in 0..3 {
        desk.clock.advance_s(7 * 3600);
        desk.call(get()).await.ok();
        desk.services.store.write(|_| Ok(())).await.unwrap();
    }
    desk.clock.advance_s(13 * 3600);
    desk.call(get()).await.problem(401);
}

#[actix_web::test]
async fn every_answer_is_dressed() {
    let desk = Desk::empty();
    let mut ids = Vec::new();
    for path in ["/health", "/api/v1/counts", "/nothing", "/api/nothing", "/admin/nothing"] {
        let answer = desk.anonymous(path).await;
        assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'self'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        ids.push(answer.header("x-request-id").unwrap().to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[actix_web::test]
async fn a_request_cannot_choose_its_id() {
    let desk = Desk::empty();
    let answer = desk.call(TestRequest::get().uri("/health").insert_header(("x-request-id", "mine"))).await;
    assert_ne!(answer.header("x-request-id"), Some("mine"));
}

#[actix_web::test]
async fn unknown_addresses_and_methods_are_told_in_json() {
    let desk = Desk::empty();
    assert!(desk.anonymous("/api/nothing").await.problem(404).contains("/openapi.json"));
    let answer = desk.send(Method::DELETE, "/api/stats").await;
    answer.problem(405);
    assert_eq!(answer.header("allow"), Some("GET"));
    let answer = desk.send(Method::PUT, "/api/admin/sync").await;
    assert_eq!(answer.header("allow"), Some("GET, POST"));
    answer.problem(405);
}

#[actix_web::test]
async fn unknown_pages_are_told_in_html() {
    let answer = Desk::empty().anonymous("/admin/nothing/here").await;
    assert!(answer.status == 404 || answer.status == 303, "{}", answer.status);
    if answer.status == 404 {
        assert!(answer.header("content-type").unwrap().starts_with("text/html"));
        assert!(answer.body.contains(answer.header("x-request-id").unwrap()), "{}", answer.body);
    }
}

#[actix_web::test]
async fn a_slash_at_the_end_makes_no_difference() {
    Desk::empty().anonymous("/api/stats/").await.ok();
}

#[actix_web::test]
async fn head_is_answered_where_get_is() {
    let desk = Desk::empty();
    for path in ["/health", "/api/stats", "/api/v1/counts", "/openapi.json"] {
        assert_eq!(desk.send(Method::HEAD, path).await.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn only_listed_sites_may_read_answers_in_a_browser() {
    let desk = Desk::empty();
    let from = |origin: &'static str| keyed(TestRequest::get().uri("/api/v1/counts").insert_header(("origin", origin)));
    let listed = desk.call(from("https://www.example.com")).await;
    assert_eq!(listed.header("access-control-allow-origin"), Some("https://www.example.com"));
    assert_eq!(listed.header("access-control-allow-credentials"), Some("true"));
    assert!(listed.header("access-control-expose-headers").unwrap().contains("Retry-After"));
    for other in ["https://example.com", "https://www.example.com.evil.example", "null"] {
        assert_eq!(desk.call(from(other)).await.header("access-control-allow-origin"), None, "{other}");
    }
    // Refusals must be readable too.
    let refused =
        desk.call(TestRequest::get().uri("/api/v1/counts").insert_header(("origin", "https://www.example.com"))).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, Some("https://www.example.com")));
}

#[actix_web::test]
async fn browsers_may_ask_beforehand() {
    let desk = Desk::empty();
    let ask = TestRequest::with_uri("/api/v1/panels").method(Method::OPTIONS);
    let ask = ask
        .insert_header(("origin", "https://www.example.com"))
        .insert_header(("access-control-request-method", "POST"));
    let answer = desk.call(ask).await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("access-control-allow-methods").unwrap().contains("PATCH"));
    assert!(answer.header("access-control-allow-headers").unwrap().contains("X-API-Key"));
}

#[actix_web::test]
async fn health_tells_the_time_and_the_workers() {
    let desk = Desk::empty();
    desk.services.heartbeats.beat("scheduler", Duration::from_secs(60));
    let well = desk.anonymous("/health").await.ok();
    assert_eq!((&well["status"], &well["timestamp"]), (&"healthy".into(), &"2026-03-01T12:00:00Z".into()));
    assert_eq!(well["checks"], serde_json::json!({"database": "ok", "workers": "ok", "api": "ok"}));

    desk.clock.advance_s(61);
    let ill = desk.anonymous("/health").await;
    assert_eq!(ill.status, 503);
    let ill = ill.json();
    assert_eq!(ill["database"]["status"], "connected");
    assert_eq!(ill["workers"]["status"], "unavailable");
    assert_eq!(ill["checks"], serde_json::json!({"database": "ok", "workers": "error"}));

    let ready = desk.anonymous("/readyz").await;
    assert_eq!((ready.status, &ready.json()["overdue"][0]), (503, &"scheduler".into()));
}

#[actix_web::test]
async fn ready_shows_panels_without_telling_everybody_what_is_wrong() {
    let desk = Desk::empty();
    let panel = desk.panel("main", "http://127.0.0.1:1").await;
    assert_eq!(desk.anonymous("/readyz").await.ok()["panels"][0]["reachable"], serde_json::Value::Null);
    assert!(desk.services.panels.test(&Actor::job("test"), panel).await.is_err());
    let ready = desk.anonymous("/readyz").await;
    assert_eq!(ready.ok()["panels"][0]["reachable"], false);
    assert!(!ready.body.contains("127.0.0.1"), "{}", ready.body);
}

#[actix_web::test]
async fn a_body_that_is_too_large_is_refused() {
    let desk = Desk::empty();
    let answer = desk
        .call(
            keyed(TestRequest::post().uri("/api/v1/panels"))
                .set_payload(vec![b' '; 2 << 20])
                .insert_header(("content-type", "application/json")),
        )
        .await;
    answer.problem(413);
    let log_in = TestRequest::post().uri("/api/v1/auth/login").set_payload("x".repeat(2 << 20));
    let answer = desk.call(log_in).await;
    answer.problem(413);
    assert_eq!(answer.json()["code"], "TOO_LARGE");
    let answer = desk.call(keyed(TestRequest::post().uri("/api/admin/sync")).set_payload(vec![b' '; 2 << 20])).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
}

#[actix_web::test]
async fn while_aviary_stops_it_says_that_it_is_not_ready() {
    let desk = Desk::empty();
    assert_eq!(desk.anonymous("/readyz").await.status, 200);
    desk.services.heartbeats.stop();
    let (ready, health) = (desk.anonymous("/readyz").await, desk.anonymous("/health").await);
    assert_eq!((ready.status, &ready.json()["stopping"]), (503, &json!(true)), "{}", ready.body);
    assert_eq!((health.status, &health.json()["status"]), (503, &json!("unhealthy")), "{}", health.body);
}
