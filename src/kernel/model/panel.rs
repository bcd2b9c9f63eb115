use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::{Error, Sealed, Timestamp};

/// Our number of a panel. Never used again after the panel was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PanelId(pub u32);

impl fmt::Display for PanelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PanelId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|_| Error::invalid("panel", "is a number"))
    }
}

/// Which API a panel speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// The original: locations, nests, eggs under nests.
    Pterodactyl,
    /// Its fork: no locations and no nests, tags instead.
    Pelican,
}

impl Dialect {
    /// The name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pterodactyl => "pterodactyl",
            Self::Pelican => "pelican",
        }
    }
}

/// A panel that is mirrored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// Our number.
    pub id: PanelId,
    /// What people call it; unique, 1 to 60 characters.
    pub name: String,
    /// Without a slash at the end, for example `https://panel.example.com`.
    pub base_url: String,
    /// Found out at the first contact.
    pub dialect: Option<Dialect>,
    /// The Application API key.
    pub app_key: Sealed,
    /// The Client API key of an administrator, for what the Application API does not show.
    pub client_key: Option<Sealed>,
    /// How much of the panel's request limit may be used, in percent.
    pub share_percent: u8,
    /// Seconds between automatic syncs; none = only by hand.
    pub sync_every_s: Option<u32>,
    /// When it was added here.
    pub created_at: Timestamp,
    /// What the last contact was like.
    pub reach: Reach,
    /// When a sync of everything last succeeded.
    pub synced_at: Option<Timestamp>,
    /// It is being removed, with all that was mirrored from it; goes on after a restart.
    pub removing: bool,
}

/// What the last contact with a panel was like.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reach {
    /// When that was; none = never tried.
    pub at: Option<Timestamp>,
    /// What went wrong and what to do about it; none = it answered as it should.
    pub trouble: Option<String>,
    /// Requests a minute that the panel allows, by its own headers.
    pub rate_limit: Option<u32>,
}

impl Reach {
    /// What trouble begins with when the panel answers, but does not take the key.
    pub const REFUSES: &str = "the panel refuses the key: ";

    /// Whether the panel answers, but does not take the key.
    pub fn refuses_key(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.starts_with(Self::REFUSES))
    }
}
