use aviary_kernel::base::{Result, Secret};
use aviary_kernel::model::{Account, AccountId, AccountSource, Action, Actor, Email, Letter, Origin, Profile, Purpose};
use aviary_kernel::store::WriteTx;

use super::email_change::is_mere_shadow;
use super::links::drop_links;
use super::profile::{full_line, username};
use super::{Accounts, by_email, check_rules, did, put, themselves};
use crate::access::Refusal;
use crate::audit::{self, Did};
use crate::events::{Happening, RegisteredFacts, Texts, raise};

/// The role of people who have no other.
pub const MEMBER: &str = "MEMBER";

/// What somebody who registers tells.
#[derive(Clone, Debug)]
pub struct NewRegistration {
    /// How they will sign in.
    pub email: String,
    /// The password.
    pub password: Secret<String>,
    /// The password once more.
    pub confirm_password: Option<Secret<String>>,
    /// What they are called; without it the part of the address before the `@`.
    pub username: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
}

impl Accounts {
    /// Makes an account for whoever asks, when that is `open`. They get a link to prove their address. Of an address that
    /// has an account the owner is told, after the same work.
    ///
    /// # Errors
    /// [`Refusal::RegistrationClosed`], then in this order [`Refusal::MissingFields`], [`Refusal::InvalidEmail`], what
    /// [`check_rules`] says, [`Refusal::PasswordsDontMatch`], [`Refusal::EmailExists`].
    pub async fn register(&self, origin: &Origin, new: NewRegistration, open: bool) -> Result<AccountId, Refusal> {
        if !open {
            return Err(Refusal::RegistrationClosed);
        }
        let wanted = Wanted::read(&new)?;
        let hash = self.hasher.hash(new.password).await?;
        let heard = self.may_write(Letter::AlreadyRegistered, &wanted.email, origin.address);
        let (this, origin) = (self.clone(), origin.clone());
        self.decide(move |tx| match by_email(tx, &wanted.email)? {
            Some(shadow) if is_mere_shadow(tx, &shadow)? => {
                drop_links(tx, shadow.id, |_| true)?;
                this.admit(tx, &origin, wanted.into_account(&this, Some(shadow), hash))
            }
            Some(owner) => {
                let known = did(Action::Registered, &owner).refused("the address has an account already");
                audit::record(tx, &this.env, &Actor::nobody(origin), known)?;
                if heard && owner.is_active {
                    this.post(tx, Letter::AlreadyRegistered, &owner, &owner.email)?;
                }
                Err(Refusal::EmailExists)
            }
            None => this.admit(tx, &origin, wanted.into_account(&this, None, hash)),
        })
        .await
    }

    fn admit(&self, tx: &mut WriteTx<'_>, origin: &Origin, account: Account) -> Result<AccountId, Refusal> {
        put(tx, &self.env, &account)?;
        self.post_link(tx, Purpose::VerifyEmail, &account, &account.email)?;
        let did: Did = did(Action::Registered, &account);
        audit::record(tx, &self.env, &themselves(&account, origin), did)?;
        let facts = RegisteredFacts {
            account: Some(account.id.0),
            username: Some(account.username),
            email: Some(account.email.as_str().to_owned()),
            other: Texts::new(),
        };
        raise(tx, &self.env, &Happening::UserRegistered(facts))?;
        Ok(account.id)
    }
}

/// A registration that can be taken.
struct Wanted {
    email: Email,
    username: String,
    profile: Profile,
}

impl Wanted {
    fn read(new: &NewRegistration) -> Result<Self, Refusal> {
        let Some(confirm) = &new.confirm_password else { return Err(Refusal::MissingFields) };
        if [new.email.trim(), new.password.reveal(), confirm.reveal()].contains(&"") {
            return Err(Refusal::MissingFields);
        }
        let email = Email::parse(&new.email).map_err(|_| Refusal::InvalidEmail)?;
        check_rules(new.password.reveal())?;
        if *confirm != new.password {
            return Err(Refusal::PasswordsDontMatch);
        }
        Ok(Self {
            username: match new.username.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
                Some(name) => username(name)?,
                None => name_of(&email),
            },
            profile: Profile {
                first_name: full_line("firstName", new.first_name.as_deref())?,
                last_name: full_line("lastName", new.last_name.as_deref())?,
                ..Profile::default()
            },
            email,
        })
    }

    /// A new account, or the one that stood for a panel's user.
    fn into_account(self, accounts: &Accounts, shadow: Option<Account>, hash: String) -> Account {
        let blank = blank(accounts, self.email, self.username, AccountSource::Registered);
        let base = match shadow {
            Some(shadow) => Account { email: blank.email, username: blank.username, email_verified: None, ..shadow },
            None => blank,
        };
        Account { password: Some(hash), profile: self.profile, updated_at: accounts.env.now(), ..base }
    }
}

/// What somebody is called who did not say: the part of the address before the `@`.
pub(super) fn name_of(email: &Email) -> String {
    email.as_str().split('@').next().unwrap_or_default().chars().take(60).collect()
}

/// An account with nothing in it.
pub(super) fn blank(accounts: &Accounts, email: Email, username: String, source: AccountSource) -> Account {
    let now = accounts.env.now();
    Account {
        id: AccountId(accounts.env.ids.next()),
        email,
        username,
        profile: Profile::default(),
        password: None,
        roles: vec![MEMBER.to_owned()],
        is_active: true,
        email_verified: None,
        source,
        second_factor: None,
        second_factor_offer: None,
        created_at: now,
        updated_at: now,
        last_login_at: None,
    }
}
