//! What people and other programs do with mails.

use std::collections::BTreeMap;
use std::time::Duration;

use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{
    AccountId, Action, Email, Event, EventName, JobId, Letter, Mail, MailContent, MailState, Permission,
};
use aviary_kernel::store::tables::MAILS;
use aviary_kernel::store::{Read, WriteTx};
use uuid::Uuid;

use super::forget::kept_from;
use super::list::{require, values_place};
use super::post::{send_off, write};
use super::says::{Rendered, Says};
use super::send::close;
use super::site::Site;
use super::template::{Form, ID, Values, check_name, check_subject};
use super::{Mails, OUT_OF_DATE, good_until};
use crate::access::{Caller, Limit, by_email};
use crate::audit::{self, Did};

/// Mails with their numbers, and the number at which the next stretch begins.
type Stretch = (Vec<(u64, Mail)>, Option<u64>);

/// Mails that one commit sends.
const AT_ONCE: usize = 500;
/// Mails that try whether mail works, by who sends them.
const TESTS: Limit = Limit::new("test-mails", 5, Duration::from_secs(15 * 60));

/// A mail that another program has sent.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// To whom.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The name of the template.
    pub template: String,
    /// What it is filled in with.
    pub data: BTreeMap<String, String>,
}

/// A mail that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedMail {
    /// Its number.
    pub number: u64,
    /// The job that sends it.
    pub job: JobId,
}

/// What became of a wish to try whether mail works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestMail {
    /// It is on its way.
    Queued(QueuedMail),
    /// Too many were sent in a short time.
    TooOften {
        /// Seconds until the next one is taken.
        retry_after_s: u64,
    },
}

/// What became of kept mails that were to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptMails {
    /// They are on their way.
    pub sent: u64,
    /// Their link expired, so they stay.
    pub expired: u64,
}

/// A template as it looks, with invented values.
#[derive(Clone)]
pub struct Preview {
    /// The name, as in addresses.
    pub name: &'static str,
    /// When it is sent.
    pub when: &'static str,
    /// The mail.
    pub mail: Rendered,
}

impl Mails {
    /// Sends what another program wants sent.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the field that is wrong; [`Error::Forbidden`].
    pub async fn queue(&self, by: &Caller, new: NewMail) -> Result<QueuedMail> {
        by.require(Permission::MailSend)?;
        let to = parse_to(&new.to)?;
        let (subject, template) = (check_subject(&new.subject)?.to_owned(), check_name(&new.template)?.to_owned());
        let form = Form::of(&template);
        let values = form.checked(new.data)?;
        let owner = form.owner(&values)?;
        let (this, by) = (self.clone(), by.clone());
        self.store
            .write(move |tx| {
                let values = with_owner(tx, values, owner.as_ref())?;
                let clear = serde_json::to_string(&values).map_err(Error::internal)?;
                let content = |number| {
                    let values = this.sealer.seal(&values_place(number), &clear)?;
                    Ok(MailContent::Template { subject, template, values })
                };
                let queued = this.write(tx, &by, &to, content)?;
                let did = Did::new(Action::MailQueued).to("mail", queued.number, to.as_str());
                audit::record(tx, &this.env, &by.actor, did)?;
                Ok(queued)
            })
            .await
    }

    /// Sends a mail that tries whether mail works.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::Forbidden`].
    pub async fn test(&self, by: &Caller, to: &str) -> Result<TestMail> {
        by.require(Permission::MailSend)?;
        let to = parse_to(to)?;
        let verdict = self.limits.take(TESTS, &by.actor.who.to_string());
        if !verdict.allowed {
            return Ok(TestMail::TooOften { retry_after_s: verdict.retry_after_s });
        }
        let (this, by) = (self.clone(), by.clone());
        let queued = self.store.write(move |tx| {
            let queued = this.write(tx, &by, &to, |_| Ok(MailContent::Test))?;
            let did = Did::new(Action::MailTested).to("mail", queued.number, to.as_str());
            audit::record(tx, &this.env, &by.actor, did)?;
            Ok(queued)
        });
        queued.await.map(TestMail::Queued)
    }

    fn write(
        &self,
        tx: &mut WriteTx<'_>,
        by: &Caller,
        to: &Email,
        content: impl FnOnce(u64) -> Result<MailContent>,
    ) -> Result<QueuedMail> {
        let (number, mail) = write(tx, &self.env, &by.actor.name, to, content)?;
        let job = mail.job.ok_or_else(|| Error::internal("a mail was written without its job"))?;
        Ok(QueuedMail { number, job })
    }

    /// Sends a mail that is kept, or once more.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is on its way, or its link expired; [`Error::Forbidden`].
    pub async fn again(&self, by: &Caller, number: u64) -> Result<()> {
        by.require(Permission::MailSend)?;
        let (this, by) = (self.clone(), by.clone());
        self.store
            .write(move |tx| {
                let mail = require(tx, number)?;
                if mail.state == MailState::Waiting {
                    return Err(Error::Conflict("this mail is on its way already".into()));
                }
                if this.is_out_of_date(&mail) {
                    return Err(Error::Conflict(format!(
                        "this mail is not sent: {OUT_OF_DATE}; have a new link sent instead"
                    )));
                }
                let did = Did::new(Action::MailRepeated).to("mail", number, mail.to.as_str());
                let did = did.changed("state", Some(mail.state.word().into()), Some(MailState::Waiting.word().into()));
                send_off(tx, &this.env, &by.actor.name, number, mail)?;
                audit::record(tx, &this.env, &by.actor, did).map(drop)
            })
            .await
    }

    /// How many kept mails that were written since then could be sent; since ever when none is given.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn count_kept(&self, since: Option<Timestamp>) -> Result<u64> {
        let (mut count, mut from) = (0, 0);
        loop {
            let this = self.clone();
            let (batch, next) = self.store.read(move |tx| this.kept(tx, since, from)).await?;
            count += batch.iter().filter(|(_, mail)| !self.is_out_of_date(mail)).count() as u64;
            let Some(next) = next else { return Ok(count) };
            from = next;
        }
    }

    /// Sends all kept mails that were written since then; since ever when none is given. Those whose link expired stay.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there are not `expected` of them any more; [`Error::Forbidden`].
    pub async fn send_kept(&self, by: &Caller, since: Option<Timestamp>, expected: u64) -> Result<KeptMails> {
        by.require(Permission::MailSend)?;
        let count = self.count_kept(since).await?;
        if count != expected {
            return Err(Error::Conflict(format!("there are {count} such mails now, not {expected}: look once more")));
        }
        let (mut sum, mut from) = (KeptMails::default(), 0);
        loop {
            let (this, by) = (self.clone(), by.clone());
            let sending = move |tx: &mut WriteTx<'_>| {
                let (batch, next) = this.kept(tx, since, from)?;
                this.send_batch(tx, &by, batch).map(|done| (done, next))
            };
            let (done, next) = self.store.write(sending).await?;
            sum = KeptMails { sent: sum.sent + done.sent, expired: sum.expired + done.expired };
            let Some(next) = next else { return Ok(sum) };
            from = next;
        }
    }

    /// A stretch of the kept mails from this number on, and where the next one begins.
    fn kept(&self, reader: &impl Read, since: Option<Timestamp>, from: u64) -> Result<Stretch> {
        let numbers = kept_from(reader, from, AT_ONCE)?;
        let next = numbers.last().filter(|_| numbers.len() == AT_ONCE).map(|number| number + 1);
        let mut batch = Vec::new();
        for number in numbers {
            let mail = reader.get(MAILS, &number)?.filter(|mail| since.is_none_or(|since| mail.written_at >= since));
            batch.extend(mail.map(|mail| (number, mail)));
        }
        Ok((batch, next))
    }

    fn send_batch(&self, tx: &mut WriteTx<'_>, by: &Caller, batch: Vec<(u64, Mail)>) -> Result<KeptMails> {
        let mut done = KeptMails::default();
        for (number, mail) in batch {
            if self.is_out_of_date(&mail) {
                done.expired += 1;
                continue;
            }
            send_off(tx, &self.env, &by.actor.name, number, mail)?;
            done.sent += 1;
        }
        if done.sent > 0 {
            let did = Did::new(Action::MailRepeated).to("mail", "kept", format!("{} kept mails", done.sent));
            audit::record(tx, &self.env, &by.actor, did)?;
        }
        Ok(done)
    }

    /// Drops a mail that has not left.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it has left; [`Error::Forbidden`].
    pub async fn drop_one(&self, by: &Caller, number: u64) -> Result<()> {
        by.require(Permission::MailSend)?;
        let (env, by) = (self.env.clone(), by.clone());
        self.store
            .write(move |tx| {
                let mail = require(tx, number)?;
                match mail.state {
                    MailState::Waiting | MailState::Kept | MailState::Failed | MailState::Refused => {}
                    MailState::Dropped => return Err(Error::Conflict("this mail was dropped already".into())),
                    MailState::Sent | MailState::Delivered | MailState::Bounced => {
                        return Err(Error::Conflict("this mail has left; nobody can take it back".into()));
                    }
                }
                let did = Did::new(Action::MailDropped).to("mail", number, mail.to.as_str());
                let did = did.changed("state", Some(mail.state.word().into()), Some(MailState::Dropped.word().into()));
                let why = format!("{} dropped it", by.actor.name);
                close(tx, &env, number, mail, MailState::Dropped, &why)?;
                audit::record(tx, &env, &by.actor, did).map(drop)
            })
            .await
    }

    /// Every template with invented values.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn previews(&self) -> Result<Vec<Preview>> {
        let site = self.site().await?;
        let example = Site { own_url: "https://aviary.example.com".into(), ..site.clone() };
        let site = if site.is_known() { site } else { example };
        samples(self.env.now(), &site)
            .into_iter()
            .map(|(name, when, says)| Ok(Preview { name, when, mail: says.render(&site)? }))
            .collect()
    }

    /// A template with invented values.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn preview(&self, name: &str) -> Result<Preview> {
        let found = self.previews().await?.into_iter().find(|preview| preview.name == name);
        found.ok_or_else(|| Error::not_found("template", name))
    }

    fn is_out_of_date(&self, mail: &Mail) -> bool {
        good_until(mail).is_some_and(|until| until <= self.env.now())
    }
}

fn parse_to(to: &str) -> Result<Email> {
    if to.trim().is_empty() {
        return Err(Error::invalid("to", "is missing"));
    }
    Email::parse(to).map_err(|_| Error::invalid("to", "is no e-mail address; write it like ada@example.com"))
}

/// The values with the account that the token belongs to.
fn with_owner(reader: &impl Read, mut values: Values, owner: Option<&Email>) -> Result<Values> {
    let Some(email) = owner else { return Ok(values) };
    let why = "is of no account here, so no link can be made; give the whole link instead";
    let account = by_email(reader, email)?.ok_or_else(|| Error::invalid("data.email", why))?;
    values.insert(ID.to_owned(), account.id.to_string());
    Ok(values)
}

fn samples(now: Timestamp, site: &Site) -> Vec<(&'static str, &'static str, Says)> {
    let token = "0123456789abcdef".repeat(4);
    let id = AccountId(Uuid::nil()).to_string();
    let letter = |letter, page: &str| {
        let link = (!page.is_empty()).then(|| site.entry(page, &token, &id));
        Says::letter(letter, "Ada", link)
    };
    let event = Event {
        id: Uuid::nil(),
        name: EventName::SyncFailed,
        at: now,
        panel: None,
        summary: "The sync of main failed; nothing was removed".into(),
        data: r#"{"sync":"0190a0b0-0000-7000-8000-000000000000","step":"servers","reason":"the panel did not answer"}"#
            .into(),
        posted_by: None,
    };
    let link = site.entry("verify-email", &token, &id);
    vec![
        ("verify-email", "Somebody registered.", letter(Letter::VerifyEmail, "verify-email")),
        (
            "reset-password",
            "Somebody asked for a link to set another password.",
            letter(Letter::ResetPassword, "reset-password"),
        ),
        ("magic-link", "Somebody asked for a link to sign in.", letter(Letter::MagicLink, "magic-link")),
        (
            "change-email",
            "Somebody wants another address; goes to the new one.",
            letter(Letter::ChangeEmail, "verify-email"),
        ),
        ("email-will-change", "The same; goes to the old one.", letter(Letter::EmailWillChange, "")),
        (
            "already-registered",
            "Somebody registered with an address that has an account.",
            letter(Letter::AlreadyRegistered, ""),
        ),
        ("password-changed", "A password was changed.", letter(Letter::PasswordChanged, "")),
        ("welcome", "Another program has it sent.", Says::welcome("Ada", link)),
        ("sync-complete", "Another program has it sent.", Says::sync_complete("full", "completed", "3.1 s")),
        (
            "message",
            "Another program has it sent, in its own words.",
            Says::message("News", "This is what it has to say.\n\nAnd this."),
        ),
        ("event", "Something happened that a subscription asks for.", Says::event(Some(&event), site)),
        ("test", "Somebody tries whether mail works.", Says::test()),
    ]
}
