//! What is told of syncs, in the commits of what happened.

use std::collections::BTreeMap;

use aviary_kernel::base::{Env, Error, Result};
use aviary_kernel::model::{DriftKind, PanelId, RemovalStop, SyncRun, SyncStatus};
use aviary_kernel::store::rows::Setting;
use aviary_kernel::store::tables::{PANELS, SETTINGS};
use aviary_kernel::store::{Read, SortText, WriteTx};

use crate::events::{DriftFacts, Happening, RemovalFacts, SyncFacts, raise};
use crate::mirror::drift_of;

/// How much does not fit together on a panel, by kind. Eggs that nobody uses are no cause for alarm and do not count.
#[derive(Clone, Debug)]
pub(super) struct Found(BTreeMap<String, u64>);

impl Found {
    /// Counts what the mirror of a panel holds now.
    pub(super) fn of(reader: &impl Read, panel: PanelId) -> Result<Self> {
        let mut totals = drift_of(reader, panel)?.totals;
        totals.remove(DriftKind::UnusedEgg.word());
        Ok(Self(totals))
    }

    fn sum(&self) -> u64 {
        self.0.values().sum()
    }
}

/// A sync was asked for.
pub(super) fn began(tx: &mut WriteTx<'_>, env: &Env, run: &SyncRun) -> Result<()> {
    let facts = SyncFacts::of(run, &panel_name(tx, run.panel)?);
    raise(tx, env, &Happening::SyncStarted(facts)).map(drop)
}

/// A sync is over.
pub(super) fn ended(tx: &mut WriteTx<'_>, env: &Env, run: &SyncRun, found: Option<Found>) -> Result<()> {
    let name = panel_name(tx, run.panel)?;
    let facts = SyncFacts::of(run, &name);
    let happening = match run.status {
        SyncStatus::Cancelled => Happening::SyncCancelled(facts),
        SyncStatus::Completed => Happening::SyncCompleted(facts),
        // That a person must decide is told by an event of its own.
        SyncStatus::NeedsReview => Happening::SyncCompleted(facts.failed(run.message.clone())),
        SyncStatus::Failed | SyncStatus::Pending | SyncStatus::Running => {
            Happening::SyncFailed(facts.failed(run.message.clone()))
        }
    };
    raise(tx, env, &happening)?;
    found.map_or(Ok(()), |found| drift(tx, env, run.panel, name, found))
}

/// A removal waits for a person.
pub(super) fn stopped(tx: &mut WriteTx<'_>, env: &Env, stop: &RemovalStop) -> Result<()> {
    let facts = RemovalFacts::of(stop, &panel_name(tx, stop.panel)?);
    raise(tx, env, &Happening::RemovalStopped(facts)).map(drop)
}

/// Tells when there is more than after the sync before. Of the first one nothing is told: it is what there is.
fn drift(tx: &mut WriteTx<'_>, env: &Env, panel: PanelId, panel_name: String, found: Found) -> Result<()> {
    let key = SortText::new(&format!("drift_found/{panel}"));
    let before = match tx.get(SETTINGS, &key)? {
        Some(Setting(text)) => Some(text.parse::<u64>().map_err(|e| Error::corrupt(SETTINGS.name(), e))?),
        None => None,
    };
    let findings = found.sum();
    if before != Some(findings) {
        tx.put(SETTINGS, &key, &Setting(findings.to_string()))?;
    }
    match before {
        Some(before) if findings > before => {
            let facts = DriftFacts { panel, panel_name, findings, before, totals: found.0 };
            raise(tx, env, &Happening::DriftFound(facts)).map(drop)
        }
        _ => Ok(()),
    }
}

fn panel_name(reader: &impl Read, panel: PanelId) -> Result<String> {
    Ok(reader.get(PANELS, &panel)?.map(|panel| panel.name).unwrap_or_default())
}
