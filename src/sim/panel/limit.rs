//! The rate limit: one bucket per user and API, a fixed window that starts with the first request in it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::panel::seen::Api;

/// Shown as the limit when none was asked for.
const OUT_OF_REACH: u32 = 1_000_000_000;

/// The limit as the headers show it.
pub(crate) fn shown(limit: u32) -> u32 {
    if limit == 0 { OUT_OF_REACH } else { limit }
}

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// All requests of a user to one API, whatever the key.
    User(u64, Api),
    /// One kind of call on one server, whoever makes it.
    Server(u64, &'static str),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    ends_at_ms: i64,
    used: u32,
}

/// All buckets.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<Counted, Bucket>>);

/// How a request stands with its limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// Requests per window.
    pub(crate) limit: u32,
    /// How many are left after this one.
    pub(crate) remaining: u32,
    /// Set when this one was too many: seconds until the window ends, and its end as Unix time.
    pub(crate) refused: Option<(i64, i64)>,
}

impl Throttle {
    /// Counts one request. `limit` 0 counts but never refuses.
    pub(crate) fn hit(&self, counted: Counted, limit: u32, window_s: i64, now: Timestamp) -> Standing {
        let limit = shown(limit);
        let now_ms = now.as_millisecond();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Bucket { ends_at_ms: now_ms + window_s * 1000, used: 0 };
        let bucket = buckets.entry(counted).or_insert(fresh);
        if bucket.ends_at_ms <= now_ms {
            *bucket = fresh;
        }
        if bucket.used >= limit {
            // Rounded up: coming back exactly then must work.
            let wait_s = (bucket.ends_at_ms - now_ms + 999) / 1000;
            let refused = Some((wait_s, (bucket.ends_at_ms + 999) / 1000));
            return Standing { limit, remaining: 0, refused };
        }
        bucket.used += 1;
        Standing { limit, remaining: limit - bucket.used, refused: None }
    }

    /// Starts every window anew.
    pub(crate) fn reset(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Standing {
    /// The headers that show it.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers =
            vec![("X-RateLimit-Limit", self.limit.to_string()), ("X-RateLimit-Remaining", self.remaining.to_string())];
        if let Some((wait_s, ends_at)) = self.refused {
            headers.push(("Retry-After", wait_s.to_string()));
            headers.push(("X-RateLimit-Reset", ends_at.to_string()));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_opens_with_its_first_request_and_is_fixed() {
        let throttle = Throttle::default();
        let at = |second| Timestamp::from_second(second).expect("time");
        let hit = |second| throttle.hit(Counted::User(1, Api::Application), 2, 60, at(second));
        assert_eq!(hit(100).remaining, 1);
        assert_eq!(hit(150).remaining, 0);
        assert_eq!(hit(151).refused, Some((9, 160)));
        assert_eq!(hit(160).remaining, 1);
    }
}
