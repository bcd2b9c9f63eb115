//! What is different about an object between two times.

use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::mirror::{Compared, ComparedField, Page};
use aviary_domain::sync::SyncQuery;
use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Kind, ObjectKey, Operation, PanelId, SyncId, SyncRun, SyncStatus};

use super::card::{Body, Card};
use super::desk::{Crumb, Desk, Head, Known, Shell};
use super::nav::Spot;
use super::shown::{self, Cut};
use super::table::{Empty, Table};
use super::timeline::operation_words;
use super::value::{Pill, Value};
use super::wording::{self, Names};
use super::{links, moment};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

const DAY: Duration = Duration::from_secs(86_400);

/// Asks for two times.
#[derive(Template)]
#[template(path = "history/_compare.html")]
pub(super) struct CompareForm {
    object: String,
    from: String,
    until: String,
    /// Spans that are one click away.
    presets: Vec<(String, String)>,
}

impl HtmlSafe for CompareForm {}

impl CompareForm {
    /// With the last day chosen unless told.
    pub(super) fn new(known: &Known, key: ObjectKey, chosen: Option<(Timestamp, Timestamp)>) -> Self {
        let now = known.now;
        let (from, until) = chosen.unwrap_or((now.minus(DAY), now));
        let object = spelled(key);
        let preset = |text: &str, from: Timestamp, until: Timestamp| (text.to_owned(), href(&object, from, until));
        let mut presets =
            vec![preset("The last day", now.minus(DAY), now), preset("The last week", now.minus(DAY * 7), now)];
        if known.panel(key.panel).is_some_and(|panel| panel.synced_at.is_some()) {
            presets.insert(0, ("The last full sync".into(), href_of_sync(&object, LAST)));
        }
        presets.push(preset("Thirty days", now.minus(DAY * 30), now));
        Self {
            from: moment::written(from, &known.prefers.zone),
            until: moment::written(until, &known.prefers.zone),
            presets,
            object,
        }
    }
}

/// `servers/1/7`.
fn spelled(key: ObjectKey) -> String {
    format!("{}/{}/{}", key.kind.plural(), key.panel, key.id)
}

fn href(object: &str, from: Timestamp, until: Timestamp) -> String {
    let (from, until) = (from.to_string(), until.to_string());
    format!("/admin/history/compare?{}", shown::query(&[("object", object), ("from", &from), ("until", &until)]))
}

/// The sync whose bounds are compared, in an address: its id, or this for the last full one.
const LAST: &str = "last";

fn href_of_sync(object: &str, sync: &str) -> String {
    format!("/admin/history/compare?{}", shown::query(&[("object", object), ("sync", sync)]))
}

/// From when to when the sync went on that the address names; none where it names none, or one that is not known.
async fn bounds(desk: &mut Desk, key: ObjectKey) -> Result<Option<(Timestamp, Timestamp)>> {
    let Some(word) = desk.query.text("sync").map(str::to_owned) else { return Ok(None) };
    let run = match word.parse::<SyncId>() {
        Ok(id) => desk.syncs.get(id).await.ok().filter(|run| run.panel == key.panel),
        Err(_) if word == LAST => last_full(desk, key.panel).await?,
        Err(_) => None,
    };
    let bounds = run.and_then(|run| Some((run.started_at?, run.finished_at?)));
    if bounds.is_none() {
        desk.query.doubts.push("This sync is not known, or not over: other times are compared.".into());
    }
    Ok(bounds)
}

/// Full syncs that are looked at for one that went to its end.
const LOOKED_AT: usize = 20;

async fn last_full(desk: &Desk, panel: PanelId) -> Result<Option<SyncRun>> {
    let query = SyncQuery { panel: Some(panel), full: Some(true), limit: LOOKED_AT, ..SyncQuery::default() };
    let runs = desk.syncs.list(query).await?.runs;
    Ok(runs.into_iter().find(|run| run.status == SyncStatus::Completed))
}

fn object(text: &str) -> Option<ObjectKey> {
    let mut parts = text.split('/');
    let (kind, panel, id) = (parts.next()?, parts.next()?, parts.next()?);
    let key = ObjectKey { kind: kind.parse::<Kind>().ok()?, panel: panel.parse().ok()?, id: id.parse().ok()? };
    parts.next().is_none().then_some(key)
}

#[derive(Template)]
#[template(path = "history/compare.html")]
struct CompareView {
    shell: Shell,
    head: Head,
    form: CompareForm,
    /// What is not known, and since when it is.
    forgotten: Option<String>,
    turns: Vec<(Pill, Value)>,
    result: Card,
}

/// The page.
pub(super) async fn page(_may: Allow<perm::HistoryRead>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let Some(key) = desk.query.pick("object", "choose one from the history", object) else {
        return choose(desk, &known);
    };
    let of_sync = bounds(&mut desk, key).await?;
    let (now, zone) = (known.now, &known.prefers.zone);
    let from = desk.query.pick("from", "the last day is compared", |text| moment::read(text, zone));
    let until = desk.query.pick("until", "it is compared with now", |text| moment::read(text, zone)).unwrap_or(now);
    let (mut from, until) = of_sync.unwrap_or((from.unwrap_or_else(|| until.minus(DAY)), until));
    if from > until {
        desk.query
            .doubts
            .push("The first time lies behind the second one: the day before the second is compared.".into());
        from = until.minus(DAY);
    }
    let (compared, names) = desk.look(&known, move |page, known| look(page, known, key, from, until)).await?;
    let name = shown::name(&compared.label);
    let crumbs = vec![
        Crumb::to("History", "/admin/history"),
        Crumb::to(name.clone(), links::object(key)),
        Crumb::here("Two times"),
    ];
    let noun = Value::Muted(key.kind.noun().into());
    let link = known.link(name.clone(), links::object(key));
    let times = format!("{} and {}", known.exact(from), known.exact(until));
    html(&CompareView {
        head: Head {
            title: format!("{name}: two times"),
            truth: vec![Value::Many(vec![noun, link]), known.panel_link(key.panel), Value::Text(times)],
            ..Head::default()
        },
        form: CompareForm::new(&known, key, Some((from, until))),
        forgotten: forgotten(&known, &compared),
        turns: turns(&known, &compared),
        result: result(&known, &names, &compared),
        shell: desk.shell(&known, Spot::History, crumbs),
    })
}

/// Nothing is named that could be compared.
fn choose(desk: Desk, known: &Known) -> PageResult {
    let empty = Empty {
        icon: "history",
        title: "Which object?".into(),
        text: "Two times of one object are compared. Open an object, then its history; or choose one from all changes."
            .into(),
        acts: known.ways(vec![("Go to the history", "/admin/history".into())]),
    };
    html(&ChooseView {
        empty,
        shell: desk.shell(known, Spot::History, vec![Crumb::to("History", "/admin/history"), Crumb::here("Two times")]),
    })
}

#[derive(Template)]
#[template(path = "history/choose.html")]
struct ChooseView {
    shell: Shell,
    empty: Empty,
}

fn look(
    page: &Page<'_>,
    known: &Known,
    key: ObjectKey,
    from: Timestamp,
    until: Timestamp,
) -> Result<(Compared, Names)> {
    let compared = page.compare(key, from, until)?;
    let mut names = Names::of(page, known, &[])?;
    for field in &compared.fields {
        names.add(page, key, &field.field, field.old.iter().chain(&field.new))?;
    }
    Ok((compared, names))
}

fn forgotten(known: &Known, compared: &Compared) -> Option<String> {
    let at = compared.known_since?;
    let since = known.exact(at);
    Some(if at > compared.until {
        format!(
            "Both times lie before {since}: from then on the history is kept. How it was at these times is not known."
        )
    } else {
        format!("Its history is known since {since}; older changes are forgotten. It is compared from then on.")
    })
}

fn turns(known: &Known, compared: &Compared) -> Vec<(Pill, Value)> {
    let turns = compared.turns.iter().map(|turn| {
        let (tone, word) = operation_words(turn.operation);
        let when = Value::When(known.when(turn.at));
        let sync = known.link("sync", format!("/admin/syncs/{}", turn.sync));
        let what = if turn.operation == Operation::Created { "It was first seen" } else { "It was removed" };
        (Pill::new(tone, word.to_lowercase()), Value::Many(vec![Value::Text(what.into()), when, sync]))
    });
    turns.collect()
}

fn result(known: &Known, names: &Names, compared: &Compared) -> Card {
    let title = match (compared.was_there, compared.is_there) {
        (true, true) => "What is different",
        (false, true) => "It was not there at the first time; this is how it was at the second",
        (true, false) => "It was not there at the second time; this is how it was at the first",
        (false, false) => "It was there at neither time",
    };
    let rows: Vec<_> = compared.fields.iter().map(|field| row(known, names, compared.object, field)).collect();
    let body = if rows.is_empty() {
        Body::Hint("Nothing is different, and nothing changed in between.".into())
    } else {
        let mut table =
            Table::plain("Fields at the two times", &["Field", "At the first time", "At the second", "Seen by"], rows);
        for column in &mut table.columns {
            column.class = "wrap";
        }
        Body::Table(table)
    };
    Card::new(title, "c12", body)
}

/// Syncs of one field that are named.
const SYNCS: usize = 3;

fn row(known: &Known, names: &Names, object: ObjectKey, field: &ComparedField) -> Vec<Value> {
    let (old, new) = wording::sides(names, object, &field.field, (field.old.as_ref(), field.new.as_ref()));
    let cut = |side: Option<String>| side.map_or(Value::Nothing, |text| Value::Cut(Cut::new(&text, 120)));
    let mut seen: Vec<_> = field
        .changes
        .iter()
        .rev()
        .take(SYNCS)
        .map(|seen| known.link(known.when(seen.at).words(), format!("/admin/syncs/{}", seen.sync)))
        .collect();
    if field.changes.len() > SYNCS {
        seen.push(Value::Muted(format!("and {} more", field.changes.len() - SYNCS)));
    }
    let new = match field.differs() {
        true => cut(new),
        false => Value::Many(vec![cut(new), Value::pill("", "changed and came back")]),
    };
    vec![Value::Said(wording::label(object.kind, &field.field)), cut(old), new, Value::Lines(seen)]
}
