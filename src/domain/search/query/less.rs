//! A query without what narrows it to kinds, panels or states, so that another of these can be chosen in their place.

use super::fields::{Field, field};
use super::lex::{Term, Token, spans};
use crate::search::Subject;

/// By what a query can be narrowed that hits are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrowing {
    /// `kind:server`, `is:server`.
    Kind,
    /// `panel:main`.
    Panel,
    /// `state:failed`, `is:failed`.
    State,
}

impl Narrowing {
    fn is_by(self, field: Field, word: &str) -> bool {
        match field {
            Field::Kind => self == Self::Kind,
            Field::Panel => self == Self::Panel,
            Field::State => self == Self::State,
            Field::Is => self == if Subject::parse(word).is_some() { Self::Kind } else { Self::State },
            _ => false,
        }
    }
}

/// Takes out of a query what narrows it so, and says to what it was narrowed, as it was typed. What is left out by a minus stays.
#[must_use]
pub fn less(text: &str, narrowing: Narrowing) -> (String, Vec<String>) {
    let (mut rest, mut taken) = (Vec::new(), Vec::new());
    for (typed, token) in spans(text) {
        match token {
            Token::Term(Term { is_not: false, field: Some(name), text, .. }) => match field(&name) {
                Some(of @ (Field::Kind | Field::Panel | Field::State | Field::Is)) => {
                    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                    let (out, stays): (Vec<&str>, Vec<&str>) = words.partition(|word| narrowing.is_by(of, word));
                    match (out.is_empty(), stays.is_empty()) {
                        (true, _) => rest.push(typed.to_owned()),
                        (false, true) => {}
                        (false, false) => rest.push(format!("{name}:{}", stays.join(","))),
                    }
                    taken.extend(out.into_iter().map(str::to_owned));
                }
                _ => rest.push(typed.to_owned()),
            },
            _ => rest.push(typed.to_owned()),
        }
    }
    (rest.join(" "), taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_narrows_is_taken_out_and_all_else_stays_as_it_was_typed() {
        let taken = |text: &str, narrowing| {
            let (rest, taken) = less(text, narrowing);
            (rest, taken.join("|"))
        };
        let (kind, panel, state) = (Narrowing::Kind, Narrowing::Panel, Narrowing::State);
        let of = |rest: &str, words: &str| (rest.to_owned(), words.to_owned());
        assert_eq!(
            taken("kind:job,mail  \"my  server\" node:alpha", kind),
            of("\"my  server\" node:alpha", "job|mail")
        );
        assert_eq!(taken("Is:server lobby -kind:node -is:user", kind), of("lobby -kind:node -is:user", "server"));
        assert_eq!(taken("is:server is:suspended status:Failed", state), of("is:server", "suspended|Failed"));
        assert_eq!(taken("is:server,suspended", kind), of("is:suspended", "server"));
        assert_eq!(
            taken("panel:\"Demo panel\" -panel:Other lobby OR hub", panel),
            of("-panel:Other lobby OR hub", "Demo panel")
        );
        assert_eq!(taken("half \"open kind:server", kind), of("half \"open kind:server", ""));
        assert_eq!(taken("", kind), of("", ""));
    }
}
