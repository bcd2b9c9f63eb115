//! What was found, one by one.

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::search::{Hit, Marked, Order};

use crate::admin::desk::Known;
use crate::admin::value::{Pill, Value};
use crate::admin::{links, shown};

/// Hits under a heading.
pub(super) struct HitGroup {
    pub(super) title: &'static str,
    pub(super) hits: Vec<HitRow>,
}

/// One hit.
#[derive(Template)]
#[template(path = "search/_hit.html")]
pub(super) struct HitRow {
    icon: &'static str,
    kind: &'static str,
    title: Said,
    /// Where it leads; none where its reader may not go.
    href: Option<String>,
    state: Option<Pill>,
    lines: Vec<(&'static str, Said)>,
    at: Value,
    panel: Option<String>,
}

impl HtmlSafe for HitRow {}

/// Text in which what was searched for is marked.
#[derive(Template)]
#[template(path = "search/_said.html")]
struct Said {
    bits: Vec<(String, bool)>,
}

impl HtmlSafe for Said {}

impl Said {
    fn new(marked: Marked) -> Self {
        Self { bits: marked.0.into_iter().map(|bit| (shown::short(&bit.text, usize::MAX), bit.fits)).collect() }
    }
}

/// The hits, objects before what is on record, unless they are in order of time.
pub(super) fn groups(known: &Known, order: Order, hits: Vec<Hit>) -> Vec<HitGroup> {
    let is_object = |hit: &Hit| hit.place.subject().is_some_and(|subject| subject.is_object());
    let titled: [(&'static str, Vec<Hit>); 2] = match order {
        Order::Usual => {
            let (objects, records) = hits.into_iter().partition(is_object);
            [("Objects", objects), ("On record, newest first", records)]
        }
        Order::Newest => [("Newest first", hits), ("", Vec::new())],
        Order::Oldest => [("Oldest first", hits), ("", Vec::new())],
    };
    let titled = titled.into_iter().filter(|(_, hits)| !hits.is_empty());
    titled
        .map(|(title, hits)| HitGroup { title, hits: hits.into_iter().map(|hit| row(known, hit)).collect() })
        .collect()
}

fn row(known: &Known, hit: Hit) -> HitRow {
    let title = hit.title.text();
    let subject = hit.place.subject();
    let href = links::place(&hit.place);
    let named = if title.trim().is_empty() { Marked::plain("(no name)") } else { hit.title };
    HitRow {
        icon: subject.map_or("info", links::icon_of),
        kind: subject.map_or("", |subject| subject.word()),
        title: Said::new(named),
        href: Some(href).filter(|href| known.opens(href)),
        state: hit.state.map(|word| Pill::new(tone(word), word.replace('_', " "))),
        lines: hit.lines.into_iter().map(|(name, says)| (name, Said::new(says))).collect(),
        at: hit.at.map_or(Value::Nothing, |at| Value::When(known.when(at))),
        panel: hit.panel.filter(|_| known.several()).map(|panel| shown::name(&known.panel_name(panel))),
    }
}

/// How a state looks; the word is what counts.
fn tone(state: &str) -> &'static str {
    match state {
        "failed" | "install_failed" | "reinstall_failed" | "dead" | "refused" | "gone" | "expired" | "removed" => "bad",
        "suspended" | "retrying" | "kept" | "paused" | "disabled" | "needs_review" | "warning" | "maintenance" => {
            "warn"
        }
        "running" | "restoring_backup" | "installing" | "sending" => "live",
        "completed" | "delivered" | "done" | "normal" | "sent" | "active" | "created" => "good",
        _ => "none",
    }
}
