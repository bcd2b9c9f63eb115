//! Nodes of the application API.

use jiff::Timestamp;

use crate::panel::call::{Answer, Call};
use crate::panel::fields::Fields;
use crate::panel::json::{At, Json};
use crate::panel::list::{Page, Rules, part, text};
use crate::panel::problem::Problem;
use crate::panel::query::Includes;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Kind, Node, Resource, Store, View};
use crate::reply::Reply;

const RULES: Rules<Node> = Rules {
    filters: &[
        part("uuid", |n| text(&n.uuid)),
        part("name", |n| text(&n.name)),
        part("fqdn", |n| text(&n.fqdn)),
        part("daemon_token_id", |n| text(&n.daemon_token_id)),
    ],
    sorts: &[
        ("id", |a, b| a.id.cmp(&b.id)),
        ("uuid", |a, b| a.uuid.cmp(&b.uuid)),
        ("memory", |a, b| a.memory.cmp(&b.memory)),
        ("disk", |a, b| a.disk.cmp(&b.disk)),
    ],
    changed: |node| node.updated_at,
};

const PELICAN_RULES: Rules<Node> = Rules {
    filters: RULES.filters,
    sorts: &[
        ("id", |a, b| a.id.cmp(&b.id)),
        ("uuid", |a, b| a.uuid.cmp(&b.uuid)),
        ("memory", |a, b| a.memory.cmp(&b.memory)),
        ("disk", |a, b| a.disk.cmp(&b.disk)),
        ("cpu", |a, b| a.cpu.cmp(&b.cpu)),
    ],
    changed: RULES.changed,
};

impl<'a> Sheet<'a> {
    /// A `node`.
    pub(crate) fn node(&mut self, node: &'a Node, includes: &Includes) {
        self.node_with(node, includes, false);
    }

    /// A `node`, with sums as the search for a deployable one adds them.
    fn node_with(&mut self, node: &'a Node, includes: &Includes, sums: bool) {
        self.begin("node", Kind::Node, node.id);
        match self.dialect.is_pelican() {
            true => self.pelican_node(node),
            false => self.pterodactyl_node(node),
        }
        for (key, value) in &node.extra {
            self.json.put(key, value);
        }
        let used = self.view.index.sums_of_node(node.id);
        if sums {
            let prefix = if self.dialect.is_pelican() { "servers_sum_" } else { "sum_" };
            self.json.put(&format!("{prefix}memory"), used.memory.to_string());
            self.json.put(&format!("{prefix}disk"), used.disk.to_string());
        }
        self.json.open("allocated_resources");
        self.json.put("memory", used.memory);
        self.json.put("disk", used.disk);
        if self.dialect.is_pelican() {
            self.json.put("cpu", used.cpu);
        }
        self.json.close();
        self.node_relations(node, includes);
        self.end();
    }

    fn pterodactyl_node(&mut self, node: &Node) {
        let json = &mut self.json;
        json.put("id", node.id);
        json.put("uuid", &node.uuid);
        json.put("public", node.public);
        json.put("name", &node.name);
        json.put("description", node.description.as_deref());
        json.put("location_id", node.location);
        json.put("fqdn", &node.fqdn);
        json.put("scheme", &node.scheme);
        json.put("behind_proxy", node.behind_proxy);
        json.put("maintenance_mode", node.maintenance_mode);
        json.put("memory", node.memory);
        uncast(json, node, "memory_overallocate", node.memory_overallocate);
        json.put("disk", node.disk);
        uncast(json, node, "disk_overallocate", node.disk_overallocate);
        uncast(json, node, "upload_size", node.upload_size as i64);
        json.put("daemon_listen", node.daemon_listen);
        json.put("daemon_sftp", node.daemon_sftp);
        json.put("daemon_base", &node.daemon_base);
        times(json, node.created_at, node.updated_at);
    }

    fn pelican_node(&mut self, node: &Node) {
        let json = &mut self.json;
        json.put("id", node.id);
        json.put("public", node.public);
        json.put("name", &node.name);
        json.put("fqdn", &node.fqdn);
        json.put("scheme", &node.scheme);
        json.put("memory", node.memory);
        uncast(json, node, "memory_overallocate", node.memory_overallocate);
        json.put("disk", node.disk);
        uncast(json, node, "disk_overallocate", node.disk_overallocate);
        json.put("daemon_listen", node.daemon_listen);
        json.put("daemon_sftp", node.daemon_sftp);
        json.put("daemon_base", node.daemon_base.replace("pterodactyl", "pelican"));
        times(json, node.created_at, node.updated_at);
        uncast(json, node, "upload_size", node.upload_size as i64);
        json.put("behind_proxy", node.behind_proxy);
        json.put("description", node.description.as_deref());
        json.put("maintenance_mode", node.maintenance_mode);
        json.put("uuid", &node.uuid);
        json.put("tags", &node.tags);
        json.put("cpu", node.cpu);
        uncast(json, node, "cpu_overallocate", node.cpu_overallocate);
        json.put("daemon_sftp_alias", node.daemon_sftp_alias.as_deref());
        json.put("daemon_connect", if node.behind_proxy { 443 } else { node.daemon_listen });
    }

    fn node_relations(&mut self, node: &'a Node, includes: &Includes) {
        let pelican = self.dialect.is_pelican();
        if !includes.any(if pelican { &["allocations", "servers"] } else { &["allocations", "location", "servers"] }) {
            return;
        }
        let view = self.view;
        self.json.open("relationships");
        if includes.has("allocations") {
            let ids = view.index.allocations_of_node(node.id);
            self.allocations("allocations", ids, &includes.under("allocations"));
        }
        if includes.has("location") && !pelican {
            let (row, below) = (view.world.locations.get(&node.location), includes.under("location"));
            self.one("location", Some(Resource::Locations), row, |sheet, row| sheet.location(row, &below));
        }
        if includes.has("servers") {
            self.servers("servers", view.index.servers_of_node(node.id), &includes.under("servers"));
        }
        self.json.close();
    }
}

/// A column without a cast: some database drivers hand it out as text.
fn uncast(json: &mut Json, node: &Node, key: &str, value: i64) {
    if node.numbers_as_text { json.put(key, value.to_string()) } else { json.put(key, value) }
}

fn times(json: &mut Json, made: Timestamp, changed: Timestamp) {
    json.put("created_at", At::utc(made));
    json.put("updated_at", At::utc(changed));
}

/// `GET /nodes`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let mut rows: Vec<&Node> = view.world.nodes.values().collect();
    let rules = if call.dialect().is_pelican() { PELICAN_RULES } else { RULES };
    rules.apply(&mut rows, call)?;
    let includes = call.includes();
    Sheet::page(call, view, &call.page(&rows)?, |sheet, node| sheet.node(node, &includes))
}

/// `GET /nodes/{node}`
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    let node = view.world.nodes.get(&call.id(0)).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| sheet.node(node, &call.includes()))
}

/// `GET /nodes/deployable`
pub(crate) fn deployable(call: &Call<'_>, view: View<'_>) -> Answer {
    let query = &call.request.query;
    let asked = |name| query.get(name).and_then(|text| text.parse::<u64>().ok());
    let (Some(memory), Some(disk)) = (asked("memory"), asked("disk")) else {
        let mut fields = Fields::of(call.request);
        ["memory", "disk"]
            .into_iter()
            .filter(|name| asked(name).is_none())
            .for_each(|name| fields.fail(name, "required"));
        return fields.done().map(|()| Reply::done());
    };
    let rows: Vec<&Node> = view.world.nodes.values().filter(|node| has_room(view, node, memory, disk)).collect();
    let rows: Vec<&Node> = rows.into_iter().filter(|node| is_wanted(call, node)).collect();
    let includes = call.includes();
    if call.dialect().is_pelican() {
        return Sheet::all(call, view, rows, |sheet, node| sheet.node_with(node, &includes, true));
    }
    if rows.is_empty() {
        return Err(Problem::refused("NoViableNodeException", "No node has room for this."));
    }
    if query.get("page").is_none() {
        return Sheet::all(call, view, rows, |sheet, node| sheet.node_with(node, &includes, true));
    }
    let page: Page<&Node> = call.page(&rows)?;
    Sheet::page(call, view, &page, |sheet, node| sheet.node_with(node, &includes, true))
}

/// True when a public node can promise this much more, in MiB.
pub(crate) fn has_room(view: View<'_>, node: &Node, memory: u64, disk: u64) -> bool {
    let used = view.index.sums_of_node(node.id);
    let fits = |has: u64, over: i64, used: u64, more: u64| over < 0 || used + more <= has + has * over as u64 / 100;
    node.public
        && fits(node.memory, node.memory_overallocate, used.memory, memory)
        && fits(node.disk, node.disk_overallocate, used.disk, disk)
}

fn is_wanted(call: &Call<'_>, node: &Node) -> bool {
    if call.dialect().is_pelican() {
        let tags = call.request.query.list("tags");
        return tags.is_empty() || node.tags.iter().any(|tag| tags.contains(&tag.as_str()));
    }
    let locations = call.request.query.list("location_ids");
    locations.is_empty() || locations.contains(&node.location.to_string().as_str())
}

/// `GET /nodes/{node}/configuration`: no envelope, and the daemon's secret in clear.
pub(crate) fn configuration(call: &Call<'_>, view: View<'_>) -> Answer {
    let node = view.world.nodes.get(&call.id(0)).ok_or_else(Problem::not_found)?;
    let mut json = Json::object();
    json.put("debug", false);
    json.put("uuid", &node.uuid);
    json.put("token_id", &node.daemon_token_id);
    json.put("token", &node.daemon_token);
    json.open("api");
    json.put("host", "0.0.0.0");
    json.put("port", node.daemon_listen);
    json.open("ssl");
    json.put("enabled", node.scheme == "https" && !node.behind_proxy);
    json.put("cert", format!("/etc/letsencrypt/live/{}/fullchain.pem", node.fqdn));
    json.put("key", format!("/etc/letsencrypt/live/{}/privkey.pem", node.fqdn));
    json.close();
    json.put("upload_limit", node.upload_size);
    json.close();
    json.open("system");
    json.put("data", &node.daemon_base);
    json.open("sftp");
    json.put("bind_port", node.daemon_sftp);
    json.close();
    json.close();
    json.put("allowed_mounts", Vec::<String>::new());
    json.put("remote", &call.request.base);
    Ok(Reply::ok(json.finish()))
}

/// `POST /nodes`
pub(crate) fn create(call: &Call<'_>, store: &mut Store) -> Answer {
    let draft = Draft::read(call)?;
    let world = store.edit();
    let id = world.add_node(&draft.name, draft.location);
    draft.apply(store, id);
    let view = store.view();
    let node = view.world.nodes.get(&id).ok_or_else(Problem::not_found)?;
    let path = format!("/api/application/nodes/{id}");
    Sheet::created(call, view, &path, |sheet| sheet.node(node, &call.includes()))
}

/// `PATCH /nodes/{node}`: saved even when the node cannot be told.
pub(crate) fn update(call: &Call<'_>, store: &mut Store) -> Answer {
    Draft::read(call)?.apply(store, call.id(0));
    if store.world.nodes.get(&call.id(0)).is_some_and(|node| node.unreachable) {
        return Err(Problem::refused("ConfigurationNotPersistedException", "Saved here, but the node did not answer."));
    }
    show(call, store.view())
}

/// `DELETE /nodes/{node}`
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    if !store.view().index.servers_of_node(call.id(0)).is_empty() {
        return Err(Problem::refused("HasActiveServersException", "This node still has servers."));
    }
    store.edit().remove_node(call.id(0));
    Ok(Reply::done())
}

/// The fields of a write, checked.
struct Draft {
    name: String,
    location: u64,
    fqdn: String,
    scheme: String,
    memory: i64,
    memory_overallocate: i64,
    disk: i64,
    disk_overallocate: i64,
    maintenance_mode: Option<bool>,
    public: Option<bool>,
}

impl Draft {
    fn read(call: &Call<'_>) -> Result<Self, Problem> {
        let mut fields = Fields::of(call.request);
        let draft = Self {
            name: fields.text("name", 100),
            location: if call.dialect().is_pelican() { 0 } else { fields.number("location_id", 1) as u64 },
            fqdn: fields.text("fqdn", 191),
            scheme: fields.text("scheme", 5),
            memory: fields.number("memory", 1),
            memory_overallocate: fields.number("memory_overallocate", -1),
            disk: fields.number("disk", 1),
            disk_overallocate: fields.number("disk_overallocate", -1),
            maintenance_mode: fields.flag("maintenance_mode"),
            public: fields.flag("public"),
        };
        fields.done().map(|()| draft)
    }

    fn apply(self, store: &mut Store, id: u64) {
        let world = store.edit();
        let now = world.now();
        let Some(node) = world.nodes.get_mut(&id) else { return };
        (node.name, node.fqdn, node.scheme) = (self.name, self.fqdn, self.scheme);
        (node.memory, node.disk) = (self.memory as u64, self.disk as u64);
        (node.memory_overallocate, node.disk_overallocate) = (self.memory_overallocate, self.disk_overallocate);
        if self.location > 0 {
            node.location = self.location;
        }
        node.maintenance_mode = self.maintenance_mode.unwrap_or(node.maintenance_mode);
        node.public = self.public.unwrap_or(node.public);
        node.updated_at = now;
    }
}
