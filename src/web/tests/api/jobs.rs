//! Jobs, as programs see them and act on them.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use aviary_domain::ops::Heartbeats;
use aviary_domain::queue::NewJob;
use aviary_kernel::model::{Job, JobFault, JobId, JobKind, JobState};
use aviary_kernel::store::Read;
use aviary_kernel::store::tables::JOBS;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::promise;

/// A job that nothing here takes.
async fn add(desk: &Desk, kind: JobKind) -> JobId {
    desk.services.jobs.enqueue(NewJob::new(kind).by("a test")).await.unwrap().id
}

/// A job in another state than those that wait.
async fn add_in(desk: &Desk, kind: JobKind, state: JobState) -> JobId {
    let id = add(desk, kind).await;
    let at = desk.services.env.now();
    let change = move |job: &mut Job| {
        job.state = state;
        job.attempts = 3;
        job.finished_at = Some(at);
        job.faults = vec![JobFault { attempt: 3, at, took_ms: 41, what: "no space".into() }];
    };
    desk.services
        .store
        .write(move |tx| {
            let mut job = tx.get(JOBS, &id)?.unwrap();
            change(&mut job);
            tx.put(JOBS, &id, &job).map(drop)
        })
        .await
        .unwrap();
    id
}

async fn ids(desk: &Desk, query: &str) -> Vec<JobId> {
    let answer = desk.read(&format!("/api/v1/jobs{query}")).await.ok();
    promise::keeps("get", "/api/v1/jobs", &answer);
    let items = answer["data"]["items"].as_array().unwrap();
    items.iter().map(|job| job["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[actix_web::test]
async fn the_list_is_filtered_and_walked() {
    let desk = Desk::empty();
    let backup = add_in(&desk, JobKind::Backup, JobState::Dead).await;
    let mail = add(&desk, JobKind::SendMail).await;
    let failed = add_in(&desk, JobKind::SendMail, JobState::Failed).await;
    assert_eq!(ids(&desk, "").await, [failed, mail, backup], "newest first");
    assert_eq!(ids(&desk, "?queue=critical").await, [failed, mail]);
    assert_eq!(ids(&desk, "?kind=store.backup&queue=low").await, [backup]);
    assert_eq!(ids(&desk, "?state=dead,failed").await, [failed, backup]);
    assert!(ids(&desk, "?state=dead&queue=critical").await.is_empty());
    let first = desk.read("/api/v1/jobs?limit=2").await.ok();
    let cursor = first["data"]["nextCursor"].as_str().unwrap();
    assert_eq!(ids(&desk, &format!("?limit=2&cursor={cursor}")).await, [backup]);
    for (wrong, why) in [
        ("?queue=fast", "critical, default or low"),
        ("?kind=x", "no kind of job"),
        ("?state=dead,sleeping", "is one of"),
        ("?cursor=AAAA", "begin again"),
        ("?limit=0", "1 to 200"),
    ] {
        let told = desk.read(&format!("/api/v1/jobs{wrong}")).await.problem(400);
        assert!(told.contains(why), "{wrong}: {told}");
    }
}

#[actix_web::test]
async fn a_job_is_retried_cancelled_and_removed_when_it_is_in_a_state_for_it() {
    let desk = Desk::empty();
    let id = add_in(&desk, JobKind::Backup, JobState::Dead).await;
    let path = format!("/api/v1/jobs/{id}");
    let act = async |method: Method, act: &str| desk.as_admin(method, &format!("{path}{act}"), Value::Null).await;
    let one = desk.read(&path).await.ok();
    promise::keeps("get", "/api/v1/jobs/{id}", &one);
    assert_eq!((&one["data"]["args"], &one["data"]["faults"][0]["what"]), (&json!({}), &json!("no space")));

    act(Method::POST, "/cancel").await.problem(409);
    let retried = act(Method::POST, "/retry").await.ok();
    assert_eq!((&retried["data"]["state"], &retried["data"]["attempts"]), (&json!("pending"), &json!(0)));
    act(Method::POST, "/retry").await.problem(409);
    act(Method::DELETE, "").await.problem(409);
    let cancelled = act(Method::POST, "/cancel").await.ok();
    promise::keeps("post", "/api/v1/jobs/{id}/cancel", &cancelled);
    assert_eq!(cancelled["data"]["state"], "cancelled");
    act(Method::DELETE, "").await.ok();
    for method in [Method::GET, Method::DELETE] {
        act(method, "").await.problem(404);
    }
    let trail = desk.read("/api/v1/audit?kind=job").await.ok();
    let actions: Vec<_> = trail["data"]["items"].as_array().unwrap().iter().map(|event| &event["action"]).collect();
    assert_eq!(actions, ["job.remove", "job.cancel", "job.retry"]);
}

#[actix_web::test]
async fn many_are_counted_first_and_left_alone_when_there_are_more_by_then() {
    let desk = Desk::empty();
    add_in(&desk, JobKind::Backup, JobState::Dead).await;
    add_in(&desk, JobKind::Backup, JobState::Dead).await;
    add(&desk, JobKind::Backup).await;
    let bulk = async |body: Value| desk.as_admin(Method::POST, "/api/v1/jobs/bulk", body).await;
    let filter = json!({"kind": "store.backup", "states": ["dead", "pending"]});
    let asked = bulk(json!({"act": "remove", "filter": filter})).await.ok();
    promise::keeps("post", "/api/v1/jobs/bulk", &asked);
    assert_eq!(asked["data"], json!({"count": 2, "done": 0, "left": 0}));
    assert!(asked["message"].as_str().unwrap().contains("\"expected\": 2"), "{asked}");

    let third = add_in(&desk, JobKind::Backup, JobState::Dead).await;
    let told = bulk(json!({"act": "remove", "filter": filter, "expected": 2})).await.problem(409);
    assert!(told.contains("there are 3 such jobs by now, not 2"), "{told}");
    desk.read(&format!("/api/v1/jobs/{third}")).await.ok();
    let done = bulk(json!({"act": "remove", "filter": filter, "expected": 3})).await.ok();
    assert_eq!(done["data"], json!({"count": 3, "done": 3, "left": 0}));
    assert_eq!(ids(&desk, "").await.len(), 1, "the one that waits is in no state to be removed");

    let none = bulk(json!({"act": "retry", "filter": {"states": ["pending"]}})).await.ok();
    assert_eq!(none["data"]["count"], 0, "what waits cannot be retried");
    for wrong in [json!({"act": "explode"}), json!({"act": "retry", "filter": {"states": ["asleep"]}}), json!({})] {
        bulk(wrong).await.problem(400);
    }
}

#[actix_web::test]
async fn the_queues_tell_real_numbers_to_other_back_ends() {
    let desk = Desk::empty();
    add(&desk, JobKind::SendMail).await;
    add_in(&desk, JobKind::Backup, JobState::Dead).await;
    desk.clock.advance_s(90);
    add(&desk, JobKind::SendMail).await;
    let answer = desk.get("/api/v1/queues/stats").await.ok();
    promise::keeps("get", "/api/v1/queues/stats", &answer);
    let data = &answer["data"];
    assert_eq!(data["queues"], json!(["critical", "default", "low"]));
    assert_eq!((&data["counts"]["critical"]["pending"], &data["counts"]["low"]["dead"]), (&json!(2), &json!(1)));
    assert_eq!((&data["states"]["dead"], &data["kinds"]["mail.send"]["pending"]), (&json!(1), &json!(2)));
    assert_eq!(data["oldestWaitingSeconds"], json!({"critical": 90, "default": null, "low": null}));
    assert_eq!((&data["heartbeat"]["status"], &data["heartbeat"]["seenAt"]), (&json!("none"), &Value::Null));
    assert_eq!(data["note"], "nothing takes jobs here; 2 waiting");
}

#[actix_web::test]
async fn a_queue_that_gives_no_sign_of_life_shows_in_the_numbers_and_in_the_health() {
    let desk = Desk::empty();
    desk.services.heartbeats.beat(Heartbeats::JOBS, Duration::from_secs(30));
    let status = async || desk.get("/api/v1/queues/stats").await.ok()["data"]["heartbeat"]["status"].clone();
    assert_eq!(status().await, "beating");
    let health = desk.anonymous("/health").await.ok();
    assert_eq!((&health["workers"]["status"], &health["checks"]["workers"]), (&json!("running"), &json!("ok")));

    desk.clock.advance_s(31);
    assert_eq!(status().await, "late");
    let health = desk.anonymous("/health").await;
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["workers"], json!({"status": "unavailable", "error": "overdue: jobs"}));
    assert_eq!(health.json()["checks"]["workers"], "error");
    let ready = desk.anonymous("/readyz").await;
    assert_eq!((ready.status, &ready.json()["overdue"]), (503, &json!(["jobs"])));
}

#[actix_web::test]
async fn who_follows_is_told_at_once_and_a_job_that_is_over_ends_the_stream() {
    let desk = Desk::empty();
    let id = add(&desk, JobKind::Backup).await;
    let token = desk.token_of("ada@example.com", &["ADMINISTRATOR"]).await;
    let stream = async |path: String| {
        let request = TestRequest::get().uri(&path).insert_header(("authorization", format!("Bearer {token}")));
        let answer = desk.glance(request).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
        answer.body
    };
    let numbers = stream("/api/v1/jobs/events".into()).await;
    assert!(numbers.starts_with("event: update\ndata: {\"pending\":1,"), "{numbers}");
    let one = stream(format!("/api/v1/jobs/{id}/events")).await;
    assert!(one.starts_with(&format!("event: update\ndata: {{\"id\":\"{id}\"")), "{one}");

    desk.as_admin(Method::POST, &format!("/api/v1/jobs/{id}/cancel"), Value::Null).await.ok();
    let whole = desk.read(&format!("/api/v1/jobs/{id}/events")).await;
    assert!(whole.body.starts_with("event: done\ndata: {") && whole.body.contains("cancelled"), "{}", whole.body);
    assert_eq!(whole.body.matches("event:").count(), 1, "it ends there");
}

#[actix_web::test]
async fn who_may_look_may_not_act() {
    let desk = Desk::empty();
    let id = add_in(&desk, JobKind::Backup, JobState::Dead).await;
    for (method, path) in [
        (Method::POST, format!("/api/v1/jobs/{id}/retry")),
        (Method::DELETE, format!("/api/v1/jobs/{id}")),
        (Method::POST, "/api/v1/jobs/bulk".into()),
    ] {
        // The key of the configuration looks at the queues, and no more.
        desk.send(method, &path).await.problem(403);
    }
    assert_eq!(ids(&desk, "?state=dead").await, [id]);
}
