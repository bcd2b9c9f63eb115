//! Words and numbers of the older API, and how requests spell them.

use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{Server, ServerState};

/// The status word of a state. What runs is not known from the mirror, so whatever is in order is `online`.
pub(super) fn state_word(state: ServerState) -> &'static str {
    match state {
        ServerState::Normal => "online",
        other => other.word(),
    }
}

/// The status word of a server; words that only the panel knows are passed on.
pub(super) fn status(server: &Server) -> String {
    match (server.state(), server.status.as_deref()) {
        (ServerState::Other, Some(word)) => word.to_owned(),
        (state, _) => state_word(state).to_owned(),
    }
}

/// Whole seconds, as these lists show times.
pub(super) fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.seconds())
}

/// `yes` and `no`, or `true` and `false`; anything else, such as `all`, is no wish.
pub(super) fn yes_no(text: Option<&str>) -> Option<bool> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        Some("yes" | "true" | "1") => Some(true),
        Some("no" | "false" | "0") => Some(false),
        _ => None,
    }
}

/// Text that says something.
pub(super) fn filled(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A page of a list that counts pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paging {
    pub(super) page: u64,
    pub(super) size: u64,
}

impl Paging {
    /// What was asked for. What is no number, or out of range, is as if it were not there.
    pub(super) fn read(page: Option<&str>, size: Option<&str>, usual: u64, most: u64) -> Self {
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<u64>().ok());
        Self {
            page: number(page).unwrap_or(1).max(1),
            size: number(size).filter(|size| (1..=most).contains(size)).unwrap_or(usual),
        }
    }

    /// Rows before this page.
    pub(super) fn offset(self) -> u64 {
        (self.page - 1).saturating_mul(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_size_out_of_range_is_not_clamped_but_ignored() {
        let size = |text| Paging::read(None, Some(text), 25, 100).size;
        assert_eq!([size("1"), size("100"), size("101"), size("0"), size("-3"), size("x")], [1, 100, 25, 25, 25, 25]);
    }

    #[test]
    fn pages_begin_at_one() {
        let page = |text| Paging::read(Some(text), None, 25, 100).page;
        assert_eq!([page("0"), page("-1"), page("3"), page("x")], [1, 1, 3, 1]);
        assert_eq!(Paging::read(Some("3"), Some("10"), 25, 100).offset(), 20);
        Paging::read(Some("18446744073709551615"), None, 25, 100).offset();
    }
}
