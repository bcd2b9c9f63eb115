use std::fs;
use std::io::Write;
use std::ops::ControlFlow;

use aviary_domain::mirror::{Book, HistoryQuery, ListQuery};
use aviary_domain::ops::{Backup, BackupOptions, BackupProgress, Backups, Restore, restore_to};
use aviary_domain::search::{Asked, Search, Standing};
use aviary_domain::sync::{Limits, Syncs};
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{Action, Kind, Node, Server};
use aviary_kernel::store::{Options, Store};

use crate::lab::{sealer, who};

use super::kit::{Kit, add_panel, all, asked, copy, node, places, server, titles, user};

/// Everything that an index finds, once each.
async fn held(search: &Search) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = search.find(Asked { after, ..asked("") }, all()).await.unwrap();
        names.extend(page.hits.iter().map(|hit| format!("{:?}", hit.place)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    names.sort();
    let mut once = names.clone();
    once.dedup();
    assert_eq!(names, once, "nothing is found twice");
    names
}

/// What an index holds that was made from nothing.
async fn made_anew(kit: &Kit) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let search = Search::new(kit.store.clone(), kit.env.clone(), dir.path().join("search"));
    search.caught_up().await.unwrap();
    held(&search).await
}

async fn assert_whole(kit: &Kit, search: &Search) {
    search.caught_up().await.unwrap();
    assert_eq!(search.standing(), Standing::Ready);
    assert_eq!(held(search).await, made_anew(kit).await);
    assert_eq!(search.find(asked(""), all()).await.unwrap().total as usize, held(search).await.len());
}

#[tokio::test]
async fn following_ends_where_making_anew_does() {
    let kit = Kit::filled().await;
    kit.record(Action::PanelTested, "somebody", "Main").await;
    kit.put(kit.panel, vec![server(12, "Moved"), server(30, "New")]).await;
    kit.remove(Kind::Server, vec![13]).await;
    assert_whole(&kit, &kit.search).await;
}

#[tokio::test]
async fn a_crash_between_commits_is_made_up_for_without_anything_twice() {
    let kit = Kit::filled().await;
    let (early, late) = (kit.dir.path().join("early"), kit.dir.path().join("late"));
    kit.search.shut_down().await.unwrap();
    copy(&kit.search_dir(), &early);
    for number in 0..4 {
        kit.record(Action::PanelTested, "somebody", &format!("{number}")).await;
        kit.put(kit.panel, vec![server(40 + number, "Another"), server(11, &format!("Turn {number}"))]).await;
    }
    let second = kit.reopened();
    second.caught_up().await.unwrap();
    second.shut_down().await.unwrap();
    copy(&kit.search_dir(), &late);
    // The months were on disk already, the objects were not.
    copy(&late, &kit.search_dir());
    copy(&early.join("v2/objects"), &kit.search_dir().join("v2/objects"));
    assert_whole(&kit, &kit.reopened()).await;
    // Nothing of it was.
    copy(&early, &kit.search_dir());
    assert_whole(&kit, &kit.reopened()).await;
    // All of it was.
    copy(&late, &kit.search_dir());
    assert_whole(&kit, &kit.reopened()).await;
}

#[tokio::test]
async fn an_index_that_is_missing_damaged_or_of_another_release_is_made_anew() {
    let kit = Kit::filled().await;
    kit.search.shut_down().await.unwrap();
    let dir = kit.search_dir();
    fs::remove_dir_all(&dir).unwrap();
    let again = kit.reopened();
    assert_whole(&kit, &again).await;
    again.shut_down().await.unwrap();
    fs::write(dir.join("v2/objects/meta.json"), b"{").unwrap();
    let again = kit.reopened();
    assert_whole(&kit, &again).await;
    again.shut_down().await.unwrap();
    let month = fs::read_dir(dir.join("v2/records")).unwrap().flatten().next().unwrap().path();
    fs::remove_dir_all(month).unwrap();
    let again = kit.reopened();
    assert_whole(&kit, &again).await;
    again.shut_down().await.unwrap();
    for file in fs::read_dir(dir.join("v2/objects")).unwrap().flatten() {
        if file.path().extension().is_some_and(|end| end == "idx" || end == "term") {
            fs::remove_file(file.path()).unwrap();
        }
    }
    let again = kit.reopened();
    assert_whole(&kit, &again).await;
    again.shut_down().await.unwrap();
    fs::write(dir.join("v2/records/2020-01"), b"no folder").unwrap();
    let again = kit.reopened();
    assert_whole(&kit, &again).await;
    again.shut_down().await.unwrap();
    fs::remove_file(dir.join("v2/objects/meta.json")).unwrap();
    fs::create_dir(dir.join("v2/objects/meta.json")).unwrap();
    let again = kit.reopened();
    assert_whole(&kit, &again).await;
    again.shut_down().await.unwrap();
    fs::rename(dir.join("v2"), dir.join("v0")).unwrap();
    assert_whole(&kit, &kit.reopened()).await;
    assert!(!dir.join("v0").exists(), "what an older release left goes");
}

#[tokio::test]
async fn an_index_that_goes_bad_under_a_search_still_gives_an_answer() {
    let kit = Kit::filled().await;
    kit.search.caught_up().await.unwrap();
    for byte in [0, 0xff] {
        for file in fs::read_dir(kit.search_dir().join("v2/objects")).unwrap().flatten() {
            if file.path().extension().is_some_and(|end| end != "json" && end != "lock") {
                let mut file = fs::OpenOptions::new().write(true).open(file.path()).unwrap();
                let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
                file.write_all(&vec![byte; length]).unwrap();
            }
        }
        for query in ["survival", "\"survival one\"", "surv*", "-survival", "node:alpha", ""] {
            kit.search.find(Asked { facets: true, ..asked(query) }, all()).await.unwrap();
        }
        kit.search.reindex().await.unwrap();
        assert_whole(&kit, &kit.search).await;
    }
}

#[tokio::test]
async fn files_that_are_cut_short_under_a_search_end_nothing() {
    let kit = Kit::filled().await;
    for round in 0..3 {
        for dir in ["objects", "records/2026-11"] {
            for file in fs::read_dir(kit.search_dir().join("v2").join(dir)).unwrap().flatten() {
                if file.path().extension().is_some_and(|end| end != "json" && end != "lock") {
                    let length = if round == 0 { 0 } else { file.metadata().unwrap().len() / 2 };
                    fs::OpenOptions::new().write(true).open(file.path()).unwrap().set_len(length).unwrap();
                }
            }
        }
        let book = Book::new(kit.store.clone()).finding(kit.search.finder());
        let query = ListQuery { search: Some("survival".into()), ..ListQuery::default() };
        assert_eq!(book.list::<Server>(query).await.unwrap().total, 1, "lists read the rows");
        let query = HistoryQuery { kind: Some(Kind::Server), ..HistoryQuery::default() };
        assert_eq!(book.history(query).await.unwrap().entries.len(), 3);
        if round < 2 {
            let found = kit.search.find(Asked { facets: true, ..asked("survival") }, all()).await.unwrap();
            assert!(matches!(found.standing, Standing::Broken(_)), "{:?}", found.standing);
        } else {
            kit.put(kit.panel, vec![server(31, "Written on")]).await;
        }
        assert_whole(&kit, &kit.search).await;
    }
}

#[tokio::test]
async fn what_stands_in_the_place_of_the_index_is_moved_aside_or_removed() {
    let kit = Kit::filled().await;
    kit.search.shut_down().await.unwrap();
    let dir = kit.search_dir();
    for turn in 1..3 {
        fs::remove_dir_all(&dir).unwrap();
        fs::write(&dir, b"somebody's notes").unwrap();
        let again = kit.reopened();
        assert_whole(&kit, &again).await;
        again.shut_down().await.unwrap();
        let aside = kit.dir.path().join(format!("search.moved-{turn}"));
        assert_eq!(fs::read(aside).unwrap(), b"somebody's notes");
    }
    for inner in ["v2", "v2/records", "v2/objects"] {
        fs::remove_dir_all(dir.join(inner)).unwrap();
        fs::write(dir.join(inner), b"no folder").unwrap();
        let again = kit.reopened();
        assert_whole(&kit, &again).await;
        again.shut_down().await.unwrap();
    }
    let running = kit.reopened();
    running.caught_up().await.unwrap();
    fs::remove_dir_all(&dir).unwrap();
    fs::write(&dir, b"under it").unwrap();
    assert_eq!(running.find(asked("kind:server survival"), all()).await.unwrap().total, 1, "what is open stays");
    running.reindex().await.unwrap();
    assert_whole(&kit, &running).await;
}

#[tokio::test]
async fn an_index_of_another_data_file_is_made_anew() {
    let kit = Kit::filled().await;
    kit.search.shut_down().await.unwrap();
    let backup = kit.dir.path().join("backup.redb");
    fs::copy(kit.dir.path().join("aviary.redb"), &backup).unwrap();
    kit.put(kit.panel, vec![server(50, "Lost")]).await;
    let second = kit.reopened();
    second.caught_up().await.unwrap();
    second.shut_down().await.unwrap();
    // Put back as it was, and other things happened since.
    let store = Store::open(Options::file(&backup)).unwrap();
    let other = Kit { store: store.clone(), search: Search::new(store, kit.env.clone(), kit.search_dir()), ..kit };
    other.clock.advance_s(60);
    other.put(other.panel, vec![server(60, "Kept"), server(61, "Kept too")]).await;
    assert_whole(&other, &other.search).await;
    assert_eq!(other.servers("lost").await, Vec::<String>::new());
}

#[tokio::test]
async fn making_anew_can_be_asked_for_and_searches_go_on() {
    let kit = Kit::filled().await;
    let mut told = kit.search.watch();
    kit.search.reindex().await.unwrap();
    assert!(told.has_changed().unwrap());
    told.mark_unchanged();
    assert_whole(&kit, &kit.search).await;
    let work = kit.search.begin_anew();
    assert!(matches!(kit.search.standing(), Standing::Building { .. }));
    let found = kit.find("survival").await;
    assert!(found.standing != Standing::Ready && found.total > 0, "what is there is found meanwhile");
    work.await.unwrap();
    assert_eq!(kit.search.standing(), Standing::Ready);
}

#[tokio::test]
async fn what_names_an_object_follows_its_changes() {
    let kit = Kit::filled().await;
    kit.put(kit.panel, vec![Node { name: "Gamma".into(), ..node(1, "Alpha") }, node(2, "Beta")]).await;
    kit.put(kit.panel, vec![user(1, "countess"), user(2, "bob")]).await;
    kit.search.caught_up().await.unwrap();
    assert_eq!(kit.servers("node:alpha").await, Vec::<String>::new());
    assert_eq!(kit.servers("node:gamma").await.len(), 2);
    assert_eq!(kit.servers("owner:countess").await, ["Survival One"]);
    assert_eq!(kit.objects("kind:allocation node:gamma").await.len(), 2);
    // The server takes another address.
    let survival = aviary_kernel::model::Server {
        allocations: Some(vec![3]),
        allocation_id: Some(3),
        user_id: 1,
        ..server(11, "Survival Two")
    };
    kit.put(kit.panel, vec![survival]).await;
    kit.search.caught_up().await.unwrap();
    assert_eq!(kit.objects("kind:allocation server:survival").await, ["10.0.0.12:25000"]);
    assert_eq!(kit.servers("address:10.0.0.12:25000").await, ["Survival Two"]);
    assert_eq!(kit.objects("kind:database server:\"survival two\"").await, ["s11_data"]);
}

#[tokio::test]
async fn a_removed_panel_takes_what_was_mirrored_along() {
    let kit = Kit::filled().await;
    let other = add_panel(&kit.panels, "Other").await;
    kit.fill(other).await;
    kit.search.caught_up().await.unwrap();
    assert_eq!(kit.servers("survival").await.len(), 2);
    let limits = Limits { percent: 20, rows: 10 };
    let runtime = tokio::runtime::Handle::current();
    let syncs = Syncs::new(kit.store.clone(), kit.env.clone(), sealer(), kit.panels.clone(), limits, runtime);
    syncs.remove_panel(&who(), other).await.unwrap();
    assert_whole(&kit, &kit.search).await;
    assert_eq!(kit.servers("survival").await.len(), 1);
}

#[tokio::test]
async fn what_the_data_file_forgets_the_index_forgets_and_empty_months_go() {
    let kit = Kit::filled().await;
    let book = aviary_domain::mirror::Book::new(kit.store.clone());
    let month = |name: &str| kit.search_dir().join("v2/records").join(name).exists();
    kit.clock.set(Timestamp::parse("2027-01-05T00:00:00Z").unwrap());
    kit.put(kit.panel, vec![server(70, "Later")]).await;
    kit.search.caught_up().await.unwrap();
    assert!(month("2026-11") && month("2027-01"));
    assert!(kit.find("kind:change survival").await.total > 0);
    book.forget_history(Timestamp::parse("2027-01-01T00:00:00Z").unwrap()).await.unwrap();
    kit.search.caught_up().await.unwrap();
    assert_eq!(kit.find("kind:change survival").await.total, 0);
    assert_eq!(titles(&kit.find("kind:change").await), ["Later"]);
    assert!(month("2026-11"), "the audit trail has something of it");
    assert_whole(&kit, &kit.search).await;
}

#[tokio::test]
async fn a_disk_that_takes_nothing_breaks_the_index_only() {
    let kit = Kit::filled().await;
    kit.search.shut_down().await.unwrap();
    let parent = kit.dir.path().join("elsewhere");
    fs::write(&parent, b"in the way").unwrap();
    let search = Search::new(kit.store.clone(), kit.env.clone(), parent.join("search"));
    assert!(search.caught_up().await.is_err());
    assert!(matches!(search.standing(), Standing::Broken(_)));
    let found = search.find(asked("survival"), all()).await.unwrap();
    assert!(matches!(found.standing, Standing::Broken(_)) && places(&found).is_empty());
    fs::remove_file(parent).unwrap();
    assert_whole(&kit, &search).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_removes_the_index_of_the_file_from_before() {
    let kit = Kit::filled().await;
    let options = BackupOptions { dir: kit.dir.path().join("backups"), keep: 0 };
    let backups = Backups::new(kit.store.clone(), kit.env.clone(), options);
    let made = backups.make(&who(), |_: &BackupProgress| ControlFlow::Continue(())).await.unwrap();
    kit.search.shut_down().await.unwrap();
    let Kit { search, store, panels, dir, env, .. } = kit;
    drop((search, store, panels, backups));
    let data_file = dir.path().join("aviary.redb");
    let wanted =
        Restore { backup: Backup::look(&made.path).unwrap(), data_file: data_file.clone(), keys: None, by: who() };
    restore_to(env.clone(), wanted, |_| ControlFlow::Continue(())).await.unwrap();
    assert!(!dir.path().join("search").exists());
    let store = Store::open(Options::file(&data_file)).unwrap();
    let search = Search::new(store, env, dir.path().join("search"));
    search.caught_up().await.unwrap();
    assert_eq!(titles(&search.find(asked("kind:server survival"), all()).await.unwrap()), ["Survival One"]);
}
