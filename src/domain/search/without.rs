use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SeekDangerResult, SegmentReader, Term};

/// What is left out of the hits. Leaving out asks for each hit whether it is here, also for those that stand before the place that was
/// come to, which phrases take for a fault. Such a question is answered without them.
#[derive(Debug)]
pub(super) struct Without(pub(super) Box<dyn Query>);

impl Clone for Without {
    fn clone(&self) -> Self {
        Self(self.0.box_clone())
    }
}

impl Query for Without {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(WithoutWeight(self.0.weight(scoring)?)))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.0.query_terms(visitor);
    }
}

struct WithoutWeight(Box<dyn Weight>);

impl Weight for WithoutWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let scorer = self.0.scorer(segment, boost)?;
        Ok(Box::new(WithoutScorer { next: scorer.doc(), scorer }))
    }

    fn explain(&self, segment: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        self.0.explain(segment, doc)
    }
}

struct WithoutScorer {
    scorer: Box<dyn Scorer>,
    /// Nothing that it has stands before this, from where it is.
    next: DocId,
}

impl DocSet for WithoutScorer {
    fn advance(&mut self) -> DocId {
        self.next = self.scorer.advance();
        self.next
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.next = self.scorer.seek(target);
        self.next
    }

    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        if target < self.next {
            return SeekDangerResult::SeekLowerBound(self.next);
        }
        let found = self.scorer.seek_danger(target);
        self.next = match found {
            SeekDangerResult::Found => target,
            SeekDangerResult::SeekLowerBound(next) => next,
        };
        found
    }

    fn doc(&self) -> DocId {
        self.scorer.doc()
    }

    fn size_hint(&self) -> u32 {
        self.scorer.size_hint()
    }

    fn cost(&self) -> u64 {
        self.scorer.cost()
    }
}

impl Scorer for WithoutScorer {
    fn score(&mut self) -> Score {
        self.scorer.score()
    }
}
