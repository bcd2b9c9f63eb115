//! How the reader of a page wants to see things: sizes in their units, times in their zone. The one place for both.

use aviary_kernel::base::{Timestamp, Zone};
use aviary_kernel::model::{Density, Preferences, Theme, Units};

use super::desk::Known;
use super::shown::{self, When};

/// What a reader prefers, ready for use.
#[derive(Clone, Debug)]
pub(super) struct Prefers {
    pub(super) zone: Zone,
    /// The name of a zone that this release does not know; UTC stands in for it.
    pub(super) lost_zone: Option<String>,
    pub(super) kept: Preferences,
}

impl Default for Prefers {
    fn default() -> Self {
        Self::new(Preferences::default())
    }
}

impl Prefers {
    pub(super) fn new(kept: Preferences) -> Self {
        let (zone, lost_zone) = match kept.time_zone.as_deref().map(|name| (name, Zone::find(name))) {
            None => (Zone::utc(), None),
            Some((_, Ok(zone))) => (zone, None),
            Some((name, Err(_))) => (Zone::utc(), Some(shown::short(name, 64))),
        };
        Self { zone, lost_zone, kept }
    }

    /// `system`, `light` or `dark`.
    pub(super) fn theme(&self) -> &'static str {
        self.kept.theme.word()
    }

    /// `comfortable` or `compact`.
    pub(super) fn density(&self) -> &'static str {
        self.kept.density.word()
    }

    /// `open` or `folded`.
    pub(super) fn side(&self) -> &'static str {
        if self.kept.folded { "folded" } else { "open" }
    }

    /// The switches of the frame.
    pub(super) fn switches(&self) -> [Switch; 3] {
        let themes: Vec<_> = Theme::ALL.iter().map(|theme| theme.word()).collect();
        let densities: Vec<_> = Density::ALL.iter().map(|density| density.word()).collect();
        [
            Switch::new("side", "Side bar", "side", &["open", "folded"], self.side()),
            Switch::new("density", "Density", "density", &densities, self.density()),
            Switch::new("theme", "Theme", "theme", &themes, self.theme()),
        ]
    }
}

/// A button of the frame that goes from one word to the next.
pub(super) struct Switch {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) icon: &'static str,
    pub(super) words: String,
    pub(super) now: &'static str,
    pub(super) next: &'static str,
}

impl Switch {
    fn new(
        name: &'static str,
        what: &'static str,
        icon: &'static str,
        words: &[&'static str],
        now: &'static str,
    ) -> Self {
        let at = words.iter().position(|word| *word == now).unwrap_or(0);
        let next = words.get(at + 1).or(words.first()).copied().unwrap_or(now);
        Self { name, what, icon, words: words.join(" "), now, next }
    }
}

impl Known {
    /// How the reader wants memory and disk space to be told.
    pub(super) fn units(&self) -> Units {
        self.prefers.kept.units
    }

    /// A size in MiB.
    pub(super) fn mib(&self, n: i64) -> String {
        shown::mib(n, self.units())
    }

    /// A size in bytes.
    pub(super) fn bytes(&self, n: u64) -> String {
        shown::bytes(n, self.units())
    }

    /// A limit in MiB, where 0 means that there is none.
    pub(super) fn limit_mib(&self, n: i64) -> String {
        if n == 0 { "unlimited".into() } else { self.mib(n) }
    }

    /// How long ago, for the eye; the exact time behind it.
    pub(super) fn when(&self, at: Timestamp) -> When {
        When::new(at, self.now, &self.prefers.zone)
    }

    /// When something is to happen; once the time has come, it is due.
    pub(super) fn due(&self, at: Timestamp) -> When {
        When::due(at, self.now, &self.prefers.zone)
    }

    /// The exact time with the name of the zone.
    pub(super) fn exact(&self, at: Timestamp) -> String {
        self.prefers.zone.exact(at)
    }

    /// The time of day, with the day when it is not today.
    pub(super) fn clock(&self, at: Timestamp) -> String {
        self.prefers.zone.clock(at, self.now)
    }
}
