//! Who may what: roles, keys, limits.

mod explain;
mod keys;
mod limits;
mod roles;

use std::sync::Arc;

use aviary_domain::access::{Access, Caller, NewApiKey, NewRole, grants_of};
use aviary_kernel::base::{Env, ManualClock, Secret, Timestamp};
use aviary_kernel::model::{
    Account, AccountId, AccountSource, Action, Actor, ApiKey, AuditEvent, Email, Grants, Origin, Outcome, Profile, Who,
};
use aviary_kernel::store::tables::{ACCOUNTS, AUDIT};
use aviary_kernel::store::{Options, Read, Span, Store, verify};
use tempfile::TempDir;

/// A house with people in it and nothing else.
pub struct House {
    pub dir: TempDir,
    pub clock: Arc<ManualClock>,
    pub env: Env,
    pub store: Store,
    pub access: Access,
}

impl House {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (env, clock) = Env::manual(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let store = Store::open(Options::file(dir.path().join("aviary.redb"))).unwrap();
        let access = Access::new(store.clone(), env.clone());
        Self { dir, clock, env, store, access }
    }

    /// Somebody with a password and these roles.
    pub fn person(&self, name: &str, roles: &[&str]) -> AccountId {
        let account = Account {
            id: AccountId(self.env.ids.next()),
            email: Email::parse(&format!("{name}@example.com")).unwrap(),
            username: name.to_owned(),
            profile: Profile::default(),
            password: Some("$argon2id$".into()),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            is_active: true,
            email_verified: Some(self.env.now()),
            source: AccountSource::Made,
            second_factor: None,
            second_factor_offer: None,
            created_at: self.env.now(),
            updated_at: self.env.now(),
            last_login_at: None,
        };
        let id = account.id;
        self.store.write_blocking(move |tx| tx.put(ACCOUNTS, &id, &account).map(drop)).unwrap();
        id
    }

    pub fn change(&self, id: AccountId, act: impl FnOnce(&mut Account) + Send + 'static) {
        self.store
            .write_blocking(move |tx| {
                let mut account = tx.get(ACCOUNTS, &id)?.unwrap();
                act(&mut account);
                tx.put(ACCOUNTS, &id, &account).map(drop)
            })
            .unwrap();
    }

    /// As this person would come in at this moment.
    pub fn caller(&self, id: AccountId) -> Caller {
        let (account, grants) = self
            .store
            .read_blocking(|tx| {
                let account = tx.get(ACCOUNTS, &id)?.unwrap();
                let grants = grants_of(tx, &account)?;
                Ok((account, grants))
            })
            .unwrap();
        Caller { account: Some(id), ..Caller::trusted(Actor::new(Who::Person(id), account.email.as_str()), grants) }
    }

    /// Somebody who just came, with these roles.
    pub fn new_caller(&self, name: &str, roles: &[&str]) -> Caller {
        self.caller(self.person(name, roles))
    }

    /// A role, made on the machine itself.
    pub async fn role(&self, name: &str, grants: &[&str]) {
        let new = NewRole { name: name.into(), description: "Of a test.".into(), grants: these(grants) };
        self.access.make_role(&Caller::command_line(), new).await.unwrap();
    }

    /// A key of this person for a day.
    pub async fn key(&self, by: &Caller, grants: &[&str]) -> (ApiKey, Secret<String>) {
        self.access.make_key(by, self.wanted(grants)).await.unwrap()
    }

    pub fn wanted(&self, grants: &[&str]) -> NewApiKey {
        NewApiKey {
            name: "deploy".into(),
            grants: these(grants),
            expires_at: Some(self.env.now().plus(std::time::Duration::from_secs(86_400))),
            ..NewApiKey::default()
        }
    }

    /// The audit trail, oldest first, once all that was left to itself is written.
    pub fn trail(&self) -> Vec<AuditEvent> {
        self.settle();
        let rows = self.store.read_blocking(|tx| tx.all(AUDIT, &Span::all())).unwrap();
        rows.into_iter().map(|(_, event)| event).collect()
    }

    pub fn refusals(&self) -> Vec<String> {
        let refused = |event: AuditEvent| match event.outcome {
            Outcome::Refused(why) if event.action == Action::AccessRefused => Some(why),
            _ => None,
        };
        self.trail().into_iter().filter_map(refused).collect()
    }

    /// Waits for writes that nobody waits for: they come before this one.
    pub fn settle(&self) {
        self.store.write_blocking(|_| Ok(())).unwrap();
    }

    pub fn assert_sound(&self) {
        let report = self.store.read_blocking(verify).unwrap();
        assert!(report.is_clean(), "{report:#?}");
    }
}

pub fn these(grants: &[&str]) -> Grants {
    Grants::parse(grants.iter().copied()).unwrap()
}

pub fn from(address: &str) -> Origin {
    Origin { address: Some(address.parse().unwrap()), ..Origin::default() }
}
