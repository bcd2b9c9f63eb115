use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Actor;
use crate::base::{Error, Timestamp};

/// Declares every action once. Numbers are on disk: append only, and never use one again.
macro_rules! actions {
    ($($number:literal $name:ident = $text:literal, $does:literal;)*) => {
        /// What can be done and is put on record, `noun.verb`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $(#[doc = $does] $name,)* }

        impl Action {
            /// Every action there is.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The string, such as `panel.add`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What was done, for people.
            pub const fn does(self) -> &'static str {
                match self { $(Self::$name => $does,)* }
            }

            /// The number on disk.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The action of a number.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

actions! {
    1 SignedIn = "account.sign_in", "Signed in";
    2 SignInFailed = "account.sign_in_failed", "Tried to sign in";
    3 SignedOut = "account.sign_out", "Signed out";
    4 AccountLocked = "account.lock", "Was locked out after wrong passwords";
    5 AccountUnlocked = "account.unlock", "Let somebody try again";
    6 Registered = "account.register", "Registered";
    7 AccountMade = "account.create", "Made an account";
    8 AccountChanged = "account.update", "Changed an account";
    9 AccountDisabled = "account.disable", "Disabled an account";
    10 AccountEnabled = "account.enable", "Enabled an account";
    11 AccountRemoved = "account.remove", "Removed an account";
    12 RolesChanged = "account.set_roles", "Changed somebody's roles";
    13 EmailVerified = "account.verify_email", "Proved an e-mail address";
    14 EmailChangeAsked = "account.ask_email_change", "Asked for another e-mail address";
    15 EmailChanged = "account.change_email", "Changed the e-mail address";
    16 PasswordChanged = "account.change_password", "Changed the password";
    17 PasswordResetAsked = "account.ask_password_reset", "Asked for another password";
    18 PasswordReset = "account.reset_password", "Set another password";
    19 MagicLinkAsked = "account.ask_magic_link", "Asked for a link to sign in";
    20 RefreshReused = "session.reuse", "Used a refresh token again; the session was ended";
    21 SessionEnded = "session.revoke", "Ended a session";
    22 SecondFactorOn = "second_factor.enable", "Turned the second factor on";
    23 SecondFactorOff = "second_factor.disable", "Turned the second factor off";
    24 SecondFactorReset = "second_factor.reset", "Reset somebody's second factor";
    25 RecoveryCodesRenewed = "second_factor.renew_codes", "Renewed the recovery codes";
    26 RecoveryCodeUsed = "second_factor.use_code", "Signed in with a recovery code";
    30 FirstRunAsked = "first_run.ask", "Asked for the link that makes the first administrator";
    31 FirstRunDone = "first_run.complete", "Became the first administrator";
    32 ConfirmationFailed = "account.confirm_failed", "Gave a wrong password or code to confirm a change";
    34 VerificationAsked = "account.ask_verification", "Asked for another link to prove the address";

    40 RoleMade = "role.create", "Made a role";
    41 RoleChanged = "role.update", "Changed a role";
    42 RoleRemoved = "role.remove", "Removed a role";
    43 ApiKeyMade = "apikey.create", "Made an API key";
    44 ApiKeyChanged = "apikey.update", "Changed an API key";
    45 ApiKeyRotated = "apikey.rotate", "Renewed an API key";
    46 ApiKeyRevoked = "apikey.revoke", "Took an API key back";

    60 SettingChanged = "settings.change", "Changed a setting";
    61 SettingUndone = "settings.undo", "Undid a change of a setting";
    62 ConnectionTested = "settings.test", "Tested a connection";
    63 KeyRotationBegun = "secret.rotate", "Began to renew the master key";
    64 KeyRotated = "secret.rotated", "Renewed the master key";

    80 PanelAdded = "panel.add", "Added a panel";
    81 PanelChanged = "panel.update", "Changed a panel";
    82 PanelRemoved = "panel.remove", "Removed a panel";
    83 PanelTested = "panel.test", "Tested a panel";
    84 SyncStarted = "sync.start", "Started a sync";
    85 SyncCancelled = "sync.cancel", "Cancelled a sync";
    86 RemovalConfirmed = "removal.confirm", "Confirmed removals";
    87 RemovalRefused = "removal.refuse", "Refused removals";
    88 RefusalTakenBack = "removal.take_back", "Took a refusal of removals back";

    100 AccessRefused = "access.refuse", "Was refused";
    101 RequestsLimited = "access.limit", "Made too many requests";
    102 AlertRaised = "alert.raise", "An alert was raised";

    120 AuditExported = "audit.export", "Exported the audit trail";
    121 AuditTrimmed = "audit.trim", "Old audit events were removed";
    122 StoreChecked = "store.check", "Checked the data file";
    123 MailSeen = "mail.see", "Looked at a mail";
    125 BackupMade = "backup.make", "Made a backup";
    126 BackupRestored = "backup.restore", "Restored a backup";
    127 SearchExported = "search.export", "Exported what a search found";

    130 JobRetried = "job.retry", "Let a job try again";
    131 JobCancelled = "job.cancel", "Cancelled a job";
    132 JobRemoved = "job.remove", "Removed a job";
    133 ScheduleMade = "schedule.create", "Made a schedule";
    134 ScheduleChanged = "schedule.update", "Changed a schedule";
    135 ScheduleRemoved = "schedule.remove", "Removed a schedule";
    136 SchedulePaused = "schedule.pause", "Held a schedule back";
    137 ScheduleResumed = "schedule.resume", "Let a schedule go on";
    138 ScheduleRun = "schedule.run", "Ran a schedule by hand";

    140 WebhookMade = "webhook.create", "Made a webhook";
    141 WebhookChanged = "webhook.update", "Changed a webhook";
    142 WebhookRemoved = "webhook.remove", "Removed a webhook";
    143 WebhookTested = "webhook.test", "Tested a webhook";
    144 WebhookDisabled = "webhook.disable", "Turned a webhook off";
    145 WebhookSecretSeen = "webhook.see_secret", "Looked at the secret of a webhook";
    146 WebhookSecretRenewed = "webhook.renew_secret", "Renewed the secret of a webhook";
    147 DeliveryRepeated = "delivery.repeat", "Sent deliveries again";
    148 DeliveryDropped = "delivery.drop", "Dropped deliveries";
    149 EventSent = "event.send", "Had an event told";
    150 MailQueued = "mail.queue", "Had a mail sent";
    151 MailRepeated = "mail.repeat", "Sent a mail again";
    152 MailDropped = "mail.drop", "Dropped a mail";
    153 MailTested = "mail.test", "Tried whether mail works";
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Action {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().copied().find(|action| action.name() == text);
        found.ok_or_else(|| Error::invalid("action", "is no action that is put on record"))
    }
}

super::by_number!(Action, "action");

/// One line of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// When.
    pub at: Timestamp,
    /// Who, and from where.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// To what.
    pub target: Option<AuditTarget>,
    /// What became different, secrets masked.
    pub changes: Vec<AuditChange>,
    /// How it went.
    pub outcome: Outcome,
    /// SHA-256 over the hash of the event before and everything above; see `domain::audit`.
    pub hash: [u8; 32],
}

/// What something was done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditTarget {
    /// Such as `account`, `role`, `panel`, `setting`, or the kind of a mirrored object.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// What it was called then.
    pub name: String,
}

impl fmt::Display for AuditTarget {
    /// Kind and id, such as `panel/3`; what the trail is filtered by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// A field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditChange {
    /// The field.
    pub field: String,
    /// Before; none = there was none.
    pub before: Option<String>,
    /// After; none = there is none.
    pub after: Option<String>,
}

/// How something went. Numbers are on disk: append only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Done.
    Done,
    /// Refused, and why.
    Refused(String),
    /// Tried, and what went wrong.
    Failed(String),
}

impl Outcome {
    /// How it went in one word, as in filters and exports.
    pub fn went(&self) -> Went {
        match self {
            Self::Done => Went::Done,
            Self::Refused(_) => Went::Refused,
            Self::Failed(_) => Went::Failed,
        }
    }

    /// Why it was refused or failed.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Refused(why) | Self::Failed(why) => Some(why),
        }
    }
}

/// How something went, without the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Went {
    Done,
    Refused,
    Failed,
}

impl Went {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Done, Self::Refused, Self::Failed];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for Went {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|went| went.word() == text);
        found.ok_or_else(|| Error::invalid("outcome", "is done, refused or failed"))
    }
}

/// A signed note of what the trail looked like: whoever rewrites what lies before it cannot sign it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditCheckpoint {
    /// When it was made.
    pub at: Timestamp,
    /// The number of the newest event then.
    pub seq: u64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The Ed25519 key it is signed with.
    pub public_key: [u8; 32],
    /// The signature, 64 bytes.
    pub signature: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_numbers_are_unique_and_come_back() {
        let names: HashSet<_> = Action::ALL.iter().map(|action| action.name()).collect();
        assert_eq!(names.len(), Action::ALL.len());
        for action in Action::ALL {
            assert_eq!(Action::from_number(action.number()), Some(*action));
        }
    }
}
