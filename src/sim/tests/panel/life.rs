//! A panel with a life of its own.

use std::time::Duration;

use aviary_sim::{LifeSpec, PanelSpec};

use crate::http::{get, panel};

fn spec() -> PanelSpec {
    PanelSpec { rate_limit: 0, servers: 40, ..PanelSpec::default() }
}

#[tokio::test]
async fn the_same_seed_lives_the_same_life() {
    let (one, two) = (panel(spec()).await, panel(spec()).await);
    let (a, b) = (one.tick_many(300), two.tick_many(300));
    assert_eq!(a, b);
    assert!(a.len() > 200, "most ticks lead to something");
    let path = "/api/application/servers?per_page=500&include=allocations,subusers,variables,databases";
    let text = get(&one, path).await.text();
    assert_eq!(text, get(&two, path).await.text());
}

#[tokio::test]
async fn a_long_life_leaves_the_world_whole() {
    let panel = panel(spec()).await;
    panel.tick_many(2_000);
    let world = panel.world();
    for server in world.servers.values() {
        assert!(world.users.contains_key(&server.user), "{} has an owner", server.id);
        assert!(world.nodes.contains_key(&server.node) && world.eggs.contains_key(&server.egg));
        let primary = world.allocations.get(&server.allocation.expect("primary")).expect("it exists");
        assert_eq!(primary.server, Some(server.id));
    }
    for allocation in world.allocations.values() {
        assert!(allocation.server.is_none_or(|server| world.servers.contains_key(&server)));
    }
    for row in world.subusers.values() {
        assert!(world.servers.contains_key(&row.server) && world.users.contains_key(&row.user));
    }
    assert!(world.users.contains_key(&1), "the administrator stays");
}

#[tokio::test]
async fn life_goes_on_by_itself_until_it_is_stopped() {
    let panel = panel(spec()).await;
    let before = get(&panel, "/api/application/servers?per_page=500").await.text();
    panel.live(LifeSpec { tick: Duration::from_millis(2), changes_per_tick: 40 });
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if get(&panel, "/api/application/servers?per_page=500").await.text() != before {
            break;
        }
    }
    panel.stop_life();
    let after = get(&panel, "/api/application/servers?per_page=500").await.text();
    assert_ne!(after, before);
    panel.stop().await;
}
