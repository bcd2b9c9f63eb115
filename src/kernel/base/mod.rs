//! Small things that everybody needs: time, time zones, ids, errors, page cursors, secrets, encryption.

mod clock;
mod crypto;
pub mod csv;
mod cursor;
mod error;
mod ids;
mod net;
mod secret;
mod zone;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use crypto::{Fingerprint, MasterKey, Sealed, Sealer, open_foreign, random_secret};
pub use cursor::{At, Cursor};
pub use error::{Error, Result, Source};
pub use ids::{Ids, RandomIds, SequentialIds};
pub use net::Net;
pub use secret::Secret;
pub use zone::Zone;

use std::sync::Arc;

/// The only source of "now" and of new ids. Tests own both.
#[derive(Clone)]
pub struct Env {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Hands out ids.
    pub ids: Arc<dyn Ids>,
}

impl Env {
    /// The machine's clock and random, time-ordered ids.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), ids: Arc::new(RandomIds) }
    }

    /// A clock that stands still until it is told to move, and ids that count up from one.
    pub fn manual(start: Timestamp) -> (Self, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(start));
        (Self { clock: clock.clone(), ids: Arc::new(SequentialIds::default()) }, clock)
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
