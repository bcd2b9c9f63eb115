//! Files that are new, old, damaged, foreign, in use, or left behind by a crash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redb::{Database, MultimapTableDefinition, StorageBackend, TableDefinition};
use tempfile::TempDir;

use super::sample::*;
use crate::base::{Error, Result};
use crate::store::faulty::{Disk, Op};
use crate::store::rows::Setting;
use crate::store::tables::{PANELS, SERVERS, SETTINGS};
use crate::store::{Backing, Migration, Options, Read, SortText, Span, Store, WriteTx};

fn folder() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("aviary.redb");
    (dir, path)
}

fn refusal(options: Options) -> String {
    match Store::open(options) {
        Err(Error::Unusable(why)) => why,
        Err(other) => panic!("refused as {other:?}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[track_caller]
fn assert_refused_untouched(path: &Path, says: &str) {
    let before = fs::read(path).unwrap();
    let touched = fs::metadata(path).unwrap().modified().unwrap();
    let why = refusal(Options::file(path));
    assert!(why.contains(says) && why.contains("aviary.redb"), "{why}");
    assert!(fs::read(path).unwrap() == before, "the file was changed");
    assert_eq!(fs::metadata(path).unwrap().modified().unwrap(), touched, "the file was touched");
}

#[test]
fn files_of_other_programs_are_refused_and_left_alone() {
    let large = vec![0; 9 * 1024 * 1024];
    let only_head = [b"redb\x1a\x0a\xa9\x0d\x0a".as_slice(), &[0; 5000]].concat();
    let cases: &[(&[u8], &str)] = &[
        (b"x", "not an Aviary data file"),
        (b"SQLite format 3\0 and more", "not an Aviary data file"),
        (&[0xff; 70_000], "not an Aviary data file"),
        (&large, "not an Aviary data file"),
        (&only_head, "damaged"),
        (b"redb\x1a\x0a\xa9\x0d\x0a", "damaged"),
    ];
    for (content, says) in cases {
        let (_dir, path) = folder();
        fs::write(&path, content).unwrap();
        assert_refused_untouched(&path, says);
    }
}

#[test]
fn redb_files_of_other_programs_are_refused_and_left_alone() {
    let other: fn(&Path) = |path| {
        let db = Database::create(path).unwrap();
        let tx = db.begin_write().unwrap();
        tx.open_table(TableDefinition::<u64, &str>::new("posts")).unwrap().insert(1, "x").unwrap();
        tx.commit().unwrap();
    };
    let same_name: fn(&Path) = |path| {
        let db = Database::create(path).unwrap();
        let tx = db.begin_write().unwrap();
        tx.open_table(TableDefinition::<&str, &str>::new("meta")).unwrap().insert("layout", "x").unwrap();
        tx.commit().unwrap();
    };
    let multi: fn(&Path) = |path| {
        let db = Database::create(path).unwrap();
        let tx = db.begin_write().unwrap();
        tx.open_multimap_table(MultimapTableDefinition::<&[u8], &[u8]>::new("meta"))
            .unwrap()
            .insert(&b"a"[..], &b"b"[..])
            .unwrap();
        tx.open_table(TableDefinition::<u64, &str>::new("posts")).unwrap().insert(1, "x").unwrap();
        tx.commit().unwrap();
    };
    for make in [other, same_name, multi] {
        let (_dir, path) = folder();
        make(&path);
        assert_refused_untouched(&path, "not an Aviary data file");
    }
}

#[test]
fn a_newer_file_is_refused_and_left_alone_even_after_a_crash() {
    const STEPS: &[Migration] =
        &[Migration { name: "one", run: |_| Ok(()) }, Migration { name: "two", run: |_| Ok(()) }];
    let (dir, path) = folder();
    let newer = Store::open(Options { migrations: STEPS, ..Options::file(&path) }).unwrap();
    add_panel(&newer, 1).unwrap();
    let crashed = dir.path().join("crashed-aviary.redb");
    fs::copy(&path, &crashed).unwrap();
    drop(newer);
    assert_refused_untouched(&path, "newer Aviary (layout 2, this release knows 1)");
    assert_refused_untouched(&crashed, "newer Aviary (layout 2, this release knows 1)");
    let again = Store::open(Options { migrations: STEPS, ..Options::file(&crashed) }).unwrap();
    assert_eq!(again.read_blocking(|tx| tx.all(PANELS, &Span::all())).unwrap().len(), 1);
}

#[test]
fn a_file_cut_short_is_refused_without_a_change() {
    let (dir, path) = folder();
    let store = Store::open(Options::file(&path)).unwrap();
    some_writes(&store, 0..50, 1);
    drop(store);
    let whole = fs::read(&path).unwrap();
    let cut = dir.path().join("cut-aviary.redb");
    for keep in [1, 8, 9, 100, 511, 512, 4095, 4096, 5000, 65_536, whole.len() / 2, whole.len() - 4096, whole.len() - 1]
    {
        fs::write(&cut, &whole[..keep]).unwrap();
        match Store::open(Options::file(&cut)) {
            Err(Error::Unusable(_)) => assert!(fs::read(&cut).unwrap() == whole[..keep], "changed at {keep}"),
            Err(other) => panic!("at {keep}: {other:?}"),
            // What was cut off held nothing.
            Ok(store) => assert_sound(&store),
        }
    }
}

#[test]
fn an_empty_or_unfinished_file_is_finished() {
    let (_dir, path) = folder();
    fs::write(&path, b"").unwrap();
    add_panel(&Store::open(Options::file(&path)).unwrap(), 1).unwrap();
    add_panel(&Store::open(Options::file(&path)).unwrap(), 2).unwrap();

    // As redb leaves it when it stops before it writes the first bytes.
    let (_dir, path) = folder();
    let mut begun = vec![0; 1_200_000];
    begun[9..300].fill(3);
    fs::write(&path, &begun).unwrap();
    add_panel(&Store::open(Options::file(&path)).unwrap(), 1).unwrap();
    assert_sound(&Store::open(Options::file(&path)).unwrap());
}

#[test]
fn a_file_in_use_is_refused() {
    let (_dir, path) = folder();
    let store = Store::open(Options::file(&path)).unwrap();
    assert!(refusal(Options::file(&path)).contains("in use by another Aviary"));
    let writing = store.clone();
    let writer = std::thread::spawn(move || some_writes(&writing, 0..60, 1));
    while !writer.is_finished() {
        assert!(refusal(Options::file(&path)).contains("in use by another Aviary"));
    }
    assert_kept(&store, &writer.join().unwrap(), "while others knocked");
}

#[test]
fn a_closed_store_can_be_opened_again_at_once() {
    let (_dir, path) = folder();
    for id in 0..30 {
        let store = Store::open(Options::file(&path)).unwrap();
        let others = [store.clone(), store.clone()];
        let threads = others.map(|other| std::thread::spawn(move || drop(other)));
        store.write_blocking(move |tx| put_server(tx, id)).unwrap();
        for thread in threads {
            thread.join().unwrap();
        }
        drop(store);
    }
    assert_eq!(Store::open(Options::file(&path)).unwrap().read_blocking(|tx| tx.count(servers_counter())).unwrap(), 30);
}

#[test]
fn a_process_that_was_killed_leaves_a_file_that_opens_without_walking_it() {
    let (dir, path) = folder();
    let store = Store::open(Options::file(&path)).unwrap();
    let outcome = many_writes(&store, 4, 20, 0, 1);
    let copy = dir.path().join("killed.redb");
    fs::copy(&path, &copy).unwrap();
    let again = Store::open(Options::file(&copy)).unwrap();
    assert_eq!(again.stats().repairs.load(Ordering::Relaxed), 0);
    assert_kept(&again, &outcome, "after the kill");

    let disk = Disk::new();
    let store = open(&disk);
    let outcome = many_writes(&store, 4, 20, 0, 2);
    // Everything is written, nothing is closed.
    let again = open(&Disk::with(disk.image()));
    assert_eq!(again.stats().repairs.load(Ordering::Relaxed), 0);
    assert_kept(&again, &outcome, "after the kill");
}

#[test]
fn what_is_wrong_with_the_place_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let why = refusal(Options::file(dir.path().join("nowhere").join("aviary.redb")));
    assert!(why.contains("its folder is not there"), "{why}");
    assert!(!refusal(Options::file(dir.path())).is_empty(), "a folder is no file");
}

#[test]
fn a_full_disk_at_the_start_is_opened_for_reading() {
    let disk = Disk::new();
    let store = open(&disk);
    let outcome = some_writes(&store, 0..10, 1);
    disk.power_cut();
    drop(store);
    for op in [Op::Write, Op::Sync] {
        disk.fail(op, 0, std::io::ErrorKind::StorageFull);
        let store = open(&disk);
        assert!(store.trouble().unwrap().contains("free some space"));
        assert!(matches!(add_panel(&store, 1), Err(Error::ReadOnly(_))));
        assert_kept(&store, &outcome, "on the full disk");
        assert!(store.probe_blocking().unwrap().is_some());
        disk.heal();
        assert_eq!(store.probe_blocking().unwrap(), None);
        add_panel(&store, 1).unwrap();
        assert_kept(&store, &outcome, "with space again");
        drop(store);
    }
}

#[test]
fn a_file_that_vanished_does_not_come_back_empty() {
    let (first, second) = (Disk::new(), Disk::new());
    let (a, b) = (first.backing(), second.backing());
    let gone = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let which = gone.clone();
    let backing = Backing::Custom(Arc::new(move || {
        let Backing::Custom(make) = (if which.load(Ordering::SeqCst) { &b } else { &a }) else { unreachable!() };
        make()
    }));
    let store = Store::open(Options { probe_every: Duration::from_secs(3600), ..Options::on(backing) }).unwrap();
    add_panel(&store, 1).unwrap();
    gone.store(true, Ordering::SeqCst);
    first.fail(Op::Sync, 0, std::io::ErrorKind::Other);
    assert!(add_panel(&store, 2).is_err());
    assert!(store.probe_blocking().unwrap().is_some());
    assert_eq!(second.image(), Vec::<u8>::new());
    let seen = store.read_blocking(|tx| tx.all(PANELS, &Span::all()));
    assert!(matches!(seen, Err(Error::ReadOnly(_))), "{seen:?}");
    // And when it is found again, so is everything in it.
    gone.store(false, Ordering::SeqCst);
    first.heal();
    assert_eq!(store.probe_blocking().unwrap(), None);
    assert_eq!(store.read_blocking(|tx| tx.all(PANELS, &Span::all())).unwrap().len(), 1);
}

fn note(tx: &mut WriteTx<'_>, name: &str) -> Result<()> {
    let key = SortText::new("steps");
    let before = tx.get(SETTINGS, &key)?.map_or_else(String::new, |s| s.0);
    tx.put(SETTINGS, &key, &Setting(format!("{before}{name} "))).map(drop)
}

fn steps(store: &Store) -> String {
    let setting = store.read_blocking(|tx| tx.get(SETTINGS, &SortText::new("steps"))).unwrap();
    setting.map_or_else(String::new, |s| s.0)
}

const ONE: Migration = Migration { name: "one", run: |tx| note(tx, "one") };
const TWO: Migration = Migration { name: "two", run: |tx| note(tx, "two") };
const THREE: Migration = Migration { name: "three", run: |tx| note(tx, "three") };

#[test]
fn migrations_run_once_and_in_order() {
    let disk = Disk::new();
    let with = |migrations| Store::open(Options { migrations, ..options(&disk) });
    drop(with(&[]).unwrap());
    assert_eq!(steps(&with(&[ONE]).unwrap()), "one ");
    assert_eq!(steps(&with(&[ONE, TWO, THREE]).unwrap()), "one two three ");
    assert_eq!(steps(&with(&[ONE, TWO, THREE]).unwrap()), "one two three ");
    assert!(matches!(with(&[ONE]), Err(Error::Unusable(_))));
    // A new file is made as the newest.
    let store = Store::open(Options { migrations: &[ONE, TWO], ..options(&Disk::new()) }).unwrap();
    assert_eq!(steps(&store), "");
}

#[test]
fn a_migration_that_fails_leaves_nothing_and_runs_again() {
    static TRIES: AtomicU32 = AtomicU32::new(0);
    const FAILS_FIRST: Migration = Migration {
        name: "fails first",
        run: |tx| {
            note(tx, "half")?;
            match TRIES.fetch_add(1, Ordering::SeqCst) {
                0 => Err(Error::internal("no")),
                1 => std::panic::resume_unwind(Box::new("on purpose")),
                _ => Ok(()),
            }
        },
    };
    let disk = Disk::new();
    let with = |migrations| Store::open(Options { migrations, ..options(&disk) });
    drop(with(&[]).unwrap());
    for _ in 0..2 {
        assert!(with(&[ONE, FAILS_FIRST, TWO]).is_err());
    }
    assert_eq!(steps(&with(&[ONE, FAILS_FIRST, TWO]).unwrap()), "one half two ");
}

#[test]
fn a_crash_in_the_middle_of_migrations_only_means_that_they_go_on() {
    for op in [Op::Write, Op::Sync] {
        for good in 0.. {
            let disk = Disk::new();
            drop(Store::open(Options { migrations: &[], ..options(&disk) }).unwrap());
            disk.fail(op, good, std::io::ErrorKind::Other);
            let with = || Store::open(Options { migrations: &[ONE, TWO, THREE], ..options(&disk) });
            let first = with();
            let failed = first.is_err();
            disk.power_cut();
            drop(first);
            disk.heal();
            assert_eq!(steps(&with().unwrap()), "one two three ", "{op:?} {good}");
            if !failed {
                break;
            }
        }
    }
}

/// A small file system of its own, for as long as the value lives.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().ok()?;
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(dir.path()).output().ok()?;
        done.status.success().then(|| Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[test]
fn a_disk_that_is_really_full_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: no small file system can be mounted here");
        return;
    };
    let path = disk.0.path().join("aviary.redb");
    let filler = disk.0.path().join("filler");
    let options = || Options { probe_every: Duration::from_secs(3600), ..Options::file(&path) };
    let mut store = Store::open(options()).unwrap();
    let mut outcome = Outcome::default();
    for round in 0..4 {
        // As much of it as there is room for.
        let _ = fs::write(&filler, vec![1; 400 * 1024]);
        let began = Instant::now();
        while store.trouble().is_none() {
            let first = 1000 * (round * 1000 + u64::try_from(outcome.kept.len() + outcome.open.len()).unwrap());
            outcome.add(some_writes(&store, first..first + 50, first));
            outcome.add(large_writes(&store, first + 60..first + 61));
            assert!(began.elapsed() < Duration::from_secs(60), "it never fills up");
        }
        let _ = fs::write(disk.0.path().join("last bytes"), vec![1; 2 * 1024 * 1024]);
        assert_kept(&store, &outcome, "while it is full");
        assert!(store.probe_blocking().unwrap().is_some(), "still full");
        assert_kept(&store, &outcome, "while it is still full");
        if round == 2 {
            drop(store);
            store = Store::open(options()).unwrap();
            assert_kept(&store, &outcome, "opened on the full disk");
        }
        fs::remove_file(disk.0.path().join("last bytes")).unwrap();
        fs::remove_file(&filler).unwrap();
        assert_eq!(store.probe_blocking().unwrap(), None);
        // Space for the next round.
        let ids: Vec<_> = store.read_blocking(|tx| tx.all(SERVERS, &Span::all())).unwrap();
        let large: Vec<_> = ids
            .iter()
            .filter(|(_, s)| s.data.description.as_ref().is_some_and(|d| d.len() > 10_000))
            .map(|(k, _)| k.1)
            .collect();
        for id in large {
            store.write_blocking(move |tx| tx.put(SERVERS, &key(id), &server(id)).map(drop)).unwrap();
        }
        assert_kept(&store, &outcome, "with space again");
    }
}

#[test]
fn a_backend_that_is_no_file_is_closed_with_the_store() {
    #[derive(Debug)]
    struct Closing(redb::backends::InMemoryBackend, Arc<AtomicU32>);
    impl StorageBackend for Closing {
        fn len(&self) -> std::io::Result<u64> {
            self.0.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
            self.0.read(offset, out)
        }
        fn set_len(&self, len: u64) -> std::io::Result<()> {
            self.0.set_len(len)
        }
        fn sync_data(&self) -> std::io::Result<()> {
            self.0.sync_data()
        }
        fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
            self.0.write(offset, data)
        }
        fn close(&self) -> std::io::Result<()> {
            self.1.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }
    let closed = Arc::new(AtomicU32::new(0));
    let count = closed.clone();
    let backing = Backing::Custom(Arc::new(move || Ok(Box::new(Closing(Default::default(), count.clone())))));
    let store = Store::open(Options::on(backing)).unwrap();
    let before = closed.load(Ordering::SeqCst);
    drop(store);
    assert_eq!(closed.load(Ordering::SeqCst), before + 1);
}
