use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PanelId;
use crate::base::{Error, Timestamp};

/// Names an event. Sorts by time.
pub type EventId = Uuid;

/// How much an event matters. Numbers are on disk: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody must act.
    Alert,
}

impl Weight {
    /// All of them, the lightest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Alert];

    /// The word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Alert => "alert",
        }
    }
}

impl FromStr for Weight {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|weight| weight.word() == text);
        found.ok_or_else(|| Error::invalid("severity", "is info, warning or alert"))
    }
}

/// Declares every event once. Numbers are on disk: append only, and never use one again.
macro_rules! event_names {
    ($($number:literal $name:ident = $text:literal, $weight:ident, $says:literal;)*) => {
        /// What can happen and be told, `noun.verb`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventName { $(#[doc = $says] $name,)* }

        impl EventName {
            /// Every event there is.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The string, such as `sync.failed`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What happened, for people.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }

            /// How much it matters.
            pub const fn weight(self) -> Weight {
                match self { $(Self::$name => Weight::$weight,)* }
            }

            /// The number on disk.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The event of a number.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

event_names! {
    1 SyncStarted = "sync.started", Info, "A sync began.";
    2 SyncCompleted = "sync.completed", Info, "A sync ended well.";
    3 SyncFailed = "sync.failed", Alert, "A sync failed; nothing was removed.";
    4 SyncCancelled = "sync.cancelled", Info, "A sync was cancelled.";
    5 DriftFound = "drift.found", Warning, "More things do not fit together than before.";
    6 RemovalStopped = "removal.stopped", Alert, "So much would be removed that a person must decide.";

    10 SignInBurst = "sign_in.burst", Alert, "Many sign-ins failed in a short time.";
    11 UserRegistered = "user.registered", Info, "Somebody made an account.";
    12 SettingsChanged = "settings.changed", Info, "Settings were changed.";

    20 JobDead = "job.dead", Alert, "A job failed for good.";
    21 ScheduleMissed = "schedule.missed", Warning, "Something scheduled did not run when it was due.";
    22 PanelUnreachable = "panel.unreachable", Alert, "A panel does not answer.";
    23 PanelBack = "panel.back", Info, "A panel answers again.";
    24 CertificateExpiring = "certificate.expiring", Warning, "A certificate is nearly past its time.";
    25 TokenExpiring = "token.expiring", Warning, "A key is nearly past its time.";
    26 StoreReadOnly = "store.read_only", Alert, "The disk takes no writes; nothing was lost.";
    27 StoreWritable = "store.writable", Info, "The disk takes writes again.";
    28 WebhookDisabled = "webhook.disabled", Alert, "A webhook kept failing and was turned off.";
    29 MailRefused = "mail.refused", Warning, "A mail was refused or came back.";
    30 AuditBurst = "audit.burst", Alert, "Something unusual was put on record many times.";

    40 TicketCreated = "support.ticket_created", Info, "A support ticket was opened; sent by another program.";
    41 Notice = "notice.posted", Info, "Another program wants something told.";
    42 Test = "webhook.test", Info, "Somebody tries whether a webhook works.";

    100 ServerCreated = "server.created", Info, "A server is new on a panel.";
    101 ServerUpdated = "server.updated", Info, "A server was changed.";
    102 ServerRemoved = "server.removed", Info, "A server is gone from its panel.";
    103 ServerSuspended = "server.suspended", Warning, "A server was suspended.";
    104 ServerUnsuspended = "server.unsuspended", Info, "A server is no longer suspended.";
    110 NodeCreated = "node.created", Info, "A node is new on a panel.";
    111 NodeUpdated = "node.updated", Info, "A node was changed.";
    112 NodeRemoved = "node.removed", Info, "A node is gone from its panel.";
    120 LocationCreated = "location.created", Info, "A location is new on a panel.";
    121 LocationUpdated = "location.updated", Info, "A location was changed.";
    122 LocationRemoved = "location.removed", Info, "A location is gone from its panel.";
    130 AllocationCreated = "allocation.created", Info, "An allocation is new on a panel.";
    131 AllocationUpdated = "allocation.updated", Info, "An allocation was changed.";
    132 AllocationRemoved = "allocation.removed", Info, "An allocation is gone from its panel.";
    140 NestCreated = "nest.created", Info, "A nest is new on a panel.";
    141 NestUpdated = "nest.updated", Info, "A nest was changed.";
    142 NestRemoved = "nest.removed", Info, "A nest is gone from its panel.";
    150 EggCreated = "egg.created", Info, "An egg is new on a panel.";
    151 EggUpdated = "egg.updated", Info, "An egg was changed.";
    152 EggRemoved = "egg.removed", Info, "An egg is gone from its panel.";
    160 EggVariableCreated = "egg_variable.created", Info, "An egg variable is new on a panel.";
    161 EggVariableUpdated = "egg_variable.updated", Info, "An egg variable was changed.";
    162 EggVariableRemoved = "egg_variable.removed", Info, "An egg variable is gone from its panel.";
    170 UserCreated = "user.created", Info, "A user is new on a panel.";
    171 UserUpdated = "user.updated", Info, "A user of a panel was changed.";
    172 UserRemoved = "user.removed", Info, "A user is gone from its panel.";
    180 DatabaseCreated = "database.created", Info, "A database of a server is new on a panel.";
    181 DatabaseUpdated = "database.updated", Info, "A database of a server was changed.";
    182 DatabaseRemoved = "database.removed", Info, "A database of a server is gone from its panel.";
    190 SubuserCreated = "subuser.created", Info, "A subuser is new on a panel.";
    191 SubuserUpdated = "subuser.updated", Info, "A subuser was changed.";
    192 SubuserRemoved = "subuser.removed", Info, "A subuser is gone from its panel.";
}

impl EventName {
    /// Whether it is about a mirrored object.
    pub const fn is_of_mirror(self) -> bool {
        self.number() >= 100
    }

    /// The noun, such as `server`.
    pub fn noun(self) -> &'static str {
        self.name().split_once('.').map_or(self.name(), |(noun, _)| noun)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EventName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().copied().find(|event| event.name() == text);
        found.ok_or_else(|| Error::invalid("event", "is no event that Aviary tells"))
    }
}

super::by_number!(EventName, "event");

/// Events that somebody wants to hear of: `server.created`, `server.*`, `*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EventPattern(String);

impl EventPattern {
    /// Every event.
    pub fn all() -> Self {
        Self("*".into())
    }

    /// Reads a pattern. One that matches no event is refused, so that a slip of the pen is found when it is made.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let pattern = Self(text.trim().to_owned());
        if EventName::ALL.iter().any(|event| pattern.covers(*event)) {
            return Ok(pattern);
        }
        let shown: String = pattern.0.chars().take(60).collect();
        Err(Error::invalid(
            "events",
            format!("“{shown}” stands for no event; write one such as sync.failed, server.* or *"),
        ))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it stands for `event`. The test of a webhook goes only where it is sent.
    pub fn covers(&self, event: EventName) -> bool {
        if event == EventName::Test {
            return false;
        }
        self.0 == "*" || self.0 == event.name() || self.0.strip_suffix(".*").is_some_and(|noun| noun == event.noun())
    }
}

/// Something that happened, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its id; the same in every delivery.
    pub id: EventId,
    /// What happened.
    pub name: EventName,
    /// When.
    pub at: Timestamp,
    /// The panel it is about.
    pub panel: Option<PanelId>,
    /// What happened, one sentence for people.
    pub summary: String,
    /// The facts: a JSON object, without secrets.
    pub data: String,
    /// The program or person that wants it told; none = Aviary noticed it.
    pub posted_by: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_numbers_are_unique_and_come_back() {
        let names: HashSet<_> = EventName::ALL.iter().map(|event| event.name()).collect();
        assert_eq!(names.len(), EventName::ALL.len());
        for event in EventName::ALL {
            assert_eq!(EventName::from_number(event.number()), Some(*event));
            assert_eq!(event.name().parse::<EventName>().unwrap(), *event);
        }
    }

    #[test]
    fn patterns_stand_for_one_a_noun_or_all() {
        let covers = |text: &str, event| EventPattern::parse(text).unwrap().covers(event);
        assert!(covers("*", EventName::JobDead) && covers("sync.*", EventName::SyncFailed));
        assert!(covers("server.created", EventName::ServerCreated));
        assert!(!covers("server.created", EventName::ServerRemoved) && !covers("user.*", EventName::ServerRemoved));
        assert!(!covers("*", EventName::Test));
        for bad in ["", "server", "server.", "server.fly", "*.created", "**", ".*", "webhook.test"] {
            assert!(EventPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
