use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::{Action, Actor, Panel, PanelId, Reach};
use aviary_kernel::store::tables::PANELS;
use aviary_kernel::store::{Read, Span, WriteTx};

use super::{
    Panels, about, check_interval, check_key, check_share, is_same_place, parse_name, parse_url, place, refuse_twin,
    require,
};
use crate::audit::{self, Did};
use crate::masked::{self, MASK};

/// What is to become different about a panel; what is none stays as it is.
#[derive(Debug, Default)]
pub struct PanelPatch {
    /// What people call it.
    pub name: Option<String>,
    /// Its address. Stored keys go only to the place they are stored for, so another place needs them anew.
    pub url: Option<String>,
    /// The Application API key; empty or the mask = as it is.
    pub app_key: Option<Secret<String>>,
    /// The Client API key; empty or the mask = as it is, an inner none takes it away.
    pub client_key: Option<Option<Secret<String>>>,
    /// How much of the request limit may be used, in percent.
    pub share_percent: Option<u8>,
    /// Seconds between automatic syncs; an inner none = as set for all, 0 = by hand only.
    pub sync_every_s: Option<Option<u32>>,
}

impl PanelPatch {
    /// The same with values as they are stored, when everything makes sense.
    fn check(self) -> Result<Self> {
        let app_key = self.app_key.filter(is_meant);
        let client_key = self.client_key.filter(|key| key.as_ref().is_none_or(is_meant));
        app_key.as_ref().map(|key| check_key("appKey", key)).transpose()?;
        client_key.as_ref().and_then(Option::as_ref).map(|key| check_key("clientKey", key)).transpose()?;
        self.sync_every_s.flatten().map(check_interval).transpose()?;
        Ok(Self {
            name: self.name.as_deref().map(parse_name).transpose()?,
            url: self.url.as_deref().map(parse_url).transpose()?,
            share_percent: self.share_percent.map(check_share).transpose()?,
            sync_every_s: self.sync_every_s,
            app_key,
            client_key,
        })
    }
}

/// Whether a key that was sent is one, and not just the form coming back as it was shown.
fn is_meant(key: &Secret<String>) -> bool {
    !matches!(key.reveal().trim(), "" | MASK)
}

/// Whoever may set an address but does not know the keys must not have them sent to a machine of their own.
fn needed_anew(field: &'static str, is_given: bool) -> Result<()> {
    let why = "is needed with another address: the stored one goes only to the address it is stored for";
    if is_given { Ok(()) } else { Err(Error::invalid(field, why)) }
}

impl Panels {
    /// Changes a panel. When nothing becomes different, nothing is written.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a value that cannot be taken, and for a key that another address needs
    /// anew; [`Error::Conflict`] when the name or address is taken.
    pub async fn change(&self, by: &Actor, id: PanelId, patch: PanelPatch) -> Result<Panel> {
        let (this, by) = (self.clone(), by.clone());
        self.store.write(move |tx| this.change_in(tx, &by, id, patch)).await
    }

    /// The same, in a transaction that does more.
    pub(crate) fn change_in(&self, tx: &mut WriteTx<'_>, by: &Actor, id: PanelId, patch: PanelPatch) -> Result<Panel> {
        let before = require(tx, id)?;
        let (after, did) = self.patched(&before, patch.check()?)?;
        if !did.has_changes() {
            return Ok(before);
        }
        for (_, other) in tx.all(PANELS, &Span::all())?.into_iter().filter(|(other, _)| *other != id) {
            refuse_twin(&other, &after.name, &after.base_url)?;
        }
        self.put(tx, &after)?;
        audit::record(tx, &self.env, by, did)?;
        Ok(after)
    }

    fn patched(&self, before: &Panel, patch: PanelPatch) -> Result<(Panel, Did)> {
        let mut after = before.clone();
        if patch.url.as_ref().is_some_and(|url| !is_same_place(&before.base_url, url)) {
            needed_anew("appKey", patch.app_key.is_some())?;
            needed_anew("clientKey", patch.client_key.is_some() || before.client_key.is_none())?;
        }
        let keys = self.keys(before)?;
        let mut did = about(before, Action::PanelChanged);
        if let Some(key) = patch.app_key {
            did = did.changed("appKey", self.marked(Some(&keys.app_key)), self.marked(Some(&key)));
            after.app_key = self.sealer.seal(&place(before.id, "app_key"), key.reveal().trim())?;
        }
        if let Some(key) = patch.client_key {
            did = did.changed("clientKey", self.marked(keys.client_key.as_ref()), self.marked(key.as_ref()));
            after.client_key = self.seal_client(before.id, key.as_ref())?;
        }
        after.name = patch.name.unwrap_or(after.name);
        after.share_percent = patch.share_percent.unwrap_or(after.share_percent);
        after.sync_every_s = patch.sync_every_s.unwrap_or(after.sync_every_s);
        if let Some(url) = patch.url.filter(|url| *url != before.base_url) {
            // Who stands at the new address is found out anew.
            (after.base_url, after.dialect, after.reach) = (url, None, Reach::default());
        }
        let every = |panel: &Panel| panel.sync_every_s.map(|every_s| every_s.to_string());
        let did = did
            .changed("name", Some(before.name.clone()), Some(after.name.clone()))
            .changed("url", Some(before.base_url.clone()), Some(after.base_url.clone()))
            .changed("sharePercent", Some(before.share_percent.to_string()), Some(after.share_percent.to_string()))
            .changed("syncEveryS", every(before), every(&after));
        Ok((after, did))
    }

    fn marked(&self, key: Option<&Secret<String>>) -> Option<String> {
        key.map(|key| masked::marked(self.sealer.fingerprint(key.reveal().trim().as_bytes())))
    }
}
