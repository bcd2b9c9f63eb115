use std::collections::BTreeSet;

use aviary_kernel::model::{Allocation, Node, RemovalState, Server, SyncStatus, User};
use aviary_sim::{Fault, FaultKind, Match};

use crate::lab::who;
use crate::lab::{Lab, small};

fn remove_servers(lab: &Lab, count: usize) -> BTreeSet<u64> {
    lab.sim.with_world(|world| {
        let ids: BTreeSet<_> = world.servers.keys().copied().take(count).collect();
        ids.iter().for_each(|id| {
            world.remove_server(*id);
        });
        ids
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_for_sure_is_removed_with_what_belongs_to_it() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    remove_servers(&lab, 3);
    let run = lab.clean_sync().await;
    assert_eq!(run.steps.iter().find(|s| s.target.name() == "servers").unwrap().counts.removed, 3);
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_node_takes_its_allocations_along() {
    let lab = Lab::new(aviary_sim::PanelSpec { servers: 4, nodes: 9, allocations_per_node: 30, ..small() }).await;
    lab.clean_sync().await;
    lab.sim.with_world(|world| {
        let node = world.nodes.keys().copied().find(|node| !world.servers.values().any(|s| s.node == *node)).unwrap();
        world.remove_node(node);
    });
    lab.clean_sync().await;
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_the_list_lacks_but_a_read_finds_stays() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let before = lab.ids::<Server>();
    // The list says that there is nothing; single reads still answer.
    lab.sim.faults().inject(Fault { when: Match::path("/api/application/servers"), what: FaultKind::ListEmptyAll });
    lab.sync().await;
    assert_eq!(lab.ids::<Server>(), before);
    lab.sim.faults().clear();
    lab.clean_sync().await;
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_removals_wait_for_a_person_who_agrees() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    remove_servers(&lab, 15);
    let run = lab.sync().await;
    assert_eq!(run.status, SyncStatus::NeedsReview, "{run:#?}");
    assert_eq!(lab.ids::<Server>().len(), 40, "nothing is removed before somebody decides");
    let stops = lab.syncs.stops(true).await.unwrap();
    assert_eq!(stops.len(), 1);
    let (_, started) = lab.syncs.decide(&who(), stops[0].sync, true).await.unwrap();
    let run = lab.syncs.wait(started.unwrap().run.id).await.unwrap();
    assert_eq!(run.status, SyncStatus::Completed, "{run:#?}");
    lab.assert_same();
    assert_eq!(lab.syncs.stop(stops[0].sync).await.unwrap().state, RemovalState::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_removals_stay_and_do_not_ask_again_until_somebody_changes_their_mind() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    remove_servers(&lab, 15);
    lab.sync().await;
    let stop = lab.syncs.stops(true).await.unwrap()[0].sync;
    lab.syncs.decide(&who(), stop, false).await.unwrap();
    let run = lab.sync().await;
    assert_eq!(run.status, SyncStatus::Completed);
    assert_eq!(lab.ids::<Server>().len(), 40);
    let drift = lab.book.drift(None).await.unwrap();
    assert!(drift.totals["vanished"] >= 15, "{:?}", drift.totals);
    let (_, started) = lab.syncs.decide(&who(), stop, true).await.unwrap();
    assert_eq!(lab.syncs.wait(started.unwrap().run.id).await.unwrap().status, SyncStatus::Completed);
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_removes_only_what_is_still_gone() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let kept = lab.sim.with_world(|world| world.clone());
    remove_servers(&lab, 15);
    lab.sync().await;
    let stop = lab.syncs.stops(true).await.unwrap()[0].sync;
    // The panel was restored in the meantime.
    lab.sim.with_world(|world| *world = kept);
    let (_, started) = lab.syncs.decide(&who(), stop, true).await.unwrap();
    lab.syncs.wait(started.unwrap().run.id).await.unwrap();
    assert_eq!(lab.ids::<Server>().len(), 40);
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_comes_back_loses_its_mark() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    lab.sim.faults().inject(Fault { when: Match::path("/api/application/users"), what: FaultKind::ListEmptyAll });
    lab.sync().await;
    assert!(!lab.book.drift(None).await.unwrap().totals.is_empty());
    lab.sim.faults().clear();
    lab.clean_sync().await;
    assert_eq!(lab.book.drift(None).await.unwrap().totals.get("vanished"), None);
    assert_eq!(lab.ids::<User>().len(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_move_while_the_list_is_read_are_not_lost() {
    let lab = Lab::new(aviary_sim::PanelSpec { servers: 350, users: 250, per_page_cap: Some(50), ..small() }).await;
    lab.clean_sync().await;
    let moving = Match::path("/api/application/servers").page(2).times(1);
    lab.sim.faults().inject(Fault { when: moving, what: FaultKind::ShiftRow });
    lab.clean_sync().await;
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_list_fails_keeps_its_allocations() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let before = lab.ids::<Allocation>();
    let node = *lab.ids::<Node>().first().unwrap();
    let list = Match::path(&format!("/api/application/nodes/{node}/allocations"));
    lab.sim.faults().inject(Fault { when: list, what: FaultKind::Status(500) });
    lab.sim.with_world(|world| {
        let free = world.allocations.values().find(|a| a.node != node && a.server.is_none()).unwrap().id;
        world.remove_allocation(free);
    });
    let run = lab.sync().await;
    assert_eq!(run.status, SyncStatus::Failed);
    assert_eq!(lab.ids::<Allocation>(), before, "a failed sync removes nothing at all");
    lab.sim.faults().clear();
    lab.clean_sync().await;
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_share_is_counted_of_what_was_held_before_and_newcomers_do_not_thin_it() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let victims = remove_servers(&lab, 15);
    lab.sim.with_world(|world| {
        for _ in 0..200 {
            world.add_server(aviary_sim::world::NewServer::default());
        }
    });
    let run = lab.sync().await;
    assert_eq!(run.status, SyncStatus::NeedsReview, "{run:#?}");
    assert!(lab.ids::<Server>().is_superset(&victims));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_leaves_out_what_reads_find_is_not_believed_however_many_are_missing() {
    let lab = Lab::new(aviary_sim::PanelSpec { servers: 10, users: 400, ..small() }).await;
    lab.clean_sync().await;
    for list in
        ["/api/application/users", "/api/application/servers", "/api/application/nodes", "/api/application/nests"]
    {
        let before = lab.all_ids();
        lab.sim.faults().inject(Fault { when: Match::path(list), what: FaultKind::ListEmptyAll });
        let run = lab.sync().await;
        assert_eq!(lab.all_ids(), before, "{list}");
        assert!(run.issues.iter().any(|issue| issue.code == "contradiction"), "{list}: {run:#?}");
        assert!(run.totals().failed > 0, "{list}: somebody should look");
        lab.sim.faults().clear();
    }
    lab.clean_sync().await;
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_allocations_that_leaves_out_what_a_server_uses_is_not_believed() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let before = lab.ids::<Allocation>();
    let node = lab.sim.with_world(|world| world.servers.values().next().unwrap().node);
    let list = Match::path(&format!("/api/application/nodes/{node}/allocations"));
    lab.sim.faults().inject(Fault { when: list, what: FaultKind::ListEmptyAll });
    let run = lab.sync().await;
    assert!(run.issues.iter().any(|issue| issue.code == "contradiction"), "{run:#?}");
    assert_eq!(lab.ids::<Allocation>(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_used_again_for_another_server_moves_and_is_not_removed() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let (subuser, target) = lab.sim.with_world(|world| {
        let subuser = world.subusers.values().max_by_key(|row| row.server).unwrap().clone();
        let target = *world.servers.keys().find(|id| **id < subuser.server).unwrap();
        world.remove_subuser(subuser.id);
        world.subusers.insert(subuser.id, aviary_sim::world::Subuser { server: target, ..subuser.clone() });
        (subuser, target)
    });
    let run = lab.clean_sync().await;
    assert_eq!(run.totals().removed, 0, "{run:#?}");
    assert_eq!(lab.get::<aviary_kernel::model::Subuser>(subuser.id).unwrap().server_id, target);
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_number_with_another_uuid_is_another_server() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let id = *lab.ids::<Server>().last().unwrap();
    let old = lab.get::<Server>(id).unwrap();
    lab.sim.with_world(|world| {
        world.change_server(id, |server| server.uuid = "0badcafe-0000-4000-8000-000000000001".into());
    });
    let run = lab.clean_sync().await;
    assert_eq!((run.totals().removed, run.totals().created), (1, 1), "{run:#?}");
    lab.assert_same();
    let query = aviary_domain::mirror::HistoryQuery { sync: Some(run.id), ..Default::default() };
    let history = lab.book.history(query).await.unwrap().entries;
    let operations: Vec<_> =
        history.iter().filter(|e| e.object.id == id).map(|e| format!("{:?}", e.operation)).collect();
    assert_eq!(operations, ["Created", "Removed"], "newest first");
    assert_ne!(lab.get::<Server>(id).unwrap().uuid, old.uuid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_panel_at_the_same_address_overwrites_nothing_without_a_person() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let before = lab.all_rows::<Server>();
    lab.sim.with_world(|world| {
        for (n, server) in world.servers.values_mut().enumerate() {
            server.uuid = format!("{n:08x}-0000-4000-8000-000000000002");
        }
    });
    let run = lab.sync().await;
    assert_eq!(run.status, SyncStatus::NeedsReview, "{run:#?}");
    assert_eq!(lab.all_rows::<Server>(), before);
    let stop = lab.syncs.stops(true).await.unwrap()[0].sync;
    let (_, started) = lab.syncs.decide(&who(), stop, true).await.unwrap();
    assert_eq!(lab.syncs.wait(started.unwrap().run.id).await.unwrap().status, SyncStatus::Completed);
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_does_not_hold_up_other_removals() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let kept = remove_servers(&lab, 15);
    lab.sync().await;
    let stop = lab.syncs.stops(true).await.unwrap()[0].sync;
    lab.syncs.decide(&who(), stop, false).await.unwrap();
    let user = lab.sim.with_world(|world| {
        let idle =
            |id: &&u64| !world.servers.values().any(|s| s.user == **id) && !world.keys.iter().any(|k| k.user == **id);
        let user = *world.users.keys().rev().find(idle).unwrap();
        world.remove_user(user);
        user
    });
    lab.sync().await;
    assert!(!lab.ids::<User>().contains(&user));
    assert!(lab.ids::<Server>().is_superset(&kept));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_egg_that_moved_while_its_new_nest_cannot_be_read_stays() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let (from, to, egg) = lab.sim.with_world(|world| {
        let nests: Vec<_> = world.nests.keys().copied().collect();
        let egg = world.add_egg(nests[1], "Wanderer");
        (nests[1], nests[0], egg)
    });
    lab.clean_sync().await;
    lab.sim.with_world(|world| {
        world.eggs.values_mut().filter(|row| row.nest == from).for_each(|row| row.nest = to);
        world.nests.remove(&from);
    });
    let list = Match::path(&format!("/api/application/nests/{to}/eggs"));
    lab.sim.faults().inject(Fault { when: list, what: FaultKind::Status(500) });
    let eggs = lab.ids::<aviary_kernel::model::Egg>();
    lab.sync().await;
    assert_eq!(lab.ids::<aviary_kernel::model::Egg>(), eggs);
    assert!(eggs.contains(&egg));
    lab.sim.faults().clear();
    lab.clean_sync().await;
    lab.assert_same();
}
