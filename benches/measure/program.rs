//! The real program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};

use super::Outcome;
use super::panel::Panel;

/// What opens its API.
pub(crate) const API_KEY: &str = "key-of-the-benches";

/// The program to measure: the one that was built with the benches, or the one that `AVIARY_BINARY` names.
pub(crate) fn binary() -> Outcome<PathBuf> {
    match std::env::var_os("AVIARY_BINARY") {
        Some(path) => std::fs::canonicalize(&path).map_err(|e| format!("{}: {e}", path.display()).into()),
        None => Ok(env!("CARGO_BIN_EXE_aviary").into()),
    }
}

/// `aviary serve` at work on a data folder. Killed when dropped.
pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
    client: Client,
    /// From before the process was made until `/readyz` answered with 200.
    pub(crate) ready_after: Duration,
}

impl Program {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(data_dir: &Path) -> Outcome<Self> {
        Self::start_with(data_dir, &[])
    }

    /// The same, with more environment variables.
    pub(crate) fn start_with(data_dir: &Path, env: &[(&str, &str)]) -> Outcome<Self> {
        let binary = binary()?;
        let began = Instant::now();
        let mut child = Command::new(binary)
            .arg("--data-dir")
            .arg(data_dir)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(data_dir.parent().unwrap_or(data_dir))
            .env_clear()
            .envs([("AVIARY__SECURITY__API_KEY", API_KEY), ("AVIARY__SYNC__EVERY_S", "0")])
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut log = BufReader::new(child.stderr.take().ok_or("no log")?).lines();
        let address = address(&mut log)?;
        while !is_ready(address)? {}
        let ready_after = began.elapsed();
        // Somebody must read on, or it would wait for its log to be read.
        std::thread::spawn(move || log.for_each(drop));
        aviary_remote::init_tls();
        let client = Client::builder().tls_certs_only([]).no_proxy().build()?;
        Ok(Self { child, address, client, ready_after })
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Outcome<Value> {
        let answer = request.bearer_auth(API_KEY).send().await?.error_for_status()?;
        Ok(answer.json::<Value>().await?["data"].take())
    }

    async fn get(&self, path: &str) -> Outcome<Value> {
        self.call(self.client.get(format!("http://{}{path}", self.address))).await
    }

    async fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.call(self.client.post(format!("http://{}{path}", self.address)).json(body)).await
    }

    /// Where something of it is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Makes an account that may everything, while it runs, signs in and lifts the limit of requests; the access token.
    pub(crate) async fn sign_in(&self, data_dir: &Path) -> Outcome<String> {
        let (email, password) = ("mara@example.com", "Right-1234");
        let file = data_dir.join("password");
        std::fs::write(&file, password)?;
        let made = Command::new(binary()?)
            .arg("--data-dir")
            .arg(data_dir)
            .args(["user", "create", "--email", email, "--role", "SUPER_ADMIN", "--password-file"])
            .arg(&file)
            .stdout(Stdio::null())
            .status()?;
        if !made.success() {
            return Err("the account was not made".into());
        }
        let body = json!({ "email": email, "password": password });
        let request = self.client.post(self.url("/api/v1/auth/login")).json(&body);
        let answer: Value = request.send().await?.error_for_status()?.json().await?;
        let token = answer.pointer("/tokens/accessToken").or_else(|| answer.pointer("/data/tokens/accessToken"));
        let token = token.and_then(Value::as_str).ok_or_else(|| format!("no token in {answer}"))?.to_owned();
        let unlimited = json!({ "requests_per_minute": 0 });
        let request = self.client.patch(self.url("/api/v1/settings")).bearer_auth(&token).json(&unlimited);
        request.send().await?.error_for_status()?;
        Ok(token)
    }

    /// Adds the panel of this number, which answers nobody.
    pub(crate) async fn make_panel(&self, token: &str, n: usize) -> Outcome {
        let (name, url) = (format!("Panel {n}"), format!("http://127.0.0.1:{}", 9_000 + n));
        let key = "ptla_SimulatedAp0123456789abcdefghijABCDEFGHIJxy";
        let body = json!({ "name": name, "url": url, "appKey": key });
        self.client.post(self.url("/api/v1/panels")).bearer_auth(token).json(&body).send().await?.error_for_status()?;
        Ok(())
    }

    /// Adds a panel and starts a sync of it; the sync's path.
    pub(crate) async fn start_sync(&self, name: &str, panel: &Panel) -> Outcome<String> {
        let body = json!({ "name": name, "url": panel.sim.url(), "appKey": panel.sim.app_key() });
        let added = self.post("/api/v1/panels", &body).await?;
        let id = added["id"].as_u64().ok_or("a panel without a number")?;
        let started = self.post(&format!("/api/v1/panels/{id}/sync"), &json!({})).await?;
        let id = started["run"]["id"].as_str().ok_or("a sync without an id")?;
        Ok(format!("/api/v1/syncs/{id}"))
    }

    /// Waits until the sync has written so many rows, or is over.
    pub(crate) async fn until_written(&self, sync: &str, rows: u64) -> Outcome<Value> {
        loop {
            let run = self.get(sync).await?;
            let is_over = !["pending", "running"].contains(&run["status"].as_str().unwrap_or_default());
            if is_over || run["totals"]["created"].as_u64().is_some_and(|created| created >= rows) {
                return Ok(run);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Memory in MiB, by its name in `/proc/PID/status`.
    pub(crate) fn memory_mib(&self, name: &str) -> Outcome<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
        let kib: f64 = line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> Outcome<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/task", self.child.id()))?.count())
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop and waits for its end.
    pub(crate) fn stop(mut self) -> Outcome {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let ended = self.child.wait()?;
        if ended.success() { Ok(()) } else { Err(format!("it ended with {ended}").into()) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(log: &mut impl Iterator<Item = std::io::Result<String>>) -> Outcome<SocketAddr> {
    let mut seen = String::new();
    for line in log {
        let line = line?;
        if let Some((_, address)) = line.split_once("listening on http://") {
            return Ok(address.trim().parse()?);
        }
        seen.push_str(&line);
    }
    Err(format!("it ended before it listened: {seen}").into())
}

fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: aviary\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
