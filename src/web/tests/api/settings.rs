//! Settings through the API: the flat object of the older one, and one by one.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use aviary_domain::masked::MASK;
use aviary_sim::{PanelSpec, SimPanel};
use serde_json::{Value, json};

use crate::desk::{Answer, Desk};
use crate::promise;

const FLAT: &str = "/api/admin/settings";
const REPOS: &str = "/api/admin/settings/repos";
const ALL: &str = "/api/v1/settings";

async fn send(desk: &Desk, method: Method, path: &str, body: Value) -> Answer {
    desk.as_admin(method, path, body).await
}

async fn flat(desk: &Desk) -> Value {
    desk.read(FLAT).await.ok()["settings"].clone()
}

async fn one(desk: &Desk, key: &str) -> Value {
    let all = desk.read(ALL).await.ok();
    all["data"].as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap().clone()
}

#[actix_web::test]
async fn the_flat_object_has_the_fields_of_the_older_api() {
    let desk = Desk::empty();
    let all = desk.read(FLAT).await.ok();
    promise::keeps("get", FLAT, &all);
    let settings = all["settings"].as_object().unwrap();
    assert_eq!(settings.len(), 23, "{settings:?}");
    for (name, value) in [
        ("registrationEnabled", json!(false)),
        ("syncInterval", json!(900)),
        ("cacheTimeout", json!(60)),
        ("githubRepositories", json!([])),
        ("discordWebhooks", json!([])),
        ("githubToken", json!("")),
    ] {
        assert_eq!(settings[name], value, "{name}");
    }
    assert_eq!(all["sensitiveFields"].as_array().unwrap().len(), 6);
    assert_eq!(all["databaseStatus"]["connected"], true);
    assert_eq!(all["pterodactylStatus"]["success"], false);
}

#[actix_web::test]
async fn what_is_absent_stays_and_the_mask_comes_back_as_unchanged() {
    let desk = Desk::empty();
    let first = json!({
        "registrationEnabled": true, "siteName": "Birds", "githubToken": "ghp_hidden_for_ever", "adminEmail": "ada@example.com",
        "syncInterval": 1200, "unknownKey": {"a": 1}, "discordWebhooks": [{"id": "x"}],
    });
    let saved = desk.as_admin(Method::POST, FLAT, first).await.ok();
    promise::keeps("post", FLAT, &saved);
    assert_eq!(saved["settings"]["githubToken"], MASK);
    let absent = desk.as_admin(Method::POST, FLAT, json!({"maintenanceMode": true})).await.ok();
    assert_eq!(absent["settings"]["registrationEnabled"], true, "an absent boolean stays");
    assert_eq!(absent["settings"]["syncInterval"], 1200, "an absent number stays");
    // As the front end does: the whole object goes back as it came.
    let mut whole = flat(&desk).await;
    whole["githubRepositoriesMerge"] = json!(true);
    whole["siteName"] = json!("");
    let echoed = desk.as_admin(Method::POST, FLAT, whole).await.ok();
    assert_eq!(echoed["message"], "nothing became different");
    assert_eq!(echoed["settings"]["siteName"], "Birds");
    let token = desk.services.settings.value(aviary_domain::settings::Key::GithubToken).await.unwrap();
    assert!(
        matches!(token, aviary_domain::settings::Value::Secret(Some(token)) if token.reveal() == "ghp_hidden_for_ever")
    );
    let history = desk.read("/api/v1/settings/githubToken/history").await.ok();
    assert_eq!(history["data"]["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn every_bad_value_is_named_and_nothing_is_written() {
    let desk = Desk::empty();
    let bad = json!({"siteName": "Changed", "siteUrl": "nowhere", "cacheTimeout": -1, "registrationEnabled": "maybe", "githubToken": [1]});
    for told in [
        desk.as_admin(Method::POST, FLAT, bad.clone()).await.problem(400),
        send(&desk, Method::PATCH, ALL, bad).await.problem(400),
    ] {
        for name in ["siteUrl", "cacheTimeout", "registrationEnabled", "githubToken"] {
            assert!(told.contains(name), "{name}: {told}");
        }
    }
    assert_eq!(flat(&desk).await["siteName"], "Aviary");
    let told = send(&desk, Method::PATCH, ALL, json!({"siteNane": "x"})).await.problem(400);
    assert!(told.contains("siteNane"), "{told}");
    desk.as_admin(Method::POST, FLAT, json!([])).await.problem(400);
    send(&desk, Method::PUT, FLAT, json!({})).await.problem(400);
}

#[actix_web::test]
async fn secrets_are_taken_away_by_name() {
    let desk = Desk::empty();
    desk.as_admin(Method::POST, FLAT, json!({"githubToken": "ghp_one", "resendApiKey": "re_two"})).await.ok();
    let reset = send(&desk, Method::PUT, FLAT, json!({"keys": ["githubToken", "pterodactylApiKey", "siteName", "x"]}))
        .await
        .ok();
    promise::keeps("put", FLAT, &reset);
    assert_eq!((&reset["settings"]["githubToken"], &reset["settings"]["resendApiKey"]), (&json!(""), &json!(MASK)));
}

#[actix_web::test]
async fn repositories_come_as_list_as_json_or_as_lines() {
    let desk = Desk::empty();
    desk.as_admin(Method::POST, FLAT, json!({"githubRepositories": ["a/one"]})).await.ok();
    desk.as_admin(Method::POST, FLAT, json!({"githubRepositories": "[\"b/two\"]", "githubRepositoriesMerge": true}))
        .await
        .ok();
    assert_eq!(flat(&desk).await["githubRepositories"], json!(["a/one", "b/two"]));
    desk.as_admin(Method::POST, FLAT, json!({"githubRepositories": "c/three\nd/four\n"})).await.ok();
    desk.as_admin(Method::POST, FLAT, json!({"githubRepositories": []})).await.ok();
    assert_eq!(flat(&desk).await["githubRepositories"], json!(["c/three", "d/four"]));
}

#[actix_web::test]
async fn a_repository_is_removed_only_when_it_was_named() {
    let desk = Desk::empty();
    desk.as_admin(Method::POST, REPOS, json!({"repo": " a/one "})).await.ok();
    let added = desk.as_admin(Method::POST, REPOS, json!({"repo": "b/two"})).await.ok();
    promise::keeps("post", REPOS, &added);
    assert_eq!(
        desk.as_admin(Method::POST, REPOS, json!({"repo": "b/two"})).await.ok()["repos"],
        json!(["a/one", "b/two"])
    );
    desk.as_admin(Method::DELETE, REPOS, Value::Null).await.problem(400);
    send(&desk, Method::DELETE, REPOS, json!({})).await.problem(400);
    let kept = send(&desk, Method::DELETE, REPOS, json!({"repo": "x/none"})).await.ok();
    assert_eq!(kept["repos"], json!(["a/one", "b/two"]), "the first one stays");
    assert_eq!(
        desk.as_admin(Method::DELETE, &format!("{REPOS}?repo=b%2Ftwo"), Value::Null).await.ok()["repos"],
        json!(["a/one"])
    );
    let put = send(&desk, Method::PUT, REPOS, json!({"oldRepo": "a/one", "repo": "c/three"})).await.ok();
    assert_eq!(put["repos"], json!(["c/three"]));
    assert_eq!(send(&desk, Method::DELETE, REPOS, json!({"index": 0})).await.ok()["repos"], json!([]));
    for bad in [json!({"repo": "one"}), json!({"repo": "a/b/c"}), json!({}), json!({"repo": "a b/c"})] {
        desk.as_admin(Method::POST, REPOS, bad).await.problem(400);
    }
    promise::keeps("get", REPOS, &desk.read(REPOS).await.ok());
}

#[actix_web::test]
async fn a_setting_says_where_it_comes_from_and_can_be_undone() {
    let desk = Desk::empty();
    assert_eq!(one(&desk, "site_name").await["source"], "default");
    let patched = send(&desk, Method::PATCH, ALL, json!({"site_name": "Birds", "historyDays": 30})).await.ok();
    promise::keeps("patch", ALL, &patched);
    assert_eq!(patched["data"].as_array().unwrap().len(), 2);
    let set = one(&desk, "site_name").await;
    assert_eq!(
        (&set["source"], &set["default"], &set["setAt"]),
        (&json!("set"), &json!("Aviary"), &json!("2026-03-01T12:00:00Z"))
    );
    let path = "/api/v1/settings/{key}/history";
    let history = desk.read("/api/v1/settings/site_name/history").await.ok();
    promise::keeps("get", path, &history);
    let change = &history["data"]["items"][0];
    assert_eq!(
        (&change["before"], &change["after"], &change["canUndo"]),
        (&Value::Null, &json!("Birds"), &json!(true))
    );
    let undone =
        desk.as_admin(Method::POST, "/api/v1/settings/siteName/undo", json!({"change": change["change"]})).await.ok();
    promise::keeps("post", "/api/v1/settings/{key}/undo", &undone);
    assert_eq!((&undone["data"]["value"], &undone["data"]["source"]), (&json!("Aviary"), &json!("default")));
    desk.as_admin(Method::POST, "/api/v1/settings/siteName/undo", json!({"change": change["change"]}))
        .await
        .problem(409);
    desk.as_admin(Method::POST, "/api/v1/settings/siteName/undo", json!({"change": 99})).await.problem(404);
    desk.as_admin(Method::POST, "/api/v1/settings/nothing/undo", json!({"change": 1})).await.problem(404);
    desk.read("/api/v1/settings/nothing/history").await.problem(404);
    send(&desk, Method::PATCH, ALL, json!({"historyDays": null})).await.ok();
    assert_eq!(one(&desk, "history_days").await["source"], "default");
    promise::keeps("get", ALL, &desk.read(ALL).await.ok());
}

#[actix_web::test]
async fn tests_really_connect_and_fall_back_to_what_is_stored() {
    let sim = SimPanel::start(PanelSpec::default().tame()).await.unwrap();
    let desk = Desk::empty();
    let path = "/api/admin/settings/test?type=pterodactyl";
    let nothing = desk.as_admin(Method::POST, path, json!({})).await.ok();
    assert_eq!(nothing["connected"], false);
    desk.as_admin(Method::POST, FLAT, json!({"pterodactylUrl": sim.url(), "pterodactylApiKey": sim.app_key()}))
        .await
        .ok();
    for body in [json!({}), json!({"pterodactylUrl": sim.url(), "pterodactylApiKey": MASK}), json!("nonsense")] {
        let status = desk.as_admin(Method::POST, path, body.clone()).await.ok();
        promise::keeps("post", "/api/admin/settings/test", &status);
        assert_eq!((&status["connected"], &status["success"]), (&json!(true), &json!(true)), "{body}: {status}");
    }
    let wrong = desk.as_admin(Method::POST, path, json!({"pterodactylApiKey": "ptla_wrong"})).await.ok();
    assert_eq!(wrong["success"], false);
    assert!(wrong["error"].is_string() && !wrong.to_string().contains("ptla_wrong"), "{wrong}");
    assert_eq!(flat(&desk).await["pterodactylApiKey"], MASK);
    assert_eq!(desk.read(FLAT).await.ok()["pterodactylStatus"]["connected"], true);
    desk.as_admin(Method::POST, "/api/admin/settings/test?type=moon", json!({})).await.problem(400);
    assert_eq!(
        desk.as_admin(Method::POST, "/api/admin/settings/test?type=database", json!({})).await.ok()["connected"],
        true
    );

    let report = desk.as_admin(Method::POST, "/api/v1/settings/test/panel", json!({})).await.ok();
    promise::keeps("post", "/api/v1/settings/test/{what}", &report);
    assert_eq!(report["data"]["exchanges"][0]["status"], 200);
    assert!(!report.to_string().contains(sim.app_key()));
    desk.as_admin(Method::POST, "/api/v1/settings/test/moon", json!({})).await.problem(400);
    desk.as_admin(Method::POST, "/api/v1/settings/test/webhook", json!({})).await.problem(400);
}

#[actix_web::test]
async fn no_answer_holds_a_secret() {
    let desk = Desk::empty();
    let names = ["virtfusionApiKey", "crowdinPersonalToken", "githubToken", "resendApiKey"];
    let mut answers = Vec::new();
    for round in ["first-secret-to-hide", "second-secret-to-hide"] {
        let body = names.iter().map(|name| ((*name).to_owned(), json!(round))).collect::<serde_json::Map<_, _>>();
        answers.push(desk.as_admin(Method::POST, FLAT, Value::Object(body)).await.body);
    }
    let more = json!({"scalar_api_key": "first-secret-to-hide", "cf_access_client_secret": "first-secret-to-hide"});
    answers.push(send(&desk, Method::PATCH, ALL, more).await.body);
    for path in [FLAT, ALL, "/api/v1/settings/githubToken/history", "/api/v1/settings/scalar_api_key/history"] {
        answers.push(desk.read(path).await.body);
    }
    for answer in answers {
        assert!(!answer.contains("secret-to-hide"), "{answer}");
    }
}

#[actix_web::test]
async fn a_panel_is_changed_field_by_field() {
    let desk = Desk::empty();
    desk.panel("main", "https://panel.example.com").await;
    let path = "/api/v1/panels/1";
    let patched =
        send(&desk, Method::PATCH, path, json!({"name": "Main", "clientKey": "ptlc_hide", "syncEveryS": 600})).await;
    assert!(!patched.body.contains("ptlc_hide"));
    let view = patched.ok();
    promise::keeps("patch", "/api/v1/panels/{id}", &view);
    assert_eq!(
        (&view["data"]["name"], &view["data"]["hasClientKey"], &view["data"]["syncEveryS"]),
        (&json!("Main"), &json!(true), &json!(600))
    );
    let same = send(&desk, Method::PATCH, path, json!({"clientKey": MASK, "appKey": ""})).await.ok();
    assert_eq!(same["data"]["hasClientKey"], true);
    let without = send(&desk, Method::PATCH, path, json!({"clientKey": null, "syncEveryS": null})).await.ok();
    assert_eq!((&without["data"]["hasClientKey"], &without["data"]["syncEveryS"]), (&json!(false), &Value::Null));
    desk.panel("other", "https://other.example.com").await;
    send(&desk, Method::PATCH, path, json!({"name": "OTHER"})).await.problem(409);
    for bad in [json!({"url": "x"}), json!({"sharePercent": 0}), json!({"nane": "x"}), json!({"syncEveryS": 1})] {
        send(&desk, Method::PATCH, path, bad).await.problem(400);
    }
    send(&desk, Method::PATCH, "/api/v1/panels/9", json!({"name": "x"})).await.problem(404);
}

#[actix_web::test]
async fn what_a_panel_answers_to_a_test_is_for_who_looks_after_panels() {
    let desk = Desk::furnished().await;
    desk.as_admin(
        Method::POST,
        "/api/v1/roles",
        json!({"name": "CLERK", "description": "", "permissions": ["settings.*"]}),
    )
    .await;
    let token = desk.token_of("clerk@example.com", &["CLERK"]).await;
    for path in ["/api/v1/settings/test/panel", "/api/admin/settings/test?type=pterodactyl"] {
        let request = TestRequest::post().uri(path).insert_header(("authorization", format!("Bearer {token}")));
        assert!(desk.call(request).await.problem(403).contains("panel.write"), "{path}");
    }
    let database = TestRequest::post().uri("/api/v1/settings/test/database");
    desk.call(database.insert_header(("authorization", format!("Bearer {token}")))).await.ok();
}
