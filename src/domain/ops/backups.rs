use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use aviary_kernel::base::{Env, Error, Result};
use aviary_kernel::model::{Action, Actor};
use aviary_kernel::store::{Backing, Copied, Options, Store, verify_copy};
use tokio::sync::{Mutex, watch};
use tracing::{info, warn};

use super::files::{self, unwritable};
use super::packed::{self, Backup, Head};
use super::shelf::{self, Shelf};
use crate::audit::{self, Did};
use crate::secrets;

/// Memory for pages of a copy that is read once.
const VERIFY_CACHE_BYTES: usize = 4 * 1024 * 1024;

/// Where backups go.
#[derive(Clone, Debug)]
pub struct BackupOptions {
    /// The folder; it is made when it is not there.
    pub dir: PathBuf,
    /// Finished backups that stay there; 0 = all.
    pub keep: usize,
}

impl BackupOptions {
    /// The whole backups in the folder, newest first. Needs no data file.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Backup>> {
        shelf::list(&self.dir)
    }
}

/// What a backup is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupStep {
    /// Copies the data file, row by row, as it was at one moment.
    Copying,
    /// Reads the copy again.
    Verifying,
    /// Compresses it.
    Packing,
}

impl BackupStep {
    /// For people and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Verifying => "verifying",
            Self::Packing => "packing",
        }
    }

    /// The percents that it stands for.
    const fn share(self) -> (u64, u64) {
        match self {
            Self::Copying => (0, 65),
            Self::Verifying => (65, 75),
            Self::Packing => (75, 100),
        }
    }
}

/// How far a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    /// What it is at.
    pub step: BackupStep,
    /// How much of the whole is done.
    pub percent: u8,
}

/// Makes backups of the data file while it is in use, and keeps as many as are wanted.
///
/// A backup holds everything that was committed at one moment. Secrets stay sealed in it, and the master key is not part of
/// it. Writers are not held up; space that they give back meanwhile is used again only afterwards.
#[derive(Clone)]
pub struct Backups {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    env: Env,
    options: BackupOptions,
    turn: Arc<Mutex<()>>,
    now: watch::Sender<Option<BackupProgress>>,
    stop: AtomicBool,
}

impl Backups {
    /// Backups of `store`.
    pub fn new(store: Store, env: Env, options: BackupOptions) -> Self {
        let (turn, now) = (Arc::default(), watch::channel(None).0);
        Self { inner: Arc::new(Inner { store, env, options, turn, now, stop: AtomicBool::new(false) }) }
    }

    /// Where backups go.
    pub fn options(&self) -> &BackupOptions {
        &self.inner.options
    }

    /// Makes a backup in the folder of the configuration, then removes those beyond as many as are kept. It is on disk, read
    /// again and on record when this returns. `watch` is told how far it is, many times a second; when it breaks off, nothing
    /// is kept of it. The work goes on when the future is dropped.
    ///
    /// # Errors
    /// [`Error::Conflict`] when one is being made, or it was broken off; [`Error::Unusable`] when it cannot be written, for
    /// example on a full disk; [`Error::Corrupt`] when the data file is damaged. Older backups are left alone then.
    pub async fn make(&self, by: &Actor, watch: impl Watch) -> Result<Backup> {
        self.start(by, None, watch).await
    }

    /// The same in a folder that is there. Nothing is removed from it but what broken-off backups left.
    ///
    /// # Errors
    /// As [`Backups::make`], and [`Error::Invalid`] when there is no such folder.
    pub async fn make_in(&self, by: &Actor, dir: PathBuf, watch: impl Watch) -> Result<Backup> {
        self.start(by, Some(dir), watch).await
    }

    async fn start(&self, by: &Actor, dir: Option<PathBuf>, mut watch: impl Watch) -> Result<Backup> {
        let busy = || Error::Conflict("a backup is being made already: wait for its end".into());
        let turn = self.inner.turn.clone().try_lock_owned().map_err(|_| busy())?;
        let (inner, by) = (self.inner.clone(), by.clone());
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let made = Run { inner: &inner, watch: &mut watch }.run(&by, dir.as_deref());
            inner.now.send_replace(None);
            made
        });
        work.await.map_err(Error::internal)?
    }

    /// How far the backup is that is being made; none when none is.
    pub fn progress(&self) -> Option<BackupProgress> {
        *self.inner.now.borrow()
    }

    /// The whole backups in the folder of the configuration, newest first.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the folder cannot be read.
    pub async fn list(&self) -> Result<Vec<Backup>> {
        let options = self.inner.options.clone();
        tokio::task::spawn_blocking(move || options.list()).await.map_err(Error::internal)?
    }

    /// Breaks off the backup that is being made, and waits for its end. None is made afterwards.
    pub async fn shut_down(&self) {
        self.inner.stop.store(true, Ordering::SeqCst);
        drop(self.inner.turn.lock().await);
    }
}

/// Is told how far a backup is, and may break it off.
pub trait Watch: FnMut(&BackupProgress) -> ControlFlow<()> + Send + 'static {}

impl<F: FnMut(&BackupProgress) -> ControlFlow<()> + Send + 'static> Watch for F {}

/// A backup that is being made, on a thread that may block.
struct Run<'a> {
    inner: &'a Inner,
    watch: &'a mut dyn FnMut(&BackupProgress) -> ControlFlow<()>,
}

impl Run<'_> {
    fn run(&mut self, by: &Actor, dir: Option<&Path>) -> Result<Backup> {
        if let Some(dir) = dir.filter(|dir| !dir.is_dir()) {
            return Err(Error::invalid("to", format!("there is no folder {}: make it first", dir.display())));
        }
        match self.make(dir) {
            Ok(backup) => {
                let did = did(&backup.name).changed("bytes", None, Some(backup.bytes.to_string()));
                self.record(by, did);
                info!(
                    bytes = backup.bytes,
                    rows = backup.rows,
                    took_ms = backup.took_ms,
                    "made {}",
                    backup.path.display()
                );
                Ok(backup)
            }
            Err(error @ Error::Conflict(_)) => Err(error),
            Err(error) => {
                self.record(by, did("").failed(error.to_string()));
                Err(match error {
                    Error::Unusable(why) => {
                        Error::Unusable(format!("no backup was made: {why}; older backups are as they were"))
                    }
                    other => other,
                })
            }
        }
    }

    /// A backup is as good when the store takes no writes: then it is needed most.
    fn record(&self, by: &Actor, did: Did) {
        let (env, by) = (self.inner.env.clone(), by.clone());
        let noted = self.inner.store.write_blocking(move |tx| audit::record(tx, &env, &by, did).map(drop));
        if let Err(error) = noted {
            warn!(%error, "a backup could not be put on record");
        }
    }

    fn make(&mut self, dir: Option<&Path>) -> Result<Backup> {
        let options = &self.inner.options;
        let shelf = Shelf::open(dir.unwrap_or(&options.dir), dir.is_none())?;
        let path = shelf.place(self.inner.env.now());
        let partials = shelf::partials(&path);
        let made = self.make_at(&path, &partials);
        let tidied = partials.iter().try_for_each(|partial| files::remove(partial));
        let backup = made?;
        tidied?;
        if dir.is_none() {
            match shelf.prune(options.keep, &backup.path) {
                Ok(removed) if removed.is_empty() => {}
                Ok(removed) => info!("removed older backups: {}", removed.join(", ")),
                Err(error) => warn!(%error, "older backups could not be removed"),
            }
        }
        Ok(backup)
    }

    fn make_at(&mut self, path: &Path, [copy, packed]: &[PathBuf; 2]) -> Result<Backup> {
        let (began, made_at) = (Instant::now(), self.inner.env.now());
        let (copied, key) = self.copy(copy)?;
        self.verify(copy, &copied, key)?;
        let mut file = files::create(packed)?;
        let mut head = Head::new(made_at, copied.rows(), key);
        head.data_bytes = self.pack(copy, &mut file, packed)?;
        let fail = |e: std::io::Error| unwritable(packed, &e);
        head.bytes = file.metadata().map_err(fail)?.len();
        // What is packed is on disk before the head says that it is whole.
        file.sync_data().map_err(fail)?;
        head.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        head.write(&mut file).and_then(|()| file.sync_all()).map_err(fail)?;
        std::fs::rename(packed, path).map_err(|e| unwritable(path, &e))?;
        files::sync_folder(files::folder(path))?;
        Ok(head.backup(path))
    }

    fn copy(&mut self, to: &Path) -> Result<(Copied, Option<u32>)> {
        drop(files::create(to)?);
        let target = Backing::File(to.to_owned());
        let store = &self.inner.store;
        store.read_blocking(|tx| {
            let key = secrets::key_id(tx)?;
            let copied = tx.copy_to(&target, &mut |done, of| self.tell(BackupStep::Copying, done, of))?;
            Ok((copied, key))
        })
    }

    fn verify(&mut self, copy: &Path, copied: &Copied, key: Option<u32>) -> Result<()> {
        self.tell(BackupStep::Verifying, 0, 1)?;
        let same_key = move |tx: &_| {
            if secrets::key_id(tx)? == key { Ok(()) } else { Err(Error::Unusable("the copy lost its key".into())) }
        };
        let options = Options { vet: Some(Arc::new(same_key)), cache_bytes: VERIFY_CACHE_BYTES, ..Options::file(copy) };
        verify_copy(&options, copied)
    }

    fn pack(&mut self, copy: &Path, to: &mut File, path: &Path) -> Result<u64> {
        let mut from = File::open(copy).map_err(Error::internal)?;
        let of = from.metadata().map_err(Error::internal)?.len();
        packed::pack(&mut from, to, path, &mut |done| self.tell(BackupStep::Packing, done, of))
    }

    fn tell(&mut self, step: BackupStep, done: u64, of: u64) -> Result<()> {
        if self.inner.stop.load(Ordering::SeqCst) {
            return Err(Error::Conflict(
                "no backup was made, because Aviary stops; older backups are as they were".into(),
            ));
        }
        let (from, to) = step.share();
        let percent = from + (to - from) * done.min(of) / of.max(1);
        let progress = BackupProgress { step, percent: u8::try_from(percent).unwrap_or(100) };
        self.inner.now.send_replace(Some(progress));
        match (self.watch)(&progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Conflict(
                "the backup was cancelled; nothing was kept of it, and older backups are as they were".into(),
            )),
        }
    }
}

fn did(name: &str) -> Did {
    Did::new(Action::BackupMade).to("backup", name, name)
}
