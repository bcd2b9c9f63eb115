//! Floor 0: what everything else stands on. Knows no feature and no network.
//!
//! * [`base`]: clock, ids, errors, cursors, secrets, encryption.
//! * [`config`]: the one configuration struct.
//! * [`model`]: plain records.
//! * [`store`]: the one data file.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod base;
pub mod config;
pub mod model;
pub mod store;
