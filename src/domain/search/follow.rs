//! Follows the data file: what changed is read anew and brought into the index.

use std::collections::{BTreeSet, HashSet};
use std::ops::{Bound, ControlFlow};

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Kind, ObjectKey, PanelId};
use aviary_kernel::store::tables::{AUDIT, HISTORY, PANELS};
use aviary_kernel::store::{Direction, Key, Read, ReadTx, Span, Store};
use tantivy::Term;
use tantivy::query::{BooleanQuery, Query, RangeQuery, TermQuery};
use tantivy::schema::IndexRecordOption;

use super::mark::{Mark, first, last_change};
use super::pens::Pens;
use super::schema::Fields;
use super::shard::Outcome;
use super::shelf::{Shelf, Slice};
use super::{Place, Subject, depends, docs};
use crate::feed::{self, Change};

/// Entries of one kind that one commit takes.
const AT_ONCE: usize = 2_000;
/// Documents that are made from one snapshot.
const PER_SNAPSHOT: usize = 250;

/// What has to be looked at, and how far the index is then.
pub(super) struct Batch {
    places: Vec<Place>,
    gone_panels: Vec<PanelId>,
    forgotten: Vec<Forgotten>,
    pub(super) mark: Mark,
}

/// Records before this number are no more.
struct Forgotten {
    subject: Subject,
    first: u64,
    /// When the first of those that are left happened.
    at: Option<Timestamp>,
}

impl Batch {
    /// The next things to look at; none when the index is up to date.
    pub(super) fn next(tx: &ReadTx, mark: &Mark) -> Result<Option<Self>> {
        let mut batch = Self { places: Vec::new(), gone_panels: Vec::new(), forgotten: Vec::new(), mark: mark.clone() };
        let mut seen = HashSet::new();
        let mut add = |places: &mut Vec<Place>, place: Place| {
            if seen.insert(place.clone()) {
                places.push(place);
            }
        };
        for (seq, entry) in feed::since(tx, mark.feed, AT_ONCE)? {
            batch.mark = batch.mark.at_feed(seq, entry.at);
            if let Change::Panel(panel) = entry.change
                && tx.get(PANELS, &panel)?.is_none()
            {
                batch.gone_panels.push(panel);
            }
            if let Some(place) = place_of(entry.change) {
                add(&mut batch.places, place);
            }
        }
        let mut related = BTreeSet::new();
        let entries = numbered(tx, HISTORY, mark.history)?;
        let is_all = entries.len() < AT_ONCE;
        for (seq, entry) in entries {
            batch.mark.history = seq;
            depends::on(tx, &entry, &mut related)?;
            add(&mut batch.places, Place::Change(seq, entry.object));
        }
        if is_all {
            // Some may have been forgotten before they were followed.
            batch.mark.history = last_change(tx)?;
        }
        related.into_iter().for_each(|key| add(&mut batch.places, Place::Object(key)));
        for (seq, _) in numbered(tx, AUDIT, mark.audit)? {
            batch.mark.audit = seq;
            add(&mut batch.places, Place::Audit(seq));
        }
        batch.note_forgotten(tx)?;
        Ok((batch.mark != *mark).then_some(batch))
    }

    fn note_forgotten(&mut self, tx: &ReadTx) -> Result<()> {
        let (history, audit) = (first(tx, HISTORY.name())?, first(tx, AUDIT.name())?);
        if history > self.mark.history_from {
            let at = tx.get(HISTORY, &history)?.map(|entry| entry.at);
            self.forgotten.push(Forgotten { subject: Subject::Change, first: history, at });
            self.mark.history_from = history;
        }
        if audit > self.mark.audit_from {
            let at = tx.get(AUDIT, &audit)?.map(|event| event.at);
            self.forgotten.push(Forgotten { subject: Subject::Audit, first: audit, at });
            self.mark.audit_from = audit;
        }
        Ok(())
    }

    /// Brings it into the index, without a commit.
    pub(super) fn write(&self, store: &Store, shelf: &Shelf, pens: &mut Pens) -> Outcome<()> {
        for places in self.places.chunks(PER_SNAPSHOT) {
            let made = store.read_blocking(|tx| {
                places.iter().map(|place| Ok((place, docs::load(tx, place)?))).collect::<Result<Vec<_>>>()
            })?;
            for (place, doc) in made {
                match (doc, place.id()) {
                    (Some(doc), _) => pens.put(shelf, &doc, false)?,
                    (None, Some(id)) => {
                        pens.remove(shelf, &id, place.subject().is_some_and(Subject::is_object))?;
                    }
                    (None, None) => {}
                }
            }
        }
        for panel in &self.gone_panels {
            pens.remove_objects(shelf, mirrored(&shelf.objects.fields, *panel))?;
        }
        for forgotten in &self.forgotten {
            forgotten.write(shelf, pens)?;
        }
        Ok(())
    }
}

impl Forgotten {
    fn write(&self, shelf: &Shelf, pens: &mut Pens) -> Outcome<()> {
        let fields = &shelf.objects.fields;
        let kind = attribute(fields, &format!("kind:{}", self.subject.word()));
        let last = self.at.map(Slice::of);
        for month in shelf.months().into_iter().filter(|month| last.is_none_or(|last| *month <= last)) {
            if shelf.slice(month)?.searcher().doc_freq(&kind)? == 0 {
                continue;
            }
            let old = RangeQuery::new(Bound::Unbounded, Bound::Excluded(Term::from_field_u64(fields.a, self.first)));
            let of_kind = TermQuery::new(kind.clone(), IndexRecordOption::Basic);
            let query = BooleanQuery::intersection(vec![Box::new(of_kind), Box::new(old)]);
            pens.remove_from(shelf, month, Box::new(query))?;
        }
        Ok(())
    }
}

fn attribute(fields: &Fields, text: &str) -> Term {
    Term::from_field_text(fields.attr, text)
}

/// Everything that was mirrored from a panel.
fn mirrored(fields: &Fields, panel: PanelId) -> Box<dyn Query> {
    let term = |text: String| -> Box<dyn Query> {
        Box::new(TermQuery::new(attribute(fields, &text), IndexRecordOption::Basic))
    };
    let kinds = Kind::ALL.into_iter().filter_map(Subject::of_kind);
    let kinds = kinds.map(|subject| term(format!("kind:{}", subject.word()))).collect();
    let of_panel = term(format!("panel:{panel}"));
    Box::new(BooleanQuery::intersection(vec![of_panel, Box::new(BooleanQuery::union(kinds))]))
}

/// Where what changed is; none when it is not found by itself.
fn place_of(change: Change) -> Option<Place> {
    Some(match change {
        Change::Object { key, .. } => Place::Object(ObjectKey { ..key }).subject().map(|_| Place::Object(key))?,
        Change::Panel(id) => Place::Panel(id),
        Change::Sync(id) => Place::Sync(id),
        Change::Account(id) => Place::Account(id),
        Change::Schedule(id) => Place::Schedule(id),
        Change::Webhook(id) => Place::Webhook(id),
        Change::Mail(number) => Place::Mail(number),
        Change::Job(id) => Place::Job(id),
        Change::Delivery(id) => Place::Delivery(id),
        Change::Event(id) => Place::Event(id),
        Change::RemovalStop(_) | Change::Role(_) | Change::ApiKey(_) | Change::Setting(_) => return None,
    })
}

/// The next rows of a table that only grows.
fn numbered<V: aviary_kernel::store::Row<u64>>(
    tx: &ReadTx,
    table: aviary_kernel::store::Table<u64, V>,
    after: u64,
) -> Result<Vec<(u64, V)>> {
    let mut rows = Vec::new();
    tx.walk(table, &Span::all().after(&after.to_bytes(), Direction::Up), Direction::Up, |seq, row| {
        rows.push((seq, row));
        Ok(if rows.len() < AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(rows)
}
