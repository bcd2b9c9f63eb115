use std::collections::HashSet;

use aviary_domain::search::{Asked, Order, Place};
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::Action;

use super::kit::{Kit, add_panel, asked, places, server};

async fn many() -> Kit {
    let kit = Kit::filled().await;
    kit.put(kit.panel, (100..160).map(|id| server(id, &format!("Survival {}", id % 7))).collect()).await;
    for day in 1..40 {
        kit.clock.set(Timestamp::from_seconds(1_795_000_000 + day * 90_000));
        kit.record(Action::PanelTested, "owl", "survival").await;
        kit.record(Action::PanelChanged, "owl", "survival").await;
    }
    kit.search.caught_up().await.unwrap();
    kit
}

#[tokio::test]
async fn cursors_give_each_hit_once_in_every_order() {
    let kit = many().await;
    for order in [Order::Usual, Order::Newest, Order::Oldest] {
        for query in ["survival", "", "kind:audit", "kind:server"] {
            let whole = kit.ask(Asked { order, ..asked(query) }).await;
            let (mut walked, mut after): (Vec<Place>, _) = (Vec::new(), None);
            loop {
                let page = kit.ask(Asked { order, after, limit: 7, ..asked(query) }).await;
                assert_eq!(page.total, whole.total);
                walked.extend(places(&page));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(walked.len() as u64, whole.total, "{order:?} {query}");
            assert_eq!(walked.iter().collect::<HashSet<_>>().len(), walked.len(), "{order:?} {query}");
            let shown = places(&whole);
            assert_eq!(walked[..shown.len()], shown[..], "{order:?} {query}");
        }
    }
}

#[tokio::test]
async fn facets_count_as_if_they_alone_were_not_narrowed() {
    let kit = many().await;
    let other = add_panel(&kit.panels, "Other").await;
    kit.fill(other).await;
    kit.search.caught_up().await.unwrap();
    let facets = async |query: &str| kit.ask(Asked { facets: true, ..asked(query) }).await;
    let of = |found: &aviary_domain::search::Found, field: &str, value: &str| {
        found.facets.iter().find(|facet| facet.field == field && facet.value == value).map_or(0, |facet| facet.count)
    };
    let all = facets("survival").await;
    assert_eq!(all.facets.iter().filter(|f| f.field == "kind").map(|f| f.count).sum::<u64>(), all.total);
    let narrowed = facets("survival kind:server").await;
    assert_eq!(of(&narrowed, "kind", "audit"), of(&all, "kind", "audit"), "the others are counted still");
    assert_eq!(of(&narrowed, "kind", "server"), narrowed.total);
    assert_eq!(of(&narrowed, "panel", &other.to_string()), 1);
    assert_eq!(of(&narrowed, "state", "done"), 0, "states of servers only");
    let both = facets("survival kind:server panel:other").await;
    assert_eq!((both.total, of(&both, "kind", "server")), (1, 1));
    assert_eq!(of(&both, "panel", &kit.panel.to_string()), of(&narrowed, "panel", &kit.panel.to_string()));
    assert_eq!(kit.find("survival kind:server").await.total, narrowed.total, "with and without counting");
    let everything = facets("").await;
    kit.remove(aviary_kernel::model::Kind::Server, vec![12, 101]).await;
    kit.search.caught_up().await.unwrap();
    let less = facets("").await;
    assert_eq!(of(&less, "kind", "server"), of(&everything, "kind", "server") - 2, "what is gone is not counted");
    for facet in &less.facets {
        let query = format!("{}:{}", facet.field, facet.value);
        assert_eq!(facets(&query).await.total, facet.count, "{query}");
        assert_eq!(kit.find(&query).await.total, facet.count, "{query}");
    }
    for facet in &facets("survival").await.facets {
        let query = format!("survival {}:{}", facet.field, facet.value);
        assert_eq!(kit.find(&query).await.total, facet.count, "{query}");
    }
}

#[tokio::test]
async fn the_histogram_has_every_record_in_a_bar() {
    let kit = many().await;
    for query in [
        "kind:audit by:owl",
        "survival",
        "kind:audit by:owl since:3d",
        "kind:server",
        "kind:audit",
        "kind:change,audit since:3d",
        "",
    ] {
        let found = kit.ask(Asked { histogram: true, ..asked(query) }).await;
        let bars = &found.histogram;
        assert!(!bars.is_empty() && bars.len() <= 60, "{query}: {}", bars.len());
        assert!(bars.windows(2).all(|pair| pair[0].until == pair[1].from), "{query}: no gaps");
        let records = if query == "survival" || query.is_empty() {
            let records = "kind:sync,change,audit,event,job,delivery,mail";
            kit.find(&format!("{query} {records}")).await.total
        } else {
            found.total
        };
        let counted = kit.ask(Asked { histogram: true, facets: true, ..asked(query) }).await;
        assert_eq!(&counted.histogram, bars, "{query}: with and without other counts");
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), records, "{query}");
    }
    let empty = kit.ask(Asked { histogram: true, ..asked("nothing-like-this") }).await;
    assert_eq!((empty.total, empty.histogram.len()), (0, 0));
}

#[tokio::test]
async fn a_cursor_of_something_else_is_said_and_not_followed() {
    let kit = Kit::filled().await;
    let after = Some(aviary_kernel::base::Cursor::after(b"somewhere"));
    let found = kit.ask(Asked { after, ..asked("survival") }).await;
    assert!(found.total > 0 && found.doubts.len() == 1, "{:?}", found.doubts);
}
