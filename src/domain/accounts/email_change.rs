//! Another e-mail address: it is proved before it takes effect.

use aviary_kernel::base::{Result, Secret};
use aviary_kernel::model::{Account, Action, Email, Letter, Origin, Purpose};
use aviary_kernel::store::{Read, WriteTx};

use super::follow::tend;
use super::links::{Link, drop_links, spend_link, typed};
use super::rows::{did_change, erase};
use super::{Accounts, by_email, change, did, require, themselves};
use crate::access::{Caller, Refusal, grants_of};
use crate::audit;

impl Accounts {
    /// Asks for another address: a link goes to the new one, a note to the old one. Until the link is used nothing changes.
    ///
    /// # Errors
    /// [`Refusal::MissingFields`], [`Refusal::InvalidEmail`], [`Refusal::WrongPassword`], [`Refusal::EmailExists`],
    /// [`Refusal::Locked`] after many wrong passwords.
    pub async fn ask_email_change(
        &self,
        by: &Caller,
        new_email: &str,
        current_password: &Secret<String>,
    ) -> Result<(), Refusal> {
        if new_email.trim().is_empty() || current_password.reveal().is_empty() {
            return Err(Refusal::MissingFields);
        }
        let new = typed(new_email)?;
        let account = self.confirmed(by, current_password).await?;
        let heard = self.may_write(Letter::ChangeEmail, &new, by.actor.origin.address);
        let (this, actor) = (self.clone(), by.actor.clone());
        self.decide(move |tx| {
            let account = require(tx, account.id)?;
            require_free(tx, &new, &account)?;
            let did = did(Action::EmailChangeAsked, &account).changed(
                "email",
                Some(account.email.to_string()),
                Some(new.to_string()),
            );
            if heard {
                drop_links(tx, account.id, |purpose| purpose == Purpose::ChangeEmail)?;
                this.post_link(tx, Purpose::ChangeEmail, &account, &new)?;
                this.post(tx, Letter::EmailWillChange, &account, &account.email)?;
            }
            let did = if heard { did } else { did.refused("asked too often") };
            audit::record(tx, &this.env, &actor, did)?;
            Ok(())
        })
        .await
    }

    /// The new address of a link takes effect. Links that went to the old one are good no more.
    pub(super) fn take_new_address(
        &self,
        tx: &mut WriteTx<'_>,
        origin: &Origin,
        link: &Link,
    ) -> Result<Account, Refusal> {
        let Some(new) = link.row.email.clone() else { return Err(Refusal::InvalidToken) };
        spend_link(tx, link)?;
        self.make_room(tx, &new, &link.account)?;
        drop_links(tx, link.account.id, |_| true)?;
        let now = self.env.now();
        let (before, after) = change(tx, &self.env, link.account.id, |account| {
            account.email = new;
            account.email_verified = Some(now);
            Ok(())
        })?;
        tend(tx, &self.env, &before.email)?;
        let did = did_change(Action::EmailChanged, &before, &after);
        audit::record(tx, &self.env, &themselves(&after, origin), did)?;
        Ok(after)
    }

    /// Makes an account that only stands for a panel's user give way to one that is to get its address.
    pub(super) fn make_room(&self, tx: &mut WriteTx<'_>, email: &Email, own: &Account) -> Result<(), Refusal> {
        if let Some(shadow) = require_free(tx, email, own)? {
            drop_links(tx, shadow.id, |_| true)?;
            erase(tx, &self.env, &shadow)?;
        }
        Ok(())
    }

    /// Mails the link to prove the address once more.
    ///
    /// # Errors
    /// [`Refusal::AlreadyVerified`], or when the caller is no person.
    pub async fn resend_verification(&self, by: &Caller) -> Result<(), Refusal> {
        let id = super::profile::own(by)?;
        let account = self.require(id).await?;
        let to = account.email.clone();
        let heard = self.may_write(Letter::VerifyEmail, &to, by.actor.origin.address);
        let (this, actor) = (self.clone(), by.actor.clone());
        self.decide(move |tx| {
            let account = require(tx, id)?;
            if account.email_verified.is_some() {
                return Err(Refusal::AlreadyVerified);
            }
            let did = did(Action::VerificationAsked, &account);
            let did = if heard {
                this.post_link(tx, Purpose::VerifyEmail, &account, &account.email)?;
                did
            } else {
                did.refused("asked too often")
            };
            audit::record(tx, &this.env, &actor, did)?;
            Ok(())
        })
        .await
    }
}

/// Refuses an address that somebody else has. The account that would have to give way.
fn require_free(reader: &impl Read, email: &Email, own: &Account) -> Result<Option<Account>, Refusal> {
    let Some(other) = by_email(reader, email)?.filter(|other| other.id != own.id) else { return Ok(None) };
    if is_mere_shadow(reader, &other)? { Ok(Some(other)) } else { Err(Refusal::EmailExists) }
}

/// Whether an account only stands for a panel's user and may be taken over by whoever registers with the address: nobody
/// claimed, disabled or promoted it.
pub(super) fn is_mere_shadow(reader: &impl Read, account: &Account) -> Result<bool> {
    Ok(!account.is_claimed() && account.is_active && grants_of(reader, account)?.0.is_empty())
}
