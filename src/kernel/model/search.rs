use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::base::Timestamp;

/// A search that somebody kept, to ask it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSearch {
    /// Its id.
    pub id: Uuid,
    /// What its owner calls it; 1 to 60 characters.
    pub name: String,
    /// What stands behind the `?` of the address of the search page.
    pub query: String,
    /// When it was kept.
    pub made_at: Timestamp,
}
