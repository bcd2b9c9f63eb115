use aviary_domain::search::{Place, Standing, Subject};
use aviary_kernel::model::{Action, Kind, ObjectKey, Server};

use super::kit::{Kit, SECRET, places, server, titles};
use crate::lab::{Lab, small};

#[tokio::test]
async fn everything_that_a_sync_mirrored_is_found() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let search = aviary_domain::search::Search::new(lab.store.clone(), lab.env.clone(), lab.dir.path().join("search"));
    search.caught_up().await.unwrap();
    assert_eq!((search.standing(), search.stats().behind), (Standing::Ready, 0));
    for id in lab.ids::<Server>() {
        let server = lab.get::<Server>(id).unwrap();
        let asked = super::kit::asked(&format!("kind:server {}", server.uuid));
        let found = search.find(asked, super::kit::all()).await.unwrap();
        let key = ObjectKey { panel: lab.panel, kind: Kind::Server, id };
        assert_eq!((found.total, places(&found)), (1, vec![Place::Object(key)]), "{}", server.name);
    }
}

#[tokio::test]
async fn objects_are_found_whole_in_part_and_without_accents() {
    let kit = Kit::filled().await;
    let one =
        ["Survival One", "survival", "SURVIVAL", "surv", "viva", "su", "uuid:12345678-0008-4000-8000-00000000000b"];
    for query in one.into_iter().chain([
        "ab00000b",
        "b00000b",
        "10.0.0.9:25565",
        "9:255",
        "ada@players.example.com",
        "owner:ada",
    ]) {
        assert_eq!(kit.servers(query).await, ["Survival One"], "{query}");
    }
    for query in ["cafe", "Café", "CAFÉ lobby", "afe lob"] {
        assert_eq!(kit.servers(query).await, ["Café Lobby"], "{query}");
    }
    for query in ["creative", "build", "test", "creative_build.test", "billing-4711", "ling-47", "meadow", "bungeecord"]
    {
        assert_eq!(kit.servers(query).await, ["creative_build.test"], "{query}");
    }
    assert_eq!(kit.servers("nothing-like-this").await, Vec::<String>::new());
    assert_eq!(kit.servers("purpur.jar").await.len(), 3, "variables are found");
}

#[tokio::test]
async fn what_is_hidden_is_not_found_and_not_shown() {
    let kit = Kit::filled().await;
    for query in [SECRET, "xylophone77", "Hidden", "variable:TOKEN*"] {
        let found = kit.find(query).await;
        assert_eq!(titles(&found), Vec::<String>::new(), "{query}");
    }
    let everything = kit.find("").await;
    assert!(!format!("{everything:?}").contains(SECRET));
}

#[tokio::test]
async fn what_fits_better_comes_first_and_misspelt_names_are_forgiven() {
    let kit = Kit::filled().await;
    let more = vec![server(21, "Kilo"), server(22, "Kilobyte"), server(23, "The Kilo Two"), server(24, "Milo")];
    kit.put(kit.panel, more).await;
    let says = aviary_kernel::model::Server { description: Some("half a kilo".into()), ..server(25, "Zeta") };
    kit.put(kit.panel, vec![says]).await;
    kit.put(kit.panel, vec![super::kit::node(3, "Kilo")]).await;
    kit.search.caught_up().await.unwrap();
    assert_eq!(kit.servers("kilo").await, ["Kilo", "The Kilo Two", "Kilobyte", "Zeta"]);
    assert_eq!(kit.servers("survivel").await, ["Survival One"], "one wrong letter");
    assert_eq!(kit.servers("creatvie").await, ["creative_build.test"], "two letters the wrong way round");
    assert_eq!(kit.servers("lobbi").await, ["Café Lobby"], "another last letter");
    assert_eq!(kit.servers("sur").await, ["Survival One"], "short ones are taken as they are");
    let objects = kit.ask(super::kit::asked("kilo kind:server,node")).await;
    let first: Vec<_> = objects.hits.iter().take(2).map(|hit| (hit.title.text(), hit.place.subject())).collect();
    assert_eq!(first, [("Kilo".into(), Some(Subject::Server)), ("Kilo".into(), Some(Subject::Node))]);
}

#[tokio::test]
async fn marks_show_what_was_searched_for() {
    let kit = Kit::filled().await;
    let marked = |found: &aviary_domain::search::Found| {
        let hit = &found.hits[0];
        let all = hit.title.0.iter().chain(hit.lines.iter().flat_map(|(_, line)| &line.0));
        all.filter(|bit| bit.fits).map(|bit| bit.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(marked(&kit.find("kind:server survival").await), ["Survival"]);
    assert_eq!(marked(&kit.find("kind:server viva").await), ["viva"]);
    assert_eq!(marked(&kit.find("kind:server cafe").await), ["Café"]);
    assert_eq!(marked(&kit.find("kind:server 10.0.0.9:25565").await), ["10.0.0.9:25565"]);
    assert_eq!(marked(&kit.find("kind:server \"quiet meadow\"").await), ["quiet meadow"]);
    let hit = kit.find("kind:server survival").await.hits.remove(0);
    let labels: Vec<_> = hit.lines.iter().map(|(label, line)| (*label, line.text())).collect();
    assert!(labels.contains(&("Node", "Alpha".into())) && labels.contains(&("Owner", "ada".into())), "{labels:?}");
}

#[tokio::test]
async fn a_hit_says_what_the_row_says_now_and_one_that_is_gone_is_passed_over() {
    let kit = Kit::filled().await;
    kit.put(kit.panel, vec![server(11, "Renamed")]).await;
    kit.remove(Kind::Server, vec![12]).await;
    assert_eq!(kit.servers("survival").await, ["Renamed"], "the index does not know yet, the hit does");
    assert_eq!(kit.servers("lobby").await, Vec::<String>::new());
    kit.search.caught_up().await.unwrap();
    assert_eq!(kit.servers("survival").await, Vec::<String>::new());
    assert_eq!(kit.servers("renamed").await, ["Renamed"]);
}

#[tokio::test]
async fn records_are_found_newest_first() {
    let kit = Kit::filled().await;
    for number in 0..5 {
        kit.clock.advance_s(60);
        kit.record(Action::PanelTested, "night shift", &format!("panel number {number}")).await;
    }
    kit.search.caught_up().await.unwrap();
    let found = kit.find("kind:audit by:\"night shift\"").await;
    let named: Vec<_> =
        found.hits.iter().map(|hit| hit.lines.iter().find(|(label, _)| *label == "To").unwrap().1.text()).collect();
    assert_eq!(named, ["panel number 4", "panel number 3", "panel number 2", "panel number 1", "panel number 0"]);
    assert_eq!(kit.find("action:panel.test number").await.total, 5);
    let changes = kit.find("kind:change survival").await;
    assert_eq!((changes.total, changes.hits[0].state), (1, Some("created")));
}
