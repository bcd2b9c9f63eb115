//! Finds the rows that a path names.

use crate::panel::problem::Problem;
use crate::panel::routes::Matched;
use crate::panel::seen::Api;
use crate::panel::spec::Dialect;
use crate::panel::world::{Server, View};

/// The ids of the rows behind the variable segments, in order; 0 for free text.
///
/// # Errors
/// 404 when one does not exist, or does not belong to the one before it.
pub(crate) fn resolve(view: View<'_>, api: Api, dialect: Dialect, matched: &Matched) -> Result<Vec<u64>, Problem> {
    let mut ids = Vec::new();
    for (name, text) in matched.route.placeholders().zip(&matched.names) {
        let found = match api {
            Api::Client => client_row(view, dialect, name, text, &ids),
            _ => application_row(view, dialect, name, text, &ids),
        };
        ids.push(found.ok_or_else(Problem::not_found)?);
    }
    Ok(ids)
}

/// An id in an application path. MySQL compares an integer column with a text by its leading digits.
fn number(dialect: Dialect, text: &str) -> u64 {
    let digits = match dialect {
        Dialect::Pelican => text,
        Dialect::Pterodactyl => &text[..text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len())],
    };
    digits.parse().unwrap_or(0)
}

fn application_row(view: View<'_>, dialect: Dialect, name: &str, text: &str, before: &[u64]) -> Option<u64> {
    let world = view.world;
    let id = number(dialect, text);
    let parent = before.last().copied();
    let exists = match name {
        "user" => world.users.contains_key(&id),
        "node" => world.nodes.contains_key(&id),
        "server" => world.servers.contains_key(&id),
        "location" => world.locations.contains_key(&id),
        "nest" => world.nests.contains_key(&id),
        "egg" => world.eggs.get(&id).is_some_and(|egg| parent.is_none_or(|nest| egg.nest == nest)),
        "allocation" => world.allocations.get(&id).is_some_and(|a| Some(a.node) == parent),
        "database" => world.databases.get(&id).is_some_and(|d| Some(d.server) == parent),
        "host" => world.database_hosts.contains_key(&id),
        // A single built-in role, and nothing else of the kinds that are not simulated.
        "role" => id == 1,
        "mount" | "plugin" => false,
        _ => return Some(0),
    };
    exists.then_some(id)
}

fn client_row(view: View<'_>, dialect: Dialect, name: &str, text: &str, before: &[u64]) -> Option<u64> {
    let world = view.world;
    let server = before.first().copied().unwrap_or(0);
    let id = text.parse::<u64>().unwrap_or(0);
    let mine = |ids: &[u64]| ids.contains(&id).then_some(id);
    match name {
        "server" => client_server(view, dialect, text),
        "database" => {
            let ids = view.index.databases_of_server(server);
            mine(ids).or_else(|| ids.iter().copied().find(|&id| hashid(id) == text))
        }
        "allocation" => mine(view.index.allocations_of_server(server)),
        "schedule" => mine(view.index.schedules_of_server(server)),
        "task" => {
            let schedule = before.get(1).and_then(|id| world.schedules.get(id))?;
            schedule.tasks.iter().any(|task| task.id == id).then_some(id)
        }
        "backup" => {
            let ids = view.index.backups_of_server(server).iter().copied();
            ids.into_iter().find(|id| world.backups.get(id).is_some_and(|backup| backup.uuid == text))
        }
        "subuser" => {
            let rows = view.index.subusers_of_server(server).iter().filter_map(|id| world.subusers.get(id));
            let is = |user: u64| world.users.get(&user).is_some_and(|user| user.uuid == text);
            rows.into_iter().find(|row| is(row.user)).map(|row| row.id)
        }
        _ => Some(0),
    }
}

fn client_server(view: View<'_>, dialect: Dialect, text: &str) -> Option<u64> {
    let short = || view.index.server_by_identifier(text);
    let long = || view.index.server_by_uuid(text);
    match dialect {
        Dialect::Pterodactyl if text.len() == 8 => short(),
        Dialect::Pterodactyl => long(),
        Dialect::Pelican => long().or_else(short),
    }
}

/// The text by which Pterodactyl's client API names a database.
pub(crate) fn hashid(id: u64) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrtuvwxyzABCDEFGHJK";
    let mixed = id.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB_5A3C) & 0xFF_FFFF_FFFF;
    (0..8).map(|nth| char::from(ALPHABET[(mixed >> (nth * 5) & 31) as usize])).collect()
}

impl Server {
    /// True while owners cannot use the server because it is not installed.
    pub(crate) fn is_installed(&self, dialect: Dialect) -> bool {
        match self.status.as_deref() {
            Some("installing" | "install_failed") => false,
            Some("reinstall_failed") => !dialect.is_pelican(),
            _ => true,
        }
    }
}
