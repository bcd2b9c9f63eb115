//! Sealing of secrets: AES-256-GCM under a key with an id, bound to the place where the value stands.

mod foreign;
mod master;
mod sealer;

pub use foreign::open_foreign;
pub use master::MasterKey;
pub use sealer::{Fingerprint, Sealed, Sealer, random_secret};

use crate::base::Error;

/// Nothing can be done without.
fn no_random_numbers() -> Error {
    Error::internal("the system gives no random numbers")
}
