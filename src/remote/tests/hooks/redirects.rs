//! Being sent elsewhere.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aviary_remote::hooks::{FailureKind, HookClient};

use crate::endpoint::{Endpoint, Reply};
use crate::{allowing, client, post, send};

#[tokio::test]
async fn the_same_is_sent_where_a_redirect_leads() {
    let target = Endpoint::start(|_| Reply::status(204)).await;
    for status in [307, 308] {
        let to = format!("{}/new/{status}", target.url());
        let endpoint = Endpoint::start(move |_| Reply::status(status).with("Location", &*to)).await;
        let attempt = send(&endpoint.url()).await;
        assert_eq!((attempt.outcome, attempt.status, attempt.address), (Ok(()), Some(204), Some(target.address)));
    }
    let seen = target.seen();
    assert_eq!([seen[0].line(), seen[1].line()], ["POST /new/307 HTTP/1.1", "POST /new/308 HTTP/1.1"]);
    assert_eq!((&*seen[0].body, seen[0].header("content-type")), ("{}", Some("application/json")));
}

#[tokio::test]
async fn keys_do_not_go_along_to_another_host() {
    let target = Endpoint::start(|_| Reply::status(204)).await;
    let (to, here) = (target.url(), Arc::new(AtomicUsize::new(0)));
    let endpoint = Endpoint::start(move |_| match here.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::status(307).with("Location", "/second"),
        _ => Reply::status(307).with("Location", &*to),
    })
    .await;
    let mut post = post(&endpoint.url());
    post.headers = [("Authorization", "Bearer k"), ("X-Key", "k"), ("webhook-signature", "v1,s"), ("webhook-id", "m")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    assert_eq!(client().post(post).await.outcome, Ok(()));
    assert_eq!(endpoint.seen()[1].header("x-key"), Some("k"), "the same host");
    let there = &target.seen()[0];
    let got = ["authorization", "x-key", "webhook-signature", "webhook-id"].map(|name| there.header(name));
    assert_eq!(got, [None, None, Some("v1,s"), Some("m")]);
}

#[tokio::test]
async fn a_redirect_to_a_place_inside_is_not_followed() {
    let inside = Endpoint::at(Ipv4Addr::new(127, 0, 0, 2), |_| Reply::status(204)).await;
    let port = inside.address.port();
    for to in [
        inside.url(),
        format!("//127.2:{port}/"),
        format!("http://[::ffff:127.0.0.2]:{port}/"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        let location = to.clone();
        let endpoint = Endpoint::start(move |_| Reply::status(307).with("Location", &*location)).await;
        let only_the_first = HookClient::new(&allowing(&[&endpoint.address.ip().to_string()])).unwrap();
        let attempt = only_the_first.post(post(&endpoint.url())).await;
        assert_eq!((attempt.outcome.unwrap_err().kind, attempt.status), (FailureKind::Forbidden, Some(307)), "{to}");
    }
    assert!(inside.seen().is_empty());
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let endpoint = Endpoint::start(|_| Reply::status(308).with("Location", "/round")).await;
    let failure = send(&endpoint.url()).await.outcome.unwrap_err();
    assert_eq!((failure.kind, endpoint.seen().len()), (FailureKind::Refused, 4));
}

#[tokio::test]
async fn redirects_that_would_lose_the_message_say_where_to_go_instead() {
    for status in [301, 302, 303] {
        let endpoint =
            Endpoint::start(move |_| Reply::status(status).with("Location", "https://new.example/a/secret?token=abc"))
                .await;
        let failure = send(&endpoint.url()).await.outcome.unwrap_err();
        assert!(
            failure.kind == FailureKind::Refused && failure.what.contains("sends us to new.example ("),
            "{failure}"
        );
        assert!(failure.remedy.contains("enter the new address") && !failure.what.contains("secret"), "{failure}");
        assert_eq!(endpoint.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_a_refusal() {
    for location in [None, Some("ftp://files.example/"), Some("http://"), Some("http://me:secret@127.0.0.1/")] {
        let endpoint = Endpoint::start(move |_| match location {
            Some(location) => Reply::status(307).with("Location", location),
            None => Reply::status(307),
        })
        .await;
        let failure = send(&endpoint.url()).await.outcome.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused, "{location:?}");
        assert!(!failure.to_string().contains("secret"));
    }
}
