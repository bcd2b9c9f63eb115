//! How people want to see things. It concerns nobody but themselves, so it is neither on record nor in the feed.

use std::collections::BTreeMap;

use aviary_kernel::base::{Error, Result, Zone};
use aviary_kernel::model::{Density, Preferences, Theme, Units};
use aviary_kernel::store::Read;
use aviary_kernel::store::tables::PREFERENCES;

use super::profile::own;
use super::{Accounts, require};
use crate::access::Caller;

/// How many rows a page of a list may have, to choose from.
pub const ROWS: [u16; 4] = [25, 50, 100, 200];
/// Lists whose columns are remembered.
const MOST_LISTS: usize = 40;
/// Columns of a list.
const MOST_COLUMNS: usize = 40;
/// The name of a list or of a column has no more bytes.
const LONGEST_NAME: usize = 40;

/// What is to be different; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct PreferencesPatch {
    /// The name of a time zone; an empty one means UTC.
    pub time_zone: Option<String>,
    /// How memory and disk space are told.
    pub units: Option<Units>,
    /// How close together things stand.
    pub density: Option<Density>,
    /// Light or dark.
    pub theme: Option<Theme>,
    /// Whether the side bar shows icons only.
    pub folded: Option<bool>,
    /// One of [`ROWS`]; 0 = as the program does.
    pub rows: Option<u16>,
    /// Columns of lists, by list; none means those that a list comes with.
    pub columns: BTreeMap<String, Vec<String>>,
}

impl PreferencesPatch {
    /// What is preferred then.
    fn apply(self, to: &mut Preferences) -> Result<()> {
        let Self { time_zone, units, density, theme, folded, rows, columns } = self;
        if let Some(name) = time_zone {
            to.time_zone = zone(&name)?;
        }
        to.units = units.unwrap_or(to.units);
        to.density = density.unwrap_or(to.density);
        to.theme = theme.unwrap_or(to.theme);
        to.folded = folded.unwrap_or(to.folded);
        match rows {
            None => {}
            Some(0) => to.rows = None,
            Some(rows) if ROWS.contains(&rows) => to.rows = Some(rows),
            Some(_) => return Err(Error::invalid("rows", "is 25, 50, 100 or 200, or 0 for as it comes")),
        }
        for (list, names) in columns {
            if names.is_empty() {
                to.columns.remove(&list);
                continue;
            }
            if !is_name(&list) || names.len() > MOST_COLUMNS || !names.iter().all(|name| is_name(name)) {
                return Err(Error::invalid("columns", "has the name of a list, and names of its columns"));
            }
            to.columns.insert(list, names);
        }
        if to.columns.len() > MOST_LISTS {
            return Err(Error::invalid("columns", format!("are remembered for at most {MOST_LISTS} lists")));
        }
        Ok(())
    }
}

/// A zone as it is written; none for none.
fn zone(name: &str) -> Result<Option<String>> {
    if name.trim().is_empty() {
        return Ok(None);
    }
    match Zone::find(name) {
        Ok(zone) => Ok(Some(zone.name().to_owned())),
        Err(Error::Invalid { reason, .. }) => Err(Error::invalid("timeZone", reason)),
        Err(error) => Err(error),
    }
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

impl Accounts {
    /// How somebody wants to see things. Who is no person has no wishes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn preferences(&self, by: &Caller) -> Result<Preferences> {
        let Ok(id) = own(by) else { return Ok(Preferences::default()) };
        Ok(self.store.read(move |tx| tx.get(PREFERENCES, &id)).await?.unwrap_or_default())
    }

    /// Changes how somebody wants to see things.
    ///
    /// # Errors
    /// [`Error::Invalid`] at the field; [`Error::Forbidden`] when the caller is no person; [`Error::NotFound`] when the account
    /// is gone.
    pub async fn change_preferences(&self, by: &Caller, patch: PreferencesPatch) -> Result<Preferences> {
        let id = own(by)?;
        self.store
            .write(move |tx| {
                require(tx, id)?;
                let before = tx.get(PREFERENCES, &id)?.unwrap_or_default();
                let mut after = before.clone();
                patch.apply(&mut after)?;
                if after != before {
                    tx.put(PREFERENCES, &id, &after)?;
                }
                Ok(after)
            })
            .await
    }
}
