//! Servers, and what comes with them: allocations, variables, databases, subusers.

use aviary_kernel::model::{Counts, Kind, Server, ServerDatabase, StepState, Subuser, Target};
use aviary_remote::{ServerBundle, ServerIncludes};
use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::{Listed, PAGES_WAITING, Steps, Swept};
use crate::mirror::Draft;
use crate::sync::run::Halt;

impl Steps<'_> {
    /// Servers and what comes with them, as far as it was asked for.
    pub(super) async fn servers(&mut self, first: Target) -> Result<(), Halt> {
        let with = ServerIncludes {
            allocations: self.run.wants(Target::Servers),
            variables: true,
            subusers: self.run.wants(Target::Subusers),
            databases: self.run.wants(Target::Databases),
        };
        let steps: Vec<_> = [Target::Servers, Target::Databases, Target::Subusers]
            .into_iter()
            .filter(|target| self.run.wants(*target))
            .collect();
        for target in steps.iter().rev() {
            self.run.begin(*target, &self.client);
        }
        let (tx, pages) = mpsc::channel(PAGES_WAITING);
        let client = self.client.clone();
        let sweep = async move { client.servers(with, tx).await };
        let swept = self.listing(first, sweep, pages, |steps, bundles| steps.apply_servers(bundles).boxed()).await?;
        self.server_list(first, &steps, swept).await?;
        for (number, target) in steps.into_iter().enumerate() {
            self.run.end(target, &self.client).await?;
            if number == 0 {
                // The requests were those of the first; the others came along.
                self.run.begin_at_no_cost(&self.client);
            }
        }
        Ok(())
    }

    async fn server_list(&mut self, first: Target, steps: &[Target], swept: Swept) -> Result<(), Halt> {
        let whole = self.judged(first, swept);
        let failed = !matches!(whole, Ok(Some(_)));
        for target in steps.iter().filter(|target| **target != first) {
            if failed {
                self.run.set_state(*target, StepState::Failed);
            }
        }
        let Some(sweep) = whole? else { return Ok(()) };
        if steps.contains(&Target::Servers) {
            self.absent_of_kind::<Server>(&sweep).await?;
            self.run.settle(Target::Servers, std::slice::from_ref(&sweep));
        }
        self.note_levels(sweep.total);
        Ok(())
    }

    async fn apply_servers(&mut self, bundles: Vec<ServerBundle>) -> Result<(), Halt> {
        let (mut servers, mut databases, mut subusers) = (Vec::new(), Vec::new(), Vec::new());
        let mut listed = Vec::new();
        for bundle in bundles {
            self.told.note(&bundle);
            let parent = (Kind::Server, bundle.server.id);
            if let Some(list) = bundle.databases {
                listed.extend(Listed::of(parent, &list));
                databases.extend(list.rows);
            }
            if let Some(list) = bundle.subusers {
                listed.extend(Listed::of(parent, &list));
                subusers.extend(list.rows);
            }
            servers.push(bundle.server);
        }
        self.compare(listed).await?;
        if self.run.wants(Target::Servers) {
            self.apply_plain::<Server>(Target::Servers, servers).await?;
        }
        self.apply_children::<ServerDatabase>(databases).await?;
        self.apply_children::<Subuser>(subusers).await
    }

    async fn apply_children<T: Draft>(&mut self, rows: Vec<T>) -> Result<(), Halt> {
        let target = T::KIND.target();
        self.run.count(target, &self.client, &Counts { total: rows.len() as u64, ..Counts::default() });
        self.apply_plain(target, rows).await
    }

    /// Says which levels the key seems to lack. A relation that no server told is unknown, not empty.
    fn note_levels(&mut self, servers: u64) {
        if servers == 0 {
            return;
        }
        let all = [
            (Target::Servers, self.told.allocations, "allocations of servers", "allocations"),
            (Target::Servers, self.told.variables, "variables of servers", "servers"),
            (Target::Databases, self.told.databases, "databases", "server databases"),
            (Target::Subusers, self.told.subusers, "subusers", "users"),
        ];
        let wanted = |target| self.run.wants(target);
        for (target, _, what, level) in all.into_iter().filter(|(target, told, ..)| !told && wanted(*target)) {
            let what = format!("the panel tells nothing about the {what}; what is known of them stays");
            let remedy = format!("Give the application key the level \"read\" for {level}.");
            let issue = self.run.issue(target, "level_missing", what, remedy);
            self.run.note_issue(issue);
            if target != Target::Servers {
                self.run.set_state(target, StepState::Skipped);
            }
        }
    }
}

/// Which relations of servers the panel told at all.
#[derive(Default)]
pub(super) struct Told {
    allocations: bool,
    variables: bool,
    databases: bool,
    subusers: bool,
}

impl Told {
    fn note(&mut self, bundle: &ServerBundle) {
        self.allocations |= bundle.server.allocations.is_some();
        self.variables |= bundle.server.variables.is_some();
        self.databases |= bundle.databases.is_some();
        self.subusers |= bundle.subusers.is_some();
    }
}
