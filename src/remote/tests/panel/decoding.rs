use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{Allocation, HiddenText, Kind, Node, Scalar, User};
use aviary_remote::{Children, EggBundle, ServerBundle, ServerIncludes, Sweep};
use serde_json::{Value, json};

use crate::script::{Reply, Script, collect, list, user};

fn server(id: u64) -> Value {
    json!({"object": "server", "attributes": {
        "id": id, "external_id": "crm-7", "uuid": "9f0c2a44-0000-4000-8000-000000000001", "identifier": "9f0c2a44",
        "name": "Kelp Forest", "description": "", "status": null, "suspended": false,
        "limits": {"memory": 4096, "swap": -1, "disk": 20480, "io": 500, "cpu": 0, "threads": "0,2-3", "oom_disabled": true},
        "feature_limits": {"databases": null, "allocations": 0, "backups": 3},
        "user": 4, "node": 2, "allocation": 31, "nest": 1, "egg": 6,
        "container": {
            "startup_command": "./run {{WORLD}}", "image": "ghcr.io/reef/run:1", "installed": 1,
            "environment": {
                "WORLD": "kelp", "STEAM_KEY": "k3y", "SLOTS": 12, "EMPTY": "", "STARTUP": "./run {{WORLD}}",
                "P_SERVER_UUID": "9f0c2a44", "P_SERVER_ALLOCATION_LIMIT": null
            }
        },
        "updated_at": "2025-09-02T09:31:09+02:00", "created_at": "2023-05-02T14:52:20+00:00",
        "relationships": {
            "allocations": {"object": "list", "data": [allocation(33), allocation(31)]},
            "subusers": {"object": "list", "data": [{"object": "subuser", "attributes": {
                "id": 14, "user_id": 9, "server_id": id, "permissions": {"0": "file.read", "3": "control.start", "4": "file.read"},
                "created_at": "2024-01-27T17:55:01+00:00", "updated_at": null
            }}]},
            "variables": {"object": "list", "data": [
                variable(21, "WORLD", true, json!("kelp")), variable(22, "STEAM_KEY", false, json!("k3y")),
                variable(22, "STEAM_KEY", false, json!("other")), variable(23, "EMPTY", false, json!(null))
            ]},
            "databases": {"object": "list", "data": [{"object": "databases", "attributes": {
                "id": 5, "server": id, "host": 1, "database": "s2_eco", "username": "u2_x", "remote": "%", "max_connections": null,
                "created_at": "2023-06-11T13:11:11+02:00", "updated_at": "2024-12-01T00:04:59+00:00"
            }}]}
        }
    }})
}

fn allocation(id: u64) -> Value {
    json!({"object": "allocation", "attributes": {
        "id": id, "ip": "198.51.100.7", "alias": null, "port": 25565, "notes": null, "assigned": true
    }})
}

fn variable(id: u64, name: &str, viewable: bool, value: Value) -> Value {
    json!({"object": "server_variable", "attributes": {
        "id": id, "egg_id": 6, "name": name, "description": "", "env_variable": name, "default_value": "d", "user_viewable": viewable,
        "user_editable": 1, "rules": "nullable|regex:/^(a|b)$/", "created_at": "2023-02-11T08:20:06.000000Z", "updated_at": null,
        "server_value": value
    }})
}

/// Serves `row` as the only one of its list.
async fn panel_with(row: Value) -> Script {
    Script::start(move |_| Reply::json(200, &list(vec![row.clone()], 1, 100, 1)).counted()).await
}

async fn read_server(row: Value) -> (Option<ServerBundle>, Sweep) {
    let panel = panel_with(row).await;
    let client = panel.client();
    let (mut rows, _, sweep) = collect(async |pages| client.servers(ServerIncludes::ALL, pages).await).await;
    (rows.pop(), sweep.unwrap())
}

fn secret(value: &Scalar) -> Option<&str> {
    if let Scalar::Hidden(HiddenText::Clear(text)) = value { Some(text.reveal()) } else { None }
}

#[tokio::test]
async fn a_server_comes_with_everything_that_belongs_to_it() {
    let (bundle, sweep) = read_server(server(2)).await;
    let ServerBundle { server, subusers, databases } = bundle.unwrap();
    assert!(sweep.is_complete() && sweep.unreadable.is_empty());
    assert_eq!((server.id, server.user_id, server.node_id, server.nest_id, server.egg_id), (2, 4, 2, Some(1), 6));
    assert_eq!((server.limits.swap, server.limits.oom_disabled, server.installed), (-1, true, true));
    assert_eq!((server.feature_limits.databases, server.feature_limits.allocations), (None, Some(0)));
    assert_eq!(server.updated_at, Timestamp::parse("2025-09-02T07:31:09Z"));
    assert_eq!(server.allocations, Some(vec![31, 33]));
    let subusers = subusers.unwrap().rows;
    assert_eq!(subusers[0].permissions, ["control.start", "file.read"]);
    assert_eq!((subusers[0].server_id, subusers[0].user_id, subusers[0].updated_at), (2, 9, None));
    let databases = databases.unwrap().rows;
    assert_eq!((databases[0].server_id, databases[0].host_id, databases[0].max_connections), (2, 1, None));
    assert_eq!(databases[0].created_at, Timestamp::parse("2023-06-11T11:11:11Z"));
}

#[tokio::test]
async fn values_that_the_panel_hides_are_hidden_wherever_they_stand() {
    let (bundle, _) = read_server(server(2)).await;
    let server = bundle.unwrap().server;
    let names: Vec<_> = server.environment.0.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["EMPTY", "P_SERVER_ALLOCATION_LIMIT", "P_SERVER_UUID", "SLOTS", "STARTUP", "STEAM_KEY", "WORLD"]
    );
    assert_eq!(secret(server.environment.get("STEAM_KEY").unwrap()), Some("k3y"));
    assert_eq!(server.environment.get("EMPTY"), Some(&Scalar::Text(String::new())));
    assert_eq!(server.environment.get("WORLD"), Some(&Scalar::Text("kelp".to_owned())));
    assert_eq!(server.environment.get("SLOTS"), Some(&Scalar::Int(12)));
    assert_eq!(server.environment.get("P_SERVER_ALLOCATION_LIMIT"), Some(&Scalar::Null));
    let variables = server.variables.unwrap();
    assert_eq!(variables.iter().map(|variable| variable.id).collect::<Vec<_>>(), [21, 22, 23], "each once");
    assert_eq!(secret(&variables[1].server_value), Some("k3y"));
    assert_eq!(variables[2].server_value, Scalar::Null);
}

#[tokio::test]
async fn relations_that_the_key_may_not_see_are_unknown_and_not_empty() {
    let mut row = server(2);
    for name in ["allocations", "subusers", "variables", "databases"] {
        row["attributes"]["relationships"][name] = json!({"object": "null_resource", "attributes": null});
    }
    let (bundle, sweep) = read_server(row).await;
    let bundle = bundle.unwrap();
    assert_eq!((bundle.subusers, bundle.databases), (None, None));
    assert_eq!((bundle.server.allocations, bundle.server.variables), (None, None));
    let hidden: Vec<_> =
        bundle.server.environment.0.iter().filter(|(_, value)| secret(value).is_some()).map(|(name, _)| name).collect();
    assert_eq!(hidden, ["SLOTS", "STEAM_KEY", "WORLD"]);
    assert!(sweep.is_complete() && sweep.unreadable_count == 0);
}

#[tokio::test]
async fn empty_relations_are_empty() {
    let mut row = server(2);
    for name in ["allocations", "subusers", "databases"] {
        row["attributes"]["relationships"][name] = json!({"object": "list", "data": []});
    }
    let bundle = read_server(row).await.0.unwrap();
    assert_eq!(bundle.subusers, Some(Children { rows: vec![], is_whole: true }));
    assert_eq!(bundle.databases, Some(Children { rows: vec![], is_whole: true }));
    assert_eq!(bundle.server.allocations, Some(vec![]));
}

#[tokio::test]
async fn a_bad_part_leaves_its_neighbours_and_the_server_readable() {
    let mut row = server(2);
    row["attributes"]["relationships"]["subusers"]["data"][0]["attributes"]["user_id"] = json!(null);
    row["attributes"]["relationships"]["databases"]["data"][0]["attributes"]["server"] = json!(77);
    let (bundle, sweep) = read_server(row).await;
    let bundle = bundle.unwrap();
    let (subusers, databases) = (bundle.subusers.unwrap(), bundle.databases.unwrap());
    assert!(!subusers.is_whole && !databases.is_whole, "what is missing may be the one that cannot be read");
    assert!(bundle.server.variables.is_some());
    assert_eq!(sweep.unreadable_count, 2);
    assert_eq!((sweep.unreadable[0].kind, sweep.unreadable[0].id), (Kind::Subuser, Some(14)));
    assert_eq!(sweep.unreadable[0].reason, "part of server 2: user_id is missing");
    assert!(sweep.is_complete(), "the servers themselves are all there");
}

#[tokio::test]
async fn a_server_of_wrong_types_is_not_made_up() {
    for (pointer, value) in [
        ("/attributes/uuid", json!(null)),
        ("/attributes/name", json!({"en": "x"})),
        ("/attributes/user", json!(0)),
        ("/attributes/node", json!("edge-1")),
        ("/attributes/limits/memory", json!("plenty")),
        ("/attributes/limits", json!([])),
        ("/attributes/container", json!("none")),
        ("/attributes", json!([])),
        ("/object", json!("user")),
    ] {
        let mut row = server(2);
        *row.pointer_mut(pointer).unwrap() = value;
        let (bundle, sweep) = read_server(row).await;
        assert_eq!((bundle, sweep.unreadable_count), (None, 1), "{pointer}");
    }
}

#[tokio::test]
async fn a_server_of_pelican_is_one_too() {
    let mut row = server(2);
    let attributes = row["attributes"].as_object_mut().unwrap();
    attributes.remove("nest");
    attributes.insert("allocation".to_owned(), json!(null));
    attributes.insert("description".to_owned(), json!(null));
    attributes["limits"] =
        json!({"memory": "4096", "swap": 0, "disk": 1, "io": 500, "cpu": 0, "threads": null, "oom_killer": true});
    attributes["container"]["environment"] = json!([]);
    let server = read_server(row).await.0.unwrap().server;
    assert_eq!((server.nest_id, server.allocation_id, server.description), (None, None, None));
    assert_eq!((server.limits.oom_disabled, server.limits.memory, server.environment.0.len()), (false, 4096, 0));
}

#[tokio::test]
async fn a_node_of_either_dialect_is_read() {
    let common = json!({
        "id": 1, "uuid": "n-1", "public": true, "name": "tide-1", "description": null, "fqdn": "tide-1.reef.example", "scheme": "https",
        "behind_proxy": false, "maintenance_mode": 0, "memory": 64000, "memory_overallocate": "-1", "disk": 900000,
        "disk_overallocate": 0, "upload_size": "100", "daemon_listen": 8080, "daemon_sftp": 2022, "daemon_base": "/srv",
        "created_at": "2023-02-11T09:01:17+00:00", "updated_at": "2025-09-03T11:19:52+00:00"
    });
    let with = |more: Value| {
        let mut all = common.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"object": "node", "attributes": all})
    };
    let original = with(json!({"location_id": 3, "allocated_resources": {"memory": 4096, "disk": 20480}}));
    let fork = with(
        json!({"tags": ["eu"], "cpu": 800, "cpu_overallocate": -1, "daemon_connect": 443, "daemon_sftp_alias": null,
        "allocated_resources": {"memory": 0, "disk": 0, "cpu": 100}}),
    );
    for (row, location, tags, cpu) in [(original, Some(3), 0, None), (fork, None, 1, Some(100))] {
        let panel = panel_with(row).await;
        let client = panel.client();
        let (rows, _, _) = collect(async |pages| client.nodes(pages).await).await;
        let node: &Node = &rows[0];
        assert_eq!((node.location_id, node.tags.len(), node.allocated_resources.cpu), (location, tags, cpu));
        assert_eq!((node.memory_overallocate, node.upload_size, node.maintenance_mode), (-1, 100, false));
    }
}

#[tokio::test]
async fn an_allocation_knows_its_node_and_has_a_real_port() {
    let mut impossible = allocation(3);
    impossible["attributes"]["port"] = json!(70_000);
    let rows = vec![allocation(9), impossible];
    let panel = Script::start(move |_| Reply::json(200, &list(rows.clone(), 2, 500, 1)).counted()).await;
    let client = panel.client();
    let (rows, _, sweep) = collect(async |pages| client.allocations(12, pages).await).await;
    let sweep = sweep.unwrap();
    assert_eq!(rows.iter().map(|row: &Allocation| (row.id, row.node_id)).collect::<Vec<_>>(), [(9, 12)]);
    assert_eq!((sweep.unreadable[0].id, sweep.is_complete()), (Some(3), true));
    assert_eq!(panel.seen()[0].path(), "/api/application/nodes/12/allocations");
    assert_eq!(panel.seen()[0].text("sort"), None);
}

#[tokio::test]
async fn an_egg_keeps_the_order_of_its_images_and_hides_hidden_defaults() {
    let egg: Value = serde_json::from_str(
        r#"{"object": "egg", "attributes": {
            "id": 6, "uuid": "e-6", "name": "Kelp", "nest": 1, "author": "a@reef.example", "description": null,
            "docker_image": "img:21", "docker_images": {"Java 21": "img:21", "Java 8": "img:8", "Java 17": "img:17"},
            "config": {"files": [], "startup": {"done": "ready"}, "stop": "^C", "logs": [], "file_denylist": null, "extends": null},
            "startup": "run", "startup_commands": ["run", "run --debug"],
            "script": {"privileged": 1, "install": null, "entry": "sh", "container": "alpine", "extends": 3},
            "features": null, "tags": null, "created_at": "2023-02-11T08:20:06+00:00", "updated_at": "2023-02-11T08:20:06+00:00",
            "relationships": {"variables": {"object": "list", "data": []}}
        }}"#,
    )
    .unwrap();
    let mut egg = egg;
    let data = &mut egg["attributes"]["relationships"]["variables"]["data"];
    let mut fork = variable(8, "MODE", true, json!(null));
    fork["attributes"]["rules"] = json!(["required", "in:a,b"]);
    fork["object"] = json!("egg_variable");
    *data = json!([fork, variable(7, "STEAM_KEY", false, json!(null))]);
    let panel = panel_with(egg).await;
    let client = panel.client();
    let (mut rows, _, _) = collect(async |pages| client.eggs(Some(1), &[], pages).await).await;
    let EggBundle { egg, variables } = rows.pop().unwrap();
    assert_eq!(
        egg.docker_images.0.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>(),
        ["Java 21", "Java 8", "Java 17"]
    );
    assert_eq!((egg.config.files.0.as_str(), egg.config.logs.0.as_str()), ("{}", "{}"));
    assert_eq!((egg.script.extends, egg.script.privileged, egg.startup_commands.0.len()), (Some(3), true, 2));
    let variables = variables.unwrap().rows;
    assert_eq!(secret(&variables[0].default_value), Some("d"));
    assert_eq!(variables[0].rules, ["nullable|regex:/^(a|b)$/"], "a pipe may belong to a rule");
    assert_eq!(variables[1].rules, ["required", "in:a,b"]);
    assert_eq!(variables[1].default_value, Scalar::Text("d".to_owned()));
}

#[tokio::test]
async fn a_user_of_pelican_needs_no_names() {
    let mut row = user(3);
    let attributes = row["attributes"].as_object_mut().unwrap();
    for name in ["first_name", "last_name", "2fa"] {
        attributes.remove(name);
    }
    attributes.insert("2fa_enabled".to_owned(), json!(true));
    attributes.insert("is_managed_externally".to_owned(), json!(false));
    attributes.insert("avatar_of_the_future".to_owned(), json!({"a": [1]}));
    let panel = panel_with(row).await;
    let client = panel.client();
    let (rows, _, _) = collect(async |pages| client.users(pages).await).await;
    let user: &User = &rows[0];
    assert_eq!((user.first_name.as_deref(), user.two_factor, user.is_managed_externally), (None, true, Some(false)));
}
