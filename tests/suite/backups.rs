use std::collections::BTreeSet;
use std::path::Path;

use aviary_sim::PanelSpec;
use serde_json::{Value, json};

use crate::aviary::{Place, bytes};

fn names(dir: &Path) -> BTreeSet<String> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The files of the data folder, without sockets.
fn files(place: &Place) -> BTreeSet<String> {
    names(&place.data_dir()).into_iter().filter(|name| !name.ends_with(".sock")).collect()
}

async fn servers(place: &Place) -> Value {
    let server = place.serve();
    let (_, counts) = server.get("/api/v1/counts").await;
    server.terminate().await;
    counts["data"]["servers"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_listed_and_restored_without_a_server() {
    let place = Place::synced(PanelSpec::default()).await;
    let none = place.run(&["backup", "list"]).await.done();
    assert!(none.out.contains("no backups"), "{}", none.out);
    let made = place.run(&["backup"]).await.done();
    assert!(made.out.contains("is not in it") && made.out.contains(".redb.zst"), "{}", made.out);
    let listed = place.run(&["--json", "backup", "list"]).await.done().json();
    let (name, key) = (listed[0]["name"].as_str().unwrap().to_owned(), listed[0]["key"].as_str().unwrap());
    assert!(made.out.contains(&name) && made.out.contains(key), "{}", made.out);
    let shown = place.run(&["backup", "list"]).await.done();
    assert!(shown.out.contains(&name) && shown.out.contains(key), "{}", shown.out);

    place.run(&["panel", "remove", "Main", "--yes"]).await.done();
    assert_eq!(servers(&place).await, 0);
    let restored = place.run(&["restore", "--latest", "--yes"]).await.done();
    assert!(restored.err.contains("takes the place") && restored.out.contains("from before is"), "{}", restored.out);
    assert_eq!(servers(&place).await, 25);
    place.run(&["check"]).await.done();
    let trail = place.run(&["--json", "audit", "list"]).await.done().json();
    assert!(trail.to_string().contains("backup.restore"), "{trail}");
    place.run(&["audit", "verify"]).await.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_makes_backups_while_it_works() {
    let place = Place::new(PanelSpec::default()).await;
    let server = place.serve();
    place.add_panel().await.done();
    place.run(&["sync"]).await.done();
    let made = place.run(&["--json", "backup"]).await.done().json();
    let elsewhere = place.dir.path().join("elsewhere");
    assert_eq!(place.run(&["backup", "--to", "elsewhere"]).await.code, 2);
    std::fs::create_dir(&elsewhere).unwrap();
    place.run(&["backup", "--to", "elsewhere"]).await.done();
    assert_eq!(names(&elsewhere).len(), 1);
    let listed = place.run(&["--json", "backup", "list"]).await.done().json();
    assert_eq!(listed, json!([made]));

    let refused = place.run(&["restore", "--latest", "--yes"]).await;
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("stop it first"), "{}", refused.err);
    let (_, counts) = server.get("/api/v1/counts").await;
    assert_eq!(counts["data"]["servers"], 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_backups_stay_as_the_configuration_says_where_it_says() {
    let place = Place::new(PanelSpec::default()).await;
    place.add_panel().await.done();
    let config = place.file("two.toml", "[backup]\ndir = \"kept\"\nkeep = 2\n");
    for _ in 0..3 {
        place.run(&["--config", config.to_str().unwrap(), "backup"]).await.done();
    }
    assert_eq!(names(&place.dir.path().join("kept")).len(), 2);
    assert!(!place.data_dir().join("backups").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_needs_a_person_and_leaves_everything_when_it_is_refused() {
    let place = Place::new(PanelSpec::default()).await;
    place.add_panel().await.done();
    assert_eq!(place.run(&["restore", "--latest", "--yes"]).await.code, 1);
    place.run(&["backup"]).await.done();
    let (was, there) = (bytes(&place.data_file()), files(&place));
    for (args, code) in [
        (&["restore"][..], 2),
        (&["restore", "x", "--latest"], 2),
        (&["restore", "--latest"], 3),
        (&["restore", "nothing.redb.zst", "--yes"], 1),
        (&["restore", "app.key", "--yes"], 1),
    ] {
        let refused = place.run(args).await;
        assert_eq!(refused.code, code, "{args:?}: {}", refused.err);
        assert_eq!((bytes(&place.data_file()), files(&place)), (was.clone(), there.clone()));
    }
    let asked = place.run(&["restore", "--latest"]).await;
    assert!(asked.err.contains("--yes") && asked.err.contains("takes the place"), "{}", asked.err);
    // Under another key.
    let key = place.data_dir().join("aviary.key");
    let right = bytes(&key);
    std::fs::write(&key, "5a".repeat(32)).unwrap();
    let refused = place.run(&["restore", "--latest", "--yes"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("master key is not the one"), "{}", refused.err);
    assert_eq!((bytes(&place.data_file()), files(&place)), (was, there));
    std::fs::write(&key, right).unwrap();
    place.run(&["restore", "--latest", "--yes"]).await.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_comes_back_on_a_machine_that_has_nothing() {
    let place = Place::synced(PanelSpec::default()).await;
    let made = place.run(&["--json", "backup"]).await.done().json();
    let saved = place.dir.path().join("saved.redb.zst");
    std::fs::copy(made["path"].as_str().unwrap(), &saved).unwrap();
    let key = bytes(&place.data_dir().join("aviary.key"));
    std::fs::remove_dir_all(place.data_dir()).unwrap();

    let restored = place.run(&["restore", "saved.redb.zst", "--yes"]).await.done();
    assert!(restored.err.contains("not at hand"), "{}", restored.err);
    assert_eq!(files(&place), ["aviary.redb".to_owned()].into());
    let locked = place.run(&["check"]).await;
    assert_eq!(locked.code, 1, "no key is made for a file that has one: {}", locked.out);
    std::fs::write(place.data_dir().join("aviary.key"), key).unwrap();
    assert_eq!(servers(&place).await, 25);
}
