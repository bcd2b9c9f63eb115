//! How often somebody may ask: buckets of tokens, in memory. A bucket starts full and refills all the time; each request
//! takes a token.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aviary_kernel::base::Env;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Buckets that are kept at most; one takes about 40 bytes.
const MOST_BUCKETS: usize = 50_000;
/// How often buckets that are full again are dropped.
const SWEEP_EVERY_MS: i64 = 5 * 60 * 1000;

/// So many requests in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is limited; with the identity it names a bucket.
    pub name: &'static str,
    /// Requests at once; at least one.
    pub capacity: u32,
    /// The time in which an empty bucket fills.
    pub window: Duration,
}

impl Limit {
    /// Tries to sign in, by address; how many, a setting says.
    pub const SIGN_IN_BY_ADDRESS: Self = Self::new("sign-in-address", 10, MINUTE);
    /// Registrations, by address.
    pub const REGISTER: Self = Self::new("register", 5, HOUR);
    /// Links asked for by mail, by address.
    pub const ASK_LINK_BY_ADDRESS: Self = Self::new("ask-link-address", 5, minutes(15));
    /// Letters of a kind, by e-mail address they go to.
    pub const LETTERS_TO: Self = Self::new("letters-to", 3, minutes(15));
    /// Letters that somebody causes, by address they come from.
    pub const LETTERS_BY_ADDRESS: Self = Self::new("letters-address", 20, minutes(15));
    /// Passwords that somebody who is signed in gives once more, by e-mail address; a right one gives all of them back.
    pub const CONFIRMATIONS: Self = Self::new("confirmations", 10, minutes(15));
    /// Links opened, by address.
    pub const REDEEM: Self = Self::new("redeem", 20, minutes(15));
    /// Refresh tokens exchanged, by address: many people may share one.
    pub const REFRESH: Self = Self::new("refresh", 600, HOUR);
    /// Requests of nobody that is known, by address; how many, a setting says.
    pub const REQUESTS_BY_ADDRESS: Self = Self::new("requests-address", 600, MINUTE);
    /// Requests of a person; how many, a setting says.
    pub const REQUESTS_BY_PERSON: Self = Self::new("requests-person", 600, MINUTE);
    /// Requests with an API key; how many, the key or a setting says.
    pub const REQUESTS_BY_API_KEY: Self = Self::new("requests-key", 600, MINUTE);
    /// API keys that are not good, by address; to be looked at before a key is.
    pub const BAD_API_KEYS: Self = Self::new("bad-keys", 20, MINUTE);

    /// So many in this time.
    pub const fn new(name: &'static str, capacity: u32, window: Duration) -> Self {
        Self { name, capacity, window }
    }

    /// The same with another capacity.
    #[must_use]
    pub const fn of(self, capacity: u32) -> Self {
        Self { capacity, ..self }
    }

    /// Tokens a bucket holds, in the unit in which one millisecond brings `capacity`: exact, without fractions.
    fn full(self) -> u64 {
        self.rate() * self.token()
    }

    /// One token, in that unit.
    fn token(self) -> u64 {
        u64::try_from(self.window.as_millis()).unwrap_or(u64::from(u32::MAX)).clamp(1, u64::from(u32::MAX))
    }

    /// What one millisecond brings, in that unit.
    fn rate(self) -> u64 {
        u64::from(self.capacity.max(1))
    }

    /// Milliseconds until this much has come, rounded up.
    fn wait_ms(self, amount: u64) -> u64 {
        amount.div_ceil(self.rate())
    }
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// Whether a request may go on, and what the caller should know of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// It may.
    pub allowed: bool,
    /// Requests that a full bucket allows.
    pub limit: u32,
    /// Whole tokens that are left.
    pub remaining: u32,
    /// When the bucket is full again, in seconds since 1970.
    pub reset_unix_s: i64,
    /// Seconds until a refused request finds a token; 0 when it was allowed.
    pub retry_after_s: u64,
}

/// The buckets. Clones share them.
#[derive(Clone)]
pub struct Limits {
    env: Env,
    buckets: Arc<Mutex<Buckets>>,
    most: usize,
    names: RandomState,
}

#[derive(Default)]
struct Buckets {
    // By a keyed hash of name and identity: what callers send takes no room here.
    by_name: HashMap<u64, Bucket>,
    swept_at: i64,
}

#[derive(Clone, Copy)]
struct Bucket {
    level: u64,
    /// When the level was right.
    at: i64,
    /// When it will be full; from then on it is as if it had never been.
    full_at: i64,
}

impl Limits {
    /// No buckets yet: everybody has all their tokens.
    pub fn new(env: Env) -> Self {
        Self::holding(env, MOST_BUCKETS)
    }

    /// The same with another number of buckets that are kept at most.
    pub fn holding(env: Env, most: usize) -> Self {
        Self { env, buckets: Arc::default(), most: most.max(1), names: RandomState::new() }
    }

    /// Takes a token of `identity`, when there is one.
    pub fn take(&self, limit: Limit, identity: &str) -> Verdict {
        let (name, now) = (self.name(limit, identity), self.env.now().millis());
        let mut buckets = self.lock();
        if now - buckets.swept_at >= SWEEP_EVERY_MS || now < buckets.swept_at {
            buckets.sweep(now);
        }
        let level = buckets.level(name, limit, now);
        let Some(left) = level.checked_sub(limit.token()) else { return verdict(limit, level, now, false) };
        if buckets.by_name.len() >= self.most && !buckets.by_name.contains_key(&name) {
            buckets.make_room(now, self.most);
        }
        let full_at = now.saturating_add_unsigned(limit.wait_ms(limit.full() - left));
        buckets.by_name.insert(name, Bucket { level: left, at: now, full_at });
        verdict(limit, left, now, true)
    }

    /// Gives `identity` all its tokens back.
    pub fn forgive(&self, limit: Limit, identity: &str) {
        let name = self.name(limit, identity);
        self.lock().by_name.remove(&name);
    }

    /// What [`Limits::take`] would say, without taking: `remaining` is what is there now.
    pub fn peek(&self, limit: Limit, identity: &str) -> Verdict {
        let (name, now) = (self.name(limit, identity), self.env.now().millis());
        let level = self.lock().level(name, limit, now);
        verdict(limit, level, now, level >= limit.token())
    }

    /// Buckets that are held at present.
    pub fn len(&self) -> usize {
        self.lock().by_name.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn name(&self, limit: Limit, identity: &str) -> u64 {
        self.names.hash_one((limit.name, limit.token(), identity))
    }

    fn lock(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buckets {
    fn level(&mut self, name: u64, limit: Limit, now: i64) -> u64 {
        let Some(bucket) = self.by_name.get_mut(&name) else { return limit.full() };
        // A clock that was set back brings nothing, and holds nothing up.
        if now < bucket.at {
            bucket.full_at = now.saturating_add(bucket.full_at - bucket.at);
            bucket.at = now;
        }
        let passed = u64::try_from(now - bucket.at).unwrap_or(0);
        bucket.level.saturating_add(passed.saturating_mul(limit.rate())).min(limit.full())
    }

    fn sweep(&mut self, now: i64) {
        self.by_name.retain(|_, bucket| bucket.full_at > now);
        self.swept_at = now;
    }

    /// Drops what is full, and when that is not enough, the tenth that was used longest ago.
    fn make_room(&mut self, now: i64, most: usize) {
        self.sweep(now);
        if self.by_name.len() < most {
            return;
        }
        let mut ages: Vec<(i64, u64)> = self.by_name.iter().map(|(name, bucket)| (bucket.at, *name)).collect();
        let going = (most / 10).max(1).min(ages.len());
        ages.select_nth_unstable(going - 1);
        for (_, name) in &ages[..going] {
            self.by_name.remove(name);
        }
    }
}

fn verdict(limit: Limit, level: u64, now: i64, allowed: bool) -> Verdict {
    let seconds = |ms: u64| ms.div_ceil(1000);
    let full_at = now.saturating_add_unsigned(limit.wait_ms(limit.full() - level));
    let missing = if allowed { 0 } else { limit.token().saturating_sub(level) };
    Verdict {
        allowed,
        limit: limit.capacity.max(1),
        remaining: u32::try_from(level / limit.token()).unwrap_or(u32::MAX),
        reset_unix_s: full_at.div_euclid(1000) + i64::from(full_at.rem_euclid(1000) > 0),
        retry_after_s: seconds(limit.wait_ms(missing)),
    }
}

/// Who an address counts as: one who holds an IPv6 address holds its whole /64, and an IPv4 address stays one in IPv6
/// clothes. No address at all counts as one.
pub fn identity_of(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        None => "unknown".into(),
        Some(IpAddr::V4(v4)) => v4.to_string(),
        Some(IpAddr::V6(v6)) => format!("{}/64", Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
    }
}
