//! What hangs on servers: subusers, databases, backups, schedules, activity.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::times;
use crate::Chance;
use crate::panel::spec::PanelSpec;
use crate::panel::world::{Activity, Backup, Database, DatabaseHost, Permissions, Schedule, Subuser, Task, World};

const PERMISSION_SETS: &[&[&str]] = &[
    &["control.console", "control.start", "file.read", "websocket.connect"],
    &["websocket.connect"],
    &["allocation.read", "backup.read", "database.read", "startup.read", "user.read", "websocket.connect"],
    &[
        "activity.read",
        "control.restart",
        "control.start",
        "control.stop",
        "file.read",
        "schedule.read",
        "websocket.connect",
    ],
];

/// Event and details.
const EVENTS: &[(&str, &str)] = &[
    ("server:power.start", ""),
    ("server:power.restart", ""),
    ("server:console.command", "command"),
    ("server:file.write", "file"),
    ("server:backup.start", "name"),
    ("server:settings.rename", "old"),
];

/// Fills the tables.
pub(super) fn fill(world: &mut World, spec: &PanelSpec) {
    let mut chance = Chance::fork(spec.seed, "extras");
    fill_hosts(world, &mut chance);
    let users = world.users.len() as u64;
    let servers: Vec<(u64, u64)> = world.servers.values().map(|s| (s.id, s.user)).collect();
    for (server, owner) in servers {
        if users > 2 && chance.percent(30) {
            add_subusers(world, server, owner, users, &mut chance);
        }
        if chance.percent(25) {
            add_database(world, server, &mut chance);
        }
        if chance.percent(20) {
            add_backups(world, server, &mut chance);
        }
        if chance.percent(15) {
            add_schedule(world, server, &mut chance);
        }
        add_activity(world, server, owner, &mut chance);
    }
}

fn fill_hosts(world: &mut World, chance: &mut Chance) {
    for (id, name) in [(1, "Amsterdam MariaDB"), (2, "Spare MariaDB")] {
        let (created_at, updated_at) = times(chance);
        let host = DatabaseHost {
            id,
            name: name.to_owned(),
            host: format!("db{id}.simulated.example"),
            port: 3306,
            username: "panel_dbadmin".to_owned(),
            node: (id == 2).then_some(1),
            created_at,
            updated_at,
        };
        world.database_hosts.insert(id, host);
    }
}

fn add_subusers(world: &mut World, server: u64, owner: u64, users: u64, chance: &mut Chance) {
    let mut taken = vec![owner];
    for _ in 0..chance.between(1, 3) {
        let user = chance.between(1, users);
        if taken.contains(&user) {
            continue;
        }
        taken.push(user);
        let (id, (created_at, updated_at)) = (world.subusers.len() as u64 + 1, times(chance));
        let names = chance.pick(PERMISSION_SETS).iter().map(|&name| name.to_owned()).collect();
        let permissions = Permissions::List(names);
        world.subusers.insert(id, Subuser { id, user, server, permissions, created_at, updated_at });
    }
}

fn add_database(world: &mut World, server: u64, chance: &mut Chance) {
    let (id, (created_at, updated_at)) = (world.databases.len() as u64 + 1, times(chance));
    let row = Database {
        id,
        server,
        host: 1,
        database: format!("s{server}_{}", chance.pick(&["economy", "stats", "bans", "web"])),
        username: format!("u{server}_{}", chance.token(10)),
        password: chance.token(24),
        remote: "%".to_owned(),
        max_connections: *chance.pick(&[None, Some(20), Some(0)]),
        created_at,
        updated_at,
    };
    world.databases.insert(id, row);
}

/// One of each state: done, failed, still running.
fn add_backups(world: &mut World, server: u64, chance: &mut Chance) {
    for state in 0..chance.between(1, 3) {
        let (id, (created_at, _)) = (world.backups.len() as u64 + 1, times(chance));
        let done = state == 0;
        let row = Backup {
            id,
            uuid: chance.uuid(),
            server,
            name: if done { "before the big dig" } else { "nightly" }.to_owned(),
            successful: done,
            locked: done && chance.percent(30),
            ignored: if done { vec!["logs/*".to_owned(), "*.tmp".to_owned()] } else { Vec::new() },
            checksum: done.then(|| format!("sha1:{}", chance.hex(40))),
            bytes: if done { chance.between(1 << 20, 1 << 30) } else { 0 },
            created_at,
            completed_at: (state < 2).then(|| later(created_at, chance.between(5, 600))),
        };
        world.backups.insert(id, row);
    }
}

fn later(at: Timestamp, seconds: u64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds as i64)).unwrap_or(at)
}

fn add_schedule(world: &mut World, server: u64, chance: &mut Chance) {
    let (id, (created_at, updated_at)) = (world.schedules.len() as u64 + 1, times(chance));
    let step = |nth: u64, action: &str, payload: &str| Task {
        id: id * 2 - 1 + nth,
        action: action.to_owned(),
        payload: payload.to_owned(),
        time_offset: nth * 60,
        continue_on_failure: false,
    };
    let row = Schedule {
        id,
        server,
        name: "Nightly restart".to_owned(),
        cron: ["30", "4", "*", "*", "*"].map(str::to_owned),
        active: !chance.percent(20),
        only_when_online: true,
        last_run_at: chance.percent(70).then_some(updated_at),
        next_run_at: Some(later(updated_at, 86_400)),
        tasks: vec![step(0, "command", "say restart in one minute"), step(1, "power", "restart")],
        created_at,
        updated_at,
    };
    world.schedules.insert(id, row);
}

fn add_activity(world: &mut World, server: u64, owner: u64, chance: &mut Chance) {
    for _ in 0..chance.below(6) {
        let (event, detail) = *chance.pick(EVENTS);
        let properties = if detail.is_empty() { json!({}) } else { details(detail, chance) };
        let line = Activity {
            id: world.activity.len() as u64 + 1,
            server: Some(server),
            actor: (!chance.percent(20)).then_some(owner),
            event: event.to_owned(),
            is_api: chance.percent(40),
            ip: format!("192.0.2.{}", chance.between(1, 250)),
            properties,
            at: times(chance).1,
        };
        world.activity.push(line);
    }
}

fn details(key: &str, chance: &mut Chance) -> Value {
    let text = *chance.pick(&["server.properties", "say hello", "nightly", "old name"]);
    json!({ key: text })
}
