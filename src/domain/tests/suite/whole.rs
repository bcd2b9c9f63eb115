use aviary_domain::mirror::HistoryQuery;
use aviary_domain::sync::SyncQuery;
use aviary_kernel::model::{Operation, Server, SyncStatus, Target};
use aviary_sim::PanelSpec;

use crate::lab::who;
use crate::lab::{Lab, small};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_sync_holds_what_the_panel_holds() {
    for spec in [small(), PanelSpec { servers: 40, users: 30, ..PanelSpec::pelican() }] {
        let lab = Lab::new(spec).await;
        lab.clean_sync().await;
        lab.assert_same();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_sync_writes_no_rows() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let history = lab.history_len();
    let run = lab.clean_sync().await;
    let totals = run.totals();
    assert_eq!((totals.created, totals.updated, totals.removed), (0, 0, 0), "{run:#?}");
    assert_eq!(totals.unchanged, totals.done);
    assert_eq!(lab.history_len(), history);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn churn_is_followed() {
    for spec in [small(), PanelSpec { servers: 40, users: 30, ..PanelSpec::pelican() }] {
        let lab = Lab::new(spec).await;
        lab.clean_sync().await;
        for _ in 0..6 {
            lab.sim.tick_many(5);
            lab.clean_sync().await;
            lab.assert_same();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_changed_field_is_in_the_history_with_old_and_new() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let id = *lab.ids::<Server>().first().unwrap();
    let before = lab.get::<Server>(id).unwrap();
    lab.sim.with_world(|world| {
        world.change_server(id, |server| {
            server.name = "New name".into();
            server.limits.memory = 12_345;
        });
    });
    let run = lab.clean_sync().await;
    let page = lab.book.history(HistoryQuery { sync: Some(run.id), ..HistoryQuery::default() }).await.unwrap();
    let entry = page.entries.iter().find(|entry| entry.object.kind == aviary_kernel::model::Kind::Server).unwrap();
    assert_eq!(entry.operation, Operation::Changed);
    let change = |name: &str| {
        let change = entry.fields.iter().find(|change| change.field == name).unwrap();
        (change.old.as_ref().unwrap().value(), change.new.as_ref().unwrap().value())
    };
    assert_eq!(change("name"), (before.name.into(), "New name".into()));
    assert_eq!(change("limits.memory"), (before.limits.memory.into(), 12_345.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partial_sync_touches_only_what_was_asked() {
    let lab = Lab::new(small()).await;
    let run = lab.sync_only(&[Target::Users]).await;
    assert_eq!(run.status, SyncStatus::Completed);
    assert!(lab.ids::<Server>().is_empty());
    assert_eq!(lab.ids::<aviary_kernel::model::User>().len(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_partial_sync_in_turn_makes_the_whole() {
    let lab = Lab::new(small()).await;
    for target in Target::ALL {
        let run = lab.sync_only(&[target]).await;
        assert_eq!(run.status, SyncStatus::Completed, "{target}: {:#?}", run.issues);
    }
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_request_is_joined_to_the_running_sync() {
    let lab = Lab::new(PanelSpec { page_delay: std::time::Duration::from_millis(50), ..small() }).await;
    let first = lab.start(&[]).await;
    let wanted = aviary_domain::sync::StartSync {
        panel: lab.panel,
        targets: vec![],
        by: who(),
        requested_by: Some("other".into()),
    };
    let second = lab.syncs.start(wanted).await.unwrap();
    assert!(second.joined);
    assert_eq!(second.run.id, first.id);
    lab.syncs.wait(first.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_sync_stops_soon_and_removes_nothing() {
    let lab = Lab::new(PanelSpec { page_delay: std::time::Duration::from_millis(30), ..small() }).await;
    lab.clean_sync().await;
    lab.sim.with_world(|world| {
        let id = *world.servers.keys().next().unwrap();
        world.remove_server(id);
    });
    let run = lab.start(&[]).await;
    lab.syncs.cancel(&who(), run.id).await.unwrap();
    let run = lab.syncs.wait(run.id).await.unwrap();
    assert_eq!(run.status, SyncStatus::Cancelled);
    assert_eq!(lab.ids::<Server>().len(), 40);
    lab.clean_sync().await;
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_whose_job_is_cancelled_before_it_begins_is_over_and_keeps_no_other_from_the_panel() {
    let lab = Lab::new(small()).await;
    // Nobody takes jobs, so they wait.
    let lab = lab.without_runner().await;
    let run = lab.start(&[]).await;
    let job = lab.jobs.list(Default::default()).await.unwrap().jobs.remove(0).job;
    lab.jobs.cancel(&who(), job.id).await.unwrap();
    let other = lab.start(&[]).await;
    assert_ne!(other.id, run.id);
    assert_eq!(lab.syncs.get(run.id).await.unwrap().status, SyncStatus::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_in_the_middle_is_healed_by_the_next_sync() {
    let lab = Lab::new(PanelSpec { page_delay: std::time::Duration::from_millis(20), ..small() }).await;
    let run = lab.start(&[]).await;
    let mut progress = lab.syncs.watch(run.id).unwrap();
    progress.wait_for(|run| run.totals().done > 60).await.unwrap();
    drop(progress);
    let lab = lab.crash().await;
    let dead = lab.syncs.get(run.id).await.unwrap();
    assert_eq!(dead.status, SyncStatus::Failed);
    assert!(dead.message.contains("stopped while this sync was at work"), "{}", dead.message);
    let anew = loop {
        let runs = lab.syncs.list(SyncQuery::default()).await.unwrap().runs;
        if let Some(anew) = runs.into_iter().find(|other| other.id != run.id) {
            break lab.syncs.wait(anew.id).await.unwrap();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((anew.status, anew.requested_by), (SyncStatus::Completed, run.requested_by), "it began anew by itself");
    lab.assert_same();
    lab.assert_sound();
    lab.clean_sync().await;
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_values_are_not_in_the_file_in_the_clear() {
    let lab = Lab::new(small()).await;
    let secret = "planted-Secret-9f31";
    lab.sim.with_world(|world| {
        let (egg, variable) = world
            .eggs
            .values()
            .find_map(|egg| egg.variables.iter().find(|v| !v.user_viewable).map(|v| (egg.id, v.id)))
            .expect("an egg with a hidden variable");
        let server = world.servers.values().find(|server| server.egg == egg).unwrap().id;
        world.change_server(server, |server| {
            server.values.insert(variable, secret.into());
        });
    });
    lab.clean_sync().await;
    let bytes = std::fs::read(lab.dir.path().join("aviary.redb")).unwrap();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    assert!(!bytes.windows(20).any(|window| window == &lab.sim.app_key().as_bytes()[..20]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_servers_take_at_most_seventy_requests_and_no_429() {
    let lab =
        Lab::new(PanelSpec { servers: 1000, users: 600, nodes: 10, allocations_per_node: 150, ..PanelSpec::default() })
            .await;
    let run = lab.clean_sync().await;
    lab.assert_same();
    assert!(run.requests <= 70, "{}", run.requests);
    assert_eq!(run.requests, lab.sim.request_count() as u64);
    assert_eq!(lab.sim.count_429(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_never_falls_and_ends_at_a_hundred() {
    let lab = Lab::new(PanelSpec { servers: 300, page_delay: std::time::Duration::from_millis(5), ..small() }).await;
    let run = lab.start(&[]).await;
    let mut progress = lab.syncs.watch(run.id).unwrap();
    let mut last = 0;
    while progress.changed().await.is_ok() {
        let now = progress.borrow_and_update().percent();
        assert!(now >= last, "{last} then {now}");
        last = now;
    }
    assert_eq!(last, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_confirm_removals_are_counted_too() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    lab.sim.with_world(|world| {
        for id in world.servers.keys().copied().take(3).collect::<Vec<_>>() {
            world.remove_server(id);
        }
    });
    lab.sim.reset_requests();
    let run = lab.clean_sync().await;
    assert_eq!(run.requests, lab.sim.request_count() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_sync_that_meets_a_partial_one_is_told_that_more_is_needed() {
    let lab = Lab::new(PanelSpec { page_delay: std::time::Duration::from_millis(50), ..small() }).await;
    let partial = lab.start(&[Target::Users]).await;
    let wanted = |targets| aviary_domain::sync::StartSync {
        panel: lab.panel,
        targets,
        by: who(),
        requested_by: Some("other".into()),
    };
    let full = lab.syncs.start(wanted(vec![])).await.unwrap();
    assert!(full.joined && !full.covers);
    let same = lab.syncs.start(wanted(vec![Target::Users])).await.unwrap();
    assert!(same.joined && same.covers);
    lab.syncs.wait(partial.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_panel_speaks_is_found_out_anew_when_it_no_longer_knows_its_own_lists() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let dialect = async || lab.panels.require(lab.panel).await.unwrap().dialect.map(|dialect| dialect.name());
    assert_eq!(dialect().await, Some("pterodactyl"));
    let gone = aviary_sim::Match::path("/api/application/locations");
    lab.sim.faults().inject(aviary_sim::Fault { when: gone, what: aviary_sim::FaultKind::Status(404) });
    let run = lab.sync().await;
    assert_eq!(run.status, SyncStatus::Failed, "{run:#?}");
    assert_eq!(dialect().await, None);
    lab.sim.faults().clear();
    lab.clean_sync().await;
    assert_eq!(dialect().await, Some("pterodactyl"));
    lab.assert_same();
}
