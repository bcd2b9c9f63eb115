//! Allocations of a server.

use crate::panel::call::{Answer, Call};
use crate::panel::client::list::this;
use crate::panel::problem::Problem;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Allocation, Kind, Server, Store, View};
use crate::reply::Reply;

/// Writes the list of a server's allocations; only the primary one, without its notes, for those who may not read them.
pub(crate) fn draw_allocations(sheet: &mut Sheet<'_>, call: &Call<'_>, server: &Server) {
    let View { world, index } = sheet.view;
    let all = call.may(sheet.view, server, "allocation.read");
    let rows = index.allocations_of_server(server.id).iter().filter_map(|id| world.allocations.get(id));
    let rows = rows.filter(|row| all || server.allocation == Some(row.id));
    sheet.rows(rows, |sheet, row| draw(sheet, server, row, all));
}

fn draw(sheet: &mut Sheet<'_>, server: &Server, row: &Allocation, with_notes: bool) {
    sheet.begin("allocation", Kind::Allocation, row.id);
    sheet.json.put("id", row.id);
    sheet.json.put("ip", &row.ip);
    sheet.json.put("ip_alias", row.alias.as_deref());
    sheet.json.put("port", row.port);
    sheet.json.put("notes", row.notes.as_deref().filter(|_| with_notes));
    sheet.json.put("is_default", server.allocation == Some(row.id));
    sheet.end();
}

/// `GET …/network/allocations`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let server = this(call, view)?;
    let mut sheet = Sheet::new(call, view);
    draw_allocations(&mut sheet, call, server);
    sheet.answer(200)
}

fn one(call: &Call<'_>, view: View<'_>, id: u64) -> Answer {
    let server = this(call, view)?;
    let row = view.world.allocations.get(&id).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| draw(sheet, server, row, true))
}

/// `POST …/network/allocations`: a free port on the address of the primary one.
pub(crate) fn create(call: &Call<'_>, store: &mut Store) -> Answer {
    let view = store.view();
    let server = this(call, view)?;
    let used = view.index.allocations_of_server(server.id).len() as u64;
    match server.feature_limits.allocations.unwrap_or(0) {
        0 => return Err(Problem::refused("AutoAllocationNotEnabledException", "Not offered for this server.")),
        limit if used >= limit => {
            return Err(Problem::refused("ServiceLimitExceededException", "No more allocations for this server."));
        }
        _ => {}
    }
    let node = server.node;
    let world = store.edit();
    let id = world.free_allocation(node);
    world.assign(id, Some(call.id(0)));
    one(call, store.view(), id)
}

/// `POST …/network/allocations/{allocation}`: `notes` must be there, null clears them.
pub(crate) fn notes(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = crate::panel::fields::Fields::of(call.request);
    let present = fields.has_key("notes");
    let notes = fields.maybe_text("notes", 256);
    fields.expect("notes", "present", present);
    fields.done()?;
    if let Some(row) = store.edit().allocations.get_mut(&call.id(1)) {
        row.notes = notes;
    }
    one(call, store.view(), call.id(1))
}

/// `POST …/network/allocations/{allocation}/primary`
pub(crate) fn primary(call: &Call<'_>, store: &mut Store) -> Answer {
    store.edit().change_server(call.id(0), |server| server.allocation = Some(call.id(1)));
    one(call, store.view(), call.id(1))
}

/// `DELETE …/network/allocations/{allocation}`
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    let server = store.world.servers.get(&call.id(0)).ok_or_else(Problem::not_found)?;
    if server.feature_limits.allocations.unwrap_or(0) == 0 || server.allocation == Some(call.id(1)) {
        return Err(Problem::refused("DisplayException", "This allocation cannot be given back."));
    }
    store.edit().assign(call.id(1), None);
    Ok(Reply::done())
}
