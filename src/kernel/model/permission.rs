use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Kind;
use crate::base::Error;

/// Declares every permission once: its type, its string and what it lets people do.
macro_rules! permissions {
    ($($group:literal { $($name:ident = $text:literal, $does:literal;)* })*) => {
        /// Something that may be allowed, `noun.verb`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission { $($(#[doc = $does] $name,)*)* }

        impl Permission {
            /// Every permission there is, by area.
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// The string, such as `sync.run`.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$name => $text,)*)* }
            }

            /// What it lets people do.
            pub const fn does(self) -> &'static str {
                match self { $($(Self::$name => $does,)*)* }
            }

            /// The area, for people.
            pub const fn group(self) -> &'static str {
                match self { $($(Self::$name)|* => $group,)* }
            }
        }
    };
}

permissions! {
    "Mirror" {
        ServerRead = "server.read", "See servers, their limits and variables.";
        NodeRead = "node.read", "See nodes.";
        LocationRead = "location.read", "See locations.";
        AllocationRead = "allocation.read", "See allocations.";
        EggRead = "egg.read", "See nests, eggs and egg variables.";
        DatabaseRead = "database.read", "See databases of servers.";
        UserRead = "user.read", "See users of panels and subusers, with their e-mail addresses.";
        HistoryRead = "history.read", "See what changed when.";
        DriftRead = "drift.read", "See the drift report.";
        StatsRead = "stats.read", "See totals beyond the public ones.";
    }
    "Panels and syncs" {
        PanelRead = "panel.read", "See panels and whether they answer.";
        PanelWrite = "panel.write", "Add, change, test and remove panels.";
        SyncRead = "sync.read", "See syncs, running and past.";
        SyncRun = "sync.run", "Start and cancel syncs.";
        RemovalRead = "removal.read", "See removals that wait for a person.";
        RemovalDecide = "removal.decide", "Confirm or refuse removals.";
    }
    "People" {
        AccountRead = "account.read", "See people, their roles and sessions.";
        AccountWrite = "account.write", "Create, change, disable and enable people.";
        AccountSecurity = "account.security", "End sessions, reset passwords and second factors of others.";
        RoleRead = "role.read", "See roles and why somebody may do something.";
        RoleAssign = "role.assign", "Give and take roles, no higher than one's own.";
        RoleWrite = "role.write", "Make, change and remove roles.";
        ApiKeyRead = "apikey.read", "See the API keys of everybody.";
        ApiKeyWrite = "apikey.write", "Change and revoke the API keys of everybody.";
        ApiKeyOwn = "apikey.own", "Make API keys of one's own.";
        MailOpen = "mail.open", "See mails as they leave, with the links in them.";
    }
    "Work and notices" {
        JobRead = "job.read", "See jobs, their tries and what went wrong.";
        JobWrite = "job.write", "Retry, cancel and remove jobs.";
        ScheduleRead = "schedule.read", "See schedules and their runs.";
        ScheduleWrite = "schedule.write", "Make, change, pause and remove schedules.";
        ScheduleRun = "schedule.run", "Run schedules by hand.";
        WebhookRead = "webhook.read", "See webhooks, events and deliveries, addresses masked.";
        WebhookWrite = "webhook.write", "Make, change, test and remove webhooks, see their secrets, and send again.";
        EventSend = "event.send", "Have events of other programs told.";
        MailRead = "mail.read", "See to whom mails go and what became of them, without what they say.";
        MailSend = "mail.send", "Have mails sent, sent again and dropped.";
    }
    "System" {
        SettingsRead = "settings.read", "See settings, secrets masked.";
        SettingsWrite = "settings.write", "Change settings.";
        AuditRead = "audit.read", "See the audit trail.";
        AuditExport = "audit.export", "Take the audit trail out as a file.";
        StoreCheck = "store.check", "Check the data file.";
        BackupRead = "backup.read", "See which backups there are.";
        BackupRun = "backup.run", "Make backups.";
    }
}

impl Permission {
    /// What it takes to read objects of a kind.
    pub const fn to_read(kind: Kind) -> Self {
        match kind {
            Kind::Location => Self::LocationRead,
            Kind::Node => Self::NodeRead,
            Kind::Allocation => Self::AllocationRead,
            Kind::Nest | Kind::Egg | Kind::EggVariable => Self::EggRead,
            Kind::User | Kind::Subuser => Self::UserRead,
            Kind::Server => Self::ServerRead,
            Kind::Database => Self::DatabaseRead,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().copied().find(|permission| permission.name() == text);
        found.ok_or_else(|| Error::invalid("permission", format!("there is no permission {text}")))
    }
}

/// A permission, or several at once: `sync.run`, `sync.*`, `*.read`, `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant(String);

impl Grant {
    /// Everything.
    pub fn all() -> Self {
        Self("*".into())
    }

    /// Reads a grant. One that matches no permission is refused, so that a slip of the pen is found when it is made.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let grant = Self(text.trim().to_owned());
        if Permission::ALL.iter().any(|permission| grant.covers(*permission)) {
            return Ok(grant);
        }
        let shown: String = grant.0.chars().take(60).collect();
        Err(Error::invalid(
            "permissions",
            format!("“{shown}” stands for no permission; write one such as sync.run, sync.*, *.read or *"),
        ))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it stands for `permission`.
    pub fn covers(&self, permission: Permission) -> bool {
        if self.0 == "*" {
            return true;
        }
        let part = |wanted: &str, given: &str| wanted == "*" || wanted == given;
        match (self.0.split_once('.'), permission.name().split_once('.')) {
            (Some((noun, verb)), Some((of, act))) => part(noun, of) && part(verb, act),
            _ => false,
        }
    }
}

impl From<Permission> for Grant {
    fn from(permission: Permission) -> Self {
        Self(permission.name().to_owned())
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Grant {
    /// Takes any text: a grant of a newer release stands for nothing here, and must not make the record unreadable.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// What somebody may, from several sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants(pub Vec<Grant>);

impl Grants {
    /// Everything.
    pub fn all() -> Self {
        Self(vec![Grant::all()])
    }

    /// Reads several.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first that is none.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        texts.into_iter().map(Grant::parse).collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// These permissions and no others.
    pub fn of(permissions: impl IntoIterator<Item = Permission>) -> Self {
        Self(permissions.into_iter().map(Grant::from).collect())
    }

    /// What is among these and among `others` too, one by one: no wildcard is left that later could stand for more.
    #[must_use]
    pub fn shared_with(&self, others: &Grants) -> Self {
        let both = |permission: &Permission| self.allow(*permission) && others.allow(*permission);
        Self::of(Permission::ALL.iter().copied().filter(both))
    }

    /// Whether `permission` is among them.
    pub fn allow(&self, permission: Permission) -> bool {
        self.why(permission).is_some()
    }

    /// The grant that stands for `permission`.
    pub fn why(&self, permission: Permission) -> Option<&Grant> {
        self.0.iter().find(|grant| grant.covers(permission))
    }

    /// The first permission of `others` that is not among these: nobody gives what they do not have.
    pub fn first_beyond(&self, others: &Grants) -> Option<Permission> {
        Permission::ALL.iter().copied().find(|permission| others.allow(*permission) && !self.allow(*permission))
    }

    /// Whether these are every permission there is, now and later.
    pub fn are_all(&self) -> bool {
        self.0.iter().any(|grant| grant.0 == "*")
    }
}

impl fmt::Display for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, grant) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(", ")?;
            }
            f.write_str(&grant.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_a_noun_a_verb_or_everything() {
        let covers = |text: &str, permission| Grant::parse(text).unwrap().covers(permission);
        assert!(covers("*", Permission::MailOpen) && covers("sync.*", Permission::SyncRun));
        assert!(covers("*.read", Permission::AuditRead) && !covers("*.read", Permission::AuditExport));
        assert!(!covers("sync.read", Permission::SyncRun) && !covers("sync.*", Permission::StatsRead));
    }

    #[test]
    fn what_stands_for_nothing_is_refused() {
        for bad in ["", "syncs.run", "sync", "sync.", ".run", "*.fly", "sync.run.now", "**"] {
            assert!(Grant::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_unique_and_come_back() {
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse::<Permission>().unwrap(), *permission);
        }
    }

    #[test]
    fn nobody_gives_what_they_do_not_have() {
        let own = Grants::parse(["sync.*", "*.read"]).unwrap();
        assert_eq!(own.first_beyond(&Grants::parse(["server.read", "sync.run"]).unwrap()), None);
        assert_eq!(own.first_beyond(&Grants::parse(["panel.write"]).unwrap()), Some(Permission::PanelWrite));
        assert!(Grants::all().first_beyond(&Grants::all()).is_none());
    }

    #[test]
    fn what_two_share_is_named_one_by_one() {
        let shared =
            Grants::parse(["sync.*", "*.read"]).unwrap().shared_with(&Grants::parse(["sync.run", "panel.*"]).unwrap());
        assert_eq!(shared.to_string(), "panel.read, sync.run");
        assert!(!Grants::all().shared_with(&Grants::all()).are_all());
    }
}
