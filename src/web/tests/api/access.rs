//! Roles and API keys, as the owner of the program asks for them: through the local socket.

use actix_web::dev::ServerHandle;
use aviary_kernel::model::{Account, AccountId, AccountSource, Email, Profile};
use aviary_kernel::store::tables::ACCOUNTS;
use aviary_web::serve_local;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::desk::Desk;
use crate::promise;

/// A desk with its socket open.
struct Owner {
    desk: Desk,
    server: ServerHandle,
}

impl Owner {
    fn new() -> Self {
        let desk = Desk::empty();
        let server = serve_local(desk.services.clone(), &desk.dir.path().join("aviary.sock")).unwrap();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { desk, server: handle }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let mut stream = UnixStream::connect(self.desk.dir.path().join("aviary.sock")).await.unwrap();
        let body = body.to_string();
        let head = "host: x\r\nconnection: close\r\ncontent-type: application/json";
        let request = format!("{method} {path} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {answer}")))
    }

    /// The `data` of an answer that is as documented.
    #[track_caller]
    fn good(&self, method: &str, path: &str, (status, answer): (u16, Value)) -> Value {
        assert!((200..300).contains(&status), "{method} {path}: {answer}");
        promise::keeps(method, path, &answer);
        answer["data"].clone()
    }

    async fn close(self) {
        self.server.stop(true).await;
    }

    fn person(&self, name: &str, roles: &[&str]) -> AccountId {
        let env = &self.desk.services.env;
        let account = Account {
            id: AccountId(env.ids.next()),
            email: Email::parse(&format!("{name}@example.com")).unwrap(),
            username: name.to_owned(),
            profile: Profile::default(),
            password: None,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            is_active: true,
            email_verified: None,
            source: AccountSource::Made,
            second_factor: None,
            second_factor_offer: None,
            created_at: env.now(),
            updated_at: env.now(),
            last_login_at: None,
        };
        let id = account.id;
        self.desk.services.store.write_blocking(move |tx| tx.put(ACCOUNTS, &id, &account).map(drop)).unwrap();
        id
    }
}

#[actix_web::test]
async fn a_role_lives_through_the_api() {
    let owner = Owner::new();
    let wanted = json!({ "name": "NIGHT_SHIFT", "description": "At night.", "permissions": ["sync.*"] });
    let made = owner.good("post", "/api/v1/roles", owner.ask("POST", "/api/v1/roles", wanted.clone()).await);
    assert_eq!(
        (&made["permissions"], &made["builtIn"], &made["people"]),
        (&json!(["sync.*"]), &json!(false), &json!(0))
    );
    let (status, _) = owner.ask("POST", "/api/v1/roles", wanted).await;
    assert_eq!(status, 409);
    let (path, at) = ("/api/v1/roles/{name}", "/api/v1/roles/NIGHT_SHIFT");
    let patch = json!({ "permissions": ["sync.read"], "needsSecondFactor": true });
    let changed = owner.good("patch", path, owner.ask("PATCH", at, patch).await);
    assert_eq!((&changed["needsSecondFactor"], &changed["description"]), (&json!(true), &json!("At night.")));
    let ada = owner.person("ada", &["NIGHT_SHIFT"]);
    assert_eq!(owner.good("get", path, owner.ask("GET", at, Value::Null).await)["people"], 1);
    let (status, problem) = owner.ask("DELETE", at, Value::Null).await;
    assert_eq!(status, 409, "{problem}");
    owner.desk.services.store.write_blocking(move |tx| tx.remove(ACCOUNTS, &ada).map(drop)).unwrap();
    owner.good("delete", path, owner.ask("DELETE", at, Value::Null).await);
    let (status, _) = owner.ask("GET", at, Value::Null).await;
    assert_eq!(status, 404);
    let all = owner.good("get", "/api/v1/roles", owner.ask("GET", "/api/v1/roles", Value::Null).await);
    assert_eq!(all.as_array().unwrap().len(), 7);
    owner.close().await;
}

#[actix_web::test]
async fn what_cannot_be_a_role_is_told_at_its_field() {
    let owner = Owner::new();
    for (field, bad) in [
        ("name", json!({ "name": "night", "permissions": [] })),
        ("permissions", json!({ "name": "NIGHT", "permissions": ["sync.fly"] })),
    ] {
        let (status, problem) = owner.ask("POST", "/api/v1/roles", bad).await;
        assert_eq!(status, 400, "{problem}");
        assert!(problem["error"].as_str().unwrap().starts_with(field), "{problem}");
    }
    let more = json!({ "name": "NIGHT", "permissions": [], "builtIn": true });
    assert_eq!(owner.ask("POST", "/api/v1/roles", more).await.0, 400, "nothing beyond what is asked for is taken");
    let (status, _) = owner.ask("PATCH", "/api/v1/roles/MEMBER", json!({ "permissions": ["*"] })).await;
    assert_eq!(status, 409);
    owner.close().await;
}

#[actix_web::test]
async fn why_somebody_may_is_told() {
    let owner = Owner::new();
    let ada = owner.person("ada", &["TECH_TEAM"]);
    let path = "/api/v1/accounts/{id}/permissions";
    let at = path.replace("{id}", &ada.to_string());
    let all = owner.good("get", path, owner.ask("GET", &at, Value::Null).await);
    let every = owner.good("get", "/api/v1/permissions", owner.ask("GET", "/api/v1/permissions", Value::Null).await);
    assert_eq!(all.as_array().unwrap().len(), every.as_array().unwrap().len());
    let (path, at) = (format!("{path}/{{permission}}"), format!("{at}/sync.run"));
    let one = owner.good("get", &path, owner.ask("GET", &at, Value::Null).await);
    assert_eq!(one["why"], "The role TECH_TEAM includes sync.*.");
    assert_eq!(one["because"], json!([{ "role": "TECH_TEAM", "grant": "sync.*" }]));
    assert_eq!(owner.ask("GET", &at.replace("sync.run", "sync.fly"), Value::Null).await.0, 400);
    owner.close().await;
}

#[actix_web::test]
async fn a_key_lives_through_the_api_and_its_text_is_seen_once() {
    let owner = Owner::new();
    owner.person("ada", &["TECH_TEAM"]);
    let wanted = json!({
        "name": "ci", "owner": "Ada@example.com", "permissions": ["sync.run", "server.read"],
        "addresses": ["192.0.2.0/24"], "expiresAt": "2026-04-01T12:00:00Z",
    });
    let fresh = owner.good("post", "/api/v1/api-keys", owner.ask("POST", "/api/v1/api-keys", wanted).await);
    let (text, id) = (fresh["text"].as_str().unwrap().to_owned(), fresh["key"]["id"].as_str().unwrap().to_owned());
    assert!(text.starts_with(fresh["key"]["start"].as_str().unwrap()));
    assert_eq!(fresh["key"]["ownerEmail"], "ada@example.com");

    let path = "/api/v1/api-keys/{id}";
    let at = path.replace("{id}", &id);
    let patch = json!({ "name": "deploy", "perMinute": 9 });
    owner.good("patch", path, owner.ask("PATCH", &at, patch).await);
    let kept = owner.good("patch", path, owner.ask("PATCH", &at, json!({ "name": "build" })).await);
    assert_eq!((&kept["perMinute"], &kept["expiresAt"]), (&json!(9), &json!("2026-04-01T12:00:00Z")), "left out stays");
    let cleared = owner.good("patch", path, owner.ask("PATCH", &at, json!({ "perMinute": null })).await);
    assert_eq!(cleared["perMinute"], Value::Null);
    let explained = format!("{path}/permissions");
    owner.good("get", &explained, owner.ask("GET", &format!("{at}/permissions"), Value::Null).await);
    let rotate = format!("{path}/rotate");
    let renewed = owner.good("post", &rotate, owner.ask("POST", &format!("{at}/rotate"), json!({})).await);
    assert_eq!(renewed["key"]["previousUntil"], "2026-03-02T12:00:00Z");
    let second = renewed["text"].as_str().unwrap();

    let shown = [
        owner.ask("GET", &at, Value::Null).await,
        owner.ask("GET", "/api/v1/api-keys?owner=all", Value::Null).await,
        owner.ask("DELETE", &at, Value::Null).await,
    ];
    owner.good("get", path, shown[0].clone());
    owner.good("get", "/api/v1/api-keys", shown[1].clone());
    assert_eq!(owner.good("delete", path, shown[2].clone())["state"], "revoked");
    for (_, answer) in shown {
        let answer = answer.to_string();
        assert!(!answer.contains(&text) && !answer.contains(second), "{answer}");
    }
    owner.close().await;
}

#[actix_web::test]
async fn what_cannot_be_a_key_is_told() {
    let owner = Owner::new();
    owner.person("mia", &["MEMBER"]);
    let wanted = |change: Value| {
        let mut body = json!({ "name": "ci", "owner": "mia@example.com", "permissions": ["sync.run"] });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let cases = [
        (400, json!({})),
        (400, json!({ "owner": null })),
        (404, json!({ "owner": "nobody@example.com" })),
        (400, json!({ "permissions": ["sync.fly"] })),
        (400, json!({ "addresses": ["everywhere"] })),
        (400, json!({ "expiresAt": "tomorrow" })),
        (400, json!({ "token": "mine" })),
    ];
    for (expected, change) in cases {
        let (status, problem) = owner.ask("POST", "/api/v1/api-keys", wanted(change.clone())).await;
        assert_eq!(status, expected, "{change}: {problem}");
    }
    let (status, _) = owner.ask("GET", "/api/v1/api-keys/00000000-0000-0000-0000-000000000000", Value::Null).await;
    assert_eq!(status, 404);
    owner.close().await;
}
