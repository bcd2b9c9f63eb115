//! Syncs, in both ways of telling them.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use aviary_kernel::model::{Actor, Kind, PanelId, Removal, RemovalState, RemovalStop, SyncId};
use aviary_kernel::store::tables::REMOVAL_STOPS;
use aviary_sim::{PanelSpec, SimPanel};
use serde_json::{Value, json};

use crate::desk::{Desk, keyed};

/// A panel that takes its time.
async fn slow() -> (Desk, SimPanel) {
    let sim = SimPanel::start(PanelSpec { page_delay: Duration::from_secs(30), ..PanelSpec::default().tame() })
        .await
        .unwrap();
    let desk = Desk::empty();
    desk.panel("slow", &sim.url()).await;
    (desk, sim)
}

async fn swift() -> (Desk, SimPanel) {
    let sim = SimPanel::start(PanelSpec::default().tame()).await.unwrap();
    let desk = Desk::empty();
    let wanted = json!({"name": "swift", "url": sim.url(), "appKey": sim.app_key(), "clientKey": sim.client_key(), "sharePercent": 100});
    assert_eq!(desk.post("/api/v1/panels", wanted).await.status, 201);
    (desk, sim)
}

fn id(answer: &Value) -> SyncId {
    answer["sync_log_id"].as_str().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn without_a_panel_there_is_nothing_to_sync() {
    let desk = Desk::empty();
    assert!(desk.post("/api/admin/sync", json!({})).await.problem(409).contains("no panel"));
    desk.post("/api/v1/sync/full", json!({})).await.problem(409);
    desk.post("/api/v1/sync/nodes", json!({})).await.problem(409);
    desk.post("/api/admin/sync/cancel", json!({})).await.problem(404);
    let status = desk.get("/api/admin/sync").await.ok();
    assert_eq!((&status["status"]["lastSync"], &status["status"]["isSyncing"]), (&Value::Null, &json!(false)));
    assert_eq!(
        status["availableTargets"],
        json!(["full", "locations", "nodes", "allocations", "nests", "users", "servers", "databases", "subusers"])
    );
    assert_eq!(
        desk.get("/api/admin/sync/logs").await.ok(),
        json!({"success": true, "logs": [], "limit": 20, "offset": 0})
    );
    assert_eq!(desk.get("/api/v1/sync/latest").await.ok()["data"], json!({}));
}

#[actix_web::test]
async fn a_full_sync_is_told_from_start_to_end() {
    let (desk, _sim) = swift().await;
    let started = desk.post("/api/admin/sync", json!({"target": "all"})).await;
    assert_eq!(started.status, 202, "{}", started.body);
    let started = started.json();
    assert_eq!(
        (&started["success"], &started["status"], &started["task_id"]),
        (&json!(true), &json!("PENDING"), &started["sync_log_id"])
    );
    let id = id(&started);
    desk.services.syncs.wait(id).await.unwrap();

    let log = desk.get(&format!("/api/v1/sync/status/{id}")).await.ok()["data"].clone();
    assert_eq!(
        (&log["type"], &log["status"], &log["error"]),
        (&json!("full"), &json!("COMPLETED"), &Value::Null),
        "{log}"
    );
    assert_eq!((&log["metadata"]["step"], &log["metadata"]["progress"]), (&json!("completed"), &json!(100)));
    assert_eq!(log["metadata"]["requested_by"], "key of the configuration");
    assert!(log["itemsSynced"].as_u64().unwrap() > 25 && log["completedAt"].is_string());
    assert_eq!(log["metadata"]["steps"]["servers"]["done"], 25);

    let of = format!("/api/v1/syncs/{id}/requests");
    let first = desk.get(&format!("{of}?limit=2")).await.ok();
    crate::promise::keeps("get", "/api/v1/syncs/{id}/requests", &first);
    let page = &first["data"];
    assert_eq!((page["items"].as_array().unwrap().len(), &page["items"][1]["taken"]), (2, &json!(true)));
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = desk.get(&format!("{of}?limit=500&cursor={cursor}")).await.ok()["data"].clone();
    let run = desk.get(&format!("/api/v1/syncs/{id}")).await.ok()["data"].clone();
    assert_eq!(rest["items"].as_array().unwrap().len() as u64 + 2, run["requests"].as_u64().unwrap());
    assert_eq!(desk.get(&format!("{of}?trouble=true")).await.ok()["data"]["items"], json!([]));
    desk.get(&format!("{of}?cursor=AAAA")).await.problem(400);
    desk.get(&format!("/api/v1/syncs/{}/requests", uuid::Uuid::nil())).await.problem(404);

    let status = desk.get("/api/admin/sync").await.ok();
    assert_eq!((&status["status"]["lastSync"]["id"], &status["counts"]["servers"]), (&json!(id), &json!(25)));
    assert_eq!(desk.get("/api/admin/sync/logs?type=full").await.ok()["logs"][0]["id"], json!(id));
    assert_eq!(desk.get("/api/v1/sync/logs?type=nodes").await.ok()["data"]["logs"], json!([]));
    assert_eq!(desk.get("/api/v1/sync/latest").await.ok()["data"]["full"]["id"], json!(id));

    let stream = desk.get(&format!("/api/admin/sync/stream/{id}")).await;
    assert_eq!(
        (stream.header("content-type"), stream.header("x-accel-buffering")),
        (Some("text/event-stream"), Some("no"))
    );
    let events: Vec<_> = stream.body.split_terminator("\n\n").collect();
    assert_eq!(events[0], format!("event: connected\ndata: {{\"syncLogId\":\"{id}\"}}"));
    assert!(events[1].starts_with("event: done\ndata: {") && events.len() == 2, "{}", stream.body);

    desk.post("/api/admin/sync/cancel", json!({})).await.problem(400);
    desk.send(Method::POST, &format!("/api/v1/syncs/{id}/cancel")).await.problem(409);
    let cancelled = desk.send(Method::POST, &format!("/api/v1/sync/cancel/{id}")).await.ok();
    assert!(cancelled["message"].as_str().unwrap().contains("nothing was cancelled"));
}

#[actix_web::test]
async fn a_second_request_is_joined_and_says_so() {
    let (desk, _sim) = slow().await;
    let first = desk.post("/api/admin/sync", json!({"type": "nodes"})).await.json();
    let second = desk.post("/api/v1/sync/full", json!({"skip_users": true, "requested_by": "cron"})).await;
    assert_eq!(second.status, 202);
    let second = second.json();
    assert_eq!(second["data"]["sync_log_id"], first["sync_log_id"]);
    assert!(second["message"].as_str().unwrap().contains("joined"), "{second}");
    let third = desk.post("/api/v1/panels/1/sync", json!({"only": ["servers"]})).await.json();
    assert_eq!((&third["data"]["joined"], &third["data"]["run"]["targets"]), (&json!(true), &json!(["nodes"])));
    for (only, covers) in [("servers", false), ("nodes", true)] {
        let joined = desk.post("/api/v1/panels/1/sync", json!({"only": [only]})).await.json();
        assert_eq!((&joined["data"]["joined"], &joined["data"]["covers"]), (&json!(true), &json!(covers)));
        assert_eq!(joined["message"].as_str().unwrap().contains("start again"), !covers, "{joined}");
    }

    desk.send(Method::DELETE, "/api/v1/panels/1").await.problem(409);
    assert_eq!(desk.get("/api/v1/panels/1").await.ok()["data"]["syncing"], first["sync_log_id"]);
    assert_eq!(desk.get("/api/admin/sync").await.ok()["status"]["isSyncing"], true);

    let cancelled = desk.post("/api/admin/sync/cancel", json!({})).await.ok();
    assert_eq!(cancelled["sync_log_id"], first["sync_log_id"]);
    let run = desk.services.syncs.wait(id(&first)).await.unwrap();
    assert_eq!(run.status.word(), "cancelled");
}

#[actix_web::test]
async fn a_stream_ends_with_the_sync() {
    let (desk, _sim) = slow().await;
    let started = desk.post("/api/admin/sync", json!({})).await.json();
    let id = id(&started);
    let syncs = desk.services.syncs.clone();
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        syncs.cancel(&Actor::job("test"), id).await.unwrap();
    };
    let path = format!("/api/v1/syncs/{id}/events");
    let (stream, ()) = futures_util::future::join(desk.get(&path), cancel).await;
    let events: Vec<_> = stream.body.split_terminator("\n\n").collect();
    assert!(events[0].starts_with("event: update\ndata: {"), "{}", stream.body);
    let last: Value =
        serde_json::from_str(events.last().unwrap().strip_prefix("event: done\ndata: ").unwrap()).unwrap();
    assert_eq!((&last["status"], &last["id"]), (&json!("cancelled"), &json!(id)));
    assert!(last["percent"].is_number() && last["totals"]["done"].is_number());
}

#[actix_web::test]
async fn a_sync_is_found_by_its_type_and_by_no_other() {
    let (desk, _sim) = swift().await;
    let rows = [
        ("/api/v1/sync/allocations", json!({}), "allocations"),
        ("/api/v1/sync/nodes", json!({}), "nodes"),
        ("/api/v1/sync/full", json!({"skip_users": true}), "full"),
    ];
    for (path, body, of_type) in rows {
        let id = id(&desk.post(path, body).await.json()["data"]);
        desk.services.syncs.wait(id).await.unwrap();
        assert_eq!(desk.get(&format!("/api/v1/sync/status/{id}")).await.ok()["data"]["type"], of_type);
        let logs = desk.get(&format!("/api/v1/sync/logs?type={of_type}")).await.ok()["data"]["logs"].clone();
        assert_eq!((logs.as_array().unwrap().len(), &logs[0]["id"]), (1, &json!(id)), "{of_type}");
        let second = desk.get(&format!("/api/v1/sync/logs?type={of_type}&offset=1")).await.ok();
        assert_eq!(second["data"]["logs"], json!([]));
        assert_eq!(desk.get("/api/v1/sync/latest").await.ok()["data"][of_type]["id"], json!(id));
    }
    desk.get("/api/v1/sync/logs?type=sheep").await.problem(400);
}

#[actix_web::test]
async fn unknown_types_are_refused_and_unreadable_bodies_mean_everything() {
    let (desk, _sim) = slow().await;
    assert!(desk.post("/api/admin/sync", json!({"type": "sheep"})).await.problem(400).contains("sheep"));
    desk.post("/api/v1/sync/sheep", json!({})).await.problem(404);
    desk.post("/api/admin/sync", json!({"panel": 9})).await.problem(404);
    desk.post("/api/v1/panels/1/sync", json!({"only": ["sheep"]})).await.problem(400);
    desk.post("/api/v1/panels/1/sync", json!({"onyl": ["nodes"]})).await.problem(400);
    let answer = desk.call(keyed(TestRequest::post().uri("/api/admin/sync")).set_payload("{not json")).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let log = desk.get("/api/v1/sync/logs").await.ok()["data"]["logs"][0].clone();
    assert_eq!(log["type"], "full");
    desk.stop().await;
}

#[actix_web::test]
async fn several_panels_are_synced_together() {
    let (desk, sim) = slow().await;
    desk.panel("second", &sim.url().replace("127.0.0.1", "localhost")).await;
    let started = desk.post("/api/admin/sync", json!({})).await.json();
    assert_eq!(started["sync_log_ids"].as_array().unwrap().len(), 2);
    let page = desk.get("/api/v1/syncs?limit=1").await.ok();
    let next = page["data"]["nextCursor"].as_str().unwrap();
    let rest = desk.get(&format!("/api/v1/syncs?limit=1&cursor={next}")).await.ok();
    assert_ne!(page["data"]["items"][0]["id"], rest["data"]["items"][0]["id"]);
    assert_eq!(desk.get("/api/v1/syncs?panel=2").await.ok()["data"]["items"].as_array().unwrap().len(), 1);
    for bad in ["limit=0", "limit=101", "cursor=*", "cursor=zzzz", "target=sheep", "full=maybe"] {
        desk.get(&format!("/api/v1/syncs?{bad}")).await.problem(400);
    }
    let cancelled = desk.post("/api/admin/sync/cancel", json!({})).await.ok();
    assert!(cancelled["message"].as_str().unwrap().starts_with("2 syncs"), "{cancelled}");
    desk.stop().await;
}

#[actix_web::test]
async fn unknown_syncs_are_not_found() {
    let desk = Desk::empty();
    let id = SyncId::nil();
    for path in ["/api/v1/syncs/", "/api/v1/sync/status/", "/api/v1/removals/"] {
        desk.get(&format!("{path}{id}")).await.problem(404);
        desk.get(&format!("{path}x")).await.problem(400);
    }
    desk.get(&format!("/api/v1/syncs/{id}/events")).await.problem(404);
    desk.send(Method::POST, &format!("/api/v1/syncs/{id}/cancel")).await.problem(404);
    assert_eq!(desk.send(Method::POST, &format!("/api/v1/sync/cancel/{id}")).await.ok()["data"], Value::Null);
}

#[actix_web::test]
async fn automatic_syncs_are_set_in_both_spellings() {
    let desk = Desk::empty();
    let path = "/api/admin/sync/settings";
    let read = desk.get(path).await.ok();
    assert_eq!(read["data"], json!({"autoSyncEnabled": true, "autoSyncInterval": 900}));
    assert_eq!(read["settings"], json!({"auto_sync_enabled": "true", "sync_interval": "900"}));
    desk.as_admin(Method::POST, path, json!({"autoSyncEnabled": false})).await.ok();
    desk.as_admin(Method::POST, path, json!({"sync_interval": "120"})).await.ok();
    assert_eq!(desk.get(path).await.ok()["data"], json!({"autoSyncEnabled": false, "autoSyncInterval": 120}));
    desk.as_admin(Method::POST, path, json!({"auto_sync_enabled": "true", "autoSyncInterval": "-5"})).await.ok();
    assert_eq!(desk.get(path).await.ok()["data"], json!({"autoSyncEnabled": true, "autoSyncInterval": 120}));
    for bad in
        [json!({"autoSyncInterval": 5}), json!({"sync_interval": "soon"}), json!({"autoSyncEnabled": 3}), json!("x")]
    {
        desk.as_admin(Method::POST, path, bad).await.problem(400);
    }
}

#[actix_web::test]
async fn a_stopped_removal_is_decided_once_but_a_refusal_can_be_taken_back() {
    let (desk, _sim) = slow().await;
    let stop = |sync: u128| RemovalStop {
        sync: SyncId::from_u128(sync),
        panel: PanelId(1),
        at: desk.services.env.now(),
        removals: vec![Removal { kind: Kind::Server, held: 40, ids: vec![1, 2], over_limit: true }],
        state: RemovalState::Waiting,
        decided: None,
    };
    let (a, b) = (stop(1), stop(2));
    desk.services
        .store
        .write(move |tx| tx.put(REMOVAL_STOPS, &a.sync, &a).and_then(|_| tx.put(REMOVAL_STOPS, &b.sync, &b)).map(drop))
        .await
        .unwrap();
    let (a, b) = (SyncId::from_u128(1), SyncId::from_u128(2));

    assert_eq!(desk.get("/api/v1/removals?waiting=true").await.ok()["data"].as_array().unwrap().len(), 2);
    let refused = desk.send(Method::POST, &format!("/api/v1/removals/{a}/refuse")).await.ok();
    assert_eq!((&refused["data"]["stop"]["state"], &refused["data"]["run"]), (&json!("refused"), &Value::Null));
    desk.send(Method::POST, &format!("/api/v1/removals/{a}/refuse")).await.problem(409);
    let confirmed = desk.send(Method::POST, &format!("/api/v1/removals/{b}/confirm")).await.ok();
    assert_eq!(confirmed["data"]["stop"]["decided"][0], "key of the configuration");
    assert!(confirmed["data"]["run"]["id"].is_string());
    assert_eq!(desk.get(&format!("/api/v1/removals/{b}")).await.ok()["data"]["state"], "confirmed");
    desk.send(Method::POST, &format!("/api/v1/removals/{b}/refuse")).await.problem(409);
    assert_eq!(desk.get("/api/v1/removals?waiting=true").await.ok()["data"], json!([]));
    desk.send(Method::POST, &format!("/api/v1/removals/{}/confirm", SyncId::from_u128(9))).await.problem(404);
    desk.stop().await;
}
