//! Where sealed values stand in each row, and a walk over all of them. A table whose row is not named here does not compile,
//! so that none can be forgotten when the master key is renewed.

use std::ops::ControlFlow;

use redb::ReadableTableMetadata;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::read::key_of;
use super::rows::{FeedEntry, Follower, Mirror, Mirrored, Setting, Told};
use super::tables::{ALL, Name, RowKey};
use super::{Direction, Key, Read, ReadTx, Record, Span, TableInfo, WriteTx, codec, storage_error};
use crate::base::{Error, Result, Sealed};
use crate::model::{
    Account, AccountId, ApiKey, AuditCheckpoint, AuditEvent, Delivery, Event, HiddenText, HistoryEntry, HookTarget,
    Job, Lockout, Mail, MailContent, Missing, ObjectKey, OneTimeToken, Panel, PanelId, Preferences, RemovalStop, Role,
    SavedSearch, Scalar, Schedule, Session, SettingChange, SettingValue, StoredValue, SyncRequest, SyncRun, TokenHash,
    Webhook,
};

/// What is shown each sealed value, with the place it is sealed for. It may put another in its stead.
pub type VisitSeal<'a> = dyn FnMut(&str, &mut Sealed) -> Result<()> + 'a;

/// A row that says where its sealed values are.
pub trait Seals<K>: Record {
    /// Whether it has any.
    const SEALED: bool = true;

    /// Visits all of them.
    ///
    /// # Errors
    /// What `visit` returns.
    fn seals(&mut self, key: &K, visit: &mut VisitSeal<'_>) -> Result<()>;
}

macro_rules! nothing_sealed {
    ($($key:ty => $row:ty),* $(,)?) => {$(
        impl Seals<$key> for $row {
            const SEALED: bool = false;

            fn seals(&mut self, _: &$key, _: &mut VisitSeal<'_>) -> Result<()> {
                Ok(())
            }
        }
    )*};
}

nothing_sealed! {
    ObjectKey => Missing,
    // Hidden values show here as masks with marks.
    u64 => HistoryEntry,
    Uuid => SyncRun,
    Uuid => RemovalStop,
    (Uuid, u32) => SyncRequest,
    Name => Role,
    AccountId => Preferences,
    // Of tokens only hashes are stored.
    Uuid => Session,
    Uuid => ApiKey,
    TokenHash => OneTimeToken,
    TokenHash => Lockout,
    // Masked.
    u64 => AuditEvent,
    u64 => AuditCheckpoint,
    u64 => FeedEntry,
    Name => Follower,
    Uuid => Job,
    Uuid => Schedule,
    Uuid => Event,
    Uuid => Delivery,
    Name => Told,
    (AccountId, Uuid) => SavedSearch,
}

impl<T: Mirror> Seals<RowKey> for Mirrored<T> {
    fn seals(&mut self, &(panel, id): &RowKey, visit: &mut VisitSeal<'_>) -> Result<()> {
        let place = T::place(panel, id);
        let mut result = Ok(());
        self.data.hidden(&mut |scalar| {
            if let (Scalar::Hidden(HiddenText::Sealed { sealed, .. }), Ok(())) = (scalar, &result) {
                result = visit(&place, sealed);
            }
        });
        result
    }
}

impl Seals<PanelId> for Panel {
    fn seals(&mut self, id: &PanelId, visit: &mut VisitSeal<'_>) -> Result<()> {
        visit(&format!("panels/{id}/app_key"), &mut self.app_key)?;
        self.client_key.iter_mut().try_for_each(|sealed| visit(&format!("panels/{id}/client_key"), sealed))
    }
}

impl Seals<AccountId> for Account {
    fn seals(&mut self, id: &AccountId, visit: &mut VisitSeal<'_>) -> Result<()> {
        let secret = self.second_factor.iter_mut().map(|factor| &mut factor.secret);
        secret.into_iter().try_for_each(|sealed| visit(&format!("accounts/{id}/second_factor"), sealed))?;
        let offer = self.second_factor_offer.iter_mut();
        offer.into_iter().try_for_each(|sealed| visit(&format!("accounts/{id}/second_factor_offer"), sealed))
    }
}

impl Seals<u64> for Mail {
    fn seals(&mut self, number: &u64, visit: &mut VisitSeal<'_>) -> Result<()> {
        match &mut self.says {
            MailContent::Letter { token, .. } => {
                token.iter_mut().try_for_each(|sealed| visit(&format!("mails/{number}/token"), sealed))
            }
            MailContent::Template { values, .. } => visit(&format!("mails/{number}/values"), values),
            MailContent::Event(_) | MailContent::Test => Ok(()),
        }
    }
}

impl Seals<Uuid> for Webhook {
    fn seals(&mut self, id: &Uuid, visit: &mut VisitSeal<'_>) -> Result<()> {
        match &mut self.target {
            HookTarget::Discord { url, .. } => visit(&format!("webhooks/{id}/url"), url),
            HookTarget::Http { url, secret, old_secret, .. } => {
                visit(&format!("webhooks/{id}/url"), url)?;
                visit(&format!("webhooks/{id}/secret"), secret)?;
                let old = old_secret.iter_mut();
                old.into_iter().try_for_each(|(sealed, _)| visit(&format!("webhooks/{id}/old_secret"), sealed))
            }
            HookTarget::Mail { .. } => Ok(()),
        }
    }
}

impl Seals<Name> for SettingValue {
    fn seals(&mut self, name: &Name, visit: &mut VisitSeal<'_>) -> Result<()> {
        setting(&name.text(), &mut self.value, visit)
    }
}

impl Seals<u64> for SettingChange {
    fn seals(&mut self, _: &u64, visit: &mut VisitSeal<'_>) -> Result<()> {
        let Self { key, before, after, .. } = self;
        before.iter_mut().chain(after).try_for_each(|value| setting(key, value, visit))
    }
}

fn setting(key: &str, value: &mut StoredValue, visit: &mut VisitSeal<'_>) -> Result<()> {
    match value {
        StoredValue::Secret { sealed, .. } => visit(&format!("settings/{key}"), sealed),
        StoredValue::Plain(_) => Ok(()),
    }
}

/// A few of them are a sealed value as a whole, such as the inner keys. The check of the master key is older than the places
/// of the others.
impl Seals<Name> for Setting {
    fn seals(&mut self, name: &Name, visit: &mut VisitSeal<'_>) -> Result<()> {
        let Ok(mut sealed) = serde_json::from_str::<Sealed>(&self.0) else { return Ok(()) };
        let place = if name.text() == "key_check" { "key_check".into() } else { format!("settings/{}", name.text()) };
        visit(&place, &mut sealed)?;
        self.0 = serde_json::to_string(&sealed).map_err(Error::internal)?;
        Ok(())
    }
}

/// Shows the sealed values of a row, of which the bytes of key and value are given. The bytes of the row as it is then, when
/// one of them was replaced.
pub type VisitRow = fn(&[u8], &[u8], &mut VisitSeal<'_>) -> Result<Option<Vec<u8>>>;

/// For the catalogue.
pub(super) const fn visit_of<K: Key, V: Seals<K>>() -> Option<VisitRow> {
    if V::SEALED { Some(visit_row::<K, V>) } else { None }
}

fn visit_row<K: Key, V: Seals<K>>(key: &[u8], value: &[u8], visit: &mut VisitSeal<'_>) -> Result<Option<Vec<u8>>> {
    let mut row = codec::decode::<V>("?", value)?;
    let mut is_changed = false;
    row.seals(&key_of("?", key)?, &mut |place, sealed| {
        let before = sealed.clone();
        visit(place, sealed)?;
        is_changed |= *sealed != before;
        Ok(())
    })?;
    is_changed.then(|| codec::encode(&row)).transpose()
}

/// How far a walk over all sealed values is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealCursor {
    table: String,
    key: Vec<u8>,
}

/// What a stretch of such a walk came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealPass {
    /// Rows that were looked at.
    pub rows: u64,
    /// Rows of which a sealed value was replaced.
    pub changed: u64,
    /// Where it goes on; none at the end.
    pub next: Option<SealCursor>,
}

fn tables() -> impl Iterator<Item = (&'static TableInfo, VisitRow)> {
    ALL.iter().filter_map(|table| Some((table, table.seals?)))
}

impl WriteTx<'_> {
    /// Shows the sealed values of the next rows behind `from`, at most `most`, and stores the rows of which `visit`
    /// replaced one. Index keys and counters never follow from sealed values, so they stay as they are.
    ///
    /// # Errors
    /// When the file cannot be read or written, or what `visit` returns.
    pub fn visit_seals(&mut self, from: Option<&SealCursor>, most: u64, visit: &mut VisitSeal<'_>) -> Result<SealPass> {
        let mut pass = SealPass::default();
        // A table that this release does not know any more: from the start, since a second look does no harm.
        let from = from.filter(|from| tables().any(|(table, _)| table.name == from.table));
        let behind = tables().skip_while(|(table, _)| from.is_some_and(|from| from.table != table.name));
        for (table, visit_row) in behind {
            let start = from.filter(|from| from.table == table.name);
            let span = start.map_or_else(Span::all, |from| Span::all().after(&from.key, Direction::Up));
            let mut changed = Vec::new();
            self.walk_bytes(table.name, &span, Direction::Up, &mut |key, value| {
                if let Some(bytes) = in_table(table.name, visit_row(key, value, visit))? {
                    changed.push((key.to_vec(), bytes));
                }
                pass.rows += 1;
                if pass.rows < most {
                    return Ok(ControlFlow::Continue(()));
                }
                pass.next = Some(SealCursor { table: table.name.into(), key: key.to_vec() });
                Ok(ControlFlow::Break(()))
            })?;
            pass.changed += changed.len() as u64;
            for (key, bytes) in changed {
                self.put_bytes(table.name, &key, &bytes)?;
            }
            if pass.next.is_some() {
                break;
            }
        }
        Ok(pass)
    }
}

impl ReadTx {
    /// How many rows a walk over all sealed values looks at.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rows_with_seals(&self) -> Result<u64> {
        let mut rows = 0;
        for (table, _) in tables() {
            if let Some(open) = self.open(table.name)? {
                rows += open.len().map_err(|e| storage_error(table.name, e))?;
            }
        }
        Ok(rows)
    }
}

/// Shows every sealed value of the file: its table, the place it is sealed for, and itself.
///
/// # Errors
/// When the file cannot be read, or what `visit` returns.
pub fn each_seal(reader: &impl Read, visit: &mut dyn FnMut(&'static str, &str, &Sealed) -> Result<()>) -> Result<()> {
    for (table, visit_row) in tables() {
        reader.walk_bytes(table.name, &Span::all(), Direction::Up, &mut |key, value| {
            in_table(table.name, visit_row(key, value, &mut |place, sealed| visit(table.name, place, sealed)))?;
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(())
}

fn in_table<T>(table: &'static str, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Corrupt { source, .. } => Error::Corrupt { table, source },
        other => other,
    })
}
