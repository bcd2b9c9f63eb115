//! People: their accounts, passwords, profiles and the links that are sent to them. Signing in is the business of `sign_in`.

mod linked;
mod password;
mod rows;

use std::sync::Arc;

use aviary_kernel::base::{Env, Error, Result, Sealer};
use aviary_kernel::model::{Account, AccountId, Email};
use aviary_kernel::store::Store;

pub use linked::{PanelFacts, facts_of};
pub use password::{Hasher, Verdict, check_rules};
pub(crate) use rows::{by_email, change, put, require};

/// Knows the people. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) hasher: Hasher,
}

impl Accounts {
    /// The people in `store`.
    pub fn new(store: Store, env: Env, sealer: Arc<Sealer>, hasher: Hasher) -> Self {
        Self { store, env, sealer, hasher }
    }

    /// One account.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn require(&self, id: AccountId) -> Result<Account> {
        self.store.read(move |tx| require(tx, id)).await
    }

    /// The account with this address, or with this id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn find(&self, email_or_id: &str) -> Result<Account> {
        if let Ok(id) = email_or_id.trim().parse() {
            return self.require(id).await;
        }
        let email = Email::parse(email_or_id)?;
        let found = self.store.read(move |tx| by_email(tx, &email)).await?;
        found.ok_or_else(|| Error::not_found("account", email_or_id.trim()))
    }
}
