//! Disks that fail, fill up and lose their power.

use std::io::ErrorKind;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::sample::*;
use crate::base::Error;
use crate::store::faulty::{Disk, Op};
use crate::store::tables::{PANELS, SERVERS};
use crate::store::{Options, Read, Span, Store};

const WRITES: u64 = 10;

fn kind(op: Op) -> ErrorKind {
    if op == Op::Read { ErrorKind::Other } else { ErrorKind::StorageFull }
}

/// Fails the first, the second and so on of each operation, in ever larger steps, and says what is to be done then.
fn each_fault(mut after: impl FnMut(&Disk, Store, &str, Outcome)) {
    for op in Op::ALL {
        let mut good = 0;
        loop {
            let disk = Disk::new();
            // So that reads reach the disk.
            let cache_bytes = if op == Op::Read { 0 } else { 1024 * 1024 };
            let store = Store::open(Options { cache_bytes, ..options(&disk) }).unwrap();
            let mut outcome = some_writes(&store, 0..3, 3);
            disk.fail(op, good, kind(op));
            outcome.add(some_writes(&store, 10..10 + WRITES, 3));
            // Few writes need a longer file, so that is asked for.
            if op == Op::SetLen {
                outcome.add(large_writes(&store, 200..206));
            }
            let hit = store.trouble().is_some();
            after(&disk, store, &format!("{op:?} {good}"), outcome);
            if !hit {
                assert!(good > 0, "{op:?} never happens");
                break;
            }
            good += 1 + good / 3;
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_fault_and_a_power_cut() {
    each_fault(|disk, store, context, outcome| {
        disk.power_cut();
        drop(store);
        disk.heal();
        assert_kept(&open(disk), &outcome, context);
    });
}

#[test]
fn what_was_acknowledged_survives_when_only_some_sectors_reached_the_disk() {
    let mut dice = Dice(42);
    each_fault(|disk, store, context, outcome| {
        disk.power_cut_keeping(|_| dice.roll(2) == 0);
        drop(store);
        disk.heal();
        assert_kept(&open(disk), &outcome, context);
    });
}

#[test]
fn a_store_recovers_by_itself_and_what_it_wrote_then_survives_a_power_cut() {
    each_fault(|disk, store, context, mut outcome| {
        disk.heal();
        assert_eq!(store.probe_blocking().unwrap(), None, "{context}");
        assert_kept(&store, &outcome, context);
        outcome.add(some_writes(&store, 100..103, 5));
        assert!(outcome.kept.contains(&102), "{context}");
        disk.power_cut();
        drop(store);
        assert_kept(&open(disk), &outcome, &format!("{context}, then a power cut"));
    });
}

#[test]
fn a_power_cut_without_a_fault_loses_nothing() {
    for seed in 0..15 {
        let disk = Disk::new();
        let store = open(&disk);
        let outcome = many_writes(&store, 4, 6, 0, seed);
        let mut dice = Dice(seed);
        disk.power_cut_keeping(|_| dice.roll(3) == 0);
        drop(store);
        assert_kept(&open(&disk), &outcome, &format!("seed {seed}"));
    }
}

#[test]
fn many_writers_on_a_bad_disk_lose_nothing_over_and_over() {
    for seed in 0..6 {
        let mut dice = Dice(seed);
        let disk = Disk::new();
        let mut store = open(&disk);
        let mut outcome = Outcome::default();
        for round in 0..5 {
            let op = Op::ALL[usize::try_from(dice.roll(4)).unwrap()];
            disk.fail(op, dice.roll(60), kind(op));
            outcome.add(many_writes(&store, 6, 10, round * 1000, seed * 10 + round));
            if dice.roll(2) == 0 {
                disk.power_cut_keeping(|_| dice.roll(2) == 0);
                drop(store);
                disk.heal();
                store = open(&disk);
            } else {
                disk.heal();
                assert_eq!(store.probe_blocking().unwrap(), None);
            }
            assert_kept(&store, &outcome, &format!("seed {seed}, round {round}"));
        }
    }
}

#[test]
fn opening_on_a_bad_disk_fails_cleanly_and_works_later() {
    for op in Op::ALL {
        for good in 0.. {
            let disk = Disk::new();
            disk.fail(op, good, kind(op));
            let opened = Store::open(options(&disk));
            let failed = opened.is_err() || opened.as_ref().is_ok_and(|s| s.trouble().is_some());
            disk.power_cut();
            drop(opened);
            disk.heal();
            let store = open(&disk);
            assert_kept(&store, &some_writes(&store, 0..3, 5), &format!("{op:?} {good}"));
            if !failed {
                break;
            }
        }
    }
}

#[test]
fn a_full_disk_makes_the_store_read_only_until_there_is_space() {
    let disk = Disk::new();
    let store = open(&disk);
    add_panel(&store, 1).unwrap();
    disk.fail(Op::Write, 0, ErrorKind::StorageFull);
    let first = add_panel(&store, 2).unwrap_err();
    assert!(matches!(&first, Error::ReadOnly(why) if why.contains("free some space")), "{first}");
    assert!(store.trouble().is_some());

    let commits = store.stats().commits.load(Ordering::Relaxed);
    let began = Instant::now();
    for _ in 0..1000 {
        assert!(matches!(add_panel(&store, 2), Err(Error::ReadOnly(_))));
    }
    assert!(began.elapsed() < Duration::from_secs(2), "refusals are instant");
    assert_eq!(store.stats().commits.load(Ordering::Relaxed), commits);
    let panels = store.read_blocking(|tx| tx.all(PANELS, &Span::all())).unwrap();
    assert_eq!(panels, [(PANEL, panels[0].1.clone())], "reads still answer");

    assert!(store.probe_blocking().unwrap().is_some(), "still full");
    assert_eq!(store.read_blocking(|tx| tx.all(PANELS, &Span::all())).unwrap().len(), 1);
    disk.heal();
    assert_eq!(store.probe_blocking().unwrap(), None);
    add_panel(&store, 2).unwrap();
    assert_sound(&store);
}

#[test]
fn it_recovers_without_being_asked_even_while_others_try_to_write_all_the_time() {
    let disk = Disk::new();
    let store = Store::open(Options { probe_every: Duration::from_millis(20), ..Options::on(disk.backing()) }).unwrap();
    disk.fail(Op::Sync, 0, ErrorKind::StorageFull);
    assert!(add_panel(&store, 1).is_err());
    disk.heal();
    let began = Instant::now();
    while add_panel(&store, 1).is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "it never recovered");
    }
    assert_sound(&store);
}

#[test]
fn a_disk_that_cannot_even_be_opened_for_writing_is_still_read() {
    let disk = Disk::new();
    let store = open(&disk);
    add_panel(&store, 1).unwrap();
    for op in [Op::Write, Op::Sync] {
        disk.fail(op, 0, ErrorKind::Other);
    }
    assert!(add_panel(&store, 2).is_err());
    for _ in 0..3 {
        assert_eq!(store.read_blocking(|tx| tx.all(PANELS, &Span::all())).unwrap().len(), 1);
        assert!(store.probe_blocking().unwrap().is_some());
    }
    disk.heal();
    assert_eq!(store.probe_blocking().unwrap(), None);
    add_panel(&store, 2).unwrap();
    assert_sound(&store);
}

#[test]
fn a_single_failed_read_does_not_end_reading() {
    let disk = Disk::new();
    let store = Store::open(Options { cache_bytes: 0, ..options(&disk) }).unwrap();
    let outcome = some_writes(&store, 0..20, 9);
    disk.fail_once(Op::Read, 0, ErrorKind::Other);
    let error = store.read_blocking(|tx| tx.all(SERVERS, &Span::all())).unwrap_err();
    assert!(matches!(error, Error::ReadOnly(_)), "{error}");
    // The failed read asked the writer to open the file anew; this only waits until it did.
    store.probe_blocking().unwrap();
    assert_kept(&store, &outcome, "after the failed read");
    assert_eq!(store.trouble(), None);
}

#[test]
fn a_fault_that_a_closure_keeps_to_itself_is_noticed() {
    let disk = Disk::new();
    let store = Store::open(Options { cache_bytes: 0, ..options(&disk) }).unwrap();
    let outcome = some_writes(&store, 0..20, 9);
    disk.fail_once(Op::Read, 2, ErrorKind::Other);
    let result = store.write_blocking(|tx| {
        for id in 0..20 {
            let _ = tx.get(SERVERS, &key(id));
        }
        Err::<(), _>(Error::Conflict("nothing to do".into()))
    });
    assert!(matches!(result, Err(Error::Conflict(_))));
    store.probe_blocking().unwrap();
    add_panel(&store, 1).unwrap();
    assert_kept(&store, &outcome, "after the hidden fault");
}

#[test]
fn a_reader_at_work_during_a_fault_is_told_and_does_not_hold_up_recovery() {
    let disk = Disk::new();
    let store = Store::open(Options { cache_bytes: 0, ..options(&disk) }).unwrap();
    some_writes(&store, 0..20, 9);
    let result = store.read_blocking(|tx| {
        disk.fail_once(Op::Sync, 0, ErrorKind::StorageFull);
        // Waits for the writer, which must not wait for this reader.
        assert!(add_panel(&store, 1).is_err());
        // A read inside a read must not hang either.
        store.read_blocking(|inner| inner.all(SERVERS, &Span::all()))?;
        tx.all(SERVERS, &Span::all())
    });
    assert!(matches!(result, Err(Error::ReadOnly(_))), "{:?}", result.map(|rows| rows.len()));
    assert_eq!(store.probe_blocking().unwrap(), None);
    assert_sound(&store);
}

#[test]
fn a_panic_in_a_reader_harms_nobody() {
    let disk = Disk::new();
    let store = open(&disk);
    let inside = store.clone();
    let panicked = std::thread::spawn(move || {
        inside.read_blocking(|_| -> crate::base::Result<()> { std::panic::resume_unwind(Box::new("on purpose")) })
    });
    assert!(panicked.join().is_err());
    disk.fail_once(Op::Sync, 0, ErrorKind::StorageFull);
    assert!(add_panel(&store, 1).is_err());
    assert_eq!(store.probe_blocking().unwrap(), None);
    add_panel(&store, 1).unwrap();
    assert_sound(&store);
}
