//! People and their roles in the admin area of the older API.

use actix_web::http::Method;
use aviary_domain::access::Caller;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::promise;

fn emails(page: &Value) -> Vec<String> {
    let name = |user: &Value| user["email"].as_str().unwrap().split('@').next().unwrap().to_owned();
    page["users"].as_array().unwrap().iter().map(name).collect()
}

/// Accounts for the panel's users ada (an administrator there) and bob, and mara who may everything.
async fn peopled() -> Desk {
    let desk = Desk::furnished().await;
    desk.services.accounts.follow_panels().await.unwrap();
    desk.clock.advance_s(60);
    desk.read("/api/admin/users").await.ok();
    desk
}

async fn list(desk: &Desk, query: &str) -> Value {
    let page = desk.read(&format!("/api/admin/users{query}")).await.ok();
    promise::keeps("get", "/api/admin/users", &page);
    page
}

#[actix_web::test]
async fn people_are_listed_with_every_field_that_the_front_end_reads() {
    let desk = peopled().await;
    let page = list(&desk, "?search=ADA").await;
    assert_eq!(page["pagination"], json!({"page": 1, "pageSize": 25, "total": 1, "totalPages": 1}));
    assert_eq!(
        page["stats"],
        json!({"totalUsers": 3, "migratedUsers": 1, "adminCount": 2, "activeCount": 3}),
        "whatever was asked for"
    );
    let mut ada = page["users"][0].clone();
    assert!(ada["id"].take().is_string());
    assert_eq!(
        ada,
        json!({
            "id": null, "email": "ada@example.com", "username": "ada", "firstName": "", "lastName": "", "pterodactylId": 1,
            "roles": ["MEMBER"], "isPterodactylAdmin": true, "isVirtfusionAdmin": false, "isSystemAdmin": false, "isMigrated": false,
            "isActive": true, "emailVerified": false, "createdAt": "2026-03-01T12:00:00Z", "updatedAt": "2026-03-01T12:00:00Z",
            "serverCount": 1, "sessionCount": 0
        })
    );
    let mara = &list(&desk, "?search=mara").await["users"][0];
    assert_eq!(
        (&mara["isSystemAdmin"], &mara["isMigrated"], &mara["sessionCount"], &mara["lastLoginAt"]),
        (&json!(true), &json!(true), &json!(1), &json!("2026-03-01T12:01:00Z"))
    );
}

#[actix_web::test]
async fn people_are_filtered_and_sorted() {
    let desk = peopled().await;
    let found = list(&desk, "?filter=inactive").await;
    assert_eq!(emails(&found), Vec::<String>::new());
    let ada = list(&desk, "?search=ada").await["users"][0]["id"].as_str().unwrap().parse().unwrap();
    desk.services.accounts.disable(&Caller::command_line(), ada).await.unwrap();
    for (query, expected) in [
        ("", "mara bob ada"),
        ("?sort=anything&order=asc", "ada bob mara"),
        ("?sort=createdAt&order=ASC", "ada bob mara"),
        ("?sort=email", "mara bob ada"),
        ("?sort=username&order=asc", "ada bob mara"),
        ("?sortField=username&sortOrder=asc", "ada bob mara"),
        ("?sort=lastLoginAt&pageSize=1", "mara"),
        ("?order=asc&pageSize=1&page=2", "bob"),
        ("?pageSize=101&page=0", "mara bob ada"),
        ("?filter=migrated", "mara"),
        ("?filter=not-migrated&order=asc", "ada bob"),
        ("?filter=active", "mara bob"),
        ("?filter=inactive", "ada"),
        ("?filter=admin", "mara ada"),
        ("?filter=all&search=%20bob%20", "bob"),
    ] {
        assert_eq!(emails(&list(&desk, query).await).join(" "), expected, "{query}");
    }
    assert_eq!(list(&desk, "?filter=admin&pageSize=1").await["pagination"]["totalPages"], 2);
}

#[actix_web::test]
async fn roles_are_set_and_nobody_gives_more_than_their_own() {
    let desk = peopled().await;
    let path = "/api/admin/users/roles";
    let set = async |body: Value| desk.as_admin(Method::POST, path, body).await;
    let bob = list(&desk, "?search=bob").await["users"][0]["id"].clone();
    let done = set(json!({"userId": bob, "roles": ["ADMINISTRATOR", "PARTNER"]})).await.ok();
    promise::keeps("post", path, &done);
    assert_eq!(
        done,
        json!({"success": true, "data": {"userId": bob, "roles": ["ADMINISTRATOR", "PARTNER"], "isSystemAdmin": false}})
    );
    let unknown = "00000000-0000-4000-8000-000000000000";
    set(json!({"userId": unknown, "roles": ["MEMBER"]})).await.problem(404);
    set(json!({"userId": "x\r\ny", "roles": ["MEMBER"]})).await.problem(404);
    set(json!({"userId": "", "roles": ["MEMBER"]})).await.problem(400);
    set(json!({"roles": ["MEMBER"]})).await.problem(400);
    set(json!({"userId": bob})).await.problem(400);
    assert!(set(json!({"userId": bob, "roles": ["KING"]})).await.problem(400).contains("KING"));

    let mara = list(&desk, "?search=mara").await["users"][0]["id"].clone();
    assert!(set(json!({"userId": mara, "roles": ["MEMBER"]})).await.problem(409).contains("nobody"));
    let administrator = desk.token_of("cyd@example.com", &["ADMINISTRATOR"]).await;
    for body in [json!({"userId": bob, "roles": ["SUPER_ADMIN"]}), json!({"userId": mara, "roles": []})] {
        desk.by(&administrator, Method::POST, path, body).await.problem(403);
    }
}
