//! Databases, as their owner sees them.

use crate::panel::application::databases::{check_limit, renew_password};
use crate::panel::call::{Answer, Call};
use crate::panel::client::list::this;
use crate::panel::fields::Fields;
use crate::panel::path::hashid;
use crate::panel::problem::Problem;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Database, Kind, Store, View};
use crate::reply::Reply;

fn draw<'a>(sheet: &mut Sheet<'a>, row: &'a Database, password: Option<bool>) {
    sheet.begin("server_database", Kind::Database, row.id);
    if sheet.dialect.is_pelican() {
        sheet.json.put("id", row.id);
    } else {
        sheet.json.put("id", hashid(row.id));
    }
    let host = sheet.view.world.database_hosts.get(&row.host);
    sheet.json.open("host");
    sheet.json.put("address", host.map_or("", |host| host.host.as_str()));
    sheet.json.put("port", host.map_or(3306, |host| host.port));
    sheet.json.close();
    sheet.json.put("name", &row.database);
    sheet.json.put("username", &row.username);
    sheet.json.put("connections_from", &row.remote);
    sheet.json.put("max_connections", row.max_connections);
    if let Some(allowed) = password {
        sheet.json.open("relationships");
        if allowed {
            sheet.database_password(row)
        } else {
            sheet.null("password")
        }
        sheet.json.close();
    }
    sheet.end();
}

/// `GET …/databases`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let server = this(call, view)?;
    let permission = if call.dialect().is_pelican() { "database.view-password" } else { "database.view_password" };
    let password = call.includes().has("password").then(|| call.may(view, server, permission));
    let rows = view.index.databases_of_server(server.id).iter().filter_map(|id| view.world.databases.get(id));
    Sheet::all(call, view, rows, |sheet, row| draw(sheet, row, password))
}

fn one(call: &Call<'_>, view: View<'_>, id: u64) -> Answer {
    let row = view.world.databases.get(&id).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| draw(sheet, row, Some(true)))
}

/// `POST …/databases`
pub(crate) fn create(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let (name, remote) = (fields.text("database", 48), fields.text("remote", 15));
    fields.done()?;
    check_limit(store, call.id(0))?;
    let world = store.edit();
    let id = world.add_database(call.id(0), &name);
    if let Some(row) = world.databases.get_mut(&id) {
        row.remote = remote;
    }
    one(call, store.view(), id)
}

/// `POST …/databases/{database}/rotate-password`
pub(crate) fn rotate(call: &Call<'_>, store: &mut Store) -> Answer {
    renew_password(store, call.id(1));
    one(call, store.view(), call.id(1))
}

/// `DELETE …/databases/{database}`
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    store.edit().remove_database(call.id(1));
    Ok(Reply::done())
}
