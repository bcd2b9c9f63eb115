//! Resend: keys, mails, idempotency, limits, fates.

use std::time::Duration;

use aviary_sim::{Match, Resend, ResendDomain, ResendSpec, Trouble};
use serde_json::{Value, json};

use crate::ask::{get, held, post, send, soon};
use crate::wire::{Answer, raw};

async fn resend() -> Resend {
    Resend::start(ResendSpec { limit: 0, clock: held(), ..ResendSpec::default() }).await.expect("a free port")
}

fn headers(key: &str) -> Vec<(&'static str, String)> {
    vec![("Authorization", format!("Bearer {key}")), ("User-Agent", "test".to_owned())]
}

async fn mail(resend: &Resend, idempotency_key: Option<&str>, body: &Value) -> Answer {
    let mut headers = headers(resend.sending_key());
    headers.extend(idempotency_key.map(|key| ("Idempotency-Key", key.to_owned())));
    send(resend, "/emails", &headers, &body.to_string()).await.expect("an answer")
}

async fn look(resend: &Resend, key: &str, path: &str) -> Answer {
    soon(raw(resend.address(), "GET", path, &headers(key), "")).await.expect("an answer")
}

fn to(address: &str) -> Value {
    json!({ "from": "Aviary <watch@reef.example>", "to": [address], "subject": "Hello", "text": "Hi", "html": "<p>Hi" })
}

fn error(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    assert_eq!(body["statusCode"], json!(answer.status), "{body}");
    (answer.status, body["name"].as_str().expect("a name").to_owned())
}

#[tokio::test]
async fn a_mail_is_taken_whole_and_can_be_looked_up() {
    let resend = resend().await;
    let mut body = to("crew@harbour.example");
    body["headers"] = json!({ "X-Entity-Ref-ID": "7" });
    body["reply_to"] = json!("answers@reef.example");
    body["tags"] = json!([{ "name": "template", "value": "welcome" }]);
    let answer = mail(&resend, Some("mail/1"), &body).await;
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    let taken = soon(resend.mails().at_least(1)).await.remove(0);
    assert_eq!((answer.status, taken.id.as_str(), taken.subject.as_str()), (200, id.as_str(), "Hello"));
    assert_eq!((taken.text.as_deref(), taken.html.as_deref()), (Some("Hi"), Some("<p>Hi")));
    assert_eq!(
        (taken.from.as_str(), taken.recipients()),
        ("Aviary <watch@reef.example>", vec!["crew@harbour.example".to_owned()])
    );
    assert_eq!(taken.headers, [("X-Entity-Ref-ID".to_owned(), "7".to_owned())]);
    assert_eq!((taken.idempotency_key.as_deref(), taken.reply_to.len()), (Some("mail/1"), 1));
    let shown = look(&resend, resend.api_key(), &format!("/emails/{id}")).await.json();
    assert_eq!((&shown["last_event"], &shown["to"]), (&json!("delivered"), &json!(["crew@harbour.example"])));
    assert_eq!(error(&look(&resend, resend.api_key(), "/emails/unknown").await), (404, "not_found".into()));
}

#[tokio::test]
async fn keys_are_checked_before_anything_else() {
    let resend = resend().await;
    let ask = async |headers: &[(&str, String)]| send(&resend, "/emails", headers, "{").await.expect("an answer");
    assert_eq!(ask(&[]).await.text(), "error code: 1010", "who does not say who they are is not let near it");
    assert_eq!(error(&ask(&headers("")).await), (401, "missing_api_key".into()));
    assert_eq!(error(&ask(&headers("re_wrong")).await), (403, "invalid_api_key".into()));
    for path in ["/domains", "/emails/1"] {
        assert_eq!(error(&look(&resend, resend.sending_key(), path).await), (401, "restricted_api_key".into()));
    }
    let domains = look(&resend, resend.api_key(), "/domains").await.json();
    assert_eq!(
        (&domains["data"][0]["name"], &domains["data"][0]["status"]),
        (&json!("reef.example"), &json!("verified"))
    );
    assert_eq!(error(&look(&resend, resend.api_key(), "/nowhere").await).0, 404);
    assert_eq!(error(&look(&resend, resend.api_key(), "/emails").await), (405, "method_not_allowed".into()));
}

#[tokio::test]
async fn what_is_missing_or_makes_no_sense_is_refused() {
    let resend = resend().await;
    let with = |key: &str, value: Value| {
        let mut body = to("crew@harbour.example");
        body[key] = value;
        body
    };
    let mut empty = with("text", Value::Null);
    empty["html"] = Value::Null;
    for (body, status, name) in [
        (with("from", Value::Null), 422, "missing_required_field"),
        (with("to", json!([])), 422, "missing_required_field"),
        (with("subject", Value::Null), 422, "missing_required_field"),
        (empty, 422, "missing_required_field"),
        (with("from", json!("Aviary")), 422, "invalid_from_address"),
        (with("to", json!("nobody")), 422, "validation_error"),
        (with("to", json!(["a@harbour.example", "b@"])), 422, "validation_error"),
        (with("to", json!(vec!["a@harbour.example"; 51])), 422, "validation_error"),
        (with("to", json!("somebody@example.com")), 422, "validation_error"),
        (with("tags", json!([{ "name": "a b", "value": "c" }])), 422, "validation_error"),
        (with("html", json!(1)), 422, "validation_error"),
        (with("from", json!("a@elsewhere.example")), 403, "validation_error"),
        (with("from", json!("onboarding@resend.dev")), 403, "validation_error"),
        (json!([]), 422, "validation_error"),
    ] {
        assert_eq!(error(&mail(&resend, None, &body).await), (status, name.into()), "{body}");
    }
    let broken = send(&resend, "/emails", &headers(resend.api_key()), "{").await.expect("an answer");
    assert_eq!(error(&broken), (400, "validation_error".into()));
    assert_eq!(resend.mails().total(), 0);
    resend.set_domain(ResendDomain { name: "elsewhere.example".into(), verified: true });
    assert_eq!(mail(&resend, None, &with("from", json!("a@elsewhere.example"))).await.status, 200);
    let mut test = to("delivered@resend.dev");
    test["from"] = json!("onboarding@resend.dev");
    assert_eq!(mail(&resend, None, &test).await.status, 200);
}

#[tokio::test]
async fn a_key_sends_one_mail_for_a_day() {
    let resend = resend().await;
    let first = mail(&resend, Some("welcome/1"), &to("a@harbour.example")).await.json();
    assert_eq!(mail(&resend, Some("welcome/1"), &to("a@harbour.example")).await.json(), first);
    assert_eq!(resend.mails().total(), 1);
    let other = mail(&resend, Some("welcome/1"), &to("b@harbour.example")).await;
    assert_eq!(error(&other), (409, "invalid_idempotent_request".into()));
    let long = mail(&resend, Some(&"k".repeat(257)), &to("a@harbour.example")).await;
    assert_eq!(error(&long), (400, "invalid_idempotency_key".into()));
    resend.faults().add(Match::any().once(), Trouble::DoneThenStatus(500));
    assert_eq!(
        error(&mail(&resend, Some("k2"), &to("a@harbour.example")).await),
        (500, "internal_server_error".into())
    );
    assert_eq!(mail(&resend, Some("k2"), &to("a@harbour.example")).await.status, 200);
    assert_eq!(resend.mails().total(), 2, "it had been sent although it said otherwise");
    resend.clock().advance(Duration::from_secs(24 * 60 * 60));
    assert_ne!(mail(&resend, Some("welcome/1"), &to("a@harbour.example")).await.json(), first);
    assert_eq!(resend.mails().total(), 3);
}

#[tokio::test]
async fn the_limit_is_shown_and_enforced() {
    let clock = held();
    let resend = Resend::start(ResendSpec { clock: clock.clone(), ..ResendSpec::default() }).await.expect("a port");
    for left in ["1", "0"] {
        let answer = mail(&resend, None, &to("a@harbour.example")).await;
        assert_eq!(
            (answer.status, answer.header("ratelimit-limit"), answer.header("ratelimit-remaining")),
            (200, Some("2"), Some(left))
        );
    }
    let answer = mail(&resend, None, &to("a@harbour.example")).await;
    assert_eq!((error(&answer), answer.header("retry-after")), ((429, "rate_limit_exceeded".into()), Some("1")));
    clock.advance(Duration::from_secs(1));
    resend.set_quota(Some(1));
    assert_eq!(mail(&resend, None, &to("a@harbour.example")).await.status, 200);
    let answer = mail(&resend, None, &to("a@harbour.example")).await;
    assert_eq!((error(&answer), answer.header("retry-after")), ((429, "daily_quota_exceeded".into()), None));
}

#[tokio::test]
async fn what_becomes_of_a_mail_is_known_after_a_while() {
    let settles_after = Duration::from_secs(10);
    let resend = Resend::start(ResendSpec { limit: 0, settles_after, clock: held(), ..ResendSpec::default() }).await;
    let resend = resend.expect("a free port");
    resend.set_fate("Gone@harbour.example", "bounced");
    let mut ids = Vec::new();
    for address in ["a@harbour.example", "gone@harbour.example", "bounced+1@resend.dev", "complained@resend.dev"] {
        let id = mail(&resend, None, &to(address)).await.json()["id"].as_str().expect("an id").to_owned();
        ids.push(id);
    }
    let events = async || {
        let mut events = Vec::new();
        for id in &ids {
            events.push(look(&resend, resend.api_key(), &format!("/emails/{id}")).await.json()["last_event"].clone());
        }
        events
    };
    assert_eq!(events().await, ["sent", "sent", "sent", "sent"]);
    resend.clock().advance(settles_after);
    assert_eq!(events().await, ["delivered", "bounced", "bounced", "complained"]);
    assert_eq!(
        post(&resend, "/_sim/fate", &json!({ "address": "a@harbour.example", "event": "complained" })).await.status,
        204
    );
    assert_eq!(events().await[0], "complained");
    let shown = get(&resend, "/").await.json();
    assert_eq!((&shown["total"], &shown["mails"][3]["last_event"]), (&json!(4), &json!("complained")));
}
