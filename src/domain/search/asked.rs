use aviary_kernel::base::{Cursor, Timestamp};
use aviary_kernel::model::{Kind, PanelId, Permission};

use super::Subject;

/// What is searched for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// As it was typed. Everything is taken; what makes no sense is left out and said so in [`super::Found::doubts`].
    pub text: String,
    /// Only these; none = all that may be seen.
    pub subjects: Vec<Subject>,
    /// Only what has to do with this panel.
    pub panel: Option<PanelId>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
    /// What comes first.
    pub order: Order,
    /// Where to go on; from [`super::Found::next`].
    pub after: Option<Cursor>,
    /// Hits of a page; 0 is taken as 25, more than 200 as 200.
    pub limit: usize,
    /// Whether to count by subject, panel and state.
    pub facets: bool,
    /// Whether to count over time.
    pub histogram: bool,
    /// The time zone of days in the query, such as `on:2026-11-20`; an IANA name, UTC when it is none.
    pub zone: Option<String>,
}

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    /// Objects by how well they fit, then what is on record, newest first.
    #[default]
    Usual,
    /// What happened or changed last.
    Newest,
    /// What happened or changed first.
    Oldest,
}

/// What somebody may see of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    pub(super) subjects: Vec<Subject>,
    /// Of which kinds of objects changes are seen.
    pub(super) kinds: Vec<Kind>,
}

impl Sight {
    /// What those see who have the permissions that `may` says yes to.
    pub fn of(may: impl Fn(Permission) -> bool) -> Self {
        let subjects = Subject::ALL.iter().copied().filter(|subject| may(subject.permission())).collect();
        let kinds = Kind::ALL.into_iter().filter(|kind| may(Permission::to_read(*kind))).collect();
        Self { subjects, kinds }
    }

    /// Whether these are seen.
    pub fn sees(&self, subject: Subject) -> bool {
        self.subjects.contains(&subject)
    }

    /// Everything that is seen.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }
}
