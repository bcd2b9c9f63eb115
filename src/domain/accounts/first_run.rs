//! The first administrator is made by whoever sees the console, by a link that is shown there.

use aviary_kernel::base::{Result, Secret, Timestamp};
use aviary_kernel::model::{Account, AccountId, AccountSource, Action, Actor, OneTimeToken, Origin, Purpose};
use aviary_kernel::store::Read;
use aviary_kernel::store::tables::ONE_TIME_TOKENS;
use uuid::Uuid;

use super::email_change::is_mere_shadow;
use super::links::{drop_links, typed};
use super::profile::username;
use super::register::{blank, name_of};
use super::token::{hash_of, new_token};
use super::{Accounts, by_email, check_rules, did, put, themselves};
use crate::access::{Refusal, SUPER_ADMIN, administrators};
use crate::audit::{self, Did};
use crate::mails::lifetime;

/// The person who sets the program up.
#[derive(Clone, Debug)]
pub struct FirstAdministrator {
    /// How they will sign in.
    pub email: String,
    /// What they are called; without it the part of the address before the `@`.
    pub username: Option<String>,
    /// The password.
    pub password: Secret<String>,
}

impl Accounts {
    /// Whether nobody who may everything has taken the program into use.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn is_first_run(&self) -> Result<bool> {
        self.store.read(is_first_run).await
    }

    /// A token for the link that makes the first administrator; the ones before it are good no more. None when there is an
    /// administrator.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn first_run_token(&self) -> Result<Option<Secret<String>>> {
        if !self.is_first_run().await? {
            return Ok(None);
        }
        let env = self.env.clone();
        self.store
            .write(move |tx| {
                if !is_first_run(tx)? {
                    return Ok(None);
                }
                drop_links(tx, NOBODY, |_| true)?;
                let (token, now) = (new_token()?, env.now());
                let expires_at = now.plus(lifetime(Purpose::FirstRun));
                let row = OneTimeToken {
                    purpose: Purpose::FirstRun,
                    account: None,
                    email: None,
                    created_at: now,
                    expires_at,
                };
                tx.put(ONE_TIME_TOKENS, &hash_of(token.reveal()), &row)?;
                audit::record(tx, &env, &Actor::command_line(), Did::new(Action::FirstRunAsked))?;
                Ok(Some(token))
            })
            .await
    }

    /// Whether this token makes the first administrator.
    ///
    /// # Errors
    /// [`Refusal::InvalidToken`].
    pub async fn check_first_run_token(&self, token: &Secret<String>) -> Result<(), Refusal> {
        let (token, now) = (token.clone(), self.env.now());
        self.store.read(move |tx| Ok(check_token(tx, now, token.reveal()))).await?
    }

    /// Makes the first administrator, whose address counts as proved. Of several who try at once one wins.
    ///
    /// # Errors
    /// [`Refusal::MissingFields`], [`Refusal::InvalidEmail`], what [`check_rules`] says, [`Refusal::InvalidToken`] when the
    /// token was used or replaced, [`Refusal::EmailExists`].
    pub async fn complete_first_run(
        &self,
        origin: &Origin,
        token: &Secret<String>,
        first: FirstAdministrator,
    ) -> Result<Account, Refusal> {
        if token.reveal().trim().is_empty() || first.email.trim().is_empty() || first.password.reveal().is_empty() {
            return Err(Refusal::MissingFields);
        }
        let email = typed(&first.email)?;
        let called = match first.username.as_deref().filter(|name| !name.trim().is_empty()) {
            Some(name) => username(name)?,
            None => name_of(&email),
        };
        check_rules(first.password.reveal())?;
        self.check_first_run_token(token).await?;
        let hash = self.hasher.hash(first.password).await?;
        let (this, origin, token) = (self.clone(), origin.clone(), token.clone());
        self.decide(move |tx| {
            check_token(tx, this.env.now(), token.reveal())?;
            let blank = blank(&this, email.clone(), called, AccountSource::FirstRun);
            let id = match by_email(tx, &email)? {
                Some(shadow) if is_mere_shadow(tx, &shadow)? => shadow.id,
                Some(_) => return Err(Refusal::EmailExists),
                None => blank.id,
            };
            drop_links(tx, NOBODY, |_| true)?;
            drop_links(tx, id, |_| true)?;
            let account = Account {
                id,
                password: Some(hash),
                roles: vec![SUPER_ADMIN.to_owned()],
                email_verified: Some(this.env.now()),
                ..blank
            };
            put(tx, &this.env, &account)?;
            audit::record(tx, &this.env, &themselves(&account, &origin), did(Action::FirstRunDone, &account))?;
            Ok(account)
        })
        .await
    }
}

/// Links for nobody in particular stand under this id.
const NOBODY: AccountId = AccountId(Uuid::nil());

fn is_first_run(reader: &impl Read) -> Result<bool> {
    Ok(!administrators(reader)?.iter().any(Account::is_claimed))
}

fn check_token(reader: &impl Read, now: Timestamp, token: &str) -> Result<(), Refusal> {
    let row = reader.get(ONE_TIME_TOKENS, &hash_of(token))?;
    let is_good = row.is_some_and(|row| row.purpose == Purpose::FirstRun && row.expires_at > now);
    if is_good && is_first_run(reader)? { Ok(()) } else { Err(Refusal::InvalidToken) }
}
