//! What the node answers: use of resources, power, commands, the way to the console.

use serde_json::json;

use crate::Chance;
use crate::panel::call::{Answer, Call};
use crate::panel::client::list::this;
use crate::panel::fields::Fields;
use crate::panel::json::Json;
use crate::panel::problem::Problem;
use crate::panel::world::{Activity, Power, Server, Store, View};
use crate::reply::Reply;

/// What calls that need the node answer when it is away.
pub(crate) fn node_answers(call: &Call<'_>, view: View<'_>, server: &Server) -> Result<(), Problem> {
    match is_away(view, server) {
        false => Ok(()),
        true if call.dialect().is_pelican() => Err(Problem::thrown("ConnectionException")),
        true => Err(Problem::for_status(504)),
    }
}

fn is_away(view: View<'_>, server: &Server) -> bool {
    view.world.nodes.get(&server.node).is_none_or(|node| node.unreachable)
}

/// `GET …/resources`. With its node away: 504 on Pterodactyl, a state of its own on Pelican.
pub(crate) fn resources(call: &Call<'_>, view: View<'_>) -> Answer {
    let server = this(call, view)?;
    let away = is_away(view, server);
    if away && !call.dialect().is_pelican() {
        return Err(Problem::for_status(504));
    }
    let state = if away { "missing" } else { server.power.as_str() };
    let up = !away && server.power != Power::Offline;
    let used = Use::of(call, server, up);
    let mut json = Json::object();
    json.put("object", "stats");
    json.open("attributes");
    json.put("current_state", state);
    json.put("is_suspended", server.status.as_deref() == Some("suspended"));
    json.open("resources");
    json.put("memory_bytes", used.memory_bytes);
    json.put("cpu_absolute", used.cpu);
    json.put("disk_bytes", if away { 0 } else { used.disk_bytes });
    json.put("network_rx_bytes", used.received);
    json.put("network_tx_bytes", used.sent);
    json.put("uptime", used.uptime_ms);
    json.close();
    json.close();
    Ok(Reply::ok(json.finish()))
}

struct Use {
    memory_bytes: u64,
    cpu: f64,
    disk_bytes: u64,
    received: u64,
    sent: u64,
    uptime_ms: u64,
}

const MIB: u64 = 1 << 20;

impl Use {
    /// Plausible figures that change every 20 seconds, the time for which the panel keeps an answer.
    fn of(call: &Call<'_>, server: &Server, up: bool) -> Self {
        let slot = call.now.as_second() / 20;
        let mut chance = Chance::fork(server.id.wrapping_mul(0x1_0001) ^ slot as u64, "use");
        let (memory, cpu) = (server.limits.memory.max(512), server.limits.cpu.max(100));
        let uptime_s = (call.now.as_second() - server.power_since.as_second()).max(1) as u64;
        let disk_bytes = Chance::fork(server.id, "disk").between(64, server.limits.disk.max(1024) / 2) * MIB;
        if !up {
            return Self { memory_bytes: 0, cpu: 0.0, disk_bytes, received: 0, sent: 0, uptime_ms: 0 };
        }
        Self {
            memory_bytes: memory * MIB / 100 * chance.between(35, 90),
            cpu: chance.below(cpu * 1000) as f64 / 1000.0,
            disk_bytes,
            received: uptime_s * 1_300,
            sent: uptime_s * 2_900,
            uptime_ms: uptime_s * 1000,
        }
    }
}

/// `POST …/power`: answered before the state has changed on a real panel; here it changes at once.
pub(crate) fn power(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let signal = fields.text("signal", 20);
    let next = match signal.as_str() {
        "start" | "restart" => Some(Power::Running),
        "stop" | "kill" => Some(Power::Offline),
        _ => None,
    };
    let view = store.view();
    let server = this(call, view)?;
    let permission = match signal.as_str() {
        "start" => "control.start",
        "restart" => "control.restart",
        "stop" | "kill" => "control.stop",
        // Subusers are refused before anybody looks at the word.
        _ => "",
    };
    call.require(view, server, permission)?;
    fields.expect("signal", "in", next.is_some());
    fields.done()?;
    node_answers(call, view, server)?;
    let running = server.power == Power::Running;
    let now = call.now;
    let world = store.edit();
    if let Some(server) = world.servers.get_mut(&call.id(0)) {
        let started = signal == "restart" || !running;
        server.power = next.unwrap_or(server.power);
        if started || next == Some(Power::Offline) {
            server.power_since = now;
        }
    }
    note(call, store, &format!("server:power.{signal}"), json!({}));
    Ok(Reply::done())
}

/// `POST …/command`: 502 while the server is not running.
pub(crate) fn command(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let text = fields.text("command", 65_535);
    fields.done()?;
    let view = store.view();
    let server = this(call, view)?;
    node_answers(call, view, server)?;
    if server.power != Power::Running {
        return Err(Problem::new(502, "HttpException", "The server is not running."));
    }
    note(call, store, "server:console.command", json!({ "command": text }));
    Ok(Reply::done())
}

/// Appends to the activity log.
fn note(call: &Call<'_>, store: &mut Store, event: &str, properties: serde_json::Value) {
    let world = store.edit();
    let line = Activity {
        id: world.activity.last().map_or(1, |line| line.id + 1),
        server: Some(call.id(0)),
        actor: Some(call.caller.user),
        event: event.to_owned(),
        is_api: true,
        ip: call.request.peer.to_string(),
        properties,
        at: world.now(),
    };
    world.activity.push(line);
}

/// `GET …/websocket`: a token that no real node would take, and the address of the node.
pub(crate) fn websocket(call: &Call<'_>, view: View<'_>) -> Answer {
    let server = this(call, view)?;
    let node = view.world.nodes.get(&server.node).ok_or_else(Problem::not_found)?;
    let scheme = if node.scheme == "https" { "wss" } else { "ws" };
    let mut chance = Chance::fork(server.id ^ call.now.as_second() as u64, "websocket");
    let mut json = Json::object();
    json.open("data");
    json.put("token", format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.{}.{}", chance.token(120), chance.token(43)));
    json.put("socket", format!("{scheme}://{}:{}/api/servers/{}/ws", node.fqdn, node.daemon_listen, server.uuid));
    json.close();
    Ok(Reply::ok(json.finish()))
}
