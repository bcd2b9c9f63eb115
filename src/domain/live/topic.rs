use aviary_kernel::model::{Kind, Permission};
use aviary_kernel::store::rows::Change;

use super::Tally;

/// Declares what can move, once: its type, its word in addresses, and what it takes to hear of it.
macro_rules! topics {
    ($($name:ident = $word:literal, $needs:ident;)*) => {
        /// Something that people look at and that moves.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the names say it")]
        pub enum Topic { $($name,)* }

        impl Topic {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its word, such as `servers`.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it takes to hear of it.
            pub const fn permission(self) -> Permission {
                match self { $(Self::$name => Permission::$needs,)* }
            }
        }
    };
}

topics! {
    Servers = "servers", ServerRead;
    Nodes = "nodes", NodeRead;
    Allocations = "allocations", AllocationRead;
    Databases = "databases", DatabaseRead;
    Users = "users", UserRead;
    Subusers = "subusers", UserRead;
    Eggs = "eggs", EggRead;
    EggVariables = "egg-variables", EggRead;
    Nests = "nests", EggRead;
    Locations = "locations", LocationRead;
    History = "history", HistoryRead;
    Panels = "panels", PanelRead;
    Syncs = "syncs", SyncRead;
    Removals = "removals", RemovalRead;
    People = "people", AccountRead;
    Roles = "roles", RoleRead;
    ApiKeys = "api-keys", ApiKeyRead;
    Settings = "settings", SettingsRead;
    Schedules = "schedules", ScheduleRead;
    Webhooks = "webhooks", WebhookRead;
    Events = "events", WebhookRead;
    Deliveries = "deliveries", WebhookRead;
    Mails = "mails", MailRead;
    Jobs = "jobs", JobRead;
    Audit = "audit", AuditRead;
}

impl Topic {
    /// The topic of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|topic| topic.word() == word)
    }

    /// The topic of objects of a kind.
    pub const fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::Location => Self::Locations,
            Kind::Node => Self::Nodes,
            Kind::Allocation => Self::Allocations,
            Kind::Nest => Self::Nests,
            Kind::Egg => Self::Eggs,
            Kind::EggVariable => Self::EggVariables,
            Kind::User => Self::Users,
            Kind::Server => Self::Servers,
            Kind::Database => Self::Databases,
            Kind::Subuser => Self::Subusers,
        }
    }
}

/// One thing that moved: what it is, which one, and how.
pub(super) fn moved(change: Change) -> (Topic, String, Tally) {
    let changed = |topic, key: String| (topic, key, Tally::CHANGED);
    match change {
        Change::Object { key, operation } => {
            (Topic::of_kind(key.kind), format!("{}/{}", key.panel, key.id), operation.into())
        }
        Change::Panel(id) => changed(Topic::Panels, id.to_string()),
        Change::Sync(id) => changed(Topic::Syncs, id.to_string()),
        Change::RemovalStop(id) => changed(Topic::Removals, id.to_string()),
        Change::Account(id) => changed(Topic::People, id.to_string()),
        Change::Role(name) => changed(Topic::Roles, name),
        Change::ApiKey(id) => changed(Topic::ApiKeys, id.to_string()),
        Change::Setting(name) => changed(Topic::Settings, name),
        Change::Schedule(id) => changed(Topic::Schedules, id.to_string()),
        Change::Webhook(id) => changed(Topic::Webhooks, id.to_string()),
        Change::Mail(number) => changed(Topic::Mails, number.to_string()),
        Change::Job(id) => changed(Topic::Jobs, id.to_string()),
        Change::Delivery(id) => changed(Topic::Deliveries, id.to_string()),
        Change::Event(id) => changed(Topic::Events, id.to_string()),
    }
}
