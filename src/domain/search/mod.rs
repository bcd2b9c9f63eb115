//! Finds anything: the objects of panels, people, and what is on record.
//!
//! The index is a cache in `<data_dir>/search`: it follows the data file, and can be deleted at any time. It only finds; what is
//! shown of a hit is read from the data file, so it is as true as every other page.
//!
//! * [`docs`]: what is known of a thing, from its row; [`schema`], [`words`]: how that stands in the index.
//! * [`shelf`], [`shard`], [`pens`]: the indexes on disk. Only these, [`compile`], [`collect`] and [`columns`] know tantivy.
//! * [`follow`], [`rebuild`], [`mark`], [`depends`]: how the index keeps up, exactly once across crashes.
//! * [`query`], [`compile`], [`without`], [`collect`], [`find`], [`marks`], [`bars`]: how a question is answered.
//! * [`finder`]: how lists are searched.

mod asked;
mod bars;
mod breaks;
mod collect;
mod columns;
mod compile;
mod depends;
mod docs;
mod find;
mod finder;
mod follow;
mod found;
mod key;
mod mark;
mod marks;
mod pens;
mod query;
mod rebuild;
mod schema;
mod service;
mod shard;
mod shelf;
mod subject;
mod without;
mod words;

pub use asked::{Asked, Order, Sight};
pub use found::{Bar, Bit, Facet, Found, Hit, Marked, Place, Standing};
pub use query::{Narrowing, less, moment};
pub use service::{IndexStats, Search, Seat};
pub use subject::Subject;
