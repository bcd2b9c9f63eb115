//! Databases of servers.

use crate::Chance;
use crate::panel::call::{Answer, Call};
use crate::panel::fields::Fields;
use crate::panel::json::At;
use crate::panel::problem::Problem;
use crate::panel::query::Includes;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Database, DatabaseHost, Kind, Resource, Store, View};
use crate::reply::Reply;

impl<'a> Sheet<'a> {
    /// A database under the name that the place asks for.
    pub(crate) fn database(&mut self, object: &str, database: &'a Database, includes: &Includes) {
        self.begin(object, Kind::Database, database.id);
        let zone = self.zone;
        let json = &mut self.json;
        json.put("id", database.id);
        json.put("server", database.server);
        json.put("host", database.host);
        json.put("database", &database.database);
        json.put("username", &database.username);
        json.put("remote", &database.remote);
        json.put("max_connections", database.max_connections);
        json.put("created_at", At(database.created_at, zone));
        json.put("updated_at", At(database.updated_at, zone));
        self.database_relations(database, includes);
        self.end();
    }

    fn database_relations(&mut self, database: &'a Database, includes: &Includes) {
        if !includes.any(&["password", "host"]) {
            return;
        }
        self.json.open("relationships");
        if includes.has("password") {
            self.database_password(database);
        }
        if includes.has("host") {
            let row = self.view.world.database_hosts.get(&database.host);
            let below = includes.under("host");
            self.one("host", Some(Resource::DatabaseHosts), row, |sheet, row| sheet.database_host(row, &below));
        }
        self.json.close();
    }

    /// The relation `password`, in clear.
    pub(crate) fn database_password(&mut self, database: &Database) {
        self.json.open("password");
        self.json.put("object", "database_password");
        self.json.open("attributes");
        self.json.put("password", &database.password);
        self.json.close();
        self.json.close();
    }

    /// A `database_host`.
    pub(crate) fn database_host(&mut self, host: &'a DatabaseHost, includes: &Includes) {
        self.begin("database_host", Kind::DatabaseHost, host.id);
        let (zone, pelican) = (self.zone, self.dialect.is_pelican());
        let json = &mut self.json;
        json.put("id", host.id);
        json.put("name", &host.name);
        json.put("host", &host.host);
        json.put("port", host.port);
        json.put("username", &host.username);
        if !pelican {
            json.put("node", host.node);
        }
        json.put("created_at", At(host.created_at, zone));
        json.put("updated_at", At(host.updated_at, zone));
        if includes.has("databases") {
            let View { world, index } = self.view;
            let rows = index.databases_of_host(host.id).iter().filter_map(|id| world.databases.get(id));
            self.json.open("relationships");
            self.many("databases", Some(Resource::ServerDatabases), rows, |sheet, row| {
                sheet.database("server_database", row, &Includes::default());
            });
            self.json.close();
        }
        self.end();
    }
}

/// `GET /servers/{server}/databases`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let ids = view.index.databases_of_server(call.id(0));
    let rows = ids.iter().filter_map(|id| view.world.databases.get(id));
    let includes = call.includes();
    Sheet::all(call, view, rows, |sheet, row| sheet.database("server_database", row, &includes))
}

/// `GET /servers/{server}/databases/{database}`
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    let row = view.world.databases.get(&call.id(1)).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| sheet.database("server_database", row, &call.includes()))
}

/// `POST /servers/{server}/databases`
pub(crate) fn create(call: &Call<'_>, store: &mut Store) -> Answer {
    let server = call.id(0);
    let mut fields = Fields::of(call.request);
    let (name, remote, host) =
        (fields.text("database", 48), fields.text("remote", 15), fields.number("host", 1) as u64);
    fields.expect("host", "exists", store.world.database_hosts.contains_key(&host));
    fields.done()?;
    check_limit(store, server)?;
    let world = store.edit();
    let id = world.add_database(server, &name);
    if let Some(row) = world.databases.get_mut(&id) {
        (row.remote, row.host) = (remote, host);
    }
    let view = store.view();
    let row = view.world.databases.get(&id).ok_or_else(Problem::not_found)?;
    let path = format!("/api/application/servers/{server}/databases/{id}");
    Sheet::created(call, view, &path, |sheet| sheet.database("server_database", row, &call.includes()))
}

/// 400 when the server has all the databases that it may have.
pub(crate) fn check_limit(store: &mut Store, server: u64) -> Result<(), Problem> {
    let view = store.view();
    let limit = view.world.servers.get(&server).and_then(|row| row.feature_limits.databases);
    let used = view.index.databases_of_server(server).len() as u64;
    if limit.is_some_and(|limit| used >= limit) {
        return Err(Problem::refused("TooManyDatabasesException", "No more databases for this server."));
    }
    Ok(())
}

/// Gives a database a new password.
pub(crate) fn renew_password(store: &mut Store, id: u64) {
    let world = store.edit();
    let now = world.now();
    if let Some(row) = world.databases.get_mut(&id) {
        row.password = Chance::fork(id, &row.password).token(24);
        row.updated_at = now;
    }
}

/// `POST /servers/{server}/databases/{database}/reset-password`
pub(crate) fn reset_password(call: &Call<'_>, store: &mut Store) -> Answer {
    renew_password(store, call.id(1));
    Ok(Reply::done())
}

/// `DELETE /servers/{server}/databases/{database}`
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    store.edit().remove_database(call.id(1));
    Ok(Reply::done())
}
