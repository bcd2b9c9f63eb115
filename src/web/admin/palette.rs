//! What can be gone to and done from anywhere: pages, actions, settings, and what the search finds. The palette shows it with
//! scripts; without them the search page does.

use actix_web::HttpResponse;
use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::schedules::entry_for;
use aviary_domain::search::{Asked, Hit};
use aviary_domain::settings::Key;
use aviary_kernel::model::ScheduledWork;

use super::desk::{Desk, Known};
use super::nav::{self, Spot};
use super::{links, shown};
use crate::allow::{Allow, perm};
use crate::api::search::sight_of;
use crate::page::{PageResult, html};

/// What the palette shows.
#[derive(Template)]
#[template(path = "search/_palette.html")]
struct Palette {
    groups: Vec<Group>,
    /// Said where there is nothing.
    nothing: bool,
    /// Where everything else is.
    all: Option<String>,
}

/// Some ways under a heading.
#[derive(Template)]
#[template(path = "search/_ways.html")]
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) ways: Vec<Way>,
}

impl HtmlSafe for Group {}

/// A way to something.
pub(super) struct Way {
    pub(super) text: String,
    /// What tells it from others.
    pub(super) sub: String,
    pub(super) icon: &'static str,
    /// Where it leads.
    pub(super) href: String,
    /// What is pressed on this very page instead, as a selector; only with scripts.
    pub(super) press: &'static str,
}

/// Ways of one sort that are shown.
const MOST: usize = 8;

/// The part of the page that the palette fetches.
pub(super) async fn part(_may: Allow<perm::Known>, desk: Desk) -> PageResult<HttpResponse> {
    let known = desk.known().await?;
    let text = desk.query.search().unwrap_or_default();
    let mut groups = ways(&known, &text, true);
    if !text.is_empty() {
        let asked = Asked { text: text.clone(), limit: MOST, ..Asked::default() };
        // While nothing can be searched, there is still where to go.
        if let Ok(found) = desk.search.find(asked, sight_of(&known.reader)).await {
            let hits = found.hits.iter().filter_map(|hit| of_hit(&known, hit)).collect();
            groups.push(Group { title: "Found", ways: hits });
        }
    }
    groups.retain(|group| !group.ways.is_empty());
    let all = (!text.is_empty()).then(|| format!("/admin/search?{}", shown::query(&[("q", &text)])));
    html(&Palette { nothing: groups.is_empty(), groups, all })
}

fn of_hit(known: &Known, hit: &Hit) -> Option<Way> {
    let title = hit.title.text();
    let subject = hit.place.subject()?;
    let mut sub = vec![subject.word().to_owned()];
    sub.extend(hit.state.map(str::to_owned));
    sub.extend(hit.panel.filter(|_| known.several()).map(|panel| known.panel_name(panel)));
    sub.extend(hit.lines.first().map(|(_, says)| shown::short(&says.text(), 48)));
    let href = links::place(&hit.place);
    let icon = links::icon_of(subject);
    known.opens(&href).then(|| Way { text: shown::name(&title), sub: sub.join(" · "), icon, href, press: "" })
}

/// Pages, actions and settings that fit a text and that the reader may use. Without a text all pages.
pub(super) fn ways(known: &Known, text: &str, with_scripts: bool) -> Vec<Group> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let fits = |way: &Way, more: &str| {
        let said = format!("{} {} {more}", way.text, way.sub).to_lowercase();
        words.iter().all(|word| said.contains(word.as_str()))
    };
    let pages = nav::groups(Spot::Search, known)
        .into_iter()
        .flat_map(|group| group.items.into_iter().map(move |item| (group.title, item)));
    let pages = pages.map(|(sub, item)| way(item.text, sub, item.icon, item.href)).filter(|way| fits(way, ""));
    let mut groups = vec![Group { title: "Pages", ways: pages.collect() }];
    if !words.is_empty() {
        let acts = acts(known, with_scripts).into_iter().filter(|(way, more)| fits(way, more)).map(|(way, _)| way);
        groups.insert(0, Group { title: "Actions", ways: acts.take(MOST).collect() });
        groups.push(Group { title: "Settings", ways: settings(known, &fits) });
        groups.iter_mut().for_each(|group| group.ways.truncate(MOST));
    }
    groups.retain(|group| !group.ways.is_empty());
    groups
}

fn way(text: impl Into<String>, sub: impl Into<String>, icon: &'static str, href: impl Into<String>) -> Way {
    Way { text: text.into(), sub: sub.into(), icon, href: href.into(), press: "" }
}

/// What can be done, with more words for it: the way leads to where the button is. What changes something is asked there.
const ACTS: [(&str, &str, &str, &str); 14] = [
    ("Add a panel", "plus", "/admin/panels/new", "new connect pterodactyl pelican"),
    ("New webhook", "hook", "/admin/webhooks/new", "add make discord"),
    ("Invite a person", "people", "/admin/people/new", "add new account user"),
    ("New role", "shield", "/admin/roles/new", "add make permissions"),
    ("New schedule", "clock", "/admin/schedules/new", "add make cron"),
    ("Retry dead jobs", "work", "/admin/jobs?state=dead", "again failed"),
    ("Send kept mails", "mail", "/admin/mails/kept", "again waiting"),
    ("Send a test mail", "mail", "/admin/mails/templates", "try smtp resend"),
    ("Export the audit trail", "lock", "/admin/audit", "csv download verify"),
    ("Make an API key", "key", "/admin/me/keys", "new token"),
    ("Choose time zone and units", "settings", "/admin/me/display", "display density theme utc"),
    ("Change your password", "user", "/admin/me/security", "security"),
    ("Set up a second factor", "shield", "/admin/me/security", "totp two-factor security"),
    ("End other sessions", "out", "/admin/me/security", "sign out log out devices"),
];

fn acts(known: &Known, with_scripts: bool) -> Vec<(Way, String)> {
    let mut acts: Vec<(Way, String)> = ACTS
        .iter()
        .filter(|(_, _, href, _)| known.opens(href))
        .map(|(text, icon, href, more)| (way(*text, "", icon, *href), (*more).to_owned()))
        .collect();
    for panel in known.panels.iter() {
        let (name, href) = (shown::name(&panel.name), format!("/admin/panels/{}", panel.id));
        if !known.opens(&href) {
            continue;
        }
        if known.takes("/admin/syncs") {
            acts.push((way(format!("Sync {name}"), "", "sync", &href), "refresh update now".into()));
        }
        if known.takes(&format!("{href}/test")) {
            acts.push((way(format!("Test {name}"), "", "check", &href), "try connection keys".into()));
        }
        if known.opens(&format!("{href}/edit")) {
            acts.push((
                way(format!("Change {name}"), "", "settings", format!("{href}/edit")),
                "edit keys address".into(),
            ));
        }
    }
    for (text, work, more) in BUILT_IN {
        let Some(href) = entry_for(&work).map(|id| format!("/admin/schedules/{id}")) else { continue };
        if known.opens(&href) && known.takes(&format!("{href}/run")) {
            acts.push((way(text, "", "clock", href), more.to_owned()));
        }
    }
    if with_scripts {
        let press = |text: &str, icon, press| Way { press, ..way(text, "on this page", icon, "") };
        acts.push((press("Switch the theme", "theme", "[data-look] [name=theme]"), "dark light system".into()));
        acts.push((press("Switch the density", "density", "[data-look] [name=density]"), "compact comfortable".into()));
        acts.push((press("Fold the side bar", "side", "[data-look] [name=side]"), "unfold open navigation".into()));
    }
    acts
}

/// What comes with Aviary and can be run by hand.
const BUILT_IN: [(&str, ScheduledWork, &str); 2] = [
    ("Make a backup", ScheduledWork::Backup, "save copy now"),
    ("Check the data file", ScheduledWork::Check, "verify integrity"),
];

fn settings(known: &Known, fits: &impl Fn(&Way, &str) -> bool) -> Vec<Way> {
    if !known.opens("/admin/settings") {
        return Vec::new();
    }
    let of = |key: &Key| {
        let about = key.about();
        (way(about.label, about.group.title(), "settings", format!("/admin/settings/{}", about.key)), about.text)
    };
    Key::ALL
        .iter()
        .map(of)
        .filter(|(way, text)| fits(way, text) && known.opens(&way.href))
        .map(|(way, _)| way)
        .collect()
}
