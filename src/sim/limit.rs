//! Rate limits: buckets with a fixed window that starts with the first request in it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Shown as the limit when none was asked for.
const OUT_OF_REACH: u32 = 1_000_000_000;

/// The limit as the headers show it.
pub(crate) fn shown(limit: u32) -> u32 {
    if limit == 0 { OUT_OF_REACH } else { limit }
}

/// Buckets beyond which those whose window is over are thrown away.
const KEPT: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    ends_at_ms: i64,
    used: u32,
}

/// All buckets. Requests with the same `K` are counted together.
#[derive(Debug)]
pub(crate) struct Throttle<K>(Mutex<HashMap<K, Bucket>>);

impl<K> Default for Throttle<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// How a request stands with its limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// Requests per window.
    pub(crate) limit: u32,
    /// How many are left after this one.
    pub(crate) remaining: u32,
    /// When the window ends, in Unix milliseconds.
    pub(crate) ends_at_ms: i64,
    /// Milliseconds until then.
    pub(crate) wait_ms: i64,
    /// This one was too many.
    pub(crate) refused: bool,
}

impl<K: Eq + Hash> Throttle<K> {
    /// Counts one request. `limit` 0 counts but never refuses.
    pub(crate) fn hit(&self, counted: K, limit: u32, window_ms: i64, now: Timestamp) -> Standing {
        let limit = shown(limit);
        let now_ms = now.as_millisecond();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEPT {
            buckets.retain(|_, bucket| bucket.ends_at_ms > now_ms);
        }
        let fresh = Bucket { ends_at_ms: now_ms + window_ms, used: 0 };
        let bucket = buckets.entry(counted).or_insert(fresh);
        if bucket.ends_at_ms <= now_ms {
            *bucket = fresh;
        }
        let refused = bucket.used >= limit;
        if !refused {
            bucket.used += 1;
        }
        let ends_at_ms = bucket.ends_at_ms;
        Standing { limit, remaining: limit - bucket.used, ends_at_ms, wait_ms: ends_at_ms - now_ms, refused }
    }

    /// Starts every window anew.
    pub(crate) fn reset(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Standing {
    /// Whole seconds until the window ends. Rounded up: coming back exactly then must work.
    pub(crate) fn wait_s(&self) -> i64 {
        (self.wait_ms + 999) / 1000
    }

    /// The end of the window as Unix time, rounded up.
    pub(crate) fn ends_at_s(&self) -> i64 {
        (self.ends_at_ms + 999) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_opens_with_its_first_request_and_is_fixed() {
        let throttle = Throttle::default();
        let at = |second| Timestamp::from_second(second).expect("time");
        let hit = |second| throttle.hit("somebody", 2, 60_000, at(second));
        assert_eq!(hit(100).remaining, 1);
        assert_eq!(hit(150).remaining, 0);
        let refused = hit(151);
        assert_eq!((refused.refused, refused.wait_s(), refused.ends_at_s()), (true, 9, 160));
        assert_eq!(hit(160).remaining, 1);
    }
}
