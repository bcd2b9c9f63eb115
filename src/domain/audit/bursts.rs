//! Many refusals in a short time, from one address or against one thing, are an alert. The trail itself is followed, so
//! it does not matter who wrote the events, and a restart forgets nothing.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Action, Actor, AuditEvent, AuditTarget};
use aviary_kernel::store::tables::{AUDIT, AUDIT_BY_ACTION, AUDIT_BY_TIME};
use aviary_kernel::store::{Direction, Key, Read, Span};
use tracing::warn;

use super::notes::TIMES;
use super::{Audit, Did, record};
use crate::events::{BurstFacts, Happening, raise};

/// So many events ...
const MANY: u64 = 10;
/// ... within this are a burst.
const WITHIN: Duration = Duration::from_secs(300);
/// After an alert nothing is said about the same address or thing for so long.
const QUIET: Duration = Duration::from_secs(900);
/// Events that are looked at in one go.
const PAGE: usize = 1000;
/// The kind of target of an alert about an address.
const ADDRESS: &str = "address";

/// What an alert is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Address(IpAddr),
    Target(String, String),
}

impl Subject {
    fn of(target: &AuditTarget) -> Self {
        match target.id.parse() {
            Ok(address) if target.kind == ADDRESS => Self::Address(address),
            _ => Self::Target(target.kind.clone(), target.id.clone()),
        }
    }
}

/// An event that may belong to a burst.
struct Seen {
    at: Timestamp,
    times: u64,
    from: Option<IpAddr>,
    of_sign_in: bool,
}

/// A burst that was found.
struct Alert {
    target: AuditTarget,
    events: u64,
    /// Most of it were sign-ins that failed.
    of_sign_in: bool,
}

/// What was seen lately.
pub(super) struct Bursts {
    /// The last event that was looked at.
    at: u64,
    seen: HashMap<Subject, VecDeque<Seen>>,
    alerted: HashMap<Subject, Timestamp>,
}

impl Alert {
    fn told(&self) -> Happening {
        let AuditTarget { kind, id, name } = self.target.clone();
        let facts = BurstFacts { kind, id, name, events: self.events, within_s: WITHIN.as_secs() };
        if self.of_sign_in { Happening::SignInBurst(facts) } else { Happening::AuditBurst(facts) }
    }
}

fn counts(action: Action) -> bool {
    matches!(
        action,
        Action::SignInFailed | Action::ConfirmationFailed | Action::AccessRefused | Action::RequestsLimited
    )
}

/// What an alert was raised about lately.
fn alerted(reader: &impl Read, now: Timestamp) -> Result<HashMap<Subject, Timestamp>> {
    let action = Action::AlertRaised.number();
    let lately = Span::prefix(&action).after(&(action, now.minus(QUIET), 0_u64).to_bytes(), Direction::Up);
    let mut alerted = HashMap::new();
    for (_, at, seq) in reader.all_keys(AUDIT_BY_ACTION, &lately)? {
        let target = reader.get(AUDIT, &seq)?.and_then(|event| event.target);
        alerted.extend(target.map(|target| (Subject::of(&target), at)));
    }
    Ok(alerted)
}

/// How often it happened: what was noted many times in a minute is one event.
fn times(event: &AuditEvent) -> u64 {
    let change = event.changes.iter().find(|change| change.field == TIMES);
    change.and_then(|change| change.after.as_deref()?.parse().ok()).unwrap_or(1)
}

impl Bursts {
    /// Begins so far back that neither a burst nor an alert is missed.
    fn begin(reader: &impl Read, now: Timestamp) -> Result<Self> {
        let lately = Span::all().after(&(now.minus(QUIET), 0_u64).to_bytes(), Direction::Up);
        let mut first = None;
        reader.walk_index(AUDIT_BY_TIME, &lately, Direction::Up, |(_, seq)| {
            first = Some(seq);
            Ok(ControlFlow::Break(()))
        })?;
        let at = match first {
            Some(seq) => seq - 1,
            None => reader.last_key(AUDIT, &Span::all())?.unwrap_or(0),
        };
        Ok(Self { at, seen: HashMap::new(), alerted: alerted(reader, now)? })
    }

    fn is_quiet(&self, subject: &Subject, at: Timestamp) -> bool {
        self.alerted.get(subject).is_some_and(|alerted| at.since(*alerted) < QUIET)
    }

    /// Looks at an event; the alert that it completes.
    fn look(&mut self, event: &AuditEvent) -> Option<Alert> {
        if !counts(event.action) {
            return None;
        }
        let (from, target) = (event.actor.origin.address, event.target.as_ref());
        if let Some(address) = from {
            let subject = Subject::Address(address);
            // What such an address does meanwhile belongs to the alert about it.
            if self.is_quiet(&subject, event.at) {
                return None;
            }
            if let Some((events, of_sign_in)) = self.add(&subject, event) {
                self.forget_address(address);
                let name = format!("address {address}");
                let target = AuditTarget { kind: ADDRESS.into(), id: address.to_string(), name };
                return Some(Alert { target, events, of_sign_in });
            }
        }
        let target = target?;
        let subject = Subject::of(target);
        if self.is_quiet(&subject, event.at) {
            return None;
        }
        let burst = self.add(&subject, event);
        burst.map(|(events, of_sign_in)| Alert { target: target.clone(), events, of_sign_in })
    }

    /// Counts an event for a subject; how many there were when they are a burst, and whether most of them were sign-ins.
    fn add(&mut self, subject: &Subject, event: &AuditEvent) -> Option<(u64, bool)> {
        let seen = self.seen.entry(subject.clone()).or_default();
        let of_sign_in = matches!(event.action, Action::SignInFailed | Action::ConfirmationFailed);
        seen.push_back(Seen { at: event.at, times: times(event), from: event.actor.origin.address, of_sign_in });
        seen.retain(|seen| event.at.since(seen.at) < WITHIN);
        let sum: u64 = seen.iter().map(|seen| seen.times).sum();
        if sum < MANY {
            return None;
        }
        let sign_ins: u64 = seen.iter().filter(|seen| seen.of_sign_in).map(|seen| seen.times).sum();
        self.seen.remove(subject);
        self.alerted.insert(subject.clone(), event.at);
        Some((sum, sign_ins * 2 > sum))
    }

    /// One burst is one alert: what came from this address does not count for what it was aimed at.
    fn forget_address(&mut self, address: IpAddr) {
        for seen in self.seen.values_mut() {
            seen.retain(|seen| seen.from != Some(address));
        }
    }

    fn tidy(&mut self, now: Timestamp) {
        for seen in self.seen.values_mut() {
            seen.retain(|seen| now.since(seen.at) < WITHIN);
        }
        self.seen.retain(|_, seen| !seen.is_empty());
        self.alerted.retain(|_, at| now.since(*at) < QUIET);
    }
}

fn behind(reader: &impl Read, after: u64) -> Result<Vec<(u64, AuditEvent)>> {
    let mut events = Vec::new();
    let span = Span::all().after(&after.to_bytes(), Direction::Up);
    reader.walk(AUDIT, &span, Direction::Up, |seq, event| {
        events.push((seq, event));
        Ok(if events.len() < PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(events)
}

impl Audit {
    /// Looks at what is new in the trail and raises the alerts that follow from it.
    pub(super) async fn watch_bursts(&self) -> Result<()> {
        let mut kept = self.inner.bursts.lock().await;
        let now = self.inner.env.now();
        // Taken out, so that after a failure everything is looked at again.
        let mut bursts = match kept.take() {
            Some(bursts) => bursts,
            None => self.inner.store.read(move |tx| Bursts::begin(tx, now)).await?,
        };
        loop {
            let after = bursts.at;
            let events = self.inner.store.read(move |tx| behind(tx, after)).await?;
            let is_last = events.len() < PAGE;
            bursts.at = events.last().map_or(bursts.at, |(seq, _)| *seq);
            let alerts: Vec<_> = events.iter().filter_map(|(_, event)| bursts.look(event)).collect();
            self.raise(alerts).await?;
            if is_last {
                break;
            }
        }
        bursts.tidy(now);
        *kept = Some(bursts);
        Ok(())
    }

    async fn raise(&self, alerts: Vec<Alert>) -> Result<()> {
        if alerts.is_empty() {
            return Ok(());
        }
        let env = self.inner.env.clone();
        let write = move |tx: &mut aviary_kernel::store::WriteTx<'_>| {
            for alert in alerts {
                raise(tx, &env, &alert.told())?;
                let Alert { target, events, .. } = alert;
                warn!(alert.kind = target.kind, events, "many refusals in a short time; the audit trail tells more");
                let did = Did::new(Action::AlertRaised).to(&target.kind, &target.id, target.name);
                record(tx, &env, &Actor::job("watch"), did.changed("events", None, Some(events.to_string())))?;
            }
            Ok(())
        };
        self.inner.store.write(write).await
    }
}
