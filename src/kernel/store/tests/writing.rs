//! Group commit, closures that fail, snapshots.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier};

use super::sample::*;
use crate::base::{Error, Result};
use crate::store::faulty::{Disk, Op};
use crate::store::tables::{BY_NAME, FEED, PANELS, SERVERS};
use crate::store::{Direction, Read, Span};

#[test]
fn many_writes_share_few_commits() {
    let disk = Disk::new();
    let store = open(&disk);
    let before = store.stats().commits.load(Ordering::Relaxed);
    let syncs = disk.done(Op::Sync);
    let go = Arc::new(Barrier::new(2));
    let block = go.clone();
    // While this one runs, the others queue up behind it.
    let blocked = std::thread::spawn({
        let store = store.clone();
        move || {
            store.write_blocking(move |_| {
                block.wait();
                block.wait();
                Ok(())
            })
        }
    });
    go.wait();
    let rest: Vec<_> = (0..500)
        .map(|id| {
            let future = store.write(move |tx| put_server(tx, id));
            // The first poll hands the closure over.
            let mut future = Box::pin(future);
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(future.as_mut().poll(&mut context).is_pending());
            future
        })
        .collect();
    go.wait();
    blocked.join().unwrap().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for write in rest {
        runtime.block_on(write).unwrap();
    }
    let commits = store.stats().commits.load(Ordering::Relaxed) - before;
    // Slow machines may need more than one, since a commit collects for 100 ms at most.
    assert!(commits <= 50, "{commits} commits for 501 writes");
    assert!(disk.done(Op::Sync) - syncs <= commits * 4);
    assert_eq!(store.stats().jobs.load(Ordering::Relaxed), 1 + 501);
    assert_sound(&store);
}

#[test]
fn failing_and_panicking_closures_undo_only_themselves() {
    let disk = Disk::new();
    let store = open(&disk);
    let outcome = many_writes(&store, 8, 25, 0, 4);
    assert!(outcome.undone.len() > 10 && outcome.kept.len() > 100 && outcome.open.is_empty(), "{outcome:?}");
    assert_kept(&store, &outcome, "in one go");
    drop(store);
    assert_kept(&open(&disk), &outcome, "after opening again");
}

#[test]
fn a_failing_closure_brings_back_what_it_changed_and_removed() {
    let disk = Disk::new();
    let store = open(&disk);
    store.write_blocking(|tx| (0..5).try_for_each(|id| put_server(tx, id))).unwrap();
    let before = store.read_blocking(|tx| Ok((tx.all(SERVERS, &Span::all())?, tx.all_keys(BY_NAME, &Span::all())?)));
    let failed: Result<()> = store.write_blocking(|tx| {
        let mut changed = server(2);
        changed.data.name = "another".into();
        changed.data.suspended = !changed.data.suspended;
        tx.put(SERVERS, &key(2), &changed)?;
        tx.remove(SERVERS, &key(3))?;
        tx.put(SERVERS, &key(3), &server(3))?;
        tx.remove(SERVERS, &key(4))?;
        tx.put(SERVERS, &key(9), &server(9))?;
        tx.put(SERVERS, &key(9), &changed)?;
        assert_eq!(tx.count(servers_counter())?, 5, "it sees its own writes");
        Err(Error::Conflict("no".into()))
    });
    assert!(matches!(failed, Err(Error::Conflict(_))));
    let after = store.read_blocking(|tx| Ok((tx.all(SERVERS, &Span::all())?, tx.all_keys(BY_NAME, &Span::all())?)));
    assert_eq!(before.unwrap(), after.unwrap());
    assert_sound(&store);
}

#[test]
fn a_row_that_cannot_be_written_leaves_nothing_even_if_the_closure_goes_on() {
    let disk = Disk::new();
    let store = open(&disk);
    store
        .write_blocking(|tx| {
            put_server(tx, 1)?;
            // A row that this release cannot read, with index keys that nobody can know any more.
            tx.put_bytes("servers", &crate::store::Key::to_bytes(&key(2)), b"\x09\x00\x00").map(drop)
        })
        .unwrap();
    store
        .write_blocking(|tx| {
            assert!(matches!(tx.put(SERVERS, &key(2), &server(2)), Err(Error::Corrupt { table: "servers", .. })));
            assert!(matches!(tx.remove(SERVERS, &key(2)), Err(Error::Corrupt { table: "servers", .. })));
            put_server(tx, 3)
        })
        .unwrap();
    let report = report(&store);
    assert_eq!(report.problem_count, 1, "{:?}", report.problems);
    assert!(report.problems[0].to_string().starts_with("servers 00000001"), "{}", report.problems[0]);
}

#[test]
fn numbers_of_a_series_never_repeat() {
    let disk = Disk::new();
    let store = open(&disk);
    let failed: Result<()> = store.write_blocking(|tx| {
        assert_eq!(tx.next_number("a")?, 1);
        Err(Error::Conflict("no".into()))
    });
    assert!(failed.is_err());
    assert_eq!(
        store.write_blocking(|tx| Ok((tx.next_number("a")?, tx.next_number("a")?, tx.next_number("b")?))).unwrap(),
        (1, 2, 1)
    );
    drop(store);
    assert_eq!(open(&disk).write_blocking(|tx| tx.next_number("a")).unwrap(), 3);
}

#[test]
fn a_write_inside_a_write_is_refused_and_does_not_hang() {
    let disk = Disk::new();
    let store = open(&disk);
    let inside = store.clone();
    let error = store.write_blocking(move |_| inside.write_blocking(|_| Ok(()))).unwrap_err();
    assert!(error.to_string().contains("a write inside a write"), "{error}");
    add_panel(&store, 1).unwrap();
    // Reading inside a write shows the state before it.
    let inside = store.clone();
    let seen = store.write_blocking(move |tx| {
        put_server(tx, 1)?;
        inside.read_blocking(|tx| tx.get(SERVERS, &key(1)))
    });
    assert_eq!(seen.unwrap(), None);
}

#[test]
fn a_read_does_not_see_later_writes() {
    let disk = Disk::new();
    let store = open(&disk);
    store.write_blocking(|tx| put_server(tx, 1)).unwrap();
    store
        .read_blocking(|tx| {
            store.write_blocking(|tx| put_server(tx, 2))?;
            store.write_blocking(|tx| remove_server(tx, 1))?;
            assert!(tx.get(SERVERS, &key(2))?.is_none() && tx.get(SERVERS, &key(1))?.is_some());
            assert_eq!((tx.count(servers_counter())?, tx.all(FEED, &Span::all())?.len()), (1, 1));
            assert_eq!(tx.last_key(SERVERS, &Span::all())?, Some(key(1)));
            store.read_blocking(|later| {
                assert!(later.get(SERVERS, &key(2))?.is_some() && later.get(SERVERS, &key(1))?.is_none());
                Ok(())
            })
        })
        .unwrap();
}

#[test]
fn a_walk_inside_a_write_may_read_other_tables_and_survives_errors_and_panics() {
    let disk = Disk::new();
    let store = open(&disk);
    store.write_blocking(|tx| (0..4).try_for_each(|id| put_server(tx, id))).unwrap();
    store
        .write_blocking(|tx| {
            let mut names = Vec::new();
            tx.walk_index(BY_NAME, &Span::all(), Direction::Down, |(_, _, panel, id)| {
                names.push(tx.get(SERVERS, &(panel, id))?.map(|s| s.data.name));
                Ok(std::ops::ControlFlow::Continue(()))
            })?;
            assert_eq!(names.len(), 4);
            let failed = tx.walk_index(BY_NAME, &Span::all(), Direction::Up, |_| Err(Error::Conflict("stop".into())));
            assert!(matches!(failed, Err(Error::Conflict(_))));
            put_server(tx, 9)
        })
        .unwrap();
    let result: Result<()> = store.write_blocking(|tx| {
        put_server(tx, 10)?;
        tx.walk_index(BY_NAME, &Span::all(), Direction::Up, |_| std::panic::resume_unwind(Box::new("on purpose")))
    });
    assert!(result.is_err());
    store.write_blocking(|tx| put_server(tx, 11)).unwrap();
    assert_eq!(store.read_blocking(|tx| tx.count(servers_counter())).unwrap(), 6);
    assert_sound(&store);
}

#[test]
fn the_last_handle_may_be_dropped_inside_a_write() {
    let disk = Disk::new();
    let store = open(&disk);
    let (told, done) = std::sync::mpsc::channel();
    let last = store.clone();
    let go = Arc::new(Barrier::new(2));
    let wait = go.clone();
    let write = store.write(move |tx| {
        wait.wait();
        put_server(tx, 1)?;
        drop(last);
        let _ = told.send(());
        Ok(())
    });
    let mut write = Box::pin(write);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(write.as_mut().poll(&mut context).is_pending());
    drop(write);
    drop(std::thread::spawn(move || drop(store)));
    go.wait();
    done.recv().unwrap();
    // The closure now holds the last handle or the dropping thread does; either way the file is closed in the end.
    let began = std::time::Instant::now();
    let again = loop {
        match crate::store::Store::open(options(&disk)) {
            Ok(store) => break store,
            Err(error) => assert!(began.elapsed().as_secs() < 20, "{error}"),
        }
    };
    assert_eq!(again.read_blocking(|tx| tx.count(servers_counter())).unwrap(), 1);
}

#[tokio::test]
async fn the_async_face_does_the_same() {
    let disk = Disk::new();
    let store = open(&disk);
    store.write(|tx| put_server(tx, 1)).await.unwrap();
    assert!(store.read(|tx| tx.get(SERVERS, &key(1))).await.unwrap().is_some());
    let panicked = store.write(|_| -> Result<()> { std::panic::resume_unwind(Box::new("on purpose")) }).await;
    assert!(panicked.unwrap_err().to_string().contains("nothing of it was kept"));
    disk.fail(Op::Write, 0, std::io::ErrorKind::StorageFull);
    assert!(matches!(store.write(|tx| put_server(tx, 2)).await, Err(Error::ReadOnly(_))));
    assert!(store.read(|tx| tx.get(SERVERS, &key(1))).await.unwrap().is_some());
    assert!(store.read(|tx| tx.get(SERVERS, &key(2))).await.unwrap().is_none());
}

#[tokio::test]
async fn who_watches_a_table_hears_of_commits_that_wrote_to_it_and_of_no_others() {
    let store = open(&Disk::new());
    let (mut servers, others) = (store.watch(SERVERS), store.watch(PANELS));
    store.write(|tx| put_server(tx, 1)).await.unwrap();
    servers.changed().await.unwrap();
    assert!(!servers.has_changed().unwrap() && !others.has_changed().unwrap());
    store.write(|tx| tx.get(SERVERS, &(PANEL, 1)).map(drop)).await.unwrap();
    assert!(!servers.has_changed().unwrap());
}
