//! Tells of what moves, for those who look on.

use aviary_kernel::model::JobId;
use aviary_kernel::store::tables::JOBS;
use tokio::sync::watch;

use super::Jobs;
use crate::queue::Progress;

/// Hears of changes of jobs.
pub struct Moves {
    jobs: Jobs,
    of: Option<JobId>,
    rows: watch::Receiver<()>,
    progress: Option<watch::Receiver<Progress>>,
    ending: watch::Receiver<bool>,
}

impl Jobs {
    /// How to hear that jobs changed from here on; of a single one, also how far it is.
    pub fn moves(&self, of: Option<JobId>) -> Moves {
        Moves {
            jobs: self.clone(),
            of,
            rows: self.inner.store.watch(JOBS),
            progress: None,
            ending: self.inner.ending.subscribe(),
        }
    }
}

impl Moves {
    /// Waits until there may be something new to see. False = nothing more comes, since Aviary ends.
    pub async fn next(&mut self) -> bool {
        if self.progress.is_none() {
            self.progress = self.of.and_then(|id| self.jobs.live().get(&id).map(|live| live.progress.clone()));
        }
        tokio::select! {
            biased;
            _ = self.ending.wait_for(|ending| *ending) => false,
            changed = self.rows.changed() => changed.is_ok(),
            () = moved(&mut self.progress) => true,
        }
    }
}

/// Waits until a job is further, or has ended.
async fn moved(progress: &mut Option<watch::Receiver<Progress>>) {
    match progress {
        Some(receiver) => {
            if receiver.changed().await.is_err() {
                *progress = None;
            }
        }
        None => std::future::pending().await,
    }
}
