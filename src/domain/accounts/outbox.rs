//! Letters are written in the commit that causes them.

use aviary_kernel::base::{Result, Secret};
use aviary_kernel::model::{Account, Email, Letter, MailContent, OneTimeToken, Purpose};
use aviary_kernel::store::WriteTx;
use aviary_kernel::store::tables::ONE_TIME_TOKENS;

use super::Accounts;
use super::token::{hash_of, new_token};
use crate::mails::{self, letter_of, lifetime, token_place};

impl Accounts {
    /// Writes a mail without a link.
    pub(super) fn post(&self, tx: &mut WriteTx<'_>, letter: Letter, account: &Account, to: &Email) -> Result<()> {
        self.write_mail(tx, letter, account, to, None)
    }

    /// Makes a link and writes the mail that carries it.
    pub(super) fn post_link(
        &self,
        tx: &mut WriteTx<'_>,
        purpose: Purpose,
        account: &Account,
        to: &Email,
    ) -> Result<()> {
        let Some(letter) = letter_of(purpose) else { return Ok(()) };
        let token = self.new_link(tx, purpose, account, to)?;
        self.write_mail(tx, letter, account, to, Some(&token))
    }

    /// Makes a link; all that is stored of its token is the hash.
    pub(super) fn new_link(
        &self,
        tx: &mut WriteTx<'_>,
        purpose: Purpose,
        account: &Account,
        to: &Email,
    ) -> Result<Secret<String>> {
        let (token, now) = (new_token()?, self.env.now());
        let row = OneTimeToken {
            purpose,
            account: Some(account.id),
            email: Some(to.clone()),
            created_at: now,
            expires_at: now.plus(lifetime(purpose)),
        };
        tx.put(ONE_TIME_TOKENS, &hash_of(token.reveal()), &row)?;
        Ok(token)
    }

    fn write_mail(
        &self,
        tx: &mut WriteTx<'_>,
        letter: Letter,
        account: &Account,
        to: &Email,
        token: Option<&Secret<String>>,
    ) -> Result<()> {
        let content = |number| {
            let token = token.map(|token| self.sealer.seal(&token_place(number), token.reveal())).transpose()?;
            Ok(MailContent::Letter { letter, account: account.id, name: account.username.clone(), token })
        };
        mails::post(tx, &self.env, to, content).map(drop)
    }
}
