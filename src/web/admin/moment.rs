//! Times that people choose: in addresses and in form fields.

use aviary_kernel::base::Timestamp;

/// Reads `2026-03-14`, `2026-03-14T09:41` with or without seconds, and the form of RFC 3339. Without a zone it is UTC.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim().replace(' ', "+");
    let full = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text,
    };
    Timestamp::parse(&full)
}

/// As [`read`], for the end of a span: a day alone means all of it.
pub(super) fn read_end(text: &str) -> Option<Timestamp> {
    let at = read(text)?;
    Some(if text.trim().len() == 10 { at.plus(std::time::Duration::from_secs(86_400)) } else { at })
}

/// As a field for date and time takes it.
pub(super) fn written(at: Timestamp) -> String {
    Timestamp::from_seconds(at.seconds()).to_string().trim_end_matches('Z').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_a_field_or_an_address_writes_it() {
        let at = Timestamp::parse("2026-03-14T09:41:00Z").unwrap();
        for text in ["2026-03-14T09:41", "2026-03-14T09:41:00", "2026-03-14T09:41:00Z", "2026-03-14T10:41:00+01:00"] {
            assert_eq!(read(text), Some(at), "{text}");
        }
        assert_eq!(read(&written(at)), Some(at));
        assert_eq!(read_end("2026-03-14"), read("2026-03-15"));
        for bad in ["", "yesterday", "2026-13-40", "2026-03-14T9", "x2026-03-14"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
