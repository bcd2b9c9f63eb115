//! Looking at the mails that wait to leave.

use std::ops::ControlFlow;

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{AccountId, Action, Mail, MailContent, Permission};
use aviary_kernel::store::tables::{ACCOUNTS, MAILS};
use aviary_kernel::store::{Direction, Key, Read, Span};

use super::Accounts;
use super::letters::{Site, subject, text};
use super::manage::require_not_above;
use super::outbox::token_place;
use crate::access::Caller;
use crate::audit::{self, Did};

/// A mail as it leaves. What it says opens an account, so it goes to the log of nobody.
#[derive(Clone)]
pub struct ShownMail {
    /// Its number.
    pub number: u64,
    /// What is stored of it.
    pub mail: Mail,
    /// The subject.
    pub subject: &'static str,
    /// The text, with the link in it.
    pub text: String,
    /// The link.
    pub link: Option<String>,
}

/// A mail in a list: without what it says.
#[derive(Clone, Debug)]
pub struct MailLine {
    /// Its number.
    pub number: u64,
    /// What is stored of it, its token sealed.
    pub mail: Mail,
    /// The subject.
    pub subject: &'static str,
}

/// A page of mails.
#[derive(Clone, Debug)]
pub struct MailPage {
    /// Newest first.
    pub rows: Vec<MailLine>,
    /// The number to ask for what is older; none on the last page.
    pub next: Option<u64>,
}

impl Accounts {
    /// Mails that wait to leave, newest first: those older than number `before`, or from the newest on.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for who may not read mails.
    pub async fn mails(&self, by: &Caller, before: Option<u64>, limit: usize) -> Result<MailPage> {
        by.require(Permission::MailOpen)?;
        let limit = limit.clamp(1, 200);
        self.store
            .read(move |tx| {
                let span = before.map_or_else(Span::all, |n| Span::all().after(&n.to_bytes(), Direction::Down));
                let mut rows = Vec::new();
                tx.walk(MAILS, &span, Direction::Down, |number, mail| {
                    rows.push(MailLine { number, subject: subject_of(&mail), mail });
                    Ok(if rows.len() > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                })?;
                let more = rows.len() > limit;
                rows.truncate(limit);
                Ok(MailPage { next: rows.last().filter(|_| more).map(|line| line.number), rows })
            })
            .await
    }

    /// A mail with what it says. That somebody looked is put on record. Nobody sees a link that opens the account of
    /// somebody who may more than they do.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`].
    pub async fn mail(&self, by: &Caller, number: u64, site: &Site) -> Result<ShownMail> {
        by.require(Permission::MailOpen)?;
        let (this, by, site) = (self.clone(), by.clone(), site.clone());
        self.store
            .write(move |tx| {
                let mail = tx.get(MAILS, &number)?.ok_or_else(|| Error::not_found("mail", number))?;
                if let Some(account) = account_of(&mail).map(|id| tx.get(ACCOUNTS, &id)).transpose()?.flatten() {
                    require_not_above(tx, &by, &account)?;
                }
                let shown = this.show(number, mail, &site)?;
                let did = Did::new(Action::MailSeen).to("mail", number, shown.mail.to.as_str());
                audit::record(tx, &this.env, &by.actor, did)?;
                Ok(shown)
            })
            .await
    }

    /// The mail as it leaves.
    fn show(&self, number: u64, mail: Mail, site: &Site) -> Result<ShownMail> {
        let subject = subject_of(&mail);
        let MailContent::Letter { letter, account, name, token } = &mail.says else {
            return Ok(ShownMail { number, subject, text: String::new(), link: None, mail });
        };
        let token = token.as_ref().map(|sealed| self.sealer.open(&token_place(number), sealed)).transpose()?;
        let link = token.and_then(|token| site.link(*letter, &token, *account));
        Ok(ShownMail { number, subject, text: text(site, *letter, name, link.as_deref()), link, mail })
    }
}

fn subject_of(mail: &Mail) -> &'static str {
    if let MailContent::Letter { letter, .. } = &mail.says { subject(*letter) } else { "" }
}

/// Whose account a mail is about.
pub fn account_of(mail: &Mail) -> Option<AccountId> {
    if let MailContent::Letter { account, .. } = &mail.says { Some(*account) } else { None }
}
