//! The text of an API key: `aviary_`, ten characters that name it, `_`, and 32 random bytes. Only its hash is stored.

use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::TokenHash;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// Every key begins so; scanners for lost secrets look for it.
const PREFIX: &str = "aviary_";
const NAME_LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const NAME_LEN: usize = 10;
const SECRET_BYTES: usize = 32;
/// What is longer is no key, and not worth hashing.
const LONGEST: usize = 128;

/// A key that was just made: how it begins, the whole text, and what is stored of it.
pub(super) struct KeyText {
    pub(super) start: String,
    pub(super) text: Secret<String>,
    pub(super) hash: TokenHash,
}

/// Makes another key.
///
/// # Errors
/// When the system gives no random numbers.
pub(super) fn make() -> Result<KeyText> {
    let mut random = Zeroizing::new([0_u8; NAME_LEN + SECRET_BYTES]);
    SystemRandom::new().fill(&mut *random).map_err(|_| Error::internal("the system gives no random numbers"))?;
    let (name, secret) = random.split_at(NAME_LEN);
    let letters = name.iter().map(|byte| char::from(NAME_LETTERS[usize::from(byte % 32)]));
    let start: String = PREFIX.chars().chain(letters).collect();
    let text = format!("{start}_{}", *Zeroizing::new(URL_SAFE_NO_PAD.encode(secret)));
    let hash = hash_of(&text);
    Ok(KeyText { start, text: Secret::new(text), hash })
}

/// The hash of what may be a key; none when it cannot be one.
pub(super) fn read(text: &str) -> Option<TokenHash> {
    (text.starts_with(PREFIX) && text.len() <= LONGEST).then(|| hash_of(text))
}

fn hash_of(text: &str) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_itself_and_is_never_the_same() {
        let (one, other) = (make().unwrap(), make().unwrap());
        let text = one.text.reveal();
        assert_eq!(text.len(), PREFIX.len() + NAME_LEN + 1 + 43);
        assert!(text.starts_with(&format!("{}_", one.start)) && one.start.len() == PREFIX.len() + NAME_LEN);
        assert_eq!(read(text), Some(one.hash));
        assert!(one.text != other.text && one.start != other.start);
    }

    #[test]
    fn what_cannot_be_a_key_is_not_hashed() {
        assert_eq!(read("ptla_abc"), None);
        assert_eq!(read(&format!("aviary_{}", "a".repeat(200))), None);
    }
}
