//! Against a script that answers as the service's documents say.

use std::time::Duration;

use aviary_kernel::config::MASK;
use aviary_remote::HttpOptions;
use aviary_remote::mail::{DeliveryStatus, MailError, MailErrorKind, Outgoing, Resend};
use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Reply};
use crate::mail;

const KEY: &str = "re_123456789_abcdefgh";
const LATER: MailErrorKind = MailErrorKind::Later { after: None };

fn client(endpoint: &Endpoint) -> Resend {
    let options = HttpOptions { request_timeout: Duration::from_secs(20), ..HttpOptions::default() };
    Resend::new(&endpoint.url(), &KEY.into(), &options).unwrap()
}

async fn refused(reply: impl Fn() -> Reply + Send + Sync + 'static) -> MailError {
    let endpoint = Endpoint::start(move |_| reply()).await;
    client(&endpoint).send(&mail()).await.unwrap_err()
}

fn said(name: &str, message: &str) -> String {
    json!({"statusCode": 0, "name": name, "message": message}).to_string()
}

#[tokio::test]
async fn a_mail_is_handed_over_as_the_documents_say() {
    let endpoint = Endpoint::start(|_| Reply::text(200, r#"{"id": "49a3999c"}"#)).await;
    let outgoing = Outgoing { reply_to: Some("help@reef.example".into()), ..mail() };
    assert_eq!(client(&endpoint).send(&outgoing).await.unwrap().id, "49a3999c");
    let seen = &endpoint.seen()[0];
    assert_eq!(seen.line(), "POST /emails HTTP/1.1");
    let headers =
        ["authorization", "idempotency-key", "content-type"].map(|name| seen.header(name).unwrap().to_owned());
    assert_eq!(headers, [format!("Bearer {KEY}"), "mail/0190".into(), "application/json".into()]);
    assert_eq!(
        serde_json::from_str::<Value>(&seen.body).unwrap(),
        json!({
            "from": "Aviary <aviary@reef.example>", "to": ["diver@reef.example"], "subject": "Your server is back",
            "text": "It is.\n.\nReally.", "html": "<p>It is.</p>", "reply_to": "help@reef.example",
            "headers": {"X-Entity-Ref-ID": "<0190.1@reef.example>"},
        })
    );
}

#[tokio::test]
async fn what_is_in_a_mail_stays_in_its_place() {
    let endpoint = Endpoint::start(|_| Reply::text(200, r#"{"id": "1"}"#)).await;
    let subject = "Hello\r\nBcc: everybody@reef.example\", \"to\": [\"x\"]";
    client(&endpoint).send(&Outgoing { subject: subject.into(), html: None, ..mail() }).await.unwrap();
    let seen = endpoint.seen();
    let body: Value = serde_json::from_str(&seen[0].body).unwrap();
    assert_eq!((&body["subject"], &body["to"]), (&json!(subject), &json!(["diver@reef.example"])));
    assert!(body.get("html").is_none());
    for bad in [
        Outgoing { idempotency_key: "a\r\nX-Other: b".into(), ..mail() },
        Outgoing { idempotency_key: String::new(), ..mail() },
        Outgoing { to: "a@reef.example, b@reef.example".into(), ..mail() },
        Outgoing { to: "a@reef.example\r\nBcc: b@reef.example".into(), ..mail() },
    ] {
        assert_eq!(client(&endpoint).send(&bad).await.unwrap_err().kind, MailErrorKind::Refused);
    }
    assert_eq!(endpoint.seen().len(), 1);
}

#[tokio::test]
async fn each_refusal_says_what_to_do_with_the_mail() {
    use MailErrorKind::{Misconfigured, Refused};
    for (status, name, message, expected) in [
        (400, "validation_error", "The `to` field must be an address.", Refused),
        (400, "validation_error", "API key is invalid", Misconfigured),
        (401, "missing_api_key", "Missing API key", Misconfigured),
        (401, "", "", Misconfigured),
        (403, "invalid_api_key", "API key is invalid", Misconfigured),
        (403, "validation_error", "The reef.example domain is not verified.", Misconfigured),
        (404, "not_found", "", Misconfigured),
        (405, "method_not_allowed", "", Misconfigured),
        (409, "invalid_idempotent_request", "Same key, other payload", Refused),
        (409, "concurrent_idempotent_requests", "", LATER),
        (413, "", "", Refused),
        (422, "missing_required_field", "", Refused),
        (422, "invalid_from_address", "", Misconfigured),
        (429, "rate_limit_exceeded", "", LATER),
        (429, "daily_quota_exceeded", "", MailErrorKind::Later { after: Some(Duration::from_secs(3600)) }),
        (429, "monthly_quota_exceeded", "", Misconfigured),
        (451, "security_error", "", Refused),
        (500, "application_error", "", LATER),
        (503, "", "", LATER),
        (302, "", "", Misconfigured),
    ] {
        let body = said(name, message);
        let error = refused(move || Reply::text(status, body.clone())).await;
        assert_eq!(error.kind, expected, "{status} {name}: {error}");
        assert!(!error.remedy.is_empty() && error.what.contains(message), "{error}");
    }
    let error = refused(|| Reply::text(429, said("rate_limit_exceeded", "slow")).with("Retry-After", "7")).await;
    assert_eq!(error.kind, MailErrorKind::Later { after: Some(Duration::from_secs(7)) });
}

#[tokio::test]
async fn answers_that_make_no_sense_leave_the_mail_waiting() {
    for (status, body) in [(200, "<html>hello</html>"), (200, ""), (502, "<html>bad gateway</html>")] {
        assert_eq!(refused(move || Reply::text(status, body)).await.kind, LATER, "{status} {body}");
    }
    assert_eq!(refused(|| Reply::status(500)).await.kind, LATER);
    assert_eq!(refused(|| Reply::Reset).await.kind, LATER);
    assert_eq!(refused(|| Reply::Forever(200, "long ".repeat(4096), Duration::ZERO)).await.kind, LATER);
}

#[tokio::test]
async fn a_service_that_never_answers_is_given_up_in_time() {
    let endpoint = Endpoint::start(|_| Reply::Silence).await;
    let options = HttpOptions { request_timeout: Duration::from_millis(200), ..HttpOptions::default() };
    let client = Resend::new(&endpoint.url(), &KEY.into(), &options).unwrap();
    assert_eq!(client.send(&mail()).await.unwrap_err().kind, LATER);
}

#[tokio::test]
async fn an_error_is_short_and_never_shows_the_key() {
    let message = format!("no {KEY}\r\n\u{1b}[31m {}", "long ".repeat(500));
    let error = refused(move || Reply::text(422, said("validation_error", &message))).await;
    assert!(error.what.contains(MASK) && !error.to_string().contains(KEY), "{error}");
    assert!(error.what.len() < 600 && !error.what.contains(char::is_control), "{error}");
}

#[tokio::test]
async fn what_became_of_a_mail_is_read_from_its_last_event() {
    for (event, expected) in [
        ("sent", DeliveryStatus::Sent),
        ("queued", DeliveryStatus::Sent),
        ("delivered", DeliveryStatus::Delivered),
        ("opened", DeliveryStatus::Delivered),
        ("bounced", DeliveryStatus::Bounced),
        ("complained", DeliveryStatus::Complained),
        ("delivery_delayed", DeliveryStatus::Delayed),
        ("levitated", DeliveryStatus::Unknown),
    ] {
        let body = json!({"object": "email", "id": "a/../b", "last_event": event}).to_string();
        let endpoint = Endpoint::start(move |_| Reply::text(200, body.clone())).await;
        assert_eq!(client(&endpoint).status("a/../b").await, Ok(expected), "{event}");
        assert_eq!(endpoint.seen()[0].line(), "GET /emails/a%2F..%2Fb HTTP/1.1");
    }
    let of = async |status, name| {
        let endpoint = Endpoint::start(move |_| Reply::text(status, said(name, ""))).await;
        client(&endpoint).status("1").await.map_err(|error| error.kind)
    };
    assert_eq!(of(404, "not_found").await, Ok(DeliveryStatus::Unknown));
    assert_eq!(of(401, "restricted_api_key").await, Ok(DeliveryStatus::Unknown));
    assert_eq!(of(403, "invalid_api_key").await, Err(MailErrorKind::Misconfigured));
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_sent() {
    let made = |url: &str, key: &str| Resend::new(url, &key.into(), &HttpOptions::default()).map(drop);
    assert!(made(Resend::DEFAULT_URL, KEY).is_ok() && made("http://localhost:1/", KEY).is_ok());
    for (url, key) in [
        ("http://api.resend.com", KEY),
        ("api.resend.com", KEY),
        ("ftp://api.resend.com", KEY),
        ("https://me:secret@api.resend.com", KEY),
        (Resend::DEFAULT_URL, " "),
        (Resend::DEFAULT_URL, "two\nlines"),
    ] {
        let error = made(url, key).unwrap_err();
        assert!(error.kind == MailErrorKind::Misconfigured && !error.to_string().contains("secret"), "{url}: {error}");
    }
}
