//! All that a search finds, as a file.

use actix_web::http::header;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use aviary_domain::audit::{Audit, Format};
use aviary_domain::search::{Asked, Found, Search, Sight, Standing};
use aviary_kernel::base::{Env, Error, Result, csv};
use futures_util::stream;
use serde_json::json;

use super::read::Wanted;
use super::view::HitView;
use super::{pairs, read, sight_of};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};

/// More hits than this no file has.
const MOST: u64 = 100_000;
/// Hits that are read in one look.
const PAGE: usize = 200;

const COLUMNS: [&str; 9] = ["kind", "id", "title", "state", "at", "panel", "href", "lines", "note"];

/// What a search finds, as a file
///
/// Takes the parameters of the search. A file has 100,000 hits at most; when there are more, when the index is being
/// made anew, and when something of the question made no sense, its last lines say so. That it was exported is on record before the first byte. In CSV, text that a spreadsheet would take for a
/// formula is led by an apostrophe.
#[utoipa::path(get, path = "/api/v1/search/export", tag = "search", params(
    ("format" = String, Query, description = "`csv` (RFC 4180) or `jsonl`, one JSON object a line"),
    ("q" = Option<String>, Query, description = "As for the search"),
    ("kind" = Option<Vec<String>>, Query),
    ("panel" = Option<u32>, Query),
    ("since" = Option<String>, Query),
    ("until" = Option<String>, Query),
    ("order" = Option<String>, Query),
    ("zone" = Option<String>, Query),
), responses(
    (status = 200, description = "The file", body = String, content_type = "text/csv"),
    (status = 400, description = "The format is neither csv nor jsonl", body = ProblemView),
))]
pub(crate) async fn export(
    search: Data<Search>,
    audit: Data<Audit>,
    env: Data<Env>,
    caller: Allow<perm::Known>,
    request: HttpRequest,
) -> ApiResult {
    let pairs = pairs(request.query_string());
    let format =
        pairs.iter().find(|(name, _)| name == "format").map_or("", |(_, value)| value.trim()).parse::<Format>()?;
    let Wanted { asked, doubts } = read(&pairs, env.now(), None);
    let asked = Asked { after: None, limit: PAGE, facets: false, histogram: false, ..asked };
    audit.search_exported(&caller.who, told(&asked), format).await?;
    let (sight, next) = (sight_of(&caller.caller), Some(asked));
    Ok(file(Export { search, sight, format, next, written: 0, is_begun: false, notes: doubts }))
}

/// What was asked for, for the record.
fn told(asked: &Asked) -> Vec<(&'static str, String)> {
    let kinds: Vec<_> = asked.subjects.iter().map(|subject| subject.word()).collect();
    let parts = [
        ("q", Some(asked.text.trim().chars().take(200).collect()).filter(|text: &String| !text.is_empty())),
        ("kind", Some(kinds.join(",")).filter(|text| !text.is_empty())),
        ("panel", asked.panel.map(|panel| panel.to_string())),
        ("since", asked.since.map(|at| at.to_string())),
        ("until", asked.until.map(|at| at.to_string())),
    ];
    parts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// An answer that a browser keeps as a file.
fn file(export: Export) -> HttpResponse {
    let format = export.format;
    let pieces = stream::unfold(export, |mut export| async move {
        let piece = export.next().await.transpose()?;
        Some((piece.map(Bytes::from), export))
    });
    HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"search.{}\"", format.extension())))
        .streaming(pieces)
}

/// A file on its way out, page by page.
struct Export {
    search: Data<Search>,
    sight: Sight,
    format: Format,
    /// What comes next; none = that was all.
    next: Option<Asked>,
    written: u64,
    is_begun: bool,
    /// What the last lines say.
    notes: Vec<String>,
}

impl Export {
    /// The next piece; none at the end.
    async fn next(&mut self) -> Result<Option<String>> {
        let Some(asked) = self.next.take() else { return Ok(None) };
        let found = self.search.find(asked.clone(), self.sight.clone()).await?;
        let mut text = String::new();
        if !self.is_begun {
            self.is_begun = true;
            self.notes.extend(found.doubts.clone());
            if self.format == Format::Csv {
                text.push_str(&csv::line(COLUMNS));
            }
        }
        self.written += found.hits.len() as u64;
        let (next, note) = (found.next.clone(), self.note(&found));
        for hit in found.hits {
            text.push_str(&line(self.format, &hit.into())?);
        }
        self.next = next.filter(|_| self.written < MOST).map(|cursor| Asked { after: Some(cursor), ..asked });
        if self.next.is_none() {
            self.notes.extend(note);
            text.extend(self.notes.iter().map(|note| last_line(self.format, note)));
        }
        Ok(Some(text))
    }

    /// Why the file may not hold everything.
    fn note(&self, found: &Found) -> Option<String> {
        match &found.standing {
            Standing::Building { done, of } => {
                Some(format!("the index was being made anew, {done} of {of} entries were in it: export again later"))
            }
            Standing::Broken(reason) => Some(format!("the index cannot be used: {reason}")),
            Standing::Ready if found.next.is_some() && self.written >= MOST => {
                Some(format!("these are {} of {}: narrow the search to have the rest", self.written, found.total))
            }
            Standing::Ready => None,
        }
    }
}

fn line(format: Format, hit: &HitView) -> Result<String> {
    if format == Format::JsonLines {
        return Ok(serde_json::to_string(hit).map_err(Error::internal)? + "\n");
    }
    let lines: Vec<_> = hit.lines.iter().map(|line| format!("{}: {}", line.name, line.text)).collect();
    let (at, panel) = (hit.at.map(|at| at.to_string()), hit.panel.map(|panel| panel.to_string()));
    Ok(csv::line([
        hit.kind,
        &hit.id,
        &hit.title,
        hit.state.unwrap_or_default(),
        at.as_deref().unwrap_or_default(),
        panel.as_deref().unwrap_or_default(),
        &hit.href,
        &lines.join("\n"),
        "",
    ]))
}

fn last_line(format: Format, note: &str) -> String {
    match format {
        Format::Csv => csv::line(["", "", "", "", "", "", "", "", note]),
        Format::JsonLines => json!({ "note": note }).to_string() + "\n",
    }
}
