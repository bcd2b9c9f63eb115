use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn file(text: &str) -> (TempDir, Sources) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    fs::write(&path, text).unwrap();
    (dir, Sources::new().file(path))
}

fn from_file(text: &str) -> Result<Config, ConfigError> {
    let (_dir, sources) = file(text);
    Config::load(&sources)
}

fn from_env(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&Sources::new().env(vars.iter().copied()))
}

/// What the message says, without the folder of the test.
fn complaint(result: Result<Config, ConfigError>) -> String {
    let text = result.expect_err("this must be refused").to_string();
    text.find("config.toml").map_or(text.clone(), |at| text[at..].to_owned())
}

fn values(config: &Config) -> Vec<(String, String)> {
    config.to_shown().keys.into_iter().map(|k| (k.key, k.value.to_string())).collect()
}

#[test]
fn the_example_in_the_repository_is_the_one_this_code_writes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config.toml.example");
    if std::env::var_os("UPDATE_EXAMPLE").is_some() {
        fs::write(&path, Config::example()).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == Config::example(),
        "config.toml.example is out of date: run UPDATE_EXAMPLE=1 cargo test -p aviary-kernel the_example"
    );
}

#[test]
fn the_example_names_every_key() {
    let uncommented = uncommented(true);
    let mut named: Vec<String> = Vec::new();
    for (name, value) in &toml::from_str::<toml::Table>(&uncommented).unwrap() {
        match value {
            toml::Value::Table(section) => named.extend(section.keys().map(|key| format!("{name}.{key}"))),
            _ => named.push(name.clone()),
        }
    }
    let mut known: Vec<String> = KEYS.iter().map(keys::KeyInfo::path).collect();
    named.sort();
    known.sort();
    assert_eq!(named, known);
}

#[test]
fn the_example_holds_the_defaults() {
    assert_eq!(values(&from_file(&Config::example()).unwrap()), values(&Config::default()), "as it is");
    let text = uncommented(false).replace("workers = 4\n", "");
    assert_eq!(values(&from_file(&text).unwrap()), values(&Config::default()), "with every default taken in");
}

fn uncommented(with_optional: bool) -> String {
    let keys = |line: &&str| !line.starts_with("# ") && (with_optional || !line.ends_with("# not set by default"));
    Config::example().lines().filter(keys).map(|line| format!("{}\n", line.trim_start_matches('#'))).collect()
}

#[test]
fn later_layers_win() {
    let (_dir, sources) = file("[sync]\nshare_percent = 10\nconcurrency = 2\nmax_body_mib = 7\n");
    let sources = sources
        .env([("AVIARY__SYNC__CONCURRENCY", "3"), ("AVIARY__SYNC__MAX_BODY_MIB", "8"), ("PATH", "/bin")])
        .flags([("sync.max_body_mib", "9")]);
    let config = Config::load(&sources).unwrap();
    assert_eq!((config.sync.share_percent, config.sync.concurrency, config.sync.max_body_mib), (10, 3, 9));
    let shown = config.to_shown();
    let source = |key: &str| shown.keys.iter().find(|k| k.key == key).map(|k| k.source).unwrap();
    assert_eq!(source("sync.share_percent"), "file");
    assert_eq!(source("sync.concurrency"), "env");
    assert_eq!(source("sync.max_body_mib"), "flag");
    assert_eq!(source("sync.history_days"), "default");
}

#[test]
fn names_of_the_replaced_system_are_accepted() {
    let config = from_env(&[
        ("BACKEND_PORT", "9090"),
        ("BACKEND_API_KEY", "backend"),
        ("CORS_ORIGINS", "http://localhost:3000, https://nodebyte.host"),
        ("ENCRYPTION_KEY", KEY),
        ("PTERODACTYL_URL", "https://panel.example.com/"),
        ("PTERODACTYL_API_KEY", "ptla_x"),
        ("PTERODACTYL_CLIENT_API_KEY", "ptlc_x"),
        ("CF_ACCESS_CLIENT_ID", "id"),
        ("CF_ACCESS_CLIENT_SECRET", "secret"),
        ("AUTO_SYNC_ENABLED", "true"),
        ("AUTO_SYNC_INTERVAL", "60"),
        ("DATABASE_URL", "postgres://somewhere"),
    ])
    .unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.security.api_key.as_ref().unwrap().reveal(), "backend");
    let origins: Vec<_> = config.server.cors_origins.iter().map(Origin::as_str).collect();
    assert_eq!(origins, ["http://localhost:3000", "https://nodebyte.host"]);
    assert!(config.master_key(false).is_ok());
    let panel = config.first_panel().unwrap();
    assert_eq!(
        (panel.name, panel.url, panel.app_key.reveal().as_str()),
        ("panel", "https://panel.example.com", "ptla_x")
    );
    assert_eq!(panel.client_key.unwrap().reveal(), "ptlc_x");
    assert_eq!(config.sync.cf_access_client_id.as_deref(), Some("id"));
    assert_eq!(config.sync.cf_access_client_secret.as_ref().unwrap().reveal(), "secret");
    assert_eq!(config.sync.every_s, Some(3600));
}

#[test]
fn our_names_win_over_those_of_the_replaced_system_and_these_over_the_file() {
    let (_dir, sources) = file("[server]\nlisten = \"[::1]:1\"\n");
    let aliases = sources.clone().env([("BACKEND_PORT", "2")]);
    assert_eq!(Config::load(&aliases).unwrap().server.listen.to_string(), "[::1]:2");
    let both = sources.env([("BACKEND_PORT", "2"), ("AVIARY__SERVER__LISTEN", "127.0.0.1:3")]);
    assert_eq!(Config::load(&both).unwrap().server.listen.to_string(), "127.0.0.1:3");
}

#[test]
fn an_empty_variable_of_the_replaced_system_is_one_that_is_not_set() {
    let config = from_env(&[("PTERODACTYL_URL", ""), ("BACKEND_PORT", " "), ("AUTO_SYNC_ENABLED", "")]).unwrap();
    assert!(config.first_panel().is_none());
    assert_eq!(config.sync.every_s, Some(900));
}

#[test]
fn automatic_sync_can_be_switched_off() {
    assert_eq!(from_env(&[("AUTO_SYNC_ENABLED", "no"), ("AUTO_SYNC_INTERVAL", "5")]).unwrap().sync.every_s, None);
    assert_eq!(from_file("[sync]\nevery_s = 0\n").unwrap().sync.every_s, None);
    let on_again = from_env(&[("AUTO_SYNC_ENABLED", "0"), ("AVIARY__SYNC__EVERY_S", "30")]).unwrap();
    assert_eq!(on_again.sync.every_s, Some(30));
}

#[test]
fn an_empty_variable_takes_an_optional_value_back() {
    let (_dir, sources) =
        file("[server]\npublic_url = \"https://a.example\"\ncors_origins = [\"https://b.example\"]\n");
    let config =
        Config::load(&sources.env([("AVIARY__SERVER__PUBLIC_URL", ""), ("AVIARY__SERVER__CORS_ORIGINS", "")])).unwrap();
    assert!(config.server.public_url.is_none() && config.server.cors_origins.is_empty());
}

#[test]
fn every_complaint_names_place_key_and_what_would_be_right() {
    let cases = [
        ("[sync]\nshare_percent = 0", "config.toml: sync.share_percent is 0; it takes 1 to 100"),
        ("[sync]\nevery_s = 5", "config.toml: sync.every_s is 5; it takes 0 or 10 to 31536000"),
        ("[sync]\nconcurrency = 300", "config.toml: sync.concurrency is 300; it takes a whole number from 0 to 255"),
        ("[sync]\nconcurrency = -1", "config.toml: sync.concurrency is -1; it takes a whole number from 0 to 255"),
        ("[sync]\nconcurrency = \"4\"", "config.toml: sync.concurrency is text; it takes a whole number from 0 to 255"),
        ("[log]\nformat = \"xml\"", "config.toml: log.format is `xml`; it takes `text` or `json`"),
        ("[log]\nfromat = \"text\"", "config.toml: log.fromat is unknown; [log] knows level, format"),
        ("data_dir = \"\"", "config.toml: data_dir is empty; it takes a path"),
        ("server = 1", "config.toml: server is a section; write [server] and its keys below"),
        (
            "[server]\ncors_origins = \"https://a.example\"",
            "config.toml: server.cors_origins is text; it takes a list, such as [\"one\", \"two\"]",
        ),
        (
            "[server]\ncors_origins = [\"https://a.example/x\"]",
            "config.toml: server.cors_origins is `https://a.example/x`; it takes an origin such as https://panel.example.com, without a path",
        ),
        (
            "[server]\ntrusted_proxies = [\"10/8\"]",
            "config.toml: server.trusted_proxies is `10/8`; it takes an address such as 10.0.0.7 or a network such as 10.0.0.0/8",
        ),
        (
            "[panel]\nurl = \"https://a.example\"",
            "config.toml: panel.url is of no use alone; set panel.app_key or panel.app_key_file too",
        ),
        (
            "[security]\nmaster_key = \"abc\"",
            "config.toml: security.master_key is no key; it takes 32 bytes in base64, or 64 hex digits",
        ),
        (
            "[security]\napi_key = \"a\"\napi_key_file = \"b\"",
            "config.toml: security.api_key is set beside security.api_key_file; keep one of them",
        ),
        (
            "[servre]\nlisten = 1",
            "config.toml: servre is unknown; at the top stand data_dir and the sections [server], [security], [store], [backup], [audit], [sync], [panel], [mail], [webhooks], [virtfusion], [log]",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(complaint(from_file(text)), expected);
    }
    let variables = [
        (
            ("AVIARY__SYNC__SHARE_PERCENT", "many"),
            "environment variable AVIARY__SYNC__SHARE_PERCENT: sync.share_percent is `many`; it takes a whole number from 0 to 255",
        ),
        (
            ("AVIARY__SINC__SHARE_PERCENT", "1"),
            "environment variable AVIARY__SINC__SHARE_PERCENT: sinc.share_percent is unknown; the sections are server, security, store, backup, audit, sync, panel, mail, webhooks, virtfusion, log",
        ),
        (
            ("BACKEND_PORT", "80a"),
            "environment variable BACKEND_PORT: server.listen gets `80a`; it takes a port from 1 to 65535",
        ),
        (
            ("AUTO_SYNC_INTERVAL", "0"),
            "environment variable AUTO_SYNC_INTERVAL: sync.every_s gets `0`; this variable takes whole minutes, at least 1",
        ),
        (
            ("AUTO_SYNC_ENABLED", "maybe"),
            "environment variable AUTO_SYNC_ENABLED: sync.every_s gets `maybe`; this variable takes `true` or `false`",
        ),
        (
            ("CF_ACCESS_CLIENT_ID", "x"),
            "environment variable CF_ACCESS_CLIENT_ID: sync.cf_access_client_id is of no use alone; set sync.cf_access_client_secret too",
        ),
    ];
    for (variable, expected) in variables {
        assert_eq!(complaint(from_env(&[variable])), expected);
    }
    let flag = Config::load(&Sources::new().flags([("server.listen", "8080")]));
    assert_eq!(
        complaint(flag),
        "command line: server.listen is `8080`; it takes an address with a port, such as 127.0.0.1:8080 or [::1]:8080"
    );
}

#[test]
fn a_file_that_is_named_must_be_there_and_the_usual_one_need_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    assert!(Config::load(&Sources::new().file_if_there(&path)).is_ok());
    assert!(complaint(Config::load(&Sources::new().file(&path))).starts_with("config.toml: cannot be read: "));
}

#[test]
fn a_broken_file_is_refused_with_its_line_and_without_its_text() {
    let text = complaint(from_file("[security]\n\napi_key = \"hunter2\nmaster_key = 1\n"));
    assert!(text.starts_with("config.toml: line 3 is not TOML: "), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn secrets_are_read_from_files_and_a_later_layer_wins() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("app.key");
    fs::write(&key, "  ptla_file\n").unwrap();
    let text = format!("[panel]\nurl = \"https://a.example\"\napp_key_file = {:?}\n", key.display().to_string());
    let config = from_file(&text).unwrap();
    assert_eq!(config.first_panel().unwrap().app_key.reveal(), "ptla_file");

    let (_dir, sources) = file(&text);
    let config = Config::load(&sources.env([("PTERODACTYL_API_KEY", "ptla_env")])).unwrap();
    assert_eq!(config.first_panel().unwrap().app_key.reveal(), "ptla_env");
    assert_eq!(config.panel.app_key_file, None);

    fs::write(&key, "\n").unwrap();
    let empty = complaint(from_file(&text));
    assert!(empty.contains("panel.app_key_file names ") && empty.contains("is empty"), "{empty}");
    fs::remove_file(&key).unwrap();
    let absent = complaint(from_file(&text));
    assert!(absent.contains("panel.app_key_file names ") && absent.contains("cannot be read"), "{absent}");
}

#[test]
fn the_master_key_stands_in_the_data_folder_or_is_a_credential_or_where_it_was_said() {
    assert_eq!(Config::default().master_key_file(), Path::new("data/aviary.key"));
    let moved = Config::load(&Sources::new().flags([("data_dir", "/srv/aviary")])).unwrap();
    assert_eq!(moved.master_key_file(), Path::new("/srv/aviary/aviary.key"));

    let dir = tempfile::tempdir().unwrap();
    let vars = [("CREDENTIALS_DIRECTORY", dir.path().display().to_string())];
    let sources = Sources::new().env(vars);
    assert_eq!(Config::load(&sources).unwrap().master_key_file(), Path::new("data/aviary.key"), "nothing there");
    fs::write(dir.path().join("aviary.key"), KEY).unwrap();
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.master_key_file(), dir.path().join("aviary.key"));
    assert!(config.master_key(false).is_ok());
    let said = Config::load(&sources.flags([("security.master_key_file", "/etc/key")])).unwrap();
    assert_eq!(said.master_key_file(), Path::new("/etc/key"));
}

#[test]
fn secrets_are_never_shown() {
    let config = from_env(&[
        ("BACKEND_API_KEY", "hunter2-api"),
        ("ENCRYPTION_KEY", KEY),
        ("PTERODACTYL_URL", "https://a.example"),
        ("PTERODACTYL_API_KEY", "hunter2-app"),
        ("CF_ACCESS_CLIENT_ID", "id"),
        ("CF_ACCESS_CLIENT_SECRET", "hunter2-cf"),
    ])
    .unwrap();
    let all = format!("{}{config:?}", serde_json::to_string(&config.to_shown()).unwrap());
    assert!(!all.contains("hunter2") && !all.contains(KEY), "{all}");
    let shown = config.to_shown();
    let key = shown.keys.iter().find(|k| k.key == "panel.app_key").unwrap();
    assert_eq!(key.value, MASK);
    assert_eq!((key.source, MASK.chars().count()), ("env", 20));
    assert_eq!(serde_json::to_value(key).unwrap()["from"], "PTERODACTYL_API_KEY");
    assert_eq!(key.variable, "AVIARY__PANEL__APP_KEY");
}

#[test]
fn who_can_replace_the_master_key_is_known() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("aviary.key"), "07".repeat(32)).unwrap();
    let source = |sources: Sources| Config::load(&sources).unwrap().key_source();
    let credential = Sources::new().env([("CREDENTIALS_DIRECTORY", dir.path().to_str().unwrap())]);
    assert_eq!(source(Sources::new()), KeySource::File("data/aviary.key".into()));
    assert_eq!(source(credential.clone()), KeySource::Elsewhere("the systemd credential aviary.key".into()));
    let said = credential.flags([("security.master_key_file", "/etc/key")]);
    assert_eq!(source(said), KeySource::File("/etc/key".into()));
    for name in ["ENCRYPTION_KEY", "AVIARY__SECURITY__MASTER_KEY"] {
        let given = Sources::new().env([(name, "07".repeat(32))]);
        assert_eq!(source(given), KeySource::Elsewhere(format!("the environment variable {name}")));
    }
    let wrong = Config::load(&Sources::new().env([("ENCRYPTION_KEY", "a pass phrase")])).unwrap_err().to_string();
    assert!(wrong.contains("ENCRYPTION_KEY") && !wrong.contains("pass phrase"), "{wrong}");
}
