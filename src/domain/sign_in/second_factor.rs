//! Codes of second factors. They are taken out of use in the transaction that accepts them, so of two requests with one code
//! one is refused.

use aviary_kernel::base::{Error, Result, Sealer, Secret, Timestamp};
use aviary_kernel::model::{Account, AccountId, TokenHash};
use totp_rs::{Builder, Totp};

use super::tokens::random;
use crate::accounts::hash_of;

/// Recovery codes that are given out together.
const RECOVERY_CODES: usize = 10;
/// No letter or digit that is easily taken for another one.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Used {
    /// A code of the app.
    Step,
    /// A recovery code; so many are left.
    RecoveryCode {
        /// How many.
        left: usize,
    },
}

/// Where the secret is sealed for.
pub(super) fn place(account: AccountId) -> String {
    format!("accounts/{account}/second_factor")
}

/// Where a secret is sealed for that was not proved yet.
pub(super) fn offer_place(account: AccountId) -> String {
    format!("accounts/{account}/second_factor_offer")
}

/// Takes a code of the account's second factor out of use; the account is yet to be stored. None when the code is wrong or
/// was used.
pub(super) fn take(
    sealer: &Sealer,
    account: &mut Account,
    code: &Secret<String>,
    now: Timestamp,
) -> Result<Option<Used>> {
    let place = place(account.id);
    let Some(factor) = &mut account.second_factor else { return Ok(None) };
    let code = plain(code);
    if code.reveal().len() == 6 {
        let totp = totp(&sealer.open(&place, &factor.secret)?, None)?;
        let step = matching_step(&totp, &code, now).filter(|step| *step > factor.last_step);
        return Ok(step.map(|step| {
            factor.last_step = step;
            Used::Step
        }));
    }
    let given = hash_of(code.reveal());
    let Some(at) = factor.recovery.iter().position(|stored| *stored == given) else { return Ok(None) };
    factor.recovery.remove(at);
    Ok(Some(Used::RecoveryCode { left: factor.recovery.len() }))
}

/// The time step that a code belongs to, one early or late allowed.
pub(super) fn matching_step(totp: &Totp, code: &Secret<String>, now: Timestamp) -> Option<u64> {
    totp.check(plain(code).reveal(), u64::try_from(now.seconds()).ok()?)
}

/// As it was shown, but without blanks, dashes and capitals.
fn plain(code: &Secret<String>) -> Secret<String> {
    let kept = code.reveal().chars().filter(char::is_ascii_alphanumeric);
    Secret::new(kept.map(|c| c.to_ascii_lowercase()).collect())
}

/// The generator for a secret; `shown` = issuer and address, for apps.
pub(super) fn totp(secret: &Secret<String>, shown: Option<(&str, &str)>) -> Result<Totp> {
    let bytes = totp_rs::Secret::try_from_base32(secret.reveal())
        .map_err(|_| Error::internal("the secret of a second factor is not base32"))?;
    let mut builder = Builder::new().with_secret(bytes);
    if let Some((issuer, name)) = shown {
        // A colon parts the two.
        builder = builder.with_issuer(Some(issuer.replace(':', " "))).with_account_name(name);
    }
    builder.build().map_err(|e| Error::internal(e.to_string()))
}

/// A new secret, 160 bits in base32.
pub(super) fn new_secret() -> Result<Secret<String>> {
    Ok(Secret::new(totp_rs::Secret::from(random::<20>()?).to_base32()))
}

/// New recovery codes of 80 bits each, and what is stored of them.
pub(super) fn new_recovery_codes() -> Result<(Vec<Secret<String>>, Vec<TokenHash>)> {
    let (mut codes, mut hashes) = (Vec::new(), Vec::new());
    for _ in 0..RECOVERY_CODES {
        let letters = random::<16>()?.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        let code = Secret::new(groups.join("-"));
        hashes.push(hash_of(plain(&code).reveal()));
        codes.push(code);
    }
    Ok((codes, hashes))
}
