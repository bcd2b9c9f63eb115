//! Mails that other programs have sent: the templates they may name, and what must be filled in.

use std::collections::BTreeMap;
use std::time::Duration;

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Email, Purpose};
use url::Url;

use super::says::{Says, lifetime};
use super::site::Site;

/// What a template is filled in with.
pub(super) type Values = BTreeMap<String, String>;

/// A template that other programs may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    VerifyEmail,
    ResetPassword,
    MagicLink,
    SyncComplete,
    Welcome,
    Message,
}

/// No name of a template is longer.
const LONGEST_NAME: usize = 60;
/// No template is filled in with more.
const MOST_VALUES: usize = 32;
/// No value but a message is longer.
const LONGEST_VALUE: usize = 2000;
/// No message is longer.
const LONGEST_MESSAGE: usize = 20_000;
/// No subject is longer.
const LONGEST_SUBJECT: usize = 200;
/// The account that a token belongs to; looked up here, never taken from outside.
pub(super) const ID: &str = "id";

impl Form {
    /// The template of a name. Each of the two of older programs is understood; any other name stands for a plain message.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "verify-email" | "email-verification" => Self::VerifyEmail,
            "reset-password" | "password-reset" => Self::ResetPassword,
            "magic-link" => Self::MagicLink,
            "sync-complete" => Self::SyncComplete,
            "welcome" => Self::Welcome,
            _ => Self::Message,
        }
    }

    /// The page that takes its token, the variable that holds a ready address instead, as errors name it, and what the token
    /// is for.
    fn link(self) -> Option<(&'static str, &'static str, &'static str, Purpose)> {
        Some(match self {
            Self::VerifyEmail | Self::Welcome => ("verify-email", "verifyUrl", "data.verifyUrl", Purpose::VerifyEmail),
            Self::ResetPassword => ("reset-password", "resetUrl", "data.resetUrl", Purpose::ResetPassword),
            Self::MagicLink => ("magic-link", "magicLinkUrl", "data.magicLinkUrl", Purpose::MagicLink),
            Self::SyncComplete | Self::Message => return None,
        })
    }

    /// How long what it says holds; none = as long as anybody reads it.
    pub(super) fn good_for(self) -> Option<Duration> {
        self.link().map(|(.., purpose)| lifetime(purpose))
    }

    /// Whether its link is made here, of a token, so that it must be known where links lead.
    pub(super) fn makes_link(self, values: &Values) -> bool {
        self.link().is_some_and(|(_, variable, ..)| !values.contains_key(variable))
    }

    /// The values that it needs out of those given.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the field that is missing, too long or no address; also for a name that stands for no template
    /// when there is no message.
    pub(super) fn checked(self, given: Values) -> Result<Values> {
        if given.len() > MOST_VALUES {
            return Err(Error::invalid("data", format!("holds more than {MOST_VALUES} values")));
        }
        let value = |name: &str| given.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
        let mut kept = Values::new();
        let mut keep = |name: &str, field: &'static str, most: usize, needed: bool| {
            match value(name) {
                Some(text) if text.chars().count() > most => {
                    return Err(Error::invalid(field, format!("is longer than {most} characters")));
                }
                Some(text) => drop(kept.insert(name.to_owned(), text.to_owned())),
                None if needed => return Err(Error::invalid(field, "is missing, and this template needs it")),
                None => {}
            }
            Ok(())
        };
        match self {
            Self::SyncComplete => {
                keep("syncType", "data.syncType", 200, true)?;
                keep("status", "data.status", 200, true)?;
                keep("duration", "data.duration", 200, true)?;
            }
            Self::Message if value("message").is_none() => {
                let why = "is no template of Aviary; with `message` in `data` it is sent as a plain message";
                return Err(Error::invalid("template", why));
            }
            Self::Message => keep("message", "data.message", LONGEST_MESSAGE, true)?,
            Self::VerifyEmail | Self::Welcome | Self::ResetPassword | Self::MagicLink => {
                keep("name", "data.name", 200, false)?;
                if let Some((_, variable, field, _)) = self.link() {
                    if value(variable).is_some() {
                        keep(variable, field, LONGEST_VALUE, true)?;
                        check_address(field, value(variable).unwrap_or_default())?;
                    } else if value("token").is_none() {
                        let why = "is missing: give it, or `token` and `email` for a link of this site";
                        return Err(Error::invalid(field, why));
                    } else {
                        keep("token", "data.token", LONGEST_VALUE, true)?;
                        keep("email", "data.email", 254, true)?;
                    }
                }
            }
        }
        Ok(kept)
    }

    /// Whose token it is that a link is to be made of.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub(super) fn owner(self, values: &Values) -> Result<Option<Email>> {
        if !self.makes_link(values) {
            return Ok(None);
        }
        let email = values.get("email").map(String::as_str).unwrap_or_default();
        let bad = |_| Error::invalid("data.email", "is no e-mail address; write it like ada@example.com");
        Email::parse(email).map(Some).map_err(bad)
    }

    /// What it says.
    pub(super) fn says(self, subject: &str, values: &Values, site: &Site) -> Says {
        let value = |name: &str| values.get(name).map(String::as_str).unwrap_or_default();
        let link = || {
            let (page, variable, ..) = self.link()?;
            Some(values.get(variable).cloned().unwrap_or_else(|| site.entry(page, value("token"), value(ID))))
        };
        let letter = |letter| Says::letter(letter, value("name"), link());
        let says = match self {
            Self::VerifyEmail => letter(aviary_kernel::model::Letter::VerifyEmail),
            Self::ResetPassword => letter(aviary_kernel::model::Letter::ResetPassword),
            Self::MagicLink => letter(aviary_kernel::model::Letter::MagicLink),
            Self::Welcome => Says::welcome(value("name"), link().unwrap_or_default()),
            Self::SyncComplete => Says::sync_complete(value("syncType"), value("status"), value("duration")),
            Self::Message => Says::message(subject, value("message")),
        };
        Says { subject: subject.to_owned(), ..says }
    }
}

/// The name of a template, if it can be one.
///
/// # Errors
/// [`Error::Invalid`].
pub(super) fn check_name(name: &str) -> Result<&str> {
    let name = name.trim();
    match name.chars().count() {
        0 => Err(Error::invalid("template", "is missing")),
        1..=LONGEST_NAME if !name.chars().any(char::is_control) => Ok(name),
        _ => Err(Error::invalid("template", format!("needs at most {LONGEST_NAME} plain characters"))),
    }
}

/// A subject, if it can be one.
///
/// # Errors
/// [`Error::Invalid`].
pub(super) fn check_subject(subject: &str) -> Result<&str> {
    let subject = subject.trim();
    if subject.chars().any(char::is_control) {
        return Err(Error::invalid("subject", "is one line without control characters"));
    }
    match subject.chars().count() {
        0 => Err(Error::invalid("subject", "is missing")),
        1..=LONGEST_SUBJECT => Ok(subject),
        n => Err(Error::invalid("subject", format!("needs 1 to {LONGEST_SUBJECT} characters, has {n}"))),
    }
}

fn check_address(field: &'static str, text: &str) -> Result<()> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let is_plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if url.is_some_and(|url| url.username().is_empty() && url.password().is_none()) && is_plain {
        return Ok(());
    }
    Err(Error::invalid(field, "is no address; write it like https://www.example.com/page?token=..."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[track_caller]
    fn refused(form: Form, pairs: &[(&str, &str)], wanted: &str) {
        match form.checked(values(pairs)) {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, wanted),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_names_and_both_ways_of_filling_in_are_understood() {
        for (one, other) in [("verify-email", "email-verification"), ("reset-password", "password-reset")] {
            assert_eq!(Form::of(one), Form::of(other));
        }
        let site = Site { site_url: Some("https://site.example".into()), ..Site::default() };
        let ready = values(&[("name", "Ada"), ("resetUrl", "https://x.example/r?t=1"), ("more", "x")]);
        let ready = Form::ResetPassword.checked(ready).unwrap();
        assert!(!ready.contains_key("more") && !Form::ResetPassword.makes_link(&ready));
        assert_eq!(Form::ResetPassword.says("S", &ready, &site).button.unwrap().url, "https://x.example/r?t=1");
        let mut made = Form::of("magic-link").checked(values(&[("token", "t1"), ("email", "a@b.example")])).unwrap();
        assert_eq!(Form::MagicLink.owner(&made).unwrap().unwrap().as_str(), "a@b.example");
        made.insert(ID.into(), "u7".into());
        let says = Form::MagicLink.says("S", &made, &site);
        assert_eq!(says.button.unwrap().url, "https://site.example/auth/magic-link?token=t1&id=u7");
        assert_eq!(says.subject, "S");
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused_at_its_field() {
        refused(Form::VerifyEmail, &[("name", "Ada")], "data.verifyUrl");
        refused(Form::VerifyEmail, &[("token", "t")], "data.email");
        refused(Form::Welcome, &[("verifyUrl", "javascript:alert(1)")], "data.verifyUrl");
        refused(Form::ResetPassword, &[("resetUrl", "https://u:p@x.example/")], "data.resetUrl");
        refused(Form::MagicLink, &[("magicLinkUrl", "/relative")], "data.magicLinkUrl");
        refused(Form::SyncComplete, &[("syncType", "full"), ("status", "ok")], "data.duration");
        refused(Form::of("no-such"), &[], "template");
        refused(Form::Message, &[("message", &"x".repeat(20_001))], "data.message");
        refused(Form::Message, &[("message", " ")], "template");
        let many: Vec<_> = (0..40).map(|n| format!("v{n}")).collect();
        let many: Vec<_> = many.iter().map(|name| (name.as_str(), "x")).collect();
        refused(Form::Message, &many, "data");
        assert!(Form::of("anything").checked(values(&[("message", "Hi")])).is_ok());
        assert!(check_subject("a\nBcc: x@y.example").is_err() && check_subject(" ").is_err());
        assert!(check_name("").is_err() && check_name(&"x".repeat(61)).is_err());
    }
}
