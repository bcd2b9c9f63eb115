//! Jobs, schedules, events, webhooks, deliveries and mails.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::everywhere;
use crate::base::{Sealed, Timestamp};
use crate::model::{
    AccountId, Delivery, DeliveryState, Email, Event, Job, JobKind, JobState, Letter, Mail, MailContent, MailState,
    Schedule, Webhook, WebhookId,
};
use crate::store::codec::decode_body;
use crate::store::tables::{self, Name, counted};
use crate::store::{Counter, DecodeError, Entries, Record, Row, SortText};

impl Record for Job {}
impl Row<Uuid> for Job {
    fn entries(&self, id: &Uuid, out: &mut Entries) {
        let kind = self.kind.number();
        out.index(tables::JOBS_OF, &(kind, self.state.number(), *id));
        if self.state.is_waiting() {
            out.index(tables::JOBS_DUE, &(kind, self.due_at, *id));
        }
        if let Some(unique) = self.unique.as_ref().filter(|_| !self.state.is_over()) {
            out.index(tables::JOBS_UNIQUE, &(SortText::new(unique), *id));
        }
        out.count(self.kind.counter(self.state));
    }
}

impl JobKind {
    /// The jobs of this kind in a state, as a counter.
    pub fn counter(self, state: JobState) -> Counter {
        everywhere(counted::JOBS, u64::from(self.number()) << 8 | u64::from(state.number()))
    }
}

impl Record for Schedule {}
impl Row<Uuid> for Schedule {}

impl Record for Event {}
impl Row<Uuid> for Event {
    fn entries(&self, id: &Uuid, out: &mut Entries) {
        out.index(tables::EVENTS_BY_NAME, &(self.name.number(), *id));
    }
}

impl Record for Webhook {}
impl Row<Uuid> for Webhook {}

impl Record for Delivery {}
impl Row<Uuid> for Delivery {
    fn entries(&self, id: &Uuid, out: &mut Entries) {
        out.index(tables::DELIVERIES_OF, &(self.webhook, self.state.number(), *id));
        out.index(tables::DELIVERIES_OF_EVENT, &(self.event, *id));
        if self.state == DeliveryState::Waiting {
            out.index(tables::DELIVERIES_DUE, &(self.webhook, self.due_at, *id));
        }
        out.count(self.state.counter(self.webhook));
    }
}

impl DeliveryState {
    /// The deliveries to a webhook in this state, as a counter.
    pub fn counter(self, webhook: WebhookId) -> Counter {
        everywhere(counted::DELIVERIES + self.number(), webhook.as_u64_pair().1)
    }
}

/// What was told of something whose time is nearly over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What it is, for people.
    pub what: String,
    /// When it ends.
    pub ends_at: Timestamp,
    /// The last time that was told: so many days before the end, or after it when 0.
    pub days: u32,
    /// When that was told.
    pub told_at: Timestamp,
}

impl Record for Told {}
impl Row<Name> for Told {}

impl Record for Mail {
    const VERSION: u16 = 2;

    fn from_older(version: u16, body: &[u8]) -> Result<Self, DecodeError> {
        match version {
            1 => Ok(decode_body::<MailV1>(body)?.into()),
            v => Err(format!("version {v} of the record is unknown to this release").into()),
        }
    }
}

impl Row<u64> for Mail {
    fn entries(&self, number: &u64, out: &mut Entries) {
        out.index(tables::MAILS_BY_STATE, &(self.state.number(), *number));
        out.count(self.state.counter());
    }
}

impl MailState {
    /// The mails in this state, as a counter.
    pub fn counter(self) -> Counter {
        everywhere(counted::MAILS, u64::from(self.number()))
    }
}

/// A mail while none were sent.
#[derive(Deserialize)]
struct MailV1 {
    to: Email,
    account: AccountId,
    name: String,
    letter: Letter,
    token: Option<Sealed>,
    written_at: Timestamp,
}

impl From<MailV1> for Mail {
    fn from(old: MailV1) -> Self {
        let MailV1 { to, account, name, letter, token, written_at } = old;
        Self {
            to,
            says: MailContent::Letter { letter, account, name, token },
            written_at,
            state: MailState::Kept,
            job: None,
            taken: None,
            attempts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::store::codec;

    #[derive(Serialize)]
    struct Old {
        to: Email,
        account: AccountId,
        name: String,
        letter: Letter,
        token: Option<Sealed>,
        written_at: Timestamp,
    }

    #[test]
    fn a_mail_of_the_first_version_is_kept_until_somebody_sends_it() {
        let old = Old {
            to: Email::parse("ada@example.com").unwrap(),
            account: AccountId(Uuid::from_u128(7)),
            name: "Ada".into(),
            letter: Letter::MagicLink,
            token: None,
            written_at: Timestamp::from_seconds(5),
        };
        let body = bincode::serde::encode_to_vec(&old, bincode::config::standard()).unwrap();
        let bytes = [&[1, 0, 1], body.as_slice()].concat();
        let mail = codec::decode::<Mail>("mails", &bytes).unwrap();
        assert_eq!((mail.state, mail.to, mail.written_at), (MailState::Kept, old.to, old.written_at));
        let letter = MailContent::Letter { letter: old.letter, account: old.account, name: old.name, token: None };
        assert_eq!(mail.says, letter);
    }
}
