use std::ops::ControlFlow;

use aviary_kernel::base::{Cursor, Error, Result};
use aviary_kernel::model::{Delivery, Event, EventId, EventName, EventPattern, ObjectKey};
use aviary_kernel::store::tables::{DELIVERIES, DELIVERIES_OF_EVENT, EVENTS, EVENTS_BY_NAME};
use aviary_kernel::store::{Direction, Key, Read, Span, Store};
use serde_json::Value;

/// Events of a page when none are asked for.
const USUAL_LIMIT: usize = 25;
/// No page is larger.
const LARGEST_LIMIT: usize = 200;

/// What happened and was told. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    store: Store,
}

/// What is asked of the list of events. The default is all, newest first.
#[derive(Clone, Debug, Default)]
pub struct EventQuery {
    /// Only these; empty = all. See [`EventQuery::like`].
    pub names: Vec<EventName>,
    /// Behind this one.
    pub after: Option<Cursor>,
    /// Events of a page; 0 is taken as 25, more than 200 as 200.
    pub limit: usize,
}

/// A page of the list of events.
#[derive(Clone, Debug, Default)]
pub struct EventPage {
    /// Newest first.
    pub events: Vec<Event>,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
}

/// An event, and what became of it.
#[derive(Clone, Debug)]
pub struct Told {
    /// What happened.
    pub event: Event,
    /// To whom it went, oldest first.
    pub deliveries: Vec<Delivery>,
}

impl EventQuery {
    /// Events by a name or a pattern such as `server.*`; nothing or `*` = all.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it stands for no event.
    pub fn like(text: &str) -> Result<Self> {
        let text = text.trim();
        let names = match text {
            "" | "*" => Vec::new(),
            text => match text.parse() {
                Ok(name) => vec![name],
                Err(_) => {
                    let pattern = EventPattern::parse(text)?;
                    EventName::ALL.iter().copied().filter(|name| pattern.covers(*name)).collect()
                }
            },
        };
        Ok(Self { names, ..Self::default() })
    }
}

impl Events {
    /// The events of this data file.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// A page of the list, newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor of another list, or when the file cannot be read.
    pub async fn list(&self, query: EventQuery) -> Result<EventPage> {
        self.store.read(move |tx| page(tx, &query)).await
    }

    /// The newest events about a mirrored object, as far as they are among the last 1000 events about its kind, each with its
    /// deliveries: at most `deliveries` of them together, those of the newest events first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn about(&self, object: ObjectKey, limit: usize, deliveries: usize) -> Result<Vec<Told>> {
        self.store.read(move |tx| about(tx, object, limit, deliveries)).await
    }

    /// One event, with its deliveries.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn require(&self, id: EventId) -> Result<Told> {
        self.store
            .read(move |tx| {
                let event = tx.get(EVENTS, &id)?.ok_or_else(|| Error::not_found("event", id))?;
                Ok(Told { deliveries: deliveries_of(tx, id, usize::MAX)?, event })
            })
            .await
    }
}

fn page(reader: &impl Read, query: &EventQuery) -> Result<EventPage> {
    let limit = if query.limit == 0 { USUAL_LIMIT } else { query.limit.min(LARGEST_LIMIT) };
    let after = query.after.as_ref().map(place).transpose()?;
    let mut ids = if query.names.is_empty() {
        newest(reader, after, limit + 1)?
    } else {
        let mut ids = Vec::new();
        for name in &query.names {
            ids.extend(newest_of(reader, *name, after, limit + 1)?);
        }
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids
    };
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next = ids.last().filter(|_| more).map(|id| Cursor::after(&id.to_bytes()));
    let mut events = Vec::new();
    for id in ids {
        events.extend(reader.get(EVENTS, &id)?);
    }
    Ok(EventPage { events, next })
}

/// Events that are looked at for those about one object.
const LOOKED_AT: usize = 1000;

fn about(reader: &impl Read, object: ObjectKey, limit: usize, deliveries: usize) -> Result<Vec<Told>> {
    let mut ids = Vec::new();
    for name in EventName::ALL.iter().filter(|name| name.noun() == object.kind.noun()) {
        ids.extend(newest_of(reader, *name, None, LOOKED_AT)?);
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.truncate(LOOKED_AT);
    // Reading the facts takes longer than seeing that they are about another object.
    let part = format!("\"id\":{}", object.id);
    let is_about = |event: &Event| {
        event.panel == Some(object.panel)
            && event.data.contains(&part)
            && serde_json::from_str::<Value>(&event.data).is_ok_and(|facts| facts["id"].as_u64() == Some(object.id))
    };
    let (mut found, mut left) = (Vec::new(), deliveries);
    for id in ids {
        if found.len() == limit {
            break;
        }
        let Some(event) = reader.get(EVENTS, &id)?.filter(is_about) else { continue };
        let deliveries = deliveries_of(reader, id, left)?;
        left -= deliveries.len();
        found.push(Told { event, deliveries });
    }
    Ok(found)
}

/// The deliveries of an event, oldest first, at most so many.
fn deliveries_of(reader: &impl Read, event: EventId, most: usize) -> Result<Vec<Delivery>> {
    let mut ids = Vec::new();
    if most > 0 {
        reader.walk_index(DELIVERIES_OF_EVENT, &Span::prefix(&event), Direction::Up, |(_, id)| {
            ids.push(id);
            Ok(if ids.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
    }
    let mut deliveries = Vec::with_capacity(ids.len());
    for id in ids {
        deliveries.extend(reader.get(DELIVERIES, &id)?);
    }
    Ok(deliveries)
}

fn place(cursor: &Cursor) -> Result<EventId> {
    <EventId as Key>::from_bytes(cursor.key()).ok_or_else(|| Error::invalid("cursor", "is not one of this list"))
}

fn newest(reader: &impl Read, after: Option<EventId>, limit: usize) -> Result<Vec<EventId>> {
    let mut ids = Vec::new();
    let span = after.map_or_else(Span::all, |id| Span::all().after(&id.to_bytes(), Direction::Down));
    reader.walk(EVENTS, &span, Direction::Down, |id, _| {
        ids.push(id);
        Ok(if ids.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(ids)
}

fn newest_of(reader: &impl Read, name: EventName, after: Option<EventId>, limit: usize) -> Result<Vec<EventId>> {
    let mut ids = Vec::new();
    let mut span = Span::prefix(&name.number());
    if let Some(id) = after {
        span = span.after(&(name.number(), id).to_bytes(), Direction::Down);
    }
    reader.walk_index(EVENTS_BY_NAME, &span, Direction::Down, |(_, id)| {
        ids.push(id);
        Ok(if ids.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(ids)
}
