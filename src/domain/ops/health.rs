use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aviary_kernel::base::{Env, Error, Result, Timestamp};
use aviary_kernel::store::Store;
use serde::Serialize;

/// Background workers report here that they live.
#[derive(Clone)]
pub struct Heartbeats {
    env: Env,
    stopping: Arc<AtomicBool>,
    beats: Arc<Mutex<BTreeMap<&'static str, (Timestamp, Duration)>>>,
}

impl Heartbeats {
    /// What takes jobs and has them run.
    pub const JOBS: &'static str = "jobs";

    /// Nobody has reported yet.
    pub fn new(env: Env) -> Self {
        Self { env, stopping: Arc::default(), beats: Arc::default() }
    }

    /// `worker` lives, and will say so again within `again_within`.
    pub fn beat(&self, worker: &'static str, again_within: Duration) {
        let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.insert(worker, (self.env.now(), again_within));
    }

    /// `worker` did a round, and does another within `again_within`. One that failed is no sign of life, so who keeps failing is
    /// overdue in the end. That the store takes no writes is no fault of a worker, and shows by itself.
    pub fn after_round(&self, worker: &'static str, again_within: Duration, round: &Result<()>) {
        if matches!(round, Ok(()) | Err(Error::ReadOnly(_))) {
            self.beat(worker, again_within);
        }
    }

    /// Aviary ends: from now on it counts as unwell, so that nobody sends it new work.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Who is overdue.
    pub fn overdue(&self) -> Vec<&'static str> {
        let now = self.env.now();
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.iter().filter(|(_, (at, within))| now.since(*at) > *within).map(|(worker, _)| *worker).collect()
    }

    /// When a worker last reported; none = never.
    pub fn seen(&self, worker: &str) -> Option<Timestamp> {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.get(worker).map(|(at, _)| *at)
    }

    /// Every worker, with when it last reported.
    pub fn all(&self) -> Vec<(&'static str, Timestamp)> {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.iter().map(|(worker, (at, _))| (*worker, *at)).collect()
    }
}

/// Whether the process can do its work.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Why no writes are taken; none = they are.
    pub read_only: Option<String>,
    /// Whether the data file can be read.
    pub readable: bool,
    /// Workers that did not report in time.
    pub overdue: Vec<&'static str>,
    /// Whether Aviary ends.
    pub stopping: bool,
}

impl Health {
    /// Looks.
    pub async fn look(store: &Store, heartbeats: &Heartbeats) -> Self {
        let readable = store.read(crate::feed::newest).await.is_ok();
        let stopping = heartbeats.stopping.load(Ordering::Relaxed);
        Self { read_only: store.trouble(), readable, overdue: heartbeats.overdue(), stopping }
    }

    /// Nothing is wrong.
    pub fn is_well(&self) -> bool {
        self.readable && self.read_only.is_none() && self.overdue.is_empty() && !self.stopping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_keeps_failing_or_hangs_is_overdue_and_one_that_recovers_is_not() {
        let (env, clock) = Env::manual(Timestamp::from_seconds(1_700_000_000));
        let (beats, within) = (Heartbeats::new(env), Duration::from_secs(20));
        beats.beat("people", within);
        for second in 0..6 {
            clock.advance_s(5);
            beats.after_round("people", within, &Err(Error::internal("no")));
            assert_eq!(beats.overdue().is_empty(), second < 4, "{second}");
        }
        beats.after_round("people", within, &Err(Error::ReadOnly("the disk is full".into())));
        assert!(beats.overdue().is_empty(), "the store says that itself");
        clock.advance_s(21);
        assert_eq!(beats.overdue(), ["people"], "it hangs");
        beats.after_round("people", within, &Ok(()));
        assert!(beats.overdue().is_empty());
    }
}
