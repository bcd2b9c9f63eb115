//! What a search is narrowed by, as links that narrow it further or less.

use aviary_domain::search::{Asked, Facet, Narrowing, Order, Subject, less};

use super::ORDERS;
use crate::admin::desk::Known;
use crate::admin::query::Query;
use crate::admin::shown;
use crate::admin::table::{Chip, Tie};

/// What narrows a search; what is saved is made of these.
pub(super) const ASKED: [&str; 7] = ["q", "kind", "panel", "since", "until", "order", "zone"];

const RANGES: [(&str, &str); 5] =
    [("Any time", ""), ("Last hour", "-1h"), ("24 hours", "-24h"), ("7 days", "-7d"), ("30 days", "-30d")];

/// What can be narrowed to, with counts.
pub(super) struct FacetPart {
    pub(super) title: &'static str,
    pub(super) chips: Vec<Chip>,
}

/// Fields of a query that narrow the time.
const TIME_FIELDS: [&str; 4] = ["since:", "until:", "on:", "date:"];

fn has_time(text: &str) -> bool {
    let narrows = |word: &str| TIME_FIELDS.iter().any(|field| word.trim_start_matches('-').starts_with(field));
    text.to_lowercase().split_whitespace().any(narrows)
}

pub(super) fn ranges(query: &Query) -> Vec<Chip> {
    let now = query.text("since").unwrap_or_default();
    let in_words = query.raw("q").is_some_and(has_time);
    let open = query.text("until").is_none() && !(now.is_empty() && in_words);
    let chip = |(text, since): (&str, &str)| Chip {
        text: text.into(),
        count: String::new(),
        href: query.link(&[("since", since), ("until", "")]),
        on: open && now == since,
    };
    RANGES.into_iter().map(chip).collect()
}

pub(super) fn orders(query: &Query, order: Order) -> Vec<Chip> {
    let chip = |(text, word, means): (&str, &str, Order)| Chip {
        text: text.into(),
        count: String::new(),
        href: query.link(&[("order", word)]),
        on: order == means,
    };
    ORDERS.into_iter().map(chip).collect()
}

/// A time that is none of the choices; a panel where there is no choice of panels.
pub(super) fn ties(known: &Known, query: &Query, asked: &Asked) -> Vec<Tie> {
    let mut ties = Vec::new();
    let chosen = query.text("since").unwrap_or_default();
    let is_choice = asked.until.is_none() && RANGES.iter().any(|(_, since)| *since == chosen);
    if !is_choice && (asked.since.is_some() || asked.until.is_some()) {
        let from = asked.since.map(|at| format!("from {}", known.clock(at)));
        let until = asked.until.map(|at| format!("until {}", known.clock(at)));
        let text = from.into_iter().chain(until).collect::<Vec<_>>().join(" ");
        ties.push(Tie { text, href: query.link(&[("since", ""), ("until", "")]) });
    }
    if let Some(panel) = asked.panel.filter(|_| !known.several()) {
        ties.push(Tie { text: shown::name(&known.panel_name(panel)), href: query.link(&[("panel", "")]) });
    }
    ties
}

/// What was found by kind, panel and state. Each entry narrows to it, in the place of what the query itself narrows to; the one
/// that is on takes it off again.
pub(super) fn facets(known: &Known, query: &Query, asked: &Asked, counted: &[Facet]) -> Vec<FacetPart> {
    let of = |field: &'static str| counted.iter().filter(move |facet| facet.field == field);
    let (without_kind, kinds) = less(&asked.text, Narrowing::Kind);
    let typed: Vec<_> = kinds.iter().filter_map(|word| Subject::parse(word)).collect();
    let kinds = of("kind").filter_map(|facet| {
        let subject = Subject::parse(&facet.value)?;
        let on = asked.subjects.contains(&subject) || typed == [subject];
        let href = query.link(&[("q", &without_kind), ("kind", if on { "" } else { subject.word() })]);
        Some(Chip { text: capital(subject.plural()), count: shown::grouped(facet.count), href, on })
    });
    let (without_panel, _) = less(&asked.text, Narrowing::Panel);
    let panels = of("panel").filter(|_| known.several()).filter_map(|facet| {
        let id = facet.value.parse().ok()?;
        let on = asked.panel == Some(id);
        let href = query.link(&[("q", &without_panel), ("panel", if on { "" } else { &facet.value })]);
        Some(Chip { text: shown::name(&known.panel_name(id)), count: shown::grouped(facet.count), href, on })
    });
    let states = of("state").map(|facet| {
        let (text, on) = with_state(&asked.text, &facet.value);
        let href = query.link(&[("q", &text)]);
        Chip { text: capital(&facet.value.replace('_', " ")), count: shown::grouped(facet.count), href, on }
    });
    let parts = [("Kind", kinds.collect::<Vec<_>>()), ("Panel", panels.collect()), ("State", states.collect())];
    let parts = parts.into_iter().filter(|(_, chips)| chips.len() > 1 || chips.iter().any(|chip| chip.on));
    parts.map(|(title, chips)| FacetPart { title, chips }).collect()
}

/// A query that asks for this state and no other; without it when it asks for it already, and whether it does.
fn with_state(text: &str, state: &str) -> (String, bool) {
    let (rest, states) = less(text, Narrowing::State);
    if states.len() == 1 && states[0].to_lowercase().replace(['-', ' '], "_") == state {
        return (rest, true);
    }
    let words = [rest, format!("state:{state}")].into_iter().filter(|part| !part.is_empty());
    (words.collect::<Vec<_>>().join(" "), false)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_the_query_is_not_any_time() {
        let lit = |q: &str| ranges(&Query::new("/admin/search", &shown::query(&[("q", q)]))).iter().any(|chip| chip.on);
        assert!(lit("lobby") && lit("the station:3"));
        for q in ["lobby since:2026-01-01", "Until:-1h", "-on:2026-01-01", "date:2026-01-01"] {
            assert!(!lit(q), "{q}");
        }
    }

    #[test]
    fn a_state_is_put_into_the_query_and_taken_out_again() {
        assert_eq!(with_state("\"my server\" state:failed", "dead"), ("\"my server\" state:dead".into(), false));
        assert_eq!(with_state("lobby  state:dead", "dead"), ("lobby".into(), true));
        assert_eq!(with_state("", "dead"), ("state:dead".into(), false));
        assert_eq!(with_state("is:dead  \"my  server\" is:job", "failed").0, "\"my  server\" is:job state:failed");
        assert_eq!(with_state("is:Install-failed", "install_failed"), (String::new(), true));
    }
}
