//! What people with permissions do to the accounts of others. Nobody acts on somebody who may more than they do.

use aviary_kernel::base::{Error, Result, Secret, Timestamp};
use aviary_kernel::model::{Account, AccountId, AccountSource, Action, Grants, Permission, Purpose};
use aviary_kernel::store::{Read, WriteTx};

use super::email_change::is_mere_shadow;
use super::follow::tend;
use super::links::{drop_links, typed};
use super::profile::{ProfilePatch, username};
use super::register::{MEMBER, blank, name_of};
use super::rows::{did_change, erase};
use super::{Accounts, by_email, change, check_rules, did, end_sessions, put, require};
use crate::access::{Caller, Refusal, grants_of, keep_an_administrator, role};
use crate::audit;
use crate::mails::lifetime;

/// An account that somebody makes for another.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// How they will sign in.
    pub email: String,
    /// What they are called; without it the part of the address before the `@`.
    pub username: Option<String>,
    /// The password; without one they set it by a link.
    pub password: Option<Secret<String>>,
    /// Names of roles; none = a member.
    pub roles: Vec<String>,
    /// The address is known to be theirs; if not, they get a link to prove it, or to set a password, which proves it too.
    pub verified: bool,
}

/// What is to be different about an account; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct AccountPatch {
    /// The address. It takes effect at once, and is to be proved unless `verified` says otherwise.
    pub email: Option<String>,
    /// Whether the address is known to be theirs.
    pub verified: Option<bool>,
    /// What they tell about themselves.
    pub profile: ProfilePatch,
}

/// A link to set another password, to be handed on by hand.
#[derive(Clone, Debug)]
pub struct ResetLink {
    /// Whose.
    pub account: Account,
    /// The token in it.
    pub token: Secret<String>,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

impl Accounts {
    /// Makes an account. One that only stood for a panel's user with this address becomes it. To say that the address is
    /// known to be theirs needs `account.security` too.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Refusal::MissingEmail`], [`Refusal::InvalidEmail`], what [`check_rules`] says,
    /// [`Refusal::EmailExists`]; [`Error::Invalid`] for a role that there is not.
    pub async fn create(&self, by: &Caller, new: NewAccount) -> Result<Account, Refusal> {
        by.require(Permission::AccountWrite)?;
        if new.verified {
            // Who has a panel user's address has their servers.
            by.require(Permission::AccountSecurity)?;
        }
        let email = typed(&new.email)?;
        let called = match new.username.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) => username(name)?,
            None => name_of(&email),
        };
        let hash = match new.password {
            Some(password) => {
                check_rules(password.reveal())?;
                Some(self.hasher.hash(password).await?)
            }
            None => None,
        };
        let (this, by) = (self.clone(), by.clone());
        self.decide(move |tx| {
            let roles = roles_to_give(tx, &by, &new.roles)?;
            let blank = blank(&this, email.clone(), called, AccountSource::Made);
            let id = match by_email(tx, &email)? {
                Some(shadow) if is_mere_shadow(tx, &shadow)? => {
                    drop_links(tx, shadow.id, |_| true)?;
                    shadow.id
                }
                Some(_) => return Err(Refusal::EmailExists),
                None => blank.id,
            };
            let email_verified = new.verified.then(|| this.env.now());
            let has_password = hash.is_some();
            let account = Account { id, roles, email_verified, password: hash, ..blank };
            put(tx, &this.env, &account)?;
            if !new.verified {
                // Whoever sets a password by the link proves the address with it.
                let purpose = if has_password { Purpose::VerifyEmail } else { Purpose::ResetPassword };
                this.post_link(tx, purpose, &account, &account.email)?;
            }
            let did = did(Action::AccountMade, &account).changed("roles", None, Some(account.roles.join(", ")));
            audit::record(tx, &this.env, &by.actor, did)?;
            Ok(account)
        })
        .await
    }

    /// Changes what is known of somebody; another address, or that it is theirs, needs `account.security` too.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Invalid`] at the field; [`Refusal::InvalidEmail`],
    /// [`Refusal::EmailExists`]; [`Error::Conflict`] when the last administrator would have to prove their address first.
    pub async fn update(&self, by: &Caller, id: AccountId, patch: AccountPatch) -> Result<Account, Refusal> {
        by.require(Permission::AccountWrite)?;
        let email = patch.email.as_deref().map(typed).transpose()?;
        let (this, by) = (self.clone(), by.clone());
        self.decide(move |tx| {
            let account = target(tx, &by, id)?;
            let moves = email.as_ref().is_some_and(|email| *email != account.email);
            if moves || (patch.verified == Some(true) && account.email_verified.is_none()) {
                // Whoever reads the mail of somebody can reset their password, and who has a panel user's address has
                // their servers.
                by.require(Permission::AccountSecurity)?;
            }
            if let Some(email) = &email {
                this.make_room(tx, email, &account)?;
            }
            let now = this.env.now();
            let (before, after) = change(tx, &this.env, id, |account| {
                patch.profile.apply(account)?;
                if let Some(email) = email {
                    account.email = email;
                }
                account.email_verified = match patch.verified {
                    Some(false) => None,
                    Some(true) => account.email_verified.filter(|_| !moves).or(Some(now)),
                    None => account.email_verified.filter(|_| !moves),
                };
                Ok(())
            })?;
            if moves {
                drop_links(tx, id, |_| true)?;
                tend(tx, &this.env, &before.email)?;
            }
            if before.email_verified.is_some() && after.email_verified.is_none() {
                // Who has not proved their address cannot sign in.
                keep_an_administrator_after(tx, &before)?;
            }
            if moves && after.email_verified.is_none() {
                this.post_link(tx, Purpose::VerifyEmail, &after, &after.email)?;
            }
            record_change(tx, &this, &by, Action::AccountChanged, &before, &after)?;
            Ok(after)
        })
        .await
    }

    /// Sets the roles of somebody.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a role that there is not; [`Error::Forbidden`] when the roles they have or
    /// get include more than the caller may; [`Error::Conflict`] when nobody would be left who may everything.
    pub async fn set_roles(&self, by: &Caller, id: AccountId, roles: Vec<String>) -> Result<Account> {
        by.require(Permission::RoleAssign)?;
        let (this, by) = (self.clone(), by.clone());
        self.store
            .write(move |tx| {
                target(tx, &by, id)?;
                let roles = known_roles(tx, &roles)?;
                by.require_no_more_than_own(&grants_of_roles(tx, &roles)?)?;
                let (before, after) = change(tx, &this.env, id, |account| {
                    account.roles = roles;
                    Ok(())
                })?;
                keep_an_administrator_after(tx, &before)?;
                record_change(tx, &this, &by, Action::RolesChanged, &before, &after)?;
                Ok(after)
            })
            .await
    }

    /// Disables somebody: their sessions end at once, and nothing of theirs works.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`]; [`Error::Conflict`] for oneself or the last administrator.
    pub async fn disable(&self, by: &Caller, id: AccountId) -> Result<Account> {
        by.require(Permission::AccountWrite)?;
        not_oneself(by, id, "you cannot disable your own account: ask another administrator")?;
        let (this, by) = (self.clone(), by.clone());
        self.store
            .write(move |tx| {
                target(tx, &by, id)?;
                let (before, after) = change(tx, &this.env, id, |account| {
                    account.is_active = false;
                    Ok(())
                })?;
                end_sessions(tx, id, None)?;
                drop_links(tx, id, |_| true)?;
                keep_an_administrator_after(tx, &before)?;
                record_change(tx, &this, &by, Action::AccountDisabled, &before, &after)?;
                Ok(after)
            })
            .await
    }

    /// Lets somebody in again.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`].
    pub async fn enable(&self, by: &Caller, id: AccountId) -> Result<Account> {
        by.require(Permission::AccountWrite)?;
        let (this, by) = (self.clone(), by.clone());
        self.store
            .write(move |tx| {
                target(tx, &by, id)?;
                let (before, after) = change(tx, &this.env, id, |account| {
                    account.is_active = true;
                    Ok(())
                })?;
                record_change(tx, &this, &by, Action::AccountEnabled, &before, &after)?;
                Ok(after)
            })
            .await
    }

    /// Sets another password for somebody. As after a reset, every session ends and every link is taken back.
    ///
    /// # Errors
    /// What [`check_rules`] says; [`Error::NotFound`], [`Error::Forbidden`], [`Error::Conflict`] for oneself.
    pub async fn set_password(
        &self,
        by: &Caller,
        id: AccountId,
        password: &Secret<String>,
    ) -> Result<Account, Refusal> {
        by.require(Permission::AccountSecurity)?;
        not_oneself(by, id, "change your own password on your profile, with the present one")?;
        check_rules(password.reveal())?;
        let hash = self.hasher.hash(password.clone()).await?;
        let (this, by) = (self.clone(), by.clone());
        self.decide(move |tx| {
            target(tx, &by, id)?;
            let account = this.replace_password(tx, id, hash, false)?;
            audit::record(tx, &this.env, &by.actor, did(Action::PasswordReset, &account))?;
            Ok(account)
        })
        .await
    }

    /// Makes a link to set another password, for somebody whom mail does not reach.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`]; [`Error::Conflict`] when the account is disabled.
    pub async fn reset_link(&self, by: &Caller, id: AccountId) -> Result<ResetLink> {
        by.require(Permission::AccountSecurity)?;
        let (this, by) = (self.clone(), by.clone());
        self.store
            .write(move |tx| {
                let account = target(tx, &by, id)?;
                if !account.is_active {
                    return Err(Error::Conflict("this account is disabled: enable it first".into()));
                }
                let token = this.new_link(tx, Purpose::ResetPassword, &account, &account.email)?;
                audit::record(tx, &this.env, &by.actor, did(Action::PasswordResetAsked, &account))?;
                let expires_at = this.env.now().plus(lifetime(Purpose::ResetPassword));
                Ok(ResetLink { account, token, expires_at })
            })
            .await
    }

    /// Takes the second factor off somebody who lost it. Their sessions end.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Conflict`] for oneself.
    pub async fn reset_second_factor(&self, by: &Caller, id: AccountId) -> Result<Account> {
        by.require(Permission::AccountSecurity)?;
        not_oneself(by, id, "turn your own second factor off on your security page")?;
        let (this, by) = (self.clone(), by.clone());
        self.store
            .write(move |tx| {
                target(tx, &by, id)?;
                let (_, after) = change(tx, &this.env, id, |account| {
                    account.second_factor = None;
                    account.second_factor_offer = None;
                    Ok(())
                })?;
                end_sessions(tx, id, None)?;
                audit::record(tx, &this.env, &by.actor, did(Action::SecondFactorReset, &after))?;
                Ok(after)
            })
            .await
    }

    /// Removes somebody with their sessions, keys, links and saved searches. What they did stays on record.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`]; [`Error::Conflict`] for oneself, the last administrator, and an account that
    /// only stands for a panel's user.
    pub async fn remove(&self, by: &Caller, id: AccountId) -> Result<()> {
        by.require(Permission::AccountWrite)?;
        not_oneself(by, id, "you cannot remove your own account: ask another administrator")?;
        let (this, by) = (self.clone(), by.clone());
        self.store
            .write(move |tx| {
                let account = target(tx, &by, id)?;
                if !account.is_claimed() {
                    return Err(Error::Conflict(
                        "this account stands for a user of a panel and goes with it; disable it instead".into(),
                    ));
                }
                drop_links(tx, id, |_| true)?;
                erase(tx, &this.env, &account)?;
                keep_an_administrator_after(tx, &account)?;
                audit::record(tx, &this.env, &by.actor, did(Action::AccountRemoved, &account))?;
                tend(tx, &this.env, &account.email)
            })
            .await
    }
}

/// An account that the caller may act on: one that may no more than they do.
pub(super) fn target(reader: &impl Read, by: &Caller, id: AccountId) -> Result<Account> {
    let account = require(reader, id)?;
    require_not_above(reader, by, &account)?;
    Ok(account)
}

/// Refuses to act on somebody who may more.
pub(super) fn require_not_above(reader: &impl Read, by: &Caller, account: &Account) -> Result<()> {
    match by.grants.first_beyond(&grants_of(reader, account)?) {
        None => Ok(()),
        Some(beyond) => Err(Error::Forbidden(format!(
            "{} has the permission {beyond}, which you do not have: somebody who may as much must do this",
            account.username
        ))),
    }
}

fn not_oneself(by: &Caller, id: AccountId, why: &str) -> Result<()> {
    if by.account == Some(id) { Err(Error::Conflict(why.to_owned())) } else { Ok(()) }
}

/// The roles of a new account; giving more than membership needs the permission for it.
fn roles_to_give(reader: &impl Read, by: &Caller, names: &[String]) -> Result<Vec<String>> {
    let roles = known_roles(reader, names)?;
    if roles.iter().all(|name| name == MEMBER) {
        return Ok(vec![MEMBER.to_owned()]);
    }
    by.require(Permission::RoleAssign)?;
    by.require_no_more_than_own(&grants_of_roles(reader, &roles)?)?;
    Ok(roles)
}

fn known_roles(reader: &impl Read, names: &[String]) -> Result<Vec<String>> {
    let mut known: Vec<String> = Vec::new();
    for name in names {
        let Some(role) = role(reader, name.trim())? else {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            return Err(Error::invalid("roles", format!("there is no role {shown}")));
        };
        if !known.contains(&role.name) {
            known.push(role.name);
        }
    }
    Ok(known)
}

fn grants_of_roles(reader: &impl Read, names: &[String]) -> Result<Grants> {
    let mut grants = Grants::default();
    for name in names {
        grants.0.extend(role(reader, name)?.into_iter().flat_map(|role| role.grants.0));
    }
    Ok(grants)
}

/// Something was taken from an account: whoever was the last administrator keeps it. While there is none, as before the first
/// run, nobody else is held up.
fn keep_an_administrator_after(tx: &WriteTx<'_>, before: &Account) -> Result<()> {
    if grants_of(tx, before)?.are_all() { keep_an_administrator(tx) } else { Ok(()) }
}

fn record_change(
    tx: &mut WriteTx<'_>,
    accounts: &Accounts,
    by: &Caller,
    action: Action,
    before: &Account,
    after: &Account,
) -> Result<()> {
    let did = did_change(action, before, after);
    if did.has_changes() {
        audit::record(tx, &accounts.env, &by.actor, did)?;
    }
    Ok(())
}
