//! Secrets on their way to the page that shows them. The answer to the form that made one leads on to that page, so that
//! loading it again makes nothing once more. They are in memory only, for the session that asked, and gone when shown.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aviary_domain::access::Caller;
use aviary_kernel::base::{Secret, Timestamp};
use uuid::Uuid;

/// A browser follows at once; what is not fetched by then is forgotten.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// No more wait at a time; the oldest goes first.
const MOST: usize = 100;

/// The secrets that wait to be shown.
#[derive(Default)]
pub(crate) struct Fresh(Mutex<Vec<Held>>);

/// What became of the thing whose secret it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Made,
    /// As another one is already.
    MadeTwin,
    Renewed,
    /// Somebody wanted to look at it.
    Asked,
}

struct Held {
    session: Option<Uuid>,
    of: Uuid,
    secret: Secret<String>,
    why: Why,
    until: Timestamp,
}

impl Fresh {
    /// Keeps the secret of a thing for who asks with the same session.
    pub(super) fn hold(&self, by: &Caller, of: Uuid, secret: Secret<String>, why: Why, now: Timestamp) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|one| one.until > now && (one.session, one.of) != (by.session, of));
        if held.len() >= MOST {
            held.remove(0);
        }
        held.push(Held { session: by.session, of, secret, why, until: now.plus(GOOD_FOR) });
    }

    /// Whether the secret of a thing waits to be shown to who asks.
    pub(super) fn holds(&self, by: &Caller, of: Uuid, now: Timestamp) -> bool {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().any(|one| one.until > now && (one.session, one.of) == (by.session, of))
    }

    /// The secret of a thing, this once.
    pub(super) fn take(&self, by: &Caller, of: Uuid, now: Timestamp) -> Option<(Secret<String>, Why)> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|one| one.until > now);
        let at = held.iter().position(|one| (one.session, one.of) == (by.session, of))?;
        let one = held.remove(at);
        Some((one.secret, one.why))
    }
}

#[cfg(test)]
mod tests {
    use aviary_kernel::model::{Actor, Grants};

    use super::*;

    fn with(session: u128) -> Caller {
        Caller { session: Some(Uuid::from_u128(session)), ..Caller::trusted(Actor::job("test"), Grants::default()) }
    }

    #[test]
    fn a_secret_is_given_once_to_who_asked_and_not_for_long() {
        let (fresh, now, of) = (Fresh::default(), Timestamp::from_seconds(1000), Uuid::from_u128(7));
        let hold = |text: &str| fresh.hold(&with(1), of, text.into(), Why::Made, now);
        hold("first");
        hold("second");
        assert!(fresh.take(&with(2), of, now).is_none());
        assert!(fresh.take(&with(1), Uuid::from_u128(8), now).is_none());
        assert_eq!(fresh.take(&with(1), of, now).unwrap().0.reveal(), "second");
        assert!(fresh.take(&with(1), of, now).is_none());
        hold("third");
        assert!(fresh.take(&with(1), of, now.plus(GOOD_FOR)).is_none());
    }

    #[test]
    fn no_more_than_so_many_wait() {
        let (fresh, now) = (Fresh::default(), Timestamp::from_seconds(1000));
        for n in 0..=MOST as u128 {
            fresh.hold(&with(n), Uuid::nil(), "secret".into(), Why::Made, now);
        }
        assert!(fresh.take(&with(0), Uuid::nil(), now).is_none());
        assert!(fresh.take(&with(MOST as u128), Uuid::nil(), now).is_some());
    }
}
