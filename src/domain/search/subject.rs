use aviary_kernel::model::{Kind, Permission};

/// Declares what can be found, once: its type, its word and its plural, what it takes to see it, and whether it is an object
/// or something on record.
macro_rules! subjects {
    ($($name:ident = $number:literal $word:literal / $plural:literal, $sort:ident, $needs:ident;)*) => {
        /// What can be found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the names say it")]
        pub enum Subject { $($name,)* }

        impl Subject {
            /// Everything there is, objects first.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its number in the index. Append only.
            pub const fn number(self) -> u64 {
                match self { $(Self::$name => $number,)* }
            }

            /// The word for one, in queries and answers.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The word for many, for people.
            pub const fn plural(self) -> &'static str {
                match self { $(Self::$name => $plural,)* }
            }

            /// Whether it is an object, found by how well it fits; what is on record is found newest first.
            pub const fn is_object(self) -> bool {
                match self { $(Self::$name => subjects!(@$sort),)* }
            }

            /// What it takes to see it.
            pub const fn permission(self) -> Permission {
                match self { $(Self::$name => Permission::$needs,)* }
            }
        }
    };
    (@object) => { true };
    (@record) => { false };
}

subjects! {
    Server = 1 "server" / "servers", object, ServerRead;
    Node = 2 "node" / "nodes", object, NodeRead;
    Allocation = 3 "allocation" / "allocations", object, AllocationRead;
    Database = 4 "database" / "databases", object, DatabaseRead;
    User = 5 "user" / "panel users", object, UserRead;
    Egg = 6 "egg" / "eggs", object, EggRead;
    Nest = 7 "nest" / "nests", object, EggRead;
    Location = 8 "location" / "locations", object, LocationRead;
    Panel = 9 "panel" / "panels", object, PanelRead;
    Account = 10 "account" / "people", object, AccountRead;
    Webhook = 11 "webhook" / "webhooks", object, WebhookRead;
    Schedule = 12 "schedule" / "schedules", object, ScheduleRead;
    Sync = 20 "sync" / "syncs", record, SyncRead;
    Change = 21 "change" / "changes", record, HistoryRead;
    Audit = 22 "audit" / "audit events", record, AuditRead;
    Event = 23 "event" / "events", record, WebhookRead;
    Job = 24 "job" / "jobs", record, JobRead;
    Delivery = 25 "delivery" / "deliveries", record, WebhookRead;
    Mail = 26 "mail" / "mails", record, MailRead;
}

impl Subject {
    /// The subject of this number.
    pub fn numbered(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|subject| subject.number() == number)
    }

    /// The subject of this word; the plural will do too.
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.trim();
        let fits = |name: &str| name.eq_ignore_ascii_case(word);
        Self::ALL.iter().copied().find(|subject| fits(subject.word()) || fits(subject.plural()))
    }

    /// The subject that objects of a kind are found as; egg variables and subusers are found with what they belong to.
    pub const fn of_kind(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Server => Self::Server,
            Kind::Node => Self::Node,
            Kind::Allocation => Self::Allocation,
            Kind::Database => Self::Database,
            Kind::User => Self::User,
            Kind::Egg => Self::Egg,
            Kind::Nest => Self::Nest,
            Kind::Location => Self::Location,
            Kind::EggVariable | Kind::Subuser => return None,
        })
    }
}
