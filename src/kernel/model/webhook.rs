use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Email, EventId, EventName, EventPattern, PanelId, Weight};
use crate::base::{Error, Fingerprint, Sealed, Timestamp};

/// Names a webhook.
pub type WebhookId = Uuid;
/// Names a delivery. Sorts by when it was written.
pub type DeliveryId = Uuid;

/// Somebody who wants to hear of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What people call it.
    pub name: String,
    /// What it is for, in words.
    pub description: String,
    /// Where events go.
    pub target: HookTarget,
    /// What it is about, as in the older API.
    pub topic: HookTopic,
    /// Whom it is for, as in the older API.
    pub scope: HookScope,
    /// The events it wants.
    pub events: Vec<EventPattern>,
    /// The panels it wants to hear of; empty = all, and what is about none.
    pub panels: Vec<PanelId>,
    /// Nothing that matters less.
    pub least: Weight,
    /// Whether anything is sent.
    pub is_enabled: bool,
    /// Why it was turned off, when Aviary did that.
    pub disabled_why: Option<String>,
    /// Since when every try failed; none after one that went well.
    pub failing_since: Option<Timestamp>,
    /// Tries that failed in a row.
    pub failures: u32,
    /// When the test last went well.
    pub test_success_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by somebody.
    pub updated_at: Timestamp,
}

/// Where events go. Addresses of webhooks are secrets: who knows them can post.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum HookTarget {
    /// A webhook of Discord, or of something that takes the same.
    Discord {
        /// The address, sealed for `webhooks/<id>/url`.
        url: Sealed,
        /// Tells whether two addresses are the same.
        mark: Fingerprint,
        /// The address as it may be shown.
        shown: String,
    },
    /// JSON with the signature of Standard Webhooks.
    Http {
        /// The address, sealed for `webhooks/<id>/url`.
        url: Sealed,
        /// Tells whether two addresses are the same.
        mark: Fingerprint,
        /// The address as it may be shown.
        shown: String,
        /// The secret to sign with, `whsec_…`, sealed for `webhooks/<id>/secret`.
        secret: Sealed,
        /// The secret before the last renewal, and until when is signed with it too; sealed for `webhooks/<id>/old_secret`.
        old_secret: Option<(Sealed, Timestamp)>,
    },
    /// Mail.
    Mail {
        /// To whom.
        to: Vec<Email>,
    },
}

impl HookTarget {
    /// The word, as in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Discord { .. } => "discord",
            Self::Http { .. } => "http",
            Self::Mail { .. } => "mail",
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $field:literal { $($(#[$of:meta])* $item:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        #[allow(missing_docs, reason = "the names say it")]
        pub enum $name { $($(#[$of])* $item,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$item,)*];

            /// The word, as in JSON.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$item => $word,)* }
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::ALL.iter().copied().find(|item| item.word() == text).ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(|item| item.word()).collect();
                    Error::invalid($field, format!("is one of {}", all.join(", ")))
                })
            }
        }
    };
}

words! {
    /// What a webhook is about. Numbers are on disk: append only.
    HookTopic, "type" {
        GameServer = "GAME_SERVER",
        Vps = "VPS",
        System = "SYSTEM",
        Billing = "BILLING",
        Security = "SECURITY",
        Support = "SUPPORT",
        Custom = "CUSTOM",
    }
}

words! {
    /// Whom a webhook is for. Numbers are on disk: append only.
    HookScope, "scope" {
        Admin = "ADMIN",
        User = "USER",
        Public = "PUBLIC",
    }
}

/// An event on its way to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// To where.
    pub webhook: WebhookId,
    /// What.
    pub event: EventId,
    /// The name of the event.
    pub name: EventName,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was written or, if it was since, asked for again.
    pub asked_at: Timestamp,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// Why it was given up or not sent.
    pub why: Option<String>,
    /// Tries since it was written or asked for again.
    pub tries: u32,
    /// The tries, oldest first; of many the latest [`Delivery::ATTEMPTS`].
    pub attempts: Vec<DeliveryAttempt>,
}

impl Delivery {
    /// So many tries are kept.
    pub const ATTEMPTS: usize = 25;
}

/// Where a delivery stands. Numbers are on disk: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Waits for its first try, or for another.
    Waiting,
    /// Taken by the other side.
    Delivered,
    /// Given up; can be asked for again.
    Failed,
    /// Not sent, since the webhook was turned off or removed, or somebody said so.
    Dropped,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Delivered, Self::Failed, Self::Dropped];

    /// The word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// The number on disk.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl FromStr for DeliveryState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|state| state.word() == text);
        found.ok_or_else(|| Error::invalid("state", "is waiting, delivered, failed or dropped"))
    }
}

/// A try to deliver something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryAttempt {
    /// When it began.
    pub at: Timestamp,
    /// Milliseconds it took.
    pub took_ms: u64,
    /// The status of the answer; none when there was none.
    pub status: Option<u16>,
    /// What went wrong; none = it was taken.
    pub error: Option<String>,
    /// The beginning of the answer.
    pub excerpt: String,
    /// How many events went with it in one message, this one included.
    pub together: u32,
}
