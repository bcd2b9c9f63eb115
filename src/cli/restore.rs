use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aviary_domain::ops::{Backup, Restore, RestoreProgress, RestoreStep, Restored, restore_to};
use aviary_domain::secrets::Keys;
use aviary_kernel::base::{Env, Error};
use aviary_kernel::config::Config;
use aviary_kernel::model::{Actor, Who};
use clap::Args;
use serde_json::json;

use super::door::Door;
use super::{Common, Done, Failure, backup, print, start_log};
use crate::app::make_data_dir;

/// Put a backup in the place of the data file
#[derive(Args)]
pub(super) struct RestoreCommand {
    /// The backup: a file, or the name of one that `aviary backup list` shows
    #[arg(required_unless_present = "latest", conflicts_with = "latest")]
    file: Option<PathBuf>,
    /// The newest backup
    #[arg(long)]
    latest: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl RestoreCommand {
    pub(super) async fn run(self, common: Common) -> Done {
        let config = common.load(&[])?;
        start_log("warn", config.log.format)?;
        if Door::is_served(&config).await {
            return Err(Failure::NeedsPerson(
                "Aviary runs and has the data file open\nstop it first, and start it again after the restore".into(),
            ));
        }
        let backup = self.backup(&config)?;
        let keys = keys(&config);
        announce(&config, &backup, keys.as_ref().err());
        if !self.yes && !agreed()? {
            return Err(Failure::NeedsPerson("nothing was changed".into()));
        }
        make_data_dir(&config.data_dir)?;
        let wanted = Restore {
            backup: backup.clone(),
            data_file: config.data_file(),
            keys: keys.ok(),
            by: Actor::new(Who::CommandLine, "command line"),
        };
        let mut progress = print::Progress::new(common.json);
        let restored = restore_to(Env::system(), wanted, move |at| follow(&mut progress, at)).await;
        let restored = restored.map_err(|error| match error {
            Error::Conflict(why) => Failure::NeedsPerson(why),
            other => other.into(),
        })?;
        if common.json {
            let before = restored.before.as_deref().map(name);
            let (rows, problems) = (restored.rows, restored.problems);
            print::json_line(
                &json!({ "restored": backup::value(&backup), "before": before, "rows": rows, "problems": problems }),
            );
        } else {
            show(&config, &backup, &restored);
        }
        Ok(())
    }

    fn backup(&self, config: &Config) -> Result<Backup, Failure> {
        let options = backup::options(config);
        let Some(file) = &self.file else {
            let newest = options.list()?.into_iter().next();
            let none = || Failure::Failed(format!("there are no whole backups in {}", options.dir.display()));
            return newest.ok_or_else(none);
        };
        let listed = options.dir.join(file);
        Ok(Backup::look(if !file.exists() && listed.exists() { &listed } else { file })?)
    }
}

/// The master key, or why it is not at hand.
fn keys(config: &Config) -> Result<Arc<Keys>, Error> {
    Keys::at_hand(config, false, None).map(Arc::new)
}

/// What will be done, before it is.
fn announce(config: &Config, backup: &Backup, no_key: Option<&Error>) {
    let (made_at, rows) = (backup.made_at, backup.rows);
    let file = config.data_file();
    print::aside(&format!("Backup {} of {made_at}: {rows} records, made by Aviary {}.", backup.name, backup.release));
    let place = file.display();
    if file.exists() {
        print::aside(&format!("It takes the place of {place}, which stays beside it under another name."));
        print::aside(
            "What changed since is as it was then: also sessions, keys and links that were taken back are good again.",
        );
    } else {
        print::aside(&format!("It becomes {place}; there is no data file yet."));
    }
    if let (Some(error), Some(key)) = (no_key, &backup.key) {
        print::aside(&format!(
            "The master key is not at hand ({}). Aviary starts only with key {key}.",
            first_line(error)
        ));
    }
}

fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn agreed() -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::NeedsPerson("a restore needs a person, or --yes".into()));
    }
    print::stay("Go on? Type yes: ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

fn follow(progress: &mut print::Progress, at: &RestoreProgress) -> ControlFlow<()> {
    let words = match at.step {
        RestoreStep::Unpacking => "unpacking",
        RestoreStep::Verifying => "reading every record",
    };
    progress.show_part(&at.percent.into(), words);
    ControlFlow::Continue(())
}

fn show(config: &Config, backup: &Backup, restored: &Restored) {
    print::line(&format!("Restored {} of {}: {} records.", backup.name, backup.made_at, restored.rows));
    if let Some(before) = &restored.before {
        print::line(&format!("The data file from before is {}: remove it when all is well.", name(before)));
    }
    if restored.problems > 0 {
        print::line(&format!("It has {} problems, as it had when it was made: see `aviary check`.", restored.problems));
    }
    if let Some(key) = &backup.key {
        print::line(&format!("Its secrets need master key {key}, which is not part of a backup."));
    }
    print::line(&format!("{} is ready: start Aviary again.", config.data_file().display()));
}

fn name(path: &Path) -> String {
    path.display().to_string()
}
