//! What people do by hand.

use aviary_sim::{Discord, DiscordSpec, Sink, SinkSpec};
use serde_json::json;

use crate::ask::{delete, get, post};

#[tokio::test]
async fn what_arrived_is_shown_newest_first() {
    let sink = Sink::start(SinkSpec::default()).await.expect("a free port");
    for number in 0..3 {
        post(&sink, &format!("/{number}"), &json!({ "number": number })).await;
    }
    let shown = get(&sink, "/").await.json();
    assert_eq!((&shown["total"], &shown["deliveries"][0]["path"]), (&json!(3), &json!("/2")));
    assert_eq!(shown["deliveries"][2]["body"], json!("{\"number\":0}"));
    assert_eq!(sink.requests().total(), 3, "looking leaves no trace");
    assert_eq!(delete(&sink, "/_sim/arrivals").await.status, 204);
    assert_eq!(get(&sink, "/").await.json()["total"], json!(0));
}

#[tokio::test]
async fn troubles_are_switched_over_http() {
    let sink = Sink::start(SinkSpec::default()).await.expect("a free port");
    let armed = post(&sink, "/_sim/faults", &json!({ "do": "busy/503/7", "path": "/a", "times": 1 })).await;
    assert_eq!((armed.status, armed.json()), (200, json!({ "id": 1 })));
    assert_eq!(post(&sink, "/a", &json!({})).await.header("Retry-After"), Some("7"));
    assert_eq!(post(&sink, "/a", &json!({})).await.status, 200);
    post(&sink, "/_sim/faults", &json!({ "do": "status/500" })).await;
    assert_eq!(post(&sink, "/b", &json!({})).await.status, 500);
    assert_eq!(delete(&sink, "/_sim/faults").await.status, 204);
    assert_eq!(post(&sink, "/b", &json!({})).await.status, 200);
    let answer = post(&sink, "/_sim/faults", &json!({ "do": "melt" })).await;
    assert!(answer.status == 400 && answer.text().contains("busy/429/30"), "{}", answer.text());
    assert_eq!(post(&sink, "/_sim/secrets", &json!({ "secrets": ["whsec_c2VjcmV0"] })).await.status, 204);
    assert_eq!(post(&sink, "/b", &json!({})).await.status, 401);
    assert_eq!(post(&sink, "/_sim/nothing", &json!({})).await.status, 400);
}

#[tokio::test]
async fn discord_has_switches_of_its_own() {
    let discord = Discord::start(DiscordSpec::default()).await.expect("a free port");
    let path = get(&discord, "/").await.json()["webhooks"][0].as_str().expect("a webhook").to_owned();
    assert_eq!(post(&discord, "/_sim/limit", &json!({ "requests": 1, "window_ms": 60_000 })).await.status, 204);
    assert_eq!(post(&discord, &path, &json!({ "content": "x" })).await.status, 204);
    assert_eq!(post(&discord, &path, &json!({ "content": "x" })).await.status, 429);
    assert_eq!(post(&discord, "/_sim/limit", &json!({ "requests": 1 })).await.status, 400);
    discord.reset_limits();
    assert_eq!(post(&discord, "/_sim/delete", &json!({ "id": "1300000000000000001" })).await.status, 204);
    assert_eq!(post(&discord, &path, &json!({ "content": "x" })).await.status, 404);
    let shown = get(&discord, "/").await.json();
    assert_eq!((&shown["total"], &shown["messages"][0]["content"]), (&json!(1), &json!("x")));
}
