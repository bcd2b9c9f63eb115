//! Webhooks: as the front end of the older API calls them, row by row; and the API of their own.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use aviary_kernel::model::WebhookId;
use aviary_kernel::store::tables::DELIVERIES;
use aviary_sim::{Discord, DiscordSpec, DiscordWebhook, Fault, Match, Signature, Sink, SinkSpec, Trouble};
use serde_json::{Value, json};

use crate::desk::{Answer, Desk, keyed};
use crate::promise;

const OLD: &str = "/api/admin/settings/webhooks";
const HOOKS: &str = "/api/v1/webhooks";
const TOKEN: &str = "a-token-that-nobody-sees";

async fn discord() -> Discord {
    let webhook = DiscordWebhook { token: TOKEN.into(), ..DiscordWebhook::default() };
    Discord::start(DiscordSpec { limit: 0, webhooks: vec![webhook], ..DiscordSpec::default() }).await.unwrap()
}

/// An endpoint that checks signatures with this secret, whatever the time is.
async fn sink() -> Sink {
    let tolerance = Duration::from_secs(100 * 365 * 86_400);
    Sink::start(SinkSpec { secrets: vec![secret()], tolerance, ..SinkSpec::default() }).await.unwrap()
}

fn secret() -> String {
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()
}

async fn send(desk: &Desk, method: Method, path: &str, body: Value) -> Answer {
    desk.as_admin(method, path, body).await
}

/// A webhook of Discord that is made as the front end does.
async fn made(desk: &Desk, discord: &Discord, name: &str) -> Value {
    let body = json!({"name": name, "webhookUrl": discord.webhook_url(), "type": "SYSTEM", "scope": "ADMIN", "description": ""});
    let made = send(desk, Method::POST, OLD, body).await.ok();
    promise::keeps("post", OLD, &made);
    made["webhook"].clone()
}

/// A webhook to a sink.
async fn own(desk: &Desk, sink: &Sink, events: Value) -> Value {
    let body =
        json!({"name": "own", "target": "http", "url": sink.at("/in/s3cret"), "secret": secret(), "events": events});
    let made = send(desk, Method::POST, HOOKS, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    promise::keeps("post", HOOKS, &made.json());
    made.json()["data"]["webhook"].clone()
}

fn id(hook: &Value) -> String {
    hook["id"].as_str().unwrap().to_owned()
}

async fn is_sent(desk: &Desk, hook: &Value) {
    let id: WebhookId = id(hook).parse().unwrap();
    let mut changes = desk.services.store.watch(DELIVERIES);
    while desk.services.webhooks.require(id).await.unwrap().counts.waiting > 0 {
        changes.changed().await.unwrap();
    }
}

#[actix_web::test]
async fn a_webhook_that_was_made_is_a_row_of_the_list() {
    let (desk, discord) = (Desk::empty(), discord().await);
    let empty = desk.read(OLD).await.ok();
    assert_eq!(empty["webhooks"], json!([]));
    let first = made(&desk, &discord, "first").await;
    desk.clock.advance_s(1);
    let second = made(&desk, &discord, "second").await;
    let listed = desk.read(OLD).await.ok();
    promise::keeps("get", OLD, &listed);
    assert_eq!(listed["webhooks"], json!([second, first]), "newest first, as they were returned");
    assert_eq!(
        first.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["id", "name", "webhookUrl", "type", "scope", "description", "enabled", "testSuccessAt", "createdAt"]
    );
    assert_eq!(
        (&first["enabled"], &first["testSuccessAt"], &first["description"]),
        (&json!(true), &Value::Null, &json!(""))
    );
}

#[actix_web::test]
async fn front_ends_find_the_webhook_in_the_answer_and_in_its_data() {
    let (desk, discord) = (Desk::empty(), discord().await);
    let body = json!({"name": "a", "webhookUrl": discord.webhook_url()});
    let answer = send(&desk, Method::POST, OLD, body).await.ok();
    assert_eq!((&answer["webhook"], &answer["success"]), (&answer["data"]["webhook"], &json!(true)));
    assert_eq!((&answer["webhook"]["type"], &answer["webhook"]["scope"]), (&json!("SYSTEM"), &json!("ADMIN")));
    let change = json!({"id": answer["webhook"]["id"], "name": "b"});
    let changed = send(&desk, Method::PUT, OLD, change).await.ok();
    promise::keeps("put", OLD, &changed);
    assert_eq!((&changed["webhook"], &changed["webhook"]["name"]), (&changed["data"]["webhook"], &json!("b")));
}

#[actix_web::test]
async fn what_is_missing_or_no_word_of_ours_is_refused() {
    let (desk, discord) = (Desk::empty(), discord().await);
    let good = json!({"name": "a", "webhookUrl": discord.webhook_url(), "type": "VPS", "scope": "USER"});
    for (field, bad) in [
        ("name", json!("")),
        ("name", Value::Null),
        ("webhookUrl", json!("")),
        ("webhookUrl", json!("http://discord.example/nothing")),
        ("webhookUrl", json!("ftp://discord.com/api/webhooks/1/a")),
        ("webhookUrl", json!("https://10.1.2.3/api/webhooks/1/a")),
        ("type", json!("SYSTEMS")),
        ("scope", json!("admin")),
        ("description", json!("x".repeat(501))),
    ] {
        let mut body = good.clone();
        body[field] = bad.clone();
        let told = send(&desk, Method::POST, OLD, body).await.problem(400);
        assert!(bad.is_null() || told.contains(field), "{field}: {told}");
    }
    for body in [json!({"id": "nobody"}), json!({"id": uuid::Uuid::nil()}), json!({}), json!({"name": "x"})] {
        send(&desk, Method::PUT, OLD, body.clone()).await.problem(400);
        let told = send(&desk, Method::PATCH, OLD, body).await.problem(400);
        assert!(told.contains("id"), "{told}");
    }
    let broken = TestRequest::patch().uri(OLD).set_payload("{\"id\":");
    let admin = desk.token_of("root@example.com", &["SUPER_ADMIN"]).await;
    desk.call(broken.insert_header(("authorization", format!("Bearer {admin}")))).await.problem(400);
    assert_eq!(desk.read(OLD).await.ok()["webhooks"], json!([]));
}

#[actix_web::test]
async fn what_is_empty_stays_and_a_masked_address_means_unchanged() {
    let (desk, discord) = (Desk::empty(), discord().await);
    let hook = made(&desk, &discord, "a").await;
    let masked = hook["webhookUrl"].as_str().unwrap();
    assert!(masked.contains("••••") && !masked.contains(TOKEN), "{masked}");
    let change = json!({"id": hook["id"], "webhookUrl": masked, "name": "", "type": "", "scope": "PUBLIC", "description": "for all"});
    let changed = send(&desk, Method::PUT, OLD, change).await.ok()["webhook"].clone();
    assert_eq!(
        (&changed["name"], &changed["type"], &changed["webhookUrl"]),
        (&hook["name"], &hook["type"], &hook["webhookUrl"])
    );
    assert_eq!((&changed["scope"], &changed["description"]), (&json!("PUBLIC"), &json!("for all")));
    let off = send(&desk, Method::PUT, OLD, json!({"id": hook["id"], "enabled": false})).await.ok();
    assert_eq!(off["webhook"]["enabled"], false);
    let still = send(&desk, Method::PUT, OLD, json!({"id": hook["id"], "description": "x"})).await.ok();
    assert_eq!(still["webhook"]["enabled"], false, "an absent boolean stays");
    // The id may stand in the address too.
    let by_query = format!("{OLD}?id={}", id(&hook));
    assert_eq!(send(&desk, Method::PUT, &by_query, json!({"enabled": true})).await.ok()["webhook"]["enabled"], true);
    let tested = send(&desk, Method::PATCH, &by_query, Value::Null).await.ok();
    assert_eq!(tested["success"], true, "the address is still the one that works: {tested}");
}

#[actix_web::test]
async fn a_test_says_in_two_places_what_went_wrong() {
    let (desk, discord) = (Desk::empty(), discord().await);
    let hook = made(&desk, &discord, "a").await;
    let test = async || send(&desk, Method::PATCH, OLD, json!({"id": hook["id"]})).await.ok();
    let good = test().await;
    promise::keeps("patch", OLD, &good);
    assert_eq!((&good["success"], good.get("error")), (&json!(true), None));
    assert_eq!(good["testSuccessAt"], "2026-03-01T12:00:00Z");
    assert_eq!(desk.read(OLD).await.ok()["webhooks"][0]["testSuccessAt"], "2026-03-01T12:00:00Z");
    let message = discord.messages().last().unwrap();
    assert!(format!("{message:?}").contains("Webhook Test"), "{message:?}");

    discord.faults().inject(Fault::new(Match::any(), Trouble::Status(500)));
    let bad = test().await;
    promise::keeps("patch", OLD, &bad);
    assert_eq!((&bad["success"], &bad["message"]), (&json!(false), &bad["error"]));
    assert!(bad["error"].as_str().unwrap().contains("500"), "{bad}");
    assert!(!bad.to_string().contains(TOKEN), "{bad}");
}

#[actix_web::test]
async fn a_webhook_is_removed_by_path_by_query_and_by_body() {
    let (desk, discord) = (Desk::empty(), discord().await);
    let mut ways = Vec::new();
    for name in ["path", "query", "body"] {
        ways.push(id(&made(&desk, &discord, name).await));
    }
    let calls = [
        (format!("{OLD}/{}", ways[0]), Value::Null),
        (format!("{OLD}?id={}", ways[1]), Value::Null),
        (OLD.to_owned(), json!({"id": ways[2]})),
    ];
    for (left, (path, body)) in [2, 1, 0].into_iter().zip(calls) {
        let gone = send(&desk, Method::DELETE, &path, body.clone()).await.ok();
        promise::keeps("delete", OLD, &gone);
        assert_eq!(desk.read(OLD).await.ok()["webhooks"].as_array().unwrap().len(), left, "{path}");
        let again = send(&desk, Method::DELETE, &path, body).await.ok();
        assert_eq!(again["success"], true, "what is gone is no fault");
    }
    send(&desk, Method::DELETE, OLD, Value::Null).await.problem(400);
}

#[actix_web::test]
async fn the_settings_list_those_for_administrators() {
    let (desk, discord) = (Desk::empty(), discord().await);
    let first = made(&desk, &discord, "first").await;
    let public = made(&desk, &discord, "public").await;
    send(&desk, Method::PUT, OLD, json!({"id": public["id"], "scope": "PUBLIC"})).await.ok();
    desk.clock.advance_s(1);
    let second = made(&desk, &discord, "second").await;
    let settings = desk.read("/api/admin/settings").await.ok();
    promise::keeps("get", "/api/admin/settings", &settings);
    assert_eq!(settings["settings"]["discordWebhooks"], json!([second, first]));
    let saved = send(&desk, Method::POST, "/api/admin/settings", settings["settings"].clone()).await.ok();
    assert_eq!(
        saved["settings"]["discordWebhooks"],
        json!([second, first]),
        "what goes back as it came changes nothing"
    );
    // The key of the configuration may see settings, but no webhooks.
    assert_eq!(desk.get("/api/admin/settings").await.ok()["settings"]["discordWebhooks"], json!([]));
}

#[actix_web::test]
async fn another_back_end_has_an_event_told_to_all_that_are_on() {
    const PATH: &str = "/api/v1/webhook/dispatch";
    let (desk, discord, sink) = (Desk::empty(), discord().await, sink().await);
    let nobody = desk.post(PATH, json!({"event": "server.suspended"})).await;
    assert_eq!((nobody.status, &nobody.json()["data"]), (202, &json!({"dispatched": 0, "task_ids": []})));
    let channel = made(&desk, &discord, "channel").await;
    let off = made(&desk, &discord, "off").await;
    send(&desk, Method::PUT, OLD, json!({"id": off["id"], "enabled": false})).await.ok();
    let own = own(&desk, &sink, json!(["job.dead"])).await;
    let body = json!({"event": "server.suspended", "data": {"name": "s1", "reason": "unpaid", "amount": 12}});
    let sent = desk.post(PATH, body).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let sent = sent.json();
    promise::keeps("post", PATH, &sent);
    assert_eq!((&sent["data"]["dispatched"], sent["data"]["task_ids"].as_array().unwrap().len()), (&json!(2), 2));
    is_sent(&desk, &channel).await;
    is_sent(&desk, &own).await;
    let told = &sink.events().all()[0];
    assert_eq!(told.signature, Signature::Right);
    let body = told.request.json().unwrap();
    promise::is_told("server.suspended", &body);
    assert_eq!((&body["data"]["reason"], &body["data"]["amount"]), (&json!("unpaid"), &json!("12")));
    assert_eq!(discord.messages().total(), 1);
    for bad in [json!({}), json!({"event": ""}), json!({"event": "a", "data": [1]}), json!({"event": "a", "data": "b"})]
    {
        desk.post(PATH, bad).await.problem(400);
    }
}

#[actix_web::test]
async fn secrets_and_addresses_come_out_where_they_are_asked_for_only() {
    let (desk, discord, sink) = (Desk::empty(), discord().await, sink().await);
    let channel = made(&desk, &discord, "channel").await;
    let own = own(&desk, &sink, json!(["*"])).await;
    sink.faults().inject(Fault::new(Match::any(), Trouble::Status(500)));
    for hook in [&channel, &own] {
        let test = format!("{HOOKS}/{}/test", id(hook));
        promise::keeps("post", "/api/v1/webhooks/{id}/test", &send(&desk, Method::POST, &test, Value::Null).await.ok());
    }
    let deliveries = format!("{HOOKS}/{}/deliveries", id(&own));
    let listed = desk.read(&deliveries).await.ok();
    promise::keeps("get", "/api/v1/webhooks/{id}/deliveries", &listed);
    let delivery = format!("/api/v1/deliveries/{}", listed["data"]["items"][0]["id"].as_str().unwrap());
    for path in
        [OLD, HOOKS, "/api/admin/settings", &format!("{HOOKS}/{}", id(&own)), &deliveries, &delivery, "/api/v1/audit"]
    {
        let body = desk.read(path).await;
        assert_eq!(body.status, 200, "{path}: {}", body.body);
        for hidden in [TOKEN, "s3cret", "MfKQ9r8"] {
            assert!(!body.body.contains(hidden), "{path}: {hidden}: {}", body.body);
        }
    }
    let reveal = format!("{HOOKS}/{}/secret", id(&own));
    let shown = desk.read(&reveal).await.ok();
    promise::keeps("get", "/api/v1/webhooks/{id}/secret", &shown);
    assert_eq!(shown["data"]["secret"], secret());
    assert!(desk.read("/api/v1/audit?action=webhook.see_secret").await.body.contains("own"));
    desk.read(&format!("{HOOKS}/{}/secret", id(&channel))).await.problem(409);
    // Who may only read does not get it.
    let reader = desk.token_of("ada@example.com", &["SUPPORT_TEAM"]).await;
    desk.by(&reader, Method::GET, &reveal, Value::Null).await.problem(403);
}

#[actix_web::test]
async fn after_a_renewal_both_secrets_are_signed_with() {
    let (desk, sink) = (Desk::empty(), sink().await);
    let hook = own(&desk, &sink, json!(["*"])).await;
    let at = |what: &str| format!("{HOOKS}/{}/{what}", id(&hook));
    let renewed = send(&desk, Method::POST, &at("renew-secret"), Value::Null).await.ok();
    promise::keeps("post", "/api/v1/webhooks/{id}/renew-secret", &renewed);
    let new = renewed["data"]["secret"].as_str().unwrap().to_owned();
    assert_ne!(new, secret());
    assert_eq!(renewed["data"]["oldSecretUntil"], "2026-03-02T12:00:00Z");
    for secret in [secret(), new] {
        sink.set_secrets(&[secret]).unwrap();
        let tried = send(&desk, Method::POST, &at("test"), Value::Null).await.ok();
        assert_eq!(tried["data"]["taken"], true, "{tried}");
        promise::is_told("webhook.test", &sink.events().last().unwrap().request.json().unwrap());
    }
}

#[actix_web::test]
async fn a_webhook_is_changed_switched_and_removed() {
    let (desk, sink) = (Desk::empty(), sink().await);
    let panel = desk.panel("main", "http://127.0.0.1:1").await;
    let hook = own(&desk, &sink, json!(["server.*", "job.dead"])).await;
    let page = format!("{HOOKS}/{}", id(&hook));
    assert_eq!(
        (&hook["target"], &hook["severity"], &hook["events"]),
        (&json!("http"), &json!("info"), &json!(["server.*", "job.dead"]))
    );
    let change = json!({"name": "ours", "severity": "alert", "events": ["*"], "panels": [panel], "type": "BILLING", "url": hook["url"]});
    let changed = send(&desk, Method::PATCH, &page, change).await.ok();
    promise::keeps("patch", "/api/v1/webhooks/{id}", &changed);
    let changed = &changed["data"];
    assert_eq!(
        (&changed["name"], &changed["severity"], &changed["panels"]),
        (&json!("ours"), &json!("alert"), &json!([panel]))
    );
    for (field, bad) in [
        ("events", json!(["server.fly"])),
        ("panels", json!([99])),
        ("severity", json!("loud")),
        ("to", json!(["ada@example.com"])),
        ("url", json!("https://192.168.0.1/in")),
        ("strange", json!(1)),
    ] {
        let told = send(&desk, Method::PATCH, &page, json!({field: bad})).await.problem(400);
        assert!(told.contains(field), "{field}: {told}");
    }
    let off = send(&desk, Method::POST, &format!("{page}/disable"), Value::Null).await.ok();
    promise::keeps("post", "/api/v1/webhooks/{id}/disable", &off);
    assert_eq!((&off["data"]["enabled"], &off["data"]["disabledWhy"]), (&json!(false), &Value::Null));
    let on = send(&desk, Method::POST, &format!("{page}/enable"), Value::Null).await.ok();
    assert_eq!(on["data"]["enabled"], true);
    promise::keeps("delete", "/api/v1/webhooks/{id}", &send(&desk, Method::DELETE, &page, Value::Null).await.ok());
    desk.read(&page).await.problem(404);
    send(&desk, Method::POST, HOOKS, json!({"name": "a", "target": "pigeon", "url": "https://a.example"}))
        .await
        .problem(400);
}

#[actix_web::test]
async fn people_hear_by_mail_and_the_test_becomes_one() {
    let desk = Desk::empty();
    let body =
        json!({"name": "Staff", "target": "mail", "to": ["ada@example.com", "bob@example.com"], "severity": "alert"});
    let made = send(&desk, Method::POST, HOOKS, body).await.json();
    promise::keeps("post", HOOKS, &made);
    let hook = &made["data"]["webhook"];
    assert_eq!(
        (&hook["to"][1], &hook["url"], &made["data"]["secret"]),
        (&json!("bob@example.com"), &Value::Null, &Value::Null)
    );
    assert_eq!(desk.read(OLD).await.ok()["webhooks"], json!([]), "the older API knows those of Discord only");
    let tried = send(&desk, Method::POST, &format!("{HOOKS}/{}/test", id(hook)), Value::Null).await.ok();
    assert_eq!(tried["data"]["taken"], true, "{tried}");
    assert!(desk.read("/api/v1/mails").await.body.contains("bob@example.com"));
    for (body, field) in [
        (json!({"name": "a", "target": "mail"}), "to"),
        (json!({"name": "a", "target": "mail", "to": []}), "to"),
        (json!({"name": "a", "target": "mail", "to": ["nobody"]}), "to"),
        (json!({"name": "a", "target": "mail", "to": ["a@example.com"], "url": "https://a.example"}), "url"),
        (json!({"name": "a", "target": "http"}), "url"),
        (json!({"name": "a", "target": "discord", "url": "https://a.example", "secret": secret()}), "secret"),
    ] {
        let told = send(&desk, Method::POST, HOOKS, body).await.problem(400);
        assert!(told.contains(field), "{field}: {told}");
    }
}

#[actix_web::test]
async fn what_failed_is_sent_again_one_by_one_or_all_after_a_count() {
    let (desk, sink) = (Desk::empty(), sink().await);
    let hook = own(&desk, &sink, json!(["*"])).await;
    let at = |what: &str| format!("{HOOKS}/{}/{what}", id(&hook));
    sink.faults().inject(Fault::new(Match::any(), Trouble::Status(410)));
    for n in 0..3 {
        let event = json!({"event": format!("order.{n}"), "data": {"n": n}});
        assert_eq!(
            desk.call(keyed(TestRequest::post().uri("/api/v1/webhook/dispatch")).set_json(event)).await.status,
            202
        );
    }
    is_sent(&desk, &hook).await;
    let since = json!({"since": "2026-03-01T00:00:00Z"});
    let count = send(&desk, Method::POST, &at("redeliver"), since.clone()).await.ok();
    promise::keeps("post", "/api/v1/webhooks/{id}/redeliver", &count);
    let many = count["data"]["count"].as_u64().unwrap();
    assert!(many >= 1 && count["data"]["done"] == 0, "{count}");
    // It was turned off, since its endpoint said that it is gone.
    assert!(desk.read(at("").trim_end_matches('/')).await.ok()["data"]["disabledWhy"].is_string());
    let told = send(&desk, Method::POST, &at("redeliver"), json!({"since": since["since"], "expected": many})).await;
    assert!(told.problem(409).contains("turned off"));
    send(&desk, Method::POST, &at("enable"), Value::Null).await.ok();
    sink.faults().clear();
    let fewer =
        send(&desk, Method::POST, &at("redeliver"), json!({"since": since["since"], "expected": many - 1})).await;
    assert!(fewer.problem(409).contains("look again"));
    let failed = desk.read(&at("deliveries?state=failed&limit=1")).await.ok();
    let one = failed["data"]["items"][0].clone();
    let path = format!("/api/v1/deliveries/{}", id(&one));
    let detail = desk.read(&path).await.ok();
    promise::keeps("get", "/api/v1/deliveries/{id}", &detail);
    assert_eq!(detail["data"]["attempts"][0]["status"], 410);
    let again = send(&desk, Method::POST, &format!("{path}/redeliver"), Value::Null).await;
    assert_eq!(again.status, 202, "{}", again.body);
    is_sent(&desk, &hook).await;
    assert_eq!(sink.events().last().unwrap().id.as_deref(), one["event"].as_str(), "it keeps its id");
    let taken = desk.read(&path).await.ok();
    assert_eq!((&taken["data"]["delivery"]["tries"], &taken["data"]["delivery"]["status"]), (&json!(1), &json!(200)));
    let rest = json!({"since": since["since"], "expected": many});
    let done = send(&desk, Method::POST, &at("redeliver"), rest).await.ok();
    assert_eq!(done["data"]["done"], many - 1);
    is_sent(&desk, &hook).await;
    let delivered = desk.read(&at("deliveries?state=delivered")).await.ok();
    assert!(delivered["data"]["items"].as_array().unwrap().len() as u64 >= many, "{delivered}");
    let dropped = send(&desk, Method::DELETE, &at("waiting"), Value::Null).await.ok();
    promise::keeps("delete", "/api/v1/webhooks/{id}/waiting", &dropped);
    for bad in ["deliveries?state=lost", "deliveries?limit=0", "deliveries?cursor=x*"] {
        desk.read(&at(bad)).await.problem(400);
    }
}

#[actix_web::test]
async fn events_are_listed_by_name_and_walked_by_cursor() {
    let (desk, sink) = (Desk::empty(), sink().await);
    let hook = own(&desk, &sink, json!(["*"])).await;
    for event in ["server.created", "server.suspended", "invoice.paid"] {
        desk.clock.advance_s(1);
        desk.post("/api/v1/webhook/dispatch", json!({"event": event, "data": {"name": "s1"}})).await;
    }
    is_sent(&desk, &hook).await;
    let names = async |query: &str| {
        let page = desk.read(&format!("/api/v1/events?{query}")).await.ok();
        promise::keeps("get", "/api/v1/events", &page);
        let items = page["data"]["items"].as_array().unwrap().iter();
        (
            items.map(|event| event["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
            page["data"]["nextCursor"].clone(),
        )
    };
    assert_eq!(names("").await.0, ["notice.posted", "server.suspended", "server.created"]);
    let (first, cursor) = names("name=server.*&limit=1").await;
    assert_eq!(first, ["server.suspended"]);
    let rest = names(&format!("name=server.*&cursor={}", cursor.as_str().unwrap())).await;
    assert_eq!(rest, (vec!["server.created".to_owned()], Value::Null));
    assert!(desk.read("/api/v1/events?name=server.fly").await.problem(400).contains("name"));
    let newest = desk.read("/api/v1/events?limit=1").await.ok()["data"]["items"][0].clone();
    let one = desk.read(&format!("/api/v1/events/{}", id(&newest))).await.ok();
    promise::keeps("get", "/api/v1/events/{id}", &one);
    assert_eq!((&one["data"]["event"], &one["data"]["deliveries"][0]["state"]), (&newest, &json!("delivered")));
}

#[actix_web::test]
async fn every_event_is_described_and_its_example_is_as_described() {
    let desk = Desk::empty();
    let types = desk.read("/api/v1/event-types").await.ok();
    promise::keeps("get", "/api/v1/event-types", &types);
    let document = aviary_web::openapi::document();
    let told = document["webhooks"].as_object().unwrap();
    let types = types["data"].as_array().unwrap();
    assert_eq!(types.len(), told.len());
    for kind in types {
        let name = kind["name"].as_str().unwrap();
        let operation = &told[name]["post"];
        let example = &operation["requestBody"]["content"]["application/json"]["example"];
        assert_eq!(example["data"], kind["sample"]);
        promise::is_told(name, example);
        let headers: Vec<_> = operation["parameters"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
        assert_eq!(headers, ["webhook-id", "webhook-timestamp", "webhook-signature"]);
    }
}
