//! People through the API, as those who look after them use it.

use actix_web::http::Method;
use serde_json::json;

use crate::desk::Desk;
use crate::promise;

#[actix_web::test]
async fn people_are_made_changed_disabled_and_removed() {
    let desk = Desk::empty();
    let wanted = json!({"email": "Ada@example.com", "password": "Right1234", "roles": ["TECH_TEAM"], "verified": true});
    let made = desk.as_admin(Method::POST, "/api/v1/accounts", wanted.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(!made.body.contains("argon2"), "no hash comes out");
    let twice = desk.as_admin(Method::POST, "/api/v1/accounts", wanted).await;
    assert_eq!((twice.status, twice.json()["code"].clone()), (409, json!("email_exists")));
    let ada = "/api/v1/accounts/ada@example.com";
    let one = desk.read(ada).await.ok();
    promise::keeps("get", "/api/v1/accounts/{id}", &one);
    promise::keeps("get", "/api/v1/accounts", &desk.read("/api/v1/accounts?search=ada").await.ok());

    let roles = desk.as_admin(Method::POST, &format!("{ada}/roles"), json!({"roles": ["MEMBER"]})).await.ok();
    assert_eq!(roles["data"]["roles"], json!(["MEMBER"]));
    desk.as_admin(Method::POST, &format!("{ada}/roles"), json!({"roles": ["WIZARD"]})).await.problem(400);
    let weak = desk.as_admin(Method::POST, &format!("{ada}/password"), json!({"password": "weak"})).await;
    assert_eq!((weak.status, weak.json()["code"].clone()), (400, json!("password_too_short")));
    desk.as_admin(Method::POST, &format!("{ada}/password"), json!({"password": "Other1234"})).await.ok();
    let link = desk.as_admin(Method::POST, &format!("{ada}/reset-link"), json!({})).await.ok();
    promise::keeps("post", "/api/v1/accounts/{id}/reset-link", &link);
    for act in ["disable", "enable", "reset-second-factor", "unlock"] {
        desk.as_admin(Method::POST, &format!("{ada}/{act}"), json!({})).await.ok();
    }
    desk.as_admin(Method::DELETE, ada, json!({})).await.ok();
    desk.read(ada).await.problem(404);
}

#[actix_web::test]
async fn fields_that_nobody_may_set_are_refused() {
    let desk = Desk::empty();
    desk.as_admin(Method::POST, "/api/v1/accounts", json!({"email": "ada@example.com", "isActive": true}))
        .await
        .problem(400);
    desk.as_admin(Method::POST, "/api/v1/accounts", json!({"email": "ada@example.com", "source": "firstRun"}))
        .await
        .problem(400);
    for query in ["filter=x", "sort=x", "order=x", "limit=0", "cursor=*"] {
        desk.read(&format!("/api/v1/accounts?{query}")).await.problem(400);
    }
}
