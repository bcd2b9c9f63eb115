//! Whether the trail is what was once written: every event is hashed again, every checkpoint looked at.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use aviary_kernel::base::{Error, Result, Sealer, Timestamp};
use aviary_kernel::model::{Action, AuditCheckpoint, AuditEvent};
use aviary_kernel::store::tables::{AUDIT, AUDIT_CHECKPOINTS};
use aviary_kernel::store::{Direction, Key, Read, Row, Span, Store, Table, codec};
use tracing::info;

use super::chain::{self, hex};
use super::{Audit, SERIES, checkpoints, trim};

/// Rows that are read in one look.
const PAGE: usize = 1000;
/// Faults that are told one by one.
const MOST_FAULTS: usize = 100;
/// The log tells of each so many events.
const TOLD_EVERY: u64 = 100_000;

/// What was looked at, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// The number of the first event; none when there are no events.
    pub first: Option<u64>,
    /// The number of the last one.
    pub last: Option<u64>,
    /// Events that were hashed again.
    pub events: u64,
    /// The checkpoint that the first event follows; none when the trail begins with its first event.
    pub anchor: Option<u64>,
    /// Checkpoints that were looked at.
    pub checkpoints: u64,
    /// The newest event that a checkpoint vouches for, and since when.
    pub signed: Option<(u64, Timestamp)>,
    /// The key that checkpoints are signed with, in hex; none when there is none yet.
    pub public_key: Option<String>,
    /// What is wrong, the first event first; at most 100.
    pub faults: Vec<Fault>,
    /// How many faults there are in all.
    pub fault_count: u64,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }
}

/// Something in the trail that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The record of this event cannot be read.
    Unreadable(u64),
    /// This event, or the hash of the one before it, was changed.
    Changed(u64),
    /// These events are not there.
    Missing {
        /// From this one ...
        from: u64,
        /// ... to this one.
        to: u64,
    },
    /// What came before this event is not there, and no checkpoint tells what it was.
    NoBeginning(u64),
    /// Events up to this one are not there, and no event tells that they were trimmed.
    TrimmedUnasked(u64),
    /// Events behind this one are not there, up to the second.
    CutOff(u64, u64),
    /// This event was put behind the last one that Aviary wrote.
    Foreign(u64),
    /// The event of this checkpoint is not the one that was signed.
    NotAsSigned(u64),
    /// The record or the signature of this checkpoint is broken.
    BadSignature(u64),
    /// This checkpoint is signed with another key.
    OtherSigner(u64),
    /// The key to sign with does not open; why.
    NoKey(String),
    /// The key to sign with is not the one that was asked for.
    OtherKey,
}

impl Fault {
    /// The event that it is about.
    pub fn seq(&self) -> Option<u64> {
        match self {
            Self::Unreadable(seq)
            | Self::Changed(seq)
            | Self::NoBeginning(seq)
            | Self::TrimmedUnasked(seq)
            | Self::Foreign(seq)
            | Self::NotAsSigned(seq)
            | Self::BadSignature(seq)
            | Self::OtherSigner(seq) => Some(*seq),
            Self::Missing { from, .. } => Some(*from),
            Self::CutOff(last, _) => Some(last + 1),
            Self::NoKey(_) | Self::OtherKey => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(seq) => write!(f, "event {seq} cannot be read"),
            Self::Changed(seq) => write!(f, "event {seq} does not fit: it was changed, or the one before it was"),
            Self::Missing { from, to } if from == to => write!(f, "event {from} is missing"),
            Self::Missing { from, to } => write!(f, "events {from} to {to} are missing"),
            Self::NoBeginning(seq) => {
                write!(f, "what came before event {seq} is missing, and no checkpoint vouches for it")
            }
            Self::TrimmedUnasked(seq) => {
                write!(f, "events up to {seq} are missing, and it is not on record that they were removed")
            }
            Self::CutOff(last, known) => {
                write!(f, "the trail ends with event {last}, but there was an event {known}: its end was cut off")
            }
            Self::Foreign(seq) => write!(f, "event {seq} was not numbered by Aviary: it was put there"),
            Self::NotAsSigned(seq) => write!(f, "event {seq} is not the one that its checkpoint was signed for"),
            Self::BadSignature(seq) => {
                write!(f, "the checkpoint of event {seq} was changed: its signature is not right")
            }
            Self::OtherSigner(seq) => write!(f, "the checkpoint of event {seq} was signed with another key"),
            Self::NoKey(why) => write!(f, "the key that checkpoints are signed with cannot be used: {why}"),
            Self::OtherKey => f.write_str("the key that checkpoints are signed with is not the one that was expected"),
        }
    }
}

type Loaded<V> = Vec<(u64, Result<V>)>;

/// The rows behind a number, unreadable ones too.
fn rows<V: Row<u64>>(reader: &impl Read, table: Table<u64, V>, after: Option<u64>) -> Result<Loaded<V>> {
    let span = after.map_or_else(Span::all, |seq| Span::all().after(&seq.to_bytes(), Direction::Up));
    let mut rows = Vec::new();
    reader.walk_bytes(table.name(), &span, Direction::Up, &mut |key, value| {
        let seq = u64::from_bytes(key).ok_or_else(|| Error::corrupt(table.name(), "a key cannot be read"))?;
        rows.push((seq, codec::decode(table.name(), value)));
        Ok(if rows.len() < PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(rows)
}

/// What is known before the walk, from one look.
struct Known {
    checkpoints: Loaded<AuditCheckpoint>,
    public_key: Result<Option<[u8; 32]>, String>,
    /// The number that was given out last.
    numbered: u64,
    /// The number of the last event.
    last: Option<u64>,
}

impl Known {
    fn look(reader: &impl Read, sealer: &Sealer) -> Result<Self> {
        let mut all = Vec::new();
        loop {
            let page = rows(reader, AUDIT_CHECKPOINTS, all.last().map(|(seq, _): &(u64, _)| *seq))?;
            let is_last = page.len() < PAGE;
            all.extend(page);
            if is_last {
                break;
            }
        }
        let public_key = match checkpoints::public_key(reader, sealer) {
            Ok(key) => Ok(key),
            Err(error @ (Error::Unusable(_) | Error::Corrupt { .. })) => Err(error.to_string()),
            Err(error) => return Err(error),
        };
        let last = reader.last_key(AUDIT, &Span::all())?;
        Ok(Self { checkpoints: all, public_key, numbered: reader.last_number(SERIES)?, last })
    }
}

/// A walk along the trail.
#[derive(Default)]
struct Walk {
    found: Verified,
    /// What checkpoints of ours vouch for.
    signed: BTreeMap<u64, [u8; 32]>,
    /// The hash of the event before; none = it is not known.
    before: Option<[u8; 32]>,
    /// Up to where events were removed, as the trail itself tells.
    trimmed: u64,
}

impl Walk {
    fn keys(&mut self, known: &Known, expected: Option<&str>) {
        match &known.public_key {
            Ok(key) => self.found.public_key = key.as_ref().map(|key| hex(key)),
            Err(why) => self.found.fault(Fault::NoKey(why.clone())),
        }
        let ours = self.found.public_key.as_deref();
        if expected.is_some_and(|expected| !ours.is_some_and(|key| key.eq_ignore_ascii_case(expected.trim()))) {
            self.found.fault(Fault::OtherKey);
        }
    }

    fn checkpoints(&mut self, known: Known) {
        let ours = known.public_key.ok().flatten();
        for (seq, checkpoint) in known.checkpoints {
            self.found.checkpoints += 1;
            match checkpoint {
                Ok(checkpoint) if checkpoint.seq != seq || !checkpoints::is_signed(&checkpoint) => {
                    self.found.fault(Fault::BadSignature(seq));
                }
                Ok(checkpoint) if Some(checkpoint.public_key) != ours => self.found.fault(Fault::OtherSigner(seq)),
                Ok(checkpoint) => {
                    self.found.signed = Some((seq, checkpoint.at));
                    self.signed.insert(seq, checkpoint.hash);
                }
                Err(_) => self.found.fault(Fault::BadSignature(seq)),
            }
        }
    }

    fn event(&mut self, seq: u64, event: Result<AuditEvent>) {
        match self.found.last {
            None => self.begin(seq),
            Some(last) if last + 1 < seq => {
                self.found.fault(Fault::Missing { from: last + 1, to: seq - 1 });
                self.before = None;
            }
            Some(_) => {}
        }
        self.found.last = Some(seq);
        let Ok(event) = event else {
            self.found.fault(Fault::Unreadable(seq));
            self.before = None;
            return;
        };
        self.found.events += 1;
        if self.before.is_some_and(|before| chain::hash(&before, seq, &event) != event.hash) {
            self.found.fault(Fault::Changed(seq));
        }
        if self.signed.get(&seq).is_some_and(|hash| *hash != event.hash) {
            self.found.fault(Fault::NotAsSigned(seq));
        }
        if event.action == Action::AuditTrimmed {
            self.trimmed = self.trimmed.max(trim::up_to(&event));
        }
        self.before = Some(event.hash);
    }

    fn begin(&mut self, first: u64) {
        self.found.first = Some(first);
        if first == 1 {
            self.before = Some(chain::START);
        } else if let Some(hash) = self.signed.get(&(first - 1)) {
            self.found.anchor = Some(first - 1);
            self.before = Some(*hash);
        } else {
            self.found.fault(Fault::NoBeginning(first));
        }
    }

    fn end(mut self, numbered: u64) -> Verified {
        let last = self.found.last.unwrap_or(0);
        let known = self.signed.keys().next_back().copied().unwrap_or(0).max(numbered);
        if known > last {
            self.found.fault(Fault::CutOff(last, known));
        }
        (numbered + 1..=last).take(MOST_FAULTS).for_each(|seq| self.found.fault(Fault::Foreign(seq)));
        if let Some(anchor) = self.found.anchor.filter(|anchor| *anchor > self.trimmed) {
            self.found.fault(Fault::TrimmedUnasked(anchor));
        }
        self.found.faults.sort_by_key(Fault::seq);
        self.found
    }
}

/// Reads a page at a time, so that no snapshot lives long.
async fn walk(store: &Store, sealer: Arc<Sealer>, expected: Option<String>) -> Result<Verified> {
    let known = store.read(move |tx| Known::look(tx, &sealer)).await?;
    let (numbered, last) = (known.numbered, known.last);
    let mut walk = Walk::default();
    walk.keys(&known, expected.as_deref());
    walk.checkpoints(known);
    // What is written meanwhile belongs to the next look.
    while last.is_some_and(|last| walk.found.last.is_none_or(|at| at < last)) {
        let after = walk.found.last;
        let page = store.read(move |tx| rows(tx, AUDIT, after)).await?;
        if page.is_empty() {
            break;
        }
        for (seq, event) in page.into_iter().filter(|(seq, _)| Some(*seq) <= last) {
            walk.event(seq, event);
        }
        if walk.found.events % TOLD_EVERY == 0 {
            info!(done = walk.found.events, of = last, "verifying the audit trail");
        }
    }
    Ok(walk.end(numbered))
}

impl Audit {
    /// Looks at the whole trail: every hash, every number, every checkpoint. `public_key` (hex) is the key that somebody
    /// kept elsewhere, if they did.
    ///
    /// It cannot tell when events behind the newest checkpoint were replaced by somebody who counts all hashes anew; those
    /// are at most an hour old.
    ///
    /// # Errors
    /// When the file cannot be read. What is wrong with the trail is no error but in the answer.
    pub async fn verify(&self, public_key: Option<String>) -> Result<Verified> {
        let _still = self.inner.whole.lock().await;
        walk(&self.inner.store, self.inner.sealer.clone(), public_key).await
    }
}
