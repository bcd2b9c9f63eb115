//! The client API, as administrators, owners and subusers see it.

use aviary_sim::{PanelSpec, SimPanel};
use serde_json::json;

use crate::http::{ask, get, panel, send};
use crate::shapes::assert_shape;

const SERVER: &str = "server_owner:bool identifier:str internal_id:int uuid:str name:str node:str \
                      is_node_under_maintenance:bool sftp_details:obj description:str limits:obj invocation:str \
                      docker_image:str egg_features:list? feature_limits:obj status:str? is_suspended:bool \
                      is_installing:bool is_transferring:bool relationships:obj";
const ALLOCATION: &str = "id:int ip:str ip_alias:str? port:int notes:str? is_default:bool";

fn spec() -> PanelSpec {
    PanelSpec { rate_limit: 0, client_rate_limit: 0, awkward: false, ..PanelSpec::default() }
}

fn pelican() -> PanelSpec {
    PanelSpec { rate_limit: 0, client_rate_limit: 0, awkward: false, ..PanelSpec::pelican() }
}

fn path(panel: &SimPanel, id: u64, rest: &str) -> String {
    panel.with_world(|world| format!("/api/client/servers/{}{rest}", world.servers[&id].identifier()))
}

#[tokio::test]
async fn the_list_depends_on_the_type_and_on_who_asks() {
    let panel = panel(spec()).await;
    let count = async |kind: &str, key: &str| {
        ask(&panel, "GET", &format!("/api/client?per_page=100{kind}"), Some(key), None).await.total()
    };
    let key = panel.with_world(|world| world.add_account_key(2));
    let (owned, shared) = panel.with_world(|world| {
        let owned = world.servers.values().filter(|server| server.user == 2).count() as i64;
        (owned, world.subusers.values().filter(|row| row.user == 2).count() as i64)
    });
    assert_eq!(count("", &key).await, owned + shared);
    assert_eq!(count("&type=owner", &key).await, owned);
    assert_eq!(count("&type=admin-all", &key).await, 0);
    assert_eq!(count("&type=admin-all", panel.client_key()).await, 25);
}

#[tokio::test]
async fn a_server_shows_what_the_caller_may_see() {
    let panel = panel(spec()).await;
    let answer = get(&panel, &path(&panel, 1, "?include=egg,subusers")).await.json();
    assert_shape(&answer["attributes"], SERVER);
    assert_shape(&answer["attributes"]["relationships"], "allocations:obj variables:obj egg:obj subusers:obj");
    assert_shape(&answer["attributes"]["relationships"]["allocations"]["data"][0]["attributes"], ALLOCATION);
    assert_eq!(answer["meta"]["user_permissions"][1], "admin.websocket.errors");

    let key = panel.with_world(|world| {
        let stranger = world.add_user("stranger", "stranger@mail.example");
        world.add_subuser(1, stranger, &["websocket.connect"]);
        world.add_account_key(stranger)
    });
    let as_subuser = async |id: u64, rest: &str| ask(&panel, "GET", &path(&panel, id, rest), Some(&key), None).await;
    let seen = as_subuser(1, "").await.json();
    assert_eq!(seen["attributes"]["relationships"]["variables"]["object"], "null_resource");
    assert_eq!(seen["attributes"]["relationships"]["allocations"]["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(seen["meta"], json!({ "is_server_owner": false, "user_permissions": ["websocket.connect"] }));
    assert_eq!(as_subuser(2, "").await.status, 404, "servers of others do not exist");
    assert_eq!(as_subuser(1, "/users").await.status, 403);
    assert_eq!(as_subuser(1, "/websocket").await.status, 200);
}

#[tokio::test]
async fn a_server_that_is_not_ready_answers_409() {
    let panel = panel(spec()).await;
    for status in ["suspended", "installing", "install_failed", "restoring_backup"] {
        panel.with_world(|world| world.set_status(1, Some(status)));
        let answer = get(&panel, &path(&panel, 1, "/resources")).await;
        assert_eq!((answer.status, answer.code().as_str()), (409, "ServerStateConflictException"), "{status}");
        assert_eq!(get(&panel, &path(&panel, 1, "")).await.status, 200);
        let token = get(&panel, &path(&panel, 1, "/websocket")).await.status;
        assert_eq!(token, if status == "suspended" { 409 } else { 200 });
    }
    panel.with_world(|world| world.set_status(1, Some("reinstall_failed")));
    assert_eq!(get(&panel, &path(&panel, 1, "/resources")).await.status, 200);
    panel.with_world(|world| {
        let node = world.servers[&1].node;
        world.nodes.get_mut(&node).expect("its node").maintenance_mode = true;
    });
    assert_eq!(get(&panel, &path(&panel, 1, "/resources")).await.status, 409);
}

#[tokio::test]
async fn a_dead_node_shows_in_both_dialects() {
    for (spec, status) in [(spec(), 504), (pelican(), 200)] {
        let panel = panel(spec).await;
        let stats = get(&panel, &path(&panel, 1, "/resources")).await.json();
        assert_shape(&stats["attributes"], "current_state:str is_suspended:bool resources:obj");
        let shape =
            "memory_bytes:int cpu_absolute:num disk_bytes:int network_rx_bytes:int network_tx_bytes:int uptime:int";
        assert_shape(&stats["attributes"]["resources"], shape);
        panel.with_world(|world| world.nodes.values_mut().for_each(|node| node.unreachable = true));
        let answer = get(&panel, &path(&panel, 1, "/resources")).await;
        assert_eq!(answer.status, status);
        if status == 200 {
            assert_eq!(answer.json()["attributes"]["current_state"], "missing");
        } else {
            assert_eq!(answer.code(), "DaemonConnectionException");
        }
    }
}

#[tokio::test]
async fn power_and_commands_have_effects() {
    let panel = panel(spec()).await;
    let power = path(&panel, 1, "/power");
    assert_eq!(send(&panel, "POST", &power, json!({ "signal": "stop" })).await.status, 204);
    assert_eq!(send(&panel, "POST", &path(&panel, 1, "/command"), json!({ "command": "say hi" })).await.status, 502);
    assert_eq!(send(&panel, "POST", &power, json!({ "signal": "start" })).await.status, 204);
    assert_eq!(send(&panel, "POST", &path(&panel, 1, "/command"), json!({ "command": "say hi" })).await.status, 204);
    assert_eq!(send(&panel, "POST", &power, json!({ "signal": "explode" })).await.status, 422);
    let state = get(&panel, &path(&panel, 1, "/resources")).await.json();
    assert_eq!(state["attributes"]["current_state"], "running");
    let log = get(&panel, &path(&panel, 1, "/activity?sort=-timestamp&include=actor&per_page=3")).await.json();
    assert_eq!(log["data"][0]["attributes"]["relationships"]["actor"]["attributes"]["username"], "harbourmaster");
}

#[tokio::test]
async fn the_account_differs_by_dialect() {
    let ptero = panel(spec()).await;
    let account = get(&ptero, "/api/client/account").await.json();
    assert_shape(
        &account["attributes"],
        "id:int admin:bool username:str email:str first_name:str? last_name:str? language:str",
    );
    let names = get(&ptero, "/api/client/permissions").await.json();
    assert!(names["attributes"]["permissions"]["websocket"]["keys"]["connect"].is_string());
    let pelican = panel(pelican()).await;
    let account = get(&pelican, "/api/client/account").await.json();
    assert!(account["attributes"].get("id").is_none() && account["attributes"]["uuid"].is_string());
    assert_eq!(
        get(&pelican, "/api/client/permissions").await.json()["attributes"]["permissions"][0],
        "websocket.connect"
    );
}

#[tokio::test]
async fn pelican_leaves_descriptions_out_when_nobody_may_edit_them() {
    let panel = panel(pelican()).await;
    assert!(get(&panel, &path(&panel, 1, "")).await.json()["attributes"].get("description").is_some());
    panel.with_world(|world| world.editable_descriptions = false);
    assert!(get(&panel, &path(&panel, 1, "")).await.json()["attributes"].get("description").is_none());
}

#[tokio::test]
async fn subusers_are_invited_changed_and_removed() {
    let panel = panel(spec()).await;
    let users = path(&panel, 1, "/users");
    let body = json!({ "email": "new@friend.example", "permissions": ["control.start", "no.such"] });
    let made = send(&panel, "POST", &users, body.clone()).await.json();
    let shape = "uuid:str username:str email:str image:str 2fa_enabled:bool created_at:str permissions:list";
    assert_shape(&made["attributes"], shape);
    assert_eq!(made["attributes"]["permissions"], json!(["control.start", "websocket.connect"]));
    assert_eq!(send(&panel, "POST", &users, body).await.code(), "ServerSubuserExistsException");
    let one = format!("{users}/{}", made["attributes"]["uuid"].as_str().expect("uuid"));
    let changed = send(&panel, "POST", &one, json!({ "permissions": ["file.read"] })).await.json();
    assert_eq!(changed["attributes"]["permissions"], json!(["file.read", "websocket.connect"]));
    assert_eq!(send(&panel, "DELETE", &one, json!({})).await.status, 204);
    assert_eq!(get(&panel, &one).await.status, 404);
}

#[tokio::test]
async fn what_hangs_on_a_server_has_its_shape() {
    let panel = panel(PanelSpec { servers: 60, ..spec() }).await;
    let (with_database, with_backup, with_schedule) = panel.with_world(|world| {
        let first = |server: Option<u64>| server.expect("one");
        (
            first(world.databases.values().next().map(|row| row.server)),
            first(world.backups.values().next().map(|row| row.server)),
            first(world.schedules.values().next().map(|row| row.server)),
        )
    });
    let databases = get(&panel, &path(&panel, with_database, "/databases?include=password")).await.json();
    let database = &databases["data"][0]["attributes"];
    assert_shape(
        database,
        "id:str host:obj name:str username:str connections_from:str max_connections:int? relationships:obj",
    );
    let one =
        path(&panel, with_database, &format!("/databases/{}/rotate-password", database["id"].as_str().expect("id")));
    assert_eq!(send(&panel, "POST", &one, json!({})).await.status, 200);

    let backups = get(&panel, &path(&panel, with_backup, "/backups")).await.json();
    let shape = "uuid:str is_successful:bool is_locked:bool name:str ignored_files:list checksum:str? bytes:int \
                 created_at:str completed_at:str?";
    assert_shape(&backups["data"][0]["attributes"], shape);
    assert!(backups["meta"]["backup_count"].is_u64() && backups["meta"]["pagination"]["per_page"] == 20);

    let schedules = get(&panel, &path(&panel, with_schedule, "/schedules")).await.json();
    let schedule = &schedules["data"][0]["attributes"];
    assert_shape(&schedule["cron"], "day_of_week:str day_of_month:str month:str hour:str minute:str");
    let shape = "id:int sequence_id:int action:str payload:str time_offset:int is_queued:bool continue_on_failure:bool \
                 created_at:str updated_at:str";
    assert_shape(&schedule["relationships"]["tasks"]["data"][0]["attributes"], shape);

    let startup = get(&panel, &path(&panel, 1, "/startup")).await.json();
    let shape =
        "name:str description:str env_variable:str default_value:str server_value:str? is_editable:bool rules:str";
    assert_shape(&startup["data"][0]["attributes"], shape);
    assert_shape(&startup["meta"], "startup_command:str docker_images:obj raw_startup_command:str");
    let files = get(&panel, &path(&panel, 1, "/files/list")).await.json();
    let shape = "name:str mode:str mode_bits:str size:int is_file:bool is_symlink:bool mimetype:str created_at:str \
                 modified_at:str";
    assert_shape(&files["data"][0]["attributes"], shape);
}

#[tokio::test]
async fn schedules_and_their_tasks_are_made_and_changed() {
    let panel = panel(spec()).await;
    let schedules = path(&panel, 1, "/schedules");
    let mut body = json!({ "name": "Hourly", "is_active": true, "minute": "0", "hour": "*", "day_of_month": "*",
        "month": "*", "day_of_week": "*" });
    let made = send(&panel, "POST", &schedules, body.clone()).await.json();
    let one = format!("{schedules}/{}", made["attributes"]["id"]);
    assert_eq!(send(&panel, "POST", &format!("{one}/execute"), json!({})).await.status, 400);
    let task = json!({ "action": "power", "payload": "restart", "time_offset": 30 });
    let task = send(&panel, "POST", &format!("{one}/tasks"), task).await.json();
    assert_eq!(task["attributes"]["sequence_id"], 1);
    assert_eq!(send(&panel, "POST", &format!("{one}/execute"), json!({})).await.status, 202);
    body["minute"] = json!("every now and then!");
    assert_eq!(send(&panel, "POST", &one, body).await.status, 400);
    let gone = format!("{one}/tasks/{}", task["attributes"]["id"]);
    assert_eq!(send(&panel, "DELETE", &gone, json!({})).await.status, 204);
    assert_eq!(send(&panel, "DELETE", &one, json!({})).await.status, 204);
    assert_eq!(get(&panel, &one).await.status, 404);
}

#[tokio::test]
async fn keys_are_made_used_and_deleted() {
    let panel = panel(spec()).await;
    let made = send(&panel, "POST", "/api/client/account/api-keys", json!({ "description": "robot" })).await.json();
    let identifier = made["attributes"]["identifier"].as_str().expect("identifier");
    let token = format!("{identifier}{}", made["meta"]["secret_token"].as_str().expect("secret"));
    assert_eq!(token.len(), 48);
    assert_eq!(ask(&panel, "GET", "/api/client/account", Some(&token), None).await.status, 200);
    let one = format!("/api/client/account/api-keys/{identifier}");
    assert_eq!(send(&panel, "DELETE", &one, json!({})).await.status, 204);
    assert_eq!(ask(&panel, "GET", "/api/client/account", Some(&token), None).await.status, 401);
}

#[tokio::test]
async fn a_restore_closes_the_server_until_the_node_reports() {
    let panel = panel(PanelSpec { servers: 60, ..spec() }).await;
    let (server, uuid) = panel.with_world(|world| {
        let row = world.backups.values().find(|row| row.successful).expect("a backup");
        (row.server, row.uuid.clone())
    });
    let restore = path(&panel, server, &format!("/backups/{uuid}/restore"));
    assert_eq!(send(&panel, "POST", &restore, json!({})).await.status, 422);
    assert_eq!(send(&panel, "POST", &restore, json!({ "truncate": true })).await.status, 204);
    assert_eq!(get(&panel, &path(&panel, server, "/files/list")).await.status, 409);
    for _ in 0..200 {
        if panel.tick_once() == Some(aviary_sim::LifeEvent::ServerReady(server)) {
            break;
        }
    }
    let there = panel.with_world(|world| world.servers.get(&server).is_some_and(|row| row.status.is_none()));
    assert!(there);
    let download = get(&panel, &path(&panel, server, &format!("/backups/{uuid}/download"))).await.json();
    assert_eq!(download["object"], "signed_url");
}

#[tokio::test]
async fn pelican_moves_servers_between_nodes() {
    let panel = panel(pelican()).await;
    let (target, allocation) = panel.with_world(|world| {
        let home = world.servers[&1].node;
        let row = world.allocations.values().find(|row| row.node != home && row.server.is_none()).expect("free");
        (row.node, row.id)
    });
    let transfer = "/api/application/servers/1/transfer";
    let body = json!({ "node_id": target, "allocation_id": allocation });
    assert_eq!(send(&panel, "POST", &format!("{transfer}/cancel"), json!({})).await.status, 406);
    assert_eq!(send(&panel, "POST", transfer, body.clone()).await.status, 204);
    assert_eq!(send(&panel, "POST", transfer, body).await.status, 406);
    let list = get(&panel, &format!("/api/application/nodes/{target}/allocations?filter[server_id]=1")).await;
    assert_eq!(list.ids(), [allocation]);
    panel.with_world(|world| world.end_transfer(1, true));
    let moved = get(&panel, "/api/application/servers/1").await.json();
    assert_eq!(
        (&moved["attributes"]["node"], &moved["attributes"]["allocation"]),
        (&json!(target), &json!(allocation))
    );
}
