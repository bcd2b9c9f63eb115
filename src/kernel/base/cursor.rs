use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Error;

/// Where the next page of a list begins: an opaque piece of text made of the last key shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

/// Where a page of a list begins.
#[derive(Clone, Debug, Default)]
pub enum At {
    /// At the front.
    #[default]
    Start,
    /// Behind a cursor that came with an earlier page.
    After(Cursor),
    /// Before a cursor; for going back.
    Before(Cursor),
    /// So many rows in. Costs a step for each row passed over: for the API that counts pages, not for walking a list.
    Offset(u64),
}

/// No key of ours is longer.
const MAX_BYTES: usize = 1024;

impl Cursor {
    /// A cursor behind `key`.
    pub fn after(key: &[u8]) -> Self {
        Self(key.to_vec())
    }

    /// The key that was shown last.
    pub fn key(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
        if bytes.is_empty() || bytes.len() > MAX_BYTES { Err(bad()) } else { Ok(Self(bytes)) }
    }
}

fn bad() -> Error {
    Error::invalid("cursor", "is not one that Aviary gave out; begin again without it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_form() {
        let cursor = Cursor::after(b"\x00\xff key");
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
    }

    #[test]
    fn made_up_cursors_are_refused() {
        for text in ["", "*", "a b"] {
            assert!(text.parse::<Cursor>().is_err(), "{text:?}");
        }
    }
}
