use aviary_kernel::model::{Kind, RemoteId};
use serde::Serialize;

use crate::IdSet;

/// Unreadable rows that are kept in detail; more are counted.
const KEPT: usize = 200;

/// What a listing came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sweep {
    /// How many rows there are, as the panel said with the last page.
    pub total: u64,
    /// Every id that was seen, also of rows that could not be read.
    pub ids: IdSet,
    /// What could not be read, at most 200 of them.
    pub unreadable: Vec<Unreadable>,
    /// How many things could not be read in all.
    pub unreadable_count: u64,
    /// How many of those were rows whose id is not known either.
    pub nameless: u64,
    /// Why the listing is not whole, where that is known.
    pub incomplete: Option<Incomplete>,
    /// Pages read, repeated ones counted.
    pub pages: u32,
    /// Rows a page, as the panel gave them; 0 when the list is not paged.
    pub per_page: u32,
}

impl Sweep {
    /// Whether the listing is known to be whole: every page was read, the distinct ids are as many as the panel reported from
    /// the first page to the last, and no row is without an id. Only then does the absence of an id mean anything, and even then
    /// it must be confirmed: panels page without a snapshot, and a row added in the moment another one is deleted can make up for
    /// a third that slipped through.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_none() && self.nameless == 0
    }

    pub(crate) fn note(&mut self, unreadable: Unreadable) {
        self.unreadable_count += 1;
        if self.unreadable.len() < KEPT {
            self.unreadable.push(unreadable);
        }
    }
}

/// Something in a listing that could not be read. The neighbours were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// The request whose answer held it.
    pub request: String,
    /// The page of the list.
    pub page: Option<u32>,
    /// What it is. A part of a row, such as a subuser of a server, leaves that relation of the row unknown.
    pub kind: Kind,
    /// Its number, where that could be read.
    pub id: Option<RemoteId>,
    /// Why it could not be read.
    pub reason: String,
}

/// Why a listing is not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Incomplete {
    /// What does not add up.
    pub reason: String,
    /// The request that showed it.
    pub request: String,
}
