//! What ties events to each other: each holds a hash over itself and the hash before it, so none can be changed, taken out
//! or put in between without all that follow telling.

use std::fmt::Write as _;

use aviary_kernel::model::AuditEvent;
use ring::digest::{Context, SHA256};

/// What stands before the first event.
pub(super) const START: [u8; 32] = [0; 32];

/// The hash of an event that follows one with the hash `before`. Over text with lengths, not over what is on disk, so that it
/// outlives changes of the record.
pub(super) fn hash(before: &[u8; 32], seq: u64, event: &AuditEvent) -> [u8; 32] {
    let mut sum = Sum(Context::new(&SHA256));
    sum.0.update(b"aviary audit 1");
    sum.0.update(before);
    sum.0.update(&seq.to_be_bytes());
    sum.0.update(&event.at.millis().to_be_bytes());
    sum.text(&event.actor.who.to_string());
    sum.text(&event.actor.name);
    let origin = &event.actor.origin;
    sum.maybe(origin.address.map(|address| address.to_string()).as_deref());
    sum.maybe(origin.user_agent.as_deref());
    sum.maybe(origin.request_id.as_deref());
    sum.text(event.action.name());
    match &event.target {
        Some(target) => [&target.kind, &target.id, &target.name].into_iter().for_each(|part| sum.maybe(Some(part))),
        None => sum.maybe(None),
    }
    sum.number(event.changes.len());
    for change in &event.changes {
        sum.text(&change.field);
        sum.maybe(change.before.as_deref());
        sum.maybe(change.after.as_deref());
    }
    sum.text(event.outcome.went().word());
    sum.maybe(event.outcome.reason());
    sum.finish()
}

/// Bytes as hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

struct Sum(Context);

impl Sum {
    fn number(&mut self, number: usize) {
        self.0.update(&(number as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.update(text.as_bytes());
    }

    fn maybe(&mut self, text: Option<&str>) {
        self.number(usize::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn finish(self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.0.finish().as_ref());
        hash
    }
}
