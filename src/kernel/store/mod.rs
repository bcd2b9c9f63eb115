//! The one data file.
