use std::collections::BTreeMap;

use aviary_kernel::base::Timestamp;
use aviary_kernel::model::PanelId;
use jiff::tz::TimeZone;

use super::fields::{Field, field};
use super::lex::{Term, Token, tokens};
use super::time::interval;
use super::{Clause, Item, Query, Text};
use crate::search::words::{folded, has_grams, words};
use crate::search::{Subject, docs};

/// Of a query so many characters are read.
const LONGEST: usize = 500;
/// And so many terms.
const MOST_TERMS: usize = 32;
/// What is repeated in a doubt is cut to so many characters.
const SHOWN: usize = 40;

/// Reads a query as it was typed.
pub(in crate::search) fn read(
    text: &str,
    now: Timestamp,
    zone: &TimeZone,
    panels: &BTreeMap<PanelId, String>,
) -> Query {
    let mut reader = Reader { now, zone, panels, query: Query::default() };
    let cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        reader.doubt(format!("The query is very long: only its first {LONGEST} characters were read."));
    }
    let (mut tokens, is_open) = tokens(&cut);
    if is_open {
        reader.doubt("A quotation mark is not closed: everything behind it was taken as one phrase.".into());
    }
    if tokens.len() > MOST_TERMS {
        tokens.truncate(MOST_TERMS);
        reader.doubt(format!("The query has very many terms: only the first {MOST_TERMS} were read."));
    }
    reader.all(tokens);
    reader.query
}

struct Reader<'r> {
    now: Timestamp,
    zone: &'r TimeZone,
    panels: &'r BTreeMap<PanelId, String>,
    query: Query,
}

impl Reader<'_> {
    fn doubt(&mut self, said: String) {
        if !self.query.doubts.contains(&said) {
            self.query.doubts.push(said);
        }
    }

    fn all(&mut self, tokens: Vec<Token>) {
        let mut joins = false;
        for token in tokens {
            match token {
                Token::Or => joins = !self.query.clauses.is_empty(),
                Token::Term(term) => {
                    self.term(term, joins);
                    joins = false;
                }
            }
        }
    }

    fn term(&mut self, term: Term, joins: bool) {
        let known = term.field.as_deref().map(|name| (name.to_owned(), field(name)));
        match known {
            None => {
                let value = self.text(&term.text, term.is_quoted);
                self.add(term.is_not, joins, value.map(Item::Text));
            }
            Some((_, Some(Field::Known(fields)))) => {
                if term.text.is_empty() {
                    return;
                }
                let value = self.text(&term.text, term.is_quoted);
                self.add(term.is_not, joins, value.map(|value| Item::Attribute { fields, value }));
            }
            Some((_, Some(field))) if !term.is_not && !joins => self.narrow(field, &term.text),
            Some((_, Some(field @ (Field::Kind | Field::State | Field::Is | Field::Panel)))) if !joins => {
                self.leave_out(field, &term.text);
            }
            Some((name, Some(_))) => {
                self.doubt(format!("“{name}:” cannot stand behind a minus or OR: it was left out."));
            }
            Some((name, None)) => {
                // `host:25565` is most likely an address.
                if !term.text.bytes().all(|b| b.is_ascii_digit()) {
                    self.doubt(format!("“{}” is no field: it was searched for as words.", shown(&name)));
                }
                let value = self.text(&format!("{name}:{}", term.text), term.is_quoted);
                self.add(term.is_not, joins, value.map(Item::Text));
            }
        }
    }

    fn add(&mut self, is_not: bool, joins: bool, item: Option<Item>) {
        let Some(item) = item else { return };
        match self.query.clauses.last_mut() {
            Some(last) if joins && !is_not && !last.is_not => last.any.push(item),
            _ => {
                if joins {
                    self.doubt("OR cannot stand beside a minus: both were taken by themselves.".into());
                }
                self.query.clauses.push(Clause { is_not, any: vec![item] });
            }
        }
    }

    fn text(&mut self, text: &str, is_quoted: bool) -> Option<Text> {
        let is_prefix = !is_quoted && text.ends_with('*');
        let bare = if is_quoted { text } else { text.trim_matches('*') };
        let whole = folded(bare.trim());
        let words = words(bare);
        if words.is_empty() && !has_grams(&whole) {
            if !text.trim().is_empty() {
                self.doubt(format!("“{}” holds nothing to search for: it was left out.", shown(text)));
            }
            return None;
        }
        Some(Text { whole, words, is_exact: is_quoted, is_prefix })
    }

    fn narrow(&mut self, field: Field, value: &str) {
        match field {
            Field::Known(_) => {}
            Field::Kind => self.each(value, Self::kind),
            Field::State => self.each(value, Self::state),
            Field::Panel => self.panel(value),
            Field::Is => self.each(value, |this, word| match Subject::parse(word) {
                Some(_) => this.kind(word),
                None => this.state(word),
            }),
            Field::At => self.at(value),
            Field::On => self.time(value, |from, until| (Some(from), Some(until))),
            Field::Since => self.time(value, |from, _| (Some(from), None)),
            Field::Until => self.time(value, |_, until| (None, Some(until))),
            Field::Before => self.time(value, |from, _| (None, Some(from))),
            Field::After => self.time(value, |_, until| (Some(until), None)),
        }
    }

    fn each(&mut self, value: &str, act: impl Fn(&mut Self, &str)) {
        for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            act(self, word);
        }
    }

    /// Leaves a kind, a state or a panel out, wherever in the query that is asked for.
    fn leave_out(&mut self, field: Field, value: &str) {
        match field {
            Field::Panel => {
                let panels = self.panels_called(value);
                self.query.other_panels.extend(panels);
            }
            _ => self.each(value, |this, word| match field {
                Field::State => {
                    let state = this.state_called(word);
                    this.query.other_states.extend(state);
                }
                Field::Is if Subject::parse(word).is_none() => {
                    let state = this.state_called(word);
                    this.query.other_states.extend(state);
                }
                _ => {
                    let subject = this.subject(word);
                    this.query.left_out.extend(subject);
                }
            }),
        }
    }

    fn kind(&mut self, word: &str) {
        let kind = self.subject(word);
        if let Some(kind) = kind {
            self.query.subjects.get_or_insert_default().push(kind);
        }
    }

    fn subject(&mut self, word: &str) -> Option<Subject> {
        let subject = Subject::parse(word);
        if subject.is_none() {
            let all: Vec<_> = Subject::ALL.iter().map(|subject| subject.word()).collect();
            self.doubt(format!("“{}” is no kind of thing, take one of {}.", shown(word), all.join(", ")));
        }
        subject
    }

    fn state(&mut self, word: &str) {
        if let Some(state) = self.state_called(word) {
            self.query.states.get_or_insert_default().push(state);
        }
    }

    fn state_called(&mut self, word: &str) -> Option<&'static str> {
        let state = docs::known_state(&word.to_lowercase().replace(['-', ' '], "_"));
        if state.is_none() {
            self.doubt(format!("“{}” is no state of anything: it was left out.", shown(word)));
        }
        state
    }

    fn panel(&mut self, value: &str) {
        let found = self.panels_called(value);
        if !found.is_empty() {
            self.query.panels.get_or_insert_default().extend(found);
        }
    }

    fn panels_called(&mut self, value: &str) -> Vec<PanelId> {
        let wanted = folded(value.trim());
        let mut found: Vec<PanelId> = Vec::new();
        for word in value.split(',').map(str::trim) {
            found.extend(word.parse::<PanelId>().ok().filter(|id| self.panels.contains_key(id)));
        }
        let by_name = |fits: fn(&str, &str) -> bool| {
            let named = self.panels.iter().filter(|(_, name)| fits(&folded(name), &wanted));
            named.map(|(id, _)| *id).collect::<Vec<_>>()
        };
        for fits in [|name: &str, text: &str| name == text, |name: &str, text: &str| name.contains(text)] {
            if found.is_empty() && !wanted.is_empty() {
                found = by_name(fits);
            }
        }
        if found.is_empty() {
            self.doubt(format!("No panel is called “{}”: it was left out.", shown(value)));
        }
        found
    }

    fn at(&mut self, value: &str) {
        if let Some((first, last)) = value.split_once("..") {
            if !first.is_empty() {
                self.time(first, |from, _| (Some(from), None));
            }
            if !last.is_empty() {
                self.time(last, |_, until| (None, Some(until)));
            }
            return;
        }
        let forms: [(&str, ToBounds); 5] = [
            (">=", |from, _| (Some(from), None)),
            ("<=", |_, until| (None, Some(until))),
            (">", |_, until| (Some(until), None)),
            ("<", |from, _| (None, Some(from))),
            ("", |from, until| (Some(from), Some(until))),
        ];
        for (sign, bounds) in forms {
            if let Some(rest) = value.strip_prefix(sign) {
                return self.time(rest, bounds);
            }
        }
    }

    fn time(&mut self, value: &str, bounds: impl Fn(Timestamp, Timestamp) -> Bounds) {
        let Some((from, until)) = interval(value, self.now, self.zone) else {
            let said = "is no time, write it like 2026-11-20, 2026-11-20T14:30, yesterday or 2h";
            return self.doubt(format!("“{}” {said}: it was left out.", shown(value)));
        };
        let (since, until) = bounds(from, until);
        self.query.since = self.query.since.max(since);
        self.query.until = match (self.query.until, until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

/// What a stretch of time that was named bounds.
type ToBounds = fn(Timestamp, Timestamp) -> Bounds;
type Bounds = (Option<Timestamp>, Option<Timestamp>);

fn shown(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control());
    let mut short: String = clean.clone().take(SHOWN).collect();
    if clean.count() > SHOWN {
        short.push('…');
    }
    short
}
