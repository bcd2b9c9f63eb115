use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::sample::{
    add_panel, assert_sound, key, many_writes, open, options, put_server, report, server, some_writes,
};
use crate::base::{Error, Result};
use crate::store::faulty::{Disk, Op};
use crate::store::tables::SERVERS;
use crate::store::{Copied, Hold, Options, Read, Store, verify_copy};

fn copy(store: &Store, to: &Disk) -> Result<Copied> {
    store.read_blocking(|tx| tx.copy_to(&to.backing(), &mut |_, _| Ok(())))
}

#[test]
fn a_copy_that_is_taken_while_writers_write_holds_together() {
    let (disk, to) = (Disk::new(), Disk::new());
    let store = open(&disk);
    add_panel(&store, 1).unwrap();
    some_writes(&store, 0..300, 1);
    let over = Arc::new(AtomicBool::new(false));
    let writing = std::thread::spawn({
        let (store, over) = (store.clone(), over.clone());
        move || {
            let mut first = 1000;
            while !over.load(Ordering::SeqCst) {
                many_writes(&store, 2, 20, first, first);
                first += 100;
            }
        }
    });
    let mut copies = Vec::new();
    for _ in 0..5 {
        let to = Disk::new();
        copies.push((copy(&store, &to).unwrap(), to));
    }
    over.store(true, Ordering::SeqCst);
    writing.join().unwrap();
    let last = copy(&store, &to).unwrap();
    for (copied, to) in copies.iter().chain([&(last, to.clone())]) {
        verify_copy(&options(to), copied).unwrap();
        assert_sound(&open(to));
    }
    let (here, there) = (report(&store), report(&open(&to)));
    assert_eq!((here.rows, here.index_keys, here.counters), (there.rows, there.index_keys, there.counters));
}

#[test]
fn a_copy_outlives_a_power_cut_as_soon_as_it_is_made() {
    let (disk, to) = (Disk::new(), Disk::new());
    let store = open(&disk);
    store.write_blocking(|tx| (0..50).try_for_each(|id| put_server(tx, id))).unwrap();
    let copied = copy(&store, &to).unwrap();
    to.power_cut();
    verify_copy(&options(&to), &copied).unwrap();
    assert_eq!(open(&to).read_blocking(|tx| tx.get(SERVERS, &key(7))).unwrap(), Some(server(7)));
}

#[test]
fn a_target_that_fails_is_told_and_does_not_trouble_the_store() {
    let disk = Disk::new();
    let store = open(&disk);
    store.write_blocking(|tx| (0..2000).try_for_each(|id| put_server(tx, id))).unwrap();
    for (op, good) in [(Op::SetLen, 0), (Op::SetLen, 2), (Op::Write, 0), (Op::Write, 40), (Op::Sync, 0), (Op::Sync, 1)]
    {
        let to = Disk::new();
        to.fail(op, good, ErrorKind::StorageFull);
        let failed = copy(&store, &to);
        assert!(matches!(&failed, Err(Error::Unusable(why)) if why.contains("full")), "{op:?} {good}: {failed:?}");
    }
    let small = Disk::new();
    small.set_capacity(Some(400 * 1024));
    assert!(matches!(copy(&store, &small), Err(Error::Unusable(why)) if why.contains("free some space")));
    assert_eq!(store.trouble(), None);
    assert_sound(&store);
}

#[test]
fn who_watches_may_end_a_copy() {
    let disk = Disk::new();
    let store = open(&disk);
    store.write_blocking(|tx| (0..50).try_for_each(|id| put_server(tx, id))).unwrap();
    let mut told = Vec::new();
    let ended = store.read_blocking(|tx| {
        tx.copy_to(&Disk::new().backing(), &mut |done, of| {
            told.push((done, of));
            if done > 0 { Err(Error::Conflict("enough".into())) } else { Ok(()) }
        })
    });
    assert!(matches!(ended, Err(Error::Conflict(why)) if why == "enough"));
    assert!(told.len() >= 2 && told.iter().all(|(done, of)| done <= of), "{told:?}");
}

#[test]
fn a_copy_with_a_damaged_page_or_other_rows_is_found() {
    let (disk, to) = (Disk::new(), Disk::new());
    let store = open(&disk);
    store.write_blocking(|tx| (0..200).try_for_each(|id| put_server(tx, id))).unwrap();
    let copied = copy(&store, &to).unwrap();
    store.write_blocking(|tx| put_server(tx, 500)).unwrap();
    let other = copy(&store, &Disk::new()).unwrap();
    assert!(
        matches!(verify_copy(&options(&to), &other), Err(Error::Unusable(why)) if why.contains("rows are missing"))
    );
    let mut image = to.image();
    let text = b"00000000-0000-0000-0000-000000000123";
    let at = image.windows(text.len()).position(|part| part == text).unwrap();
    image[at] = b'f';
    let damaged = verify_copy(&options(&Disk::with(image)), &copied);
    assert!(matches!(&damaged, Err(Error::Unusable(why)) if why.contains("damaged")), "{damaged:?}");
}

#[test]
fn a_file_that_is_held_opens_for_nobody_and_one_that_is_open_is_not_held() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("aviary.redb");
    assert!(Hold::take(&path).unwrap().is_none());
    let store = Store::open(Options::file(&path)).unwrap();
    assert!(matches!(Hold::take(&path), Err(Error::Conflict(_))));
    drop(store);
    let hold = Hold::take(&path).unwrap();
    assert!(hold.is_some());
    assert!(matches!(Store::open(Options::file(&path)), Err(Error::Unusable(_))));
    drop(hold);
    Store::open(Options::file(&path)).unwrap();
    std::fs::write(&path, "whatever").unwrap();
    assert!(Hold::take(&path).unwrap().is_some());
}
