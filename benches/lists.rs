//! Answers of lists with 100,000 rows against the same answers with 1,000: asked of the domain, and over HTTP of the whole
//! program.

mod measure;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Instant;

use aviary::app::App;
use aviary_domain::mirror::{AllocationQuery, At, Book, HistoryQuery, ListQuery};
use aviary_kernel::base::Cursor;
use aviary_kernel::model::{Kind, Server};
use measure::filled::{Filled, PANEL};
use measure::program::API_KEY;
use measure::{Outcome, Times, Wanted, figure, rows, thousands, title};
use reqwest::Client;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const SMALL: u32 = 1_000;
const LARGE: u32 = 100_000;
const REPEATS: usize = 15;
/// Answers in a row; their mean is one measurement.
const IN_A_ROW: usize = 60;
const LIMIT: usize = 25;

fn main() -> Outcome {
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let began = Instant::now();
        let (small, large) = (Site::new(SMALL).await?, Site::new(LARGE).await?);
        println!("filled in {} s", began.elapsed().as_secs());
        through_the_book(&small, &large).await?;
        over_http(&small, &large).await?;
        small.app.close().await;
        large.app.close().await;
        Ok(())
    })
}

/// The program with so many servers, as many allocations, and their history.
struct Site {
    app: App,
    book: Book,
    address: SocketAddr,
    client: Client,
    servers: u32,
    /// Places all over the list of servers by name.
    places: Vec<Cursor>,
    /// The middle of the history.
    past: Cursor,
    // Last, so that the file is closed before its folder goes.
    _dir: TempDir,
}

impl Site {
    async fn new(servers: u32) -> Outcome<Self> {
        let Filled { app, address, client, dir, .. } = Filled::new(servers).await?;
        let book = app.services.book.clone();
        let places = places(&book, servers).await?;
        let past = middle_of_history(&book, servers).await?;
        Ok(Self { app, book, address, client, servers, places, past, _dir: dir })
    }

    fn middle(&self) -> Cursor {
        self.places[self.places.len() / 2].clone()
    }

    fn place(&self, n: usize) -> Cursor {
        // Far from the last one.
        self.places[n * 37 % self.places.len()].clone()
    }

    fn node(&self) -> u64 {
        (u64::from(self.servers) / rows::ON_A_NODE).div_ceil(2)
    }

    async fn get(&self, path: String) -> Outcome {
        let answer = self.client.get(format!("http://{}{path}", self.address)).bearer_auth(API_KEY).send().await?;
        answer.error_for_status()?.bytes().await?;
        Ok(())
    }
}

async fn places(book: &Book, servers: u32) -> Outcome<Vec<Cursor>> {
    let mut places = Vec::new();
    let mut at = At::Start;
    loop {
        let limit = (servers as usize / 100).clamp(1, 1_000);
        let page = book.list::<Server>(ListQuery { at, limit, ..ListQuery::default() }).await?;
        let Some(next) = page.next else { return Ok(places) };
        places.push(next.clone());
        at = At::After(next);
    }
}

async fn middle_of_history(book: &Book, servers: u32) -> Outcome<Cursor> {
    let (mut after, mut passed) = (None, 0);
    loop {
        let page = book.history(HistoryQuery { after, limit: 500, ..HistoryQuery::default() }).await?;
        passed += page.entries.len();
        after = page.next;
        // There are about two entries for each server.
        if passed >= servers as usize {
            return after.ok_or_else(|| "the history is short".into());
        }
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;
/// Asks a site; the number is that of the repetition.
type Ask = for<'a> fn(&'a Site, usize) -> Answer<'a>;

fn servers(site: &Site, at: At) -> Answer<'_> {
    Box::pin(async move {
        site.book.list::<Server>(ListQuery { at, limit: LIMIT, ..ListQuery::default() }).await?;
        Ok(())
    })
}

async fn through_the_book(small: &Site, large: &Site) -> Outcome {
    const ASK: [(&str, Ask); 8] = [
        ("servers by name, first page", |site, _| servers(site, At::Start)),
        ("servers by name, a page in the middle", |site, _| servers(site, At::After(site.middle()))),
        ("servers by name, another page each time", |site, n| servers(site, At::After(site.place(n)))),
        ("servers of a node", |site, _| {
            Box::pin(async {
                let parent = Some((Kind::Node, site.node()));
                let query = ListQuery { panel: Some(PANEL), parent, limit: LIMIT, ..ListQuery::default() };
                site.book.list::<Server>(query).await?;
                Ok(())
            })
        }),
        ("allocations of a node", |site, _| {
            Box::pin(async {
                let node = Some(site.node());
                let query = AllocationQuery { panel: Some(PANEL), node, limit: LIMIT, ..AllocationQuery::default() };
                site.book.allocations(query).await?;
                Ok(())
            })
        }),
        ("history, first page", |site, _| history(site, None)),
        ("history, a page in the middle", |site, _| history(site, Some(site.past.clone()))),
        ("counts", |site, _| {
            Box::pin(async {
                site.book.counts(None).await?;
                Ok(())
            })
        }),
    ];
    compare("the domain", small, large, &ASK).await
}

fn history(site: &Site, after: Option<Cursor>) -> Answer<'_> {
    Box::pin(async move {
        site.book.history(HistoryQuery { after, limit: LIMIT, ..HistoryQuery::default() }).await?;
        Ok(())
    })
}

async fn over_http(small: &Site, large: &Site) -> Outcome {
    const ASK: [(&str, Ask); 10] = [
        ("servers by name, first page", |site, _| get(site, format!("/api/v1/mirror/servers?limit={LIMIT}"))),
        ("servers by name, a page in the middle", |site, _| {
            get(site, format!("/api/v1/mirror/servers?limit={LIMIT}&cursor={}", site.middle()))
        }),
        ("servers by name, another page each time", |site, n| {
            get(site, format!("/api/v1/mirror/servers?limit={LIMIT}&cursor={}", site.place(n)))
        }),
        ("servers of a node", |site, _| {
            get(site, format!("/api/v1/mirror/servers?limit={LIMIT}&parentKind=node&parentId={}", site.node()))
        }),
        ("allocations of a node", |site, _| {
            get(site, format!("/api/admin/nodes/{}/allocations?pageSize={LIMIT}", site.node()))
        }),
        ("history, first page", |site, _| get(site, format!("/api/v1/history?limit={LIMIT}"))),
        ("history, a page in the middle", |site, _| {
            get(site, format!("/api/v1/history?limit={LIMIT}&cursor={}", site.past))
        }),
        ("counts", |site, _| get(site, "/api/v1/counts".into())),
        ("one server", |site, n| {
            get(site, format!("/api/v1/mirror/servers/{}", n as u64 * 7_919 % u64::from(site.servers) + 1))
        }),
        ("servers by page number, the middle (older API)", |site, _| {
            get(site, format!("/api/admin/servers?pageSize={LIMIT}&page={}", site.servers as usize / LIMIT / 2))
        }),
    ];
    compare("HTTP", small, large, &ASK).await
}

fn get(site: &Site, path: String) -> Answer<'_> {
    Box::pin(site.get(path))
}

async fn compare(through: &str, small: &Site, large: &Site, ask: &[(&str, Ask)]) -> Outcome {
    title(&format!("Answers through {through}: µs at {} rows, µs at {}, ratio", thousands(SMALL), thousands(LARGE)));
    for (what, ask) in ask {
        let (mut at_small, mut at_large) = (Times::default(), Times::default());
        let mut n = 0;
        for _ in 0..REPEATS {
            round(small, *ask, &mut at_small, n).await?;
            round(large, *ask, &mut at_large, n).await?;
            n += IN_A_ROW;
        }
        let (few, many) = (at_small.median().as_secs_f64(), at_large.median().as_secs_f64());
        figure(&format!("{what}: {:.0}, {:.0}", few * 1e6, many * 1e6), many / few, 2, Wanted::AtMost(1.15));
    }
    Ok(())
}

async fn round(site: &Site, ask: Ask, times: &mut Times, n: usize) -> Outcome {
    let began = Instant::now();
    for k in 0..IN_A_ROW {
        ask(site, n + k).await?;
    }
    times.push(began.elapsed() / u32::try_from(IN_A_ROW)?);
    Ok(())
}
