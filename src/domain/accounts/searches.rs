//! Searches that people keep, to ask them again. They are nobody else's business, so they are neither told nor put on record.

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{AccountId, SavedSearch};
use aviary_kernel::store::tables::SEARCHES;
use aviary_kernel::store::{Read, Span};
use uuid::Uuid;

use super::{Accounts, require};

/// More searches nobody keeps.
const MOST: usize = 50;
const LONGEST_NAME: usize = 60;
const LONGEST_QUERY: usize = 2000;

impl Accounts {
    /// The searches that somebody keeps, by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn searches(&self, of: AccountId) -> Result<Vec<SavedSearch>> {
        let mut kept = self.store.read(move |tx| held(tx, of)).await?;
        kept.sort_by_key(|search| search.name.to_lowercase());
        Ok(kept)
    }

    /// Keeps a search: its name, and what stands behind the `?` of the address of the search page.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `name` and `query`; [`Error::Conflict`] when there is one of this name, or there are too many;
    /// [`Error::NotFound`] when the account is gone.
    pub async fn keep_search(&self, of: AccountId, name: &str, query: &str) -> Result<SavedSearch> {
        let (name, query) = (read_name(name)?, read_query(query)?);
        let env = self.env.clone();
        self.store
            .write(move |tx| {
                require(tx, of)?;
                let kept = held(tx, of)?;
                if kept.iter().any(|search| search.name.to_lowercase() == name.to_lowercase()) {
                    return Err(Error::Conflict(format!(
                        "you have a saved search named {name}: choose another name, or remove that one first"
                    )));
                }
                if kept.len() >= MOST {
                    return Err(Error::Conflict(format!(
                        "you have {MOST} saved searches, which is as many as are kept: remove one first"
                    )));
                }
                let search = SavedSearch { id: env.ids.next(), name, query, made_at: env.now() };
                tx.put(SEARCHES, &(of, search.id), &search)?;
                Ok(search)
            })
            .await
    }

    /// Keeps a search no longer.
    ///
    /// # Errors
    /// [`Error::NotFound`] when they have none of this id.
    pub async fn drop_search(&self, of: AccountId, id: Uuid) -> Result<SavedSearch> {
        let dropped = self.store.write(move |tx| tx.remove(SEARCHES, &(of, id))).await?;
        dropped.ok_or_else(|| Error::not_found("saved search", id))
    }
}

fn held(reader: &impl Read, of: AccountId) -> Result<Vec<SavedSearch>> {
    Ok(reader.all(SEARCHES, &Span::prefix(&of))?.into_iter().map(|(_, search)| search).collect())
}

fn read_name(text: &str) -> Result<String> {
    let name = text.trim();
    if name.chars().any(char::is_control) {
        return Err(Error::invalid("name", "cannot have line breaks or control characters"));
    }
    match name.chars().count() {
        1..=LONGEST_NAME => Ok(name.to_owned()),
        n => Err(Error::invalid("name", format!("needs 1 to {LONGEST_NAME} characters, has {n}"))),
    }
}

fn read_query(text: &str) -> Result<String> {
    let query = text.trim().trim_start_matches('?');
    if query.chars().any(char::is_control) {
        return Err(Error::invalid("query", "is what stands behind the ? of the address of a search, such as q=lobby"));
    }
    match query.chars().count() {
        1..=LONGEST_QUERY => Ok(query.to_owned()),
        n => Err(Error::invalid("query", format!("needs 1 to {LONGEST_QUERY} characters, has {n}"))),
    }
}
