//! How often a password may be wrong. Counted by address, whether or not there is an account for it.

use std::net::IpAddr;
use std::time::Duration;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Account, Email, Lockout, TokenHash};
use aviary_kernel::store::tables::LOCKOUTS;
use aviary_kernel::store::{Read, WriteTx};

use super::sessions;
use crate::accounts::{lockout_key, lockout_key_at};

/// Wrong tries from so long ago no longer count.
pub(super) const FADES_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Every so many wrong tries in a row.
const LOCK_EVERY: u32 = 5;

/// What stands between a try and the password: the count that is kept for it.
pub(super) struct Gate {
    key: TokenHash,
    state: Lockout,
}

impl Gate {
    /// The gate for a try at this address. Where its owner is signed in already has a count of its own, so that nobody can
    /// lock them out from elsewhere.
    pub(super) fn of(
        reader: &impl Read,
        email: &Email,
        account: Option<&Account>,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Self> {
        let known = match (account, from) {
            (Some(account), Some(from)) if sessions::is_at(reader, account.id, from, now)? => Some(from),
            _ => None,
        };
        let key = known.map_or_else(|| lockout_key(email), |known| lockout_key_at(email, known));
        let state = reader.get(LOCKOUTS, &key)?.filter(|state| now.since(state.last_at) < FADES_AFTER);
        Ok(Self { key, state: state.unwrap_or_default() })
    }

    /// Seconds until the next try is taken; none when it is taken now.
    pub(super) fn wait_s(&self, now: Timestamp) -> Option<u64> {
        let left = self.state.until?.since(now);
        (!left.is_zero()).then(|| left.as_secs() + u64::from(left.subsec_nanos() > 0))
    }

    /// Counts a wrong try. Until when the gate is shut, if this try shut it.
    pub(super) fn count(&self, tx: &mut WriteTx<'_>, now: Timestamp) -> Result<Option<Timestamp>> {
        let failures = self.state.failures.saturating_add(1);
        let shut = lasts(failures).map(|lasts| now.plus(lasts));
        tx.put(LOCKOUTS, &self.key, &Lockout { failures, last_at: now, until: shut })?;
        Ok(shut)
    }

    /// Forgets the wrong tries.
    pub(super) fn clear(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.remove(LOCKOUTS, &self.key).map(drop)
    }
}

/// How long nobody may try after so many wrong tries.
fn lasts(failures: u32) -> Option<Duration> {
    let minutes = match failures {
        n if n == 0 || n % LOCK_EVERY != 0 => return None,
        LOCK_EVERY => 5,
        n if n == 2 * LOCK_EVERY => 30,
        _ => 60,
    };
    Some(Duration::from_secs(minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fifth_wrong_try_shuts_the_gate_for_longer() {
        let minutes = |failures| lasts(failures).map(|lasts| lasts.as_secs() / 60);
        assert_eq!([1, 4, 6, 14].map(minutes), [None; 4]);
        assert_eq!([5, 10, 15, 20, 25].map(minutes), [Some(5), Some(30), Some(60), Some(60), Some(60)]);
    }
}
