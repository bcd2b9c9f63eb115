//! Counts what fits and keeps the first of it, in one pass over columns.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use aviary_kernel::base::{Cursor, Timestamp};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::ColumnValues;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::schema::{AT, CLASS, KEY_A, KEY_B, ORDER, PANEL, STATE};
use super::{Place, Subject, key};

/// Where a hit stands among all others: smaller comes first. Every document has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// Objects come before records where both are asked for.
    group: u64,
    first: u64,
    subject: u64,
    order: u64,
    panel: u64,
    class: u64,
    a: u64,
    b: u64,
}

const RANK_BYTES: usize = 64;

impl Rank {
    fn parts(&self) -> [u64; 8] {
        [self.group, self.first, self.subject, self.order, self.panel, self.class, self.a, self.b]
    }

    /// Where to go on behind this one.
    pub(super) fn cursor(&self) -> Cursor {
        let bytes: Vec<u8> = self.parts().iter().flat_map(|part| part.to_be_bytes()).collect();
        Cursor::after(&bytes)
    }

    /// What a cursor says; none when it is of something else.
    pub(super) fn of(cursor: &Cursor) -> Option<Self> {
        let bytes: &[u8; RANK_BYTES] = cursor.key().try_into().ok()?;
        let mut parts = bytes.chunks_exact(8).map(|part| part.try_into().map_or(0, u64::from_be_bytes));
        let mut next = || parts.next();
        Some(Self {
            group: next()?,
            first: next()?,
            subject: next()?,
            order: next()?,
            panel: next()?,
            class: next()?,
            a: next()?,
            b: next()?,
        })
    }

    /// The thing that stands there.
    pub(super) fn place(&self) -> Option<Place> {
        Place::of(self.class, self.panel, self.a, self.b)
    }
}

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// What fits best.
    Fit,
    /// What is newest; of the group of this number.
    Newest(u64),
    /// What is oldest.
    Oldest,
}

impl By {
    /// Which group the hits are of.
    fn group(self) -> u64 {
        match self {
            Self::Newest(group) => group,
            Self::Fit | Self::Oldest => 0,
        }
    }
}

/// A bit for each number that is wanted; none = all.
pub(super) type Wanted = Option<Vec<bool>>;

/// Which numbers are wanted.
pub(super) fn wanted(numbers: impl IntoIterator<Item = u64>) -> Vec<bool> {
    let mut bits = Vec::new();
    for number in numbers.into_iter().filter_map(|number| usize::try_from(number).ok()) {
        if bits.len() <= number {
            bits.resize(number + 1, false);
        }
        bits[number] = true;
    }
    bits
}

fn wants(wanted: &Wanted, number: u64) -> bool {
    wanted.as_ref().is_none_or(|bits| usize::try_from(number).is_ok_and(|at| bits.get(at).copied().unwrap_or(false)))
}

/// What is to be collected from one index.
#[derive(Clone)]
pub(super) struct Collect {
    pub(super) by: By,
    /// So many hits.
    pub(super) most: usize,
    /// Behind this one.
    pub(super) after: Option<Rank>,
    /// Whether to count by class, panel and state. Then the query does not narrow to them; these do.
    pub(super) facets: bool,
    pub(super) classes: Wanted,
    pub(super) panels: Wanted,
    pub(super) states: Wanted,
    /// Whether to count over time.
    pub(super) times: bool,
}

/// What was collected.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) total: u64,
    /// In order.
    pub(super) ranks: Vec<Rank>,
    pub(super) classes: HashMap<u64, u64>,
    pub(super) panels: HashMap<u64, u64>,
    pub(super) states: HashMap<u64, u64>,
    /// How many in each quarter of an hour, by its number since 1970: all time zones are whole quarters apart.
    pub(super) quarters: HashMap<i64, u64>,
}

/// A quarter of an hour.
pub(super) const QUARTER_MS: i64 = 900_000;

impl Collected {
    /// Adds what another index gave.
    pub(super) fn add(&mut self, other: Self) {
        self.total += other.total;
        self.ranks.extend(other.ranks);
        let sums =
            [(&mut self.classes, other.classes), (&mut self.panels, other.panels), (&mut self.states, other.states)];
        for (sum, counts) in sums {
            for (number, count) in counts {
                *sum.entry(number).or_default() += count;
            }
        }
        for (quarter, count) in other.quarters {
            *self.quarters.entry(quarter).or_default() += count;
        }
    }

    /// Puts what was found in order and keeps the first of it.
    pub(super) fn keep(&mut self, most: usize) {
        self.ranks.sort_unstable();
        self.ranks.truncate(most);
    }
}

type Column = Arc<dyn ColumnValues<u64>>;

/// What documents are counted by and put in order by.
struct Columns {
    class: Column,
    panel: Column,
    state: Column,
    order: Column,
    at: Arc<dyn ColumnValues<i64>>,
    a: Column,
    b: Column,
}

pub(super) struct Segment {
    collect: Collect,
    columns: Columns,
    best: Best,
    total: u64,
    counts: Counts,
    quarters: Quarters,
}

/// Counts by small numbers.
#[derive(Default)]
struct Counts {
    classes: Vec<u64>,
    panels: Vec<u64>,
    states: Vec<u64>,
}

/// Numbers of panels from here on are not counted by themselves.
const MOST_COUNTED: usize = 65_536;

fn count(counts: &mut Vec<u64>, number: u64) {
    let Some(at) = usize::try_from(number).ok().filter(|at| *at < MOST_COUNTED) else { return };
    if counts.len() <= at {
        counts.resize(at + 1, 0);
    }
    counts[at] += 1;
}

fn counted(counts: Vec<u64>) -> HashMap<u64, u64> {
    (0..).zip(counts).filter(|(_, count)| *count > 0).collect()
}

/// Counts by quarters of an hour: side by side where they are near each other.
#[derive(Default)]
struct Quarters {
    first: i64,
    near: Vec<u32>,
    far: HashMap<i64, u64>,
}

/// A month has fewer quarters than this.
const NEAR: usize = 3_200;

impl Quarters {
    fn count(&mut self, at: i64) {
        let quarter = at.div_euclid(QUARTER_MS);
        match usize::try_from(quarter - self.first).ok().and_then(|place| self.near.get_mut(place)) {
            Some(count) => *count += 1,
            None => *self.far.entry(quarter).or_default() += 1,
        }
    }

    fn into_map(self) -> HashMap<i64, u64> {
        let mut all = self.far;
        for (quarter, count) in (self.first..).zip(self.near).filter(|(_, count)| *count > 0) {
            *all.entry(quarter).or_default() += u64::from(count);
        }
        all
    }
}

impl Collector for Collect {
    type Fruit = Collected;
    type Child = Segment;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<Segment> {
        let columns = segment.fast_fields();
        let column = |name: &str| columns.u64(name).map(|column| column.first_or_default_col(0));
        let at = columns.i64(AT)?.first_or_default_col(0);
        let quarters = if self.times {
            Quarters { first: at.min_value().div_euclid(QUARTER_MS), near: vec![0; NEAR], far: HashMap::new() }
        } else {
            Quarters::default()
        };
        let columns = Columns {
            class: column(CLASS)?,
            panel: column(PANEL)?,
            state: column(STATE)?,
            order: column(ORDER)?,
            at,
            a: column(KEY_A)?,
            b: column(KEY_B)?,
        };
        let best = Best { most: self.most, worst: u64::MAX, found: Vec::new() };
        Ok(Segment { collect: self.clone(), columns, best, total: 0, counts: Counts::default(), quarters })
    }

    fn requires_scoring(&self) -> bool {
        self.by == By::Fit
    }

    fn merge_fruits(&self, fruits: Vec<Collected>) -> tantivy::Result<Collected> {
        let mut all = Collected::default();
        fruits.into_iter().for_each(|fruit| all.add(fruit));
        all.keep(self.most);
        Ok(all)
    }
}

impl Segment {
    /// Whether it counts among the hits; counts it by class, panel and state, each as if it alone were not narrowed.
    fn count(&mut self, doc: DocId) -> bool {
        let Columns { class, panel, state, .. } = &self.columns;
        let (class, panel, state) = (class.get_val(doc), panel.get_val(doc), state.get_val(doc));
        let collect = &self.collect;
        let fits = [wants(&collect.classes, class), wants(&collect.panels, panel), wants(&collect.states, state)];
        match fits {
            [_, true, true] => count(&mut self.counts.classes, class),
            _ if fits.iter().filter(|fits| !**fits).count() > 1 => return false,
            _ => {}
        }
        if fits[0] && fits[2] {
            count(&mut self.counts.panels, panel);
        }
        if fits[0] && fits[1] {
            count(&mut self.counts.states, state);
        }
        fits == [true; 3]
    }

    fn keep(&mut self, doc: DocId, score: Score) {
        let by = self.collect.by;
        let first = match by {
            // Fits are small whole numbers.
            By::Fit => u64::MAX - score as u64,
            By::Newest(_) => u64::MAX - ordered(self.columns.at.get_val(doc)),
            By::Oldest => ordered(self.columns.at.get_val(doc)),
        };
        if first > self.best.worst {
            return;
        }
        if let Some(after) = &self.collect.after {
            let is_behind = match (by.group(), first).cmp(&(after.group, after.first)) {
                Ordering::Less => false,
                Ordering::Equal => self.columns.rank(by, first, doc) > *after,
                Ordering::Greater => true,
            };
            if !is_behind {
                return;
            }
        }
        let columns = &self.columns;
        self.best.push(first, doc, |first, doc| columns.rank(by, first, doc));
    }
}

impl Columns {
    fn rank(&self, by: By, first: u64, doc: DocId) -> Rank {
        let class = self.class.get_val(doc);
        Rank {
            group: by.group(),
            first,
            subject: key::subject_of(class).map_or(0, place_of),
            order: if by == By::Fit { self.order.get_val(doc) } else { 0 },
            panel: self.panel.get_val(doc),
            class,
            a: self.a.get_val(doc),
            b: self.b.get_val(doc),
        }
    }
}

/// The first documents of an order. Records stand in the index as they happened, so that each is newer than all before it: a heap would
/// be turned over for every one of them. Here many are gathered, and then the first are kept.
struct Best {
    most: usize,
    /// What stands behind this is not among the first.
    worst: u64,
    found: Vec<(u64, DocId)>,
}

/// So many documents are gathered.
const GATHERED: usize = 2_048;

impl Best {
    fn push(&mut self, first: u64, doc: DocId, rank: impl Fn(u64, DocId) -> Rank) {
        self.found.push((first, doc));
        if self.found.len() >= GATHERED.max(self.most * 4) {
            self.shrink(rank);
        }
    }

    fn shrink(&mut self, rank: impl Fn(u64, DocId) -> Rank) {
        let Some(last) = self.most.checked_sub(1).filter(|last| *last < self.found.len()) else { return };
        self.worst = self.found.select_nth_unstable_by_key(last, |(first, _)| *first).1.0;
        self.found.retain(|(first, _)| *first <= self.worst);
        // Where many stand at the same place, the rest of the order decides.
        if self.found.len() > self.most * 2 {
            self.found.sort_by_cached_key(|(first, doc)| rank(*first, *doc));
            self.found.truncate(self.most);
        }
    }
}

/// In which order people want to see what fits equally well.
fn place_of(subject: Subject) -> u64 {
    const FIRST: [Subject; 6] =
        [Subject::Server, Subject::Node, Subject::User, Subject::Panel, Subject::Account, Subject::Egg];
    match FIRST.iter().position(|first| *first == subject) {
        Some(place) => place as u64,
        None => FIRST.len() as u64 + subject.number(),
    }
}

/// A moment as a number that sorts alike.
fn ordered(at: i64) -> u64 {
    at.cast_unsigned() ^ (1 << 63)
}

/// The moment of a number from [`ordered`].
pub(super) fn moment(number: u64) -> Timestamp {
    Timestamp::from_millis((number ^ (1 << 63)).cast_signed())
}

impl Rank {
    /// Whether it is one of the records that stand behind the objects.
    pub(super) fn is_record(&self) -> bool {
        self.group == 1
    }

    /// When the hit happened, in an order by time.
    pub(super) fn newest_at(&self) -> Timestamp {
        moment(u64::MAX - self.first)
    }
}

impl SegmentCollector for Segment {
    type Fruit = Collected;

    fn collect(&mut self, doc: DocId, score: Score) {
        if self.collect.facets && !self.count(doc) {
            return;
        }
        self.total += 1;
        if self.collect.times {
            self.quarters.count(self.columns.at.get_val(doc));
        }
        if self.collect.most > 0 {
            self.keep(doc, score);
        }
    }

    fn harvest(mut self) -> Collected {
        let (columns, by) = (&self.columns, self.collect.by);
        self.best.shrink(|first, doc| columns.rank(by, first, doc));
        Collected {
            total: self.total,
            ranks: self.best.found.iter().map(|(first, doc)| columns.rank(by, *first, *doc)).collect(),
            classes: counted(self.counts.classes),
            panels: counted(self.counts.panels),
            states: counted(self.counts.states),
            quarters: self.quarters.into_map(),
        }
    }
}
