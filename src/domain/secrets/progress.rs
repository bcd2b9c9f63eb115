use aviary_kernel::base::{Error, Timestamp};
use aviary_kernel::config::KeySource;

use super::state::Rotation;

/// How far the renewal of the master key is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// In one word.
    pub state: State,
    /// The id of the key before.
    pub old_key: Option<String>,
    /// The id of the new key.
    pub new_key: Option<String>,
    /// When it began.
    pub begun_at: Option<Timestamp>,
    /// Rows that were looked at. Each is looked at twice, since the second look makes sure.
    pub rows: u64,
    /// Rows that were sealed anew.
    pub resealed: u64,
    /// How much is done, in percent.
    pub percent: u8,
    /// What went wrong.
    pub problem: Option<String>,
    /// Where a person must put the new key before the next start; none when it stands there.
    pub hand_over: Option<String>,
}

/// The state of a renewal in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There was none since the start.
    #[default]
    Idle,
    /// It is at work.
    Running,
    /// It stopped, and goes on when it is asked for again or at the next start.
    Failed,
    /// The old key is refused from now on.
    Done,
}

impl State {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Done => "done",
        }
    }
}

impl Progress {
    pub(super) fn of(rotation: &Rotation) -> Self {
        // Two looks at each row, and a little for the end.
        let percent = (rotation.rows * 100).checked_div(rotation.total * 2).unwrap_or(0).min(99);
        Self {
            state: State::Running,
            old_key: Some(id(rotation.from)),
            new_key: Some(id(rotation.to)),
            begun_at: Some(rotation.begun_at),
            rows: rotation.rows,
            resealed: rotation.resealed,
            percent: u8::try_from(percent).unwrap_or(99),
            problem: None,
            hand_over: None,
        }
    }

    /// The key was asked for that is in use. One that was renewed since the start may still have to be handed over.
    pub(super) fn already(&mut self, key: u32) {
        if self.state != State::Done {
            *self = Self { state: State::Done, new_key: Some(id(key)), percent: 100, ..Self::default() };
        }
    }

    pub(super) fn failed(&mut self, error: &Error) {
        self.state = State::Failed;
        self.problem = Some(error.to_string());
    }

    pub(super) fn done(&mut self, key: u32, home: &KeySource) {
        self.state = State::Done;
        self.new_key = Some(id(key));
        self.percent = 100;
        self.problem = None;
        self.hand_over = match home {
            KeySource::File(_) => None,
            KeySource::Elsewhere(place) => Some(place.clone()),
        };
    }
}

fn id(key: u32) -> String {
    format!("{key:08x}")
}
