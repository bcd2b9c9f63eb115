use aviary_domain::search::{Asked, Sight, Subject};
use aviary_kernel::model::{Kind, Permission};

use super::kit::{Kit, asked};

#[tokio::test]
async fn nobody_finds_or_counts_what_they_may_not_see() {
    let kit = Kit::filled().await;
    let ask = async |query: &str, may: &[Permission]| {
        let sight = Sight::of(|permission| may.contains(&permission));
        kit.search.find(Asked { facets: true, histogram: true, ..asked(query) }, sight).await.unwrap()
    };
    for permission in Permission::ALL.iter().copied() {
        let found = ask("", &[permission]).await;
        let seen: Vec<_> = found.hits.iter().filter_map(|hit| hit.place.subject()).collect();
        assert!(seen.iter().all(|subject| subject.permission() == permission), "{permission}: {seen:?}");
        assert!(found.hits.len() as u64 == found.total);
        let counted: u64 = found.facets.iter().filter(|facet| facet.field == "kind").map(|facet| facet.count).sum();
        assert_eq!(counted, found.total, "{permission}");
        assert!(found.histogram.iter().map(|bar| bar.count).sum::<u64>() <= found.total, "{permission}");
        let narrowed = ask("kind:server,audit,change", &[permission]).await;
        assert!(narrowed.facets.iter().all(|facet| facet.count <= found.total), "{permission}");
    }
    assert_eq!(ask("", &[]).await.total, 0);
}

#[tokio::test]
async fn changes_are_seen_of_the_kinds_that_are_seen() {
    let kit = Kit::filled().await;
    let may = [Permission::HistoryRead, Permission::ServerRead];
    let sight = Sight::of(|permission| may.contains(&permission));
    let found = kit.search.find(asked("kind:change"), sight).await.unwrap();
    assert_eq!(found.total, 3);
    for hit in &found.hits {
        let aviary_domain::search::Place::Change(_, of) = &hit.place else { panic!("{:?}", hit.place) };
        assert_eq!(of.kind, Kind::Server);
    }
    assert_eq!(Subject::of_kind(Kind::Server), Some(Subject::Server));
}

#[tokio::test]
async fn what_a_server_says_of_users_is_found_and_shown_by_those_who_see_users() {
    let kit = Kit::filled().await;
    let ask = async |query: &str, may: &[Permission]| {
        let sight = Sight::of(|permission| may.contains(&permission));
        kit.search.find(asked(query), sight).await.unwrap()
    };
    let (servers, both) = ([Permission::ServerRead], [Permission::ServerRead, Permission::UserRead]);
    for query in
        ["kind:server ada@players.example.com", "kind:server email:ada@players.example.com", "kind:server players"]
    {
        assert_eq!(ask(query, &servers).await.total, 0, "{query}");
        assert!(ask(query, &both).await.total > 0, "{query}");
    }
    let address = |found: &aviary_domain::search::Found| format!("{found:?}").contains("players.example.com");
    assert!(!address(&ask("survival", &servers).await));
    assert!(address(&ask("kind:server ada@players.example.com", &both).await));
}
