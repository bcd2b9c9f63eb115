use std::marker::PhantomData;

use super::{Key, Row};

/// A table of rows.
pub struct Table<K, V> {
    pub(super) name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

/// A table of keys: another order of the rows of a table. Written only by [`Row::entries`].
pub struct Index<K> {
    pub(super) name: &'static str,
    types: PhantomData<fn() -> K>,
}

impl<K: Key, V: Row<K>> Table<K, V> {
    /// For the catalogue in `tables.rs` only.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The name in the data file.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<K: Key> Index<K> {
    /// For the catalogue in `tables.rs` only.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The name in the data file.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

// By hand, since a derive would ask the same of K and V.
impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K, V> Copy for Table<K, V> {}
impl<K> Clone for Index<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Index<K> {}

/// Checks the bytes of key and row: that they can be read, and which index keys and counters they stand for.
pub type CheckRow = fn(&[u8], &[u8], &mut super::Entries) -> crate::base::Result<()>;

/// What backup, check and compaction need to know of a table.
pub struct TableInfo {
    /// The name in the data file.
    pub name: &'static str,
    /// None for indexes.
    pub entries: Option<CheckRow>,
    /// None for indexes, and where no row holds sealed values.
    pub seals: Option<super::VisitRow>,
}

/// Declares the catalogue: constants, and `ALL`.
macro_rules! tables {
    (@ [$($info:tt)*]) => {
        /// Every table of the data file.
        pub const ALL: &[$crate::store::TableInfo] = &[$($info)*];
    };
    (@ [$($info:tt)*] $(#[$doc:meta])* $name:ident: $key:ty => $row:ty = $text:literal; $($rest:tt)*) => {
        $(#[$doc])*
        pub const $name: $crate::store::Table<$key, $row> = $crate::store::Table::new($text);
        tables!(@ [$($info)* $crate::store::TableInfo {
            name: $text,
            entries: Some($crate::store::entries::entries_of::<$key, $row>),
            seals: $crate::store::seals::visit_of::<$key, $row>(),
        },] $($rest)*);
    };
    (@ [$($info:tt)*] $(#[$doc:meta])* $name:ident: index $key:ty = $text:literal; $($rest:tt)*) => {
        $(#[$doc])*
        pub const $name: $crate::store::Index<$key> = $crate::store::Index::new($text);
        tables!(@ [$($info)* $crate::store::TableInfo { name: $text, entries: None, seals: None },] $($rest)*);
    };
    ($($all:tt)*) => {
        tables!(@ [] $($all)*);
    };
}
pub(super) use tables;
