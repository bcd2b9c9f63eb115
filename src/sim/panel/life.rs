//! A life of its own: servers come, change and go, people too.

use std::time::Duration;

use crate::Chance;
use crate::panel::world::{NewServer, Power, Server, World};

/// How lively a panel is.
#[derive(Debug, Clone)]
pub struct LifeSpec {
    /// Time between two bursts of change.
    pub tick: Duration,
    /// Changes per burst.
    pub changes_per_tick: u32,
}

impl Default for LifeSpec {
    fn default() -> Self {
        Self { tick: Duration::from_secs(5), changes_per_tick: 2 }
    }
}

/// Something that happened; the numbers are ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifeEvent {
    /// A server was ordered; it is installing.
    ServerCreated(u64),
    /// An installation or the restoring of a backup has ended.
    ServerReady(u64),
    /// A server has arrived on another node.
    ServerMoved(u64),
    /// A backup is complete.
    BackupFinished(u64),
    /// A server has a new name.
    ServerRenamed(u64),
    /// A server's limits were changed.
    ServerResized(u64),
    /// A server was suspended.
    ServerSuspended(u64),
    /// A server's suspension was lifted.
    ServerUnsuspended(u64),
    /// A server is gone.
    ServerDeleted(u64),
    /// A server was started or stopped.
    ServerPowered(u64),
    /// A user has signed up.
    UserCreated(u64),
    /// A user has a new address.
    UserChanged(u64),
    /// A user without servers is gone.
    UserDeleted(u64),
    /// A server got another allocation.
    AllocationAssigned(u64),
    /// A server gave an allocation back.
    AllocationFreed(u64),
    /// A user may use somebody else's server.
    SubuserAdded(u64),
    /// A user may no more.
    SubuserRemoved(u64),
    /// A server got a database.
    DatabaseAdded(u64),
    /// A server's variable was changed.
    VariableChanged(u64),
}

const NAMES: &[&str] =
    &["Aurora", "Boulder", "Cobalt", "Dune", "Elder", "Fjord", "Glacier", "Heath", "Isle", "Juniper"];

impl World {
    /// Lets one thing happen. Nothing may come of it, when there is nobody to whom it could.
    pub(crate) fn live_on(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        match chance.below(100) {
            0..8 => self.order_a_server(chance),
            8..22 => self.finish_something(),
            22..34 => self.rename_a_server(chance),
            34..44 => self.resize_a_server(chance),
            44..52 => self.toggle_suspension(chance),
            52..57 => self.delete_a_server(chance),
            57..65 => self.toggle_power(chance),
            65..71 => Some(self.welcome_a_user(chance)),
            71..76 => self.change_a_user(chance),
            76..79 => self.see_a_user_off(chance),
            79..86 => self.move_an_allocation(chance),
            86..92 => self.change_subusers(chance),
            92..95 => self.give_a_database(chance),
            _ => self.change_a_variable(chance),
        }
    }

    fn some_server(&self, chance: &mut Chance) -> Option<&Server> {
        let settled: Vec<&Server> = self.servers.values().filter(|s| s.status.is_none() && !s.transferring).collect();
        (!settled.is_empty()).then(|| *chance.pick(&settled))
    }

    fn some_user(&self, chance: &mut Chance) -> Option<u64> {
        let ids: Vec<u64> = self.users.keys().copied().filter(|id| !self.keys.iter().any(|k| k.user == *id)).collect();
        (!ids.is_empty()).then(|| *chance.pick(&ids))
    }

    fn order_a_server(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        let user = self.some_user(chance);
        let nodes: Vec<u64> = self.nodes.keys().copied().collect();
        let eggs: Vec<u64> = self.eggs.keys().copied().collect();
        if nodes.is_empty() || eggs.is_empty() {
            return None;
        }
        let new = NewServer {
            name: format!("{} {}", chance.pick(NAMES), chance.between(2, 99)),
            user,
            node: Some(*chance.pick(&nodes)),
            egg: Some(*chance.pick(&eggs)),
            ..NewServer::default()
        };
        let id = self.add_server(new)?;
        self.set_status(id, Some("installing"));
        Some(LifeEvent::ServerCreated(id))
    }

    /// What the node reports when it is done with something.
    fn finish_something(&mut self) -> Option<LifeEvent> {
        let busy = |server: &&Server| matches!(server.status.as_deref(), Some("installing" | "restoring_backup"));
        if let Some(id) = self.servers.values().find(busy).map(|server| server.id) {
            self.set_status(id, None);
            return Some(LifeEvent::ServerReady(id));
        }
        if let Some(id) = self.servers.values().find(|server| server.transferring).map(|server| server.id) {
            self.end_transfer(id, true);
            return Some(LifeEvent::ServerMoved(id));
        }
        let now = self.now();
        let backup = self.backups.values_mut().find(|backup| backup.completed_at.is_none())?;
        (backup.successful, backup.completed_at, backup.bytes) = (true, Some(now), 64 << 20);
        backup.checksum = Some(format!("sha1:{}", Chance::fork(backup.id, "checksum").hex(40)));
        Some(LifeEvent::BackupFinished(backup.id))
    }

    fn rename_a_server(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        let id = self.some_server(chance)?.id;
        let name = format!("{} {}", chance.pick(NAMES), chance.between(2, 99));
        self.change_server(id, |server| server.name = name);
        Some(LifeEvent::ServerRenamed(id))
    }

    fn resize_a_server(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        let id = self.some_server(chance)?.id;
        let memory = *chance.pick(&[1024, 2048, 3072, 4096, 8192, 16_384]);
        self.change_server(id, |server| (server.limits.memory, server.limits.disk) = (memory, memory * 5));
        Some(LifeEvent::ServerResized(id))
    }

    fn toggle_suspension(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        let suspended = self.servers.values().find(|s| s.status.as_deref() == Some("suspended")).map(|s| s.id);
        match suspended.filter(|_| chance.percent(60)) {
            Some(id) => {
                self.set_status(id, None);
                Some(LifeEvent::ServerUnsuspended(id))
            }
            None => {
                let id = self.some_server(chance)?.id;
                self.set_status(id, Some("suspended"));
                self.servers.get_mut(&id)?.power = Power::Offline;
                Some(LifeEvent::ServerSuspended(id))
            }
        }
    }

    fn delete_a_server(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        let id = self.some_server(chance)?.id;
        self.remove_server(id);
        Some(LifeEvent::ServerDeleted(id))
    }

    fn toggle_power(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        let id = self.some_server(chance)?.id;
        let now = self.now();
        let server = self.servers.get_mut(&id)?;
        server.power = if server.power == Power::Offline { Power::Running } else { Power::Offline };
        server.power_since = now;
        Some(LifeEvent::ServerPowered(id))
    }

    fn welcome_a_user(&mut self, chance: &mut Chance) -> LifeEvent {
        let name = format!("{}{}", chance.pick(NAMES).to_lowercase(), chance.hex(5));
        LifeEvent::UserCreated(self.add_user(&name, &format!("{name}@players.example")))
    }

    fn change_a_user(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        let id = self.some_user(chance)?;
        let (now, email) = (self.now(), format!("moved.{}@post.example", chance.hex(6)));
        let user = self.users.get_mut(&id)?;
        (user.email, user.updated_at) = (email, now);
        Some(LifeEvent::UserChanged(id))
    }

    fn see_a_user_off(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        let id = self.some_user(chance)?;
        if self.servers.values().any(|server| server.user == id) {
            return None;
        }
        self.remove_user(id);
        Some(LifeEvent::UserDeleted(id))
    }

    fn move_an_allocation(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        let (id, primary, node) = self.some_server(chance).map(|s| (s.id, s.allocation, s.node))?;
        let spare = self.allocations.values().find(|a| a.server == Some(id) && Some(a.id) != primary).map(|a| a.id);
        if let Some(spare) = spare.filter(|_| chance.percent(50)) {
            self.assign(spare, None);
            return Some(LifeEvent::AllocationFreed(spare));
        }
        let free = self.free_allocation(node);
        self.assign(free, Some(id));
        Some(LifeEvent::AllocationAssigned(free))
    }

    fn change_subusers(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        if chance.percent(40) && self.subusers.len() > 1 {
            let ids: Vec<u64> = self.subusers.keys().copied().collect();
            let id = *chance.pick(&ids);
            self.remove_subuser(id);
            return Some(LifeEvent::SubuserRemoved(id));
        }
        let user = self.some_user(chance)?;
        let (server, owner) = self.some_server(chance).map(|s| (s.id, s.user))?;
        let there = self.subusers.values().any(|row| row.server == server && row.user == user);
        (user != owner && !there)
            .then(|| LifeEvent::SubuserAdded(self.add_subuser(server, user, &["control.console", "websocket.connect"])))
    }

    fn give_a_database(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        let id = self.some_server(chance)?.id;
        let name = format!("db{}", chance.hex(4));
        Some(LifeEvent::DatabaseAdded(self.add_database(id, &name)))
    }

    /// Values live in a table of their own: the server's `updated_at` stays where it was.
    fn change_a_variable(&mut self, chance: &mut Chance) -> Option<LifeEvent> {
        let id = self.some_server(chance)?.id;
        let value = chance.token(6);
        let slot = self.servers.get_mut(&id)?.values.values_mut().next()?;
        *slot = value;
        Some(LifeEvent::VariableChanged(id))
    }
}
