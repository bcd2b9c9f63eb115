//! What a search finds from now on, as it is committed.

use std::collections::VecDeque;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Data;
use aviary_domain::access::Caller;
use aviary_domain::search::{Asked, Hit, Order, Place, Search, Seat, Sight, Subject};
use aviary_kernel::base::{Env, Result, Timestamp};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde_json::json;

use super::view::HitView;
use super::{pairs, read, sight_of};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, Problem, ProblemView};
use crate::recognise::Recogniser;
use crate::sse;

/// Nobody can read faster, and a busy file changes a hundred times a second.
const PAUSE: Duration = Duration::from_millis(300);
/// Hits of one round.
const PAGE: usize = 100;
/// What is committed may have happened a little before what was committed already: so far back is looked again.
const SLACK: Duration = Duration::from_secs(10);
/// Who was away for longer begins anew.
const LONGEST_GAP: Duration = Duration::from_secs(3600);
/// Who finds all seats taken may ask again after so many seconds.
const RETRY_S: u64 = 30;
/// Hits that are remembered, so that none is sent twice.
const REMEMBERED: usize = 5000;

/// Follow what a search finds
///
/// Server-sent events: `hit` with each new record that fits, oldest first, as soon as it can be found; objects too when kinds of
/// them are asked for, whenever they change. `doubts` with what of the question made no sense, `gap` when so much was missed
/// that it is left out, `end` when the session or key is no longer good; a comment every 15 seconds. Each `hit` has an id:
/// `Last-Event-ID`, or `last` in the address, goes on behind it. The key may stand in the address as `token`.
#[utoipa::path(get, path = "/api/v1/search/tail", tag = "search", params(
    ("q" = Option<String>, Query, description = "As for the search"),
    ("kind" = Option<Vec<String>>, Query),
    ("panel" = Option<u32>, Query),
    ("zone" = Option<String>, Query),
    ("last" = Option<String>, Query, description = "The id of an event"),
    ("token" = Option<String>, Query),
), responses(
    (status = 200, description = "A stream of events", body = super::view::HitView, content_type = "text/event-stream"),
    (status = 429, description = "Very many follow already", body = ProblemView),
))]
pub(crate) async fn tail(
    search: Data<Search>,
    env: Data<Env>,
    recogniser: Data<Recogniser>,
    caller: Allow<perm::Following<perm::Known>>,
    request: HttpRequest,
) -> ApiResult {
    let pairs = pairs(request.query_string());
    let wanted = read(&pairs, env.now(), None);
    let header = request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    let named = || pairs.iter().find(|(name, _)| name == "last").map(|(_, value)| value.as_str());
    let last = header.or_else(named).and_then(Mark::read);
    let doubts = wanted.doubts;
    let Some(seat) = search.seat() else { return Err(Problem::too_many_follow(RETRY_S)) };
    let mut tail = Tail::new(search, recogniser, caller.caller, wanted.asked, last, (env.now(), seat));
    if last.is_none() {
        // What is there by now is not new, even when it came at this very moment.
        tail.look().await?;
    }
    Ok(sse::answer(follow(tail, doubts)))
}

/// How far somebody has come: the time of a hit, and which of those of that time it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    at: Timestamp,
    place: u64,
}

impl Mark {
    fn of(at: Timestamp, place: &Place) -> Self {
        Self { at, place: number_of(place) }
    }

    fn read(text: &str) -> Option<Self> {
        let (at, place) = text.trim().split_once('-')?;
        Some(Self { at: Timestamp::from_millis(at.parse().ok()?), place: u64::from_str_radix(place, 16).ok()? })
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{:x}", self.at.millis(), self.place)
    }
}

/// Tells places apart, the same in every run of the program (FNV-1a).
fn number_of(place: &Place) -> u64 {
    format!("{place:?}")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A search that is followed.
struct Tail {
    search: Data<Search>,
    recogniser: Data<Recogniser>,
    caller: Caller,
    asked: Asked,
    /// Nothing before this is sent.
    floor: Timestamp,
    /// Up to here everything was sent, save what is committed late.
    upto: Timestamp,
    /// What was sent or passed over since a little before that, oldest first.
    seen: VecDeque<Mark>,
    /// Where the follower was before: what stands up to there is passed over.
    last: Option<Mark>,
    has_gap: bool,
    /// Taken until it ends.
    _seat: Seat,
}

impl Tail {
    fn new(
        search: Data<Search>,
        recogniser: Data<Recogniser>,
        caller: Caller,
        asked: Asked,
        last: Option<Mark>,
        (now, seat): (Timestamp, Seat),
    ) -> Self {
        let oldest = now.minus(LONGEST_GAP);
        let floor = last.map_or(now, |mark| mark.at.max(oldest).min(now));
        let asked = Asked {
            since: None,
            until: None,
            after: None,
            order: Order::Oldest,
            limit: PAGE,
            facets: false,
            histogram: false,
            ..asked
        };
        let has_gap = last.is_some_and(|mark| mark.at < oldest);
        Self {
            search,
            recogniser,
            caller,
            asked,
            floor,
            upto: floor,
            seen: VecDeque::new(),
            last: last.filter(|_| !has_gap),
            has_gap,
            _seat: seat,
        }
    }

    /// Looks again who follows; whether they still may.
    async fn is_let_in(&mut self) -> bool {
        match self.recogniser.still(&self.caller).await {
            Ok(Some(caller)) if !caller.lacks_second_factor => {
                self.caller = caller;
                true
            }
            _ => false,
        }
    }

    /// The events of what is new.
    async fn look(&mut self) -> Result<Vec<Bytes>> {
        let sight = sight_of(&self.caller);
        let Some(subjects) = subjects(&self.asked, &sight) else { return Ok(Vec::new()) };
        let since = Some(self.upto.minus(SLACK).max(self.floor));
        let mut asked = Asked { subjects, since, ..self.asked.clone() };
        let mut events = Vec::new();
        loop {
            let found = self.search.find(asked.clone(), sight.clone()).await?;
            events.extend(self.fresh(found.hits));
            match found.next {
                // What is left is sent in the next round: the beginning has moved on by then.
                Some(next) if events.len() < PAGE => asked.after = Some(next),
                _ => break,
            }
        }
        self.forget();
        Ok(events)
    }

    /// Of some hits, those that were not sent yet.
    fn fresh(&mut self, hits: Vec<Hit>) -> Vec<Bytes> {
        let dated: Vec<(Mark, Hit)> =
            hits.into_iter().filter_map(|hit| Some((Mark::of(hit.at?, &hit.place), hit))).collect();
        // Of those that happened at the very same time, the follower has all up to the last one.
        let passed =
            self.last.take().map_or(0, |last| dated.iter().position(|(mark, _)| *mark == last).map_or(0, |n| n + 1));
        let mut events = Vec::new();
        for (n, (mark, hit)) in dated.into_iter().enumerate() {
            if self.seen.contains(&mark) {
                continue;
            }
            self.seen.push_back(mark);
            self.upto = self.upto.max(mark.at);
            if n >= passed {
                events.push(sse::placed("hit", &mark, &HitView::from(hit)));
            }
        }
        events
    }

    fn forget(&mut self) {
        let since = self.upto.minus(SLACK);
        self.seen.retain(|mark| mark.at >= since);
        let too_many = self.seen.len().saturating_sub(REMEMBERED);
        self.seen.drain(..too_many);
    }
}

/// What is followed: what is asked for, or else everything on record; none when nothing of it may be seen.
fn subjects(asked: &Asked, sight: &Sight) -> Option<Vec<Subject>> {
    let wanted: Vec<_> = if asked.subjects.is_empty() {
        sight.subjects().iter().copied().filter(|subject| !subject.is_object()).collect()
    } else {
        asked.subjects.iter().copied().filter(|subject| sight.sees(*subject)).collect()
    };
    (!wanted.is_empty()).then_some(wanted)
}

/// The events of a tail. It ends when the follower is let in no longer, the index cannot be asked, or Aviary stops.
fn follow(tail: Tail, doubts: Vec<String>) -> impl Stream<Item = Bytes> {
    let changes = tail.search.watch();
    let mut first = vec![sse::sign_of_life()];
    if !doubts.is_empty() {
        first.push(sse::event("doubts", &doubts));
    }
    if tail.has_gap {
        first.push(sse::event("gap", &json!({ "since": tail.floor })));
    }
    stream::unfold(Some((tail, changes, first)), |state| async move {
        let (mut tail, mut changes, waiting) = state?;
        if !waiting.is_empty() {
            return Some((Bytes::from(waiting.concat()), Some((tail, changes, Vec::new()))));
        }
        loop {
            // Seen before it is looked, so that what comes meanwhile is looked at again.
            changes.mark_unchanged();
            if tail.search.is_stopping() {
                return None;
            }
            if !tail.is_let_in().await {
                return Some((sse::event("end", &json!({ "why": "you are no longer signed in" })), None));
            }
            let events = tail.look().await.ok()?;
            tokio::time::sleep(PAUSE).await;
            if !events.is_empty() {
                return Some((Bytes::from(events.concat()), Some((tail, changes, Vec::new()))));
            }
            match tokio::time::timeout(sse::HEARTBEAT, changes.changed()).await {
                Err(_) => return Some((sse::sign_of_life(), Some((tail, changes, Vec::new())))),
                Ok(Err(_)) => return None,
                Ok(Ok(())) => {}
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_and_what_is_none_is_not_taken() {
        let mark = Mark::of(Timestamp::from_millis(1_773_478_867_123), &Place::Audit(7));
        assert_eq!(Mark::read(&mark.to_string()), Some(mark));
        for bad in ["", "7", "-", "x-1", "1-x", "1773478867123"] {
            assert_eq!(Mark::read(bad), None, "{bad}");
        }
    }
}
