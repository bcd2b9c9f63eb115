//! Times that people choose: in addresses and in form fields.

use aviary_kernel::base::{Timestamp, Zone};

/// Reads `2026-03-14`, `2026-03-14T09:41` with or without seconds, and the form of RFC 3339. Without a zone it is that of the
/// reader.
pub(super) fn read(text: &str, zone: &Zone) -> Option<Timestamp> {
    let text = text.trim().replace(' ', "+");
    zone.read(&text).or_else(|| Timestamp::parse(&text))
}

/// As [`read`], for the end of a span: a day alone means all of it.
pub(super) fn read_end(text: &str, zone: &Zone) -> Option<Timestamp> {
    match zone.bounds(text) {
        Some((_, end)) if text.trim().len() == 10 => Some(end),
        _ => read(text, zone),
    }
}

/// As a field for date and time takes it.
pub(super) fn written(at: Timestamp, zone: &Zone) -> String {
    zone.local(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_a_field_or_an_address_writes_it() {
        let (utc, berlin) = (Zone::utc(), Zone::find("Europe/Berlin").unwrap());
        let at = Timestamp::parse("2026-03-14T09:41:00Z").unwrap();
        for text in ["2026-03-14T09:41", "2026-03-14T09:41:00", "2026-03-14T09:41:00Z", "2026-03-14T10:41:00 01:00"] {
            assert_eq!(read(text, &utc), Some(at), "{text}");
        }
        for text in ["2026-03-14T10:41", "2026-03-14T09:41:00Z"] {
            assert_eq!(read(text, &berlin), Some(at), "{text}");
        }
        for zone in [utc, berlin] {
            assert_eq!(read(&written(at, &zone), &zone), Some(at));
            assert_eq!(read_end("2026-03-14", &zone), read("2026-03-15", &zone));
            for bad in ["", "yesterday", "2026-13-40", "2026-03-14T9", "x2026-03-14"] {
                assert_eq!(read(bad, &zone), None, "{bad}");
            }
        }
    }
}
