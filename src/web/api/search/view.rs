//! What was found, as answers have it.

use aviary_domain::search::{Bar, Facet, Found, Hit, Marked, Place, Standing};
use aviary_kernel::base::{Cursor, Timestamp};
use aviary_kernel::model::PanelId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin;

/// What was found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FoundView {
    hits: Vec<HitView>,
    /// How many there are in all.
    total: u64,
    /// How many there are of what; empty unless asked for.
    facets: Vec<FacetView>,
    /// How many there were when, oldest first; empty unless asked for.
    histogram: Vec<BarView>,
    /// What was left out or read differently, in sentences.
    doubts: Vec<String>,
    index: IndexStandingView,
    /// Send it as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

impl FoundView {
    /// What was found, and what of the question made no sense beside what the search itself says.
    pub(crate) fn new(found: Found, mut doubts: Vec<String>) -> Self {
        doubts.extend(found.doubts);
        Self {
            hits: found.hits.into_iter().map(HitView::from).collect(),
            total: found.total,
            facets: found.facets.into_iter().map(FacetView::from).collect(),
            histogram: found.histogram.into_iter().map(BarView::from).collect(),
            doubts,
            index: found.standing.into(),
            next_cursor: found.next.as_ref().map(Cursor::to_string),
        }
    }
}

/// One thing that was found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HitView {
    /// What it is, such as `server` or `job`.
    pub(super) kind: &'static str,
    /// Its id. Those of objects are the panel's own; see `panel`.
    pub(super) id: String,
    /// Its page.
    pub(super) href: String,
    /// The route that has all of it, where there is one.
    api: Option<String>,
    /// What it is called.
    pub(super) title: String,
    /// The title in pieces, and which of them were searched for.
    marks: Vec<PieceView>,
    /// What else fits or helps to tell it from others.
    pub(super) lines: Vec<LineView>,
    /// In a word, such as `running` or `failed`.
    pub(super) state: Option<&'static str>,
    /// When it happened; for objects when they last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) at: Option<Timestamp>,
    /// The number of the panel that it has to do with.
    #[schema(value_type = Option<u32>)]
    pub(super) panel: Option<PanelId>,
}

/// Something that is said of a hit.
#[derive(Serialize, ToSchema)]
pub(crate) struct LineView {
    /// What it is, such as `e-mail`.
    pub(super) name: &'static str,
    /// What it says; cut with an ellipsis where it is long.
    pub(super) text: String,
    /// The same in pieces.
    marks: Vec<PieceView>,
}

/// A piece of text.
#[derive(Serialize, ToSchema)]
pub(crate) struct PieceView {
    text: String,
    /// Whether it is what was searched for.
    fits: bool,
}

fn pieces(marked: Marked) -> Vec<PieceView> {
    marked.0.into_iter().map(|bit| PieceView { text: bit.text, fits: bit.fits }).collect()
}

impl From<Hit> for HitView {
    fn from(hit: Hit) -> Self {
        let title = hit.title.text();
        let line = |(name, says): (&'static str, Marked)| LineView { name, text: says.text(), marks: pieces(says) };
        Self {
            kind: hit.place.subject().map_or("", |subject| subject.word()),
            id: id(&hit.place),
            href: admin::place(&hit.place),
            api: route(&hit.place),
            marks: pieces(hit.title),
            title,
            lines: hit.lines.into_iter().map(line).collect(),
            state: hit.state,
            at: hit.at,
            panel: hit.panel,
        }
    }
}

/// What something is called by in addresses.
fn id(place: &Place) -> String {
    match place {
        Place::Object(key) => key.id.to_string(),
        Place::Panel(id) => id.to_string(),
        Place::Account(id) => id.to_string(),
        Place::Webhook(id)
        | Place::Schedule(id)
        | Place::Sync(id)
        | Place::Event(id)
        | Place::Job(id)
        | Place::Delivery(id) => id.to_string(),
        Place::Change(number, _) | Place::Audit(number) | Place::Mail(number) => number.to_string(),
    }
}

/// The route that has all of something.
fn route(place: &Place) -> Option<String> {
    let of = |what: &str| Some(format!("/api/v1/{what}/{}", id(place)));
    match place {
        Place::Object(key) => Some(format!("/api/v1/mirror/{}/{}?panel={}", key.kind.plural(), key.id, key.panel)),
        Place::Change(_, key) => {
            Some(format!("/api/v1/mirror/{}/{}/history?panel={}", key.kind.plural(), key.id, key.panel))
        }
        Place::Panel(_) => of("panels"),
        Place::Account(_) => of("accounts"),
        Place::Webhook(_) => of("webhooks"),
        Place::Schedule(_) => of("schedules"),
        Place::Sync(_) => of("syncs"),
        Place::Audit(_) => of("audit"),
        Place::Event(_) => of("events"),
        Place::Job(_) => of("jobs"),
        Place::Delivery(_) => of("deliveries"),
        Place::Mail(_) => of("mails"),
    }
}

/// How many there are of something.
#[derive(Serialize, ToSchema)]
pub(crate) struct FacetView {
    /// `kind`, `panel` or `state`.
    field: &'static str,
    /// The value, as a query wants it: `field:value`.
    value: String,
    /// How many, as if this field were not narrowed.
    count: u64,
}

impl From<Facet> for FacetView {
    fn from(Facet { field, value, count }: Facet) -> Self {
        Self { field, value, count }
    }
}

/// How many there were in some time.
#[derive(Serialize, ToSchema)]
pub(crate) struct BarView {
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    count: u64,
}

impl From<Bar> for BarView {
    fn from(Bar { from, until, count }: Bar) -> Self {
        Self { from, until, count }
    }
}

/// How the index stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndexStandingView {
    /// `ready`: it holds everything. `building`: it is being made anew, and searches find what is in it by now. `broken`: it
    /// cannot be used, and is tried again.
    state: &'static str,
    /// Entries that are in it, while it is being made.
    done: Option<u64>,
    /// How many there are, while it is being made.
    of: Option<u64>,
    /// Why it is broken.
    reason: Option<String>,
}

impl From<Standing> for IndexStandingView {
    fn from(standing: Standing) -> Self {
        let blank = Self { state: "ready", done: None, of: None, reason: None };
        match standing {
            Standing::Ready => blank,
            Standing::Building { done, of } => Self { state: "building", done: Some(done), of: Some(of), ..blank },
            Standing::Broken(reason) => Self { state: "broken", reason: Some(reason), ..blank },
        }
    }
}
