//! What is known of a thing, from its row as it is now: what the index takes, and what a hit shows. One function a subject,
//! and nothing else makes documents. Secrets never get in.

mod mirrored;
mod people;
mod records;

use std::borrow::Cow;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{PanelId, RemoteId};
use aviary_kernel::store::Read;
use aviary_kernel::store::rows::Mirror;

use super::{Place, Subject, key};

/// A thing, as far as it can be found.
pub(super) struct Doc {
    pub(super) place: Place,
    pub(super) panel: Option<PanelId>,
    pub(super) state: Option<&'static str>,
    pub(super) at: Option<Timestamp>,
    pub(super) title: String,
    pub(super) lines: Vec<Line>,
    /// What the lists look at.
    pub(super) list: Vec<String>,
    /// Attributes that lists narrow by, and no query.
    pub(super) lists: Vec<String>,
}

/// Something that is known of it.
pub(super) struct Line {
    /// For people; empty = for finding only.
    pub(super) label: &'static str,
    /// What a query calls it.
    pub(super) field: Option<&'static str>,
    pub(super) text: String,
    pub(super) found: Found,
    /// Shown also when it is not what was searched for.
    pub(super) tells: bool,
    /// It says something of a user of the panel: shown to, and found by, those who see users.
    pub(super) of_user: bool,
}

/// How something is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// By its words, and by any part of it; wrong letters are forgiven.
    Name,
    /// As a whole, and by any part of it.
    Word,
    /// By its words.
    Text,
}

/// Something that is known, as the index takes it.
pub(super) struct Part<'d> {
    pub(super) field: Option<&'static str>,
    pub(super) text: &'d str,
    pub(super) found: Found,
    pub(super) of_user: bool,
}

impl Doc {
    fn new(place: Place, title: impl Into<String>) -> Self {
        Self {
            place,
            panel: None,
            state: None,
            at: None,
            title: title.into(),
            lines: Vec::new(),
            list: Vec::new(),
            lists: Vec::new(),
        }
    }

    fn of(self, panel: PanelId) -> Self {
        Self { panel: Some(panel), ..self }
    }

    fn at(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }

    fn state(self, state: &'static str) -> Self {
        Self { state: Some(state), ..self }
    }

    fn line(mut self, label: &'static str, field: Option<&'static str>, text: String, found: Found) -> Self {
        if !text.trim().is_empty() {
            self.lines.push(Line { label, field, text, found, tells: false, of_user: false });
        }
        self
    }

    /// Another name of it.
    fn name(self, label: &'static str, text: impl Into<String>) -> Self {
        self.line(label, Some("name"), text.into(), Found::Name)
    }

    /// An id, an address: what is found whole or in part.
    fn word(self, label: &'static str, field: &'static str, text: impl Into<String>) -> Self {
        self.line(label, Some(field), text.into(), Found::Word)
    }

    /// What belongs to it or says how it is, found by its words.
    fn fact(self, label: &'static str, field: &'static str, text: impl Into<String>) -> Self {
        self.line(label, Some(field), text.into(), Found::Text)
    }

    /// Any text.
    fn text(self, label: &'static str, text: impl Into<String>) -> Self {
        self.line(label, None, text.into(), Found::Text)
    }

    /// What was added last helps to tell it from others.
    fn telling(mut self) -> Self {
        if let Some(line) = self.lines.last_mut() {
            line.tells = true;
        }
        self
    }

    /// What was added last says something of a user of the panel.
    fn of_user(mut self) -> Self {
        if let Some(line) = self.lines.last_mut() {
            line.of_user = true;
        }
        self
    }

    /// What is there, or nothing.
    fn with<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    /// One after the other.
    fn each<T>(self, values: impl IntoIterator<Item = T>, add: impl Fn(Self, T) -> Self) -> Self {
        values.into_iter().fold(self, add)
    }

    /// What it is.
    pub(super) fn subject(&self) -> Option<Subject> {
        self.place.subject()
    }

    /// What decides who may see it.
    pub(super) fn class(&self) -> u64 {
        let kind = if let Place::Change(_, of) = &self.place { Some(of.kind) } else { None };
        self.subject().map_or(0, |subject| key::class(subject, kind))
    }

    /// Everything that the index takes.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let title = Part { field: Some("name"), text: &self.title, found: Found::Name, of_user: false };
        let lines = self.lines.iter().map(|line| {
            let Line { field, found, of_user, .. } = *line;
            Part { field, text: &line.text, found, of_user }
        });
        [title].into_iter().chain(lines)
    }
}

/// The document of a place, from its row; none when it is gone, or was never to be found.
pub(super) fn load(reader: &impl Read, place: &Place) -> Result<Option<Doc>> {
    match place {
        Place::Object(key) => mirrored::object(reader, *key),
        Place::Panel(id) => people::panel(reader, *id),
        Place::Account(id) => people::account(reader, *id),
        Place::Webhook(id) => people::webhook(reader, *id),
        Place::Schedule(id) => people::schedule(reader, *id),
        Place::Sync(id) => records::sync(reader, *id),
        Place::Change(number, _) => records::change(reader, *number),
        Place::Audit(number) => records::audit(reader, *number),
        Place::Event(id) => records::event(reader, *id),
        Place::Job(id) => records::job(reader, *id),
        Place::Delivery(id) => records::delivery(reader, *id),
        Place::Mail(number) => records::mail(reader, *number),
    }
}

/// What another object of the panel is called.
fn label<T: Mirror>(reader: &impl Read, panel: PanelId, id: RemoteId) -> Result<Option<String>> {
    Ok(reader.get(T::table(), &(panel, id))?.map(|row| row.data.label()))
}

/// One line of what may be long.
fn short(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most { text.into() } else { format!("{} …", &text[..text.floor_char_boundary(most)]).into() }
}

/// The words for the states of everything. Their places are numbers in the index: another order is another version of it.
const STATES: &[&str] = &[
    "normal",
    "suspended",
    "installing",
    "install_failed",
    "reinstall_failed",
    "restoring_backup",
    "other",
    "maintenance",
    "in_use",
    "assigned",
    "free",
    "administrator",
    "reachable",
    "unreachable",
    "removing",
    "active",
    "disabled",
    "enabled",
    "paused",
    "pending",
    "running",
    "completed",
    "failed",
    "cancelled",
    "needs_review",
    "created",
    "changed",
    "removed",
    "done",
    "refused",
    "info",
    "warning",
    "alert",
    "scheduled",
    "retrying",
    "dead",
    "waiting",
    "delivered",
    "dropped",
    "kept",
    "sent",
    "bounced",
];

/// The number of a state; 0 = none that is known.
pub(super) fn state_number(word: &str) -> u64 {
    STATES.iter().position(|state| *state == word).map_or(0, |at| at as u64 + 1)
}

/// The state of a number.
pub(super) fn state_word(number: u64) -> Option<&'static str> {
    let at = usize::try_from(number.checked_sub(1)?).ok()?;
    STATES.get(at).copied()
}

/// The state that a word names.
pub(super) fn known_state(word: &str) -> Option<&'static str> {
    STATES.iter().copied().find(|state| *state == word)
}
