//! Takes requests in the order in which Discord looks at them: refusals, the rate limit, the webhook, the form.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::discord::message::{self, DiscordMessage};
use crate::discord::tree::{Errors, error, plain};
use crate::discord::{DiscordSpec, DiscordWebhook, Refuses, check};
use crate::limit::{Standing, Throttle};
use crate::receiver::{Common, Inbox, Received, Service};
use crate::reply::Reply;

/// Discord's inside.
pub(crate) struct Desk {
    common: Common,
    /// What was posted.
    pub(crate) messages: Inbox<DiscordMessage>,
    throttle: Throttle<(String, &'static str)>,
    switches: Mutex<Switches>,
    max_body: usize,
    next_id: AtomicU64,
}

struct Switches {
    webhooks: Vec<DiscordWebhook>,
    limit: u32,
    window: Duration,
    refusing: Option<(Refuses, Timestamp)>,
}

const FIRST_MESSAGE: u64 = 1_310_000_000_000_000_000;
const LIMITED: &str = "You are being rate limited.";

impl Desk {
    pub(crate) fn new(spec: DiscordSpec) -> Self {
        let DiscordSpec { webhooks, limit, window, max_body, clock, .. } = spec;
        Self {
            common: Common::new(clock),
            messages: Inbox::default(),
            throttle: Throttle::default(),
            switches: Mutex::new(Switches { webhooks, limit, window, refusing: None }),
            max_body,
            next_id: AtomicU64::new(FIRST_MESSAGE),
        }
    }

    pub(crate) fn webhooks(&self) -> Vec<DiscordWebhook> {
        self.switches().webhooks.clone()
    }

    pub(crate) fn add(&self, webhook: DiscordWebhook) {
        let mut switches = self.switches();
        switches.webhooks.retain(|other| other.id != webhook.id);
        switches.webhooks.push(webhook);
    }

    pub(crate) fn delete(&self, id: u64) {
        self.switches().webhooks.retain(|webhook| webhook.id != id);
    }

    pub(crate) fn set_limit(&self, limit: u32, window: Duration) {
        let mut switches = self.switches();
        (switches.limit, switches.window) = (limit, window);
    }

    pub(crate) fn reset_limits(&self) {
        self.throttle.reset();
    }

    pub(crate) fn refuse_for(&self, who: Refuses, long: Duration) {
        let until = self.common.clock.now().checked_add(long).unwrap_or(Timestamp::MAX);
        self.switches().refusing = Some((who, until));
    }

    fn switches(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limit(&self) -> (u32, Duration) {
        let switches = self.switches();
        (switches.limit, switches.window)
    }

    /// The answer while everything is refused.
    fn refusal(&self, now: Timestamp) -> Option<Reply> {
        let (who, until) = self.switches().refusing.filter(|(_, until)| *until > now)?;
        let wait_ms = until.as_millisecond() - now.as_millisecond();
        let reply = match who {
            Refuses::Discord => limited(wait_ms, true).with("X-RateLimit-Global", "true"),
            Refuses::Edge => Reply { status: 429, ..Reply::text("error code: 1015") },
        };
        Some(reply.with("Retry-After", seconds_up(wait_ms)))
    }

    fn webhook_call(&self, request: &Received, id: &str, token: &str) -> Reply {
        let method = match request.method.as_str() {
            "POST" => "POST",
            "GET" => "GET",
            _ => return plain(405),
        };
        let (limit, window) = self.limit();
        let window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        let standing = self.throttle.hit((id.to_owned(), method), limit, window_ms, self.common.clock.now());
        let reply = if standing.refused {
            limited(standing.wait_ms, false).with("Retry-After", standing.wait_s())
        } else {
            self.counted_call(request, id, token, method)
        };
        with_limit(reply, &standing, method)
    }

    fn counted_call(&self, request: &Received, id: &str, token: &str, method: &str) -> Reply {
        let Ok(number) = id.parse::<u64>() else {
            let mut errors = Errors::default();
            errors.add(&["webhook_id"], "NUMBER_TYPE_COERCE", format!("Value \"{id}\" is not snowflake."));
            return errors.reply();
        };
        let Some(webhook) = self.webhooks().into_iter().find(|webhook| webhook.id == number) else {
            return error(404, 10015, "Unknown Webhook");
        };
        if webhook.token != token {
            return error(401, 50027, "Invalid Webhook Token");
        }
        if method == "GET" {
            let host = request.header("host").unwrap_or("discord.com");
            return json_reply(&message::webhook(&webhook, &format!("http://{host}{}", request.path)));
        }
        self.execute(request, &webhook)
    }

    fn execute(&self, request: &Received, webhook: &DiscordWebhook) -> Reply {
        let form = match check::message(&request.body, request.announces_json()) {
            Ok(form) => form,
            Err(reply) => return reply,
        };
        let id = self.next_id.fetch_add(1, Ordering::SeqCst);
        let message = DiscordMessage::new(webhook, id, self.common.clock.now(), form);
        let waits =
            request.parameter("wait").is_some_and(|wait| matches!(wait.to_ascii_lowercase().as_str(), "true" | "1"));
        let reply = if waits { json_reply(&message.show()) } else { Reply::done() };
        self.messages.put(message, request.body.len());
        reply
    }
}

impl Service for Desk {
    fn common(&self) -> &Common {
        &self.common
    }

    fn max_body(&self) -> usize {
        self.max_body
    }

    fn answer(&self, request: &Received) -> Reply {
        if let Some(refusal) = self.refusal(self.common.clock.now()) {
            return refusal;
        }
        let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let Some(("api", call)) = segments.split_first().map(|(first, rest)| (*first, rest)) else { return plain(404) };
        let version = call.first().and_then(|first| first.strip_prefix('v')).map(str::parse::<u8>);
        let call = if version.is_some() { &call[1..] } else { call };
        match (version, call) {
            (Some(Err(_)), _) => plain(404),
            (Some(Ok(version)), _) if !(6..=10).contains(&version) => error(400, 50041, "Invalid API version"),
            (_, ["webhooks", id, token]) => self.webhook_call(request, id, token),
            (_, ["webhooks", _]) => plain(401),
            _ => plain(404),
        }
    }

    fn failure(&self, status: u16, retry_after_s: Option<u32>) -> Reply {
        match status {
            413 => error(413, 40005, "Request entity too large"),
            429 => limited(i64::from(retry_after_s.unwrap_or_default()) * 1000, false),
            502..=504 => Reply::html(status, "cloudflare"),
            _ => plain(status),
        }
    }

    fn list(&self, newest: usize) -> Value {
        let webhooks = self.webhooks();
        let urls = webhooks.iter().map(|hook| format!("/api/webhooks/{}/{}", hook.id, hook.token));
        json!({
            "webhooks": urls.collect::<Vec<_>>(),
            "total": self.messages.total(),
            "messages": self.messages.newest(newest).iter().map(DiscordMessage::show).collect::<Vec<_>>(),
            "requests": self.common.requests.newest(newest).iter().map(Received::show).collect::<Vec<_>>(),
        })
    }

    fn forget(&self) {
        self.messages.clear();
    }

    /// `limit` `{"requests": 5, "window_ms": 2000}`, `refuse` and `refuse-edge` `{"for_ms": 3000}`, `delete` `{"id": "1"}`.
    fn order(&self, name: &str, body: &Value) -> Option<Result<(), String>> {
        let number =
            |key: &str| body.get(key).and_then(Value::as_u64).ok_or_else(|| format!("`{key}` needs to be a number"));
        let done = match name {
            "limit" => number("requests").and_then(|requests| {
                let requests = u32::try_from(requests).map_err(|_| "`requests` is too large".to_owned())?;
                self.set_limit(requests, Duration::from_millis(number("window_ms")?));
                Ok(())
            }),
            "refuse" => number("for_ms").map(|ms| self.refuse_for(Refuses::Discord, Duration::from_millis(ms))),
            "refuse-edge" => number("for_ms").map(|ms| self.refuse_for(Refuses::Edge, Duration::from_millis(ms))),
            "delete" => {
                let id = body.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
                id.map(|id| self.delete(id)).ok_or_else(|| "`id` needs to be the webhook's id as text".to_owned())
            }
            _ => return None,
        };
        Some(done)
    }
}

fn json_reply(body: &Value) -> Reply {
    Reply::ok(body.to_string().into_bytes())
}

fn limited(wait_ms: i64, global: bool) -> Reply {
    let body = json!({ "message": LIMITED, "retry_after": seconds(wait_ms), "global": global });
    Reply::json(429, body.to_string().into_bytes()).with("X-RateLimit-Scope", if global { "global" } else { "user" })
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn seconds_up(ms: i64) -> i64 {
    (ms + 999) / 1000
}

/// <https://docs.discord.com/developers/topics/rate-limits#header-format>
fn with_limit(reply: Reply, standing: &Standing, method: &str) -> Reply {
    // The bucket leaves the webhook out: it names the kind of call.
    let bucket = if method == "POST" { "3cd1f278bd0ecaf11e0d2391c4ba5c2e" } else { "9f2c7c1b6a1f4e0d8b35a0c6e7d4f812" };
    reply
        .with("X-RateLimit-Limit", standing.limit)
        .with("X-RateLimit-Remaining", standing.remaining)
        .with("X-RateLimit-Reset", format!("{:.3}", seconds(standing.ends_at_ms)))
        .with("X-RateLimit-Reset-After", format!("{:.3}", seconds(standing.wait_ms)))
        .with("X-RateLimit-Bucket", bucket)
}
