//! The trail as a file: CSV (RFC 4180) for spreadsheets, JSON lines for programs. That it was taken out is on record too.

use std::fmt;
use std::str::FromStr;

use aviary_kernel::base::{Error, Result, csv};
use aviary_kernel::model::{Action, Actor};

use super::{Audit, AuditQuery, Did, Told, record};

/// What the file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a line of names.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

impl Format {
    /// How a file of it ends, without the dot; also its name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    /// As HTTP names it.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::JsonLines => "application/jsonl",
        }
    }

    fn line(self, event: &Told) -> Result<String> {
        match self {
            Self::Csv => csv_line(event),
            Self::JsonLines => Ok(serde_json::to_string(event).map_err(Error::internal)? + "\n"),
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::Csv, Self::JsonLines].into_iter().find(|format| format.extension() == text);
        found.ok_or_else(|| Error::invalid("format", "is csv or jsonl"))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

const COLUMNS: &str = "seq,at,actor,actor_name,address,user_agent,request_id,action,target_kind,target_id,target_name,\
                       outcome,reason,changes,hash\r\n";

fn csv_line(event: &Told) -> Result<String> {
    let changes = serde_json::to_string(&event.changes).map_err(Error::internal)?;
    let (seq, at) = (event.seq.to_string(), event.at.to_string());
    let (actor, target) = (&event.actor, event.target.as_ref());
    let cells: [&str; 15] = [
        &seq,
        &at,
        &actor.id,
        &actor.name,
        actor.address.as_deref().unwrap_or_default(),
        actor.user_agent.as_deref().unwrap_or_default(),
        actor.request_id.as_deref().unwrap_or_default(),
        &event.action,
        target.map_or("", |target| target.kind.as_str()),
        target.map_or("", |target| target.id.as_str()),
        target.map_or("", |target| target.name.as_str()),
        &event.outcome,
        event.reason.as_deref().unwrap_or_default(),
        &changes,
        &event.hash,
    ];
    Ok(csv::line(cells))
}

/// Events that are read in one look.
const PAGE: usize = 500;

/// What is still to be written.
enum Rest {
    /// All that this finds.
    Found(AuditQuery),
    /// Events by their numbers.
    These(Vec<u64>),
}

/// A file on its way out, piece by piece.
pub struct Export {
    audit: Audit,
    format: Format,
    /// What comes next; none = that was all.
    next: Option<Rest>,
    is_begun: bool,
}

impl Export {
    /// The next piece; none at the end. Each is read on a snapshot of its own, so a slow reader holds nothing up.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn next(&mut self) -> Result<Option<String>> {
        let Some(rest) = self.next.take() else { return Ok(None) };
        let (events, next) = match rest {
            Rest::Found(query) => {
                let page = self.audit.list(query.clone()).await?;
                (page.events, page.next.map(|cursor| Rest::Found(AuditQuery { after: Some(cursor), ..query })))
            }
            Rest::These(mut seqs) => {
                let later = seqs.split_off(seqs.len().min(PAGE));
                (self.audit.some(seqs).await?, Some(later).filter(|later| !later.is_empty()).map(Rest::These))
            }
        };
        let mut text = if self.format == Format::Csv && !self.is_begun { COLUMNS.to_owned() } else { String::new() };
        self.is_begun = true;
        for event in events {
            text.push_str(&self.format.line(&Told::from(event))?);
        }
        self.next = next;
        Ok(Some(text))
    }
}

/// What was asked for, for the record.
fn asked(query: &AuditQuery, format: Format) -> Did {
    let filters = [
        ("actor", query.actor.clone()),
        ("action", query.action.map(|action| action.to_string())),
        ("kind", query.kind.clone()),
        ("id", query.id.clone()),
        ("from", query.from.map(|at| at.to_string())),
        ("to", query.until.map(|at| at.to_string())),
        ("outcome", query.outcome.map(|went| went.word().to_owned())),
        ("q", query.search.clone()),
    ];
    let did = Did::new(Action::AuditExported).to("audit", format, format!("audit trail as {format}"));
    filters.into_iter().fold(did, |did, (field, value)| did.changed(field, None, value))
}

impl Audit {
    /// Begins to export the events that are asked for; that it does is on record before the first piece.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn export(&self, by: &Actor, query: AuditQuery, format: Format) -> Result<Export> {
        let (env, by, did) = (self.inner.env.clone(), by.clone(), asked(&query, format));
        self.inner.store.write(move |tx| record(tx, &env, &by, did)).await?;
        let query = AuditQuery { after: None, limit: PAGE, ..query };
        Ok(Export { audit: self.clone(), format, next: Some(Rest::Found(query)), is_begun: false })
    }

    /// Begins to export these events, as far as they are there; that it does is on record before the first piece.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn export_these(&self, by: &Actor, seqs: Vec<u64>, format: Format) -> Result<Export> {
        let did = Did::new(Action::AuditExported).to("audit", format, format!("events chosen by hand as {format}"));
        let did = did.changed("events", None, Some(seqs.len().to_string()));
        let (env, by) = (self.inner.env.clone(), by.clone());
        self.inner.store.write(move |tx| record(tx, &env, &by, did)).await?;
        Ok(Export { audit: self.clone(), format, next: Some(Rest::These(seqs)), is_begun: false })
    }

    /// Puts on record that what a search found is taken out as a file. `asked` is what was searched for.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn search_exported(&self, by: &Actor, asked: Vec<(&'static str, String)>, format: Format) -> Result<()> {
        let did = Did::new(Action::SearchExported).to("search", format, format!("what was found as {format}"));
        let did = asked.into_iter().fold(did, |did, (field, value)| did.changed(field, None, Some(value)));
        let (env, by) = (self.inner.env.clone(), by.clone());
        self.inner.store.write(move |tx| record(tx, &env, &by, did)).await.map(drop)
    }
}
