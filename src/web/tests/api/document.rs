//! The document says what there is, no more and no less.

use std::collections::BTreeSet;

use actix_web::http::Method;
use aviary_web::door::Door;
use aviary_web::{openapi, routes};
use serde_json::Value;

use crate::desk::Desk;
use crate::promise;

fn documented() -> (Value, BTreeSet<(String, String)>) {
    let document = openapi::document();
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            operations.insert((method.to_uppercase(), path.clone()));
        }
    }
    (document, operations)
}

#[test]
fn every_route_is_documented_and_nothing_else() {
    let routed: BTreeSet<_> =
        routes::api().list().into_iter().map(|(method, path, _)| (method.to_string(), path.to_owned())).collect();
    let (_, documented) = documented();
    assert_eq!(
        documented.difference(&routed).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new(),
        "documented, but not there"
    );
    assert_eq!(
        routed.difference(&documented).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new(),
        "there, but not documented"
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let (document, _) = documented();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut missing = BTreeSet::new();
    each_reference(&document, &mut |to| {
        let name = to.strip_prefix("#/components/schemas/").unwrap();
        if !schemas.contains_key(name) {
            missing.insert(name.to_owned());
        }
    });
    assert_eq!(missing, BTreeSet::new());
    assert!(!document.to_string().contains("\"title\":\"the "), "a stand-in was left");
}

fn each_reference(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Object(map) => {
            if let Some(to) = map.get("$ref").and_then(Value::as_str) {
                visit(to);
            }
            map.values().for_each(|value| each_reference(value, visit));
        }
        Value::Array(items) => items.iter().for_each(|value| each_reference(value, visit)),
        _ => {}
    }
}

#[test]
fn operations_have_names_of_their_own_and_a_summary() {
    let (document, operations) = documented();
    let mut names = BTreeSet::new();
    for (method, path) in &operations {
        let operation = &document["paths"][path][method.to_lowercase()];
        assert!(
            names.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{path}: {}",
            operation["operationId"]
        );
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
        assert!(
            operation["responses"]["default"]["content"]["application/problem+json"].is_object(),
            "{method} {path}"
        );
    }
}

#[test]
fn a_mirrored_server_is_described_field_by_field() {
    let (document, _) = documented();
    let fields = document["components"]["schemas"]["MirroredServer"]["properties"].as_object().unwrap();
    for name in
        ["panelId", "kind", "firstSeen", "changedAt", "missingSince", "uuid", "limits", "environment", "featureLimits"]
    {
        assert!(fields.contains_key(name), "{name}");
    }
}

#[actix_web::test]
async fn the_document_is_served() {
    let served = Desk::empty().anonymous("/openapi.json").await.ok();
    assert_eq!(served["info"]["title"], "Aviary");
    assert!(served["openapi"].as_str().unwrap().starts_with("3."));
}

#[actix_web::test]
async fn answers_are_as_documented() {
    let desk = Desk::furnished().await;
    let local: Vec<_> =
        routes::api().list().into_iter().filter(|(_, _, door)| *door == Door::Local).map(|(_, path, _)| path).collect();
    for (method, path) in documented().1 {
        if method != "GET"
            || path.ends_with("/events")
            || path.contains("/stream/")
            || ["/openapi.json", "/api/v1/live"].contains(&&*path)
        {
            continue;
        }
        if ["/api/v1/audit/export", "/api/v1/search/export", "/api/v1/search/tail"].contains(&path.as_str()) {
            // Files and streams, which are looked at where they are made.
            continue;
        }
        // Looked at where there are people; see `access`.
        if ["/api/v1/roles", "/api/v1/permissions", "/api/v1/accounts", "/api/v1/api-keys"]
            .iter()
            .any(|of| path.starts_with(of))
        {
            continue;
        }
        let uris: Vec<String> = match path.as_str() {
            "/api/v1/mirror/{kind}" => KINDS.map(|kind| format!("/api/v1/mirror/{kind}")).to_vec(),
            "/api/v1/mirror/{kind}/{id}" => {
                KINDS.map(|kind| format!("/api/v1/mirror/{kind}/{}?panel=1", first(kind))).to_vec()
            }
            "/api/v1/mirror/{kind}/{id}/history" => vec!["/api/v1/mirror/servers/11/history".into()],
            "/api/v1/mirror/{kind}/{id}/compare" => {
                vec!["/api/v1/mirror/servers/11/compare?from=2020-01-01T00:00:00Z".into()]
            }
            "/api/v1/schedules/{id}" => {
                desk.services.schedules.settle().await.unwrap();
                let all = desk.services.schedules.list().await.unwrap();
                all.iter().map(|shown| format!("/api/v1/schedules/{}", shown.schedule.id)).collect()
            }
            "/api/v1/auth/check-email" => vec!["/api/v1/auth/check-email?email=mara@example.com".into()],
            _ => vec![
                path.replace("{id}", "1")
                    .replace("{seq}", "1")
                    .replace("{key}", "site_name")
                    .replace("{number}", "1")
                    .replace("{name}", "welcome"),
            ],
        };
        for uri in uris {
            let answer = desk.as_admin(Method::GET, &uri, Value::Null).await;
            if local.contains(&path.as_str()) {
                assert!(answer.problem(403).contains("on the machine itself"), "not through the network");
                continue;
            }
            // Nothing was synced yet; syncs are looked at where there are some.
            if answer.status == 200 {
                promise::keeps("get", &path, &answer.json());
            } else {
                // Jobs, webhooks and mails are looked at where there are some.
                let nothing = [
                    "/auth/users/",
                    "/deliveries/",
                    "/events/",
                    "/jobs/",
                    "/mails/1",
                    "/removals/",
                    "/sync",
                    "/webhooks/",
                ];
                let is_of_nothing = nothing.iter().any(|part| uri.contains(part));
                assert!(is_of_nothing, "{uri}: {}", answer.body);
            }
        }
    }
    let check = desk.post("/api/v1/check", Value::Null).await.ok();
    promise::keeps("post", "/api/v1/check", &check);
}

const KINDS: [&str; 10] = [
    "locations",
    "nodes",
    "allocations",
    "nests",
    "eggs",
    "egg-variables",
    "users",
    "servers",
    "databases",
    "subusers",
];

fn first(kind: &str) -> u64 {
    if kind == "servers" { 11 } else { 1 }
}

#[test]
fn promises_can_be_broken() {
    let counts =
        |answer: Value| std::panic::catch_unwind(|| promise::keeps("get", "/api/panel/counts", &answer)).is_err();
    let good = serde_json::json!({"success": true, "message": "", "data": {"nodes": 1, "servers": 1, "users": 1, "allocations": 1, "nests": 1}});
    assert!(!counts(good.clone()));
    for (pointer, value) in
        [("/data/nodes", Value::from("1")), ("/data/sheep", Value::from(1)), ("/success", Value::Null)]
    {
        let mut bad = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        bad.pointer_mut(parent).unwrap()[name] = value;
        assert!(counts(bad), "{pointer}");
    }
}
