//! Making servers, and the three calls that change their data. None of them is a partial update.

use serde_json::{Map, Value};

use crate::panel::application::nodes::has_room;
use crate::panel::application::servers::show;
use crate::panel::call::{Answer, Call};
use crate::panel::fields::Fields;
use crate::panel::problem::Problem;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Allocation, FeatureLimits, Limits, NewServer, Node, Server, Store, View, World};
use crate::reply::Reply;

/// `POST /servers`: 201 without `meta`.
pub(crate) fn create(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let (name, user, egg) = (fields.text("name", 191), fields.number("user", 1), fields.number("egg", 1));
    let environment = fields.map("environment");
    let (limits, features) = (read_limits(&mut fields), read_features(&mut fields));
    let (external_id, description) = (fields.maybe_text("external_id", 191), fields.maybe_text("description", 65_535));
    let (image, startup) = images(call, &mut fields);
    fields.expect("user", "exists", store.world.users.contains_key(&(user as u64)));
    fields.expect("egg", "exists", store.world.eggs.contains_key(&(egg as u64)));
    let (chosen, additional) = (primary(&mut fields, &store.world), additional(&mut fields, &store.world));
    let deploy = Deploy::read(&fields, &limits);
    fields.done()?;
    let allocation = chosen.map_or_else(|| deploy.find(call, store.view()), Ok)?;

    let world = store.edit();
    let new = NewServer {
        name,
        description,
        external_id,
        user: Some(user as u64),
        egg: Some(egg as u64),
        allocation: Some(allocation),
        ..NewServer::default()
    };
    let id = world.add_server(new).ok_or_else(|| Problem::thrown("ErrorException"))?;
    for extra in additional {
        world.assign(extra, Some(id));
    }
    set_environment(world, id, &environment);
    world.change_server(id, |server| {
        (server.limits, server.feature_limits) = (limits, features);
        server.image = image.unwrap_or_else(|| server.image.clone());
        server.startup = startup.unwrap_or_else(|| server.startup.clone());
        server.status = Some("installing".to_owned());
    });
    let view = store.view();
    let server = view.world.servers.get(&id).ok_or_else(Problem::not_found)?;
    let mut sheet = Sheet::new(call, view);
    sheet.server(server, &call.includes());
    sheet.answer(201)
}

/// Pterodactyl insists on both, Pelican takes the egg's.
fn images(call: &Call<'_>, fields: &mut Fields) -> (Option<String>, Option<String>) {
    if call.dialect().is_pelican() {
        return (fields.maybe_text("docker_image", 191), fields.maybe_text("startup", 65_535));
    }
    (Some(fields.text("docker_image", 191)), Some(fields.text("startup", 65_535)))
}

/// Further allocations; they must be free, like the first.
fn additional(fields: &mut Fields, world: &World) -> Vec<u64> {
    let wanted = fields.numbers("allocation.additional");
    for (nth, id) in wanted.iter().enumerate() {
        let free = world.allocations.get(id).is_some_and(|allocation| allocation.server.is_none());
        fields.expect(&format!("allocation.additional.{nth}"), "exists", free);
    }
    wanted
}

/// What a server needs that may go anywhere.
struct Deploy {
    memory: u64,
    disk: u64,
    locations: Vec<u64>,
    tags: Vec<String>,
    ports: Vec<(u16, u16)>,
}

impl Deploy {
    fn read(fields: &Fields, limits: &Limits) -> Self {
        let range = |text: &String| {
            let (low, high) = text.split_once('-').unwrap_or((text, text));
            Some((low.parse().ok()?, high.parse().ok()?))
        };
        Self {
            memory: limits.memory,
            disk: limits.disk,
            locations: fields.numbers("deploy.locations"),
            tags: fields.texts("deploy.tags"),
            ports: fields.texts("deploy.port_range").iter().filter_map(range).collect(),
        }
    }

    /// A free allocation on a node with room.
    fn find(&self, call: &Call<'_>, view: View<'_>) -> Result<u64, Problem> {
        let nodes: Vec<&Node> = view.world.nodes.values().filter(|node| self.may_use(call, view, node)).collect();
        if nodes.is_empty() {
            return Err(Problem::refused("NoViableNodeException", "No node has room for this."));
        }
        let fits = |row: &&Allocation| {
            let port = self.ports.is_empty() || self.ports.iter().any(|(low, high)| (low..=high).contains(&&row.port));
            row.server.is_none() && port
        };
        let ids = nodes.iter().flat_map(|node| view.index.allocations_of_node(node.id));
        let found = ids.filter_map(|id| view.world.allocations.get(id)).find(fits);
        found
            .map(|row| row.id)
            .ok_or_else(|| Problem::refused("NoViableAllocationException", "No allocation is left for this."))
    }

    fn may_use(&self, call: &Call<'_>, view: View<'_>, node: &Node) -> bool {
        let wanted = match call.dialect().is_pelican() {
            true => self.tags.is_empty() || node.tags.iter().any(|tag| self.tags.contains(tag)),
            false => self.locations.is_empty() || self.locations.contains(&node.location),
        };
        wanted && has_room(view, node, self.memory, self.disk)
    }
}

/// The allocation asked for; `None` lets the panel choose.
fn primary(fields: &mut Fields, world: &World) -> Option<u64> {
    if fields.get("deploy").is_some() {
        return None;
    }
    let wanted = fields.number("allocation.default", 1) as u64;
    let free = world.allocations.get(&wanted).is_some_and(|allocation| allocation.server.is_none());
    fields.expect("allocation.default", "exists", free);
    Some(wanted)
}

fn read_limits(fields: &mut Fields) -> Limits {
    Limits {
        memory: fields.number("limits.memory", 0).max(0) as u64,
        swap: fields.number("limits.swap", -1),
        disk: fields.number("limits.disk", 0).max(0) as u64,
        io: fields.number("limits.io", 10).max(0) as u64,
        cpu: fields.number("limits.cpu", 0).max(0) as u64,
        threads: fields.maybe_text("limits.threads", 191),
        oom_disabled: match (fields.flag("oom_disabled"), fields.flag("oom_killer")) {
            (Some(disabled), _) => disabled,
            (None, Some(killer)) => !killer,
            (None, None) => true,
        },
    }
}

fn read_features(fields: &mut Fields) -> FeatureLimits {
    for key in ["feature_limits.databases", "feature_limits.backups"] {
        let present = fields.has_key(key);
        fields.expect(key, "present", present);
    }
    let limit = |fields: &mut Fields, key| fields.maybe_number(key, 0).map(|number| number.max(0) as u64);
    FeatureLimits {
        databases: limit(fields, "feature_limits.databases"),
        allocations: limit(fields, "feature_limits.allocations"),
        backups: limit(fields, "feature_limits.backups").unwrap_or(0),
    }
}

/// A non-empty environment must be complete: what is left out becomes an empty text.
fn set_environment(world: &mut World, id: u64, environment: &Map<String, Value>) {
    if environment.is_empty() {
        return;
    }
    let Some(egg) = world.servers.get(&id).and_then(|server| world.eggs.get(&server.egg)) else { return };
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let values = egg.variables.iter().map(|row| (row.id, text(environment.get(&row.env_variable)))).collect();
    if let Some(server) = world.servers.get_mut(&id) {
        server.values = values;
    }
}

/// `PATCH /servers/{server}/details`: what is left out is cleared.
pub(crate) fn details(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let (name, user) = (fields.text("name", 191), fields.number("user", 1) as u64);
    let (external_id, description) = (fields.maybe_text("external_id", 191), fields.maybe_text("description", 65_535));
    fields.expect("user", "exists", store.world.users.contains_key(&user));
    fields.done()?;
    store.edit().change_server(call.id(0), |server| {
        (server.name, server.user) = (name, user);
        (server.external_id, server.description) = (external_id, description);
    });
    show(call, store.view())
}

/// `PATCH /servers/{server}/build`
pub(crate) fn build(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    if call.dialect().is_pelican() && !fields.has_key("allocation") {
        return Err(Problem::thrown("ErrorException"));
    }
    let allocation = fields.number("allocation", 1) as u64;
    let features = read_features(&mut fields);
    let limits = fields.get("limits").is_some().then(|| read_limits(&mut fields));
    if limits.is_none() && !call.dialect().is_pelican() {
        ["memory", "swap", "io", "cpu", "disk"].into_iter().for_each(|key| {
            fields.number(key, -1);
        });
    }
    let keeps_oom = fields.get("oom_disabled").is_none() && fields.get("oom_killer").is_none();
    let old_style = limits.is_none().then(|| read_flat_limits(&mut fields));
    let (add, remove) = (fields.numbers("add_allocations"), fields.numbers("remove_allocations"));
    fields.done()?;

    let id = call.id(0);
    let world = store.edit();
    let allocation = trade_allocations(world, id, allocation, &add, &remove)?;
    let owned = world.allocations.get(&allocation).is_some_and(|row| row.server == Some(id));
    world.change_server(id, |server| {
        server.feature_limits = features;
        if let Some(limits) = limits.or_else(|| old_style.flatten()) {
            let oom_disabled = if keeps_oom { server.limits.oom_disabled } else { limits.oom_disabled };
            server.limits = Limits { oom_disabled, ..limits };
        }
        if owned {
            server.allocation = Some(allocation);
        }
    });
    show(call, store.view())
}

/// Hands out and takes back, and tells the primary one. What does not fit is left out without a word: taken ones, and ones on
/// other nodes.
///
/// # Errors
/// 400 when the primary one is to go and nothing new can take its place.
fn trade_allocations(
    world: &mut World,
    server: u64,
    primary: u64,
    add: &[u64],
    remove: &[u64],
) -> Result<u64, Problem> {
    let node = world.servers.get(&server).map(|server| server.node);
    let fits = |row: &Allocation| row.server.is_none() && Some(row.node) == node;
    let new: Vec<u64> = add.iter().copied().filter(|id| world.allocations.get(id).is_some_and(fits)).collect();
    let primary = match remove.contains(&primary) {
        false => primary,
        true => *new
            .first()
            .ok_or_else(|| Problem::refused("DisplayException", "The primary allocation needs a replacement."))?,
    };
    for wanted in new {
        world.assign(wanted, Some(server));
    }
    for gone in remove {
        if world.allocations.get(gone).is_some_and(|row| row.server == Some(server)) {
            world.assign(*gone, None);
        }
    }
    Ok(primary)
}

/// The old form, with the limits beside everything else.
fn read_flat_limits(fields: &mut Fields) -> Option<Limits> {
    Some(Limits {
        memory: fields.maybe_number("memory", 0)?.max(0) as u64,
        swap: fields.maybe_number("swap", -1)?,
        disk: fields.maybe_number("disk", 0)?.max(0) as u64,
        io: fields.maybe_number("io", 10)?.max(0) as u64,
        cpu: fields.maybe_number("cpu", 0)?.max(0) as u64,
        threads: fields.maybe_text("threads", 191),
        oom_disabled: fields.flag("oom_disabled").unwrap_or(true),
    })
}

/// `PATCH /servers/{server}/startup`
pub(crate) fn startup(call: &Call<'_>, store: &mut Store) -> Answer {
    let pelican = call.dialect().is_pelican();
    let mut fields = Fields::of(call.request);
    let environment = fields.map("environment");
    let egg = fields.number("egg", 1) as u64;
    let (image, command) = match pelican {
        true => (fields.maybe_text("image", 191), fields.maybe_text("startup", 65_535)),
        false => (Some(fields.text("image", 191)), Some(fields.text("startup", 65_535))),
    };
    let told = fields.get("skip_scripts").is_some();
    fields.expect("skip_scripts", "required", told || pelican);
    fields.expect("egg", "exists", store.world.eggs.contains_key(&egg));
    fields.done()?;
    let world = store.edit();
    world.change_server(call.id(0), |server: &mut Server| {
        server.egg = egg;
        server.image = image.unwrap_or_else(|| server.image.clone());
        server.startup = command.unwrap_or_else(|| server.startup.clone());
    });
    set_environment(world, call.id(0), &environment);
    show(call, store.view())
}

/// 406: the words of Pelican for a transfer that cannot be.
fn not_viable() -> Problem {
    Problem::new(406, "NotAcceptableHttpException", "This server cannot be moved like that.")
}

/// `POST /servers/{server}/transfer` of Pelican: until it is over, the old place shows and the new allocation is taken too.
pub(crate) fn transfer(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let (node, allocation) = (fields.number("node_id", 1) as u64, fields.maybe_number("allocation_id", 1));
    let additional = fields.numbers("allocation_additional");
    fields.expect("node_id", "exists", store.world.nodes.contains_key(&node));
    fields.done()?;
    let wanted: Vec<u64> = allocation.into_iter().map(|id| id as u64).chain(additional).collect();
    let world = &store.world;
    let server = world.servers.get(&call.id(0)).ok_or_else(Problem::not_found)?;
    let free = |id: &u64| world.allocations.get(id).is_some_and(|row| row.node == node && row.server.is_none());
    if server.node == node || server.transferring || !wanted.iter().all(free) {
        return Err(not_viable());
    }
    let world = store.edit();
    for id in wanted {
        world.assign(id, Some(call.id(0)));
    }
    world.change_server(call.id(0), |server| server.transferring = true);
    Ok(Reply::done())
}

/// `POST /servers/{server}/transfer/cancel` of Pelican.
pub(crate) fn cancel_transfer(call: &Call<'_>, store: &mut Store) -> Answer {
    match store.edit().end_transfer(call.id(0), false) {
        true => Ok(Reply::done()),
        false => Err(not_viable()),
    }
}
