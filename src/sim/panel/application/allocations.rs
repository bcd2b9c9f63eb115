//! Allocations of a node. Listed by address and port; nothing else is offered.

use crate::panel::call::{Answer, Call};
use crate::panel::fields::Fields;
use crate::panel::list::{Filter, exact, nullable, part, text, unknown_filter};
use crate::panel::problem::Problem;
use crate::panel::query::Includes;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Allocation, Kind, Resource, Store, View};
use crate::reply::Reply;

const FILTERS: &[Filter<Allocation>] = &[
    exact("ip", |a| text(&a.ip)),
    exact("port", |a| Some(a.port.to_string().into())),
    part("ip_alias", |a| nullable(&a.alias)),
    // Handled by hand before these rules are asked.
    exact("server_id", |_| None),
];

impl<'a> Sheet<'a> {
    /// An `allocation`: it names neither its node nor its server.
    pub(crate) fn allocation(&mut self, allocation: &'a Allocation, includes: &Includes) {
        self.begin("allocation", Kind::Allocation, allocation.id);
        let json = &mut self.json;
        json.put("id", allocation.id);
        json.put("ip", &allocation.ip);
        json.put("alias", allocation.alias.as_deref());
        json.put("port", allocation.port);
        json.put("notes", allocation.notes.as_deref());
        json.put("assigned", allocation.server.is_some());
        self.allocation_relations(allocation, includes);
        self.end();
    }

    fn allocation_relations(&mut self, allocation: &'a Allocation, includes: &Includes) {
        if !includes.any(&["node", "server"]) {
            return;
        }
        let world = self.view.world;
        self.json.open("relationships");
        if includes.has("node") {
            let (row, below) = (world.nodes.get(&allocation.node), includes.under("node"));
            self.one("node", Some(Resource::Nodes), row, |sheet, row| sheet.node(row, &below));
        }
        if includes.has("server") {
            let row = allocation.server.and_then(|id| world.servers.get(&id));
            let below = includes.under("server");
            self.one("server", Some(Resource::Servers), row, |sheet, row| sheet.server(row, &below));
        }
        self.json.close();
    }

    /// A relation to many allocations.
    pub(crate) fn allocations(&mut self, name: &str, ids: &'a [u64], includes: &Includes) {
        let world = self.view.world;
        let rows = ids.iter().filter_map(|id| world.allocations.get(id));
        self.many(name, Some(Resource::Allocations), rows, |sheet, row| sheet.allocation(row, includes));
    }
}

/// `GET /nodes/{node}/allocations`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let query = &call.request.query;
    let ids = view.index.allocations_of_node(call.id(0));
    let includes = call.includes();
    if query.filters().is_empty() {
        // Nodes with tens of thousands of them are common: look up only the page.
        let page = call.page(ids)?;
        let row = |id: u64| view.world.allocations.get(&id);
        return Sheet::page(call, view, &page, |sheet, id| {
            row(id).into_iter().for_each(|a| sheet.allocation(a, &includes))
        });
    }
    let mut rows: Vec<&Allocation> = ids.iter().filter_map(|id| view.world.allocations.get(id)).collect();
    filter(call, &mut rows)?;
    Sheet::page(call, view, &call.page(&rows)?, |sheet, row| sheet.allocation(row, &includes))
}

fn filter(call: &Call<'_>, rows: &mut Vec<&Allocation>) -> Result<(), Problem> {
    for (name, wanted) in call.request.query.filters() {
        let rule = FILTERS.iter().find(|rule| rule.name == name).ok_or_else(|| unknown_filter(name))?;
        let Some(first) = wanted.first() else { continue };
        if name == "server_id" {
            let server = first.parse::<u64>().ok().filter(|&id| id > 0);
            rows.retain(|row| row.server == server);
        } else {
            let wanted: Vec<String> = wanted.iter().map(|text| text.to_lowercase()).collect();
            rows.retain(|row| rule.matches(row, &wanted));
        }
    }
    Ok(())
}

/// The most ports that one range may span.
const PORTS_PER_RANGE: u32 = 1000;

/// `POST /nodes/{node}/allocations`: pairs that exist are skipped without a word.
pub(crate) fn create(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let (ip, alias, ports) = (fields.text("ip", 191), fields.maybe_text("alias", 191), fields.texts("ports"));
    fields.expect("ports", "required", !ports.is_empty());
    fields.done()?;
    let mut wanted = Vec::new();
    for part in &ports {
        wanted.extend(range(part)?);
    }
    let node = call.id(0);
    let world = store.edit();
    for port in wanted {
        if world.allocations.values().any(|a| a.node == node && a.ip == ip && a.port == port) {
            continue;
        }
        let id = world.add_allocation(node, &ip, port);
        if let Some(row) = world.allocations.get_mut(&id) {
            row.alias.clone_from(&alias);
        }
    }
    Ok(Reply::done())
}

fn range(text: &str) -> Result<Vec<u16>, Problem> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (Ok(low), Ok(high)) = (low.parse::<u32>(), high.parse::<u32>()) else {
        return Err(Problem::refused("InvalidPortMappingException", "A port is not a number."));
    };
    if high.saturating_sub(low) >= PORTS_PER_RANGE {
        return Err(Problem::refused("TooManyPortsInRangeException", "The range is too wide."));
    }
    if low <= 1024 || high > 65_535 {
        return Err(Problem::refused("PortOutOfRangeException", "Ports lie between 1025 and 65535."));
    }
    Ok((low as u16..=high as u16).collect())
}

/// `DELETE /nodes/{node}/allocations/{allocation}`
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    if store.world.allocations.get(&call.id(1)).is_some_and(|a| a.server.is_some()) {
        return Err(Problem::refused("ServerUsingAllocationException", "A server uses this allocation."));
    }
    store.edit().remove_allocation(call.id(1));
    Ok(Reply::done())
}
