use serde::{Deserialize, Serialize};

use super::Actor;
use crate::base::{Fingerprint, Sealed, Timestamp};

/// What operators set, and who set it when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingValue {
    /// The value.
    pub value: StoredValue,
    /// When it was set.
    pub at: Timestamp,
    /// Who set it.
    pub by: Actor,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StoredValue {
    /// JSON text of the type that the setting has.
    Plain(String),
    /// A secret, sealed for `settings/<key>`.
    Secret {
        /// Tells whether two secrets are the same.
        mark: Fingerprint,
        /// The value under the master key.
        sealed: Sealed,
    },
}

/// A change of a setting, so that it can be undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingChange {
    /// The key, such as `site_name`.
    pub key: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// Before; none = it had its default.
    pub before: Option<StoredValue>,
    /// After; none = it has its default again.
    pub after: Option<StoredValue>,
    /// The address that a secret was for until then, where it goes to one.
    pub sent_to: Option<String>,
}
