use actix_web::web;
use aviary_kernel::base::{Error, Result};

use super::shown;

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
    mistyped(sent, n).is_none()
}

/// What is wrong with the number that was typed; none when it is right, or they are few.
pub(super) fn mistyped(sent: &Sent, n: u64) -> Option<String> {
    to_type(n).and_then(|n| not_the_number(sent, n))
}

/// What is wrong with a number that is to be typed however small it is.
pub(super) fn not_the_number(sent: &Sent, n: u64) -> Option<String> {
    let typed = sent.field("typed").trim();
    (typed.replace(',', "") != n.to_string())
        .then(|| format!("Nothing was done: “{}” is not the number.", shown::short(typed, 20)))
}

/// How many things somebody saw when they said yes.
///
/// # Errors
/// [`Error::Invalid`].
pub(super) fn counted(sent: &Sent) -> Result<u64> {
    sent.field("count").trim().parse().map_err(|_| Error::invalid("count", "is no number"))
}

/// What to say when few enough were seen that no number was asked for, and many are there by now; none when that is not so.
pub(super) fn outgrown(seen: u64, now: u64) -> Option<String> {
    let now = to_type(now).filter(|_| to_type(seen).is_none())?;
    Some(format!("Nothing was done: it was {seen} that you saw, and it is {now} by now. Look again."))
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
