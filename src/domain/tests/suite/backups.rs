//! Backups and the way back, also when something comes in between.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use aviary_domain::ops::{Backup, BackupOptions, BackupProgress, BackupStep, Backups, Restore, Restored, restore_to};
use aviary_domain::secrets::{Keys, unlock};
use aviary_kernel::base::{Env, Error, MasterKey, Result, Timestamp};
use aviary_kernel::config::KeySource;
use aviary_kernel::model::{Action, Actor};
use aviary_kernel::store::faulty::{Disk, Op};
use aviary_kernel::store::rows::Setting;
use aviary_kernel::store::tables::{self, AUDIT, SETTINGS};
use aviary_kernel::store::{Direction, MIGRATIONS, Migration, Options, Read, SortText, Span, Store, WriteTx, verify};
use aviary_sim::PanelSpec;
use tempfile::TempDir;

use crate::lab::Lab;

fn by() -> Actor {
    Actor::job("test")
}

fn go_on(_: &BackupProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A data file and a folder for its backups.
struct House {
    dir: TempDir,
    env: Env,
    clock: Arc<aviary_kernel::base::ManualClock>,
    store: Store,
    backups: Backups,
}

impl House {
    fn new(keep: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(Options::file(dir.path().join("aviary.redb"))).unwrap();
        Self::with(dir, store, keep)
    }

    fn with(dir: TempDir, store: Store, keep: usize) -> Self {
        let (env, clock) = Env::manual(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let options = BackupOptions { dir: dir.path().join("backups"), keep };
        let backups = Backups::new(store.clone(), env.clone(), options);
        Self { dir, env, clock, store, backups }
    }

    fn data_file(&self) -> PathBuf {
        self.dir.path().join("aviary.redb")
    }

    async fn put(&self, name: &str, value: &str) {
        let (name, value) = (SortText::new(name), Setting(value.to_owned()));
        self.store.write(move |tx| tx.put(SETTINGS, &name, &value).map(drop)).await.unwrap();
    }

    async fn backup(&self) -> Backup {
        self.clock.advance_s(60);
        self.backups.make(&by(), go_on).await.unwrap()
    }

    /// Closes the data file; nobody has it open afterwards.
    fn leave(self) -> (TempDir, Env) {
        (self.dir, self.env)
    }
}

/// Everything in a data file, by table.
fn everything(store: &Store) -> BTreeMap<&'static str, BTreeMap<Vec<u8>, Vec<u8>>> {
    let all = tables::ALL.iter().map(|table| table.name).chain([tables::COUNTERS]);
    let rows = |name| {
        let mut rows = BTreeMap::new();
        let mut take = |key: &[u8], value: &[u8]| {
            rows.insert(key.to_vec(), value.to_vec());
            Ok(ControlFlow::Continue(()))
        };
        store.read_blocking(|tx| tx.walk_bytes(name, &Span::all(), Direction::Up, &mut take)).unwrap();
        (name, rows)
    };
    all.map(rows).collect()
}

fn setting(store: &Store, name: &str) -> Option<String> {
    store.read_blocking(|tx| tx.get(SETTINGS, &SortText::new(name))).unwrap().map(|setting| setting.0)
}

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn restore(env: &Env, backup: &Path, data_file: &Path, keys: Option<Arc<Keys>>) -> Result<Restored> {
    let backup = Backup::look(backup)?;
    let wanted = Restore { backup, data_file: data_file.to_owned(), keys, by: by() };
    restore_to(env.clone(), wanted, |_| ControlFlow::Continue(())).await
}

#[track_caller]
fn why<T: std::fmt::Debug>(refused: Result<T>) -> String {
    match refused {
        Err(error @ (Error::Unusable(_) | Error::Conflict(_) | Error::Invalid { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_during_a_sync_is_as_of_one_moment() {
    let lab = Lab::new(PanelSpec::default()).await;
    let dir = tempfile::tempdir().unwrap();
    let options = BackupOptions { dir: dir.path().to_owned(), keep: 0 };
    let backups = Backups::new(lab.store.clone(), lab.env.clone(), options);
    let run = lab.start(&[]).await;
    let mut made = Vec::new();
    loop {
        made.push(backups.make(&by(), go_on).await.unwrap());
        if lab.syncs.get(run.id).await.unwrap().status.is_over() {
            break;
        }
    }
    made.push(backups.make(&by(), go_on).await.unwrap());
    for (n, backup) in made.iter().enumerate() {
        let target = dir.path().join(format!("{n}.redb"));
        let restored = restore(&lab.env, &backup.path, &target, None).await.unwrap();
        assert_eq!((restored.problems, restored.before), (0, None));
        let store = Store::open(Options::file(target)).unwrap();
        assert!(store.read_blocking(verify).unwrap().is_clean());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_brings_back_exactly_what_was() {
    let lab = Lab::new(PanelSpec::default()).await;
    lab.clean_sync().await;
    let backups = lab.dir.path().join("backups");
    let options = BackupOptions { dir: backups, keep: 7 };
    let backups = Backups::new(lab.store.clone(), lab.env.clone(), options);
    let mut was = everything(&lab.store);
    let backup = backups.make(&by(), go_on).await.unwrap();
    let stored: usize = was.values().map(BTreeMap::len).sum();
    assert!(backup.rows >= stored as u64 && backup.data_bytes > backup.bytes, "{backup:?}");
    lab.syncs.remove_panel(&by(), lab.panel).await.unwrap();
    lab.clock.advance_s(100);
    let lab = lab.without_runner().await;
    let (dir, env) = (lab.dir, lab.env);
    drop((lab.panels, lab.syncs, lab.jobs, lab.book, backups));
    let left = everything(&lab.store);
    drop(lab.store);

    let data_file = dir.path().join("aviary.redb");
    let restored = restore(&env, &backup.path, &data_file, None).await.unwrap();
    assert_eq!(fs::metadata(&data_file).unwrap().permissions().mode() & 0o777, 0o600);
    let store = Store::open(Options::file(&data_file)).unwrap();
    let mut is = everything(&store);
    // That it was restored is on record; all else is as it was.
    let last = store.read_blocking(|tx| tx.all(AUDIT, &Span::all())).unwrap().pop().unwrap().1;
    assert_eq!(last.action, Action::BackupRestored);
    assert_eq!(is["audit"].len(), was["audit"].len() + 1);
    for all in [&mut was, &mut is] {
        all.retain(|name, _| !name.starts_with("audit"));
    }
    assert_eq!(is, was);
    let before = Store::open(Options::file(restored.before.unwrap())).unwrap();
    assert_eq!(everything(&before), left);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_listed_with_what_it_says_of_itself_and_is_on_record() {
    let house = House::new(7);
    house.put("a", "1").await;
    let backup = house.backup().await;
    assert_eq!(backup.name, "aviary-20260101T000100Z.redb.zst");
    assert_eq!(house.backups.list().await.unwrap(), std::slice::from_ref(&backup));
    assert_eq!((backup.made_at, backup.key.clone()), (house.env.now(), None));
    assert_eq!(fs::metadata(&backup.path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(house.dir.path().join("backups")).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(names(&house.dir.path().join("backups")), [backup.name.clone()].into());
    let events = house.store.read_blocking(|tx| tx.all(AUDIT, &Span::all())).unwrap();
    assert_eq!(events.last().unwrap().1.action, Action::BackupMade);
    assert_eq!(events.last().unwrap().1.target.as_ref().unwrap().id, backup.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_are_kept_when_two_are_wanted_and_nothing_else_is_touched() {
    let house = House::new(2);
    let folder = house.dir.path().join("backups");
    let first = house.backup().await;
    let others = ["notes.txt", "aviary-old.redb.zst", "aviary-20200101T000000Z.redb.zst", "aviary.redb"];
    for other in others {
        fs::write(folder.join(other), "mine").unwrap();
    }
    let second = house.backup().await;
    // The clock goes wrong; what was just made stays all the same.
    let now = house.clock.clone();
    let third = house.backups.make(&by(), go_on).await.unwrap();
    assert_eq!(third.made_at, second.made_at);
    assert!(!first.path.exists() && second.path.exists() && third.path.exists());
    assert_ne!(second.name, third.name);
    now.advance_s(3600);
    house.backup().await;
    let kept = house.backups.list().await.unwrap();
    assert_eq!(kept.len(), 2);
    assert!(others.iter().all(|other| fs::read(folder.join(other)).unwrap() == b"mine"));

    let (env, _) = Env::manual(Timestamp::parse("2019-01-01T00:00:00Z").unwrap());
    let slow = Backups::new(house.store.clone(), env, BackupOptions { dir: folder, keep: 1 });
    let old = slow.make(&by(), go_on).await.unwrap();
    assert_eq!(slow.list().await.unwrap(), [old]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broken_off_backup_left_goes_with_the_next_one() {
    let house = House::new(7);
    let first = house.backup().await;
    let folder = house.dir.path().join("backups");
    // As after a kill while it copied, and while it packed.
    for left in [".aviary-20260101T000000Z.redb.zst.data.partial", ".aviary-20260101T000000Z.redb.zst.partial"] {
        fs::write(folder.join(left), vec![0; 5000]).unwrap();
    }
    // As after a kill between the content and its head; and somebody else's file.
    let mut headless = fs::read(&first.path).unwrap();
    headless[..1024].fill(0);
    fs::write(folder.join(".aviary-20260101T000003.004Z.redb.zst.partial"), headless).unwrap();
    fs::write(folder.join(".other.partial"), "mine").unwrap();
    assert_eq!(house.backups.list().await.unwrap(), std::slice::from_ref(&first));
    let second = house.backup().await;
    assert_eq!(names(&folder), [first.name, second.name, ".other.partial".into()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_can_be_cancelled_at_each_step_and_leaves_nothing() {
    let house = House::new(7);
    let first = house.backup().await;
    for step in [BackupStep::Copying, BackupStep::Verifying, BackupStep::Packing] {
        let at = move |progress: &BackupProgress| {
            if progress.step == step { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        assert!(why(house.backups.make(&by(), at).await).contains("cancelled"));
        assert_eq!(names(&house.dir.path().join("backups")), [first.name.clone()].into());
        assert_eq!(house.backups.progress(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_backup_is_made_at_a_time_and_none_when_aviary_stops() {
    let house = House::new(7);
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let backups = house.backups.clone();
    let first = tokio::spawn(async move {
        let wait = move |_: &BackupProgress| {
            let _ = begun.send(());
            let _ = may_go.recv();
            ControlFlow::Continue(())
        };
        backups.make(&by(), wait).await
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    assert!(house.backups.progress().is_some());
    assert!(why(house.backups.make(&by(), go_on).await).contains("being made already"));
    // Another program in the same folder.
    let other = Backups::new(house.store.clone(), house.env.clone(), house.backups.options().clone());
    assert!(why(other.make(&by(), go_on).await).contains("another backup is being made"));
    // Writers are not held up meanwhile.
    house.put("b", "2").await;
    let backups = house.backups.clone();
    let stopping = tokio::spawn(async move { backups.shut_down().await });
    tokio::task::yield_now().await;
    drop(go);
    stopping.await.unwrap();
    let first = first.await.unwrap();
    assert!(first.is_ok() || why(first).contains("stops"));
    assert!(why(house.backups.make(&by(), go_on).await).contains("Aviary stops"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_named_must_be_there_and_is_not_pruned() {
    let house = House::new(1);
    let elsewhere = house.dir.path().join("elsewhere");
    let missing = house.backups.make_in(&by(), elsewhere.clone(), go_on).await;
    assert!(matches!(missing, Err(Error::Invalid { field: "to", .. })));
    fs::create_dir(&elsewhere).unwrap();
    for _ in 0..3 {
        house.backups.make_in(&by(), elsewhere.clone(), go_on).await.unwrap();
    }
    assert_eq!(names(&elsewhere).len(), 3);
    assert!(house.backups.list().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_no_writes_is_backed_up_all_the_same() {
    let disk = Disk::new();
    let options = Options { probe_every: Duration::from_secs(3600), ..Options::on(disk.backing()) };
    let house = House::with(tempfile::tempdir().unwrap(), Store::open(options).unwrap(), 7);
    house.put("a", "1").await;
    disk.fail(Op::Write, 0, std::io::ErrorKind::StorageFull);
    let full = house.store.write(|tx| tx.put(SETTINGS, &SortText::new("b"), &Setting("2".into())).map(drop)).await;
    assert!(full.is_err() && house.store.trouble().is_some());
    let backup = house.backup().await;
    let target = house.dir.path().join("restored.redb");
    restore(&house.env, &backup.path, &target, None).await.unwrap();
    let store = Store::open(Options::file(target)).unwrap();
    assert_eq!((setting(&store, "a"), setting(&store, "b")), (Some("1".into()), None));
}

/// A small file system of its own, for as long as the value lives.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(kib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().ok()?;
        let size = format!("size={kib}k");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output().ok()?;
        done.status.success().then(|| Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_fails_the_backup_and_nothing_else() {
    let Some(disk) = SmallDisk::mount(8 * 1024) else {
        println!("skipped: no small file system can be mounted here");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Options::file(dir.path().join("aviary.redb"))).unwrap();
    let (env, clock) = Env::manual(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
    let options = BackupOptions { dir: disk.0.path().to_owned(), keep: 1 };
    let backups = Backups::new(store.clone(), env.clone(), options);
    // 700 KiB that hardly can be compressed.
    let words =
        |from: u64| (from..from + 700).map(|n| format!("{:020}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64))).collect();
    let fill = move |tx: &mut WriteTx<'_>| {
        (0..50).try_for_each(|n| {
            let value = Setting(words(n * 1000));
            tx.put(SETTINGS, &SortText::new(&format!("filler {n}")), &value).map(drop)
        })
    };
    store.write(fill).await.unwrap();
    let mut last = backups.make(&by(), go_on).await.unwrap();
    let filler = disk.0.path().join("filler");
    let mut failed = 0;
    // It fills up at each step, until there is room for all of it.
    for free in [0, 16, 256, 700, 900, 1200, 1600, 3000].map(|kib| kib * 1024) {
        let _ = fs::write(&filler, vec![1; 9 * 1024 * 1024]);
        let file = fs::File::options().write(true).open(&filler).unwrap();
        file.set_len(file.metadata().unwrap().len().saturating_sub(free)).unwrap();
        clock.advance_s(60);
        match backups.make(&by(), go_on).await {
            Ok(made) => last = made,
            Err(refused) => {
                failed += 1;
                let why = refused.to_string();
                assert!(why.contains("disk is full") && why.contains("older backups are as they were"), "{why}");
            }
        }
        assert_eq!(backups.list().await.unwrap(), std::slice::from_ref(&last));
        assert_eq!(names(disk.0.path()), [last.name.clone(), "filler".into()].into());
        fs::remove_file(&filler).unwrap();
    }
    assert!((3..8).contains(&failed), "{failed}");
    let _ = fs::write(&filler, vec![1; 9 * 1024 * 1024]);
    assert!(backups.make(&by(), go_on).await.is_err());
    assert_eq!(store.trouble(), None, "the disk of the data file has room");
    let noted = store.read_blocking(|tx| tx.all(AUDIT, &Span::all())).unwrap().pop().unwrap().1;
    assert!(matches!(noted.outcome, aviary_kernel::model::Outcome::Failed(why) if why.contains("full")));
    // Nor does a restore to a full disk change anything.
    let target = disk.0.path().join("aviary.redb");
    let why = why(restore(&env, &last.path, &target, None).await);
    assert!(why.contains("full"), "{why}");
    assert_eq!(names(disk.0.path()), [last.name.clone(), "filler".into()].into());
    fs::remove_file(&filler).unwrap();
    backups.make(&by(), go_on).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_foreign_cut_short_or_newer_is_refused_and_nothing_changes() {
    let house = House::new(7);
    house.put("a", "1").await;
    let backup = house.backup().await;
    let data_file = house.data_file();
    let (dir, env) = house.leave();
    let folder = dir.path();
    let whole = fs::read(&backup.path).unwrap();
    let (was, there) = (fs::read(&data_file).unwrap(), names(folder));

    let bad = folder.join("backups/bad");
    let mut changed = whole.clone();
    changed[(1024 + whole.len()) / 2] ^= 1;
    let cases: [(&[u8], &str); 4] = [
        (b"something else", "no backup of Aviary"),
        (&whole[..whole.len() - 10], "not whole"),
        (&changed, "is damaged"),
        (&whole[..500], "no backup of Aviary"),
    ];
    for (bytes, reason) in cases {
        fs::write(&bad, bytes).unwrap();
        let why = why(restore(&env, &bad, &data_file, None).await);
        assert!(why.contains(reason) && why.contains("backups/bad"), "{why}");
        assert_eq!((fs::read(&data_file).unwrap(), names(folder)), (was.clone(), there.clone()));
    }

    let steps = MIGRATIONS.iter().map(|step| Migration { name: step.name, run: step.run });
    let later = steps.chain([Migration { name: "a step of a later release", run: |_| Ok(()) }]).collect::<Vec<_>>();
    let newer = dir.path().join("backups/newer.redb");
    drop(Store::open(Options { migrations: later.leak(), ..Options::file(&newer) }).unwrap());
    fs::write(&bad, packed_by_hand(&whole, &fs::read(&newer).unwrap())).unwrap();
    let why = why(restore(&env, &bad, &data_file, None).await);
    assert!(why.contains("newer Aviary") && why.contains("backups/bad") && !why.contains("restoring"), "{why}");
    assert_eq!((fs::read(&data_file).unwrap(), names(folder)), (was, there));
}

/// A backup with the head of another one.
fn packed_by_hand(other: &[u8], data: &[u8]) -> Vec<u8> {
    let packed = zstd::encode_all(data, 1).unwrap();
    let mut head: serde_json::Value = serde_json::from_slice(&other[8..1024]).unwrap();
    head["bytes"] = (1024 + packed.len()).into();
    head["dataBytes"] = data.len().into();
    let mut all = [&other[..8], head.to_string().as_bytes()].concat();
    all.resize(1024, b' ');
    all.extend(packed);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_another_key_is_refused_when_the_key_is_at_hand() {
    let key = |digit: &str| MasterKey::parse(&digit.repeat(64)).unwrap();
    let keys = |digit| Arc::new(Keys::from_source(KeySource::Elsewhere("the test".into()), key(digit), None));
    let house = House::new(7);
    unlock(&house.store, &keys("a")).await.unwrap();
    let backup = house.backup().await;
    assert_eq!(backup.key, Some(format!("{:08x}", key("a").id())));
    let data_file = house.data_file();
    let (dir, env) = house.leave();
    let (was, there) = (fs::read(&data_file).unwrap(), names(dir.path()));
    let why = why(restore(&env, &backup.path, &data_file, Some(keys("b"))).await);
    assert!(why.contains("master key is not the one"), "{why}");
    assert_eq!((fs::read(&data_file).unwrap(), names(dir.path())), (was, there));
    restore(&env, &backup.path, &data_file, Some(keys("a"))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_file_in_use_is_not_replaced() {
    let house = House::new(7);
    let backup = house.backup().await;
    let refused = restore(&house.env, &backup.path, &house.data_file(), None).await;
    assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("in use")), "{refused:?}");
    house.put("still", "here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_broken_off_anywhere_leaves_a_whole_file_and_can_be_done_again() {
    let house = House::new(7);
    house.put("a", "then").await;
    let backup = house.backup().await;
    house.put("a", "now").await;
    let data_file = house.data_file();
    let (dir, env) = house.leave();
    let now = || setting(&Store::open(Options::file(&data_file)).unwrap(), "a").unwrap();

    // As after a kill while it unpacked.
    fs::write(dir.path().join("aviary.redb.restoring"), vec![7; 5000]).unwrap();
    assert_eq!(now(), "now");
    // As after a kill between the second name of the old file and the swap.
    let alias = dir.path().join("aviary.redb.before-restore-20260101T000000Z");
    fs::hard_link(&data_file, &alias).unwrap();
    assert_eq!(now(), "now");
    let restored = restore(&env, &backup.path, &data_file, None).await.unwrap();
    assert!(!alias.exists() && !dir.path().join("aviary.redb.restoring").exists());
    assert_eq!(now(), "then");
    let before = restored.before.unwrap();
    assert_ne!(fs::metadata(&before).unwrap().ino(), fs::metadata(&data_file).unwrap().ino());
    assert_eq!(setting(&Store::open(Options::file(&before)).unwrap(), "a").unwrap(), "now");

    // What an earlier restore kept is no trace of a broken-off one.
    let (env, _) = Env::manual(Timestamp::parse("2026-02-01T00:00:00Z").unwrap());
    let again = restore(&env, &backup.path, &data_file, None).await.unwrap().before.unwrap();
    assert!(before.exists() && again.exists() && before != again);

    // Cancelled, it changes nothing either.
    let there = names(dir.path());
    let wanted =
        Restore { backup: Backup::look(&backup.path).unwrap(), data_file: data_file.clone(), keys: None, by: by() };
    assert!(why(restore_to(env, wanted, |_| ControlFlow::Break(())).await).contains("cancelled"));
    assert_eq!(names(dir.path()), there);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_data_file_is_replaced_and_kept() {
    let house = House::new(7);
    house.put("a", "1").await;
    let backup = house.backup().await;
    let data_file = house.data_file();
    let (_dir, env) = house.leave();
    fs::write(&data_file, "not much left").unwrap();
    let restored = restore(&env, &backup.path, &data_file, None).await.unwrap();
    assert_eq!(fs::read(restored.before.unwrap()).unwrap(), b"not much left");
    assert_eq!(setting(&Store::open(Options::file(&data_file)).unwrap(), "a").unwrap(), "1");
}
