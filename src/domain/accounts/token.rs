//! Tokens of links: 32 random bytes in hex; only their SHA-256 is stored.

use std::fmt::Write as _;
use std::net::IpAddr;

use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::{Email, TokenHash};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroize;

/// A token that nobody had before.
///
/// # Errors
/// When the system gives no random numbers.
pub(crate) fn new_token() -> Result<Secret<String>> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::internal("the system gives no random numbers"))?;
    // Room for all of it, so that no half of it is left behind in memory.
    let mut text = String::with_capacity(64);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    bytes.zeroize();
    Ok(Secret::new(text))
}

/// What is stored of a token.
pub(crate) fn hash_of(token: &str) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.trim().as_bytes()).as_ref());
    hash
}

/// Under what the wrong passwords for an address are counted.
pub(crate) fn lockout_key(email: &Email) -> TokenHash {
    hash_of(&email.key())
}

/// Under what those are counted that come from where the owner of the address is signed in.
pub(crate) fn lockout_key_at(email: &Email, known: IpAddr) -> TokenHash {
    hash_of(&format!("{} from {known}", email.key()))
}
