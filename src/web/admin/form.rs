use actix_web::web;

/// What a form sent, in order. Fields may repeat.
pub(super) type Sent = web::Form<Vec<(String, String)>>;

/// What is done to more things than these asks for their number to be typed.
const UNASKED: u64 = 20;

/// The number that is to be typed before something is done to so many things; none when they are few.
pub(super) fn to_type(n: u64) -> Option<u64> {
    (n > UNASKED).then_some(n)
}

/// Whether the number was typed where it is asked for.
pub(super) fn is_typed(sent: &Sent, n: u64) -> bool {
    to_type(n).is_none_or(|n| sent.field("typed").trim().replace(',', "") == n.to_string())
}

/// Asks what a form sent.
pub(super) trait Fields {
    /// The value of a field; empty when it was not sent.
    fn field(&self, name: &str) -> &str;
    /// Every value of a field that may repeat.
    fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str>;
    /// The form token.
    fn token(&self) -> &str {
        self.field("_token")
    }
}

impl Fields for Sent {
    fn field(&self, name: &str) -> &str {
        self.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
