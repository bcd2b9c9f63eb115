//! How often mail is written to an address that somebody typed, so that nobody is flooded with it. Counted in memory: a
//! restart forgives.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{Email, Letter, TokenHash};

use super::token::lockout_key;

/// The stretch of time that is looked at.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Letters of a kind to one address in that time.
const PER_EMAIL: usize = 3;
/// Letters that one caller may cause in that time.
const PER_CALLER: usize = 20;
/// Wrong passwords of somebody who is signed in.
const WRONG_PASSWORDS: usize = 10;
/// Old entries are thrown away when there are so many.
const SWEEP_AT: usize = 10_000;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Letter(Letter, TokenHash),
    Caller(IpAddr),
    Password(TokenHash),
}

/// Remembers who asked when.
#[derive(Default)]
pub(super) struct Pace(Mutex<HashMap<Key, Vec<Timestamp>>>);

impl Pace {
    /// Whether a letter may be written; counts as one if so. An address without an account counts like any other.
    pub(super) fn allows(&self, now: Timestamp, letter: Letter, to: &Email, caller: Option<IpAddr>) -> bool {
        let by_caller = caller.is_none_or(|ip| self.take(now, Key::Caller(ip), PER_CALLER).is_ok());
        by_caller && self.take(now, Key::Letter(letter, lockout_key(to)), PER_EMAIL).is_ok()
    }

    /// Whether somebody who is signed in may try a password once more; if not, the seconds until then.
    pub(super) fn allows_password(&self, now: Timestamp, email: &Email) -> Result<(), u64> {
        self.take(now, Key::Password(lockout_key(email)), WRONG_PASSWORDS)
    }

    /// The password was right.
    pub(super) fn forgive_password(&self, email: &Email) {
        self.lock().remove(&Key::Password(lockout_key(email)));
    }

    fn take(&self, now: Timestamp, key: Key, most: usize) -> Result<(), u64> {
        let mut seen = self.lock();
        if seen.len() >= SWEEP_AT {
            seen.retain(|_, times| times.last().is_some_and(|last| now.since(*last) < WINDOW));
        }
        let times = seen.entry(key).or_default();
        times.retain(|at| now.since(*at) < WINDOW);
        if times.len() < most {
            times.push(now);
            return Ok(());
        }
        let waited = times.first().map_or(WINDOW, |first| now.since(*first));
        Err(WINDOW.saturating_sub(waited).as_secs().max(1))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Vec<Timestamp>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
