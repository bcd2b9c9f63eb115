//! How the trail is read: newest first, by the index that leaves the least to look at.

use std::ops::ControlFlow;

use aviary_kernel::base::{Cursor, Error, Result, Timestamp};
use aviary_kernel::model::{Action, Actor, AuditEvent, Went};
use aviary_kernel::store::tables::{AUDIT, AUDIT_BY_ACTION, AUDIT_BY_ACTOR, AUDIT_BY_TARGET, AUDIT_BY_TIME};
use aviary_kernel::store::{Direction, Index, Key, Read, SortText, Span};

/// What is asked of the trail. The default is everything, newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only what this one did: kind and id, such as `person/0190…`, or the kind alone.
    pub actor: Option<String>,
    /// Only this.
    pub action: Option<Action>,
    /// Only what was done to things of this kind.
    pub kind: Option<String>,
    /// Only what was done to the thing with this id.
    pub id: Option<String>,
    /// Not older than this.
    pub from: Option<Timestamp>,
    /// Older than this.
    pub until: Option<Timestamp>,
    /// Only what went like this.
    pub outcome: Option<Went>,
    /// Only events with this text in the name or address of who did it, or in the name of what it was done to.
    pub search: Option<String>,
    /// Behind this one.
    pub after: Option<Cursor>,
    /// Events of a page; 0 is taken as 25.
    pub limit: usize,
}

/// A page of the trail.
#[derive(Clone, Debug, Default)]
pub struct AuditPage {
    /// Newest first, each with its number.
    pub events: Vec<(u64, AuditEvent)>,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
}

/// Somebody who stands in the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownActor {
    /// Kind and id, as in [`AuditQuery::actor`].
    pub id: String,
    /// What it was called last.
    pub name: String,
}

/// Events of a page when none are asked for.
const USUAL_LIMIT: usize = 25;
/// No page is larger.
const LARGEST_LIMIT: usize = 1000;
/// Events that one page looks at before it hands over to the next one, so that a rare filter does not hold up a reader.
const MOST_LOOKED_AT: usize = 20_000;
/// Two indexes are compared by so many of their keys.
const COMPARED: usize = 512;
/// So many actors are told apart.
const MOST_ACTORS: usize = 1000;

/// Where an event stands in every order: by time, then by number.
type Place = (Timestamp, u64);

/// Whether `actor` did this to the thing of this kind and id since then, as the newest thing that was done to it.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn did_since(
    reader: &impl Read,
    actor: &Actor,
    action: Action,
    (kind, id): (&str, &str),
    since: Timestamp,
) -> Result<bool> {
    let span = Span::prefix(&SortText::new(&format!("{kind}/{id}")));
    let mut newest = None;
    reader.walk_index(AUDIT_BY_TARGET, &span, Direction::Down, |(_, at, seq)| {
        newest = (at >= since).then_some(seq);
        Ok(ControlFlow::Break(()))
    })?;
    let event = newest.map(|seq| reader.get(AUDIT, &seq)).transpose()?.flatten();
    Ok(event.is_some_and(|event| event.action == action && event.actor.who == actor.who))
}

/// A stretch of an index, all of whose keys end in a place.
struct Stretch {
    index: &'static str,
    span: Span,
}

impl Stretch {
    /// The keys behind `prefix`, within the times of the query and behind its cursor.
    fn new<K: Key>(index: Index<K>, prefix: &[u8], query: &AuditQuery, after: Option<Place>) -> Self {
        let at = |place: Place| [prefix, &place.to_bytes()].concat();
        let mut span = Span::prefix_bytes(prefix);
        if let Some(from) = query.from {
            let before = Timestamp::from_millis(from.millis().saturating_sub(1));
            span = span.after(&at((before, u64::MAX)), Direction::Up);
        }
        for place in query.until.map(|until| (until, 0)).into_iter().chain(after) {
            span = span.after(&at(place), Direction::Down);
        }
        Self { index: index.name(), span }
    }

    fn walk(&self, reader: &impl Read, mut visit: impl FnMut(Place) -> Result<ControlFlow<()>>) -> Result<()> {
        reader.walk_bytes(self.index, &self.span, Direction::Down, &mut |key, _| {
            let place = key.len().checked_sub(16).and_then(|start| Place::from_bytes(&key[start..]));
            visit(place.ok_or_else(|| Error::corrupt(self.index, "a key cannot be read"))?)
        })
    }

    /// How many keys it has, as far as that matters.
    fn size(&self, reader: &impl Read) -> Result<usize> {
        let mut size = 0;
        self.walk(reader, |_| {
            size += 1;
            Ok(if size < COMPARED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(size)
    }
}

impl AuditQuery {
    /// The stretch with the fewest events to look at.
    fn narrowest(&self, reader: &impl Read) -> Result<Stretch> {
        let after = self.after.as_ref().map(place).transpose()?;
        let mut stretches = Vec::new();
        if let (Some(kind), Some(id)) = (&self.kind, &self.id) {
            let target = SortText::new(&format!("{kind}/{id}"));
            stretches.push(Stretch::new(AUDIT_BY_TARGET, &target.to_bytes(), self, after));
        }
        if let Some(actor) = self.actor.as_deref().filter(|actor| !is_kind_of_many(actor)) {
            stretches.push(Stretch::new(AUDIT_BY_ACTOR, &SortText::new(actor).to_bytes(), self, after));
        }
        if let Some(action) = self.action {
            stretches.push(Stretch::new(AUDIT_BY_ACTION, &action.number().to_bytes(), self, after));
        }
        let mut best = (usize::MAX, Stretch::new(AUDIT_BY_TIME, &[], self, after));
        for stretch in stretches {
            let size = stretch.size(reader)?;
            if size < best.0 {
                best = (size, stretch);
            }
        }
        Ok(best.1)
    }

    /// Whether an event is asked for. Index keys are cut and without case, so they are not believed.
    fn matches(&self, event: &AuditEvent) -> bool {
        let target = event.target.as_ref();
        self.actor.as_deref().is_none_or(|actor| is_actor(event, actor))
            && self.action.is_none_or(|action| action == event.action)
            && self.kind.as_deref().is_none_or(|kind| target.is_some_and(|target| target.kind == kind))
            && self.id.as_deref().is_none_or(|id| target.is_some_and(|target| target.id == id))
            && self.from.is_none_or(|from| event.at >= from)
            && self.until.is_none_or(|until| event.at < until)
            && self.outcome.is_none_or(|went| event.outcome.went() == went)
            && self.search.as_deref().is_none_or(|text| contains(event, &text.trim().to_lowercase()))
    }
}

/// `person` means all persons; `job` is the one job there is.
fn is_kind_of_many(actor: &str) -> bool {
    ["person", "api-key", "panel"].contains(&actor)
}

fn is_actor(event: &AuditEvent, actor: &str) -> bool {
    let who = event.actor.who;
    if is_kind_of_many(actor) { who.kind() == actor } else { who.to_string() == actor }
}

fn contains(event: &AuditEvent, needle: &str) -> bool {
    let actor = &event.actor;
    actor.name.to_lowercase().contains(needle)
        || actor.origin.address.is_some_and(|address| address.to_string().contains(needle))
        || event.target.as_ref().is_some_and(|target| target.name.to_lowercase().contains(needle))
}

fn place(cursor: &Cursor) -> Result<Place> {
    Place::from_bytes(cursor.key()).ok_or_else(|| Error::invalid("cursor", "is not one of the audit trail"))
}

pub(super) fn page(reader: &impl Read, query: &AuditQuery) -> Result<AuditPage> {
    let wanted = if query.limit == 0 { USUAL_LIMIT } else { query.limit.min(LARGEST_LIMIT) };
    let (mut events, mut looked_at, mut last, mut more) = (Vec::new(), 0, None, false);
    query.narrowest(reader)?.walk(reader, |place| {
        if events.len() == wanted || looked_at == MOST_LOOKED_AT {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        looked_at += 1;
        last = Some(place);
        if let Some(event) = reader.get(AUDIT, &place.1)?.filter(|event| query.matches(event)) {
            events.push((place.1, event));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let next = last.filter(|_| more).map(|place| Cursor::after(&place.to_bytes()));
    Ok(AuditPage { events, next })
}

/// Jumps from actor to actor, so it costs as much as there are actors, not events.
pub(super) fn actors(reader: &impl Read) -> Result<Vec<KnownActor>> {
    let (mut actors, mut span) = (Vec::new(), Span::all());
    while actors.len() < MOST_ACTORS {
        let mut found = None;
        reader.walk_index(AUDIT_BY_ACTOR, &span, Direction::Down, |key| {
            found = Some(key);
            Ok(ControlFlow::Break(()))
        })?;
        let Some((who, _, seq)) = found else { break };
        if let Some(event) = reader.get(AUDIT, &seq)? {
            actors.push(KnownActor { id: event.actor.who.to_string(), name: event.actor.name });
        }
        span = span.after(&who.to_bytes(), Direction::Down);
    }
    actors.sort_by_key(|actor| (actor.name.to_lowercase(), actor.id.clone()));
    Ok(actors)
}

/// The kinds of things that stand in the trail; jumps from kind to kind as [`actors`] does.
pub(super) fn kinds(reader: &impl Read) -> Result<Vec<String>> {
    let (mut kinds, mut span) = (Vec::new(), Span::all());
    while kinds.len() < MOST_ACTORS {
        let mut found = None;
        reader.walk_index(AUDIT_BY_TARGET, &span, Direction::Down, |(_, _, seq)| {
            found = Some(seq);
            Ok(ControlFlow::Break(()))
        })?;
        let Some(seq) = found else { break };
        let Some(target) = reader.get(AUDIT, &seq)?.and_then(|event| event.target) else { break };
        span = span.after(&SortText::new(&format!("{}/", target.kind)).to_bytes(), Direction::Down);
        kinds.push(target.kind);
    }
    kinds.reverse();
    Ok(kinds)
}
