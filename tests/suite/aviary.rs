//! Runs the binary.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use aviary_sim::{PanelSpec, SimPanel};
use serde_json::Value;
use tempfile::TempDir;

pub const API_KEY: &str = "key-of-the-tests";

/// A data folder and a simulated panel.
pub struct Place {
    pub dir: TempDir,
    pub sim: SimPanel,
}

/// What a command printed and how it ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {} / {}", self.out, self.err))
    }

    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }
}

impl Place {
    pub async fn new(spec: PanelSpec) -> Self {
        let sim = SimPanel::start(PanelSpec { rate_limit: 0, client_rate_limit: 0, ..spec }).await.unwrap();
        Self { dir: tempfile::tempdir().unwrap(), sim }
    }

    /// A place whose panel was added and synced.
    pub async fn synced(spec: PanelSpec) -> Self {
        let place = Self::new(spec).await;
        place.add_panel().await.done();
        place.run(&["sync"]).await.done();
        place
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn data_file(&self) -> PathBuf {
        self.data_dir().join("aviary.redb")
    }

    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The binary in this place, untouched by the variables of whoever runs the tests.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aviary"));
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("AVIARY__SECURITY__API_KEY", API_KEY);
        command.arg("--data-dir").arg(self.data_dir()).args(args).stdin(Stdio::null());
        command
    }

    pub async fn run(&self, args: &[&str]) -> Ended {
        ended(self.command(args)).await
    }

    pub async fn add_panel(&self) -> Ended {
        let key = self.file("app.key", self.sim.app_key());
        let url = self.sim.url();
        self.run(&["panel", "add", "--name", "Main", "--url", &url, "--app-key-file", key.to_str().unwrap()]).await
    }

    /// A running server on a free port. It only syncs by hand.
    pub fn serve(&self) -> Serving {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("AVIARY__SYNC__EVERY_S", "0");
        Serving::start(command)
    }
}

pub async fn ended(mut command: Command) -> Ended {
    let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A server at work. Killed when dropped.
pub struct Serving {
    child: Child,
    pub address: SocketAddr,
    pub client: reqwest::Client,
}

impl Serving {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the server says where it listens").unwrap();
            if let Some((_, address)) = line.split_once("listening on http://") {
                break address.trim().parse().unwrap();
            }
        };
        // Somebody must read on, or the server would wait for its log to be read.
        std::thread::spawn(move || lines.for_each(drop));
        aviary_remote::init_tls();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { child, address, client }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.client.get(self.url(path)).bearer_auth(API_KEY).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let answer = self.client.post(self.url(path)).bearer_auth(API_KEY).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as a service manager does; the exit code.
    pub async fn terminate(mut self) -> i32 {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().code().unwrap_or(-1)).await.unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until it is so, for things of another process that cannot be awaited.
pub async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    for _ in 0..600 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("this never came: {what}");
}

pub fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}
