//! One-time links: what they are for, and what happens when somebody uses one.

use aviary_kernel::base::{Env, Result, Secret, Timestamp};
use aviary_kernel::model::{
    Account, AccountId, AccountSource, Action, Actor, Email, Letter, OneTimeToken, Origin, Purpose, TokenHash,
};
use aviary_kernel::store::tables::{ACCOUNTS, ONE_TIME_TOKENS, ONE_TIME_TOKENS_OF};
use aviary_kernel::store::{Read, Span, WriteTx};

use super::token::hash_of;
use super::{Accounts, change, check_rules, clear_lockout, did, end_sessions, themselves};
use crate::access::Refusal;
use crate::audit;

/// A link that is good, and whose it is.
pub(super) struct Link {
    hash: TokenHash,
    pub(super) row: OneTimeToken,
    /// Whose.
    pub(super) account: Account,
}

/// Looks at a link without using it.
///
/// # Errors
/// [`Refusal::InvalidToken`] when it is unknown, used, for something else, or for an address that the account no longer has;
/// [`Refusal::TokenExpired`]; [`Refusal::AccountDisabled`].
pub(super) fn peek_link(
    reader: &impl Read,
    now: Timestamp,
    purposes: &[Purpose],
    token: &str,
) -> Result<Link, Refusal> {
    let hash = hash_of(token);
    let row = reader.get(ONE_TIME_TOKENS, &hash)?.filter(|row| purposes.contains(&row.purpose));
    let row = row.ok_or(Refusal::InvalidToken)?;
    if row.expires_at <= now {
        return Err(Refusal::TokenExpired);
    }
    let account = row.account.ok_or(Refusal::InvalidToken)?;
    let account = reader.get(ACCOUNTS, &account)?.ok_or(Refusal::InvalidToken)?;
    if !account.is_active {
        return Err(Refusal::AccountDisabled);
    }
    if row.purpose != Purpose::ChangeEmail && row.email.as_ref() != Some(&account.email) {
        return Err(Refusal::InvalidToken);
    }
    Ok(Link { hash, row, account })
}

/// Uses a link up, and with it all of its kind that the account has; a link to sign in goes alone.
pub(super) fn spend_link(tx: &mut WriteTx<'_>, link: &Link) -> Result<()> {
    if link.row.purpose == Purpose::MagicLink {
        return tx.remove(ONE_TIME_TOKENS, &link.hash).map(drop);
    }
    drop_links(tx, link.account.id, |purpose| purpose == link.row.purpose)
}

/// Takes links of an account back.
pub(super) fn drop_links(tx: &mut WriteTx<'_>, account: AccountId, which: impl Fn(Purpose) -> bool) -> Result<()> {
    for (_, hash) in tx.all_keys(ONE_TIME_TOKENS_OF, &Span::prefix(&account))? {
        if tx.get(ONE_TIME_TOKENS, &hash)?.is_some_and(|row| which(row.purpose)) {
            tx.remove(ONE_TIME_TOKENS, &hash)?;
        }
    }
    Ok(())
}

/// An address that was typed, or the refusal of the older API.
pub(super) fn typed(email: &str) -> Result<Email, Refusal> {
    if email.trim().is_empty() {
        return Err(Refusal::MissingEmail);
    }
    Email::parse(email).map_err(|_| Refusal::InvalidEmail)
}

impl Accounts {
    /// Proves an address by the link that was sent to it: the one of a new account, or the one that is to replace another.
    /// A link is good once. `id` must be that of the account, where it is given.
    ///
    /// # Errors
    /// [`Refusal::MissingToken`], [`Refusal::InvalidToken`], [`Refusal::TokenExpired`], [`Refusal::AlreadyVerified`],
    /// [`Refusal::EmailExists`] when somebody else proved the address in the meantime.
    pub async fn verify_email(
        &self,
        origin: &Origin,
        token: &Secret<String>,
        id: Option<AccountId>,
    ) -> Result<Account, Refusal> {
        if token.reveal().trim().is_empty() {
            return Err(Refusal::MissingToken);
        }
        let (this, origin, token) = (self.clone(), origin.clone(), token.clone());
        self.decide(move |tx| {
            let purposes = [Purpose::VerifyEmail, Purpose::ChangeEmail];
            let link = peek_link(tx, this.env.now(), &purposes, token.reveal())?.of(id)?;
            match link.row.purpose {
                Purpose::ChangeEmail => this.take_new_address(tx, &origin, &link),
                _ => this.prove_address(tx, &origin, &link),
            }
        })
        .await
    }

    fn prove_address(&self, tx: &mut WriteTx<'_>, origin: &Origin, link: &Link) -> Result<Account, Refusal> {
        spend_link(tx, link)?;
        if link.account.email_verified.is_some() {
            return Err(Refusal::AlreadyVerified);
        }
        let now = self.env.now();
        let (_, account) = change(tx, &self.env, link.account.id, |account| {
            account.email_verified = Some(now);
            Ok(())
        })?;
        audit::record(tx, &self.env, &themselves(&account, origin), did(Action::EmailVerified, &account))?;
        Ok(account)
    }

    /// Mails a link to set another password. Says the same, and takes the same time, whether or not there is such an
    /// account, and whether or not it was asked too often.
    ///
    /// # Errors
    /// [`Refusal::MissingEmail`], [`Refusal::InvalidEmail`].
    pub async fn ask_password_reset(&self, origin: &Origin, email: &str) -> Result<(), Refusal> {
        self.ask(origin, email, Purpose::ResetPassword, Letter::ResetPassword, Action::PasswordResetAsked).await
    }

    /// Mails a link to sign in. As quiet as [`Accounts::ask_password_reset`].
    ///
    /// # Errors
    /// [`Refusal::MissingEmail`], [`Refusal::InvalidEmail`].
    pub async fn ask_magic_link(&self, origin: &Origin, email: &str) -> Result<(), Refusal> {
        self.ask(origin, email, Purpose::MagicLink, Letter::MagicLink, Action::MagicLinkAsked).await
    }

    async fn ask(
        &self,
        origin: &Origin,
        email: &str,
        purpose: Purpose,
        letter: Letter,
        action: Action,
    ) -> Result<(), Refusal> {
        let email = typed(email)?;
        let heard = self.may_write(letter, &email, origin.address);
        let (this, origin) = (self.clone(), origin.clone());
        // Every way through is one commit with one line of the audit trail, so that time tells nothing.
        self.decide(move |tx| {
            let account = super::by_email(tx, &email)?;
            let nobody = Actor::nobody(origin);
            let did = match &account {
                Some(account) => did(action, account),
                None => {
                    audit::Did::new(action).to("address", &email, email.as_str()).refused("there is no such account")
                }
            };
            let did = match &account {
                Some(account) if !account.is_active => did.refused("the account is disabled"),
                Some(_) if !heard => did.refused("asked too often"),
                Some(account) => {
                    this.post_link(tx, purpose, account, &account.email)?;
                    did
                }
                None => did,
            };
            audit::record(tx, &this.env, &nobody, did)?;
            Ok(())
        })
        .await
    }

    /// Sets another password by the link that was mailed. That ends every session, takes every other link back, forgives
    /// wrong passwords and proves the address.
    ///
    /// # Errors
    /// [`Refusal::MissingFields`], [`Refusal::PasswordsDontMatch`], what [`check_rules`] says, [`Refusal::InvalidToken`],
    /// [`Refusal::TokenExpired`], [`Refusal::AccountDisabled`].
    pub async fn reset_password(
        &self,
        origin: &Origin,
        token: &Secret<String>,
        id: Option<AccountId>,
        password: &Secret<String>,
        confirm: Option<&Secret<String>>,
    ) -> Result<Account, Refusal> {
        if token.reveal().trim().is_empty() || password.reveal().is_empty() {
            return Err(Refusal::MissingFields);
        }
        if confirm.is_some_and(|confirm| confirm != password) {
            return Err(Refusal::PasswordsDontMatch);
        }
        check_rules(password.reveal())?;
        self.peek(token, id, Purpose::ResetPassword).await?;
        let hash = self.hasher.hash(password.clone()).await?;
        let (this, origin, token) = (self.clone(), origin.clone(), token.clone());
        self.decide(move |tx| {
            let link = peek_link(tx, this.env.now(), &[Purpose::ResetPassword], token.reveal())?.of(id)?;
            let account = this.replace_password(tx, link.account.id, hash, true)?;
            audit::record(tx, &this.env, &themselves(&account, &origin), did(Action::PasswordReset, &account))?;
            Ok(account)
        })
        .await
    }

    /// Looks at a link before costly work is done for it.
    async fn peek(&self, token: &Secret<String>, id: Option<AccountId>, purpose: Purpose) -> Result<(), Refusal> {
        let (token, now) = (token.clone(), self.env.now());
        let peeked = self.store.read(move |tx| Ok(peek_link(tx, now, &[purpose], token.reveal()))).await?;
        peeked?.of(id).map(drop)
    }

    /// Another password from somebody who did not know the one before: nothing that was let in by that one stays in.
    pub(super) fn replace_password(
        &self,
        tx: &mut WriteTx<'_>,
        id: AccountId,
        hash: String,
        proves_address: bool,
    ) -> Result<Account> {
        let now = self.env.now();
        let (_, account) = change(tx, &self.env, id, |account| {
            account.password = Some(hash);
            if proves_address {
                account.email_verified.get_or_insert(now);
            }
            Ok(())
        })?;
        clear_lockout(tx, &account)?;
        end_sessions(tx, id, None)?;
        // A link to prove an address that is still to be proved stays.
        drop_links(tx, id, |purpose| purpose != Purpose::VerifyEmail || account.email_verified.is_some())?;
        self.post(tx, Letter::PasswordChanged, &account, &account.email)?;
        Ok(account)
    }
}

/// Whose a link to sign in is; it stays good.
///
/// # Errors
/// [`Refusal::InvalidToken`], [`Refusal::TokenExpired`], [`Refusal::AccountDisabled`].
pub(crate) fn peek_magic_link(reader: &impl Read, now: Timestamp, token: &str) -> Result<AccountId, Refusal> {
    Ok(peek_link(reader, now, &[Purpose::MagicLink], token)?.account.id)
}

/// Uses a link to sign in; the session is made by the caller in the same transaction. The address counts as proved. A
/// password that somebody registered with before that goes: whoever typed it may not have been the owner of the address.
///
/// # Errors
/// As [`peek_magic_link`].
pub(crate) fn redeem_magic_link(
    tx: &mut WriteTx<'_>,
    env: &Env,
    origin: &Origin,
    token: &str,
) -> Result<Account, Refusal> {
    let link = peek_link(tx, env.now(), &[Purpose::MagicLink], token)?;
    spend_link(tx, &link)?;
    if link.account.email_verified.is_some() {
        return Ok(link.account);
    }
    let (_, account) = change(tx, env, link.account.id, |account| {
        account.email_verified = Some(env.now());
        if matches!(account.source, AccountSource::Registered | AccountSource::Panel(_)) {
            account.password = None;
        }
        Ok(())
    })?;
    end_sessions(tx, account.id, None)?;
    drop_links(tx, account.id, |purpose| purpose == Purpose::VerifyEmail)?;
    audit::record(tx, env, &themselves(&account, origin), did(Action::EmailVerified, &account))?;
    Ok(account)
}

impl Link {
    /// The link, when it is of this account.
    fn of(self, id: Option<AccountId>) -> Result<Self, Refusal> {
        if id.is_some_and(|id| id != self.account.id) {
            return Err(Refusal::InvalidToken);
        }
        Ok(self)
    }
}
