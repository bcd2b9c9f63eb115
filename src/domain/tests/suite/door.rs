//! People and a door to sign in at; no panels.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aviary_domain::access::{Caller, Limits, Refusal};
use aviary_domain::accounts::{Accounts, Hasher};
use aviary_domain::settings::Current;
use aviary_domain::sign_in::{Credentials, SignIn, SignInOptions, SignedIn};
use aviary_kernel::base::{Env, ManualClock, MasterKey, Sealer, Secret, Timestamp};
use aviary_kernel::model::{
    Account, AccountId, AccountSource, Action, AuditEvent, Email, Origin, Profile, Role, Session, SessionKind,
};
use aviary_kernel::store::tables::{ACCOUNTS, AUDIT, ROLES, SESSIONS};
use aviary_kernel::store::{Options, Read, SortText, Span, Store, verify};
use tempfile::TempDir;
use tokio::sync::watch;

/// Everybody's password here.
pub const PASSWORD: &str = "Right1234";
pub const ADA: &str = "ada@example.com";
pub const HOME: &str = "192.0.2.1";
pub const ELSEWHERE: &str = "198.51.100.9";

pub struct Door {
    pub dir: TempDir,
    pub clock: Arc<ManualClock>,
    pub env: Env,
    pub store: Store,
    pub sealer: Arc<Sealer>,
    /// What counts of the settings.
    pub settings: watch::Sender<Arc<Current>>,
    pub sign_in: SignIn,
}

impl Door {
    pub fn new() -> Self {
        Self::with(Hasher::weak().unwrap())
    }

    pub fn with(hasher: Hasher) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (env, clock) = Env::manual(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let store = Store::open(Options::file(dir.path().join("aviary.redb"))).unwrap();
        let sealer = Arc::new(Sealer::new(&MasterKey::parse(&"07".repeat(32)).unwrap()));
        let limits = Limits::new(env.clone());
        let accounts = Accounts::new(store.clone(), env.clone(), sealer.clone(), hasher, limits);
        let settings = watch::Sender::new(Arc::default());
        let sign_in = SignIn::new(accounts, settings.subscribe(), SignInOptions::default());
        Self { dir, clock, env, store, sealer, settings, sign_in }
    }

    /// A door with Ada, who may sign in.
    pub async fn with_ada() -> (Self, AccountId) {
        let door = Self::new();
        let ada = door.person(ADA, &[]).await;
        (door, ada)
    }

    pub async fn person(&self, email: &str, roles: &[&str]) -> AccountId {
        let hash = Hasher::weak().unwrap().hash(PASSWORD.into()).await.unwrap();
        self.person_with(email, roles, Some(hash)).await
    }

    pub async fn person_with(&self, email: &str, roles: &[&str], password: Option<String>) -> AccountId {
        let now = self.env.now();
        let account = Account {
            id: AccountId(self.env.ids.next()),
            email: Email::parse(email).unwrap(),
            username: "somebody".into(),
            profile: Profile::default(),
            password,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            is_active: true,
            email_verified: Some(now),
            source: AccountSource::Made,
            second_factor: None,
            second_factor_offer: None,
            created_at: now,
            updated_at: now,
            last_login_at: None,
        };
        let id = account.id;
        self.store.write(move |tx| tx.put(ACCOUNTS, &id, &account)).await.unwrap();
        id
    }

    pub fn account(&self, id: AccountId) -> Account {
        self.store.read_blocking(|tx| tx.get(ACCOUNTS, &id)).unwrap().unwrap()
    }

    /// Changes an account behind everybody's back.
    pub async fn alter(&self, id: AccountId, act: impl FnOnce(&mut Account)) {
        let mut account = self.account(id);
        act(&mut account);
        self.store.write(move |tx| tx.put(ACCOUNTS, &id, &account)).await.unwrap();
    }

    pub async fn role_that_needs_a_second_factor(&self, name: &str) {
        let role = Role {
            name: name.into(),
            description: String::new(),
            grants: aviary_kernel::model::Grants::default(),
            needs_second_factor: true,
            built_in: true,
        };
        let key = SortText::new(name);
        self.store.write(move |tx| tx.put(ROLES, &key, &role)).await.unwrap();
    }

    pub async fn try_from(&self, from: &str, email: &str, password: &str) -> Result<SignedIn, Refusal> {
        self.sign_in.sign_in(at(from), typed(email, password, None), SessionKind::Api).await
    }

    /// Signs in from home.
    pub async fn enter(&self, email: &str, kind: SessionKind) -> SignedIn {
        self.sign_in.sign_in(at(HOME), typed(email, PASSWORD, None), kind).await.unwrap()
    }

    /// Signs in at the pages, from home, and comes back with the cookie.
    pub async fn caller(&self, email: &str) -> Caller {
        let signed_in = self.enter(email, SessionKind::Browser).await;
        self.sign_in.by_cookie(signed_in.token.reveal(), at(HOME)).await.unwrap().unwrap()
    }

    pub fn sessions(&self) -> Vec<Session> {
        let all = self.store.read_blocking(|tx| tx.all(SESSIONS, &Span::all())).unwrap();
        all.into_iter().map(|(_, session)| session).collect()
    }

    pub fn trail(&self) -> Vec<AuditEvent> {
        let all = self.store.read_blocking(|tx| tx.all(AUDIT, &Span::all())).unwrap();
        all.into_iter().map(|(_, event)| event).collect()
    }

    /// How often something is on record.
    pub fn recorded(&self, action: Action) -> usize {
        self.trail().iter().filter(|event| event.action == action).count()
    }

    pub fn commits(&self) -> u64 {
        self.store.stats().commits.load(Ordering::SeqCst)
    }

    /// Returns when everything that was asked for before is on disk.
    pub async fn settle(&self) {
        self.store.write(|_| Ok(())).await.unwrap();
    }

    pub fn assert_sound(&self) {
        let report = self.store.read_blocking(verify).unwrap();
        assert!(report.is_clean(), "{report:#?}");
    }
}

pub fn at(address: &str) -> Origin {
    let address: IpAddr = address.parse().unwrap();
    Origin { address: Some(address), user_agent: Some("test".into()), request_id: None }
}

pub fn typed(email: &str, password: &str, code: Option<&str>) -> Credentials {
    Credentials { email: email.into(), password: password.into(), code: code.map(Secret::from) }
}

/// The code of a refusal, or `fine`.
pub fn told<T>(result: &Result<T, Refusal>) -> &'static str {
    result.as_ref().map_or_else(Refusal::code, |_| "fine")
}
