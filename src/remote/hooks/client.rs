use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aviary_kernel::base::Secret;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::verdict::{self, Failure, FailureKind, Step};
use crate::hidden::{Hidden, in_address, whole_address};
use crate::http::{Answer, Ask, Broken, Http, HttpOptions, Unusable};
use crate::outside::Outside;
use crate::probe::told;

/// Read of an answer, unpacked.
const READ: usize = 64 << 10;
/// Kept of an answer, in bytes.
const KEPT: usize = 1024;
/// Redirects that are followed.
const MOST_REDIRECTS: usize = 3;
/// Headers that belong to the connection.
const NOT_YOURS: &[&str] =
    &["connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"];
/// Headers that go along to another host. The others may hold a key that is meant for the first one only.
const FOR_ANYBODY: &[&str] = &["accept", "content-type", "webhook-id", "webhook-timestamp", "webhook-signature"];

/// How to speak to endpoints.
#[derive(Clone, Debug)]
pub struct HookOptions {
    /// How long a connection may take to come about, the look-up of the name included.
    pub connect_timeout: Duration,
    /// How long an attempt may take in all, redirects and the last byte of the answer included.
    pub request_timeout: Duration,
    /// Where requests may go beside the public internet.
    pub outside: Outside,
    /// Certificates (PEM) that are trusted beside those of the operating system.
    pub ca_file: Option<PathBuf>,
}

impl Default for HookOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
            outside: Outside::default(),
            ca_file: None,
        }
    }
}

/// What to send, and where to.
#[derive(Clone)]
pub struct Post {
    /// The address. Its path and query are secrets: they are in no text that comes back.
    pub url: Url,
    /// Headers. `Content-Type` is `application/json` unless it is among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// More secrets that must not be shown of the answer.
    pub secrets: Vec<Secret<String>>,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// What came of one attempt. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How long it took.
    pub took: Duration,
    /// Who answered last; none when nobody did.
    pub address: Option<SocketAddr>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// The beginning of the last answer, at most 1 KiB, on one line.
    pub excerpt: String,
    /// How long the endpoint asks to be left alone before this is tried again, at most a day.
    pub retry_after: Option<Duration>,
    /// How long to wait before anything else is sent to the endpoint, at most a day, as Discord tells with any answer.
    pub pause: Option<Duration>,
    /// Whether it was taken.
    pub outcome: Result<(), Failure>,
}

/// Sends to endpoints. Cheap to clone; one for the process. It remembers nothing of an endpoint but open connections.
#[derive(Clone)]
pub struct HookClient(Arc<Inner>);

struct Inner {
    plain: Http,
    /// Not there on a machine without certificates, which can still speak to `http://`.
    secure: Result<Http, Unusable>,
    connect_timeout: Duration,
    request_timeout: Duration,
}

impl HookClient {
    /// A client.
    ///
    /// # Errors
    /// [`Unusable`] when the `ca_file` cannot be used. That the system has no certificates is told by each attempt that needs
    /// them.
    pub fn new(options: &HookOptions) -> Result<Self, Unusable> {
        let http = HttpOptions {
            connect_timeout: options.connect_timeout,
            request_timeout: options.request_timeout,
            max_body_bytes: READ,
            ca_file: options.ca_file.clone(),
            concurrency: 2,
            ..HttpOptions::default()
        };
        let plain = Http::behind(options.outside.gate(true), &http)?;
        let secure = Http::behind(options.outside.gate(false), &http);
        match secure {
            Err(unusable) if options.ca_file.is_some() => Err(unusable),
            secure => {
                let HookOptions { connect_timeout, request_timeout, .. } = *options;
                Ok(Self(Arc::new(Inner { plain, secure, connect_timeout, request_timeout })))
            }
        }
    }

    /// Sends once, and follows redirects that keep method and body (307 and 308), at most three.
    pub async fn post(&self, post: Post) -> Attempt {
        let began = Instant::now();
        let hidden = hidden(&post);
        let mut last = None;
        let outcome = self.0.follow(post, began, &mut last).await;
        let last = last.as_ref();
        Attempt {
            took: began.elapsed(),
            address: last.and_then(|answer| answer.from),
            status: last.map(|answer| answer.status),
            excerpt: last.map(|answer| hidden.excerpt(&answer.body, KEPT)).unwrap_or_default(),
            retry_after: last.and_then(verdict::retry_after),
            pause: last.and_then(verdict::pause),
            outcome,
        }
    }
}

impl Inner {
    async fn follow(&self, post: Post, began: Instant, last: &mut Option<Answer>) -> Result<(), Failure> {
        let headers = header_map(&post.headers)?;
        let mut ask = Ask::new(Method::POST, post.url).body(post.body);
        ask.headers.extend(headers);
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.hop(&ask, began).await?;
            let step = verdict::of(&ask.url, &answer);
            *last = Some(answer);
            match step {
                Step::Done(outcome) => return outcome,
                Step::To(next) => ask = redirected(ask, next),
            }
        }
        Err(Failure::refused(
            format!("{} sent us on {} times", verdict::host(&ask.url), MOST_REDIRECTS + 1),
            "enter the address that it sends to",
        ))
    }

    async fn hop(&self, ask: &Ask, began: Instant) -> Result<Answer, Failure> {
        let http = match ask.url.scheme() {
            "https" => self.secure.as_ref().map_err(Failure::without_certificates)?,
            "http" => &self.plain,
            _ => {
                return Err(Failure::refused(
                    "the address is not one of the web",
                    "give one that begins with https://",
                ));
            }
        };
        if !ask.url.username().is_empty() || ask.url.password().is_some() {
            return Err(Failure::refused(
                "the address holds a user name or a password",
                "leave them out; give a key in a header instead",
            ));
        }
        let left = self.request_timeout.saturating_sub(began.elapsed());
        let outcome = http.tell(&ask.clone().within(left)).await;
        outcome.map_err(|broken| {
            let limit = if broken == (Broken::Timeout { connecting: true }) {
                self.connect_timeout
            } else {
                self.request_timeout
            };
            Failure::of(told(&broken, &verdict::host(&ask.url), limit), FailureKind::of(&broken))
        })
    }
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for (name, value) in headers {
        let refuse = |why: &str| Failure::refused(format!("the header `{name}` {why}"), "correct or remove it");
        let parsed: HeaderName = name.parse().map_err(|_| refuse("has a name that HTTP does not allow"))?;
        if NOT_YOURS.contains(&parsed.as_str()) {
            return Err(refuse("cannot be set"));
        }
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| refuse("has a value that HTTP does not allow, such as a line break"))?;
        value.set_sensitive(true);
        map.insert(parsed, value);
    }
    Ok(map)
}

fn redirected(mut ask: Ask, next: Url) -> Ask {
    if next.origin() != ask.url.origin() {
        let headers = std::mem::take(&mut ask.headers);
        let known = FOR_ANYBODY.iter().filter_map(|name| Some((name.parse().ok()?, headers.get(*name)?.clone())));
        ask.headers = known.collect();
    }
    ask.url = next;
    ask
}

fn hidden(post: &Post) -> Hidden {
    let secrets = post.secrets.iter().map(|secret| secret.reveal().trim().to_owned());
    let address = whole_address(&post.url).into_iter().chain(in_address(&post.url));
    Hidden::of(secrets.chain(address))
}
