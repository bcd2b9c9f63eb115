//! What goes wrong with the mail server, and how people write it.

use std::str::FromStr;
use std::time::Duration;

/// What goes wrong at a command. In brackets: how it is written for `POST /_sim/faults`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmtpTrouble {
    /// This answer instead of doing it; after 421 the connection ends. `reply/550 5.1.1 No such user`
    Reply(u16, String),
    /// It is done and answered this much later. `delay/200` in milliseconds
    Delay(Duration),
    /// Nothing is done, no answer comes, and the connection stays open. `hang`
    Hang,
    /// Nothing is done, and the answer is no SMTP. `garbage`
    Garbage,
    /// Nothing is done, and the connection is reset. `drop`
    Drop,
    /// At `DATA`: the mail is asked for, and the connection is reset when its beginning comes. `drop-midway`
    DropMidway,
    /// It is done, and the connection is reset before the answer. `done-drop`
    DoneThenDrop,
}

impl SmtpTrouble {
    /// An answer: `550`, `5.1.1 No such user`.
    pub fn reply(code: u16, text: &str) -> Self {
        Self::Reply(code, text.to_owned())
    }
}

impl FromStr for SmtpTrouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            format!(
                "`{text}` is no trouble; there are reply/550 5.1.1 No such user, delay/200, hang, garbage, drop, drop-midway and \
                 done-drop"
            )
        };
        let (name, rest) = text.split_once('/').unwrap_or((text, ""));
        Ok(match name {
            "reply" => {
                let (code, words) = rest.split_once(' ').unwrap_or((rest, "As asked"));
                let code = code.parse().ok().filter(|code| (200..=599).contains(code));
                Self::reply(code.ok_or_else(unknown)?, words)
            }
            "delay" => Self::Delay(Duration::from_millis(rest.parse().map_err(|_| unknown())?)),
            "hang" => Self::Hang,
            "garbage" => Self::Garbage,
            "drop" => Self::Drop,
            "drop-midway" => Self::DropMidway,
            "done-drop" => Self::DoneThenDrop,
            _ => return Err(unknown()),
        })
    }
}
