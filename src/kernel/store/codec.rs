//! Records on disk: codec (1 byte), record version (2 bytes, big-endian), body. The only file that knows bincode.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian, Varint};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::{Error, Result};

/// bincode 2, variable-length numbers. Other codecs get other numbers, so tables can move one by one.
const BINCODE_2: u8 = 1;

/// No record of ours is larger.
const MAX_BYTES: usize = 64 * 1024 * 1024;

type Config = Configuration<LittleEndian, Varint, Limit<MAX_BYTES>>;

fn config() -> Config {
    bincode::config::standard().with_limit::<MAX_BYTES>()
}

/// Why the body of a record could not be read.
pub type DecodeError = Box<dyn std::error::Error + Send + Sync>;

/// Something that is stored. The body carries no field names: any change of fields, their order or type is a new version,
/// and the old shape stays behind in `older/`.
pub trait Record: Serialize + DeserializeOwned + Send + 'static {
    /// The version written now.
    const VERSION: u16 = 1;

    /// Reads a body of an older version.
    ///
    /// # Errors
    /// When the version is not known, or the body is not of it.
    fn from_older(version: u16, body: &[u8]) -> Result<Self, DecodeError> {
        let _ = body;
        Err(format!("version {version} of the record is unknown to this release").into())
    }
}

/// The bytes of a record.
///
/// # Errors
/// [`Error::Internal`] when the record holds what must not be stored, such as a secret in the clear.
pub fn encode<R: Record>(record: &R) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(128);
    bytes.push(BINCODE_2);
    bytes.extend_from_slice(&R::VERSION.to_be_bytes());
    bincode::serde::encode_into_std_write(record, &mut bytes, config()).map_err(Error::internal)?;
    Ok(bytes)
}

/// The record in these bytes.
///
/// # Errors
/// [`Error::Corrupt`] when they cannot be read.
pub fn decode<R: Record>(table: &'static str, bytes: &[u8]) -> Result<R> {
    split(bytes)
        .and_then(|(version, body)| match version {
            v if v == R::VERSION => decode_body(body),
            v => R::from_older(v, body),
        })
        .map_err(|source| Error::Corrupt { table, source })
}

/// Reads a body of a shape; for [`Record::from_older`].
///
/// # Errors
/// When the body is not of this shape.
pub fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let (value, used) = bincode::serde::decode_from_slice(body, config())?;
    if used == body.len() { Ok(value) } else { Err(format!("{} bytes are left over", body.len() - used).into()) }
}

fn split(bytes: &[u8]) -> Result<(u16, &[u8]), DecodeError> {
    match bytes {
        [BINCODE_2, high, low, body @ ..] => Ok((u16::from_be_bytes([*high, *low]), body)),
        [codec, ..] if *codec != BINCODE_2 => Err(format!("codec {codec} is unknown to this release").into()),
        _ => Err("the record is cut short".into()),
    }
}

/// Bytes that tell whether two values of a type are equal, without the header. Never stored on its own.
///
/// # Errors
/// As [`encode`].
pub fn content<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let fixed: Configuration<LittleEndian, Fixint> = bincode::config::legacy();
    bincode::serde::encode_to_vec(value, fixed).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        text: String,
        author: u32,
    }

    impl Record for Note {
        const VERSION: u16 = 2;

        fn from_older(version: u16, body: &[u8]) -> Result<Self, DecodeError> {
            match version {
                1 => Ok(Note { text: decode_body(body)?, author: 0 }),
                v => Err(format!("version {v}").into()),
            }
        }
    }

    #[test]
    fn a_record_of_an_older_version_is_read_as_the_new_one() {
        let old = [1, 0, 1, 5, b'h', b'e', b'l', b'l', b'o'];
        assert_eq!(decode::<Note>("notes", &old).unwrap(), Note { text: "hello".into(), author: 0 });
    }

    #[test]
    fn damaged_and_newer_records_are_errors_that_name_the_table() {
        let good = encode(&Note { text: "x".into(), author: 7 }).unwrap();
        let newer = [&[1, 0, 9], &good[3..]].concat();
        for bad in [&good[..good.len() - 1], &[], &[9, 9, 9], &newer, &[good.as_slice(), &[0]].concat()] {
            let error = decode::<Note>("notes", bad).unwrap_err();
            assert!(matches!(error, Error::Corrupt { table: "notes", .. }), "{bad:?}: {error}");
        }
    }
}
