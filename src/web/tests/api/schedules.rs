//! What runs by itself, for programs.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::desk::Desk;

async fn desk() -> Desk {
    let desk = Desk::empty();
    desk.services.schedules.settle().await.unwrap();
    desk
}

async fn make(desk: &Desk, body: Value) -> Value {
    let made = desk.as_admin(Method::POST, "/api/v1/schedules", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()["data"].clone()
}

fn path(made: &Value, act: &str) -> String {
    format!("/api/v1/schedules/{}{act}", made["schedule"]["id"].as_str().unwrap())
}

#[actix_web::test]
async fn what_comes_with_aviary_is_listed_and_cannot_be_removed() {
    let desk = desk().await;
    let all = desk.read("/api/v1/schedules").await.ok()["data"].clone();
    let names: Vec<_> = all.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["End of sessions", "Backup", "Clean-up", "Watch over expiry", "Integrity check"]);
    let backup = &all[1];
    assert_eq!(
        (&backup["cron"], &backup["zone"], &backup["spoken"], &backup["nextAt"]),
        (&json!("15 2 * * *"), &json!("UTC"), &json!("every day at 02:15 (UTC)"), &json!("2026-03-02T02:15:00Z"))
    );
    let id = backup["id"].as_str().unwrap();
    let path = format!("/api/v1/schedules/{id}");
    desk.as_admin(Method::DELETE, &path, Value::Null).await.problem(409);
    desk.as_admin(Method::PATCH, &path, json!({"cron": "0 5 * * *"})).await.ok();
    let one = desk.read(&path).await.ok()["data"].clone();
    assert_eq!((&one["schedule"]["isChanged"], &one["next"][0]["at"]), (&json!(true), &json!("2026-03-02T05:00:00Z")));
    desk.as_admin(Method::POST, &format!("{path}/reset"), json!({})).await.ok();
    assert_eq!(desk.read(&path).await.ok()["data"]["schedule"]["cron"], "15 2 * * *");
}

#[actix_web::test]
async fn a_schedule_lives_from_made_to_removed() {
    let desk = desk().await;
    let panel = desk.panel("main", "http://127.0.0.1:1").await;
    let wanted = json!({"name": "Night", "work": "sync", "panel": panel, "targets": ["servers"],
        "cron": "30 2 * * *", "zone": "europe/berlin", "overlap": "queue"});
    let made = make(&desk, wanted).await;
    assert_eq!(made["schedule"]["zone"], "Europe/Berlin");
    assert_eq!(made["next"].as_array().unwrap().len(), 10);
    assert_eq!(made["next"][0], json!({"at": "2026-03-02T01:30:00Z", "local": "2026-03-02T02:30:00+01:00"}));
    let changed = desk.as_admin(Method::PATCH, &path(&made, ""), json!({"zone": "UTC", "targets": []})).await.ok();
    assert_eq!(
        (&changed["data"]["schedule"]["cron"], &changed["data"]["schedule"]["targets"]),
        (&json!("30 2 * * *"), &json!([]))
    );
    let paused = desk.as_admin(Method::POST, &path(&made, "/pause"), json!({})).await.ok();
    assert_eq!(
        (&paused["data"]["schedule"]["isPaused"], &paused["data"]["schedule"]["nextAt"]),
        (&json!(true), &Value::Null)
    );
    desk.as_admin(Method::POST, &path(&made, "/resume"), json!({})).await.ok();
    desk.as_admin(Method::DELETE, &path(&made, ""), Value::Null).await.ok();
    desk.read(&path(&made, "")).await.problem(404);
}

#[actix_web::test]
async fn what_is_wrong_is_said_at_its_field() {
    let desk = desk().await;
    let wrong = [
        (json!({"name": "", "work": "backup", "every": 600}), "name"),
        (json!({"name": "A", "work": "dance", "every": 600}), "work"),
        (json!({"name": "A", "work": "sync", "every": 600}), "panel"),
        (json!({"name": "A", "work": "sync", "panel": 9, "every": 600}), "panel"),
        (json!({"name": "A", "work": "sync", "panel": 9, "targets": ["cats"], "every": 600}), "targets"),
        (json!({"name": "A", "work": "backup"}), "cron"),
        (json!({"name": "A", "work": "backup", "cron": "0 25 * * *"}), "cron"),
        (json!({"name": "A", "work": "backup", "cron": "@daily", "zone": "Mars"}), "zone"),
        (json!({"name": "A", "work": "backup", "zone": "UTC"}), "zone"),
        (json!({"name": "A", "work": "backup", "every": 5}), "every"),
        (json!({"name": "A", "work": "backup", "cron": "@daily", "every": 600}), "every"),
        (json!({"name": "A", "work": "backup", "every": 600, "missed": "x"}), "missed"),
        (json!({"name": "A", "work": "backup", "every": 600, "overlap": "x"}), "overlap"),
    ];
    for (body, field) in wrong {
        let answer = desk.as_admin(Method::POST, "/api/v1/schedules", body.clone()).await;
        let problem = answer.problem(400);
        assert!(problem.starts_with(&format!("{field}:")), "{body}: {problem}");
    }
}

#[actix_web::test]
async fn a_preview_tells_what_an_expression_means() {
    let desk = desk().await;
    let body = json!({"cron": "30 2 * * *", "zone": "Europe/Berlin"});
    let preview = desk.as_admin(Method::POST, "/api/v1/schedules/preview", body).await.ok()["data"].clone();
    assert_eq!(preview["spoken"], "every day at 02:30 (Europe/Berlin)");
    assert_eq!(preview["next"].as_array().unwrap().len(), 10);
    let answer = desk.as_admin(Method::POST, "/api/v1/schedules/preview", json!({"cron": "61 * * * *"})).await;
    assert!(answer.problem(400).starts_with("cron:"));
}

#[actix_web::test]
async fn a_run_by_hand_is_begun_once() {
    let desk = desk().await;
    let made = make(&desk, json!({"name": "Mine", "work": "backup", "every": 3600})).await;
    let begun = desk.as_admin(Method::POST, &path(&made, "/run"), json!({})).await;
    assert_eq!(begun.status, 202, "{}", begun.body);
    let job = begun.json()["data"]["job"].clone();
    let again = desk.as_admin(Method::POST, &path(&made, "/run"), json!({})).await.problem(409);
    assert!(again.contains("at work already"), "{again}");
    let one = desk.read(&path(&made, "")).await.ok()["data"].clone();
    assert_eq!((&one["schedule"]["atWork"], &one["runs"][0]["job"]), (&job, &job));
    assert_eq!(one["runs"][0]["outcome"], "running");
}
