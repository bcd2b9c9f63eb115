//! What an answer means.

use std::time::Duration;

use aviary_kernel::config::MASK;
use aviary_remote::hooks::{Attempt, FailureKind};

use crate::endpoint::{Endpoint, Reply};
use crate::{client, post, send};

const TOKEN: &str = "aVeryLongTokenOfAWebhook_0123456789";

async fn after(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Attempt {
    let endpoint = Endpoint::start(move |_| reply()).await;
    send(&format!("{}/api/webhooks/123456789012345678/{TOKEN}", endpoint.url())).await
}

fn kind(attempt: &Attempt) -> FailureKind {
    attempt.outcome.as_ref().unwrap_err().kind
}

#[tokio::test]
async fn what_was_given_is_sent_as_it_is() {
    let endpoint = Endpoint::start(|_| Reply::status(204)).await;
    let mut post = post(&format!("{}/hook?wait=true", endpoint.url()));
    post.body = r#"{"type": "server.created"}"#.into();
    post.headers = vec![("webhook-id".into(), "msg_1".into()), ("X-Key".into(), "k".into())];
    let attempt = client().post(post).await;
    assert_eq!((attempt.outcome, attempt.status, attempt.address), (Ok(()), Some(204), Some(endpoint.address)));
    let seen = &endpoint.seen()[0];
    assert_eq!((seen.line(), &*seen.body), ("POST /hook?wait=true HTTP/1.1", r#"{"type": "server.created"}"#));
    let names = ["content-type", "webhook-id", "x-key", "user-agent"];
    let version = concat!("Aviary/", env!("CARGO_PKG_VERSION"));
    assert_eq!(names.map(|name| seen.header(name).unwrap()), ["application/json", "msg_1", "k", version]);
    assert_eq!((seen.header("cookie"), seen.header("origin")), (None, None));
}

#[tokio::test]
async fn each_status_says_what_to_do_next() {
    for status in [200, 201, 202, 204, 299] {
        assert_eq!(after(move || Reply::status(status)).await.outcome, Ok(()), "{status}");
    }
    for (statuses, expected) in [
        (&[408, 425, 429, 500, 502, 503, 504, 599][..], FailureKind::Retry),
        (&[400, 401, 403, 404, 405, 413, 422, 451, 304, 300], FailureKind::Refused),
        (&[410], FailureKind::Gone),
    ] {
        for &status in statuses {
            let attempt = after(move || Reply::status(status)).await;
            let failure = attempt.outcome.unwrap_err();
            assert_eq!((failure.kind, attempt.status), (expected, Some(status)));
            assert!(!failure.remedy.is_empty() && !failure.what.contains(TOKEN), "{failure}");
        }
    }
}

#[tokio::test]
async fn a_webhook_that_discord_does_not_know_any_more_is_gone() {
    let deleted = after(|| Reply::text(404, r#"{"message": "Unknown Webhook", "code": 10015}"#)).await;
    assert_eq!(kind(&deleted), FailureKind::Gone);
    let wrong = after(|| Reply::text(401, r#"{"message": "Invalid Webhook Token", "code": 50027}"#)).await;
    assert_eq!(kind(&wrong), FailureKind::Gone);
    let other = after(|| Reply::text(404, r#"{"message": "404: Not Found", "code": 0}"#)).await;
    assert_eq!(kind(&other), FailureKind::Refused);
}

#[tokio::test]
async fn who_asks_for_patience_is_given_it() {
    let s = Duration::from_secs;
    for (reply, expected) in [
        ((429, "Retry-After", "37", ""), Some(s(37))),
        ((503, "Retry-After", "1.5", ""), Some(Duration::from_millis(1500))),
        ((503, "Retry-After", "Fri, 14 Mar 2025 09:27:53 GMT", ""), Some(s(60))),
        ((503, "Retry-After", "Fri, 14 Mar 2025 09:00:00 GMT", ""), Some(s(0))),
        ((503, "Retry-After", "99999999999", ""), Some(s(86_400))),
        ((503, "Retry-After", "-5", ""), Some(s(0))),
        ((503, "Retry-After", "soon", ""), None),
        ((503, "Retry-After", "NaN", ""), None),
        ((429, "X-Other", "1", r#"{"message": "You are being rate limited.", "retry_after": 0.25}"#), {
            Some(Duration::from_millis(250))
        }),
        // An old version of Discord's API counts milliseconds in the body.
        ((429, "Retry-After", "1", r#"{"retry_after": 985}"#), Some(s(1))),
        ((200, "Retry-After", "5", ""), None),
    ] {
        let (status, name, value, body) = reply;
        let date = ("Date", "Fri, 14 Mar 2025 09:26:53 GMT");
        let attempt = after(move || Reply::text(status, body).with(name, value).with(date.0, date.1)).await;
        assert_eq!(attempt.retry_after, expected, "{reply:?}");
    }
}

#[tokio::test]
async fn discord_tells_with_a_good_answer_when_it_wants_a_pause() {
    let counted = |left: &'static str, after: &'static str| {
        move || Reply::status(204).with("X-RateLimit-Remaining", left).with("X-RateLimit-Reset-After", after)
    };
    let attempt = after(counted("0", "0.75")).await;
    assert_eq!((attempt.outcome, attempt.pause), (Ok(()), Some(Duration::from_millis(750))));
    assert_eq!(after(counted("4", "0.75")).await.pause, None);
    assert_eq!(after(counted("0", "later")).await.pause, None);
    assert_eq!(after(|| Reply::status(204).with("X-RateLimit-Remaining", "0")).await.pause, None);
}

#[tokio::test]
async fn an_excerpt_shows_neither_secrets_nor_tricks() {
    let path = format!("/api/webhooks/123456789012345678/{TOKEN}?thread_id=1234567890&key=short%20but%20secret");
    let endpoint = Endpoint::start(|seen| {
        let target = seen.line().split(' ').nth(1).unwrap().to_owned();
        let escaped = target.replace('/', "\\/");
        Reply::text(
            400,
            format!("{target}\n{escaped} {TOKEN}\x1b[31m\t\u{202e}sesame\u{0} short but secret whsec_x\r\nend"),
        )
    })
    .await;
    let mut post = post(&format!("{}{path}", endpoint.url()));
    post.secrets = vec!["whsec_x".into()];
    let told = format!("{post:?}");
    let attempt = client().post(post).await;
    assert_eq!(attempt.excerpt, format!("{MASK} {MASK} {MASK} [31m sesame {MASK} {MASK} end"));
    let told = format!("{told}{attempt:?}");
    for secret in [TOKEN, "whsec_x", "secret", "/api/webhooks"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[tokio::test]
async fn an_excerpt_is_short_and_no_nonsense_breaks_it() {
    let attempt = after(|| Reply::text(500, "🦜".repeat(2000))).await;
    assert!(attempt.excerpt.len() <= 1024 && attempt.excerpt.ends_with("🦜…"), "{}", attempt.excerpt.len());
    let blank = after(|| Reply::text(500, " \n ".repeat(20_000))).await;
    assert_eq!(blank.excerpt, "");
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_named() {
    for (name, value) in
        [("X-Key", "a\r\nX-Other: b"), ("X Key", "a"), ("Host", "evil.example"), ("content-length", "0")]
    {
        let endpoint = Endpoint::start(|_| Reply::status(200)).await;
        let mut post = post(&endpoint.url());
        post.headers.push((name.into(), value.into()));
        let failure = client().post(post).await.outcome.unwrap_err();
        assert!(failure.what.contains(name) && failure.kind == FailureKind::Refused, "{failure}");
        assert!(endpoint.seen().is_empty());
    }
}

#[tokio::test]
async fn a_name_and_a_password_in_the_address_are_refused() {
    let endpoint = Endpoint::start(|_| Reply::status(200)).await;
    let url = endpoint.url().replace("http://", "http://me:secret@");
    let failure = send(&url).await.outcome.unwrap_err();
    assert!(failure.kind == FailureKind::Refused && !failure.to_string().contains("secret"), "{failure}");
    assert!(endpoint.seen().is_empty());
}
