use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use redb::{Database, Durability, WriteTransaction};
use tracing::error;

use super::open::Shared;
use super::{WriteTx, storage_error, tables};
use crate::base::{Error, Result};

/// One commit takes no more writes than this from those who wait, so that nobody waits long.
const MOST_WRITES: u64 = 20_000;
/// Nor does it collect for longer than this.
const LONGEST: Duration = Duration::from_millis(100);

/// What the writer is asked to do.
pub(super) enum Message {
    /// Write.
    Write(Job),
    /// See whether the disk takes writes, and tell when that is known.
    Probe(Box<dyn FnOnce() + Send>),
}

/// What a caller wants written. Given an error it only hands that back as its own.
pub(super) type Job = Box<dyn FnOnce(Result<&mut WriteTx<'_>>) -> Verdict + Send>;

/// What became of a job.
pub(super) enum Verdict {
    /// It wrote; tell this once that is on disk.
    Keep(Answer),
    /// It failed and wants its writes undone; call this once they are.
    Undo(Box<dyn FnOnce() + Send>),
}

impl Verdict {
    fn refused(self) {
        match self {
            Self::Keep(tell) => tell(Err(Error::internal("a write went on without a transaction"))),
            Self::Undo(tell) => tell(),
        }
    }
}

/// Tells a caller that its writes are on disk, or why they are not.
pub(super) type Answer = Box<dyn FnOnce(Result<()>) + Send>;

/// What the writer did so far.
#[derive(Debug, Default)]
pub struct WriterStats {
    /// Commits that reached the disk.
    pub commits: AtomicU64,
    /// Closures whose writes are in them.
    pub jobs: AtomicU64,
    /// How often the whole file had to be walked to open it; 0 unless it was damaged.
    pub repairs: AtomicU64,
}

/// The body of the writer thread; ends when every handle of the store is gone.
pub(super) fn run(shared: &Shared, queue: &Receiver<Message>) {
    // When the last probe was; none when the store takes writes.
    let mut probed: Option<Instant> = None;
    loop {
        let message = if shared.trouble().is_some() {
            let next = shared.probe_every().saturating_sub(probed.get_or_insert_with(Instant::now).elapsed());
            // Before the queue is looked at, so that those who try to write in vain do not keep it from recovering.
            if next.is_zero() { Err(RecvTimeoutError::Timeout) } else { queue.recv_timeout(next) }
        } else {
            probed = None;
            queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match message {
            Ok(Message::Write(first)) => guarded(shared, || serve(shared, first, queue)),
            Ok(Message::Probe(tell)) => {
                guarded(shared, || shared.probe());
                tell();
            }
            Err(RecvTimeoutError::Timeout) => {
                guarded(shared, || shared.probe());
                probed = Some(Instant::now());
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// redb panics on some kinds of damage. The writer must outlive that, and say so.
fn guarded(shared: &Shared, act: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(act)).is_err() {
        error!("the data file does not hold together; the store takes no writes from now on");
        shared.damaged();
    }
}

fn serve(shared: &Shared, first: Job, queue: &Receiver<Message>) {
    if let Some(why) = shared.trouble() {
        first(Err(Error::ReadOnly(why))).refused();
        return;
    }
    let mut group = Group::default();
    let result = shared.with_db(|db| group.commit(db, first, queue));
    match result {
        Ok(()) if group.waiting.is_empty() => {}
        Ok(()) => {
            shared.stats.commits.fetch_add(1, Ordering::Relaxed);
            shared.stats.jobs.fetch_add(group.waiting.len() as u64, Ordering::Relaxed);
            shared.tell_watchers(&group.touched);
            group.waiting.into_iter().for_each(|tell| tell(Ok(())));
        }
        Err(failure) => {
            let disk = matches!(failure, Error::ReadOnly(_));
            let why = failure.to_string();
            // First the state, then the answers: who hears of the failure can see it.
            shared.failed(failure);
            for tell in group.waiting {
                tell(Err(if disk { Error::ReadOnly(why.clone()) } else { Error::internal(why.clone()) }));
            }
            group.late.into_iter().for_each(|tell| tell());
        }
    }
    for tell in group.probes {
        shared.probe();
        tell();
    }
}

/// Those whose writes go into one commit.
#[derive(Default)]
struct Group {
    waiting: Vec<Answer>,
    // Those that met a disk fault and hear of it when the store knows.
    late: Vec<Box<dyn FnOnce() + Send>>,
    probes: Vec<Box<dyn FnOnce() + Send>>,
    touched: Vec<&'static str>,
}

impl Group {
    /// Runs `first` and whoever else waits, and commits what they wrote.
    fn commit(&mut self, db: &Database, first: Job, queue: &Receiver<Message>) -> Result<()> {
        let tx = match begin(db) {
            Ok(tx) => tx,
            Err(failure) => {
                let verdict = first(Err(Error::ReadOnly(failure.to_string())));
                self.late.push(Box::new(move || verdict.refused()));
                return Err(failure);
            }
        };
        let began = Instant::now();
        let mut write = WriteTx::new(&tx);
        let mut next = Some(first);
        while let Some(job) = next {
            self.run(&mut write, job)?;
            let full = write.writes() >= MOST_WRITES || began.elapsed() >= LONGEST;
            next = if full { None } else { self.next(queue) };
        }
        self.touched = write.touched();
        drop(write);
        if self.waiting.is_empty() {
            return tx.abort().map_err(|e| storage_error("all", e));
        }
        tx.commit().map_err(|e| storage_error("all", e))
    }

    fn next(&mut self, queue: &Receiver<Message>) -> Option<Job> {
        match queue.try_recv().ok()? {
            Message::Write(job) => Some(job),
            Message::Probe(tell) => {
                self.probes.push(tell);
                None
            }
        }
    }

    fn run(&mut self, write: &mut WriteTx<'_>, job: Job) -> Result<()> {
        match catch_unwind(AssertUnwindSafe(|| job(Ok(&mut *write)))) {
            Ok(Verdict::Keep(answer)) => {
                self.waiting.push(answer);
                write.keep()?;
            }
            Ok(Verdict::Undo(tell)) => match write.undo().and_then(|()| write.disk_fault()) {
                Ok(()) => tell(),
                Err(failure) => {
                    self.late.push(tell);
                    return Err(failure);
                }
            },
            Err(_) => {
                // Its caller sees the broken channel; the panic itself was reported by the hook.
                error!("a write failed with a panic; it was undone");
                write.undo()?;
            }
        }
        // A job may have kept a disk fault to itself, but after one nothing more can be committed.
        write.disk_fault()
    }
}

fn begin(db: &Database) -> Result<WriteTransaction> {
    let mut tx = db.begin_write().map_err(|e| storage_error("all", e))?;
    tx.set_durability(Durability::Immediate).map_err(Error::internal)?;
    // Without it, opening after a crash would walk the whole file.
    tx.set_quick_repair(true);
    Ok(tx)
}

/// A commit that has no other purpose than to show that commits are possible.
pub(super) fn probe_commit(db: &Database) -> Result<()> {
    let tx = begin(db)?;
    // Larger than one page, so that a disk with a few bytes left does not count as free.
    WriteTx::new(&tx).put_bytes(tables::META, tables::META_PROBE, &[0; 16 * 1024])?;
    tx.commit().map_err(|e| storage_error("all", e))
}
