//! Aviary.
