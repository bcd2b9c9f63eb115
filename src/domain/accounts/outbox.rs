//! Mails are written in the commit that causes them, and wait there to leave.

use std::time::Duration;

use aviary_kernel::base::{Result, Secret};
use aviary_kernel::model::{Account, Email, Letter, Mail, MailContent, MailState, OneTimeToken, Purpose};
use aviary_kernel::store::WriteTx;
use aviary_kernel::store::tables::{MAILS, ONE_TIME_TOKENS};

use super::Accounts;
use super::token::{hash_of, new_token};

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
        let number = tx.next_number("mails")?;
        let token = token.map(|token| self.sealer.seal(&token_place(number), token.reveal())).transpose()?;
        let mail = Mail {
            to: to.clone(),
            says: MailContent::Letter { letter, account: account.id, name: account.username.clone(), token },
            written_at: self.env.now(),
            state: MailState::Kept,
            job: None,
            taken: None,
            attempts: Vec::new(),
        };
        tx.put(MAILS, &number, &mail).map(drop)
    }
}

/// Where the token of a mail is sealed.
pub(super) fn token_place(number: u64) -> String {
    format!("mails/{number}/token")
}

/// How long a link is good.
pub(super) fn lifetime(purpose: Purpose) -> Duration {
    const MINUTE: u64 = 60;
    Duration::from_secs(match purpose {
        Purpose::VerifyEmail | Purpose::ChangeEmail => 24 * 60 * MINUTE,
        Purpose::ResetPassword => 60 * MINUTE,
        Purpose::MagicLink => 30 * MINUTE,
        // Until it is used; a hundred years.
        Purpose::FirstRun => 876_000 * 60 * MINUTE,
    })
}

fn letter_of(purpose: Purpose) -> Option<Letter> {
    Some(match purpose {
        Purpose::VerifyEmail => Letter::VerifyEmail,
        Purpose::ResetPassword => Letter::ResetPassword,
        Purpose::MagicLink => Letter::MagicLink,
        Purpose::ChangeEmail => Letter::ChangeEmail,
        Purpose::FirstRun => return None,
    })
}

/// What the link of a letter is for.
pub(super) fn purpose_of(letter: Letter) -> Option<Purpose> {
    Some(match letter {
        Letter::VerifyEmail => Purpose::VerifyEmail,
        Letter::ResetPassword => Purpose::ResetPassword,
        Letter::MagicLink => Purpose::MagicLink,
        Letter::ChangeEmail => Purpose::ChangeEmail,
        Letter::EmailWillChange | Letter::AlreadyRegistered | Letter::PasswordChanged => return None,
    })
}
