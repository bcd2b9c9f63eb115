use std::fmt::Write as _;

use super::keys::KeyInfo;
use super::{Config, KEYS, SECTIONS};

const HEAD: &str = "\
# The configuration of Aviary. Every key stands here with its default; take the # off a line to change it.
# What stands here is overruled by environment variables, and these by flags. The variable of a key is
# AVIARY__SECTION__KEY, for example AVIARY__SERVER__LISTEN. `aviary config show` tells what counts, and why.
";

impl Config {
    /// The text of `config.toml.example`.
    pub fn example() -> String {
        let defaults = Self::default();
        let mut text = HEAD.to_owned();
        for key in KEYS.iter().filter(|key| key.section.is_empty()) {
            key.describe(&defaults, &mut text);
        }
        for section in SECTIONS {
            text.push('\n');
            comment(section.docs, &mut text);
            let _ = writeln!(text, "[{}]", section.name);
            for key in KEYS.iter().filter(|key| key.section == section.name) {
                key.describe(&defaults, &mut text);
            }
        }
        text
    }
}

fn comment(docs: &[&str], out: &mut String) {
    for line in docs {
        let _ = writeln!(out, "# {}", line.trim());
    }
}

impl KeyInfo {
    fn describe(&self, defaults: &Config, out: &mut String) {
        out.push('\n');
        comment(self.docs, out);
        let value = match self.sample {
            Some(sample) => sample.to_owned(),
            // Numbers, texts and lists of texts look the same in JSON and TOML.
            None => (self.shown)(defaults).to_string(),
        };
        let note = if (self.shown)(defaults).is_null() { " # not set by default" } else { "" };
        let _ = writeln!(out, "#{} = {value}{note}", self.name);
    }
}
