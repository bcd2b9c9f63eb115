//! What a query means. Everything that can be typed means something; what was left out or read differently is said.

mod fields;
mod less;
mod lex;
mod read;
mod time;

use aviary_kernel::base::Timestamp;
use aviary_kernel::model::PanelId;

use super::Subject;

pub use less::{Narrowing, less};
pub(super) use read::read;
pub use time::moment;

/// A query, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Query {
    /// All of these must hold.
    pub(super) clauses: Vec<Clause>,
    /// Only these; none = all.
    pub(super) subjects: Option<Vec<Subject>>,
    /// And none of these.
    pub(super) left_out: Vec<Subject>,
    /// Only what has to do with these; none = all.
    pub(super) panels: Option<Vec<PanelId>>,
    /// And nothing that has to do with these.
    pub(super) other_panels: Vec<PanelId>,
    /// Only in these states; none = all.
    pub(super) states: Option<Vec<&'static str>>,
    /// And in none of these.
    pub(super) other_states: Vec<&'static str>,
    /// Not before this.
    pub(super) since: Option<Timestamp>,
    /// Before this.
    pub(super) until: Option<Timestamp>,
    /// What was left out or read differently.
    pub(super) doubts: Vec<String>,
}

/// One of several items must fit, or none may.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clause {
    /// What fits is left out.
    pub(super) is_not: bool,
    /// The items.
    pub(super) any: Vec<Item>,
}

/// What must fit.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// Words, anywhere.
    Text(Text),
    /// One of these attributes, such as `node:alpha`.
    Attribute {
        /// What it may be called.
        fields: &'static [&'static str],
        /// Its value.
        value: Text,
    },
}

/// Text that is searched for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    /// The whole, folded.
    pub(super) whole: String,
    /// Its words.
    pub(super) words: Vec<String>,
    /// It stood in quotation marks: exactly these words in this order.
    pub(super) is_exact: bool,
    /// It may go on.
    pub(super) is_prefix: bool,
}

impl Query {
    /// Everything that is to be marked in hits.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let items = self.clauses.iter().filter(|clause| !clause.is_not).flat_map(|clause| &clause.any);
        items.map(|item| match item {
            Item::Text(text) | Item::Attribute { value: text, .. } => text,
        })
    }
}
