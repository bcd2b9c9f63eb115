//! Access tokens that were not made here, or not for this.

use std::net::SocketAddr;

use actix_web::test::TestRequest;
use aviary_kernel::base::Sealer;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use crate::desk::{Answer, Desk};

/// Writes tokens as whoever has the key could.
struct Forger {
    key: Vec<u8>,
    /// What a good token says.
    claims: Value,
}

impl Forger {
    fn new(sealer: &Sealer, token: &str) -> Self {
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        Self { key: sealer.derive("jwt").reveal().clone(), claims: serde_json::from_slice(&payload).unwrap() }
    }

    fn signed(&self, algorithm: hmac::Algorithm, header: &Value, claims: &Value) -> String {
        let body = format!("{}.{}", segment(header), segment(claims));
        let mac = hmac::sign(&hmac::Key::new(algorithm, &self.key), body.as_bytes());
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// Signed as ours are, with claims changed; null takes one away.
    fn saying(&self, changes: &Value) -> String {
        let mut claims = self.claims.clone();
        let fields = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(fields.remove(name)),
                value => drop(fields.insert(name.clone(), value.clone())),
            }
        }
        self.signed(hmac::HMAC_SHA256, &json!({"typ": "JWT", "alg": "HS256"}), &claims)
    }

    fn headed(&self, header: &Value) -> String {
        self.signed(hmac::HMAC_SHA256, header, &self.claims)
    }
}

fn segment(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Asks from an address of its own, or wrong tokens would soon be too many.
async fn ask(desk: &Desk, n: usize, path: &str, scheme: &str, token: &str) -> Answer {
    let from: SocketAddr = format!("192.0.2.{}:1", n % 250).parse().unwrap();
    let request = TestRequest::get().uri(path).peer_addr(from);
    desk.call(request.insert_header(("authorization", format!("{scheme} {token}")))).await
}

async fn assert_refused(desk: &Desk, forged: &[(&str, String)]) {
    for (n, (what, token)) in forged.iter().enumerate() {
        ask(desk, n, "/api/v1/counts", "Bearer", token).await.problem(401);
        let me = ask(desk, n, "/api/v1/auth/me", "Bearer", token).await;
        assert_eq!((me.status, &me.json()["error"]), (401, &json!("invalid_token")), "{what}");
        let events = format!("/api/v1/syncs/{}/events?token={token}", uuid::Uuid::nil());
        let from: SocketAddr = format!("192.0.2.{n}:1").parse().unwrap();
        assert_eq!(desk.call(TestRequest::get().uri(&events).peer_addr(from)).await.status, 401, "{what}");
    }
}

#[actix_web::test]
async fn what_was_not_signed_here_opens_nothing() {
    let desk = Desk::empty();
    let token = desk.token_of("ada@example.com", &["SUPER_ADMIN"]).await;
    let forger = Forger::new(&desk.sealer, &token);
    let ours = forger.saying(&json!({}));
    ask(&desk, 200, "/api/v1/counts", "Bearer", &ours).await.ok();

    let (body, signature) = token.rsplit_once('.').unwrap();
    let (head, payload) = body.split_once('.').unwrap();
    let stranger = Forger { key: vec![7; 32], claims: forger.claims.clone() };
    let nobody = Forger { key: Vec::new(), claims: forger.claims.clone() };
    let other = segment(&json!({"roles": ["SUPER_ADMIN"], "id": uuid::Uuid::nil()}));
    let none = |alg: &str| format!("{}.{payload}.", segment(&json!({"typ": "JWT", "alg": alg})));
    assert_refused(
        &desk,
        &[
            ("another key", stranger.saying(&json!({}))),
            ("an empty key", nobody.saying(&json!({}))),
            ("alg none", none("none")),
            ("alg None", none("None")),
            ("alg NONE", none("NONE")),
            ("alg none with a signature", forger.headed(&json!({"alg": "none"}))),
            ("no alg", forger.headed(&json!({"typ": "JWT"}))),
            ("alg HS512", forger.signed(hmac::HMAC_SHA512, &json!({"alg": "HS512"}), &forger.claims)),
            ("alg HS384", forger.signed(hmac::HMAC_SHA384, &json!({"alg": "HS384"}), &forger.claims)),
            ("alg RS256", forger.headed(&json!({"alg": "RS256"}))),
            ("alg EdDSA", forger.headed(&json!({"alg": "EdDSA"}))),
            ("another payload", format!("{head}.{other}.{signature}")),
            ("no signature", format!("{body}.")),
            ("half a signature", format!("{body}.{}", &signature[..signature.len() / 2])),
            ("no base64", format!("{head}.!!!.{signature}")),
            ("nothing", "..".into()),
            ("a large one", format!("{head}.{}.{signature}", "A".repeat(6_000))),
        ],
    )
    .await;
    ask(&desk, 201, "/api/v1/counts", "Bearer", &format!("{token}.x")).await.problem(401);
    ask(&desk, 202, "/api/v1/counts", "Basic", &token).await.problem(401);
    ask(&desk, 203, "/api/v1/counts", "Bearer", &token).await.ok();
}

#[actix_web::test]
async fn what_was_signed_for_something_else_opens_nothing() {
    let desk = Desk::empty();
    let token = desk.token_of("ada@example.com", &["SUPER_ADMIN"]).await;
    let stranger = desk.token_of("bob@example.com", &[]).await;
    let (forger, bob) = (Forger::new(&desk.sealer, &token), Forger::new(&desk.sealer, &stranger).claims);
    let now = desk.services.env.now().seconds();
    assert_refused(
        &desk,
        &[
            ("for streams", forger.saying(&json!({"aud": "aviary-events"}))),
            ("for others", forger.saying(&json!({"aud": "https://example.com"}))),
            ("for nobody", forger.saying(&json!({"aud": null}))),
            ("by others", forger.saying(&json!({"iss": "https://example.com"}))),
            ("by nobody", forger.saying(&json!({"iss": null}))),
            ("expired", forger.saying(&json!({"exp": now - 31}))),
            ("without end", forger.saying(&json!({"exp": null}))),
            ("ends with a word", forger.saying(&json!({"exp": "never"}))),
            ("not yet", forger.saying(&json!({"nbf": now + 31}))),
            ("of no session", forger.saying(&json!({"sid": null}))),
            ("of an unknown session", forger.saying(&json!({"sid": uuid::Uuid::nil()}))),
            ("of somebody else's session", forger.saying(&json!({"sid": bob["sid"]}))),
            ("somebody else's session as oneself", forger.saying(&json!({"id": bob["id"], "sub": bob["sub"]}))),
            ("of two people", forger.saying(&json!({"sub": bob["sub"]}))),
        ],
    )
    .await;
}

#[actix_web::test]
async fn what_a_token_says_of_roles_counts_for_nothing() {
    let desk = Desk::empty();
    let token = desk.token_of("ada@example.com", &[]).await;
    let forger = Forger::new(&desk.sealer, &token);
    let king = forger.saying(&json!({"roles": ["SUPER_ADMIN"], "isSystemAdmin": true}));
    ask(&desk, 1, "/api/v1/counts", "Bearer", &king).await.problem(403);
    desk.clock.advance_s(15 * 60 + 29);
    ask(&desk, 2, "/api/v1/auth/me", "Bearer", &token).await.ok();
    desk.clock.advance_s(1);
    ask(&desk, 3, "/api/v1/auth/me", "Bearer", &token).await;
    assert_eq!(ask(&desk, 4, "/api/v1/auth/me", "Bearer", &token).await.status, 401, "a token ends");
}
