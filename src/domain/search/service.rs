use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use aviary_kernel::base::{Env, Error, Result, Timestamp};
use aviary_kernel::store::Store;
use aviary_kernel::store::tables::{AUDIT, FEED, HISTORY};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::{info, warn};

use super::breaks::Breaks;
use super::follow::Batch;
use super::mark::Mark;
use super::pens::Pens;
use super::shard::{Outcome, Trouble};
use super::shelf::Shelf;
use super::{Asked, Found, Sight, Standing, find, finder, rebuild};
use crate::mirror::{Candidates, Finder, Finds, KnownChanges, Sought, SoughtChanges};

/// What changes in a row is taken together.
const GATHER: Duration = Duration::from_millis(150);

/// Finds anything. Cheap to clone.
#[derive(Clone)]
pub struct Search {
    inner: Arc<Inner>,
}

/// How large the index is, and how far it has followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexStats {
    /// Things that can be found.
    pub documents: u64,
    /// What it takes on disk.
    pub bytes: u64,
    /// Changes that are not in it yet.
    pub behind: u64,
    /// When it last held everything; none = not since the start.
    pub as_of: Option<Timestamp>,
    /// Months of which there are records.
    pub slices: usize,
}

struct Inner {
    store: Store,
    env: Env,
    dir: PathBuf,
    shelf: RwLock<Option<Arc<Shelf>>>,
    standing: RwLock<Standing>,
    known: Mutex<Known>,
    follower: Mutex<Follower>,
    /// The index is to be made anew.
    anew: AtomicBool,
    /// A search met something that is not whole.
    is_suspect: AtomicBool,
    stops: AtomicBool,
    commits: AtomicU64,
    pulse: AtomicU64,
    told: watch::Sender<u64>,
    breaks: Mutex<Breaks>,
    seats: Arc<Semaphore>,
}

/// A place of one who follows what a search finds.
#[derive(Debug)]
pub struct Seat {
    _permit: OwnedSemaphorePermit,
}

/// So many may follow: each asks again at each commit.
const SEATS: usize = 200;

/// What is said of the index without asking it.
struct Known {
    documents: u64,
    bytes: u64,
    as_of: Option<Timestamp>,
    slices: usize,
    mark: Mark,
}

/// Who writes.
#[derive(Default)]
struct Follower {
    pens: Pens,
    mark: Option<Mark>,
}

impl Search {
    /// The index in `dir`, which need not be there. Nothing is opened before it is asked to follow.
    pub fn new(store: Store, env: Env, dir: PathBuf) -> Self {
        let known = Known { documents: 0, bytes: 0, as_of: None, slices: 0, mark: Mark::default() };
        let inner = Inner {
            store,
            env,
            dir,
            shelf: RwLock::default(),
            standing: RwLock::new(Standing::Building { done: 0, of: 0 }),
            known: Mutex::new(known),
            follower: Mutex::default(),
            anew: AtomicBool::new(false),
            is_suspect: AtomicBool::new(false),
            stops: AtomicBool::new(false),
            commits: AtomicU64::new(0),
            pulse: AtomicU64::new(0),
            told: watch::channel(0).0,
            breaks: Mutex::default(),
            seats: Arc::new(Semaphore::new(SEATS)),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Follows the data file to its end, after opening the index or making it anew where that is needed. Whoever calls it while it
    /// is at work waits, and then follows what came since.
    ///
    /// # Errors
    /// When the index or the data file cannot be read or written; searches then find what was there before.
    pub async fn tick(&self) -> Result<()> {
        let inner = self.inner.clone();
        let round = tokio::task::spawn_blocking(move || inner.round()).await;
        round.unwrap_or_else(|panic| {
            // A file that is not what it should be may do that; the next round opens everything anew.
            *self.inner.follower() = Follower::default();
            self.inner.stand(Standing::Broken("following broke off unexpectedly; see the log".into()));
            Err(Error::internal(panic))
        })
    }

    /// Waits until there is something to follow, at most so long. Changes that come in a row are taken together.
    pub async fn due(&self, at_most: Duration) {
        let store = &self.inner.store;
        let (mut feed, mut audit, mut history) = (store.watch(FEED), store.watch(AUDIT), store.watch(HISTORY));
        if self.is_behind().await {
            return tokio::time::sleep(GATHER).await;
        }
        tokio::select! {
            _ = feed.changed() => {}
            _ = audit.changed() => {}
            _ = history.changed() => {}
            () = tokio::time::sleep(at_most) => return,
        }
        tokio::time::sleep(GATHER).await;
    }

    async fn is_behind(&self) -> bool {
        let mark = self.inner.known().mark.clone();
        let end = self.inner.store.read(Mark::end).await;
        end.is_ok_and(|end| !mark.reaches(&end))
    }

    /// Waits until everything that was committed before the call can be found.
    ///
    /// # Errors
    /// As [`Search::tick`].
    pub async fn caught_up(&self) -> Result<()> {
        self.tick().await
    }

    /// Makes the index anew. How far that is, [`Search::standing`] says; searches find what is in it by then.
    ///
    /// # Errors
    /// As [`Search::tick`].
    pub async fn reindex(&self) -> Result<()> {
        self.begin_anew().await
    }

    /// The same; from this call on, not from when it is awaited, the index does not count as ready.
    pub fn begin_anew(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let this = self.clone();
        this.inner.anew.store(true, Ordering::SeqCst);
        this.inner.breaks().forgive();
        this.inner.stand(Standing::Building { done: 0, of: 0 });
        async move { this.tick().await }
    }

    /// How the index stands.
    pub fn standing(&self) -> Standing {
        self.inner.standing()
    }

    /// Another number whenever it got on with its work.
    pub fn pulse(&self) -> u64 {
        self.inner.pulse.load(Ordering::Relaxed)
    }

    /// How large the index is, and how far it has followed.
    pub fn stats(&self) -> IndexStats {
        let end = self.inner.store.read_blocking(Mark::end).ok();
        let known = self.inner.known();
        let behind = end.map_or(0, |end| known.mark.behind(&end));
        let Known { documents, bytes, as_of, slices, .. } = *known;
        IndexStats { documents, bytes, behind, as_of, slices }
    }

    /// Changes with each commit that searches see, and when it is told to stop.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.inner.told.subscribe()
    }

    /// Finds. Every text gives an answer; what was left out of it is said.
    ///
    /// # Errors
    /// When the data file cannot be read.
    pub async fn find(&self, asked: Asked, sight: Sight) -> Result<Found> {
        let inner = self.inner.clone();
        let found = tokio::task::spawn_blocking(move || {
            // A file that is not what it should be may make it break off.
            let found = std::panic::catch_unwind(AssertUnwindSafe(|| inner.find(&asked, &sight)));
            found.unwrap_or_else(|_| inner.broke_off(&asked, &sight))
        });
        found.await.map_err(Error::internal)?
    }

    /// A place for somebody who asks again at each commit; none when all are taken. It is free again when it is dropped.
    pub fn seat(&self) -> Option<Seat> {
        self.inner.seats.clone().try_acquire_owned().ok().map(|permit| Seat { _permit: permit })
    }

    /// Tells lists which rows hold a text, as long as the index holds exactly what they see.
    pub fn finder(&self) -> Finder {
        self.inner.clone()
    }

    /// Begins nothing more, and soon ends what is under way. Who watches is woken, to end too.
    pub fn stop(&self) {
        self.inner.stops.store(true, Ordering::SeqCst);
        self.inner.told.send_modify(|_| {});
    }

    /// Whether it was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.inner.stops.load(Ordering::SeqCst)
    }

    /// Ends what is under way. What is not in the index by then is brought in after the next start.
    ///
    /// # Errors
    /// When what was written last could not be put in order.
    pub async fn shut_down(&self) -> Result<()> {
        self.stop();
        let inner = self.inner.clone();
        let close = move || inner.follower().pens.close().map_err(|trouble| said(&trouble));
        tokio::task::spawn_blocking(close).await.map_err(Error::internal)?
    }
}

fn said(trouble: &Trouble) -> Error {
    match trouble {
        Trouble::Damaged(why) => Error::Unusable(format!("the search index is damaged: {why}")),
        Trouble::Disk(why) => Error::Unusable(format!("the search index cannot be read or written: {why}")),
        Trouble::Store(Error::ReadOnly(why)) => Error::ReadOnly(why.clone()),
        Trouble::Store(error) => Error::internal(error.to_string()),
    }
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follower(&self) -> MutexGuard<'_, Follower> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self) -> Standing {
        self.standing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stand(&self, standing: Standing) {
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    fn shelf(&self) -> Option<Arc<Shelf>> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put_up(&self, shelf: Option<Arc<Shelf>>) {
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = shelf;
    }

    fn round(&self) -> Result<()> {
        let mut follower = self.follower();
        if self.stops.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut done = self.follow(&mut follower);
        if let Err(Trouble::Damaged(why)) = &done {
            warn!(why, "the search index is damaged and is made anew");
            self.anew.store(true, Ordering::SeqCst);
            done = self.follow(&mut follower);
        }
        done.map_err(|trouble| {
            // Everything is opened anew in the next round; until then what is there is searched.
            *follower = Follower::default();
            let error = said(&trouble);
            self.stand(Standing::Broken(error.to_string()));
            error
        })
    }

    fn follow(&self, follower: &mut Follower) -> Outcome<()> {
        if self.is_suspect.swap(false, Ordering::SeqCst) {
            self.anew.store(true, Ordering::SeqCst);
        }
        if self.anew.load(Ordering::SeqCst) {
            return self.make_anew(follower);
        }
        let shelf = match (self.shelf(), &follower.mark) {
            (Some(shelf), Some(_)) => shelf,
            _ => self.open(follower)?,
        };
        let Some(mut mark) = follower.mark.clone() else { return self.make_anew(follower) };
        shelf.check()?;
        if !self.store.read_blocking(|tx| mark.leads_on(tx))? {
            info!("the search index is of another data file, or too far behind: it is made anew");
            return self.make_anew(follower);
        }
        while let Some(batch) = self.store.read_blocking(|tx| Batch::next(tx, &mark))? {
            if self.stops.load(Ordering::SeqCst) {
                return Ok(());
            }
            batch.write(&self.store, &shelf, &mut follower.pens)?;
            mark = batch.mark;
            follower.pens.commit(&shelf, Some(&mut mark))?;
            follower.mark = Some(mark.clone());
            self.committed(&shelf, &mark)?;
        }
        follower.pens.rest()?;
        self.known().as_of = Some(self.env.now());
        // Somebody may have asked meanwhile for another one.
        if !self.anew.load(Ordering::SeqCst) {
            self.stand(Standing::Ready);
        }
        Ok(())
    }

    fn open(&self, follower: &mut Follower) -> Outcome<Arc<Shelf>> {
        follower.pens.close()?;
        if let Some(shelf) = self.shelf() {
            shelf.retire();
        }
        let shelf = Arc::new(Shelf::open(&self.dir)?);
        let payload = shelf.objects.payload()?;
        follower.mark = payload.and_then(|payload| Mark::from_payload(&payload, &shelf.months()));
        self.put_up(Some(shelf.clone()));
        if let Some(mark) = &follower.mark {
            self.committed(&shelf, mark)?;
        }
        Ok(shelf)
    }

    fn make_anew(&self, follower: &mut Follower) -> Outcome<()> {
        self.anew.store(true, Ordering::SeqCst);
        // What it was writing is of no use any more.
        drop(follower.pens.close());
        *follower = Follower::default();
        self.stand(Standing::Building { done: 0, of: 0 });
        if let Some(shelf) = self.shelf() {
            shelf.retire();
        }
        self.put_up(None);
        Shelf::clear(&self.dir)?;
        let shelf = Arc::new(Shelf::open(&self.dir)?);
        self.put_up(Some(shelf.clone()));
        let mut tell = |done, of| {
            self.stand(Standing::Building { done, of });
            self.pulse.fetch_add(1, Ordering::Relaxed);
            if self.stops.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let Some(mark) = rebuild::fill(&self.store, &shelf, &mut follower.pens, &mut tell)? else { return Ok(()) };
        self.anew.store(false, Ordering::SeqCst);
        follower.mark = Some(mark.clone());
        self.committed(&shelf, &mark)?;
        // What changed meanwhile.
        self.follow(follower)
    }

    fn committed(&self, shelf: &Shelf, mark: &Mark) -> Outcome<()> {
        self.pulse.fetch_add(1, Ordering::Relaxed);
        let (documents, bytes, slices) = (shelf.documents(), shelf.bytes(), shelf.months().len());
        let mut known = self.known();
        (known.documents, known.bytes, known.slices) = (documents, bytes, slices);
        known.mark = mark.clone();
        drop(known);
        self.told.send_replace(self.commits.fetch_add(1, Ordering::SeqCst) + 1);
        Ok(())
    }

    /// A search met trouble: what is damaged is made anew in the next round.
    fn meet(&self, trouble: &Trouble) {
        warn!(?trouble, "the search index could not be read");
        if matches!(trouble, Trouble::Damaged(_)) {
            self.is_suspect.store(true, Ordering::SeqCst);
        }
    }

    fn breaks(&self) -> MutexGuard<'_, Breaks> {
        self.breaks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A search panicked. Damage to the index may do that; when it was made anew lately, the question is not asked again for a while.
    fn broke_off(&self, asked: &Asked, sight: &Sight) -> Result<Found> {
        if self.breaks().note(asked, self.env.now()) {
            self.is_suspect.store(true, Ordering::SeqCst);
            return self.find_nothing(asked, sight, "a search broke off unexpectedly; see the log");
        }
        self.refuse(asked, sight)
    }

    fn refuse(&self, asked: &Asked, sight: &Sight) -> Result<Found> {
        let mut found = self.find_nothing(asked, sight, "")?;
        found.standing = self.standing();
        found.doubts.push(
            "This search breaks off, and making the index anew did not help: it is not asked for an hour. \
             Ask in other words, and send what the log says of it to those who make Aviary."
                .into(),
        );
        Ok(found)
    }

    fn find(&self, asked: &Asked, sight: &Sight) -> Result<Found> {
        let now = self.env.now();
        if self.breaks().refuses(asked, now) {
            return self.refuse(asked, sight);
        }
        let shelf = self.shelf();
        let found = find::find(&self.store, shelf.as_deref(), asked, sight, now, self.standing());
        found.or_else(|trouble| {
            if let Trouble::Store(error) = trouble {
                return Err(error);
            }
            self.meet(&trouble);
            self.find_nothing(asked, sight, &said(&trouble).to_string())
        })
    }

    /// The answer while the index cannot be asked, with the reason.
    fn find_nothing(&self, asked: &Asked, sight: &Sight, why: &str) -> Result<Found> {
        let broken = Standing::Broken(why.to_owned());
        find::find(&self.store, None, asked, sight, self.env.now(), broken).map_err(|trouble| said(&trouble))
    }
}

impl Finds for Inner {
    fn rows(&self, sought: &Sought<'_>) -> Option<Candidates> {
        let shelf = self.whole()?;
        if self.known().mark.history != sought.history {
            return None;
        }
        self.told_or(finder::rows(&shelf.objects, sought))
    }

    fn changes(&self, sought: &SoughtChanges<'_>) -> Option<KnownChanges> {
        let shelf = self.whole()?;
        // What is committed from here on is newer.
        let upto = self.known().mark.history;
        let below = sought.below.min(upto.saturating_add(1));
        let numbers = self.told_or(finder::changes(&shelf, &SoughtChanges { below, ..*sought }))?;
        Some(KnownChanges { numbers, upto })
    }
}

impl Inner {
    /// The index, when it holds everything up to its mark. One that is being made is put up only after that was said.
    fn whole(&self) -> Option<Arc<Shelf>> {
        let shelf = self.shelf()?;
        (self.standing() == Standing::Ready).then_some(shelf)
    }

    fn told_or<T>(&self, answer: Outcome<Option<T>>) -> Option<T> {
        answer.unwrap_or_else(|trouble| {
            self.meet(&trouble);
            None
        })
    }
}
