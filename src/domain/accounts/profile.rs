use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::{Account, AccountId, Action, Email, Letter, Profile, Purpose, Who};
use url::Url;
use uuid::Uuid;

use super::links::drop_links;
use super::rows::did_change;
use super::{Accounts, Verdict, change, check_rules, did, end_sessions};
use crate::access::{Caller, Limit, Refusal};
use crate::audit;

/// What people call each other has no more characters.
const LONGEST_USERNAME: usize = 60;
/// Nor has anything else they tell.
const LONGEST_LINE: usize = 200;

/// What is to be different about a person; what is not given stays, what is empty is taken away.
#[derive(Clone, Debug, Default)]
pub struct ProfilePatch {
    /// What they are called; an empty one is passed over.
    pub username: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Telephone.
    pub phone_number: Option<String>,
    /// Company.
    pub company_name: Option<String>,
    /// Where bills go.
    pub billing_email: Option<String>,
    /// A picture: an address that begins with `https://` or `http://`.
    pub avatar_url: Option<String>,
}

impl ProfilePatch {
    /// Whether nothing is to be different.
    pub fn is_empty(&self) -> bool {
        let Self { username, first_name, last_name, phone_number, company_name, billing_email, avatar_url } = self;
        [username, first_name, last_name, phone_number, company_name, billing_email, avatar_url]
            .into_iter()
            .all(Option::is_none)
    }

    /// What the person tells then.
    pub(super) fn apply(&self, account: &mut Account) -> Result<()> {
        if let Some(name) = self.username.as_deref().filter(|name| !name.trim().is_empty()) {
            account.username = username(name)?;
        }
        let Profile { first_name, last_name, phone_number, company_name, billing_email, avatar_url } =
            &mut account.profile;
        let lines = [
            ("firstName", &self.first_name, first_name),
            ("lastName", &self.last_name, last_name),
            ("phoneNumber", &self.phone_number, phone_number),
            ("companyName", &self.company_name, company_name),
            ("billingEmail", &self.billing_email, billing_email),
            ("avatarUrl", &self.avatar_url, avatar_url),
        ];
        for (field, given, kept) in lines {
            if given.is_some() {
                *kept = full_line(field, given.as_deref())?;
            }
        }
        if let Some(email) = account.profile.billing_email.as_deref().filter(|_| self.billing_email.is_some()) {
            Email::parse(email)
                .map_err(|_| Error::invalid("billingEmail", "is no e-mail address; write it like ada@example.com"))?;
        }
        if let Some(url) = account.profile.avatar_url.as_deref().filter(|_| self.avatar_url.is_some()) {
            let is_web = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !is_web {
                return Err(Error::invalid("avatarUrl", "must begin with https:// or http://"));
            }
        }
        Ok(())
    }
}

/// A name that people can be called by.
pub(super) fn username(text: &str) -> Result<String> {
    let name = text.trim();
    if (1..=LONGEST_USERNAME).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(Error::invalid("username", format!("needs 1 to {LONGEST_USERNAME} characters on one line")))
}

/// A line of text that says something; nothing when it is empty.
pub(super) fn full_line(field: &'static str, text: Option<&str>) -> Result<Option<String>> {
    let Some(line) = text.map(str::trim).filter(|line| !line.is_empty()) else { return Ok(None) };
    if line.chars().count() <= LONGEST_LINE && !line.chars().any(char::is_control) {
        return Ok(Some(line.to_owned()));
    }
    Err(Error::invalid(field, format!("takes at most {LONGEST_LINE} characters on one line")))
}

/// The person who asks, for what people do to their own account. Their API keys may not: a key opens less than its owner.
pub(super) fn own(by: &Caller) -> Result<AccountId> {
    match by.actor.who {
        Who::Person(id) => Ok(id),
        _ => Err(Error::Forbidden("this is for people who are signed in; sign in with your account".into())),
    }
}

impl Accounts {
    /// Changes what somebody tells about themselves.
    ///
    /// # Errors
    /// [`Error::Invalid`] at the field; [`Error::Forbidden`] when the caller is no person.
    pub async fn change_profile(&self, by: &Caller, patch: ProfilePatch) -> Result<Account> {
        let id = own(by)?;
        if patch.is_empty() {
            return Err(Error::invalid("body", "has nothing to change in it"));
        }
        let (env, actor) = (self.env.clone(), by.actor.clone());
        self.store
            .write(move |tx| {
                let (before, after) = change(tx, &env, id, |account| patch.apply(account))?;
                let did = did_change(Action::AccountChanged, &before, &after);
                if did.has_changes() {
                    audit::record(tx, &env, &actor, did)?;
                }
                Ok(after)
            })
            .await
    }

    /// Sets another password for somebody who knows the present one. Their other sessions end, and links to set another
    /// password or to sign in are taken back.
    ///
    /// # Errors
    /// [`Refusal::MissingFields`], [`Refusal::WrongPassword`], what [`check_rules`] says, [`Refusal::Locked`] after many
    /// wrong passwords.
    pub async fn change_password(
        &self,
        by: &Caller,
        current: &Secret<String>,
        new: &Secret<String>,
        keep_session: Option<Uuid>,
    ) -> Result<(), Refusal> {
        if current.reveal().is_empty() || new.reveal().is_empty() {
            return Err(Refusal::MissingFields);
        }
        let account = self.confirmed(by, current).await?;
        check_rules(new.reveal())?;
        let hash = self.hasher.hash(new.clone()).await?;
        let (this, actor) = (self.clone(), by.actor.clone());
        self.decide(move |tx| {
            let known = account.password;
            let (before, account) = change(tx, &this.env, account.id, |account| {
                account.password = Some(hash);
                Ok(())
            })?;
            if before.password != known {
                // Somebody else was quicker, and this one knew the old password only.
                return Err(Error::Conflict("the password was just changed; try again".into()).into());
            }
            end_sessions(tx, account.id, keep_session)?;
            drop_links(tx, account.id, |purpose| matches!(purpose, Purpose::ResetPassword | Purpose::MagicLink))?;
            this.post(tx, Letter::PasswordChanged, &account, &account.email)?;
            audit::record(tx, &this.env, &actor, did(Action::PasswordChanged, &account))?;
            Ok(())
        })
        .await
    }

    /// The account of the caller, who gave its password once more.
    ///
    /// # Errors
    /// [`Refusal::WrongPassword`], put on record; [`Refusal::Locked`].
    pub(super) async fn confirmed(&self, by: &Caller, password: &Secret<String>) -> Result<Account, Refusal> {
        let account = self.require(own(by)?).await?;
        let tries = self.limits.take(Limit::CONFIRMATIONS, &account.email.key());
        if !tries.allowed {
            return Err(Refusal::Locked { retry_after_s: tries.retry_after_s });
        }
        if self.hasher.verify(password.clone(), account.password.as_deref()).await? != Verdict::Wrong {
            self.limits.forgive(Limit::CONFIRMATIONS, &account.email.key());
            return Ok(account);
        }
        let (env, actor) = (self.env.clone(), by.actor.clone());
        self.decide(move |tx| {
            let did = did(Action::ConfirmationFailed, &account).refused("wrong_password");
            audit::record(tx, &env, &actor, did)?;
            Err(Refusal::WrongPassword)
        })
        .await
    }
}
