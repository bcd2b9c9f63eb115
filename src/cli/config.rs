use aviary_kernel::config::Config;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Common, Done, print};

/// The configuration
#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Say whether the configuration is right
    Check,
    /// Print every key with its value and where that comes from; secrets are masked
    Show,
    /// Print an example with every key, its default and its effect
    Example,
}

impl ConfigCommand {
    pub(super) fn run(self, common: &Common) -> Done {
        if let Self::Example = self {
            print::line(Config::example().trim_end());
            return Ok(());
        }
        let config = common.load(&[])?;
        match self {
            Self::Show => show(&config, common.json),
            _ if common.json => print::json_line(&json!({ "ok": true })),
            _ => print::line("The configuration is right."),
        }
        Ok(())
    }
}

fn show(config: &Config, as_json: bool) {
    let shown = config.to_shown();
    if as_json {
        return print::json_line(&shown);
    }
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "(not set)".into(),
        other => other.to_string(),
    };
    let rows: Vec<_> = shown
        .keys
        .iter()
        .map(|key| vec![key.key.clone(), plain(&key.value), key.source.to_owned(), key.variable.clone()])
        .collect();
    print::table(&["KEY", "VALUE", "SET BY", "VARIABLE"], &rows);
}
