use std::ops::Bound;

use super::Key;

/// Which way a list is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Direction {
    /// Small keys first.
    #[default]
    Up,
    /// Large keys first.
    Down,
}

/// A stretch of keys.
#[derive(Clone, Debug)]
pub struct Span {
    pub(super) start: Bound<Vec<u8>>,
    pub(super) end: Bound<Vec<u8>>,
}

impl Span {
    /// Every key.
    pub fn all() -> Self {
        Self { start: Bound::Unbounded, end: Bound::Unbounded }
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: &impl Key) -> Self {
        Self::prefix_bytes(&prefix.to_bytes())
    }

    /// Every key that begins with these bytes.
    pub fn prefix_bytes(prefix: &[u8]) -> Self {
        let end = successor(prefix).map_or(Bound::Unbounded, Bound::Excluded);
        Self { start: Bound::Included(prefix.to_vec()), end }
    }

    /// What is left of the stretch behind `key` when it is walked in `direction`.
    #[must_use]
    pub fn after(mut self, key: &[u8], direction: Direction) -> Self {
        match direction {
            Direction::Up if self.holds_start(key) => self.start = Bound::Excluded(key.to_vec()),
            Direction::Down if self.holds_end(key) => self.end = Bound::Excluded(key.to_vec()),
            _ => {}
        }
        self
    }

    // A cursor from outside must not widen the stretch.
    fn holds_start(&self, key: &[u8]) -> bool {
        match &self.start {
            Bound::Included(start) | Bound::Excluded(start) => key >= start.as_slice(),
            Bound::Unbounded => true,
        }
    }

    fn holds_end(&self, key: &[u8]) -> bool {
        match &self.end {
            Bound::Included(end) | Bound::Excluded(end) => key <= end.as_slice(),
            Bound::Unbounded => true,
        }
    }

    /// Whether a key is in it.
    pub fn holds(&self, key: &[u8]) -> bool {
        let is_behind_start = match &self.start {
            Bound::Included(start) => key >= start.as_slice(),
            Bound::Excluded(start) => key > start.as_slice(),
            Bound::Unbounded => true,
        };
        is_behind_start
            && match &self.end {
                Bound::Included(end) => key <= end.as_slice(),
                Bound::Excluded(end) => key < end.as_slice(),
                Bound::Unbounded => true,
            }
    }

    /// Whether no key can be in it. redb refuses such stretches.
    pub(super) fn is_empty(&self) -> bool {
        match (&self.start, &self.end) {
            (Bound::Included(a), Bound::Included(b)) => a > b,
            (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => a >= b,
            _ => false,
        }
    }
}

fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|b| *b != 0xff)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next)
}
