use std::time::Duration;

use aviary_sim::{Fault, FaultKind, Match, PanelSpec};
use serde_json::json;

use crate::aviary::{Place, bytes, ended};

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_is_added_synced_and_listed_without_a_server() {
    let place = Place::new(PanelSpec::default()).await;
    let added = place.add_panel().await.done();
    assert!(added.out.contains("Added Main as panel 1."), "{}", added.out);
    let synced = place.run(&["sync"]).await.done();
    assert!(synced.out.contains("Main: completed"), "{}", synced.out);
    let listed = place.run(&["panel", "list"]).await.done();
    assert!(listed.out.contains("Main") && listed.out.contains("pterodactyl"), "{}", listed.out);
    let checked = place.run(&["check"]).await.done();
    assert!(checked.out.contains("All is well."), "{}", checked.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_holds_the_totals_of_a_sync() {
    let place = Place::new(PanelSpec::pelican()).await;
    place.add_panel().await.done();
    let run = place.run(&["--json", "sync", "--panel", "main", "--only", "users,nodes"]).await.done().json();
    assert_eq!(run["status"], "completed");
    let steps: Vec<_> = run["steps"].as_array().unwrap().iter().map(|step| step["target"].as_str().unwrap()).collect();
    assert_eq!(steps, ["nodes", "users"]);
    assert_eq!(run["steps"][1]["counts"]["created"], 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_reach_a_running_server_over_its_socket() {
    let place = Place::new(PanelSpec::default()).await;
    let server = place.serve();
    place.add_panel().await.done();
    place.run(&["sync"]).await.done();
    let (status, counts) = server.get("/api/v1/counts").await;
    assert_eq!((status, &counts["data"]["servers"]), (200, &25.into()), "{counts}");
    place.run(&["check"]).await.done();
    place.run(&["panel", "test", "Main"]).await.done();
    place.run(&["panel", "remove", "Main", "--yes"]).await.done();
    let (_, counts) = server.get("/api/v1/counts").await;
    assert_eq!(counts["data"]["servers"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_was_joined_is_followed_by_the_one_that_was_wanted() {
    let delay = Duration::from_millis(300);
    let place = Place::new(PanelSpec { page_delay: delay, ..PanelSpec::default() }).await;
    let server = place.serve();
    place.add_panel().await.done();
    let (status, running) = server.post("/api/v1/panels/1/sync", json!({"only": ["servers"]})).await;
    assert_eq!(status, 202, "{running}");
    let joined = place.run(&["--json", "sync", "--only", "servers"]).await.done().json();
    assert_eq!((&joined["joined"], &joined["id"]), (&json!(true), &running["data"]["run"]["id"]));

    let (_, running) = server.post("/api/v1/panels/1/sync", json!({"only": ["servers"]})).await;
    let own = place.run(&["--json", "sync", "--only", "nodes"]).await.done().json();
    assert_eq!((&own["joined"], &own["targets"]), (&json!(false), &json!(["nodes"])));
    let id = running["data"]["run"]["id"].as_str().unwrap();
    let (_, other) = server.get(&format!("/api/v1/syncs/{id}")).await;
    assert_eq!(other["data"]["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reading_errors_stops_nothing() {
    let place = Place::synced(PanelSpec::default()).await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = place.command(&["panel", "remove", "nobody", "--yes"]);
    command.stderr(writer);
    let status = tokio::task::spawn_blocking(move || command.status().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_is_refused_with_file_key_and_reason() {
    let place = Place::new(PanelSpec::default()).await;
    let config = place.file("bad.toml", "[sync]\nshare_percnt = 5\n");
    let refused = place.run(&["--config", config.to_str().unwrap(), "config", "check"]).await;
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("bad.toml") && refused.err.contains("share_percnt"), "{}", refused.err);
    let mut command = place.command(&["config", "check"]);
    command.env("AVIARY__SYNC__SHARE_PERCENT", "101");
    let refused = ended(command).await;
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("AVIARY__SYNC__SHARE_PERCENT"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn config_show_masks_secrets() {
    let place = Place::new(PanelSpec::default()).await;
    let shown = place.run(&["config", "show"]).await.done();
    assert!(!shown.out.contains(crate::aviary::API_KEY), "{}", shown.out);
    assert!(shown.out.contains("••••"), "{}", shown.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_ends_with_two() {
    let place = Place::new(PanelSpec::default()).await;
    assert_eq!(place.run(&["sync", "--nonsense"]).await.code, 2);
    place.add_panel().await.done();
    let refused = place.run(&["sync", "--only", "planets"]).await;
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("planets"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_ends_with_one_and_says_what_to_do() {
    let place = Place::synced(PanelSpec::default()).await;
    place.sim.faults().inject(Fault { when: Match::containing("/users"), what: FaultKind::Html200 });
    let failed = place.run(&["sync"]).await;
    assert_eq!(failed.code, 1, "{}\n{}", failed.out, failed.err);
    assert!(failed.err.contains("hint:") && failed.err.contains("/api/application/users"), "{}", failed.err);
    place.sim.faults().clear();
    place.run(&["sync"]).await.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn mass_removals_end_with_three() {
    let place = Place::synced(PanelSpec::default()).await;
    place.sim.with_world(|world| {
        for id in world.servers.keys().copied().take(15).collect::<Vec<_>>() {
            world.remove_server(id);
        }
    });
    let stopped = place.run(&["sync"]).await;
    assert_eq!(stopped.code, 3, "{}\n{}", stopped.out, stopped.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_program_is_refused_and_left_alone() {
    let place = Place::new(PanelSpec::default()).await;
    std::fs::create_dir_all(place.data_dir()).unwrap();
    std::fs::write(place.data_dir().join("aviary.key"), "07".repeat(32)).unwrap();
    std::fs::write(place.data_file(), b"SQLite format 3\0 and more").unwrap();
    let before = bytes(&place.data_file());
    let refused = place.run(&["panel", "list"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("not an Aviary data file"), "{}", refused.err);
    assert_eq!(bytes(&place.data_file()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_is_refused() {
    let place = Place::synced(PanelSpec::default()).await;
    std::fs::write(place.data_dir().join("aviary.key"), "08".repeat(32)).unwrap();
    let refused = place.run(&["panel", "list"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("master key"), "{}", refused.err);
    std::fs::remove_file(place.data_dir().join("aviary.key")).unwrap();
    let refused = place.run(&["panel", "list"]).await;
    assert_eq!(refused.code, 1, "a missing key is not made anew for an old file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_panel_key_is_told_when_the_panel_is_added() {
    let place = Place::new(PanelSpec::default()).await;
    let key = place.file("wrong.key", "ptla_WrongWrongWr0123456789abcdefghijABCDEFGHIJxy");
    let url = place.sim.url();
    let refused =
        place.run(&["panel", "add", "--name", "X", "--url", &url, "--app-key-file", key.to_str().unwrap()]).await;
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("key"), "{}", refused.err);
    assert!(!refused.err.contains("WrongWrong"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_finds_a_damaged_file() {
    use std::os::unix::fs::FileExt;
    let place = Place::synced(PanelSpec::default()).await;
    let file = std::fs::OpenOptions::new().write(true).open(place.data_file()).unwrap();
    let length = file.metadata().unwrap().len();
    for at in (length / 8..length).step_by(64 * 1024) {
        file.write_all_at(b"damage", at).unwrap();
    }
    let found = place.run(&["check"]).await;
    assert_eq!(found.code, 1, "{}", found.out);
    assert!(found.err.contains("damaged") || found.err.contains("problems"), "{}", found.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_is_listed_exported_and_verified() {
    let place = Place::new(PanelSpec::default()).await;
    place.add_panel().await.done();
    let listed = place.run(&["audit", "list", "--action", "panel.add"]).await.done();
    assert!(listed.out.contains("command line") && listed.out.contains("panel Main"), "{}", listed.out);
    let none = place.run(&["--json", "audit", "list", "--outcome", "refused"]).await.done().json();
    assert_eq!(none, json!([]));
    assert_eq!(place.run(&["audit", "list", "--action", "nothing"]).await.code, 2);

    let server = place.serve();
    let found = verified(&place, &[]).await;
    assert_eq!(found["whole"], true);
    let key = found["publicKey"].as_str().expect("a running server signs at once");
    let human = place.run(&["audit", "verify", "--public-key", key]).await.done();
    assert!(human.out.contains(key) && human.out.contains("Events 1 to"), "{}", human.out);
    let other = place.run(&["audit", "verify", "--public-key", "00"]).await;
    assert_eq!(other.code, 1, "{}", other.out);
    assert!(other.err.contains("hint:") && other.out.contains("not the one that was expected"), "{}", other.err);

    let file = place.dir.path().join("audit.jsonl");
    let export = ["audit", "export", "--format", "jsonl", "--out", file.to_str().unwrap()];
    place.run(&export).await.done();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.lines().next().unwrap().contains("audit.export"), "{text}");
    assert_eq!(place.run(&export).await.code, 1, "a file is not written over");
    let csv = place.run(&["audit", "export"]).await.done();
    assert!(csv.out.starts_with("seq,at,actor,"), "{}", csv.out);
    drop(server);
}

/// The trail once the server has signed it.
async fn verified(place: &Place, more: &[&str]) -> serde_json::Value {
    for _ in 0..50 {
        let found = place.run(&[&["--json", "audit", "verify"], more].concat()).await.done().json();
        if !found["publicKey"].is_null() {
            return found;
        }
    }
    panic!("the server signs nothing");
}
