use aviary_domain::search::{Asked, Order, Subject};
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::Action;

use super::kit::{Kit, add_panel, asked};

#[tokio::test]
async fn every_element_of_a_query_means_what_it_says() {
    let kit = Kit::filled().await;
    let (one, cafe, build) = ("Survival One", "Café Lobby", "creative_build.test");
    let cases: &[(&str, &[&str])] = &[
        ("survival one", &[one]),
        ("one survival", &[one]),
        ("\"survival one\"", &[one]),
        ("\"one survival\"", &[]),
        ("surv*", &[one]),
        ("survival lobby", &[]),
        ("survival OR lobby", &[cafe, one]),
        ("survival AND lobby", &[]),
        ("survival AND NOT lobby", &[one]),
        ("NOT \"lobby\" survival", &[one]),
        ("-survival", &[cafe, build]),
        ("-survival -lobby", &[build]),
        ("-\"survival one\"", &[cafe, build]),
        ("-10.0.0.9:25565", &[cafe, build]),
        ("node:alpha", &[build, one]),
        ("node:\"alpha\"", &[build, one]),
        ("node:be*", &[cafe]),
        ("-node:alpha", &[cafe]),
        ("node:alpha -egg:bungeecord", &[one]),
        ("owner:ada", &[one]),
        ("email:ada@players.example.com", &[one]),
        ("location:eu node:beta", &[cafe]),
        ("ip:10.0.0.9", &[one]),
        ("ip:10.0.0.*", &[one]),
        ("port:25565", &[one]),
        ("address:10.0.0.9:25565", &[one]),
        ("id:11", &[one]),
        ("id:ab00000b", &[one]),
        ("external:billing-4711", &[build]),
        ("name:lobby", &[cafe]),
        ("state:suspended", &[cafe]),
        ("is:suspended", &[cafe]),
        ("is:server,node state:suspended", &[cafe]),
        ("variable:jar=purpur.jar node:beta", &[cafe]),
        ("panel:main lobby", &[cafe]),
        ("panel:1 lobby", &[cafe]),
        ("at:2026-11-20 lobby", &[cafe]),
        ("at:>2026-11-20 lobby", &[]),
        ("at:2026-11-01..2026-11-30 lobby", &[cafe]),
        ("before:2026-11-20 lobby", &[]),
        ("since:2h lobby", &[cafe]),
    ];
    for (query, wanted) in cases {
        let mut found = kit.servers(query).await;
        found.sort();
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{query}");
    }
    for (query, _) in cases {
        let found = kit.find(query).await;
        assert_eq!(found.doubts, Vec::<String>::new(), "{query}");
    }
}

#[tokio::test]
async fn what_is_left_out_or_read_differently_is_said() {
    let kit = Kit::filled().await;
    let cases = [
        ("colour:green", "is no field"),
        ("kind:dragon", "no kind of thing"),
        ("state:floating", "no state of anything"),
        ("panel:nowhere", "No panel is called"),
        ("at:soon", "is no time"),
        ("\"never closed", "not closed"),
        ("!!", "holds nothing to search for"),
        ("-kind:dragon", "no kind of thing"),
        ("-state:floating", "no state of anything"),
        ("-panel:nowhere", "No panel is called"),
        ("-since:2h", "behind a minus"),
        ("a OR state:failed", "behind a minus or OR"),
        ("a OR -b", "OR cannot"),
    ];
    for (query, said) in cases {
        let doubts = kit.find(query).await.doubts;
        assert!(doubts.iter().any(|doubt| doubt.contains(said)), "{query}: {doubts:?}");
    }
    let long = "word ".repeat(200);
    assert!(kit.find(&long).await.doubts.iter().any(|doubt| doubt.contains("first 500 characters")));
    let many = "a ".repeat(60);
    assert!(kit.find(&many).await.doubts.iter().any(|doubt| doubt.contains("first 32")));
    assert_eq!(kit.servers("localhost:25565").await, Vec::<String>::new());
    assert_eq!(kit.find("localhost:25565").await.doubts, Vec::<String>::new(), "an address is no field");
}

#[tokio::test]
async fn a_kind_is_left_out_by_a_minus() {
    let kit = Kit::filled().await;
    let total = async |query: &str| kit.find(query).await.total;
    let (all, servers, nodes) = (total("").await, total("kind:server").await, total("kind:node").await);
    assert!(servers > 0 && nodes > 0);
    assert_eq!(total("-kind:server").await, all - servers);
    assert_eq!(total("-kind:server,nodes").await, all - servers - nodes);
    assert_eq!(total("kind:server,node -kind:server").await, nodes, "wherever it stands");
    assert_eq!(total("-kind:server").await + total("kind:server").await, all);
    assert_eq!(kit.find("-kind:server").await.doubts, Vec::<String>::new());
}

#[tokio::test]
async fn states_and_panels_are_left_out_by_a_minus_with_and_without_counting() {
    let kit = Kit::filled().await;
    let other = add_panel(&kit.panels, "Other").await;
    kit.fill(other).await;
    kit.search.caught_up().await.unwrap();
    let total = async |query: &str| {
        let found = kit.find(query).await;
        assert_eq!(found.doubts, Vec::<String>::new(), "{query}");
        let counted = kit.ask(Asked { facets: true, histogram: true, ..asked(query) }).await;
        assert_eq!((counted.total, &counted.hits), (found.total, &found.hits), "{query}");
        found.total
    };
    let all = total("").await;
    for narrowed in
        ["state:suspended", "state:created,changed", "panel:other", "panel:main,2", "is:suspended", "is:server"]
    {
        let (some, rest) = (total(narrowed).await, total(&format!("-{narrowed}")).await);
        assert!(some > 0, "{narrowed}");
        assert_eq!(some + rest, all, "{narrowed}");
    }
    assert_eq!(total("kind:server -state:suspended").await, 4);
    assert_eq!(total("kind:server -state:suspended -panel:other").await, 2);
    assert_eq!(total("panel:other -panel:other").await, 0);
    assert_eq!(total("lobby -is:suspended").await, total("lobby").await - 2);
}

#[tokio::test]
async fn what_is_left_out_is_not_counted_as_something_to_choose() {
    let kit = Kit::filled().await;
    let other = add_panel(&kit.panels, "Other").await;
    kit.fill(other).await;
    kit.search.caught_up().await.unwrap();
    let counted = async |query: &str| kit.ask(Asked { facets: true, ..asked(query) }).await.facets;
    let other = other.to_string();
    for (query, field, value) in [
        ("-kind:server", "kind", "server"),
        ("-is:server lobby", "kind", "server"),
        ("-panel:other", "panel", other.as_str()),
        ("-state:suspended", "state", "suspended"),
        ("-is:suspended kind:server", "state", "suspended"),
    ] {
        let facets = counted(query).await;
        assert!(!facets.is_empty(), "{query}");
        assert!(!facets.iter().any(|facet| facet.field == field && facet.value == value), "{query}: {facets:?}");
    }
    // What is only not chosen is: each count is what choosing it in its place finds.
    for facet in counted("kind:node").await.iter().filter(|facet| facet.field == "kind") {
        assert_eq!(kit.find(&format!("kind:{}", facet.value)).await.total, facet.count, "{facet:?}");
    }
}

#[tokio::test]
async fn times_are_read_in_the_zone_of_who_asks() {
    let kit = Kit::empty().await;
    // Half past eleven at night in UTC is the next day in Berlin.
    kit.clock.set(Timestamp::parse("2026-11-21T23:30:00Z").unwrap());
    kit.record(Action::PanelTested, "owl", "late").await;
    kit.search.caught_up().await.unwrap();
    let count = async |query: &str, zone: Option<&str>| {
        let zone = zone.map(str::to_owned);
        kit.ask(Asked { zone, ..asked(&format!("by:owl {query}")) }).await.total
    };
    assert_eq!(count("on:2026-11-21", None).await, 1);
    assert_eq!(count("on:2026-11-21", Some("Europe/Berlin")).await, 0);
    assert_eq!(count("on:2026-11-22", Some("Europe/Berlin")).await, 1);
    assert_eq!(count("on:2026-11-21", Some("No/Where")).await, 1, "UTC where the zone is none");
    assert_eq!(count("on:today", None).await, 1);
    assert_eq!(count("on:yesterday", None).await, 0);
    assert_eq!(count("at:2026-11-21T23", None).await, 1);
    assert_eq!(count("at:\"2026-11-21 23:30\"", None).await, 1);
    assert_eq!(count("at:2026-11", None).await, 1);
    assert_eq!(count("at:>=2026-11-21T23:30:00Z", None).await, 1);
    assert_eq!(count("at:<2026-11-21T23:30:00Z", None).await, 0);
    assert_eq!(count("after:2026-11-20 before:2026-11-22", None).await, 1);
    assert_eq!(count("until:2026-11-20", None).await, 0);
}

#[tokio::test]
async fn what_is_asked_beside_the_text_narrows_too() {
    let kit = Kit::filled().await;
    let other = add_panel(&kit.panels, "Other").await;
    kit.fill(other).await;
    kit.search.caught_up().await.unwrap();
    let found = kit.ask(Asked { panel: Some(other), subjects: vec![Subject::Server], ..asked("survival") }).await;
    assert_eq!((found.total, found.hits[0].panel), (1, Some(other)));
    let noon = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    assert_eq!(kit.ask(Asked { until: Some(noon), ..asked("survival") }).await.total, 0);
    let both = kit.ask(Asked { since: Some(noon), subjects: vec![Subject::Server], ..asked("survival") }).await;
    assert_eq!(both.total, 2);
    assert_eq!(kit.ask(Asked { panel: Some(other), ..asked("panel:main survival") }).await.total, 0);
}

#[tokio::test]
async fn newest_and_oldest_go_over_everything() {
    let kit = Kit::filled().await;
    kit.clock.advance_s(3600);
    kit.record(Action::PanelTested, "owl", "survival").await;
    kit.search.caught_up().await.unwrap();
    let first = async |order| kit.ask(Asked { order, ..asked("survival") }).await;
    let (newest, oldest) = (first(Order::Newest).await, first(Order::Oldest).await);
    assert_eq!(newest.hits[0].place.subject(), Some(Subject::Audit));
    assert_eq!(oldest.hits.last().unwrap().place.subject(), Some(Subject::Audit));
    assert_eq!(newest.total, oldest.total);
    let usual = first(Order::Usual).await;
    assert!(usual.hits[0].place.subject().unwrap().is_object());
}

#[tokio::test]
async fn phrases_that_stand_nowhere_or_everywhere_are_left_out_of_records() {
    let kit = Kit::filled().await;
    kit.search.caught_up().await.unwrap();
    let count = async |query: &str| kit.find(query).await.total;
    for kind in ["change", "audit", "event", "sync", "server", "server,change,audit"] {
        let all = count(&format!("kind:{kind}")).await;
        for phrase in
            ["\"no such words\"", "\"survival one\"", "nobody@example.com", "10.0.0.9:25565", "\"created by\""]
        {
            let (with, without) =
                (count(&format!("kind:{kind} {phrase}")).await, count(&format!("kind:{kind} -{phrase}")).await);
            assert!(without <= all && without + with >= all, "{kind} {phrase}: {with} and {without} of {all}");
        }
        let exact = "\"survival one\"";
        let (with, without) =
            (count(&format!("kind:{kind} {exact}")).await, count(&format!("kind:{kind} -{exact}")).await);
        assert_eq!(with + without, all, "{kind}");
        assert_eq!(count(&format!("kind:{kind} -\"no such words\"")).await, all, "{kind}");
    }
}
