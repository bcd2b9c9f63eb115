//! The key that everything secret is sealed under: whether it is the right one ([`Keys`], [`unlock`]), and its renewal
//! ([`Secrets`]). What is sealed where stands in [`aviary_kernel::store::Seals`].
//!
//! A renewal writes the new key beside the old one, notes in the data file that it has begun, seals row by row anew, and at
//! last takes the old key's name out of the file and its file off the disk. Each of these steps is on disk before the next
//! one begins, so that it can be broken off anywhere and goes on at the next start.

mod keys;
mod progress;
mod state;
mod unlock;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aviary_kernel::base::{Env, Error, MasterKey, Result, Sealer, Secret, random_secret};
use aviary_kernel::config::KeySource;
use aviary_kernel::model::{Action, Actor};
use aviary_kernel::store::{Read, ReadTx, Store, WriteTx};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info};

pub use keys::Keys;
pub use progress::{Progress, State};
pub use unlock::unlock;

use crate::audit::{self, Did};
use state::{CHECK_TEXT, KEY_CHECK, Rotation, SIGNING};

const STOPPED: &str = "the renewal of the master key stopped; `aviary secret rotate` goes on with it";

/// Rows of one commit, so that others need not wait long.
const COMMIT_ROWS: u64 = 2_000;

/// The id of the master key that a data file belongs to; none before it belongs to one.
///
/// # Errors
/// [`Error::Corrupt`] when what the file knows of its key cannot be read.
pub fn key_id(reader: &impl Read) -> Result<Option<u32>> {
    Ok(state::sealed(reader, KEY_CHECK)?.map(|check| check.key_id()))
}

/// Renews the master key.
#[derive(Clone)]
pub struct Secrets {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    env: Env,
    sealer: Arc<Sealer>,
    home: KeySource,
    runtime: Handle,
    progress: watch::Sender<Progress>,
    /// Steps are taken one at a time.
    turn: tokio::sync::Mutex<()>,
    work: Mutex<Option<JoinHandle<()>>>,
    stop: AtomicBool,
}

impl Secrets {
    /// Renews the key of `sealer`, which came from `keys`. Works on `runtime`.
    pub fn new(store: Store, env: Env, sealer: Arc<Sealer>, keys: &Keys, runtime: Handle) -> Self {
        let inner = Inner {
            store,
            env,
            sealer,
            home: keys.home.clone(),
            runtime,
            progress: watch::channel(Progress::default()).0,
            turn: tokio::sync::Mutex::default(),
            work: Mutex::default(),
            stop: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// How far the renewal is that was the last one since the start.
    pub fn progress(&self) -> Progress {
        self.inner.progress.borrow().clone()
    }

    /// Begins to renew the key, or goes on with a renewal that failed; the rest happens in the background. `new` is the new
    /// key as text; without one a random one is made. One that is in use already changes nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `new` is no key; [`Error::Conflict`] when the key is being renewed to another one, or stands
    /// where only a person can replace it and `new` is none.
    pub async fn rotate(&self, by: &Actor, new: Option<&Secret<String>>) -> Result<Progress> {
        let new = new.map(|text| MasterKey::parse(text.reveal())).transpose();
        let new =
            new.map_err(|_| Error::invalid("newKey", "is no key; it takes 32 bytes in base64, or 64 hex digits"))?;
        if self.begin(by, new).await? {
            self.work();
        }
        Ok(self.progress())
    }

    /// Takes note that the key is to be renewed, or takes a renewal up again that was broken off. False when the data file
    /// belongs to `new` already.
    ///
    /// # Errors
    /// As [`Secrets::rotate`].
    pub async fn begin(&self, by: &Actor, new: Option<MasterKey>) -> Result<bool> {
        let _turn = self.inner.turn.lock().await;
        let (rotation, total) =
            self.inner.store.read(|tx: &ReadTx| Ok((state::rotation(tx)?, tx.rows_with_seals()?))).await?;
        if let Some(rotation) = rotation {
            self.take_up(&rotation, new)?;
            return Ok(true);
        }
        let old = self.inner.sealer.key_id();
        if new.as_ref().is_some_and(|new| new.id() == old) {
            self.inner.progress.send_modify(|progress| progress.already(old));
            return Ok(false);
        }
        let new = self.new_key(new)?;
        let check = Sealer::new(&new).seal(KEY_CHECK, CHECK_TEXT)?;
        let rotation = Rotation::new(old, new.id(), check, by.clone(), self.inner.env.now(), total);
        let (env, noted) = (self.inner.env.clone(), rotation.clone());
        self.inner
            .store
            .write(move |tx| {
                state::put_rotation(tx, &noted)?;
                audit::record(tx, &env, &noted.by, did(Action::KeyRotationBegun, &noted)).map(drop)
            })
            .await?;
        self.inner.sealer.renew(&new);
        self.inner.progress.send_replace(Progress::of(&rotation));
        info!("renews the master key {:08x} to {:08x}", rotation.from, rotation.to);
        Ok(true)
    }

    /// The new key, where a restart finds it.
    fn new_key(&self, new: Option<MasterKey>) -> Result<MasterKey> {
        match (&self.inner.home, new) {
            (KeySource::File(path), new) => {
                let new = new.map_or_else(MasterKey::random, Ok)?;
                keys::lay_out(path, &new)?;
                Ok(new)
            }
            (KeySource::Elsewhere(_), Some(new)) => Ok(new),
            (KeySource::Elsewhere(place), None) => Err(Error::Conflict(format!(
                "the master key comes from {place}, where only you can put another one\nname a file for the new key with `aviary secret rotate --new-key-file FILE`"
            ))),
        }
    }

    /// Makes sure that the sealer knows both keys of a renewal that has begun.
    fn take_up(&self, rotation: &Rotation, new: Option<MasterKey>) -> Result<()> {
        if let Some(new) = new.as_ref().filter(|new| new.id() != rotation.to) {
            return Err(Error::Conflict(format!(
                "the master key is being renewed to {:08x} already: let that come to its end before it is renewed to {:08x}",
                rotation.to,
                new.id()
            )));
        }
        if self.inner.sealer.key_id() != rotation.to {
            let next = match &self.inner.home {
                KeySource::File(path) => keys::next_key(path),
                KeySource::Elsewhere(_) => None,
            };
            let found = [new, next].into_iter().flatten().find(|key| key.id() == rotation.to);
            let found = found.ok_or_else(|| {
                Error::Conflict(format!("the new master key {:08x} is not at hand: name its file", rotation.to))
            })?;
            if let KeySource::File(path) = &self.inner.home {
                keys::keep_at_hand(path, &found)?;
            }
            self.inner.sealer.renew(&found);
        }
        self.inner.progress.send_replace(Progress::of(rotation));
        Ok(())
    }

    /// Brings a renewal to its end that an earlier process left behind. Whether there was one. Should it stop again, that is
    /// no reason to stand still: both keys are at hand, and [`Secrets::progress`] tells why.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn resume(&self) -> Result<bool> {
        let Some(rotation) = self.inner.store.read(state::rotation).await? else { return Ok(false) };
        info!("goes on with the renewal of the master key to {:08x}", rotation.to);
        if let Err(error) = self.to_the_end().await {
            error!(%error, "{STOPPED}");
        }
        Ok(true)
    }

    fn work(&self) {
        let mut work = self.inner.work.lock().unwrap_or_else(PoisonError::into_inner);
        if work.as_ref().is_none_or(JoinHandle::is_finished) {
            let this = self.clone();
            *work = Some(self.inner.runtime.spawn(async move {
                if let Err(error) = this.to_the_end().await {
                    error!(%error, "{STOPPED}");
                }
            }));
        }
    }

    async fn to_the_end(&self) -> Result<()> {
        while !self.inner.stop.load(Ordering::SeqCst) {
            match self.step(COMMIT_ROWS).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.inner.progress.send_modify(|progress| progress.failed(&error));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Takes the next step: seals at most `rows` rows anew, or finishes in the data file, or puts the new key file in place.
    /// Whether there was something left to do.
    ///
    /// # Errors
    /// When the file cannot be read or written, or a sealed value does not open.
    pub async fn step(&self, rows: u64) -> Result<bool> {
        let _turn = self.inner.turn.lock().await;
        match self.inner.store.read(state::rotation).await? {
            Some(rotation) if rotation.is_through => self.finish(rotation).await.map(|()| true),
            Some(_) => self.reseal(rows).await.map(|()| true),
            None => self.put_in_place(),
        }
    }

    async fn reseal(&self, rows: u64) -> Result<()> {
        let sealer = self.inner.sealer.clone();
        let rotation = self.inner.store.write(move |tx| reseal(tx, &sealer, rows)).await?;
        self.inner.progress.send_replace(Progress::of(&rotation));
        Ok(())
    }

    /// From this commit on the old key is refused.
    async fn finish(&self, rotation: Rotation) -> Result<()> {
        let signing = random_secret()?;
        let (env, sealer, new_signing) = (self.inner.env.clone(), self.inner.sealer.clone(), signing.clone());
        self.inner
            .store
            .write(move |tx| {
                state::remove_rotation(tx)?;
                state::put(tx, KEY_CHECK, &rotation.check)?;
                unlock::put_sealed(tx, &sealer, SIGNING, &new_signing)?;
                audit::record(tx, &env, &rotation.by, did(Action::KeyRotated, &rotation)).map(drop)
            })
            .await?;
        self.inner.sealer.forget_old();
        self.inner.sealer.use_signing_key(&signing)
    }

    fn put_in_place(&self) -> Result<bool> {
        let new = self.inner.sealer.key_id();
        let waits = match &self.inner.home {
            KeySource::File(path) => keys::next_key(path).is_some_and(|next| next.id() == new).then_some(path),
            KeySource::Elsewhere(_) => None,
        };
        if let Some(path) = waits {
            keys::promote(path)?;
        }
        self.inner.progress.send_modify(|progress| progress.done(new, &self.inner.home));
        if waits.is_some() {
            info!("renewed the master key; it is {new:08x} now");
        }
        Ok(waits.is_some())
    }

    /// Stops at the next commit; the rest is done after the next start.
    pub async fn shut_down(&self) {
        self.inner.stop.store(true, Ordering::SeqCst);
        let work = self.inner.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work {
            let _ = work.await;
        }
    }
}

fn reseal(tx: &mut WriteTx<'_>, sealer: &Sealer, rows: u64) -> Result<Rotation> {
    let gone = || Error::Conflict("the renewal of the master key is over".into());
    let mut rotation = state::rotation(tx)?.ok_or_else(gone)?;
    let from = rotation.cursor().cloned();
    let pass = tx.visit_seals(from.as_ref(), rows, &mut |place, sealed| {
        sealer.reseal(place, sealed).map(drop).map_err(|error| Error::Unusable(format!("{place}: {error}")))
    })?;
    rotation.went_on(pass);
    state::put_rotation(tx, &rotation)?;
    Ok(rotation)
}

fn did(action: Action, rotation: &Rotation) -> Did {
    let id = |key: u32| Some(format!("{key:08x}"));
    Did::new(action).to("secret", "master_key", "master key").changed("key", id(rotation.from), id(rotation.to))
}
