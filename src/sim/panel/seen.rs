//! A record of what was asked, for tests that count requests.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::gauge::{Gauge, InFlight};

/// Which API a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// `/api/application`
    Application,
    /// `/api/client`
    Client,
    /// Anything else.
    Other,
}

impl Api {
    /// The API of a path.
    pub fn of(path: &str) -> Self {
        let under = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if under("/api/application") {
            Api::Application
        } else if under("/api/client") {
            Api::Client
        } else {
            Api::Other
        }
    }
}

/// A request that the panel got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// Method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// Status of the answer; 0 when none was given (hang, reset).
    pub status: u16,
    /// The API.
    pub api: Api,
    /// Answered with 429.
    pub limited: bool,
    /// A fault changed what happened.
    pub faulty: bool,
}

/// Long-running demos must not grow; the newest are kept.
const KEPT: usize = 20_000;

/// All that was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    requests: Mutex<VecDeque<SeenRequest>>,
    total: AtomicUsize,
    limited: AtomicUsize,
    in_flight: Gauge,
}

impl Seen {
    /// A request arrives.
    pub(crate) fn enter(&self) -> InFlight<'_> {
        self.in_flight.enter()
    }

    /// A request was answered, or never will be.
    pub(crate) fn record(&self, request: SeenRequest) {
        self.total.fetch_add(1, Ordering::SeqCst);
        if request.limited {
            self.limited.fetch_add(1, Ordering::SeqCst);
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == KEPT {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    /// The newest requests, oldest first.
    pub(crate) fn all(&self) -> Vec<SeenRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// How many there were.
    pub(crate) fn total(&self) -> usize {
        self.total.load(Ordering::SeqCst)
    }

    /// How many were answered with 429.
    pub(crate) fn limited(&self) -> usize {
        self.limited.load(Ordering::SeqCst)
    }

    /// The most that were in flight at once.
    pub(crate) fn max_in_flight(&self) -> usize {
        self.in_flight.max()
    }

    /// Forgets everything but what is in flight now.
    pub(crate) fn reset(&self) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.total.store(0, Ordering::SeqCst);
        self.limited.store(0, Ordering::SeqCst);
        self.in_flight.reset();
    }
}
