//! The lists and numbers of the older API.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::desk::Desk;

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn public_numbers() {
    let desk = Desk::furnished().await;
    desk.services.accounts.follow_panels().await.unwrap();
    let stats = desk.anonymous("/api/stats?staleTime=1&gcTime=x").await.ok();
    assert_eq!(
        stats,
        json!({"success": true, "data": {"totalServers": 3, "totalUsers": 2, "activeUsers": 0, "totalAllocations": 3}, "message": ""})
    );
    desk.token_of("mara@example.com", &[]).await;
    let stats = desk.anonymous("/api/stats").await.ok();
    assert_eq!((&stats["data"]["totalUsers"], &stats["data"]["activeUsers"]), (&json!(3), &json!(1)));
    let counts = desk.anonymous("/api/panel/counts").await.ok();
    assert_eq!(counts["data"], json!({"nodes": 3, "servers": 3, "users": 2, "allocations": 1, "nests": 2}));
    let nodes = desk.anonymous("/api/panel/nodes").await.ok();
    assert_eq!(names(&nodes["data"]), ["Alpha", "Gamma"], "private nodes stay private");
    assert_eq!((&nodes["data"][0]["locationCode"], &nodes["data"][0]["serverCount"]), (&json!("eu"), &json!(2)));
}

#[actix_web::test]
async fn a_server_has_every_field_that_the_front_end_reads() {
    let desk = Desk::furnished().await;
    let page = desk.get("/api/admin/servers?search=surv").await.ok();
    assert_eq!(page["pagination"], json!({"page": 1, "pageSize": 25, "total": 1, "totalPages": 1}));
    let uuid = "00000000-0000-4000-8000-00080000000b";
    assert_eq!(
        page["servers"][0],
        json!({
            "id": uuid, "serverType": "game_server", "pterodactylId": 11, "uuid": uuid, "name": "Survival", "description": "",
            "status": "online", "isSuspended": false, "panelType": "pterodactyl", "panelId": 1,
            "owner": {"id": "00000000-0000-4000-8000-000700000001", "email": "ada@example.com", "username": "ada"},
            "node": {"id": 1, "name": "Alpha", "fqdn": "alpha.example.com"},
            "egg": {"id": 1, "name": "Paper", "nest": "Minecraft"},
            "memory": 4096, "disk": 10240, "cpu": 200,
            "createdAt": "2025-02-11T00:00:00Z", "updatedAt": "2026-03-01T12:00:00Z"
        })
    );
}

#[actix_web::test]
async fn servers_are_filtered_sorted_and_paged() {
    let desk = Desk::furnished().await;
    let rows: [(&str, &[&str]); 13] = [
        ("", &["Creative", "Lobby", "Survival"]),
        ("sort=name", &["Creative", "Lobby", "Survival"]),
        ("sort=name&order=desc", &["Survival", "Lobby", "Creative"]),
        ("sort=created&order=asc", &["Survival", "Lobby", "Creative"]),
        ("status=all&serverType=all", &["Creative", "Lobby", "Survival"]),
        ("status=online", &["Survival"]),
        ("status=running", &["Survival"]),
        ("status=offline", &[]),
        ("status=suspended", &["Lobby"]),
        ("status=installing", &["Creative"]),
        ("serverType=vps", &[]),
        ("pageSize=1&page=2&sort=name", &["Lobby"]),
        ("pageSize=x&page=x&order=&unknown=1", &["Survival", "Lobby", "Creative"]),
    ];
    for (query, wanted) in rows {
        let page = desk.get(&format!("/api/admin/servers?{query}")).await.ok();
        assert_eq!(names(&page["servers"]), wanted, "{query}");
    }
    let page = desk.get("/api/admin/servers?pageSize=2&page=9").await.ok();
    assert_eq!(page["pagination"], json!({"page": 9, "pageSize": 2, "total": 3, "totalPages": 2}));
    assert_eq!(page["servers"], json!([]));
    desk.get("/api/admin/servers?panel=x").await.problem(400);
}

#[actix_web::test]
async fn nodes_by_name_with_what_stands_on_them() {
    let desk = Desk::furnished().await;
    let page = desk.get("/api/admin/nodes?pageSize=200").await.ok();
    assert_eq!(names(&page["nodes"]), ["Alpha", "Beta", "Gamma"]);
    assert_eq!(page["pagination"]["pageSize"], 200);
    let alpha = &page["nodes"][0];
    assert_eq!((&alpha["locationId"], &alpha["locationCode"]), (&json!(1), &json!("eu")));
    assert_eq!((&alpha["serverCount"], &alpha["allocationCount"]), (&json!(2), &json!(2)));
    assert_eq!((&page["nodes"][1]["locationId"], &page["nodes"][1]["locationCode"]), (&json!(0), &json!("")));
    for (query, wanted) in [
        ("maintenance=yes", vec!["Beta"]),
        ("maintenance=false", vec!["Alpha", "Gamma"]),
        ("search=ALPHA.ex", vec!["Alpha"]),
        ("panel=2", vec!["Gamma"]),
    ] {
        let page = desk.get(&format!("/api/admin/nodes?{query}")).await.ok();
        assert_eq!(names(&page["nodes"]), wanted, "{query}");
    }
    assert_eq!(desk.get("/api/admin/nodes?pageSize=201").await.ok()["pagination"]["pageSize"], 25);
}

#[actix_web::test]
async fn addresses_sort_by_number() {
    let desk = Desk::furnished().await;
    let page = desk.get("/api/admin/nodes/1/allocations").await.ok();
    assert_eq!(page["pagination"], json!({"page": 1, "pageSize": 50, "total": 2, "totalPages": 1}));
    assert_eq!(
        page["allocations"],
        json!([
            {"id": 1, "ip": "10.0.0.9", "port": 25565, "alias": "", "isAssigned": true, "serverPterodactylId": 11, "serverName": "Survival"},
            {"id": 2, "ip": "10.0.0.10", "port": 25566, "alias": "play.example", "isAssigned": false, "serverPterodactylId": null, "serverName": null}
        ])
    );
    assert_eq!(desk.get("/api/admin/nodes/1/allocations?assigned=no").await.ok()["pagination"]["total"], 1);
    assert_eq!(desk.get("/api/admin/nodes/99/allocations").await.ok()["allocations"], json!([]));
    desk.get("/api/admin/nodes/x/allocations").await.problem(400);
}

#[actix_web::test]
async fn allocations_of_all_nodes() {
    let desk = Desk::furnished().await;
    let page = desk.get("/api/admin/allocations").await.ok();
    let ids: Vec<_> = page["allocations"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(page["allocations"][0]["serverId"], "00000000-0000-4000-8000-00080000000b");
    assert_eq!(
        (&page["allocations"][2]["nodeName"], &page["allocations"][2]["serverId"]),
        (&json!("Beta"), &Value::Null)
    );
    for (query, total) in
        [("assigned=yes", 1), ("nodeId=2", 1), ("nodeId=all", 3), ("search=play", 1), ("search=2500", 1)]
    {
        assert_eq!(
            desk.get(&format!("/api/admin/allocations?{query}")).await.ok()["pagination"]["total"],
            total,
            "{query}"
        );
    }
    desk.get("/api/admin/allocations?nodeId=x").await.problem(400);
}

#[actix_web::test]
async fn locations_nests_and_eggs() {
    let desk = Desk::furnished().await;
    let locations = desk.get("/api/admin/locations").await.ok();
    let codes: Vec<_> =
        locations["locations"].as_array().unwrap().iter().map(|one| one["shortCode"].as_str().unwrap()).collect();
    assert_eq!(codes, ["asia", "eu", "us"]);
    assert_eq!(
        (&locations["locations"][1]["nodeCount"], &locations["locations"][1]["description"]),
        (&json!(1), &json!("The region eu"))
    );

    let nests = desk.get("/api/admin/nests").await.ok();
    assert_eq!(names(&nests["nests"]), ["Arma", "Minecraft"]);
    assert_eq!((&nests["nests"][1]["eggCount"], &nests["nests"][1]["serverCount"]), (&json!(2), &json!(2)));

    let eggs = desk.get("/api/admin/eggs").await.ok();
    assert_eq!(names(&eggs["eggs"]), ["Antistasi", "Bungee", "Paper"], "by nest, then by name");
    assert_eq!((&eggs["eggs"][2]["nestName"], &eggs["eggs"][2]["serverCount"]), (&json!("Minecraft"), &json!(2)));
    assert_eq!(names(&desk.get("/api/admin/eggs?nestId=1&search=pap").await.ok()["eggs"]), ["Paper"]);
    assert_eq!(names(&desk.get("/api/admin/eggs?pageSize=1&page=2").await.ok()["eggs"]), ["Bungee"]);
    desk.get("/api/admin/eggs?nestId=x").await.problem(400);
}

#[actix_web::test]
async fn maintenance_is_the_panels_to_switch() {
    let desk = Desk::furnished().await;
    assert!(
        desk.send(Method::PATCH, "/api/admin/nodes/2/maintenance").await.problem(409).contains("follows the panel")
    );
    desk.send(Method::PATCH, "/api/admin/nodes/99/maintenance").await.problem(404);
    desk.send(Method::PATCH, "/api/admin/nodes/x/maintenance").await.problem(400);
}

#[actix_web::test]
async fn numbers_for_admins_and_other_back_ends() {
    let desk = Desk::furnished().await;
    desk.services.accounts.follow_panels().await.unwrap();
    let admin = desk.get("/api/admin/stats").await.ok()["data"].clone();
    assert_eq!(
        admin,
        json!({"totalServers": 3, "suspendedServers": 1, "totalUsers": 2, "totalNodes": 3, "totalAllocations": 3, "usedAllocations": 1, "availableAllocations": 2})
    );
    assert_eq!(desk.get("/api/v1/stats/admin").await.ok()["data"], admin);
    let overview = desk.get("/api/v1/stats/overview").await.ok();
    assert_eq!(
        overview["data"],
        json!({"users": 2, "servers": 3, "nodes": 3, "locations": 3, "eggs": 3, "allocations": 3})
    );
    let servers = desk.get("/api/v1/stats/servers").await.ok();
    assert_eq!(servers["data"]["by_status"], json!({"online": 1, "suspended": 1, "installing": 1}));
    assert_eq!(servers["data"]["by_node"], json!({"Alpha": 2, "Beta": 1, "Gamma": 0}));
    let users = desk.get("/api/v1/stats/users").await.ok();
    assert_eq!(users["data"], json!({"total": 2, "active": 2, "migrated": 0, "admins": 1, "recent_7_days": 2}));
    let there = desk.get("/api/v1/stats/users?panel=1").await.ok();
    assert_eq!(there["data"], json!({"total": 2, "active": 2, "migrated": 0, "admins": 1, "recent_7_days": 1}));
    desk.clock.advance_s(8 * 86_400);
    desk.token_of("mara@example.com", &["SUPER_ADMIN"]).await;
    let users = desk.get("/api/v1/stats/users").await.ok();
    assert_eq!(users["data"], json!({"total": 3, "active": 3, "migrated": 1, "admins": 2, "recent_7_days": 1}));
    assert_eq!(desk.get("/api/v1/stats/overview?panel=2").await.ok()["data"]["nodes"], 1);
}
