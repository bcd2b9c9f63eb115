//! How long the server takes for each page, with 10,000 servers: every kind of page that can be reached by links from the
//! overview, against the smallest answer there is.

mod measure;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use measure::filled::Filled;
use measure::{Outcome, Times, Wanted, fact, figure, line, ratio, thousands, title};
use tokio::runtime::Runtime;

const SERVERS: u32 = 10_000;
/// Of each kind of page, so many are asked for by turns.
const OF_A_KIND: usize = 4;
const REPEATS: usize = 200;
/// Nobody waits longer without noticing.
const WANTED_MS: f64 = 5.0;

fn main() -> Outcome {
    Runtime::new()?.block_on(async {
        let began = Instant::now();
        let mut filled = Filled::new(SERVERS).await?;
        filled.app.start_workers();
        // What waits settles first: the index, the schedules.
        filled.app.services.search.caught_up().await?;
        let cookie = filled.sign_in().await?;
        println!("filled in {} s", began.elapsed().as_secs());
        let site = Site { filled, cookie };
        let kinds = site.kinds().await?;
        site.measure(&kinds).await?;
        site.filled.app.close().await;
        Ok(())
    })
}

struct Site {
    filled: Filled,
    cookie: String,
}

impl Site {
    async fn get(&self, path: &str) -> Outcome<String> {
        let request = self.filled.client.get(format!("http://{}{path}", self.filled.address));
        let answer = request.header("cookie", &self.cookie).header("accept", "text/html").send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// The kinds of pages, each with some addresses.
    async fn kinds(&self) -> Outcome<BTreeMap<String, Vec<String>>> {
        let mut waiting = VecDeque::from(["/admin".to_owned()]);
        let mut met = BTreeSet::from(["/admin".to_owned()]);
        let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
        while let Some(address) = waiting.pop_front() {
            let of_kind = kinds.entry(kind(&address)).or_default();
            if of_kind.len() >= OF_A_KIND {
                continue;
            }
            // The sync that filled the panel is not on record, and its links lead nowhere.
            let Ok(page) = self.get(&address).await else { continue };
            of_kind.push(address.clone());
            waiting.extend(links(&page).into_iter().filter(|link| met.insert(link.clone())));
        }
        kinds.retain(|_, addresses| !addresses.is_empty());
        Ok(kinds)
    }

    async fn measure(&self, kinds: &BTreeMap<String, Vec<String>>) -> Outcome {
        title(&format!("Pages with {} servers, through HTTP on this machine", thousands(SERVERS)));
        let (mut nothing, mut all) = (Times::default(), Times::default());
        let mut slow = Vec::new();
        for (kind, addresses) in kinds {
            let mut times = Times::default();
            for address in addresses.iter().cycle().take(REPEATS) {
                nothing.take(self.get("/health")).await?;
                times.take(self.get(address)).await?;
            }
            line(kind, &times);
            let late = times.percentile(99);
            if ms(late) > WANTED_MS {
                slow.push((kind.clone(), late));
            }
            all.extend(times);
        }
        title("In all");
        fact("kinds of pages", kinds.len());
        line("a page", &all);
        line("the smallest answer (/health)", &nothing);
        ratio("a page / the smallest answer", &all, &nothing, Wanted::Any);
        figure("ms, 99 of 100 pages", ms(all.percentile(99)), 2, Wanted::AtMost(WANTED_MS));
        for (kind, late) in slow {
            figure(&format!("ms, 99 of 100: {kind}"), ms(late), 2, Wanted::AtMost(WANTED_MS));
        }
        Ok(())
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The path without numbers and ids, and the names of what is asked for.
fn kind(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let shape = |part: &str| if part.chars().any(|c| c.is_ascii_digit()) { "*".to_owned() } else { part.to_owned() };
    let path = path.split('/').map(shape).collect::<Vec<_>>().join("/");
    let tab = query.split('&').find(|pair| pair.starts_with("tab="));
    tab.map_or_else(|| path.clone(), |tab| format!("{path}?{tab}"))
}

/// The pages that a page leads to.
fn links(page: &str) -> Vec<String> {
    let hrefs = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let ours = hrefs.filter(|href| href.starts_with("/admin"));
    ours.map(|href| href.replace("&#38;", "&").replace("&amp;", "&").split('#').next().unwrap_or_default().to_owned())
        .filter(|href| !href.contains("export"))
        .collect()
}
