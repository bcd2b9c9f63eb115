//! What is left of an object that was removed: how it was last, when it went and which sync saw that.

use aviary_domain::mirror::HistoryQuery;
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{ObjectKey, Operation, Permission};

use super::super::card::{Body, Card, fact};
use super::super::shown::{self, Cut};
use super::super::value::{Pill, Value};
use super::super::wording::{self, Names};
use super::{Banner, Face, Look};

/// An object that is gone.
pub(super) struct Removed {
    pub(super) face: Face,
    pub(super) card: Card,
}

/// Looks at the last entry of its history.
///
/// # Errors
/// [`Error::NotFound`] when that does not say that it was removed, or the reader may not see it.
pub(super) fn look(look: &Look<'_>, key: ObjectKey) -> Result<Removed> {
    let not_found = || Error::not_found(key.kind.noun(), key.id);
    if !look.known.may(Permission::HistoryRead) {
        return Err(not_found());
    }
    let newest = HistoryQuery { object: Some(key), limit: 1, ..HistoryQuery::default() };
    let entries = look.page.history(&newest)?.entries;
    let names = Names::of(look.page, look.known, &entries)?;
    let entry =
        entries.into_iter().next().filter(|entry| entry.operation == Operation::Removed).ok_or_else(not_found)?;
    let went = look.known.when(entry.at).words();
    let facts = entry.fields.iter().filter_map(|change| {
        let text = wording::value(&names, key, &change.field, change.old.as_ref()?);
        Some(fact(wording::label(key.kind, &change.field), Value::Cut(Cut::new(&text, 160))))
    });
    let mut facts: Vec<_> = facts.collect();
    let sync = look.known.link("the sync that saw it", format!("/admin/syncs/{}", entry.sync));
    facts.insert(0, fact("Removed", Value::Many(vec![Value::When(look.known.when(entry.at)), sync])));
    let banner = Banner {
        tone: "info",
        title: format!("This {} was removed.", key.kind.noun()),
        text: format!("The panel no longer has it since a sync {went}. What stands below is how it was last."),
    };
    let face =
        Face { banner: Some(banner), ..Face::new(&shown::name(&entry.label), vec![Pill::new("bad", "removed")]) };
    Ok(Removed { face, card: Card::new("How it was last", "c12", Body::Facts(facts)) })
}
