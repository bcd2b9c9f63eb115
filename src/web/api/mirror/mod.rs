//! The mirror: every kind of object in one way, as lists and one by one.

mod item;
mod list;
mod relations;

use std::str::FromStr;

use aviary_domain::mirror::Page;
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Kind, ObjectKey, Panel, PanelId, RemoteId};

pub(crate) use item::{__path_one, item, one};
pub(crate) use list::{__path_list, list};

/// Does the same for whichever kind: `$T` is the kind's record.
macro_rules! for_kind {
    ($kind:expr, $T:ident => $body:expr) => {{
        use aviary_kernel::model;
        match $kind {
            model::Kind::Location => {
                type $T = model::Location;
                $body
            }
            model::Kind::Node => {
                type $T = model::Node;
                $body
            }
            model::Kind::Allocation => {
                type $T = model::Allocation;
                $body
            }
            model::Kind::Nest => {
                type $T = model::Nest;
                $body
            }
            model::Kind::Egg => {
                type $T = model::Egg;
                $body
            }
            model::Kind::EggVariable => {
                type $T = model::EggVariable;
                $body
            }
            model::Kind::User => {
                type $T = model::User;
                $body
            }
            model::Kind::Server => {
                type $T = model::Server;
                $body
            }
            model::Kind::Database => {
                type $T = model::ServerDatabase;
                $body
            }
            model::Kind::Subuser => {
                type $T = model::Subuser;
                $body
            }
        }
    }};
}
pub(crate) use for_kind;

/// The kind in an address: `servers`, but `server` and `eggVariable` are understood too.
///
/// # Errors
/// [`Error::Invalid`].
pub(super) fn kind(text: &str) -> Result<Kind> {
    let one = |kind: &&Kind| serde_json::to_value(kind).is_ok_and(|word| word == text);
    Kind::ALL.iter().find(one).copied().map_or_else(|| text.parse(), Ok)
}

/// How an object is named in an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// By the panel's number.
    Id(RemoteId),
    /// By its UUID.
    Uuid(String),
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let uuid = uuid::Uuid::from_str(text)
            .map_err(|_| Error::invalid("id", "is the panel's number or the UUID of the object"))?;
        Ok(Self::Uuid(uuid.to_string()))
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Uuid(uuid) => uuid.fmt(f),
        }
    }
}

/// The object of this kind and name. Without a `panel` it must be on one panel only; with `also_gone` it may be one that is
/// no longer there, as long as it is clear which.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when several panels have it.
pub(super) fn find(
    page: &Page<'_>,
    panels: &[Panel],
    panel: Option<PanelId>,
    kind: Kind,
    name: &Name,
    also_gone: bool,
) -> Result<ObjectKey> {
    let id = match name {
        Name::Id(id) => *id,
        Name::Uuid(uuid) => {
            if let Some((panel, id)) = page.by_uuid(kind, uuid)? {
                return Ok(ObjectKey { panel, kind, id });
            }
            let gone = if also_gone { page.removed_by_uuid(kind, uuid)? } else { None };
            return gone.ok_or_else(|| Error::not_found(kind.noun(), uuid));
        }
    };
    let candidates = panels.iter().filter(|one| panel.is_none_or(|panel| panel == one.id));
    let candidates: Vec<_> = candidates.map(|panel| ObjectKey { panel: panel.id, kind, id }).collect();
    let mut known = Vec::new();
    for object in &candidates {
        let is_here = for_kind!(kind, T => page.get::<T>(object.panel, id)?.is_some());
        if is_here {
            known.push(*object);
        }
    }
    if known.is_empty() && also_gone {
        known = candidates;
    }
    match known[..] {
        [] => Err(Error::not_found(kind.noun(), id)),
        [one] => Ok(one),
        _ => {
            let numbers: Vec<_> = known.iter().map(|object| object.panel.to_string()).collect();
            let what = format!(
                "several panels may have {} {id}: say which one with panel={}",
                kind.noun(),
                numbers.join(" or panel=")
            );
            Err(Error::Conflict(what))
        }
    }
}
