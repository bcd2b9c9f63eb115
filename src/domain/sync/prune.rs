//! What may be removed, and when a person must decide. A sync in which anything failed removes nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use aviary_kernel::base::Result;
use aviary_kernel::model::{
    Counts, Kind, Missing, ObjectKey, PanelId, RemoteId, Removal, RemovalState, RemovalStop, SyncId,
};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::{MISSING, REMOVAL_STOPS};
use aviary_kernel::store::{Read, Span, WriteTx};

use super::absent::plural;
use super::run::{Absent, Halt};
use super::service::Limits;
use super::steps::Steps;
use super::told;
use crate::feed;
use crate::mirror::PanelCounts;

/// Children before parents, so that a crash in between leaves nothing without its parent.
const ORDER: [Kind; 10] = [
    Kind::Subuser,
    Kind::Database,
    Kind::Server,
    Kind::User,
    Kind::EggVariable,
    Kind::Egg,
    Kind::Nest,
    Kind::Allocation,
    Kind::Node,
    Kind::Location,
];

type Object = (Kind, RemoteId);
/// What is gone, by kind.
type Gone = BTreeMap<Kind, BTreeSet<RemoteId>>;

impl Steps<'_> {
    /// What was marked as missing before this run.
    pub(super) async fn marks(&self) -> Result<HashSet<Object>, Halt> {
        let panel = self.run.panel.id;
        let marks = self.run.inner.store.read(move |tx| tx.all(MISSING, &Span::prefix(&panel))).await?;
        Ok(marks.into_iter().map(|(key, _)| (key.kind, key.id)).collect())
    }

    /// Removes what is gone for sure, within the limits. Whether a person must decide.
    pub(super) async fn prune(&mut self) -> Result<bool, Halt> {
        if self.run.has_failed() {
            self.mark(self.absent_objects()).await?;
            return Ok(false);
        }
        let mut gone = grouped(&self.confirmed().await?);
        for replaced in &self.replacements {
            gone.entry(replaced.kind).or_default().insert(replaced.id);
        }
        if self.run.is_cancelled() {
            return Err(Halt::Cancelled);
        }
        let refused = self.take_refused(&mut gone).await?;
        let mut missing = self.absent_objects();
        missing.extend(refused);
        match self.verdict(&gone).await? {
            Verdict::Free { agreed } => {
                self.remove(&gone).await?;
                self.write_replacements(&gone).await?;
                missing.retain(|(kind, id)| !gone.get(kind).is_some_and(|ids| ids.contains(id)));
                self.mark(missing).await?;
                self.settle_stops(agreed).await?;
                Ok(false)
            }
            Verdict::Ask(removals) => {
                missing.extend(gone.iter().flat_map(|(kind, ids)| ids.iter().map(|id| (*kind, *id))));
                self.mark(missing).await?;
                self.ask(removals).await?;
                Ok(true)
            }
        }
    }

    fn absent_objects(&self) -> HashSet<Object> {
        self.absent.iter().map(|absent| (absent.kind, absent.id)).collect()
    }

    /// Takes out what a person refused to remove; it stays, and does not hold up the rest.
    async fn take_refused(&self, gone: &mut Gone) -> Result<Vec<Object>, Halt> {
        let panel = self.run.panel.id;
        let stops = self.run.inner.store.read(move |tx| stops_of(tx, panel)).await?;
        let refused = stops.iter().filter(|stop| stop.state == RemovalState::Refused).flat_map(|stop| &stop.removals);
        let mut taken = Vec::new();
        for removal in refused {
            let Some(ids) = gone.get_mut(&removal.kind) else { continue };
            taken.extend(removal.ids.iter().filter(|id| ids.remove(id)).map(|id| (removal.kind, *id)));
        }
        gone.retain(|_, ids| !ids.is_empty());
        self.note_refused(&taken);
        Ok(taken)
    }

    async fn verdict(&self, gone: &Gone) -> Result<Verdict, Halt> {
        let limits = self.run.inner.limits;
        let mut removals: Vec<_> = gone.iter().map(|(kind, ids)| removal(*kind, ids, &self.run.held, limits)).collect();
        if !removals.iter().any(|removal| removal.over_limit) {
            return Ok(Verdict::Free { agreed: None });
        }
        let panel = self.run.panel.id;
        let stops = self.run.inner.store.read(move |tx| stops_of(tx, panel)).await?;
        let agreed = stops.iter().find(|stop| stop.state == RemovalState::Confirmed && covers(stop, &removals));
        if let Some(stop) = agreed {
            return Ok(Verdict::Free { agreed: Some(stop.sync) });
        }
        removals.sort_by_key(|removal| !removal.over_limit);
        Ok(Verdict::Ask(removals))
    }

    /// Writes the objects that stand where others were removed.
    async fn write_replacements(&mut self, gone: &Gone) -> Result<(), Halt> {
        for replacement in std::mem::take(&mut self.replacements) {
            let went = gone.get(&replacement.kind).is_some_and(|ids| ids.contains(&replacement.id));
            if let Some(write) = replacement.write.filter(|_| went) {
                let counts = write(self.writer.clone()).await?;
                // It was read and counted when its page came.
                let counts = Counts { done: 0, ..counts };
                self.run.count(replacement.kind.target(), &self.client, &counts);
            }
        }
        Ok(())
    }

    async fn remove(&self, gone: &Gone) -> Result<(), Halt> {
        for kind in ORDER {
            let Some(ids) = gone.get(&kind) else { continue };
            let removed = self.writer.remove(kind, ids.iter().copied().collect()).await?;
            self.run.count_removed(kind, removed);
        }
        Ok(())
    }

    /// Marks what is missing but stays, and takes the marks off what is back.
    async fn mark(&self, missing: HashSet<Object>) -> Result<(), Halt> {
        let (panel, sync, since) = (self.run.panel.id, self.run.sync_id(), self.run.inner.env.now());
        let back = self.back.clone();
        if missing.is_empty() && back.is_empty() {
            return Ok(());
        }
        let key = move |(kind, id): Object| ObjectKey { panel, kind, id };
        self.run
            .inner
            .store
            .write(move |tx| {
                for object in back {
                    tx.remove(MISSING, &key(object))?;
                }
                for object in missing.into_iter().map(key) {
                    if tx.get(MISSING, &object)?.is_none() {
                        tx.put(MISSING, &object, &Missing { object, since, sync })?;
                    }
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    async fn ask(&self, removals: Vec<Removal>) -> Result<(), Halt> {
        let (panel, sync, at) = (self.run.panel.id, self.run.sync_id(), self.run.inner.env.now());
        let env = self.run.inner.env.clone();
        for removal in removals.iter().filter(|removal| removal.over_limit) {
            let what = format!(
                "{} of {} {} would be removed, more than the limit of {} %",
                removal.ids.len(),
                removal.held,
                plural(removal.kind),
                self.run.inner.limits.percent
            );
            let remedy = "Look at the panel. If they are really gone, confirm the removal; if not, refuse it. Until then nothing is removed.";
            self.run.note_issue(self.run.issue(removal.kind.target(), "mass_removal", what, remedy.into()));
        }
        let stop = RemovalStop { sync, panel, at, removals, state: RemovalState::Waiting, decided: None };
        self.run
            .inner
            .store
            .write(move |tx| {
                outdate(tx, panel)?;
                tx.put(REMOVAL_STOPS, &sync, &stop)?;
                told::stopped(tx, &env, &stop)?;
                feed::append(tx, &env, Change::RemovalStop(sync)).map(drop)
            })
            .await?;
        Ok(())
    }

    fn note_refused(&self, kept: &[Object]) {
        for kind in ORDER {
            let count = kept.iter().filter(|(of, _)| *of == kind).count();
            if count > 0 {
                let what =
                    format!("{count} {} are gone from the panel; a person refused to remove them here", plural(kind));
                let remedy =
                    "They stay, marked as missing. To remove them after all, confirm the removal that was refused.";
                self.run.note_issue(self.run.issue(kind.target(), "removal_refused", what, remedy.into()));
            }
        }
    }

    /// After a sync that removed what it should: an agreed stop is done, one that waits has nothing left to ask.
    async fn settle_stops(&self, agreed: Option<SyncId>) -> Result<(), Halt> {
        // A partial sync says nothing about what it did not read.
        if agreed.is_none() && !self.run.is_full() {
            return Ok(());
        }
        let panel = self.run.panel.id;
        let stops = self.run.inner.store.read(move |tx| stops_of(tx, panel)).await?;
        if !stops.iter().any(|stop| matches!(stop.state, RemovalState::Waiting | RemovalState::Confirmed)) {
            return Ok(());
        }
        self.run
            .inner
            .store
            .write(move |tx| {
                if let Some(sync) = agreed {
                    set_state(tx, sync, RemovalState::Done)?;
                }
                outdate(tx, panel)
            })
            .await?;
        Ok(())
    }
}

/// What is to be done with what is gone.
enum Verdict {
    /// It may go: it is within the limits, or a person agreed in this stop.
    Free { agreed: Option<SyncId> },
    /// A person must decide.
    Ask(Vec<Removal>),
}

fn grouped(gone: &BTreeSet<Absent>) -> Gone {
    let mut groups = Gone::new();
    for absent in gone {
        groups.entry(absent.kind).or_default().insert(absent.id);
    }
    groups
}

fn removal(kind: Kind, ids: &BTreeSet<RemoteId>, held: &PanelCounts, limits: Limits) -> Removal {
    let held = held.of_kind(kind);
    let over_limit = is_over(ids.len() as u64, held, limits);
    Removal { kind, held, ids: ids.iter().copied().collect(), over_limit }
}

/// Whether so many are too many to remove without asking.
pub(super) fn is_over(gone: u64, held: u64, limits: Limits) -> bool {
    gone >= limits.rows.max(1) && gone * 100 > held * u64::from(limits.percent)
}

/// Whether a decided stop speaks of everything over the limit now.
fn covers(stop: &RemovalStop, removals: &[Removal]) -> bool {
    removals.iter().filter(|removal| removal.over_limit).all(|now| {
        let then = stop.removals.iter().find(|then| then.kind == now.kind);
        then.is_some_and(|then| now.ids.iter().all(|id| then.ids.binary_search(id).is_ok()))
    })
}

fn stops_of(reader: &impl Read, panel: PanelId) -> Result<Vec<RemovalStop>> {
    let stops = reader.all(REMOVAL_STOPS, &Span::all())?;
    Ok(stops.into_iter().map(|(_, stop)| stop).filter(|stop| stop.panel == panel).collect())
}

fn set_state(tx: &mut WriteTx<'_>, sync: SyncId, state: RemovalState) -> Result<()> {
    if let Some(stop) = tx.get(REMOVAL_STOPS, &sync)? {
        tx.put(REMOVAL_STOPS, &sync, &RemovalStop { state, ..stop })?;
    }
    Ok(())
}

/// Stops of a panel that still wait or were agreed but not used are of the past.
fn outdate(tx: &mut WriteTx<'_>, panel: PanelId) -> Result<()> {
    for stop in stops_of(tx, panel)? {
        if matches!(stop.state, RemovalState::Waiting | RemovalState::Confirmed) {
            set_state(tx, stop.sync, RemovalState::Outdated)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Limits = Limits { percent: 20, rows: 10 };

    #[test]
    fn few_rows_or_a_small_share_need_nobody() {
        assert!(!is_over(9, 9, USUAL), "fewer than ten rows");
        assert!(!is_over(20, 100, USUAL), "exactly the share");
        assert!(is_over(21, 100, USUAL));
        assert!(is_over(10, 10, USUAL));
    }
}
