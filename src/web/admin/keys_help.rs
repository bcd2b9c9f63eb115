//! What the keys of the keyboard do. Scripts show this page as a sheet over the page that somebody is on.

use askama::Template;

use super::desk::{Crumb, Desk, Head, Shell};
use super::nav::Spot;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

/// The keys that are good on every page; those after a `g` stand in the side bar (`nav`).
const KEYS: &[(&str, &str)] = &[
    ("?", "Show the keys"),
    ("Ctrl K", "Go to a page, an object or an act"),
    ("/", "Search"),
    ("j", "Next row of a list"),
    ("k", "Row before"),
    ("o", "Open the row, as Enter does"),
    ("x", "Tick the row"),
    ("]", "Next page of a list"),
    ("[", "Page before"),
    ("Esc", "Close what is open"),
];

#[derive(Template)]
#[template(path = "layout/keys.html")]
struct KeysView {
    shell: Shell,
    head: Head,
    keys: &'static [(&'static str, &'static str)],
}

/// The page.
pub(super) async fn page(_may: Allow<perm::OwnSecurity>, desk: Desk) -> PageResult {
    let known = desk.known().await?;
    html(&KeysView {
        head: Head { title: "Keys".into(), ..Head::default() },
        keys: KEYS,
        shell: desk.shell(&known, Spot::Me, vec![Crumb::here("Keys")]),
    })
}
