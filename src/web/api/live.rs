//! What moves, for pages and front ends: one stream for everything somebody looks at.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::{Data, Query};
use aviary_domain::access::Caller;
use aviary_domain::jobs::{Jobs, Moves};
use aviary_domain::live::{Follower, Live, Mark, Moved, News, Topic};
use aviary_domain::sync::Syncs;
use aviary_kernel::model::{SyncRun, Who};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use utoipa::{IntoParams, ToSchema};

use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};
use crate::sse;

/// A stream ends after this, so that who follows is asked anew who they are.
const LONGEST: Duration = Duration::from_secs(300);
/// How often it is told at most that something is further.
const PAUSE: Duration = Duration::from_millis(400);
/// Nobody looks at more at once.
const MOST: usize = 40;

/// What is followed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LiveQuery {
    /// What to hear of, with commas between: topics such as `servers`, `jobs`, `syncs`, `audit`, or single things such as
    /// `servers/1/7` (panel and number), `syncs/<id>`, `jobs/<id>`.
    #[serde(default)]
    topics: String,
    /// Go on after this place, which came as the id of an event; the header `Last-Event-ID` counts first.
    after: Option<String>,
}

/// What is told first.
#[derive(Serialize, ToSchema)]
struct FollowingView {
    /// What is followed.
    following: Vec<String>,
    /// What is not, because it does not exist or the caller may not see it.
    ignored: Vec<String>,
}

/// How much of something moved.
#[derive(Serialize, ToSchema)]
pub(crate) struct MovedView {
    /// As it was asked for. With nothing counted it is further, such as a sync that goes on.
    topic: String,
    /// So many were not there before.
    new: u64,
    /// So many were there and are.
    changed: u64,
    /// So many are gone.
    gone: u64,
}

/// One of the things that are followed.
struct Wanted {
    text: String,
    topic: Topic,
    key: Option<String>,
}

/// What tells how far something is, between the changes that are on record.
enum Pulse {
    Sync(String, watch::Receiver<SyncRun>),
    Job(String, Box<Moves>),
    None,
}

struct Listener {
    follower: Follower,
    wanted: Vec<Wanted>,
    pulse: Pulse,
    caller: Caller,
    /// As of when the caller's rights are known.
    opened: Mark,
    until: Instant,
    first: Option<Bytes>,
}

/// Follow what moves
///
/// Server-sent events. `following` comes first. `moved` is a list of what moved since the event before; its id is the place to
/// go on from. `missed` means that more moved than is told: look at everything anew. A comment comes every 15 seconds. The
/// stream ends after five minutes, and at once when the rights of the caller may have changed; browsers come back by
/// themselves and miss nothing. The key may stand in the address as `token`.
#[utoipa::path(get, path = "/api/v1/live", tag = "live", params(LiveQuery, ("token" = Option<String>, Query)),
    responses(
        (status = 200, description = "A stream of events", body = [MovedView], content_type = "text/event-stream"),
        (status = 401, description = "Nobody is signed in", body = ProblemView),
    ))]
pub(crate) async fn live(
    live: Data<Live>,
    jobs: Data<Jobs>,
    syncs: Data<Syncs>,
    allowed: Allow<perm::Following<perm::SignedIn>>,
    query: Query<LiveQuery>,
    request: HttpRequest,
) -> ApiResult {
    let caller = allowed.caller;
    let (wanted, ignored) = wanted(&query.topics, &caller);
    let follower = live.follow(place(&request, &query)).await?;
    let opened = follower.mark();
    let following = FollowingView { following: wanted.iter().map(|one| one.text.clone()).collect(), ignored };
    let first = sse::event("following", &following);
    let pulse = Pulse::of(&wanted, &jobs, &syncs);
    let until = Instant::now() + LONGEST;
    Ok(sse::answer(told(Listener { follower, wanted, pulse, caller, opened, until, first: Some(first) })))
}

/// Where to go on; none = from now. Who was somewhere that makes no sense may have missed anything.
fn place(request: &HttpRequest, query: &LiveQuery) -> Option<Mark> {
    let header = request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    let given = header.or(query.after.as_deref()).map(str::trim).filter(|given| !given.is_empty())?;
    Some(given.parse().unwrap_or(Mark::UNKNOWN))
}

/// What is followed, and what is not.
fn wanted(topics: &str, caller: &Caller) -> (Vec<Wanted>, Vec<String>) {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut ignored = Vec::new();
    for text in topics.split(',').map(str::trim).filter(|text| !text.is_empty()).take(MOST) {
        let (word, key) = text.split_once('/').map_or((text, None), |(word, key)| (word, Some(key.to_owned())));
        match Topic::parse(word).filter(|topic| caller.may(topic.permission())) {
            Some(_) if wanted.iter().any(|one| one.text == text) => {}
            Some(topic) => wanted.push(Wanted { text: text.to_owned(), topic, key }),
            None => ignored.push(text.chars().take(80).collect()),
        }
    }
    (wanted, ignored)
}

impl Pulse {
    fn of(wanted: &[Wanted], jobs: &Jobs, syncs: &Syncs) -> Self {
        let of = |one: &Wanted| {
            let id = one.key.as_deref().map(str::parse).transpose().ok()?;
            match (one.topic, id) {
                (Topic::Syncs, Some(id)) => Some(Self::Sync(one.text.clone(), syncs.watch(id)?)),
                (Topic::Jobs, id) => Some(Self::Job(one.text.clone(), Box::new(jobs.moves(id)))),
                _ => None,
            }
        };
        wanted.iter().find_map(of).unwrap_or(Self::None)
    }

    /// Waits until something is further, and says what.
    async fn beat(&mut self) -> String {
        let (text, goes_on) = match self {
            Self::Sync(text, run) => (text.clone(), run.changed().await.is_ok()),
            Self::Job(text, moves) => (text.clone(), moves.next().await),
            Self::None => std::future::pending().await,
        };
        if !goes_on {
            *self = Self::None;
        }
        text
    }
}

impl Listener {
    /// The next event; none = the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let quiet_until = (Instant::now() + sse::HEARTBEAT).min(self.until);
        loop {
            tokio::select! {
                biased;
                () = sleep_until(self.until) => return None,
                // Who follows asks again when the stream ends; a file that cannot be read is told there.
                news = self.follower.next() => match news.ok()?? {
                    News::Missed(mark) => return Some(sse::placed("missed", &mark, &())),
                    News::Moved(moved) if self.may_have_changed(&moved) => return None,
                    News::Moved(moved) => {
                        let seen = self.seen(&moved);
                        if !seen.is_empty() {
                            return Some(sse::placed("moved", &moved.mark(), &seen));
                        }
                    }
                },
                text = self.pulse.beat() => {
                    sleep(PAUSE).await;
                    return Some(sse::event("moved", &[MovedView { topic: text, new: 0, changed: 0, gone: 0 }]));
                }
                _ = timeout_at(quiet_until, std::future::pending::<()>()) => return Some(sse::sign_of_life()),
            }
        }
    }

    fn seen(&self, moved: &Moved) -> Vec<MovedView> {
        let of = |one: &Wanted| {
            let tally = moved.of(one.topic, one.key.as_deref())?;
            Some(MovedView { topic: one.text.clone(), new: tally.new, changed: tally.changed, gone: tally.gone })
        };
        self.wanted.iter().filter_map(of).collect()
    }

    /// Whether the caller may have other rights by now, or none.
    fn may_have_changed(&self, moved: &Moved) -> bool {
        if moved.mark() == self.opened {
            return false;
        }
        let own = self.caller.account.map(|id| id.to_string());
        let key = match self.caller.actor.who {
            Who::ApiKey(id) => Some(id.to_string()),
            _ => None,
        };
        moved.of(Topic::Roles, None).is_some()
            || own.is_some_and(|own| moved.of(Topic::People, Some(&own)).is_some())
            || key.is_some_and(|key| moved.of(Topic::ApiKeys, Some(&key)).is_some())
    }
}

fn told(listener: Listener) -> impl Stream<Item = Bytes> {
    stream::unfold(listener, |mut listener| async move { listener.next().await.map(|event| (event, listener)) })
}
