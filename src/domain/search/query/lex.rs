/// A part of a query, as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `OR` between two others.
    Or,
    /// Anything else.
    Term(Term),
}

/// Something to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// A minus stood before it.
    pub(super) is_not: bool,
    /// What stood before a colon, when that can be a field.
    pub(super) field: Option<String>,
    pub(super) text: String,
    /// It stood in quotation marks.
    pub(super) is_quoted: bool,
}

const QUOTES: [char; 4] = ['"', '“', '”', '„'];

/// Takes a query apart; whether a quotation mark was left open.
pub(super) fn tokens(text: &str) -> (Vec<Token>, bool) {
    let mut lexer = Lexer { rest: text, is_open: false };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next() {
        tokens.push(token);
    }
    (tokens, lexer.is_open)
}

/// The parts of a query, each with how it was typed.
pub(super) fn spans(text: &str) -> Vec<(&str, Token)> {
    let mut lexer = Lexer { rest: text, is_open: false };
    let mut spans = Vec::new();
    loop {
        let start = lexer.rest;
        let Some(token) = lexer.next() else { return spans };
        let typed = &start[..start.len() - lexer.rest.len()];
        spans.push((typed.trim_start_matches(is_gap), token));
    }
}

struct Lexer<'t> {
    rest: &'t str,
    is_open: bool,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Token> {
        self.rest = self.rest.trim_start_matches(is_gap);
        if self.rest.is_empty() {
            return None;
        }
        if self.has_word("OR") {
            return Some(Token::Or);
        }
        // As others write it: all words must be there anyway, and NOT is a minus.
        while self.leads("AND") {}
        let is_denied = self.leads("NOT");
        let is_not = self.rest.starts_with('-') && self.rest.chars().nth(1).is_some_and(|c| !is_gap(c) && c != '-');
        if is_not {
            self.rest = &self.rest[1..];
        }
        let field = self.field();
        if self.rest.starts_with(QUOTES) {
            let text = self.quoted();
            return Some(Token::Term(Term { is_not: is_not || is_denied, field, text, is_quoted: true }));
        }
        let end = self.rest.find(is_gap).unwrap_or(self.rest.len());
        let text = self.take(end);
        Some(Token::Term(Term { is_not: is_not || is_denied, field, text, is_quoted: false }))
    }

    /// Passes over this word, if it comes next.
    fn has_word(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word).filter(|rest| rest.chars().next().is_none_or(is_gap));
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Passes over this word, if it comes next and something behind it.
    fn leads(&mut self, word: &str) -> bool {
        let before = self.rest;
        if self.has_word(word) {
            self.rest = self.rest.trim_start_matches(is_gap);
            if !self.rest.is_empty() {
                return true;
            }
        }
        self.rest = before;
        false
    }

    /// What stands before a colon and looks like a name.
    fn field(&mut self) -> Option<String> {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))?;
        let name = &self.rest[..end];
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic());
        let value = self.rest[end..].strip_prefix(':')?;
        // An address of IPv6 or the web is no field.
        if !is_name || value.starts_with([':', '/']) {
            return None;
        }
        let name = name.to_ascii_lowercase();
        self.rest = value;
        Some(name)
    }

    fn quoted(&mut self) -> String {
        let open = self.rest.chars().next().map_or(0, char::len_utf8);
        self.rest = &self.rest[open..];
        let text = match self.rest.find(QUOTES) {
            Some(end) => self.take(end),
            None => {
                self.is_open = true;
                self.take(self.rest.len())
            }
        };
        let close = self.rest.chars().next().map_or(0, char::len_utf8);
        self.rest = &self.rest[close..];
        text
    }

    fn take(&mut self, end: usize) -> String {
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text.to_owned()
    }
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}
