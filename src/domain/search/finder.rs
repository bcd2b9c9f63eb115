//! Tells lists which rows hold a text, and which entries of the history are of some sort.

use std::collections::HashSet;
use std::sync::Arc;

use aviary_kernel::model::PanelId;
use aviary_kernel::store::tables::RowKey;
use tantivy::Term;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column, ColumnValues};
use tantivy::query::{BooleanQuery, PhraseQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::columns::{Stamp, values};
use super::key::class;
use super::schema::{CHANGE, CUT, Fields, KEY_A, LONGEST_NAME, STAMP, gone, has};
use super::shard::{Outcome, Shard};
use super::shelf::Shelf;
use super::{Subject, words};
use crate::mirror::{Candidates, Sought, SoughtChanges};

/// The rows that hold a text; none when the text is too short to be known, or such objects are not found by themselves.
pub(super) fn rows(objects: &Shard, sought: &Sought<'_>) -> Outcome<Option<Candidates>> {
    let Some(subject) = Subject::of_kind(sought.kind).filter(|_| words::has_grams(sought.needle)) else {
        return Ok(None);
    };
    objects.check()?;
    let fields = &objects.fields;
    let term = |text: String| attribute(fields, &text);
    let grams: Vec<_> =
        words::grams(sought.needle).iter().map(|gram| Term::from_field_text(fields.own, gram)).collect();
    let holds: Box<dyn Query> = match grams.as_slice() {
        [single] => Box::new(TermQuery::new(single.clone(), IndexRecordOption::Basic)),
        _ => Box::new(PhraseQuery::new(grams)),
    };
    let searcher = objects.searcher();
    let among = |query: Box<dyn Query>| {
        let mut all = vec![query, term(format!("kind:{}", subject.word()))];
        all.extend(sought.panel.map(|panel| term(format!("panel:{panel}"))));
        searcher.search(&BooleanQuery::intersection(all), &Keys)
    };
    Ok(Some(Candidates { sure: among(holds)?, unsure: among(term(CUT.to_owned()))? }))
}

fn attribute(fields: &Fields, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(fields.attr, text), IndexRecordOption::Basic))
}

/// The numbers of the newest entries of the history that are of some sort, newest first; none when not all of them can be asked for.
pub(super) fn changes(shelf: &Shelf, sought: &SoughtChanges<'_>) -> Outcome<Option<Vec<u64>>> {
    if sought.field.is_some_and(|field| field.len() > LONGEST_NAME) {
        return Ok(None);
    }
    let mut months = Vec::new();
    for month in shelf.months() {
        let Some(shard) = shelf.read(month)? else { return Ok(None) };
        shard.check()?;
        let searcher = shard.searcher();
        let ranges = searcher.segment_readers().iter().map(numbers_of).collect::<tantivy::Result<Vec<_>>>()?;
        let newest = ranges.into_iter().flatten().map(|column| column.max_value()).max();
        months.extend(newest.map(|newest| (newest, searcher)));
    }
    // By what they hold: whoever puts the clock back has entries of a later number in an earlier month.
    months.sort_by_key(|(newest, _)| std::cmp::Reverse(*newest));
    let query = of_sort(&shelf.objects.fields, sought);
    let mut numbers: Vec<u64> = Vec::new();
    for (newest, searcher) in months {
        let is_full = sought.most.checked_sub(1).and_then(|last| numbers.get(last));
        if is_full.is_some_and(|last| *last > newest) {
            break;
        }
        numbers.extend(searcher.search(&query, &Newest { below: sought.below, most: sought.most })?);
        keep(&mut numbers, sought.most);
    }
    Ok(Some(numbers))
}

fn of_sort(fields: &Fields, sought: &SoughtChanges<'_>) -> BooleanQuery {
    let wanted = [
        Some(match sought.kind {
            Some(kind) => format!("class:{}", class(Subject::Change, Some(kind))),
            None => format!("kind:{}", Subject::Change.word()),
        }),
        sought.panel.map(|panel| format!("panel:{panel}")),
        sought.operation.map(|operation| format!("state:{}", operation.word())),
        sought.sync.map(|sync| format!("sync:{sync}")),
        sought.field.map(has),
        sought.removed_uuid.map(gone),
    ];
    BooleanQuery::intersection(wanted.iter().flatten().map(|text| attribute(fields, text)).collect())
}

/// The numbers of changes in a part of an index; none where there are no changes.
fn numbers_of(segment: &SegmentReader) -> tantivy::Result<Option<Column<u64>>> {
    let column = segment.fast_fields().column_opt::<u64>(CHANGE)?;
    Ok(column.filter(|column| column.values.num_vals() > 0))
}

fn keep(numbers: &mut Vec<u64>, most: usize) {
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.truncate(most);
}

/// Collects the largest numbers of changes.
struct Newest {
    below: u64,
    most: usize,
}

struct SegmentNewest {
    column: Option<Arc<dyn ColumnValues<u64>>>,
    below: u64,
    most: usize,
    /// What is smaller is not among them.
    least: u64,
    numbers: Vec<u64>,
}

/// So many numbers are gathered before the largest are kept.
const GATHERED: usize = 4_096;

impl Collector for Newest {
    type Fruit = Vec<u64>;
    type Child = SegmentNewest;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentNewest> {
        let column = numbers_of(segment)?.filter(|column| column.min_value() < self.below);
        let column = column.map(values);
        Ok(SegmentNewest { column, below: self.below, most: self.most, least: 1, numbers: Vec::new() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<Vec<u64>>) -> tantivy::Result<Vec<u64>> {
        Ok(fruits.concat())
    }
}

impl SegmentCollector for SegmentNewest {
    type Fruit = Vec<u64>;

    fn collect(&mut self, doc: DocId, _: Score) {
        let Some(column) = &self.column else { return };
        let number = column.get_val(doc);
        if number >= self.least && number < self.below {
            self.numbers.push(number);
            if self.numbers.len() >= GATHERED.max(self.most * 2) {
                keep(&mut self.numbers, self.most);
                self.least = self.numbers.last().copied().unwrap_or(1);
            }
        }
    }

    fn harvest(self) -> Vec<u64> {
        self.numbers
    }
}

/// Collects the rows of what is found.
struct Keys;

struct SegmentKeys {
    stamp: Arc<dyn ColumnValues<u64>>,
    id: Arc<dyn ColumnValues<u64>>,
    keys: HashSet<RowKey>,
}

impl Collector for Keys {
    type Fruit = HashSet<RowKey>;
    type Child = SegmentKeys;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentKeys> {
        let column = |name: &str| segment.fast_fields().u64(name).map(values);
        Ok(SegmentKeys { stamp: column(STAMP)?, id: column(KEY_A)?, keys: HashSet::new() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<HashSet<RowKey>>) -> tantivy::Result<HashSet<RowKey>> {
        Ok(fruits
            .into_iter()
            .reduce(|mut all, more| {
                all.extend(more);
                all
            })
            .unwrap_or_default())
    }
}

impl SegmentCollector for SegmentKeys {
    type Fruit = HashSet<RowKey>;

    fn collect(&mut self, doc: DocId, _: Score) {
        let panel = u32::try_from(Stamp(self.stamp.get_val(doc)).panel()).unwrap_or_default();
        self.keys.insert((PanelId(panel), self.id.get_val(doc)));
    }

    fn harvest(self) -> HashSet<RowKey> {
        self.keys
    }
}
