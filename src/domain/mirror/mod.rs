//! Our picture of the panels.
//!
//! * [`Writer`]: the only code that changes mirrored rows; diffs, history, feed in one transaction.
//! * [`Book`]: what can be asked: lists, single objects with their relations, history, drift, counts.

mod allocations;
mod book;
mod capacity;
mod compare;
mod counts;
mod drift;
mod fields;
mod finder;
mod history;
mod lately;
mod list;
mod searchable;
mod source;
mod told;
mod writer;

pub use allocations::{AllocationQuery, PlacedAllocation};
pub use aviary_kernel::base::At;
pub use book::{Book, Page, Relative};
pub use capacity::{Capacity, Fullness, Place, Share};
pub use compare::{Compared, ComparedField, Seen, Turn};
pub use counts::{NodeLoad, PanelCounts, StateCount};
pub use drift::DriftReport;
pub(crate) use drift::drift_of;
pub use fields::fields_of;
pub use finder::{Candidates, Finder, Finds, KnownChanges, Sought, SoughtChanges};
pub use history::{HistoryPage, HistoryQuery};
pub use lately::{Changes, Lately};
pub use list::{ListPage, ListQuery, Sort};
pub use searchable::Searchable;
pub use writer::{Applied, Draft, Writer};

pub use aviary_kernel::store::rows::{Mirror, Mirrored, address};
