//! What goes wrong with a panel.

use std::time::Duration;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// This status with the error envelope, raised where the call would have been handled: after authentication and rate
    /// limit, before anything is changed.
    Status(u16),
    /// This status as a page of the web server in front of the panel.
    StatusHtml(u16),
    /// 429, without having used up the bucket.
    TooMany {
        /// `Retry-After`, left out when `None`.
        retry_after_s: Option<u32>,
    },
    /// The answer comes this much later.
    Delay(Duration),
    /// No answer, and the connection stays open.
    Hang,
    /// The connection is reset before any byte of an answer.
    Reset,
    /// The connection is reset in the middle of the body.
    ResetMidBody,
    /// `Content-Length` promises more than is sent before the connection ends.
    TruncatedBody,
    /// A complete answer whose JSON ends in the middle.
    TruncatedJson,
    /// 200 with a page for people, as captive portals and firewalls send it.
    Html200,
    /// 200 with no rows, while the total stays.
    EmptyPage,
    /// The total is off by this much.
    LieTotal(i64),
    /// The last row of the page is the first one again: right number of rows, one missing.
    DuplicateRows,
    /// After this page one of its rows is deleted: all later pages move up by one, and one row is never seen.
    ShiftRow,
    /// After this page a row is inserted; where lists are ordered by address, before all others, so that later pages repeat one.
    InsertBetween,
    /// One row of the page has numbers for text and text for objects.
    WrongTypes,
    /// One row of the page has null for attributes.
    BadRow,
    /// A body of this many bytes, without announcing its length.
    HugeBody(u64),
    /// A redirect.
    Redirect(String),
    /// The panel is down for maintenance, which is said before anything else is looked at.
    Maintenance {
        /// `Retry-After`, left out when `None`.
        retry_after_s: Option<u32>,
        /// A page for people instead of JSON.
        html: bool,
    },
    /// 200 with no rows and a total of 0, as after a broken restore.
    ListEmptyAll,
    /// The call is done, and then answered with this status.
    WriteThen5xx(u16),
    /// The rows of the page in reverse order, as a database without a sort may return them.
    ReverseRows,
}
