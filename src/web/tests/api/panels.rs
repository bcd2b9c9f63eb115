//! Panels through the API.

use actix_web::http::Method;
use aviary_sim::{PanelSpec, SimPanel};
use serde_json::json;

use crate::desk::Desk;
use crate::promise;

#[actix_web::test]
async fn a_panel_is_added_tested_synced_and_removed() {
    let sim = SimPanel::start(PanelSpec::default().tame()).await.unwrap();
    let desk = Desk::empty();
    let wanted = json!({"name": "sim", "url": sim.url(), "appKey": sim.app_key(), "clientKey": sim.client_key(), "sharePercent": 100});
    let added = desk.post("/api/v1/panels", wanted.clone()).await;
    assert_eq!(added.status, 201, "{}", added.body);
    assert!(!added.body.contains(sim.app_key()), "keys never come out");
    let view = added.json()["data"].clone();
    assert_eq!(
        (&view["id"], &view["name"], &view["hasClientKey"], &view["sharePercent"]),
        (&json!(1), &json!("sim"), &json!(true), &json!(100))
    );
    desk.post("/api/v1/panels", wanted).await.problem(409);

    let tested = desk.post("/api/v1/panels/1/test", json!({})).await.ok();
    assert_eq!(tested["data"]["dialect"], "pterodactyl");
    promise::keeps("post", "/api/v1/panels/{id}/test", &tested);

    let started = desk.send(Method::POST, "/api/v1/panels/1/sync").await;
    assert_eq!(started.status, 202, "{}", started.body);
    let id: uuid::Uuid = started.json()["data"]["run"]["id"].as_str().unwrap().parse().unwrap();
    desk.services.syncs.wait(id).await.unwrap();
    let run = desk.get(&format!("/api/v1/syncs/{id}")).await.ok();
    assert_eq!((&run["data"]["status"], &run["data"]["percent"]), (&json!("completed"), &json!(100)), "{run}");
    assert_eq!(desk.get("/api/v1/counts").await.ok()["data"]["servers"], 25);
    assert_eq!(desk.get("/api/admin/servers").await.ok()["pagination"]["total"], 25);

    promise::keeps("get", "/api/v1/syncs/{id}", &run);
    let log = desk.get(&format!("/api/v1/sync/status/{id}")).await.ok();
    promise::keeps("get", "/api/v1/sync/status/{id}", &log);
    for path in [
        "/api/admin/sync",
        "/api/admin/sync/logs",
        "/api/v1/sync/logs",
        "/api/v1/sync/latest",
        "/api/v1/syncs",
        "/api/v1/panels",
    ] {
        promise::keeps("get", path, &desk.get(path).await.ok());
    }

    let removed = desk.send(Method::DELETE, "/api/v1/panels/1").await.ok();
    assert!(removed["data"]["objects"].as_u64().unwrap() > 25);
    assert_eq!(desk.get("/api/v1/counts").await.ok()["data"]["servers"], 0);
    assert_eq!(desk.get("/api/v1/panels").await.ok()["data"], json!([]));
}

#[actix_web::test]
async fn bad_panels_are_refused_with_the_reason() {
    let desk = Desk::empty();
    let good = json!({"name": "a", "url": "https://panel.example.com", "appKey": "ptla_x"});
    let with = |field: &str, value: serde_json::Value| {
        let mut changed = good.clone();
        changed[field] = value;
        changed
    };
    for (body, word) in [
        (with("name", json!("")), "name"),
        (with("url", json!("panel.example.com")), "url"),
        (with("appKey", json!(" ")), "appKey"),
        (with("sharePercent", json!(0)), "sharePercent"),
        (with("appkey", json!("x")), "appkey"),
        (json!({"name": "a"}), "url"),
        (json!([]), "body"),
    ] {
        let told = desk.post("/api/v1/panels", body.clone()).await.problem(400);
        assert!(told.contains(word), "{body}: {told}");
    }
    for path in ["/api/v1/panels/9", "/api/v1/panels/x"] {
        let status = if path.ends_with('9') { 404 } else { 400 };
        desk.get(path).await.problem(status);
        desk.send(Method::DELETE, path).await.problem(status);
        desk.send(Method::POST, &format!("{path}/test")).await.problem(status);
        desk.send(Method::POST, &format!("{path}/sync")).await.problem(status);
    }
}

#[actix_web::test]
async fn a_panel_that_is_not_there_is_an_upstream_problem() {
    let desk = Desk::empty();
    desk.panel("main", "http://127.0.0.1:1").await;
    let answer = desk.send(Method::POST, "/api/v1/panels/1/test").await;
    assert!(matches!(answer.status, 502 | 503), "{}", answer.body);
    assert_eq!(answer.json()["code"], "UPSTREAM");
    let view = desk.get("/api/v1/panels/1").await.ok();
    assert!(view["data"]["reach"]["trouble"].is_string(), "{view}");
}
