//! Events that change nothing else, such as refusals. Anybody can cause those, as many as they like, so what repeats itself
//! is counted in memory and written down once a minute.

use std::collections::HashMap;
use std::mem;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Action, Actor, Origin, Went, Who};
use std::net::IpAddr;

use super::{Audit, Did, record};

/// What repeats itself within this is one event.
const WINDOW: Duration = Duration::from_secs(60);
/// So many different things are told apart in that time; the rest is counted by action. With the largest event of a few
/// kilobytes and two events each, a flood from everywhere writes less than a megabyte a minute.
const MOST_APART: usize = 100;
/// The field that says how often something was repeated.
pub(super) const TIMES: &str = "times";

/// What was noted in the last minute.
#[derive(Default)]
pub(super) struct Notes {
    repeats: HashMap<Same, Repeat>,
}

/// What two events have in common that count as the same.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Same {
    Event {
        who: Who,
        address: Option<IpAddr>,
        action: Action,
        target: Option<(String, String)>,
        went: Went,
    },
    /// There are too many different ones.
    Action(Action),
}

/// An event, and how often it was repeated since it was written down.
struct Repeat {
    since: Timestamp,
    times: u64,
    actor: Actor,
    did: Did,
}

impl Repeat {
    /// The event that tells of the repetitions.
    fn told(&self) -> Did {
        let did = self.did.clone();
        did.changed(TIMES, None, Some(self.times.to_string())).changed("since", None, Some(self.since.to_string()))
    }
}

impl Notes {
    /// Counts an event. Whether it is to be written down now.
    fn count(&mut self, now: Timestamp, actor: &Actor, did: &Did) -> Option<Same> {
        let same = Same::Event {
            who: actor.who,
            address: actor.origin.address,
            action: did.action,
            target: did.target.as_ref().map(|target| (target.kind.clone(), target.id.clone())),
            went: did.outcome.went(),
        };
        if let Some(repeat) = self.repeats.get_mut(&same) {
            repeat.times += 1;
            return None;
        }
        if self.repeats.len() < MOST_APART {
            let repeat = Repeat { since: now, times: 0, actor: actor.clone(), did: did.clone() };
            self.repeats.insert(same.clone(), repeat);
            return Some(same);
        }
        let others = self.repeats.entry(Same::Action(did.action)).or_insert_with(|| Repeat {
            since: now,
            times: 0,
            actor: Actor { name: "many".into(), ..Actor::nobody(Origin::default()) },
            did: Did { target: None, changes: Vec::new(), ..did.clone() },
        });
        others.times += 1;
        None
    }

    /// What is due, or everything.
    fn take(&mut self, now: Timestamp, everything: bool) -> HashMap<Same, Repeat> {
        let is_due = |repeat: &Repeat| everything || repeat.since > now || now.since(repeat.since) >= WINDOW;
        let (due, kept) = mem::take(&mut self.repeats).into_iter().partition(|(_, repeat)| is_due(repeat));
        self.repeats = kept;
        due
    }

    fn put_back(&mut self, taken: HashMap<Same, Repeat>) {
        for (same, repeat) in taken {
            let since = self.repeats.entry(same).and_modify(|newer| newer.times += repeat.times);
            since.or_insert(repeat);
        }
    }
}

impl Audit {
    /// Puts on record what changed nothing else, such as a refusal. The first of its kind is on disk when this returns; what
    /// repeats it within a minute (the same actor, address, action and target) is counted and written down by
    /// [`Audit::tick`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn note(&self, actor: &Actor, did: Did) -> Result<()> {
        let env = self.inner.env.clone();
        let Some(same) = self.notes().count(env.now(), actor, &did) else { return Ok(()) };
        let actor = actor.clone();
        let written = self.inner.store.write(move |tx| record(tx, &env, &actor, did)).await;
        if written.is_err() {
            // Then the next one is the first.
            self.notes().repeats.remove(&same);
        }
        written.map(drop)
    }

    pub(super) async fn flush_notes(&self, everything: bool) -> Result<()> {
        let taken = self.notes().take(self.inner.env.now(), everything);
        let mut due: Vec<_> = taken.values().filter(|repeat| repeat.times > 0).collect();
        due.sort_by_key(|repeat| repeat.since);
        if due.is_empty() {
            return Ok(());
        }
        let events: Vec<_> = due.into_iter().map(|repeat| (repeat.actor.clone(), repeat.told())).collect();
        let env = self.inner.env.clone();
        let write = move |tx: &mut aviary_kernel::store::WriteTx<'_>| {
            events.into_iter().try_for_each(|(actor, did)| record(tx, &env, &actor, did).map(drop))
        };
        let written = self.inner.store.write(write).await;
        if written.is_err() {
            self.notes().put_back(taken);
        }
        written
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.inner.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
