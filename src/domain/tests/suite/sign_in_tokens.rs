use aviary_kernel::model::SessionKind;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use crate::door::{ADA, Door, HOME, at, told};

/// A token of this header and these claims, signed under the key of the door.
fn signed(door: &Door, header: &Value, claims: &Value) -> String {
    signed_with(&hmac::Key::new(hmac::HMAC_SHA256, door.sealer.derive("jwt").reveal()), header, claims)
}

fn signed_with(key: &hmac::Key, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(key, message.as_bytes()));
    format!("{message}.{signature}")
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn hs256() -> Value {
    json!({ "alg": "HS256", "typ": "JWT" })
}

fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// A door, a good token and its claims.
async fn good() -> (Door, String, Value) {
    let (door, _) = Door::with_ada().await;
    let access = door.enter(ADA, SessionKind::Api).await.access.unwrap();
    assert_eq!(access.expires_in_s, 15 * 60);
    let claims = claims_of(access.text.reveal());
    (door, access.text.reveal().clone(), claims)
}

impl Door {
    async fn hears(&self, token: &str) -> &'static str {
        told(&self.sign_in.by_access_token(token, at(HOME)).await)
    }
}

#[tokio::test]
async fn an_access_token_says_what_the_older_api_said() {
    let (door, token, claims) = good().await;
    let now = door.env.now();
    for (claim, wanted) in [
        ("email", json!(ADA)),
        ("username", json!("somebody")),
        ("roles", json!([])),
        ("isPterodactylAdmin", json!(false)),
        ("isVirtfusionAdmin", json!(false)),
        ("isSystemAdmin", json!(false)),
        ("emailVerified", json!(now.to_string())),
        ("iat", json!(now.seconds())),
        ("nbf", json!(now.seconds())),
        ("exp", json!(now.seconds() + 900)),
        ("iss", json!("aviary")),
        ("aud", json!("aviary-api")),
        ("sub", claims["id"].clone()),
    ] {
        assert_eq!(claims[claim], wanted, "{claim}");
    }
    for absent in ["firstName", "lastName", "pterodactylId"] {
        assert_eq!(claims.get(absent), None, "{absent}");
    }
    assert_eq!(door.hears(&token).await, "fine");
    assert_eq!(door.hears(&signed(&door, &hs256(), &claims)).await, "fine", "the tests sign as we do");
}

#[tokio::test]
async fn a_forged_signature_is_refused() {
    let (door, token, claims) = good().await;
    let other = hmac::Key::new(hmac::HMAC_SHA256, b"another key");
    assert_eq!(door.hears(&signed_with(&other, &hs256(), &claims)).await, "invalid_token");
    let (message, _) = token.rsplit_once('.').unwrap();
    for signature in ["", "AAAA", "."] {
        assert_eq!(door.hears(&format!("{message}.{signature}")).await, "invalid_token");
    }
    let changed = token.replacen(
        &part_of(&token, 1),
        &part(&{
            let mut claims = claims.clone();
            claims["isSystemAdmin"] = json!(true);
            claims
        }),
        1,
    );
    assert_eq!(door.hears(&changed).await, "invalid_token");
}

fn part_of(token: &str, n: usize) -> String {
    token.split('.').nth(n).unwrap().to_owned()
}

#[tokio::test]
async fn the_algorithm_is_not_chosen_by_the_token() {
    let (door, _, claims) = good().await;
    for algorithm in ["none", "None", "HS384", "HS512", "RS256", "ES256", "EdDSA", ""] {
        let header = json!({ "alg": algorithm, "typ": "JWT" });
        assert_eq!(door.hears(&signed(&door, &header, &claims)).await, "invalid_token", "{algorithm}");
        let unsigned = format!("{}.{}.", part(&header), part(&claims));
        assert_eq!(door.hears(&unsigned).await, "invalid_token", "{algorithm}");
    }
    let key = door.sealer.derive("jwt");
    let strong = hmac::Key::new(hmac::HMAC_SHA512, key.reveal());
    let header = json!({ "alg": "HS512", "typ": "JWT" });
    assert_eq!(door.hears(&signed_with(&strong, &header, &claims)).await, "invalid_token", "well signed, but not ours");
}

#[tokio::test]
async fn a_token_is_good_in_its_time_by_our_clock() {
    let (door, token, claims) = good().await;
    door.clock.advance_s(15 * 60 + 29);
    assert_eq!(door.hears(&token).await, "fine", "other clocks may be off by 30 seconds");
    door.clock.advance_s(1);
    assert_eq!(door.hears(&token).await, "invalid_token");
    let now = door.env.now().seconds();
    for (nbf, wanted) in [(now + 30, "fine"), (now + 31, "invalid_token")] {
        let mut claims = claims.clone();
        (claims["nbf"], claims["exp"]) = (json!(nbf), json!(now + 900));
        assert_eq!(door.hears(&signed(&door, &hs256(), &claims)).await, wanted);
    }
}

#[tokio::test]
async fn a_well_signed_token_for_somebody_else_is_refused() {
    let (door, _, claims) = good().await;
    let eve = door.person("eve@example.com", &[]).await;
    for (claim, value) in [
        ("iss", json!("somebody")),
        ("aud", json!("another-api")),
        ("sub", json!(eve.to_string())),
        ("sid", json!(uuid::Uuid::nil().to_string())),
        ("exp", json!("soon")),
        ("exp", json!(-1)),
    ] {
        let mut claims = claims.clone();
        claims[claim] = value;
        assert_eq!(door.hears(&signed(&door, &hs256(), &claims)).await, "invalid_token", "{claim}");
    }
    for claim in ["iss", "aud", "sub", "exp", "nbf", "sid", "id", "jti", "iat"] {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(claim);
        assert_eq!(door.hears(&signed(&door, &hs256(), &claims)).await, "invalid_token", "without {claim}");
    }
    let mut of_eve = claims.clone();
    (of_eve["id"], of_eve["sub"]) = (json!(eve.to_string()), json!(eve.to_string()));
    assert_eq!(door.hears(&signed(&door, &hs256(), &of_eve)).await, "invalid_token", "with the session of another");
}

#[tokio::test]
async fn what_is_no_token_at_all_is_refused() {
    let (door, ..) = good().await;
    for rubbish in ["", ".", "..", "a.b.c", "\u{0}", &"x".repeat(100_000)] {
        assert_eq!(door.hears(rubbish).await, "invalid_token");
    }
}

#[tokio::test]
async fn a_token_ends_with_its_session_and_its_account() {
    let (door, token, claims) = good().await;
    let id = claims["id"].as_str().unwrap().parse().unwrap();
    door.store.write(move |tx| tx.remove(aviary_kernel::store::tables::ACCOUNTS, &id)).await.unwrap();
    assert_eq!(door.hears(&token).await, "user_not_found");
    let session = door.sessions()[0].id;
    door.store.write(move |tx| tx.remove(aviary_kernel::store::tables::SESSIONS, &session)).await.unwrap();
    assert_eq!(door.hears(&token).await, "invalid_token");
}
