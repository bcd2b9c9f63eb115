//! Sealing of secrets: AES-256-GCM under a key with an id, bound to the place where the value stands.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{Error, Result, Secret};

/// The key everything is sealed under. 32 bytes.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Reads a key as base64 or hex of 32 bytes.
    ///
    /// # Errors
    /// [`Error::Unusable`] when it is neither.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let mut bytes = if text.len() == 64 { hex(text) } else { STANDARD.decode(text).ok() }.unwrap_or_default();
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map(|key| Self(Zeroizing::new(key)));
        bytes.zeroize();
        key.map_err(|_| {
            Error::Unusable(
                "the master key is not 32 bytes in base64 or hex: restore the key this data file was made with".into(),
            )
        })
    }

    /// Reads the key file, or makes one (mode 0600) when there is none and `may_create` says so.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the file cannot be read or written, or holds no key.
    pub fn load_or_create(path: &Path, may_create: bool) -> Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&Zeroizing::new(text)),
            Err(e) if e.kind() == ErrorKind::NotFound && may_create => Self::create(path),
            Err(e) => Err(Error::Unusable(format!(
                "the key file {} cannot be read ({e}): put back the key that this data file was made with",
                path.display()
            ))),
        }
    }

    fn create(path: &Path) -> Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(&mut *key).map_err(|_| Error::internal("the system gives no random numbers"))?;
        let text = Zeroizing::new(STANDARD.encode(*key) + "\n");
        write_private(path, text.as_bytes())
            .map_err(|e| Error::Unusable(format!("the key file {} cannot be written: {e}", path.display())))?;
        Ok(Self(key))
    }

    fn id(&self) -> u32 {
        let hash = digest::digest(&digest::SHA256, &[b"aviary key id".as_slice(), &*self.0].concat());
        u32::from_be_bytes([hash.as_ref()[0], hash.as_ref()[1], hash.as_ref()[2], hash.as_ref()[3]])
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok()).collect()
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

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

/// Seals and opens values under the master key.
pub struct Sealer {
    key: LessSafeKey,
    key_id: u32,
    marks: hmac::Key,
    random: SystemRandom,
}

impl Sealer {
    /// A sealer for this key.
    pub fn new(master: &MasterKey) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, &*master.0).expect("the key has 32 bytes, as AES-256 asks");
        Self {
            key: LessSafeKey::new(key),
            key_id: master.id(),
            marks: hmac::Key::new(hmac::HMAC_SHA256, &[b"aviary marks".as_slice(), &*master.0].concat()),
            random: SystemRandom::new(),
        }
    }

    /// The id of the key.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// Another key made of the master key, for one purpose such as signing sessions. 32 bytes.
    pub fn derive(&self, purpose: &str) -> Secret<Vec<u8>> {
        Secret::new(hmac::sign(&self.marks, format!("aviary purpose {purpose}").as_bytes()).as_ref().to_vec())
    }

    /// Seals `clear` for one place, such as `panels/3/app_key`; it opens only there.
    ///
    /// # Errors
    /// [`Error::Internal`] when the system gives no random numbers.
    pub fn seal(&self, place: &str, clear: &str) -> Result<Sealed> {
        let mut nonce = [0; 12];
        self.random.fill(&mut nonce).map_err(|_| Error::internal("the system gives no random numbers"))?;
        let mut bytes = clear.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.as_bytes()), &mut bytes)
            .map_err(|_| Error::internal("a value could not be sealed"))?;
        Ok(Sealed { key_id: self.key_id, nonce, bytes })
    }

    /// Opens a value sealed for `place`.
    ///
    /// # Errors
    /// [`Error::Unusable`] when it was sealed under another key, for another place, or was changed.
    pub fn open(&self, place: &str, sealed: &Sealed) -> Result<Secret<String>> {
        if sealed.key_id != self.key_id {
            return Err(Error::Unusable(format!(
                "a secret was sealed under key {:08x}, the key here is {:08x}: put back the old key file",
                sealed.key_id, self.key_id
            )));
        }
        let mut bytes = sealed.bytes.clone();
        let nonce = Nonce::assume_unique_for_key(sealed.nonce);
        let clear = self.key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut bytes).map_err(|_| {
            Error::Unusable("a sealed secret does not open: it was changed, or moved from another record".into())
        })?;
        let text = String::from_utf8(clear.to_vec()).map_err(|_| Error::internal("a sealed secret is not text"))?;
        bytes.zeroize();
        Ok(Secret::new(text))
    }

    /// A keyed hash of `clear`.
    pub fn fingerprint(&self, clear: &[u8]) -> Fingerprint {
        let tag = hmac::sign(&self.marks, clear);
        let mut short = [0; 8];
        short.copy_from_slice(&tag.as_ref()[..8]);
        Fingerprint(short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&MasterKey(Zeroizing::new([byte; 32])))
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
    fn a_key_file_is_made_once_and_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let made = MasterKey::load_or_create(&path, true).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(MasterKey::load_or_create(&path, false).unwrap().id(), made.id());
    }

    #[test]
    fn a_missing_key_is_an_error_when_none_may_be_made() {
        let dir = tempfile::tempdir().unwrap();
        assert!(MasterKey::load_or_create(&dir.path().join("key"), false).is_err());
    }
}
