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
/// How often a store that went read-only tries whether it can write again.
const PROBE_EVERY: Duration = Duration::from_secs(2);

/// What a caller wants written. Given a transaction it writes, and hands back whom to tell once that is on disk; none when
/// it failed, told its caller so, and wants its writes undone. Given an error it tells its caller and is done.
pub(super) type Job = Box<dyn FnOnce(Result<&mut WriteTx<'_>>) -> Option<Answer> + Send>;

/// Tells a caller that its writes are on disk, or why they are not.
pub(super) type Answer = Box<dyn FnOnce(Result<()>) + Send>;

/// What the writer did so far.
#[derive(Debug, Default)]
pub struct WriterStats {
    /// Commits that reached the disk.
    pub commits: AtomicU64,
    /// Closures whose writes are in them.
    pub jobs: AtomicU64,
}

/// The body of the writer thread; ends when every handle of the store is gone.
pub(super) fn run(shared: &Shared, jobs: &Receiver<Job>) {
    loop {
        match jobs.recv_timeout(PROBE_EVERY) {
            Ok(first) => serve(shared, first, jobs),
            Err(RecvTimeoutError::Timeout) => probe(shared),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn serve(shared: &Shared, first: Job, jobs: &Receiver<Job>) {
    if let Some(why) = shared.trouble() {
        first(Err(Error::ReadOnly(why)));
        return;
    }
    let mut waiting = Vec::new();
    let result = shared.with_db(|db| commit_group(db, first, jobs, &mut waiting));
    match result {
        Ok(()) => {
            shared.stats.commits.fetch_add(1, Ordering::Relaxed);
            shared.stats.jobs.fetch_add(waiting.len() as u64, Ordering::Relaxed);
            waiting.into_iter().for_each(|tell| tell(Ok(())));
        }
        Err(failure) => {
            // First the state, then the answers: who hears of the failure can see it.
            let why = failure.to_string();
            shared.failed(failure);
            waiting.into_iter().for_each(|tell| tell(Err(Error::ReadOnly(why.clone()))));
        }
    }
}

/// Runs `first` and whoever else waits, and commits what they wrote. `waiting` holds those to tell.
fn commit_group(db: &Database, first: Job, jobs: &Receiver<Job>, waiting: &mut Vec<Answer>) -> Result<()> {
    let tx = match begin(db) {
        Ok(tx) => tx,
        Err(failure) => {
            first(Err(Error::ReadOnly(failure.to_string())));
            return Err(failure);
        }
    };
    let began = Instant::now();
    let mut write = WriteTx::new(&tx);
    let mut next = Some(first);
    while let Some(job) = next {
        run_job(&mut write, job, waiting)?;
        let full = write.writes() >= MOST_WRITES || began.elapsed() >= LONGEST;
        next = if full { None } else { jobs.try_recv().ok() };
    }
    drop(write);
    if waiting.is_empty() {
        return tx.abort().map_err(|e| storage_error("all", e));
    }
    tx.commit().map_err(|e| storage_error("all", e))
}

fn run_job(write: &mut WriteTx<'_>, job: Job, waiting: &mut Vec<Answer>) -> Result<()> {
    match catch_unwind(AssertUnwindSafe(|| job(Ok(&mut *write)))) {
        Ok(Some(answer)) => {
            waiting.push(answer);
            write.keep()
        }
        Ok(None) => write.undo(),
        Err(_) => {
            // Its caller sees the broken channel; the panic itself was reported by the hook.
            error!("a write failed with a panic; it was undone");
            write.undo()
        }
    }
}

pub(super) fn begin(db: &Database) -> Result<WriteTransaction> {
    let mut tx = db.begin_write().map_err(|e| storage_error("all", e))?;
    tx.set_durability(Durability::Immediate).map_err(Error::internal)?;
    // Without it, opening after a crash would walk the whole file.
    tx.set_quick_repair(true);
    Ok(tx)
}

fn probe(shared: &Shared) {
    if shared.trouble().is_none() {
        return;
    }
    match shared.with_db(probe_commit) {
        Ok(()) => shared.recovered(),
        Err(failure) => shared.failed(failure),
    }
}

fn probe_commit(db: &Database) -> Result<()> {
    let tx = begin(db)?;
    // Larger than one page, so that a disk with a few bytes left does not count as free.
    WriteTx::new(&tx).put_bytes(tables::META, b"probe", &[0; 16 * 1024])?;
    tx.commit().map_err(|e| storage_error("all", e))
}
