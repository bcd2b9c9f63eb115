//! The store, the panels and the syncs, without the program around them.

use std::sync::Arc;
use std::time::Duration;

use aviary_domain::jobs::{Jobs, Runner};
use aviary_domain::mirror::Writer;
use aviary_domain::panels::{HttpOptions, NewPanel, Panels};
use aviary_domain::sync::{Limits, StartSync, Syncs};
use aviary_kernel::base::{Env, MasterKey, Sealer, Secret};
use aviary_kernel::model::{Actor, PanelId, SyncRun, SyncStatus};
use aviary_kernel::store::{Options, Store};
use aviary_sim::SimPanel;
use tempfile::TempDir;
use tokio::runtime::Handle;

use super::{Outcome, folder};

/// Requests in flight, as configured unless told otherwise.
pub(crate) const AT_ONCE: usize = 4;

pub(crate) struct Lab {
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) sealer: Arc<Sealer>,
    panels: Panels,
    syncs: Syncs,
    runner: Runner,
    panel: PanelId,
    // Last, so that the file is closed before its folder goes.
    pub(crate) dir: TempDir,
}

impl Lab {
    /// An empty mirror of this panel.
    pub(crate) async fn new(sim: &SimPanel) -> Outcome<Self> {
        let dir = folder()?;
        let env = Env::system();
        let store = Store::open(Options::file(dir.path().join("aviary.redb")))?;
        let sealer = Arc::new(Sealer::new(&MasterKey::parse(&"07".repeat(32))?));
        let options = HttpOptions { concurrency: AT_ONCE, ..HttpOptions::default() };
        let panels = Panels::new(store.clone(), env.clone(), sealer.clone(), options, 80);
        let limits = Limits { percent: 20, rows: 10 };
        let (pass, all) = (store.clone(), panels.clone());
        let syncs = Syncs::new(pass, env.clone(), sealer.clone(), all, limits, Handle::current());
        let runner = Jobs::new(store.clone(), env.clone(), vec![]).start(vec![syncs.body()], &Handle::current(), || {});
        let new = NewPanel {
            name: "Main".into(),
            url: sim.url(),
            app_key: Secret::from(sim.app_key()),
            client_key: None,
            share_percent: None,
            sync_every_s: None,
        };
        let panel = panels.add(&Actor::job("bench"), new).await?.id;
        Ok(Self { store, env, sealer, panels, syncs, runner, panel, dir })
    }

    /// A full sync that must succeed.
    pub(crate) async fn sync(&self) -> Outcome<SyncRun> {
        let wanted = StartSync { panel: self.panel, targets: vec![], by: Actor::job("bench"), requested_by: None };
        let started = self.syncs.start(wanted).await?.run;
        let run = self.syncs.wait(started.id).await?;
        match run.status {
            SyncStatus::Completed => Ok(run),
            _ => Err(format!("the sync did not complete: {} {:?}", run.message, run.issues).into()),
        }
    }

    /// What brings rows into the mirror without a panel.
    pub(crate) fn writer(&self) -> Writer {
        Writer::new(self.store.clone(), self.env.clone(), self.sealer.clone(), self.panel, self.env.ids.next())
    }

    pub(crate) async fn close(self) {
        self.runner.stop(Duration::from_secs(5)).await;
        // The runtime may still be letting go of the last of it.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
