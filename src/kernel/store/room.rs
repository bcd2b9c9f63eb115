//! How much of the data file is in use.

use redb::ReadableTableMetadata;

use super::{ReadTx, storage_error};
use crate::base::Result;

impl ReadTx {
    /// Bytes of all pages that hold rows, indexes and counters. What the file is larger by is free inside it, and is used
    /// before the file grows. Looks at every page of the file: not for every request.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn used_bytes(&self) -> Result<u64> {
        let fail = |error| storage_error("all", error);
        let mut used = 0;
        for table in self.0.list_tables().map_err(fail)? {
            let open = self.0.open_untyped_table(table).map_err(|error| storage_error("all", error))?;
            let stats = open.stats().map_err(fail)?;
            used += stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes();
        }
        Ok(used)
    }
}
