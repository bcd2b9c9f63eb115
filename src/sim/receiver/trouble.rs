//! What goes wrong with a receiver, and how people write it.

use std::str::FromStr;
use std::time::Duration;

/// What goes wrong. In brackets: how it is written in a path of the sink and for `POST /_sim/faults`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// This status in the service's own words. It is done when the status says so (2xx), and nothing is done otherwise. `status/500`
    Status(u16),
    /// This status, usually 429 or 503, and when to come back. `busy/429/30`, or `busy/503` without the header.
    Busy {
        /// Status.
        status: u16,
        /// `Retry-After`, left out when `None`.
        retry_after_s: Option<u32>,
    },
    /// A redirect. `redirect/307/http://127.0.0.1:9/elsewhere`
    Redirect {
        /// Status, usually 301, 302, 307 or 308.
        status: u16,
        /// `Location`.
        to: String,
    },
    /// The thing is done at once and the answer comes this much later. `delay/200` in milliseconds
    Delay(Duration),
    /// Nothing is done, no answer comes, and the connection stays open. `hang`
    Hang,
    /// Nothing is done, and the connection is reset before any byte of an answer. `reset`
    Reset,
    /// It is done, and the connection is reset in the middle of the answer. `cut`
    Cut,
    /// It is done, and the body of the answer never ends. `endless`
    Endless,
    /// It is done, and the body of the answer is a space every so often, without an end. `drip/100` in milliseconds
    Drip(Duration),
    /// It is done, and then answered with this status. `done-status/500`
    DoneThenStatus(u16),
    /// It is done, and the connection is reset before any byte of an answer. `done-reset`
    DoneThenReset,
}

impl FromStr for Trouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once('/').unwrap_or((text, ""));
        let unknown = || {
            format!(
                "`{text}` is no trouble; there are status/500, busy/429/30, redirect/307/http://…, delay/200, hang, reset, cut, \
                 endless, drip/100, done-status/500 and done-reset"
            )
        };
        let milliseconds = |text: &str| text.parse().map(Duration::from_millis).map_err(|_| unknown());
        Ok(match name {
            "status" => Self::Status(status(rest).ok_or_else(unknown)?),
            "busy" => busy(rest).ok_or_else(unknown)?,
            "redirect" => redirect(rest).ok_or_else(unknown)?,
            "delay" => Self::Delay(milliseconds(rest)?),
            "hang" => Self::Hang,
            "reset" => Self::Reset,
            "cut" => Self::Cut,
            "endless" => Self::Endless,
            "drip" => Self::Drip(milliseconds(rest)?),
            "done-status" => Self::DoneThenStatus(status(rest).ok_or_else(unknown)?),
            "done-reset" => Self::DoneThenReset,
            _ => return Err(unknown()),
        })
    }
}

fn status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (200..=599).contains(status))
}

fn busy(text: &str) -> Option<Trouble> {
    let (code, wait) = text.split_once('/').map_or((text, None), |(code, wait)| (code, Some(wait)));
    let retry_after_s = wait.map(str::parse).transpose().ok()?;
    Some(Trouble::Busy { status: status(code)?, retry_after_s })
}

fn redirect(text: &str) -> Option<Trouble> {
    let (code, to) = text.split_once('/')?;
    Some(Trouble::Redirect { status: status(code)?, to: to.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_written_as_paths() {
        let parse = |text: &str| text.parse::<Trouble>();
        assert_eq!(parse("status/503"), Ok(Trouble::Status(503)));
        assert_eq!(parse("busy/429/30"), Ok(Trouble::Busy { status: 429, retry_after_s: Some(30) }));
        assert_eq!(parse("busy/503"), Ok(Trouble::Busy { status: 503, retry_after_s: None }));
        let to = "http://127.0.0.1:9/a?b".to_owned();
        assert_eq!(parse("redirect/307/http://127.0.0.1:9/a?b"), Ok(Trouble::Redirect { status: 307, to }));
        assert_eq!(parse("drip/5"), Ok(Trouble::Drip(Duration::from_millis(5))));
        for nonsense in ["", "status", "status/99", "busy/429/soon", "delay/x", "redirect/307", "melt"] {
            assert!(parse(nonsense).is_err(), "{nonsense}");
        }
    }
}
