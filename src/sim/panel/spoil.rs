//! Carries faults out: on the answer, and on the world behind it.

use serde_json::{Value, json};

use crate::panel::fault::FaultKind;
use crate::panel::request::Request;
use crate::panel::world::{NewServer, World};
use crate::reply::Reply;

/// Changes the body of a list.
pub(crate) fn body(kind: &FaultKind, reply: &mut Reply) {
    let edit: fn(&mut Value, &FaultKind) = match kind {
        FaultKind::TruncatedJson => return reply.body.truncate(reply.body.len() / 2),
        FaultKind::EmptyPage => |page, _| empty(page, false),
        FaultKind::ListEmptyAll => |page, _| empty(page, true),
        FaultKind::LieTotal(_) => lie,
        FaultKind::DuplicateRows => |page, _| duplicate(page),
        FaultKind::ReverseRows => |page, _| rows(page).reverse(),
        FaultKind::WrongTypes => |page, _| wrong_types(page),
        FaultKind::BadRow => |page, _| {
            if let Some(row) = middle(page) {
                row["attributes"] = Value::Null;
            }
        },
        _ => return,
    };
    // Error bodies and empty answers have no rows to spoil.
    if let Ok(mut page) = serde_json::from_slice::<Value>(&reply.body)
        && page.get("data").is_some_and(Value::is_array)
    {
        edit(&mut page, kind);
        reply.body = page.to_string().into_bytes();
    }
}

fn rows(page: &mut Value) -> &mut [Value] {
    page["data"].as_array_mut().map(Vec::as_mut_slice).unwrap_or_default()
}

fn middle(page: &mut Value) -> Option<&mut Value> {
    let rows = rows(page);
    let at = rows.len() / 2;
    rows.get_mut(at)
}

fn empty(page: &mut Value, everything: bool) {
    page["data"] = json!([]);
    let Some(pagination) = page.pointer_mut("/meta/pagination") else { return };
    pagination["count"] = json!(0);
    if everything {
        (pagination["total"], pagination["total_pages"], pagination["links"]) = (json!(0), json!(1), json!({}));
    }
}

fn lie(page: &mut Value, kind: &FaultKind) {
    let FaultKind::LieTotal(by) = kind else { return };
    let Some(pagination) = page.pointer_mut("/meta/pagination") else { return };
    let number = |key: &str| pagination.get(key).and_then(Value::as_i64).unwrap_or(1);
    let total = (number("total") + by).max(0);
    let pages = (total as u64).div_ceil(number("per_page").max(1) as u64).max(1);
    (pagination["total"], pagination["total_pages"]) = (json!(total), json!(pages));
}

fn duplicate(page: &mut Value) {
    if let [first, .., last] = rows(page) {
        last.clone_from(first);
    }
}

/// Ids stay readable, so that a client can say which row it could not read.
fn wrong_types(page: &mut Value) {
    let Some(attributes) = middle(page).and_then(|row| row["attributes"].as_object_mut()) else { return };
    let mut spoilt = false;
    for (key, value) in attributes.iter_mut().filter(|(key, _)| !matches!(key.as_str(), "id" | "uuid")) {
        let wrong = match (key.as_str(), &*value) {
            ("name" | "username" | "short", _) => json!(42),
            ("limits" | "docker_images", _) => json!("unlimited"),
            ("port" | "memory", _) => json!({ "value": "many" }),
            _ => continue,
        };
        *value = wrong;
        spoilt = true;
    }
    if !spoilt && let Some(value) = attributes.values_mut().find(|value| value.is_string()) {
        *value = json!(["not", "a", "text"]);
    }
}

/// What happens in the panel right after the page was made.
pub(crate) fn world(kind: &FaultKind, request: &Request, reply: &Reply, world: &mut World) {
    match kind {
        FaultKind::ShiftRow => remove_one(&request.path, &served(reply), world),
        FaultKind::InsertBetween => insert_one(&request.path, world),
        _ => {}
    }
}

fn served(reply: &Reply) -> Vec<u64> {
    let page: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let rows = page["data"].as_array().cloned().unwrap_or_default();
    rows.iter().filter_map(|row| row.pointer("/attributes/id")?.as_u64()).collect()
}

fn remove_one(path: &str, served: &[u64], world: &mut World) {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match last {
        "servers" => served.first().is_some_and(|&id| world.remove_server(id)),
        "nodes" => served.first().is_some_and(|&id| world.remove_node(id)),
        "locations" => served.first().is_some_and(|&id| world.remove_location(id)),
        "nests" => served.first().is_some_and(|&id| world.nests.remove(&id).is_some()),
        "allocations" => {
            let free = |id: &&u64| world.allocations.get(id).is_some_and(|row| row.server.is_none());
            let chosen = served.iter().find(free).or(served.first()).copied();
            chosen.is_some_and(|id| world.remove_allocation(id))
        }
        "users" => dispensable_user(served, world).is_some_and(|id| world.remove_user(id)),
        _ => false,
    };
}

/// Not one who owns a key, else the client would be locked out; rather one without servers.
fn dispensable_user(served: &[u64], world: &World) -> Option<u64> {
    let keyless = || served.iter().copied().filter(|&id| !world.keys.iter().any(|key| key.user == id));
    keyless().find(|&id| !world.servers.values().any(|server| server.user == id)).or_else(|| keyless().next())
}

fn insert_one(path: &str, world: &mut World) {
    let mut parts = path.trim_end_matches('/').rsplit('/');
    match parts.next().unwrap_or_default() {
        "servers" => drop(world.add_server(NewServer { name: "Inserted".to_owned(), ..NewServer::default() })),
        "nodes" => {
            let location = world.locations.keys().next().copied().unwrap_or(1);
            world.add_node("inserted", location);
        }
        "locations" => {
            let short = format!("inserted.{}", world.locations.len());
            world.add_location(&short, None);
        }
        "nests" => {
            world.add_nest("Inserted");
        }
        "users" => {
            let name = format!("inserted{}", world.users.len());
            world.add_user(&name, &format!("{name}@simulated.example"));
        }
        "allocations" => {
            let node = parts.next().and_then(|id| id.parse().ok()).unwrap_or(1);
            // No address sorts before this one.
            let port = 2_000 + world.allocations.len() as u16 % 20_000;
            world.add_allocation(node, "0.0.0.0", port);
        }
        _ => {}
    }
}
