//! Endpoints that answer slowly, hugely or never.

use std::time::Duration;

use aviary_remote::hooks::{FailureKind, HookClient, HookOptions};

use crate::endpoint::{Endpoint, Reply};
use crate::{allowing, post, send};

/// Long enough for an answer within this machine to begin.
const BRIEF: Duration = Duration::from_millis(1500);

fn hasty() -> HookClient {
    HookClient::new(&HookOptions { request_timeout: BRIEF, ..allowing(&["127.0.0.1"]) }).unwrap()
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off_and_its_status_counts() {
    let endpoint = Endpoint::start(|_| Reply::Forever(200, "0123456789".repeat(500), Duration::ZERO)).await;
    let attempt = send(&endpoint.url()).await;
    assert_eq!((attempt.outcome, attempt.status, attempt.excerpt.len()), (Ok(()), Some(200), 1024));
}

#[tokio::test]
async fn an_answer_that_drips_is_given_up_in_time_and_its_status_counts() {
    for (status, is_taken) in [(202, true), (500, false)] {
        let endpoint =
            Endpoint::start(move |_| Reply::Forever(status, "drip ".to_owned(), Duration::from_millis(50))).await;
        let attempt = hasty().post(post(&endpoint.url())).await;
        assert_eq!((attempt.status, attempt.outcome.is_ok()), (Some(status), is_taken));
        assert!(attempt.excerpt.starts_with("drip"), "{attempt:?}");
    }
}

#[tokio::test]
async fn whoever_never_answers_is_tried_again() {
    let endpoint = Endpoint::start(|_| Reply::Silence).await;
    let attempt = hasty().post(post(&endpoint.url())).await;
    let failure = attempt.outcome.unwrap_err();
    assert_eq!((failure.kind, attempt.status, &*attempt.excerpt), (FailureKind::Retry, None, ""));
    assert!(failure.what.contains("did not answer within"), "{failure}");
}

#[tokio::test]
async fn redirects_share_the_time_of_one_attempt() {
    let silent = Endpoint::start(|_| Reply::Silence).await;
    let target = silent.url();
    let endpoint = Endpoint::start(move |_| Reply::status(307).with("Location", &*target)).await;
    let attempt = hasty().post(post(&endpoint.url())).await;
    assert_eq!((attempt.status, attempt.outcome.unwrap_err().kind), (Some(307), FailureKind::Retry));
}

#[tokio::test]
async fn a_connection_that_breaks_or_never_comes_about_is_tried_again() {
    let endpoint = Endpoint::start(|_| Reply::Reset).await;
    let attempt = send(&endpoint.url()).await;
    assert_eq!(attempt.outcome.unwrap_err().kind, FailureKind::Retry);
    assert_eq!(endpoint.seen().len(), 1, "sent once, so that each attempt is counted");
    let failure = send("http://127.0.0.1:1/a/secret/path").await.outcome.unwrap_err();
    assert!(failure.kind == FailureKind::Retry && failure.what.contains("127.0.0.1:1"), "{failure}");
    assert!(!failure.to_string().contains("path"));
}

#[tokio::test]
async fn a_ca_file_that_cannot_be_used_is_named() {
    let options = HookOptions { ca_file: Some("/nowhere/ca.pem".into()), ..allowing(&[]) };
    let unusable = HookClient::new(&options).err().unwrap();
    assert!(unusable.what.contains("/nowhere/ca.pem") && !unusable.remedy.is_empty());
}
