use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Instant;

use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::backing::{AnyBackend, Peek};
use super::writer::{self, Job, WriterStats};
use super::{Backing, MIGRATIONS, Migration, Read, ReadTx, WriteTx, migrate, storage_error, tables};
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
}

impl Options {
    /// The file at this path, with the usual settings.
    pub fn file(path: impl Into<std::path::PathBuf>) -> Self {
        Self { backing: Backing::File(path.into()), cache_bytes: 16 * 1024 * 1024, migrations: MIGRATIONS }
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
    jobs: Option<Sender<Job>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

pub(super) struct Shared {
    options: Options,
    // None while it is opened anew after a fault, or when that failed.
    db: RwLock<Option<Database>>,
    trouble: RwLock<Option<String>>,
    pub(super) stats: WriterStats,
}

impl Store {
    /// Opens the data file, makes it when there is none, and brings it to the layout of this release.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the file is of a newer release, of another program, or in use; it is untouched then.
    pub fn open(options: Options) -> Result<Self> {
        let began = Instant::now();
        inspect(&options)?;
        let db = open_db(&options)?;
        let shared = Arc::new(Shared {
            options,
            db: RwLock::new(Some(db)),
            trouble: RwLock::default(),
            stats: WriterStats::default(),
        });
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn({
                let shared = shared.clone();
                move || writer::run(&shared, &queue)
            })
            .map_err(Error::internal)?;
        let writer = Arc::new(Writer { jobs: Some(jobs), thread: Mutex::new(Some(thread)) });
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

    /// As [`Store::write`], for threads that may block.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, F>(&self, act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    {
        let (tell, told) = mpsc::sync_channel(1);
        self.submit(act, move |result| drop(tell.send(result)))?;
        told.recv().unwrap_or_else(|_| Err(broken_off()))
    }

    fn submit<T, F>(&self, act: F, tell: impl FnOnce(Result<T>) + Send + 'static) -> Result<()>
    where
        T: Send + 'static,
        F: FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    {
        let job: Job = Box::new(move |tx| match tx.and_then(act) {
            Ok(value) => Some(Box::new(move |committed| tell(committed.map(|()| value)))),
            Err(error) => {
                tell(Err(error));
                None
            }
        });
        let jobs = self.writer.jobs.as_ref().ok_or_else(broken_off)?;
        jobs.send(job).map_err(|_| broken_off())
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
        self.shared.with_db(|db| act(&ReadTx(db.begin_read().map_err(|e| storage_error("all", e))?)))
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
        let newest = u32::try_from(migrations.len()).map_err(Error::internal)?;
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
        self.jobs = None;
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

    pub(super) fn with_db<T>(&self, act: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        match &*self.db.read().unwrap_or_else(PoisonError::into_inner) {
            Some(db) => act(db),
            None => {
                Err(Error::ReadOnly("the data file cannot be opened again after a disk fault; check the disk".into()))
            }
        }
    }

    /// Takes note of a failed commit. After a disk fault redb refuses even to read, so the file is opened anew: that brings
    /// back the last commit.
    pub(super) fn failed(&self, failure: Error) {
        let Error::ReadOnly(why) = failure else {
            warn!(error = %failure, "a commit failed");
            return;
        };
        if self.trouble().is_none() {
            warn!("the store takes no writes from now on: {why}");
        }
        self.set_trouble(Some(why));
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        *db = None;
        match open_db(&self.options) {
            Ok(again) => *db = Some(again),
            Err(error) => warn!(%error, "the data file cannot be opened again yet"),
        }
    }

    pub(super) fn recovered(&self) {
        info!("the store takes writes again");
        self.set_trouble(None);
    }
}

fn broken_off() -> Error {
    Error::internal("the write broke off; nothing of it was kept")
}

fn builder(options: &Options) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(options.cache_bytes);
    builder.set_repair_callback(|session| info!(percent = session.progress() * 100.0, "repairing the data file"));
    builder
}

fn open_db(options: &Options) -> Result<Database> {
    match &options.backing {
        Backing::File(path) => builder(options).create(path),
        Backing::Custom(make) => {
            let backend = make().map_err(|e| Error::ReadOnly(e.to_string()))?;
            builder(options).create_with_backend(AnyBackend(backend))
        }
    }
    .map_err(|error| open_error(options, error))
}

fn open_error(options: &Options, error: DatabaseError) -> Error {
    let file = &options.backing;
    match error {
        DatabaseError::DatabaseAlreadyOpen => {
            Error::Unusable(format!("{file} is in use by another Aviary: stop it, or speak to it over its socket"))
        }
        DatabaseError::Storage(StorageError::Corrupted(what)) => {
            Error::Unusable(format!("{file} is damaged ({what}): restore a backup"))
        }
        DatabaseError::UpgradeRequired(version) => {
            Error::Unusable(format!("{file} has file format {version}, which this release cannot read"))
        }
        DatabaseError::Storage(StorageError::Io(io)) if io.kind() == ErrorKind::InvalidData => foreign(options),
        other => storage_error("all", other),
    }
}

fn foreign(options: &Options) -> Error {
    Error::Unusable(format!(
        "{} is not an Aviary data file: it was left as it is; choose another data directory",
        options.backing
    ))
}

/// The first bytes of every redb file.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// Looks whether an existing file is one of ours and not too new, without changing a byte.
fn inspect(options: &Options) -> Result<()> {
    let Backing::File(path) = &options.backing else { return Ok(()) };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::Unusable(format!("{} cannot be opened: {e}", path.display()))),
    };
    if file.metadata().is_ok_and(|m| m.len() == 0) {
        return Ok(());
    }
    let mut head = [0; MAGIC.len()];
    if file.read_exact(&mut head).is_err() || head != MAGIC {
        return Err(foreign(options));
    }
    let peek = Peek::new(file).map_err(Error::internal)?;
    let db = builder(options).create_with_backend(peek).map_err(|e| open_error(options, e))?;
    let tx = ReadTx(db.begin_read().map_err(|e| storage_error("all", e))?);
    match migrate::layout(&tx)? {
        Some(layout) if layout as usize > options.migrations.len() => Err(Error::Unusable(format!(
            "{} was written by a newer Aviary (layout {layout}, this release knows {}): it was left as it is; install the newer release",
            path.display(),
            options.migrations.len()
        ))),
        // A file that was made but never got its first commit is ours to finish.
        None if tx.get_bytes(tables::META, b"probe").is_ok()
            && tx.0.list_tables().is_ok_and(|mut t| t.next().is_none()) =>
        {
            Ok(())
        }
        None => Err(foreign(options)),
        Some(_) => Ok(()),
    }
}
