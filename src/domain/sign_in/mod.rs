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
use std::time::Duration;

use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::settings::Current;
use sessions::Lifetimes;

pub use enter::{Credentials, SignedIn};
pub use jwt::AccessToken;
pub use jwt_ring::install_jwt;
pub use setup::Offer;
pub use ticket::TICKET_LASTS;

/// How long things last, and what we are called.
#[derive(Clone, Debug)]
pub struct SignInOptions {
    /// Minutes that an access token is good.
    pub access_token_minutes: u32,
    /// Days until an unused refresh token ends.
    pub refresh_days: u32,
    /// What apps for second factors show beside the e-mail address.
    pub issuer: String,
}

impl Default for SignInOptions {
    fn default() -> Self {
        Self { access_token_minutes: 15, refresh_days: 90, issuer: "Aviary".into() }
    }
}

/// Lets people in and knows them again. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    accounts: Accounts,
    options: Arc<SignInOptions>,
    settings: watch::Receiver<Arc<Current>>,
}

impl SignIn {
    /// For these people. How long a browser session lasts is looked up in `settings` whenever it matters.
    pub fn new(accounts: Accounts, settings: watch::Receiver<Arc<Current>>, options: SignInOptions) -> Self {
        install_jwt();
        Self { accounts, options: Arc::new(options), settings }
    }

    /// How long sessions last now.
    fn lifetimes(&self) -> Lifetimes {
        let hours = |n: u32| Duration::from_secs(u64::from(n) * 3600);
        Lifetimes { browser: hours(self.settings.borrow().session_hours), api: hours(self.options.refresh_days) * 24 }
    }
}
