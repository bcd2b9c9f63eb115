//! Takes what comes and remembers which events it has seen.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::receiver::{Common, Inbox, Received, Service, Trouble};
use crate::reply::Reply;
use crate::sink::signature::{Secret, check};
use crate::sink::{Delivery, Signature, SinkSpec};

/// Ids that are remembered; the oldest are forgotten first.
const IDS: usize = 200_000;
/// Flaky paths that are counted.
const FLAKY: usize = 10_000;

/// The sink's inside.
pub(crate) struct Desk {
    common: Common,
    /// Everything.
    pub(crate) deliveries: Inbox<Delivery>,
    /// Each event once.
    pub(crate) events: Inbox<Delivery>,
    memory: Mutex<Memory>,
    secrets: Mutex<Vec<Secret>>,
    tolerance: Duration,
    refuses_unsigned: bool,
    max_body: usize,
}

#[derive(Default)]
struct Memory {
    known: HashSet<String>,
    order: VecDeque<String>,
    failed: HashMap<String, u32>,
}

impl Memory {
    /// True when the id is new.
    fn meet(&mut self, id: &str) -> bool {
        if !self.known.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > IDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    /// True when a flaky path has to fail once more.
    fn fails(&mut self, path: &str, times: u32) -> bool {
        if self.failed.len() > FLAKY {
            self.failed.clear();
        }
        let failed = self.failed.entry(path.to_owned()).or_default();
        let again = *failed < times;
        *failed += u32::from(again);
        again
    }
}

impl Desk {
    pub(crate) fn new(spec: SinkSpec) -> Result<Self, String> {
        let desk = Self {
            common: Common::new(spec.clock),
            deliveries: Inbox::default(),
            events: Inbox::default(),
            memory: Mutex::default(),
            secrets: Mutex::default(),
            tolerance: spec.tolerance,
            refuses_unsigned: spec.refuses_unsigned,
            max_body: spec.max_body,
        };
        desk.set_secrets(&spec.secrets)?;
        Ok(desk)
    }

    pub(crate) fn set_secrets(&self, secrets: &[String]) -> Result<(), String> {
        let secrets = secrets.iter().map(|secret| Secret::parse(secret)).collect::<Result<_, _>>()?;
        *self.secrets.lock().unwrap_or_else(PoisonError::into_inner) = secrets;
        Ok(())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, request: &Received) -> Delivery {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let signature = check(request, &secrets, self.tolerance);
        Delivery { id: request.header("webhook-id").map(str::to_owned), signature, request: request.clone() }
    }
}

impl Service for Desk {
    fn common(&self) -> &Common {
        &self.common
    }

    fn max_body(&self) -> usize {
        self.max_body
    }

    fn asked_for(&self, request: &Received) -> Vec<Trouble> {
        let path = request.path.trim_start_matches('/');
        if let Some(rest) = path.strip_prefix("flaky/") {
            let times = rest.split('/').next().and_then(|times| times.parse().ok()).unwrap_or(1);
            let fails = self.memory().fails(path, times);
            return fails.then_some(Trouble::Status(500)).into_iter().collect();
        }
        let whole = if request.query.is_empty() { path.to_owned() } else { format!("{path}?{}", request.query) };
        let mut rest = whole.as_str();
        loop {
            if let Ok(trouble) = rest.parse() {
                return vec![trouble];
            }
            match rest.rsplit_once(['/', '?']) {
                Some((shorter, _)) => rest = shorter,
                None => return Vec::new(),
            }
        }
    }

    fn answer(&self, request: &Received) -> Reply {
        let mut delivery = self.judge(request);
        let refused = !matches!(delivery.signature, Signature::Right | Signature::Unchecked);
        if refused && self.refuses_unsigned {
            return self.failure(401, None);
        }
        delivery.request.status = 200;
        if delivery.id.as_deref().is_none_or(|id| self.memory().meet(id)) {
            self.events.put(delivery, request.weight());
        }
        Reply::text("taken\n")
    }

    fn failure(&self, status: u16, _: Option<u32>) -> Reply {
        match status {
            204 | 205 | 304 => Reply::empty(status),
            _ => Reply { status, ..Reply::text(format!("{status} as asked\n")) },
        }
    }

    fn note(&self, request: &Received) {
        self.deliveries.put(self.judge(request), request.weight());
    }

    fn list(&self, newest: usize) -> Value {
        json!({
            "total": self.deliveries.total(),
            "events": self.events.total(),
            "deliveries": self.deliveries.newest(newest).iter().map(show).collect::<Vec<_>>(),
        })
    }

    fn forget(&self) {
        self.deliveries.clear();
        self.events.clear();
        *self.memory() = Memory::default();
    }

    /// `secrets` `{"secrets": ["whsec_…"]}`.
    fn order(&self, name: &str, body: &Value) -> Option<Result<(), String>> {
        if name != "secrets" {
            return None;
        }
        let secrets = body.get("secrets").and_then(Value::as_array);
        let secrets: Option<Vec<String>> =
            secrets.and_then(|secrets| secrets.iter().map(|secret| secret.as_str().map(str::to_owned)).collect());
        Some(
            secrets
                .ok_or_else(|| "`secrets` needs to be a list of texts".to_owned())
                .and_then(|all| self.set_secrets(&all)),
        )
    }
}

fn show(delivery: &Delivery) -> Value {
    let mut shown = delivery.request.show();
    shown["webhook_id"] = json!(delivery.id);
    shown["signature"] = json!(format!("{:?}", delivery.signature).to_lowercase());
    shown
}
