use std::collections::BTreeMap;

use aviary_kernel::model::RemoteId;

const WORDS: usize = 8;
const BITS: u64 = 64 * WORDS as u64;

/// A set of the numbers that a panel gave its objects. Costs about one bit a number, since panels count up; scattered
/// numbers cost about a hundred bytes each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdSet {
    chunks: BTreeMap<u64, [u64; WORDS]>,
    len: u64,
}

impl IdSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `id` in; false when it was there already.
    pub fn insert(&mut self, id: RemoteId) -> bool {
        let (chunk, word, bit) = place(id);
        let word = &mut self.chunks.entry(chunk).or_default()[word];
        let is_new = *word & bit == 0;
        *word |= bit;
        self.len += u64::from(is_new);
        is_new
    }

    /// Whether `id` is in the set.
    pub fn contains(&self, id: RemoteId) -> bool {
        let (chunk, word, bit) = place(id);
        self.chunks.get(&chunk).is_some_and(|words| words[word] & bit != 0)
    }

    /// How many numbers are in the set.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The numbers, smallest first.
    pub fn iter(&self) -> impl Iterator<Item = RemoteId> + '_ {
        self.chunks.iter().flat_map(|(chunk, words)| {
            let base = chunk * BITS;
            (0..BITS).filter(|n| words[word_of(*n)] >> (n % 64) & 1 == 1).map(move |n| base + n)
        })
    }
}

impl FromIterator<RemoteId> for IdSet {
    fn from_iter<I: IntoIterator<Item = RemoteId>>(ids: I) -> Self {
        let mut set = Self::new();
        set.extend(ids);
        set
    }
}

impl Extend<RemoteId> for IdSet {
    fn extend<I: IntoIterator<Item = RemoteId>>(&mut self, ids: I) {
        for id in ids {
            self.insert(id);
        }
    }
}

fn place(id: RemoteId) -> (u64, usize, u64) {
    (id / BITS, word_of(id % BITS), 1 << (id % 64))
}

fn word_of(offset: u64) -> usize {
    usize::try_from(offset / 64).expect("an offset in a chunk is below 512")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_counts_once() {
        let mut set = IdSet::new();
        assert!(set.insert(512));
        assert!(!set.insert(512));
        assert!(set.insert(u64::MAX));
        assert_eq!((set.len(), set.contains(512), set.contains(511)), (2, true, false));
    }

    #[test]
    fn a_hundred_thousand_ids_take_little_memory() {
        let set: IdSet = (1..=100_000).collect();
        assert_eq!(set.len(), 100_000);
        assert!(set.chunks.len() * (8 + 8 * WORDS) < 16_000, "{}", set.chunks.len());
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_sorted_set(ids in prop::collection::vec(prop_oneof![0..2_000_u64, any::<u64>()], 0..300)) {
            let sorted: BTreeSet<u64> = ids.iter().copied().collect();
            let set: IdSet = ids.into_iter().collect();
            prop_assert_eq!(set.len(), sorted.len() as u64);
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), sorted.into_iter().collect::<Vec<_>>());
        }
    }
}
