//! How text is taken apart: the same way when it is stored and when it is asked for.

/// Longer words are known by their beginning.
const LONGEST_WORD: usize = 64;
/// Characters of a piece of a word.
const GRAM: usize = 3;

/// Hands out a text without case and accents, each character with the byte at which the one begins that it stands for.
fn fold(text: &str, mut push: impl FnMut(usize, char)) {
    for (at, c) in text.char_indices() {
        for c in c.to_lowercase() {
            match without_accent(c) {
                Some(plain) => plain.chars().for_each(|c| push(at, c)),
                None => push(at, c),
            }
        }
    }
}

/// Text without case and accents.
pub(super) fn folded(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    fold(text, |_, c| bare.push(c));
    bare
}

/// The words of a text: runs of letters and digits, folded.
pub(super) fn words(text: &str) -> Vec<String> {
    spans(text).into_iter().map(|word| word.text).collect()
}

/// A word, and where it stands in the text that it was taken from.
pub(super) struct Word {
    /// Folded.
    pub(super) text: String,
    /// The byte that it begins with.
    pub(super) from: usize,
    /// The byte behind it.
    pub(super) until: usize,
}

/// The words of a text, with where they stand.
pub(super) fn spans(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut is_open = false;
    fold(text, |at, c| {
        if !c.is_alphanumeric() {
            is_open = false;
            return;
        }
        let until = at + text[at..].chars().next().map_or(1, char::len_utf8);
        match words.last_mut().filter(|_| is_open) {
            Some(word) => {
                word.until = until;
                word.text.push(c);
            }
            None => words.push(Word { text: c.into(), from: at, until }),
        }
        is_open = true;
    });
    for word in &mut words {
        if let Some((end, _)) = word.text.char_indices().nth(LONGEST_WORD) {
            word.text.truncate(end);
        }
    }
    words
}

/// Where a folded needle stands in a text, as bytes from and until.
pub(super) fn places(text: &str, needle: &str) -> Vec<(usize, usize)> {
    let (mut bare, mut starts) = (String::new(), Vec::new());
    fold(text, |at, c| {
        starts.extend(std::iter::repeat_n(at, c.len_utf8()));
        bare.push(c);
    });
    let found = bare.match_indices(needle).filter(|_| !needle.is_empty());
    found
        .map(|(at, part)| {
            let last = starts[at + part.len() - 1];
            (starts[at], last + text[last..].chars().next().map_or(1, char::len_utf8))
        })
        .collect()
}

/// The pieces of a text by which any part of it is found; none of a text that is too short.
pub(super) fn grams(text: &str) -> Vec<String> {
    let at: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    at.windows(GRAM + 1).map(|ends| text[ends[0]..ends[GRAM]].to_owned()).collect()
}

/// Whether a text is long enough to be looked for inside of others.
pub(super) fn has_grams(text: &str) -> bool {
    text.chars().nth(GRAM - 1).is_some()
}

/// What is left of a character of lower case without its accent; none = it has none that we know.
fn without_accent(c: char) -> Option<&'static str> {
    if c.is_ascii() {
        return None;
    }
    Some(match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' | 'ĸ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' | 'ŋ' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' | 'ſ' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'ς' => "σ",
        // Accents of their own.
        '\u{300}'..='\u{36f}' => "",
        _ => return None,
    })
}
