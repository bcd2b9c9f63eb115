//! Finds anything: the objects of panels, people, and what is on record.
//!
//! The index is a cache in `<data_dir>/search`: it follows the data file, and can be deleted at any time. It only finds; what is
//! shown of a hit is read from the data file, so it is as true as every other page.

mod asked;
mod found;
mod subject;

pub use asked::{Asked, Order, Sight};
pub use found::{Bar, Bit, Facet, Found, Hit, Marked, Place, Standing};
pub use subject::Subject;
