use std::borrow::Cow;

use uuid::Uuid;

use crate::base::Timestamp;
use crate::model::{AccountId, Kind, ObjectKey, PanelId};

/// A key that sorts as bytes the way it sorts as a value: big-endian numbers, tuples part by part.
pub trait Key: Clone + Send + 'static {
    /// Appends the bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Takes the bytes off the front, or `None` when they are no such key.
    fn decode(input: &mut &[u8]) -> Option<Self>;

    /// The bytes alone.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        self.encode(&mut out);
        out
    }

    /// The key in exactly these bytes.
    fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let key = Self::decode(&mut bytes)?;
        bytes.is_empty().then_some(key)
    }
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*head)
}

macro_rules! number_keys {
    ($($number:ty),*) => {$(
        impl Key for $number {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn decode(input: &mut &[u8]) -> Option<Self> {
                take(input).map(Self::from_be_bytes)
            }
        }
    )*};
}
number_keys!(u8, u16, u32, u64, u128);

impl Key for () {
    fn encode(&self, _: &mut Vec<u8>) {}

    fn decode(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl Key for Timestamp {
    fn encode(&self, out: &mut Vec<u8>) {
        // The sign bit is turned so that times before 1970 sort first.
        (self.millis().cast_unsigned() ^ (1 << 63)).encode(out);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        u64::decode(input).map(|n| Self::from_millis((n ^ (1 << 63)).cast_signed()))
    }
}

impl Key for Uuid {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        take(input).map(Self::from_bytes)
    }
}

impl Key for [u8; 32] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        take(input)
    }
}

impl Key for AccountId {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        Uuid::decode(input).map(Self)
    }
}

impl Key for PanelId {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        u32::decode(input).map(Self)
    }
}

impl Key for Kind {
    fn encode(&self, out: &mut Vec<u8>) {
        self.number().encode(out);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        Self::from_number(u8::decode(input)?)
    }
}

impl Key for ObjectKey {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.panel, self.kind, self.id).encode(out);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        let (panel, kind, id) = Key::decode(input)?;
        Some(Self { panel, kind, id })
    }
}

/// Text inside a key: cut to 96 bytes, without case, ended so that a shorter text sorts before a longer one.
/// It is for sorting only; what it was made of stands in the row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortText(Vec<u8>);

const SORT_TEXT_BYTES: usize = 96;

impl SortText {
    /// The sortable form of `text`.
    pub fn new(text: &str) -> Self {
        let mut bytes = text.trim().to_lowercase().into_bytes();
        bytes.truncate(SORT_TEXT_BYTES);
        // Zero ends the text.
        bytes.retain(|b| *b != 0);
        Self(bytes)
    }

    /// What it sorts by; the text itself when that was short and in lower case, such as the name of a setting.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl Key for SortText {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
        out.push(0);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        let end = input.iter().position(|b| *b == 0)?;
        let text = input[..end].to_vec();
        *input = &input[end + 1..];
        Some(Self(text))
    }
}

macro_rules! tuple_keys {
    ($(($($part:ident . $n:tt),+))*) => {$(
        impl<$($part: Key),+> Key for ($($part,)+) {
            fn encode(&self, out: &mut Vec<u8>) {
                $(self.$n.encode(out);)+
            }

            fn decode(input: &mut &[u8]) -> Option<Self> {
                Some(($($part::decode(input)?,)+))
            }
        }
    )*};
}
tuple_keys! { (A.0) (A.0, B.1) (A.0, B.1, C.2) (A.0, B.1, C.2, D.3) (A.0, B.1, C.2, D.3, E.4) (A.0, B.1, C.2, D.3, E.4, F.5) }

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_sort_as_their_values(a: (u32, u64, i64), b: (u32, u64, i64)) {
            let key = |(x, y, z): (u32, u64, i64)| (x, y, Timestamp::from_millis(z));
            prop_assert_eq!(key(a).to_bytes().cmp(&key(b).to_bytes()), key(a).cmp(&key(b)));
        }

        #[test]
        fn keys_come_back_from_their_bytes(a: u32, b: u64, c: i64, text: String) {
            let key = (PanelId(a), SortText::new(&text), Timestamp::from_millis(c), b);
            prop_assert_eq!(Key::from_bytes(&key.to_bytes()), Some(key));
        }
    }

    #[test]
    fn a_prefix_of_a_text_sorts_first() {
        assert!((SortText::new("ab"), 9u64).to_bytes() < (SortText::new("abc"), 1u64).to_bytes());
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        assert_eq!(u32::from_bytes(&[1, 2, 3]), None);
        assert_eq!(u32::from_bytes(&[1, 2, 3, 4, 5]), None);
    }
}
