use std::sync::Arc;

use aviary_kernel::base::{Env, Error, Result, Sealer, Timestamp};
use aviary_kernel::model::{
    Allocation, Counts, Egg, EggVariable, FieldChange, HiddenText, HistoryEntry, Kind, Location, Nest, Node, ObjectKey,
    Operation, PanelId, RemoteId, Scalar, Server, ServerDatabase, ServerState, Subuser, SyncId, User,
};
use aviary_kernel::store::rows::{Change, Mirror, Mirrored};
use aviary_kernel::store::tables::{HISTORY, MISSING};
use aviary_kernel::store::{Read, Store, WriteTx};

use super::fields::{diff, fields_of};
use super::told::tell;
use crate::events::Listeners;
use crate::feed;

/// The only writer of mirrored rows. One for each sync.
#[derive(Clone)]
pub struct Writer {
    store: Store,
    env: Env,
    sealer: Arc<Sealer>,
    panel: PanelId,
    sync: SyncId,
    tells: bool,
}

/// Rows of one commit: keeps others from waiting longer than about 100 ms.
const COMMIT_ROWS: usize = 2_000;

/// What came of bringing drafts into the mirror.
#[derive(Debug)]
pub struct Applied<T> {
    /// What was done.
    pub counts: Counts,
    /// Drafts that have the number of a stored object but are another one, by their UUID. They were not written: the stored
    /// object must be removed first, by the rules for removals.
    pub replacements: Vec<T>,
}

/// A draft that differs from what is stored.
struct Fresh<T> {
    data: T,
    hash: [u8; 16],
}

impl Writer {
    /// A writer for one sync of one panel.
    pub fn new(store: Store, env: Env, sealer: Arc<Sealer>, panel: PanelId, sync: SyncId) -> Self {
        Self { store, env, sealer, panel, sync, tells: true }
    }

    /// Tells nobody of what it does: while a panel is mirrored for the first time, everything would be new.
    #[must_use]
    pub fn silent(self) -> Self {
        Self { tells: false, ..self }
    }

    /// Brings the stored rows to what the drafts say. Rows that are the same are not written. Within the call rows are
    /// taken in key order, whatever the order of the drafts.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn apply<T: Draft>(&self, mut drafts: Vec<T>) -> Result<Applied<T>> {
        drafts.sort_by_key(Mirror::id);
        let read = drafts.len() as u64;
        let this = self.clone();
        let (fresh, replacements) = self.store.read(move |tx| this.differing(tx, drafts)).await?;
        let unchanged = read - (fresh.len() + replacements.len()) as u64;
        let mut counts = Counts { done: read, unchanged, ..Counts::default() };
        let mut fresh = fresh.into_iter().peekable();
        while fresh.peek().is_some() {
            let batch: Vec<_> = fresh.by_ref().take(COMMIT_ROWS).collect();
            let this = self.clone();
            let (created, updated) = self.store.write(move |tx| this.put_all(tx, batch)).await?;
            counts.created += created;
            counts.updated += updated;
        }
        Ok(Applied { counts, replacements })
    }

    /// Removes rows, with their history. Those that are not there are passed over. The number removed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn remove(&self, kind: Kind, ids: Vec<RemoteId>) -> Result<u64> {
        let mut removed = 0;
        for batch in ids.chunks(COMMIT_ROWS) {
            let (this, batch) = (self.clone(), batch.to_vec());
            removed += self.store.write(move |tx| this.remove_all(tx, kind, &batch)).await?;
        }
        Ok(removed)
    }

    /// The drafts that differ from what is stored, and those that are other objects under a number that is used again.
    fn differing<T: Draft>(&self, reader: &impl Read, drafts: Vec<T>) -> Result<(Vec<Fresh<T>>, Vec<T>)> {
        let (mut fresh, mut replacements): (Vec<Fresh<T>>, Vec<T>) = (Vec::new(), Vec::new());
        for draft in drafts {
            let stored = reader.get(T::table(), &(self.panel, draft.id()))?;
            if stored.as_ref().is_some_and(|row| is_another(&row.data, &draft)) {
                replacements.retain(|other| other.id() != draft.id());
                replacements.push(draft);
                continue;
            }
            let draft = draft.completed(stored.as_ref().map(|row| &row.data));
            let (data, hash) = self.mark(draft)?;
            // A list that moved while it was read shows a row twice; the later one counts.
            if fresh.last().is_some_and(|last| last.data.id() == data.id()) {
                fresh.pop();
            }
            if stored.is_none_or(|row| row.hash != hash) {
                fresh.push(Fresh { data, hash });
            }
        }
        Ok((fresh, replacements))
    }

    /// Hashes a draft as it came. The hash is keyed, since it covers secrets; sealed bytes differ each time and would be
    /// of no use for comparing.
    fn mark<T: Draft>(&self, mut draft: T) -> Result<(T, [u8; 16])> {
        let mut marks = Vec::new();
        draft.hidden(&mut |scalar| match scalar {
            Scalar::Hidden(HiddenText::Clear(clear)) => {
                let mark = self.sealer.fingerprint(clear.reveal().as_bytes());
                marks.extend_from_slice(&mark.0);
                *scalar = Scalar::Hidden(HiddenText::Marked { mark, clear: clear.clone() });
            }
            Scalar::Hidden(HiddenText::Sealed { mark, .. } | HiddenText::Marked { mark, .. }) => {
                marks.extend_from_slice(&mark.0);
            }
            _ => {}
        });
        // JSON shows marks instead of secrets.
        let bytes = serde_json::to_vec(&draft).map_err(Error::internal)?;
        let (a, b) = (self.sealer.fingerprint(&bytes), self.sealer.fingerprint(&[marks, bytes].concat()));
        let mut hash = [0; 16];
        hash[..8].copy_from_slice(&a.0);
        hash[8..].copy_from_slice(&b.0);
        Ok((draft, hash))
    }

    /// Seals what must not be stored in the clear. What was taken over from the stored row may be under a key that was
    /// renewed since.
    fn seal<T: Draft>(&self, draft: &mut T) -> Result<()> {
        let place = T::place(self.panel, draft.id());
        let mut result = Ok(());
        draft.hidden(&mut |scalar| {
            let Scalar::Hidden(hidden) = scalar else { return };
            let sealed = match hidden {
                HiddenText::Marked { mark, clear } => {
                    let mark = *mark;
                    let sealed = self.sealer.seal(&place, clear.reveal());
                    sealed.map(|sealed| *hidden = HiddenText::Sealed { mark, sealed })
                }
                HiddenText::Sealed { sealed, .. } => self.sealer.reseal(&place, sealed).map(drop),
                HiddenText::Clear(_) => Err(Error::internal("a secret came without its mark")),
            };
            if result.is_ok() {
                result = sealed;
            }
        });
        result
    }

    fn put_all<T: Draft>(&self, tx: &mut WriteTx<'_>, batch: Vec<Fresh<T>>) -> Result<(u64, u64)> {
        let (mut created, mut updated) = (0, 0);
        let mut listeners = self.listeners(tx)?;
        for fresh in batch {
            if self.put(tx, &mut listeners, fresh)? { created += 1 } else { updated += 1 }
        }
        Ok((created, updated))
    }

    fn listeners(&self, reader: &impl Read) -> Result<Option<Listeners>> {
        self.tells.then(|| Listeners::load(reader)).transpose()
    }

    /// Whether the row is new.
    fn put<T: Draft>(
        &self,
        tx: &mut WriteTx<'_>,
        listeners: &mut Option<Listeners>,
        mut fresh: Fresh<T>,
    ) -> Result<bool> {
        self.seal(&mut fresh.data)?;
        let now = self.env.now();
        let key = (self.panel, fresh.data.id());
        let before = tx.get(T::table(), &key)?;
        let first_seen = before.as_ref().map_or(now, |row| row.first_seen);
        let row = Mirrored { data: fresh.data, hash: fresh.hash, first_seen, changed_at: now };
        tx.put(T::table(), &key, &row)?;
        let old = before.as_ref().map(|row| fields_of(&row.data)).transpose()?.unwrap_or_default();
        let operation = if before.is_some() { Operation::Changed } else { Operation::Created };
        let changes = diff(&old, &fields_of(&row.data)?);
        if before.is_none() || !changes.is_empty() {
            let entry = self.note(tx, &row.data, operation, changes, now)?;
            if let Some(listeners) = listeners {
                tell(tx, &self.env, listeners, &entry, before.as_ref().map(|row| &row.data), Some(&row.data))?;
            }
        }
        Ok(before.is_none())
    }

    fn remove_all(&self, tx: &mut WriteTx<'_>, kind: Kind, ids: &[RemoteId]) -> Result<u64> {
        let mut removed = 0;
        let mut listeners = self.listeners(tx)?;
        let listeners = &mut listeners;
        for id in ids {
            let gone = match kind {
                Kind::Location => self.remove_one::<Location>(tx, listeners, *id),
                Kind::Node => self.remove_one::<Node>(tx, listeners, *id),
                Kind::Allocation => self.remove_one::<Allocation>(tx, listeners, *id),
                Kind::Nest => self.remove_one::<Nest>(tx, listeners, *id),
                Kind::Egg => self.remove_one::<Egg>(tx, listeners, *id),
                Kind::EggVariable => self.remove_one::<EggVariable>(tx, listeners, *id),
                Kind::User => self.remove_one::<User>(tx, listeners, *id),
                Kind::Server => self.remove_one::<Server>(tx, listeners, *id),
                Kind::Database => self.remove_one::<ServerDatabase>(tx, listeners, *id),
                Kind::Subuser => self.remove_one::<Subuser>(tx, listeners, *id),
            }?;
            removed += u64::from(gone);
        }
        Ok(removed)
    }

    fn remove_one<T: Draft>(
        &self,
        tx: &mut WriteTx<'_>,
        listeners: &mut Option<Listeners>,
        id: RemoteId,
    ) -> Result<bool> {
        let Some(row) = tx.remove(T::table(), &(self.panel, id))? else { return Ok(false) };
        tx.remove(MISSING, &ObjectKey { panel: self.panel, kind: T::KIND, id })?;
        let lost = diff(&fields_of(&row.data)?, &Default::default());
        let entry = self.note(tx, &row.data, Operation::Removed, lost, self.env.now())?;
        if let Some(listeners) = listeners {
            tell::<T>(tx, &self.env, listeners, &entry, Some(&row.data), None)?;
        }
        Ok(true)
    }

    fn note<T: Draft>(
        &self,
        tx: &mut WriteTx<'_>,
        data: &T,
        operation: Operation,
        fields: Vec<FieldChange>,
        at: Timestamp,
    ) -> Result<HistoryEntry> {
        let object = ObjectKey { panel: self.panel, kind: T::KIND, id: data.id() };
        let seq = tx.next_number("history")?;
        let entry = HistoryEntry { seq, object, label: data.label(), at, sync: self.sync, operation, fields };
        tx.put(HISTORY, &seq, &entry)?;
        feed::append(tx, &self.env, Change::Object { key: object, operation })?;
        Ok(entry)
    }
}

/// Panels hand out numbers again; a UUID stays with its object.
fn is_another<T: Mirror>(stored: &T, draft: &T) -> bool {
    match (stored.uuid(), draft.uuid()) {
        (Some(a), Some(b)) => !a.is_empty() && !b.is_empty() && !a.eq_ignore_ascii_case(b),
        _ => false,
    }
}

/// A mirrored object as it comes from a panel.
pub trait Draft: Mirror {
    /// Fills in what the panel did not tell, from what is stored: unknown is not empty.
    #[must_use]
    fn completed(self, stored: Option<&Self>) -> Self {
        let _ = stored;
        self
    }

    /// Of a server: the panel's number of its owner.
    fn owner(&self) -> Option<RemoteId> {
        None
    }

    /// Whether it is a server that is suspended.
    fn is_suspended(&self) -> bool {
        false
    }
}

impl Draft for Location {}
impl Draft for Node {}
impl Draft for Allocation {}
impl Draft for Nest {}
impl Draft for Egg {}
impl Draft for EggVariable {}
impl Draft for User {}
impl Draft for ServerDatabase {}
impl Draft for Subuser {}

impl Draft for Server {
    fn completed(mut self, stored: Option<&Self>) -> Self {
        if self.allocations.is_none() {
            self.allocations = stored.and_then(|s| s.allocations.clone());
        }
        if self.variables.is_none() {
            self.variables = stored.and_then(|s| s.variables.clone());
        }
        self
    }

    fn owner(&self) -> Option<RemoteId> {
        Some(self.user_id)
    }

    fn is_suspended(&self) -> bool {
        self.state() == ServerState::Suspended
    }
}
