//! What a page offers to whom: links and buttons lead only to where their reader is let in. Who is let in where, the URL map
//! knows, so nothing here has to be kept true by hand.

use std::sync::LazyLock;

use actix_web::http::Method;
use aviary_domain::access::Caller;
use aviary_kernel::model::Permission;

use super::card::Card;
use super::desk::{Act, Known, Shell};
use super::pages;
use super::shown;
use super::value::Value;
use crate::door::Door;

/// Every page with its door; the parts of its address in order.
static DOORS: LazyLock<Vec<(Method, Vec<&'static str>, Door)>> = LazyLock::new(|| {
    pages().list().into_iter().map(|(method, path, door)| (method, path.split('/').collect(), door)).collect()
});

/// The door of one of our pages; none when there is no such page.
pub(super) fn door(method: &Method, href: &str) -> Option<Door> {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let is_at = |pattern: &[&str]| {
        pattern.len() == parts.len()
            && pattern.iter().zip(&parts).all(|(wanted, part)| wanted == part || wanted.starts_with('{'))
    };
    DOORS.iter().find(|(of, pattern, _)| of == method && is_at(pattern)).map(|(_, _, door)| *door)
}

/// Whether somebody is let in at an address.
fn is_let_in(caller: &Caller, method: &Method, href: &str) -> bool {
    door(method, href).is_some_and(|door| match door {
        Door::Open | Door::NeedsKind => true,
        Door::Known => !caller.lacks_second_factor,
        Door::SignedIn => caller.actor.account().is_some(),
        Door::Needs(permission) => caller.may(permission),
        Door::NeedsOneOf(one, other) => caller.may(one) || caller.may(other),
        Door::Local => false,
    })
}

impl Shell {
    /// As [`Known::opens`], for templates.
    pub(super) fn opens(&self, href: &str) -> bool {
        is_let_in(&self.reader, &Method::GET, href)
    }
}

impl Known {
    /// Whether the reader may do something.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.reader.may(permission)
    }

    /// Whether there is a page at an address that lets its reader in.
    pub(super) fn opens(&self, href: &str) -> bool {
        is_let_in(&self.reader, &Method::GET, href)
    }

    /// Whether a form may be sent to an address.
    pub(super) fn takes(&self, action: &str) -> bool {
        is_let_in(&self.reader, &Method::POST, action)
    }

    /// A way to something; only its name for who may not go there.
    pub(super) fn link(&self, text: impl Into<String>, href: impl Into<String>) -> Value {
        let (text, href) = (text.into(), href.into());
        if self.opens(&href) { Value::Link { text, href } } else { Value::Said(text) }
    }

    /// What a row is about, as [`Known::link`].
    pub(super) fn name(&self, text: impl Into<String>, href: impl Into<String>) -> Value {
        let (text, href) = (text.into(), href.into());
        if self.opens(&href) { Value::Name { text, href, sub: String::new() } } else { Value::Said(text) }
    }

    /// A number that leads to what was counted, as [`Known::link`].
    pub(super) fn count(&self, n: u64, href: String) -> Value {
        if self.opens(&href) { Value::count(n, href) } else { Value::Text(shown::grouped(n)) }
    }

    /// Of what can be done, what the reader may do.
    pub(super) fn offered(&self, acts: impl IntoIterator<Item = Act>) -> Vec<Act> {
        let is_offered = |act: &Act| match &act.post {
            Some(action) => self.takes(action),
            None => act.out || self.opens(&act.href),
        };
        acts.into_iter().filter(is_offered).collect()
    }

    /// Of ways on, those that are open to the reader.
    pub(super) fn ways(&self, ways: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
        ways.into_iter().filter(|(_, href)| self.opens(href)).collect()
    }

    /// A card with a way to more of the same, for who may go there.
    pub(super) fn more(&self, card: Card, text: impl Into<String>, href: impl Into<String>) -> Card {
        let href = href.into();
        if self.opens(&href) { card.more(text, href) } else { card }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_map_says_what_a_link_needs() {
        let get = |href: &str| door(&Method::GET, href);
        assert_eq!(get("/admin/servers?panel=1"), Some(Door::Needs(Permission::ServerRead)));
        assert_eq!(get("/admin/panels/new"), Some(Door::Needs(Permission::PanelWrite)));
        assert_eq!(get("/admin/panels/3"), Some(Door::Needs(Permission::PanelRead)));
        assert_eq!(get("/admin/settings#site"), Some(Door::Needs(Permission::SettingsRead)));
        assert_eq!(door(&Method::POST, "/admin/syncs"), Some(Door::Needs(Permission::SyncRun)));
        assert_eq!(get("/admin/nothing"), None);
    }
}
