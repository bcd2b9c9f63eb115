//! Mails of other programs, and the list of all.

use actix_web::http::Method;
use aviary_kernel::model::{MailContent, MailState};
use aviary_kernel::store::Read;
use aviary_kernel::store::tables::MAILS;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::promise;

const TO: &str = "crew@harbour.example";

fn news() -> Value {
    json!({"to": TO, "subject": "News", "template": "news", "data": {"message": "Hi <b>there</b>"}})
}

#[actix_web::test]
async fn another_back_end_has_a_mail_sent_with_its_key() {
    let desk = Desk::empty();
    let answer = desk.post("/api/v1/email/queue", news()).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let body = answer.json();
    promise::keeps("post", "/api/v1/email/queue", &body);
    assert_eq!(body["success"], json!(true));
    let task: uuid::Uuid = body["data"]["task_id"].as_str().unwrap().parse().unwrap();
    let mail = desk.services.store.read_blocking(|tx| tx.get(MAILS, &1)).unwrap().unwrap();
    assert_eq!((mail.job, mail.state, mail.to.as_str()), (Some(task), MailState::Waiting, TO));
    assert!(matches!(mail.says, MailContent::Template { .. }));
    // That is all that this key may about mails.
    for path in ["/api/v1/mails", "/api/v1/mails/1", "/api/v1/mails/counts"] {
        desk.get(path).await.problem(403);
    }
    desk.anonymous("/api/v1/mails").await.problem(401);
}

#[actix_web::test]
async fn both_names_of_a_template_and_both_ways_to_fill_it_are_taken() {
    let desk = Desk::empty();
    desk.token_of(TO, &[]).await;
    for (template, variable) in [
        ("password-reset", "resetUrl"),
        ("reset-password", "resetUrl"),
        ("email-verification", "verifyUrl"),
        ("verify-email", "verifyUrl"),
        ("magic-link", "magicLinkUrl"),
        ("welcome", "verifyUrl"),
    ] {
        for data in [
            json!({"name": "Crew", variable: "https://a.example/x"}),
            json!({"token": "t", "email": TO, "name": "Crew"}),
        ] {
            let body = json!({"to": TO, "subject": "S", "template": template, "data": data});
            let answer = desk.post("/api/v1/email/queue", body).await;
            assert_eq!(answer.status, 202, "{template}: {}", answer.body);
        }
    }
}

#[actix_web::test]
async fn what_cannot_be_sent_is_refused_at_its_field() {
    let desk = Desk::empty();
    let with = |name: &str, value: Value| {
        let mut body = news();
        body[name] = value;
        body
    };
    let link = |data: Value| json!({"to": TO, "subject": "S", "template": "magic-link", "data": data});
    for (body, word) in [
        (json!({}), "to: is missing"),
        (with("to", json!("nobody")), "to: is no e-mail address"),
        (with("subject", json!("a\nBcc: b@c.example")), "subject: "),
        (with("subject", json!("x".repeat(201))), "subject: "),
        (with("template", json!(" ")), "template: is missing"),
        (with("data", json!({})), "template: is no template of Aviary"),
        (with("data", Value::Null), "template: is no template of Aviary"),
        (with("data", json!({"message": "x".repeat(20_001)})), "data.message: is longer"),
        (with("data", json!({"message": 7})), "expected a string"),
        (link(json!({"name": "x"})), "data.magicLinkUrl: is missing"),
        (link(json!({"magicLinkUrl": "javascript:alert(1)"})), "data.magicLinkUrl: is no address"),
        (link(json!({"token": "t", "email": "stranger@harbour.example"})), "data.email: is of no account"),
    ] {
        let problem = desk.post("/api/v1/email/queue", body.clone()).await.problem(400);
        assert!(problem.contains(word), "{body}: {problem}");
    }
    assert_eq!(desk.services.mails.counts().await.unwrap().all(), 0);
}

#[actix_web::test]
async fn mails_are_listed_opened_sent_again_and_dropped() {
    let desk = Desk::empty();
    for _ in 0..3 {
        desk.post("/api/v1/email/queue", news()).await;
    }
    let page = desk.read("/api/v1/mails?limit=2").await.ok();
    promise::keeps("get", "/api/v1/mails", &page);
    assert_eq!((&page["data"]["items"][0]["number"], &page["data"]["items"][0]["kind"]), (&json!(3), &json!("news")));
    assert!(!page.to_string().contains("there"), "a list does not tell what mails say");
    let cursor = page["data"]["nextCursor"].as_str().unwrap();
    let rest = desk.read(&format!("/api/v1/mails?limit=2&state=waiting&cursor={cursor}")).await.ok();
    assert_eq!((&rest["data"]["items"][0]["number"], &rest["data"]["nextCursor"]), (&json!(1), &Value::Null));
    desk.read("/api/v1/mails?cursor=AAAA").await.problem(400);
    desk.read("/api/v1/mails?state=lost").await.problem(400);

    let open = desk.read("/api/v1/mails/1").await.ok();
    promise::keeps("get", "/api/v1/mails/{number}", &open);
    let html = open["data"]["html"].as_str().unwrap();
    assert!(html.contains("Hi &#60;b&#62;there") && open["data"]["text"].as_str().unwrap().contains("Hi <b>there</b>"));
    let act = async |path: &str, body: Value| desk.as_admin(Method::POST, path, body).await;
    act("/api/v1/mails/1/again", json!({})).await.problem(409);
    assert_eq!(act("/api/v1/mails/1/drop", json!({})).await.status, 200);
    act("/api/v1/mails/1/drop", json!({})).await.problem(409);
    assert_eq!(act("/api/v1/mails/1/again", json!({})).await.status, 202);
    act("/api/v1/mails/99/again", json!({})).await.problem(404);
    let counts = desk.read("/api/v1/mails/counts").await.ok();
    promise::keeps("get", "/api/v1/mails/counts", &counts);
    assert_eq!((&counts["data"]["states"]["waiting"], &counts["data"]["service"]), (&json!(3), &Value::Null));

    let kept = act("/api/v1/mails/kept", json!({})).await.ok();
    promise::keeps("post", "/api/v1/mails/kept", &kept);
    assert_eq!(kept["data"], json!({"count": 0, "sent": 0, "expired": 0}));
    act("/api/v1/mails/kept", json!({"count": 5})).await.problem(409);
    assert_eq!(act("/api/v1/mails/test", json!({"to": TO})).await.status, 202);
    act("/api/v1/mails/test", json!({})).await.problem(400);
    for _ in 0..4 {
        act("/api/v1/mails/test", json!({"to": TO})).await;
    }
    act("/api/v1/mails/test", json!({"to": TO})).await.problem(429);
    desk.read("/api/v1/mails/templates/nothing").await.problem(404);
}
