//! Finding anything: one field, what it found by kind and time, and the searches that somebody keeps.

mod asked;
mod hits;

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use aviary_domain::search::{Asked, Bar, Found, Order, Standing};
use aviary_kernel::base::Error;
use aviary_kernel::model::SavedSearch;
use uuid::Uuid;

use self::asked::{ASKED, FacetPart, facets, orders, ranges, ties};
use self::hits::HitGroup;
use super::chart::{Histogram, HistogramColumn};
use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::palette::{self, Group};
use super::query::Query;
use super::shown;
use super::table::{Chip, Empty, Pager, Tie};
use super::value::Value;
use crate::allow::{Allow, perm};
use crate::api::search::{read, sight_of};
use crate::page::{PageResult, html, see_other};

#[derive(Template)]
#[template(path = "search/page.html")]
struct SearchPage {
    shell: Shell,
    head: Head,
    /// What is searched for, as it was typed.
    text: String,
    /// What the form carries along.
    hidden: Vec<(String, String)>,
    ranges: Vec<Chip>,
    orders: Vec<Chip>,
    /// This page.
    here: String,
    /// What narrows and is no choice of its own.
    ties: Vec<Tie>,
    /// Pages, actions and settings of that name.
    ways: Vec<Group>,
    index: Option<IndexPart>,
    /// What was found; none while nothing is asked.
    found: Option<FoundPart>,
    examples: &'static [Example],
    saved: Vec<Saved>,
    /// What can be saved: a name to begin with, and what stands behind the `?`.
    to_save: Option<(String, String)>,
    /// Why it was not saved.
    error: Option<String>,
}

/// What was found.
struct FoundPart {
    /// Where what comes can be followed.
    tail: String,
    facets: Vec<FacetPart>,
    histogram: Option<Histogram>,
    groups: Vec<HitGroup>,
    pager: Pager,
    empty: Option<Empty>,
}

/// The index does not hold everything.
enum IndexPart {
    /// It is being made anew.
    Building { said: String, done: u64, of: u64 },
    /// It cannot be used.
    Broken(String),
}

/// A search that its reader keeps.
struct Saved {
    id: Uuid,
    name: String,
    href: String,
}

/// A query to learn from.
struct Example {
    query: &'static str,
    says: &'static str,
}

impl Example {
    fn href(&self) -> String {
        format!("/admin/search?{}", shown::query(&[("q", self.query)]))
    }
}

const ROWS: usize = 25;
/// Pages, actions and settings, of each.
const WAYS: usize = 4;

const EXAMPLES: &[Example] = &[
    Example { query: "survival lobby", says: "all of these words, in any order; small slips in names are forgiven" },
    Example { query: "\"connection refused\"", says: "these words, one after the other" },
    Example { query: "mine*", says: "words that begin so" },
    Example {
        query: "10.0.0.5:25565",
        says: "an address; ids, short ids, UUIDs and e-mail addresses too, whole or in part",
    },
    Example { query: "kind:server state:suspended", says: "servers in this state" },
    Example { query: "kind:job state:dead -backup", says: "jobs that were given up, but no backups" },
    Example {
        query: "kind:audit since:2026-01-01",
        says: "what people did since that day; until: and on: do the same",
    },
];

/// The page.
pub(super) async fn page(_may: Allow<perm::Known>, desk: Desk) -> PageResult {
    show(desk, None).await
}

/// Keeps a search.
pub(super) async fn save(_may: Allow<perm::SignedIn>, mut desk: Desk, sent: Sent) -> PageResult<HttpResponse> {
    desk.check(sent.token())?;
    let account = own(&desk)?;
    let refused = match desk.accounts.keep_search(account, sent.field("name"), sent.field("query")).await {
        Ok(kept) => return Ok(see_other(&format!("/admin/search?{}&done=search-saved", kept.query))),
        Err(Error::Invalid { field: "name", reason }) => format!("The name {reason}"),
        Err(Error::Conflict(why)) => why,
        Err(error) => return Err(error.into()),
    };
    desk.query = Query::new("/admin/search", sent.field("query"));
    show(desk, Some(super::sentence(&refused))).await
}

/// Keeps a search no longer.
pub(super) async fn remove(
    _may: Allow<perm::SignedIn>,
    desk: Desk,
    id: Path<Uuid>,
    sent: Sent,
) -> PageResult<HttpResponse> {
    desk.check(sent.token())?;
    desk.accounts.drop_search(own(&desk)?, *id).await?;
    Ok(see_other("/admin/search?done=search-removed"))
}

fn own(desk: &Desk) -> Result<aviary_kernel::model::AccountId, Error> {
    let account = desk.visitor.caller.account;
    account.ok_or_else(|| Error::Forbidden("searches are kept for people: sign in with an account".into()))
}

async fn show(mut desk: Desk, error: Option<String>) -> PageResult {
    let known = desk.known().await?;
    let wanted = read(desk.query.pairs(), known.now, Some(known.prefers.zone.name()));
    desk.query.doubts.extend(wanted.doubts);
    let asked = Asked { limit: ROWS, facets: true, histogram: true, ..wanted.asked };
    let text = desk.query.raw("q").unwrap_or_default().to_owned();
    let is_asked = desk.query.has_any(&ASKED[..5]);
    let found = match is_asked {
        true => Some(desk.search.find(asked.clone(), sight_of(&known.reader)).await?),
        false => None,
    };
    if let Some(found) = &found {
        desk.query.doubts.extend(found.doubts.iter().cloned());
    }
    let standing = found.as_ref().map_or_else(|| desk.search.standing(), |found| found.standing.clone());
    let saved = match desk.visitor.caller.account {
        Some(account) => desk.accounts.searches(account).await?,
        None => Vec::new(),
    };
    let query = &desk.query;
    let kept = query.only(&ASKED);
    let may_save = is_asked && known.takes("/admin/search/saved") && desk.visitor.caller.account.is_some();
    let is_first = asked.after.is_none();
    let view = SearchPage {
        head: head(&known, &asked, found.as_ref(), &kept),
        hidden: query.carried(&["q"]),
        ranges: ranges(query),
        orders: orders(query, asked.order),
        here: query.link(&[]),
        ties: ties(&known, query, &asked),
        ways: if is_first && !text.trim().is_empty() { ways(&known, &text) } else { Vec::new() },
        index: index(standing),
        found: found.map(|found| part(&known, query, &asked, found, &kept)),
        examples: EXAMPLES,
        saved: saved.into_iter().map(Saved::from).collect(),
        to_save: may_save.then(|| (shown::short(text.trim(), 59), kept)),
        error,
        text,
        shell: desk.shell(&known, Spot::Search, vec![Crumb::here("Search")]),
    };
    html(&view)
}

impl From<SavedSearch> for Saved {
    fn from(SavedSearch { id, name, query, .. }: SavedSearch) -> Self {
        Self { id, name: shown::name(&name), href: format!("/admin/search?{query}") }
    }
}

fn head(known: &Known, asked: &Asked, found: Option<&Found>, kept: &str) -> Head {
    let mut truth = Vec::new();
    let mut acts = Vec::new();
    if let Some(found) = found {
        truth.push(Value::Text(shown::counted(found.total, "hit", "hits")));
        truth.extend(known.truth(asked.panel));
        if found.total > 0 {
            let export = |format: &str| format!("/api/v1/search/export?format={format}&{kept}");
            acts.push(Act::link("CSV", "save", export("csv")));
            acts.push(Act::link("JSON lines", "save", export("jsonl")));
        }
    }
    Head { title: "Search".into(), truth, acts, ..Head::default() }
}

/// A few pages, actions and settings of that name, so that the hits are not far.
fn ways(known: &Known, text: &str) -> Vec<Group> {
    let mut ways = palette::ways(known, text, false);
    ways.iter_mut().for_each(|group| group.ways.truncate(WAYS));
    ways
}

fn index(standing: Standing) -> Option<IndexPart> {
    match standing {
        Standing::Ready => None,
        Standing::Building { done, of } => {
            let said = format!("{} of {} entries are in it", shown::grouped(done), shown::grouped(of));
            Some(IndexPart::Building { said, done, of: of.max(1) })
        }
        Standing::Broken(why) => Some(IndexPart::Broken(super::sentence(&why))),
    }
}

fn part(known: &Known, query: &Query, asked: &Asked, found: Found, kept: &str) -> FoundPart {
    let shown_now = found.hits.len() as u64;
    let is_first = asked.after.is_none();
    let said = match (is_first, shown_now == found.total) {
        (true, true) => format!("All {}", shown::grouped(found.total)),
        (true, false) => format!("1–{} of {}", shown::grouped(shown_now), shown::grouped(found.total)),
        (false, _) => format!("{} of {}", shown::grouped(shown_now), shown::grouped(found.total)),
    };
    let next = found.next.as_ref().map(|cursor| query.link(&[("after", &cursor.to_string())]));
    let first = (!is_first).then(|| query.link(&[]));
    FoundPart {
        tail: format!("/api/v1/search/tail?{kept}"),
        facets: facets(known, query, asked, &found.facets),
        histogram: histogram(known, query, &found.histogram),
        empty: found.hits.is_empty().then(|| empty(known, query, asked)),
        groups: hits::groups(known, asked.order, found.hits),
        pager: Pager { back: "First", on: "More", ..Pager::new(said, first, next) },
    }
}

/// How many there were when; none where there is nothing to compare.
fn histogram(known: &Known, query: &Query, bars: &[Bar]) -> Option<Histogram> {
    let first = bars.first().filter(|_| bars.len() > 1 && bars.iter().any(|bar| bar.count > 0))?;
    let unit = match first.until.since(first.from).as_secs() {
        // Days, weeks and months may be an hour longer or shorter than usual.
        0..3_600 => "quarter of an hour",
        3_600..7_200 => "hour",
        7_200..172_800 => "day",
        172_800..1_209_600 => "week",
        1_209_600..5_184_000 => "month",
        _ => "year",
    };
    let columns = bars.iter().map(|bar| HistogramColumn {
        when: known.clock(bar.from),
        count: bar.count,
        href: query.link(&[("since", &bar.from.to_string()), ("until", &bar.until.to_string())]),
    });
    Some(Histogram::new("Records by time", unit, columns.collect()))
}

/// Nothing was found: what may help.
fn empty(known: &Known, query: &Query, asked: &Asked) -> Empty {
    let narrowed = query.has_any(&ASKED[1..5]);
    let text = if asked.text.trim().is_empty() {
        "There is nothing of this kind, or nothing that you may see."
    } else if narrowed {
        "Nothing fits all of it. Take a filter off, or look in a longer time."
    } else {
        "Nothing has all of these words. Leave one out, or write only the beginning of it with a star: mine*."
    };
    let all = query.link(&[("kind", ""), ("panel", ""), ("since", ""), ("until", ""), ("order", "")]);
    let mut acts = Vec::new();
    if narrowed {
        acts.push(("Search everywhere", all));
    }
    if !query.has_any(&["q"]) && known.opens("/admin/servers") {
        acts.push(("See all servers", "/admin/servers".into()));
    }
    Empty { icon: "search", title: "Nothing was found".into(), text: text.into(), acts }
}

impl SearchPage {
    /// Whether nothing is asked, so that the page says how to.
    fn is_blank(&self) -> bool {
        self.found.is_none()
    }
}

/// The orders there are: title, word, what it means.
const ORDERS: [(&str, &str, Order); 3] = [
    ("Best first", "", Order::Usual),
    ("Newest first", "newest", Order::Newest),
    ("Oldest first", "oldest", Order::Oldest),
];
