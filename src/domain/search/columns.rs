//! The columns of a part of an index, opened once, and what they add up to when everything is asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aviary_kernel::model::PanelId;
use tantivy::columnar::{Column, ColumnIndex, ColumnValues};
use tantivy::index::SegmentId;
use tantivy::{DocId, Opstamp, Searcher, SegmentReader};

use super::collect::QUARTER_MS;
use super::schema::{AT, KEY_A, KEY_B, ORDER, STAMP};

/// What documents are counted and narrowed by, in one number: class, panel and state. There are few of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Stamp(pub(super) u64);

const STATE_BITS: u32 = 8;
const CLASS_BITS: u32 = 16;

impl Stamp {
    /// Of these numbers; 0 = no panel, no state.
    pub(super) fn of(class: u64, panel: Option<PanelId>, state: u64) -> Self {
        let panel = panel.map_or(0, |panel| u64::from(panel.0));
        Self((((panel << CLASS_BITS) | (class & 0xffff)) << STATE_BITS) | (state & 0xff))
    }

    pub(super) fn class(self) -> u64 {
        (self.0 >> STATE_BITS) & 0xffff
    }

    pub(super) fn panel(self) -> u64 {
        self.0 >> (STATE_BITS + CLASS_BITS)
    }

    pub(super) fn state(self) -> u64 {
        self.0 & 0xff
    }
}

type Values<T> = Arc<dyn ColumnValues<T>>;

/// The columns of a part of an index.
pub(super) struct Columns {
    pub(super) stamp: Values<u64>,
    pub(super) at: Values<i64>,
    pub(super) order: Values<u64>,
    pub(super) a: Values<u64>,
    pub(super) b: Values<u64>,
}

impl Columns {
    fn open(segment: &SegmentReader) -> tantivy::Result<Self> {
        let columns = segment.fast_fields();
        Ok(Self {
            stamp: values(columns.u64(STAMP)?),
            at: values(columns.i64(AT)?),
            order: values(columns.u64(ORDER)?),
            a: values(columns.u64(KEY_A)?),
            b: values(columns.u64(KEY_B)?),
        })
    }

    pub(super) fn stamp(&self, doc: DocId) -> Stamp {
        Stamp(self.stamp.get_val(doc))
    }
}

/// The first value of each document; read without detour where each has exactly one, as all of ours have.
pub(super) fn values<T>(column: Column<T>) -> Values<T>
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + Default + 'static,
{
    match column.index {
        ColumnIndex::Full => column.values,
        _ => column.first_or_default_col(T::default()),
    }
}

/// How many documents there are of which stamp, and of those in which quarter of an hour.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) stamps: Vec<(Stamp, u64)>,
    /// (place among the stamps, quarter since 1970, how many), without those of which there are none.
    pub(super) quarters: Vec<(usize, i64, u64)>,
}

impl Tally {
    fn of(columns: &Columns, segment: &SegmentReader) -> Self {
        let mut places: HashMap<Stamp, usize> = HashMap::new();
        let mut tally = Self::default();
        let mut quarters: HashMap<(usize, i64), u64> = HashMap::new();
        // Neighbours are mostly alike.
        let (mut last, mut run) = ((Stamp(u64::MAX), i64::MIN), 0);
        let mut close = |(stamp, quarter): (Stamp, i64), run: u64, tally: &mut Self| {
            let place = *places.entry(stamp).or_insert_with(|| {
                tally.stamps.push((stamp, 0));
                tally.stamps.len() - 1
            });
            tally.stamps[place].1 += run;
            *quarters.entry((place, quarter)).or_default() += run;
        };
        let alive = segment.alive_bitset();
        for doc in (0..segment.max_doc()).filter(|doc| alive.is_none_or(|alive| alive.is_alive(*doc))) {
            let this = (columns.stamp(doc), columns.at.get_val(doc).div_euclid(QUARTER_MS));
            if this != last {
                if run > 0 {
                    close(last, run, &mut tally);
                }
                (last, run) = (this, 0);
            }
            run += 1;
        }
        if run > 0 {
            close(last, run, &mut tally);
        }
        tally.quarters = quarters.into_iter().map(|((place, quarter), count)| (place, quarter, count)).collect();
        tally
    }
}

/// What is known of the parts of an index, until they are gone.
#[derive(Default)]
pub(super) struct Parts(Mutex<HashMap<SegmentId, Part>>);

struct Part {
    columns: Arc<Columns>,
    /// With what was deleted by then.
    tally: Option<(Option<Opstamp>, Arc<Tally>)>,
}

impl Parts {
    /// The columns of a part.
    pub(super) fn columns(&self, segment: &SegmentReader) -> tantivy::Result<Arc<Columns>> {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = parts.get(&segment.segment_id()) {
            return Ok(part.columns.clone());
        }
        let columns = Arc::new(Columns::open(segment)?);
        parts.insert(segment.segment_id(), Part { columns: columns.clone(), tally: None });
        Ok(columns)
    }

    /// What all documents of a part add up to.
    pub(super) fn tally(&self, columns: &Columns, segment: &SegmentReader) -> Arc<Tally> {
        let (id, deleted) = (segment.segment_id(), segment.delete_opstamp());
        let parts = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = parts().get(&id).and_then(|part| part.tally.clone());
        if let Some((_, tally)) = kept.filter(|(when, _)| *when == deleted) {
            return tally;
        }
        let tally = Arc::new(Tally::of(columns, segment));
        if let Some(part) = parts().get_mut(&id) {
            part.tally = Some((deleted, tally.clone()));
        }
        tally
    }

    /// Forgets the parts that are not searched any more.
    pub(super) fn keep(&self, searcher: &Searcher) {
        let there: Vec<_> = searcher.segment_readers().iter().map(SegmentReader::segment_id).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| there.contains(id));
    }
}
