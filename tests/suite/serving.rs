use aviary_sim::PanelSpec;

use crate::aviary::{Place, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_stops_in_order_when_asked() {
    let place = Place::synced(PanelSpec::default()).await;
    let server = place.serve();
    assert_eq!(server.get("/health").await.0, 200);
    assert_eq!(server.terminate().await, 0);
    assert!(!place.data_dir().join("aviary.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_takes_stops_nothing() {
    let place = Place::synced(PanelSpec::default()).await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut server = command.stderr(writer).spawn().unwrap();
    until("its socket", || async { place.data_dir().join("aviary.sock").exists() }).await;
    place.run(&["sync"]).await.done();
    std::process::Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    let ended = tokio::task::spawn_blocking(move || server.wait().unwrap()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_everything_guarded_is_refused() {
    let place = Place::synced(PanelSpec::default()).await;
    let server = place.serve();
    for path in ["/api/admin/servers", "/api/v1/panels", "/api/v1/mirror/servers"] {
        let answer = server.client.get(server.url(path)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{path}");
    }
    let page = server.client.get(server.url("/admin")).send().await.unwrap();
    assert!(page.status().is_redirection(), "{}", page.status());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_may_open_the_socket_and_the_data() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::synced(PanelSpec::default()).await;
    let _server = place.serve();
    let mode = |name: &str| std::fs::metadata(place.data_dir().join(name)).unwrap().permissions().mode() & 0o777;
    for name in ["aviary.sock", "aviary.key", "aviary.redb"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(std::fs::metadata(place.data_dir()).unwrap().permissions().mode() & 0o777, 0o700);
}
