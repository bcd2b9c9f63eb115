//! Somebody's own pages: who they are and what is theirs (`profile`), how they want to see things
//! (`display`), how they sign in (`security`, `second_factor`), and the keys of their programs (`keys`).

mod device;
pub(super) mod display;
pub(super) mod keys;
pub(super) mod profile;
pub(super) mod second_factor;
pub(super) mod security;

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::access::Caller;
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{AccountId, Permission};

use super::desk::Crumb;

/// The way from one of these pages to the others.
#[derive(Template)]
#[template(path = "me/_tabs.html")]
struct Tabs {
    here: &'static str,
    /// They may have keys of their own.
    keys: bool,
}

impl HtmlSafe for Tabs {}

impl Tabs {
    fn new(here: &'static str, caller: &Caller) -> Self {
        Self { here, keys: caller.may(Permission::ApiKeyOwn) }
    }
}

/// The account of the person who asks.
fn own(caller: &Caller) -> Result<AccountId> {
    let person = caller.actor.account();
    person.ok_or_else(|| Error::Forbidden("this belongs to a person: sign in with an account".into()))
}

fn crumbs(here: &'static str) -> Vec<Crumb> {
    vec![Crumb::to("Your account", "/admin/me"), Crumb::here(here)]
}
