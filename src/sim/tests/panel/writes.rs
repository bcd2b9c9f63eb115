//! Calls of the application API that change the panel.

use aviary_sim::PanelSpec;
use serde_json::{Value, json};

use crate::http::{get, panel, send};

fn spec() -> PanelSpec {
    PanelSpec { rate_limit: 0, client_rate_limit: 0, awkward: false, ..PanelSpec::default() }
}

#[tokio::test]
async fn users_are_checked_made_changed_and_removed() {
    let panel = panel(spec()).await;
    let answer = send(&panel, "POST", "/api/application/users", json!({ "username": "-bad-" })).await;
    assert_eq!(answer.status, 422);
    let errors = answer.json()["errors"].as_array().cloned().expect("errors");
    let failed =
        |field: &str, rule: &str| errors.iter().any(|e| e["meta"] == json!({ "source_field": field, "rule": rule }));
    assert!(failed("email", "required") && failed("username", "p_username") && failed("first_name", "required"));
    assert!(errors.iter().all(|error| error["status"] == "422" && error["code"] == "ValidationException"));

    let body = json!({ "email": "ada@mail.example", "username": "Ada.1", "first_name": "Ada", "last_name": "L" });
    let made = send(&panel, "POST", "/api/application/users", body.clone()).await;
    let id = made.json()["attributes"]["id"].as_u64().expect("an id");
    assert_eq!((made.status, made.json()["attributes"]["username"].as_str()), (201, Some("ada.1")));
    assert_eq!(made.json()["meta"]["resource"], format!("{}/api/application/users/{id}", panel.url()));
    assert_eq!(send(&panel, "POST", "/api/application/users", body.clone()).await.status, 422);
    let one = format!("/api/application/users/{id}");
    let changed = send(
        &panel,
        "PATCH",
        &one,
        json!({ "email": "b@mail.example", "username": "ada", "first_name": "A",
        "last_name": "B", "external_id": "x-1" }),
    )
    .await;
    assert_eq!(changed.json()["attributes"]["external_id"], "x-1");
    assert_eq!(get(&panel, "/api/application/users/external/x-1").await.json()["attributes"]["id"], id);
    let gone = send(&panel, "DELETE", &one, Value::Null).await;
    assert!(gone.status == 204 && gone.body.is_empty());
    assert_eq!(get(&panel, &one).await.status, 404);
    let owner = panel.with_world(|world| world.servers[&1].user);
    assert_eq!(
        send(&panel, "DELETE", &format!("/api/application/users/{owner}"), json!({})).await.code(),
        "DisplayException"
    );
}

#[tokio::test]
async fn servers_are_made_suspended_and_deleted() {
    let panel = panel(spec()).await;
    let free = panel.with_world(|world| world.allocations.values().find(|row| row.server.is_none()).map(|row| row.id));
    let body = json!({
        "name": "Fresh", "user": 2, "egg": 1, "docker_image": "img", "startup": "run", "environment": {},
        "limits": { "memory": 512, "swap": 0, "disk": 1024, "io": 500, "cpu": 50 },
        "feature_limits": { "databases": 1, "backups": 0 }, "allocation": { "default": free }
    });
    let made = send(&panel, "POST", "/api/application/servers", body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(made.json().get("meta").is_none());
    let server = made.json()["attributes"].clone();
    assert_eq!((server["status"].as_str(), server["container"]["installed"].as_u64()), (Some("installing"), Some(0)));
    assert_eq!(server["allocation"].as_u64(), free);
    let taken = send(&panel, "POST", "/api/application/servers", body).await;
    assert_eq!(taken.json()["errors"][0]["meta"]["source_field"], "allocation.default");

    let one = format!("/api/application/servers/{}", server["id"]);
    for _ in 0..2 {
        assert_eq!(send(&panel, "POST", &format!("{one}/suspend"), json!({})).await.status, 204);
    }
    assert_eq!(get(&panel, &one).await.json()["attributes"]["suspended"], true);
    assert_eq!(send(&panel, "POST", &format!("{one}/unsuspend"), json!({})).await.status, 204);
    assert_eq!(get(&panel, &one).await.json()["attributes"]["status"], Value::Null);
    assert_eq!(send(&panel, "DELETE", &one, json!({})).await.status, 204);
    assert_eq!(get(&panel, &one).await.status, 404);
    assert!(panel.with_world(|world| world.allocations[&free.expect("an id")].server.is_none()));
}

#[tokio::test]
async fn details_build_and_startup_want_everything() {
    let panel = panel(spec()).await;
    let one = "/api/application/servers/1";
    assert_eq!(send(&panel, "PATCH", &format!("{one}/details"), json!({ "name": "only" })).await.status, 422);
    let changed =
        send(&panel, "PATCH", &format!("{one}/details"), json!({ "name": "New name", "user": 3 })).await.json();
    let row = &changed["attributes"];
    assert_eq!((&row["name"], &row["user"], &row["description"]), (&json!("New name"), &json!(3), &json!("")));
    assert_eq!(row["updated_at"], "2025-09-10T12:00:00+00:00", "the panel's clock");

    let (primary, node) = panel.with_world(|world| (world.servers[&1].allocation, world.servers[&1].node));
    let (near, far) = panel.with_world(|world| {
        let free = |same: bool| world.allocations.values().find(|a| a.server.is_none() && (a.node == node) == same);
        (free(true).expect("free").id, free(false).expect("free").id)
    });
    let build = format!("{one}/build");
    let body = json!({ "allocation": primary, "limits": { "memory": 1, "swap": -1, "io": 500, "cpu": 0, "disk": 7 },
        "feature_limits": { "databases": null, "backups": 2 }, "add_allocations": [near, far] });
    let changed = send(&panel, "PATCH", &build, body).await.json();
    assert_eq!(changed["attributes"]["limits"]["disk"], 7);
    assert_eq!(changed["attributes"]["feature_limits"]["databases"], Value::Null);
    let owners = panel.with_world(|world| (world.allocations[&near].server, world.allocations[&far].server));
    assert_eq!(owners, (Some(1), None), "one on another node is ignored");
    let missing = send(&panel, "PATCH", &build, json!({ "allocation": primary })).await;
    let fields: Vec<Value> = missing.json()["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|e| e["meta"]["source_field"].clone())
        .collect();
    assert!(fields.contains(&json!("feature_limits.backups")) && fields.contains(&json!("memory")), "{fields:?}");

    let egg = get(&panel, one).await.json()["attributes"]["egg"].clone();
    let body = json!({ "startup": "go", "environment": {}, "egg": egg, "image": "i", "skip_scripts": false });
    assert_eq!(
        send(&panel, "PATCH", &format!("{one}/startup"), body).await.json()["attributes"]["container"]["image"],
        "i"
    );
}

#[tokio::test]
async fn allocations_are_added_in_ranges_and_only_free_ones_go() {
    let panel = panel(spec()).await;
    let path = "/api/application/nodes/1/allocations";
    let body = json!({ "ip": "203.0.113.7", "ports": ["30000", "30010-30012", "30011"], "alias": "x.example" });
    assert_eq!(send(&panel, "POST", path, body).await.status, 204);
    assert_eq!(get(&panel, &format!("{path}?filter[ip]=203.0.113.7")).await.total(), 4);
    for (ports, code) in [
        ("80", "PortOutOfRangeException"),
        ("2000-9000", "TooManyPortsInRangeException"),
        ("http", "InvalidPortMappingException"),
    ] {
        let answer = send(&panel, "POST", path, json!({ "ip": "203.0.113.7", "ports": [ports] })).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code));
    }
    let taken = panel.with_world(|world| world.servers[&1].allocation).expect("primary");
    let answer = send(&panel, "DELETE", &format!("{path}/{taken}"), json!({})).await;
    assert_eq!(answer.code(), "ServerUsingAllocationException");
    assert_eq!(
        send(&panel, "DELETE", &format!("/api/application/nodes/2/allocations/{taken}"), json!({})).await.status,
        404
    );
}

#[tokio::test]
async fn a_dead_node_stops_what_needs_it() {
    let ptero = panel(spec()).await;
    ptero.with_world(|world| world.nodes.values_mut().for_each(|node| node.unreachable = true));
    let answer = send(&ptero, "POST", "/api/application/servers/1/suspend", json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "DaemonConnectionException"));
    assert!(ptero.with_world(|world| world.servers[&1].status.is_none()), "taken back");
    assert_eq!(send(&ptero, "DELETE", "/api/application/servers/1", json!({})).await.status, 504);
    assert_eq!(send(&ptero, "DELETE", "/api/application/servers/1/force", json!({})).await.status, 204);

    let pelican = panel(PanelSpec { awkward: false, ..PanelSpec::pelican() }).await;
    pelican.with_world(|world| world.nodes.values_mut().for_each(|node| node.unreachable = true));
    let answer = send(&pelican, "POST", "/api/application/servers/1/suspend", json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "ConnectionException"));
    assert_eq!(pelican.with_world(|world| world.servers[&1].status.clone()).as_deref(), Some("suspended"), "kept");
}

#[tokio::test]
async fn places_with_something_in_them_stay() {
    let panel = panel(spec()).await;
    let delete = async |path: &str| send(&panel, "DELETE", path, json!({})).await;
    assert_eq!(delete("/api/application/nodes/1").await.code(), "HasActiveServersException");
    assert_eq!(delete("/api/application/locations/1").await.code(), "HasActiveNodesException");
    let body = json!({ "name": "n", "location_id": 1, "fqdn": "n.example", "scheme": "https", "memory": 1,
        "memory_overallocate": 0, "disk": 1, "disk_overallocate": -1, "daemon_sftp": 2022, "daemon_listen": 8080 });
    let made = send(&panel, "POST", "/api/application/nodes", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(delete(&format!("/api/application/nodes/{}", made.json()["attributes"]["id"])).await.status, 204);
    let configuration = get(&panel, "/api/application/nodes/1/configuration").await.json();
    assert!(configuration.get("object").is_none() && configuration["token"].as_str().is_some_and(|t| t.len() == 64));
}

#[tokio::test]
async fn the_panel_finds_a_place_when_asked_to() {
    let panel = panel(spec()).await;
    panel.with_world(|world| world.nodes.values_mut().for_each(|node| node.public = node.id == 2));
    let mut body = json!({
        "name": "Anywhere", "user": 2, "egg": 1, "docker_image": "img", "startup": "run", "environment": {},
        "limits": { "memory": 1, "swap": 0, "disk": 1, "io": 500, "cpu": 50 },
        "feature_limits": { "databases": 1, "backups": 0 },
        "deploy": { "locations": [], "dedicated_ip": false, "port_range": ["25570-25590"] }
    });
    let made = send(&panel, "POST", "/api/application/servers", body.clone()).await;
    assert_eq!((made.status, made.json()["attributes"]["node"].as_u64()), (201, Some(2)), "{}", made.text());
    body["deploy"]["port_range"] = json!(["9"]);
    assert_eq!(
        send(&panel, "POST", "/api/application/servers", body.clone()).await.code(),
        "NoViableAllocationException"
    );
    body["limits"]["memory"] = json!(999_999_999);
    assert_eq!(send(&panel, "POST", "/api/application/servers", body).await.code(), "NoViableNodeException");
}

#[tokio::test]
async fn the_primary_allocation_only_goes_against_a_replacement() {
    let panel = panel(spec()).await;
    let (primary, free) = panel.with_world(|world| {
        let server = &world.servers[&1];
        let free = world.allocations.values().find(|row| row.server.is_none() && row.node == server.node);
        (server.allocation, free.expect("free").id)
    });
    let mut body = json!({ "allocation": primary, "feature_limits": { "databases": 0, "backups": 0 },
        "limits": { "memory": 1, "swap": 0, "io": 500, "cpu": 0, "disk": 1 }, "remove_allocations": [primary] });
    let build = "/api/application/servers/1/build";
    assert_eq!(send(&panel, "PATCH", build, body.clone()).await.code(), "DisplayException");
    body["add_allocations"] = json!([free]);
    assert_eq!(send(&panel, "PATCH", build, body).await.json()["attributes"]["allocation"], free);
    assert!(panel.with_world(|world| world.allocations[&primary.expect("one")].server.is_none()));
}
