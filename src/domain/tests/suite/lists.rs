use std::collections::BTreeSet;

use aviary_domain::mirror::{AllocationQuery, At, HistoryQuery, ListQuery, Mirror, NodeLoad, Searchable, Sort};
use aviary_kernel::model::{Kind, Node, Server, ServerState, User};
use aviary_kernel::store::Read;
use aviary_sim::PanelSpec;

use crate::lab::{Lab, small};

async fn synced() -> Lab {
    let lab = Lab::new(PanelSpec { servers: 120, users: 70, ..small() }).await;
    lab.clean_sync().await;
    lab
}

/// Every id, walked forward by cursors; and the same walked back from the end.
async fn walked<T: Searchable>(lab: &Lab, query: &ListQuery) -> Vec<u64> {
    let (mut ids, mut at) = (Vec::new(), At::Start);
    let mut last = loop {
        let page = lab.book.list::<T>(ListQuery { at, limit: 7, ..query.clone() }).await.unwrap();
        ids.extend(page.rows.iter().map(|(_, row)| row.data.id()));
        let previous = page.previous.clone();
        match page.next {
            Some(next) => at = At::After(next),
            None => break previous,
        }
    };
    let last_page = ids.len() % 7;
    let mut back: Vec<u64> = ids[ids.len() - if last_page == 0 { 7.min(ids.len()) } else { last_page }..].to_vec();
    while let Some(cursor) = last {
        let page = lab.book.list::<T>(ListQuery { at: At::Before(cursor), limit: 7, ..query.clone() }).await.unwrap();
        back.splice(0..0, page.rows.iter().map(|(_, row)| row.data.id()));
        last = page.previous;
    }
    assert_eq!(back, ids, "the way back is the way there: {query:?}");
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_shows_every_row_once_both_ways() {
    let lab = synced().await;
    let all = lab.ids::<Server>();
    for sort in [Sort::Id, Sort::Name, Sort::Created, Sort::Changed, Sort::State] {
        for descending in [false, true] {
            for panel in [None, Some(lab.panel)] {
                let query = ListQuery { sort, descending, panel, ..ListQuery::default() };
                let ids = walked::<Server>(&lab, &query).await;
                assert_eq!(ids.len(), all.len(), "{query:?}");
                assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), all, "{query:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_by_number_are_the_list_in_slices_with_its_total() {
    let lab = synced().await;
    let query = ListQuery::default();
    let whole = walked::<User>(&lab, &query).await;
    for offset in [0, 1, 33, 69, 70, 500] {
        let page =
            lab.book.list::<User>(ListQuery { at: At::Offset(offset), limit: 10, ..query.clone() }).await.unwrap();
        let ids: Vec<_> = page.rows.iter().map(|(_, row)| row.data.id).collect();
        let wanted: Vec<_> = whole.iter().copied().skip(usize::try_from(offset).unwrap()).take(10).collect();
        assert_eq!((ids, page.total), (wanted, 70), "offset {offset}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_and_their_totals_agree_with_the_rows() {
    let lab = synced().await;
    let servers: Vec<Server> = lab.ids::<Server>().into_iter().map(|id| lab.get(id).unwrap()).collect();
    let (node, owner) = (servers[3].node_id, servers[3].user_id);
    let needle = servers[5].uuid[4..12].to_uppercase();
    let matching = |query: &ListQuery| -> BTreeSet<u64> {
        let parent = |server: &Server| match query.parent {
            Some((Kind::Node, id)) => server.node_id == id,
            Some((_, id)) => server.user_id == id,
            None => true,
        };
        let state = |server: &Server| query.state.is_none_or(|state| server.state() == state);
        let text =
            |server: &Server| query.search.as_deref().is_none_or(|text| server.uuid.contains(&text.to_lowercase()));
        servers.iter().filter(|s| parent(s) && state(s) && text(s)).map(|s| s.id).collect()
    };
    let queries = [
        ListQuery { state: Some(ServerState::Suspended), ..ListQuery::default() },
        ListQuery { state: Some(ServerState::Normal), panel: Some(lab.panel), ..ListQuery::default() },
        ListQuery { parent: Some((Kind::Node, node)), panel: Some(lab.panel), ..ListQuery::default() },
        ListQuery { parent: Some((Kind::User, owner)), panel: Some(lab.panel), ..ListQuery::default() },
        ListQuery {
            parent: Some((Kind::Node, node)),
            panel: Some(lab.panel),
            state: Some(ServerState::Normal),
            ..ListQuery::default()
        },
        ListQuery { search: Some(needle), ..ListQuery::default() },
    ];
    for query in queries {
        let wanted = matching(&query);
        let page = lab.book.list::<Server>(ListQuery { limit: 1000, ..query.clone() }).await.unwrap();
        assert_eq!(page.rows.iter().map(|(_, row)| row.data.id).collect::<BTreeSet<_>>(), wanted, "{query:?}");
        assert_eq!(page.total, wanted.len() as u64, "{query:?}");
        assert_eq!(walked::<Server>(&lab, &query).await.len(), wanted.len(), "{query:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn allocations_come_by_node_and_address_with_their_servers() {
    let lab = synced().await;
    let (all, total) =
        lab.book.allocations(AllocationQuery { limit: 1000, ..AllocationQuery::default() }).await.unwrap();
    assert_eq!(total, all.len() as u64);
    let mut sliced = Vec::new();
    while (sliced.len() as u64) < total {
        let query = AllocationQuery { offset: sliced.len() as u64, limit: 13, ..AllocationQuery::default() };
        let (page, _) = lab.book.allocations(query).await.unwrap();
        assert!(!page.is_empty());
        sliced.extend(page.iter().map(|placed| placed.row.data.id));
    }
    assert_eq!(sliced, all.iter().map(|placed| placed.row.data.id).collect::<Vec<_>>());
    for assigned in [true, false] {
        let query = AllocationQuery { assigned: Some(assigned), limit: 1000, ..AllocationQuery::default() };
        let (page, total) = lab.book.allocations(query).await.unwrap();
        assert_eq!(page.len(), all.iter().filter(|placed| placed.row.data.assigned == assigned).count());
        assert_eq!(total, page.len() as u64);
    }
    for placed in &all {
        let world = lab.sim.with_world(|world| world.allocations[&placed.row.data.id].server);
        assert_eq!(placed.server.as_ref().map(|(id, _)| *id), world);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_paged_newest_first_without_gaps() {
    let lab = synced().await;
    lab.sim.tick_many(40);
    lab.clean_sync().await;
    let total = lab.history_len();
    let (mut seqs, mut after) = (Vec::new(), None);
    loop {
        let page = lab.book.history(HistoryQuery { after, limit: 50, ..HistoryQuery::default() }).await.unwrap();
        seqs.extend(page.entries.iter().map(|entry| entry.seq));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seqs.len(), total);
    assert!(seqs.windows(2).all(|pair| pair[0] > pair[1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_older_than_its_time_is_forgotten_and_the_rest_stays() {
    let lab = synced().await;
    let first = lab.history_len();
    lab.clock.advance_s(86_400);
    lab.sim.tick_many(20);
    lab.clean_sync().await;
    let second = lab.history_len() - first;
    let forgotten = lab.book.forget_history(lab.env.now().minus(std::time::Duration::from_secs(3600))).await.unwrap();
    assert_eq!((forgotten, lab.history_len()), (first as u64, second));
    lab.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_counts_are_what_counting_would_give() {
    let lab = synced().await;
    for _ in 0..3 {
        lab.sim.tick_many(25);
        lab.clean_sync().await;
        let counts = lab.book.counts(None).await.unwrap();
        for (kind, ids) in lab.all_ids() {
            assert_eq!(counts.of_kind(kind), ids.len() as u64, "{kind:?}");
        }
        for node in lab.ids::<Node>() {
            let panel = lab.panel;
            let load = lab.store.read_blocking(|tx| NodeLoad::of(tx, panel, node)).unwrap();
            let servers =
                lab.ids::<Server>().into_iter().filter(|id| lab.get::<Server>(*id).unwrap().node_id == node).count();
            assert_eq!(load.servers, servers as u64);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_another_list_does_not_lead_out_of_this_one() {
    let lab = synced().await;
    let users = lab.book.list::<User>(ListQuery::default()).await.unwrap();
    let at = At::After(users.next.unwrap());
    let page = lab.book.list::<Server>(ListQuery { at, ..ListQuery::default() }).await.unwrap();
    let all = lab.ids::<Server>();
    assert!(page.rows.iter().all(|(_, row)| all.contains(&row.data.id)));
    let missing = lab.store.read_blocking(|tx| tx.get(Server::table(), &(lab.panel, 999_999))).unwrap();
    assert!(missing.is_none());
}
