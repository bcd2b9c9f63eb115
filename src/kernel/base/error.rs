use std::fmt;

/// The cause of an error, for the log.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// The result of most things here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, sorted by what the caller can do about it. Knows nothing of HTTP.
#[derive(Debug)]
pub enum Error {
    /// Ask for something else: this id is not here, or not yours to see.
    NotFound {
        /// What was looked for, such as "server".
        kind: &'static str,
        /// Which one.
        id: String,
    },
    /// Send a different value for `field`.
    Invalid {
        /// The field, as the caller knows it.
        field: &'static str,
        /// Why, and what would be right.
        reason: String,
    },
    /// The thing is in a state that does not allow this now.
    Conflict(String),
    /// Say who you are.
    Unauthenticated(String),
    /// You may not do this.
    Forbidden(String),
    /// A remote failed; `retry` says whether later may help.
    Upstream {
        /// The name of the remote.
        panel: String,
        /// What happened, and what to do about it.
        reason: String,
        /// Whether a later try may succeed.
        retry: bool,
    },
    /// The data file holds something we cannot read. Run `aviary check`.
    Corrupt {
        /// The table with the record.
        table: &'static str,
        /// What is wrong with it.
        source: Source,
    },
    /// The store takes no writes at the moment: the disk is full or failing. Nothing was lost.
    ReadOnly(String),
    /// The data file cannot be opened as it is: newer, foreign or locked. It was not touched.
    Unusable(String),
    /// Our fault. The source goes to the log, never to the client.
    Internal(Source),
}

impl Error {
    /// [`Error::NotFound`].
    pub fn not_found(kind: &'static str, id: impl fmt::Display) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// [`Error::Invalid`].
    pub fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }

    /// [`Error::Internal`].
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::Internal(source.into())
    }

    /// [`Error::Corrupt`].
    pub fn corrupt(table: &'static str, source: impl Into<Source>) -> Self {
        Self::Corrupt { table, source: source.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { kind, id } => write!(f, "there is no {kind} {id}"),
            Self::Invalid { field, reason } => write!(f, "{field}: {reason}"),
            Self::Conflict(what) | Self::Unauthenticated(what) | Self::Forbidden(what) | Self::Unusable(what) => {
                f.write_str(what)
            }
            Self::Upstream { panel, reason, .. } => write!(f, "{panel}: {reason}"),
            Self::Corrupt { table, source } => {
                write!(f, "a record of table {table} cannot be read: {source}; run `aviary check`")
            }
            Self::ReadOnly(why) => write!(f, "Aviary is read-only at the moment: {why}"),
            Self::Internal(source) => write!(f, "unexpected: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Corrupt { source, .. } | Self::Internal(source) => Some(&**source),
            _ => None,
        }
    }
}
