//! What the pages of single objects have in common: head, cards, history, all fields.

use askama::Template;
use aviary_domain::mirror::{HistoryQuery, Mirror, Mirrored, Page, fields_of};
use aviary_kernel::base::Result;
use aviary_kernel::model::{ObjectKey, PanelId, Permission, RemoteId};
use serde_json::Value as Json;

use super::card::{Card, Fact, fact};
use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::nav::Spot;
use super::shown::{self, When};
use super::timeline::Timeline;
use super::value::{Pill, Value};
use super::wording::Names;
use super::{links, on_record};
use crate::page::{PageResult, html};

/// What is special about an object.
pub(super) struct Object {
    pub(super) title: String,
    pub(super) pills: Vec<Pill>,
    /// A short id for people to read out.
    pub(super) code: String,
    pub(super) cards: Vec<Card>,
}

/// The page of an object.
#[derive(Template)]
#[template(path = "object/page.html")]
struct ObjectPage {
    shell: Shell,
    head: Head,
    missing: Option<When>,
    cards: Vec<Card>,
    /// What changed and the way to all of it, for who may see that.
    history: Option<(Timeline, String)>,
    on_record: Option<Card>,
    fields: Vec<Fact>,
}

/// What one look gave.
struct Seen {
    object: Object,
    missing: Option<When>,
    first_seen: When,
    history: Timeline,
    fields: Vec<Fact>,
}

const ENTRIES: usize = 20;

/// Answers with the page of an object.
pub(super) async fn show<T: Mirror>(
    desk: Desk,
    spot: Spot,
    plural: &'static str,
    (panel, id): (PanelId, RemoteId),
    describe: fn(&Page<'_>, &Known, PanelId, &Mirrored<T>) -> Result<Object>,
) -> PageResult {
    let known = desk.known().await?;
    let key = ObjectKey { panel, kind: T::KIND, id };
    let seen = desk.look(&known, move |page, known| look(page, known, key, describe)).await?;
    let (kind, of) = on_record::object(key);
    let on_record = on_record::card(&desk, &known, kind, &of).await?;
    let mut truth = vec![Value::Code(format!("{} {id}", T::KIND.noun()))];
    if !seen.object.code.is_empty() {
        truth = vec![Value::code(&seen.object.code)];
    }
    truth.push(known.panel_link(panel));
    truth.extend(known.truth(Some(panel)));
    truth.push(Value::Many(vec![Value::Text("first seen".into()), Value::When(seen.first_seen)]));
    let acts = known.panel(panel).map(|of| Act::out("Open on the panel", links::on_panel(of, T::KIND, id)));
    let crumbs = vec![
        Crumb::to(plural, format!("/admin/{}", T::KIND.plural())),
        Crumb::here(shown::short(&seen.object.title, 60)),
    ];
    html(&ObjectPage {
        head: Head { title: seen.object.title, pills: seen.object.pills, truth, acts: acts.into_iter().collect() },
        missing: seen.missing,
        cards: seen.object.cards,
        history: known.may(Permission::HistoryRead).then(|| (seen.history, links::history(key))),
        on_record,
        fields: seen.fields,
        shell: desk.shell(&known, spot, crumbs),
    })
}

fn look<T: Mirror>(
    page: &Page<'_>,
    known: &Known,
    key: ObjectKey,
    describe: fn(&Page<'_>, &Known, PanelId, &Mirrored<T>) -> Result<Object>,
) -> Result<Seen> {
    let row = page.require::<T>(key.panel, key.id)?;
    let history = page.history(&HistoryQuery { object: Some(key), limit: ENTRIES, ..HistoryQuery::default() })?;
    let fields = fields_of(&row.data)?.into_iter().map(|(name, value)| fact(name, field(&value))).collect();
    Ok(Seen {
        object: describe(page, known, key.panel, &row)?,
        missing: page.missing(key)?.map(|missing| known.when(missing.since)),
        first_seen: known.when(row.first_seen),
        history: Timeline::of_one(known, &Names::of(page, known, &history.entries)?, &history.entries),
        fields,
    })
}

fn field(value: &Json) -> Value {
    match value {
        Json::Null => Value::Nothing,
        Json::String(text) => Value::long(text, 160),
        other => Value::long(&other.to_string(), 160),
    }
}
