use aviary_kernel::base::{Error, Result};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::fields::quoted;

/// No name of a zone is longer, by far.
const LONGEST: usize = 64;
/// How many names are suggested.
const SUGGESTED: usize = 3;

/// The zone of that name and its name as it is written, from the database in the binary: what the machine has
/// installed does not matter.
///
/// # Errors
/// [`Error::Invalid`] for `zone`, with the names that come nearest.
pub(super) fn find(raw: &str) -> Result<(TimeZone, String)> {
    let name = raw.trim();
    if name.is_empty() {
        return Err(Error::invalid("zone", "name a time zone, such as Europe/Berlin or UTC"));
    }
    if name.len() > LONGEST {
        return Err(Error::invalid("zone", "is too long for the name of a time zone, such as Europe/Berlin or UTC"));
    }
    let zone = TimeZoneDatabase::bundled().get(name).ok().filter(|zone| !zone.is_unknown());
    let named = zone.and_then(|zone| zone.iana_name().map(str::to_owned).map(|written| (zone, written)));
    named.ok_or_else(|| Error::invalid("zone", unknown(name)))
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
