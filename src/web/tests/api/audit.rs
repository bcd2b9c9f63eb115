//! The audit trail, as programs ask for it.

use actix_web::http::Method;
use aviary_kernel::store::tables::AUDIT;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::promise;

fn items(answer: &Value) -> &Vec<Value> {
    answer["data"]["items"].as_array().unwrap()
}

#[actix_web::test]
async fn what_was_done_is_listed_newest_first_with_who_and_what() {
    let desk = Desk::empty();
    desk.panel("one", "http://127.0.0.1:1").await;
    desk.panel("two", "http://127.0.0.1:2").await;
    let list = desk.read("/api/v1/audit?kind=panel").await.ok();
    promise::keeps("get", "/api/v1/audit", &list);
    let names: Vec<_> = items(&list).iter().map(|event| event["target"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["two", "one"]);
    assert_eq!(items(&list)[0]["actor"]["id"], "job");
    assert_eq!(items(&list)[0]["outcome"], "done");

    let one = desk.read("/api/v1/audit/1").await.ok();
    promise::keeps("get", "/api/v1/audit/{seq}", &one);
    assert_eq!(one["data"], items(&list)[1]);
    desk.read("/api/v1/audit/30").await.problem(404);

    let actions = desk.read("/api/v1/audit/actions").await.ok();
    promise::keeps("get", "/api/v1/audit/actions", &actions);
    assert!(actions["data"].as_array().unwrap().contains(&json!({"name": "panel.add", "does": "Added a panel"})));
}

#[actix_web::test]
async fn filters_narrow_the_list_and_cursors_walk_it() {
    let desk = Desk::empty();
    for n in 1..=5 {
        desk.panel(&format!("panel {n}"), &format!("http://127.0.0.1:{n}")).await;
        desk.clock.advance_s(60);
    }
    let count = async |query: &str| items(&desk.read(&format!("/api/v1/audit?{query}")).await.ok()).len();
    assert_eq!(count("kind=panel&id=3").await, 1);
    assert_eq!(count("action=panel.add").await, 5);
    assert_eq!(count("action=panel.remove").await, 0);
    assert_eq!(count("actor=job&outcome=done").await, 5);
    assert_eq!(count("outcome=refused").await, 0);
    assert_eq!(count("q=PANEL%205").await, 1);
    assert_eq!(count("from=2026-03-01T12:01:00Z&to=2026-03-01T12:03:00Z").await, 2);

    let first = desk.read("/api/v1/audit?kind=panel&limit=3").await.ok();
    let next = first["data"]["nextCursor"].as_str().unwrap();
    let rest = desk.read(&format!("/api/v1/audit?kind=panel&limit=3&cursor={next}")).await.ok();
    assert_eq!((items(&first).len(), items(&rest).len()), (3, 2));
    assert_eq!(rest["data"]["nextCursor"], Value::Null);
}

#[actix_web::test]
async fn what_cannot_be_read_is_refused_at_its_field() {
    let desk = Desk::empty();
    for query in ["action=nothing", "outcome=maybe", "from=yesterday", "to=1", "limit=0", "cursor=abcd", "cursor=*"] {
        desk.read(&format!("/api/v1/audit?{query}")).await.problem(400);
    }
    desk.read("/api/v1/audit/export?format=pdf").await.problem(400);
    desk.read("/api/v1/audit/export").await.problem(400);
    desk.as_admin(Method::POST, "/api/v1/audit/verify", json!({"key": 1})).await.problem(400);
}

#[actix_web::test]
async fn an_export_is_a_file_and_on_record() {
    let desk = Desk::empty();
    desk.panel("=cmd()", "http://127.0.0.1:1").await;
    let csv = desk.read("/api/v1/audit/export?format=csv&action=panel.add").await;
    assert_eq!(csv.status, 200, "{}", csv.body);
    assert_eq!(csv.headers.get("content-disposition").unwrap(), "attachment; filename=\"audit.csv\"");
    assert_eq!(csv.body.lines().count(), 2);
    assert!(csv.body.contains("\"'=cmd()\""), "{}", csv.body);
    let json = desk.read("/api/v1/audit/export?format=jsonl").await;
    let lines: Vec<Value> = json.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let actions: Vec<_> = lines.iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["audit.export", "audit.export", "account.sign_in", "account.create", "panel.add"]);
    assert_eq!(lines[1]["changes"], json!([{"field": "action", "before": null, "after": "panel.add"}]));
    assert_eq!(lines[1]["actor"]["name"], "mara@example.com");
}

#[actix_web::test]
async fn a_trail_is_verified_and_a_changed_one_is_not() {
    let desk = Desk::empty();
    desk.panel("one", "http://127.0.0.1:1").await;
    desk.services.audit.tick().await.unwrap();
    let whole = desk.as_admin(Method::POST, "/api/v1/audit/verify", Value::Null).await.ok();
    promise::keeps("post", "/api/v1/audit/verify", &whole);
    assert_eq!((&whole["data"]["whole"], &whole["data"]["signedUpTo"]), (&json!(true), &json!(1)));
    let other = desk.as_admin(Method::POST, "/api/v1/audit/verify", json!({"publicKey": "00"})).await.ok();
    assert_eq!(other["data"]["whole"], false);

    let (_, mut event) = desk.services.audit.get(1).await.unwrap();
    event.actor.name = "somebody else".into();
    desk.services.store.write(move |tx| tx.put(AUDIT, &1, &event)).await.unwrap();
    let changed = desk.as_admin(Method::POST, "/api/v1/audit/verify", json!({})).await.ok();
    promise::keeps("post", "/api/v1/audit/verify", &changed);
    assert_eq!(changed["data"]["faults"][0]["seq"], 1);
}
