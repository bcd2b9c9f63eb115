//! Which jobs somebody asked for: the filters of the pages, from the address or from a form.

use std::str::FromStr;

use aviary_domain::jobs::{Counts, JobFilter};
use aviary_kernel::base::Error;
use aviary_kernel::model::{JobKind, JobState, Queue};

use crate::admin::form::{Fields, Sent};
use crate::admin::query::Query;
use crate::admin::shown;

/// States that are one thing to people.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) states: &'static [JobState],
}

pub(super) const GROUPS: [Group; 7] = [
    Group { title: "Waiting", states: &[JobState::Pending, JobState::Scheduled] },
    Group { title: "Running", states: &[JobState::Running] },
    Group { title: "Retrying", states: &[JobState::Retrying] },
    Group { title: "Dead", states: &[JobState::Dead] },
    Group { title: "Failed", states: &[JobState::Failed] },
    Group { title: "Done", states: &[JobState::Completed] },
    Group { title: "Cancelled", states: &[JobState::Cancelled] },
];

impl Group {
    /// How addresses spell it.
    pub(super) fn word(&self) -> String {
        spelled(self.states)
    }
}

/// The filters.
#[derive(Default)]
pub(super) struct Asked(pub(super) JobFilter);

impl Asked {
    /// Those of an address. What cannot be understood is left out and said so.
    pub(super) fn in_address(query: &mut Query) -> Self {
        Self(JobFilter {
            queue: query.parse("queue", "all queues are shown"),
            kind: query.parse("kind", "all kinds are shown"),
            states: query.pick("state", "all states are shown", |text| states(text).ok()).unwrap_or_default(),
        })
    }

    /// Those of a form.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub(super) fn in_form(sent: &Sent) -> Result<Self, Error> {
        Ok(Self(JobFilter {
            queue: filled::<Queue>(sent.field("queue"))?,
            kind: filled::<JobKind>(sent.field("kind"))?,
            states: if sent.field("state").is_empty() { Vec::new() } else { states(sent.field("state"))? },
        }))
    }

    /// As names and values.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let queue = self.0.queue.map(|queue| ("queue", queue.name().to_owned()));
        let kind = self.0.kind.map(|kind| ("kind", kind.name().to_owned()));
        let state = (!self.0.states.is_empty()).then(|| ("state", spelled(&self.0.states)));
        [queue, kind, state].into_iter().flatten().collect()
    }

    /// A page with these filters.
    pub(super) fn at(&self, path: &str, more: &[(&str, &str)]) -> String {
        let own = self.pairs();
        let pairs: Vec<_> =
            more.iter().copied().chain(own.iter().map(|(name, value)| (*name, value.as_str()))).collect();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", shown::query(&pairs)) }
    }

    /// The same with other states.
    pub(super) fn with(&self, states: &[JobState]) -> Self {
        Self(JobFilter { states: states.to_vec(), ..self.0.clone() })
    }

    pub(super) fn is_any(&self) -> bool {
        self.0 == JobFilter::default()
    }

    /// How many there are.
    pub(super) fn count(&self, counts: &Counts) -> u64 {
        counts.of(&self.0)
    }
}

fn filled<T: FromStr<Err = Error>>(text: &str) -> Result<Option<T>, Error> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

fn states(text: &str) -> Result<Vec<JobState>, Error> {
    text.split(',').map(|word| word.trim().parse()).collect()
}

fn spelled(states: &[JobState]) -> String {
    states.iter().map(|state| state.word()).collect::<Vec<_>>().join(",")
}
