//! Every key that a real panel sends is there, with its type, and none besides.

use aviary_sim::PanelSpec;
use serde_json::Value;

use crate::http::{get, panel};

const USER: &str = "id:int external_id:str? uuid:str username:str email:str first_name:str? last_name:str? language:str \
                    root_admin:bool 2fa:bool created_at:str updated_at:str";
const PELICAN_USER: &str = "id:int external_id:str? is_managed_externally:bool uuid:str username:str email:str language:str \
                            root_admin:bool 2fa_enabled:bool 2fa:bool created_at:str updated_at:str";
const NODE: &str = "id:int uuid:str public:bool name:str description:str? location_id:int fqdn:str scheme:str \
                    behind_proxy:bool maintenance_mode:bool memory:int memory_overallocate:int disk:int \
                    disk_overallocate:int upload_size:int daemon_listen:int daemon_sftp:int daemon_base:str created_at:str \
                    updated_at:str allocated_resources:obj";
const PELICAN_NODE: &str = "id:int public:bool name:str fqdn:str scheme:str memory:int memory_overallocate:int disk:int \
                            disk_overallocate:int daemon_listen:int daemon_sftp:int daemon_base:str created_at:str \
                            updated_at:str upload_size:int behind_proxy:bool description:str? maintenance_mode:bool \
                            uuid:str tags:list cpu:int cpu_overallocate:int daemon_sftp_alias:str? daemon_connect:int \
                            allocated_resources:obj";
const ALLOCATION: &str = "id:int ip:str alias:str? port:int notes:str? assigned:bool";
const LOCATION: &str = "id:int short:str long:str? updated_at:str created_at:str";
const NEST: &str = "id:int uuid:str author:str name:str description:str? created_at:str updated_at:str";
const EGG: &str = "id:int uuid:str name:str nest:int author:str description:str? docker_image:str docker_images:obj \
                   config:obj startup:str? script:obj created_at:str updated_at:str";
const PELICAN_EGG: &str = "id:int uuid:str name:str author:str description:str? icon:str? features:list? tags:list \
                           docker_image:str docker_images:obj config:obj startup:str? startup_commands:obj script:obj \
                           created_at:str updated_at:str";
const SERVER: &str = "id:int external_id:str? uuid:str identifier:str name:str description:str status:str? suspended:bool \
                      limits:obj feature_limits:obj user:int node:int allocation:int nest:int egg:int container:obj \
                      updated_at:str created_at:str relationships:obj";
const PELICAN_SERVER: &str = "id:int external_id:str? uuid:str identifier:str name:str description:str? status:str? \
                              suspended:bool limits:obj feature_limits:obj user:int node:int allocation:int? egg:int \
                              container:obj updated_at:str created_at:str relationships:obj";
const LIMITS: &str = "memory:int swap:int disk:int io:int cpu:int threads:str? oom_disabled:bool";
const FEATURES: &str = "databases:int? allocations:int? backups:int";
const VARIABLE: &str = "id:int egg_id:int name:str description:str env_variable:str default_value:str user_viewable:bool \
                        user_editable:bool rules:str? created_at:str? updated_at:str?";
const SUBUSER: &str = "id:int user_id:int server_id:int permissions:any created_at:str updated_at:str";
const DATABASE: &str = "id:int server:int host:int database:str username:str remote:str max_connections:int? created_at:str \
                        updated_at:str";

/// Compares an object with a list of `key:type`, where `?` allows null.
pub(crate) fn assert_shape(value: &Value, expected: &str) {
    let map = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    let expected: Vec<(&str, &str)> = expected.split_whitespace().filter_map(|pair| pair.rsplit_once(':')).collect();
    for (key, kind) in &expected {
        let value = map.get(*key).unwrap_or_else(|| panic!("{key} is missing in {value}"));
        assert!(is(value, kind), "{key} should be {kind} and is {value}");
    }
    let extra: Vec<&String> = map.keys().filter(|key| !expected.iter().any(|(known, _)| known == key)).collect();
    assert!(extra.is_empty(), "unexpected keys {extra:?}");
}

fn is(value: &Value, kind: &str) -> bool {
    if let Some(kind) = kind.strip_suffix('?') {
        return value.is_null() || is(value, kind);
    }
    match kind {
        "int" => value.is_u64() || value.is_i64(),
        "num" => value.is_number(),
        "str" => value.is_string(),
        "bool" => value.is_boolean(),
        "list" => value.is_array(),
        "obj" => value.is_object(),
        _ => true,
    }
}

fn tame() -> PanelSpec {
    PanelSpec { rate_limit: 0, client_rate_limit: 0, ..PanelSpec::default().tame() }
}

fn tame_pelican() -> PanelSpec {
    PanelSpec { rate_limit: 0, client_rate_limit: 0, ..PanelSpec::pelican().tame() }
}

fn assert_list(page: &Value, object: &str, shape: &str) {
    assert_eq!(page["object"], "list");
    let rows = page["data"].as_array().expect("rows");
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!(row["object"], object);
        assert_shape(&row["attributes"], shape);
    }
}

#[tokio::test]
async fn pterodactyl_resources_have_the_keys_of_real_ones() {
    let panel = panel(tame()).await;
    for (path, object, shape) in [
        ("/api/application/users", "user", USER),
        ("/api/application/nodes", "node", NODE),
        ("/api/application/nodes/1/allocations", "allocation", ALLOCATION),
        ("/api/application/locations", "location", LOCATION),
        ("/api/application/nests", "nest", NEST),
        ("/api/application/nests/1/eggs", "egg", EGG),
    ] {
        assert_list(&get(&panel, path).await.json(), object, shape);
    }
}

#[tokio::test]
async fn pelican_resources_have_the_keys_of_real_ones() {
    let panel = panel(tame_pelican()).await;
    for (path, object, shape) in [
        ("/api/application/users", "user", PELICAN_USER),
        ("/api/application/nodes", "node", PELICAN_NODE),
        ("/api/application/nodes/1/allocations", "allocation", ALLOCATION),
        ("/api/application/eggs", "egg", PELICAN_EGG),
    ] {
        assert_list(&get(&panel, path).await.json(), object, shape);
    }
}

#[tokio::test]
async fn servers_come_with_their_relations() {
    let panel = panel(tame()).await;
    let query = "per_page=100&include=allocations,user,subusers,variables,location,databases";
    let page = get(&panel, &format!("/api/application/servers?{query}")).await.json();
    assert_list(&page, "server", SERVER);
    for row in page["data"].as_array().expect("rows") {
        let server = &row["attributes"];
        assert_shape(&server["limits"], LIMITS);
        assert_shape(&server["feature_limits"], FEATURES);
        assert_shape(&server["container"], "startup_command:str image:str installed:int environment:obj");
        let environment = &server["container"]["environment"];
        assert_eq!(environment["P_SERVER_UUID"], server["uuid"]);
        assert!(environment["STARTUP"].is_string() && environment["P_SERVER_LOCATION"].is_string());
        assert!(environment.get("P_SERVER_ALLOCATION_LIMIT").is_some());
        let relations = &server["relationships"];
        assert_shape(relations, "allocations:obj user:obj subusers:obj variables:obj location:obj databases:obj");
        assert_eq!(relations["user"]["attributes"]["id"], server["user"]);
        assert_shape(&relations["user"]["attributes"], USER);
        assert_shape(&relations["location"]["attributes"], LOCATION);
        assert_rows(&relations["allocations"], "allocation", ALLOCATION);
        assert_rows(&relations["subusers"], "subuser", SUBUSER);
        assert_rows(&relations["variables"], "server_variable", &format!("{VARIABLE} server_value:str?"));
        assert_rows(&relations["databases"], "databases", DATABASE);
    }
}

fn assert_rows(list: &Value, object: &str, shape: &str) {
    assert_eq!(list["object"], "list");
    for row in list["data"].as_array().expect("rows") {
        assert_eq!(row["object"], object);
        assert_shape(&row["attributes"], shape);
    }
}

#[tokio::test]
async fn pelican_servers_differ() {
    let panel = panel(PanelSpec { awkward: true, ..tame_pelican() }).await;
    let page =
        get(&panel, "/api/application/servers?per_page=100&include=variables,allocations,nest,location").await.json();
    assert_list(&page, "server", PELICAN_SERVER);
    let rows = page["data"].as_array().expect("rows");
    assert!(rows.iter().any(|row| row["attributes"]["allocation"].is_null()), "one server has no allocation");
    for row in rows {
        let server = &row["attributes"];
        assert_shape(&server["limits"], &format!("{LIMITS} oom_killer:bool"));
        assert_ne!(server["limits"]["oom_killer"], server["limits"]["oom_disabled"]);
        assert_shape(&server["relationships"], "variables:obj allocations:obj");
        for variable in server["relationships"]["variables"]["data"].as_array().expect("rows") {
            assert!(variable["attributes"]["rules"].is_array());
            assert!(variable["attributes"]["sort"].is_u64());
        }
    }
}

#[tokio::test]
async fn without_includes_there_are_no_relationships_and_unknown_ones_are_ignored() {
    let panel = panel(tame()).await;
    for query in ["", "?include=moons", "?include=user.moons.deeper"] {
        let row = get(&panel, &format!("/api/application/servers/1{query}")).await.json();
        assert_eq!(row["attributes"].get("relationships").is_some(), query.contains("user"), "{query}");
    }
    let row = get(&panel, "/api/application/nodes/1?include=servers.allocations.node").await.json();
    let server = &row["attributes"]["relationships"]["servers"]["data"][0]["attributes"];
    let allocation = &server["relationships"]["allocations"]["data"][0]["attributes"];
    assert!(allocation["id"].is_u64() && allocation.get("relationships").is_none());
}

#[tokio::test]
async fn egg_details_follow_the_dialect() {
    let ptero = panel(PanelSpec { awkward: true, ..tame() }).await;
    let page = get(&ptero, "/api/application/nests/2/eggs?include=variables,config").await.json();
    let last = page["data"].as_array().and_then(|rows| rows.last()).expect("an egg")["attributes"].clone();
    assert_shape(&last["config"], "files:obj startup:list stop:str? logs:any file_denylist:list? extends:int?");
    assert_shape(&last["script"], "privileged:bool install:str? entry:str container:str extends:int?");
    assert_eq!(last["relationships"]["config"]["object"], "null_resource");
    assert_rows(&last["relationships"]["variables"], "egg_variable", VARIABLE);

    let pelican = panel(PanelSpec { awkward: true, ..tame_pelican() }).await;
    let page = get(&pelican, "/api/application/eggs").await.json();
    assert!(page.get("meta").is_none());
    let last = page["data"].as_array().and_then(|rows| rows.last()).expect("an egg")["attributes"].clone();
    assert_eq!(last["config"]["files"], serde_json::json!([]));
    assert_eq!(get(&pelican, "/api/application/eggs?include=config").await.status, 500);
}

#[tokio::test]
async fn an_inheriting_egg_breaks_its_nest_but_not_its_neighbours() {
    let panel = panel(tame()).await;
    let child = panel.with_world(|world| world.add_inheriting_egg()).expect("an egg");
    let list = get(&panel, "/api/application/nests/1/eggs").await;
    assert_eq!((list.status, list.code().as_str()), (500, "JsonException"));
    assert_eq!(get(&panel, "/api/application/nests?include=eggs").await.status, 500);
    assert_eq!(get(&panel, &format!("/api/application/nests/1/eggs/{child}")).await.status, 500);
    assert_eq!(get(&panel, "/api/application/nests/1/eggs/1").await.status, 200);
    assert_eq!(get(&panel, "/api/application/nests/2/eggs").await.status, 200);
    assert_eq!(get(&panel, "/api/application/nests/2/eggs/1").await.status, 404);
}

#[tokio::test]
async fn times_come_in_their_three_forms() {
    let panel = panel(PanelSpec { awkward: true, ..tame() }).await;
    let id = panel.with_world(|world| world.databases.values().next().map(|row| row.server)).expect("a database");
    let server = get(&panel, &format!("/api/application/servers/{id}?include=databases,variables")).await.json();
    let server = &server["attributes"];
    let ends = |value: &Value, end: &str| value.as_str().is_some_and(|text| text.ends_with(end));
    assert!(ends(&server["created_at"], "+00:00"));
    assert!(ends(&server["relationships"]["databases"]["data"][0]["attributes"]["created_at"], "+02:00"));
    assert!(ends(&server["relationships"]["variables"]["data"][0]["attributes"]["created_at"], ".000000Z"));
}

#[tokio::test]
async fn the_awkward_rows_are_there() {
    let panel = panel(PanelSpec { awkward: true, servers: 60, allocations_per_node: 50, ..tame() }).await;
    let page = get(&panel, "/api/application/servers?per_page=100&include=subusers").await;
    let text = page.text();
    assert!(text.contains(r"<script>alert(1)<\/script>") && text.contains(r"\ud83d\ude82"), "escaped like PHP does");
    let rows = page.json()["data"].as_array().cloned().expect("rows");
    let any = |test: &dyn Fn(&Value) -> bool| rows.iter().any(|row| test(&row["attributes"]));
    for status in ["suspended", "installing", "install_failed", "reinstall_failed", "restoring_backup"] {
        assert!(any(&|server| server["status"] == status), "{status}");
    }
    assert!(any(&|server| server["limits"]["swap"] == -1 && server["limits"]["threads"] == "0,2-3"));
    assert!(any(&|server| server["description"].as_str().is_some_and(|text| text.len() > 50_000)));
    assert!(any(&|server| server["feature_limits"]["databases"].is_null()));
    let permissions = |server: &Value, test: &dyn Fn(&Value) -> bool| {
        let rows = server["relationships"]["subusers"]["data"].as_array().cloned().unwrap_or_default();
        rows.iter().any(|row| test(&row["attributes"]["permissions"]))
    };
    assert!(any(&|server| permissions(server, &Value::is_object)));
    assert!(any(&|server| permissions(server, &Value::is_null)));
    let nodes = get(&panel, "/api/application/nodes").await.json();
    let last = nodes["data"].as_array().and_then(|rows| rows.last()).expect("a node")["attributes"].clone();
    assert!(last["upload_size"].is_string() && last["patched_column"].is_object());
    let spanning = panel.with_world(|world| {
        let moving = world.servers.values().find(|server| server.transferring)?;
        let nodes = world.allocations.values().filter(|row| row.server == Some(moving.id)).map(|row| row.node);
        Some(nodes.collect::<std::collections::BTreeSet<_>>().len())
    });
    assert_eq!(spanning, Some(2));
}

#[tokio::test]
async fn awkward_or_not_the_counts_are_those_of_the_spec() {
    for awkward in [true, false] {
        for spec in [tame(), tame_pelican()] {
            let panel = panel(PanelSpec { awkward, ..spec }).await;
            let world = panel.world();
            assert_eq!((world.servers.len(), world.users.len(), world.nodes.len()), (25, 12, 3));
            assert_eq!((world.allocations.len(), world.locations.len(), world.nests.len()), (60, 2, 2));
            assert_eq!(world.eggs.len(), 6);
        }
    }
}
