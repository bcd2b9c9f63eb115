//! The list of servers, and one server.

use crate::panel::call::{Answer, Call};
use crate::panel::client::network::draw_allocations;
use crate::panel::client::startup::{draw_variable, invocation, viewable};
use crate::panel::list::unknown_filter;
use crate::panel::problem::Problem;
use crate::panel::query::Includes;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Kind, Server, View};

const PER_PAGE: u64 = 50;
const MOST_PER_PAGE: u64 = 100;

/// `GET /api/client`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let mut rows: Vec<&Server> = view.world.servers.values().filter(|server| is_listed(call, view, server)).collect();
    for (name, wanted) in call.request.query.filters() {
        let matches = filter(name).ok_or_else(|| unknown_filter(name))?;
        if !wanted.is_empty() {
            rows.retain(|server| wanted.iter().any(|text| matches(view, server, &text.to_lowercase())));
        }
    }
    let page = call.capped_page(&rows, PER_PAGE, MOST_PER_PAGE)?;
    let includes = call.includes();
    let mut sheet = Sheet::new(call, view);
    sheet.rows(page.rows.iter().copied(), |sheet, server| sheet.client_server(call, server, &includes));
    sheet.json.open("meta");
    page.pagination(&mut sheet.json, |page| call.full_link(page));
    sheet.json.close();
    sheet.answer(200)
}

fn is_listed(call: &Call<'_>, view: View<'_>, server: &Server) -> bool {
    let owned = server.user == call.caller.user;
    let shared = || {
        let rows = view.index.subusers_of_server(server.id).iter().filter_map(|id| view.world.subusers.get(id));
        rows.into_iter().any(|row| row.user == call.caller.user)
    };
    match call.request.query.get("type") {
        Some("owner") => owned,
        Some("admin") => call.caller.root && !owned && !shared(),
        Some("admin-all") => call.caller.root,
        _ => owned || shared(),
    }
}

type Matches = fn(View<'_>, &Server, &str) -> bool;

fn filter(name: &str) -> Option<Matches> {
    Some(match name {
        "uuid" => |_, server, text| server.uuid.contains(text),
        "name" => |_, server, text| server.name.to_lowercase().contains(text),
        "description" => |_, server, text| contains(server.description.as_deref(), text),
        "external_id" => |_, server, text| contains(server.external_id.as_deref(), text),
        "*" => anywhere,
        _ => return None,
    })
}

fn contains(value: Option<&str>, text: &str) -> bool {
    value.is_some_and(|value| value.to_lowercase().contains(text))
}

/// Names and ids; or, when the text looks like one, an address.
fn anywhere(view: View<'_>, server: &Server, text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok() || (host.is_empty() && !port.is_empty());
    if is_address {
        let mine = view.index.allocations_of_server(server.id).iter().filter_map(|id| view.world.allocations.get(id));
        return mine
            .into_iter()
            .any(|row| (host.is_empty() || row.ip == host) && row.port.to_string().starts_with(port));
    }
    server.uuid.starts_with(text)
        || server.identifier() == text
        || server.external_id.as_deref().is_some_and(|id| id.to_lowercase() == text)
        || server.name.to_lowercase().contains(text)
}

/// `GET /servers/{server}`
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    let server = this(call, view)?;
    let owner = server.user == call.caller.user;
    let mut sheet = Sheet::new(call, view);
    sheet.client_server(call, server, &call.includes());
    sheet.json.open("meta");
    sheet.json.put("is_server_owner", owner);
    sheet.json.put("user_permissions", permissions(call, view, server));
    sheet.json.close();
    sheet.answer(200)
}

fn permissions(call: &Call<'_>, view: View<'_>, server: &Server) -> Vec<String> {
    let names: Vec<&str> = if call.caller.root {
        vec!["*", "admin.websocket.errors", "admin.websocket.install", "admin.websocket.transfer"]
    } else if server.user == call.caller.user {
        vec!["*"]
    } else {
        let rows = view.index.subusers_of_server(server.id).iter().filter_map(|id| view.world.subusers.get(id));
        rows.filter(|row| row.user == call.caller.user).flat_map(|row| row.permissions.names()).collect()
    };
    names.into_iter().map(str::to_owned).collect()
}

/// The server in the path.
pub(crate) fn this<'a>(call: &Call<'_>, view: View<'a>) -> Result<&'a Server, Problem> {
    view.world.servers.get(&call.id(0)).ok_or_else(Problem::not_found)
}

impl<'a> Sheet<'a> {
    /// A `server`, as the client API shows it.
    fn client_server(&mut self, call: &Call<'_>, server: &'a Server, includes: &Includes) {
        self.begin("server", Kind::Server, server.id);
        self.json.put("server_owner", server.user == call.caller.user);
        self.json.put("identifier", server.identifier());
        self.json.put("internal_id", server.id);
        self.json.put("uuid", &server.uuid);
        self.json.put("name", &server.name);
        self.client_node(server);
        self.client_description(server);
        self.limits(&server.limits);
        self.json.put("invocation", invocation(call, self.view, server));
        self.json.put("docker_image", &server.image);
        let egg = self.view.world.eggs.get(&server.egg);
        self.json.put("egg_features", egg.and_then(|egg| egg.features.as_ref()));
        self.feature_limits(&server.feature_limits);
        let status = server.status.as_deref();
        self.json.put("status", status);
        self.json.put("is_suspended", status == Some("suspended"));
        self.json.put("is_installing", matches!(status, Some("installing" | "install_failed")));
        self.json.put("is_transferring", server.transferring);
        self.client_relations(call, server, includes);
        self.end();
    }

    fn client_node(&mut self, server: &Server) {
        let Some(node) = self.view.world.nodes.get(&server.node) else { return self.throw("ErrorException") };
        self.json.put("node", &node.name);
        self.json.put("is_node_under_maintenance", node.maintenance_mode);
        self.json.open("sftp_details");
        self.json.put("ip", &node.fqdn);
        if self.dialect.is_pelican() {
            self.json.put("alias", node.daemon_sftp_alias.as_deref());
        }
        self.json.put("port", node.daemon_sftp);
        self.json.close();
    }

    fn client_description(&mut self, server: &Server) {
        if !self.dialect.is_pelican() {
            self.json.put("description", server.description.as_deref().unwrap_or_default());
        } else if self.view.world.editable_descriptions {
            self.json.put("description", server.description.as_deref());
        }
    }

    fn client_relations(&mut self, call: &Call<'_>, server: &'a Server, includes: &Includes) {
        let View { world, index } = self.view;
        self.json.open("relationships");
        self.json.open("allocations");
        draw_allocations(self, call, server);
        self.json.close();
        let egg = world.eggs.get(&server.egg);
        if call.may(self.view, server, "startup.read") {
            let rows = egg.iter().flat_map(|egg| viewable(egg));
            self.many("variables", None, rows, |sheet, row| draw_variable(sheet, server, row));
        } else {
            self.null("variables");
        }
        if includes.has("egg") {
            self.one("egg", None, egg, |sheet, egg| {
                sheet.json.put("object", "egg");
                sheet.json.open("attributes");
                sheet.json.put("uuid", &egg.uuid);
                sheet.json.put("name", &egg.name);
                sheet.json.close();
            });
        }
        if includes.has("subusers") {
            if call.may(self.view, server, "user.read") {
                let rows = index.subusers_of_server(server.id).iter().filter_map(|id| world.subusers.get(id));
                self.many("subusers", None, rows, Self::client_subuser);
            } else {
                self.null("subusers");
            }
        }
        self.json.close();
    }
}
