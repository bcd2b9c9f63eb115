//! Changes: all of them or none, each with its line in the history, its audit event and its entry in the feed.

use std::collections::BTreeMap;

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Action, Actor, Panel, SettingChange, SettingValue, StoredValue};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::{SETTING_CHANGES, SETTING_VALUES};
use aviary_kernel::store::{Read, WriteTx};
use tracing::error;
use url::Url;

use super::catalogue::Key;
use super::value::{Step, Value, Wanted, merged, repository};
use super::{Settings, row, stored};
use crate::audit::{self, Did};
use crate::events::{Happening, SettingFact, SettingsFacts, raise};
use crate::feed;
use crate::panels::{self, NewPanel, PanelPatch};

/// A value that cannot be taken, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// The setting.
    pub key: Key,
    /// Why, and what would be right; never the value.
    pub reason: String,
}

/// Why nothing was changed.
#[derive(Debug)]
pub enum Refused {
    /// These values cannot be taken; every one of them is named.
    Fields(Vec<FieldFault>),
    /// Something else.
    Other(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let faults = match refused {
            Refused::Other(error) => return error,
            Refused::Fields(faults) => faults,
        };
        let Some((first, more)) = faults.split_first() else { return Self::internal("nothing was wrong") };
        let more = more.iter().map(|fault| format!("; {}: {}", fault.key.about().name, fault.reason));
        Self::invalid(first.key.about().name, format!("{}{}", first.reason, more.collect::<String>()))
    }
}

type Steps = BTreeMap<Key, Step>;

/// A setting that became different.
struct Changed {
    key: Key,
    old: Value,
    new: Value,
}

impl Settings {
    /// Changes several settings, all of them or none. What would stay the same leaves no trace; those that became different
    /// come back.
    ///
    /// # Errors
    /// [`Refused::Fields`] with everything that cannot be taken; `Conflict` when a panel stands in the way.
    pub async fn change(&self, by: &Actor, wanted: Vec<(Key, Wanted)>) -> Result<Vec<Key>, Refused> {
        let steps = read(wanted)?;
        let (this, by) = (self.clone(), by.clone());
        Ok(self.commit(move |tx| this.change_in(tx, &by, steps)).await?)
    }

    /// Puts settings back to what the configuration says, or to their defaults.
    ///
    /// # Errors
    /// [`Refused::Fields`] for what a panel cannot be without.
    pub async fn reset(&self, by: &Actor, keys: &[Key]) -> Result<Vec<Key>, Refused> {
        self.change(by, keys.iter().map(|key| (*key, Wanted::Reset)).collect()).await
    }

    /// Undoes a change, as long as nobody changed the setting again.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it was changed since, or cannot be undone.
    pub async fn undo(&self, by: &Actor, key: Key, number: u64) -> Result<()> {
        let (this, by) = (self.clone(), by.clone());
        self.commit(move |tx| this.undo_in(tx, &by, key, number)).await
    }

    /// Whether a change would reach into a panel, so that whoever makes it must be allowed that too.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn reaches_panel(&self, wanted: &[(Key, Wanted)]) -> Result<bool> {
        let of_panel = wanted.iter().filter(|(key, _)| key.is_of_panel()).cloned().collect();
        // What cannot be taken is told by the change itself.
        let Ok(steps) = read(of_panel) else { return Ok(true) };
        let this = self.clone();
        let differs = move |tx: &aviary_kernel::store::ReadTx| {
            for (key, step) in &steps {
                match step {
                    Step::Keep => {}
                    Step::Put(value) if this.value_in(tx, *key)? == *value => {}
                    _ => return Ok(true),
                }
            }
            Ok(false)
        };
        self.store.read(differs).await
    }

    /// Changes the list of repositories by what is in it, in one go.
    async fn edit_repositories(
        &self,
        by: &Actor,
        edit: impl FnOnce(&mut Vec<String>) -> Result<()> + Send + 'static,
    ) -> Result<Vec<String>> {
        const KEY: Key = Key::GithubRepositories;
        let (this, by) = (self.clone(), by.clone());
        self.commit(move |tx| {
            let Value::List(mut list) = this.value_in(tx, KEY)? else { return Ok(Vec::new()) };
            edit(&mut list)?;
            let list = merged(Vec::new(), list);
            let changed = this.put(tx, &by, KEY, Some(Value::List(list.clone())), Action::SettingChanged)?;
            this.tell(tx, &by, changed.into_iter().collect())?;
            Ok(list)
        })
        .await
    }

    /// Adds a repository, unless it is there; the list after that.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is not `owner/name`.
    pub async fn add_repository(&self, by: &Actor, repo: &str) -> Result<Vec<String>> {
        let name = checked("repo", repo)?;
        self.edit_repositories(by, move |list| {
            list.push(name);
            Ok(())
        })
        .await
    }

    /// Puts a repository in the place of another; at the end when that is not there.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is not `owner/name`.
    pub async fn replace_repository(&self, by: &Actor, old: &str, repo: &str) -> Result<Vec<String>> {
        let (old, name) = (old.trim().to_owned(), checked("repo", repo)?);
        self.edit_repositories(by, move |list| {
            match list.iter_mut().find(|item| **item == old) {
                Some(item) => *item = name,
                None => list.push(name),
            }
            Ok(())
        })
        .await
    }

    /// Takes a repository out of the list, by name or by place. One that is not there is no fault.
    ///
    /// # Errors
    /// [`Error::Invalid`] when neither is said, or both and they do not agree.
    pub async fn remove_repository(&self, by: &Actor, repo: Option<&str>, index: Option<u64>) -> Result<Vec<String>> {
        let repo = repo.map(str::trim).filter(|repo| !repo.is_empty()).map(str::to_owned);
        if repo.is_none() && index.is_none() {
            return Err(Error::invalid("repo", "say which one: send repo, or index"));
        }
        self.edit_repositories(by, move |list| {
            let at_index = index.and_then(|n| usize::try_from(n).ok()).filter(|n| *n < list.len());
            let place = match &repo {
                Some(repo) if index.is_some() && at_index.and_then(|n| list.get(n)) != Some(repo) => {
                    return Err(Error::invalid("index", "is not where that repository stands; send one of the two"));
                }
                Some(repo) => list.iter().position(|item| item == repo),
                None => at_index,
            };
            if let Some(place) = place {
                list.remove(place);
            }
            Ok(())
        })
        .await
    }

    /// Carries out and lets everybody know, even when the one who asked goes away in the middle.
    async fn commit<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let this = self.clone();
        let work = tokio::spawn(async move {
            let done = this.store.write(act).await?;
            if let Err(error) = this.refresh().await {
                error!(%error, "settings were changed, but could not be read again; they count after a restart");
            }
            Ok(done)
        });
        work.await.map_err(Error::internal)?
    }

    fn change_in(&self, tx: &mut WriteTx<'_>, by: &Actor, steps: Steps) -> Result<Vec<Key>> {
        let changed = self.carry_out(tx, by, steps)?;
        let keys = changed.iter().map(|change| change.key).collect();
        self.tell(tx, by, changed)?;
        Ok(keys)
    }

    fn carry_out(&self, tx: &mut WriteTx<'_>, by: &Actor, steps: Steps) -> Result<Vec<Changed>> {
        let (of_panel, steps): (Steps, Steps) = steps.into_iter().partition(|(key, _)| key.is_of_panel());
        let mut changed = self.change_panel(tx, by, of_panel)?;
        self.refuse_to_send_elsewhere(tx, &steps)?;
        // Secrets first, so that the history tells which address the old one was for.
        let (secrets, others): (Steps, Steps) = steps.into_iter().partition(|(key, _)| key.is_secret());
        for (key, step) in secrets.into_iter().chain(others) {
            let target = match step {
                Step::Keep => continue,
                Step::Reset => None,
                Step::Put(value) => Some(value),
                Step::Merge(more) => match self.value_in(tx, key)? {
                    Value::List(before) => Some(Value::List(merged(before, more))),
                    _ => Some(Value::List(more)),
                },
            };
            changed.extend(self.put(tx, by, key, target, Action::SettingChanged)?);
        }
        Ok(changed)
    }

    /// Tells that settings were changed; secrets are masked.
    fn tell(&self, tx: &mut WriteTx<'_>, by: &Actor, changed: Vec<Changed>) -> Result<()> {
        if changed.is_empty() {
            return Ok(());
        }
        let changes = changed.into_iter().map(|Changed { key, old, new }| {
            let about = key.about();
            let label = format!("{}: {}", about.group.title(), about.label);
            SettingFact { key: about.key.to_owned(), label, old: old.told_outside(), new: new.told_outside() }
        });
        let facts = SettingsFacts { by: by.name.clone(), changes: changes.collect() };
        raise(tx, &self.env, &Happening::SettingsChanged(facts)).map(drop)
    }

    /// Whoever may set an address but does not know the secret must not have it sent to a machine of their own: a secret
    /// that is not given along goes to the place it was set for, here or in the configuration, and to no other.
    fn refuse_to_send_elsewhere(&self, reader: &impl Read, steps: &Steps) -> Result<()> {
        for (key, address) in Key::ALL.iter().filter_map(|key| Some((*key, key.goes_to()?))) {
            if !steps.contains_key(&key) && !steps.contains_key(&address) {
                continue;
            }
            let target = match steps.get(&address) {
                Some(Step::Put(value)) => value.clone(),
                Some(Step::Reset) => self.base(address).0.clone(),
                _ => self.value_in(reader, address)?,
            };
            let (secret, set_for) = match steps.get(&key) {
                Some(Step::Put(_)) => continue,
                Some(Step::Reset) => (self.base(key).0.clone(), self.base(address).0.clone()),
                _ => (self.value_in(reader, key)?, self.value_in(reader, address)?),
            };
            let (target, set_for) = (target.text().unwrap_or_default(), set_for.text().unwrap_or_default());
            if secret.is_set() && !target.is_empty() && !panels::is_same_place(&set_for, &target) {
                let why = "is needed with another address: the stored one goes only to the address it is stored for";
                return Err(Error::invalid(key.about().name, why));
            }
        }
        Ok(())
    }

    /// Stores a value, or takes it away. What became different.
    fn put(
        &self,
        tx: &mut WriteTx<'_>,
        by: &Actor,
        key: Key,
        target: Option<Value>,
        action: Action,
    ) -> Result<Option<Changed>> {
        let before = stored(tx, key)?.map(|stored| stored.value);
        let old = self.value_in(tx, key)?;
        let same = match &target {
            Some(value) => *value == old,
            None => before.is_none(),
        };
        if same {
            return Ok(None);
        }
        let at = self.env.now();
        let after = target.as_ref().map(|value| value.store(key, &self.sealer)).transpose()?;
        match &after {
            Some(value) => {
                let value = SettingValue { value: value.clone(), at, by: by.clone() };
                tx.put(SETTING_VALUES, &row(key), &value)?;
            }
            None => drop(tx.remove(SETTING_VALUES, &row(key))?),
        }
        let new = self.value_in(tx, key)?;
        let did = about(key, action).changed(key.about().key, old.told(&self.sealer), new.told(&self.sealer));
        audit::record(tx, &self.env, by, did)?;
        let sent_to = key.goes_to().map(|address| self.value_in(tx, address)).transpose()?.and_then(Value::text);
        self.remember(tx, by, key, (before, after), sent_to)?;
        Ok(Some(Changed { key, old, new }))
    }

    fn remember(
        &self,
        tx: &mut WriteTx<'_>,
        by: &Actor,
        key: Key,
        (before, after): (Option<StoredValue>, Option<StoredValue>),
        sent_to: Option<String>,
    ) -> Result<()> {
        let number = tx.next_number("setting_changes")?;
        let name = key.about().key;
        let change = SettingChange { key: name.to_owned(), at: self.env.now(), by: by.clone(), before, after, sent_to };
        tx.put(SETTING_CHANGES, &number, &change)?;
        feed::append(tx, &self.env, Change::Setting(name.to_owned())).map(drop)
    }

    /// What stands for the first panel changes that panel, or adds one.
    fn change_panel(&self, tx: &mut WriteTx<'_>, by: &Actor, steps: Steps) -> Result<Vec<Changed>> {
        let steps: Steps = steps.into_iter().filter(|(_, step)| !matches!(step, Step::Keep)).collect();
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        let old = self.panel_values(tx)?;
        let address = self.value_in(tx, Key::PterodactylUrl)?.text();
        match panels::first(tx)? {
            Some(panel) => self.patch_panel(tx, by, &panel, steps)?,
            None => self.add_panel(tx, by, steps)?,
        }
        let mut changed = Vec::new();
        for ((key, old), (_, new)) in old.into_iter().zip(self.panel_values(tx)?) {
            if old != new {
                let stored = |value: Value| match value.is_set() {
                    true => value.store(key, &self.sealer).map(Some),
                    false => Ok(None),
                };
                let sent_to = key.goes_to().and(address.clone());
                self.remember(tx, by, key, (stored(old.clone())?, stored(new.clone())?), sent_to)?;
                changed.push(Changed { key, old, new });
            }
        }
        Ok(changed)
    }

    fn panel_values(&self, reader: &impl Read) -> Result<Vec<(Key, Value)>> {
        let keys = Key::ALL.iter().copied().filter(|key| key.is_of_panel());
        keys.map(|key| Ok((key, self.value_in(reader, key)?))).collect()
    }

    fn patch_panel(&self, tx: &mut WriteTx<'_>, by: &Actor, panel: &Panel, steps: Steps) -> Result<()> {
        let mut patch = PanelPatch::default();
        for (key, step) in steps {
            match (key, step) {
                (Key::PterodactylClientApiKey, Step::Reset) => patch.client_key = Some(None),
                (Key::PterodactylClientApiKey, Step::Put(value)) => patch.client_key = Some(value.secret()),
                (Key::PterodactylApiKey, Step::Put(value)) => patch.app_key = value.secret(),
                (Key::PterodactylUrl, Step::Put(Value::Text(url))) if !url.is_empty() => patch.url = Some(url),
                (key, _) => {
                    let why = format!("cannot be taken away from {}: set another, or remove the panel", panel.name);
                    return Err(Error::invalid(key.about().name, why));
                }
            }
        }
        self.panels.change_in(tx, by, panel.id, patch).map(drop).map_err(in_our_words)
    }

    fn add_panel(&self, tx: &mut WriteTx<'_>, by: &Actor, mut steps: Steps) -> Result<()> {
        let mut take = |key| match steps.remove(&key) {
            Some(Step::Put(value)) => Some(value).filter(Value::is_set),
            _ => None,
        };
        let url = take(Key::PterodactylUrl).and_then(Value::text);
        let app_key = take(Key::PterodactylApiKey).and_then(Value::secret);
        let client_key = take(Key::PterodactylClientApiKey).and_then(Value::secret);
        let (url, app_key) = match (url, app_key) {
            (Some(url), Some(app_key)) => (url, app_key),
            // Nothing was there, and nothing shall be.
            (None, None) if client_key.is_none() => return Ok(()),
            (url, _) => {
                let lacking = if url.is_none() { Key::PterodactylUrl } else { Key::PterodactylApiKey };
                let why = "is lacking: there is no panel yet, so send its address and its application key together";
                return Err(Error::invalid(lacking.about().name, why));
            }
        };
        let host = Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let name = host.chars().take(60).collect();
        let new = NewPanel { name, url, app_key, client_key, share_percent: None, sync_every_s: None };
        self.panels.add_in(tx, by, &new).map(drop).map_err(in_our_words)
    }

    fn undo_in(&self, tx: &mut WriteTx<'_>, by: &Actor, key: Key, number: u64) -> Result<()> {
        let change = tx.get(SETTING_CHANGES, &number)?.filter(|change| change.key == key.about().key);
        let change = change.ok_or_else(|| Error::not_found("change", number))?;
        let opened =
            |value: &Option<StoredValue>| value.as_ref().map(|value| Value::load(key, value, &self.sealer)).transpose();
        let (before, after) = (opened(&change.before)?, opened(&change.after)?);
        let label = key.about().label;
        if self.held(tx, key)? != after {
            return Err(Error::Conflict(format!("{label} was changed again since then; undo the newer change first")));
        }
        if !self.may_come_back(tx, key, &change, before.as_ref())? {
            let why = "the address was changed since then, and a secret goes only to the one it was stored for";
            return Err(Error::Conflict(format!(
                "{label} cannot be brought back: {why}; set address and secret together"
            )));
        }
        if !key.is_of_panel() {
            let step = before.clone().map_or(Step::Reset, Step::Put);
            self.refuse_to_send_elsewhere(tx, &Steps::from([(key, step)]))?;
            let changed = self.put(tx, by, key, before, Action::SettingUndone)?;
            return self.tell(tx, by, changed.into_iter().collect());
        }
        let step = match before {
            Some(value) => Step::Put(value),
            None if key == Key::PterodactylClientApiKey => Step::Reset,
            None => {
                return Err(Error::Conflict("this change added the panel; to undo it, remove the panel".into()));
            }
        };
        let changed = self.change_panel(tx, by, Steps::from([(key, step)]))?;
        self.tell(tx, by, changed)
    }

    /// Whether what was there before a change would be sent to no other address than then.
    pub(super) fn may_come_back(
        &self,
        reader: &impl Read,
        key: Key,
        change: &SettingChange,
        before: Option<&Value>,
    ) -> Result<bool> {
        let Some(address) = key.goes_to().filter(|_| before.is_some()) else { return Ok(true) };
        let now = self.value_in(reader, address)?.text().unwrap_or_default();
        Ok(change.sent_to.as_deref().is_some_and(|then| then == now || panels::is_same_place(then, &now)))
    }

    /// What was set here; none = it is as without.
    pub(super) fn held(&self, reader: &impl Read, key: Key) -> Result<Option<Value>> {
        if key.is_of_panel() {
            return Ok(Some(self.value_in(reader, key)?).filter(Value::is_set));
        }
        stored(reader, key)?.map(|stored| Value::load(key, &stored.value, &self.sealer)).transpose()
    }
}

fn about(key: Key, action: Action) -> Did {
    let about = key.about();
    Did::new(action).to("setting", about.key, format!("{}: {}", about.group.title(), about.label))
}

fn checked(field: &'static str, repo: &str) -> Result<String> {
    repository(repo).map_err(|reason| Error::invalid(field, reason))
}

fn read(wanted: Vec<(Key, Wanted)>) -> Result<Steps, Refused> {
    let (mut steps, mut faults) = (Steps::new(), Vec::new());
    for (key, wanted) in wanted {
        match wanted.read(key) {
            Ok(step) => drop(steps.insert(key, step)),
            Err(reason) => faults.push(FieldFault { key, reason }),
        }
    }
    if faults.is_empty() { Ok(steps) } else { Err(Refused::Fields(faults)) }
}

/// What the panels call a field, as the settings call it.
fn in_our_words(error: Error) -> Error {
    match error {
        Error::Invalid { field, reason } => {
            let key = match field {
                "appKey" => Key::PterodactylApiKey,
                "clientKey" => Key::PterodactylClientApiKey,
                _ => Key::PterodactylUrl,
            };
            Error::invalid(key.about().name, reason)
        }
        other => other,
    }
}
