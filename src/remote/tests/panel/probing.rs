use std::time::Duration;

use aviary_kernel::config::MASK;
use aviary_remote::probe::{self, Outcome, Question};
use serde_json::json;
use url::Url;

use crate::script::{How, Reply, Script, quick};

async fn ask(question: &Question) -> Outcome {
    probe::ask(&quick(), question, Duration::from_secs(1)).await
}

fn at(script: &Script, path: &str) -> Url {
    Url::parse(&format!("{}{path}", script.url)).unwrap()
}

#[tokio::test]
async fn what_was_said_is_kept_and_the_key_is_masked_on_both_sides() {
    const KEY: &str = "re_secret+with/signs";
    let script = Script::start(|_| {
        Reply::json(200, &json!({"echo": KEY, "again": format!("Bearer {KEY}")}))
            .with("X-Echo", KEY)
            .with("Set-Cookie", "session=1")
    })
    .await;
    let outcome = ask(&Question::get(at(&script, "/domains?key=re_secret%2Bwith%2Fsigns")).bearer(KEY.into())).await;
    assert_eq!(script.seen()[0].header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert!(outcome.answer.unwrap().body.contains(KEY), "to be judged, in clear");
    let exchange = outcome.exchange.unwrap();
    assert_eq!((exchange.status, exchange.request), (Some(200), format!("GET {}/domains?key={MASK}", script.url)));
    assert_eq!(exchange.address.unwrap(), script.url.trim_start_matches("http://"));
    assert!(exchange.request_headers.contains(&("Authorization".into(), format!("Bearer {MASK}"))));
    assert!(exchange.headers.contains(&("x-echo".into(), MASK.into())));
    assert!(exchange.headers.contains(&("set-cookie".into(), MASK.into())));
    assert_eq!(exchange.body.matches(MASK).count(), 2);
    assert!(!exchange.body.contains("re_secret"));
}

#[tokio::test]
async fn the_address_of_a_webhook_is_a_secret_itself() {
    const TOKEN: &str = "aVeryLongTokenOfAWebhook_0123456789";
    let script = Script::start(|seen| Reply::json(200, &json!({"token": TOKEN, "url": seen.target}))).await;
    let url = at(&script, &format!("/api/webhooks/123456789012345678/{TOKEN}"));
    let outcome = ask(&Question { hides_path: true, ..Question::get(url) }).await;
    let told = format!("{outcome:?}");
    assert!(!told.contains(TOKEN) && told.contains("123456789012345678"), "{told}");
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_shown_and_no_part_of_a_secret() {
    const KEY: &str = "key-that-stands-across-the-cut";
    let script = Script::start(|_| Reply {
        body: format!("{}{KEY}{}", "a".repeat(2040), "b".repeat(600 << 10)),
        ..Reply::html(200)
    })
    .await;
    let exchange = ask(&Question::get(at(&script, "/")).bearer(KEY.into())).await.exchange.unwrap();
    assert!(exchange.is_cut && exchange.body.len() <= 2048);
    assert!(!exchange.body.contains("key"), "{}", &exchange.body[2030..]);
}

#[tokio::test]
async fn redirects_are_shown_and_not_followed() {
    let script = Script::start(|_| Reply::html(302).with("Location", "/elsewhere")).await;
    let exchange = ask(&Question::get(at(&script, "/"))).await.exchange.unwrap();
    assert_eq!((exchange.status, script.seen().len()), (Some(302), 1));
    assert!(exchange.headers.contains(&("location".into(), "/elsewhere".into())));
}

#[tokio::test]
async fn whoever_does_not_answer_is_named_with_what_to_do() {
    let script = Script::start(|_| Reply::html(200).how(How::Hang)).await;
    let outcome = ask(&Question::get(at(&script, "/"))).await;
    assert!(outcome.answer.unwrap_err().what.contains("did not answer within 1 seconds"));
    assert_eq!(outcome.exchange.unwrap().status, None);
    let closed = Question::get(Url::parse("http://127.0.0.1:1/").unwrap());
    let none = ask(&closed).await.answer.unwrap_err();
    assert!(none.what.contains("nobody answers at 127.0.0.1") && !none.remedy.is_empty(), "{none:?}");
    let unsendable = ask(&closed.bearer("two\nlines".into())).await;
    assert!(unsendable.exchange.is_none() && unsendable.answer.is_err());
}
