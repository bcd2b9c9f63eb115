//! Searches that broke off. Once the index may be to blame, and is made anew; soon after that it is the question.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use aviary_kernel::base::Timestamp;

use super::Asked;

/// So long a question is not asked again, and the index is not made anew for another one.
const PAUSE: Duration = Duration::from_secs(3600);
/// So many questions are remembered.
const MOST: usize = 64;

#[derive(Default)]
pub(super) struct Breaks {
    /// When the index was last blamed.
    blamed: Option<Timestamp>,
    /// Questions, and until when they are not asked.
    refused: Vec<(u64, Timestamp)>,
}

fn number(asked: &Asked) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{asked:?}").hash(&mut hasher);
    hasher.finish()
}

impl Breaks {
    /// A question made the search break off; whether the index is to be made anew.
    pub(super) fn note(&mut self, asked: &Asked, now: Timestamp) -> bool {
        if self.blamed.is_none_or(|then| now.since(then) >= PAUSE || then > now) {
            self.blamed = Some(now);
            return true;
        }
        self.refused.retain(|(_, until)| *until > now);
        if self.refused.len() >= MOST {
            self.refused.remove(0);
        }
        self.refused.push((number(asked), now.plus(PAUSE)));
        false
    }

    /// Whether a question is not to be asked at present.
    pub(super) fn refuses(&self, asked: &Asked, now: Timestamp) -> bool {
        !self.refused.is_empty() && {
            let number = number(asked);
            self.refused.iter().any(|(of, until)| *of == number && *until > now)
        }
    }

    /// Somebody wants to know whether another index does better.
    pub(super) fn forgive(&mut self) {
        self.refused.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        Asked { text: text.into(), ..Asked::default() }
    }

    #[test]
    fn the_index_is_blamed_once_an_hour_and_then_the_question() {
        let mut breaks = Breaks::default();
        let at = |s: i64| Timestamp::from_seconds(1_000_000 + s);
        assert!(breaks.note(&asked("odd"), at(0)));
        assert!(!breaks.refuses(&asked("odd"), at(1)), "it gets another chance with the new index");
        assert!(!breaks.note(&asked("odd"), at(60)));
        assert!(breaks.refuses(&asked("odd"), at(61)) && !breaks.refuses(&asked("even"), at(61)));
        assert!(!breaks.refuses(&asked("odd"), at(60 + 3600)));
        assert!(breaks.note(&asked("odd"), at(60 + 3600)));
        assert!(!breaks.note(&asked("odd"), at(60 + 3601)));
        breaks.forgive();
        assert!(!breaks.refuses(&asked("odd"), at(60 + 3602)));
    }

    #[test]
    fn only_so_many_questions_are_remembered() {
        let mut breaks = Breaks::default();
        let now = Timestamp::from_seconds(1_000_000);
        for number in 0..1_000 {
            breaks.note(&asked(&format!("{number}")), now);
        }
        assert_eq!(breaks.refused.len(), MOST);
        assert!(breaks.refuses(&asked("999"), now));
    }
}
