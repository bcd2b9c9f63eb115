//! The rate limit, and what is counted.

use std::time::Duration;

use aviary_sim::{Api, PanelSpec};

use crate::http::{ask, get, panel, send};

#[tokio::test]
async fn the_window_is_fixed_and_shared_by_all_keys_of_a_user() {
    let panel = panel(PanelSpec { rate_limit: 3, client_rate_limit: 50, ..PanelSpec::default() }).await;
    let account = panel.with_world(|world| world.add_account_key(1));
    let first = get(&panel, "/api/application/users").await;
    assert_eq!((first.header("X-RateLimit-Limit"), first.header("X-RateLimit-Remaining")), (Some("3"), Some("2")));
    assert!(first.header("Retry-After").is_none());
    ask(&panel, "GET", "/api/application/users", Some(&account), None).await;
    assert_eq!(get(&panel, "/api/application/users/999").await.status, 404, "counted all the same");
    panel.clock().advance(Duration::from_secs(20));

    let refused = get(&panel, "/api/application/users").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "ThrottleRequestsException"));
    assert_eq!(refused.header("X-RateLimit-Remaining"), Some("0"));
    assert_eq!(refused.header("Retry-After"), Some("40"));
    assert!(refused.header("X-RateLimit-Reset").is_some());
    let client = get(&panel, "/api/client").await;
    assert_eq!(client.header("X-RateLimit-Remaining"), Some("49"), "the other API has a bucket of its own");

    panel.clock().advance(Duration::from_secs(40));
    assert_eq!(get(&panel, "/api/application/users").await.status, 200);
    assert_eq!((panel.count_429(), panel.request_count()), (1, 6));
}

#[tokio::test]
async fn no_limit_shows_as_one_out_of_reach() {
    let panel = panel(PanelSpec { rate_limit: 0, ..PanelSpec::default() }).await;
    let answer = get(&panel, "/api/application/users").await;
    assert_eq!(answer.header("X-RateLimit-Limit"), Some("1000000000"));
}

#[tokio::test]
async fn requests_are_remembered() {
    let panel = panel(PanelSpec::default()).await;
    get(&panel, "/api/application/users?per_page=1").await;
    ask(&panel, "GET", "/api/client", None, None).await;
    let seen = panel.requests();
    assert_eq!(
        (seen[0].path.as_str(), seen[0].query.as_str(), seen[0].status),
        ("/api/application/users", "per_page=1", 200)
    );
    assert_eq!((seen[1].api, seen[1].status, seen[1].limited), (Api::Client, 401, false));
    panel.reset_requests();
    assert_eq!((panel.request_count(), panel.requests().len()), (0, 0));
}

#[tokio::test]
async fn requests_in_flight_are_counted() {
    let panel = panel(PanelSpec { page_delay: Duration::from_millis(80), ..PanelSpec::default() }).await;
    let one = || get(&panel, "/api/application/users");
    tokio::join!(one(), one(), one());
    assert_eq!(panel.max_in_flight(), 3);
}

#[tokio::test]
async fn pelican_limits_token_calls_per_server() {
    let panel = panel(PanelSpec { awkward: false, ..PanelSpec::pelican() }).await;
    let uuid = panel.with_world(|world| world.servers[&1].uuid.clone());
    let path = format!("/api/client/servers/{uuid}/websocket");
    for _ in 0..5 {
        assert_eq!(get(&panel, &path).await.status, 200);
    }
    let refused = get(&panel, &path).await;
    assert_eq!((refused.status, refused.header("X-RateLimit-Limit")), (429, Some("5")));
}

#[tokio::test]
async fn starting_backups_is_limited_with_a_wait_of_its_own() {
    let panel = panel(PanelSpec { awkward: false, ..PanelSpec::default() }).await;
    let path = panel.with_world(|world| {
        world.servers.get_mut(&1).expect("server 1").feature_limits.backups = 50;
        format!("/api/client/servers/{}/backups", world.servers[&1].identifier())
    });
    let start = async || send(&panel, "POST", &path, serde_json::json!({})).await;
    assert_eq!((start().await.status, start().await.status), (200, 200));
    let refused = start().await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "TooManyRequestsHttpException"));
    assert_eq!((refused.header("Retry-After"), refused.header("X-RateLimit-Limit")), (Some("600"), Some("720")));
}
