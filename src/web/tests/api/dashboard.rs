//! What people see and change of their own.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::desk::{Desk, PASSWORD};
use crate::promise;

/// Asks as a member who is the panel's user ada; what is good is as documented.
struct Ada {
    desk: Desk,
    token: String,
}

impl Ada {
    async fn new() -> Self {
        let desk = Desk::furnished().await;
        let token = desk.token_of("ada@example.com", &[]).await;
        Self { desk, token }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.desk.by(&self.token, Method::GET, path, Value::Null).await.ok();
        promise::keeps("get", path.split('?').next().unwrap(), &answer);
        answer
    }

    async fn change(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let answer = self.desk.by(&self.token, method.clone(), path, body).await;
        if answer.status == 200 {
            promise::keeps(&method.as_str().to_lowercase(), path, &answer.json());
        }
        (answer.status, answer.json())
    }
}

const SURVIVAL: &str = "00000000-0000-4000-8000-00080000000b";
const ACCOUNT: &str = "/api/v1/dashboard/account";

#[actix_web::test]
async fn people_see_their_own_servers() {
    let ada = Ada::new().await;
    let stats = ada.get("/api/v1/dashboard/stats").await;
    let recent = &stats["data"]["recentServers"][0];
    assert_eq!(stats["data"]["servers"], json!({"total": 1, "online": 1, "offline": 0, "suspended": 0}));
    assert_eq!((&stats["data"]["accountBalance"], &stats["data"]["openTickets"]), (&json!(0.0), &json!(0)));
    assert_eq!(
        (&recent["id"], &recent["game"], &recent["node"]),
        (&SURVIVAL.into(), &"Paper".into(), &"Alpha".into()),
        "the front end builds the panel's address from the id"
    );

    let page = ada.get("/api/v1/dashboard/servers").await;
    assert_eq!(page["meta"], json!({"total": 1, "page": 1, "perPage": 12, "totalPages": 1}));
    let server = &page["data"][0];
    assert_eq!((&server["ip"], &server["port"]), (&json!("10.0.0.9"), &json!(25565)));
    assert_eq!(server["owner"]["email"], "ada@example.com");
    let usage = |limit: i64| json!({"used": 0, "limit": limit});
    assert_eq!(server["resources"], json!({"memory": usage(4096), "cpu": usage(200), "disk": usage(10_240)}));
    assert_eq!((&server["resources"], &server["createdAt"]), (&recent["resources"], &json!("2025-02-11T00:00:00Z")));
    for (query, found) in [
        ("?search=SURV", 1),
        ("?search=nothing", 0),
        ("?status=running", 1),
        ("?status=offline", 0),
        ("?status=suspended", 0),
        ("?status=anything", 1),
        ("?page=2", 0),
        ("?per_page=51&page=0", 1),
    ] {
        let page = ada.get(&format!("/api/v1/dashboard/servers{query}")).await;
        assert_eq!(page["data"].as_array().unwrap().len(), found, "{query}");
    }
}

#[actix_web::test]
async fn everybodys_servers_are_for_who_may_read_servers() {
    let ada = Ada::new().await;
    let all = "/api/v1/dashboard/servers?view_all=true&per_page=2";
    assert_eq!(ada.get(all).await["meta"]["total"], 1);
    let page = ada.desk.read(all).await.ok();
    assert_eq!(page["meta"], json!({"total": 3, "page": 1, "perPage": 2, "totalPages": 2}));
    assert_eq!(ada.desk.read("/api/v1/dashboard/servers").await.ok()["meta"]["totalPages"], 0);
}

#[actix_web::test]
async fn the_dashboard_belongs_to_a_person() {
    let desk = Desk::empty();
    for path in ["/api/v1/dashboard/stats", "/api/v1/dashboard/servers", ACCOUNT] {
        desk.anonymous(path).await.problem(401);
        assert!(desk.get(path).await.problem(403).contains("belongs to a person"));
    }
}

#[actix_web::test]
async fn people_change_what_they_tell_about_themselves_but_not_their_address() {
    let ada = Ada::new().await;
    let wanted = json!({"username": "", "firstName": "Ada", "companyName": "Engines", "email": "eve@example.com", "roles": ["SUPER_ADMIN"]});
    let (status, answer) = ada.change(Method::PUT, ACCOUNT, wanted).await;
    assert_eq!(status, 200, "{answer}");
    let account = ada.get(ACCOUNT).await["data"].clone();
    assert_eq!(answer["data"], account, "the account stands in the answer");
    assert_eq!((&account["username"], &account["email"]), (&json!("ada"), &json!("ada@example.com")));
    assert_eq!(
        (&account["firstName"], &account["emailVerified"], &account["roles"]),
        (&json!("Ada"), &json!(true), &json!(["MEMBER"]))
    );
    assert!(account["createdAt"].as_str().unwrap().ends_with('Z') && account["lastLoginAt"].is_string());

    assert_eq!(ada.change(Method::PUT, ACCOUNT, json!({"firstName": ""})).await.1["data"]["firstName"], Value::Null);
    for bad in
        [json!({}), json!({"email": "eve@example.com"}), json!({"firstName": 7}), json!({"avatarUrl": "javascript:x"})]
    {
        let (status, problem) = ada.change(Method::PUT, ACCOUNT, bad.clone()).await;
        assert_eq!(status, 400, "{bad}: {problem}");
    }
}

#[actix_web::test]
async fn another_password_needs_the_present_one_and_ends_the_other_sessions() {
    let ada = Ada::new().await;
    let path = "/api/v1/dashboard/account/password";
    let elsewhere = ada.desk.token_of("ada@example.com", &[]).await;
    let put = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});
    for (status, body, code) in [
        (400, json!({"newPassword": "Better-1234"}), "missing_fields"),
        (401, put("Wrong-1234", "Better-1234"), "wrong_password"),
        (400, put(PASSWORD, "weak"), "password_too_short"),
    ] {
        let (answered, problem) = ada.change(Method::PUT, path, body).await;
        assert_eq!((answered, &problem["code"]), (status, &json!(code)), "{problem}");
        assert!(problem["error"].as_str().unwrap().contains(' '), "people read this: {problem}");
    }
    let (status, answer) = ada.change(Method::PUT, path, put(PASSWORD, "Better-1234")).await;
    assert_eq!((status, &answer["data"]), (200, &Value::Null));
    ada.get(ACCOUNT).await;
    ada.desk.by(&elsewhere, Method::GET, ACCOUNT, Value::Null).await.problem(401);
}

#[actix_web::test]
async fn another_address_takes_effect_when_its_link_is_opened() {
    let ada = Ada::new().await;
    let path = "/api/v1/dashboard/account/change-email";
    ada.desk.token_of("bob@example.com", &[]).await;
    let post = |email: &str, password: &str| json!({"newEmail": email, "currentPassword": password});
    for (status, body) in [
        (400, json!({"newEmail": "new@example.com"})),
        (400, post("new", PASSWORD)),
        (401, post("new@example.com", "Wrong-1234")),
        (409, post("Bob@example.com", PASSWORD)),
    ] {
        let (answered, problem) = ada.change(Method::POST, path, body.clone()).await;
        assert_eq!(answered, status, "{body}: {problem}");
    }
    assert_eq!(ada.change(Method::POST, path, post("new@example.com", PASSWORD)).await.0, 200);
    assert_eq!(ada.get(ACCOUNT).await["data"]["email"], "ada@example.com");
    let link = json!({"token": ada.desk.mailed_token().await});
    ada.desk.post("/api/v1/auth/verify-email", link).await.ok();
    let account = ada.get(ACCOUNT).await["data"].clone();
    assert_eq!((&account["email"], &account["emailVerified"]), (&json!("new@example.com"), &json!(true)));
}

#[actix_web::test]
async fn a_proved_address_needs_no_proof() {
    let ada = Ada::new().await;
    let path = "/api/v1/dashboard/account/resend-verification";
    for body in [Value::Null, json!({})] {
        let (status, problem) = ada.change(Method::POST, path, body).await;
        assert_eq!((status, &problem["code"]), (400, &json!("already_verified")));
    }
}
