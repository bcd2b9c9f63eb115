//! Setting up a second factor and giving it up.

use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::{Account, Action, Email, SecondFactor};
use aviary_kernel::store::WriteTx;
use qrcode::QrCode;
use qrcode::render::svg;

use super::ending::require_person;
use super::enter::undone_by_faults;
use super::lockout::Gate;
use super::second_factor::{self, matching_step, new_recovery_codes, new_secret, offer_place, place, totp};
use super::{SignIn, sessions};
use crate::access::{Caller, Refusal, needs_second_factor};
use crate::accounts::{Verdict, did, put, require};
use crate::audit;

/// A second factor to be put into an app and proved.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The secret in groups of four, to be typed.
    pub secret: Secret<String>,
    /// The same as an `otpauth:` address.
    pub url: Secret<String>,
    /// The address as a QR code: an `svg` element.
    pub svg: Secret<String>,
}

/// A caller who gave their password, as it stood when it was compared.
struct Confirmed {
    email: Email,
    compared: Option<String>,
}

impl SignIn {
    /// Makes a secret for a second factor. It counts once a code of it was shown, with [`SignIn::enable`].
    ///
    /// # Errors
    /// [`Refusal::WrongPassword`], [`Refusal::Locked`]; [`Error::Conflict`] when there is a second factor already.
    pub async fn offer(&self, by: &Caller, password: Secret<String>) -> Result<Offer, Refusal> {
        self.offer_if(by, password, |_, _, account, _| match account.second_factor {
            None => Ok(()),
            Some(_) => Err(conflict("your second factor is on already; give a code of it to move to another app")),
        })
        .await
    }

    /// Makes a secret for another app. The one in use counts until a code of the new one was shown, with [`SignIn::enable`].
    ///
    /// # Errors
    /// [`Refusal::WrongPassword`], [`Refusal::InvalidCode`], [`Refusal::Locked`]; [`Error::Conflict`] when there is no second
    /// factor.
    pub async fn offer_another(
        &self,
        by: &Caller,
        password: Secret<String>,
        code: Secret<String>,
    ) -> Result<Offer, Refusal> {
        self.offer_if(by, password, move |it, tx, account, by| it.take_code(tx, account, by, &code)).await
    }

    async fn offer_if(
        &self,
        by: &Caller,
        password: Secret<String>,
        may: impl FnOnce(&Self, &mut WriteTx<'_>, &mut Account, &Caller) -> Result<(), Refusal> + Send + 'static,
    ) -> Result<Offer, Refusal> {
        let confirmed = self.confirm(by, password).await?;
        let secret = new_secret()?;
        let offer = self.show(&secret, &confirmed.email)?;
        self.change(by, confirmed, move |it, tx, mut account, by| {
            may(it, tx, &mut account, by)?;
            account.second_factor_offer = Some(it.accounts.sealer.seal(&offer_place(account.id), secret.reveal())?);
            Ok(put(tx, &it.accounts.env, &account)?)
        })
        .await?;
        Ok(offer)
    }

    /// Turns on the second factor that was offered, and ends the other sessions. The recovery codes, which nobody sees again.
    ///
    /// # Errors
    /// [`Refusal::InvalidCode`]; [`Error::Conflict`] when none was offered.
    pub async fn enable(&self, by: &Caller, code: Secret<String>) -> Result<Vec<Secret<String>>, Refusal> {
        let (it, by, id) = (self.clone(), by.clone(), require_person(by)?);
        let enabled =
            self.accounts.store.write(move |tx| undone_by_faults(it.prove_offer(tx, require(tx, id)?, &by, &code)));
        enabled.await?
    }

    fn prove_offer(
        &self,
        tx: &mut WriteTx<'_>,
        mut account: Account,
        by: &Caller,
        code: &Secret<String>,
    ) -> Result<Vec<Secret<String>>, Refusal> {
        let (env, sealer, now) = (&self.accounts.env, &self.accounts.sealer, self.accounts.env.now());
        let offer = account.second_factor_offer.take();
        let offer = offer.ok_or_else(|| conflict("there is no second factor to prove; begin anew"))?;
        let secret = sealer.open(&offer_place(account.id), &offer)?;
        let last_step = matching_step(&totp(&secret, None)?, code, now).ok_or(Refusal::InvalidCode)?;
        let (codes, recovery) = new_recovery_codes()?;
        let secret = sealer.seal(&place(account.id), secret.reveal())?;
        account.second_factor = Some(SecondFactor { secret, last_step, recovery, since: now });
        let id = account.id;
        self.put_changed(tx, account, by, Action::SecondFactorOn)?;
        sessions::end_all(tx, env, &by.actor, id, by.session, Action::SessionEnded)?;
        Ok(codes)
    }

    /// Turns the second factor off.
    ///
    /// # Errors
    /// [`Refusal::WrongPassword`], [`Refusal::InvalidCode`], [`Refusal::Locked`]; [`Error::Conflict`] while a role asks for it,
    /// or when there is none.
    pub async fn disable(&self, by: &Caller, password: Secret<String>, code: Secret<String>) -> Result<(), Refusal> {
        let confirmed = self.confirm(by, password).await?;
        self.change(by, confirmed, move |it, tx, mut account, by| {
            if needs_second_factor(tx, &account)? {
                return Err(conflict("a role of yours asks for a second factor, so it stays on; ask an administrator"));
            }
            it.take_code(tx, &mut account, by, &code)?;
            (account.second_factor, account.second_factor_offer) = (None, None);
            Ok(it.put_changed(tx, account, by, Action::SecondFactorOff)?)
        })
        .await
    }

    /// Replaces the recovery codes. The new ones, which nobody sees again.
    ///
    /// # Errors
    /// [`Refusal::WrongPassword`], [`Refusal::InvalidCode`], [`Refusal::Locked`]; [`Error::Conflict`] when there is no second
    /// factor.
    pub async fn renew_codes(
        &self,
        by: &Caller,
        password: Secret<String>,
        code: Secret<String>,
    ) -> Result<Vec<Secret<String>>, Refusal> {
        let confirmed = self.confirm(by, password).await?;
        self.change(by, confirmed, move |it, tx, mut account, by| {
            it.take_code(tx, &mut account, by, &code)?;
            let (codes, recovery) = new_recovery_codes()?;
            if let Some(factor) = &mut account.second_factor {
                factor.recovery = recovery;
            }
            it.put_changed(tx, account, by, Action::RecoveryCodesRenewed)?;
            Ok(codes)
        })
        .await
    }

    fn show(&self, secret: &Secret<String>, email: &Email) -> Result<Offer> {
        let totp = totp(secret, Some((&self.options.issuer, email.as_str())))?;
        let url = Secret::new(totp.to_url().map_err(|e| Error::internal(e.to_string()))?);
        let code = QrCode::new(url.reveal().as_bytes()).map_err(Error::internal)?;
        let drawn = Secret::new(code.render::<svg::Color<'_>>().min_dimensions(220, 220).build());
        // The element alone fits into a page.
        let start = drawn.reveal().find("<svg").unwrap_or(0);
        let groups: Vec<&str> =
            secret.reveal().as_bytes().chunks(4).filter_map(|g| std::str::from_utf8(g).ok()).collect();
        let (secret, svg) = (Secret::new(groups.join(" ")), Secret::from(&drawn.reveal()[start..]));
        Ok(Offer { secret, url, svg })
    }

    /// Compares the caller's password. Wrong ones count as when signing in.
    async fn confirm(&self, by: &Caller, password: Secret<String>) -> Result<Confirmed, Refusal> {
        let id = require_person(by)?;
        let (from, now) = (by.actor.origin.address, self.accounts.env.now());
        let seen = self.accounts.store.read(move |tx| {
            let account = require(tx, id)?;
            let wait_s = Gate::of(tx, &account.email, Some(&account), from, now)?.wait_s(now);
            Ok((account, wait_s))
        });
        let (account, wait_s) = seen.await?;
        if let Some(retry_after_s) = wait_s {
            return Err(Refusal::Locked { retry_after_s });
        }
        let confirmed = Confirmed { email: account.email, compared: account.password };
        if self.accounts.hasher.verify(password, confirmed.compared.as_deref()).await? != Verdict::Wrong {
            return Ok(confirmed);
        }
        let (it, by) = (self.clone(), by.clone());
        let counted = self.accounts.store.write(move |tx| {
            let account = require(tx, id)?;
            it.unconfirmed(tx, &account, &by, Refusal::WrongPassword)
        });
        Err(counted.await?)
    }

    /// Changes the caller's account after they gave their password.
    async fn change<T: Send + 'static>(
        &self,
        by: &Caller,
        confirmed: Confirmed,
        act: impl FnOnce(&Self, &mut WriteTx<'_>, Account, &Caller) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (it, by, id) = (self.clone(), by.clone(), require_person(by)?);
        let changed = self.accounts.store.write(move |tx| {
            let account = require(tx, id)?;
            // Other tries may have been counted while this password was compared.
            let now = it.accounts.env.now();
            let gate = Gate::of(tx, &account.email, Some(&account), by.actor.origin.address, now)?;
            if let Some(retry_after_s) = gate.wait_s(now) {
                return Ok(Err(Refusal::Locked { retry_after_s }));
            }
            if account.password != confirmed.compared {
                return Ok(Err(Refusal::WrongPassword));
            }
            undone_by_faults(act(&it, tx, account, &by))
        });
        changed.await?
    }

    fn take_code(
        &self,
        tx: &mut WriteTx<'_>,
        account: &mut Account,
        by: &Caller,
        code: &Secret<String>,
    ) -> Result<(), Refusal> {
        if account.second_factor.is_none() {
            return Err(conflict("you have no second factor"));
        }
        match second_factor::take(&self.accounts.sealer, account, code, self.accounts.env.now())? {
            Some(_) => Ok(()),
            None => Err(self.unconfirmed(tx, account, by, Refusal::InvalidCode)?),
        }
    }

    /// Puts a wrong password or code on record and counts it.
    fn unconfirmed(&self, tx: &mut WriteTx<'_>, account: &Account, by: &Caller, why: Refusal) -> Result<Refusal> {
        let env = &self.accounts.env;
        let gate = Gate::of(tx, &account.email, Some(account), by.actor.origin.address, env.now())?;
        let did = did(Action::ConfirmationFailed, account).refused(why.code());
        audit::record(tx, env, &by.actor, did)?;
        self.count(tx, &gate, &by.actor, &account.email, Some(account))?;
        Ok(why)
    }

    fn put_changed(&self, tx: &mut WriteTx<'_>, mut account: Account, by: &Caller, action: Action) -> Result<()> {
        let env = &self.accounts.env;
        account.updated_at = env.now();
        put(tx, env, &account)?;
        audit::record(tx, env, &by.actor, did(action, &account)).map(drop)
    }
}

fn conflict(why: &str) -> Refusal {
    Error::Conflict(why.into()).into()
}
