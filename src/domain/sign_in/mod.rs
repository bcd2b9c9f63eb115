//! Signing in: passwords and second factors are asked here, and sessions, access tokens and refresh tokens given out and
//! recognised. Accounts themselves, and the links that are mailed, are the business of `accounts`.

mod clean_up;
mod ending;
mod enter;
mod half_way;
mod jwt;
mod jwt_ring;
mod lockout;
mod magic_link;
mod recognise;
mod refresh;
mod second_factor;
mod sessions;
mod setup;
mod ticket;
mod tokens;

use std::sync::Arc;

use crate::accounts::Accounts;

pub use enter::{Credentials, SignedIn};
pub use jwt::AccessToken;
pub use jwt_ring::install_jwt;
pub use setup::Offer;
pub use ticket::TICKET_LASTS;

/// How long things last, and what we are called.
#[derive(Clone, Debug)]
pub struct SignInOptions {
    /// Hours until an unused browser session ends.
    pub session_hours: u32,
    /// Minutes that an access token is good.
    pub access_token_minutes: u32,
    /// Days until an unused refresh token ends.
    pub refresh_days: u32,
    /// What apps for second factors show beside the e-mail address.
    pub issuer: String,
}

impl Default for SignInOptions {
    fn default() -> Self {
        Self { session_hours: 12, access_token_minutes: 15, refresh_days: 90, issuer: "Aviary".into() }
    }
}

/// Lets people in and knows them again. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    accounts: Accounts,
    options: Arc<SignInOptions>,
}

impl SignIn {
    /// For these people.
    pub fn new(accounts: Accounts, options: SignInOptions) -> Self {
        install_jwt();
        Self { accounts, options: Arc::new(options) }
    }
}
