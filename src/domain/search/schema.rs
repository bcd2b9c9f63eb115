//! What stands in the index, and how.

use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, TantivyDocument, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{PreTokenizedString, Token};

use super::columns::Stamp;
use super::docs::{Doc, Found};
use super::{Place, Subject, words};

/// Another number for each change of what stands in the index; an index of another one is made anew.
pub(super) const VERSION: u32 = 2;

/// Of one document at most so many bytes of text are taken.
const MOST_TEXT: usize = 16 * 1024;
/// Of one name or word at most so many.
pub(super) const LONGEST_NAME: usize = 512;

/// Columns: what hits are counted, put in order and told apart by.
pub(super) const STAMP: &str = "stamp";
pub(super) const AT: &str = "at";
pub(super) const ORDER: &str = "order";
pub(super) const KEY_A: &str = "a";
pub(super) const KEY_B: &str = "b";
/// Of changes only: their numbers.
pub(super) const CHANGE: &str = "change";

/// Said of a document whose list texts were cut: it may hold what the index does not.
pub(super) const CUT: &str = "~cut";

/// The fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    /// What the document is of; one document has it.
    pub(super) id: Field,
    /// Words of names, in order.
    pub(super) name: Field,
    /// Words of everything, in order.
    pub(super) text: Field,
    /// Words about users of the panel in documents of other things; only asked for those who see users.
    pub(super) users: Field,
    /// Whole names, ids and addresses.
    pub(super) word: Field,
    /// `field:value`, and what documents are narrowed by.
    pub(super) attr: Field,
    /// Pieces of what lists are searched by, exactly as there: lower case with accents.
    pub(super) own: Field,
    /// Pieces of all other names, ids and addresses, without accents.
    pub(super) grams: Field,
    stamp: Field,
    at: Field,
    order: Field,
    pub(super) a: Field,
    b: Field,
    change: Field,
}

fn terms(record: IndexRecordOption) -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer("raw").set_index_option(record).set_fieldnorms(false);
    TextOptions::default().set_indexing_options(indexing)
}

impl Fields {
    /// The schema, and its fields.
    pub(super) fn make() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let whole = terms(IndexRecordOption::Basic);
        let in_order = terms(IndexRecordOption::WithFreqsAndPositions);
        let column = NumericOptions::default().set_fast();
        let fields = Self {
            id: schema.add_bytes_field("id", BytesOptions::default().set_indexed()),
            name: schema.add_text_field("name", in_order.clone()),
            text: schema.add_text_field("text", in_order.clone()),
            users: schema.add_text_field("users", in_order.clone()),
            word: schema.add_text_field("word", whole.clone()),
            attr: schema.add_text_field("attr", whole),
            own: schema.add_text_field("own", in_order.clone()),
            grams: schema.add_text_field("grams", in_order),
            stamp: schema.add_u64_field(STAMP, column.clone()),
            at: schema.add_i64_field(AT, column.clone()),
            order: schema.add_u64_field(ORDER, column.clone()),
            a: schema.add_u64_field(KEY_A, column.clone()),
            b: schema.add_u64_field(KEY_B, column.clone()),
            change: schema.add_u64_field(CHANGE, column),
        };
        (schema.build(), fields)
    }

    /// A document as the index takes it, under this id.
    pub(super) fn document(&self, doc: &Doc, id: &[u8], subject: Subject) -> TantivyDocument {
        let mut out = TantivyDocument::new();
        let key = doc.place.key();
        out.add_bytes(self.id, id);
        let state = doc.state.map_or(0, super::docs::state_number);
        out.add_u64(self.stamp, Stamp::of(doc.class(), doc.panel, state).0);
        out.add_i64(self.at, doc.at.map_or(0, |at| at.millis()));
        out.add_u64(self.order, order_of(&doc.title));
        out.add_u64(self.a, key.0);
        out.add_u64(self.b, key.1);
        if let Place::Change(number, _) = doc.place {
            out.add_u64(self.change, number);
        }
        self.narrowing(doc, subject, &mut out);
        self.texts(doc, &mut out);
        out
    }

    fn narrowing(&self, doc: &Doc, subject: Subject, out: &mut TantivyDocument) {
        out.add_text(self.attr, format!("class:{}", doc.class()));
        out.add_text(self.attr, format!("kind:{}", subject.word()));
        if let Some(panel) = doc.panel {
            out.add_text(self.attr, format!("panel:{panel}"));
        }
        if let Some(state) = doc.state {
            out.add_text(self.attr, format!("state:{state}"));
        }
        for attribute in &doc.lists {
            out.add_text(self.attr, attribute);
        }
    }

    fn texts(&self, doc: &Doc, out: &mut TantivyDocument) {
        let (mut names, mut text) = (InOrder::default(), InOrder::default());
        let (mut own, mut grams, mut users) = (InOrder::default(), InOrder::default(), InOrder::default());
        let mut left = MOST_TEXT;
        let mut is_cut = false;
        for part in doc.parts() {
            let value = cut(part.text, if part.found == Found::Text { left } else { LONGEST_NAME });
            left = left.saturating_sub(value.len());
            let words = words::words(value);
            if part.of_user {
                if let Some(field) = part.field {
                    self.attributes(&of_user(field), value, &words, out);
                }
                users.add(words);
                continue;
            }
            if let Some(field) = part.field {
                self.attributes(field, value, &words, out);
            }
            if part.found != Found::Text {
                let whole = words::folded(value.trim());
                grams.add(words::grams(&whole));
                out.add_text(self.word, whole);
            }
            if part.found == Found::Name {
                names.add(words.clone());
            }
            text.add(words);
        }
        let mut left = MOST_TEXT;
        for list in &doc.list {
            let value = cut(list, left);
            is_cut |= value.len() < list.len();
            left = left.saturating_sub(value.len());
            own.add(words::grams(&value.to_lowercase()));
        }
        if is_cut {
            out.add_text(self.attr, CUT);
        }
        let all = [(self.name, names), (self.text, text), (self.own, own), (self.grams, grams), (self.users, users)];
        for (field, tokens) in all {
            tokens.into_field(field, out);
        }
    }

    /// `field:` with the whole value, and with each of its words.
    fn attributes(&self, field: &str, value: &str, words: &[String], out: &mut TantivyDocument) {
        let whole = words::folded(value.trim());
        if words.len() != 1 || words[0] != whole {
            for word in words {
                out.add_text(self.attr, format!("{field}:{word}"));
            }
        }
        out.add_text(self.attr, format!("{field}:{whole}"));
    }
}

/// The name of an attribute that says something of a user.
pub(super) fn of_user(field: &str) -> String {
    format!("~{field}")
}

/// The attribute of a change in which this field is named, or one below it.
pub(super) fn has(field: &str) -> String {
    format!("~has:{field}")
}

/// The attribute of a change that removed what had this UUID.
pub(super) fn gone(uuid: &str) -> String {
    format!("~gone:{uuid}")
}

/// The beginning of a text, not within a character.
fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most { text } else { &text[..text.floor_char_boundary(most)] }
}

/// Where a name stands in the order of names, as far as eight bytes tell.
fn order_of(name: &str) -> u64 {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(words::folded(name).bytes()) {
        *to = from;
    }
    u64::from_be_bytes(first)
}

/// Terms with their places; between values there is a gap, so that no phrase reaches from one into the next.
#[derive(Default)]
struct InOrder {
    tokens: Vec<Token>,
    next: usize,
}

impl InOrder {
    fn add(&mut self, terms: Vec<String>) {
        for text in terms {
            self.tokens.push(Token { text, position: self.next, position_length: 1, offset_from: 0, offset_to: 0 });
            self.next += 1;
        }
        self.next += 2;
    }

    fn into_field(self, field: Field, out: &mut TantivyDocument) {
        if !self.tokens.is_empty() {
            out.add_pre_tokenized_text(field, PreTokenizedString { text: String::new(), tokens: self.tokens });
        }
    }
}
