use aviary_kernel::model::Permission;

use super::desk::Known;
use super::shown;

/// Where in the side bar a page belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    Overview,
    Search,
    Servers,
    Nodes,
    Allocations,
    Databases,
    Locations,
    Nests,
    Eggs,
    Users,
    Syncs,
    History,
    Drift,
    Audit,
    Jobs,
    People,
    Roles,
    ApiKeys,
    Mails,
    Webhooks,
    Events,
    Schedules,
    Panels,
    Settings,
    /// Somebody's own account.
    Me,
}

/// Some entries under a heading.
pub(super) struct NavGroup {
    pub(super) title: &'static str,
    pub(super) items: Vec<NavItem>,
}

/// An entry of the side bar.
pub(super) struct NavItem {
    pub(super) href: &'static str,
    pub(super) text: &'static str,
    pub(super) icon: &'static str,
    /// The letter that leads there after a `g`.
    pub(super) key: &'static str,
    pub(super) count: String,
    /// Whether the count wants a look.
    pub(super) alert: bool,
    pub(super) current: bool,
}

/// The side bar, with what its reader may open.
pub(super) fn groups(here: Spot, known: &Known) -> Vec<NavGroup> {
    let item = |spot, href, text, icon, key, count: Option<u64>| NavItem {
        href,
        text,
        icon,
        key,
        count: count.map(shown::grouped).unwrap_or_default(),
        alert: false,
        current: spot == here,
    };
    let counts = &known.counts;
    let stops = Some(known.stops.len() as u64).filter(|n| *n > 0 && known.may(Permission::RemovalRead));
    let syncs = NavItem { alert: true, ..item(Spot::Syncs, "/admin/syncs", "Syncs", "sync", "y", stops) };
    let group = |title, items: Vec<NavItem>| NavGroup {
        title,
        items: items.into_iter().filter(|item| known.opens(item.href)).collect(),
    };
    let groups = [
        group(
            "",
            vec![
                item(Spot::Overview, "/admin", "Overview", "home", "o", None),
                item(Spot::Search, "/admin/search", "Search", "search", "q", None),
            ],
        ),
        group(
            "Mirror",
            vec![
                item(Spot::Servers, "/admin/servers", "Servers", "server", "s", Some(counts.servers)),
                item(Spot::Nodes, "/admin/nodes", "Nodes", "node", "n", Some(counts.nodes)),
                item(Spot::Allocations, "/admin/allocations", "Allocations", "plug", "a", Some(counts.allocations)),
                item(Spot::Databases, "/admin/databases", "Databases", "database", "b", Some(counts.databases)),
                item(Spot::Users, "/admin/users", "Panel users", "user", "u", Some(counts.users)),
                item(Spot::Eggs, "/admin/eggs", "Eggs", "egg", "e", Some(counts.eggs)),
                item(Spot::Nests, "/admin/nests", "Nests", "nest", "", Some(counts.nests)),
                item(Spot::Locations, "/admin/locations", "Locations", "pin", "l", Some(counts.locations)),
            ],
        ),
        group(
            "Watch",
            vec![
                syncs,
                item(Spot::History, "/admin/history", "History", "history", "h", None),
                item(Spot::Drift, "/admin/drift", "Drift", "drift", "d", None),
                item(Spot::Audit, "/admin/audit", "Audit trail", "lock", "t", None),
            ],
        ),
        group(
            "Work",
            vec![
                item(Spot::Jobs, "/admin/jobs", "Jobs", "work", "j", None),
                item(Spot::Schedules, "/admin/schedules", "Schedules", "clock", "c", None),
                item(Spot::Webhooks, "/admin/webhooks", "Webhooks", "hook", "x", None),
                item(Spot::Events, "/admin/events", "Events", "bell", "f", None),
                item(Spot::Mails, "/admin/mails", "Mails", "mail", "i", None),
            ],
        ),
        group(
            "People",
            vec![
                item(Spot::People, "/admin/people", "People", "people", "w", None),
                item(Spot::Roles, "/admin/roles", "Roles", "shield", "r", None),
                item(Spot::ApiKeys, "/admin/api-keys", "API keys", "key", "k", None),
            ],
        ),
        group(
            "Set up",
            vec![
                item(Spot::Panels, "/admin/panels", "Panels", "panel", "p", Some(known.panels.len() as u64)),
                item(Spot::Settings, "/admin/settings", "Settings", "settings", ",", None),
            ],
        ),
        group("You", vec![item(Spot::Me, "/admin/me", "Your account", "user", "m", None)]),
    ];
    groups.into_iter().filter(|group| !group.items.is_empty()).collect()
}
