use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize, Zeroizing};

use super::no_random_numbers;
use crate::base::{Error, Result, Secret};

/// The key everything is sealed under. 32 bytes, wiped when dropped.
#[derive(Clone)]
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

    /// A new key.
    ///
    /// # Errors
    /// [`Error::Internal`] when the system gives no random numbers.
    pub fn random() -> Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(&mut *key).map_err(|_| no_random_numbers())?;
        Ok(Self(key))
    }

    /// Reads the key file, or makes one (mode 0600) when there is none and `may_create` says so.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the file cannot be read or written, or holds no key.
    pub fn load_or_create(path: &Path, may_create: bool) -> Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&Zeroizing::new(text)),
            Err(e) if e.kind() == ErrorKind::NotFound && may_create => {
                let key = Self::random()?;
                key.save_new(path)?;
                Ok(key)
            }
            Err(e) => Err(Error::Unusable(format!(
                "the key file {} cannot be read ({e}): put back the key that this data file was made with",
                path.display()
            ))),
        }
    }

    /// Writes the key to a file that is not there yet (mode 0600). It is on disk when this returns.
    ///
    /// # Errors
    /// [`Error::Unusable`] when there is such a file, or it cannot be written.
    pub fn save_new(&self, path: &Path) -> Result<()> {
        let text = Zeroizing::new(STANDARD.encode(*self.0) + "\n");
        write_private(path, text.as_bytes())
            .map_err(|e| Error::Unusable(format!("the key file {} cannot be written: {e}", path.display())))
    }

    /// Tells keys apart without telling what they are.
    pub fn id(&self) -> u32 {
        let text = Zeroizing::new([b"aviary key id".as_slice(), &*self.0].concat());
        let hash = digest::digest(&digest::SHA256, &text);
        u32::from_be_bytes([hash.as_ref()[0], hash.as_ref()[1], hash.as_ref()[2], hash.as_ref()[3]])
    }

    /// The key for marks of data files that came before marks had a key of their own.
    pub(super) fn first_marks_key(&self) -> Secret<Vec<u8>> {
        Secret::new([b"aviary marks".as_slice(), &*self.0].concat())
    }

    // Made anew for each use: what ring keeps of a key is not wiped, and this costs next to nothing.
    pub(super) fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*self.0).expect("the key has 32 bytes, as AES-256 asks"))
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok()).collect()
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // The name must last as well as what is in it.
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let made = MasterKey::load_or_create(&path, true).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(MasterKey::load_or_create(&path, false).unwrap().id(), made.id());
        assert!(MasterKey::random().unwrap().save_new(&path).is_err(), "no key is written over another");
        assert_eq!(MasterKey::load_or_create(&path, false).unwrap().id(), made.id());
    }

    #[test]
    fn a_missing_key_is_an_error_when_none_may_be_made() {
        let dir = tempfile::tempdir().unwrap();
        assert!(MasterKey::load_or_create(&dir.path().join("key"), false).is_err());
    }

    #[test]
    fn hex_and_base64_are_the_same_key_and_anything_else_is_refused() {
        let hex = "00ff".repeat(16);
        let base64 = STANDARD.encode([0x00, 0xff].repeat(16));
        assert_eq!(MasterKey::parse(&hex).unwrap().id(), MasterKey::parse(&format!(" {base64}\n")).unwrap().id());
        for bad in ["", "abc", &hex[2..], &"zz".repeat(32), &base64[4..], &STANDARD.encode([7; 33]), "pass phrase"] {
            assert!(MasterKey::parse(bad).is_err(), "{bad}");
        }
    }
}
