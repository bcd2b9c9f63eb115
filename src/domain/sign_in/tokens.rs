//! Refresh tokens. As of cookies, only their hashes are stored.

use aviary_kernel::base::{Error, Result, Sealer, Secret};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use uuid::Uuid;

/// Fresh random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(bytes)
}

/// A refresh token: which session, how often it was exchanged before, 16 random bytes, and an HMAC over these, which tells an
/// old token from a forged one.
pub(super) struct RefreshToken {
    pub session: Uuid,
    pub generation: u32,
    /// Whether it was made here, under the key of today.
    pub is_genuine: bool,
}

const HEAD: usize = 16 + 4 + 16;

impl RefreshToken {
    /// A new one.
    pub(super) fn make(sealer: &Sealer, session: Uuid, generation: u32) -> Result<Secret<String>> {
        let mut bytes = [session.as_bytes().as_slice(), &generation.to_be_bytes(), &random::<16>()?].concat();
        let mac = hmac::sign(&key(sealer), &bytes);
        bytes.extend_from_slice(mac.as_ref());
        Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What a token says; none when it is no refresh token.
    pub(super) fn read(sealer: &Sealer, text: &str) -> Option<Self> {
        let bytes =
            URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == HEAD + digest::SHA256_OUTPUT_LEN)?;
        let (head, mac) = bytes.split_at_checked(HEAD)?;
        let (session, rest) = head.split_first_chunk::<16>()?;
        Some(Self {
            session: Uuid::from_bytes(*session),
            generation: u32::from_be_bytes(*rest.first_chunk()?),
            is_genuine: hmac::verify(&key(sealer), head, mac).is_ok(),
        })
    }
}

fn key(sealer: &Sealer) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, sealer.derive("refresh").reveal())
}
