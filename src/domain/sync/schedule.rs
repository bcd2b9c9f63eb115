use std::time::Duration;

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{Actor, Panel};

use super::{StartSync, SyncQuery, Syncs};
use crate::panels::Panels;
use crate::settings::Settings;

/// Starts the syncs that are due: each panel by its own interval, or by the one set for all.
#[derive(Clone)]
pub struct Schedule {
    env: Env,
    panels: Panels,
    syncs: Syncs,
    settings: Settings,
}

impl Schedule {
    /// A schedule for all panels.
    pub fn new(env: Env, panels: Panels, syncs: Syncs, settings: Settings) -> Self {
        Self { env, panels, syncs, settings }
    }

    /// Starts what is due now. Times that were missed while Aviary was not running are made up for once. The number started.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn tick(&self) -> Result<u32> {
        let now = self.env.now();
        let mut started = 0;
        for panel in self.panels.all().await? {
            if self.next(&panel).await?.is_some_and(|next| next <= now) {
                let wanted =
                    StartSync { panel: panel.id, targets: Vec::new(), by: Actor::job("schedule"), requested_by: None };
                started += u32::from(!self.syncs.start(wanted).await?.joined);
            }
        }
        Ok(started)
    }

    /// When the next sync of a panel is due; none when it is synced only by hand.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn next(&self, panel: &Panel) -> Result<Option<Timestamp>> {
        let Some(every_s) = self.interval_s(panel).await? else { return Ok(None) };
        let newest = SyncQuery { panel: Some(panel.id), full: Some(true), limit: 1, ..SyncQuery::default() };
        let last = self.syncs.list(newest).await?.runs.into_iter().next();
        let every = Duration::from_secs(every_s.into());
        Ok(Some(last.map_or_else(|| self.env.now(), |run| run.finished_at.unwrap_or(run.created_at).plus(every))))
    }

    async fn interval_s(&self, panel: &Panel) -> Result<Option<u32>> {
        match panel.sync_every_s {
            Some(0) => Ok(None),
            Some(every_s) => Ok(Some(every_s)),
            None => {
                let auto = self.settings.auto_sync().await?;
                Ok(auto.enabled.then_some(auto.every_s))
            }
        }
    }
}
