//! People: what they do themselves, what is done to them, and who there is.

mod dashboard;
mod email_change;
mod first_run;
mod follow;
mod links;
mod list;
mod manage;
mod preferences;
mod profile;
mod register;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aviary_domain::access::{Caller, Limits, Refusal, grants_of};
use aviary_domain::accounts::{Accounts, Hasher, NewAccount, NewRegistration, Person};
use aviary_domain::feed;
use aviary_domain::mails::{MailOptions, Mails, ShownMail, Site};
use aviary_domain::panels::{HttpOptions, Panels};
use aviary_domain::settings::Settings;
use aviary_domain::sign_in::{SignIn, SignInOptions};
use aviary_kernel::base::{Env, ManualClock, MasterKey, Sealer, Secret, Timestamp};
use aviary_kernel::config::Config;
use aviary_kernel::model::{
    Account, AccountId, Action, Actor, AuditEvent, Kind, Letter, Mail, MailContent, ObjectKey, Operation, Origin,
    Outcome, PanelId, Purpose, RemoteId, Session, SessionKind, User, Who,
};
use aviary_kernel::store::rows::{Change, Mirrored};
use aviary_kernel::store::tables::{ACCOUNTS, AUDIT, MAILS, ONE_TIME_TOKENS, SESSIONS, SESSIONS_BY_ACCOUNT, USERS};
use aviary_kernel::store::{Options, Read, Span, Store, verify};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

/// A password that follows the rules.
pub const GOOD: &str = "Right1234";

/// A place with people.
pub struct People {
    pub dir: TempDir,
    pub clock: Arc<ManualClock>,
    pub env: Env,
    pub store: Store,
    pub accounts: Accounts,
    pub mails: Mails,
}

fn services(store: &Store, env: &Env) -> (Accounts, Mails) {
    let sealer = Arc::new(Sealer::new(&MasterKey::parse(&"07".repeat(32)).unwrap()));
    let limits = Limits::new(env.clone());
    let (store, env) = (store.clone(), env.clone());
    let panels = Panels::new(store.clone(), env.clone(), sealer.clone(), HttpOptions::default(), 80);
    let settings = Settings::new(store.clone(), env.clone(), sealer.clone(), panels, &Config::default());
    let options = MailOptions::default();
    let mails = Mails::new(store.clone(), env.clone(), sealer.clone(), settings, limits.clone(), options);
    (Accounts::new(store, env, sealer, Hasher::weak().unwrap(), limits), mails)
}

pub fn secret(text: &str) -> Secret<String> {
    Secret::from(text)
}

pub fn nowhere() -> Origin {
    Origin::default()
}

pub fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
    match result {
        Err(refusal) => refusal.code(),
        Ok(done) => panic!("it was done: {done:?}"),
    }
}

pub fn registration(email: &str) -> NewRegistration {
    NewRegistration {
        email: email.into(),
        password: secret(GOOD),
        confirm_password: Some(secret(GOOD)),
        username: None,
        first_name: None,
        last_name: None,
    }
}

pub fn new_account(email: &str, roles: &[&str]) -> NewAccount {
    NewAccount {
        email: email.into(),
        username: None,
        password: Some(secret(GOOD)),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        verified: true,
    }
}

impl People {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (env, clock) = Env::manual(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let store = Store::open(Options::file(dir.path().join("aviary.redb"))).unwrap();
        let (accounts, mails) = services(&store, &env);
        Self { dir, clock, env, store, accounts, mails }
    }

    /// Where these people sign in.
    pub fn sign_in(&self) -> SignIn {
        let settings = watch::Sender::new(Arc::default());
        SignIn::new(self.accounts.clone(), settings.subscribe(), SignInOptions::default())
    }

    /// Closes everything without a word of goodbye and opens what was on disk.
    pub fn crash(self) -> Self {
        let Self { dir, clock, env, store, accounts, mails } = self;
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(dir.path().join("aviary.redb"), copy.path().join("aviary.redb")).unwrap();
        drop((accounts, mails, store));
        let store = Store::open(Options::file(copy.path().join("aviary.redb"))).unwrap();
        let (accounts, mails) = services(&store, &env);
        Self { dir: copy, clock, env, store, accounts, mails }
    }

    pub fn read<T>(&self, act: impl FnOnce(&aviary_kernel::store::ReadTx) -> aviary_kernel::base::Result<T>) -> T {
        self.store.read_blocking(act).unwrap()
    }

    pub fn commits(&self) -> u64 {
        self.store.stats().commits.load(Ordering::SeqCst)
    }

    /// Somebody with these roles, made by the owner of the program.
    pub async fn made(&self, email: &str, roles: &[&str]) -> Account {
        self.accounts.create(&Caller::command_line(), new_account(email, roles)).await.unwrap()
    }

    pub async fn registered(&self, email: &str) -> Account {
        let id = self.accounts.register(&nowhere(), registration(email), true).await.unwrap();
        self.account(id)
    }

    pub fn account(&self, id: AccountId) -> Account {
        self.read(|tx| tx.get(ACCOUNTS, &id)).unwrap()
    }

    pub fn by_email(&self, email: &str) -> Option<Account> {
        self.everybody().into_iter().find(|account| account.email.key() == email.to_lowercase())
    }

    pub fn everybody(&self) -> Vec<Account> {
        self.read(|tx| tx.all(ACCOUNTS, &Span::all())).into_iter().map(|(_, account)| account).collect()
    }

    pub async fn person(&self, id: AccountId) -> Person {
        self.accounts.person(id).await.unwrap()
    }

    /// The person themselves, signed in.
    pub fn caller(&self, account: &Account) -> Caller {
        let grants = self.read(|tx| grants_of(tx, account));
        let actor = Actor::new(Who::Person(account.id), account.email.as_str());
        Caller { account: Some(account.id), ..Caller::trusted(actor, grants) }
    }

    /// Signs somebody in, without asking.
    pub fn session(&self, account: AccountId) -> Uuid {
        let (id, now) = (self.env.ids.next(), self.env.now());
        let session = Session {
            id,
            account,
            kind: SessionKind::Browser,
            token: [id.as_bytes()[15]; 32],
            generation: 0,
            created_at: now,
            seen_at: now,
            expires_at: now.plus(std::time::Duration::from_secs(3600)),
            address: None,
            user_agent: None,
        };
        self.store.write_blocking(move |tx| tx.put(SESSIONS, &id, &session)).unwrap();
        id
    }

    pub fn sessions(&self, account: AccountId) -> Vec<Uuid> {
        let keys = self.read(|tx| tx.all_keys(SESSIONS_BY_ACCOUNT, &Span::prefix(&account)));
        keys.into_iter().map(|(_, session)| session).collect()
    }

    /// Letters in the order they were written.
    pub fn letters(&self) -> Vec<(Letter, String)> {
        let mails = self.read(|tx| tx.all(MAILS, &Span::all()));
        mails.into_iter().map(|(_, mail)| (letter_of(&mail), mail.to.to_string())).collect()
    }

    pub fn letters_to(&self, email: &str) -> Vec<Letter> {
        self.letters().into_iter().filter(|(_, to)| to == email).map(|(letter, _)| letter).collect()
    }

    pub async fn newest_mail(&self, letter: Letter) -> ShownMail {
        let mails = self.read(|tx| tx.all(MAILS, &Span::all()));
        let (number, _) = mails.into_iter().rfind(|(_, mail)| letter_of(mail) == letter).unwrap();
        let site = Site { name: "Here".into(), site_url: Some("https://site.example".into()), ..Site::default() };
        self.mails.open(&Caller::command_line(), number, &site).await.unwrap()
    }

    /// The token in the newest letter of a kind.
    pub async fn token(&self, letter: Letter) -> Secret<String> {
        let link = self.newest_mail(letter).await.link.unwrap();
        let token = link.split_once("token=").unwrap().1.split('&').next().unwrap();
        assert_eq!(token.len(), 64);
        secret(token)
    }

    pub fn links(&self, purpose: Purpose) -> usize {
        let links = self.read(|tx| tx.all(ONE_TIME_TOKENS, &Span::all()));
        links.into_iter().filter(|(_, link)| link.purpose == purpose).count()
    }

    pub fn audit(&self) -> Vec<AuditEvent> {
        self.read(|tx| tx.all(AUDIT, &Span::all())).into_iter().map(|(_, event)| event).collect()
    }

    /// How often something is on record as done.
    pub fn done(&self, action: Action) -> usize {
        self.audit().iter().filter(|event| event.action == action && event.outcome == Outcome::Done).count()
    }

    /// How often something is on record as refused.
    pub fn refused(&self, action: Action) -> usize {
        let is_refusal = |event: &&AuditEvent| matches!(event.outcome, Outcome::Refused(_));
        self.audit().iter().filter(|event| event.action == action).filter(is_refusal).count()
    }

    /// A user as a panel tells it.
    pub fn panel_user(&self, panel: u32, id: RemoteId, email: &str, name: &str) {
        self.put_user(panel, user(id, email, name));
    }

    pub fn put_user(&self, panel: u32, user: User) {
        let (env, key) = (self.env.clone(), (PanelId(panel), user.id));
        let row = Mirrored { data: user, hash: [0; 16], first_seen: env.now(), changed_at: env.now() };
        self.store
            .write_blocking(move |tx| {
                let operation =
                    if tx.put(USERS, &key, &row)?.is_some() { Operation::Changed } else { Operation::Created };
                feed::append(tx, &env, Change::Object { key: object(key.0, key.1), operation })
            })
            .unwrap();
    }

    pub fn remove_user(&self, panel: u32, id: RemoteId) {
        let env = self.env.clone();
        self.store
            .write_blocking(move |tx| {
                tx.remove(USERS, &(PanelId(panel), id))?;
                let key = object(PanelId(panel), id);
                feed::append(tx, &env, Change::Object { key, operation: Operation::Removed })
            })
            .unwrap();
    }

    pub async fn follow(&self) {
        self.accounts.follow_panels().await.unwrap();
    }

    pub fn assert_sound(&self) {
        let report = self.store.read_blocking(verify).unwrap();
        assert!(report.is_clean(), "{report:#?}");
    }
}

pub fn object(panel: PanelId, id: RemoteId) -> ObjectKey {
    ObjectKey { panel, kind: Kind::User, id }
}

pub fn user(id: RemoteId, email: &str, name: &str) -> User {
    User {
        id,
        external_id: None,
        uuid: format!("{id:08}-0000-4000-8000-000000000000"),
        username: name.into(),
        email: email.into(),
        first_name: None,
        last_name: None,
        language: "en".into(),
        root_admin: false,
        two_factor: false,
        is_managed_externally: None,
        created_at: None,
        updated_at: None,
    }
}

fn letter_of(mail: &Mail) -> Letter {
    let MailContent::Letter { letter, .. } = &mail.says else { panic!("only letters are written here") };
    *letter
}
