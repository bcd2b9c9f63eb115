use std::time::Duration;

use aviary_domain::access::{Limit, Limits, identity_of};
use aviary_kernel::base::{Env, Timestamp};
use proptest::prelude::*;

const FIVE: Limit = Limit::new("five", 5, Duration::from_secs(60));

fn limits() -> (Limits, std::sync::Arc<aviary_kernel::base::ManualClock>) {
    let (env, clock) = Env::manual(Timestamp::from_seconds(1_000));
    (Limits::new(env), clock)
}

#[test]
fn a_bucket_starts_full_and_refills_all_the_time() {
    let (limits, clock) = limits();
    for left in (0..5).rev() {
        let verdict = limits.take(FIVE, "ada");
        assert!(verdict.allowed && verdict.remaining == left && verdict.retry_after_s == 0, "{verdict:?}");
    }
    let refused = limits.take(FIVE, "ada");
    assert_eq!((refused.allowed, refused.limit, refused.remaining), (false, 5, 0));
    assert_eq!((refused.retry_after_s, refused.reset_unix_s), (12, 1_060));
    assert!(limits.take(FIVE, "bea").allowed, "others are not concerned");
    assert!(limits.take(Limit::new("other", 5, Duration::from_secs(60)), "ada").allowed, "nor are other limits");
    clock.advance_s(11);
    assert!(!limits.take(FIVE, "ada").allowed);
    clock.advance_s(1);
    assert!(limits.take(FIVE, "ada").allowed);
    clock.advance_s(3_600);
    assert_eq!(limits.peek(FIVE, "ada").remaining, 5, "never more than full");
}

#[test]
fn a_look_takes_nothing() {
    let (limits, _) = limits();
    for _ in 0..10 {
        assert_eq!(limits.peek(FIVE, "ada").remaining, 5);
    }
    assert!(limits.is_empty());
}

#[test]
fn a_limit_of_nothing_still_lets_one_through() {
    let (limits, _) = limits();
    let none = Limit::new("none", 0, Duration::ZERO);
    assert!(limits.take(none, "ada").allowed);
    assert_eq!(limits.take(none, "ada").retry_after_s, 1);
}

#[test]
fn a_smaller_limit_counts_at_once() {
    let (limits, _) = limits();
    limits.take(FIVE.of(1_000), "key");
    assert_eq!(limits.peek(FIVE.of(10), "key").remaining, 10);
    assert_eq!(limits.peek(FIVE.of(10), "key").limit, 10);
}

#[test]
fn many_strangers_do_not_fill_the_memory_and_the_newest_are_known() {
    let (env, clock) = Env::manual(Timestamp::from_seconds(1_000));
    let limits = Limits::holding(env, 100);
    for n in 0..1_000 {
        assert!(limits.take(FIVE, &format!("stranger {n}")).allowed);
        assert!(limits.len() <= 100);
        clock.advance(Duration::from_millis(1));
    }
    assert_eq!(limits.peek(FIVE, "stranger 999").remaining, 4);
    assert_eq!(limits.peek(FIVE, "stranger 0").remaining, 5, "the oldest was forgotten");
    clock.advance_s(600);
    limits.take(FIVE, "one more");
    assert_eq!(limits.len(), 1, "full buckets are dropped");
}

#[test]
fn addresses_count_by_what_one_holder_holds() {
    let of = |text: &str| identity_of(Some(text.parse().unwrap()));
    assert_eq!(of("192.0.2.7"), "192.0.2.7");
    assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
    assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(identity_of(None), "unknown");
}

proptest! {
    #[test]
    fn no_more_passes_than_the_capacity_and_the_share_of_the_time(
        capacity in 1_u32..50, window_ms in 1_u64..100_000, steps in proptest::collection::vec(0_u64..5_000, 1..200)
    ) {
        let (limits, clock) = limits();
        let limit = Limit::new("any", capacity, Duration::from_millis(window_ms));
        let (mut passed, mut elapsed) = (0_u64, 0_u64);
        for step in steps {
            clock.advance(Duration::from_millis(step));
            elapsed += step;
            passed += u64::from(limits.take(limit, "ada").allowed);
            prop_assert!(passed <= u64::from(capacity) + elapsed * u64::from(capacity) / window_ms);
        }
    }

    #[test]
    fn the_time_to_wait_is_true(
        capacity in 1_u32..50, window_ms in 1_u64..4_000_000, start in 0_u64..10_000, idle in 0_u64..2_000
    ) {
        let (limits, clock) = limits();
        clock.advance(Duration::from_millis(start));
        let limit = Limit::new("any", capacity, Duration::from_millis(window_ms));
        // A fast limit may refill in between; here the clock stands.
        while limits.take(limit, "ada").allowed {}
        clock.advance(Duration::from_millis(idle));
        let verdict = limits.take(limit, "ada");
        if !verdict.allowed {
            prop_assert!(verdict.retry_after_s >= 1);
            let peeked = limits.peek(limit, "ada");
            prop_assert_eq!(peeked, verdict);
            if verdict.retry_after_s > 1 {
                clock.advance_s(verdict.retry_after_s - 1);
                prop_assert!(!limits.peek(limit, "ada").allowed, "nobody waits a second too long");
                clock.advance_s(1);
            } else {
                clock.advance_s(1);
            }
            prop_assert!(limits.take(limit, "ada").allowed);
        }
        let verdict = limits.peek(limit, "ada");
        let now_s = 1_000 + i64::try_from(start + idle).unwrap() / 1_000;
        clock.advance_s(u64::try_from(verdict.reset_unix_s - now_s).unwrap());
        prop_assert_eq!(limits.peek(limit, "ada").remaining, capacity);
    }

    #[test]
    fn memory_stays_bounded(names in proptest::collection::vec(0_u16..500, 1..400), most in 1_usize..20) {
        let (env, clock) = Env::manual(Timestamp::from_seconds(1_000));
        let limits = Limits::holding(env, most);
        for name in names {
            clock.advance(Duration::from_millis(u64::from(name)));
            limits.take(FIVE, &name.to_string());
            prop_assert!(limits.len() <= most);
        }
    }
}

#[test]
fn who_is_forgiven_begins_anew_and_nobody_else() {
    let (limits, _) = limits();
    for _ in 0..5 {
        assert!(limits.take(FIVE, "ada").allowed && limits.take(FIVE, "bob").allowed);
    }
    limits.forgive(FIVE, "ada");
    limits.forgive(FIVE, "cyd");
    assert_eq!((limits.peek(FIVE, "ada").remaining, limits.peek(FIVE, "bob").remaining), (5, 0));
}
