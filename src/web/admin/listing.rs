//! What all lists of mirrored objects have in common: filters, order and place from the address, one snapshot, a table.

use aviary_domain::mirror::{ListPage, ListQuery, Mirrored, Page, Searchable, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, ObjectKey, PanelId, RemoteId, ServerState};
use aviary_kernel::store::tables::counted;

use super::columns::{self, Columns, Heading, Ticks};
use super::desk::{Crumb, Desk, Head, Known};
use super::nav::Spot;
use super::query::Query;
use super::table::{Chip, Column, Empty, Filters, ListView, Pager, Search, Select, Table, Tie};
use super::value::Value;
use super::{links, servers, shown};
use crate::page::{PageResult, html};

/// Makes the cells of a row.
type RowOf<T> = fn(&Page<'_>, &Known, PanelId, &Mirrored<T>) -> Result<Vec<Value>>;

/// How a kind of object is listed.
pub(super) struct Listing<T: Searchable> {
    pub(super) spot: Spot,
    pub(super) title: &'static str,
    pub(super) icon: &'static str,
    /// What the search looks at.
    pub(super) search: &'static str,
    pub(super) columns: &'static [Heading<Sort>],
    /// Kinds whose objects a list can be narrowed to.
    pub(super) parents: &'static [Kind],
    /// What it means when a panel that was synced has none.
    pub(super) nothing: &'static str,
    pub(super) row: RowOf<T>,
}

/// What the address asks for.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) list: ListQuery,
    tie: Option<ObjectKey>,
}

/// What one look gave.
struct Seen {
    table: Table,
    /// What the boxes of the rows send.
    keys: Vec<String>,
    total: u64,
    /// How many there are without the filters.
    all: u64,
    shown: u64,
    next: Option<String>,
    previous: Option<String>,
    states: Vec<(ServerState, u64)>,
    tie: Option<String>,
}

/// Answers with a list.
pub(super) async fn list<T: Searchable>(mut desk: Desk, how: &'static Listing<T>) -> PageResult {
    let known = desk.known().await?;
    let columns = Columns::read(&mut desk.query, &known, T::KIND.plural(), how.columns);
    let wanted = Wanted::read::<T>(&mut desk.query, &known, how.columns, how.parents, columns.rows);
    let (query, asked) = (desk.query.clone(), wanted.clone());
    let mut seen = desk.look(&known, move |page, known| Seen::look(page, known, &query, &asked, how)).await?;
    let ticks = Ticks::new(std::mem::take(&mut seen.keys), Some(seen.total));
    let export = format!("/admin/export/{}", T::KIND.plural());
    let table = columns.over(std::mem::take(&mut seen.table), &desk, &known, &export, ticks);
    let view = ListView {
        head: Head { title: how.title.into(), truth: truth(&known, &wanted, &seen), ..Head::default() },
        filters: Some(filters(&desk.query, &known, how, &wanted, &seen)).filter(|_| known.counts.of_kind(T::KIND) > 0),
        empty: (seen.shown == 0).then(|| empty(&known, &desk.query, how)),
        pager: Pager::new(said(&seen), seen.previous, seen.next),
        table,
        shell: desk.shell(&known, how.spot, vec![Crumb::here(how.title)]),
    };
    html(&view)
}

impl Wanted {
    pub(super) fn read<T: Searchable>(
        query: &mut Query,
        known: &Known,
        columns: &[Heading<Sort>],
        parents: &[Kind],
        rows: usize,
    ) -> Self {
        let panel = query.panel(known).or_else(|| Some(known.panels.first()?.id).filter(|_| known.panels.len() == 1));
        let tie = parents.iter().find_map(|kind| {
            let id: RemoteId = query.parse(kind.noun(), "all are shown")?;
            Some((*kind, id))
        });
        if tie.is_some() && panel.is_none() {
            query.doubts.push("The address names an object but not its panel: all are shown.".into());
        }
        let tie = tie.and_then(|(kind, id)| Some(ObjectKey { panel: panel?, kind, id }));
        let state = (T::KIND == Kind::Server)
            .then(|| {
                query.pick("state", "servers in every state are shown", |word| {
                    ServerState::ALL.into_iter().find(|state| state.word() == word)
                })
            })
            .flatten();
        let maintenance = (T::KIND == Kind::Node)
            .then(|| {
                query.pick("maintenance", "all nodes are shown", |word| {
                    matches!(word, "yes" | "no").then_some(word == "yes")
                })
            })
            .flatten();
        let order = columns::order(query, columns, "the list is ordered by name");
        let (mut sort, descending) = order.unwrap_or((Sort::Name, false));
        if (tie.is_some() || state.is_some()) && sort != Sort::Name {
            query.doubts.push("With this filter the list is ordered by name.".into());
            sort = Sort::Name;
        }
        let list = ListQuery {
            panel: query.text("panel").and(panel).or(tie.map(|tie| tie.panel)),
            sort,
            descending,
            search: query.search(),
            state,
            parent: tie.map(|tie| (tie.kind, tie.id)),
            maintenance,
            at: query.place(),
            limit: rows,
        };
        Self { list, tie }
    }

    /// Whether only a part of a panel's objects is asked for.
    fn is_narrowed(&self) -> bool {
        let list = &self.list;
        self.tie.is_some() || list.state.is_some() || list.search.is_some() || list.maintenance.is_some()
    }

    /// Whether the order can be chosen.
    fn is_ordered(&self, sort: Sort) -> bool {
        sort == Sort::Name || (self.tie.is_none() && self.list.state.is_none())
    }
}

impl Seen {
    fn look<T: Searchable>(
        page: &Page<'_>,
        known: &Known,
        query: &Query,
        wanted: &Wanted,
        how: &Listing<T>,
    ) -> Result<Self> {
        let list: ListPage<T> = page.list(&wanted.list)?;
        let keys = list.rows.iter().map(|(panel, row)| format!("{panel}/{}", row.data.id())).collect();
        let mut rows = Vec::with_capacity(list.rows.len());
        for (panel, row) in &list.rows {
            let mut cells = (how.row)(page, known, *panel, row)?;
            if known.several() {
                cells.push(known.panel_link(*panel));
            }
            rows.push(cells);
        }
        let states = if T::KIND == Kind::Server { states(page, known, wanted.list.panel)? } else { Vec::new() };
        Ok(Self {
            shown: rows.len() as u64,
            keys,
            table: Table {
                caption: how.title.into(),
                columns: headed(query, known, wanted, how),
                rows,
                ..Table::default()
            },
            total: list.total,
            all: page.counts(wanted.list.panel)?.of_kind(T::KIND),
            next: list.next.map(|cursor| query.link(&[("after", &cursor.to_string())])),
            previous: list.previous.map(|cursor| query.link(&[("before", &cursor.to_string())])),
            states,
            tie: wanted
                .tie
                .map(|tie| Ok::<_, aviary_kernel::base::Error>(tied(tie, links::label(page, tie)?)))
                .transpose()?,
        })
    }
}

/// `Node fra-07`.
fn tied(key: ObjectKey, label: Option<String>) -> String {
    let mut noun = key.kind.noun().to_owned();
    if let Some(first) = noun.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    match label {
        Some(label) => format!("{noun} {}", shown::name(&label)),
        None => format!("{noun} {}, not in the mirror", key.id),
    }
}

fn states(page: &Page<'_>, known: &Known, panel: Option<PanelId>) -> Result<Vec<(ServerState, u64)>> {
    let panels: Vec<_> =
        known.panels.iter().map(|p| p.id).filter(|id| panel.is_none_or(|wanted| wanted == *id)).collect();
    let count =
        |state| panels.iter().map(|id| page.count(counted::SERVER_STATE, *id, state as u64)).sum::<Result<u64>>();
    ServerState::ALL.into_iter().map(|state| Ok((state, count(state)?))).collect()
}

fn headed<T: Searchable>(query: &Query, known: &Known, wanted: &Wanted, how: &Listing<T>) -> Vec<Column> {
    let order = Some((wanted.list.sort, wanted.list.descending));
    let mut columns = columns::headed(query, how.columns, order, |sort| wanted.is_ordered(sort));
    if known.several() {
        columns.push(Column { title: "Panel", class: "", sort: None });
    }
    columns
}

fn truth(known: &Known, wanted: &Wanted, seen: &Seen) -> Vec<Value> {
    let all = shown::grouped(seen.all);
    let count = if wanted.is_narrowed() { format!("{} of {all}", shown::grouped(seen.total)) } else { all };
    let mut truth = vec![Value::Text(match (wanted.list.panel, known.panels.len()) {
        (None, n) if n > 1 => format!("{count} on {n} panels"),
        _ if wanted.is_narrowed() => count,
        _ => format!("{count} in all"),
    })];
    if known.panels.is_empty() {
        truth.clear();
    }
    truth.extend(known.truth(wanted.list.panel));
    truth
}

fn said(seen: &Seen) -> String {
    let total = shown::grouped(seen.total);
    match (seen.previous.is_some(), seen.shown) {
        (_, n) if n == seen.total => format!("All {total}"),
        (false, n) => format!("1–{} of {total}", shown::grouped(n)),
        (true, n) => format!("{} of {total}", shown::grouped(n)),
    }
}

fn filters<T: Searchable>(query: &Query, known: &Known, how: &Listing<T>, wanted: &Wanted, seen: &Seen) -> Filters {
    let mut selects = Vec::new();
    if known.several() {
        let chosen = wanted.list.panel.map(|id| id.to_string());
        let panels = known.panels.iter().map(|panel| (panel.id.to_string(), panel.name.clone()));
        selects.push(Select::new("panel", "Panel", "All panels", chosen.as_deref(), panels));
    }
    if T::KIND == Kind::Node {
        let chosen = wanted.list.maintenance.map(|yes| if yes { "yes" } else { "no" });
        let options = [("yes".into(), "In maintenance".into()), ("no".into(), "Not in maintenance".into())];
        selects.push(Select::new("maintenance", "Maintenance", "With or without maintenance", chosen, options));
    }
    let own: Vec<_> = selects.iter().map(|select| select.name).chain(["q"]).collect();
    let narrowed = query.has_any(&own) || wanted.tie.is_some() || wanted.list.state.is_some();
    Filters {
        action: query.bare(),
        hidden: query.carried(&own),
        search: Some(Search { label: how.search, value: query.search().unwrap_or_default() }),
        selects,
        inputs: Vec::new(),
        chips_label: "State",
        chips: chips(query, wanted, &seen.states),
        ties: seen
            .tie
            .iter()
            .zip(wanted.tie)
            .map(|(text, key)| Tie { text: text.clone(), href: query.link(&[(key.kind.noun(), "")]) })
            .collect(),
        reset: narrowed.then(|| query.bare()),
    }
}

fn chips(query: &Query, wanted: &Wanted, states: &[(ServerState, u64)]) -> Vec<Chip> {
    if states.is_empty() || wanted.tie.is_some() {
        return Vec::new();
    }
    let all = states.iter().map(|(_, n)| n).sum();
    let chip = |text: &str, word: &str, n, on| Chip {
        text: text.into(),
        count: shown::grouped(n),
        href: query.link(&[("state", word)]),
        on,
    };
    let mut chips = vec![chip("All", "", all, wanted.list.state.is_none())];
    for (state, n) in states {
        let on = wanted.list.state == Some(*state);
        if *n > 0 || on {
            chips.push(chip(servers::state_words(*state).1, state.word(), *n, on));
        }
    }
    chips
}

fn empty<T: Searchable>(known: &Known, query: &Query, how: &Listing<T>) -> Empty {
    if known.counts.of_kind(T::KIND) > 0 {
        return Empty {
            icon: "search",
            title: "Nothing matches".into(),
            text: "No entry fits all filters. Take one off, or search for a part of the name only.".into(),
            acts: vec![("Show all", query.bare())],
        };
    }
    nothing(known, how.icon, how.nothing)
}

/// There is nothing in the mirror: because there is no panel, because there was no sync, or because there really is nothing.
pub(super) fn nothing(known: &Known, icon: &'static str, meaning: &str) -> Empty {
    let (title, text, acts) = if known.panels.is_empty() {
        (
            "No panel yet",
            "Aviary shows what your panels hold. Add the first one to begin.",
            vec![("Add a panel", "/admin/panels/new".into())],
        )
    } else if known.panels.iter().all(|panel| panel.synced_at.is_none()) {
        let panel =
            known.panels.first().map_or_else(|| "/admin/panels".into(), |panel| format!("/admin/panels/{}", panel.id));
        ("Nothing is synced yet", "Sync the panel, and what it holds appears here.", vec![("Go to the panel", panel)])
    } else {
        ("There are none", meaning, Vec::new())
    };
    Empty { icon, title: title.into(), text: text.into(), acts: known.ways(acts) }
}
