//! The one configuration struct.
