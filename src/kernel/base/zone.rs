use std::fmt;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Error, Result, Timestamp};

/// No name of a zone is longer, by far.
const LONGEST: usize = 64;
/// How many names are suggested.
const SUGGESTED: usize = 3;

/// A time zone, from the database in the binary: what the machine has installed does not matter. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The zone of that name, in whatever case it is written.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `zone`, with the names that come nearest.
    pub fn find(raw: &str) -> Result<Self> {
        let name = raw.trim();
        if name.is_empty() {
            return Err(Error::invalid("zone", "name a time zone, such as Europe/Berlin or UTC"));
        }
        if name.len() > LONGEST {
            return Err(Error::invalid(
                "zone",
                "is too long for the name of a time zone, such as Europe/Berlin or UTC",
            ));
        }
        let zone = TimeZoneDatabase::bundled().get(name).ok();
        let named = zone.filter(|zone| !zone.is_unknown() && zone.iana_name().is_some());
        named.map(Self).ok_or_else(|| Error::invalid("zone", unknown(name)))
    }

    /// The names of all zones, in order.
    pub fn names() -> Vec<String> {
        let mut names: Vec<_> = TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect();
        names.sort();
        names
    }

    /// Its name as it is written, such as `Europe/Berlin`.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// For calculating with.
    pub fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    /// `2025-03-14 10:26:53 CET, Europe/Berlin`, to the second; `2025-03-14 09:26:53 UTC` in UTC.
    pub fn exact(&self, at: Timestamp) -> String {
        let name = if self.is_utc() { String::new() } else { format!(", {}", self.name()) };
        self.written("%Y-%m-%d %H:%M:%S %Z", at).map_or_else(|| at.to_string(), |text| text + &name)
    }

    /// `Mar 14, 2025`.
    pub fn day(&self, at: Timestamp) -> String {
        self.written("%b %-d, %Y", at).unwrap_or_else(|| at.to_string())
    }

    /// `10:26:53`, or with the day before it when that is another one than that of `now`.
    pub fn clock(&self, at: Timestamp, now: Timestamp) -> String {
        let format = if self.day(at) == self.day(now) { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        self.written(format, at).unwrap_or_else(|| at.to_string())
    }

    /// When a day such as `2025-03-14` begins here, and when the next one does.
    pub fn bounds(&self, day: &str) -> Option<(Timestamp, Timestamp)> {
        let day: jiff::civil::Date = day.trim().parse().ok()?;
        let begin = |day: jiff::civil::Date| {
            let at = day.to_zoned(self.0.clone()).ok()?.timestamp();
            Some(Timestamp::from_millis(at.as_millisecond()))
        };
        Some((begin(day)?, begin(day.tomorrow().ok()?)?))
    }

    /// What a time without a zone means here, such as `2025-03-14T10:26`; a day begins at its first moment. One that a change
    /// of clocks skips is told as if they had not changed yet, one that comes twice is the first.
    pub fn read(&self, local: &str) -> Option<Timestamp> {
        let is_whole = matches!(local.len(), 10 | 16 | 19);
        let local: jiff::civil::DateTime = local.parse().ok().filter(|_| is_whole)?;
        let zoned = local.to_zoned(self.0.clone()).ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    }

    /// A time as [`Zone::read`] reads it, to the second.
    pub fn local(&self, at: Timestamp) -> String {
        self.written("%Y-%m-%dT%H:%M:%S", at).unwrap_or_default()
    }

    fn is_utc(&self) -> bool {
        matches!(self.name(), "UTC" | "Etc/UTC")
    }

    fn written(&self, format: &str, at: Timestamp) -> Option<String> {
        let at = jiff::Timestamp::from_millisecond(at.millis()).ok()?;
        Some(at.to_zoned(self.0.clone()).strftime(format).to_string())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn unknown(name: &str) -> String {
    let near = nearest(name);
    let hint = match near.split_last() {
        None => "write a name such as Europe/Berlin or UTC".to_owned(),
        Some((only, [])) => format!("did you mean {only}?"),
        Some((last, others)) => format!("did you mean {} or {last}?", others.join(", ")),
    };
    format!("there is no time zone {}; {hint}", quoted(name))
}

/// The names that come nearest, best first. Compares at most [`LONGEST`] bytes with each of some 600 names.
fn nearest(name: &str) -> Vec<String> {
    let wanted = key(name);
    let most = 1 + wanted.len() / 4;
    let database = TimeZoneDatabase::bundled();
    let mut near: Vec<(usize, String)> = database
        .available()
        .filter_map(|known| {
            let known = known.to_string();
            let whole = key(&known);
            let city = whole.rsplit('/').next().unwrap_or(&whole);
            let distance = distance(&wanted, &whole).min(distance(&wanted, city));
            let distance = distance.min(self::distance(wanted.rsplit('/').next().unwrap_or(&wanted), city) + 1);
            (distance <= most).then_some((distance, known))
        })
        .collect();
    near.sort();
    near.truncate(SUGGESTED);
    near.into_iter().map(|(_, known)| known).collect()
}

fn key(name: &str) -> String {
    name.to_lowercase().replace([' ', '-'], "_")
}

/// How many bytes must be put in, taken out or changed to come from one to the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// A name as it was typed, cut when it is long.
fn quoted(text: &str) -> String {
    const MOST: usize = 24;
    match text.char_indices().nth(MOST) {
        None => format!("`{}`", text.escape_debug()),
        Some((at, _)) => format!("`{}…`", text[..at].escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_moment_is_told_in_the_zone_with_its_name() {
        let berlin = Zone::find(" europe/berlin ").unwrap();
        assert_eq!(berlin.name(), "Europe/Berlin");
        assert_eq!(berlin.exact(at("2026-03-14T09:41:07.9Z")), "2026-03-14 10:41:07 CET, Europe/Berlin");
        assert_eq!(berlin.exact(at("2026-07-14T09:41:07Z")), "2026-07-14 11:41:07 CEST, Europe/Berlin");
        assert_eq!(Zone::utc().exact(at("2026-03-14T09:41:07Z")), "2026-03-14 09:41:07 UTC");
        let now = at("2026-03-14T12:00:00Z");
        assert_eq!(berlin.day(at("2026-03-13T23:30:00Z")), "Mar 14, 2026");
        assert_eq!(berlin.clock(at("2026-03-13T23:30:00Z"), now), "00:30:00");
        assert_eq!(berlin.clock(at("2026-03-13T22:30:00Z"), now), "2026-03-13 23:30:00");
    }

    #[test]
    fn a_day_is_as_long_as_the_clocks_have_it() {
        let berlin = Zone::find("Europe/Berlin").unwrap();
        let bounds =
            |day| berlin.bounds(day).map(|(from, until)| (from.to_string(), until.since(from).as_secs() / 3600));
        assert_eq!(bounds("2026-03-14"), Some(("2026-03-13T23:00:00Z".into(), 24)));
        assert_eq!(bounds("2026-03-29"), Some(("2026-03-28T23:00:00Z".into(), 23)));
        assert_eq!(bounds("2026-10-25"), Some(("2026-10-24T22:00:00Z".into(), 25)));
        assert_eq!((bounds("soon"), bounds(""), bounds("9999-12-31")), (None, None, None));
    }

    #[test]
    fn a_time_without_a_zone_is_read_in_it() {
        let berlin = Zone::find("Europe/Berlin").unwrap();
        let read = |text| berlin.read(text).map(|at| at.to_string());
        assert_eq!(read("2026-07-14T10:26").as_deref(), Some("2026-07-14T08:26:00Z"));
        assert_eq!(read("2026-03-29T02:30:00").as_deref(), Some("2026-03-29T01:30:00Z"), "left out by the clocks");
        assert_eq!(read("2026-10-25T02:30").as_deref(), Some("2026-10-25T00:30:00Z"), "comes twice");
        assert_eq!((read("soon"), read(""), read("2026-03-14T10:26:00Z")), (None, None, None));
        assert_eq!(berlin.local(at("2026-07-14T08:26:00Z")), "2026-07-14T10:26:00");
    }

    #[test]
    fn what_is_no_zone_is_told_with_what_comes_near() {
        let told = |name: &str| Zone::find(name).unwrap_err().to_string();
        assert!(told("Europe/Berlim").contains("did you mean Europe/Berlin"), "{}", told("Europe/Berlim"));
        assert!(told(&"x".repeat(65)).contains("too long") && told("  ").contains("name a time zone"));
        assert!(Zone::names().iter().all(|name| Zone::find(name).is_ok()) && Zone::names().len() > 400);
    }
}
