//! People: their accounts, passwords, profiles and the links that are sent to them. Signing in is the business of `sign_in`.
//!
//! * What people do themselves: [`Accounts::register`], `links`, `email_change`, `profile`, `preferences`.
//! * What others do to them: `manage`; [`Accounts::create`], [`Accounts::set_roles`], [`Accounts::disable`] ...
//! * Searches they keep: `searches`.
//! * Who there is: `list`; what panels know of them: `linked`, `dashboard`.
//! * Accounts for the users of panels: `follow`. The first administrator: `first_run`.
//! * Letters to them: `outbox`; what they say and how they leave is the business of `mails`.

mod clean_up;
mod dashboard;
mod email_change;
mod first_run;
mod follow;
mod linked;
mod links;
mod list;
mod manage;
mod outbox;
mod password;
mod preferences;
mod profile;
mod register;
mod rows;
mod searches;
mod token;

use std::net::IpAddr;
use std::sync::Arc;

use aviary_kernel::base::{Env, Error, Result, Sealer};
use aviary_kernel::model::{Account, AccountId, Email, Letter};
use aviary_kernel::store::{Store, WriteTx};

pub(crate) use crate::access::by_email;
pub use dashboard::{DashboardQuery, DashboardServer, DashboardServers, DashboardStats, StatusFilter};
pub use first_run::FirstAdministrator;
pub use linked::{LinkedUser, PanelFacts, facts_of, linked_users, own_servers};
pub(crate) use links::{peek_magic_link, redeem_magic_link};
pub use list::{AccountQuery, PeopleFilter, PeoplePage, PeopleSort, PeopleStats, Person};
pub use manage::{AccountPatch, NewAccount, ResetLink};
pub use password::{Hasher, Verdict, check_rules};
pub use preferences::{PreferencesPatch, ROWS};
pub use profile::ProfilePatch;
pub use register::{MEMBER, NewRegistration};
pub(crate) use rows::{change, clear_lockout, did, end_sessions, put, require, themselves};
pub(crate) use token::{hash_of, lockout_key, lockout_key_at, new_token};

use crate::access::{Limit, Limits, Refusal, identity_of};

/// Knows the people. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) hasher: Hasher,
    limits: Limits,
}

impl Accounts {
    /// The people in `store`. `limits` keep them from being flooded with mail, and their passwords from being guessed.
    pub fn new(store: Store, env: Env, sealer: Arc<Sealer>, hasher: Hasher, limits: Limits) -> Self {
        Self { store, env, sealer, hasher, limits }
    }

    /// Whether a letter may be written to an address that somebody typed; counts as one if so. An address without an account
    /// counts like any other.
    fn may_write(&self, letter: Letter, to: &Email, from: Option<IpAddr>) -> bool {
        let by_address = from.is_none() || self.limits.take(Limit::LETTERS_BY_ADDRESS, &identity_of(from)).allowed;
        by_address && self.limits.take(Limit::LETTERS_TO, &format!("{letter:?} {}", to.key())).allowed
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

    /// Writes, and hands a refusal back. What was written before a refusal stays, such as its line in the audit trail; a fault
    /// undoes everything.
    pub(crate) async fn decide<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut WriteTx<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.store
            .write(move |tx| match act(tx) {
                Err(Refusal::Fault(error)) => Err(error),
                decided => Ok(decided),
            })
            .await?
    }
}
