use askama::Template;
use askama::filters::HtmlSafe;
use aviary_kernel::model::{FieldChange, HistoryEntry, JsonText, Operation};
use serde_json::Value as Json;

use super::desk::Known;
use super::links;
use super::shown::{self, Cut, When};
use super::value::Value;

/// What happened, newest first, with what each field was and became.
#[derive(Template)]
#[template(path = "partials/_timeline.html")]
pub(super) struct Timeline {
    entries: Vec<Entry>,
    nothing: &'static str,
}

impl HtmlSafe for Timeline {}

struct Entry {
    tone: &'static str,
    verb: &'static str,
    /// What it is about, where that is not plain.
    object: Option<About>,
    when: When,
    /// The sync that found it.
    sync: Value,
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
    old: Option<Cut>,
    new: Option<Cut>,
}

/// Fields of a change that are shown at once.
const SHOWN: usize = 6;

impl Timeline {
    /// The history of one object.
    pub(super) fn of_one(known: &Known, entries: Vec<HistoryEntry>) -> Self {
        let nothing = "Nothing has changed since the history began, or it is older than what is kept.";
        Self { entries: entries.into_iter().map(|entry| Entry::new(known, entry, false)).collect(), nothing }
    }

    /// The history of many objects.
    pub(super) fn of_many(known: &Known, entries: Vec<HistoryEntry>) -> Self {
        Self {
            entries: entries.into_iter().map(|entry| Entry::new(known, entry, true)).collect(),
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
    fn new(known: &Known, entry: HistoryEntry, with_object: bool) -> Self {
        let (tone, verb) = operation_words(entry.operation);
        let object = with_object.then(|| About {
            noun: entry.object.kind.noun(),
            link: about(known, &entry),
            panel: if known.several() { format!("on {}", known.panel_name(entry.object.panel)) } else { String::new() },
        });
        let mut fields: Vec<_> = entry.fields.iter().map(FieldRow::new).collect();
        // What came or went has all its fields; they are worth a line only to who asks.
        let at_once = if entry.operation == Operation::Changed { SHOWN } else { 0 };
        let folded = fields.split_off(fields.len().min(at_once));
        let more = if fields.is_empty() { "" } else { "more " };
        let fold_text = format!(
            "Show {} {more}{}",
            shown::grouped(folded.len() as u64),
            if folded.len() == 1 { "field" } else { "fields" }
        );
        Self {
            tone,
            verb,
            object,
            when: known.when(entry.at),
            sync: known.link("sync", format!("/admin/syncs/{}", entry.sync)),
            fields,
            folded,
            fold_text,
        }
    }
}

/// What an entry is about; what is gone has only its history left.
pub(super) fn about(known: &Known, entry: &HistoryEntry) -> Value {
    let href = if entry.operation == Operation::Removed {
        links::history(entry.object)
    } else {
        links::object(entry.object, &entry.label)
    };
    known.link(shown::name(&entry.label), href)
}

impl FieldRow {
    fn new(change: &FieldChange) -> Self {
        Self {
            name: shown::short(&change.field, 80),
            old: change.old.as_ref().map(readable),
            new: change.new.as_ref().map(readable),
        }
    }
}

fn readable(value: &JsonText) -> Cut {
    Cut::new(&plain(value), 120)
}

/// A value as people write it.
pub(super) fn plain(value: &JsonText) -> String {
    match value.value() {
        Json::Null => "none".into(),
        Json::String(text) if text.is_empty() => "empty".into(),
        Json::String(text) => text,
        other => other.to_string(),
    }
}
