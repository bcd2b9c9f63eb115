//! Who may what: callers with their grants, roles and the reasons for them, API keys, and how often somebody may ask.
//! Who somebody is by password or session is the business of `sign_in`.

mod editor;
mod explain;
mod keys;
mod limits;
mod losses;
mod refusal;
mod roles;

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Account, AccountId, Actor, Email, Grants, Permission};
use aviary_kernel::store::tables::{ACCOUNTS, ACCOUNTS_BY_EMAIL};
use aviary_kernel::store::{Read, SortText, Span};
use uuid::Uuid;

pub use editor::{Access, NewRole, RoleInfo, RolePatch};
pub use explain::{Because, Explanation, Giver};
pub use keys::{ApiKeyPatch, BACKEND_MAY, KeyHolder, LONGEST_OVERLAP, NewApiKey};
pub use limits::{Limit, Limits, Verdict, identity_of};
pub use losses::Loss;
pub use refusal::Refusal;
pub(crate) use roles::administrators;
pub use roles::{BUILT_IN, BuiltIn, SUPER_ADMIN, grants_of, keep_an_administrator, needs_second_factor, role};

/// Somebody who was recognised, with what they may.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is, for the record.
    pub actor: Actor,
    /// What they may.
    pub grants: Grants,
    /// The person behind it: themselves, or the owner of the API key.
    pub account: Option<AccountId>,
    /// The session they came with.
    pub session: Option<Uuid>,
    /// A role of theirs asks for a second factor that they have not set up; until then they may do nothing else.
    pub lacks_second_factor: bool,
}

impl Caller {
    /// The owner of the program, who may everything.
    pub fn command_line() -> Self {
        Self::trusted(Actor::command_line(), Grants::all())
    }

    /// Somebody without an account.
    pub fn trusted(actor: Actor, grants: Grants) -> Self {
        Self { actor, grants, account: None, session: None, lacks_second_factor: false }
    }

    /// Whether they may.
    pub fn may(&self, permission: Permission) -> bool {
        !self.lacks_second_factor && self.grants.allow(permission)
    }

    /// Refuses who may not.
    ///
    /// # Errors
    /// [`Error::Forbidden`], which names what is missing.
    pub fn require(&self, permission: Permission) -> Result<()> {
        self.require_second_factor()?;
        if self.grants.allow(permission) {
            return Ok(());
        }
        Err(Error::Forbidden(format!("this needs the permission {permission}; ask an administrator for it")))
    }

    /// Refuses whose role asks for a second factor that they have not set up.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn require_second_factor(&self) -> Result<()> {
        if self.lacks_second_factor {
            let why = "your role asks for a second factor: set it up on your security page first";
            return Err(Error::Forbidden(why.into()));
        }
        Ok(())
    }

    /// Refuses to hand on what the caller does not have.
    ///
    /// # Errors
    /// [`Error::Forbidden`], which names the first permission beyond theirs. Everything (`*`) includes what later releases
    /// add, so only who has it can give it.
    pub fn require_no_more_than_own(&self, given: &Grants) -> Result<()> {
        if given.are_all() && !self.grants.are_all() {
            return Err(Error::Forbidden(
                "this includes every permission there is and will be (*), which you do not have; \
                 nobody can give more than their own"
                    .into(),
            ));
        }
        match self.grants.first_beyond(given) {
            None => Ok(()),
            Some(beyond) => Err(Error::Forbidden(format!(
                "this includes the permission {beyond}, which you do not have; nobody can give more than their own"
            ))),
        }
    }
}

/// The account with this address, whatever the case.
pub(crate) fn by_email(reader: &impl Read, email: &Email) -> Result<Option<Account>> {
    // The index knows the beginning of the address only, so the row has the last word.
    for (_, id) in reader.all_keys(ACCOUNTS_BY_EMAIL, &Span::prefix(&SortText::new(email.as_str())))? {
        if let Some(account) = reader.get(ACCOUNTS, &id)?.filter(|account| account.email == *email) {
            return Ok(Some(account));
        }
    }
    Ok(None)
}
