use std::ops::ControlFlow;

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Kind, PanelId, RemoteId, ServerState};
use aviary_kernel::store::rows::{Mirror, Mirrored};
use aviary_kernel::store::tables::{
    ALLOCATIONS_BY_ADDRESS, ALLOCATIONS_BY_NODE, BY_CHANGED, BY_CREATED, BY_NAME, BY_PANEL_NAME, CHILDREN, RowKey,
    SERVERS_BY_STATE,
};
use aviary_kernel::store::{Direction, Entries, Index, Key, Read, Row, Span};

/// An order in which objects stand: a stretch of a table or index, and how to tell the object from a key in it.
pub(super) struct Source {
    table: &'static str,
    span: Span,
    locate: fn(&[u8]) -> Option<RowKey>,
}

fn last_two<K: Key>(bytes: &[u8], pick: fn(K) -> RowKey) -> Option<RowKey> {
    K::from_bytes(bytes).map(pick)
}

type ByName = (Kind, aviary_kernel::store::SortText, PanelId, RemoteId);
type ByPanelName = (PanelId, Kind, aviary_kernel::store::SortText, RemoteId);
type ByTime = (Kind, aviary_kernel::base::Timestamp, PanelId, RemoteId);
type ByState = (u8, aviary_kernel::store::SortText, PanelId, RemoteId);
type Child = (PanelId, Kind, RemoteId, Kind, aviary_kernel::store::SortText, RemoteId);
type ByAddress = (PanelId, RemoteId, u8, u128, u16, RemoteId);
type ByNode = (PanelId, RemoteId, u128, u16, RemoteId);

impl Source {
    fn new<K: Key>(index: Index<K>, span: Span, locate: fn(&[u8]) -> Option<RowKey>) -> Self {
        Self { table: index.name(), span, locate }
    }

    /// By panel and the panel's number.
    pub(super) fn by_id<T: Mirror>(panel: Option<PanelId>) -> Self {
        let span = panel.map_or_else(Span::all, |panel| Span::prefix(&panel));
        Self { table: T::table().name(), span, locate: |b| last_two::<RowKey>(b, |key| key) }
    }

    /// By name, of one panel or of all.
    pub(super) fn by_name(kind: Kind, panel: Option<PanelId>) -> Self {
        match panel {
            None => Self::new(BY_NAME, Span::prefix(&kind), |b| last_two::<ByName>(b, |(_, _, p, id)| (p, id))),
            Some(panel) => Self::new(BY_PANEL_NAME, Span::prefix(&(panel, kind)), |b| {
                last_two::<ByPanelName>(b, |(p, _, _, id)| (p, id))
            }),
        }
    }

    /// By when the panel made it.
    pub(super) fn by_created(kind: Kind) -> Self {
        Self::new(BY_CREATED, Span::prefix(&kind), |b| last_two::<ByTime>(b, |(_, _, p, id)| (p, id)))
    }

    /// By when it last changed here.
    pub(super) fn by_changed(kind: Kind) -> Self {
        Self::new(BY_CHANGED, Span::prefix(&kind), |b| last_two::<ByTime>(b, |(_, _, p, id)| (p, id)))
    }

    /// Servers by state and name, or those in one state by name.
    pub(super) fn by_state(state: Option<ServerState>) -> Self {
        let span = state.map_or_else(Span::all, |state| Span::prefix(&(state as u8)));
        Self::new(SERVERS_BY_STATE, span, |b| last_two::<ByState>(b, |(_, _, p, id)| (p, id)))
    }

    /// What belongs to an object, by name.
    pub(super) fn children(panel: PanelId, parent: Kind, of: RemoteId, kind: Kind) -> Self {
        Self::new(CHILDREN, Span::prefix(&(panel, parent, of, kind)), |b| {
            last_two::<Child>(b, |(p, _, _, _, _, id)| (p, id))
        })
    }

    /// Allocations of a node by address; only the assigned or only the free ones if so wanted.
    pub(super) fn addresses(panel: PanelId, node: RemoteId, assigned: Option<bool>) -> Self {
        match assigned {
            None => Self::new(ALLOCATIONS_BY_NODE, Span::prefix(&(panel, node)), |b| {
                last_two::<ByNode>(b, |(p, _, _, _, id)| (p, id))
            }),
            Some(assigned) => {
                let span = Span::prefix(&(panel, node, u8::from(assigned)));
                Self::new(ALLOCATIONS_BY_ADDRESS, span, |b| last_two::<ByAddress>(b, |(p, _, _, _, _, id)| (p, id)))
            }
        }
    }

    /// Walks the objects behind `after`, until `visit` breaks off. It gets the key in this order, and the object.
    pub(super) fn walk(
        &self,
        reader: &impl Read,
        after: Option<&[u8]>,
        direction: Direction,
        mut visit: impl FnMut(&[u8], RowKey) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let span = match after {
            Some(key) => self.span.clone().after(key, direction),
            None => self.span.clone(),
        };
        reader.walk_bytes(self.table, &span, direction, &mut |key, _| {
            let row = (self.locate)(key).ok_or_else(|| Error::corrupt(self.table, "a key cannot be read"))?;
            visit(key, row)
        })
    }

    /// Where a row stands in this order; none when it does not.
    pub(super) fn place<T: Mirror>(&self, key: RowKey, row: &Mirrored<T>) -> Option<Vec<u8>> {
        let own = key.to_bytes();
        if self.table == T::table().name() {
            return self.span.holds(&own).then_some(own);
        }
        let mut entries = Entries::default();
        row.entries(&key, &mut entries);
        let here = entries.keys.into_iter().filter(|(table, _)| *table == self.table).map(|(_, place)| place);
        here.into_iter().find(|place| self.span.holds(place) && (self.locate)(place) == Some(key))
    }

    /// How many objects there are in it; walks the keys.
    pub(super) fn len(&self, reader: &impl Read) -> Result<u64> {
        let mut len = 0;
        self.walk(reader, None, Direction::Up, |_, _| {
            len += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(len)
    }
}
