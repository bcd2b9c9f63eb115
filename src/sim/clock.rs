//! The simulation's own idea of "now", so that tests can hold time still and move it on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// Where a simulated system takes the time from. Clones share the same clock.
#[derive(Debug, Clone)]
pub struct SimClock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Held(Arc<AtomicI64>),
}

impl SimClock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`SimClock::advance`] is called.
    pub fn held_at(start: Timestamp) -> Self {
        Self(Source::Held(Arc::new(AtomicI64::new(start.as_millisecond()))))
    }

    /// The current time, cut to milliseconds when the clock is held.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Held(ms) => Timestamp::from_millisecond(ms.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    /// The current time in whole seconds, the grain in which panels store times.
    pub fn now_in_seconds(&self) -> Timestamp {
        Timestamp::from_second(self.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Moves a held clock on. Does nothing to the machine's clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Held(ms) = &self.0 {
            ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::system()
    }
}
