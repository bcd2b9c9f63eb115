use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, Nonce};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{MasterKey, no_random_numbers};
use crate::base::{Error, Result, Secret};

/// A sealed value: which key, nonce, ciphertext with tag. Safe to store, useless without the key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    key_id: u32,
    nonce: [u8; 12],
    bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed(key {:08x})", self.key_id)
    }
}

impl Sealed {
    /// The id of the key that opens it.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }
}

/// A short keyed hash: tells whether two secrets are the same without telling what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 8]);

/// A new secret of 32 random bytes, as text that can be sealed.
///
/// # Errors
/// [`Error::Internal`] when the system gives no random numbers.
pub fn random_secret() -> Result<Secret<String>> {
    let mut bytes = Zeroizing::new([0; 32]);
    SystemRandom::new().fill(&mut *bytes).map_err(|_| no_random_numbers())?;
    Ok(Secret::new(STANDARD.encode(*bytes)))
}

/// Seals and opens values. While the master key is being renewed it knows two: it seals under the new one, and opens what
/// either has sealed. Marks and signatures have keys of their own, which the data file keeps.
pub struct Sealer {
    keys: RwLock<Keys>,
    random: SystemRandom,
}

struct Keys {
    master: MasterKey,
    old: Option<MasterKey>,
    marks: Secret<Vec<u8>>,
    signing: Secret<Vec<u8>>,
}

impl Sealer {
    /// A sealer for this key. Marks and signatures are made under keys that follow from it until they are given their own.
    pub fn new(master: &MasterKey) -> Self {
        let (marks, signing) = (master.first_marks_key(), master.first_marks_key());
        let keys = Keys { master: master.clone(), old: None, marks, signing };
        Self { keys: RwLock::new(keys), random: SystemRandom::new() }
    }

    /// The id of the key that is sealed under.
    pub fn key_id(&self) -> u32 {
        self.keys().master.id()
    }

    /// Seals under `new` from now on; what is sealed under the key before it still opens.
    pub fn renew(&self, new: &MasterKey) {
        let mut keys = self.keys_mut();
        if keys.master.id() != new.id() {
            keys.old = Some(std::mem::replace(&mut keys.master, new.clone()));
        }
    }

    /// Nothing is left under the key before: it opens nothing any more.
    pub fn forget_old(&self) {
        self.keys_mut().old = None;
    }

    /// The key for marks, as text that can be sealed.
    pub fn marks_key(&self) -> Secret<String> {
        Secret::new(STANDARD.encode(self.keys().marks.reveal()))
    }

    /// Makes marks under this key, which must never change: all marks would look changed.
    ///
    /// # Errors
    /// [`Error::Internal`] when it is no key.
    pub fn use_marks_key(&self, text: &Secret<String>) -> Result<()> {
        self.keys_mut().marks = inner_key(text)?;
        Ok(())
    }

    /// Derives the keys for signatures from this one: what was signed before is no longer taken.
    ///
    /// # Errors
    /// [`Error::Internal`] when it is no key.
    pub fn use_signing_key(&self, text: &Secret<String>) -> Result<()> {
        self.keys_mut().signing = inner_key(text)?;
        Ok(())
    }

    /// A key for one purpose, such as signing tokens. 32 bytes. It changes when the master key is renewed, so that what
    /// was signed under a stolen key dies with it: ask for it at each use instead of keeping it.
    pub fn derive(&self, purpose: &str) -> Secret<Vec<u8>> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.keys().signing.reveal());
        Secret::new(hmac::sign(&key, format!("aviary purpose {purpose}").as_bytes()).as_ref().to_vec())
    }

    /// Seals `clear` for one place, such as `panels/3/app_key`; it opens only there. To be called in the transaction that
    /// stores the value, so that no value is stored under a key that has been renewed meanwhile.
    ///
    /// # Errors
    /// [`Error::Internal`] when the system gives no random numbers.
    pub fn seal(&self, place: &str, clear: &str) -> Result<Sealed> {
        let mut nonce = [0; 12];
        self.random.fill(&mut nonce).map_err(|_| no_random_numbers())?;
        // With room for the tag, so that the clear bytes are not left behind when it grows.
        let mut bytes = Vec::with_capacity(clear.len() + AES_256_GCM.tag_len());
        bytes.extend_from_slice(clear.as_bytes());
        let (key_id, cipher) = {
            let keys = self.keys();
            (keys.master.id(), keys.master.cipher())
        };
        cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.as_bytes()), &mut bytes)
            .map_err(|_| Error::internal("a value could not be sealed"))?;
        Ok(Sealed { key_id, nonce, bytes })
    }

    /// Opens a value sealed for `place`.
    ///
    /// # Errors
    /// [`Error::Unusable`] when it was sealed under another key, for another place, or was changed.
    pub fn open(&self, place: &str, sealed: &Sealed) -> Result<Secret<String>> {
        let cipher = self.keys().of(sealed.key_id)?.cipher();
        let mut bytes = Zeroizing::new(sealed.bytes.clone());
        let nonce = Nonce::assume_unique_for_key(sealed.nonce);
        let clear = cipher.open_in_place(nonce, Aad::from(place.as_bytes()), &mut bytes).map_err(|_| {
            Error::Unusable("a sealed secret does not open: it was changed, or moved from another record".into())
        })?;
        let text = std::str::from_utf8(clear).map_err(|_| Error::internal("a sealed secret is not text"))?;
        Ok(Secret::from(text))
    }

    /// Seals a value anew when it is not under the newest key. Whether it was not.
    ///
    /// # Errors
    /// As [`Sealer::open`] and [`Sealer::seal`].
    pub fn reseal(&self, place: &str, sealed: &mut Sealed) -> Result<bool> {
        if sealed.key_id == self.key_id() {
            return Ok(false);
        }
        *sealed = self.seal(place, self.open(place, sealed)?.reveal())?;
        Ok(true)
    }

    /// A keyed hash of `clear`. Stays the same when the master key is renewed.
    pub fn fingerprint(&self, clear: &[u8]) -> Fingerprint {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.keys().marks.reveal());
        let tag = hmac::sign(&key, clear);
        let mut short = [0; 8];
        short.copy_from_slice(&tag.as_ref()[..8]);
        Fingerprint(short)
    }

    fn keys(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys_mut(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn of(&self, id: u32) -> Result<&MasterKey> {
        let known = [Some(&self.master), self.old.as_ref()].into_iter().flatten();
        known.into_iter().find(|key| key.id() == id).ok_or_else(|| {
            Error::Unusable(format!(
                "a secret was sealed under key {id:08x}, the key here is {:08x}: put back the old key file",
                self.master.id()
            ))
        })
    }
}

fn inner_key(text: &Secret<String>) -> Result<Secret<Vec<u8>>> {
    STANDARD.decode(text.reveal()).map(Secret::new).map_err(|_| Error::internal("an inner key cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MasterKey {
        MasterKey::parse(&format!("{byte:02x}").repeat(32)).unwrap()
    }

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&key(byte))
    }

    #[test]
    fn a_sealed_value_opens_only_where_it_was_sealed() {
        let sealer = sealer(7);
        let sealed = sealer.seal("panels/1/app_key", "ptla_secret").unwrap();
        assert_eq!(sealer.open("panels/1/app_key", &sealed).unwrap().reveal(), "ptla_secret");
        assert!(sealer.open("panels/2/app_key", &sealed).is_err());
    }

    #[test]
    fn another_key_does_not_open_it_and_says_which_one_is_missing() {
        let sealed = sealer(1).seal("a", "x").unwrap();
        let error = sealer(2).open("a", &sealed).unwrap_err().to_string();
        assert!(error.contains("put back the old key"), "{error}");
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let mut sealed = sealer(1).seal("a", "x").unwrap();
        sealed.bytes[0] ^= 1;
        assert!(sealer(1).open("a", &sealed).is_err());
    }

    #[test]
    fn while_the_key_is_renewed_both_open_and_only_the_new_one_seals() {
        let sealer = sealer(1);
        let mut before = sealer.seal("a", "x").unwrap();
        sealer.renew(&key(2));
        assert_eq!(sealer.seal("a", "y").unwrap().key_id(), key(2).id());
        assert_eq!(sealer.open("a", &before).unwrap().reveal(), "x");
        let left = before.clone();
        assert!(sealer.reseal("b", &mut before).is_err(), "not for another place");
        assert!(sealer.reseal("a", &mut before).unwrap());
        assert!(!sealer.reseal("a", &mut before).unwrap(), "once is enough");
        sealer.forget_old();
        assert_eq!(sealer.open("a", &before).unwrap().reveal(), "x");
        assert!(sealer.open("a", &left).is_err());
    }

    #[test]
    fn marks_outlive_the_master_key_and_signatures_do_not() {
        let sealer = sealer(1);
        let (mark, signing) = (sealer.fingerprint(b"x"), sealer.derive("tokens"));
        sealer.renew(&key(2));
        sealer.use_signing_key(&random_secret().unwrap()).unwrap();
        sealer.forget_old();
        assert_eq!(sealer.fingerprint(b"x"), mark);
        assert!(sealer.derive("tokens") != signing);
        assert!(sealer.derive("tokens") != sealer.derive("cookies"));
        let restarted = Sealer::new(&key(2));
        restarted.use_marks_key(&sealer.marks_key()).unwrap();
        assert_eq!(restarted.fingerprint(b"x"), mark);
    }
}
