use std::borrow::Cow;

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_kernel::model::{FieldChange, HistoryEntry, Operation};

use super::desk::Known;
use super::links;
use super::shown::{self, Cut, When};
use super::value::Value;
use super::wording::{self, Names};

/// What happened, newest first, with what each field was and became.
#[derive(Template)]
#[template(path = "partials/_timeline.html")]
pub(super) struct Timeline {
    entries: Vec<Entry>,
    nothing: &'static str,
}

impl HtmlSafe for Timeline {}

/// Something that happened, or will.
pub(super) struct Entry {
    tone: &'static str,
    verb: Cow<'static, str>,
    /// What it is about, where that is not plain.
    object: Option<About>,
    when: When,
    /// What stands behind the time: the sync that found it, how long it took.
    beside: Vec<Value>,
    /// More about it, on lines of its own.
    text: Option<Value>,
    fields: Vec<FieldRow>,
    /// More fields, behind a click.
    folded: Vec<FieldRow>,
    fold_text: String,
}

struct About {
    noun: &'static str,
    link: Value,
    panel: String,
}

struct FieldRow {
    name: String,
    /// As the panel names it.
    field: String,
    old: Option<Cut>,
    new: Option<Cut>,
}

/// Fields of a change that are shown at once.
const SHOWN: usize = 6;

impl Timeline {
    /// Whatever happened, newest first.
    pub(super) fn new(entries: Vec<Entry>, nothing: &'static str) -> Self {
        Self { entries, nothing }
    }

    /// The history of one object.
    pub(super) fn of_one(known: &Known, names: &Names, entries: &[HistoryEntry]) -> Self {
        let nothing = "Nothing has changed since the history began, or it is older than what is kept.";
        Self { entries: entries.iter().map(|entry| Entry::new(known, names, entry, false)).collect(), nothing }
    }

    /// The history of many objects.
    pub(super) fn of_many(known: &Known, names: &Names, entries: &[HistoryEntry]) -> Self {
        Self {
            entries: entries.iter().map(|entry| Entry::new(known, names, entry, true)).collect(),
            nothing: "Nothing has changed yet.",
        }
    }
}

/// The tone and the word of what happened.
pub(super) fn operation_words(operation: Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::Created => ("good", "New"),
        Operation::Changed => ("info", "Changed"),
        Operation::Removed => ("bad", "Removed"),
    }
}

impl Entry {
    /// Something without fields.
    pub(super) fn plain(tone: &'static str, verb: impl Into<Cow<'static, str>>, when: When) -> Self {
        Self {
            tone,
            verb: verb.into(),
            object: None,
            when,
            beside: Vec::new(),
            text: None,
            fields: Vec::new(),
            folded: Vec::new(),
            fold_text: String::new(),
        }
    }

    /// With something behind the time.
    pub(super) fn beside(mut self, value: Value) -> Self {
        self.beside.push(value);
        self
    }

    /// With more about it.
    pub(super) fn text(self, text: Value) -> Self {
        Self { text: Some(text), ..self }
    }

    fn new(known: &Known, names: &Names, entry: &HistoryEntry, with_object: bool) -> Self {
        let (tone, verb) = operation_words(entry.operation);
        let object = with_object.then(|| About {
            noun: entry.object.kind.noun(),
            link: about(known, entry),
            panel: if known.several() { format!("on {}", known.panel_name(entry.object.panel)) } else { String::new() },
        });
        let mut fields: Vec<_> = entry.fields.iter().map(|change| FieldRow::new(names, entry, change)).collect();
        // What came or went has all its fields; they are worth a line only to who asks.
        let at_once = if entry.operation == Operation::Changed { SHOWN } else { 0 };
        let folded = fields.split_off(fields.len().min(at_once));
        let more = if fields.is_empty() { "" } else { "more " };
        let fold_text = format!(
            "Show {} {more}{}",
            shown::grouped(folded.len() as u64),
            if folded.len() == 1 { "field" } else { "fields" }
        );
        let sync = known.link("sync", format!("/admin/syncs/{}", entry.sync));
        let plain = Self::plain(tone, verb, known.when(entry.at)).beside(sync);
        Self { object, fields, folded, fold_text, ..plain }
    }
}

/// What an entry is about. What was removed has a page that says so, but of a removed panel only the history is left.
pub(super) fn about(known: &Known, entry: &HistoryEntry) -> Value {
    let href = match known.panel(entry.object.panel) {
        Some(_) => links::object(entry.object),
        None => links::history(entry.object),
    };
    known.link(shown::name(&entry.label), href)
}

impl FieldRow {
    fn new(names: &Names, entry: &HistoryEntry, change: &FieldChange) -> Self {
        let sides = (change.old.as_ref(), change.new.as_ref());
        let (old, new) = wording::sides(names, entry.object, &change.field, sides);
        let cut = |side: Option<String>| side.map(|text| Cut::new(&text, 120));
        Self {
            name: wording::label(entry.object.kind, &change.field),
            field: shown::short(&change.field, 80),
            old: cut(old),
            new: cut(new),
        }
    }
}
