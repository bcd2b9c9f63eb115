//! What stands behind the question mark: pages, filters, sorting, includes.

use crate::panel::problem::Problem;

/// A parsed query string.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    raw: String,
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Parses the text after the `?`.
    pub(crate) fn parse(raw: &str) -> Self {
        let pairs = raw.split('&').filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        });
        Self { raw: raw.to_owned(), pairs: pairs.collect() }
    }

    /// The last value given for `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of `name[]`, `name[0]` and so on.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let within =
            |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']'));
        self.pairs.iter().filter(|(key, _)| within(key)).map(|(_, value)| value.as_str()).collect()
    }

    /// The page asked for; whatever is not a positive number counts as 1.
    pub(crate) fn page(&self) -> u64 {
        self.get("page").and_then(|text| text.parse().ok()).filter(|&page| page > 0).unwrap_or(1)
    }

    /// The `page[...]`-free text of the query with another page number, as the client API puts it into its links.
    pub(crate) fn with_page(&self, page: u64) -> String {
        let others = self.raw.split('&').filter(|part| !part.is_empty() && !part.starts_with("page="));
        others.map(str::to_owned).chain([format!("page={page}")]).collect::<Vec<_>>().join("&")
    }

    /// Filters that are switched on: name and alternatives.
    pub(crate) fn filters(&self) -> Vec<(&str, Vec<String>)> {
        let name = |key: &'_ str| key.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']')).map(str::len);
        let mut filters = Vec::new();
        for (key, value) in &self.pairs {
            if let Some(length) = name(key) {
                filters.push((&key[7..7 + length], alternatives(value)));
            }
        }
        filters
    }

    /// Sort names with "descending", in order.
    pub(crate) fn sorts(&self) -> Vec<(&str, bool)> {
        let names = self.get("sort").unwrap_or_default().split(',').filter(|name| !name.is_empty());
        names.map(|name| name.strip_prefix('-').map_or((name, false), |rest| (rest, true))).collect()
    }

    /// The relations asked for, cut to two levels.
    pub(crate) fn includes(&self) -> Includes {
        let mut includes = Includes::default();
        let lists = self.get("include").into_iter().chain(self.list("include"));
        for path in lists.flat_map(|list| list.split(',')).filter(|path| !path.is_empty()) {
            includes.add(path, 2);
        }
        includes
    }

    /// Rows per page on the application API. No upper bound; 0 falls back to the framework's own default.
    ///
    /// # Errors
    /// 500 for text and for negative numbers, which is what the panel makes of them.
    pub(crate) fn per_page(&self) -> Result<u64, Problem> {
        match self.get("per_page") {
            None | Some("") => Ok(50),
            Some(text) => match text.parse::<i64>() {
                Ok(0) => Ok(15),
                Ok(rows) if rows > 0 => Ok(rows as u64),
                Ok(_) => Err(Problem::thrown("QueryException")),
                Err(_) => Err(Problem::thrown("TypeError")),
            },
        }
    }

    /// Rows per page on the client API, with its cap.
    ///
    /// # Errors
    /// 500 for negative numbers.
    pub(crate) fn capped_per_page(&self, default: u64, cap: u64) -> Result<u64, Problem> {
        match self.get("per_page") {
            None | Some("") => Ok(default),
            Some(text) => match text.parse::<i64>() {
                Ok(0) => Ok(15),
                Ok(rows) if rows > 0 => Ok((rows as u64).min(cap)),
                Ok(_) => Err(Problem::thrown("QueryException")),
                Err(_) => Ok(cap),
            },
        }
    }
}

/// The comma splits into alternatives; the words for truth become what the database makes of booleans.
fn alternatives(value: &str) -> Vec<String> {
    let truth = |part: &str| match part {
        "true" => "1".to_owned(),
        "false" => String::new(),
        other => other.to_owned(),
    };
    if value.is_empty() { Vec::new() } else { value.split(',').map(truth).collect() }
}

/// A tree of relations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Includes(Vec<(String, Includes)>);

impl Includes {
    fn add(&mut self, path: &str, levels: usize) {
        if levels == 0 {
            return;
        }
        let (head, rest) = path.split_once('.').unwrap_or((path, ""));
        let at = self.0.iter().position(|(name, _)| name == head).unwrap_or_else(|| {
            self.0.push((head.to_owned(), Includes::default()));
            self.0.len() - 1
        });
        if !rest.is_empty() {
            self.0[at].1.add(rest, levels - 1);
        }
    }

    /// True when `name` was asked for.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// True when any of `names` was asked for.
    pub(crate) fn any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    /// What was asked for below `name`.
    pub(crate) fn under(&self, name: &str) -> Includes {
        self.0.iter().find(|(known, _)| known == name).map(|(_, below)| below.clone()).unwrap_or_default()
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |hex: u8| (hex as char).to_digit(16).unwrap_or(0) as u8;
                bytes.push(digit(*high) * 16 + digit(*low));
                rest = after;
            }
            _ => bytes.push(first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Decodes a path segment, where `+` is just a plus.
pub(crate) fn decode_segment(text: &str) -> String {
    decode(&text.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_split_at_commas_and_empty_ones_are_off() {
        let query = Query::parse("filter%5Bname%5D=a%20b,c&filter[uuid]=");
        assert_eq!(query.filters(), vec![("name", vec!["a b".to_owned(), "c".to_owned()]), ("uuid", vec![])]);
    }

    #[test]
    fn includes_stop_at_two_levels() {
        let includes = Query::parse("include=servers.allocations.node,location").includes();
        assert!(includes.has("servers") && includes.has("location"));
        assert!(includes.under("servers").has("allocations"));
        assert!(!includes.under("servers").under("allocations").has("node"));
    }

    #[test]
    fn page_sizes_follow_the_panel() {
        let size = |text: &str| Query::parse(text).per_page().map_err(|p| p.code);
        assert_eq!(size(""), Ok(50));
        assert_eq!(size("per_page="), Ok(50));
        assert_eq!(size("per_page=0"), Ok(15));
        assert_eq!(size("per_page=2500"), Ok(2500));
        assert_eq!(size("per_page=-1"), Err("QueryException"));
        assert_eq!(size("per_page=lots"), Err("TypeError"));
        let client = |text: &str| Query::parse(text).capped_per_page(50, 100).map_err(|p| p.code);
        assert_eq!((client("per_page=250"), client("per_page=lots")), (Ok(100), Ok(100)));
    }
}
