//! Discord's webhooks: answers, limits, rates.

use std::time::Duration;

use aviary_sim::discord::Refuses;
use aviary_sim::{Discord, DiscordSpec, DiscordWebhook, Match, Trouble};
use serde_json::{Value, json};

use crate::ask::{get, held, post, send, soon};
use crate::wire::{Answer, raw};

async fn discord() -> Discord {
    Discord::start(DiscordSpec { limit: 0, clock: held(), ..DiscordSpec::default() }).await.expect("a free port")
}

fn path(discord: &Discord) -> String {
    discord.webhook_url().trim_start_matches(&discord.url()).to_owned()
}

/// The code of the first error at a path, and that this is the only field with one.
#[track_caller]
fn error_at(answer: &Answer, path: &[&str]) -> String {
    let body = answer.json();
    assert_eq!(
        (answer.status, &body["code"], &body["message"]),
        (400, &json!(50035), &json!("Invalid Form Body")),
        "{body}"
    );
    let mut at = &body["errors"];
    for key in path {
        assert_eq!(at.as_object().map(serde_json::Map::len), Some(1), "{body}");
        at = &at[*key];
    }
    at["_errors"][0]["code"].as_str().unwrap_or_else(|| panic!("no error at {path:?} in {body}")).to_owned()
}

async fn embed_error(discord: &Discord, embed: Value, path_in_embed: &[&str]) -> String {
    let answer = post(discord, &path(discord), &json!({ "embeds": [embed] })).await;
    error_at(&answer, &[&["embeds", "0"], path_in_embed].concat())
}

#[tokio::test]
async fn a_message_is_posted_with_204_and_with_wait_it_comes_back() {
    let discord = discord().await;
    let answer = post(&discord, &path(&discord), &json!({ "content": "Ahoy" })).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let form = json!({ "username": "Watch", "embeds": [{ "title": "Server", "color": 0xFF0000, "timestamp": "2026-03-01T12:00:00Z" }] });
    let answer = post(&discord, &format!("{}?wait=true", path(&discord).replace("/api/", "/api/v10/")), &form).await;
    let shown = answer.json();
    assert_eq!((answer.status, &shown["embeds"][0]["type"]), (200, &json!("rich")));
    assert_eq!((&shown["author"]["username"], &shown["webhook_id"]), (&json!("Watch"), &json!("1300000000000000001")));

    let messages = soon(discord.messages().at_least(2)).await;
    assert_eq!((messages[0].content.as_str(), messages[0].username.as_str()), ("Ahoy", "Captain Hook"));
    assert_eq!((messages[1].embeds[0]["title"].clone(), messages[1].id), (json!("Server"), messages[0].id + 1));
}

#[tokio::test]
async fn a_webhook_can_be_looked_at_and_goes_away() {
    let discord = discord().await;
    let other = DiscordWebhook { id: 42, token: "t0ken".to_owned(), name: "Crow".to_owned() };
    let there = format!("/api/webhooks/{}/{}", other.id, other.token);
    let answer = get(&discord, &there).await;
    assert_eq!((answer.status, answer.json()), (404, json!({ "message": "Unknown Webhook", "code": 10015 })));
    discord.add_webhook(other);
    assert_eq!(get(&discord, &there).await.json()["name"], json!("Crow"));
    let answer = post(&discord, "/api/webhooks/42/wrong", &json!({ "content": "x" })).await;
    assert_eq!((answer.status, &answer.json()["code"]), (401, &json!(50027)));
    discord.delete_webhook(42);
    assert_eq!(post(&discord, &there, &json!({ "content": "x" })).await.json()["code"], json!(10015));
    assert_eq!(post(&discord, "/api/webhooks/x/y", &json!({ "content": "x" })).await.json()["code"], json!(50035));
    for (address, status) in [("/api/webhooks/42", 401), ("/api/elsewhere", 404), ("/api/v99/webhooks/42/t", 400)] {
        assert_eq!(get(&discord, address).await.status, status, "{address}");
    }
    assert_eq!(discord.messages().total(), 0);
}

#[tokio::test]
async fn lengths_are_refused_where_they_are_exceeded_and_not_before() {
    let discord = discord().await;
    let long = |length: usize| "ä".repeat(length);
    let answer = post(&discord, &path(&discord), &json!({ "content": long(2001) })).await;
    assert_eq!(error_at(&answer, &["content"]), "BASE_TYPE_MAX_LENGTH");
    assert_eq!(answer.json()["errors"]["content"]["_errors"][0]["message"], json!("Must be 2000 or fewer in length."));
    let whole = json!({ "title": long(256), "description": long(4096), "footer": { "text": long(2) },
        "author": { "name": long(256) }, "fields": [{ "name": long(256), "value": long(1024), "inline": true }] });
    let answer = post(&discord, &path(&discord), &json!({ "content": long(2000), "embeds": [whole] })).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    for (embed, at) in [
        (json!({ "title": long(257) }), vec!["title"]),
        (json!({ "description": long(4097) }), vec!["description"]),
        (json!({ "footer": { "text": long(2049) } }), vec!["footer", "text"]),
        (json!({ "author": { "name": long(257) } }), vec!["author", "name"]),
        (json!({ "fields": [{ "name": long(257), "value": "v" }] }), vec!["fields", "0", "name"]),
        (json!({ "fields": [{ "name": "n", "value": long(1025) }] }), vec!["fields", "0", "value"]),
        (json!({ "fields": vec![json!({ "name": "n", "value": "v" }); 26] }), vec!["fields"]),
    ] {
        assert_eq!(embed_error(&discord, embed, &at).await, "BASE_TYPE_MAX_LENGTH", "{at:?}");
    }
    let answer = post(&discord, &path(&discord), &json!({ "embeds": vec![json!({ "title": "t" }); 11] })).await;
    assert_eq!(error_at(&answer, &["embeds"]), "BASE_TYPE_MAX_LENGTH");
    let halves = |second: usize| json!({ "embeds": [{ "description": long(3000) }, { "description": long(second) }] });
    assert_eq!(post(&discord, &path(&discord), &halves(3000)).await.status, 204);
    let answer = post(&discord, &path(&discord), &halves(3001)).await;
    assert_eq!(error_at(&answer, &["embeds"]), "MAX_EMBED_SIZE_EXCEEDED");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_at_its_field() {
    let discord = discord().await;
    for (embed, at, code) in [
        (json!({}), vec!["description"], "BASE_TYPE_REQUIRED"),
        (json!({ "fields": [{ "name": "n", "value": " " }] }), vec!["fields", "0", "value"], "BASE_TYPE_REQUIRED"),
        (json!({ "title": "t", "color": 16_777_216 }), vec!["color"], "NUMBER_TYPE_MAX"),
        (json!({ "title": "t", "color": -1 }), vec!["color"], "NUMBER_TYPE_MIN"),
        (json!({ "title": "t", "color": "red" }), vec!["color"], "NUMBER_TYPE_COERCE"),
        (json!({ "title": "t", "url": "reef.example" }), vec!["url"], "URL_TYPE_INVALID_URL"),
        (json!({ "title": "t", "url": "ftp://reef.example" }), vec!["url"], "URL_TYPE_INVALID_SCHEME"),
        (json!({ "title": "t", "timestamp": "yesterday" }), vec!["timestamp"], "DATE_TIME_TYPE_PARSE"),
        (json!({ "title": { "a": 1 } }), vec!["title"], "STRING_TYPE_CONVERT"),
        (json!({ "title": "t", "fields": {} }), vec!["fields"], "LIST_TYPE_CONVERT"),
        (json!({ "title": "t", "footer": "f" }), vec!["footer"], "MODEL_TYPE_CONVERT"),
    ] {
        assert_eq!(embed_error(&discord, embed, &at).await, code, "{at:?}");
    }
    for (name, code) in [
        ("", "BASE_TYPE_BAD_LENGTH"),
        ("My Discord bot", "USERNAME_INVALID_CONTAINS"),
        ("here", "USERNAME_INVALID_RESERVED"),
    ] {
        let answer = post(&discord, &path(&discord), &json!({ "content": "x", "username": name })).await;
        assert_eq!(error_at(&answer, &["username"]), code);
    }
    assert_eq!(discord.messages().total(), 0);
}

#[tokio::test]
async fn empty_broken_and_enormous_bodies_have_codes_of_their_own() {
    let discord =
        Discord::start(DiscordSpec { limit: 0, max_body: 5_000, ..DiscordSpec::default() }).await.expect("a port");
    let path = path(&discord);
    for nothing in [json!({}), json!({ "content": "  \n" }), json!({ "content": null, "embeds": [] })] {
        let answer = post(&discord, &path, &nothing).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(50006)));
    }
    let plain = raw(discord.address(), "POST", &path, &[], r#"{"content":"x"}"#).await.expect("an answer");
    assert_eq!(plain.json()["code"], json!(50006), "a body that does not announce JSON is a form");
    let answer = send(&discord, &path, &[], "{\"content\": ").await.expect("an answer");
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(50109)));
    let answer = post(&discord, &path, &json!({ "content": "x".repeat(200_000) })).await;
    assert_eq!((answer.status, &answer.json()["code"]), (413, &json!(40005)));
}

#[tokio::test]
async fn five_fit_into_two_seconds_and_the_headers_count_down() {
    let clock = held();
    let discord = Discord::start(DiscordSpec { clock: clock.clone(), ..DiscordSpec::default() }).await.expect("a port");
    let path = path(&discord);
    let mut remaining = Vec::new();
    for _ in 0..5 {
        let answer = post(&discord, &path, &json!({ "content": "x" })).await;
        remaining.push(answer.header("X-RateLimit-Remaining").expect("a header").to_owned());
        assert!(answer.status == 204 && answer.header("X-RateLimit-Limit") == Some("5"));
        assert!(answer.header("X-RateLimit-Bucket").is_some());
    }
    assert_eq!(remaining, ["4", "3", "2", "1", "0"]);
    clock.advance(Duration::from_millis(500));
    let answer = post(&discord, &path, &json!({ "content": "x" })).await;
    assert_eq!(
        (answer.status, answer.header("Retry-After"), answer.header("X-RateLimit-Scope")),
        (429, Some("2"), Some("user"))
    );
    assert_eq!(answer.header("X-RateLimit-Reset-After"), Some("1.500"));
    let said = json!({ "message": "You are being rate limited.", "retry_after": 1.5, "global": false });
    assert_eq!(answer.json(), said);
    discord.add_webhook(DiscordWebhook { id: 7, token: "t".into(), name: "n".into() });
    assert_eq!(
        post(&discord, "/api/webhooks/7/t", &json!({ "content": "x" })).await.status,
        204,
        "a bucket of its own"
    );
    clock.advance(Duration::from_millis(1500));
    assert_eq!(post(&discord, &path, &json!({ "content": "x" })).await.status, 204);
    assert_eq!((discord.messages().total(), discord.requests().total()), (7, 8));
}

#[tokio::test]
async fn everything_can_be_refused_for_a_while() {
    let discord = discord().await;
    discord.refuse_for(Refuses::Discord, Duration::from_millis(2_500));
    let answer = post(&discord, &path(&discord), &json!({ "content": "x" })).await;
    assert_eq!(
        (answer.status, answer.header("Retry-After"), answer.header("X-RateLimit-Global")),
        (429, Some("3"), Some("true"))
    );
    assert_eq!((&answer.json()["global"], &answer.json()["retry_after"]), (&json!(true), &json!(2.5)));
    discord.refuse_for(Refuses::Edge, Duration::from_secs(60));
    let answer = post(&discord, &path(&discord), &json!({ "content": "x" })).await;
    assert_eq!((answer.status, answer.text().as_str()), (429, "error code: 1015"));
    discord.clock().advance(Duration::from_secs(60));
    assert_eq!(post(&discord, &path(&discord), &json!({ "content": "x" })).await.status, 204);
}

#[tokio::test]
async fn a_message_may_be_posted_although_nobody_is_told() {
    let discord = discord().await;
    discord.faults().add(Match::any().once(), Trouble::DoneThenReset);
    assert!(send(&discord, &path(&discord), &[], r#"{"content":"once"}"#).await.is_err());
    discord.faults().add(Match::any().once(), Trouble::DoneThenStatus(502));
    let answer = post(&discord, &path(&discord), &json!({ "content": "twice" })).await;
    assert!(answer.status == 502 && answer.text().contains("<html>"));
    discord.faults().add(Match::any().once(), Trouble::Status(500));
    let answer = post(&discord, &path(&discord), &json!({ "content": "never" })).await;
    assert_eq!(answer.json(), json!({ "message": "500: Internal Server Error", "code": 0 }));
    let contents: Vec<String> = discord.messages().all().into_iter().map(|message| message.content).collect();
    assert_eq!(contents, ["once", "twice"]);
    let statuses: Vec<u16> = discord.requests().all().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [0, 502, 500]);
}
