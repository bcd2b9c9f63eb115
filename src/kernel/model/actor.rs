use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AccountId, PanelId};

/// Who does something, and from where; for permissions and for the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// The name at that time, such as an e-mail address or the name of a key.
    pub name: String,
    /// Where the request came from.
    pub origin: Origin,
}

/// Who does something. Numbers are on disk: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Who {
    /// Nobody that is known, such as somebody who tries to sign in.
    Nobody,
    /// A person with an account.
    Person(AccountId),
    /// A program with an API key.
    ApiKey(Uuid),
    /// A back end with the key of the configuration.
    BackendKey,
    /// The owner of the program, through the local socket.
    CommandLine,
    /// Aviary itself: a schedule or a clean-up.
    Job,
    /// A panel: what it says made something happen.
    Panel(PanelId),
}

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The address of the caller, behind proxies that are trusted.
    pub address: Option<IpAddr>,
    /// What the caller says it is, shortened.
    pub user_agent: Option<String>,
    /// Names the request in the log.
    pub request_id: Option<String>,
}

impl Origin {
    /// A caller may say anything, so this much of it is kept.
    pub const LONGEST_USER_AGENT: usize = 200;
}

impl Actor {
    /// Somebody with a name, from nowhere in particular.
    pub fn new(who: Who, name: impl Into<String>) -> Self {
        Self { who, name: name.into(), origin: Origin::default() }
    }

    /// Nobody that is known.
    pub fn nobody(origin: Origin) -> Self {
        Self { who: Who::Nobody, name: "nobody".into(), origin }
    }

    /// The owner of the program.
    pub fn command_line() -> Self {
        Self::new(Who::CommandLine, "command line")
    }

    /// A worker of ours.
    pub fn job(name: &str) -> Self {
        Self::new(Who::Job, name)
    }

    /// The same, from there.
    #[must_use]
    pub fn from(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The account, when it is a person.
    pub fn account(&self) -> Option<AccountId> {
        if let Who::Person(id) = self.who { Some(id) } else { None }
    }
}

impl Who {
    /// The kind in one word, as in filters and exports.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Person(_) => "person",
            Self::ApiKey(_) => "api-key",
            Self::BackendKey => "backend-key",
            Self::CommandLine => "command-line",
            Self::Job => "job",
            Self::Panel(_) => "panel",
        }
    }
}

impl fmt::Display for Who {
    /// Kind and id, such as `person/0190…`; what the audit trail is filtered by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Person(id) => write!(f, "/{id}"),
            Self::ApiKey(id) => write!(f, "/{id}"),
            Self::Panel(id) => write!(f, "/{id}"),
            Self::Nobody | Self::BackendKey | Self::CommandLine | Self::Job => Ok(()),
        }
    }
}
