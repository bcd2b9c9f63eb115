//! The panels that are mirrored: their addresses, their sealed keys, and whether they answer.

mod change;
mod remove;

use std::sync::{Arc, PoisonError, RwLock};

use aviary_kernel::base::{Env, Error, Result, Sealed, Sealer, Secret};
use aviary_kernel::model::{Action, Actor, Dialect, Panel, PanelId, Reach};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::PANELS;
use aviary_kernel::store::{Read, Span, Store, WriteTx};
pub use aviary_remote::HttpOptions;
pub use aviary_remote::pterodactyl::PanelCheck;
use aviary_remote::pterodactyl::{PanelAccess, PanelClient, PanelError};
pub use change::PanelPatch;
use url::Url;

use crate::audit::{self, Did};
use crate::events::{Happening, PanelFacts, raise};
use crate::feed;

/// A panel that is to be mirrored.
#[derive(Debug)]
pub struct NewPanel {
    /// What people call it.
    pub name: String,
    /// Its address.
    pub url: String,
    /// The Application API key.
    pub app_key: Secret<String>,
    /// The Client API key of an administrator.
    pub client_key: Option<Secret<String>>,
    /// How much of the request limit may be used, in percent; none = as configured.
    pub share_percent: Option<u8>,
    /// Seconds between automatic syncs; none = as set for all.
    pub sync_every_s: Option<u32>,
}

impl NewPanel {
    /// Name and address as they are stored, when everything makes sense.
    fn check(&self) -> Result<(String, String)> {
        let (name, base_url) = (parse_name(&self.name)?, parse_url(&self.url)?);
        check_key("appKey", &self.app_key)?;
        if let Some(key) = &self.client_key {
            check_key("clientKey", key)?;
        }
        self.share_percent.map(check_share).transpose()?;
        self.sync_every_s.map(check_interval).transpose()?;
        Ok((name, base_url))
    }
}

/// What stands in front of some panels and wants a token of its own.
#[derive(Default)]
pub(crate) struct Front {
    /// Whom it stands in front of, in small letters.
    pub(crate) hosts: Vec<String>,
    /// What it wants.
    pub(crate) headers: Vec<(String, Secret<String>)>,
}

/// Knows the panels.
#[derive(Clone)]
pub struct Panels {
    store: Store,
    env: Env,
    sealer: Arc<Sealer>,
    options: Arc<HttpOptions>,
    front: Arc<RwLock<Front>>,
    share_percent: u8,
}

const LONGEST_NAME: usize = 60;

impl Panels {
    /// The panels in `store`.
    pub fn new(store: Store, env: Env, sealer: Arc<Sealer>, options: HttpOptions, share_percent: u8) -> Self {
        Self { store, env, sealer, options: Arc::new(options), front: Arc::default(), share_percent }
    }

    /// Every panel, by number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn all(&self) -> Result<Vec<Panel>> {
        let rows = self.store.read(|tx| tx.all(PANELS, &Span::all())).await?;
        Ok(rows.into_iter().map(|(_, panel)| panel).filter(|panel| !panel.removing).collect())
    }

    /// One panel.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn require(&self, id: PanelId) -> Result<Panel> {
        self.store.read(move |tx| require(tx, id)).await
    }

    /// The panel with this name, or with this number.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn find(&self, name_or_number: &str) -> Result<Panel> {
        let all = self.all().await?;
        let wanted = name_or_number.trim();
        let by_name = all.iter().find(|panel| panel.name.eq_ignore_ascii_case(wanted));
        let found = by_name.or_else(|| all.iter().find(|panel| panel.id.to_string() == wanted));
        found.cloned().ok_or_else(|| Error::not_found("panel", wanted))
    }

    /// Adds a panel. It is not asked anything yet; see [`Panels::test`].
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bad name, address or key; [`Error::Conflict`] when the name or address is taken.
    pub async fn add(&self, by: &Actor, new: NewPanel) -> Result<Panel> {
        new.check()?;
        let (this, by) = (self.clone(), by.clone());
        self.store.write(move |tx| this.add_in(tx, &by, &new)).await
    }

    /// The same, in a transaction that does more.
    pub(crate) fn add_in(&self, tx: &mut WriteTx<'_>, by: &Actor, new: &NewPanel) -> Result<Panel> {
        let (name, base_url) = new.check()?;
        for (_, other) in tx.all(PANELS, &Span::all())? {
            refuse_twin(&other, &name, &base_url)?;
        }
        let id = PanelId(u32::try_from(tx.next_number("panel")?).map_err(Error::internal)?);
        let panel = Panel {
            id,
            name,
            base_url,
            dialect: None,
            app_key: self.sealer.seal(&place(id, "app_key"), new.app_key.reveal().trim())?,
            client_key: self.seal_client(id, new.client_key.as_ref())?,
            share_percent: new.share_percent.unwrap_or(self.share_percent),
            sync_every_s: new.sync_every_s,
            created_at: self.env.now(),
            reach: Reach::default(),
            synced_at: None,
            removing: false,
        };
        self.put(tx, &panel)?;
        let did = about(&panel, Action::PanelAdded).changed("url", None, Some(panel.base_url.clone()));
        audit::record(tx, &self.env, by, did)?;
        Ok(panel)
    }

    fn seal_client(&self, id: PanelId, key: Option<&Secret<String>>) -> Result<Option<Sealed>> {
        key.map(|key| self.sealer.seal(&place(id, "client_key"), key.reveal().trim())).transpose()
    }

    fn put(&self, tx: &mut WriteTx<'_>, panel: &Panel) -> Result<()> {
        tx.put(PANELS, &panel.id, panel)?;
        feed::append(tx, &self.env, Change::Panel(panel.id)).map(drop)
    }

    /// Asks a panel whether it can be mirrored, and takes note of the answer.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Upstream`] when it does not answer as a panel would.
    pub async fn test(&self, by: &Actor, id: PanelId) -> Result<PanelCheck> {
        let panel = self.require(id).await?;
        let checked = match self.client(&panel) {
            Ok(client) => client.check().await,
            Err(error) => return Err(error),
        };
        let dialect = checked.as_ref().ok().map(|check| check.dialect).or(panel.dialect);
        let reach = reach(self, &checked);
        let did = match &reach.trouble {
            None => about(&panel, Action::PanelTested),
            Some(trouble) => about(&panel, Action::PanelTested).failed(trouble.clone()),
        };
        let (env, by, name) = (self.env.clone(), by.clone(), panel.name.clone());
        self.update(id, move |tx, now| {
            if now.base_url == panel.base_url {
                note(tx, &env, now, dialect, reach)?;
            }
            audit::record(tx, &env, &by, did).map(drop)
        })
        .await?;
        checked.map_err(|error| error.into_error(&name))
    }

    /// A client for a panel, with its keys opened.
    ///
    /// # Errors
    /// When a key does not open, or the client cannot be built.
    pub fn client(&self, panel: &Panel) -> Result<PanelClient> {
        let keys = self.keys(panel)?;
        let access = PanelAccess {
            name: panel.name.clone(),
            base_url: panel.base_url.clone(),
            app_key: keys.app_key,
            client_key: keys.client_key,
            dialect: panel.dialect,
            share_percent: panel.share_percent,
        };
        let options = self.options_for(&panel.base_url);
        PanelClient::new(access, &options, self.env.clone()).map_err(|error| error.into_error(&panel.name))
    }

    /// The keys of a panel, opened.
    pub(crate) fn keys(&self, panel: &Panel) -> Result<PanelKeys> {
        let open = |what, sealed: &Sealed| self.sealer.open(&place(panel.id, what), sealed);
        Ok(PanelKeys {
            app_key: open("app_key", &panel.app_key)?,
            client_key: panel.client_key.as_ref().map(|sealed| open("client_key", sealed)).transpose()?,
        })
    }

    /// Asks a panel that need not be one of ours whether it can be mirrored; nothing is noted.
    pub(crate) async fn check_at(&self, url: &str, app_key: Secret<String>) -> Result<PanelCheck, PanelError> {
        let access = PanelAccess {
            name: "the panel".into(),
            base_url: url.to_owned(),
            app_key,
            client_key: None,
            dialect: None,
            share_percent: self.share_percent,
        };
        PanelClient::new(access, &self.options_for(url), self.env.clone())?.check().await
    }

    /// How hosts are spoken to that get nothing of what stands in front of panels.
    pub(crate) fn options(&self) -> HttpOptions {
        HttpOptions { headers: Vec::new(), ..HttpOptions::clone(&self.options) }
    }

    /// How a panel at this address is spoken to.
    pub(crate) fn options_for(&self, url: &str) -> HttpOptions {
        let front = self.front.read().unwrap_or_else(PoisonError::into_inner);
        let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_ascii_lowercase));
        let is_behind = host.is_some_and(|host| front.hosts.contains(&host));
        let headers = if is_behind { front.headers.clone() } else { Vec::new() };
        HttpOptions { headers, ..HttpOptions::clone(&self.options) }
    }

    /// What is sent along to these hosts, and to no others, from the next client on.
    pub(crate) fn send_along(&self, front: Front) {
        *self.front.write().unwrap_or_else(PoisonError::into_inner) = front;
    }

    /// Notes what the last contact was like, and which API the panel speaks as far as that is known now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn note_contact(&self, asked: &Panel, dialect: Option<Dialect>, reach: Reach) -> Result<()> {
        let (address, env) = (asked.base_url.clone(), self.env.clone());
        self.update(asked.id, move |tx, panel| {
            // What was found at an address that the panel has no longer says nothing about it.
            if panel.base_url == address { note(tx, &env, panel, dialect, reach) } else { Ok(()) }
        })
        .await
    }

    /// Notes that everything was synced now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn note_synced(&self, id: PanelId) -> Result<()> {
        let now = self.env.now();
        self.update(id, move |_, panel| {
            panel.synced_at = Some(now);
            Ok(())
        })
        .await
    }

    async fn update(
        &self,
        id: PanelId,
        act: impl FnOnce(&mut WriteTx<'_>, &mut Panel) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let this = self.clone();
        self.store
            .write(move |tx| {
                let mut panel = require(tx, id)?;
                act(tx, &mut panel)?;
                this.put(tx, &panel)
            })
            .await
    }
}

/// What opens a panel.
pub(crate) struct PanelKeys {
    pub(crate) app_key: Secret<String>,
    pub(crate) client_key: Option<Secret<String>>,
}

/// The panel that settings without a panel's name mean: the one with the lowest number.
pub(crate) fn first(reader: &impl Read) -> Result<Option<Panel>> {
    Ok(reader.all(PANELS, &Span::all())?.into_iter().map(|(_, panel)| panel).find(|panel| !panel.removing))
}

/// The beginning of an audit event about a panel.
fn about(panel: &Panel, action: Action) -> Did {
    Did::new(action).to("panel", panel.id, panel.name.clone())
}

/// Notes what a contact was like, and tells when the panel went away or came back.
fn note(tx: &mut WriteTx<'_>, env: &Env, panel: &mut Panel, dialect: Option<Dialect>, reach: Reach) -> Result<()> {
    let was_in_trouble = panel.reach.trouble.is_some();
    panel.dialect = dialect;
    let rate_limit = reach.rate_limit.or(panel.reach.rate_limit);
    panel.reach = Reach { rate_limit, ..reach };
    let facts = |trouble| PanelFacts { panel: panel.id, panel_name: panel.name.clone(), trouble };
    let happening = match (was_in_trouble, panel.reach.trouble.clone()) {
        (false, Some(trouble)) => Happening::PanelUnreachable(facts(Some(trouble))),
        (true, None) => Happening::PanelBack(facts(None)),
        _ => return Ok(()),
    };
    raise(tx, env, &happening).map(drop)
}

fn reach(panels: &Panels, checked: &Result<PanelCheck, PanelError>) -> Reach {
    let at = Some(panels.env.now());
    match checked {
        Ok(check) => {
            Reach { at, trouble: None, rate_limit: check.application_limit.as_ref().map(|limit| limit.per_minute) }
        }
        Err(error) => Reach { at, trouble: Some(trouble(error)), rate_limit: None },
    }
}

/// What went wrong and what to do about it, as [`Reach::trouble`] keeps it.
pub(crate) fn trouble(fault: &PanelError) -> String {
    let refuses = if fault.kind.is_refusal() { Reach::REFUSES } else { "" };
    format!("{refuses}{}; {}", fault.what, fault.remedy)
}

/// A panel that is not being removed.
pub(crate) fn require(reader: &impl Read, id: PanelId) -> Result<Panel> {
    reader.get(PANELS, &id)?.filter(|panel| !panel.removing).ok_or_else(|| Error::not_found("panel", id))
}

fn place(id: PanelId, what: &str) -> String {
    format!("panels/{id}/{what}")
}

fn parse_name(raw: &str) -> Result<String> {
    let name = raw.trim();
    match name.chars().count() {
        1..=LONGEST_NAME if !name.chars().any(char::is_control) => Ok(name.to_owned()),
        n => Err(Error::invalid(
            "name",
            format!("needs 1 to {LONGEST_NAME} characters on one line, without control characters; has {n}"),
        )),
    }
}

/// The address as it is stored: no slash at the end, nothing secret in it.
pub(crate) fn parse_url(raw: &str) -> Result<String> {
    let bad = |why: &str| Error::invalid("url", format!("{why}; write it like https://panel.example.com"));
    let url = Url::parse(raw.trim()).map_err(|e| bad(&format!("is no address ({e})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad("must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(bad("must hold no user name, password, query or fragment"));
    }
    let text = url.as_str().trim_end_matches('/');
    Ok(text.strip_suffix("/api").or_else(|| text.strip_suffix("/admin")).unwrap_or(text).to_owned())
}

/// Whether a key that is stored for the address `old` may go to `new`: the same host and port, or the same host now with TLS.
/// A bare name, such as that of an SMTP server, is the same place only as itself.
pub(crate) fn is_same_place(old: &str, new: &str) -> bool {
    if old.trim().eq_ignore_ascii_case(new.trim()) {
        return true;
    }
    let (Ok(old), Ok(new)) = (Url::parse(old), Url::parse(new)) else { return false };
    let is_upgrade = old.scheme() == "http" && new.scheme() == "https" && old.port() == new.port();
    let is_same = old.scheme() == new.scheme() && old.port_or_known_default() == new.port_or_known_default();
    old.host() == new.host() && (is_same || is_upgrade)
}

pub(crate) fn check_key(field: &'static str, key: &Secret<String>) -> Result<()> {
    let key = key.reveal().trim();
    if key.is_empty() || key.len() > 512 || !key.chars().all(|c| c.is_ascii_graphic()) {
        return Err(Error::invalid(field, "is no API key: copy it whole, as the panel showed it when it was made"));
    }
    Ok(())
}

fn check_share(percent: u8) -> Result<u8> {
    match percent {
        1..=100 => Ok(percent),
        _ => Err(Error::invalid("sharePercent", "needs 1 to 100")),
    }
}

/// Seconds between syncs of one panel, where it has its own interval.
const SHORTEST_INTERVAL_S: u32 = 10;

/// 0 = by hand only.
fn check_interval(every_s: u32) -> Result<u32> {
    match every_s {
        0 | SHORTEST_INTERVAL_S..=31_536_000 => Ok(every_s),
        _ => Err(Error::invalid(
            "syncEveryS",
            format!("needs {SHORTEST_INTERVAL_S} to 31536000 seconds, or 0 for by hand only"),
        )),
    }
}

fn refuse_twin(other: &Panel, name: &str, base_url: &str) -> Result<()> {
    if other.removing {
        return Ok(());
    }
    if other.name.eq_ignore_ascii_case(name) {
        return Err(Error::Conflict(format!("there is a panel named {} already; choose another name", other.name)));
    }
    if other.base_url == base_url {
        return Err(Error::Conflict(format!("{} is mirrored already, as {}", base_url, other.name)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_tidied_and_secrets_in_them_refused() {
        assert_eq!(parse_url(" https://panel.example.com/ ").unwrap(), "https://panel.example.com");
        assert_eq!(parse_url("http://10.0.0.1:8080/sub/api/").unwrap(), "http://10.0.0.1:8080/sub");
        for bad in ["panel.example.com", "ftp://x", "https://u:p@x", "https://x/?key=1", ""] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_stay_with_a_host_and_its_port() {
        let panel = "http://panel.example.com";
        for same in [panel, "http://PANEL.example.com:80/sub", "https://panel.example.com"] {
            assert!(is_same_place(panel, same), "{same}");
        }
        let others = [
            "http://panel.example.com:81",
            "https://panel.example.com:8443",
            "http://panel.example.com.evil.example",
            "",
        ];
        for other in others {
            assert!(!is_same_place(panel, other), "{other}");
        }
        assert!(!is_same_place("https://panel.example.com", panel));
    }
}
