//! Rows to store, and a workload whose traces can be checked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::{Error, MasterKey, Result, Sealer, Timestamp};
use crate::model::*;
use crate::store::faulty::Disk;
use crate::store::rows::{Change, FeedEntry, Mirrored};
use crate::store::tables::{FEED, HISTORY, PANELS, RowKey, SERVERS, counted};
use crate::store::{Counter, Options, Read, Report, Span, Store, WriteTx, verify};

pub(super) const PANEL: PanelId = PanelId(1);

pub(super) fn options(disk: &Disk) -> Options {
    // So that only probes on demand happen.
    Options { probe_every: std::time::Duration::from_secs(3600), ..Options::on(disk.backing()) }
}

pub(super) fn open(disk: &Disk) -> Store {
    Store::open(options(disk)).unwrap()
}

pub(super) fn panel(id: u32) -> Panel {
    let sealer = Sealer::new(&MasterKey::parse(&"0f".repeat(32)).unwrap());
    Panel {
        id: PanelId(id),
        name: format!("panel {id}"),
        base_url: "https://panel.example.com".into(),
        dialect: Some(Dialect::Pterodactyl),
        app_key: sealer.seal("panels/app", "ptla_x").unwrap(),
        client_key: None,
        share_percent: 80,
        sync_every_s: None,
        created_at: Timestamp::from_seconds(1),
        reach: Reach::default(),
        synced_at: None,
        removing: false,
    }
}

pub(super) fn server(id: RemoteId) -> Mirrored<Server> {
    let data = Server {
        id,
        external_id: None,
        uuid: format!("00000000-0000-0000-0000-{id:012}"),
        identifier: format!("{id:08}"),
        name: format!("Server {}", id % 7),
        description: Some("x".repeat(usize::try_from(id % 5).unwrap() * 300)),
        status: None,
        suspended: id.is_multiple_of(3),
        limits: Limits::default(),
        feature_limits: FeatureLimits::default(),
        user_id: id % 4,
        node_id: id % 3,
        allocation_id: Some(id),
        nest_id: Some(1),
        egg_id: id % 2,
        startup_command: "./run".into(),
        image: "image".into(),
        installed: true,
        environment: Pairs(vec![("A".into(), Scalar::Int(1))]),
        allocations: Some(vec![id, id + 1]),
        variables: None,
        created_at: Some(Timestamp::from_seconds(i64::try_from(id % 100).unwrap())),
        updated_at: None,
    };
    Mirrored { data, hash: [7; 16], first_seen: Timestamp::from_seconds(5), changed_at: Timestamp::from_seconds(6) }
}

pub(super) fn key(id: RemoteId) -> RowKey {
    (PANEL, id)
}

fn object(id: RemoteId) -> ObjectKey {
    ObjectKey { panel: PANEL, kind: Kind::Server, id }
}

/// A server with its feed and history entries: three rows, two series, a dozen index keys, six counters.
pub(super) fn put_server(tx: &mut WriteTx<'_>, id: RemoteId) -> Result<()> {
    tx.put(SERVERS, &key(id), &server(id))?;
    let seq = tx.next_number("feed")?;
    let change = Change::Object { key: object(id), operation: Operation::Created };
    tx.put(FEED, &seq, &FeedEntry { at: Timestamp::from_seconds(9), change })?;
    let seq = tx.next_number("history")?;
    let entry = HistoryEntry {
        seq,
        object: object(id),
        label: "x".into(),
        at: Timestamp::from_seconds(9),
        sync: SyncId::nil(),
        operation: Operation::Created,
        fields: vec![],
    };
    tx.put(HISTORY, &seq, &entry)?;
    Ok(())
}

pub(super) fn remove_server(tx: &mut WriteTx<'_>, id: RemoteId) -> Result<()> {
    tx.remove(SERVERS, &key(id)).map(drop)
}

/// Numbers that look random and are the same in each run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// What became of the writes of a workload.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Their callers were told that they are on disk.
    pub(super) kept: BTreeSet<RemoteId>,
    /// Their callers were told that they are not, by the closure itself: they must have left no trace.
    pub(super) undone: BTreeSet<RemoteId>,
    /// The disk failed: they may be there as a whole or not at all.
    pub(super) open: BTreeSet<RemoteId>,
}

impl Outcome {
    pub(super) fn add(&mut self, other: Self) {
        self.kept.extend(other.kept);
        self.undone.extend(other.undone);
        self.open.extend(other.open);
    }
}

/// Writes a server; now and then in a closure that fails or panics after it wrote.
pub(super) fn one_write(store: &Store, id: RemoteId, dice: &mut Dice, outcome: &mut Outcome) -> Result<()> {
    let (fate, ran) = (dice.roll(10), Arc::new(AtomicBool::new(false)));
    let noted = ran.clone();
    let result = store.write_blocking(move |tx| {
        put_server(tx, id)?;
        noted.store(true, Ordering::SeqCst);
        match fate {
            0 => Err(Error::Conflict("changed my mind".into())),
            // Without the hook, which would only print.
            1 => std::panic::resume_unwind(Box::new("on purpose")),
            _ => Ok(()),
        }
    });
    match &result {
        Ok(()) => outcome.kept.insert(id),
        Err(_) if fate < 2 && ran.load(Ordering::SeqCst) => outcome.undone.insert(id),
        Err(_) => outcome.open.insert(id),
    };
    match result {
        Err(error @ Error::ReadOnly(_)) => Err(error),
        _ => Ok(()),
    }
}

/// One thread, until the disk fails.
pub(super) fn some_writes(store: &Store, ids: std::ops::Range<RemoteId>, seed: u64) -> Outcome {
    let (mut dice, mut outcome) = (Dice(seed), Outcome::default());
    for id in ids {
        if one_write(store, id, &mut dice, &mut outcome).is_err() {
            break;
        }
    }
    outcome
}

/// Servers with a description of half a MiB.
pub(super) fn large_writes(store: &Store, ids: std::ops::Range<RemoteId>) -> Outcome {
    let mut outcome = Outcome::default();
    for id in ids {
        let result = store.write_blocking(move |tx| {
            put_server(tx, id)?;
            let mut large = server(id);
            large.data.description = Some("x".repeat(512 * 1024));
            tx.put(SERVERS, &key(id), &large).map(drop)
        });
        match result {
            Ok(()) => outcome.kept.insert(id),
            Err(_) => outcome.open.insert(id),
        };
    }
    outcome
}

/// Several threads, each until the disk fails.
pub(super) fn many_writes(store: &Store, threads: u64, each: u64, first: RemoteId, seed: u64) -> Outcome {
    let mut all = Outcome::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|t| {
                let from = first + t * each;
                scope.spawn(move || some_writes(store, from..from + each, seed * 1000 + t))
            })
            .collect();
        for worker in workers {
            all.add(worker.join().unwrap());
        }
    });
    all
}

pub(super) fn report(store: &Store) -> Report {
    store.read_blocking(verify).unwrap()
}

#[track_caller]
pub(super) fn assert_sound(store: &Store) {
    let report = report(store);
    assert!(report.is_clean(), "{:#?}", report.problems);
}

/// Everything acknowledged is there, nothing is half there, indexes and counters agree.
#[track_caller]
pub(super) fn assert_kept(store: &Store, outcome: &Outcome, context: &str) {
    let report = report(store);
    assert!(report.is_clean(), "{context}: {:#?}", report.problems);
    let (rows, feed, history) = store
        .read_blocking(|tx| {
            Ok((tx.all(SERVERS, &Span::all())?, tx.all(FEED, &Span::all())?, tx.all(HISTORY, &Span::all())?))
        })
        .unwrap();
    let rows: BTreeSet<_> = rows.into_iter().map(|((_, id), _)| id).collect();
    let fed: BTreeSet<_> = feed
        .iter()
        .filter_map(|(_, entry)| match &entry.change {
            Change::Object { key, .. } => Some(key.id),
            _ => None,
        })
        .collect();
    let told: BTreeSet<_> = history.iter().map(|(_, entry)| entry.object.id).collect();
    assert_eq!(rows, fed, "{context}: a closure is half there");
    assert_eq!(rows, told, "{context}: a closure is half there");
    assert!(outcome.kept.is_subset(&rows), "{context}: lost {:?}", outcome.kept.difference(&rows));
    assert!(outcome.undone.is_disjoint(&rows), "{context}: undone but there");
    let strange: Vec<_> = rows.difference(&outcome.kept).filter(|id| !outcome.open.contains(id)).collect();
    assert!(strange.is_empty(), "{context}: nobody wrote {strange:?}");
    let counted = store.read_blocking(|tx| tx.count(servers_counter())).unwrap();
    assert_eq!(counted, rows.len() as u64, "{context}: the counter");
}

pub(super) fn servers_counter() -> Counter {
    Counter { what: counted::KIND, panel: PANEL, of: u64::from(Kind::Server.number()) }
}

pub(super) fn add_panel(store: &Store, id: u32) -> Result<()> {
    store.write_blocking(move |tx| tx.put(PANELS, &PanelId(id), &panel(id)).map(drop))
}
