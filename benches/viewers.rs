//! What 1,000 people who look on cost: the memory of the real program with so many open streams against so many connections
//! that do nothing, and how long it takes until all have heard of a change.

mod measure;

use std::time::{Duration, Instant};

use measure::program::Program;
use measure::{Outcome, Times, Wanted, fact, figure, folder, line, ratio, title};
use reqwest::{Client, Response};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const VIEWERS: usize = 1_000;
const CHANGES: usize = 20;
const REST: Duration = Duration::from_secs(3);
const TOPICS: &str = "syncs,removals,panels,servers,roles";

fn main() -> Outcome {
    let runtime = Runtime::new()?;
    let folder = folder()?;
    let idle = with_connections(&runtime, &folder.path().join("idle"), "/health")?;
    let looking = with_viewers(&runtime, &folder.path().join("looking"))?;
    title("Memory");
    figure("KiB a connection that does nothing", idle * 1024.0 / VIEWERS as f64, 1, Wanted::Any);
    figure("KiB a viewer", looking * 1024.0 / VIEWERS as f64, 1, Wanted::Any);
    figure("a viewer / a connection that does nothing", looking / idle.max(0.001), 2, Wanted::Any);
    Ok(())
}

/// MiB more with so many connections that asked once and stay.
fn with_connections(runtime: &Runtime, data_dir: &std::path::Path, path: &str) -> Outcome<f64> {
    std::fs::create_dir_all(data_dir)?;
    let program = Program::start(data_dir)?;
    std::thread::sleep(REST);
    let before = program.memory_mib("RssAnon")?;
    let kept = runtime.block_on(async {
        let mut kept = Vec::new();
        for _ in 0..VIEWERS {
            // A client of its own keeps a connection of its own.
            let client = Client::builder().tls_certs_only([]).no_proxy().build()?;
            client.get(program.url(path)).send().await?.error_for_status()?.bytes().await?;
            kept.push(client);
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(kept)
    })?;
    std::thread::sleep(REST);
    let after = program.memory_mib("RssAnon")?;
    drop(kept);
    program.stop()?;
    Ok(after - before)
}

fn with_viewers(runtime: &Runtime, data_dir: &std::path::Path) -> Outcome<f64> {
    std::fs::create_dir_all(data_dir)?;
    let program = Program::start(data_dir)?;
    let token = runtime.block_on(program.sign_in(data_dir))?;
    std::thread::sleep(REST);
    let before = program.memory_mib("RssAnon")?;
    let (mut streams, first) = runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..VIEWERS {
            streams.push(open(&program, &token).await?);
        }
        let mut one = streams.split_off(VIEWERS - 1);
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((streams, one.remove(0)))
    })?;
    std::thread::sleep(REST);
    let after = program.memory_mib("RssAnon")?;
    title("Streams");
    fact("open", streams.len() + 1);
    let (mut alone, mut all) = (Times::default(), Times::default());
    let mut first = Some(first);
    for n in 0..CHANGES {
        let (one, rest) = runtime.block_on(tell(&program, &token, n, first.take(), std::mem::take(&mut streams)))?;
        alone.push(one.1);
        all.push(rest.1);
        (first, streams) = (Some(one.0), rest.0);
    }
    line("until one has heard of a change", &alone);
    line("until all have", &all);
    ratio("all / one", &all, &alone, Wanted::Any);
    drop((first, streams));
    program.stop()?;
    Ok(after - before)
}

async fn open(program: &Program, token: &str) -> Outcome<Response> {
    let client = Client::builder().tls_certs_only([]).no_proxy().build()?;
    let request = client.get(program.url(&format!("/api/v1/live?topics={TOPICS}")));
    let mut stream = request.bearer_auth(token).send().await?.error_for_status()?;
    stream.chunk().await?;
    Ok(stream)
}

type Heard<T> = (T, Duration);

/// Changes something and waits until everybody has heard of it; how long that took the first one, and all.
async fn tell(
    program: &Program,
    token: &str,
    n: usize,
    first: Option<Response>,
    streams: Vec<Response>,
) -> Outcome<(Heard<Response>, Heard<Vec<Response>>)> {
    let first = first.ok_or("nobody looks on")?;
    let began = Instant::now();
    let mut waiting = JoinSet::new();
    for stream in streams {
        waiting.spawn(heard(stream));
    }
    let one = tokio::spawn(heard(first));
    program.make_panel(token, n).await?;
    let one = one.await??;
    let took_one = began.elapsed();
    let mut streams = Vec::new();
    while let Some(stream) = waiting.join_next().await {
        streams.push(stream??);
    }
    Ok(((one, took_one), (streams, began.elapsed())))
}

/// Waits until a stream tells that something moved.
async fn heard(mut stream: Response) -> Outcome<Response> {
    while let Some(piece) = stream.chunk().await? {
        if piece.windows(12).any(|window| window == b"event: moved") {
            return Ok(stream);
        }
    }
    Err("a stream ended".into())
}
