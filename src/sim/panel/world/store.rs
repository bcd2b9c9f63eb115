//! The world behind a lock, with its index.

use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Index, World};

/// A world and, unless it has just been changed, its index.
#[derive(Debug)]
pub(crate) struct Store {
    /// The rows.
    pub(crate) world: World,
    index: Option<Index>,
}

/// A world to read, with its index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    /// The rows.
    pub(crate) world: &'a World,
    /// Who belongs to whom.
    pub(crate) index: &'a Index,
}

impl Store {
    /// The rows, to be changed.
    pub(crate) fn edit(&mut self) -> &mut World {
        self.index = None;
        &mut self.world
    }

    /// The rows as they are now.
    pub(crate) fn view(&mut self) -> View<'_> {
        let index = self.index.get_or_insert_with(|| Index::of(&self.world));
        View { world: &self.world, index }
    }
}

/// The lock around the store. Pages are read at the same time; edits are alone.
#[derive(Debug)]
pub(crate) struct Worlds(RwLock<Store>);

impl Worlds {
    /// Takes a world over.
    pub(crate) fn new(world: World) -> Self {
        Self(RwLock::new(Store { world, index: None }))
    }

    /// Runs `read` on the current world.
    pub(crate) fn read<T>(&self, read: impl FnOnce(View<'_>) -> T) -> T {
        let store = self.indexed();
        let index = store.index.as_ref().expect("`indexed` returns a store with an index");
        read(View { world: &store.world, index })
    }

    /// Runs `write` alone.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Store) -> T) -> T {
        write(&mut self.alone())
    }

    /// A guard for tests.
    pub(crate) fn guard(&self) -> WorldGuard<'_> {
        WorldGuard(self.alone())
    }

    fn indexed(&self) -> RwLockReadGuard<'_, Store> {
        loop {
            let store = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if store.index.is_some() {
                return store;
            }
            drop(store);
            self.write(|store| {
                store.view();
            });
        }
    }

    fn alone(&self) -> RwLockWriteGuard<'_, Store> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The panel's world, held still. The panel answers nothing while a guard lives, so never keep one across an await.
#[derive(Debug)]
pub struct WorldGuard<'a>(RwLockWriteGuard<'a, Store>);

impl Deref for WorldGuard<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0.world
    }
}

impl DerefMut for WorldGuard<'_> {
    fn deref_mut(&mut self) -> &mut World {
        self.0.edit()
    }
}
