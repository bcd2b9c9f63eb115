use std::str::FromStr;

use aviary_domain::mirror::At;
use aviary_kernel::base::Cursor;
use aviary_kernel::model::PanelId;

use super::desk::Known;
use super::shown;

/// What stands behind the `?` of an address. What cannot be understood is left out and said so, never an error.
#[derive(Clone, Debug)]
pub(super) struct Query {
    path: String,
    pairs: Vec<(String, String)>,
    /// What was not understood.
    pub(super) doubts: Vec<String>,
}

const LONGEST_SEARCH: usize = 200;
/// Where a list stands; left behind when a filter changes.
const PLACE: [&str; 4] = ["after", "before", "offset", "done"];

impl Query {
    pub(super) fn new(path: &str, query: &str) -> Self {
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned().take(40).collect();
        Self { path: path.to_owned(), pairs, doubts: Vec::new() }
    }

    /// The value of this name, without space around it; none when it is empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(key, _)| key == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// The value of this name as it was typed.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// What stands behind the `?`, with these names only.
    pub(super) fn only(&self, names: &[&str]) -> String {
        let kept = self.pairs.iter().filter(|(key, value)| names.contains(&key.as_str()) && !value.trim().is_empty());
        shown::query(&kept.map(|(key, value)| (key.as_str(), value.as_str())).collect::<Vec<_>>())
    }

    /// What is searched for.
    pub(super) fn search(&self) -> Option<String> {
        self.text("q").map(|text| text.chars().take(LONGEST_SEARCH).collect())
    }

    /// The value of this name, if `read` knows it; otherwise a doubt is noted.
    pub(super) fn pick<T>(&mut self, name: &str, fallback: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let picked = read(self.text(name)?);
        if picked.is_none() {
            self.doubts.push(format!("The address has a value of “{name}” that does not exist: {fallback}."));
            self.pairs.retain(|(key, _)| key != name);
        }
        picked
    }

    /// As [`Query::pick`], for what has a usual text form.
    pub(super) fn parse<T: FromStr>(&mut self, name: &str, fallback: &str) -> Option<T> {
        self.pick(name, fallback, |text| text.parse().ok())
    }

    /// The panel that is asked for.
    pub(super) fn panel(&mut self, known: &Known) -> Option<PanelId> {
        self.pick("panel", "all panels are shown", |text| {
            text.parse().ok().filter(|id| known.panels.iter().any(|panel| panel.id == *id))
        })
    }

    /// Where the page begins.
    pub(super) fn place(&mut self) -> At {
        let mut cursor = |name| self.parse::<Cursor>(name, "the list begins at the front");
        match (cursor("after"), cursor("before")) {
            (Some(after), _) => At::After(after),
            (None, Some(before)) => At::Before(before),
            (None, None) => At::Start,
        }
    }

    /// The same page with other values; an empty one goes away. Where the list stands is forgotten unless it is given.
    pub(super) fn link(&self, changes: &[(&str, &str)]) -> String {
        let kept = self.pairs.iter().filter(|(key, value)| {
            !value.trim().is_empty() && !PLACE.contains(&key.as_str()) && changes.iter().all(|(name, _)| name != key)
        });
        let kept = kept.map(|(key, value)| (key.as_str(), value.as_str()));
        let new = changes.iter().copied().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<_> = kept.chain(new).collect();
        if pairs.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, shown::query(&pairs)) }
    }

    /// The address of the page without what stands behind the `?`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// This very page, without what was only to be told once.
    pub(super) fn here(&self) -> String {
        let pairs: Vec<_> = self.pairs.iter().filter(|(key, _)| key != "done").collect();
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        if pairs.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, shown::query(&pairs)) }
    }

    /// Names and values, in order.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// Another page with the values of this one, as [`Query::link`] has them.
    pub(super) fn elsewhere(&self, path: &str, changes: &[(&str, &str)]) -> String {
        Self { path: path.to_owned(), pairs: self.pairs.clone(), doubts: Vec::new() }.link(changes)
    }

    /// Puts what boxes of one name send into one value of another, with commas.
    pub(super) fn fold(&mut self, boxes: &str, into: &str) {
        let mut ticked: Vec<String> = Vec::new();
        for (_, value) in self.pairs.iter().filter(|(key, _)| key == boxes) {
            if !ticked.contains(value) {
                ticked.push(value.clone());
            }
        }
        if !ticked.is_empty() {
            self.pairs.retain(|(key, _)| key != boxes && key != into);
            self.pairs.push((into.to_owned(), ticked.join(",")));
        }
    }

    /// The page without any filter.
    pub(super) fn bare(&self) -> String {
        self.path.clone()
    }

    /// What a form must carry along so that it changes nothing but its own fields.
    pub(super) fn carried(&self, own: &[&str]) -> Vec<(String, String)> {
        let keep = |key: &str| !own.contains(&key) && !PLACE.contains(&key);
        self.pairs.iter().filter(|(key, value)| keep(key) && !value.trim().is_empty()).cloned().collect()
    }

    /// Whether any of these has a value.
    pub(super) fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.text(name).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_the_filters_and_forgets_the_place() {
        let query = Query::new("/admin/servers", "q=a%26b&state=suspended&after=xyz&done=x&empty=");
        assert_eq!(query.link(&[("state", "")]), "/admin/servers?q=a%26b");
        assert_eq!(query.link(&[("after", "k")]), "/admin/servers?q=a%26b&state=suspended&after=k");
    }

    #[test]
    fn what_is_not_understood_is_said_and_left_out() {
        let mut query = Query::new("/admin/servers", "state=flying&q=x");
        assert_eq!(query.parse::<u64>("state", "all are shown"), None);
        assert_eq!(query.doubts, ["The address has a value of “state” that does not exist: all are shown."]);
        assert_eq!(query.link(&[]), "/admin/servers?q=x");
    }
}
