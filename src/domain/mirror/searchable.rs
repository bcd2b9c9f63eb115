use aviary_kernel::model::{
    Allocation, Egg, EggVariable, Location, Nest, Node, Server, ServerDatabase, ServerState, Subuser, User,
};
use aviary_kernel::store::rows::{Mirror, address};

/// What the filters of a list look at.
pub trait Searchable: Mirror {
    /// What people know the object by.
    fn texts(&self) -> Vec<String>;

    /// Whether the lower-case `needle` is in one of its texts.
    fn contains(&self, needle: &str) -> bool {
        self.texts().iter().any(|text| text.to_lowercase().contains(needle))
    }

    /// The state of a server.
    fn state(&self) -> Option<ServerState> {
        None
    }

    /// Whether a node is in maintenance.
    fn maintenance(&self) -> Option<bool> {
        None
    }
}

/// Those that there are.
fn of<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) -> Vec<String> {
    texts.into_iter().flatten().map(str::to_owned).collect()
}

impl Searchable for Server {
    fn texts(&self) -> Vec<String> {
        of([Some(self.name.as_str()), self.description.as_deref(), Some(&self.uuid), self.external_id.as_deref()])
    }

    fn state(&self) -> Option<ServerState> {
        Some(self.state())
    }
}

impl Searchable for Node {
    fn texts(&self) -> Vec<String> {
        of([Some(self.name.as_str()), Some(&self.fqdn), self.description.as_deref(), Some(&self.uuid)])
    }

    fn maintenance(&self) -> Option<bool> {
        Some(self.maintenance_mode)
    }
}

macro_rules! by_texts {
    ($($type:ty: |$it:ident| [$($text:expr),*]),* $(,)?) => {$(
        impl Searchable for $type {
            fn texts(&self) -> Vec<String> {
                let $it = self;
                of([$($text),*])
            }
        }
    )*};
}

by_texts! {
    Allocation: |it| [Some(address(&it.ip, it.port).as_str()), it.alias.as_deref(), it.notes.as_deref()],
    User: |it| [
        Some(it.username.as_str()),
        Some(&it.email),
        Some(&it.uuid),
        it.first_name.as_deref(),
        it.last_name.as_deref(),
        it.external_id.as_deref()
    ],
    Location: |it| [Some(it.short.as_str()), it.long.as_deref()],
    Nest: |it| [Some(it.name.as_str()), it.description.as_deref(), Some(&it.uuid)],
    Egg: |it| [Some(it.name.as_str()), it.description.as_deref(), Some(&it.uuid)],
    EggVariable: |it| [Some(it.name.as_str()), Some(&it.env_variable)],
    ServerDatabase: |it| [Some(it.database.as_str()), Some(&it.username)],
    Subuser: |it| [Some(it.permissions.join(" ").as_str())],
}
