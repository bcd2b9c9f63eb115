use std::time::Duration;

use aviary_sim::PanelSpec;
use serde_json::json;

use crate::aviary::{Place, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sync_is_marked_and_the_next_one_heals() {
    let spec = PanelSpec {
        servers: 400,
        users: 300,
        page_delay: Duration::from_millis(40),
        per_page_cap: Some(50),
        ..PanelSpec::default()
    };
    let place = Place::new(spec).await;
    for _ in 0..3 {
        let server = place.serve();
        let (_, panels) = server.get("/api/v1/panels").await;
        if panels["data"].as_array().is_none_or(Vec::is_empty) {
            place.add_panel().await.done();
        }
        let (status, started) = server.post("/api/v1/panels/1/sync", json!({})).await;
        assert_eq!(status, 202, "{started}");
        let id = started["data"]["run"]["id"].as_str().unwrap().to_owned();
        let seen = place.sim.request_count();
        until("some requests of the sync", async || place.sim.request_count() > seen + 12).await;
        server.kill();
        let server = place.serve();
        let (_, run) = server.get(&format!("/api/v1/syncs/{id}")).await;
        assert_eq!(run["data"]["status"], "failed", "{run}");
        server.kill();
        place.run(&["check"]).await.done();
    }
    place.run(&["sync"]).await.done();
    let again = place.run(&["--json", "sync"]).await.done().json();
    let changed = again["steps"]
        .as_array()
        .unwrap()
        .iter()
        .any(|step| step["counts"]["updated"] != 0 || step["counts"]["created"] != 0);
    assert!(!changed, "{again:#}");
    place.run(&["check"]).await.done();
}
