use aviary_kernel::base::Secret;
use aviary_kernel::model::{Origin, SessionKind};
use aviary_kernel::store::WriteTx;

use super::SignIn;
use super::enter::SignedIn;
use crate::access::Refusal;
use crate::accounts::{peek_magic_link, redeem_magic_link};

impl SignIn {
    /// Lets in who brings the token of a link to sign in. The link stays good until the second factor, where there is one,
    /// was right too.
    ///
    /// # Errors
    /// [`Refusal::MissingToken`], [`Refusal::InvalidToken`], [`Refusal::TokenExpired`], and as [`SignIn::with_link`].
    pub async fn with_magic_link(
        &self,
        origin: Origin,
        token: &Secret<String>,
        code: Option<Secret<String>>,
        kind: SessionKind,
    ) -> Result<SignedIn, Refusal> {
        if token.reveal().trim().is_empty() {
            return Err(Refusal::MissingToken);
        }
        let (now, looked) = (self.accounts.env.now(), token.clone());
        let account = self.accounts.store.read(move |tx| Ok(peek_magic_link(tx, now, looked.reveal()))).await??;
        let (env, from, token) = (self.accounts.env.clone(), origin.clone(), token.clone());
        let spend = move |tx: &mut WriteTx<'_>| redeem_magic_link(tx, &env, &from, token.reveal()).map(drop);
        self.with_link(origin, account, spend, code, kind).await
    }
}
