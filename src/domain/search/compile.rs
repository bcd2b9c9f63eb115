//! Turns a query into what one index is asked. What it may cost is bounded: a beginning or a misspelt word stands for so many words
//! and no more, and pieces that nearly every document has are not looked for.

use std::cell::Cell;
use std::collections::BTreeSet;

use tantivy::query::{
    AllQuery, BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, FuzzyTermQuery, Occur, PhraseQuery,
    Query as Ask, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use super::query::{Clause, Item, Query, Text};
use super::schema::{Fields, of_user};
use super::shard::Outcome;
use super::without::Without;
use super::words;

/// A beginning, or a misspelt word, stands for at most so many words.
const MOST_EXPANSIONS: usize = 128;
/// Pieces of words that more records of a month than this have are not looked for.
const COMMON: u64 = 20_000;
/// So many wrong letters are forgiven from so many letters on.
const FORGIVES: [(usize, u8); 2] = [(8, 2), (4, 1)];

/// How well a word fits: sums of these are exact, so that hits keep their places from page to page.
const WHOLE: f32 = 64.0;
const NAME: f32 = 32.0;
const BEGINNING: f32 = 16.0;
const PART: f32 = 8.0;
const TEXT: f32 = 4.0;
const TEXT_BEGINNING: f32 = 2.0;
const MISSPELT: f32 = 1.0;

/// What made an answer less than was asked for.
#[derive(Default)]
pub(super) struct Limits {
    /// A beginning stands for too many words.
    pub(super) cut: Cell<bool>,
    /// A part of words is too common to be looked for.
    pub(super) common: Cell<bool>,
}

/// One index that is asked.
pub(super) struct Compiler<'s> {
    pub(super) searcher: &'s Searcher,
    pub(super) fields: &'s Fields,
    pub(super) limits: &'s Limits,
    /// Whether it is the one of objects, where it matters how well something fits.
    pub(super) ranks: bool,
    /// Whether what documents say of users counts.
    pub(super) sees_users: bool,
}

type Asks = Vec<(f32, Box<dyn Ask>)>;

impl Compiler<'_> {
    /// The words and attributes of a query.
    pub(super) fn clauses(&self, query: &Query) -> Outcome<Vec<(Occur, Box<dyn Ask>)>> {
        let mut asks = Vec::new();
        for clause in &query.clauses {
            let ask = self.clause(clause)?;
            asks.push(match clause.is_not {
                true => (Occur::MustNot, Box::new(Without(ask)) as Box<dyn Ask>),
                false => (Occur::Must, ask),
            });
        }
        Ok(asks)
    }

    /// All of these together; without any, everything.
    pub(super) fn all(&self, mut asks: Vec<(Occur, Box<dyn Ask>)>) -> Box<dyn Ask> {
        if asks.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            asks.push((Occur::Must, self.unscored(Box::new(AllQuery))));
        }
        match asks.as_slice() {
            [_] => asks.remove(0).1,
            _ => Box::new(BooleanQuery::new(asks)),
        }
    }

    /// Documents that have one of these attributes; they fit no better for it.
    pub(super) fn one_of(&self, attributes: impl IntoIterator<Item = String>) -> (Occur, Box<dyn Ask>) {
        let asks = attributes.into_iter().map(|text| (0.0, self.term(self.fields.attr, &text))).collect();
        (Occur::Must, self.unscored(self.any(asks)))
    }

    /// Documents that have none of these attributes.
    pub(super) fn none_of(&self, attributes: impl IntoIterator<Item = String>) -> (Occur, Box<dyn Ask>) {
        (Occur::MustNot, self.one_of(attributes).1)
    }

    /// What fits no better for this.
    fn unscored(&self, ask: Box<dyn Ask>) -> Box<dyn Ask> {
        if self.ranks { Box::new(ConstScoreQuery::new(ask, 0.0)) } else { ask }
    }

    /// Documents of the wanted classes and not of the others: whichever is asked sooner, and nothing where there are no others.
    pub(super) fn among(&self, (wanted, others): (Vec<u64>, Vec<u64>)) -> Outcome<Option<(Occur, Box<dyn Ask>)>> {
        if others.is_empty() {
            return Ok(None);
        }
        let (wanted, of_wanted) = self.present(wanted)?;
        let (others, of_others) = self.present(others)?;
        Ok(match others.is_empty() {
            true => None,
            false if of_others < of_wanted => Some((Occur::MustNot, self.one_of(others).1)),
            false => Some(self.one_of(wanted)),
        })
    }

    /// Those of these classes of which there are documents, and how many.
    fn present(&self, classes: Vec<u64>) -> Outcome<(Vec<String>, u64)> {
        let (mut present, mut documents) = (Vec::new(), 0);
        for class in classes {
            let attribute = format!("class:{class}");
            let count = self.searcher.doc_freq(&Term::from_field_text(self.fields.attr, &attribute))?;
            if count > 0 {
                present.push(attribute);
                documents += count;
            }
        }
        Ok((present, documents))
    }

    fn clause(&self, clause: &Clause) -> Outcome<Box<dyn Ask>> {
        let mut asks = Asks::new();
        for item in &clause.any {
            match item {
                Item::Text(text) => asks.extend(self.text(text, clause.is_not)?),
                Item::Attribute { fields, value } => asks.push((WHOLE, self.attribute(fields, value)?)),
            }
        }
        Ok(self.any(asks))
    }

    /// Any of these; the one that fits best counts.
    fn any(&self, asks: Asks) -> Box<dyn Ask> {
        if !self.ranks {
            let mut asks: Vec<_> = asks.into_iter().map(|(_, ask)| ask).collect();
            return match asks.len() {
                0 => Box::new(EmptyQuery),
                1 => asks.remove(0),
                _ => Box::new(BooleanQuery::union(asks)),
            };
        }
        let scored =
            asks.into_iter().map(|(score, ask)| -> Box<dyn Ask> { Box::new(ConstScoreQuery::new(ask, score)) });
        Box::new(DisjunctionMaxQuery::new(scored.collect()))
    }

    fn term(&self, field: Field, text: &str) -> Box<dyn Ask> {
        Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
    }

    fn phrase(&self, field: Field, words: &[String]) -> Box<dyn Ask> {
        match words {
            [] => Box::new(EmptyQuery),
            [word] => self.term(field, word),
            _ => Box::new(PhraseQuery::new(words.iter().map(|word| Term::from_field_text(field, word)).collect())),
        }
    }

    fn text(&self, text: &Text, is_not: bool) -> Outcome<Asks> {
        let Fields { word, name, text: any, .. } = *self.fields;
        let mut asks = Asks::new();
        // All words stand in the text too; where fit does not matter, that is enough.
        if self.ranks || text.words.is_empty() {
            asks.push((WHOLE, self.term(word, &text.whole)));
        }
        if self.ranks && !text.words.is_empty() {
            asks.push((NAME, self.phrase(name, &text.words)));
        }
        if !text.words.is_empty() {
            asks.push((TEXT, self.phrase(any, &text.words)));
        }
        if self.sees_users {
            asks.push((TEXT, self.phrase(self.fields.users, &text.words)));
        }
        if text.is_exact {
            return Ok(asks);
        }
        // Where fit does not matter, a beginning of one word is found in the text as well as in names.
        let is_covered = !self.ranks && text.is_prefix && text.words.first() == Some(&text.whole);
        if text.is_prefix {
            asks.push((TEXT_BEGINNING, self.beginning(any, &text.words)?));
        }
        if text.is_prefix && !is_covered {
            asks.push((BEGINNING, self.expanded(word, &text.whole)?));
        }
        if is_not {
            return Ok(asks);
        }
        let is_short = !words::has_grams(&text.whole);
        if (self.ranks || is_short || text.is_prefix) && !is_covered {
            asks.push((BEGINNING, self.beginning(name, &text.words)?));
        }
        if is_short && !text.is_prefix {
            asks.push((BEGINNING, self.expanded(word, &text.whole)?));
        }
        if self.ranks || !self.has_word(text)? {
            asks.extend(self.part(&text.whole)?);
        }
        if let (true, [single]) = (self.ranks && !text.is_prefix, text.words.as_slice()) {
            asks.extend(self.misspelt(single)?);
        }
        Ok(asks)
    }

    /// Whether a single word stands somewhere as it is. Among records it is then not looked for within others: what makes up a common word
    /// is in nearly all of them.
    fn has_word(&self, text: &Text) -> Outcome<bool> {
        let [single] = text.words.as_slice() else { return Ok(false) };
        let is_plain = *single == text.whole;
        Ok(is_plain && self.searcher.doc_freq(&Term::from_field_text(self.fields.text, single))? > 0)
    }

    /// Words in this order, the last of which may go on.
    fn beginning(&self, field: Field, words: &[String]) -> Outcome<Box<dyn Ask>> {
        let Some((last, before)) = words.split_last() else { return Ok(Box::new(EmptyQuery)) };
        let ends = self.terms(field, last)?;
        if before.is_empty() {
            return Ok(self.union(field, ends));
        }
        let phrases = ends.into_iter().map(|end| {
            let words: Vec<String> = before.iter().cloned().chain([end]).collect();
            self.phrase(field, &words)
        });
        Ok(Box::new(BooleanQuery::union(phrases.collect())))
    }

    fn expanded(&self, field: Field, beginning: &str) -> Outcome<Box<dyn Ask>> {
        Ok(self.union(field, self.terms(field, beginning)?))
    }

    fn union(&self, field: Field, terms: BTreeSet<String>) -> Box<dyn Ask> {
        let mut asks: Vec<_> = terms.iter().map(|term| self.term(field, term)).collect();
        match asks.len() {
            0 => Box::new(EmptyQuery),
            1 => asks.remove(0),
            _ => Box::new(BooleanQuery::union(asks)),
        }
    }

    /// The terms of a field that begin like this, as far as they are taken.
    fn terms(&self, field: Field, beginning: &str) -> Outcome<BTreeSet<String>> {
        let mut terms = BTreeSet::new();
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(field)?;
            let mut stream = index.terms().range().ge(beginning).into_stream()?;
            while stream.advance() && stream.key().starts_with(beginning.as_bytes()) {
                if terms.len() >= MOST_EXPANSIONS {
                    self.limits.cut.set(true);
                    break;
                }
                terms.extend(std::str::from_utf8(stream.key()).map(str::to_owned));
            }
        }
        Ok(terms)
    }

    /// Any part of names, ids and addresses.
    fn part(&self, whole: &str) -> Outcome<Asks> {
        let grams = words::grams(whole);
        if grams.is_empty() {
            return Ok(Asks::new());
        }
        let mut asks = Asks::new();
        for field in [self.fields.grams, self.fields.own] {
            let mut rarest = u64::MAX;
            for gram in &grams {
                rarest = rarest.min(self.searcher.doc_freq(&Term::from_field_text(field, gram))?);
            }
            if !self.ranks && rarest > COMMON {
                self.limits.common.set(true);
            } else if rarest > 0 {
                asks.push((PART, self.phrase(field, &grams)));
            }
        }
        Ok(asks)
    }

    /// Names in which some letters are others, when there is no such word at all.
    fn misspelt(&self, word: &str) -> Outcome<Asks> {
        let length = word.chars().count();
        let forgives = FORGIVES.iter().find(|(from, _)| length >= *from).map(|(_, distance)| *distance);
        let Some(distance) = forgives.filter(|_| !word.chars().any(|c| c.is_ascii_digit())) else {
            return Ok(Asks::new());
        };
        for field in [self.fields.name, self.fields.text] {
            if self.searcher.doc_freq(&Term::from_field_text(field, word))? > 0 {
                return Ok(Asks::new());
            }
        }
        let name = self.fields.name;
        let fuzzy = FuzzyTermQuery::new(Term::from_field_text(name, word), distance, true);
        let mut terms = BTreeSet::new();
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(name)?;
            let mut stream = index.terms().search(fuzzy.automaton()?).into_stream()?;
            while terms.len() < MOST_EXPANSIONS && stream.advance() {
                terms.extend(std::str::from_utf8(stream.key()).map(str::to_owned));
            }
        }
        Ok(vec![(MISSPELT, self.union(name, terms))])
    }

    fn attribute(&self, fields: &[&str], value: &Text) -> Outcome<Box<dyn Ask>> {
        let attr = self.fields.attr;
        let mut asks: Vec<Box<dyn Ask>> = Vec::new();
        let mut names: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        if self.sees_users {
            names.extend(fields.iter().map(|field| of_user(field)));
        }
        for field in &names {
            if value.is_prefix {
                asks.push(self.expanded(attr, &format!("{field}:{}", value.whole))?);
            } else {
                asks.push(self.term(attr, &format!("{field}:{}", value.whole)));
            }
            if value.words.len() > 1 && !value.is_prefix {
                let words = value.words.iter().map(|word| self.term(attr, &format!("{field}:{word}")));
                asks.push(Box::new(BooleanQuery::intersection(words.collect())));
            }
        }
        Ok(match asks.len() {
            1 => asks.remove(0),
            _ => Box::new(BooleanQuery::union(asks)),
        })
    }
}
