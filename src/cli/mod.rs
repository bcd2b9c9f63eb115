//! The command line. One file per command; what they share is in [`door`] (reaching the data file) and [`print`].

mod api_key;
mod audit;
mod backup;
mod check;
mod config;
mod demo;
mod door;
mod panel;
mod print;
mod reindex;
mod restore;
mod secret;
mod serve;
mod simulate;
mod sync;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use aviary_domain::access::Refusal;
use aviary_kernel::base::Error;
use aviary_kernel::config::{Config, ConfigError, LogFormat, Sources, default_file};
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// A durable, searchable mirror of game server panels, in one binary and one data file.
#[derive(Parser)]
#[command(name = "aviary", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Args, Clone)]
struct Common {
    /// Configuration file [default: config.toml in this folder, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the data file
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run Aviary: pages, API and syncs
    Serve(serve::Serve),
    /// Try Aviary with a simulated panel that lives
    Demo(demo::Demo),
    /// Run a simulated system to try things on
    #[command(subcommand)]
    Simulate(simulate::Simulate),
    /// The panels that are mirrored
    #[command(subcommand)]
    Panel(panel::PanelCommand),
    /// Keys for programs
    #[command(subcommand, name = "api-key")]
    ApiKey(api_key::ApiKeyCommand),
    /// Bring the mirror up to date, and wait for it
    Sync(sync::Sync),
    /// People with an account
    #[command(subcommand)]
    User(user::UserCommand),
    /// The key that secrets are sealed under
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Who did what: the audit trail
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Back the data file up, while Aviary runs
    Backup(backup::BackupCommand),
    /// Put a backup in the place of the data file
    Restore(restore::RestoreCommand),
    /// The configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Check the data file: every record, index and counter
    Check(check::Check),
    /// Make the search index anew from the data file
    Reindex(reindex::Reindex),
    /// Print the version
    Version,
}

/// How a command ended, when not well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It failed: exit code 1.
    Failed(String),
    /// It was asked wrongly: exit code 2.
    Usage(String),
    /// It was refused, or a person must decide: exit code 3.
    NeedsPerson(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { .. } => Self::Usage(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Fault(error) => error.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

type Done = Result<(), Failure>;

impl Common {
    /// The configuration, with what was given on the command line on top.
    fn load(&self, flags: &[(&str, String)]) -> Result<Config, ConfigError> {
        let env =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let sources = Sources::new().env(env);
        let sources = match &self.config {
            Some(path) => sources.file(path),
            None => sources.file_if_there(default_file()),
        };
        let data_dir = self.data_dir.iter().map(|dir| ("data_dir", dir.display().to_string()));
        let flags = flags.iter().map(|(key, value)| (*key, value.clone()));
        Config::load(&sources.flags(data_dir.chain(flags)))
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let (code, text) = match failure {
                Failure::Failed(text) => (1, text),
                Failure::Usage(text) => (2, text),
                Failure::NeedsPerson(text) => (3, text),
            };
            print::failure(&text);
            ExitCode::from(code)
        }
    }
}

fn run(cli: Cli) -> Done {
    let common = cli.common;
    match cli.command {
        Command::Version => {
            print::version(common.json);
            Ok(())
        }
        Command::Config(command) => command.run(&common),
        Command::Serve(command) => wait(command.run(common)),
        Command::Demo(command) => wait(command.run(common)),
        Command::Simulate(command) => wait(command.run()),
        Command::Panel(command) => wait(command.run(common)),
        Command::ApiKey(command) => wait(command.run(common)),
        Command::Sync(command) => wait(command.run(common)),
        Command::User(command) => wait(command.run(common)),
        Command::Secret(command) => wait(command.run(common)),
        Command::Check(command) => wait(command.run(common)),
        Command::Reindex(command) => wait(command.run(common)),
        Command::Audit(command) => wait(command.run(common)),
        Command::Backup(command) => wait(command.run(common)),
        Command::Restore(command) => wait(command.run(common)),
    }
}

/// Runs a command on the runtime that syncs and workers use; requests are answered on threads of their own.
fn wait(work: impl Future<Output = Done>) -> Done {
    aviary_remote::init_tls();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(work)
}

/// Log lines go to standard error; what a command prints goes to standard output.
fn start_log(level: &str, format: LogFormat) -> Done {
    let filter: Targets = level.parse().map_err(|e| Failure::Usage(format!("log.level: {e}")))?;
    let lines = fmt::layer().with_ansi(print::Quiet::is_colourful()).with_writer(|| print::Quiet);
    let registry = tracing_subscriber::registry();
    let started = match format {
        LogFormat::Json => registry.with(lines.json().with_filter(filter)).try_init(),
        LogFormat::Text => registry.with(lines.with_target(false).with_filter(filter)).try_init(),
    };
    started.map_err(|e| Failure::Failed(e.to_string()))
}
