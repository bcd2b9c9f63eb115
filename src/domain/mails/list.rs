//! Looking at mails.

use std::ops::ControlFlow;
use std::time::Duration;

use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{Account, AccountId, Action, Letter, Mail, MailContent, MailState, Permission};
use aviary_kernel::store::tables::{ACCOUNTS, EVENTS, MAILS, MAILS_BY_STATE};
use aviary_kernel::store::{Direction, Key, Read, Span};

use super::says::{self, Rendered, Says};
use super::site::Site;
use super::template::{Form, Values};
use super::{Mails, good_until};
use crate::access::{Caller, by_email, grants_of};
use crate::audit::{self, Did};

/// Who looks at the same mail again within this time is on record already.
const SAME_LOOK: Duration = Duration::from_secs(300);
/// No page is longer.
const LARGEST_PAGE: usize = 200;

/// What is asked of the list. The default is everything, newest first.
#[derive(Clone, Copy, Debug, Default)]
pub struct MailQuery {
    /// Only those in this state.
    pub state: Option<MailState>,
    /// Older than the mail of this number.
    pub after: Option<u64>,
    /// Mails of a page; 0 is taken as 50.
    pub limit: usize,
}

/// A mail in a list: without what it says.
#[derive(Clone, Debug)]
pub struct MailLine {
    /// Its number.
    pub number: u64,
    /// What is stored of it, its secrets sealed.
    pub mail: Mail,
    /// The subject.
    pub subject: String,
    /// Whose account it is about.
    pub account: Option<AccountId>,
    /// Until when what it says holds; none = as long as anybody reads it.
    pub good_until: Option<Timestamp>,
    /// Whether who asks may see what it says, if they may see that of any: nobody sees a link into the account of somebody
    /// who may more than they do.
    pub opens: bool,
}

/// A page of mails.
#[derive(Clone, Debug)]
pub struct MailPage {
    /// Newest first.
    pub rows: Vec<MailLine>,
    /// The number to ask for what is older; none on the last page.
    pub next: Option<u64>,
}

/// How many mails are in each state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailCounts(Vec<(MailState, u64)>);

impl MailCounts {
    /// The number of one state.
    pub fn of(&self, state: MailState) -> u64 {
        self.0.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count)
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Each state with its number.
    pub fn each(&self) -> &[(MailState, u64)] {
        &self.0
    }
}

/// A mail as it leaves. What it says may open an account, so it goes to the log of nobody.
#[derive(Clone)]
pub struct ShownMail {
    /// Its number.
    pub number: u64,
    /// What is stored of it.
    pub mail: Mail,
    /// The subject.
    pub subject: String,
    /// The text, with the link in it.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// The link.
    pub link: Option<String>,
}

impl Mails {
    /// Mails, newest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for who may not see the list.
    pub async fn list(&self, by: &Caller, query: MailQuery) -> Result<MailPage> {
        by.require(Permission::MailRead)?;
        let limit = if query.limit == 0 { 50 } else { query.limit.min(LARGEST_PAGE) };
        let by = by.clone();
        self.store
            .read(move |tx| {
                let mut numbers = numbers(tx, query, limit + 1)?;
                let more = numbers.len() > limit;
                numbers.truncate(limit);
                let next = numbers.last().copied().filter(|_| more);
                let mut rows = Vec::with_capacity(numbers.len());
                for number in numbers {
                    if let Some(mail) = tx.get(MAILS, &number)? {
                        rows.push(line(tx, &by, number, mail)?);
                    }
                }
                Ok(MailPage { rows, next })
            })
            .await
    }

    /// How many mails are in each state.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn counts(&self) -> Result<MailCounts> {
        let count = |tx: &aviary_kernel::store::ReadTx| {
            let each = MailState::ALL.into_iter().map(|state| Ok((state, tx.count(state.counter())?)));
            each.collect::<Result<Vec<_>>>().map(MailCounts)
        };
        self.store.read(count).await
    }

    /// A mail without what it says.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`].
    pub async fn one(&self, by: &Caller, number: u64) -> Result<MailLine> {
        by.require(Permission::MailRead)?;
        let by = by.clone();
        self.store.read(move |tx| line(tx, &by, number, require(tx, number)?)).await
    }

    /// A mail with what it says. That somebody looked is put on record. Nobody sees a link that opens the account of
    /// somebody who may more than they do.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`].
    pub async fn open(&self, by: &Caller, number: u64, site: &Site) -> Result<ShownMail> {
        by.require(Permission::MailOpen)?;
        let (this, by, site) = (self.clone(), by.clone(), site.clone());
        self.store
            .write(move |tx| {
                let mail = require(tx, number)?;
                if let Some(account) = owner(tx, &mail)?
                    && let Some(beyond) = by.grants.first_beyond(&grants_of(tx, &account)?)
                {
                    return Err(Error::Forbidden(format!(
                        "{} has the permission {beyond}, which you do not have: somebody who may as much must look at their \
                         mail",
                        account.username
                    )));
                }
                let Rendered { subject, text, html, link } = this.render(tx, number, &mail, &site)?;
                let since = this.env.now().minus(SAME_LOOK);
                if !audit::did_since(tx, &by.actor, Action::MailSeen, ("mail", &number.to_string()), since)? {
                    let did = Did::new(Action::MailSeen).to("mail", number, mail.to.as_str());
                    audit::record(tx, &this.env, &by.actor, did)?;
                }
                Ok(ShownMail { number, mail, subject, text, html, link })
            })
            .await
    }

    /// The mail as it leaves.
    pub(super) fn render(&self, reader: &impl Read, number: u64, mail: &Mail, site: &Site) -> Result<Rendered> {
        let says = match &mail.says {
            MailContent::Letter { letter, account, name, token } => {
                let place = token_place(number);
                let token = token.as_ref().map(|sealed| self.sealer.open(&place, sealed)).transpose()?;
                let link = token.and_then(|token| site.link(*letter, &token, *account));
                Says::letter(*letter, name, link)
            }
            MailContent::Template { subject, template, .. } => {
                Form::of(template).says(subject, &self.values(number, mail)?, site)
            }
            MailContent::Event(id) => Says::event(reader.get(EVENTS, id)?.as_ref(), site),
            MailContent::Test => Says::test(),
        };
        says.render(site)
    }

    /// What a template is filled in with; nothing for other mails.
    pub(super) fn values(&self, number: u64, mail: &Mail) -> Result<Values> {
        let MailContent::Template { values, .. } = &mail.says else { return Ok(Values::new()) };
        let clear = self.sealer.open(&values_place(number), values)?;
        serde_json::from_str(clear.reveal()).map_err(|e| Error::corrupt(MAILS.name(), e))
    }
}

/// Where the token of a mail is sealed.
pub(crate) fn token_place(number: u64) -> String {
    format!("mails/{number}/token")
}

/// Where the values of a mail are sealed.
pub(super) fn values_place(number: u64) -> String {
    format!("mails/{number}/values")
}

/// A mail that must be there.
pub(super) fn require(reader: &impl Read, number: u64) -> Result<Mail> {
    reader.get(MAILS, &number)?.ok_or_else(|| Error::not_found("mail", number))
}

fn numbers(reader: &impl Read, query: MailQuery, most: usize) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    let mut take = |number| {
        numbers.push(number);
        Ok(if numbers.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    };
    match query.state {
        Some(state) => {
            let span = Span::prefix(&state.number());
            let after = query.after.map(|number| (state.number(), number).to_bytes());
            let span = after.map_or(span.clone(), |key| span.after(&key, Direction::Down));
            reader.walk_index(MAILS_BY_STATE, &span, Direction::Down, |(_, number)| take(number))?;
        }
        None => {
            let span = query.after.map_or_else(Span::all, |n| Span::all().after(&n.to_bytes(), Direction::Down));
            reader.walk(MAILS, &span, Direction::Down, |number, _| take(number))?;
        }
    }
    Ok(numbers)
}

fn line(reader: &impl Read, by: &Caller, number: u64, mail: Mail) -> Result<MailLine> {
    let subject = subject_of(reader, &mail)?;
    let account = owner(reader, &mail)?;
    let opens = match &account {
        Some(account) => by.grants.first_beyond(&grants_of(reader, account)?).is_none(),
        None => true,
    };
    let account = account.map(|account| account.id);
    Ok(MailLine { number, subject, account, good_until: good_until(&mail), opens, mail })
}

/// The line that a mail is listed with.
pub(crate) fn subject_of(reader: &impl Read, mail: &Mail) -> Result<String> {
    Ok(match &mail.says {
        MailContent::Letter { letter, .. } => says::subject(*letter).to_owned(),
        MailContent::Template { subject, .. } => subject.clone(),
        MailContent::Event(id) => says::subject_of_event(reader.get(EVENTS, id)?.as_ref()),
        MailContent::Test => says::TEST.to_owned(),
    })
}

/// Whose account a mail is about: what other programs have sent may open that of its receiver.
fn owner(reader: &impl Read, mail: &Mail) -> Result<Option<Account>> {
    match &mail.says {
        MailContent::Letter { account, .. } => reader.get(ACCOUNTS, account),
        MailContent::Template { .. } => by_email(reader, &mail.to),
        MailContent::Event(_) | MailContent::Test => Ok(None),
    }
}

/// What a mail is, in a word, such as `reset-password`.
pub fn kind_of(says: &MailContent) -> String {
    let word = |letter: &Letter| serde_json::to_value(letter).ok()?.as_str().map(str::to_owned);
    match says {
        MailContent::Letter { letter, .. } => word(letter).unwrap_or_default(),
        MailContent::Template { template, .. } => template.clone(),
        MailContent::Event(_) => "event".into(),
        MailContent::Test => "test".into(),
    }
}
