//! The sink: signatures and events.

use std::time::Duration;

use aviary_sim::{Match, Signature, Sink, SinkSpec, Trouble};
use serde_json::json;

use crate::ask::{held, post, send, soon};

// The example of the specification's own libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY: &str = r#"{"test": 2432232314}"#;
const SIGNED_AT: &str = "1614265330";
const RIGHT: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn headers(id: &str, at: &str, signature: &str) -> Vec<(&'static str, String)> {
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at.to_owned()),
        ("webhook-signature", signature.to_owned()),
    ]
}

async fn sink(secrets: &[&str]) -> Sink {
    let clock = aviary_sim::SimClock::held_at("2021-02-25T15:02:10Z".parse().expect("time"));
    let secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
    Sink::start(SinkSpec { secrets, clock, ..SinkSpec::default() }).await.expect("a free port")
}

#[tokio::test]
async fn a_signature_is_right_for_one_secret_one_id_one_time_and_one_body() {
    let sink = sink(&[SECRET]).await;
    let verdict = async |headers: Vec<(&'static str, String)>, body: &str| {
        let answer = send(&sink, "/hook", &headers, body).await.expect("an answer");
        (answer.status, sink.deliveries().last().expect("it came").signature)
    };
    assert_eq!(verdict(headers(ID, SIGNED_AT, RIGHT), BODY).await, (200, Signature::Right));
    let several = format!("v1a,zzz v1,AAAA {RIGHT}");
    assert_eq!(verdict(headers(ID, SIGNED_AT, &several), BODY).await, (200, Signature::Right));
    for (wrong, body) in [
        (headers("msg_other", SIGNED_AT, RIGHT), BODY),
        (headers(ID, "1614265331", RIGHT), BODY),
        (headers(ID, SIGNED_AT, "v1,AAAA"), BODY),
        (headers(ID, SIGNED_AT, RIGHT), "{}"),
    ] {
        assert_eq!(verdict(wrong, body).await, (401, Signature::Wrong));
    }
    assert_eq!(verdict(headers(ID, SIGNED_AT, "")[..2].to_vec(), BODY).await, (401, Signature::Missing));
    sink.clock().advance(Duration::from_secs(301));
    assert_eq!(verdict(headers(ID, SIGNED_AT, RIGHT), BODY).await, (401, Signature::Stale));
    assert_eq!((sink.events().total(), sink.deliveries().total()), (1, 8));
}

#[tokio::test]
async fn secrets_are_changed_while_it_runs_and_nonsense_is_refused() {
    let sink = sink(&["whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA=="]).await;
    let verdict = async || {
        send(&sink, "/", &headers(ID, SIGNED_AT, RIGHT), BODY).await.expect("an answer");
        sink.deliveries().last().expect("it came").signature
    };
    assert_eq!(verdict().await, Signature::Wrong);
    sink.set_secrets(&["whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA==".to_owned(), SECRET.to_owned()]).expect("secrets");
    assert_eq!(verdict().await, Signature::Right, "two secrets hold while they are exchanged");
    sink.set_secrets(&[]).expect("none");
    assert_eq!(verdict().await, Signature::Unchecked);
    assert!(sink.set_secrets(&["secret".to_owned()]).is_err());
    let spec = SinkSpec { secrets: vec!["whsec_!".to_owned()], ..SinkSpec::default() };
    assert!(Sink::start(spec).await.is_err());
}

#[tokio::test]
async fn an_event_counts_once_when_it_is_taken_however_often_it_comes() {
    let sink = Sink::start(SinkSpec { clock: held(), ..SinkSpec::default() }).await.expect("a free port");
    let deliver = async |id: &str| send(&sink, "/orders", &[("webhook-id", id.to_owned())], "{}").await;
    sink.faults().add(Match::path("/orders").times(2), Trouble::Status(503));
    for id in ["a", "b", "a", "b", "b", "c"] {
        deliver(id).await.expect("an answer");
    }
    sink.faults().add(Match::any().once(), Trouble::DoneThenReset);
    assert!(deliver("d").await.is_err(), "it was taken and the sender does not know");
    assert_eq!(deliver("d").await.expect("an answer").status, 200);
    let ids: Vec<String> = soon(sink.events().at_least(4)).await.into_iter().filter_map(|event| event.id).collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
    let statuses: Vec<u16> = sink.deliveries().all().iter().map(|delivery| delivery.request.status).collect();
    assert_eq!(statuses, [503, 503, 200, 200, 200, 200, 0, 200]);
    sink.forget();
    assert_eq!((sink.events().total(), sink.deliveries().total(), sink.requests().total()), (0, 0, 0));
}

#[tokio::test]
async fn a_request_is_remembered_whole() {
    let sink = Sink::start(SinkSpec { clock: held(), ..SinkSpec::default() }).await.expect("a free port");
    post(&sink, "/hooks/1?key=value", &json!({ "event": "server.created" })).await;
    let request = sink.requests().last().expect("it came");
    assert_eq!(
        (request.method.as_str(), request.path.as_str(), request.query.as_str()),
        ("POST", "/hooks/1", "key=value")
    );
    assert_eq!(request.parameter("key"), Some("value"));
    assert_eq!(request.json(), Some(json!({ "event": "server.created" })));
    assert_eq!(request.header("Content-Type"), Some("application/json; charset=utf-8"));
    assert_eq!(request.at.to_string(), "2026-03-01T12:00:00Z");
}
