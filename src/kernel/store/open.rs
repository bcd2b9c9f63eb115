use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageBackend, StorageError};
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

use super::backing::{Access, AnyBackend, Peek};
use super::writer::{self, Job, Message, Verdict, WriterStats};
use super::{Backing, Key, MIGRATIONS, Migration, ReadTx, Row, Table, WriteTx, migrate, storage_error};
use crate::base::{Error, Result};

/// How to open the data file.
#[derive(Clone)]
pub struct Options {
    /// Where it is.
    pub backing: Backing,
    /// Memory for pages of the file, in bytes.
    pub cache_bytes: usize,
    /// The steps this release knows; tests bring their own.
    pub migrations: &'static [Migration],
    /// How often a store that went read-only tries whether it can write again.
    pub probe_every: Duration,
    /// Sees what an existing file holds before it is opened for writing. When it refuses, no byte of the file has changed.
    pub vet: Option<Vet>,
}

/// Whether a data file may be opened.
pub type Vet = Arc<dyn Fn(&ReadTx) -> Result<()> + Send + Sync>;

impl Options {
    /// The file at this path, with the usual settings.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::on(Backing::File(path.into()))
    }

    /// The data file there, with the usual settings.
    pub fn on(backing: Backing) -> Self {
        let cache_bytes = 16 * 1024 * 1024;
        Self { backing, cache_bytes, migrations: MIGRATIONS, probe_every: Duration::from_secs(2), vet: None }
    }
}

/// The data file, open. Cheap to clone; closed when the last clone is gone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
}

struct Writer {
    // None once the store closes, which ends the thread.
    queue: Option<Sender<Message>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    thread_id: ThreadId,
}

pub(super) struct Shared {
    options: Options,
    // Only the writer thread ever replaces it.
    db: RwLock<Opened>,
    trouble: RwLock<Option<String>>,
    probe_wanted: AtomicBool,
    watchers: Mutex<BTreeMap<&'static str, watch::Sender<()>>>,
    pub(super) stats: Arc<WriterStats>,
}

/// The data file as it is open now.
enum Opened {
    /// As it should be.
    ForAll(Database),
    /// Only to be read: what redb writes stays in memory, since the disk does not take it.
    ForReading(Database),
    /// Not even to be read.
    Closed,
}

impl Store {
    /// Opens the data file, makes it when there is none, and brings it to the layout of this release. On a full disk it
    /// opens for reading only.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the file is of a newer release, of another program, or in use; it is untouched then.
    pub fn open(options: Options) -> Result<Self> {
        let began = Instant::now();
        let found = inspect(&options)?;
        let shared = Shared {
            options,
            db: RwLock::new(Opened::Closed),
            trouble: RwLock::default(),
            probe_wanted: AtomicBool::new(false),
            watchers: Mutex::default(),
            stats: Arc::default(),
        };
        shared.open_first(found)?;
        let shared = Arc::new(shared);
        let (queue, messages) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn({
                let shared = shared.clone();
                move || writer::run(&shared, &messages)
            })
            .map_err(Error::internal)?;
        let thread_id = thread.thread().id();
        let writer = Arc::new(Writer { queue: Some(queue), thread: Mutex::new(Some(thread)), thread_id });
        let store = Self { shared, writer };
        store.migrate()?;
        info!(took_ms = began.elapsed().as_millis(), "opened {}", store.shared.options.backing);
        Ok(store)
    }

    /// Writes: `act` sees the newest state, and what it does is on disk when this returns, or undone as a whole.
    ///
    /// # Errors
    /// What `act` returns; [`Error::ReadOnly`] when the disk does not take it.
    pub async fn write<T, F>(&self, act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        self.submit(act, move |result| drop(tell.send(result)))?;
        told.await.unwrap_or_else(|_| Err(broken_off()))
    }

    /// As [`Store::write`], for threads that may block. Not inside another write, which would wait for itself.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, F>(&self, act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    {
        self.not_inside_a_write()?;
        let (tell, told) = mpsc::sync_channel(1);
        self.submit(act, move |result| drop(tell.send(result)))?;
        told.recv().unwrap_or_else(|_| Err(broken_off()))
    }

    /// Writes some time soon, before all writes that are asked for later, and nobody waits for it: for what may be lost,
    /// such as when something was last used. What goes wrong is logged.
    pub fn write_later<F>(&self, act: F)
    where
        F: FnOnce(&mut WriteTx<'_>) -> Result<()> + Send + 'static,
    {
        let tell = |result: Result<()>| {
            if let Err(error) = result {
                warn!(%error, "a write that nobody waits for failed");
            }
        };
        if let Err(error) = self.submit(act, tell) {
            tell(Err(error));
        }
    }

    fn submit<T, F>(&self, act: F, tell: impl FnOnce(Result<T>) + Send + 'static) -> Result<()>
    where
        T: Send + 'static,
        F: FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    {
        if let Some(why) = self.trouble() {
            return Err(Error::ReadOnly(why));
        }
        let job: Job = Box::new(move |tx| match tx.and_then(act) {
            Ok(value) => Verdict::Keep(Box::new(move |committed| tell(committed.map(|()| value)))),
            Err(error) => Verdict::Undo(Box::new(move || tell(Err(error)))),
        });
        self.send(Message::Write(job))
    }

    fn send(&self, message: Message) -> Result<()> {
        let queue = self.writer.queue.as_ref().ok_or_else(broken_off)?;
        queue.send(message).map_err(|_| broken_off())
    }

    fn not_inside_a_write(&self) -> Result<()> {
        if std::thread::current().id() == self.writer.thread_id {
            return Err(Error::internal("a write inside a write would wait for itself; use its transaction"));
        }
        Ok(())
    }

    /// Reads a snapshot, off the async threads. Take what is needed and return.
    ///
    /// # Errors
    /// What `act` returns.
    pub async fn read<T, F>(&self, act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTx) -> Result<T> + Send + 'static,
    {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.read_blocking(act)).await.map_err(Error::internal)?
    }

    /// As [`Store::read`], for threads that may block.
    ///
    /// # Errors
    /// What `act` returns.
    pub fn read_blocking<T>(&self, act: impl FnOnce(&ReadTx) -> Result<T>) -> Result<T> {
        let begun = self.shared.with_db(|db| db.begin_read().map_err(|e| storage_error("all", e)));
        let result = begun.and_then(|tx| act(&ReadTx(tx)));
        if matches!(result, Err(Error::ReadOnly(_))) && !self.shared.probe_wanted.swap(true, Ordering::SeqCst) {
            // After a disk fault redb refuses to read until the file is opened anew, which the writer does.
            let _ = self.send(Message::Probe(Box::new(|| ())));
        }
        result
    }

    /// Sees at once whether a store that went read-only can write again. What [`Store::trouble`] says afterwards.
    ///
    /// # Errors
    /// When it is called inside a write, or the writer is gone.
    pub fn probe_blocking(&self) -> Result<Option<String>> {
        self.not_inside_a_write()?;
        let (tell, told) = mpsc::sync_channel(1);
        self.send(Message::Probe(Box::new(move || {
            let _ = tell.send(());
        })))?;
        told.recv().map_err(|_| broken_off())?;
        Ok(self.trouble())
    }

    /// Tells of each commit that wrote to a table, once it is on disk. Several in a row may be told as one.
    pub fn watch<K: Key, V: Row<K>>(&self, table: Table<K, V>) -> watch::Receiver<()> {
        let mut watchers = self.shared.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.entry(table.name()).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    /// Why the store takes no writes; none when it does.
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }

    /// What the writer did so far.
    pub fn stats(&self) -> &WriterStats {
        &self.shared.stats
    }

    /// Bytes of the data file; 0 when it is not a file.
    pub fn file_bytes(&self) -> u64 {
        match &self.shared.options.backing {
            Backing::File(path) => std::fs::metadata(path).map_or(0, |m| m.len()),
            Backing::Custom(_) => 0,
        }
    }

    fn migrate(&self) -> Result<()> {
        let migrations = self.shared.options.migrations;
        let newest = newest(&self.shared.options)?;
        let Some(layout) = self.read_blocking(migrate::layout)? else {
            return self.write_blocking(move |tx| migrate::set_layout(tx, newest));
        };
        for (number, step) in (1..).zip(migrations).skip(layout as usize) {
            info!(step = step.name, "bringing the data file up to date");
            self.write_blocking(move |tx| {
                (step.run)(tx)?;
                migrate::set_layout(tx, number)
            })?;
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Whoever drops the store may go on only when the file is closed, so that it can be opened again.
        if let Some(thread) = thread.filter(|t| t.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub(super) fn tell_watchers(&self, touched: &[&'static str]) {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        for watcher in touched.iter().filter_map(|table| watchers.get(table)) {
            watcher.send_replace(());
        }
    }

    pub(super) fn probe_every(&self) -> Duration {
        self.options.probe_every
    }

    /// `act` must be short when it is not the writer's.
    pub(super) fn with_db<T>(&self, act: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        match &*self.db.read().unwrap_or_else(PoisonError::into_inner) {
            Opened::ForAll(db) | Opened::ForReading(db) => act(db),
            Opened::Closed => {
                Err(Error::ReadOnly("the data file cannot be opened again after a disk fault; check the disk".into()))
            }
        }
    }

    fn open_first(&self, found: Found) -> Result<()> {
        let opened = match open_db(self, Access::Create) {
            Ok(db) => Opened::ForAll(db),
            Err(error) if found == Found::Ours && is_full(&error) => {
                let why = format!("the disk is full ({error}); free some space");
                warn!("{} opens for reading only: {why}", self.options.backing);
                self.set_trouble(Some(why));
                Opened::ForReading(peek(&self.options, false).map_err(|e| open_error(&self.options, e))?)
            }
            Err(error) => return Err(open_error(&self.options, error)),
        };
        if found == Found::Nothing {
            sync_folder(&self.options)?;
        }
        *self.db.write().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(())
    }

    /// Takes note of a failed commit. After a disk fault redb refuses even to read, so the file is opened anew: that brings
    /// back the last commit. That is safe even after a failed sync, which may forget what it should have made durable: a
    /// commit in two phases points only to pages that an earlier sync had confirmed. Only for the writer thread.
    pub(super) fn failed(&self, failure: Error) {
        let Error::ReadOnly(why) = failure else {
            warn!(error = %failure, "a commit failed");
            return;
        };
        if self.trouble().is_none() {
            warn!("the store takes no writes from now on: {why}");
        }
        self.set_trouble(Some(why));
        self.open_again();
    }

    /// Takes note that redb stumbled over what is in the file. What can be read is still read.
    pub(super) fn damaged(&self) {
        self.set_trouble(Some("the data file is damaged; run `aviary check`, and restore a backup".into()));
    }

    fn open_again(&self) {
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        // It holds the lock of the file. Readers that are still at work are told that it is closed.
        *db = Opened::Closed;
        *db = match open_db(self, Access::Change) {
            Ok(again) => Opened::ForAll(again),
            Err(error) => {
                warn!(%error, "the data file cannot be opened for writing yet");
                peek(&self.options, false).map_or_else(
                    |error| {
                        warn!(%error, "the data file cannot be read either");
                        Opened::Closed
                    },
                    Opened::ForReading,
                )
            }
        };
    }

    /// Sees whether the disk takes writes, and opens the file anew when it must. Only for the writer thread.
    pub(super) fn probe(&self) {
        self.probe_wanted.store(false, Ordering::SeqCst);
        // Readers are not disturbed while the disk is plainly still full.
        if self.trouble().is_some()
            && let Err(error) = scratch(&self.options)
        {
            self.set_trouble(Some(format!("the disk takes no writes ({error}); free some space or check the disk")));
            return;
        }
        if !matches!(&*self.db.read().unwrap_or_else(PoisonError::into_inner), Opened::ForAll(_)) {
            self.open_again();
        }
        if matches!(&*self.db.read().unwrap_or_else(PoisonError::into_inner), Opened::ForAll(_)) {
            match self.with_db(writer::probe_commit) {
                Ok(()) => self.recovered(),
                Err(failure) => self.failed(failure),
            }
        }
    }

    fn recovered(&self) {
        if self.trouble().is_some() {
            info!("the store takes writes again");
            self.set_trouble(None);
        }
    }
}

fn broken_off() -> Error {
    Error::internal("the write broke off; nothing of it was kept")
}

pub(super) fn builder(options: &Options, stats: Option<Arc<WriterStats>>) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(options.cache_bytes);
    builder.set_repair_callback(move |session| {
        let percent = session.progress() * 100.0;
        if let Some(stats) = &stats {
            if percent == 0.0 {
                stats.repairs.fetch_add(1, Ordering::Relaxed);
            }
            info!(percent, "repairing the data file");
        }
    });
    builder
}

fn open_db(shared: &Shared, access: Access) -> Result<Database, DatabaseError> {
    let backend = shared.options.backing.open(access)?;
    if access == Access::Change {
        not_empty(&*backend)?;
    }
    builder(&shared.options, Some(shared.stats.clone())).create_with_backend(AnyBackend(backend))
}

/// A file that vanished while we had it open must not come back empty.
fn not_empty(backend: &dyn StorageBackend) -> std::io::Result<()> {
    if backend.len()? == 0 { Err(std::io::Error::new(ErrorKind::NotFound, "the data file is empty")) } else { Ok(()) }
}

pub(super) fn peek(options: &Options, locks: bool) -> Result<Database, DatabaseError> {
    let base = options.backing.open(if locks { Access::Change } else { Access::Look })?;
    not_empty(&*base)?;
    builder(options, None).create_with_backend(Peek::new(base, locks)?)
}

/// Whether every page of a data file that nobody has open is what was once written there, by its checksums. Changes nothing.
/// Reads the whole file; [`super::verify`] then says what that means for the rows.
///
/// # Errors
/// [`Error::Unusable`] when the file is in use, is not ours, or cannot be read.
pub fn has_sound_pages(options: &Options) -> Result<bool> {
    inspect(options)?;
    let look = || {
        let mut db = peek(options, true).map_err(|e| open_error(options, e))?;
        match db.check_integrity() {
            Ok(sound) => Ok(sound),
            Err(DatabaseError::Storage(StorageError::Corrupted(_))) => Ok(false),
            Err(error) => Err(open_error(options, error)),
        }
    };
    // redb panics on some kinds of damage.
    catch_unwind(AssertUnwindSafe(look)).unwrap_or(Ok(false))
}

fn is_full(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Storage(StorageError::Io(io))
        if matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

pub(super) fn open_error(options: &Options, error: DatabaseError) -> Error {
    let file = &options.backing;
    let why = match error {
        DatabaseError::DatabaseAlreadyOpen => {
            "is in use by another Aviary: stop it, or speak to it over its socket".into()
        }
        DatabaseError::Storage(StorageError::Corrupted(what)) => return damaged(options, &what),
        DatabaseError::UpgradeRequired(version) => {
            format!("has file format {version}, which this release cannot read")
        }
        DatabaseError::Storage(StorageError::Io(io)) => match io.kind() {
            ErrorKind::InvalidData => return foreign(options),
            ErrorKind::UnexpectedEof => return damaged(options, "it is cut short"),
            ErrorKind::NotFound => "cannot be made, because its folder is not there".into(),
            ErrorKind::PermissionDenied => {
                "may not be read and written by this user: check who owns it and its folder".into()
            }
            ErrorKind::ReadOnlyFilesystem => "lies on a file system that takes no writes".into(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "cannot be opened, the disk is full: free some space".into()
            }
            _ => format!("cannot be opened: {io}"),
        },
        other => format!("cannot be opened: {other}"),
    };
    Error::Unusable(format!("{file} {why}"))
}

fn damaged(options: &Options, what: &str) -> Error {
    Error::Unusable(format!("{} is damaged ({what}): restore a backup", options.backing))
}

fn foreign(options: &Options) -> Error {
    Error::Unusable(format!(
        "{} is not an Aviary data file: it was left as it is; choose another data directory",
        options.backing
    ))
}

fn newest(options: &Options) -> Result<u32> {
    u32::try_from(options.migrations.len()).map_err(Error::internal)
}

/// Whether something can be written beside the data file.
fn scratch(options: &Options) -> std::io::Result<()> {
    let Backing::File(path) = &options.backing else { return Ok(()) };
    let path = path.with_extension("probe");
    let written = std::fs::write(&path, [1; 128 * 1024]).and_then(|()| File::open(&path)?.sync_all());
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}

/// Makes the name of a new file durable, not only what is in it.
fn sync_folder(options: &Options) -> Result<()> {
    let Backing::File(path) = &options.backing else { return Ok(()) };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| Error::Unusable(format!("{} cannot be synced: {e}", folder.display())))
}

/// The first bytes of every redb file.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// What was found where the data file should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Nothing, or nothing of worth.
    Nothing,
    /// A data file of ours that this release knows.
    Ours,
}

/// Looks whether an existing file is one of ours and not too new, without changing a byte.
fn inspect(options: &Options) -> Result<Found> {
    match &options.backing {
        Backing::File(path) if matches!(path.try_exists(), Ok(false)) => return Ok(Found::Nothing),
        _ => {}
    }
    let fail = |e: std::io::Error| open_error(options, e.into());
    let backend = options.backing.open(Access::Change).map_err(fail)?;
    let len = backend.len().map_err(fail)?;
    let mut head = [0; MAGIC.len()];
    let head_len = usize::try_from(len).unwrap_or(usize::MAX).min(head.len());
    backend.read(0, &mut head[..head_len]).map_err(fail)?;
    if len == 0 {
        return Ok(Found::Nothing);
    }
    if head != MAGIC {
        return if is_unfinished(&*backend, len).map_err(fail)? {
            start_again(options, &*backend)
        } else {
            Err(foreign(options))
        };
    }
    drop(backend);
    // redb takes a well-formed file for granted in places; a damaged one must not take the process with it.
    catch_unwind(AssertUnwindSafe(|| look_inside(options)))
        .unwrap_or_else(|_| Err(damaged(options, "it does not hold together")))
}

fn look_inside(options: &Options) -> Result<Found> {
    let db = peek(options, true).map_err(|e| open_error(options, e))?;
    let tx = ReadTx(db.begin_read().map_err(|e| storage_error("all", e))?);
    let empty = tx.0.list_tables().map_err(|e| storage_error("all", e))?.next().is_none();
    if empty {
        // It was made but never got its first commit; it is ours to finish.
        return Ok(Found::Nothing);
    }
    match migrate::layout(&tx) {
        Ok(Some(layout)) if layout > newest(options)? => Err(Error::Unusable(format!(
            "{} was written by a newer Aviary (layout {layout}, this release knows {}): it was left as it is; install the newer release",
            options.backing,
            options.migrations.len()
        ))),
        Ok(Some(_)) => options.vet.as_ref().map_or(Ok(()), |vet| vet(&tx)).map(|()| Found::Ours),
        Err(error @ Error::Corrupt { .. }) => Err(damaged(options, &error.to_string())),
        Ok(None) | Err(_) => Err(foreign(options)),
    }
}

/// redb writes the first bytes of a new file last. A crash before that leaves a short file with hardly anything in it.
fn is_unfinished(backend: &dyn StorageBackend, len: u64) -> std::io::Result<bool> {
    const MOST: u64 = 8 * 1024 * 1024;
    const HEADER: usize = 4096;
    if len > MOST {
        return Ok(false);
    }
    let mut all = vec![0; usize::try_from(len).unwrap_or(0)];
    backend.read(0, &mut all)?;
    let zero = |part: &[u8]| part.iter().all(|b| *b == 0);
    Ok(zero(&all[..MAGIC.len().min(all.len())]) && zero(all.get(HEADER..).unwrap_or_default()))
}

fn start_again(options: &Options, backend: &dyn StorageBackend) -> Result<Found> {
    info!("{} was never finished; it is made again", options.backing);
    // Another Aviary may be making it right now.
    if matches!(backend.try_lock_range(Bound::Unbounded, Bound::Unbounded), Ok(false)) {
        return Err(open_error(options, DatabaseError::DatabaseAlreadyOpen));
    }
    backend.set_len(0).map_err(|e| open_error(options, e.into()))?;
    Ok(Found::Nothing)
}
