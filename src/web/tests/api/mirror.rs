//! The mirror, kind by kind.

use aviary_kernel::model::{Kind, PanelId, Server};
use serde_json::{Value, json};

use crate::desk::{Desk, HISTORY_SYNC, server};

fn ids(page: &Value) -> Vec<u64> {
    page["data"]["items"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect()
}

#[actix_web::test]
async fn every_kind_is_listed_with_its_own_fields() {
    let desk = Desk::furnished().await;
    for (kind, total) in [
        ("locations", 3),
        ("nodes", 3),
        ("allocations", 3),
        ("nests", 2),
        ("eggs", 3),
        ("egg-variables", 1),
        ("users", 2),
        ("servers", 3),
        ("databases", 1),
        ("subusers", 1),
    ] {
        let page = desk.get(&format!("/api/v1/mirror/{kind}")).await.ok();
        assert_eq!(page["data"]["total"], total, "{kind}");
        let first = &page["data"]["items"][0];
        assert!(
            first["panelId"].is_number() && first["firstSeen"].is_string() && first["changedAt"].is_string(),
            "{first}"
        );
        let one = desk.get(&format!("/api/v1/mirror/{kind}/{}?panel={}", first["id"], first["panelId"])).await.ok();
        assert!(one["data"]["relations"].is_object(), "{kind}");
    }
    desk.get("/api/v1/mirror/sheep").await.problem(400);
}

#[actix_web::test]
async fn lists_are_walked_there_and_back() {
    let desk = Desk::furnished().await;
    let first = desk.get("/api/v1/mirror/servers?limit=2").await.ok();
    assert_eq!((ids(&first), &first["data"]["previousCursor"]), (vec![13, 12], &Value::Null));
    let next = first["data"]["nextCursor"].as_str().unwrap();
    let second = desk.get(&format!("/api/v1/mirror/servers?limit=2&cursor={next}")).await.ok();
    assert_eq!((ids(&second), &second["data"]["nextCursor"]), (vec![11], &Value::Null));
    let back = second["data"]["previousCursor"].as_str().unwrap();
    assert_eq!(ids(&desk.get(&format!("/api/v1/mirror/servers?limit=2&cursor={back}")).await.ok()), [13, 12]);
}

#[actix_web::test]
async fn every_order_can_be_walked_there_and_back() {
    let desk = Desk::furnished().await;
    let filters =
        ["", "sort=id", "sort=created", "sort=changed", "sort=state", "panel=1", "panel=1&sort=id", "state=normal"];
    let lists = filters.iter().map(|filter| format!("servers?{filter}"));
    let others = ["servers?panel=1&parentKind=node&parentId=1", "nodes?", "nodes?sort=id", "users?", "eggs?"];
    for list in lists.chain(others.map(str::to_owned)) {
        let all = ids(&desk.get(&format!("/api/v1/mirror/{list}")).await.ok());
        let mut page = desk.get(&format!("/api/v1/mirror/{list}&limit=1")).await.ok();
        let mut walked = ids(&page);
        while let Some(next) = page["data"]["nextCursor"].as_str() {
            let later = desk.get(&format!("/api/v1/mirror/{list}&limit=1&cursor={next}")).await.ok();
            let back = later["data"]["previousCursor"].as_str().unwrap();
            let before = desk.get(&format!("/api/v1/mirror/{list}&limit=1&cursor={back}")).await.ok();
            assert_eq!(ids(&before), ids(&page), "{list}");
            walked.extend(ids(&later));
            page = later;
        }
        assert_eq!(walked, all, "{list}");
    }
}

#[actix_web::test]
async fn lists_are_sorted_and_filtered() {
    let desk = Desk::furnished().await;
    let rows: [(&str, &[u64]); 9] = [
        ("sort=id", &[11, 12, 13]),
        ("sort=id&order=desc", &[13, 12, 11]),
        ("sort=created&order=desc", &[13, 12, 11]),
        ("state=suspended", &[12]),
        ("search=surv", &[11]),
        ("panel=2", &[]),
        ("panel=1&parentKind=node&parentId=1", &[12, 11]),
        ("panel=1&parentKind=user&parentId=1", &[11]),
        ("panel=1&parentKind=node&parentId=1&state=suspended", &[12]),
    ];
    for (query, wanted) in rows {
        assert_eq!(ids(&desk.get(&format!("/api/v1/mirror/servers?{query}")).await.ok()), wanted, "{query}");
    }
    for bad in [
        "sort=size",
        "order=up",
        "state=asleep",
        "limit=0",
        "limit=1001",
        "cursor=*",
        "cursor=~",
        "cursor=zzzz",
        "cursor=~zzzz",
        "parentKind=node",
        "parentKind=node&parentId=1",
        "panel=x",
    ] {
        desk.get(&format!("/api/v1/mirror/servers?{bad}")).await.problem(400);
    }
}

#[actix_web::test]
async fn a_server_knows_its_relations() {
    let desk = Desk::furnished().await;
    let detail = desk.get("/api/v1/mirror/servers/11").await.ok();
    let server = &detail["data"];
    assert_eq!(
        (&server["kind"], &server["limits"]["memory"], &server["environment"]),
        (&json!("server"), &json!(4096), &json!({"JAR": "paper.jar"}))
    );
    assert_eq!(
        server["relations"],
        json!({
            "node": {"id": 1, "label": "Alpha"}, "nest": {"id": 1, "label": "Minecraft"}, "egg": {"id": 1, "label": "Paper"},
            "user": {"id": 1, "label": "ada"},
            "databases": {"total": 1, "items": [{"id": 1, "label": "s11_data"}]},
            "allocations": {"total": 1, "items": [{"id": 1, "label": "10.0.0.9:25565"}]},
            "subusers": [{"id": 1, "user": {"id": 2, "label": "bob"}, "server": {"id": 11, "label": "Survival"}, "permissions": ["control.console"]}]
        })
    );
    let same = desk.get("/api/v1/mirror/servers/00000000-0000-4000-8000-00080000000B").await.ok();
    assert_eq!(same["data"]["id"], 11);
}

#[actix_web::test]
async fn relations_lead_in_both_directions() {
    let desk = Desk::furnished().await;
    let relations =
        async |path: &str| desk.get(&format!("/api/v1/mirror/{path}")).await.ok()["data"]["relations"].clone();
    let node = relations("nodes/1?panel=1").await;
    assert_eq!((&node["servers"]["total"], &node["location"]["label"]), (&json!(2), &json!("eu")));
    assert_eq!(node["load"], json!({"servers": 2, "allocations": 2, "assigned": 1}));
    let user = relations("users/2").await;
    assert_eq!((&user["servers"]["total"], &user["subuserOf"][0]["server"]["label"]), (&json!(2), &json!("Survival")));
    let egg = relations("eggs/1").await;
    assert_eq!(
        (&egg["nest"]["label"], &egg["variables"]["items"][0]["label"], &egg["servers"]["total"]),
        (&json!("Minecraft"), &json!("JAR"), &json!(2))
    );
    assert_eq!(relations("locations/1?panel=1").await["nodes"]["items"], json!([{"id": 1, "label": "Alpha"}]));
    assert_eq!(
        relations("allocations/1").await,
        json!({"node": {"id": 1, "label": "Alpha"}, "server": {"id": 11, "label": "Survival"}})
    );
    assert_eq!(relations("nests/1").await["eggs"]["total"], 2);
    assert_eq!(relations("egg-variables/1").await, json!({"egg": {"id": 1, "label": "Paper"}}));
    assert_eq!(relations("databases/1").await, json!({"server": {"id": 11, "label": "Survival"}}));
    assert_eq!(
        relations("subusers/1").await,
        json!({"user": {"id": 2, "label": "bob"}, "server": {"id": 11, "label": "Survival"}})
    );
}

#[actix_web::test]
async fn an_id_on_several_panels_needs_a_panel() {
    let desk = Desk::furnished().await;
    assert!(desk.get("/api/v1/mirror/nodes/1").await.problem(409).contains("panel=1 or panel=2"));
    assert_eq!(desk.get("/api/v1/mirror/nodes/1?panel=2").await.ok()["data"]["name"], "Gamma");
    desk.get("/api/v1/mirror/nodes/2").await.ok();
    desk.get("/api/v1/mirror/nodes/2?panel=2").await.problem(404);
    desk.get("/api/v1/mirror/nodes/99").await.problem(404);
    desk.get("/api/v1/mirror/nodes/abc").await.problem(400);
}

#[actix_web::test]
async fn history_is_kept_for_what_is_gone_too() {
    let desk = Desk::furnished().await;
    let writer = desk.writer(PanelId(1));
    desk.clock.advance_s(60);
    writer
        .apply(vec![Server {
            suspended: true,
            allocations: Some(vec![1]),
            allocation_id: Some(1),
            user_id: 1,
            ..server(11, "Survival")
        }])
        .await
        .unwrap();
    desk.clock.advance_s(60);
    writer.remove(Kind::Server, vec![11]).await.unwrap();

    let page = desk.get("/api/v1/mirror/servers/11/history?panel=1&limit=2").await.ok();
    let items = page["data"]["items"].as_array().unwrap();
    assert_eq!((&items[0]["operation"], &items[1]["operation"]), (&json!("removed"), &json!("changed")));
    assert_eq!(items[1]["fields"], json!([{"field": "suspended", "old": false, "new": true}]));
    assert_eq!(items[1]["sync"], json!(HISTORY_SYNC));
    let next = page["data"]["nextCursor"].as_str().unwrap();
    let rest = desk.get(&format!("/api/v1/mirror/servers/11/history?panel=1&cursor={next}")).await.ok();
    assert_eq!(rest["data"]["items"][0]["operation"], "created");

    let filtered = desk
        .get("/api/v1/history?field=suspended&from=2026-03-01T12:00:30Z&until=2026-03-01T12:01:30%2B00:00")
        .await
        .ok();
    assert_eq!(filtered["data"]["items"].as_array().unwrap().len(), 1);
    let found = desk.get("/api/v1/history?kind=users&search=ada").await.ok();
    assert_eq!(found["data"]["items"][0]["label"], "ada");
    let of = desk.get("/api/v1/history?panel=1&kind=servers&id=11&limit=1").await.ok();
    assert_eq!(of["data"]["items"][0]["operation"], "removed");
    for bad in ["id=1", "kind=sheep", "from=yesterday", "limit=0", "sync=x", "cursor=*", "cursor=zzzz"] {
        desk.get(&format!("/api/v1/history?{bad}")).await.problem(400);
    }
}

#[actix_web::test]
async fn two_times_of_an_object_are_compared_by_number_and_by_uuid() {
    let desk = Desk::furnished().await;
    let writer = desk.writer(PanelId(1));
    desk.clock.advance_s(60);
    let changed = Server { allocations: Some(vec![1]), allocation_id: Some(1), user_id: 1, ..server(11, "Renamed") };
    writer.apply(vec![changed]).await.unwrap();
    desk.clock.advance_s(60);
    let path = "/api/v1/mirror/servers/11/compare";
    let told = desk.get(&format!("{path}?panel=1&from=2026-03-01T12:00:30Z")).await.ok();
    crate::promise::keeps("get", "/api/v1/mirror/{kind}/{id}/compare", &told);
    let data = &told["data"];
    assert_eq!((&data["wasThere"], &data["isThere"], &data["changes"]), (&json!(true), &json!(true), &json!(1)));
    assert_eq!(data["fields"][0]["field"], "name");
    assert_eq!((&data["fields"][0]["old"], &data["fields"][0]["new"]), (&json!("Survival"), &json!("Renamed")));
    assert_eq!(data["knownSince"], json!(null));
    writer.remove(Kind::Server, vec![11]).await.unwrap();
    desk.clock.advance_s(1);
    let by_uuid = "/api/v1/mirror/servers/00000000-0000-4000-8000-00080000000b/compare";
    let told = desk.get(&format!("{by_uuid}?from=2026-03-01T12:01:30Z")).await.ok();
    assert_eq!((&told["data"]["isThere"], &told["data"]["turns"][0]["operation"]), (&json!(false), &json!("removed")));
    let backwards = "from=2026-03-01T12:01:30Z&until=2026-03-01T12:01:00Z";
    for bad in ["", "from=x", "from=2026-03-01T12:01:30Z&until=x", backwards] {
        desk.get(&format!("{path}?panel=1&{bad}")).await.problem(400);
    }
    desk.get("/api/v1/mirror/servers/4711/compare?panel=1&from=2026-03-01T12:01:30Z").await.problem(404);
    desk.get("/api/v1/history?operation=x").await.problem(400);
    let removed = desk.get("/api/v1/history?operation=removed").await.ok();
    assert_eq!(removed["data"]["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn drift_and_counts() {
    let desk = Desk::furnished().await;
    let drift = desk.get("/api/v1/drift").await.ok();
    assert_eq!(drift["data"]["totals"]["unused_egg"], 1);
    let counts = desk.get("/api/v1/counts?panel=1").await.ok();
    assert_eq!(
        (&counts["data"]["servers"], &counts["data"]["suspendedServers"], &counts["data"]["nodes"]),
        (&json!(3), &json!(1), &json!(2))
    );
}

#[actix_web::test]
async fn the_data_file_is_checked_on_request() {
    let desk = Desk::furnished().await;
    let report = desk.post("/api/v1/check", json!({})).await.ok();
    assert_eq!(
        (&report["data"]["clean"], &report["data"]["problems"], &report["data"]["rowsByTable"]["servers"]),
        (&json!(true), &json!([]), &json!(3))
    );
}
