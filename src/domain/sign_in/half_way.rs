//! Between password and second factor, for pages: what says that the password was right, so that nobody types it twice and no
//! page has to carry it. Nothing is stored.

use std::time::Duration;

use aviary_kernel::base::{Error, Fingerprint, Result, Sealed, Secret, Timestamp};
use aviary_kernel::model::{Account, AccountId, Email, Origin, SessionKind};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{SignIn, SignedIn};
use crate::access::Refusal;
use crate::accounts::{by_email, require};

/// Long enough to find the telephone.
const LASTS: Duration = Duration::from_secs(5 * 60);
const PLACE: &str = "sign-in/half-way";

#[derive(Serialize, Deserialize)]
struct HalfWay {
    account: AccountId,
    /// Of the hash of the password: another password makes it worthless.
    password: Fingerprint,
    until: Timestamp,
}

impl SignIn {
    /// For whoever just gave the right password of this address and was told [`Refusal::SecondFactorRequired`].
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`] when the account is gone since.
    pub async fn half_way(&self, email: &str) -> Result<Secret<String>, Refusal> {
        let email = Email::parse(email).map_err(|_| Refusal::InvalidEmail)?;
        let found = self.accounts.store.read(move |tx| by_email(tx, &email)).await?;
        let account = found.ok_or(Refusal::InvalidCredentials)?;
        let half =
            HalfWay { account: account.id, password: self.mark(&account), until: self.accounts.env.now().plus(LASTS) };
        let clear = serde_json::to_string(&half).map_err(Error::internal)?;
        let sealed = self.accounts.sealer.seal(PLACE, &clear)?;
        let bytes = serde_json::to_vec(&sealed).map_err(Error::internal)?;
        Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Lets in who is half way and has the code.
    ///
    /// # Errors
    /// [`Refusal::TokenExpired`] when it took too long or the password was changed since: the way begins anew;
    /// [`Refusal::SecondFactorRequired`], [`Refusal::InvalidCode`], [`Refusal::Locked`], [`Refusal::AccountDisabled`].
    pub async fn finish(
        &self,
        origin: Origin,
        half_way: &Secret<String>,
        code: Secret<String>,
        kind: SessionKind,
    ) -> Result<SignedIn, Refusal> {
        let half = self.read(half_way).ok_or(Refusal::TokenExpired)?;
        if half.until <= self.accounts.env.now() {
            return Err(Refusal::TokenExpired);
        }
        let (it, account) = (self.clone(), half.account);
        let unchanged = move |tx: &mut aviary_kernel::store::WriteTx<'_>| {
            let held = require(tx, account)?;
            if it.mark(&held) == half.password { Ok(()) } else { Err(Refusal::TokenExpired) }
        };
        self.with_link(origin, account, unchanged, Some(code), kind).await
    }

    fn read(&self, text: &Secret<String>) -> Option<HalfWay> {
        let bytes = URL_SAFE_NO_PAD.decode(text.reveal()).ok()?;
        let sealed: Sealed = serde_json::from_slice(&bytes).ok()?;
        serde_json::from_str(self.accounts.sealer.open(PLACE, &sealed).ok()?.reveal()).ok()
    }

    fn mark(&self, account: &Account) -> Fingerprint {
        let hash = account.password.as_deref().unwrap_or_default();
        self.accounts.sealer.fingerprint(format!("{} {hash}", account.id).as_bytes())
    }
}
