//! The way in. A try that fails is one commit, whether or not there is such an account.

use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::{Account, AccountId, Action, Actor, Email, Origin, Session, SessionKind};
use aviary_kernel::store::WriteTx;

use super::SignIn;
use super::jwt::AccessToken;
use super::lockout::Gate;
use super::second_factor::{self, Used};
use super::sessions::Begun;
use crate::access::Refusal;
use crate::accounts::{PanelFacts, Verdict, by_email, did, facts_of, put, require, themselves};
use crate::audit::{self, Did};

/// What somebody sends to sign in.
pub struct Credentials {
    /// The address, as it was typed.
    pub email: String,
    /// The password.
    pub password: Secret<String>,
    /// A code of the second factor, or a recovery code.
    pub code: Option<Secret<String>>,
}

/// Somebody who was let in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub account: Account,
    /// What their panel knows of them.
    pub facts: PanelFacts,
    /// The session.
    pub session: Session,
    /// The cookie or the refresh token; it is shown this once.
    pub token: Secret<String>,
    /// For sessions of the API.
    pub access: Option<AccessToken>,
}

/// A try to come in with a password.
struct Attempt {
    origin: Origin,
    email: Email,
    code: Option<Secret<String>>,
    /// None = locked, so it was not looked at.
    verdict: Option<Verdict>,
    /// The hash it was compared with.
    compared: Option<String>,
    /// A better hash of the same password.
    renewed: Option<String>,
}

impl SignIn {
    /// Lets somebody in and begins a session.
    ///
    /// # Errors
    /// [`Refusal::MissingFields`], [`Refusal::InvalidEmail`], [`Refusal::Locked`]; [`Refusal::InvalidCredentials`] for an
    /// unknown address and a wrong password alike; after a right password [`Refusal::AccountDisabled`],
    /// [`Refusal::EmailNotVerified`], [`Refusal::SecondFactorRequired`], [`Refusal::InvalidCode`].
    pub async fn sign_in(&self, origin: Origin, given: Credentials, kind: SessionKind) -> Result<SignedIn, Refusal> {
        let begun = self.enter(origin, given, move |it, tx, account, origin| it.begin(tx, account, origin, kind));
        self.signed_in(begun.await?)
    }

    /// Whether somebody could sign in; counts as a sign-in, but no session begins.
    ///
    /// # Errors
    /// As [`SignIn::sign_in`].
    pub async fn check(&self, origin: Origin, given: Credentials) -> Result<(Account, PanelFacts), Refusal> {
        self.enter(origin, given, |_, tx, account, _| Ok((account.clone(), facts_of(tx, account)?))).await
    }

    /// Lets in who has something better than a password, such as a link that was mailed. `spend` takes it out of use, and
    /// refuses, having written nothing, when it is not good; it runs only when the code of the second factor, where there is
    /// one, was right.
    ///
    /// # Errors
    /// What `spend` refuses; [`Refusal::UserNotFound`], [`Refusal::AccountDisabled`], [`Refusal::Locked`],
    /// [`Refusal::SecondFactorRequired`], [`Refusal::InvalidCode`]; [`Refusal::EmailNotVerified`] when the address is not proved
    /// by now.
    pub async fn with_link<F>(
        &self,
        origin: Origin,
        account: AccountId,
        spend: F,
        code: Option<Secret<String>>,
        kind: SessionKind,
    ) -> Result<SignedIn, Refusal>
    where
        F: FnOnce(&mut WriteTx<'_>) -> Result<(), Refusal> + Send + 'static,
    {
        let it = self.clone();
        let begun = self
            .accounts
            .store
            .write(move |tx| undone_by_faults(it.follow_link(tx, &origin, account, spend, code.as_ref(), kind)));
        self.signed_in(begun.await??)
    }

    /// What is told about a session, now that it is on disk.
    pub(super) fn signed_in(&self, begun: Begun) -> Result<SignedIn, Refusal> {
        let Begun { account, facts, session, token } = begun;
        let access = match session.kind {
            SessionKind::Browser => None,
            SessionKind::Api => Some(self.access_token(&account, facts, session.id)?),
        };
        Ok(SignedIn { account, facts, session, token, access })
    }

    async fn enter<T: Send + 'static>(
        &self,
        origin: Origin,
        given: Credentials,
        then: impl FnOnce(&Self, &mut WriteTx<'_>, &Account, &Origin) -> Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let Credentials { email, password, code } = given;
        if email.trim().is_empty() || password.reveal().is_empty() {
            return Err(Refusal::MissingFields);
        }
        let Ok(email) = Email::parse(&email) else { return self.no_address(origin).await };
        let mut attempt = Attempt { origin, email, code, verdict: None, compared: None, renewed: None };
        self.compare(&mut attempt, password).await?;
        let it = self.clone();
        let entered = self.accounts.store.write(move |tx| {
            undone_by_faults(it.decide(tx, &attempt).and_then(|account| Ok(then(&it, tx, &account, &attempt.origin)?)))
        });
        entered.await?
    }

    /// What was typed is not put on record: it may be a password in the wrong field.
    async fn no_address<T>(&self, origin: Origin) -> Result<T, Refusal> {
        let env = self.accounts.env.clone();
        let did = Did::new(Action::SignInFailed).refused(Refusal::InvalidEmail.code());
        self.accounts.store.write(move |tx| audit::record(tx, &env, &Actor::nobody(origin), did)).await?;
        Err(Refusal::InvalidEmail)
    }

    /// Compares the password, or spends the time that it would take.
    async fn compare(&self, attempt: &mut Attempt, password: Secret<String>) -> Result<()> {
        let (email, from, now) = (attempt.email.clone(), attempt.origin.address, self.accounts.env.now());
        let seen = self.accounts.store.read(move |tx| {
            let account = by_email(tx, &email)?;
            let is_shut = Gate::of(tx, &email, account.as_ref(), from, now)?.wait_s(now).is_some();
            Ok((account.and_then(|account| account.password), is_shut))
        });
        let (stored, is_shut) = seen.await?;
        let hasher = &self.accounts.hasher;
        if is_shut {
            hasher.verify(password, None).await?;
            return Ok(());
        }
        let verdict = hasher.verify(password.clone(), stored.as_deref()).await?;
        if verdict == Verdict::RightButOld {
            attempt.renewed = Some(hasher.hash(password).await?);
        }
        (attempt.verdict, attempt.compared) = (Some(verdict), stored);
        Ok(())
    }

    /// Decides on a try, and writes what follows from it. Much may have happened since the password was compared.
    fn decide(&self, tx: &mut WriteTx<'_>, attempt: &Attempt) -> Result<Account, Refusal> {
        let now = self.accounts.env.now();
        let Attempt { origin, email, .. } = attempt;
        let found = by_email(tx, email)?;
        let gate = Gate::of(tx, email, found.as_ref(), origin.address, now)?;
        let wait_s = gate.wait_s(now).or(attempt.verdict.is_none().then_some(1));
        if let Some(retry_after_s) = wait_s {
            return Err(self.failed(tx, origin, email, found.as_ref(), Refusal::Locked { retry_after_s })?);
        }
        let is_right = attempt.verdict != Some(Verdict::Wrong);
        let Some(mut account) = found.clone().filter(|found| is_right && found.password == attempt.compared) else {
            return Err(self.counted(tx, &gate, origin, email, found.as_ref(), Refusal::InvalidCredentials)?);
        };
        if !account.is_active {
            return Err(self.failed(tx, origin, email, found.as_ref(), Refusal::AccountDisabled)?);
        }
        if account.email_verified.is_none() {
            return Err(self.failed(tx, origin, email, found.as_ref(), Refusal::EmailNotVerified)?);
        }
        let used = self.pass(tx, &mut account, attempt.code.as_ref(), &gate, origin)?;
        if let Some(renewed) = &attempt.renewed {
            account.password = Some(renewed.clone());
        }
        gate.clear(tx)?;
        self.let_in(tx, account, used, origin)
    }

    fn follow_link(
        &self,
        tx: &mut WriteTx<'_>,
        origin: &Origin,
        id: AccountId,
        spend: impl FnOnce(&mut WriteTx<'_>) -> Result<(), Refusal>,
        code: Option<&Secret<String>>,
        kind: SessionKind,
    ) -> Result<Begun, Refusal> {
        let mut account = require(tx, id).map_err(gone)?;
        if !account.is_active {
            let email = account.email.clone();
            return Err(self.failed(tx, origin, &email, Some(&account), Refusal::AccountDisabled)?);
        }
        let now = self.accounts.env.now();
        let gate = Gate::of(tx, &account.email, Some(&account), origin.address, now)?;
        // Wrong passwords of others do not hold up a link, unless there still is a code to guess.
        if let Some(retry_after_s) = gate.wait_s(now).filter(|_| account.second_factor.is_some()) {
            let refusal = Refusal::Locked { retry_after_s };
            return Err(self.failed(tx, origin, &account.email, Some(&account), refusal)?);
        }
        let used = self.pass(tx, &mut account, code, &gate, origin)?;
        if let Err(refusal) = spend(tx) {
            return Err(self.failed(tx, origin, &account.email, Some(&account), refusal)?);
        }
        let mut spent = require(tx, id).map_err(gone)?;
        if spent.email_verified.is_none() {
            return Err(self.failed(tx, origin, &account.email, Some(&account), Refusal::EmailNotVerified)?);
        }
        spent.second_factor = account.second_factor;
        gate.clear(tx)?;
        let account = self.let_in(tx, spent, used, origin)?;
        Ok(self.begin(tx, &account, origin, kind)?)
    }

    /// Asks for the second factor where there is one, and takes the code out of use; the account is yet to be stored.
    fn pass(
        &self,
        tx: &mut WriteTx<'_>,
        account: &mut Account,
        code: Option<&Secret<String>>,
        gate: &Gate,
        origin: &Origin,
    ) -> Result<Option<Used>, Refusal> {
        let mut used = None;
        if account.second_factor.is_some() {
            let code = code.filter(|code| !code.reveal().trim().is_empty()).ok_or(Refusal::SecondFactorRequired)?;
            used = second_factor::take(&self.accounts.sealer, account, code, self.accounts.env.now())?;
            if used.is_none() {
                let email = account.email.clone();
                return Err(self.counted(tx, gate, origin, &email, Some(account), Refusal::InvalidCode)?);
            }
        }
        Ok(used)
    }

    fn let_in(
        &self,
        tx: &mut WriteTx<'_>,
        mut account: Account,
        used: Option<Used>,
        origin: &Origin,
    ) -> Result<Account, Refusal> {
        let env = &self.accounts.env;
        account.last_login_at = Some(env.now());
        put(tx, env, &account)?;
        let actor = themselves(&account, origin);
        audit::record(tx, env, &actor, did(Action::SignedIn, &account))?;
        if let Some(Used::RecoveryCode { left }) = used {
            let did = did(Action::RecoveryCodeUsed, &account);
            let did = did.changed("recoveryCodes", Some((left + 1).to_string()), Some(left.to_string()));
            audit::record(tx, env, &actor, did)?;
        }
        Ok(account)
    }

    /// Puts a try on record that failed.
    fn failed(
        &self,
        tx: &mut WriteTx<'_>,
        origin: &Origin,
        email: &Email,
        account: Option<&Account>,
        why: Refusal,
    ) -> Result<Refusal> {
        if matches!(why, Refusal::Fault(_)) {
            return Ok(why);
        }
        let did = about(Did::new(Action::SignInFailed), email, account).refused(why.code());
        audit::record(tx, &self.accounts.env, &Actor::nobody(origin.clone()), did)?;
        Ok(why)
    }

    /// Puts a try on record that was wrong, and counts it.
    fn counted(
        &self,
        tx: &mut WriteTx<'_>,
        gate: &Gate,
        origin: &Origin,
        email: &Email,
        account: Option<&Account>,
        why: Refusal,
    ) -> Result<Refusal> {
        let why = self.failed(tx, origin, email, account, why)?;
        self.count(tx, gate, &Actor::nobody(origin.clone()), email, account)?;
        Ok(why)
    }

    /// Counts a wrong password or code, and says so when nobody may try for a while.
    pub(super) fn count(
        &self,
        tx: &mut WriteTx<'_>,
        gate: &Gate,
        actor: &Actor,
        email: &Email,
        account: Option<&Account>,
    ) -> Result<()> {
        let env = &self.accounts.env;
        if let Some(until) = gate.count(tx, env.now())? {
            let did = about(Did::new(Action::AccountLocked), email, account);
            audit::record(tx, env, actor, did.changed("lockedUntil", None, Some(until.to_string())))?;
        }
        Ok(())
    }
}

/// The address that was typed, and the account if there is one.
fn about(did: Did, email: &Email, account: Option<&Account>) -> Did {
    let did = did.changed("email", None, Some(email.to_string()));
    account.iter().fold(did, |did, account| did.to("account", account.id, account.email.as_str()))
}

fn gone(error: Error) -> Refusal {
    if matches!(error, Error::NotFound { .. }) { Refusal::UserNotFound } else { error.into() }
}

/// A refusal is kept with what was noted of it; a fault undoes the transaction.
pub(super) fn undone_by_faults<T>(result: Result<T, Refusal>) -> Result<Result<T, Refusal>> {
    match result {
        Err(Refusal::Fault(error)) => Err(error),
        other => Ok(other),
    }
}
