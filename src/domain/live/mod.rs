//! Tells those who look on what moves. One worker reads the feed for everybody and hands on what it found; who comes late, or
//! falls behind, reads the stretch that they miss by themselves.

mod moved;
mod topic;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use aviary_kernel::base::Result;
use aviary_kernel::store::tables::{AUDIT, FEED};
use aviary_kernel::store::{Direction, Key, Read, ReadTx, Span, Store};
use tokio::sync::{Mutex, broadcast, watch};

pub use moved::{Mark, Moved, Tally};
pub use topic::Topic;

/// What happens within this time is told together.
const TOGETHER: Duration = Duration::from_millis(150);
/// A round of the worker is never longer.
const ROUND: Duration = Duration::from_secs(1);
/// Who is further behind than so many entries looks at everything anew.
const FAR_BEHIND: u64 = 20_000;
/// What may wait for one who is slow.
const WAITING: usize = 32;

/// What moves. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    tell: broadcast::Sender<Arc<Moved>>,
    ending: watch::Sender<bool>,
    worker: Mutex<Worker>,
}

struct Worker {
    feed: watch::Receiver<()>,
    audit: watch::Receiver<()>,
    /// How far it has told.
    mark: Option<Mark>,
}

/// What somebody who follows gets to know.
#[derive(Clone, Debug)]
pub enum News {
    /// This moved.
    Moved(Arc<Moved>),
    /// More moved than can be told: everything is to be looked at anew. What moves after this mark is told.
    Missed(Mark),
}

impl News {
    fn mark(&self) -> Mark {
        match self {
            Self::Moved(moved) => moved.to,
            Self::Missed(mark) => *mark,
        }
    }
}

/// Somebody who follows what moves.
pub struct Follower {
    live: Live,
    heard: broadcast::Receiver<Arc<Moved>>,
    ending: watch::Receiver<bool>,
    mark: Mark,
    /// What moved before it followed.
    missed: Option<News>,
    /// Whether something may have moved that was not heard of.
    behind: bool,
}

impl Live {
    /// What moves in `store`.
    pub fn new(store: Store) -> Self {
        let worker = Worker { feed: store.watch(FEED), audit: store.watch(AUDIT), mark: None };
        let (tell, ending) = (broadcast::channel(WAITING).0, watch::channel(false).0);
        Self { inner: Arc::new(Inner { store, tell, ending, worker: Mutex::new(worker) }) }
    }

    /// How far everything has moved by now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn mark(&self) -> Result<Mark> {
        self.inner.store.read(newest).await
    }

    /// Follows what moves after `mark`; from now on without one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn follow(&self, mark: Option<Mark>) -> Result<Follower> {
        // Heard of from here on, before it is looked how far everything is.
        let (heard, ending) = (self.inner.tell.subscribe(), self.inner.ending.subscribe());
        let missed = self.since(mark).await?;
        let now = missed.mark();
        Ok(Follower { live: self.clone(), heard, ending, mark: now, missed: mark.map(|_| missed), behind: false })
    }

    /// How many follow.
    pub fn followers(&self) -> usize {
        self.inner.tell.receiver_count()
    }

    /// Lets everybody go, since Aviary ends.
    pub fn end(&self) {
        self.inner.ending.send_replace(true);
    }

    /// A round of the worker: waits a moment for something to move, and tells it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn round(&self) -> Result<()> {
        let mut worker = self.inner.worker.lock().await;
        let Worker { feed, audit, mark } = &mut *worker;
        let moved = async {
            tokio::select! {
                _ = feed.changed() => {}
                _ = audit.changed() => {}
            }
        };
        match tokio::time::timeout(ROUND, moved).await {
            Ok(()) => tokio::time::sleep(TOGETHER).await,
            Err(_) if mark.is_some() => return Ok(()),
            Err(_) => {}
        }
        feed.mark_unchanged();
        audit.mark_unchanged();
        let from = *mark;
        let news = self.since(from).await?;
        *mark = Some(news.mark());
        let told = match news {
            News::Moved(moved) if from.is_some() => moved,
            // Who follows finds out by themselves what they missed.
            news => Arc::new(Moved::at(news.mark())),
        };
        // Nobody may be there.
        let _ = self.inner.tell.send(told);
        Ok(())
    }

    /// What moved after `from`; nothing without one.
    async fn since(&self, from: Option<Mark>) -> Result<News> {
        self.inner.store.read(move |tx| since(tx, from)).await
    }
}

fn newest(tx: &ReadTx) -> Result<Mark> {
    let feed = tx.last_key(FEED, &Span::all())?.unwrap_or(0);
    let audit = tx.last_key(AUDIT, &Span::all())?.unwrap_or(0);
    Ok(Mark { feed, audit })
}

fn since(tx: &ReadTx, from: Option<Mark>) -> Result<News> {
    let now = newest(tx)?;
    let Some(from) = from else { return Ok(News::Moved(Arc::new(Moved::at(now)))) };
    // A file that was put back from a backup has been further before.
    let was_put_back = from.feed > now.feed || from.audit > now.audit;
    if was_put_back || now.feed - from.feed > FAR_BEHIND || is_forgotten(tx, from)? {
        return Ok(News::Missed(now));
    }
    let mut moved = Moved::at(from);
    tx.walk(FEED, &Span::all().after(&from.feed.to_bytes(), Direction::Up), Direction::Up, |seq, entry| {
        moved.feed(seq, entry.change);
        Ok(ControlFlow::Continue(()))
    })?;
    moved.audit(now.audit);
    Ok(News::Moved(Arc::new(moved)))
}

/// Whether the feed no longer holds all that came after.
fn is_forgotten(tx: &ReadTx, from: Mark) -> Result<bool> {
    let mut oldest = None;
    tx.walk(FEED, &Span::all(), Direction::Up, |seq, _| {
        oldest = Some(seq);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(oldest.is_some_and(|oldest| oldest > from.feed + 1))
}

impl Follower {
    /// How far it has come; at first, as of when it began to follow.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// Waits for what moves next. None = nothing more comes, since Aviary ends.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn next(&mut self) -> Result<Option<News>> {
        loop {
            let news = match self.missed.take() {
                Some(missed) => Some(missed),
                None if self.behind => self.catch_up().await?,
                None => self.hear().await?,
            };
            match news {
                None => return Ok(None),
                Some(News::Moved(moved)) if moved.is_empty() => {}
                Some(news) => return Ok(Some(news)),
            }
        }
    }

    async fn hear(&mut self) -> Result<Option<News>> {
        let heard = tokio::select! {
            biased;
            _ = self.ending.wait_for(|ending| *ending) => return Ok(None),
            heard = self.heard.recv() => heard,
        };
        match heard {
            Ok(moved) if moved.from == self.mark => {
                self.mark = moved.to;
                Ok(Some(News::Moved(moved)))
            }
            Ok(moved) if moved.to.feed <= self.mark.feed && moved.to.audit <= self.mark.audit => {
                Ok(Some(News::Moved(Arc::new(Moved::at(self.mark)))))
            }
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {
                // On record before anything is awaited: who stops waiting here misses nothing.
                self.behind = true;
                self.catch_up().await
            }
            Err(broadcast::error::RecvError::Closed) => Ok(None),
        }
    }

    async fn catch_up(&mut self) -> Result<Option<News>> {
        let news = self.live.since(Some(self.mark)).await?;
        self.behind = false;
        self.mark = news.mark();
        Ok(Some(news))
    }
}
