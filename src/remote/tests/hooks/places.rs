//! Where nothing is sent: to this machine, to networks that are not public, whatever the address looks like.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aviary_remote::hooks::{Attempt, FailureKind, HookClient, HookOptions};
use aviary_remote::probe::{self, Question};
use aviary_remote::{HttpOptions, Lookup, Outside};
use url::Url;

use crate::endpoint::{Endpoint, Reply};
use crate::{allowing, post};

/// A client that allows `networks` and looks names up by `find`.
fn client(networks: &[&str], find: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> HookClient {
    let mut options = allowing(networks);
    options.outside.lookup = Lookup::by(find);
    HookClient::new(&options).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn is_forbidden(attempt: &Attempt) -> bool {
    let Err(failure) = &attempt.outcome else { return false };
    failure.kind == FailureKind::Forbidden && failure.remedy.contains("webhooks.allowed_networks")
}

#[tokio::test]
async fn addresses_in_an_address_are_judged_however_they_are_written() {
    let endpoint = Endpoint::start(|_| Reply::status(204)).await;
    let port = endpoint.address.port();
    let strict = HookClient::new(&HookOptions::default()).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "%31%32%37.0.0.1",
        "①②⑦.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[fe80::1]",
        "10.0.0.1",
    ] {
        for scheme in ["http", "https"] {
            let attempt = strict.post(post(&format!("{scheme}://{host}:{port}/"))).await;
            assert!(is_forbidden(&attempt), "{scheme}://{host}: {attempt:?}");
            assert_eq!(attempt.status, None);
        }
    }
    assert!(endpoint.seen().is_empty());
}

#[tokio::test]
async fn names_are_judged_by_what_they_lead_to() {
    let endpoint = Endpoint::start(|_| Reply::status(204)).await;
    let strict = HookClient::new(&HookOptions::default()).unwrap();
    for host in ["localhost", "LOCALHOST"] {
        let attempt = strict.post(post(&format!("http://{host}:{}/", endpoint.address.port()))).await;
        assert!(is_forbidden(&attempt), "{host}: {attempt:?}");
    }
    let dotted = client(&[], |name| Ok(if name == "localhost." { vec![ip("127.0.0.1")] } else { Vec::new() }));
    assert!(is_forbidden(&dotted.post(post("https://localhost./")).await));
    let inside = client(&[], |_| Ok(vec![ip("169.254.169.254")]));
    let attempt = inside.post(post("https://metadata.example/")).await;
    assert!(is_forbidden(&attempt), "{attempt:?}");
    let what = attempt.outcome.unwrap_err().what;
    assert_eq!(what, "metadata.example leads to 169.254.169.254, a link-local address");
    assert!(endpoint.seen().is_empty());
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_reached_are() {
    let (first, second) = (Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2));
    let endpoint = Endpoint::at(second, |_| Reply::status(204)).await;
    let mixed = move |_: &str| Ok(vec![first.into(), ip("10.0.0.1"), second.into(), ip("::1")]);
    let url = format!("http://mixed.example:{}/", endpoint.address.port());
    let attempt = client(&["127.0.0.2"], mixed).post(post(&url)).await;
    assert_eq!((attempt.outcome, attempt.address), (Ok(()), Some(endpoint.address)));
    assert_eq!(endpoint.seen()[0].header("host").unwrap(), url.trim_start_matches("http://").trim_end_matches('/'));
    assert!(is_forbidden(&client(&["127.0.0.3"], mixed).post(post(&url)).await));
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let good = Endpoint::at(Ipv4Addr::new(127, 0, 0, 2), |_| Reply::status(204).with("Connection", "close")).await;
    let asked = AtomicUsize::new(0);
    let rebinding = client(&["127.0.0.2"], move |_| {
        Ok(vec![if asked.fetch_add(1, Ordering::SeqCst) == 0 { ip("127.0.0.2") } else { ip("127.0.0.1") }])
    });
    let url = format!("http://rebinding.example:{}/", good.address.port());
    assert_eq!(rebinding.post(post(&url)).await.outcome, Ok(()));
    assert!(is_forbidden(&rebinding.post(post(&url)).await), "judged anew at each attempt");
    assert_eq!(good.seen().len(), 1);
}

#[tokio::test]
async fn without_encryption_nothing_goes_to_the_public_internet() {
    let public = client(&["127.0.0.1"], |_| Ok(vec![ip("1.1.1.1")]));
    for url in ["http://hooks.example/", "http://1.1.1.1/"] {
        let attempt = public.post(post(url)).await;
        assert!(is_forbidden(&attempt), "{attempt:?}");
        assert!(attempt.outcome.unwrap_err().remedy.contains("https://"));
    }
}

#[tokio::test]
async fn a_name_without_addresses_is_tried_again() {
    for find in [|_: &str| Ok(Vec::new()), |_: &str| Err(io::Error::other("no such name"))] {
        let attempt = client(&[], find).post(post("https://nowhere.example/")).await;
        let failure = attempt.outcome.unwrap_err();
        assert_eq!(
            (failure.kind, &*failure.what),
            (FailureKind::Retry, "the name nowhere.example leads to no address")
        );
    }
}

#[tokio::test]
async fn tests_of_webhooks_go_no_further_than_webhooks() {
    let endpoint = Endpoint::start(|_| Reply::text(200, "inside")).await;
    let ask = async |url: &str, allowed: &[&str]| {
        let allowed = allowed.iter().map(|net| net.parse().unwrap()).collect();
        let outside = Outside { allowed, ..Outside::default() };
        let question = Question::get(Url::parse(url).unwrap()).outside_only(outside);
        probe::ask(&HttpOptions::default(), &question, Duration::from_secs(10)).await
    };
    let port = endpoint.address.port();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let outcome = ask(&format!("http://{host}:{port}/"), &[]).await;
        let none = outcome.answer.unwrap_err();
        assert!(none.what.contains("leads to") && none.remedy.contains("webhooks.allowed_networks"), "{none:?}");
        assert_eq!(outcome.exchange.unwrap().status, None);
    }
    assert!(endpoint.seen().is_empty());
    let outcome = ask(&endpoint.url(), &["127.0.0.0/8"]).await;
    assert_eq!(outcome.answer.unwrap().body, "inside");
}
