//! Filtering, sorting and cutting lists into pages.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;

use crate::panel::call::Call;
use crate::panel::json::{EmptyObject, Json};
use crate::panel::problem::Problem;
use crate::panel::query::Query;

/// A filter: its name, how it compares, and the column.
pub(crate) struct Filter<T> {
    /// The name between the brackets.
    pub(crate) name: &'static str,
    /// Whole value instead of a part of it.
    pub(crate) exact: bool,
    /// The column; `None` never matches.
    pub(crate) column: for<'a> fn(&'a T) -> Option<Cow<'a, str>>,
}

/// A filter that finds parts of a text column.
pub(crate) const fn part<T>(name: &'static str, column: for<'a> fn(&'a T) -> Option<Cow<'a, str>>) -> Filter<T> {
    Filter { name, exact: false, column }
}

/// A filter that wants the whole value.
pub(crate) const fn exact<T>(name: &'static str, column: for<'a> fn(&'a T) -> Option<Cow<'a, str>>) -> Filter<T> {
    Filter { name, exact: true, column }
}

/// A column to sort by.
pub(crate) type Sort<T> = (&'static str, fn(&T, &T) -> Ordering);

/// What a list can be filtered and sorted by.
pub(crate) struct Rules<T: 'static> {
    /// Filters.
    pub(crate) filters: &'static [Filter<T>],
    /// Sorts; empty = `sort` is ignored.
    pub(crate) sorts: &'static [Sort<T>],
    /// When a row was last changed.
    pub(crate) changed: fn(&T) -> Timestamp,
}

impl<T> Rules<T> {
    /// Drops the rows that the query does not want and sorts the rest.
    ///
    /// # Errors
    /// 400 for a filter or sort that the list does not have.
    pub(crate) fn apply(&self, rows: &mut Vec<&T>, call: &Call<'_>) -> Result<(), Problem> {
        let query = &call.request.query;
        for (name, wanted) in query.filters() {
            let filter = self.filters.iter().find(|filter| filter.name == name).ok_or_else(|| unknown_filter(name))?;
            if !wanted.is_empty() {
                let wanted: Vec<String> = wanted.iter().map(|text| text.to_lowercase()).collect();
                rows.retain(|row| filter.matches(row, &wanted));
            }
        }
        if call.spec.unordered && query.get("sort").is_none() {
            rows.sort_by_key(|row| (self.changed)(row));
        }
        if !self.sorts.is_empty() {
            self.sort(rows, query)?;
        }
        Ok(())
    }

    fn sort(&self, rows: &mut [&T], query: &Query) -> Result<(), Problem> {
        let mut chosen = Vec::new();
        for (name, descending) in query.sorts() {
            let known = self.sorts.iter().find(|(known, _)| *known == name).ok_or_else(|| unknown_sort(name))?;
            chosen.push((known.1, descending));
        }
        if !chosen.is_empty() {
            rows.sort_by(|a, b| {
                let orders = chosen.iter().map(|(by, down)| if *down { by(b, a) } else { by(a, b) });
                orders.fold(Ordering::Equal, Ordering::then)
            });
        }
        Ok(())
    }
}

impl<T> Filter<T> {
    /// True when the row has one of the values; they must be in lower case.
    pub(crate) fn matches(&self, row: &T, wanted: &[String]) -> bool {
        let Some(value) = (self.column)(row) else { return false };
        let value = value.to_lowercase();
        wanted.iter().any(|text| if self.exact { value == *text } else { value.contains(text) })
    }
}

/// 400: no such filter.
pub(crate) fn unknown_filter(name: &str) -> Problem {
    Problem::refused("InvalidFilterQuery", &format!("This list knows no filter called {name}."))
}

fn unknown_sort(name: &str) -> Problem {
    Problem::refused("InvalidSortQuery", &format!("This list cannot be sorted by {name}."))
}

/// One page of something.
#[derive(Debug)]
pub(crate) struct Page<R> {
    /// The rows on it.
    pub(crate) rows: Vec<R>,
    total: u64,
    per_page: u64,
    current: u64,
}

impl<R: Copy> Page<R> {
    /// Cuts page `current` out of `rows`. A page past the end is empty.
    pub(crate) fn cut(rows: &[R], current: u64, per_page: u64) -> Self {
        let per_page = per_page.max(1);
        let skip = (current - 1).saturating_mul(per_page);
        let rows_here = rows.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX));
        let rows_here = rows_here.take(usize::try_from(per_page).unwrap_or(usize::MAX)).copied().collect();
        Self { rows: rows_here, total: rows.len() as u64, per_page, current }
    }

    /// Writes `pagination`, with `link` turning a page number into an address.
    pub(crate) fn pagination(&self, json: &mut Json, link: impl Fn(u64) -> String) {
        let pages = self.total.div_ceil(self.per_page).max(1);
        json.open("pagination");
        json.put("total", self.total);
        json.put("count", self.rows.len());
        json.put("per_page", self.per_page);
        json.put("current_page", self.current);
        json.put("total_pages", pages);
        if self.current == 1 && pages == 1 {
            json.put("links", EmptyObject);
        } else {
            json.open("links");
            if self.current > 1 {
                json.put("previous", link(self.current - 1));
            }
            if self.current < pages {
                json.put("next", link(self.current + 1));
            }
            json.close();
        }
        json.close();
    }
}

/// A text column.
pub(crate) fn text(value: &str) -> Option<Cow<'_, str>> {
    Some(Cow::Borrowed(value))
}

/// A text column that may be null.
pub(crate) fn nullable(value: &Option<String>) -> Option<Cow<'_, str>> {
    value.as_deref().map(Cow::Borrowed)
}
