//! Keeps requests within what a panel allows.
//!
//! Panels count in fixed windows of a minute and tell the limit and what is left of it with each answer. Two rules hold: in
//! any minute we send at most our share of the limit, by our own count, and we leave alone the rest of what the panel says is
//! left, because others draw on the same allowance. As long as both hold nothing waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The panel's window, and a little for clocks that differ.
const WINDOW: Duration = Duration::from_secs(61);
/// Requests are counted in steps of this length.
const STEP: Duration = Duration::from_millis(250);
/// Requests in flight while the limit is not known.
const CAUTIOUS: u32 = 4;
/// The longest pause that a panel can impose.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// The pause after a refusal that names none.
const USUAL_PAUSE: Duration = Duration::from_secs(60);

/// What an answer says about the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Requests a minute.
    pub(crate) limit: Option<u32>,
    /// How many are left.
    pub(crate) remaining: Option<u32>,
}

/// What a pacer has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) requests: u64,
    pub(crate) limit: Option<u32>,
    pub(crate) remaining: Option<u32>,
    pub(crate) waited: Duration,
    pub(crate) too_many: u64,
    /// When the next request may be sent, as far as one waits for that.
    pub(crate) waits_until: Option<Instant>,
}

/// Hands out turns to send a request.
pub(crate) struct Pacer {
    share_percent: u8,
    /// Taken for the limit while the panel tells none.
    assumed_limit: u32,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    pace: Pace,
    in_flight: u32,
    /// When requests were sent within the window, in steps.
    sent: VecDeque<(Instant, u32)>,
    in_window: u32,
    /// What the panel last said is left, until when that can be true at most.
    left: Option<(u32, Instant)>,
    paused_until: Option<Instant>,
}

enum Decision {
    Go,
    At(Instant),
    AfterAnAnswer,
}

/// The right to send one request. Tell the answer with [`Turn::answered`]; without it the turn just ends.
pub(crate) struct Turn {
    pacer: Arc<Pacer>,
}

impl Pacer {
    /// A pacer that uses `share_percent` of a limit that is `assumed_limit` until the panel tells it.
    pub(crate) fn new(share_percent: u8, assumed_limit: u32) -> Arc<Self> {
        let share_percent = share_percent.clamp(1, 100);
        Arc::new(Self { share_percent, assumed_limit, state: Mutex::default(), changed: Notify::new() })
    }

    /// Waits until a request may be sent.
    pub(crate) async fn turn(self: &Arc<Self>) -> Turn {
        let asked = Instant::now();
        loop {
            // Registered before the look at the state, so that no change is missed in between.
            let changed = self.changed.notified();
            let decision = self.state().decide(Instant::now(), self.share_percent, self.assumed_limit);
            match decision {
                Decision::Go => {
                    let mut state = self.state();
                    state.pace.waited += asked.elapsed();
                    state.pace.waits_until = None;
                    drop(state);
                    return Turn { pacer: self.clone() };
                }
                Decision::AfterAnAnswer => changed.await,
                Decision::At(when) => {
                    self.state().pace.waits_until = Some(when);
                    tokio::select! {
                        () = sleep_until(when) => {}
                        () = changed => {}
                    }
                }
            }
        }
    }

    /// What was seen so far.
    pub(crate) fn pace(&self) -> Pace {
        self.state().pace
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held cannot leave the counters worse than approximate.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Turn {
    /// Tells what came back; `None` when nothing did.
    pub(crate) fn answered(self, allowance: Allowance) {
        self.pacer.state().learn(allowance, Instant::now());
    }

    /// Tells that the panel refused for too many requests; all requests wait for as long as it said.
    pub(crate) fn refused(self, allowance: Allowance, pause: Option<Duration>) {
        let now = Instant::now();
        let mut state = self.pacer.state();
        state.learn(allowance, now);
        state.pace.too_many += 1;
        let until = now + pause.unwrap_or(USUAL_PAUSE).min(LONGEST_PAUSE);
        state.paused_until = Some(state.paused_until.map_or(until, |other| other.max(until)));
        // The pause is as long as the window lasts; what is left is only known after it.
        state.left = None;
        drop(state);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.pacer.state().in_flight -= 1;
        self.pacer.changed.notify_waiters();
    }
}

impl State {
    /// Whether a request may go now; counts it when so.
    fn decide(&mut self, now: Instant, share_percent: u8, assumed_limit: u32) -> Decision {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Decision::At(until);
        }
        self.forget_old(now);
        let limit = self.pace.limit.unwrap_or(assumed_limit);
        let ours = share_of(limit, share_percent);
        if self.in_window >= ours {
            let oldest = self.sent.front().map_or(now, |(at, _)| *at);
            return Decision::At(oldest + WINDOW + STEP);
        }
        match self.left {
            Some((left, until)) if left < (limit - ours) + self.in_flight + 1 => return Decision::At(until),
            // After a window nobody knows what is left: a few requests find out.
            None if self.in_flight >= CAUTIOUS => return Decision::AfterAnAnswer,
            _ => {}
        }
        self.count(now);
        Decision::Go
    }

    fn count(&mut self, now: Instant) {
        self.pace.requests += 1;
        self.in_flight += 1;
        self.in_window += 1;
        match self.sent.back_mut() {
            Some((at, count)) if now < *at + STEP => *count += 1,
            _ => self.sent.push_back((now, 1)),
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((at, count)) = self.sent.front().copied()
            && at + WINDOW + STEP <= now
        {
            self.in_window -= count;
            self.sent.pop_front();
        }
        if self.left.is_some_and(|(_, until)| until <= now) {
            self.left = None;
        }
    }

    fn learn(&mut self, allowance: Allowance, now: Instant) {
        if allowance.limit.is_some_and(|limit| limit > 0) {
            self.pace.limit = allowance.limit;
        }
        let Some(remaining) = allowance.remaining else { return };
        self.pace.remaining = Some(remaining);
        if self.paused_until.is_some_and(|until| until > now) {
            // Belongs to the window that the panel just closed.
            return;
        }
        self.left = Some(match self.left {
            // Answers overtake each other, so a slightly larger number is an older one and the window is the same.
            Some((left, until)) if remaining <= left.saturating_add(2 * CAUTIOUS) => (left.min(remaining), until),
            _ => (remaining, now + WINDOW),
        });
    }
}

fn share_of(limit: u32, share_percent: u8) -> u32 {
    let share = u64::from(limit) * u64::from(share_percent) / 100;
    u32::try_from(share).unwrap_or(limit).max(1).min(limit.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(limit: u32, remaining: u32) -> Allowance {
        Allowance { limit: Some(limit), remaining: Some(remaining) }
    }

    async fn send(pacer: &Arc<Pacer>, answer: Allowance) -> Duration {
        let before = Instant::now();
        pacer.turn().await.answered(answer);
        before.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_within_the_share_does_not_wait() {
        let pacer = Pacer::new(80, 240);
        for n in 0..192 {
            assert_eq!(send(&pacer, said(240, 239 - n)).await, Duration::ZERO, "request {n}");
        }
        assert_eq!(pacer.pace().waited, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_share_is_used_up_once_a_minute() {
        let pacer = Pacer::new(50, 240);
        for n in 0..10 {
            send(&pacer, said(20, 19 - n)).await;
        }
        let waited = send(&pacer, said(20, 19)).await;
        assert!(waited >= Duration::from_secs(60) && waited < Duration::from_secs(63), "{waited:?}");
        assert_eq!(pacer.pace().requests, 11);
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_used_is_respected() {
        let pacer = Pacer::new(80, 240);
        send(&pacer, said(100, 22)).await;
        assert_eq!(send(&pacer, said(100, 21)).await, Duration::ZERO);
        assert_eq!(send(&pacer, said(100, 20)).await, Duration::ZERO);
        let waited = send(&pacer, said(100, 99)).await;
        assert!(waited >= Duration::from_secs(60), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn few_are_in_flight_while_the_limit_is_unknown() {
        let pacer = Pacer::new(80, 240);
        let mut turns = Vec::new();
        for _ in 0..CAUTIOUS {
            turns.push(pacer.turn().await);
        }
        let fifth = tokio::time::timeout(Duration::from_secs(5), pacer.turn()).await;
        assert!(fifth.is_err(), "a fifth request went out before any answer");
        turns.pop().expect("four turns").answered(said(240, 239));
        assert!(tokio::time::timeout(Duration::from_secs(1), pacer.turn()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_pauses_everybody_for_as_long_as_the_panel_said() {
        let pacer = Pacer::new(80, 240);
        pacer.turn().await.refused(said(240, 0), Some(Duration::from_secs(37)));
        assert_eq!(send(&pacer, said(240, 239)).await, Duration::from_secs(37));
        pacer.turn().await.refused(said(240, 0), Some(Duration::from_secs(9_999)));
        assert_eq!(send(&pacer, said(240, 239)).await, LONGEST_PAUSE);
        assert_eq!(pacer.pace().too_many, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_overtake_each_other_open_no_new_window() {
        let pacer = Pacer::new(50, 240);
        for left in [13, 11, 12, 10] {
            send(&pacer, said(20, left)).await;
        }
        assert!(send(&pacer, said(20, 19)).await >= Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panel_without_the_headers_is_given_an_assumed_limit() {
        let pacer = Pacer::new(50, 20);
        let started = Instant::now();
        for _ in 0..11 {
            send(&pacer, Allowance::default()).await;
        }
        assert!(started.elapsed() >= Duration::from_secs(60));
    }

    #[test]
    fn a_share_is_at_least_one_request() {
        assert_eq!(
            (share_of(240, 80), share_of(1, 80), share_of(0, 80), share_of(u32::MAX, 100)),
            (192, 1, 1, u32::MAX)
        );
    }
}
