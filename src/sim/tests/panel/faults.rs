//! Everything that can go wrong does so where it was told to.

use std::time::Duration;

use aviary_sim::{FaultKind, Match, PanelSpec};
use serde_json::json;
use tokio::time::timeout;

use crate::http::{get, panel, raw, send};

const SERVERS: &str = "/api/application/servers";

fn spec() -> PanelSpec {
    PanelSpec { rate_limit: 0, client_rate_limit: 0, awkward: false, ..PanelSpec::default() }
}

#[tokio::test]
async fn faults_hit_the_page_and_the_number_of_times_they_were_told() {
    let panel = panel(spec()).await;
    let id = panel.faults().add(Match::path(SERVERS).page(2).from_nth(2).times(2), FaultKind::Status(500));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        assert_eq!(get(&panel, &format!("{SERVERS}?per_page=5&page=1")).await.status, 200);
        statuses.push(get(&panel, &format!("{SERVERS}?per_page=5&page=2")).await.status);
    }
    assert_eq!((statuses, panel.faults().fired(id)), (vec![200, 500, 500, 200], 2));
    panel.faults().add(Match::any(), FaultKind::StatusHtml(502));
    let answer = get(&panel, SERVERS).await;
    assert!(answer.status == 502 && answer.text().contains("<html>"));
    panel.faults().clear();
    assert_eq!(get(&panel, SERVERS).await.status, 200);
    assert!(panel.requests().iter().any(|seen| seen.faulty));
}

#[tokio::test]
async fn statuses_come_with_the_envelope_and_the_limit_headers() {
    let panel = panel(spec()).await;
    panel.faults().add(Match::containing("servers").once(), FaultKind::Status(504));
    let answer = get(&panel, SERVERS).await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "DaemonConnectionException"));
    assert!(answer.header("X-RateLimit-Limit").is_some());
    panel.faults().add(Match::any().once(), FaultKind::TooMany { retry_after_s: Some(7) });
    let answer = get(&panel, SERVERS).await;
    assert_eq!((answer.status, answer.header("Retry-After")), (429, Some("7")));
    panel.faults().add(Match::any().once(), FaultKind::TooMany { retry_after_s: None });
    assert!(get(&panel, SERVERS).await.header("Retry-After").is_none());
}

#[tokio::test]
async fn connections_break_in_all_ways() {
    let panel = panel(spec()).await;
    let plain =
        async || raw(&panel, "GET", "/api/application/users", &[("Accept", "application/json".into())], "").await;
    panel.faults().add(Match::any().once(), FaultKind::Reset);
    let error = plain().await.expect_err("no answer");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    for kind in [FaultKind::ResetMidBody, FaultKind::TruncatedBody] {
        panel.faults().add(Match::any().once(), kind);
        let answer = get(&panel, SERVERS).await;
        assert!(answer.status == 200 && !answer.whole && !answer.body.is_empty());
    }
    panel.faults().add(Match::any().once(), FaultKind::Hang);
    assert!(timeout(Duration::from_millis(150), get(&panel, SERVERS)).await.is_err());
    let hung = panel.requests().into_iter().filter(|seen| seen.status == 0).count();
    assert!(hung >= 1, "a request without an answer is remembered with status 0");
}

#[tokio::test]
async fn bodies_can_be_cut_short_foreign_or_endless() {
    let panel = panel(spec()).await;
    panel.faults().add(Match::any().once(), FaultKind::TruncatedJson);
    let answer = get(&panel, SERVERS).await;
    assert!(answer.whole && serde_json::from_slice::<serde_json::Value>(&answer.body).is_err());
    panel.faults().add(Match::any().once(), FaultKind::Html200);
    let answer = get(&panel, SERVERS).await;
    assert!(answer.status == 200 && answer.text().contains("<html>"));
    panel.faults().add(Match::any().once(), FaultKind::HugeBody(3_000_000));
    let answer = get(&panel, SERVERS).await;
    assert!(answer.body.len() > 3_000_000 && answer.header("Content-Length").is_none());
    panel.faults().add(Match::any().once(), FaultKind::Redirect("https://elsewhere.example/".into()));
    let answer = get(&panel, SERVERS).await;
    assert_eq!((answer.status, answer.header("Location")), (302, Some("https://elsewhere.example/")));
}

#[tokio::test]
async fn lists_lie() {
    let panel = panel(spec()).await;
    let with = async |kind: FaultKind| {
        panel.faults().add(Match::path(SERVERS).once(), kind);
        get(&panel, &format!("{SERVERS}?per_page=10&page=1")).await
    };
    let answer = with(FaultKind::EmptyPage).await;
    assert_eq!((answer.ids().len(), answer.total()), (0, 25));
    let answer = with(FaultKind::ListEmptyAll).await;
    assert_eq!((answer.ids().len(), answer.total()), (0, 0));
    assert_eq!(with(FaultKind::LieTotal(-5)).await.total(), 20);
    let ids = with(FaultKind::DuplicateRows).await.ids();
    assert_eq!((ids[0], ids[9], ids.len()), (1, 1, 10));
    assert_eq!(with(FaultKind::ReverseRows).await.ids()[0], 10);
    let row = with(FaultKind::BadRow).await.json()["data"][5].clone();
    assert_eq!(row, json!({ "object": "server", "attributes": null }));
    let row = with(FaultKind::WrongTypes).await.json()["data"][5]["attributes"].clone();
    assert_eq!(
        (row["id"].clone(), row["name"].clone(), row["limits"].clone()),
        (json!(6), json!(42), json!("unlimited"))
    );
    assert_eq!(with(FaultKind::Delay(Duration::from_millis(5))).await.ids().len(), 10);
}

#[tokio::test]
async fn rows_move_between_two_pages() {
    let panel = panel(spec()).await;
    panel.faults().add(Match::path(SERVERS).page(1).once(), FaultKind::ShiftRow);
    let first = get(&panel, &format!("{SERVERS}?per_page=10&page=1&sort=id")).await.ids();
    let second = get(&panel, &format!("{SERVERS}?per_page=10&page=2&sort=id")).await.ids();
    assert_eq!((first.last(), second.first()), (Some(&10), Some(&12)), "row 11 fell into the gap");

    let allocations = "/api/application/nodes/1/allocations";
    panel.faults().add(Match::path(allocations).page(1).once(), FaultKind::InsertBetween);
    let first = get(&panel, &format!("{allocations}?per_page=5&page=1")).await.ids();
    let second = get(&panel, &format!("{allocations}?per_page=5&page=2")).await.ids();
    assert_eq!(first.last(), second.first(), "one row is read twice");

    panel.faults().add(Match::path("/api/application/users").once(), FaultKind::ShiftRow);
    get(&panel, "/api/application/users?per_page=5").await;
    assert_eq!(get(&panel, "/api/application/users").await.total(), 11, "and the key still works");
}

#[tokio::test]
async fn a_write_can_succeed_and_answer_that_it_failed() {
    let panel = panel(spec()).await;
    panel.faults().add(Match::any().method("POST").once(), FaultKind::WriteThen5xx(500));
    let body = json!({ "short": "eu.new", "long": null });
    assert_eq!(send(&panel, "POST", "/api/application/locations", body.clone()).await.status, 500);
    assert_eq!(panel.world().locations.len(), 3);
    panel.faults().add(Match::any().method("POST").once(), FaultKind::Status(500));
    assert_eq!(send(&panel, "POST", "/api/application/locations", json!({ "short": "eu.two" })).await.status, 500);
    assert_eq!(panel.world().locations.len(), 3, "an ordinary failure changes nothing");
}

#[tokio::test]
async fn maintenance_comes_before_everything() {
    let panel = panel(spec()).await;
    panel.faults().add(Match::any(), FaultKind::Maintenance { retry_after_s: Some(60), html: false });
    let answer = get(&panel, "/api/application/no-such-route").await;
    assert_eq!(
        (answer.status, answer.code().as_str(), answer.header("Retry-After")),
        (503, "HttpException", Some("60"))
    );
    assert!(answer.header("X-RateLimit-Limit").is_none());
    panel.faults().clear();
    panel.faults().add(Match::any(), FaultKind::Maintenance { retry_after_s: None, html: true });
    let answer = get(&panel, SERVERS).await;
    assert!(answer.status == 503 && answer.text().contains("<html>") && answer.header("Retry-After").is_none());
}

#[tokio::test]
async fn a_broken_row_breaks_every_page_that_touches_it() {
    let panel = panel(spec()).await;
    panel.with_world(|world| world.break_row(aviary_sim::world::Kind::Server, 7));
    let status = async |query: &str| get(&panel, &format!("{SERVERS}?{query}")).await.status;
    assert_eq!(status("per_page=4&page=2").await, 500);
    assert_eq!(status("per_page=1&page=7").await, 500);
    assert_eq!(status("per_page=4&page=1").await, 200);
    assert_eq!(get(&panel, &format!("{SERVERS}/7")).await.code(), "TypeError");
    assert_eq!(get(&panel, &format!("{SERVERS}/1?include=transfer")).await.code(), "TypeError");
    assert_eq!(get(&panel, &format!("{SERVERS}/1?include=variables.parent")).await.code(), "RelationNotFoundException");
}
