//! The whole URL map of both dialects, and how a request finds its line in it.

use crate::panel::call::{Answer, Call};
use crate::panel::problem::Problem;
use crate::panel::query::decode_segment;
use crate::panel::spec::Dialect;
use crate::panel::world::{Resource, Store, View};
use crate::panel::{application, client};

/// What a call needs beyond being let in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need {
    /// Nothing.
    Nothing,
    /// Read level for GET, write level for everything else.
    Level(Resource),
    /// Read level, whatever the method.
    Read(Resource),
    /// A permission on the server in the path.
    Permission(&'static str),
}

/// A handler that only looks.
type Look = for<'a> fn(&Call<'_>, View<'a>) -> Answer;
/// A handler that changes the world.
type Act = fn(&Call<'_>, &mut Store) -> Answer;

/// A handler.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Reads.
    Look(Look),
    /// Writes.
    Act(Act),
}

/// Which dialects have a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Both,
    Only(Dialect),
}

/// One line of the map.
pub(crate) struct Route {
    /// Method.
    pub(crate) method: &'static str,
    /// Path with `{placeholders}`.
    pub(crate) path: &'static str,
    /// What it needs.
    pub(crate) need: Need,
    /// The handler.
    pub(crate) run: Run,
    /// Calls per server, for all users together, and the seconds in which they are counted.
    pub(crate) per_server: Option<(u32, i64)>,
    at: Where,
}

/// A request's line in the map, with the variable segments of its path.
pub(crate) struct Matched {
    /// The line.
    pub(crate) route: &'static Route,
    /// Variable segments, decoded, in order.
    pub(crate) names: Vec<String>,
}

impl Route {
    const fn look(path: &'static str, need: Need, run: Look) -> Self {
        Self { method: "GET", path, need, run: Run::Look(run), per_server: None, at: Where::Both }
    }

    /// A call that the node carries out: nothing of the panel changes, whatever the method.
    const fn node(method: &'static str, path: &'static str, need: Need, run: Look) -> Self {
        Self { method, path, need, run: Run::Look(run), per_server: None, at: Where::Both }
    }

    const fn act(method: &'static str, path: &'static str, need: Need, run: Act) -> Self {
        Self { method, path, need, run: Run::Act(run), per_server: None, at: Where::Both }
    }

    const fn only(mut self, dialect: Dialect) -> Self {
        self.at = Where::Only(dialect);
        self
    }

    const fn per_server(mut self, calls: u32, window_s: i64) -> Self {
        self.per_server = Some((calls, window_s));
        self
    }

    /// Names between the braces, in order.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// The server of a client path.
    pub(crate) fn server_of(&self, call: &Call<'_>) -> Option<u64> {
        self.path.starts_with("/api/client/servers/{server}").then(|| call.id(0))
    }

    /// True for client calls that want the server in a normal state.
    pub(crate) fn is_gated(&self) -> bool {
        self.path.starts_with("/api/client/servers/{server}/")
    }

    fn exists_in(&self, dialect: Dialect) -> bool {
        self.at == Where::Both || self.at == Where::Only(dialect)
    }

    fn matches(&self, segments: &[&str]) -> Option<Vec<String>> {
        let mut names = Vec::new();
        let mut wanted = self.path.split('/').skip(1);
        for &segment in segments {
            let part = wanted.next()?;
            if part.starts_with('{') {
                names.push(decode_segment(segment));
            } else if part != segment {
                return None;
            }
        }
        wanted.next().is_none().then_some(names)
    }
}

/// Finds the line for a request. A literal segment wins over a placeholder because it stands further up.
///
/// # Errors
/// 404 when no line has the path, 405 when none of those that have it takes the method.
pub(crate) fn find(dialect: Dialect, method: &str, path: &str) -> Result<Matched, Problem> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let method = if method == "HEAD" { "GET" } else { method };
    let mut seen = false;
    for route in ROUTES.iter().flat_map(|part| part.iter()).filter(|route| route.exists_in(dialect)) {
        if let Some(names) = route.matches(&segments) {
            if route.method == method {
                return Ok(Matched { route, names });
            }
            seen = true;
        }
    }
    Err(if seen { Problem::wrong_method() } else { Problem::not_found() })
}

const PTERO: Dialect = Dialect::Pterodactyl;
const PELICAN: Dialect = Dialect::Pelican;
const USERS: Need = Need::Level(Resource::Users);
const NODES: Need = Need::Level(Resource::Nodes);
const ALLOCATIONS: Need = Need::Level(Resource::Allocations);
const LOCATIONS: Need = Need::Level(Resource::Locations);
const SERVERS: Need = Need::Level(Resource::Servers);
const DATABASES: Need = Need::Level(Resource::ServerDatabases);
const NESTS: Need = Need::Level(Resource::Nests);
const EGGS: Need = Need::Level(Resource::Eggs);
const HOSTS: Need = Need::Level(Resource::DatabaseHosts);

const ROUTES: &[&[Route]] = &[APPLICATION, PELICAN_ONLY, CLIENT];

#[rustfmt::skip]
const APPLICATION: &[Route] = &[
    Route::look("/api/application/users", USERS, application::users::list),
    Route::act("POST", "/api/application/users", USERS, application::users::create),
    Route::look("/api/application/users/{user}", USERS, application::users::show),
    Route::act("PATCH", "/api/application/users/{user}", USERS, application::users::update),
    Route::act("DELETE", "/api/application/users/{user}", USERS, application::users::delete),
    Route::look("/api/application/users/external/{external}", USERS, application::users::external),

    Route::look("/api/application/nodes", NODES, application::nodes::list),
    Route::act("POST", "/api/application/nodes", NODES, application::nodes::create),
    Route::look("/api/application/nodes/deployable", NODES, application::nodes::deployable),
    Route::look("/api/application/nodes/{node}", NODES, application::nodes::show),
    Route::act("PATCH", "/api/application/nodes/{node}", NODES, application::nodes::update),
    Route::act("DELETE", "/api/application/nodes/{node}", NODES, application::nodes::delete),
    Route::look("/api/application/nodes/{node}/configuration", NODES, application::nodes::configuration),
    Route::look("/api/application/nodes/{node}/allocations", ALLOCATIONS, application::allocations::list),
    Route::act("POST", "/api/application/nodes/{node}/allocations", ALLOCATIONS, application::allocations::create),
    Route::act("DELETE", "/api/application/nodes/{node}/allocations/{allocation}", ALLOCATIONS, application::allocations::delete),

    Route::look("/api/application/locations", LOCATIONS, application::locations::list).only(PTERO),
    Route::act("POST", "/api/application/locations", LOCATIONS, application::locations::create).only(PTERO),
    Route::look("/api/application/locations/{location}", LOCATIONS, application::locations::show).only(PTERO),
    Route::act("PATCH", "/api/application/locations/{location}", LOCATIONS, application::locations::update).only(PTERO),
    Route::act("DELETE", "/api/application/locations/{location}", LOCATIONS, application::locations::delete).only(PTERO),

    Route::look("/api/application/servers", SERVERS, application::servers::list),
    Route::act("POST", "/api/application/servers", SERVERS, application::server_writes::create),
    Route::look("/api/application/servers/{server}", SERVERS, application::servers::show),
    Route::look("/api/application/servers/external/{external}", SERVERS, application::servers::external),
    Route::act("PATCH", "/api/application/servers/{server}/details", SERVERS, application::server_writes::details),
    Route::act("PATCH", "/api/application/servers/{server}/build", SERVERS, application::server_writes::build),
    Route::act("PATCH", "/api/application/servers/{server}/startup", SERVERS, application::server_writes::startup),
    Route::act("POST", "/api/application/servers/{server}/suspend", SERVERS, application::servers::suspend),
    Route::act("POST", "/api/application/servers/{server}/unsuspend", SERVERS, application::servers::unsuspend),
    Route::act("POST", "/api/application/servers/{server}/reinstall", SERVERS, application::servers::reinstall),
    Route::act("DELETE", "/api/application/servers/{server}", SERVERS, application::servers::delete),
    Route::act("DELETE", "/api/application/servers/{server}/force", SERVERS, application::servers::force_delete),
    Route::look("/api/application/servers/{server}/databases", DATABASES, application::databases::list),
    Route::act("POST", "/api/application/servers/{server}/databases", DATABASES, application::databases::create),
    Route::look("/api/application/servers/{server}/databases/{database}", DATABASES, application::databases::show),
    Route::act("POST", "/api/application/servers/{server}/databases/{database}/reset-password", DATABASES, application::databases::reset_password),
    Route::act("DELETE", "/api/application/servers/{server}/databases/{database}", DATABASES, application::databases::delete),

    Route::look("/api/application/nests", NESTS, application::eggs::nests).only(PTERO),
    Route::look("/api/application/nests/{nest}", NESTS, application::eggs::nest).only(PTERO),
    Route::look("/api/application/nests/{nest}/eggs", EGGS, application::eggs::of_nest).only(PTERO),
    Route::look("/api/application/nests/{nest}/eggs/{egg}", EGGS, application::eggs::show).only(PTERO),
];

#[rustfmt::skip]
const PELICAN_ONLY: &[Route] = &[
    Route::look("/api/application/eggs", EGGS, application::eggs::all).only(PELICAN),
    Route::look("/api/application/eggs/{egg}", EGGS, application::eggs::show).only(PELICAN),
    Route::act("DELETE", "/api/application/eggs/{egg}", Need::Read(Resource::Eggs), application::eggs::delete).only(PELICAN),
    Route::act("POST", "/api/application/servers/{server}/transfer", SERVERS, application::server_writes::transfer).only(PELICAN),
    Route::act("POST", "/api/application/servers/{server}/transfer/cancel", SERVERS, application::server_writes::cancel_transfer).only(PELICAN),
    Route::look("/api/application/database-hosts", HOSTS, application::hosts::list).only(PELICAN),
    Route::look("/api/application/database-hosts/{host}", HOSTS, application::hosts::show).only(PELICAN),
    Route::look("/api/application/mounts", Need::Level(Resource::Mounts), application::hosts::nothing).only(PELICAN),
    Route::look("/api/application/roles", Need::Level(Resource::Roles), application::hosts::roles).only(PELICAN),
    Route::look("/api/application/roles/{role}", Need::Level(Resource::Roles), application::hosts::role).only(PELICAN),
    Route::look("/api/application/plugins", Need::Level(Resource::Plugins), application::hosts::nothing_by_ten).only(PELICAN),
];

const fn may(name: &'static str) -> Need {
    Need::Permission(name)
}

#[rustfmt::skip]
const CLIENT: &[Route] = &[
    Route::look("/api/client", Need::Nothing, client::list::list),
    Route::look("/api/client/permissions", Need::Nothing, client::account::permissions),
    Route::look("/api/client/account", Need::Nothing, client::account::show),
    Route::look("/api/client/account/activity", Need::Nothing, client::activity::of_account),
    Route::look("/api/client/account/api-keys", Need::Nothing, client::account::api_keys),
    Route::act("POST", "/api/client/account/api-keys", Need::Nothing, client::account::create_api_key),
    Route::act("DELETE", "/api/client/account/api-keys/{identifier}", Need::Nothing, client::account::delete_api_key),
    Route::look("/api/client/account/ssh-keys", Need::Nothing, client::account::ssh_keys),
    Route::look("/api/client/servers/{server}", Need::Nothing, client::list::show),
    Route::look("/api/client/servers/{server}/resources", Need::Nothing, client::power::resources),
    Route::look("/api/client/servers/{server}/websocket", may("websocket.connect"), client::power::websocket).per_server(5, 60),
    Route::act("POST", "/api/client/servers/{server}/power", Need::Nothing, client::power::power),
    Route::act("POST", "/api/client/servers/{server}/command", may("control.console"), client::power::command),
    Route::look("/api/client/servers/{server}/activity", may("activity.read"), client::activity::of_server),
    Route::look("/api/client/servers/{server}/users", may("user.read"), client::subusers::list),
    Route::act("POST", "/api/client/servers/{server}/users", may("user.create"), client::subusers::create).per_server(10, 900),
    Route::look("/api/client/servers/{server}/users/{subuser}", may("user.read"), client::subusers::show),
    Route::act("POST", "/api/client/servers/{server}/users/{subuser}", may("user.update"), client::subusers::update),
    Route::act("DELETE", "/api/client/servers/{server}/users/{subuser}", may("user.delete"), client::subusers::delete),
    Route::look("/api/client/servers/{server}/network/allocations", may("allocation.read"), client::network::list),
    Route::act("POST", "/api/client/servers/{server}/network/allocations", may("allocation.create"), client::network::create).per_server(2, 60),
    Route::act("POST", "/api/client/servers/{server}/network/allocations/{allocation}", may("allocation.update"), client::network::notes),
    Route::act("POST", "/api/client/servers/{server}/network/allocations/{allocation}/primary", may("allocation.update"), client::network::primary),
    Route::act("DELETE", "/api/client/servers/{server}/network/allocations/{allocation}", may("allocation.delete"), client::network::delete),
    Route::look("/api/client/servers/{server}/databases", may("database.read"), client::databases::list),
    Route::act("POST", "/api/client/servers/{server}/databases", may("database.create"), client::databases::create).per_server(2, 60),
    Route::act("POST", "/api/client/servers/{server}/databases/{database}/rotate-password", may("database.update"), client::databases::rotate),
    Route::act("DELETE", "/api/client/servers/{server}/databases/{database}", may("database.delete"), client::databases::delete),
    Route::look("/api/client/servers/{server}/backups", may("backup.read"), client::backups::list),
    Route::act("POST", "/api/client/servers/{server}/backups", may("backup.create"), client::backups::create),
    Route::look("/api/client/servers/{server}/backups/{backup}", may("backup.read"), client::backups::show),
    Route::look("/api/client/servers/{server}/backups/{backup}/download", may("backup.download"), client::files::signed_url),
    Route::act("POST", "/api/client/servers/{server}/backups/{backup}/restore", may("backup.restore"), client::backups::restore).per_server(3, 900),
    Route::act("PUT", "/api/client/servers/{server}/backups/{backup}/rename", may("backup.delete"), client::backups::rename).only(PELICAN),
    Route::act("POST", "/api/client/servers/{server}/backups/{backup}/lock", may("backup.delete"), client::backups::lock),
    Route::act("DELETE", "/api/client/servers/{server}/backups/{backup}", may("backup.delete"), client::backups::delete),
    Route::look("/api/client/servers/{server}/schedules", may("schedule.read"), client::schedules::list),
    Route::look("/api/client/servers/{server}/schedules/{schedule}", may("schedule.read"), client::schedules::show),
    Route::act("POST", "/api/client/servers/{server}/schedules", may("schedule.create"), client::schedules::create).per_server(2, 60),
    Route::act("POST", "/api/client/servers/{server}/schedules/{schedule}", may("schedule.update"), client::schedules::update),
    Route::act("DELETE", "/api/client/servers/{server}/schedules/{schedule}", may("schedule.delete"), client::schedules::delete),
    Route::act("POST", "/api/client/servers/{server}/schedules/{schedule}/execute", may("schedule.update"), client::schedules::execute),
    Route::act("POST", "/api/client/servers/{server}/schedules/{schedule}/tasks", may("schedule.update"), client::schedules::add_task),
    Route::act("POST", "/api/client/servers/{server}/schedules/{schedule}/tasks/{task}", may("schedule.update"), client::schedules::update_task),
    Route::act("DELETE", "/api/client/servers/{server}/schedules/{schedule}/tasks/{task}", may("schedule.update"), client::schedules::delete_task),
    Route::look("/api/client/servers/{server}/startup", may("startup.read"), client::startup::show),
    Route::act("PUT", "/api/client/servers/{server}/startup/variable", may("startup.update"), client::startup::set),
    Route::look("/api/client/servers/{server}/files/list", may("file.read"), client::files::list),
    Route::look("/api/client/servers/{server}/files/contents", may("file.read-content"), client::files::contents),
    Route::node("PUT", "/api/client/servers/{server}/files/rename", may("file.update"), client::files::done),
    Route::node("POST", "/api/client/servers/{server}/files/copy", may("file.create"), client::files::done),
    Route::node("POST", "/api/client/servers/{server}/files/write", may("file.create"), client::files::done),
    Route::node("POST", "/api/client/servers/{server}/files/compress", may("file.archive"), client::files::compress),
    Route::node("POST", "/api/client/servers/{server}/files/decompress", may("file.create"), client::files::done),
    Route::node("POST", "/api/client/servers/{server}/files/delete", may("file.delete"), client::files::done),
    Route::node("POST", "/api/client/servers/{server}/files/create-folder", may("file.create"), client::files::done),
    Route::node("POST", "/api/client/servers/{server}/files/chmod", may("file.update"), client::files::done),
    Route::node("POST", "/api/client/servers/{server}/files/pull", may("file.create"), client::files::done).per_server(5, 600),
    Route::look("/api/client/servers/{server}/files/download", may("file.read-content"), client::files::signed_url),
    Route::look("/api/client/servers/{server}/files/upload", may("file.create"), client::files::signed_url),
    Route::act("PUT", "/api/client/servers/{server}/settings/docker-image", may("startup.docker-image"), client::settings::docker_image),
    Route::act("POST", "/api/client/servers/{server}/settings/description", may("settings.description"), client::settings::description).only(PELICAN),
    Route::act("POST", "/api/client/servers/{server}/settings/rename", may("settings.rename"), client::settings::rename),
    Route::act("POST", "/api/client/servers/{server}/settings/reinstall", may("settings.reinstall"), client::settings::reinstall),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_dialects_can_be_told_apart_without_a_key() {
        let known = |dialect, path| find(dialect, "GET", path).is_ok();
        assert!(known(PTERO, "/api/application/nests") && !known(PTERO, "/api/application/eggs"));
        assert!(!known(PELICAN, "/api/application/nests") && known(PELICAN, "/api/application/eggs"));
    }

    #[test]
    fn a_literal_segment_wins_and_a_wrong_method_is_told() {
        let route = |method, path| find(PTERO, method, path).map(|m| m.route.path).map_err(|p| p.status);
        assert_eq!(route("GET", "/api/application/nodes/deployable"), Ok("/api/application/nodes/deployable"));
        assert_eq!(route("GET", "/api/application/nodes/7"), Ok("/api/application/nodes/{node}"));
        assert_eq!(route("PUT", "/api/application/nodes/7"), Err(405));
        assert_eq!(route("GET", "/api/application/nodes/7/moons"), Err(404));
        assert_eq!(route("GET", "/api/client/"), Ok("/api/client"));
    }
}
