use aviary_kernel::model::{
    Allocation, Egg, EggVariable, Location, Nest, Node, Server, ServerDatabase, ServerState, Subuser, User,
};
use aviary_kernel::store::rows::{Mirror, address};

/// What the filters of a list look at.
pub trait Searchable: Mirror {
    /// Whether the lower-case `needle` is in what people know the object by.
    fn contains(&self, needle: &str) -> bool;

    /// The state of a server.
    fn state(&self) -> Option<ServerState> {
        None
    }

    /// Whether a node is in maintenance.
    fn maintenance(&self) -> Option<bool> {
        None
    }
}

fn any_contains(needle: &str, texts: &[Option<&str>]) -> bool {
    texts.iter().flatten().any(|text| text.to_lowercase().contains(needle))
}

impl Searchable for Server {
    fn contains(&self, needle: &str) -> bool {
        any_contains(
            needle,
            &[Some(&self.name), self.description.as_deref(), Some(&self.uuid), self.external_id.as_deref()],
        )
    }

    fn state(&self) -> Option<ServerState> {
        Some(self.state())
    }
}

impl Searchable for Node {
    fn contains(&self, needle: &str) -> bool {
        any_contains(needle, &[Some(&self.name), Some(&self.fqdn), Some(&self.uuid)])
    }

    fn maintenance(&self) -> Option<bool> {
        Some(self.maintenance_mode)
    }
}

impl Searchable for Allocation {
    fn contains(&self, needle: &str) -> bool {
        any_contains(needle, &[Some(&address(&self.ip, self.port)), self.alias.as_deref(), self.notes.as_deref()])
    }
}

impl Searchable for User {
    fn contains(&self, needle: &str) -> bool {
        let texts = [
            Some(self.username.as_str()),
            Some(&self.email),
            Some(&self.uuid),
            self.first_name.as_deref(),
            self.last_name.as_deref(),
            self.external_id.as_deref(),
        ];
        any_contains(needle, &texts)
    }
}

macro_rules! by_texts {
    ($($type:ty: |$it:ident| [$($text:expr),*]),* $(,)?) => {$(
        impl Searchable for $type {
            fn contains(&self, needle: &str) -> bool {
                let $it = self;
                any_contains(needle, &[$($text),*])
            }
        }
    )*};
}

by_texts! {
    Location: |it| [Some(&it.short), it.long.as_deref()],
    Nest: |it| [Some(&it.name), it.description.as_deref()],
    Egg: |it| [Some(&it.name), it.description.as_deref(), Some(&it.uuid)],
    EggVariable: |it| [Some(&it.name), Some(&it.env_variable)],
    ServerDatabase: |it| [Some(&it.database), Some(&it.username)],
    Subuser: |it| [Some(&it.permissions.join(" "))],
}
