//! The history, narrowed with the index and without.

use std::fs;

use aviary_domain::mirror::{Book, HistoryQuery};
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{HistoryEntry, Kind, Operation};

use super::kit::{Kit, START, add_panel, node, server};

/// A history of two panels in which the clock was once put back by two months.
async fn busy() -> Kit {
    let kit = Kit::filled().await;
    let other = add_panel(&kit.panels, "Other").await;
    kit.clock.set(Timestamp::parse("2027-01-20T12:00:00Z").unwrap());
    kit.fill(other).await;
    kit.clock.set(Timestamp::parse("2026-11-21T12:00:00Z").unwrap());
    for turn in 0..40 {
        kit.put(kit.panel, vec![server(11 + turn % 3, &format!("Turn {turn}"))]).await;
        if turn % 10 == 0 {
            kit.put(other, vec![node(1, &format!("Gamma {turn}"))]).await;
        }
    }
    kit.remove(Kind::Server, vec![13]).await;
    kit.search.caught_up().await.unwrap();
    kit
}

fn queries() -> Vec<HistoryQuery> {
    let all = HistoryQuery::default;
    let at = |text: &str| Timestamp::parse(text);
    vec![
        all(),
        HistoryQuery { kind: Some(Kind::Location), ..all() },
        HistoryQuery { kind: Some(Kind::Server), operation: Some(Operation::Changed), ..all() },
        HistoryQuery { kind: Some(Kind::Subuser), ..all() },
        HistoryQuery { panel: Some(aviary_kernel::model::PanelId(2)), ..all() },
        HistoryQuery { operation: Some(Operation::Removed), ..all() },
        HistoryQuery { operation: Some(Operation::Created), field: Some("limits".into()), ..all() },
        HistoryQuery { field: Some("limits.memory".into()), ..all() },
        HistoryQuery { field: Some("limits.mem".into()), ..all() },
        HistoryQuery { field: Some("NAME".into()), ..all() },
        HistoryQuery { field: Some("name".into()), search: Some("TURN 1".into()), ..all() },
        HistoryQuery { search: Some("turn 3".into()), ..all() },
        HistoryQuery { kind: Some(Kind::Node), until: at("2026-11-21T12:00:00Z"), ..all() },
        HistoryQuery { operation: Some(Operation::Changed), from: at("2026-11-21T12:00:00Z"), ..all() },
        HistoryQuery { sync: Some(uuid::Uuid::from_u128(5)), kind: Some(Kind::Egg), ..all() },
        HistoryQuery { sync: Some(uuid::Uuid::from_u128(6)), kind: Some(Kind::Egg), ..all() },
    ]
}

async fn walked(book: &Book, query: &HistoryQuery, limit: usize) -> Vec<HistoryEntry> {
    let (mut entries, mut after) = (Vec::new(), None);
    loop {
        let page = book.history(HistoryQuery { after, limit, ..query.clone() }).await.unwrap();
        assert!(page.entries.len() <= limit);
        entries.extend(page.entries);
        after = page.next;
        if after.is_none() {
            return entries;
        }
    }
}

async fn assert_same(kit: &Kit, when: &str) {
    let (scans, asks) = (Book::new(kit.store.clone()), Book::new(kit.store.clone()).finding(kit.search.finder()));
    for query in queries() {
        let wanted = walked(&scans, &query, 1000).await;
        assert!(wanted.windows(2).all(|pair| pair[0].seq > pair[1].seq), "{when}: {query:?}");
        for limit in [1, 7, 1000] {
            assert_eq!(walked(&asks, &query, limit).await, wanted, "{when}: {query:?}");
        }
    }
}

#[tokio::test]
async fn the_history_is_narrowed_alike_with_the_index_and_without() {
    let kit = busy().await;
    let count = async |query: HistoryQuery| walked(&Book::new(kit.store.clone()), &query, 1000).await.len();
    let counts = queries().into_iter().map(count);
    let counts = futures_util::future::join_all(counts).await;
    assert!(counts.iter().filter(|count| **count == 0).count() <= 4, "most of it is there: {counts:?}");
    assert_same(&kit, "all of it is known").await;
    kit.put(kit.panel, vec![server(12, "Unknown yet"), server(90, "Turn 90")]).await;
    assert_same(&kit, "some is too new to be known").await;
    kit.search.caught_up().await.unwrap();
    let before = Timestamp::parse(START).unwrap().plus(std::time::Duration::from_secs(1));
    assert!(Book::new(kit.store.clone()).forget_history(before).await.unwrap() > 0);
    assert_same(&kit, "some was forgotten").await;
    drop(kit.search.begin_anew());
    assert_same(&kit, "the index is about to be made anew").await;
    kit.search.shut_down().await.unwrap();
    fs::remove_dir_all(kit.search_dir()).unwrap();
    assert_same(&kit, "there is no index any more").await;
}

#[tokio::test]
async fn what_is_rare_is_found_at_once_and_without_the_index_a_stretch_at_a_time() {
    let kit = Kit::filled().await;
    kit.put(kit.panel, (100..1_600).map(|id| server(id, "One of many")).collect()).await;
    kit.search.caught_up().await.unwrap();
    let query = HistoryQuery { kind: Some(Kind::Location), ..HistoryQuery::default() };
    let asks = Book::new(kit.store.clone()).finding(kit.search.finder());
    let page = asks.history(query.clone()).await.unwrap();
    assert_eq!((page.entries.len(), page.next), (1, None));
    let scans = Book::new(kit.store.clone());
    let page = scans.history(query.clone()).await.unwrap();
    assert!(page.entries.is_empty() && page.next.is_some(), "a page reads only so much");
    assert_eq!(walked(&scans, &query, 25).await.len(), 1);
    let early = HistoryQuery { until: Timestamp::parse(START), ..HistoryQuery::default() };
    assert_eq!(scans.history(early).await.unwrap().next, None, "what is newer is not read");
}

#[tokio::test]
async fn what_was_removed_long_ago_is_found_by_its_uuid() {
    let kit = Kit::filled().await;
    kit.remove(Kind::Server, vec![12]).await;
    kit.put(kit.panel, (100..1_600).map(|id| server(id, "One of many")).collect()).await;
    let (asks, scans) = (Book::new(kit.store.clone()).finding(kit.search.finder()), Book::new(kit.store.clone()));
    let uuid = server(12, "").uuid.to_uppercase();
    let removed = async |book: &Book| {
        let uuid = uuid.clone();
        book.look(move |page| page.removed_by_uuid(Kind::Server, &uuid)).await.unwrap().map(|key| key.id)
    };
    assert_eq!(removed(&scans).await, None, "too far back to be looked through");
    kit.search.caught_up().await.unwrap();
    assert_eq!(removed(&asks).await, Some(12));
    kit.remove(Kind::Server, vec![11]).await;
    let uuid = server(11, "").uuid;
    let found = asks.look(move |page| page.removed_by_uuid(Kind::Server, &uuid)).await.unwrap();
    assert_eq!(found.map(|key| key.id), Some(11), "too new to be known by the index");
}
