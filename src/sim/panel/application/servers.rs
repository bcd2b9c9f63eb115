//! Servers of the application API: shape, lists, and the calls that change a state.

use crate::panel::call::{Answer, Call};
use crate::panel::fields::Fields;
use crate::panel::json::At;
use crate::panel::list::{Rules, nullable, part, text};
use crate::panel::problem::Problem;
use crate::panel::query::Includes;
use crate::panel::sheet::Sheet;
use crate::panel::world::{
    Database, Egg, FeatureLimits, Kind, Limits, Permissions, Resource, Server, Store, Subuser, View,
};
use crate::reply::Reply;

const SORTS: &[crate::panel::list::Sort<Server>] =
    &[("id", |a, b| a.id.cmp(&b.id)), ("uuid", |a, b| a.uuid.cmp(&b.uuid))];

const RULES: Rules<Server> = Rules {
    filters: &[
        part("uuid", |s| text(&s.uuid)),
        part("uuidShort", |s| text(s.identifier())),
        part("name", |s| text(&s.name)),
        part("description", |s| nullable(&s.description)),
        part("image", |s| text(&s.image)),
        part("external_id", |s| nullable(&s.external_id)),
    ],
    sorts: SORTS,
    changed: |server| server.updated_at,
};

const PELICAN_RULES: Rules<Server> = Rules {
    filters: &[
        part("uuid", |s| text(&s.uuid)),
        part("uuid_short", |s| text(s.identifier())),
        part("name", |s| text(&s.name)),
        part("description", |s| nullable(&s.description)),
        part("image", |s| text(&s.image)),
        part("external_id", |s| nullable(&s.external_id)),
    ],
    sorts: SORTS,
    changed: |server| server.updated_at,
};

/// Relations, in the order in which the panel writes them.
const RELATIONS: &[&str] =
    &["allocations", "user", "subusers", "nest", "egg", "variables", "location", "node", "databases", "transfer"];
const PELICAN_RELATIONS: &[&str] =
    &["allocations", "user", "subusers", "egg", "variables", "node", "databases", "transfer"];

impl<'a> Sheet<'a> {
    /// A `server`.
    pub(crate) fn server(&mut self, server: &'a Server, includes: &Includes) {
        let pelican = self.dialect.is_pelican();
        let egg = self.view.world.eggs.get(&server.egg);
        self.begin("server", Kind::Server, server.id);
        self.json.put("id", server.id);
        self.json.put("external_id", server.external_id.as_deref());
        self.json.put("uuid", &server.uuid);
        self.json.put("identifier", server.identifier());
        self.json.put("name", &server.name);
        let description = server.description.as_deref();
        self.json.put("description", if pelican { description } else { Some(description.unwrap_or_default()) });
        self.json.put("status", server.status.as_deref());
        self.json.put("suspended", server.status.as_deref() == Some("suspended"));
        self.limits(&server.limits);
        self.feature_limits(&server.feature_limits);
        self.json.put("user", server.user);
        self.json.put("node", server.node);
        self.json.put("allocation", server.allocation);
        if !pelican {
            self.json.put("nest", egg.map(|egg| egg.nest));
        }
        self.json.put("egg", server.egg);
        self.container(server, egg);
        self.json.put("updated_at", At::utc(server.updated_at));
        self.json.put("created_at", At::utc(server.created_at));
        self.server_relations(server, egg, includes);
        self.end();
    }

    /// `limits`, the same in both APIs.
    pub(crate) fn limits(&mut self, limits: &Limits) {
        let json = &mut self.json;
        json.open("limits");
        json.put("memory", limits.memory);
        json.put("swap", limits.swap);
        json.put("disk", limits.disk);
        json.put("io", limits.io);
        json.put("cpu", limits.cpu);
        json.put("threads", limits.threads.as_deref());
        json.put("oom_disabled", limits.oom_disabled);
        if self.dialect.is_pelican() {
            json.put("oom_killer", !limits.oom_disabled);
        }
        json.close();
    }

    /// `feature_limits`, the same in both APIs.
    pub(crate) fn feature_limits(&mut self, limits: &FeatureLimits) {
        self.json.open("feature_limits");
        self.json.put("databases", limits.databases);
        self.json.put("allocations", limits.allocations);
        self.json.put("backups", limits.backups);
        self.json.close();
    }

    fn container(&mut self, server: &Server, egg: Option<&Egg>) {
        self.json.open("container");
        self.json.put("startup_command", &server.startup);
        self.json.put("image", &server.image);
        self.json.put("installed", u8::from(server.is_installed(self.dialect)));
        self.json.open("environment");
        for variable in egg.map(|egg| egg.variables.as_slice()).unwrap_or_default() {
            let value = server.values.get(&variable.id).unwrap_or(&variable.default_value);
            self.json.put(&variable.env_variable, value);
        }
        self.json.put("STARTUP", &server.startup);
        if !self.dialect.is_pelican() {
            let world = self.view.world;
            let location = world.nodes.get(&server.node).and_then(|node| world.locations.get(&node.location));
            self.json.put("P_SERVER_LOCATION", location.map_or("", |location| location.short.as_str()));
        }
        self.json.put("P_SERVER_UUID", &server.uuid);
        if !self.dialect.is_pelican() {
            self.json.put("P_SERVER_ALLOCATION_LIMIT", server.feature_limits.allocations);
        }
        self.json.close();
        self.json.close();
    }

    fn server_relations(&mut self, server: &'a Server, egg: Option<&'a Egg>, includes: &Includes) {
        let known = if self.dialect.is_pelican() { PELICAN_RELATIONS } else { RELATIONS };
        if !includes.any(known) {
            return;
        }
        self.json.open("relationships");
        for name in known.iter().filter(|name| includes.has(name)) {
            self.server_relation(name, server, egg, &includes.under(name));
        }
        self.json.close();
    }

    fn server_relation(&mut self, name: &str, server: &'a Server, egg: Option<&'a Egg>, below: &Includes) {
        let View { world, index } = self.view;
        match name {
            "allocations" => self.allocations(name, index.allocations_of_server(server.id), below),
            "user" => {
                let row = world.users.get(&server.user);
                self.one(name, Some(Resource::Users), row, |sheet, row| sheet.user(row, below));
            }
            "subusers" => {
                let rows = index.subusers_of_server(server.id).iter().filter_map(|id| world.subusers.get(id));
                self.many(name, Some(Resource::Users), rows, |sheet, row| sheet.subuser(row, below));
            }
            "nest" => {
                let row = egg.and_then(|egg| world.nests.get(&egg.nest));
                self.one(name, Some(Resource::Nests), row, |sheet, row| sheet.nest(row, below));
            }
            "egg" => self.one(name, Some(Resource::Eggs), egg, |sheet, row| sheet.egg(row, below)),
            "variables" => {
                let again = usize::from(server.repeats_a_variable && !self.dialect.is_pelican());
                let rows = egg.iter().flat_map(|egg| egg.variables.iter().map(move |row| (*egg, row)));
                let rows = rows.clone().chain(rows.take(again));
                self.many(name, Some(Resource::Servers), rows, |sheet, (egg, row)| {
                    sheet.server_variable(egg, row, server, below);
                });
            }
            "location" => {
                let row = world.nodes.get(&server.node).and_then(|node| world.locations.get(&node.location));
                self.one(name, Some(Resource::Locations), row, |sheet, row| sheet.location(row, below));
            }
            "node" => {
                let row = world.nodes.get(&server.node);
                self.one(name, Some(Resource::Nodes), row, |sheet, row| sheet.node(row, below));
            }
            "databases" => {
                let rows = index.databases_of_server(server.id).iter().filter_map(|id| world.databases.get(id));
                self.many(name, Some(Resource::ServerDatabases), rows, |sheet, row: &'a Database| {
                    // The plural: inside a server the panel calls them differently.
                    sheet.database("databases", row, below);
                });
            }
            // Advertised by the panel, and broken there.
            _ => self.throw("TypeError"),
        }
    }

    /// A `subuser`, as the application API knows it.
    fn subuser(&mut self, subuser: &'a Subuser, includes: &Includes) {
        self.begin("subuser", Kind::Subuser, subuser.id);
        self.json.put("id", subuser.id);
        self.json.put("user_id", subuser.user);
        self.json.put("server_id", subuser.server);
        self.permissions(&subuser.permissions);
        self.json.put("created_at", At::utc(subuser.created_at));
        self.json.put("updated_at", At::utc(subuser.updated_at));
        if includes.any(&["user", "server"]) {
            let world = self.view.world;
            self.json.open("relationships");
            if includes.has("user") {
                let row = world.users.get(&subuser.user);
                self.one("user", Some(Resource::Users), row, |sheet, row| sheet.user(row, &Includes::default()));
            }
            if includes.has("server") {
                let row = world.servers.get(&subuser.server);
                self.one("server", Some(Resource::Servers), row, |sheet, row| sheet.server(row, &Includes::default()));
            }
            self.json.close();
        }
        self.end();
    }

    /// `permissions` in the form in which the database has them.
    pub(crate) fn permissions(&mut self, permissions: &Permissions) {
        match permissions {
            Permissions::List(names) => self.json.put("permissions", names),
            Permissions::Nothing => self.json.put("permissions", None::<bool>),
            Permissions::Keyed(names) => {
                self.json.open("permissions");
                for (key, name) in names {
                    self.json.put(&key.to_string(), name);
                }
                self.json.close();
            }
        }
    }

    /// A relation to many servers.
    pub(crate) fn servers(&mut self, name: &str, ids: &[u64], includes: &Includes) {
        let world = self.view.world;
        let rows = ids.iter().filter_map(|id| world.servers.get(id));
        self.many(name, Some(Resource::Servers), rows, |sheet, row| sheet.server(row, includes));
    }
}

/// `GET /servers`. `search` is checked, and then nobody asks for it.
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    if call.request.query.get("search").is_some_and(|text| text.chars().count() > 100) {
        let mut fields = Fields::of(call.request);
        fields.fail("search", "max");
        fields.done()?;
    }
    let mut rows: Vec<&Server> = view.world.servers.values().collect();
    let rules = if call.dialect().is_pelican() { PELICAN_RULES } else { RULES };
    rules.apply(&mut rows, call)?;
    let includes = call.includes();
    Sheet::page(call, view, &call.page(&rows)?, |sheet, server| sheet.server(server, &includes))
}

/// `GET /servers/{server}`
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    one(call, view, view.world.servers.get(&call.id(0)))
}

/// `GET /servers/external/{external}`
pub(crate) fn external(call: &Call<'_>, view: View<'_>) -> Answer {
    one(call, view, view.world.servers.values().find(|server| server.external_id.as_deref() == Some(call.name(0))))
}

fn one<'a>(call: &Call<'_>, view: View<'a>, server: Option<&'a Server>) -> Answer {
    let server = server.ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| sheet.server(server, &call.includes()))
}

/// The node's refusal, the way the dialect passes it on.
fn node_answers(call: &Call<'_>, store: &Store) -> Result<(), Problem> {
    let node = store.world.servers.get(&call.id(0)).and_then(|server| store.world.nodes.get(&server.node));
    match node.is_some_and(|node| node.unreachable) {
        false => Ok(()),
        true if call.dialect().is_pelican() => Err(Problem::thrown("ConnectionException")),
        true => Err(Problem::for_status(504)),
    }
}

/// `POST /servers/{server}/suspend`: overwrites whatever state there was.
pub(crate) fn suspend(call: &Call<'_>, store: &mut Store) -> Answer {
    set_suspended(call, store, true)
}

/// `POST /servers/{server}/unsuspend`: always ends in the normal state.
pub(crate) fn unsuspend(call: &Call<'_>, store: &mut Store) -> Answer {
    set_suspended(call, store, false)
}

fn set_suspended(call: &Call<'_>, store: &mut Store, suspend: bool) -> Answer {
    let server = store.world.servers.get(&call.id(0)).ok_or_else(Problem::not_found)?;
    if (server.status.as_deref() == Some("suspended")) == suspend {
        return Ok(Reply::done());
    }
    if server.transferring {
        return Err(Problem::new(409, "ConflictHttpException", "The server is moving to another node."));
    }
    let told = node_answers(call, store);
    // Pterodactyl takes the change back when the node does not answer; Pelican keeps it and fails all the same.
    if told.is_ok() || call.dialect().is_pelican() {
        store.edit().set_status(call.id(0), suspend.then_some("suspended"));
    }
    told.map(|()| Reply::done())
}

/// `POST /servers/{server}/reinstall`
pub(crate) fn reinstall(call: &Call<'_>, store: &mut Store) -> Answer {
    node_answers(call, store)?;
    store.edit().set_status(call.id(0), Some("installing"));
    Ok(Reply::done())
}

/// `DELETE /servers/{server}`
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    node_answers(call, store)?;
    force_delete(call, store)
}

/// `DELETE /servers/{server}/force`
pub(crate) fn force_delete(call: &Call<'_>, store: &mut Store) -> Answer {
    store.edit().remove_server(call.id(0));
    Ok(Reply::done())
}
