//! Searches over a million records through HTTP, a fixed set of 500; how fast the index is made; how soon what was committed is found.

mod measure;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use aviary::app::App;
use aviary_domain::mirror::Writer;
use aviary_domain::search::{Asked, Sight};
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{FieldChange, HistoryEntry, JsonText, Kind, ObjectKey, Operation, Server, SyncId};
use aviary_kernel::store::tables::{HISTORY, SERVERS};
use aviary_kernel::store::{Direction, Read, Span, Store};
use measure::filled::{Filled, PANEL};
use measure::program::API_KEY;
use measure::{Outcome, Wanted, fact, figure, rows, title};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use url_text::encoded;

const SERVERS_MIRRORED: u32 = 10_000;
const RECORDS: u64 = 1_000_000;
/// Records of one commit.
const PER_COMMIT: u64 = 10_000;
/// The records lie in so many days before now.
const DAYS: u64 = 180;
const QUERIES: usize = 500;
/// Each query is asked so often; its median counts.
const REPEATS: usize = 3;
/// So often it is measured how soon something is found.
const FRESH: usize = 40;

fn main() -> Outcome {
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let mut site = Site::new().await?;
        site.make_index().await?;
        site.ask().await?;
        site.freshness().await?;
        site.app.close().await;
        Ok(())
    })
}

struct Site {
    app: App,
    address: SocketAddr,
    client: Client,
    writer: Writer,
    // Last, so that the file is closed before its folder goes.
    _dir: TempDir,
}

impl Site {
    async fn new() -> Outcome<Self> {
        let began = Instant::now();
        let Filled { app, address, client, writer, sync, dir } = Filled::new(SERVERS_MIRRORED).await?;
        fill(&app.services.store, app.services.env.now(), sync).await?;
        println!("filled in {} s", began.elapsed().as_secs());
        Ok(Self { app, address, client, writer, _dir: dir })
    }

    async fn get(&self, path: &str) -> Outcome<Vec<u8>> {
        let answer = self.client.get(format!("http://{}{path}", self.address)).bearer_auth(API_KEY).send().await?;
        Ok(answer.error_for_status()?.bytes().await?.to_vec())
    }

    async fn make_index(&self) -> Outcome {
        title("The index, made anew");
        let began = Instant::now();
        self.app.services.search.reindex().await?;
        let took = began.elapsed();
        let stats = self.app.services.search.stats();
        fact("documents", stats.documents);
        fact("months", stats.slices);
        fact("MiB on disk", stats.bytes / 1024 / 1024);
        figure("documents a second", stats.documents as f64 / took.as_secs_f64(), 0, Wanted::Any);
        Ok(())
    }

    async fn ask(&self) -> Outcome {
        title(&format!("{QUERIES} searches over {RECORDS} records, 25 hits each, through HTTP, one after the other"));
        let bare = self.series("/health", "").await?;
        let queries = queries(&self.app.services.store)?;
        for (what, more) in [("hits", "limit=25"), ("hits and counts", "limit=25&facets=true&histogram=true")] {
            let (mut times, mut found, mut slowest) = (Vec::new(), 0_u64, (Duration::ZERO, String::new()));
            for query in &queries {
                let path = format!("/api/v1/search?q={}&{more}", encoded(query));
                let mut each = Vec::new();
                for _ in 0..REPEATS {
                    let began = Instant::now();
                    let answer = self.get(&path).await?;
                    each.push(began.elapsed());
                    let answer: Value = serde_json::from_slice(&answer)?;
                    found += answer["data"]["total"].as_u64().unwrap_or(0) / REPEATS as u64;
                }
                each.sort_unstable();
                let median = each[REPEATS / 2];
                if median > slowest.0 {
                    slowest = (median, query.clone());
                }
                times.push(median);
            }
            times.sort_unstable();
            let ms = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
            fact(&format!("{what}: found in all"), found);
            figure(&format!("{what}: ms, half are faster"), ms(0.5), 2, Wanted::Any);
            figure(&format!("{what}: ms, 95 of 100 are faster"), ms(0.95), 2, Wanted::Any);
            figure(&format!("{what}: ms, 99 of 100 are faster"), ms(0.99), 2, Wanted::AtMost(5.0));
            figure(&format!("{what}: half / an answer that does nothing"), ms(0.5) / bare, 1, Wanted::Any);
            fact(&format!("{what}: the slowest, {:.1} ms", slowest.0.as_secs_f64() * 1e3), slowest.1);
        }
        self.against_a_scan(&queries).await
    }

    /// The median of many answers of one address, in ms.
    async fn series(&self, path: &str, query: &str) -> Outcome<f64> {
        let mut times = Vec::new();
        for _ in 0..200 {
            let began = Instant::now();
            self.get(&format!("{path}{query}")).await?;
            times.push(began.elapsed());
        }
        times.sort_unstable();
        Ok(times[times.len() / 2].as_secs_f64() * 1e3)
    }

    /// The same found by reading every record.
    async fn against_a_scan(&self, queries: &[String]) -> Outcome {
        let word = queries.iter().find(|query| query.chars().all(char::is_alphanumeric) && query.len() > 4);
        let word = word.cloned().ok_or("no plain query")?;
        let began = Instant::now();
        let asked = Asked { text: format!("kind:change {word}"), ..Asked::default() };
        let found = self.app.services.search.find(asked, Sight::of(|_| true)).await?.total;
        let asking = began.elapsed();
        let (began, needle) = (Instant::now(), word.clone());
        let read = self.app.services.store.read(move |tx| {
            let mut found = 0_u64;
            tx.walk(HISTORY, &Span::all(), Direction::Up, |_, entry| {
                found += u64::from(format!("{entry:?}").to_lowercase().contains(&needle));
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(found)
        });
        let scanned = read.await?;
        fact(&format!("“{word}” in the index, in the records"), format!("{found}, {scanned}"));
        figure(
            "a scan of all records / a search",
            began.elapsed().as_secs_f64() / asking.as_secs_f64(),
            0,
            Wanted::Any,
        );
        Ok(())
    }

    async fn freshness(&mut self) -> Outcome {
        title("From the commit until it is found");
        self.app.start_workers();
        let search = self.app.services.search.clone();
        search.caught_up().await?;
        let mut times = Vec::new();
        for number in 0..FRESH {
            let name = format!("freshness{}", (b'a' + (number % 26) as u8) as char).repeat(1 + number / 26);
            let server = Server { name: name.clone(), ..rows::server(1 + number as u64, 40) };
            self.writer.apply(vec![server]).await?;
            let began = Instant::now();
            let mut told = search.watch();
            loop {
                told.mark_unchanged();
                let asked = Asked { text: format!("kind:server name:{name}"), ..Asked::default() };
                if search.find(asked, Sight::of(|_| true)).await?.total > 0 {
                    break;
                }
                told.changed().await?;
            }
            times.push(began.elapsed());
        }
        times.sort_unstable();
        figure("ms, half are sooner", times[FRESH / 2].as_secs_f64() * 1e3, 0, Wanted::Any);
        figure("ms, the longest", times[FRESH - 1].as_secs_f64() * 1e3, 0, Wanted::AtMost(1000.0));
        Ok(())
    }
}

/// Well mixed, and the same each time.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x1234_5678).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 32)
}

const ADJECTIVES: [&str; 20] = [
    "amber", "brisk", "calm", "dusty", "eager", "frosty", "gentle", "hollow", "icy", "jolly", "keen", "lively",
    "mellow", "noble", "olive", "proud", "quiet", "rapid", "silent", "tidy",
];
const NOUNS: [&str; 25] = [
    "anchor", "bridge", "canyon", "delta", "ember", "forest", "glacier", "harbour", "island", "jungle", "kingdom",
    "lantern", "meadow", "nebula", "orchard", "prairie", "quarry", "river", "summit", "tundra", "upland", "valley",
    "willow", "yard", "zenith",
];
const FIELDS: [&str; 8] =
    ["name", "limits.memory", "status", "nodeId", "startupCommand", "suspended", "description", "image"];

fn pick<'a>(from: &[&'a str], number: u64) -> &'a str {
    from[(number % from.len() as u64) as usize]
}

fn name(number: u64) -> String {
    format!("{} {} {}", pick(&ADJECTIVES, mixed(number)), pick(&NOUNS, mixed(number) >> 20), number % 10_000)
}

async fn fill(store: &Store, now: Timestamp, sync: SyncId) -> Outcome {
    let step = Duration::from_secs(DAYS * 86_400) / u32::try_from(RECORDS)?;
    for first in (0..RECORDS).step_by(usize::try_from(PER_COMMIT)?) {
        store
            .write(move |tx| {
                for number in first..first + PER_COMMIT {
                    let seq = tx.next_number("history")?;
                    let back = u32::try_from(RECORDS - number).unwrap_or(u32::MAX);
                    tx.put(HISTORY, &seq, &entry(seq, number, now.minus(step * back), sync))?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

fn entry(seq: u64, number: u64, at: Timestamp, sync: SyncId) -> HistoryEntry {
    let value = |salt: u64| {
        let mixed = mixed(number ^ salt);
        Some(JsonText::new(&json!(format!("{} {:x}", pick(&NOUNS, mixed), mixed % 65_536))))
    };
    let field = pick(&FIELDS, mixed(number) >> 8).to_owned();
    HistoryEntry {
        seq,
        object: ObjectKey { panel: PANEL, kind: Kind::Server, id: 1 + mixed(number) % u64::from(SERVERS_MIRRORED) },
        label: name(number),
        at,
        sync,
        operation: if number.is_multiple_of(50) { Operation::Removed } else { Operation::Changed },
        fields: vec![FieldChange { field, old: value(1), new: value(2) }],
    }
}

/// What people ask, the same each time: words, names, parts, ids, fields, times, and all of it together.
fn queries(store: &Store) -> Outcome<Vec<String>> {
    let uuid = |id: u64| -> Outcome<String> {
        let row = store.read_blocking(|tx| tx.get(SERVERS, &(PANEL, 1 + id % u64::from(SERVERS_MIRRORED))))?;
        Ok(row.ok_or("a server is not there")?.data.uuid)
    };
    let mut queries = Vec::with_capacity(QUERIES);
    for number in 0..QUERIES as u64 {
        let (a, b) = (pick(&ADJECTIVES, mixed(number)), pick(&NOUNS, mixed(number) >> 20));
        let id = mixed(number) % u64::from(SERVERS_MIRRORED);
        queries.push(match number % 20 {
            0 => b.to_owned(),
            1 => format!("{a} {b}"),
            2 => format!("\"{a} {b}\""),
            3 => name(mixed(number) % RECORDS),
            4 => uuid(id)?,
            5 => uuid(id)?[4..18].to_owned(),
            6 => format!("{}*", &b[..4]),
            7 => format!("kind:change field:{} {b}", pick(&FIELDS, number)),
            8 => format!("state:removed {a}"),
            9 => format!("since:7d {b}"),
            10 => format!("{a} -{b}"),
            11 => format!("{a} OR {b}"),
            12 => format!("kind:server reef {}", id % 100),
            13 => format!("10.{}.{}", id % 4, id % 250),
            14 => format!("{:x}", mixed(number) % 65_536),
            15 => format!("kind:change id:{id}"),
            16 => "since:2h kind:change".to_owned(),
            17 => format!("{}{}", &b[1..4], if number % 40 < 20 { "" } else { "x" }),
            18 => "kind:change".to_owned(),
            _ => format!("{a} state:changed since:30d field:name"),
        });
    }
    Ok(queries)
}

/// Text as a part of an address.
mod url_text {
    pub(super) fn encoded(text: &str) -> String {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        };
        text.bytes().map(byte).collect()
    }
}
