//! What the commands do.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::smtp::SmtpTls;
use crate::smtp::mail::SmtpMail;
use crate::smtp::session::{Answer, Envelope, Next, Session, path_of};

/// Recipients of one mail.
const RECIPIENTS: usize = 100;

impl Session<'_> {
    /// Does a command.
    pub(crate) async fn command(&mut self, verb: &str, argument: &str) -> io::Result<Answer> {
        let needs_encryption = matches!(self.desk.spec.tls, SmtpTls::StartTls(_)) && !self.lines.encrypted;
        if needs_encryption && matches!(verb, "AUTH" | "MAIL" | "RCPT" | "DATA") {
            return Ok(Answer::new(530, "5.7.0 Must issue a STARTTLS command first"));
        }
        Ok(match verb {
            "CONNECT" => Answer::new(220, format!("{} ESMTP simulated", self.desk.spec.hostname)),
            "EHLO" | "HELO" => self.hello(verb, argument),
            "STARTTLS" if needs_encryption => Answer::new(220, "2.0.0 Ready to start TLS").then(Next::Encrypt),
            "AUTH" => self.sign_in(argument).await?,
            "MAIL" => self.mail(argument),
            "RCPT" => self.recipient(argument),
            "DATA" => self.data(),
            "MESSAGE" => self.message(),
            "RSET" => {
                self.envelope = None;
                Answer::new(250, "2.0.0 Ok")
            }
            "NOOP" => Answer::new(250, "2.0.0 Ok"),
            "VRFY" => Answer::new(252, "2.5.0 Cannot say, but will take mail and try"),
            "QUIT" => Answer::new(221, "2.0.0 Bye"),
            _ => Answer::new(500, "5.5.2 Command not recognised"),
        })
    }

    fn hello(&mut self, verb: &str, argument: &str) -> Answer {
        if argument.is_empty() {
            return Answer::new(501, "5.5.4 Say who you are");
        }
        self.helo = Some(argument.to_owned());
        self.envelope = None;
        let mut answer = Answer::new(250, self.desk.spec.hostname.clone());
        if verb == "EHLO" {
            let spec = &self.desk.spec;
            let starts_tls = matches!(spec.tls, SmtpTls::StartTls(_)) && !self.lines.encrypted;
            answer.lines.push("PIPELINING".to_owned());
            answer.lines.push(format!("SIZE {}", spec.max_size));
            if starts_tls {
                answer.lines.push("STARTTLS".to_owned());
            } else if !spec.users.is_empty() {
                answer.lines.push("AUTH PLAIN LOGIN".to_owned());
            }
            answer.lines.extend(["ENHANCEDSTATUSCODES".to_owned(), "8BITMIME".to_owned()]);
        }
        answer
    }

    /// <https://www.rfc-editor.org/rfc/rfc4954>
    async fn sign_in(&mut self, argument: &str) -> io::Result<Answer> {
        if self.desk.spec.users.is_empty() {
            return Ok(Answer::new(502, "5.5.1 Nobody has to sign in here"));
        }
        if self.helo.is_none() || self.user.is_some() || self.envelope.is_some() {
            return Ok(Answer::new(503, "5.5.1 Not now"));
        }
        let (mechanism, first) =
            argument.split_once(' ').map_or((argument, None), |(name, first)| (name, Some(first.trim())));
        let credentials = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let line = match first {
                    Some(first) => Some(first.to_owned()),
                    None => self.ask(334, "").await?,
                };
                line.as_deref().and_then(decode).as_deref().and_then(plain)
            }
            "LOGIN" => {
                let user = match first {
                    Some(first) => Some(first.to_owned()),
                    None => self.ask(334, "VXNlcm5hbWU6").await?,
                };
                let password = self.ask(334, "UGFzc3dvcmQ6").await?;
                user.as_deref().and_then(decode).zip(password.as_deref().and_then(decode))
            }
            _ => return Ok(Answer::new(504, "5.5.4 Unknown mechanism")),
        };
        let Some((user, password)) = credentials else {
            return Ok(Answer::new(501, "5.5.2 Cannot decode that"));
        };
        if !self.desk.knows(&user, &password) {
            return Ok(Answer::new(535, "5.7.8 Authentication credentials invalid"));
        }
        self.user = Some(user);
        Ok(Answer::new(235, "2.7.0 Authentication successful"))
    }

    fn mail(&mut self, argument: &str) -> Answer {
        if self.helo.is_none() {
            return Answer::new(503, "5.5.1 Say EHLO first");
        }
        if !self.desk.spec.users.is_empty() && self.user.is_none() {
            return Answer::new(530, "5.7.0 Authentication required");
        }
        if self.envelope.is_some() {
            return Answer::new(503, "5.5.1 There is a sender already");
        }
        let Some((from, parameters)) = path_of(argument).filter(|(from, _)| from.is_empty() || is_address(from)) else {
            return Answer::new(501, "5.1.7 Bad sender address syntax");
        };
        for parameter in parameters.split_ascii_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name.to_ascii_uppercase().as_str() {
                "SIZE" if value.parse::<usize>().is_ok_and(|size| size > self.desk.spec.max_size) => {
                    return too_large();
                }
                "SIZE" | "BODY" | "AUTH" => {}
                _ => return Answer::new(555, "5.5.4 Unknown parameter"),
            }
        }
        self.envelope = Some(Envelope { from: from.to_owned(), to: Vec::new() });
        Answer::new(250, "2.1.0 Ok")
    }

    fn recipient(&mut self, argument: &str) -> Answer {
        let Some(envelope) = &mut self.envelope else { return Answer::new(503, "5.5.1 Say MAIL first") };
        let Some((to, _)) = path_of(argument).filter(|(to, _)| is_address(to)) else {
            return Answer::new(501, "5.1.3 Bad recipient address syntax");
        };
        if envelope.to.len() == RECIPIENTS {
            return Answer::new(452, "4.5.3 Too many recipients");
        }
        envelope.to.push(to.to_owned());
        Answer::new(250, "2.1.5 Ok")
    }

    fn data(&self) -> Answer {
        match &self.envelope {
            None => Answer::new(503, "5.5.1 Say MAIL first"),
            Some(envelope) if envelope.to.is_empty() => Answer::new(554, "5.5.1 No valid recipients"),
            Some(_) => Answer::new(354, "End data with <CR><LF>.<CR><LF>").then(Next::Message),
        }
    }

    fn message(&mut self) -> Answer {
        let (Some(envelope), content) = (self.envelope.take(), self.content.take()) else {
            return Answer::new(503, "5.5.1 Say MAIL first");
        };
        let Some(content) = content else { return too_large() };
        let weight = content.len() * 2;
        let mail =
            SmtpMail::new(self.desk.spec.clock.now(), envelope, self.user.clone(), self.lines.encrypted, content);
        self.desk.mails.put(mail, weight);
        Answer::new(250, format!("2.0.0 Ok: queued as {}", self.desk.mails.total()))
    }
}

fn too_large() -> Answer {
    Answer::new(552, "5.3.4 Message size exceeds fixed limit")
}

fn is_address(address: &str) -> bool {
    address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !address.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn decode(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()
}

/// Name and password of `authorise NUL name NUL password`.
fn plain(text: &str) -> Option<(String, String)> {
    let mut parts = text.split('\0').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}
