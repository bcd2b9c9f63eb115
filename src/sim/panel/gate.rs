//! Who gets in. The checks are the same in both dialects; their order is not.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::panel::call::{Call, Caller, Grants};
use crate::panel::limit::{Counted, Standing, Throttle};
use crate::panel::path::resolve;
use crate::panel::problem::Problem;
use crate::panel::request::Request;
use crate::panel::routes::{Matched, Need, Route};
use crate::panel::seen::Api;
use crate::panel::spec::PanelSpec;
use crate::panel::world::{ApiKey, KeyKind, Levels, Server, View};

/// Everything that the checks look at.
pub(crate) struct Gate<'r> {
    /// The panel.
    pub(crate) spec: &'r PanelSpec,
    /// Its buckets.
    pub(crate) throttle: &'r Throttle,
    /// Its time.
    pub(crate) now: Timestamp,
    /// The request.
    pub(crate) request: &'r Request,
    /// How the request stands with the rate limit, once that was asked.
    pub(crate) standing: Option<Standing>,
}

const EVERY_WINDOW_S: i64 = 60;

impl<'r> Gate<'r> {
    /// Lets a request through to its handler.
    pub(crate) fn pass(&mut self, view: View<'_>, matched: Matched) -> Result<Call<'r>, Problem> {
        let (caller, ids) = match self.spec.dialect.is_pelican() {
            false => self.pterodactyl_order(view, &matched)?,
            true => self.pelican_order(view, &matched)?,
        };
        let call = Call {
            request: self.request,
            caller,
            spec: self.spec,
            throttle: self.throttle,
            now: self.now,
            ids,
            names: matched.names,
        };
        if let Some(server) = matched.route.server_of(&call).and_then(|id| view.world.servers.get(&id)) {
            visible(&call, view, server)?;
            self.count_on_server(matched.route, server.id)?;
            if matched.route.is_gated() {
                state(&call, view, server, matched.route.path)?;
            }
        }
        level(&call, view, matched.route.need, matched.route.method)?;
        Ok(call)
    }

    fn pterodactyl_order(&mut self, view: View<'_>, matched: &Matched) -> Result<(Caller, Vec<u64>), Problem> {
        self.request.check_origin()?;
        let key = self.authenticate(view)?;
        self.request.check_body()?;
        if view.world.requires_two_factor && !view.world.users.get(&key.user).is_some_and(|user| user.two_factor) {
            return Err(Problem::refused(
                "TwoFactorAuthRequiredException",
                "This account needs a second factor first.",
            ));
        }
        self.address(key)?;
        self.count(key.user)?;
        let ids = resolve(view, self.request.api(), self.spec.dialect, matched)?;
        let caller = self.admit(view, key)?;
        Ok((caller, ids))
    }

    fn pelican_order(&mut self, view: View<'_>, matched: &Matched) -> Result<(Caller, Vec<u64>), Problem> {
        let ids = resolve(view, self.request.api(), self.spec.dialect, matched)?;
        self.request.check_origin()?;
        let key = self.authenticate(view)?;
        self.request.check_body()?;
        self.address(key)?;
        let caller = self.admit(view, key)?;
        self.count(key.user)?;
        Ok((caller, ids))
    }

    /// The key is found by its first 16 characters and must then be the same in all others.
    fn authenticate<'v>(&self, view: View<'v>) -> Result<&'v ApiKey, Problem> {
        let token = self.request.token.as_deref().unwrap_or_default();
        let key = view.world.keys.iter().find(|key| token.get(..16) == Some(key.identifier()));
        let key = key.filter(|key| key.token == token && view.world.users.contains_key(&key.user));
        let alive = key.filter(|key| key.expires_at.is_none_or(|end| end > self.now));
        alive.ok_or_else(Problem::unauthenticated)
    }

    fn address(&self, key: &ApiKey) -> Result<(), Problem> {
        let peer = self.request.peer;
        if key.allowed_ips.is_empty() || key.allowed_ips.iter().any(|range| contains(range, peer)) {
            return Ok(());
        }
        let detail = format!("This key may not be used from {peer}.");
        Err(Problem::new(403, "AccessDeniedHttpException", detail))
    }

    fn count(&mut self, user: u64) -> Result<(), Problem> {
        let api = self.request.api();
        let limit = self.spec.limit_of(api);
        let standing = self.throttle.hit(Counted::User(user, api), limit, EVERY_WINDOW_S * 1000, self.now);
        self.standing = Some(standing);
        if standing.refused { Err(Problem::too_many()) } else { Ok(()) }
    }

    /// Some calls are scarce on each server. The headers show the tighter of the two limits.
    fn count_on_server(&mut self, route: &'static Route, server: u64) -> Result<(), Problem> {
        let limited = self.spec.limits_per_server || self.spec.dialect.is_pelican();
        let Some((calls, window_s)) = route.per_server.filter(|_| limited) else { return Ok(()) };
        let standing = self.throttle.hit(Counted::Server(server, route.path), calls, window_s * 1000, self.now);
        if self.standing.is_none_or(|general| standing.remaining < general.remaining) {
            self.standing = Some(standing);
        }
        if standing.refused { Err(Problem::too_many()) } else { Ok(()) }
    }

    /// Application: administrators only. Client: no application keys.
    fn admit(&self, view: View<'_>, key: &ApiKey) -> Result<Caller, Problem> {
        let user = view.world.users.get(&key.user).ok_or_else(Problem::unauthenticated)?;
        let role_admin = self.spec.dialect.is_pelican() && user.admin_role;
        let (application_key, grants) = match key.kind {
            KeyKind::Application(levels) => (true, Grants::Levels(levels)),
            KeyKind::Account if user.root_admin => (false, Grants::Everything),
            KeyKind::Account => (false, Grants::Levels(Levels::all(0))),
        };
        let admitted = match self.request.api() {
            Api::Client => !application_key,
            _ => user.root_admin || (role_admin && application_key),
        };
        if !admitted {
            return Err(Problem::forbidden());
        }
        Ok(Caller { user: user.id, root: user.root_admin, grants })
    }
}

/// Servers of other people do not exist.
fn visible(call: &Call<'_>, view: View<'_>, server: &Server) -> Result<(), Problem> {
    let subusers = view.index.subusers_of_server(server.id).iter().filter_map(|id| view.world.subusers.get(id));
    let is_subuser = || subusers.into_iter().any(|row| row.user == call.caller.user);
    if call.caller.root || server.user == call.caller.user || is_subuser() { Ok(()) } else { Err(Problem::not_found()) }
}

/// Calls on a server that is not in a normal state.
fn state(call: &Call<'_>, view: View<'_>, server: &Server, path: &str) -> Result<(), Problem> {
    let pelican = call.dialect().is_pelican();
    let status = server.status.as_deref().unwrap_or_default();
    let maintenance = view.world.nodes.get(&server.node).is_some_and(|node| node.maintenance_mode);
    let uninstalled = matches!(status, "installing" | "install_failed") || (pelican && status == "reinstall_failed");
    let (detail, hard) = match () {
        () if status == "suspended" => ("The server is suspended.", true),
        () if maintenance => ("The node of this server is in maintenance.", true),
        () if uninstalled => ("The server is not installed.", false),
        () if status == "restoring_backup" => ("The server is restoring a backup.", false),
        () if server.transferring => ("The server is moving to another node.", false),
        () => return Ok(()),
    };
    let websocket = path.ends_with("/websocket");
    let excused = if pelican { websocket || path.contains("/files/") } else { websocket && !hard };
    if call.caller.root && excused { Ok(()) } else { Err(Problem::conflict(detail)) }
}

/// The level of the key, or the permission of the subuser.
fn level(call: &Call<'_>, view: View<'_>, need: Need, method: &str) -> Result<(), Problem> {
    let granted = match need {
        Need::Nothing => true,
        Need::Read(resource) => call.caller.grants.may_read(resource),
        Need::Level(resource) if method == "GET" => call.caller.grants.may_read(resource),
        Need::Level(resource) => call.caller.grants.may_write(resource),
        Need::Permission(name) => {
            view.world.servers.get(&call.id(0)).is_some_and(|server| call.may(view, server, name))
        }
    };
    if granted { Ok(()) } else { Err(Problem::forbidden()) }
}

/// True when `range` (an address or a CIDR block) holds `address`.
fn contains(range: &str, address: IpAddr) -> bool {
    let (network, bits) = match range.split_once('/') {
        Some((network, bits)) => (network, bits.parse().ok()),
        None => (range, None),
    };
    match (network.parse(), address) {
        (Ok(IpAddr::V4(network)), IpAddr::V4(address)) => {
            let shift = 32 - bits.unwrap_or(32u32).min(32);
            u64::from(network.to_bits()) >> shift == u64::from(address.to_bits()) >> shift
        }
        (Ok(IpAddr::V6(network)), IpAddr::V6(address)) => {
            let shift = 128 - bits.unwrap_or(128u32).min(128);
            shift == 128 || network.to_bits() >> shift == address.to_bits() >> shift
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn ranges_are_addresses_or_blocks() {
        let home = "127.0.0.1".parse().expect("address");
        assert!(contains("127.0.0.1", home) && contains("127.0.0.0/8", home) && contains("0.0.0.0/0", home));
        assert!(!contains("10.0.0.0/8", home) && !contains("::1", home) && !contains("nonsense", home));
    }
}
