//! Writes JSON the way the panel's PHP does: `/` as `\/`, everything beyond ASCII as `\uXXXX`, empty maps as `[]`.
//!
//! Pages are written straight into one buffer; a page of a hundred servers with their relations is far too large to be built as
//! a tree first.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value;

/// A JSON document being written.
pub(crate) struct Json {
    out: Vec<u8>,
}

/// Something that can stand as a JSON value.
pub(crate) trait Put {
    /// Appends the value.
    fn write(&self, json: &mut Json);
}

impl Json {
    /// Starts a document that is an object.
    pub(crate) fn object() -> Self {
        Self { out: vec![b'{'] }
    }

    /// Closes the outer object and hands the bytes out.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.close();
        self.out
    }

    /// Writes `key: value`.
    pub(crate) fn put(&mut self, key: &str, value: impl Put) {
        self.key(key);
        value.write(self);
    }

    /// Writes an array element.
    pub(crate) fn item(&mut self, value: impl Put) {
        self.comma();
        value.write(self);
    }

    /// Opens an object under `key`.
    pub(crate) fn open(&mut self, key: &str) {
        self.key(key);
        self.out.push(b'{');
    }

    /// Opens an object as an array element.
    pub(crate) fn open_item(&mut self) {
        self.comma();
        self.out.push(b'{');
    }

    /// Closes an object.
    pub(crate) fn close(&mut self) {
        self.out.push(b'}');
    }

    /// Opens an array under `key`.
    pub(crate) fn open_list(&mut self, key: &str) {
        self.key(key);
        self.out.push(b'[');
    }

    /// Closes an array.
    pub(crate) fn close_list(&mut self) {
        self.out.push(b']');
    }

    fn key(&mut self, key: &str) {
        self.comma();
        key.write(self);
        self.out.push(b':');
    }

    // A string always ends in a quote, so the last byte alone tells whether something stands before.
    fn comma(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(b',');
        }
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn digits(&mut self, value: i64, width: usize) {
        let mut buffer = [b'0'; 20];
        let mut rest = value.unsigned_abs();
        let mut at = buffer.len();
        while rest > 0 {
            at -= 1;
            buffer[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.out.extend_from_slice(&buffer[at.min(buffer.len() - width)..]);
    }

    fn escape(&mut self, c: char) {
        match c {
            '"' => self.raw("\\\""),
            '\\' => self.raw("\\\\"),
            '/' => self.raw("\\/"),
            '\n' => self.raw("\\n"),
            '\r' => self.raw("\\r"),
            '\t' => self.raw("\\t"),
            '\u{8}' => self.raw("\\b"),
            '\u{c}' => self.raw("\\f"),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    self.raw(&format!("\\u{unit:04x}"));
                }
            }
        }
    }

    fn date_time(&mut self, at: Timestamp, offset: Offset) {
        let civil = offset.to_datetime(at);
        self.digits(i64::from(civil.year()), 4);
        for (mark, part) in [
            ('-', civil.month()),
            ('-', civil.day()),
            ('T', civil.hour()),
            (':', civil.minute()),
            (':', civil.second()),
        ] {
            self.out.push(mark as u8);
            self.digits(i64::from(part), 2);
        }
    }
}

fn is_plain(byte: u8) -> bool {
    (0x20..0x80).contains(&byte) && !matches!(byte, b'"' | b'\\' | b'/')
}

impl Put for str {
    fn write(&self, json: &mut Json) {
        json.out.push(b'"');
        let mut rest = self;
        while !rest.is_empty() {
            let plain = rest.bytes().position(|b| !is_plain(b)).unwrap_or(rest.len());
            let (run, tail) = rest.split_at(plain);
            json.raw(run);
            let mut chars = tail.chars();
            if let Some(c) = chars.next() {
                json.escape(c);
            }
            rest = chars.as_str();
        }
        json.out.push(b'"');
    }
}

impl Put for String {
    fn write(&self, json: &mut Json) {
        self.as_str().write(json);
    }
}

impl Put for bool {
    fn write(&self, json: &mut Json) {
        json.raw(if *self { "true" } else { "false" });
    }
}

impl Put for i64 {
    fn write(&self, json: &mut Json) {
        if *self < 0 {
            json.out.push(b'-');
        }
        json.digits(*self, 1);
    }
}

macro_rules! put_integers {
    ($($kind:ty),*) => {$(
        impl Put for $kind {
            fn write(&self, json: &mut Json) {
                i64::try_from(*self).unwrap_or(i64::MAX).write(json);
            }
        }
    )*};
}
put_integers!(u64, u32, u16, u8, i32, usize);

impl Put for f64 {
    fn write(&self, json: &mut Json) {
        // The node sends a plain 0, and PHP passes it on as an integer.
        json.raw(&if *self == 0.0 { "0".to_owned() } else { format!("{self:?}") });
    }
}

impl<T: Put + ?Sized> Put for &T {
    fn write(&self, json: &mut Json) {
        (**self).write(json);
    }
}

impl<T: Put> Put for Option<T> {
    fn write(&self, json: &mut Json) {
        match self {
            Some(value) => value.write(json),
            None => json.raw("null"),
        }
    }
}

impl<T: Put> Put for [T] {
    fn write(&self, json: &mut Json) {
        json.out.push(b'[');
        for item in self {
            json.item(item);
        }
        json.out.push(b']');
    }
}

impl<T: Put> Put for Vec<T> {
    fn write(&self, json: &mut Json) {
        self.as_slice().write(json);
    }
}

impl Put for Value {
    fn write(&self, json: &mut Json) {
        match self {
            Value::Null => json.raw("null"),
            Value::Bool(flag) => flag.write(json),
            Value::Number(number) => json.raw(&number.to_string()),
            Value::String(text) => text.write(json),
            Value::Array(items) => items.write(json),
            Value::Object(map) if map.is_empty() => json.raw("[]"),
            Value::Object(map) => {
                json.out.push(b'{');
                for (key, value) in map {
                    json.put(key, value);
                }
                json.out.push(b'}');
            }
        }
    }
}

/// An ordered map of names to text; `[]` when empty.
pub(crate) struct Pairs<'a>(pub(crate) &'a [(String, String)]);

impl Put for Pairs<'_> {
    fn write(&self, json: &mut Json) {
        if self.0.is_empty() {
            return json.raw("[]");
        }
        json.out.push(b'{');
        for (key, value) in self.0 {
            json.put(key, value);
        }
        json.out.push(b'}');
    }
}

/// An empty object, where the panel takes care that it stays one.
pub(crate) struct EmptyObject;

impl Put for EmptyObject {
    fn write(&self, json: &mut Json) {
        json.raw("{}");
    }
}

/// A time with the offset of a zone: `2025-03-14T10:26:53+01:00`.
pub(crate) struct At(pub(crate) Timestamp, pub(crate) Offset);

impl At {
    /// The same in UTC.
    pub(crate) fn utc(at: Timestamp) -> Self {
        Self(at, Offset::UTC)
    }
}

impl Put for At {
    fn write(&self, json: &mut Json) {
        json.out.push(b'"');
        json.date_time(self.0, self.1);
        let seconds = self.1.seconds();
        json.out.push(if seconds < 0 { b'-' } else { b'+' });
        json.digits(i64::from(seconds.abs() / 3600), 2);
        json.out.push(b':');
        json.digits(i64::from(seconds.abs() / 60 % 60), 2);
        json.out.push(b'"');
    }
}

/// A raw model time: UTC with six fractional digits and a `Z`.
pub(crate) struct Micro(pub(crate) Timestamp);

impl Put for Micro {
    fn write(&self, json: &mut Json) {
        json.out.push(b'"');
        json.date_time(self.0, Offset::UTC);
        json.raw(".000000Z\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: impl Put) -> String {
        let mut json = Json { out: Vec::new() };
        json.item(value);
        String::from_utf8(json.out).expect("utf-8")
    }

    #[test]
    fn strings_are_escaped_like_php_does() {
        assert_eq!(text("a/b \"é\" 🐡\n\u{1}"), r#""a\/b \"\u00e9\" \ud83d\udc21\n\u0001""#);
    }

    #[test]
    fn numbers_keep_their_sign_and_zero() {
        assert_eq!((text(0u32), text(-1i64), text(65535u16)), ("0".into(), "-1".into(), "65535".into()));
        assert_eq!((text(0.0), text(12.5)), ("0".into(), "12.5".into()));
    }

    #[test]
    fn times_come_in_three_forms() {
        let at: Timestamp = "2025-03-14T09:26:53Z".parse().expect("time");
        assert_eq!(text(At::utc(at)), "\"2025-03-14T09:26:53+00:00\"");
        assert_eq!(text(At(at, Offset::constant(1))), "\"2025-03-14T10:26:53+01:00\"");
        assert_eq!(text(Micro(at)), "\"2025-03-14T09:26:53.000000Z\"");
    }

    #[test]
    fn empty_maps_are_arrays_all_the_way_down() {
        assert_eq!(text(serde_json::json!({"a": {}, "b": {"c": 1}})), r#"{"a":[],"b":{"c":1}}"#);
    }
}
