use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::{FaultKind, PanelError};

/// Failures, in points, that a listing takes before its first success: enough to get from a full page down to a single row and
/// past two bad ones.
const BEFORE_SUCCESS: u32 = 7;
/// Failures in a row that it takes later. Rows that the panel cannot show may well be neighbours, from the same import.
const IN_A_ROW: u32 = 60;
/// What an overload counts in a row: it is more likely to be the panel that went away.
const OVERLOAD_IN_A_ROW: u32 = 5;
/// Failures that it takes in all.
const IN_ALL: u32 = 300;

/// Bounds what a listing spends on a panel that fails, and remembers what page size the panel can bear. Shared by the pages
/// that are read side by side.
pub(crate) struct Effort {
    in_all: AtomicU32,
    in_a_row: AtomicU32,
    has_succeeded: AtomicBool,
    /// No page larger than this is asked for any more.
    ceiling: AtomicU32,
    /// Rows of the list, as last told.
    total: AtomicU64,
}

impl Effort {
    pub(crate) fn new() -> Self {
        Self {
            in_all: AtomicU32::new(0),
            in_a_row: AtomicU32::new(0),
            has_succeeded: AtomicBool::new(false),
            ceiling: AtomicU32::new(u32::MAX),
            total: AtomicU64::new(u64::MAX),
        }
    }

    pub(crate) fn succeeded(&self, total: u64) {
        self.in_a_row.store(0, Ordering::Relaxed);
        self.has_succeeded.store(true, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// Counts a failure; `Err` when it was one too many.
    pub(crate) fn failed(&self, error: &PanelError) -> Result<(), PanelError> {
        // A failing row costs the panel little, an overload costs it a lot.
        let (points, row_points) = if error.kind == FaultKind::ServerFault { (1, 1) } else { (2, OVERLOAD_IN_A_ROW) };
        let in_all = self.in_all.fetch_add(points, Ordering::Relaxed) + points;
        let in_a_row = self.in_a_row.fetch_add(row_points, Ordering::Relaxed) + row_points;
        let has_succeeded = self.has_succeeded.load(Ordering::Relaxed);
        if (!has_succeeded && in_all > BEFORE_SUCCESS) || in_a_row > IN_A_ROW || in_all > IN_ALL {
            let mut error = error.clone();
            error.what.push_str(", with smaller pages too");
            return Err(error);
        }
        Ok(())
    }

    /// The panel managed `size` rows where it did not manage more.
    pub(crate) fn lower_ceiling(&self, size: u32) {
        self.ceiling.fetch_min(size, Ordering::Relaxed);
    }

    pub(crate) fn ceiling(&self) -> u32 {
        self.ceiling.load(Ordering::Relaxed)
    }

    /// Whether a page begins after the last row.
    pub(crate) fn is_past_the_end(&self, page: u32, size: u32) -> bool {
        u64::from(page - 1) * u64::from(size) >= self.total.load(Ordering::Relaxed)
    }
}

/// The next smaller size into which a page can be cut without a rest.
pub(crate) fn smaller(size: u32) -> u32 {
    let prime = (2..).take_while(|n| n * n <= size).find(|n| size.is_multiple_of(*n)).unwrap_or(size);
    size / prime.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_shrink_to_one_and_always_divide() {
        for start in [1, 2, 15, 50, 97, 100, 200, 500, 512] {
            let mut size = start;
            while size > 1 {
                let next = smaller(size);
                assert!(next < size && size % next == 0, "{size} -> {next}");
                size = next;
            }
        }
        assert_eq!((smaller(100), smaller(25), smaller(97)), (50, 5, 1));
    }

    #[test]
    fn a_panel_that_always_fails_is_given_up_soon() {
        let effort = Effort::new();
        let error = PanelError::new(FaultKind::ServerFault, "failed", "look");
        assert_eq!((0..100).take_while(|_| effort.failed(&error).is_ok()).count(), 7);
        let heavy = PanelError::new(FaultKind::Timeout, "slow", "look");
        assert_eq!((0..100).take_while(|_| Effort::new().failed(&heavy).is_ok()).count(), 100);
        let effort = Effort::new();
        assert_eq!((0..100).take_while(|_| effort.failed(&heavy).is_ok()).count(), 3);
    }

    #[test]
    fn bad_rows_far_apart_do_not_end_a_listing() {
        let effort = Effort::new();
        let error = PanelError::new(FaultKind::ServerFault, "failed", "look");
        effort.succeeded(1_000);
        for _ in 0..50 {
            for _ in 0..5 {
                assert!(effort.failed(&error).is_ok());
            }
            effort.succeeded(1_000);
        }
        assert!((0..100).any(|_| effort.failed(&error).is_err()), "there is an end to it");
    }
}
