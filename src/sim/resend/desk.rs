//! Takes requests in the order in which Resend looks at them: the key, the rate limit, the idempotency key, the mail.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ring::digest;
use serde_json::{Value, json};

use crate::Chance;
use crate::limit::{Standing, Throttle};
use crate::receiver::{Common, Inbox, Received, Service};
use crate::reply::Reply;
use crate::resend::form::{self, Form, test_fate};
use crate::resend::mail::{ResendMail, address_of, time};
use crate::resend::refusal::Refusal;
use crate::resend::{ResendDomain, ResendSpec};

/// How long idempotency keys are remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
const KEY_LENGTH: usize = 256;
/// Keys that are kept at most.
const KEYS: usize = 100_000;

/// Resend's inside.
pub(crate) struct Desk {
    pub(crate) spec: ResendSpec,
    common: Common,
    /// What was taken.
    pub(crate) mails: Inbox<ResendMail>,
    throttle: Throttle<()>,
    state: Mutex<State>,
}

struct State {
    domains: Vec<ResendDomain>,
    fates: HashMap<String, String>,
    limit: u32,
    window: Duration,
    quota: Option<u32>,
    sent: HashMap<String, Sent>,
    ids: Chance,
}

/// What an idempotency key stands for.
struct Sent {
    at: Timestamp,
    body: Vec<u8>,
    id: String,
}

/// What a key may do.
#[derive(PartialEq)]
enum Access {
    Full,
    Sending,
}

impl Desk {
    pub(crate) fn new(spec: ResendSpec) -> Self {
        let state = State {
            domains: spec.domains.clone(),
            fates: HashMap::new(),
            limit: spec.limit,
            window: spec.window,
            quota: None,
            sent: HashMap::new(),
            ids: Chance::fork(1, "resend"),
        };
        Self {
            common: Common::new(spec.clock.clone()),
            mails: Inbox::default(),
            throttle: Throttle::default(),
            state: Mutex::new(state),
            spec,
        }
    }

    pub(crate) fn set_fate(&self, address: &str, event: &str) {
        self.state().fates.insert(address_of(address), event.to_owned());
    }

    pub(crate) fn set_domain(&self, domain: ResendDomain) {
        let mut state = self.state();
        state.domains.retain(|other| other.name != domain.name);
        state.domains.push(domain);
    }

    pub(crate) fn set_limit(&self, limit: u32, window: Duration) {
        let mut state = self.state();
        (state.limit, state.window) = (limit, window);
    }

    pub(crate) fn set_quota(&self, left: Option<u32>) {
        self.state().quota = left;
    }

    /// What became of a mail. With several recipients, the first that was not delivered to counts.
    pub(crate) fn last_event(&self, mail: &ResendMail) -> String {
        let settled = mail.at.checked_add(self.spec.settles_after).unwrap_or(Timestamp::MAX);
        if settled > self.common.clock.now() {
            return "sent".to_owned();
        }
        let state = self.state();
        let fate = |address: &String| {
            state
                .fates
                .get(address)
                .cloned()
                .or_else(|| test_fate(address).map(str::to_owned))
                .filter(|fate| fate != "delivered")
        };
        mail.recipients().iter().find_map(fate).unwrap_or_else(|| "delivered".to_owned())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn access(&self, request: &Received) -> Result<Access, Refusal> {
        let header = request.header("authorization").unwrap_or_default();
        match header.strip_prefix("Bearer ").unwrap_or_default().trim() {
            "" => Err(Refusal::of_status(401)),
            key if key == self.spec.api_key => Ok(Access::Full),
            key if key == self.spec.sending_key => Ok(Access::Sending),
            _ => Err(Refusal::of_status(403)),
        }
    }

    fn count(&self) -> Standing {
        let (limit, window) = {
            let state = self.state();
            (state.limit, state.window)
        };
        let window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        self.throttle.hit((), limit, window_ms, self.common.clock.now())
    }

    fn route(&self, request: &Received, access: &Access) -> Result<Reply, Refusal> {
        let restricted = || Refusal::new(401, "restricted_api_key", "This API key is restricted to only send emails");
        let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["emails"]) => self.send(request),
            ("GET", ["emails", _] | ["domains"]) if *access == Access::Sending => Err(restricted()),
            ("GET", ["emails", id]) => {
                let mail =
                    self.mails.find(|mail| mail.id == *id).ok_or_else(|| Refusal::not_found("Email not found"))?;
                Ok(ok(&mail.show(&self.last_event(&mail))))
            }
            ("GET", ["domains"]) => Ok(ok(&self.domains())),
            (_, ["emails"] | ["emails", _] | ["domains"]) => Err(Refusal::of_status(405)),
            _ => Err(Refusal::of_status(404)),
        }
    }

    fn send(&self, request: &Received) -> Result<Reply, Refusal> {
        let key = request.header("idempotency-key");
        if key.is_some_and(|key| !(1..=KEY_LENGTH).contains(&key.chars().count())) {
            let why = format!("The key must be between 1-{KEY_LENGTH} chars.");
            return Err(Refusal::new(400, "invalid_idempotency_key", why));
        }
        let body = request.json().ok_or_else(|| Refusal::of_status(400))?;
        let now = self.common.clock.now();
        let mut state = self.state();
        // Of the value, so that white space and the like make no other mail.
        let print = digest::digest(&digest::SHA256, body.to_string().as_bytes()).as_ref().to_vec();
        if let Some(sent) = key.and_then(|key| state.sent.get(key)).filter(|sent| is_fresh(sent, now)) {
            if sent.body == print {
                return Ok(ok(&json!({ "id": sent.id })));
            }
            let why = "Same idempotency key used with a different request payload.";
            return Err(Refusal::new(409, "invalid_idempotent_request", why));
        }
        let form = form::read(&body)?;
        let verified = |name: &str| state.domains.iter().any(|domain| domain.verified && domain.name == name);
        form::may_send(&form, verified, self.spec.refuses_example_domains)?;
        state.spend()?;
        let id = state.ids.uuid();
        if let Some(key) = key {
            state.remember(key, Sent { at: now, body: print, id: id.clone() });
        }
        // Under the lock, so that the same key cannot send twice.
        let mail = mail(form, id.clone(), now, key);
        let weight = mail.weight();
        self.mails.put(mail, weight);
        Ok(ok(&json!({ "id": id })))
    }

    fn domains(&self) -> Value {
        let state = self.state();
        let show = |domain: &ResendDomain| {
            json!({
                "id": Chance::fork(1, &domain.name).uuid(),
                "name": domain.name,
                "status": if domain.verified { "verified" } else { "not_started" },
                "created_at": time(Timestamp::UNIX_EPOCH),
                "region": "us-east-1",
                "capabilities": { "sending": "enabled", "receiving": "disabled" },
            })
        };
        json!({ "object": "list", "has_more": false, "data": state.domains.iter().map(show).collect::<Vec<_>>() })
    }
}

impl State {
    fn spend(&mut self) -> Result<(), Refusal> {
        match &mut self.quota {
            Some(0) => {
                Err(Refusal::new(429, "daily_quota_exceeded", "You have reached your daily email sending quota."))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn remember(&mut self, key: &str, sent: Sent) {
        if self.sent.len() >= KEYS {
            let now = sent.at;
            self.sent.retain(|_, sent| is_fresh(sent, now));
        }
        if self.sent.len() >= KEYS {
            self.sent.clear();
        }
        self.sent.insert(key.to_owned(), sent);
    }
}

fn is_fresh(sent: &Sent, now: Timestamp) -> bool {
    sent.at.checked_add(REMEMBERED).is_ok_and(|end| end > now)
}

fn mail(form: Form, id: String, at: Timestamp, key: Option<&str>) -> ResendMail {
    let Form { from, to, cc, bcc, reply_to, subject, html, text, headers, tags } = form;
    let idempotency_key = key.map(str::to_owned);
    ResendMail { id, at, from, to, cc, bcc, reply_to, subject, html, text, headers, tags, idempotency_key }
}

impl Service for Desk {
    fn common(&self) -> &Common {
        &self.common
    }

    fn max_body(&self) -> usize {
        self.spec.max_body
    }

    fn answer(&self, request: &Received) -> Reply {
        // Refused by what stands in front of it. https://resend.com/docs/knowledge-base/403-error-1010
        if request.header("user-agent").is_none_or(str::is_empty) {
            return Reply { status: 403, ..Reply::text("error code: 1010") };
        }
        let access = match self.access(request) {
            Ok(access) => access,
            Err(refusal) => return refusal.reply(),
        };
        let standing = self.count();
        let reply = if standing.refused {
            Refusal::of_status(429).reply().with("retry-after", standing.wait_s())
        } else {
            self.route(request, &access).unwrap_or_else(|refusal| refusal.reply())
        };
        reply
            .with("ratelimit-limit", standing.limit)
            .with("ratelimit-remaining", standing.remaining)
            .with("ratelimit-reset", standing.wait_s())
    }

    fn failure(&self, status: u16, _: Option<u32>) -> Reply {
        Refusal::of_status(status).reply()
    }

    fn list(&self, newest: usize) -> Value {
        let show = |mail: &ResendMail| {
            let mut shown = mail.show(&self.last_event(mail));
            shown["headers"] = json!(mail.headers);
            shown["idempotency_key"] = json!(mail.idempotency_key);
            shown
        };
        json!({
            "total": self.mails.total(),
            "mails": self.mails.newest(newest).iter().map(show).collect::<Vec<_>>(),
            "requests": self.common.requests.newest(newest).iter().map(|request| {
                json!({ "at": request.at.to_string(), "method": request.method, "path": request.path, "status": request.status })
            }).collect::<Vec<_>>(),
        })
    }

    /// The mails, not the idempotency keys: a client may still come back with one.
    fn forget(&self) {
        self.mails.clear();
    }

    /// `limit` `{"requests": 2, "window_ms": 1000}`, `quota` `{"left": 3}`, `fate` `{"address": "a@b.c", "event": "bounced"}`,
    /// `domain` `{"name": "reef.example", "verified": false}`.
    fn order(&self, name: &str, body: &Value) -> Option<Result<(), String>> {
        let number = |key: &str| body.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        let done = match name {
            "limit" => number("requests").zip(number("window_ms")).map(|(requests, window_ms)| {
                self.set_limit(requests, Duration::from_millis(u64::from(window_ms)));
            }),
            "quota" => {
                self.set_quota(number("left"));
                Some(())
            }
            "fate" => text("address").zip(text("event")).map(|(address, event)| self.set_fate(address, event)),
            "domain" => text("name").map(|name| {
                let verified = body.get("verified").and_then(Value::as_bool).unwrap_or(true);
                self.set_domain(ResendDomain { name: name.to_owned(), verified });
            }),
            _ => return None,
        };
        Some(done.ok_or_else(|| format!("`{name}` needs other fields")))
    }
}

fn ok(body: &Value) -> Reply {
    Reply::ok(body.to_string().into_bytes())
}
