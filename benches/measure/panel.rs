//! A simulated panel on threads of its own, as a real one is on a machine of its own, and a client that only fetches.

use std::collections::BTreeMap;
use std::time::Duration;

use aviary_sim::{PanelSpec, SimPanel};
use futures_util::{StreamExt, stream};
use tokio::runtime::{Builder, Runtime};

use super::Outcome;

/// A panel of a size, which answers each request after `delay`.
pub(crate) fn spec(servers: u32, delay: Duration) -> PanelSpec {
    let nodes = servers.div_ceil(125).max(1);
    PanelSpec {
        servers,
        users: servers * 2 / 5,
        nodes,
        allocations_per_node: 200,
        locations: nodes.div_ceil(4),
        nests: 4,
        eggs_per_nest: 5,
        rate_limit: 0,
        client_rate_limit: 0,
        page_delay: delay,
        ..PanelSpec::default()
    }
    .tame()
}

/// A panel at work. Not to be dropped inside of async code.
pub(crate) struct Panel {
    pub(crate) sim: SimPanel,
    _runtime: Runtime,
}

impl Panel {
    pub(crate) fn start(spec: PanelSpec) -> Outcome<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("panel").enable_all().build()?;
        let sim = runtime.block_on(SimPanel::start(spec))?;
        Ok(Self { sim, _runtime: runtime })
    }

    /// The path and query of every request since the last call, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        let seen = self.sim.requests();
        self.sim.reset_requests();
        seen.into_iter().map(|r| if r.query.is_empty() { r.path } else { format!("{}?{}", r.path, r.query) }).collect()
    }

    /// Fetches these and looks at nothing. Within a wave `at_once` requests are in flight; the next wave waits for its end.
    pub(crate) async fn fetch(&self, waves: &[Vec<String>], at_once: usize) -> Outcome<u64> {
        aviary_remote::init_tls();
        let client = reqwest::Client::builder().tls_certs_only([]).no_proxy().build()?;
        let (client, url, key) = (&client, self.sim.url(), self.sim.app_key());
        let mut bytes = 0;
        for wave in waves {
            let get = |asked: &String| {
                let request = client.get(format!("{url}{asked}")).bearer_auth(key).header("accept", "application/json");
                async move {
                    let mut answer = request.send().await?;
                    let mut bytes = 0;
                    while let Some(chunk) = answer.chunk().await? {
                        bytes += chunk.len() as u64;
                    }
                    Ok::<_, reqwest::Error>(bytes)
                }
            };
            let mut answers = stream::iter(wave.iter().map(get)).buffer_unordered(at_once);
            while let Some(one) = answers.next().await {
                bytes += one?;
            }
        }
        Ok(bytes)
    }
}

/// The requests in the order in which one needs the other: list by list, and of each list the first page, which tells how
/// many there are, before the rest.
pub(crate) fn in_order(asked: &[String]) -> Vec<Vec<String>> {
    let mut waves: Vec<(String, BTreeMap<bool, Vec<String>>)> = Vec::new();
    for one in asked {
        let path = one.split('?').next().unwrap_or_default();
        let list: String = path.chars().filter(|c| !c.is_ascii_digit()).collect();
        if waves.last().is_none_or(|(of, _)| *of != list) {
            waves.push((list, BTreeMap::new()));
        }
        let is_later = one.contains("page=") && !has(one, "page=1");
        if let Some((_, parts)) = waves.last_mut() {
            parts.entry(is_later).or_default().push(one.clone());
        }
    }
    waves.into_iter().flat_map(|(_, parts)| parts.into_values()).collect()
}

fn has(asked: &str, pair: &str) -> bool {
    asked.split(['?', '&']).any(|one| one == pair)
}
