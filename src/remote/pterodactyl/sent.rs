use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aviary_kernel::base::Timestamp;

/// Requests that are remembered until somebody takes them; of more the oldest are forgotten.
const MOST: usize = 1000;

/// A request that was sent; every attempt is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Such as `GET /api/application/servers?page=3`; never with a key.
    pub request: String,
    /// 1 for the first time.
    pub attempt: u32,
    /// When it was sent.
    pub at: Timestamp,
    /// Milliseconds that the panel's request limit held it back before.
    pub waited_ms: u64,
    /// Milliseconds until the answer was read, or until it was given up.
    pub took_ms: u64,
    /// The status of the answer; none = there was none.
    pub status: Option<u16>,
    /// Whether what came was an answer to what was asked; half an answer is none, whatever its status.
    pub taken: bool,
    /// Bytes of the answer.
    pub bytes: u64,
}

/// What was sent lately.
#[derive(Default)]
pub(super) struct Sents(Mutex<VecDeque<Sent>>);

impl Sents {
    pub(super) fn note(&self, sent: Sent) {
        let mut sents = self.lock();
        if sents.len() == MOST {
            sents.pop_front();
        }
        sents.push_back(sent);
    }

    /// Takes what was noted so far.
    pub(super) fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.lock()).into()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sent>> {
        // Notes are whole whatever a panic left undone.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
