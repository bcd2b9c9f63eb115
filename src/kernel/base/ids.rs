use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// Hands out ids that sort by the time they were made.
pub trait Ids: Send + Sync {
    /// A new id, never handed out before.
    fn next(&self) -> Uuid;
}

/// UUIDs of version 7.
pub struct RandomIds;

impl Ids for RandomIds {
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Counts up from one; the same in each run.
#[derive(Default)]
pub struct SequentialIds(AtomicU64);

impl Ids for SequentialIds {
    fn next(&self) -> Uuid {
        Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 | (self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }
}
