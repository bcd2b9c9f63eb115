//! The client of webhooks over real HTTP: what it sends, what it makes of answers, and where it does not go.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../shared/endpoint.rs"]
mod endpoint;

mod answers;
mod limits;
mod places;
mod redirects;
mod simulated;

use std::time::Duration;

use aviary_remote::Outside;
use aviary_remote::hooks::{Attempt, HookClient, HookOptions, Post};
use url::Url;

/// Options that allow this machine's first address, where endpoints of tests live.
fn allowing(networks: &[&str]) -> HookOptions {
    let allowed = networks.iter().map(|net| net.parse().unwrap()).collect();
    HookOptions {
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(20),
        outside: Outside { allowed, ..Outside::default() },
        ca_file: None,
    }
}

fn client() -> HookClient {
    HookClient::new(&allowing(&["127.0.0.1"])).unwrap()
}

fn post(url: &str) -> Post {
    Post { url: Url::parse(url).unwrap(), headers: Vec::new(), body: "{}".into(), secrets: Vec::new() }
}

async fn send(url: &str) -> Attempt {
    client().post(post(url)).await
}
