use std::ops::ControlFlow;

use aviary_kernel::base::Result;
use aviary_kernel::model::{
    Action, Actor, Allocation, Egg, EggVariable, Location, Nest, Node, Panel, PanelId, Server, ServerDatabase, Subuser,
    User,
};
use aviary_kernel::store::rows::{Change, Mirror};
use aviary_kernel::store::tables::{MISSING, PANELS, REMOVAL_STOPS, RowKey};
use aviary_kernel::store::{Direction, Read, Span, Store, WriteTx};

use super::{Panels, about, require};
use crate::audit;
use crate::feed;

/// Rows that one commit removes.
const BATCH: usize = 2_000;

impl Panels {
    /// Marks a panel as being removed: from here on nobody finds it. [`Panels::finish_removal`] does the rest.
    pub(crate) async fn begin_removal(&self, by: &Actor, id: PanelId) -> Result<()> {
        let (this, by) = (self.clone(), by.clone());
        self.store
            .write(move |tx| {
                let panel = Panel { removing: true, ..require(tx, id)? };
                audit::record(tx, &this.env, &by, about(&panel, Action::PanelRemoved))?;
                this.put(tx, &panel)
            })
            .await
    }

    /// Finishes removals that were broken off.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn resume_removals(&self) -> Result<()> {
        let panels = self.store.read(|tx| tx.all(PANELS, &Span::all())).await?;
        for (id, _) in panels.into_iter().filter(|(_, panel)| panel.removing) {
            self.finish_removal(id).await?;
        }
        Ok(())
    }

    /// Removes everything that was mirrored from a marked panel, and the panel. The number of objects removed.
    pub(crate) async fn finish_removal(&self, id: PanelId) -> Result<u64> {
        let store = &self.store;
        let mut removed = 0;
        removed += clear::<Subuser>(store, id).await?;
        removed += clear::<ServerDatabase>(store, id).await?;
        removed += clear::<Server>(store, id).await?;
        removed += clear::<User>(store, id).await?;
        removed += clear::<EggVariable>(store, id).await?;
        removed += clear::<Egg>(store, id).await?;
        removed += clear::<Nest>(store, id).await?;
        removed += clear::<Allocation>(store, id).await?;
        removed += clear::<Node>(store, id).await?;
        removed += clear::<Location>(store, id).await?;
        let env = self.env.clone();
        self.store
            .write(move |tx| {
                for (key, _) in tx.all(MISSING, &Span::prefix(&id))? {
                    tx.remove(MISSING, &key)?;
                }
                for (key, stop) in tx.all(REMOVAL_STOPS, &Span::all())? {
                    if stop.panel == id {
                        tx.remove(REMOVAL_STOPS, &key)?;
                    }
                }
                tx.remove(PANELS, &id)?;
                feed::append(tx, &env, Change::Panel(id)).map(drop)
            })
            .await?;
        Ok(removed)
    }
}

async fn clear<T: Mirror>(store: &Store, panel: PanelId) -> Result<u64> {
    let mut removed = 0;
    loop {
        let batch = store.write(move |tx| clear_some::<T>(tx, panel)).await?;
        removed += batch as u64;
        if batch < BATCH {
            return Ok(removed);
        }
    }
}

fn clear_some<T: Mirror>(tx: &mut WriteTx<'_>, panel: PanelId) -> Result<usize> {
    let mut keys: Vec<RowKey> = Vec::new();
    tx.walk(T::table(), &Span::prefix(&panel), Direction::Up, |key, _| {
        keys.push(key);
        Ok(if keys.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    for key in &keys {
        tx.remove(T::table(), key)?;
    }
    Ok(keys.len())
}
