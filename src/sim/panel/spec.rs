//! What a simulated panel should look like before it starts.

use std::time::Duration;

use crate::SimClock;
use crate::panel::seen::Api;

/// Which panel is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Pterodactyl 1.11.
    Pterodactyl,
    /// Pelican, late beta.
    Pelican,
}

impl Dialect {
    pub(crate) fn is_pelican(self) -> bool {
        self == Dialect::Pelican
    }
}

/// The size, the manners and the keys of a simulated panel.
#[derive(Debug, Clone)]
pub struct PanelSpec {
    /// Which panel's routes and shapes to serve.
    pub dialect: Dialect,
    /// Number of servers.
    pub servers: u32,
    /// Number of users, the administrator included; at least one is made.
    pub users: u32,
    /// Number of nodes; at least one is made when there are servers.
    pub nodes: u32,
    /// Allocations per node; a node gets more when its servers need them.
    pub allocations_per_node: u32,
    /// Number of locations. Pelican has none and turns them into node tags.
    pub locations: u32,
    /// Number of nests. Pelican has none and turns them into egg tags.
    pub nests: u32,
    /// Eggs in each nest.
    pub eggs_per_nest: u32,
    /// Application requests per user and minute; 0 means that the limit shown is out of reach.
    pub rate_limit: u32,
    /// Client requests per user and minute; 0 means that the limit shown is out of reach.
    pub client_rate_limit: u32,
    /// The same seed makes the same world.
    pub seed: u64,
    /// The administrator's application key with every level.
    pub app_key: String,
    /// The administrator's account key.
    pub client_key: String,
    /// Time that every request takes before it is answered.
    pub page_delay: Duration,
    /// A patched panel that answers with at most this many rows per page, whatever was asked.
    pub per_page_cap: Option<u32>,
    /// Single calls are limited per server too, as from Pterodactyl 1.12 on. Pelican always does that.
    pub limits_per_server: bool,
    /// Errors show where in the panel they were raised, as with `APP_DEBUG` on.
    pub debug_errors: bool,
    /// Lists without a sort come in the order of their last change, as from PostgreSQL.
    pub unordered: bool,
    /// Sprinkle in the rows that real panels surprise their clients with.
    pub awkward: bool,
    /// Where "now" comes from: windows of the rate limit, times of changes.
    pub clock: SimClock,
}

impl Default for PanelSpec {
    fn default() -> Self {
        Self {
            dialect: Dialect::Pterodactyl,
            servers: 25,
            users: 12,
            nodes: 3,
            allocations_per_node: 20,
            locations: 2,
            nests: 2,
            eggs_per_nest: 3,
            rate_limit: 240,
            client_rate_limit: 720,
            seed: 1,
            app_key: "ptla_SimulatedAp0123456789abcdefghijABCDEFGHIJxy".to_owned(),
            client_key: "ptlc_SimulatedCl0123456789abcdefghijABCDEFGHIJxy".to_owned(),
            page_delay: Duration::ZERO,
            per_page_cap: None,
            limits_per_server: false,
            debug_errors: false,
            unordered: false,
            awkward: true,
            clock: SimClock::system(),
        }
    }
}

impl PanelSpec {
    /// The default panel in Pelican's dialect: its key prefixes, its limits.
    pub fn pelican() -> Self {
        Self {
            dialect: Dialect::Pelican,
            rate_limit: 256,
            client_rate_limit: 256,
            app_key: "papp_SimulatedAp0123456789abcdefghijABCDEFGHIJxy".to_owned(),
            client_key: "pacc_SimulatedCl0123456789abcdefghijABCDEFGHIJxy".to_owned(),
            ..Self::default()
        }
    }

    /// The limit of an API as it was asked for, 0 for none.
    pub(crate) fn limit_of(&self, api: Api) -> u32 {
        if api == Api::Client { self.client_rate_limit } else { self.rate_limit }
    }

    /// The same panel without awkward rows.
    pub fn tame(self) -> Self {
        Self { awkward: false, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_keys_have_the_length_of_real_ones() {
        for spec in [PanelSpec::default(), PanelSpec::pelican()] {
            assert_eq!((spec.app_key.len(), spec.client_key.len()), (48, 48));
        }
    }
}
