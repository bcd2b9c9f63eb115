//! The master key, with real files and processes that are killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use aviary_sim::PanelSpec;
use serde_json::json;

use crate::aviary::{Ended, Place, bytes, ended};

fn key_file(place: &Place) -> PathBuf {
    place.data_dir().join("aviary.key")
}

fn next_file(place: &Place) -> PathBuf {
    place.data_dir().join("aviary.key.next")
}

fn key(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

/// Runs the binary with the key in the environment.
async fn with_key(place: &Place, key: &str, args: &[&str]) -> Ended {
    let mut command = place.command(args);
    command.env("ENCRYPTION_KEY", key);
    ended(command).await
}

/// The panel answers, so its key was opened; and the file holds together.
async fn assert_opens(place: &Place) {
    place.run(&["panel", "test", "Main"]).await.done();
    place.run(&["check"]).await.done();
}

async fn assert_refused(place: &Place, key: &[u8]) {
    let (right, before) = (bytes(&key_file(place)), bytes(&place.data_file()));
    std::fs::write(key_file(place), key).unwrap();
    for args in [&["panel", "list"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let refused = place.run(args).await;
        assert_eq!(refused.code, 1, "{}", refused.out);
        assert!(
            refused.err.contains("the master key is not the one that this data file belongs to"),
            "{}",
            refused.err
        );
        assert!(refused.err.contains("hint: put the right key there"), "{}", refused.err);
        assert!(bytes(&place.data_file()) == before, "a wrong key changes no byte of the data file");
    }
    std::fs::write(key_file(place), right).unwrap();
}

/// A panel with so much hidden that a renewal takes a moment.
fn with_much_hidden() -> PanelSpec {
    PanelSpec { servers: 500, users: 100, allocations_per_node: 300, ..PanelSpec::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_renewed_with_and_without_a_server() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::synced(PanelSpec::default()).await;
    let first = bytes(&key_file(&place));
    let server = place.serve();
    let told = place.run(&["secret", "rotate"]).await.done();
    assert!(told.out.contains("Renewed the master key") && told.out.contains("opens nothing any more"), "{}", told.out);
    assert_ne!(bytes(&key_file(&place)), first);
    assert_eq!(std::fs::metadata(key_file(&place)).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!next_file(&place).exists());
    // The running server uses the new key from now on.
    let (status, tested) = server.post("/api/v1/panels/1/test", json!({})).await;
    assert_eq!(status, 200, "{tested}");
    let (status, refused) = server.post("/api/v1/secret/rotate", json!({})).await;
    assert_eq!(status, 403, "not through the network: {refused}");
    assert_eq!(server.terminate().await, 0);
    assert_opens(&place).await;
    assert_refused(&place, &first).await;

    let second = bytes(&key_file(&place));
    let told = place.run(&["--json", "secret", "rotate"]).await.done().json();
    assert_eq!((&told["state"], &told["percent"], &told["problem"]), (&json!("done"), &json!(100), &json!(null)));
    assert!(told["resealed"].as_u64().unwrap() > 2, "{told}");
    assert_opens(&place).await;
    assert_refused(&place, &second).await;
    assert_refused(&place, key(9).as_bytes()).await;
    let again = place.run(&["--json", "sync"]).await.done().json();
    let still = |field: &str| again["steps"].as_array().unwrap().iter().all(|step| step["counts"][field] == 0);
    assert!(still("updated") && still("created") && still("removed"), "{again:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_renewal_is_finished_by_the_next_start() {
    let place = Place::synced(with_much_hidden()).await;
    let (mut in_the_middle, mut old) = (0, bytes(&key_file(&place)));
    for round in 0..6 {
        let server = place.serve();
        let mut command = place.command(&["secret", "rotate"]);
        let mut rotate = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The new key lies beside the old one from just before the renewal begins until it is over.
        let began = Instant::now();
        while !next_file(&place).exists() {
            assert!(began.elapsed() < Duration::from_secs(30), "it never began");
            std::hint::spin_loop();
        }
        std::thread::sleep(Duration::from_millis(round * 15));
        server.kill();
        rotate.wait().unwrap();
        in_the_middle += u32::from(next_file(&place).exists());

        let server = place.serve();
        let (status, tested) = server.post("/api/v1/panels/1/test", json!({})).await;
        assert_eq!(status, 200, "{tested}");
        assert!(!next_file(&place).exists(), "one key is left");
        server.kill();
        assert_opens(&place).await;
        if bytes(&key_file(&place)) != old {
            assert_refused(&place, &old).await;
            old = bytes(&key_file(&place));
        }
    }
    assert!(in_the_middle > 0, "at least one was killed in the middle");
    let again = place.run(&["--json", "sync"]).await.done().json();
    let still = |field: &str| again["steps"].as_array().unwrap().iter().all(|step| step["counts"][field] == 0);
    assert!(still("updated") && still("created"), "{again:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_environment_is_renewed_with_one_that_is_brought() {
    let place = Place::new(PanelSpec::default()).await;
    let app_key = place.file("app.key", place.sim.app_key());
    let url = place.sim.url();
    let (old, new) = (key(1), key(2));
    let add = ["panel", "add", "--name", "Main", "--url", &url, "--app-key-file", app_key.to_str().unwrap()];
    with_key(&place, &old, &add).await.done();
    assert!(!key_file(&place).exists());

    let refused = with_key(&place, &old, &["secret", "rotate"]).await;
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("ENCRYPTION_KEY") && refused.err.contains("--new-key-file"), "{}", refused.err);
    let bad = place.file("bad.key", "not a key");
    let refused = with_key(&place, &old, &["secret", "rotate", "--new-key-file", bad.to_str().unwrap()]).await;
    assert_eq!(refused.code, 2, "{}", refused.err);

    let file = place.file("new.key", &new);
    let rotate = ["secret", "rotate", "--new-key-file", file.to_str().unwrap()];
    let told = with_key(&place, &old, &rotate).await.done();
    assert!(told.out.contains("put the key of") && told.out.contains("the environment variable ENCRYPTION_KEY"));
    assert!(!told.out.contains(&new) && !told.err.contains(&new));
    let refused = with_key(&place, &old, &["panel", "list"]).await;
    assert_eq!(refused.code, 1, "{}", refused.out);
    with_key(&place, &new, &["panel", "test", "Main"]).await.done();
    let told = with_key(&place, &new, &rotate).await.done();
    assert!(told.out.contains("nothing was changed"), "{}", told.out);

    // A file that is not there is made.
    let made = place.dir.path().join("made.key");
    with_key(&place, &new, &["secret", "rotate", "--new-key-file", made.to_str().unwrap()]).await.done();
    let made = std::fs::read_to_string(made).unwrap();
    with_key(&place, made.trim(), &["panel", "test", "Main"]).await.done();
}

/// Whether any file in the data folder, the key file aside, holds these bytes.
fn is_anywhere(folder: &Path, wanted: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        let is_key = path.extension().is_some_and(|end| end == "key");
        path.is_file() && !is_key && bytes(&path).windows(wanted.len()).any(|window| window == wanted)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_holds_a_secret_in_the_clear() {
    let secret = "planted-Secret-71c9";
    let place = Place::new(PanelSpec::default()).await;
    place.sim.with_world(|world| {
        let hidden = world.eggs.values().find_map(|egg| {
            egg.variables.iter().find(|variable| !variable.user_viewable).map(|variable| (egg.id, variable.id))
        });
        let (egg, variable) = hidden.expect("an egg with a hidden variable");
        let server = world.servers.values().find(|server| server.egg == egg).unwrap().id;
        world.change_server(server, |server| drop(server.values.insert(variable, secret.into())));
    });
    place.add_panel().await.done();
    place.run(&["sync"]).await.done();
    place.run(&["secret", "rotate"]).await.done();
    let key = std::fs::read_to_string(key_file(&place)).unwrap();
    for planted in [secret, place.sim.app_key(), crate::aviary::API_KEY, key.trim()] {
        assert!(!is_anywhere(&place.data_dir(), planted.as_bytes()), "{planted}");
    }
    // The search would find one: names are no secrets.
    assert!(is_anywhere(&place.data_dir(), b"Main"));
}
