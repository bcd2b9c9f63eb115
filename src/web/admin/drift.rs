//! What does not fit together.

use askama::Template;
use aviary_domain::mirror::{DriftReport, Page};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Drift, DriftKind};

use super::desk::{Crumb, Desk, Head, Known, Shell};
use super::nav::Spot;
use super::table::{Empty, Filters, Select, Table};
use super::value::{Pill, Value};
use super::{links, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

#[derive(Template)]
#[template(path = "drift/page.html")]
struct DriftView {
    shell: Shell,
    head: Head,
    filters: Option<Filters>,
    groups: Vec<Group>,
    empty: Option<Empty>,
}

/// All findings of one kind.
struct Group {
    title: &'static str,
    meaning: &'static str,
    pill: Pill,
    table: Table,
    more: Option<(String, String)>,
}

/// Rows of a group when all groups are shown.
const ROWS: usize = 15;

/// The page.
pub(super) async fn page(_may: Allow<perm::DriftRead>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let panel = desk.query.panel(&known);
    let only = desk
        .query
        .pick("kind", "all kinds are shown", |word| DriftKind::ALL.into_iter().find(|kind| kind.word() == word));
    let report = desk.book.drift(panel).await?;
    let total = report.total();
    let query = desk.query.clone();
    let groups = desk
        .look(&known, move |page, known| {
            let kinds = DriftKind::ALL.into_iter().filter(|kind| only.is_none_or(|only| only == *kind));
            let groups = kinds.map(|kind| {
                let more = query.link(&[("kind", kind.word())]);
                group(page, known, &report, kind, only.is_some(), more)
            });
            groups.filter_map(Result::transpose).collect::<Result<Vec<_>>>()
        })
        .await?;
    let mut truth = vec![Value::Text(shown::counted(total, "finding", "findings"))];
    truth.extend(known.truth(panel));
    let view = DriftView {
        head: Head { title: "Drift".into(), truth, ..Head::default() },
        filters: (known.several() || only.is_some())
            .then(|| filters(&desk, &known, panel.map(|id| id.to_string()), only)),
        empty: groups.is_empty().then(|| empty(&known)),
        groups,
        shell: desk.shell(&known, Spot::Drift, vec![Crumb::here("Drift")]),
    };
    html(&view)
}

/// Tone, title and meaning of a kind of finding.
pub(super) fn kind_words(kind: DriftKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        DriftKind::OverAllocated => (
            "bad",
            "Nodes that gave away too much",
            "The limits of the node's servers add up to more than the node may give. Move servers, lower limits, or raise what the node may give on the panel.",
        ),
        DriftKind::Vanished => (
            "warn",
            "Missing on the panel",
            "The last complete list did not have these. The next sync looks again and removes only what the panel says is gone.",
        ),
        DriftKind::NoOwner => (
            "warn",
            "Servers without an owner",
            "The owner is not among the panel's users. Give the server to somebody on the panel.",
        ),
        DriftKind::Orphan => (
            "warn",
            "Orphans",
            "These point to something that is not there. Mostly the next full sync mends it; if not, look at them on the panel.",
        ),
        DriftKind::UnusedEgg => {
            ("", "Eggs that no server uses", "They do no harm. They may be left over from a trial.")
        }
    }
}

fn group(
    page: &Page<'_>,
    known: &Known,
    report: &DriftReport,
    kind: DriftKind,
    all: bool,
    href: String,
) -> Result<Option<Group>> {
    let total = report.totals.get(kind.word()).copied().unwrap_or(0);
    if total == 0 {
        return Ok(None);
    }
    let most = if all { usize::MAX } else { ROWS };
    let mut rows = Vec::new();
    for finding in report.findings.iter().filter(|finding| finding.kind == kind).take(most) {
        rows.push(row(page, known, finding)?);
    }
    let (tone, title, meaning) = kind_words(kind);
    let shown_rows = rows.len() as u64;
    let more = if all {
        (shown_rows < total).then(|| (format!("the first {} are listed", shown::grouped(shown_rows)), String::new()))
    } else {
        (shown_rows < total).then(|| (format!("All {}", shown::grouped(total)), href))
    };
    const FINDING: usize = 2;
    let mut titles = vec!["What", "Name", "Finding"];
    if known.several() {
        titles.push("Panel");
    }
    let mut table = Table::plain(title, &titles, rows);
    table.columns[FINDING].class = "wrap";
    Ok(Some(Group { title, meaning, pill: Pill::new(tone, shown::grouped(total)), table, more }))
}

fn row(page: &Page<'_>, known: &Known, finding: &Drift) -> Result<Vec<Value>> {
    let key = finding.object;
    // What is only known by its number gets its name from the mirror.
    let label = if finding.kind == DriftKind::Vanished { links::label(page, key)? } else { None };
    let label = label.unwrap_or_else(|| finding.label.clone());
    let what = if finding.kind == DriftKind::Vanished {
        let since = page.missing(key)?.map(|missing| Value::When(known.when(missing.since)));
        Value::Many([Value::Text("first missed".into())].into_iter().chain(since).collect())
    } else {
        Value::Text(super::sentence(&finding.what))
    };
    let mut cells =
        vec![Value::Muted(key.kind.noun().into()), known.name(shown::name(&label), links::object(key)), what];
    if known.several() {
        cells.push(known.panel_link(key.panel));
    }
    Ok(cells)
}

fn filters(desk: &Desk, known: &Known, panel: Option<String>, only: Option<DriftKind>) -> Filters {
    let panels = known.panels.iter().map(|panel| (panel.id.to_string(), panel.name.clone()));
    let kinds = DriftKind::ALL.into_iter().map(|kind| (kind.word().to_owned(), kind_words(kind).1.to_owned()));
    Filters {
        action: desk.query.bare(),
        selects: vec![
            Select::new("panel", "Panel", "All panels", panel.as_deref(), panels),
            Select::new("kind", "Kind", "All findings", only.map(DriftKind::word), kinds),
        ],
        reset: (panel.is_some() || only.is_some()).then(|| desk.query.bare()),
        ..Filters::default()
    }
}

fn empty(known: &Known) -> Empty {
    let mut empty = super::listing::nothing(
        known,
        "check",
        "Every object's relations are there, no node gave away too much, and every egg is in use.",
    );
    if known.panels.iter().any(|panel| panel.synced_at.is_some()) {
        empty.title = "Everything fits together".into();
    }
    empty
}
