//! Who gets in, and in which order that is asked.

use aviary_sim::PanelSpec;
use aviary_sim::world::{Levels, Resource};

use crate::http::{ask, get, panel, raw};

#[tokio::test]
async fn the_dialect_shows_without_a_key() {
    for (spec, nests, eggs) in [(PanelSpec::default(), 401, 404), (PanelSpec::pelican(), 404, 401)] {
        let panel = panel(spec).await;
        assert_eq!(ask(&panel, "GET", "/api/application/nests", None, None).await.status, nests);
        assert_eq!(ask(&panel, "GET", "/api/application/eggs", None, None).await.status, eggs);
    }
}

#[tokio::test]
async fn kinds_of_keys_open_different_doors() {
    let panel = panel(PanelSpec::default()).await;
    let (admin, normal) = panel.with_world(|world| (world.add_account_key(1), world.add_account_key(2)));
    let of_normal_user = panel.with_world(|world| world.add_application_key(2, Levels::all(3)));
    let status = async |path: &str, key: &str| ask(&panel, "GET", path, Some(key), None).await.status;
    for (key, application, client) in
        [(panel.app_key(), 200, 403), (&admin, 200, 200), (&normal, 403, 200), (&of_normal_user, 403, 403)]
    {
        assert_eq!(status("/api/application/users", key).await, application);
        assert_eq!(status("/api/client", key).await, client);
    }
}

#[tokio::test]
async fn wrong_expired_and_foreign_keys_are_told_apart() {
    let panel = panel(PanelSpec::default()).await;
    let key = panel.app_key().to_owned();
    let almost = format!("{}x", &key[..47]);
    for wrong in ["", "short", &almost] {
        let answer = ask(&panel, "GET", "/api/application/users", Some(wrong), None).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "AuthenticationException"));
        assert!(answer.header("X-RateLimit-Limit").is_none(), "a bad key does not reach the limit");
    }
    panel.with_world(|world| world.keys[0].allowed_ips = vec!["10.0.0.0/8".to_owned()]);
    let answer = get(&panel, "/api/application/users").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("127.0.0.1"), "the address that was seen is named");
    panel.with_world(|world| world.keys[0].allowed_ips = vec!["127.0.0.0/8".to_owned()]);
    assert_eq!(get(&panel, "/api/application/users").await.status, 200);
    let now = panel.clock().now();
    panel.with_world(|world| world.keys[0].expires_at = Some(now));
    assert_eq!(get(&panel, "/api/application/users").await.status, 401);
}

#[tokio::test]
async fn a_missing_level_refuses_lists_and_hides_relations() {
    let panel = panel(PanelSpec::default()).await;
    let levels = Levels::read_only().with(Resource::Locations, 0).with(Resource::ServerDatabases, 0);
    let key = panel.with_world(|world| world.add_application_key(1, levels));
    let answer = ask(&panel, "GET", "/api/application/locations", Some(&key), None).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "AccessDeniedHttpException"));
    assert!(answer.header("X-RateLimit-Remaining").is_some(), "refused after the limit was asked");
    let answer = ask(&panel, "DELETE", "/api/application/servers/1", Some(&key), None).await;
    assert_eq!(answer.status, 403);
    let path = "/api/application/servers/1?include=location,databases,allocations";
    let relations = ask(&panel, "GET", path, Some(&key), None).await.json()["attributes"]["relationships"].clone();
    let nothing = serde_json::json!({ "object": "null_resource", "attributes": null });
    assert_eq!((&relations["location"], &relations["databases"]), (&nothing, &nothing));
    assert_eq!(relations["allocations"]["object"], "list");
}

#[tokio::test]
async fn without_a_wish_for_json_refusals_are_for_browsers() {
    let panel = panel(PanelSpec::default()).await;
    let key = format!("Bearer {}", panel.app_key());
    let plain = async |path: &str, key: &str, accept: &str| {
        let headers = [("Accept", accept.to_owned()), ("Authorization", key.to_owned())];
        raw(&panel, "GET", path, &headers, "").await.expect("an answer")
    };
    let answer = plain("/api/application/users", "Bearer nobody", "*/*").await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("Location"), Some(format!("{}/auth/login", panel.url()).as_str()));
    let answer = plain("/api/application/users/999", &key, "text/html, application/json").await;
    assert!(answer.status == 404 && answer.text().starts_with("<!DOCTYPE html>"));
    let answer = plain("/api/application/users/1", &key, "*/*").await;
    assert!(answer.status == 200 && answer.json()["object"] == "user", "success is JSON all the same");
}

#[tokio::test]
async fn pelican_looks_ids_up_before_the_key() {
    let path = "/api/application/users/999";
    let pelican = panel(PanelSpec::pelican()).await;
    assert_eq!(ask(&pelican, "GET", path, None, None).await.status, 404);
    let known = get(&pelican, path).await;
    assert!(known.status == 404 && known.header("X-RateLimit-Limit").is_none());
    let ptero = panel(PanelSpec::default()).await;
    assert_eq!(ask(&ptero, "GET", path, None, None).await.status, 401);
    let known = get(&ptero, path).await;
    assert!(known.status == 404 && known.header("X-RateLimit-Limit").is_some());
    assert_eq!(known.code(), "NotFoundHttpException");
}

#[tokio::test]
async fn an_identifier_where_an_id_belongs_hits_another_server() {
    let ptero = panel(PanelSpec::default()).await;
    let server = get(&ptero, "/api/application/servers/3f9c21aa").await.json();
    assert_eq!(server["attributes"]["id"], 3);
    assert_eq!(get(&ptero, "/api/application/servers/abc").await.status, 404);
    let pelican = panel(PanelSpec::pelican()).await;
    assert_eq!(get(&pelican, "/api/application/servers/3f9c21aa").await.status, 404);
}

#[tokio::test]
async fn pelican_lets_role_admins_in_with_application_keys_only() {
    let panel = panel(PanelSpec::pelican()).await;
    let (application, account) = panel.with_world(|world| {
        world.users.get_mut(&2).expect("user 2").admin_role = true;
        (world.add_application_key(2, Levels::read_only()), world.add_account_key(2))
    });
    assert_eq!(ask(&panel, "GET", "/api/application/users", Some(&application), None).await.status, 200);
    assert_eq!(ask(&panel, "GET", "/api/application/users", Some(&account), None).await.status, 403);
}

#[tokio::test]
async fn a_second_factor_can_be_demanded() {
    let panel = panel(PanelSpec::default()).await;
    panel.with_world(|world| {
        world.requires_two_factor = true;
        world.users.get_mut(&1).expect("the administrator").two_factor = false;
    });
    let answer = get(&panel, "/api/application/users").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "TwoFactorAuthRequiredException"));
}

#[tokio::test]
async fn broken_bodies_and_wrong_methods_are_refused() {
    let panel = panel(PanelSpec::default()).await;
    let headers = [
        ("Accept", "application/json".to_owned()),
        ("Content-Type", "application/json".to_owned()),
        ("Authorization", format!("Bearer {}", panel.app_key())),
    ];
    let answer = raw(&panel, "POST", "/api/application/users", &headers, "{ not json").await.expect("an answer");
    assert_eq!((answer.status, answer.code().as_str()), (400, "BadRequestHttpException"));
    let answer = ask(&panel, "PUT", "/api/application/users", None, None).await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "MethodNotAllowedHttpException"));
    assert_eq!(answer.json()["errors"][0]["status"], "405", "the status is a text");
}

#[tokio::test]
async fn a_write_that_looks_like_a_browser_needs_a_token_against_forgery() {
    let panel = panel(PanelSpec::default()).await;
    let with = async |method: &str, name: &'static str, value: String| {
        let key = ("Authorization", format!("Bearer {}", panel.app_key()));
        let headers = [("Accept", "application/json".to_owned()), key, (name, value)];
        raw(&panel, method, "/api/application/locations", &headers, "").await.expect("an answer").status
    };
    assert_eq!(with("POST", "Origin", panel.url()).await, 419);
    assert_eq!(with("POST", "Cookie", "pterodactyl_session=x".into()).await, 419);
    assert_eq!(with("GET", "Origin", panel.url()).await, 200);
    assert_eq!(with("POST", "Origin", "https://elsewhere.example".into()).await, 422);
}

#[tokio::test]
async fn a_panel_in_debug_mode_tells_too_much() {
    let panel = panel(PanelSpec { debug_errors: true, ..PanelSpec::default() }).await;
    let error = get(&panel, "/api/application/users/999").await.json()["errors"][0].clone();
    assert!(error["source"]["line"].is_u64() && error["meta"]["trace"].is_array());
}

#[tokio::test]
async fn a_panel_goes_away_and_comes_back_with_its_data() {
    let panel = panel(PanelSpec::default()).await;
    panel.with_world(|world| world.add_location("eu.kept", None));
    panel.go_down().await;
    let refused = raw(&panel, "GET", "/", &[], "").await.expect_err("nobody listens");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    panel.come_back().await.expect("the port is free");
    assert_eq!(get(&panel, "/api/application/locations").await.total(), 3);
}
