//! What people do with their own account through the API.

use actix_web::http::Method;
use serde_json::{Value, json};
use totp_rs::Builder;

use crate::desk::{Desk, PASSWORD};
use crate::promise;

const ADA: &str = "ada@example.com";

/// Asks as ada; what is good is as documented.
async fn ask(desk: &Desk, token: &str, method: Method, path: &str, body: Value) -> Value {
    let answer = desk.by(token, method.clone(), path, body).await.ok();
    promise::keeps(&method.as_str().to_lowercase(), path, &answer);
    answer["data"].clone()
}

/// What an app shows that was given this secret.
fn code(desk: &Desk, secret: &str) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret.replace(' ', "")).unwrap();
    let app = Builder::new().with_secret(secret).build().unwrap();
    app.generate(u64::try_from(desk.services.env.now().seconds()).unwrap()).to_string()
}

#[actix_web::test]
async fn people_learn_who_they_are_and_what_they_may() {
    let desk = Desk::empty();
    let token = desk.token_of(ADA, &["TECH_TEAM"]).await;
    let me = ask(&desk, &token, Method::GET, "/api/v1/me", Value::Null).await;
    assert_eq!((&me["account"]["email"], &me["roles"]), (&json!(ADA), &json!(["TECH_TEAM"])));
    let permissions = me["permissions"].as_array().unwrap();
    assert!(permissions.contains(&json!("sync.run")) && !permissions.contains(&json!("settings.write")));
    assert_eq!((&me["session"]["kind"], &me["session"]["isCurrent"]), (&json!("api"), &json!(true)));
    assert_eq!(me["needsSecondFactor"], false);
    desk.anonymous("/api/v1/me").await.problem(401);
    desk.get("/api/v1/me").await.problem(403);
}

#[actix_web::test]
async fn people_end_their_sessions_and_nobody_elses() {
    let desk = Desk::empty();
    let token = desk.token_of(ADA, &[]).await;
    let (phone, laptop) = (desk.token_of(ADA, &[]).await, desk.token_of(ADA, &[]).await);
    let stranger = desk.token_of("bob@example.com", &[]).await;
    let path = "/api/v1/me/sessions";
    let id = async |token: &str| {
        ask(&desk, token, Method::GET, "/api/v1/me", Value::Null).await["session"]["id"].as_str().unwrap().to_owned()
    };
    let (phone_id, bobs) = (id(&phone).await, id(&stranger).await);
    assert_eq!(ask(&desk, &token, Method::GET, path, Value::Null).await.as_array().unwrap().len(), 3);

    desk.by(&token, Method::DELETE, &format!("{path}/{bobs}"), Value::Null).await.problem(404);
    desk.by(&token, Method::DELETE, &format!("{path}/1"), Value::Null).await.problem(400);
    let ended = desk.by(&token, Method::DELETE, &format!("{path}/{phone_id}"), Value::Null).await.ok();
    promise::keeps("delete", "/api/v1/me/sessions/{id}", &ended);
    desk.by(&phone, Method::GET, "/api/v1/me", Value::Null).await.problem(401);
    assert_eq!(ask(&desk, &token, Method::DELETE, path, Value::Null).await["ended"], 1);
    desk.by(&laptop, Method::GET, "/api/v1/me", Value::Null).await.problem(401);
    ask(&desk, &token, Method::GET, "/api/v1/me", Value::Null).await;
    ask(&desk, &stranger, Method::GET, "/api/v1/me", Value::Null).await;
}

#[actix_web::test]
async fn a_second_factor_is_set_up_renewed_and_given_up() {
    let desk = Desk::empty();
    let token = desk.token_of(ADA, &[]).await;
    let path = "/api/v1/me/second-factor";
    let (enable, disable, codes) = (format!("{path}/enable"), format!("{path}/disable"), format!("{path}/codes"));
    let wrong = desk.by(&token, Method::POST, path, json!({"password": "Wrong-1234"})).await;
    assert_eq!((wrong.status, &wrong.json()["code"]), (401, &json!("wrong_password")));
    desk.by(&token, Method::POST, &enable, json!({"code": "123456"})).await.problem(409);

    let offer = ask(&desk, &token, Method::POST, path, json!({"password": PASSWORD})).await;
    assert!(
        offer["svg"].as_str().unwrap().starts_with("<svg") && offer["url"].as_str().unwrap().starts_with("otpauth:")
    );
    let secret = offer["secret"].as_str().unwrap();
    let wrong = desk.by(&token, Method::POST, &enable, json!({"code": "000000"})).await;
    assert_eq!((wrong.status, &wrong.json()["code"]), (401, &json!("invalid_code")));
    let given = ask(&desk, &token, Method::POST, &enable, json!({"code": code(&desk, secret)})).await;
    assert_eq!(given["recoveryCodes"].as_array().unwrap().len(), 10);
    let me = ask(&desk, &token, Method::GET, "/api/v1/me", Value::Null).await;
    assert_eq!(me["account"]["hasSecondFactor"], true);
    desk.by(&token, Method::POST, path, json!({"password": PASSWORD})).await.problem(409);

    desk.clock.advance_s(30);
    let show = json!({"password": PASSWORD, "code": code(&desk, secret)});
    let renewed = ask(&desk, &token, Method::POST, &codes, show.clone()).await;
    assert_ne!(renewed, given);
    let again = desk.by(&token, Method::POST, &disable, show).await;
    assert_eq!(again.json()["code"], "invalid_code", "a code is good once");
    let recovery = renewed["recoveryCodes"][0].clone();
    ask(&desk, &token, Method::POST, &disable, json!({"password": PASSWORD, "code": recovery})).await;
    let me = ask(&desk, &token, Method::GET, "/api/v1/me", Value::Null).await;
    assert_eq!(me["account"]["hasSecondFactor"], false);
}

#[actix_web::test]
async fn who_must_have_a_second_factor_can_do_nothing_but_set_it_up() {
    let desk = Desk::empty();
    let token = desk.token_of(ADA, &["TECH_TEAM"]).await;
    let must = json!({"needsSecondFactor": true});
    desk.as_admin(Method::PATCH, "/api/v1/roles/TECH_TEAM", must).await.ok();
    for path in ["/api/v1/dashboard/account", "/api/v1/counts"] {
        assert!(desk.by(&token, Method::GET, path, Value::Null).await.problem(403).contains("second factor"));
    }
    let me = ask(&desk, &token, Method::GET, "/api/v1/me", Value::Null).await;
    assert_eq!(me["needsSecondFactor"], true);
    let offer = ask(&desk, &token, Method::POST, "/api/v1/me/second-factor", json!({"password": PASSWORD})).await;
    let code = json!({"code": code(&desk, offer["secret"].as_str().unwrap())});
    ask(&desk, &token, Method::POST, "/api/v1/me/second-factor/enable", code).await;
    desk.by(&token, Method::GET, "/api/v1/counts", Value::Null).await.ok();
}

#[actix_web::test]
async fn people_say_how_they_want_to_see_things() {
    let desk = Desk::empty();
    let token = desk.token_of(ADA, &[]).await;
    let path = "/api/v1/me/preferences";
    let before = ask(&desk, &token, Method::GET, path, Value::Null).await;
    let usual = json!({
        "timeZone": null, "knowsTimeZone": true, "units": "binary", "density": "comfortable", "theme": "system",
        "folded": false, "rows": null, "columns": {},
    });
    assert_eq!(before, usual);
    let wanted = json!({
        "timeZone": "america/new_york", "units": "decimal", "theme": "dark", "rows": 200,
        "columns": {"servers": ["state", "owner"]},
    });
    let after = ask(&desk, &token, Method::PATCH, path, wanted).await;
    assert_eq!((&after["timeZone"], &after["rows"]), (&json!("America/New_York"), &json!(200)));
    assert_eq!(after["columns"]["servers"], json!(["state", "owner"]));
    let after = ask(&desk, &token, Method::PATCH, path, json!({"folded": true, "columns": {"servers": []}})).await;
    assert_eq!((&after["theme"], &after["folded"], &after["columns"]), (&json!("dark"), &json!(true), &json!({})));
    assert_eq!(ask(&desk, &token, Method::GET, path, Value::Null).await, after);

    for bad in [
        json!({"units": "miles"}),
        json!({"theme": "Dark"}),
        json!({"rows": 51}),
        json!({"timeZone": "Mars/Olympus"}),
        json!({"columns": {"a b": ["c"]}}),
        json!({"folded": "yes"}),
        json!({"unknown": 1}),
    ] {
        desk.by(&token, Method::PATCH, path, bad).await.problem(400);
    }
    assert_eq!(ask(&desk, &token, Method::GET, path, Value::Null).await, after);
    desk.anonymous(path).await.problem(401);
    desk.get(path).await.problem(403);
}
