//! Marks what was searched for in the text that is shown.

use super::query::Text;
use super::words::{places, spans};
use super::{Bit, Marked};

/// Longer texts are cut around the first mark.
const LONGEST: usize = 200;
/// So many characters stand before the first mark of a text that is cut.
const BEFORE: usize = 40;

/// A text with marks; whether there are any.
pub(super) fn mark(text: &str, wanted: &[&Text]) -> (Marked, bool) {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut ranges: Vec<(usize, usize)> = wanted.iter().flat_map(|wanted| found(&clean, wanted)).collect();
    ranges.sort_unstable();
    let ranges = joined(ranges);
    let is_marked = !ranges.is_empty();
    (cut(&clean, &ranges), is_marked)
}

/// Where a text has what was searched for: the whole of it, its words, or words that begin with it.
fn found(text: &str, wanted: &Text) -> Vec<(usize, usize)> {
    let whole = if wanted.words.len() == 1 && wanted.whole == wanted.words[0] {
        Vec::new()
    } else {
        places(text, &wanted.whole)
    };
    if !whole.is_empty() {
        return whole;
    }
    let words = spans(text);
    let equal = |needle: &String| {
        let words = words.iter().filter(|word| word.text == *needle);
        words.map(|word| (word.from, word.until)).collect::<Vec<_>>()
    };
    let [single] = wanted.words.as_slice() else {
        // Some of several words say little.
        let each: Vec<_> = wanted.words.iter().map(equal).collect();
        return if each.iter().any(Vec::is_empty) { Vec::new() } else { each.concat() };
    };
    let ranges = equal(single);
    if !ranges.is_empty() || wanted.is_exact {
        return ranges;
    }
    if super::words::has_grams(single) {
        return places(text, single);
    }
    words.iter().filter(|word| word.text.starts_with(single)).map(|word| (word.from, word.until)).collect()
}

fn joined(ranges: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::with_capacity(ranges.len());
    for (from, until) in ranges {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => out.push((from, until)),
        }
    }
    out
}

fn cut(text: &str, ranges: &[(usize, usize)]) -> Marked {
    let first = ranges.first().map_or(0, |(from, _)| *from);
    let begin = match text[..first].char_indices().rev().nth(BEFORE) {
        Some((at, _)) if text.chars().nth(LONGEST).is_some() => at,
        _ => 0,
    };
    let end = text[begin..].char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| begin + at);
    let mut bits: Vec<Bit> = Vec::new();
    let mut push = |text: &str, fits: bool| {
        if !text.is_empty() {
            bits.push(Bit { text: text.to_owned(), fits });
        }
    };
    push(if begin > 0 { "…" } else { "" }, false);
    let mut at = begin;
    for (from, until) in ranges.iter().map(|(from, until)| (*from.max(&begin), *until.min(&end))) {
        if from >= until || from < at {
            continue;
        }
        push(&text[at..from], false);
        push(&text[from..until], true);
        at = until;
    }
    push(&text[at..end], false);
    push(if end < text.len() { "…" } else { "" }, false);
    Marked(bits)
}
