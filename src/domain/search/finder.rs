//! Tells lists which rows hold a text.

use std::collections::HashSet;
use std::sync::Arc;

use aviary_kernel::model::PanelId;
use aviary_kernel::store::tables::RowKey;
use tantivy::Term;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::ColumnValues;
use tantivy::query::{BooleanQuery, PhraseQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::schema::{CUT, KEY_A, PANEL};
use super::shard::{Outcome, Shard};
use super::{Subject, words};
use crate::mirror::{Candidates, Sought};

/// The rows that hold a text; none when the text is too short to be known, or such objects are not found by themselves.
pub(super) fn rows(objects: &Shard, sought: &Sought<'_>) -> Outcome<Option<Candidates>> {
    let Some(subject) = Subject::of_kind(sought.kind).filter(|_| words::has_grams(sought.needle)) else {
        return Ok(None);
    };
    let fields = &objects.fields;
    let term = |text: String| -> Box<dyn Query> {
        Box::new(TermQuery::new(Term::from_field_text(fields.attr, &text), IndexRecordOption::Basic))
    };
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

/// Collects the rows of what is found.
struct Keys;

struct SegmentKeys {
    panel: Arc<dyn ColumnValues<u64>>,
    id: Arc<dyn ColumnValues<u64>>,
    keys: HashSet<RowKey>,
}

impl Collector for Keys {
    type Fruit = HashSet<RowKey>;
    type Child = SegmentKeys;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentKeys> {
        let column = |name: &str| segment.fast_fields().u64(name).map(|column| column.first_or_default_col(0));
        Ok(SegmentKeys { panel: column(PANEL)?, id: column(KEY_A)?, keys: HashSet::new() })
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
        let panel = u32::try_from(self.panel.get_val(doc)).unwrap_or_default();
        self.keys.insert((PanelId(panel), self.id.get_val(doc)));
    }

    fn harvest(self) -> HashSet<RowKey> {
        self.keys
    }
}
