//! What operators change while Aviary runs: a closed catalogue of typed settings. What nobody set is as in the configuration,
//! and what is not there either has its default.
//!
//! `catalogue` declares the settings, `value` reads and stores values, `change` makes, undoes and remembers changes, and
//! `connect` tests whether what is set leads anywhere.

mod catalogue;
mod change;
mod connect;
mod current;
mod history;
mod mail;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use aviary_kernel::base::{Env, Error, Result, Sealer, Secret, Timestamp};
use aviary_kernel::config::{Config, SetBy};
use aviary_kernel::model::{Actor, PanelId, SettingValue, StoredValue};
use aviary_kernel::store::rows::Setting;
use aviary_kernel::store::tables::{SETTING_VALUES, SETTINGS};
use aviary_kernel::store::{Read, SortText, Store, WriteTx};
use aviary_remote::Outside;
use tokio::sync::{Mutex, watch};
use url::Url;

use crate::masked::MASK;
use crate::panels::{self, Front, Panels};

pub use catalogue::{About, Group, Key, Type};
pub use change::{FieldFault, Refused};
pub use connect::{Given, TestReport, Tested};
pub use current::{AutoSync, Current, SHORTEST_INTERVAL_S};
pub use history::{ChangePage, PastChange};
pub use mail::{MailService, MailSettings, SmtpServer};
pub use value::{Value, Wanted};

/// Reads and changes settings.
#[derive(Clone)]
pub struct Settings {
    store: Store,
    env: Env,
    sealer: Arc<Sealer>,
    panels: Panels,
    base: Arc<BTreeMap<Key, (Value, SetBy)>>,
    current: Arc<watch::Sender<Arc<Current>>>,
    /// Held while the current values are read anew, so that an older look never follows a newer one.
    refreshing: Arc<Mutex<()>>,
    mail_api: Arc<Url>,
    /// Where webhooks may lead.
    outside: Outside,
}

/// A setting with its value and where that comes from.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The setting.
    pub key: Key,
    /// The value, as JSON; secrets are masked, and empty when there is none.
    pub value: serde_json::Value,
    /// What counts when it is reset; masked the same way.
    pub base: serde_json::Value,
    /// Where the value comes from.
    pub source: Source,
}

/// Where the value of a setting comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// From the configuration, or nobody set it.
    Config(SetBy),
    /// Somebody set it here.
    Set {
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// It is that of a panel.
    Panel {
        /// Its number.
        id: PanelId,
        /// What people call it.
        name: String,
    },
}

impl Settings {
    /// The settings in `store`; what nobody set is as in `config`. [`Settings::load`] makes them count.
    pub fn new(store: Store, env: Env, sealer: Arc<Sealer>, panels: Panels, config: &Config) -> Self {
        let base: BTreeMap<_, _> = Key::ALL.iter().map(|key| (*key, key.base(config))).collect();
        let current = Current::of(|key| Ok(base[&key].0.clone())).unwrap_or_default();
        Self {
            store,
            env,
            sealer,
            panels,
            base: Arc::new(base),
            current: Arc::new(watch::Sender::new(Arc::new(current))),
            refreshing: Arc::default(),
            outside: Outside { allowed: config.webhooks.allowed_networks.clone(), ..Outside::default() },
            mail_api: Arc::new(
                Url::parse(config.mail.resend_url.as_str()).expect("the configuration holds addresses only"),
            ),
        }
    }

    /// With another mail service that speaks like Resend.
    #[must_use]
    pub fn with_mail_api(self, base: Url) -> Self {
        Self { mail_api: Arc::new(base), ..self }
    }

    /// Takes over what an earlier release stored in another form, and lets everybody know what counts.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn load(&self) -> Result<()> {
        let (sealer, now) = (self.sealer.clone(), self.env.now());
        self.store.write(move |tx| take_over_auto_sync(tx, &sealer, now)).await?;
        self.refresh().await
    }

    /// Every setting, in the order of the page.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn all(&self) -> Result<Vec<Shown>> {
        let this = self.clone();
        self.store.read(move |tx| Key::ALL.iter().map(|key| this.shown(tx, *key)).collect()).await
    }

    /// One setting.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn get(&self, key: Key) -> Result<Shown> {
        let this = self.clone();
        self.store.read(move |tx| this.shown(tx, key)).await
    }

    /// The value that counts, secrets in clear.
    ///
    /// # Errors
    /// When the file cannot be read, or a secret does not open.
    pub async fn value(&self, key: Key) -> Result<Value> {
        let this = self.clone();
        self.store.read(move |tx| this.value_in(tx, key)).await
    }

    /// What counts now, without a look into the file; see also [`Settings::watch`].
    pub fn current(&self) -> Arc<Current> {
        self.current.borrow().clone()
    }

    /// Tells whoever waits when something of it becomes different.
    pub fn watch(&self) -> watch::Receiver<Arc<Current>> {
        self.current.subscribe()
    }

    fn base(&self, key: Key) -> &(Value, SetBy) {
        self.base.get(&key).expect("there is one for every key of the catalogue")
    }

    fn value_in(&self, reader: &impl Read, key: Key) -> Result<Value> {
        if key.is_of_panel() {
            return self.value_of_panel(reader, key);
        }
        match stored(reader, key)? {
            Some(stored) => Value::load(key, &stored.value, &self.sealer),
            None => Ok(self.base(key).0.clone()),
        }
    }

    fn value_of_panel(&self, reader: &impl Read, key: Key) -> Result<Value> {
        let Some(panel) = panels::first(reader)? else { return Ok(self.base(key).0.clone()) };
        Ok(match key {
            Key::PterodactylApiKey => Value::Secret(Some(self.panels.keys(&panel)?.app_key)),
            Key::PterodactylClientApiKey => Value::Secret(self.panels.keys(&panel)?.client_key),
            _ => Value::Text(panel.base_url),
        })
    }

    fn shown(&self, reader: &impl Read, key: Key) -> Result<Shown> {
        let (base, from) = self.base(key);
        let base = base.shown();
        if key.is_of_panel() {
            return shown_of_panel(reader, key, base);
        }
        let Some(SettingValue { value, at, by }) = stored(reader, key)? else {
            return Ok(Shown { key, value: base.clone(), base, source: Source::Config(from.clone()) });
        };
        let value = match &value {
            StoredValue::Secret { .. } => MASK.into(),
            StoredValue::Plain(_) => Value::load(key, &value, &self.sealer)?.shown(),
        };
        Ok(Shown { key, value, base, source: Source::Set { by, at } })
    }

    /// Reads anew what counts and lets everybody know.
    async fn refresh(&self) -> Result<()> {
        let _one_at_a_time = self.refreshing.lock().await;
        let this = self.clone();
        let look = move |tx: &aviary_kernel::store::ReadTx| {
            let current = Current::of(|key| this.value_in(tx, key))?;
            let id = this.value_in(tx, Key::CfAccessClientId)?.text();
            let token = id.zip(this.value_in(tx, Key::CfAccessClientSecret)?.secret());
            let hosts = this.value_in(tx, Key::CfAccessHosts)?.text().unwrap_or_default();
            Ok((current, token.map(|token| front(&hosts, token)).unwrap_or_default()))
        };
        let (current, front) = self.store.read(look).await?;
        self.panels.send_along(front);
        self.current.send_if_modified(|known| {
            let differs = **known != current;
            if differs {
                *known = Arc::new(current);
            }
            differs
        });
        Ok(())
    }
}

fn front(hosts: &str, (id, secret): (String, Secret<String>)) -> Front {
    let hosts = hosts.split(',').map(|host| host.trim().to_ascii_lowercase()).filter(|host| !host.is_empty());
    let headers = vec![("CF-Access-Client-Id".into(), Secret::new(id)), ("CF-Access-Client-Secret".into(), secret)];
    Front { hosts: hosts.collect(), headers }
}

fn shown_of_panel(reader: &impl Read, key: Key, base: serde_json::Value) -> Result<Shown> {
    let Some(panel) = panels::first(reader)? else {
        return Ok(Shown { key, value: base.clone(), base, source: Source::Config(SetBy::Default) });
    };
    let value = match key {
        Key::PterodactylUrl => panel.base_url.into(),
        Key::PterodactylClientApiKey if panel.client_key.is_none() => "".into(),
        _ => MASK.into(),
    };
    Ok(Shown { key, value, base, source: Source::Panel { id: panel.id, name: panel.name } })
}

fn stored(reader: &impl Read, key: Key) -> Result<Option<SettingValue>> {
    reader.get(SETTING_VALUES, &row(key))
}

/// Where a setting stands in its tables.
fn row(key: Key) -> SortText {
    SortText::new(key.about().key)
}

/// Earlier releases kept one JSON text for automatic syncs.
fn take_over_auto_sync(tx: &mut WriteTx<'_>, sealer: &Sealer, at: Timestamp) -> Result<()> {
    const OLD: &str = "auto_sync";
    let Some(Setting(text)) = tx.get(SETTINGS, &SortText::new(OLD))? else { return Ok(()) };
    let old: AutoSync = serde_json::from_str(&text).map_err(|e| Error::corrupt(SETTINGS.name(), e))?;
    let by = Actor::job("earlier release");
    let every = Value::Number(old.every_s.max(SHORTEST_INTERVAL_S).into());
    for (key, value) in [(Key::AutoSyncEnabled, Value::Switch(old.enabled)), (Key::SyncInterval, every)] {
        let value = SettingValue { value: value.store(key, sealer)?, at, by: by.clone() };
        tx.put(SETTING_VALUES, &row(key), &value)?;
    }
    tx.remove(SETTINGS, &SortText::new(OLD)).map(drop)
}
