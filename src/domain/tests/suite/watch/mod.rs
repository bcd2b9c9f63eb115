//! What must not end unnoticed.

mod expiry;
mod outage;
