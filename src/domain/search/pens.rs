use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tantivy::query::Query;
use tantivy::{IndexWriter, Term};

use super::docs::Doc;
use super::mark::Mark;
use super::shard::{Outcome, Shard};
use super::shelf::{Shelf, Slice};

/// At most so many months are written to at a time.
const MOST_OPEN: usize = 2;
/// Who wrote nothing for so long needs no memory and threads.
const IDLE: Duration = Duration::from_secs(5);

/// Those who write to the indexes. They are there only while there is something to write.
#[derive(Default)]
pub(super) struct Pens {
    objects: Option<IndexWriter>,
    months: BTreeMap<Slice, (Arc<Shard>, IndexWriter)>,
    used: Option<Instant>,
}

impl Pens {
    /// Brings a document in, in place of an earlier one of the same thing.
    pub(super) fn put(&mut self, shelf: &Shelf, doc: &Doc, is_new: bool) -> Outcome<()> {
        let fields = shelf.objects.fields;
        let (Some(id), Some(subject)) = (doc.place.id(), doc.subject()) else { return Ok(()) };
        let document = fields.document(doc, &id, subject);
        let pen = if subject.is_object() {
            self.objects(shelf)?
        } else {
            self.month(shelf, Slice::of(doc.at.unwrap_or_default()))?
        };
        if !is_new {
            pen.delete_term(Term::from_field_bytes(fields.id, &id));
        }
        pen.add_document(document)?;
        Ok(())
    }

    /// Takes the document of a thing out.
    pub(super) fn remove(&mut self, shelf: &Shelf, id: &[u8], is_object: bool) -> Outcome<()> {
        let term = Term::from_field_bytes(shelf.objects.fields.id, id);
        if is_object {
            self.objects(shelf)?.delete_term(term);
            return Ok(());
        }
        // What is not committed yet may be in the months that are written to.
        for (_, pen) in self.months.values() {
            pen.delete_term(term.clone());
        }
        for month in shelf.months() {
            if !self.months.contains_key(&month) && shelf.slice(month)?.searcher().doc_freq(&term)? > 0 {
                self.month(shelf, month)?.delete_term(term.clone());
            }
        }
        Ok(())
    }

    /// Takes everything of a month out that a query finds.
    pub(super) fn remove_from(&mut self, shelf: &Shelf, month: Slice, query: Box<dyn Query>) -> Outcome<()> {
        self.month(shelf, month)?.delete_query(query)?;
        Ok(())
    }

    /// Takes all objects out that a query finds.
    pub(super) fn remove_objects(&mut self, shelf: &Shelf, query: Box<dyn Query>) -> Outcome<()> {
        self.objects(shelf)?.delete_query(query)?;
        Ok(())
    }

    fn objects(&mut self, shelf: &Shelf) -> Outcome<&mut IndexWriter> {
        self.used = Some(Instant::now());
        let pen = match self.objects.take() {
            Some(pen) => pen,
            None => shelf.objects.writer()?,
        };
        Ok(self.objects.insert(pen))
    }

    fn month(&mut self, shelf: &Shelf, month: Slice) -> Outcome<&mut IndexWriter> {
        self.used = Some(Instant::now());
        if !self.months.contains_key(&month) {
            while self.months.len() >= MOST_OPEN {
                // The next months are most often beside the one that is wanted.
                let far = self
                    .months
                    .keys()
                    .copied()
                    .max_by_key(|open| open.from().since(month.from()).max(month.from().since(open.from())));
                let Some((shard, pen)) = far.and_then(|far| self.months.remove(&far)) else { break };
                finish(&shard, pen)?;
            }
            let shard = shelf.slice(month)?;
            let pen = shard.writer()?;
            self.months.insert(month, (shard, pen));
        }
        self.months
            .get_mut(&month)
            .map(|(_, pen)| pen)
            .ok_or_else(|| super::shard::Trouble::Disk("a month that was just opened is not there".into()))
    }

    /// Puts everything on disk: the months first, then the objects with how far that is. Searches see it then.
    pub(super) fn commit(&mut self, shelf: &Shelf, mark: Option<&mut Mark>) -> Outcome<()> {
        for (shard, pen) in self.months.values_mut() {
            pen.commit()?;
            shard.reload()?;
        }
        self.drop_empty(shelf)?;
        let payload = mark.map(|mark| {
            mark.months = shelf.months().iter().map(ToString::to_string).collect();
            mark.to_payload()
        });
        let pen = self.objects(shelf)?;
        let mut commit = pen.prepare_commit()?;
        if let Some(payload) = &payload {
            commit.set_payload(payload);
        }
        commit.commit()?;
        shelf.objects.reload()
    }

    /// Months in which nothing is left go.
    fn drop_empty(&mut self, shelf: &Shelf) -> Outcome<()> {
        let empty: Vec<_> =
            self.months.iter().filter(|(_, (shard, _))| shard.documents() == 0).map(|(month, _)| *month).collect();
        for month in empty {
            if let Some((_, pen)) = self.months.remove(&month) {
                pen.wait_merging_threads()?;
            }
            shelf.drop_slice(month)?;
        }
        Ok(())
    }

    /// Lets go of memory and threads when nothing was written for a while.
    pub(super) fn rest(&mut self) -> Outcome<()> {
        if self.used.is_some_and(|used| used.elapsed() > IDLE) { self.close() } else { Ok(()) }
    }

    /// Ends what is under way. What was not committed is not kept.
    pub(super) fn close(&mut self) -> Outcome<()> {
        self.used = None;
        if let Some(pen) = self.objects.take() {
            pen.wait_merging_threads()?;
        }
        for (_, (_, pen)) in std::mem::take(&mut self.months) {
            pen.wait_merging_threads()?;
        }
        Ok(())
    }
}

fn finish(shard: &Shard, mut pen: IndexWriter) -> Outcome<()> {
    pen.commit()?;
    pen.wait_merging_threads()?;
    shard.reload()
}
