//! Reads mails: [RFC 5322](https://www.rfc-editor.org/rfc/rfc5322) headers and [RFC 2045](https://www.rfc-editor.org/rfc/rfc2045) parts.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::smtp::mail::Part;
use crate::smtp::words;

/// Containers in containers.
const DEPTH: usize = 8;
/// Parts of a mail.
const PARTS: usize = 200;

/// Base64 as mails have it: with or without padding.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

type Headers = Vec<(String, String)>;

/// The headers and the parts of a mail.
pub(crate) fn read(raw: &[u8]) -> (Headers, Vec<Part>) {
    let (headers, body) = split(raw);
    let mut parts = Vec::new();
    collect(&headers, body, 0, &mut parts);
    (headers, parts)
}

/// The first header of this name, in any spelling.
pub(crate) fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn collect(headers: &Headers, body: &[u8], depth: usize, parts: &mut Vec<Part>) {
    let kind = header(headers, "content-type").unwrap_or("text/plain");
    let media = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if let Some(boundary) = parameter(kind, "boundary").filter(|_| media.starts_with("multipart/") && depth < DEPTH) {
        for part in between(body, &boundary) {
            let (headers, body) = split(part);
            collect(&headers, body, depth + 1, parts);
        }
        return;
    }
    if parts.len() == PARTS {
        return;
    }
    let body =
        match header(headers, "content-transfer-encoding").unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "base64" => {
                let letters: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                BASE64.decode(&letters).unwrap_or_else(|_| body.to_vec())
            }
            "quoted-printable" => words::quoted_printable(body),
            _ => body.to_vec(),
        };
    let text = words::to_text(&body, &parameter(kind, "charset").unwrap_or_default());
    parts.push(Part { media, headers: headers.clone(), body, text });
}

/// The headers, unfolded and decoded, and what follows the empty line.
fn split(raw: &[u8]) -> (Headers, &[u8]) {
    let mut headers: Vec<String> = Vec::new();
    let mut rest = raw;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        rest = after;
        let line = String::from_utf8_lossy(line).trim_end_matches(['\r', '\n']).to_owned();
        if line.is_empty() {
            break;
        }
        match headers.last_mut() {
            Some(before) if line.starts_with([' ', '\t']) => before.push_str(&line),
            _ => headers.push(line),
        }
    }
    let pairs = headers.iter().filter_map(|line| line.split_once(':'));
    (pairs.map(|(name, value)| (name.trim().to_owned(), words::decode(value.trim()))).collect(), rest)
}

/// What stands between the boundaries, without the line end that belongs to the boundary.
fn between<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mark = format!("--{boundary}");
    let (mut parts, mut begin, mut at) = (Vec::new(), None, 0);
    while at < body.len() {
        let end = body[at..].iter().position(|byte| *byte == b'\n').map_or(body.len(), |offset| at + offset + 1);
        let line = body[at..end].trim_ascii_end();
        let last = line.strip_suffix(b"--").is_some_and(|line| line == mark.as_bytes());
        if last || line == mark.as_bytes() {
            if let Some(begin) = begin {
                parts.push(without_line_end(&body[begin..at]));
            }
            begin = Some(end);
            if last {
                return parts;
            }
        }
        at = end;
    }
    // A mail that was cut off: what is there of the last part.
    parts.extend(begin.map(|begin| &body[begin..]));
    parts
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// A parameter of a header, quoted or not.
fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (found, left) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(';').map_or((after, ""), |(found, _)| (found, &after[found.len()..])),
        };
        if key.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(name) {
            return Some(found.trim().to_owned());
        }
        rest = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_opened_and_parts_decoded() {
        let raw = "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?B?IPCfkKE=?=\r\nContent-Type: multipart/mixed;\r\n boundary=\"a;b\"\r\n\r\n\
            nothing\r\n--a;b\r\nContent-Type: multipart/alternative; x=y; boundary=in\r\n\r\n--in\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe =\r\nund mehr=20\r\n--in\r\n\
            Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+\r\nSGk=\r\n--in--\r\n--a;b\r\n\
            Content-Type: application/octet-stream\r\n\r\n\x01\r\n--a;b--\r\nepilogue";
        let (headers, parts) = read(raw.as_bytes());
        assert_eq!(header(&headers, "SUBJECT"), Some("Grüße 🐡"));
        let seen: Vec<_> = parts.iter().map(|part| (part.media.as_str(), part.text.as_str())).collect();
        let expected =
            [("text/plain", "Grüße und mehr "), ("text/html", "<p>Hi"), ("application/octet-stream", "\u{1}")];
        assert_eq!(seen, expected);
    }

    #[test]
    fn nonsense_is_read_as_far_as_it_goes() {
        assert_eq!(read(b"").1[0].text, "");
        assert_eq!(read(b"no header here\r\n\r\nbody").1[0].text, "body");
        let cut = read(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhalf");
        assert_eq!(cut.1[0].text, "half");
        assert_eq!(read(b"Content-Type: multipart/mixed; boundary\r\n\r\nx").1[0].media, "multipart/mixed");
        let wrong = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!";
        assert_eq!(read(wrong).1[0].text, "!!");
    }
}
