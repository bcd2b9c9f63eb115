//! The programs under test: Aviary itself, and panels to mirror.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

/// Long enough for a debug build on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A running Aviary. Killed when dropped.
pub struct Aviary {
    /// `http://127.0.0.1:40001`
    pub url: String,
    /// Who may everything.
    pub email: String,
    pub password: String,
    _program: Program,
    _folder: TempDir,
}

impl Aviary {
    /// With a simulated panel that lives, already being synced.
    pub fn demo() -> Self {
        Self::demo_of("pterodactyl")
    }

    /// With a simulated panel of this kind.
    pub fn demo_of(dialect: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut command = binary(&folder);
        command.arg("demo").args(["--listen", "127.0.0.1:0", "--dialect", dialect]);
        let program = Program::start(command, Stream::Out);
        let url = program.word_after("Open");
        let email = program.word_after("E-mail");
        let password = program.word_after("Password");
        Self { url: url.trim_end_matches('/').to_owned(), email, password, _program: program, _folder: folder }
    }

    /// Without any panel. It syncs by hand only, and webhooks may lead to receivers on this machine.
    pub fn empty() -> Self {
        let (email, password) = ("mara@example.com", "Right-1234");
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("password");
        std::fs::write(&file, password).expect("a file");
        let mut command = binary(&folder);
        command.args(["user", "create", "--email", email, "--role", "SUPER_ADMIN", "--password-file"]).arg(file);
        let made = command.output().expect("the command runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut command = binary(&folder);
        command.env("AVIARY__SYNC__EVERY_S", "0").env("AVIARY__LOG__FORMAT", "text");
        command.env("AVIARY__WEBHOOKS__ALLOWED_NETWORKS", "127.0.0.0/8");
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        let program = Program::start(command, Stream::Err);
        let url = format!("http://{}", program.word_after("listening on http://"));
        Self { url, email: email.into(), password: password.into(), _program: program, _folder: folder }
    }
}

/// An Aviary that nobody has taken into use yet, and the link that lets somebody do so.
pub struct Fresh {
    pub aviary: Aviary,
    /// Path and query of the link.
    pub link: String,
}

impl Fresh {
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut command = binary(&folder);
        command.env("AVIARY__SYNC__EVERY_S", "0").env("AVIARY__LOG__LEVEL", "error");
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        let program = Program::start(command, Stream::Out);
        let printed = program.word_after("  http://");
        let (host, path) = printed.split_once('/').expect("a link with a path");
        let (url, link) = (format!("http://{host}"), format!("/{path}"));
        let (email, password) = ("first@example.com".into(), "Right-1234".into());
        Self { aviary: Aviary { url, email, password, _program: program, _folder: folder }, link }
    }
}

/// A simulated panel on a port of its own. Killed when dropped.
pub struct Panel {
    pub url: String,
    pub app_key: String,
    pub client_key: String,
    _program: Program,
    _folder: TempDir,
}

impl Panel {
    pub fn start(how: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut command = binary(&folder);
        command.args(["simulate", "panel", "--rate-limit", "0"]).args(how);
        if !how.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let program = Program::start(command, Stream::Out);
        let url = program.word_after("answers at");
        let app_key = program.word_after("application key");
        let client_key = program.word_after("client key");
        Self { url, app_key, client_key, _program: program, _folder: folder }
    }

    /// Address and port, for another panel in place of this one.
    pub fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }
}

/// A receiver of webhooks that takes what comes. Killed when dropped.
pub struct Sink {
    pub url: String,
    _program: Program,
    _folder: TempDir,
}

impl Sink {
    /// At an address and port, or on a port of its own.
    pub fn start(at: Option<&str>) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut command = binary(&folder);
        command.args(["simulate", "sink", "--listen", at.unwrap_or("127.0.0.1:0")]);
        let program = Program::start(command, Stream::Out);
        let url = program.word_after("answers at").trim_end_matches(',').to_owned();
        Self { url, _program: program, _folder: folder }
    }

    /// Address and port, for another receiver in place of this one.
    pub fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }
}

/// The binary, untouched by the variables of whoever runs the tests.
fn binary(folder: &TempDir) -> Command {
    let path = std::env::var_os("AVIARY_BIN").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/debug/aviary")),
        PathBuf::from,
    );
    assert!(path.is_file(), "{} is not there: use tests/run, or say by AVIARY_BIN where the binary is", path.display());
    let mut command = Command::new(path);
    command.current_dir(folder.path()).env_clear().env("HOME", folder.path());
    command.arg("--data-dir").arg(folder.path().join("data"));
    command
}

/// Where a program tells what we want to know.
#[derive(Clone, Copy)]
pub enum Stream {
    Out,
    Err,
}

/// A process whose lines are read. Killed when dropped.
pub struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    pub fn start(mut command: Command, stream: Stream) -> Self {
        command.stdin(Stdio::null());
        match stream {
            Stream::Out => command.stdout(Stdio::piped()).stderr(Stdio::null()),
            Stream::Err => command.stdout(Stdio::null()).stderr(Stdio::piped()),
        };
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{:?} does not start: {e}", command.get_program()));
        let out: Box<dyn Read + Send> = match stream {
            Stream::Out => Box::new(child.stdout.take().expect("piped")),
            Stream::Err => Box::new(child.stderr.take().expect("piped")),
        };
        let (sender, lines) = channel();
        // Reads to the end, or the program would wait for its lines to be read.
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    /// The word that follows these in the next line that has them.
    pub fn word_after(&self, words: &str) -> String {
        let mut heard = Vec::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(STARTS_WITHIN) else {
                panic!("the program did not say “{words} …”, but:\n{}", heard.join("\n"));
            };
            if let Some((_, rest)) = line.split_once(words) {
                return rest.split_whitespace().next().unwrap_or_default().to_owned();
            }
            heard.push(line);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
