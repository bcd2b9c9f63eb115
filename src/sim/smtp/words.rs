//! Text in mails: character sets, quoted-printable, [RFC 2047](https://www.rfc-editor.org/rfc/rfc2047) words in headers.

use base64::Engine;

use crate::smtp::mime::BASE64;

/// Bytes of a character set as text. What is neither UTF-8 nor Latin-1 is read as UTF-8.
pub(crate) fn to_text(bytes: &[u8], charset: &str) -> String {
    match charset.to_ascii_lowercase().as_str() {
        "iso-8859-1" | "latin1" => bytes.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Decodes quoted-printable. What makes no sense stays as it is.
pub(crate) fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'=' {
            out.push(*first);
            continue;
        }
        match after {
            [b'\r', b'\n', left @ ..] | [b'\n', left @ ..] => rest = left,
            [high, low, left @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex(*high) << 4 | hex(*low));
                rest = left;
            }
            _ => out.push(b'='),
        }
    }
    out
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.saturating_sub(b'A') + 10,
    }
}

/// Decodes the encoded words of a header. White space between two of them does not count.
pub(crate) fn decode(value: &str) -> String {
    let (mut out, mut rest, mut after_word) = (String::new(), value, false);
    while let Some(begin) = rest.find("=?") {
        let (before, from) = rest.split_at(begin);
        let Some((word, left)) = word(from) else {
            out.push_str(before);
            out.push_str("=?");
            (rest, after_word) = (&from[2..], false);
            continue;
        };
        if !(after_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        out.push_str(&word);
        (rest, after_word) = (left, true);
    }
    out.push_str(rest);
    out
}

/// The word at the beginning of `=?charset?B?…?=`, and what follows it.
fn word(text: &str) -> Option<(String, &str)> {
    let mut fields = text.strip_prefix("=?")?.splitn(3, '?');
    let (charset, encoding, rest) = (fields.next()?, fields.next()?, fields.next()?);
    let (encoded, left) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => BASE64.decode(encoded).ok()?,
        "Q" | "q" => quoted_printable(encoded.replace('_', " ").as_bytes()),
        _ => return None,
    };
    Some((to_text(&bytes, charset), left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_decoded_and_everything_else_stays() {
        assert_eq!(decode("a =?utf-8?q?b_=C3=A4?= =?iso-8859-1?Q?=E4?= c"), "a b ää c");
        assert_eq!(decode("1 =? 2 =?utf-8?x?y?= =?utf-8?b?!?="), "1 =? 2 =?utf-8?x?y?= =?utf-8?b?!?=");
        assert_eq!(quoted_printable(b"a=3D=\r\nb=zz="), b"a=b=zz=");
    }
}
