//! What operators change at run time. Typed here, JSON text in the data file.

use aviary_kernel::base::{Error, Result};
use aviary_kernel::store::rows::Setting;
use aviary_kernel::store::tables::SETTINGS;
use aviary_kernel::store::{Read, SortText, Store, WriteTx};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Automatic syncs, for all panels that have no schedule of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoSync {
    /// Whether they run.
    pub enabled: bool,
    /// Seconds between two of them; at least 60.
    pub every_s: u32,
}

/// Syncs more often than this would only burden the panel.
pub const SHORTEST_INTERVAL_S: u32 = 60;

/// Reads and changes settings.
#[derive(Clone)]
pub struct Settings {
    store: Store,
    default_auto_sync: AutoSync,
}

const AUTO_SYNC: &str = "auto_sync";

impl Settings {
    /// Settings in `store`; what was never set is as in the configuration.
    pub fn new(store: Store, sync_every_s: Option<u32>) -> Self {
        let every_s = sync_every_s.unwrap_or(3600).max(SHORTEST_INTERVAL_S);
        Self { store, default_auto_sync: AutoSync { enabled: sync_every_s.is_some(), every_s } }
    }

    /// Automatic syncs.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn auto_sync(&self) -> Result<AutoSync> {
        let stored = self.store.read(|tx| read(tx, AUTO_SYNC)).await?;
        Ok(stored.unwrap_or_else(|| self.default_auto_sync.clone()))
    }

    /// Changes automatic syncs; takes effect at once.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the interval is too short.
    pub async fn set_auto_sync(&self, auto: AutoSync) -> Result<()> {
        if auto.every_s < SHORTEST_INTERVAL_S {
            return Err(Error::invalid("autoSyncInterval", format!("needs at least {SHORTEST_INTERVAL_S} seconds")));
        }
        self.store.write(move |tx| write(tx, AUTO_SYNC, &auto)).await
    }
}

fn read<T: DeserializeOwned>(reader: &impl Read, name: &str) -> Result<Option<T>> {
    let Some(Setting(text)) = reader.get(SETTINGS, &SortText::new(name))? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|e| Error::corrupt(SETTINGS.name(), e))
}

fn write(tx: &mut WriteTx<'_>, name: &str, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(Error::internal)?;
    tx.put(SETTINGS, &SortText::new(name), &Setting(text)).map(drop)
}
