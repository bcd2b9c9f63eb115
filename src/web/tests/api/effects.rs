//! Settings that change how requests are answered, from the next one on.

use std::net::SocketAddr;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use aviary_kernel::model::SessionKind;
use serde_json::{Value, json};

use crate::desk::{Answer, Desk, PASSWORD, keyed};

async fn set(desk: &Desk, body: Value) {
    desk.as_admin(Method::PATCH, "/api/v1/settings", body).await.ok();
}

fn from(request: TestRequest, address: &str) -> TestRequest {
    request.peer_addr(format!("{address}:4711").parse::<SocketAddr>().unwrap())
}

async fn sign_in(desk: &Desk, path: &str, address: &str) -> Answer {
    let wrong = json!({"email": "nobody@example.com", "password": "Wrong-1234"});
    desk.call(from(TestRequest::post().uri(path), address).set_json(wrong)).await
}

#[actix_web::test]
async fn people_and_addresses_ask_as_often_as_the_setting_says() {
    let desk = Desk::empty();
    let token = desk.token_of("ada@example.com", &["SUPPORT_TEAM"]).await;
    set(&desk, json!({"requests_per_minute": 3})).await;
    let (by_ada, by_nobody) = (
        async || desk.by(&token, Method::GET, "/api/v1/me", Value::Null).await,
        async |address| desk.call(from(TestRequest::get().uri("/api/stats"), address)).await,
    );
    for left in ["2", "1", "0"] {
        assert_eq!(by_ada().await.header("x-ratelimit-remaining"), Some(left));
        assert_eq!(by_nobody("192.0.2.1").await.header("x-ratelimit-remaining"), Some(left));
    }
    let limited = by_ada().await;
    assert!(limited.problem(429).contains("20 seconds"), "{}", limited.body);
    assert_eq!((limited.header("retry-after"), limited.header("x-ratelimit-limit")), (Some("20"), Some("3")));
    assert_eq!(by_nobody("192.0.2.1").await.status, 429);
    assert_eq!(by_nobody("192.0.2.2").await.status, 200);
    // What other back ends ask is not counted.
    for _ in 0..5 {
        desk.get("/api/v1/counts").await.ok();
    }

    desk.clock.advance_s(60);
    set(&desk, json!({"requests_per_minute": 0})).await;
    for _ in 0..10 {
        assert_eq!(by_ada().await.header("x-ratelimit-limit"), None);
        assert_eq!(by_nobody("192.0.2.1").await.status, 200);
    }
    let mut wrong = 0;
    for _ in 0..21 {
        let request = from(TestRequest::get().uri("/api/stats"), "192.0.2.1").insert_header(("x-api-key", "wrong"));
        wrong = desk.call(request).await.status;
    }
    assert_eq!(wrong, 429, "nobody tries keys without end");
}

#[actix_web::test]
async fn a_key_has_a_limit_of_its_own_or_that_of_the_setting() {
    let desk = Desk::empty();
    set(&desk, json!({"requests_per_minute": 7})).await;
    let make = async |body: Value| {
        let made = desk.as_admin(Method::POST, "/api/v1/api-keys", body).await.json();
        made["data"]["text"].as_str().unwrap().to_owned()
    };
    let key = |own: Value| json!({"name": "ci", "permissions": ["stats.read"], "expiresAt": "2026-04-01T12:00:00Z", "perMinute": own});
    let (own, usual) = (make(key(json!(5))).await, make(key(Value::Null)).await);
    let limit = async |key: &str| {
        let answer =
            desk.call(TestRequest::get().uri("/api/v1/stats/overview").insert_header(("x-api-key", key))).await;
        answer.header("x-ratelimit-limit").map(str::to_owned)
    };
    assert_eq!((limit(&own).await.as_deref(), limit(&usual).await.as_deref()), (Some("5"), Some("7")));
    set(&desk, json!({"requests_per_minute": 0})).await;
    assert_eq!((limit(&own).await.as_deref(), limit(&usual).await), (Some("5"), None));
}

#[actix_web::test]
async fn an_address_tries_to_sign_in_as_often_as_the_setting_says() {
    let desk = Desk::empty();
    set(&desk, json!({"sign_in_per_minute": 2})).await;
    for path in ["/api/v1/auth/login", "/api/v1/auth/validate"] {
        assert_eq!(sign_in(&desk, path, "192.0.2.1").await.status, 401);
    }
    for path in ["/api/v1/auth/login", "/api/v1/auth/validate"] {
        let limited = sign_in(&desk, path, "192.0.2.1").await;
        assert_eq!((limited.status, limited.header("retry-after")), (429, Some("30")));
        assert_eq!(sign_in(&desk, path, "192.0.2.9").await.status, 401);
    }
    let form = from(TestRequest::post().uri("/admin/login"), "192.0.2.1")
        .insert_header(("sec-fetch-site", "same-origin"))
        .set_form([("email", "ada@example.com"), ("password", PASSWORD)]);
    assert_eq!(desk.call(form).await.status, 429, "the page counts with the API");
    desk.clock.advance_s(30);
    assert_eq!(sign_in(&desk, "/api/v1/auth/login", "192.0.2.1").await.status, 401);
}

#[actix_web::test]
async fn shorter_sessions_end_those_that_are_too_old_by_now() {
    let desk = Desk::empty();
    desk.token_of("ada@example.com", &[]).await;
    let cookie = format!("aviary={}", desk.enter("ada@example.com", SessionKind::Browser).await.token.reveal());
    let get = || TestRequest::get().uri("/api/v1/me").insert_header(("cookie", cookie.clone()));
    desk.clock.advance_s(5 * 60);
    desk.call(get()).await.ok();
    desk.services.store.write(|_| Ok(())).await.unwrap();
    desk.clock.advance_s(3600);
    set(&desk, json!({"session_hours": 1})).await;
    desk.call(get()).await.problem(401);
    set(&desk, json!({"session_hours": 2})).await;
    desk.call(get()).await.ok();
}

#[actix_web::test]
async fn in_maintenance_only_those_get_in_who_can_end_it() {
    let desk = Desk::empty();
    let member = desk.token_of("ada@example.com", &["TECH_TEAM"]).await;
    let administrator = desk.token_of("cyd@example.com", &["ADMINISTRATOR"]).await;
    let cookie = format!("aviary={}", desk.enter("ada@example.com", SessionKind::Browser).await.token.reveal());
    set(&desk, json!({"maintenance_mode": true})).await;

    for answer in [
        desk.by(&member, Method::GET, "/api/v1/me", Value::Null).await,
        desk.by(&member, Method::POST, "/api/v1/sync/full", Value::Null).await,
        desk.anonymous("/api/stats").await,
        desk.anonymous("/api/v1/nothing").await,
        desk.call(TestRequest::post().uri("/api/v1/auth/register").set_json(json!({}))).await,
    ] {
        assert!(answer.problem(503).contains("maintenance"));
        assert_eq!((answer.header("retry-after"), &answer.json()["code"]), (Some("300"), &json!("MAINTENANCE")));
    }
    for page in ["/admin", "/admin/servers", "/admin/nothing"] {
        for answer in [
            desk.anonymous(page).await,
            desk.call(TestRequest::get().uri(page).insert_header(("cookie", cookie.clone()))).await,
        ] {
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("300")), "{page}");
            assert!(answer.body.contains("/admin/login") && answer.body.starts_with("<!"), "{}", answer.body);
        }
    }

    for open in ["/health", "/readyz", "/static/favicon.svg", "/admin/login", "/admin/forgot-password"] {
        assert_eq!(desk.anonymous(open).await.status, 200, "{open}");
    }
    let credentials = json!({"email": "cyd@example.com", "password": PASSWORD});
    desk.call(TestRequest::post().uri("/api/v1/auth/login").set_json(credentials)).await.ok();
    desk.by(&administrator, Method::GET, "/api/v1/counts", Value::Null).await.ok();
    desk.call(keyed(TestRequest::get().uri("/api/v1/counts"))).await.ok();

    set(&desk, json!({"maintenance_mode": false})).await;
    desk.by(&member, Method::GET, "/api/v1/me", Value::Null).await.ok();
    desk.anonymous("/api/stats").await.ok();
}
