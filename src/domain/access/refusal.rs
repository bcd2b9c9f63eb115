use std::fmt;

use aviary_kernel::base::Error;

/// Why somebody was not let in, or their request about an account not carried out. Programs tell them apart by
/// [`Refusal::code`]; the codes are those of the older API.
#[derive(Debug)]
pub enum Refusal {
    /// A field that is needed was not sent.
    MissingFields,
    /// The e-mail address was not sent.
    MissingEmail,
    /// The token was not sent.
    MissingToken,
    /// The refresh token was not sent.
    MissingRefreshToken,
    /// What was sent is no e-mail address.
    InvalidEmail,
    /// Fewer than 8 bytes.
    PasswordTooShort,
    /// More than 1,024 bytes.
    PasswordTooLong,
    /// No capital letter.
    PasswordNeedsUppercase,
    /// No small letter.
    PasswordNeedsLowercase,
    /// No digit.
    PasswordNeedsDigit,
    /// It is among the passwords that are tried first.
    PasswordTooCommon,
    /// The two passwords differ.
    PasswordsDontMatch,
    /// No account has this address and password; which of the two is wrong is not told.
    InvalidCredentials,
    /// The password given to confirm a change is not the one of the account.
    WrongPassword,
    /// The address was not proved yet.
    EmailNotVerified,
    /// It was proved already.
    AlreadyVerified,
    /// The account was disabled.
    AccountDisabled,
    /// There is no such account (any more).
    UserNotFound,
    /// An account has this address already.
    EmailExists,
    /// Nobody can register at present.
    RegistrationClosed,
    /// The password was right; the code of the second factor is missing.
    SecondFactorRequired,
    /// The code of the second factor is wrong or was used already.
    InvalidCode,
    /// A link or token that is unknown, used or forged.
    InvalidToken,
    /// A link or token that was good once.
    TokenExpired,
    /// A refresh token that is unknown, used or forged.
    InvalidRefreshToken,
    /// No token was sent.
    MissingAuthorization,
    /// Too many wrong passwords.
    Locked {
        /// Seconds until the next try is taken.
        retry_after_s: u64,
    },
    /// Something else went wrong.
    Fault(Error),
}

impl Refusal {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingFields => "missing_fields",
            Self::MissingEmail => "missing_email",
            Self::MissingToken => "missing_token",
            Self::MissingRefreshToken => "missing_refresh_token",
            Self::InvalidEmail => "invalid_email",
            Self::PasswordTooShort => "password_too_short",
            Self::PasswordTooLong => "password_too_long",
            Self::PasswordNeedsUppercase => "password_needs_uppercase",
            Self::PasswordNeedsLowercase => "password_needs_lowercase",
            Self::PasswordNeedsDigit => "password_needs_digit",
            Self::PasswordTooCommon => "password_too_common",
            Self::PasswordsDontMatch => "passwords_dont_match",
            Self::InvalidCredentials => "invalid_credentials",
            Self::WrongPassword => "wrong_password",
            Self::EmailNotVerified => "email_not_verified",
            Self::AlreadyVerified => "already_verified",
            Self::AccountDisabled => "account_disabled",
            Self::UserNotFound => "user_not_found",
            Self::EmailExists => "email_exists",
            Self::RegistrationClosed => "registration_closed",
            Self::SecondFactorRequired => "second_factor_required",
            Self::InvalidCode => "invalid_code",
            Self::InvalidToken => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::InvalidRefreshToken => "invalid_refresh_token",
            Self::MissingAuthorization => "missing_authorization",
            Self::Locked { .. } => "locked",
            Self::Fault(_) => "server_error",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingFields => "fill in every field that is needed",
            Self::MissingEmail => "give an e-mail address",
            Self::MissingToken => "the token of the link is missing; open the link from the mail again",
            Self::MissingRefreshToken => "send the refresh token",
            Self::InvalidEmail => "this is no e-mail address; write it like ada@example.com",
            Self::PasswordTooShort => "the password needs at least 8 characters",
            Self::PasswordTooLong => "the password is too long; 1,024 bytes are enough",
            Self::PasswordNeedsUppercase => "the password needs a capital letter",
            Self::PasswordNeedsLowercase => "the password needs a small letter",
            Self::PasswordNeedsDigit => "the password needs a digit",
            Self::PasswordTooCommon => "this password is among those that are tried first; choose another",
            Self::PasswordsDontMatch => "the two passwords differ",
            Self::InvalidCredentials => "the e-mail address or the password is wrong",
            Self::WrongPassword => "this is not your current password",
            Self::EmailNotVerified => "prove first that the address is yours: open the link in the mail",
            Self::AlreadyVerified => "this address was proved already",
            Self::AccountDisabled => "this account is disabled; ask an administrator",
            Self::UserNotFound => "there is no such account",
            Self::EmailExists => "there is an account with this e-mail address already",
            Self::RegistrationClosed => "nobody can register here at present; ask an administrator for an account",
            Self::SecondFactorRequired => "send the code of your second factor too, as `code`",
            Self::InvalidCode => "this code is wrong or was used already; wait for the next one",
            Self::InvalidToken => "this link or token is not valid, or was used already; ask for a new one",
            Self::TokenExpired => "this link or token has expired; ask for a new one",
            Self::InvalidRefreshToken => "this session is over; sign in again",
            Self::MissingAuthorization => "send the access token as Authorization: Bearer",
            Self::Locked { retry_after_s } => {
                return write!(f, "too many wrong passwords; try again in {retry_after_s} seconds");
            }
            Self::Fault(error) => return error.fmt(f),
        })
    }
}

impl std::error::Error for Refusal {}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}
