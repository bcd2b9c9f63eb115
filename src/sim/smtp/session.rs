//! One connection: commands and answers.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::fault::Target;
use crate::smtp::desk::Desk;
use crate::smtp::lines::{Line, Lines};
use crate::smtp::{SmtpTls, SmtpTrouble};

/// Serves a connection to its end.
pub(crate) async fn serve(desk: Arc<Desk>, stream: TcpStream) {
    let _here = desk.connections.enter();
    if let Err(error) = run(&desk, Lines::new(stream)).await {
        tracing::trace!(%error, "connection to the simulated mail server ended early");
    }
}

async fn run(desk: &Desk, mut lines: Lines) -> io::Result<()> {
    if let (SmtpTls::Implicit(_), Some(acceptor)) = (&desk.spec.tls, &desk.acceptor) {
        lines = lines.encrypt(acceptor).await?;
    }
    let mut session = Session::new(desk, lines);
    let mut next = session.act("CONNECT", "").await?;
    loop {
        next = match (next, &desk.acceptor) {
            (Next::End, _) => return Ok(()),
            (Next::Encrypt, Some(acceptor)) => {
                // Nothing that was said in the clear counts any more.
                session = Session::new(desk, session.lines.encrypt(acceptor).await?);
                Next::GoOn
            }
            (Next::Cut, _) => {
                session.lines.piece().await?;
                session.lines.doom();
                Next::End
            }
            (Next::Message, _) => match session.read_message().await? {
                true => session.act("MESSAGE", "").await?,
                false => Next::End,
            },
            (Next::GoOn | Next::Encrypt, _) => match session.lines.command().await? {
                None => Next::End,
                Some(Line::TooLong) => session.say(&Answer::new(500, "5.5.2 Line too long")).await?,
                Some(Line::Text(line)) => {
                    let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
                    session.act(&verb.to_ascii_uppercase(), argument.trim()).await?
                }
            },
        };
    }
}

/// What a connection does after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Waits for the next command.
    GoOn,
    /// Becomes encrypted.
    Encrypt,
    /// Takes the mail.
    Message,
    /// Takes the beginning of the mail and breaks.
    Cut,
    /// Ends.
    End,
}

/// An answer, in lines.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) lines: Vec<String>,
    pub(crate) next: Next,
}

impl Answer {
    pub(crate) fn new(code: u16, text: impl Into<String>) -> Self {
        // 421 says that the connection ends.
        let next = if matches!(code, 221 | 421) { Next::End } else { Next::GoOn };
        Self { code, lines: vec![text.into()], next }
    }

    pub(crate) fn then(self, next: Next) -> Self {
        Self { next, ..self }
    }
}

/// Who wrote, to whom.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
}

/// A mail as it came, `None` when it was too large.
pub(crate) type Content = Option<Vec<u8>>;

/// A connection's state.
pub(crate) struct Session<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) lines: Lines,
    pub(crate) helo: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) envelope: Option<Envelope>,
    pub(crate) content: Content,
}

impl<'a> Session<'a> {
    fn new(desk: &'a Desk, lines: Lines) -> Self {
        Self { desk, lines, helo: None, user: None, envelope: None, content: None }
    }

    /// Does a command, or what goes wrong with it.
    async fn act(&mut self, verb: &str, argument: &str) -> io::Result<Next> {
        let about = self.about(verb, argument);
        let troubles = self.desk.faults.draw(&Target { method: verb, path: &about, query: "", page: 1 });
        let mut wait = Duration::ZERO;
        for trouble in &troubles {
            match trouble {
                SmtpTrouble::Delay(by) => wait += *by,
                SmtpTrouble::Hang => {
                    self.desk.note(verb, &about, 0);
                    return pending().await;
                }
                SmtpTrouble::Garbage => {
                    self.desk.note(verb, &about, 0);
                    self.lines.write(b"\x00\xff<html>not SMTP\r\n\r\n").await?;
                    return Ok(Next::GoOn);
                }
                SmtpTrouble::Drop => {
                    self.desk.note(verb, &about, 0);
                    self.lines.doom();
                    return Ok(Next::End);
                }
                _ => {}
            }
        }
        let instead = troubles.iter().find_map(|trouble| match trouble {
            SmtpTrouble::Reply(code, text) => Some(Answer::new(*code, text)),
            _ => None,
        });
        let mut answer = match instead {
            Some(answer) => answer,
            None => self.command(verb, argument).await?,
        };
        if troubles.contains(&SmtpTrouble::DoneThenDrop) {
            self.desk.note(verb, &about, 0);
            self.lines.doom();
            return Ok(Next::End);
        }
        if answer.next == Next::Message && troubles.contains(&SmtpTrouble::DropMidway) {
            answer.next = Next::Cut;
        }
        self.desk.note(verb, &about, answer.code);
        if !wait.is_zero() {
            sleep(wait).await;
        }
        self.say(&answer).await
    }

    /// What a command is about, without anything secret.
    fn about(&self, verb: &str, argument: &str) -> String {
        let sender = || self.envelope.as_ref().map(|envelope| envelope.from.clone()).unwrap_or_default();
        match verb {
            "MAIL" | "RCPT" => path_of(argument).map(|(address, _)| address.to_owned()).unwrap_or_default(),
            "AUTH" => argument.split(' ').next().unwrap_or_default().to_ascii_uppercase(),
            "DATA" | "MESSAGE" => sender(),
            "EHLO" | "HELO" => argument.to_owned(),
            _ => String::new(),
        }
    }

    async fn say(&mut self, answer: &Answer) -> io::Result<Next> {
        let last = answer.lines.len().saturating_sub(1);
        let lines = answer.lines.iter().enumerate();
        let text: String = lines
            .map(|(at, line)| format!("{}{}{line}\r\n", answer.code, if at == last { ' ' } else { '-' }))
            .collect();
        self.lines.write(text.as_bytes()).await?;
        Ok(answer.next)
    }

    /// Reads up to the line with nothing but a dot. False when the connection ends before. Only `CRLF . CRLF` ends a mail, so
    /// that nobody can smuggle one in.
    async fn read_message(&mut self) -> io::Result<bool> {
        let (mut content, mut fits, mut fresh, mut half_ended) = (Vec::new(), true, true, false);
        loop {
            let (piece, ended) = self.lines.piece().await?;
            if piece.is_empty() {
                return Ok(false);
            }
            if fresh && piece == b".\r\n" {
                break;
            }
            let piece = if fresh { piece.strip_prefix(b".").unwrap_or(&piece) } else { &piece };
            fits = fits && content.len() + piece.len() <= self.desk.spec.max_size;
            if fits {
                content.extend_from_slice(piece);
            }
            // A long line comes in pieces, and its end may be cut in two.
            fresh = ended && (piece.ends_with(b"\r\n") || (half_ended && piece == b"\n"));
            half_ended = piece.ends_with(b"\r");
        }
        self.content = fits.then_some(content);
        Ok(true)
    }

    /// The next line of a dialogue; `None` at the end.
    pub(crate) async fn ask(&mut self, code: u16, text: &str) -> io::Result<Option<String>> {
        self.say(&Answer::new(code, text)).await?;
        match self.lines.command().await? {
            Some(Line::Text(line)) => Ok(Some(line)),
            Some(Line::TooLong) => Ok(Some(String::new())),
            None => Ok(None),
        }
    }
}

/// The address and the parameters of `FROM:<address> PARAMETERS`.
pub(crate) fn path_of(argument: &str) -> Option<(&str, &str)> {
    let (_, path) = argument.split_once(':')?;
    let (address, parameters) = path.trim_start().strip_prefix('<')?.split_once('>')?;
    Some((address, parameters.trim()))
}
