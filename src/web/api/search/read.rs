//! What an address asks a search for. Nothing is refused: what makes no sense is left out and said so.

use aviary_domain::search::{Asked, Order, Subject, moment};
use aviary_kernel::base::{Cursor, Timestamp};

use crate::api::words::yes_no;

/// What was understood.
pub(crate) struct Wanted {
    /// What is searched for.
    pub(crate) asked: Asked,
    /// What was not, in sentences.
    pub(crate) doubts: Vec<String>,
}

/// Longer values than this are repeated in part.
const SHOWN: usize = 40;
/// Most hits of a page.
const MOST: usize = 200;

/// The parts of what stands behind the `?` of an address.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().take(60).collect()
}

/// Reads what an address asks for. Days are those of `zone`, unless it names another one.
pub(crate) fn read(pairs: &[(String, String)], now: Timestamp, zone: Option<&str>) -> Wanted {
    let mut reader = Reader { pairs, doubts: Vec::new() };
    let zone = reader.first("zone").or(zone).map(str::to_owned);
    let time = |text: &str| when(text, zone.as_deref(), now);
    let asked = Asked {
        text: reader.raw("q").unwrap_or_default().to_owned(),
        subjects: reader.subjects(),
        panel: reader.pick("panel", "is no number of a panel, so all panels are searched", |text| text.parse().ok()),
        since: reader.pick("since", "is no time such as 2026-03-14 or -24h, so there is no beginning", time),
        until: reader.pick("until", "is no time such as 2026-03-14 or -24h, so there is no end", time),
        order: reader
            .pick("order", "is neither usual, newest nor oldest, so the order is the usual one", order)
            .unwrap_or_default(),
        after: reader.cursor(),
        limit: reader
            .pick("limit", "is no number from 1 to 200, so a page has 25", |text| {
                text.parse().ok().filter(|limit| (1..=MOST).contains(limit))
            })
            .unwrap_or_default(),
        facets: reader.flag("facets"),
        histogram: reader.flag("histogram"),
        zone,
    };
    Wanted { asked, doubts: reader.doubts }
}

struct Reader<'a> {
    pairs: &'a [(String, String)],
    doubts: Vec<String>,
}

impl<'a> Reader<'a> {
    fn raw(&self, name: &str) -> Option<&'a str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of this name; none when it is empty.
    fn first(&self, name: &str) -> Option<&'a str> {
        self.raw(name).map(str::trim).filter(|value| !value.is_empty())
    }

    fn pick<T>(&mut self, name: &str, otherwise: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.first(name)?;
        let picked = read(text);
        if picked.is_none() {
            self.doubts.push(format!("“{}” as “{name}” {otherwise}.", short(text)));
        }
        picked
    }

    fn flag(&mut self, name: &str) -> bool {
        self.pick(name, "is neither true nor false, so nothing is counted", |text| yes_no(Some(text)))
            .unwrap_or_default()
    }

    fn cursor(&mut self) -> Option<Cursor> {
        let name = if self.first("cursor").is_some() { "cursor" } else { "after" };
        self.pick(name, "is no place in this list, so it begins at the front", |text| text.parse().ok())
    }

    fn subjects(&mut self) -> Vec<Subject> {
        let given = self.pairs.iter().filter(|(key, _)| key == "kind").flat_map(|(_, value)| value.split(','));
        let mut found = Vec::new();
        for word in given.map(str::trim).filter(|word| !word.is_empty()) {
            match Subject::parse(word) {
                Some(subject) if !found.contains(&subject) => found.push(subject),
                Some(_) => {}
                None => self
                    .doubts
                    .push(format!("“{}” is no kind of thing that can be found, so it is left out.", short(word))),
            }
        }
        found
    }
}

fn order(word: &str) -> Option<Order> {
    match word {
        "usual" => Some(Order::Usual),
        "newest" => Some(Order::Newest),
        "oldest" => Some(Order::Oldest),
        _ => None,
    }
}

/// A moment, as in queries; how long ago may have a minus.
fn when(text: &str, zone: Option<&str>, now: Timestamp) -> Option<Timestamp> {
    // A plus sign in an address is a blank.
    let offset = text.contains('T').then(|| text.replace(' ', "+"));
    let text = offset.as_deref().unwrap_or(text);
    moment(text.strip_prefix('-').unwrap_or(text), now, zone)
}

fn short(text: &str) -> String {
    let mut out: String = text.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    if text.chars().count() > SHOWN {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-03-14T09:00:00Z").unwrap()
    }

    fn asked(query: &str) -> Asked {
        let wanted = read(&pairs(query), now(), None);
        assert_eq!(wanted.doubts, Vec::<String>::new(), "{query}");
        wanted.asked
    }

    #[test]
    fn kinds_may_repeat_and_be_lists() {
        let kinds = asked("kind=server,job&kind=Nodes&kind=&kind=server").subjects;
        assert_eq!(kinds, [Subject::Server, Subject::Job, Subject::Node]);
    }

    #[test]
    fn times_are_moments_dates_of_the_zone_or_so_long_ago() {
        let since = |text: &str| asked(&format!("zone=Europe/Berlin&since={text}")).since.unwrap().to_string();
        assert_eq!(since("2026-03-14T08:00:00+01:00"), "2026-03-14T07:00:00Z");
        assert_eq!(since("2026-03-14"), "2026-03-13T23:00:00Z");
        assert_eq!(
            [since("-90s"), since("-24h"), since("-1w")],
            ["2026-03-14T08:58:30Z", "2026-03-13T09:00:00Z", "2026-03-07T09:00:00Z"]
        );
    }

    #[test]
    fn what_makes_no_sense_is_left_out_and_said_so() {
        let query = "kind=dragon&panel=x&since=soon&until=-9y&order=best&cursor=%00&limit=900&facets=maybe&q=%00";
        let wanted = read(&pairs(query), now(), None);
        assert_eq!(wanted.doubts.len(), 8, "{:?}", wanted.doubts);
        assert!(wanted.doubts[0].contains("dragon") || wanted.doubts.iter().any(|doubt| doubt.contains("dragon")));
        let asked = wanted.asked;
        assert_eq!((asked.subjects, asked.panel, asked.since, asked.until), (vec![], None, None, None));
        assert_eq!((asked.order, asked.limit, asked.facets, asked.text.as_str()), (Order::Usual, 0, false, "\0"));
        assert!(asked.after.is_none());
    }
}
