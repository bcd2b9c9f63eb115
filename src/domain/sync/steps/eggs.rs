//! Nests, their eggs and the eggs' variables.

use std::collections::HashSet;

use aviary_kernel::model::{Counts, Dialect, Egg, EggVariable, Kind, Nest, RemoteId, StepState, Target};
use aviary_remote::EggBundle;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc;

use super::{LISTS_AT_ONCE, Listed, PAGES_WAITING, Steps, Swept};
use crate::sync::held;
use crate::sync::run::{Absent, Halt};

impl Steps<'_> {
    pub(super) async fn nests(&mut self, dialect: Dialect) -> Result<(), Halt> {
        let nests = match dialect {
            Dialect::Pelican => vec![None],
            Dialect::Pterodactyl => {
                let client = self.client.clone();
                self.whole::<Nest, _>(Target::Nests, |tx| async move { client.nests(tx).await }).await?;
                let panel = self.run.panel.id;
                let gone: HashSet<_> = self.absent.iter().filter(|a| a.kind == Kind::Nest).map(|a| a.id).collect();
                let nests = self
                    .run
                    .inner
                    .store
                    .read(move |tx| held::of_kind::<Nest>(tx, panel, |id| !gone.contains(&id)))
                    .await?;
                nests.into_iter().map(Some).collect()
            }
        };
        self.eggs(nests, true).await
    }

    /// Eggs that could not be listed before the servers told which there are.
    pub(super) async fn late_eggs(&mut self) -> Result<(), Halt> {
        let nests = std::mem::take(&mut self.unlisted);
        if nests.is_empty() {
            return Ok(());
        }
        self.run.begin(Target::Nests, &self.client);
        self.eggs(nests, false).await?;
        self.run.end(Target::Nests, &self.client).await
    }

    async fn eggs(&mut self, nests: Vec<Option<RemoteId>>, may_wait: bool) -> Result<(), Halt> {
        let panel = self.run.panel.id;
        let known = self
            .run
            .inner
            .store
            .read(move |tx| {
                nests.into_iter().map(|nest| Ok((nest, held::eggs(tx, panel, nest)?))).collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let (tx, pages) = mpsc::channel(PAGES_WAITING);
        let client = self.client.clone();
        let list = |(nest, known): (Option<RemoteId>, Vec<RemoteId>)| {
            let (client, tx) = (client.clone(), tx.clone());
            async move { (nest, known.is_empty(), client.eggs(nest, &known, tx).await) }
        };
        let lists: Vec<_> = known.into_iter().map(list).collect();
        drop(tx);
        let sweeps = stream::iter(lists).buffer_unordered(LISTS_AT_ONCE).collect::<Vec<_>>();
        let swept =
            self.listing(Target::Nests, sweeps, pages, |steps, bundles| steps.apply_eggs(bundles).boxed()).await?;
        for (nest, nothing_known, swept) in swept {
            let waits = may_wait && nothing_known && self.run.wants(Target::Servers);
            match swept {
                Err(fault) if waits && fault.is_retryable() => self.unlisted.push(nest),
                swept => self.egg_list(nest, swept).await?,
            }
        }
        Ok(())
    }

    /// One egg that a panel cannot show makes its whole list fail, for years on some panels. So a list of eggs that was
    /// read egg by egg is taken for what it is: good for the eggs that came, silent about the others.
    async fn egg_list(&mut self, nest: Option<RemoteId>, swept: Swept) -> Result<(), Halt> {
        let sweep = match swept {
            Ok(sweep) => sweep,
            Err(fault) => {
                self.eggs_whole = false;
                return self.run.note_fault(Target::Nests, &fault);
            }
        };
        self.run.note_unreadable(Target::Nests, &sweep.unreadable);
        let failed = sweep.unreadable_count.max(u64::from(!sweep.is_complete()));
        self.run.count(Target::Nests, &self.client, &Counts { failed, ..Counts::default() });
        if !sweep.is_complete() {
            self.eggs_whole = false;
            self.note_incomplete(Target::Nests, &sweep);
            let read =
                sweep.ids.len().saturating_sub(sweep.unreadable.iter().filter(|one| one.id.is_some()).count() as u64);
            if read == 0 {
                self.run.set_state(Target::Nests, StepState::Failed);
            }
            return Ok(());
        }
        let (panel, ids) = (self.run.panel.id, sweep.ids);
        let held = self
            .run
            .inner
            .store
            .read(move |tx| match nest {
                Some(nest) => held::children(tx, panel, (Kind::Nest, nest), Kind::Egg),
                None => held::of_kind::<Egg>(tx, panel, |_| true),
            })
            .await?;
        let missing = held.into_iter().filter(|id| !ids.contains(*id));
        self.absent.extend(missing.map(|id| Absent { kind: Kind::Egg, id, parent: nest }));
        Ok(())
    }

    async fn apply_eggs(&mut self, bundles: Vec<EggBundle>) -> Result<(), Halt> {
        let target = Target::Nests;
        let (mut eggs, mut variables, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        for bundle in bundles {
            if let Some(list) = bundle.variables {
                listed.extend(Listed::of((Kind::Egg, bundle.egg.id), &list));
                variables.extend(list.rows);
            }
            eggs.push(bundle.egg);
        }
        self.compare(listed).await?;
        let total = variables.len() as u64;
        self.apply_plain::<Egg>(target, eggs).await?;
        self.run.count(target, &self.client, &Counts { total, ..Counts::default() });
        self.apply_plain::<EggVariable>(target, variables).await
    }
}
