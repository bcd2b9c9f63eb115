use aviary_domain::mirror::{AllocationQuery, At, Book, ListQuery, Searchable, Sort};
use aviary_kernel::model::{Allocation, Nest, Node, Server, User};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::kit::{Kit, add_panel, allocation, node, server, user};

/// Rows with names that share much, and some that are awkward.
async fn crowded() -> Kit {
    let kit = Kit::filled().await;
    let other = add_panel(&kit.panels, "Other").await;
    kit.fill(other).await;
    let words = ["Survival", "survivor", "CAFÉ", "cafe", "Straße", "ΟΔΟΣ", "İstanbul", "aaaa", "a-b_c.d", "été"];
    for panel in [kit.panel, other] {
        let servers = (0..60).map(|id| {
            let name = format!("{} {}", words[id % words.len()], id % 4);
            let description = (id % 9 == 0).then(|| format!("{} survival", "long ".repeat(5_000)));
            Server { description, suspended: id % 5 == 0, ..server(200 + id as u64, &name) }
        });
        kit.put(panel, servers.collect()).await;
        kit.put(panel, (0..20).map(|id| user(300 + id, &format!("user{id}_{}", words[id as usize % 2]))).collect())
            .await;
        kit.put(panel, (0..30).map(|id| allocation(400 + id, 1 + id % 2, "10.9.0.1", 2000 + id as u16)).collect())
            .await;
    }
    kit.search.caught_up().await.unwrap();
    kit
}

async fn same<T: Searchable + PartialEq>(kit: &Kit, query: &ListQuery) -> Result<(), TestCaseError> {
    let (scans, asks) = (Book::new(kit.store.clone()), Book::new(kit.store.clone()).finding(kit.search.finder()));
    let (a, b) = (scans.list::<T>(query.clone()).await.unwrap(), asks.list::<T>(query.clone()).await.unwrap());
    prop_assert_eq!(a.total, b.total, "{:?}", query);
    prop_assert_eq!(&a.next, &b.next, "{:?}", query);
    prop_assert_eq!(&a.previous, &b.previous, "{:?}", query);
    let keys = |page: &aviary_domain::mirror::ListPage<T>| {
        page.rows.iter().map(|(panel, row)| (*panel, row.data.id())).collect::<Vec<_>>()
    };
    prop_assert_eq!(keys(&a), keys(&b), "{:?}", query);
    if let Some(next) = a.next {
        let query = ListQuery { at: At::After(next), ..query.clone() };
        let (a, b) = (scans.list::<T>(query.clone()).await.unwrap(), asks.list::<T>(query.clone()).await.unwrap());
        prop_assert_eq!((keys(&a), &a.previous), (keys(&b), &b.previous), "{:?}", query);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_answer_with_the_index_as_without() {
    let kit = crowded().await;
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let needles = prop::sample::select(vec![
            "survival",
            "SURV",
            "viv",
            "café",
            "cafe",
            "afé",
            "straße",
            "οδος",
            "ΔΟΣ",
            "istanbul",
            "aaa",
            "aaaa",
            "a-b",
            "c.d",
            "été 1",
            " surv ",
            "o 2",
            "12345678",
            "10.9.0.1:20",
            "play.example",
            "@players",
            "zzz",
            "ab",
            "",
            "long survival",
            "\u{0}\u{0}\u{0}",
        ]);
        let sorts = prop::sample::select(vec![Sort::Id, Sort::Name, Sort::Created, Sort::Changed, Sort::State]);
        let all = (needles, sorts, any::<bool>(), any::<bool>(), 0..3_u8, 0..40_u64);
        let mut runner = TestRunner::new(Config { cases: 150, ..Config::default() });
        runner
            .run(&all, |(needle, sort, descending, one_panel, filter, offset)| {
                use aviary_kernel::model::{Kind, ServerState};
                let panel = (one_panel || filter == 2).then_some(kit.panel);
                let query = ListQuery {
                    panel,
                    sort,
                    descending,
                    search: Some(needle.to_owned()),
                    state: (filter == 1).then_some(ServerState::Suspended),
                    parent: (filter == 2).then_some((Kind::Node, 1)),
                    at: if offset > 20 { At::Offset(offset) } else { At::Start },
                    limit: 7,
                    ..ListQuery::default()
                };
                runtime.block_on(async {
                    same::<Server>(&kit, &query).await?;
                    same::<User>(&kit, &ListQuery { parent: None, state: None, ..query.clone() }).await?;
                    let flat = ListQuery { state: None, parent: query.parent, ..query.clone() };
                    same::<Allocation>(&kit, &ListQuery { parent: None, ..flat }).await?;
                    let wanted = AllocationQuery {
                        panel,
                        search: Some(needle.to_owned()),
                        limit: 9,
                        offset: offset / 4,
                        ..AllocationQuery::default()
                    };
                    let scans = Book::new(kit.store.clone()).allocations(wanted.clone()).await.unwrap();
                    let asks =
                        Book::new(kit.store.clone()).finding(kit.search.finder()).allocations(wanted).await.unwrap();
                    let ids = |rows: &[aviary_domain::mirror::PlacedAllocation]| {
                        rows.iter().map(|row| (row.panel, row.row.data.id)).collect::<Vec<_>>()
                    };
                    prop_assert_eq!((ids(&scans.0), scans.1), (ids(&asks.0), asks.1), "{}", needle);
                    Ok(())
                })
            })
            .unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_list_that_the_index_does_not_know_yet_is_looked_through() {
    let kit = Kit::filled().await;
    let book = Book::new(kit.store.clone()).finding(kit.search.finder());
    let names = async |text: &str| {
        let query = ListQuery { search: Some(text.into()), ..ListQuery::default() };
        let page = book.list::<Server>(query).await.unwrap();
        page.rows.into_iter().map(|(_, row)| row.data.name).collect::<Vec<_>>()
    };
    kit.put(kit.panel, vec![server(90, "Brand new")]).await;
    assert_eq!(names("brand").await, ["Brand new"]);
    kit.search.caught_up().await.unwrap();
    assert_eq!(names("brand").await, ["Brand new"]);
}

#[tokio::test]
async fn nodes_are_listed_by_their_description_and_nests_by_their_uuid() {
    let kit = Kit::filled().await;
    let nest = Nest {
        id: 1,
        uuid: "0d3b8a9e-1111-4222-8333-444455556666".into(),
        author: "support@example.org".into(),
        name: "Minecraft".into(),
        description: None,
        created_at: None,
        updated_at: None,
    };
    kit.put(kit.panel, vec![nest]).await;
    kit.put(kit.panel, vec![Node { description: Some("Third rack from the left".into()), ..node(1, "Alpha") }]).await;
    kit.search.caught_up().await.unwrap();
    for book in [Book::new(kit.store.clone()), Book::new(kit.store.clone()).finding(kit.search.finder())] {
        let query = |text: &str| ListQuery { search: Some(text.into()), ..ListQuery::default() };
        assert_eq!(book.list::<Node>(query("third RACK")).await.unwrap().total, 1);
        assert_eq!(book.list::<Nest>(query("8A9E-1111")).await.unwrap().total, 1);
    }
}
