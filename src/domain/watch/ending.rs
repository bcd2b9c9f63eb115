//! Something that ends, when that is told, and that it is told once.

use std::time::Duration;

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::PanelId;
use aviary_kernel::store::rows::Told;
use aviary_kernel::store::tables::{Name, TOLD};
use aviary_kernel::store::{Read, SortText, Span, WriteTx};
use ring::digest::{SHA256, digest};
use uuid::Uuid;

use crate::events::{CertificateFacts, Happening, KeyFacts, Listeners};

const DAY: Duration = Duration::from_secs(86_400);
/// Whole days before the end at which that of a certificate is told. Others depend on them, and they take time to get.
const OF_CERTIFICATES: &[u32] = &[1, 3, 7, 14, 21];
/// The same for a key.
const OF_KEYS: &[u32] = &[1, 3, 7, 14];
/// What was told is forgotten so long after the end.
const REMEMBERED: Duration = Duration::from_secs(60 * 86_400);

/// Something that ends.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) what: Thing,
    /// Since when it is good.
    pub(super) from: Timestamp,
    /// When it ends.
    pub(super) until: Timestamp,
}

/// What ends.
#[derive(Clone, Debug)]
pub(super) enum Thing {
    /// The certificate of a place.
    Certificate { host: String, port: u16, panel: Option<PanelId> },
    /// One of our API keys.
    ApiKey { id: Uuid, name: String, owner: Option<String> },
}

impl Ending {
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// Whole days until the end; 0 when it is over.
    pub(super) fn days(&self, now: Timestamp) -> u64 {
        self.until.since(now).as_secs() / DAY.as_secs()
    }

    /// What is to be told now: the days of the nearest step, 0 once it is over. Nothing is told while less than two thirds of its
    /// time are over: what lives for a few days only is renewed by then, and not a cause for alarm when it is new.
    fn step(&self, now: Timestamp) -> Option<u32> {
        if self.is_over(now) {
            return Some(0);
        }
        let steps = match self.what {
            Thing::Certificate { .. } => OF_CERTIFICATES,
            Thing::ApiKey { .. } => OF_KEYS,
        };
        let (life, days) = (self.until.since(self.from), self.days(now));
        let mut steps = steps.iter().copied().filter(|step| DAY * *step * 3 <= life);
        steps.find(|step| days <= u64::from(*step))
    }

    /// Names this thing with this end: one that was renewed is another, and one that changes back and forth, as behind a
    /// balancer, is not told of each time.
    fn key(&self) -> Name {
        let thing = match &self.what {
            Thing::Certificate { host, port, .. } => {
                // Names of hosts may be longer than a key.
                let mut short = [0; 16];
                short.copy_from_slice(&digest(&SHA256, format!("{host}:{port}").as_bytes()).as_ref()[..16]);
                format!("certificate/{}", Uuid::from_bytes(short))
            }
            Thing::ApiKey { id, .. } => format!("api_key/{id}"),
        };
        SortText::new(&format!("{thing}/{}", self.until.seconds()))
    }

    fn happening(&self, now: Timestamp) -> Happening {
        let (expires_at, days) = (self.until, self.days(now));
        match self.what.clone() {
            Thing::Certificate { host, port, panel } => {
                Happening::CertificateExpiring(CertificateFacts { host: place(&host, port), panel, expires_at, days })
            }
            Thing::ApiKey { id, name, owner } => {
                let (kind, id) = ("API key".into(), id.to_string());
                Happening::TokenExpiring(KeyFacts { kind, id, name, owner, expires_at, days })
            }
        }
    }
}

impl Thing {
    /// For people.
    fn title(&self) -> String {
        match self {
            Self::Certificate { host, port, .. } => format!("the certificate of {}", place(host, *port)),
            Self::ApiKey { name, .. } => format!("the API key {name}"),
        }
    }
}

fn place(host: &str, port: u16) -> String {
    if port == 443 { host.to_owned() } else { format!("{host}:{port}") }
}

/// Tells of those whose time has come and that were not told of yet, and forgets what ended long ago.
pub(super) fn tell(tx: &mut WriteTx<'_>, env: &Env, endings: &[Ending]) -> Result<()> {
    let now = env.now();
    let mut listeners = Listeners::load(tx)?;
    let mut seen = Vec::new();
    for (ending, days) in endings.iter().filter_map(|ending| Some((ending, ending.step(now)?))) {
        let key = ending.key();
        if tx.get(TOLD, &key)?.is_none_or(|told| told.days > days) {
            listeners.raise(tx, env, &ending.happening(now))?;
            let told = Told { what: ending.what.title(), ends_at: ending.until, days, told_at: now };
            tx.put(TOLD, &key, &told)?;
        }
        seen.push(key);
    }
    for (key, told) in tx.all(TOLD, &Span::all())? {
        if now.since(told.ends_at) > REMEMBERED && !seen.contains(&key) {
            tx.remove(TOLD, &key)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of something that lives for so many days, hour by hour.
    fn told(what: Thing, life: u64) -> Vec<u32> {
        let from = Timestamp::from_seconds(1_700_000_000);
        let ending = Ending { what, from, until: from.plus(DAY * u32::try_from(life).unwrap()) };
        let mut told: Vec<u32> = Vec::new();
        for hour in 0..(life + 40) * 24 {
            let step = ending.step(from.plus(Duration::from_secs(hour * 3600)));
            told.extend(step.filter(|step| told.last().is_none_or(|last| step < last)));
        }
        told
    }

    fn certificate() -> Thing {
        Thing::Certificate { host: "panel.example.com".into(), port: 443, panel: None }
    }

    fn key() -> Thing {
        Thing::ApiKey { id: Uuid::nil(), name: "billing".into(), owner: None }
    }

    #[test]
    fn the_last_third_of_a_life_is_told_in_steps() {
        assert_eq!(told(certificate(), 365), [21, 14, 7, 3, 1, 0]);
        assert_eq!(told(certificate(), 90), [21, 14, 7, 3, 1, 0]);
        assert_eq!(told(certificate(), 47), [14, 7, 3, 1, 0]);
        assert_eq!(told(certificate(), 6), [1, 0]);
        assert_eq!(told(key(), 365), [14, 7, 3, 1, 0]);
        assert_eq!(told(key(), 30), [7, 3, 1, 0]);
        assert_eq!(told(key(), 1), [0]);
    }

    #[test]
    fn names_of_any_length_are_told_apart_and_so_are_ends_and_ports() {
        let named = |host: &str, port, until| {
            let what = Thing::Certificate { host: host.into(), port, panel: None };
            let ending = Ending { what, from: Timestamp::default(), until: Timestamp::from_seconds(until) };
            ending.key()
        };
        let long = "a".repeat(200);
        let all = [
            named(&long, 443, 253_402_300_799),
            named(&format!("{long}b"), 443, 253_402_300_799),
            named(&long, 444, 253_402_300_799),
            named(&long, 443, 253_402_300_798),
        ];
        assert!((0..4).all(|at| all[at + 1..].iter().all(|other| *other != all[at])), "{all:?}");
    }
}
