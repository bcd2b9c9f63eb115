//! Locations of the application API.

use crate::panel::call::{Answer, Call};
use crate::panel::fields::Fields;
use crate::panel::json::At;
use crate::panel::list::{Rules, nullable, part, text};
use crate::panel::problem::Problem;
use crate::panel::query::Includes;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Kind, Location, Resource, Store, View, World};
use crate::reply::Reply;

const RULES: Rules<Location> = Rules {
    filters: &[part("short", |l| text(&l.short)), part("long", |l| nullable(&l.long))],
    sorts: &[("id", |a, b| a.id.cmp(&b.id))],
    changed: |location| location.updated_at,
};

impl<'a> Sheet<'a> {
    /// A `location`.
    pub(crate) fn location(&mut self, location: &'a Location, includes: &Includes) {
        self.begin("location", Kind::Location, location.id);
        self.json.put("id", location.id);
        self.json.put("short", &location.short);
        self.json.put("long", location.long.as_deref());
        self.json.put("updated_at", At::utc(location.updated_at));
        self.json.put("created_at", At::utc(location.created_at));
        self.location_relations(location, includes);
        self.end();
    }

    fn location_relations(&mut self, location: &'a Location, includes: &Includes) {
        if !includes.any(&["nodes", "servers"]) {
            return;
        }
        let view = self.view;
        let nodes = view.index.nodes_of_location(location.id);
        self.json.open("relationships");
        if includes.has("nodes") {
            let (rows, below) = (nodes.iter().filter_map(|id| view.world.nodes.get(id)), includes.under("nodes"));
            self.many("nodes", Some(Resource::Nodes), rows, |sheet, node| sheet.node(node, &below));
        }
        if includes.has("servers") {
            let ids: Vec<u64> = nodes.iter().flat_map(|id| view.index.servers_of_node(*id)).copied().collect();
            self.servers("servers", &ids, &includes.under("servers"));
        }
        self.json.close();
    }
}

/// `GET /locations`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let mut rows: Vec<&Location> = view.world.locations.values().collect();
    RULES.apply(&mut rows, call)?;
    let includes = call.includes();
    Sheet::page(call, view, &call.page(&rows)?, |sheet, location| sheet.location(location, &includes))
}

/// `GET /locations/{location}`
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    let location = view.world.locations.get(&call.id(0)).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| sheet.location(location, &call.includes()))
}

/// `POST /locations`
pub(crate) fn create(call: &Call<'_>, store: &mut Store) -> Answer {
    let (short, long) = read(call, &store.world, None)?;
    let id = store.edit().add_location(&short, long.as_deref());
    let view = store.view();
    let location = view.world.locations.get(&id).ok_or_else(Problem::not_found)?;
    let path = format!("/api/application/locations/{id}");
    Sheet::created(call, view, &path, |sheet| sheet.location(location, &call.includes()))
}

/// `PATCH /locations/{location}`
pub(crate) fn update(call: &Call<'_>, store: &mut Store) -> Answer {
    let (short, long) = read(call, &store.world, Some(call.id(0)))?;
    let world = store.edit();
    let now = world.now();
    if let Some(location) = world.locations.get_mut(&call.id(0)) {
        (location.short, location.long, location.updated_at) = (short, long, now);
    }
    show(call, store.view())
}

fn read(call: &Call<'_>, world: &World, myself: Option<u64>) -> Result<(String, Option<String>), Problem> {
    let mut fields = Fields::of(call.request);
    let (short, long) = (fields.text("short", 60), fields.maybe_text("long", 191));
    let taken = world.locations.values().any(|l| l.short == short && Some(l.id) != myself);
    fields.expect("short", "unique", !taken);
    fields.done().map(|()| (short, long))
}

/// `DELETE /locations/{location}`
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    if !store.view().index.nodes_of_location(call.id(0)).is_empty() {
        return Err(Problem::refused("HasActiveNodesException", "This location still has nodes."));
    }
    store.edit().remove_location(call.id(0));
    Ok(Reply::done())
}
