//! The API for programs, one file per resource.
