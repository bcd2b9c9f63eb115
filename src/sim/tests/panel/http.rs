//! Questions to a panel.

use aviary_sim::{PanelSpec, SimClock, SimPanel};
use serde_json::Value;

use crate::wire::{self, Answer};

impl Answer {
    /// The code of the first error.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The ids of the rows.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let page = self.json();
        let rows = page["data"].as_array().cloned().unwrap_or_default();
        rows.iter().map(|row| row["attributes"]["id"].as_u64().expect("rows have ids")).collect()
    }

    pub(crate) fn total(&self) -> i64 {
        self.json()["meta"]["pagination"]["total"].as_i64().expect("lists have totals")
    }
}

/// A panel with a held clock, so that the rate limit and all times stand still.
pub(crate) async fn panel(spec: PanelSpec) -> SimPanel {
    let start = "2025-09-10T12:00:00Z".parse().expect("time");
    SimPanel::start(PanelSpec { clock: SimClock::held_at(start), ..spec }).await.expect("a free port")
}

pub(crate) async fn get(panel: &SimPanel, path: &str) -> Answer {
    let key = if path.starts_with("/api/client") { panel.client_key() } else { panel.app_key() };
    ask(panel, "GET", path, Some(key), None).await
}

pub(crate) async fn send(panel: &SimPanel, method: &str, path: &str, body: Value) -> Answer {
    let key = if path.starts_with("/api/client") { panel.client_key() } else { panel.app_key() };
    ask(panel, method, path, Some(key), Some(body)).await
}

pub(crate) async fn ask(panel: &SimPanel, method: &str, path: &str, key: Option<&str>, body: Option<Value>) -> Answer {
    let mut headers = vec![("Accept", "application/json".to_owned())];
    if let Some(key) = key {
        headers.push(("Authorization", format!("Bearer {key}")));
    }
    if body.is_some() {
        headers.push(("Content-Type", "application/json".to_owned()));
    }
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    raw(panel, method, path, &headers, &body).await.expect("an answer")
}

pub(crate) async fn raw(
    panel: &SimPanel,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: &str,
) -> std::io::Result<Answer> {
    wire::raw(panel.address(), method, path, headers, body).await
}
