//! Everything that changed, newest first.

use askama::Template;
use aviary_domain::mirror::HistoryQuery;
use aviary_kernel::base::{Cursor, Timestamp};
use aviary_kernel::model::{Kind, ObjectKey, Operation, RemoteId, SyncId};

use super::columns::{Columns, Heading};
use super::desk::{Crumb, Desk, Head, Known, Shell};
use super::nav::Spot;
use super::query::Query;
use super::table::{Empty, Filters, Input, Pager, Search, Select, Tie};
use super::timeline::{Timeline, operation_words};
use super::wording::Names;
use super::{links, moment, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

#[derive(Template)]
#[template(path = "history/page.html")]
struct HistoryView {
    shell: Shell,
    head: Head,
    filters: Filters,
    timeline: Timeline,
    pager: Pager,
    tools: Columns,
    /// Nothing was found so far, but there is more to look at.
    further: bool,
    empty: Option<Empty>,
}

/// Changes have no columns to choose from.
const COLUMNS: [Heading; 0] = [];

/// The page.
pub(super) async fn page(_may: Allow<perm::HistoryRead>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let tools = Columns::read(&mut desk.query, &known, "history", &COLUMNS);
    let wanted = HistoryQuery { limit: tools.rows, ..read(&mut desk.query, &known) };
    let asked = wanted.clone();
    let (found, names, label) = desk
        .look(&known, move |page, known| {
            let label = asked.object.map(|key| links::label(page, key)).transpose()?.flatten();
            let found = page.history(&asked)?;
            let names = Names::of(page, known, &found.entries)?;
            Ok((found, names, label))
        })
        .await?;
    let narrowed = desk.query.has_any(&["q", "panel", "kind", "operation", "field", "from", "until", "id", "sync"]);
    let next = found.next.map(|cursor| desk.query.link(&[("after", &cursor.to_string())]));
    let newest = wanted.after.is_some().then(|| desk.query.link(&[]));
    let count = found.entries.len() as u64;
    let view = HistoryView {
        tools: tools.with(&desk, &known, "/admin/history/export"),
        head: Head { title: "History".into(), truth: known.truth(wanted.panel), ..Head::default() },
        filters: filters(&desk.query, &known, &wanted, label, narrowed),
        further: count == 0 && next.is_some(),
        empty: (count == 0 && next.is_none()).then(|| empty(&known, narrowed)),
        timeline: Timeline::of_many(&known, &names, &found.entries),
        pager: Pager {
            back: "Newest",
            on: "Older",
            ..Pager::new(format!("{} shown, newest first", shown::counted(count, "change", "changes")), newest, next)
        },
        shell: desk.shell(&known, Spot::History, vec![Crumb::here("History")]),
    };
    html(&view)
}

/// What an address asks for.
pub(super) fn read(query: &mut Query, known: &Known) -> HistoryQuery {
    // A panel that was removed still has a history.
    let panel = query.parse("panel", "all panels are shown");
    let kind: Option<Kind> = query.parse("kind", "all kinds are shown");
    let id: Option<RemoteId> = query.parse("id", "all objects are shown");
    let sync: Option<SyncId> = query.parse("sync", "changes of all syncs are shown");
    let zone = &known.prefers.zone;
    let object = panel.zip(kind).zip(id).map(|((panel, kind), id)| ObjectKey { panel, kind, id });
    HistoryQuery {
        object,
        sync,
        panel,
        kind,
        operation: query.pick("operation", "whatever was done is shown", Operation::named),
        field: query.text("field").map(|text| shown::short(text, 100)),
        search: query.search(),
        from: query.pick("from", "write it as 2025-03-14T09:41", |text| moment::read(text, zone)),
        until: query.pick("until", "write it as 2025-03-14T09:41", |text| moment::read_end(text, zone)),
        after: query.pick("after", "the list begins with the newest", |text| {
            text.parse::<Cursor>().ok().filter(|cursor| cursor.key().len() == size_of::<u64>())
        }),
        limit: 0,
    }
}

fn filters(query: &Query, known: &Known, wanted: &HistoryQuery, label: Option<String>, narrowed: bool) -> Filters {
    let text = |name| query.text(name).unwrap_or_default().to_owned();
    let time = |at: Option<Timestamp>| at.map(|at| moment::written(at, &known.prefers.zone)).unwrap_or_default();
    let mut selects = Vec::new();
    let chosen = wanted.panel.map(|id| id.to_string());
    if known.several() {
        let panels = known.panels.iter().map(|panel| (panel.id.to_string(), panel.name.clone()));
        selects.push(Select::new("panel", "Panel", "All panels", chosen.as_deref(), panels));
    }
    let kinds = Kind::ALL.into_iter().map(|kind| (kind.plural().to_owned(), format!("{}s", kind.noun())));
    selects.push(Select::new("kind", "Kind", "All kinds", wanted.kind.map(Kind::plural), kinds));
    let operations =
        Operation::ALL.map(|operation| (operation.word().to_owned(), operation_words(operation).1.to_owned()));
    let chosen = wanted.operation.map(Operation::word);
    selects.push(Select::new("operation", "What was done", "New, changed, removed", chosen, operations));
    let mut ties = Vec::new();
    if let Some(key) = wanted.object {
        let name = label.map_or_else(|| key.id.to_string(), |label| shown::name(&label));
        ties.push(Tie { text: format!("{} {name}", key.kind.noun()), href: query.link(&[("id", "")]) });
    }
    if wanted.sync.is_some() {
        ties.push(Tie { text: "of one sync".into(), href: query.link(&[("sync", "")]) });
    }
    Filters {
        action: query.bare(),
        hidden: query.carried(&["q", "panel", "kind", "operation", "field", "from", "until"]),
        search: Some(Search { label: "Name or value", value: query.search().unwrap_or_default() }),
        selects,
        inputs: vec![
            Input { name: "field", label: "Field", kind: "text", value: text("field") },
            Input { name: "from", label: "From", kind: "datetime-local", value: time(wanted.from) },
            Input { name: "until", label: "to", kind: "datetime-local", value: time(wanted.until) },
        ],
        ties,
        reset: narrowed.then(|| query.bare()),
        ..Filters::default()
    }
}

fn empty(known: &Known, narrowed: bool) -> Empty {
    if narrowed {
        return Empty {
            icon: "search",
            title: "Nothing matches".into(),
            text: "No change fits all filters. Take one off, or choose a longer time.".into(),
            acts: vec![("Show all", "/admin/history".into())],
        };
    }
    super::listing::nothing(known, "history", "Nothing has changed since the history began.")
}
