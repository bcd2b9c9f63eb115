//! What a change of a role takes from people, before it is made.

use aviary_kernel::base::Result;
use aviary_kernel::model::{Account, AccountId, Email, Grants, Permission, Role};
use aviary_kernel::store::tables::{ACCOUNTS, ACCOUNTS_BY_ROLE};
use aviary_kernel::store::{Read, SortText, Span};

use super::editor::patched;
use super::{Access, Caller, RolePatch, grants_of, needs_second_factor};

/// What somebody may do now and not after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Who.
    pub account: AccountId,
    /// Their address.
    pub email: Email,
    /// What none of their roles would allow any more.
    pub permissions: Vec<Permission>,
    /// They would need a second factor, have none, and could do nothing until they set one up.
    pub lacks_second_factor: bool,
}

impl Access {
    /// Who would lose something by a change of a role, by address. Accounts that are disabled have nothing to lose. Nothing is
    /// changed.
    ///
    /// # Errors
    /// As [`Access::change_role`], but for what is seen only once it is changed.
    pub async fn losses(&self, by: &Caller, name: &str, patch: RolePatch) -> Result<Vec<Loss>> {
        let (by, name) = (by.clone(), name.to_owned());
        self.store
            .read(move |tx| {
                let (before, after) = patched(tx, &by, &name, patch)?;
                if before.grants == after.grants && before.needs_second_factor == after.needs_second_factor {
                    return Ok(Vec::new());
                }
                let mut losses = Vec::new();
                for (_, id) in tx.all_keys(ACCOUNTS_BY_ROLE, &Span::prefix(&SortText::new(&name)))? {
                    let holder =
                        tx.get(ACCOUNTS, &id)?.filter(|account| account.is_active && account.roles.contains(&name));
                    losses.extend(holder.map(|account| loss(tx, &account, &after)).transpose()?.flatten());
                }
                losses.sort_by_key(|loss| loss.email.key());
                Ok(losses)
            })
            .await
    }
}

/// What somebody loses when one of their roles becomes this.
fn loss(reader: &impl Read, account: &Account, after: &Role) -> Result<Option<Loss>> {
    let (now, then) = (grants_of(reader, account)?, grants_with(reader, account, after)?);
    let lost = |permission: &Permission| now.allow(*permission) && !then.allow(*permission);
    let loss = Loss {
        account: account.id,
        email: account.email.clone(),
        permissions: Permission::ALL.iter().copied().filter(lost).collect(),
        lacks_second_factor: after.needs_second_factor
            && account.second_factor.is_none()
            && !needs_second_factor(reader, account)?,
    };
    Ok((!loss.permissions.is_empty() || loss.lacks_second_factor).then_some(loss))
}

/// What the roles of an account would let it do if one of them were this.
fn grants_with(reader: &impl Read, account: &Account, role: &Role) -> Result<Grants> {
    let others = account.roles.iter().filter(|name| **name != role.name).cloned().collect();
    let mut grants = grants_of(reader, &Account { roles: others, ..account.clone() })?;
    grants.0.extend(role.grants.0.iter().cloned());
    Ok(grants)
}
