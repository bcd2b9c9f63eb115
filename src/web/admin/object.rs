//! Pages of single objects: the same frame around what is special about each kind. What there is to see stands in tabs, each
//! with an address of its own; which of them there are depends on who looks.

mod generic;
mod removed;

use actix_web::web::Data;
use askama::Template;
use aviary_domain::events::Events;
use aviary_domain::mirror::{Mirror, Mirrored, Page, fields_of};
use aviary_kernel::base::{Cursor, Error, Result};
use aviary_kernel::model::{Kind, ObjectKey, PanelId, Permission, RemoteId};
use serde_json::Value as Json;

use super::card::{Body, Card, Fact, fact};
use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::links;
use super::nav::Spot;
use super::query::Query;
use super::shown::{self, When};
use super::value::{Pill, Value};
use crate::api::mirror::Name;
use crate::page::{PageResult, html, see_other};

/// How the objects of a kind are shown.
pub(super) struct Sight<T: Mirror> {
    pub(super) spot: Spot,
    pub(super) plural: &'static str,
    pub(super) face: fn(&Look<'_>, &Mirrored<T>) -> Result<Face>,
    /// The first is what is seen at first.
    pub(super) tabs: &'static [Tab<T>],
}

/// A part of what there is to see.
pub(super) struct Tab<T: Mirror> {
    /// In the address.
    pub(super) word: &'static str,
    pub(super) title: &'static str,
    /// What it takes to see it, beside the object itself.
    pub(super) needs: Option<Permission>,
    /// How many things there are in it.
    pub(super) count: fn(&Look<'_>, &Mirrored<T>) -> Result<Option<u64>>,
    pub(super) cards: fn(&Look<'_>, &Mirrored<T>) -> Result<Vec<Card>>,
}

/// Where somebody looks from.
pub(super) struct Look<'a> {
    pub(super) page: &'a Page<'a>,
    pub(super) known: &'a Known,
    pub(super) panel: PanelId,
    pub(super) query: &'a Query,
    /// How many things are passed over, where a tab has many.
    pub(super) offset: u64,
}

/// What is seen of an object whichever tab is open.
pub(super) struct Face {
    pub(super) title: String,
    pub(super) pills: Vec<Pill>,
    /// A short id for people to read out.
    pub(super) code: String,
    /// What is unusual about it, and what that means.
    pub(super) banner: Option<Banner>,
}

/// Something unusual.
pub(super) struct Banner {
    pub(super) tone: &'static str,
    pub(super) title: String,
    pub(super) text: String,
}

impl Face {
    pub(super) fn new(title: &str, pills: Vec<Pill>) -> Self {
        Self { title: shown::short(title, 120), pills, code: String::new(), banner: None }
    }
}

/// A tab that counts nothing.
pub(super) fn uncounted<T: Mirror>(_: &Look<'_>, _: &Mirrored<T>) -> Result<Option<u64>> {
    Ok(None)
}

/// The page of an object.
#[derive(Template)]
#[template(path = "object/page.html")]
struct ObjectPage {
    shell: Shell,
    head: Head,
    banner: Option<Banner>,
    missing: Option<When>,
    tabs: Vec<TabLink>,
    cards: Vec<Card>,
}

/// The way to a part of a page.
pub(super) struct TabLink {
    pub(super) title: &'static str,
    pub(super) href: String,
    /// How many things there are in it; empty = not said.
    pub(super) count: String,
    pub(super) on: bool,
}

/// Which tab is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Own(usize),
    History,
    Audit,
    Log,
}

/// Tabs that every kind has: the word, the title, what it takes.
const COMMON: [(Open, &str, &str, Permission); 3] = [
    (Open::History, "history", "History", Permission::HistoryRead),
    (Open::Audit, "audit", "Audit", Permission::AuditRead),
    (Open::Log, "log", "Log", Permission::WebhookRead),
];

/// What one look gave.
struct Seen {
    face: Face,
    missing: Option<When>,
    truth: Vec<Value>,
    counts: Vec<Option<u64>>,
    cards: Vec<Card>,
    is_removed: bool,
}

/// What the address asks for.
#[derive(Clone)]
struct Wanted {
    key: ObjectKey,
    open: Open,
    offset: u64,
    after: Option<Cursor>,
    query: Query,
}

/// Answers with the page of an object, or leads to it by its UUID. `more` is shown with the first tab.
pub(super) async fn show<T: Mirror>(
    mut desk: Desk,
    events: &Data<Events>,
    sight: &'static Sight<T>,
    (panel, name): (PanelId, String),
    more: Vec<Card>,
) -> PageResult {
    let known = desk.known().await?;
    let id = match name.parse::<Name>() {
        Ok(Name::Id(id)) => id,
        Ok(Name::Uuid(uuid)) => return by_uuid::<T>(&desk, &known, uuid).await,
        Err(_) => return Err(Error::not_found(T::KIND.noun(), shown::short(&name, 40)).into()),
    };
    let key = ObjectKey { panel, kind: T::KIND, id };
    let open = open(&mut desk.query, &known, sight);
    let wanted = Wanted {
        key,
        open,
        offset: desk.query.parse("offset", "the list begins at the front").unwrap_or(0),
        after: desk.query.pick("after", "the list begins with the newest", |text| {
            text.parse::<Cursor>().ok().filter(|cursor| cursor.key().len() == size_of::<u64>())
        }),
        query: desk.query.clone(),
    };
    let mut seen = desk.look(&known, move |page, known| look(page, known, &wanted, sight)).await?;
    match open {
        Open::Audit => seen.cards.extend(generic::audit(&desk, &known, key).await?),
        Open::Log => seen.cards.extend(generic::log(&desk, events, &known, key, &seen.face.title).await?),
        Open::Own(0) => seen.cards.splice(0..0, more).for_each(drop),
        Open::Own(_) | Open::History => {}
    }
    let acts = known.panel(panel).filter(|_| !seen.is_removed);
    let acts = acts.and_then(|of| Some(Act::out("Open on the panel", links::on_panel(of, T::KIND, id)?)));
    let crumbs = vec![
        Crumb::to(sight.plural, format!("/admin/{}", T::KIND.plural())),
        Crumb::here(shown::short(&seen.face.title, 60)),
    ];
    html(&ObjectPage {
        tabs: tabs(&desk.query, &known, sight, open, &seen),
        head: Head {
            title: seen.face.title,
            pills: seen.face.pills,
            truth: seen.truth,
            acts: acts.into_iter().collect(),
        },
        banner: seen.face.banner,
        missing: seen.missing,
        cards: seen.cards,
        shell: desk.shell(&known, sight.spot, crumbs),
    })
}

/// Leads to the object with this UUID, also when it was removed.
async fn by_uuid<T: Mirror>(desk: &Desk, known: &Known, uuid: String) -> PageResult {
    let asked = uuid.clone();
    let found = desk
        .look(known, move |page, _| match page.by_uuid(T::KIND, &asked)? {
            Some((panel, id)) => Ok(Some(ObjectKey { panel, kind: T::KIND, id })),
            None => page.removed_by_uuid(T::KIND, &asked),
        })
        .await?;
    match found {
        Some(key) => Ok(see_other(&format!("/admin/{}/{}/{}", T::KIND.plural(), key.panel, key.id))),
        None => Err(Error::not_found(T::KIND.noun(), uuid).into()),
    }
}

/// The tab that the address asks for, of those that its reader may see.
fn open<T: Mirror>(query: &mut Query, known: &Known, sight: &Sight<T>) -> Open {
    let own = |word: &str| {
        let at = sight.tabs.iter().position(|tab| tab.word == word)?;
        sight.tabs[at].needs.is_none_or(|needed| known.may(needed)).then_some(Open::Own(at))
    };
    let common = |word: &str| {
        let (open, ..) = COMMON.into_iter().find(|(_, of, _, needed)| *of == word && known.may(*needed))?;
        Some(open)
    };
    query.pick("tab", "the summary is shown", |word| own(word).or_else(|| common(word))).unwrap_or(Open::Own(0))
}

fn tabs<T: Mirror>(query: &Query, known: &Known, sight: &Sight<T>, open: Open, seen: &Seen) -> Vec<TabLink> {
    let link = |at: Open, title, word: &str, count: Option<u64>| TabLink {
        title,
        href: if at == Open::Own(0) {
            query.bare()
        } else {
            format!("{}?{}", query.bare(), shown::query(&[("tab", word)]))
        },
        count: count.map(shown::grouped).unwrap_or_default(),
        on: at == open,
    };
    let own = sight.tabs.iter().enumerate().filter(|(_, tab)| tab.needs.is_none_or(|needed| known.may(needed)));
    // Of what is gone there is what it was, and what happened.
    let own = own.take(if seen.is_removed { 1 } else { usize::MAX });
    let own = own.map(|(at, tab)| link(Open::Own(at), tab.title, tab.word, seen.counts.get(at).copied().flatten()));
    let common = COMMON.into_iter().filter(|(.., needed)| known.may(*needed));
    own.chain(common.map(|(at, word, title, _)| link(at, title, word, None))).collect()
}

fn look<T: Mirror>(page: &Page<'_>, known: &Known, wanted: &Wanted, sight: &Sight<T>) -> Result<Seen> {
    let key = wanted.key;
    let look = Look { page, known, panel: key.panel, query: &wanted.query, offset: wanted.offset };
    let history = |cards: &mut Vec<Card>| -> Result<()> {
        cards.extend(generic::history(&look, key, wanted.after.clone())?);
        Ok(())
    };
    let mut cards = Vec::new();
    let Some(row) = page.get::<T>(key.panel, key.id)? else {
        let gone = match removed::look(&look, key) {
            // Nothing is left of it, and its panel is not there either: that is what to know.
            Err(Error::NotFound { .. }) if known.panel(key.panel).is_none() => {
                return Err(Error::not_found("panel", key.panel));
            }
            gone => gone?,
        };
        match wanted.open {
            Open::Own(_) => cards.push(gone.card),
            Open::History => history(&mut cards)?,
            Open::Audit | Open::Log => {}
        }
        let truth = vec![Value::Code(format!("{} {}", key.kind.noun(), key.id)), known.panel_link(key.panel)];
        return Ok(Seen { face: gone.face, missing: None, truth, counts: Vec::new(), cards, is_removed: true });
    };
    match wanted.open {
        Open::Own(at) => {
            cards.extend((sight.tabs[at].cards)(&look, &row)?);
            if at == 0 {
                cards.push(all_fields(&row.data)?);
            }
        }
        Open::History => history(&mut cards)?,
        Open::Audit | Open::Log => {}
    }
    let face = (sight.face)(&look, &row)?;
    let mut truth = vec![match face.code.as_str() {
        "" => Value::Code(format!("{} {}", key.kind.noun(), key.id)),
        code => Value::code(code),
    }];
    truth.push(known.panel_link(key.panel));
    truth.extend(known.truth(Some(key.panel)));
    let since = |text: &str, at| Value::Many(vec![Value::Text(text.into()), Value::When(known.when(at))]);
    truth.push(since("first seen", row.first_seen));
    truth.push(since("last changed", row.changed_at));
    Ok(Seen {
        face,
        missing: page.missing(key)?.map(|missing| known.when(missing.since)),
        truth,
        counts: sight.tabs.iter().map(|tab| (tab.count)(&look, &row)).collect::<Result<_>>()?,
        cards,
        is_removed: false,
    })
}

fn all_fields<T: Mirror>(data: &T) -> Result<Card> {
    let fields: Vec<Fact> = fields_of(data)?.into_iter().map(|(name, value)| fact(name, field(&value))).collect();
    Ok(Card::new("All fields", "c12", Body::Fields(fields)))
}

fn field(value: &Json) -> Value {
    match value {
        Json::Null => Value::Nothing,
        Json::String(text) => Value::long(text, 160),
        other => Value::long(&other.to_string(), 160),
    }
}

impl Look<'_> {
    /// Something related by its name, as [`links::relation`].
    pub(super) fn relation(&self, kind: Kind, id: Option<RemoteId>) -> Result<Value> {
        links::relation(self.page, self.known, self.panel, kind, id)
    }

    /// A time, if there is one.
    pub(super) fn time(&self, at: Option<aviary_kernel::base::Timestamp>) -> Value {
        at.map_or(Value::Nothing, |at| Value::When(self.known.when(at)))
    }
}

/// A text of the panel's as a card, if there is one.
pub(super) fn description(text: Option<&str>) -> Option<Card> {
    let text = text.filter(|text| !text.trim().is_empty())?;
    Some(Card::new("Description", "c12", Body::Text(shown::Cut::new(text, 600))))
}
