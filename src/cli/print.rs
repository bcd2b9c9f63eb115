//! What people see: one line for a failure, tables for lists, a bar for long work. Data on standard output, the rest on
//! standard error.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use serde_json::{Value, json};

/// One line that says what went wrong; what to do about it, on a line of its own.
pub(super) fn failure(text: &str) {
    let (what, hint) = match text.split_once('\n') {
        Some((what, hint)) => (what, Some(hint)),
        None => (text, None),
    };
    aside(&format!("aviary: {what}"));
    if let Some(hint) = hint.filter(|hint| !hint.is_empty()) {
        aside(&format!("  hint: {hint}"));
    }
}

pub(super) fn version(as_json: bool) {
    let version = env!("CARGO_PKG_VERSION");
    if as_json {
        json_line(&json!({ "name": "aviary", "version": version }))
    } else {
        line(&format!("aviary {version}"))
    }
}

/// A line of data. Nobody reading any more is no fault of ours.
pub(super) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A line for the person, beside the data.
pub(super) fn aside(text: &str) {
    let _ = writeln!(Quiet, "{text}");
}

/// Text for the person that stays on its line.
pub(super) fn stay(text: &str) {
    let _ = write!(Quiet, "{text}").and_then(|()| Quiet.flush());
}

/// Standard error that takes everything. A full disk or a reader that is gone must not stop what is at work.
pub(super) struct Quiet;

impl Quiet {
    /// Whether a terminal shows it, and colours are wanted.
    pub(super) fn is_colourful() -> bool {
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    }
}

impl Write for Quiet {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = std::io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let _ = std::io::stderr().flush();
        Ok(())
    }
}

/// A value as JSON.
pub(super) fn json_line(value: &impl Serialize) {
    line(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// A table with aligned columns.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let print = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    print(&head.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    rows.iter().for_each(|row| print(row));
}

/// Shows how far something is, on one line that is written over, when a person watches.
pub(super) struct Progress {
    watched: bool,
    last: String,
}

const BAR: usize = 24;

impl Progress {
    pub(super) fn new(as_json: bool) -> Self {
        Self { watched: !as_json && std::io::stderr().is_terminal(), last: String::new() }
    }

    /// Whether anybody looks.
    pub(super) fn is_watched(&self) -> bool {
        self.watched
    }

    pub(super) fn show(&mut self, run: &Value) {
        let requests = run["requests"].as_u64().unwrap_or(0);
        let left =
            run["remainingMs"].as_u64().map(|ms| format!(" · about {} s left", ms.div_ceil(1000))).unwrap_or_default();
        let message = run["message"].as_str().unwrap_or_default();
        self.show_part(&run["percent"], &format!("{message} · {requests} requests{left}"));
    }

    /// A bar, and a few words behind it.
    pub(super) fn show_part(&mut self, percent: &Value, words: &str) {
        let percent = usize::try_from(percent.as_u64().unwrap_or(0)).unwrap_or(0).min(100);
        let full = percent * BAR / 100;
        let text = format!("{}{} {percent:>3} %  {words}", "█".repeat(full), "░".repeat(BAR - full));
        if text == self.last {
            return;
        }
        if self.watched {
            stay(&format!("\r\x1b[2K{text}"));
        }
        self.last = text;
    }

    pub(super) fn end(&self) {
        if self.watched {
            stay("\r\x1b[2K");
        }
    }
}
