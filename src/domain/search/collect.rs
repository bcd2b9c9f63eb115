//! Counts what fits and keeps the first of it, in one pass over columns.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use aviary_kernel::base::{Cursor, Timestamp};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::query::Weight;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::columns::{Columns, Parts, Stamp};
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

/// What is to be collected from one index.
#[derive(Clone)]
pub(super) struct Collect {
    pub(super) by: By,
    /// So many hits.
    pub(super) most: usize,
    /// Behind this one.
    pub(super) after: Option<Rank>,
    /// Not before this, and before this, in milliseconds; none = whenever.
    pub(super) range: Option<(i64, i64)>,
    /// By what to count, if to count by class, panel and state. Then the query does not narrow to them; this does.
    pub(super) facets: Option<Arc<Narrow>>,
    /// Whether to count over time.
    pub(super) times: bool,
    /// The query asks for everything.
    pub(super) everything: bool,
    /// What is known of the index.
    pub(super) parts: Arc<Parts>,
}

/// What of the documents that a query finds is wanted.
#[derive(Debug)]
pub(super) struct Narrow {
    /// What may be seen and was not left out; nothing else is counted.
    pub(super) seen: Vec<u64>,
    pub(super) classes: Vec<u64>,
    /// None = of whichever.
    pub(super) panels: Option<Vec<u64>>,
    pub(super) not_panels: Vec<u64>,
    /// None = in whichever.
    pub(super) states: Option<Vec<u64>>,
    pub(super) not_states: Vec<u64>,
}

impl Narrow {
    /// Whether class, panel and state of a stamp are wanted; none when it may not be seen, or was left out: choosing what was
    /// left out would find nothing.
    fn fits(&self, stamp: Stamp) -> Option<[bool; 3]> {
        let is_left_out = self.not_panels.contains(&stamp.panel()) || self.not_states.contains(&stamp.state());
        let among = |wanted: &Option<Vec<u64>>, number: u64| wanted.as_ref().is_none_or(|of| of.contains(&number));
        (self.seen.contains(&stamp.class()) && !is_left_out).then(|| {
            [
                self.classes.contains(&stamp.class()),
                among(&self.panels, stamp.panel()),
                among(&self.states, stamp.state()),
            ]
        })
    }
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
    /// How many in which quarter of an hour, by its number since 1970: all time zones are whole quarters apart. A quarter may
    /// stand there several times.
    pub(super) quarters: Vec<(i64, u64)>,
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
        self.quarters.extend(other.quarters);
    }

    /// Puts what was found in order and keeps the first of it.
    pub(super) fn keep(&mut self, most: usize) {
        self.ranks.sort_unstable();
        self.ranks.truncate(most);
    }
}

pub(super) struct Segment {
    collect: Collect,
    columns: Arc<Columns>,
    /// The range, where the part reaches beyond it.
    range: Option<(i64, i64)>,
    /// Nothing of it is in the range.
    is_outside: bool,
    /// What is found is counted; else only the first hits are kept.
    counts: bool,
    block: Block,
    best: Best,
    total: u64,
    slots: Option<Slots>,
    quarters: Quarters,
}

/// Documents that are looked at together.
struct Block {
    length: usize,
    docs: [DocId; BLOCK],
    ats: [i64; BLOCK],
    stamps: [u64; BLOCK],
}

const BLOCK: usize = 64;

impl Block {
    fn new() -> Self {
        Self { length: 0, docs: [0; BLOCK], ats: [0; BLOCK], stamps: [0; BLOCK] }
    }

    /// Keeps those of which `keeps` says so, by their places.
    fn retain(&mut self, mut keeps: impl FnMut(&Self, usize) -> bool) {
        let mut kept = 0;
        for place in 0..self.length {
            if keeps(self, place) {
                self.docs[kept] = self.docs[place];
                self.ats[kept] = self.ats[place];
                kept += 1;
            }
        }
        self.length = kept;
    }
}

/// Counts by stamp.
struct Slots {
    narrow: Arc<Narrow>,
    /// Of each stamp that was met: whether it fits, and how many there are.
    met: Vec<(Stamp, Option<[bool; 3]>, u64)>,
    places: HashMap<Stamp, usize>,
    /// Where those that were met last stand, so that they need not be looked up.
    near: [(u64, usize); NEAR_STAMPS],
}

const NEAR_STAMPS: usize = 64;

impl Slots {
    fn new(narrow: Arc<Narrow>) -> Self {
        // No stamp is all ones.
        Self { narrow, met: Vec::new(), places: HashMap::new(), near: [(u64::MAX, 0); NEAR_STAMPS] }
    }

    fn place(&mut self, stamp: u64) -> usize {
        // Classes, panels and states are small numbers at eight, twenty-four and no bits.
        let near = ((stamp ^ (stamp >> 5) ^ (stamp >> 21)) as usize) % NEAR_STAMPS;
        if self.near[near].0 != stamp {
            let Self { narrow, met, places, .. } = self;
            let place = *places.entry(Stamp(stamp)).or_insert_with(|| {
                met.push((Stamp(stamp), narrow.fits(Stamp(stamp)), 0));
                met.len() - 1
            });
            self.near[near] = (stamp, place);
        }
        self.near[near].1
    }

    /// Counts some of a stamp; whether they count among the hits.
    fn count(&mut self, stamp: u64, some: u64) -> bool {
        let place = self.place(stamp);
        let (_, fits, count) = &mut self.met[place];
        *count += some;
        *fits == Some([true; 3])
    }

    fn fits(&mut self, stamp: u64) -> bool {
        let place = self.place(stamp);
        self.met[place].1 == Some([true; 3])
    }

    /// By class, by panel and by state, each as if it alone were not narrowed.
    fn by(&self) -> [HashMap<u64, u64>; 3] {
        let mut by = [HashMap::new(), HashMap::new(), HashMap::new()];
        for (stamp, fits, count) in self.met.iter().filter(|(.., count)| *count > 0) {
            let Some(fits) = fits else { continue };
            for (of, number) in [stamp.class(), stamp.panel(), stamp.state()].into_iter().enumerate() {
                if (0..3).all(|other| other == of || fits[other]) {
                    *by[of].entry(number).or_default() += count;
                }
            }
        }
        by
    }
}

/// Counts by quarters of an hour: side by side where they are near each other.
#[derive(Default)]
struct Quarters {
    first: i64,
    near: Vec<u32>,
    far: Vec<(i64, u64)>,
}

/// A month has fewer quarters than this.
const NEAR: usize = 3_200;

impl Quarters {
    fn count(&mut self, at: i64) {
        let quarter = at.div_euclid(QUARTER_MS);
        match usize::try_from(quarter - self.first).ok().and_then(|place| self.near.get_mut(place)) {
            Some(count) => *count += 1,
            None => match self.far.last_mut() {
                Some((last, count)) if *last == quarter => *count += 1,
                _ => self.far.push((quarter, 1)),
            },
        }
    }

    fn into_pairs(self) -> Vec<(i64, u64)> {
        let mut all = self.far;
        all.extend((self.first..).zip(self.near).filter(|(_, n)| *n > 0).map(|(quarter, n)| (quarter, u64::from(n))));
        all
    }
}

impl Collector for Collect {
    type Fruit = Collected;
    type Child = Segment;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<Segment> {
        let columns = self.parts.columns(segment)?;
        let (first, last) = (columns.at.min_value(), columns.at.max_value());
        let quarters = if self.times {
            Quarters { first: first.div_euclid(QUARTER_MS), near: vec![0; NEAR], far: Vec::new() }
        } else {
            Quarters::default()
        };
        Ok(Segment {
            range: self.range.filter(|(since, until)| first < *since || last >= *until),
            is_outside: self.range.is_some_and(|(since, until)| last < since || first >= until),
            counts: true,
            block: Block::new(),
            best: Best { most: self.most, worst: u64::MAX, found: Vec::new() },
            total: 0,
            slots: self.facets.clone().map(Slots::new),
            quarters,
            columns,
            collect: self.clone(),
        })
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

    fn collect_segment(&self, weight: &dyn Weight, ord: u32, reader: &SegmentReader) -> tantivy::Result<Collected> {
        let mut segment = self.for_segment(ord, reader)?;
        if segment.is_outside {
            return Ok(segment.harvest());
        }
        let alive = reader.alive_bitset();
        let is_alive = |doc: DocId| alive.is_none_or(|alive| alive.is_alive(doc));
        if self.everything {
            segment.everything(reader);
            if segment.counts || self.most > 0 {
                (0..reader.max_doc()).filter(|doc| is_alive(*doc)).for_each(|doc| segment.gather(doc));
            }
        } else if self.requires_scoring() {
            weight.for_each(reader, &mut |doc, score| {
                if is_alive(doc) {
                    segment.collect(doc, score);
                }
            })?;
        } else {
            weight.for_each_no_score(reader, &mut |docs| {
                docs.iter().filter(|doc| is_alive(**doc)).for_each(|doc| segment.gather(*doc));
            })?;
        }
        Ok(segment.harvest())
    }
}

impl Segment {
    /// Counts everything at once, as far as that is known. What is left to do is to find the first hits.
    fn everything(&mut self, reader: &SegmentReader) {
        if self.range.is_some() || (self.slots.is_none() && !self.collect.times) {
            return;
        }
        self.counts = false;
        let tally = self.collect.parts.tally(&self.columns, reader);
        let mut fits = Vec::with_capacity(tally.stamps.len());
        for (stamp, count) in &tally.stamps {
            let is_hit = self.slots.as_mut().is_none_or(|slots| slots.count(stamp.0, *count));
            self.total += if is_hit { *count } else { 0 };
            fits.push(is_hit);
        }
        if self.collect.times {
            let hits = tally.quarters.iter().filter(|(place, ..)| fits[*place]);
            self.quarters.far.extend(hits.map(|(_, quarter, count)| (*quarter, *count)));
        }
    }

    /// One more document, of which only the time matters.
    fn gather(&mut self, doc: DocId) {
        self.block.docs[self.block.length] = doc;
        self.block.length += 1;
        if self.block.length == BLOCK {
            self.look(0.0);
        }
    }

    /// Looks at the documents that were gathered.
    fn look(&mut self, score: Score) {
        let Self { collect, columns, block, .. } = self;
        let wants_hits = collect.most > 0;
        if self.range.is_some() || collect.times || (wants_hits && collect.by != By::Fit) {
            columns.at.get_vals(&block.docs[..block.length], &mut block.ats[..block.length]);
        }
        if let Some((since, until)) = self.range {
            block.retain(|block, place| (since..until).contains(&block.ats[place]));
        }
        if let Some(slots) = &mut self.slots {
            columns.stamp.get_vals(&block.docs[..block.length], &mut block.stamps[..block.length]);
            let counts = self.counts;
            block.retain(|block, place| match counts {
                true => slots.count(block.stamps[place], 1),
                false => slots.fits(block.stamps[place]),
            });
        }
        if self.counts {
            self.total += block.length as u64;
            if collect.times {
                block.ats[..block.length].iter().for_each(|at| self.quarters.count(*at));
            }
        }
        if wants_hits {
            for place in 0..self.block.length {
                self.keep(self.block.docs[place], self.block.ats[place], score);
            }
        }
        self.block.length = 0;
    }

    fn keep(&mut self, doc: DocId, at: i64, score: Score) {
        let by = self.collect.by;
        let first = match by {
            // Fits are small whole numbers.
            By::Fit => u64::MAX - score as u64,
            By::Newest(_) => u64::MAX - ordered(at),
            By::Oldest => ordered(at),
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
        let stamp = self.stamp(doc);
        Rank {
            group: by.group(),
            first,
            subject: key::subject_of(stamp.class()).map_or(0, place_of),
            order: if by == By::Fit { self.order.get_val(doc) } else { 0 },
            panel: stamp.panel(),
            class: stamp.class(),
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
        self.block.docs[0] = doc;
        self.block.length = 1;
        self.look(score);
    }

    fn harvest(mut self) -> Collected {
        self.look(0.0);
        let (columns, by) = (&self.columns, self.collect.by);
        self.best.shrink(|first, doc| columns.rank(by, first, doc));
        let [classes, panels, states] = self.slots.as_ref().map(Slots::by).unwrap_or_default();
        Collected {
            total: self.total,
            ranks: self.best.found.iter().map(|(first, doc)| columns.rank(by, *first, *doc)).collect(),
            classes,
            panels,
            states,
            quarters: self.quarters.into_pairs(),
        }
    }
}
