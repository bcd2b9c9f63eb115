//! The rows that real panels surprise their clients with, worked into a generated world without changing any count.

use serde_json::json;

use super::{Kind, Permissions, Server, User, World};

type ServerTwist = fn(&mut Server);
type UserTwist = fn(&mut User);

const SERVER_TWISTS: &[ServerTwist] = &[
    |s| s.external_id = Some("12".into()),
    |s| (s.external_id, s.status) = (Some("412".into()), Some("suspended".into())),
    |s| (s.external_id, s.status) = (Some("112x".into()), Some("installing".into())),
    |s| (s.name, s.status) = ("<b>bold</b><script>alert(1)</script>".into(), Some("install_failed".into())),
    |s| (s.name, s.status) = ("شبكة الألعاب ‏rtl‏".into(), Some("reinstall_failed".into())),
    |s| (s.name, s.status) = ("鉄道 🚂 サーバー".into(), Some("restoring_backup".into())),
    |s| (s.limits.swap, s.limits.threads) = (-1, Some("0,2-3".into())),
    |s| (s.limits.memory, s.limits.disk, s.limits.cpu) = (0, 0, 0),
    |s| (s.feature_limits.databases, s.feature_limits.allocations, s.feature_limits.backups) = (None, None, 0),
    |s| (s.feature_limits.databases, s.feature_limits.allocations) = (Some(0), Some(0)),
    |s| s.description = Some("A very long story. ".repeat(2_700)),
    |s| s.description = Some("two\nlines,\ta tab, \"quotes\" & a \\ and\u{0}a zero".into()),
    |s| s.status = Some("archived_by_plugin".into()),
    |s| s.name = "x".repeat(191),
    |s| s.name = "  null ".into(),
    |s| {
        s.values.pop_last();
    },
    |s| s.values.values_mut().for_each(String::clear),
    |s| s.repeats_a_variable = true,
    |s| s.image = "registry.simulated.example/own/image@sha256:00ff".into(),
];

const USER_TWISTS: &[UserTwist] = &[
    |u| (u.first_name, u.last_name, u.external_id) = (None, None, None),
    |u| (u.first_name, u.last_name) = (Some("Zoë".into()), Some("Łukasiewicz-Ørsted".into())),
    |u| (u.first_name, u.external_id) = (Some("<i>Mallory</i>".into()), Some("12".into())),
    |u| (u.first_name, u.last_name, u.external_id) = (Some("سارة".into()), Some("النجار".into()), Some("412".into())),
    |u| u.email = "Mixed.Case+Tag@Mail.Example".into(),
    |u| (u.first_name, u.last_name, u.external_id) = (Some("Server".into()), Some("Subuser".into()), None),
    |u| (u.language, u.external_id) = ("pt-BR".into(), Some("120".into())),
    |u| (u.first_name, u.two_factor, u.managed_externally) = (Some("🦜".into()), true, true),
];

impl World {
    /// Applies every twist to a row of its own, as far as there are rows, spread over the table.
    pub(super) fn make_awkward(&mut self) {
        self.utc_offset_minutes = 120;
        let servers: Vec<&mut Server> = self.servers.values_mut().collect();
        spread(servers, SERVER_TWISTS.len()).into_iter().zip(SERVER_TWISTS).for_each(|(row, twist)| twist(row));
        let users: Vec<&mut User> = self.users.values_mut().skip(1).collect();
        spread(users, USER_TWISTS.len()).into_iter().zip(USER_TWISTS).for_each(|(row, twist)| twist(row));
        self.twist_places();
        self.twist_eggs();
        self.twist_subusers();
        self.open_a_transfer();
        if self.dialect.is_pelican() {
            self.leave_a_server_without_allocation();
        }
    }

    fn twist_places(&mut self) {
        if let Some(location) = self.locations.values_mut().last() {
            location.long = None;
        }
        if let Some(node) = self.nodes.values_mut().last() {
            node.description = None;
            node.numbers_as_text = true;
            node.daemon_sftp_alias = Some("sftp.simulated.example".into());
            node.extra.insert("patched_column".into(), json!({ "by": "someone", "since": 2024 }));
        }
        if let Some(node) = self.nodes.values_mut().nth(1) {
            node.maintenance_mode = true;
            node.cpu_overallocate = -1;
            node.tags.clear();
        }
        let free = self.allocations.values_mut().filter(|a| a.server.is_none());
        for (nth, allocation) in free.take(4).enumerate() {
            allocation.ip = format!("2001:db8::{:x}", nth + 10);
            allocation.alias = (nth % 2 == 0).then(|| "spiel.münchen.example".to_owned());
        }
        if let Some(taken) = self.allocations.values_mut().find(|a| a.server.is_some()) {
            taken.alias = Some("play.reefclub.example".into());
            taken.notes = Some("<em>main</em> door".into());
        }
    }

    fn twist_eggs(&mut self) {
        if let Some(nest) = self.nests.values_mut().last() {
            nest.description = None;
        }
        if let Some(egg) = self.eggs.values_mut().last() {
            egg.description = None;
            egg.features = None;
            egg.tags.clear();
            egg.files = Some(json!({}));
            egg.startup_config = json!({});
            egg.stop = None;
            egg.file_denylist = None;
            egg.logs = json!(null);
            if let Some(variable) = egg.variables.last_mut() {
                (variable.rules, variable.created_at, variable.updated_at) = (None, None, None);
                variable.description.clear();
            }
        }
        if let Some(egg) = self.eggs.values_mut().next() {
            egg.startup_config = json!({ "done": ["World ready in ", "Listening on "] });
            egg.script_install = Some(format!("#!/bin/bash\n{}", "# fetch, check, unpack\n".repeat(400)));
            egg.files = Some(json!({ "server.properties": { "parser": "properties", "find": {} } }));
        }
    }

    fn twist_subusers(&mut self) {
        let mut rows = self.subusers.values_mut();
        if let Some(row) = rows.next() {
            let names = row.permissions.names().into_iter().map(str::to_owned);
            row.permissions = Permissions::Keyed(names.enumerate().map(|(at, name)| (at as u64 * 2, name)).collect());
        }
        if let Some(row) = rows.next() {
            row.permissions = Permissions::Nothing;
        }
    }

    /// A running transfer: the old node and allocation still show, the target's allocation is already attached.
    fn open_a_transfer(&mut self) {
        let Some(server) = self.servers.values_mut().rev().find(|s| s.status.is_none()) else { return };
        let mut elsewhere = self.allocations.values_mut();
        if let Some(target) = elsewhere.find(|a| a.node != server.node && a.server.is_none()) {
            target.server = Some(server.id);
            server.transferring = true;
        }
    }

    fn leave_a_server_without_allocation(&mut self) {
        let Some(id) = self.servers.values().find(|s| s.status.is_none() && !s.transferring).map(|s| s.id) else {
            return;
        };
        for allocation in self.allocations.values_mut().filter(|a| a.server == Some(id)) {
            allocation.server = None;
        }
        if let Some(server) = self.servers.get_mut(&id) {
            server.allocation = None;
        }
    }

    pub(crate) fn is_broken(&self, kind: Kind, id: u64) -> bool {
        !self.broken.is_empty() && self.broken.contains(&(kind, id))
    }
}

/// `count` of the rows, as evenly spread as they can be; all of them when there are fewer.
fn spread<T>(rows: Vec<T>, count: usize) -> Vec<T> {
    let step = (rows.len() / count.max(1)).max(1);
    rows.into_iter().step_by(step).take(count).collect()
}
