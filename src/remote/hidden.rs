//! Keeps secrets out of what is shown of an answer: whatever form they come back in, a mask stands in their place.

use aviary_kernel::base::Secret;
use aviary_kernel::config::MASK;
use url::Url;

/// A part of a path that is as long may be a secret.
const LONG_PART: usize = 16;
/// Shorter values of a query are words such as `true`.
const SHORTEST_SECRET: usize = 8;

/// What must not be shown, longest first.
pub(crate) struct Hidden(Vec<Secret<String>>);

impl Hidden {
    /// Hides these texts, also as they are written in addresses and in JSON.
    pub(crate) fn of(clear: impl IntoIterator<Item = String>) -> Self {
        let mut forms: Vec<String> = Vec::new();
        for text in clear.into_iter().filter(|text| !text.is_empty()) {
            let in_address: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let in_json = serde_json::to_string(&text).unwrap_or_default().trim_matches('"').to_owned();
            let in_php = in_json.replace('/', "\\/");
            for form in [in_address, in_json, in_php, text] {
                if !forms.contains(&form) {
                    forms.push(form);
                }
            }
        }
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self(forms.into_iter().map(Secret::new).collect())
    }

    /// The text with masks.
    pub(crate) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.reveal().as_str(), MASK))
    }

    /// The beginning of what somebody answered, with masks, on one line of at most `most` bytes.
    pub(crate) fn excerpt(&self, answer: &[u8], most: usize) -> String {
        let text = self.text(&String::from_utf8_lossy(answer));
        // Cut before blanks are taken out, so that nothing comes near which was cut off in the middle when it was read.
        let text = &text[..text.floor_char_boundary(4 * most)];
        let printable = text.replace(|char: char| char.is_control() || is_invisible(char), " ");
        let mut line = printable.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.len() > most {
            line.truncate(line.floor_char_boundary(most - '…'.len_utf8()));
            line.push('…');
        }
        line
    }
}

/// Characters that turn the direction of a text around or hide in it.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What in the path and the query of an address may be a secret.
pub(crate) fn in_address(url: &Url) -> Vec<String> {
    let parts = url.path().split('/').filter(|part| may_be_secret(part)).map(str::to_owned);
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    let values = values.filter(|value| value.len() >= SHORTEST_SECRET);
    parts.chain(values).chain(url.query().map(str::to_owned)).collect()
}

/// The path and the query as a whole, when they say anything.
pub(crate) fn whole_address(url: &Url) -> Vec<String> {
    let path = url.path();
    let with_query = url.query().map(|query| format!("{path}?{query}"));
    with_query.into_iter().chain([path.to_owned()]).filter(|text| text.len() >= SHORTEST_SECRET).collect()
}

/// Ids are not secrets, and help to tell which webhook it is.
fn may_be_secret(part: &str) -> bool {
    part.len() >= LONG_PART && !part.bytes().all(|byte| byte.is_ascii_digit())
}
