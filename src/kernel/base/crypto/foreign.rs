use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, NONCE_LEN, Nonce};
use zeroize::Zeroizing;

use super::MasterKey;
use crate::base::{Error, Result, Secret};

const TAG_LEN: usize = 16;

/// Opens a value that the replaced system sealed: base64 of nonce (12 bytes), ciphertext and tag (16 bytes), bound to no
/// place. None when the text has not that shape, so that it was never sealed: that system also kept secrets in the clear.
///
/// # Errors
/// [`Error::Unusable`] when it has that shape but does not open: it was sealed under another key, or was changed.
pub fn open_foreign(key: &MasterKey, text: &str) -> Result<Option<Secret<String>>> {
    let Ok(bytes) = STANDARD.decode(text.trim()) else { return Ok(None) };
    let mut bytes = Zeroizing::new(bytes);
    if bytes.len() < NONCE_LEN + TAG_LEN {
        return Ok(None);
    }
    let (nonce, sealed) = bytes.split_at_mut(NONCE_LEN);
    let refused = || {
        Error::Unusable(
            "a sealed value does not open under this key: bring the ENCRYPTION_KEY it was sealed under".into(),
        )
    };
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
    let clear = key.cipher().open_in_place(nonce, Aad::empty(), sealed).map_err(|_| refused())?;
    let text = std::str::from_utf8(clear).map_err(|_| Error::internal("a sealed value is not text"))?;
    Ok(Some(Secret::from(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the other system does it.
    fn seal(key: &MasterKey, clear: &str) -> String {
        let mut bytes = clear.as_bytes().to_vec();
        let nonce = [9; NONCE_LEN];
        key.cipher().seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes).unwrap();
        STANDARD.encode([nonce.as_slice(), &bytes].concat())
    }

    fn key(byte: &str) -> MasterKey {
        MasterKey::parse(&byte.repeat(32)).unwrap()
    }

    #[test]
    fn what_the_replaced_system_sealed_opens() {
        for clear in ["ptla_abc", "", "sécrêt 🔑", &"x".repeat(5000)] {
            let opened = open_foreign(&key("07"), &seal(&key("07"), clear)).unwrap().unwrap();
            assert_eq!(opened.reveal(), clear);
        }
        // Made by no code of ours: test case 14 of the GCM specification, everything zero.
        let sealed = "AAAAAAAAAAAAAAAAzqdAPU1ga24HTsXTuvOdGNDRyKeZmWvwJluYtdSKuRk=";
        assert_eq!(open_foreign(&key("00"), sealed).unwrap().unwrap().reveal(), &"\0".repeat(16));
    }

    #[test]
    fn what_was_never_sealed_is_told_from_what_does_not_open() {
        for plain in ["", "ptla_not base64 at all", "aGVsbG8=", "https://example.com/webhook"] {
            assert!(open_foreign(&key("07"), plain).unwrap().is_none(), "{plain}");
        }
        let sealed = seal(&key("07"), "ptla_abc");
        assert!(matches!(open_foreign(&key("08"), &sealed), Err(Error::Unusable(_))));
        let mut changed = STANDARD.decode(&sealed).unwrap();
        changed[NONCE_LEN] ^= 1;
        let error = open_foreign(&key("07"), &STANDARD.encode(changed)).unwrap_err().to_string();
        assert!(error.contains("ENCRYPTION_KEY") && !error.contains("ptla"), "{error}");
    }
}
