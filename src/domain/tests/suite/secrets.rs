//! The master key is renewed, and broken off wherever it can be.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aviary_domain::jobs::Jobs;
use aviary_domain::panels::{NewPanel, Panels};
use aviary_domain::secrets::{Keys, Secrets, State, unlock};
use aviary_domain::settings::Key;
use aviary_domain::sync::{Limits, StartSync, Syncs};
use aviary_kernel::base::{Env, Error, MasterKey, Result, Sealer, Secret, Timestamp};
use aviary_kernel::config::KeySource;
use aviary_kernel::model::{Action, PanelId, SyncRun, SyncStatus};
use aviary_kernel::store::faulty::{Disk, Op};
use aviary_kernel::store::rows::Setting;
use aviary_kernel::store::tables::{AUDIT, HISTORY, PANELS, SETTINGS};
use aviary_kernel::store::{Backing, Options, Read, SortText, Span, Store, each_seal, verify};
use aviary_sim::{PanelSpec, SimPanel};
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::lab::{quick, small, who};

/// Where a data file and its key lie.
struct Place {
    dir: TempDir,
    backing: Backing,
}

/// The data file, open.
struct Vault {
    store: Store,
    env: Env,
    sealer: Arc<Sealer>,
    secrets: Secrets,
    panels: Panels,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let backing = Backing::File(dir.path().join("aviary.redb"));
        Self { dir, backing }
    }

    fn on(disk: &Disk) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), backing: disk.backing() }
    }

    fn key_file(&self) -> PathBuf {
        self.dir.path().join("aviary.key")
    }

    fn next_file(&self) -> PathBuf {
        self.dir.path().join("aviary.key.next")
    }

    fn key(&self) -> MasterKey {
        MasterKey::load_or_create(&self.key_file(), true).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.dir.path().join("aviary.redb")).unwrap()
    }

    /// As the program opens it at a start.
    async fn open(&self) -> Result<Vault> {
        self.open_with(Keys::from_source(KeySource::File(self.key_file()), self.key(), None)).await
    }

    async fn open_with(&self, keys: Keys) -> Result<Vault> {
        let keys = Arc::new(keys);
        let probe_every = Duration::from_secs(3600);
        let options = Options { vet: Some(keys.vet()), probe_every, ..Options::on(self.backing.clone()) };
        let store = Store::open(options)?;
        let (env, _) = Env::manual(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let sealer = unlock(&store, &keys).await?;
        let secrets = Secrets::new(store.clone(), env.clone(), sealer.clone(), &keys, Handle::current());
        secrets.resume().await?;
        let panels = Panels::new(store.clone(), env.clone(), sealer.clone(), quick(), 80);
        Ok(Vault { store, env, sealer, secrets, panels })
    }

    async fn refusal(&self, keys: Keys) -> String {
        self.open_with(keys).await.err().expect("it is refused").to_string()
    }
}

fn key(byte: u8) -> MasterKey {
    MasterKey::parse(&text(byte)).unwrap()
}

fn text(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

fn elsewhere(master: MasterKey, brought: Option<MasterKey>) -> Keys {
    Keys::from_source(KeySource::Elsewhere("the environment".into()), master, brought)
}

fn app_key(number: u32) -> String {
    format!("ptla_secret-of-panel-{number}")
}

impl Vault {
    async fn add_panels(&self, numbers: std::ops::RangeInclusive<u32>) -> Result<()> {
        for number in numbers {
            let new = NewPanel {
                name: format!("Panel {number}"),
                url: format!("https://panel-{number}.example.com"),
                app_key: Secret::new(app_key(number)),
                client_key: Some("ptlc_secret".into()),
                share_percent: None,
                sync_every_s: None,
            };
            self.panels.add(&who(), new).await?;
        }
        Ok(())
    }

    /// Renews the key to the end, as the program does.
    async fn rotate(&self, new: Option<&Secret<String>>) {
        self.secrets.rotate(&who(), new).await.unwrap();
        while self.secrets.progress().state == State::Running {
            tokio::task::yield_now().await;
        }
        let progress = self.secrets.progress();
        assert_eq!((progress.state, progress.percent), (State::Done, 100), "{progress:?}");
        // The task lets go of the data file a moment after it said so.
        self.secrets.shut_down().await;
    }

    /// The ids of all keys that something is sealed under.
    fn key_ids(&self) -> BTreeSet<u32> {
        let mut ids = BTreeSet::new();
        self.store
            .read_blocking(|tx| {
                each_seal(tx, &mut |_, place, sealed| {
                    ids.insert(sealed.key_id());
                    self.sealer.open(place, sealed).map(drop)
                })
            })
            .unwrap();
        ids
    }

    #[track_caller]
    fn assert_panels(&self, count: u32) {
        let rows = self.store.read_blocking(|tx| tx.all(PANELS, &Span::all())).unwrap();
        assert_eq!(rows.len(), count as usize);
        for (id, row) in rows {
            let opened = self.sealer.open(&format!("panels/{id}/app_key"), &row.app_key).unwrap();
            assert_eq!(opened.reveal(), &app_key(id.0));
        }
        assert!(self.store.read_blocking(verify).unwrap().is_clean());
    }

    fn audited(&self, action: Action) -> usize {
        let events = self.store.read_blocking(|tx| tx.all(AUDIT, &Span::all())).unwrap();
        events.iter().filter(|(_, event)| event.action == action).count()
    }
}

/// One key is left, in its file and in the data file, and the one before is refused without a byte changing.
async fn assert_renewed(place: &Place, old: MasterKey, panels: u32) {
    let vault = place.open().await.unwrap();
    assert_eq!(vault.key_ids(), BTreeSet::from([place.key().id()]));
    assert!(!place.next_file().exists());
    assert_ne!(place.key().id(), old.id());
    vault.assert_panels(panels);
    assert_eq!((vault.audited(Action::KeyRotationBegun), vault.audited(Action::KeyRotated)), (1, 1));
    drop(vault);
    let refused = place.refusal(Keys::from_source(KeySource::File(place.key_file()), old, None)).await;
    assert!(refused.contains("master key") && refused.contains("put the right key there"), "{refused}");
    place.open().await.unwrap().assert_panels(panels);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_renewed_while_the_program_runs() {
    let place = Place::new();
    let old = place.key();
    let vault = place.open().await.unwrap();
    vault.add_panels(1..=3).await.unwrap();
    let (mark, signing) = (vault.sealer.fingerprint(b"x"), vault.sealer.derive("tokens"));
    vault.rotate(None).await;
    vault.assert_panels(3);
    assert_eq!(vault.sealer.fingerprint(b"x"), mark, "marks stay");
    let renewed = vault.sealer.derive("tokens");
    assert!(renewed != signing, "what was signed before is worthless");
    drop(vault);
    let vault = place.open().await.unwrap();
    assert_eq!(vault.sealer.fingerprint(b"x"), mark);
    assert!(vault.sealer.derive("tokens") == renewed, "and it lasts");
    drop(vault);
    assert_renewed(&place, old.clone(), 3).await;
    let before = place.bytes();
    place.refusal(Keys::from_source(KeySource::File(place.key_file()), old, None)).await;
    assert!(place.bytes() == before, "a wrong key changes no byte");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_is_broken_off_anywhere_goes_on_at_the_next_start() {
    for steps in 0.. {
        let place = Place::new();
        let old = place.key();
        let vault = place.open().await.unwrap();
        vault.add_panels(1..=4).await.unwrap();
        assert!(vault.secrets.begin(&who(), None).await.unwrap());
        let mut is_over = false;
        for _ in 0..steps {
            is_over = !vault.secrets.step(2).await.unwrap();
        }
        drop(vault);
        assert_renewed(&place, old, 4).await;
        if is_over {
            assert!(steps > 8, "it was broken off at {steps} points");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_at_any_write_of_a_renewal_leaves_one_that_goes_on() {
    for op in [Op::Write, Op::Sync] {
        for good in (0..).step_by(3) {
            let disk = Disk::new();
            let place = Place::on(&disk);
            let old = place.key();
            let vault = place.open().await.unwrap();
            vault.add_panels(1..=2).await.unwrap();
            disk.fail(op, good, std::io::ErrorKind::Other);
            let mut whole = vault.secrets.begin(&who(), None).await.is_ok();
            while whole {
                match vault.secrets.step(3).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(_) => whole = false,
                }
            }
            disk.power_cut();
            drop(vault);
            disk.heal();
            let place = Place { backing: disk.backing(), ..place };
            let vault = place.open().await.unwrap();
            vault.assert_panels(2);
            assert_eq!(vault.key_ids(), BTreeSet::from([place.key().id()]), "{op:?} {good}");
            if vault.audited(Action::KeyRotated) == 0 {
                assert_eq!(place.key().id(), old.id(), "{op:?} {good}: it never began");
                assert!(!place.next_file().exists());
            }
            if whole {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_that_was_never_begun_with_is_thrown_away() {
    let place = Place::new();
    let old = place.key();
    drop(place.open().await.unwrap());
    for left in ["", "half a k", &text(9)] {
        std::fs::write(place.next_file(), left).unwrap();
        let vault = place.open().await.unwrap();
        assert_eq!(vault.sealer.key_id(), old.id());
        assert!(!place.next_file().exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_in_between_is_under_the_new_key() {
    let place = Place::new();
    let old = place.key();
    let vault = place.open().await.unwrap();
    vault.add_panels(1..=2).await.unwrap();
    vault.secrets.begin(&who(), None).await.unwrap();
    vault.secrets.step(1).await.unwrap();
    vault.add_panels(3..=3).await.unwrap();
    vault.assert_panels(3);
    while vault.secrets.step(1).await.unwrap() {}
    vault.assert_panels(3);
    drop(vault);
    assert_renewed(&place, old, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_stands_elsewhere_is_brought_and_handed_over() {
    let place = Place::new();
    let (old, new) = (key(1), key(2));
    let vault = place.open_with(elsewhere(old.clone(), None)).await.unwrap();
    vault.add_panels(1..=2).await.unwrap();
    let refused = vault.secrets.rotate(&who(), None).await.unwrap_err();
    assert!(matches!(&refused, Error::Conflict(why) if why.contains("--new-key-file")), "{refused}");
    let refused = vault.secrets.rotate(&who(), Some(&"no key".into())).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { field: "newKey", .. }));
    vault.rotate(Some(&text(2).as_str().into())).await;
    assert_eq!(vault.secrets.progress().hand_over.as_deref(), Some("the environment"));
    vault.rotate(Some(&text(2).as_str().into())).await;
    assert_eq!(vault.audited(Action::KeyRotationBegun), 1, "the key in use is no new one");
    drop(vault);
    assert!(place.refusal(elsewhere(old, None)).await.contains("the environment holds"));
    place.open_with(elsewhere(new, None)).await.unwrap().assert_panels(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_in_the_middle_with_one_of_the_keys_says_what_to_run() {
    let place = Place::new();
    let (old, new) = (key(1), key(2));
    let vault = place.open_with(elsewhere(old.clone(), None)).await.unwrap();
    vault.add_panels(1..=2).await.unwrap();
    vault.secrets.begin(&who(), Some(new.clone())).await.unwrap();
    vault.secrets.step(3).await.unwrap();
    let other = vault.secrets.rotate(&who(), Some(&text(3).as_str().into())).await.unwrap_err();
    assert!(matches!(other, Error::Conflict(_)), "{other}");
    drop(vault);
    let before = place.bytes();
    for (keys, missing) in [
        (elsewhere(old.clone(), None), "the new key"),
        (elsewhere(old.clone(), Some(key(3))), "the new key"),
        (elsewhere(new.clone(), None), "the old key"),
        (elsewhere(new.clone(), Some(new.clone())), "the old key"),
    ] {
        let refused = place.refusal(keys).await;
        assert!(refused.contains("aviary secret rotate --new-key-file FILE") && refused.contains(missing), "{refused}");
    }
    assert!(place.bytes() == before, "and changes no byte");
    let vault = place.open_with(elsewhere(old.clone(), Some(new.clone()))).await.unwrap();
    assert_eq!(vault.key_ids(), BTreeSet::from([new.id()]));
    drop(vault);
    place.refusal(elsewhere(old, None)).await;
    place.open_with(elsewhere(new, None)).await.unwrap().assert_panels(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_that_lost_its_new_key_takes_the_one_that_is_brought() {
    let place = Place::new();
    let old = place.key();
    let vault = place.open().await.unwrap();
    vault.add_panels(1..=2).await.unwrap();
    vault.secrets.begin(&who(), Some(key(2))).await.unwrap();
    vault.secrets.step(2).await.unwrap();
    drop(vault);
    std::fs::remove_file(place.next_file()).unwrap();
    let source = || KeySource::File(place.key_file());
    let refused = place.refusal(Keys::from_source(source(), place.key(), None)).await;
    assert!(refused.contains("the new key"), "{refused}");
    drop(place.open_with(Keys::from_source(source(), place.key(), Some(key(2)))).await.unwrap());
    assert_eq!(place.key().id(), key(2).id());
    assert_renewed(&place, old, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_does_not_open_is_named_and_stops_the_renewal_but_not_the_program() {
    let place = Place::new();
    let vault = place.open().await.unwrap();
    vault.add_panels(1..=2).await.unwrap();
    let swap = |tx: &mut aviary_kernel::store::WriteTx<'_>| {
        let (Some(mut one), Some(mut two)) = (tx.get(PANELS, &PanelId(1))?, tx.get(PANELS, &PanelId(2))?) else {
            panic!("both are there")
        };
        std::mem::swap(&mut one.app_key, &mut two.app_key);
        tx.put(PANELS, &PanelId(1), &one)?;
        tx.put(PANELS, &PanelId(2), &two).map(drop)
    };
    vault.store.write(swap).await.unwrap();
    vault.secrets.begin(&who(), None).await.unwrap();
    drop(vault);
    let vault = place.open().await.unwrap();
    let progress = vault.secrets.progress();
    assert_eq!(progress.state, State::Failed);
    assert!(progress.problem.as_ref().unwrap().contains("panels/1/app_key"), "{progress:?}");
    // Put right, it goes on.
    vault.store.write(swap).await.unwrap();
    vault.rotate(None).await;
    vault.assert_panels(2);
    assert_eq!(vault.audited(Action::KeyRotationBegun), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_an_older_release_keeps_its_marks() {
    let place = Place::new();
    let before = Sealer::new(&place.key());
    let store = Store::open(Options::on(place.backing.clone())).unwrap();
    let check = serde_json::to_string(&before.seal("key_check", "aviary").unwrap()).unwrap();
    store.write(move |tx| tx.put(SETTINGS, &SortText::new("key_check"), &Setting(check)).map(drop)).await.unwrap();
    drop(store);
    let vault = place.open().await.unwrap();
    assert_eq!(vault.sealer.fingerprint(b"x"), before.fingerprint(b"x"));
    vault.rotate(None).await;
    drop(vault);
    assert_eq!(place.open().await.unwrap().sealer.fingerprint(b"x"), before.fingerprint(b"x"));
    // A new file has marks of its own, which do not follow from the key.
    let place = Place::new();
    let marks = place.open().await.unwrap().sealer.fingerprint(b"x");
    assert_ne!(marks, Sealer::new(&place.key()).fingerprint(b"x"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_after_a_renewal_finds_nothing_changed() {
    let sim = SimPanel::start(PanelSpec { rate_limit: 0, client_rate_limit: 0, ..small() }).await.unwrap();
    sim.with_world(|world| {
        for server in world.servers.keys().copied().collect::<Vec<_>>() {
            let egg = world.servers[&server].egg;
            let hidden = world.eggs[&egg].variables.iter().find(|variable| !variable.user_viewable).map(|v| v.id);
            if let Some(variable) = hidden {
                world.change_server(server, |it| drop(it.values.insert(variable, format!("token-of-{server}"))));
            }
        }
    });
    let place = Place::new();
    let vault = place.open().await.unwrap();
    let syncs = syncs(&vault);
    let jobs = Jobs::new(vault.store.clone(), vault.env.clone(), vec![]);
    let _runner = jobs.start(vec![syncs.body()], &Handle::current(), || {});
    let panel = add(&vault, &sim).await;
    sync(&syncs, panel).await;
    let old = vault.sealer.key_id();
    assert_eq!(vault.key_ids(), BTreeSet::from([old]));
    let newest = || vault.store.read_blocking(|tx| tx.last_key(HISTORY, &Span::all())).unwrap();
    let last = newest();
    vault.rotate(None).await;
    assert!(vault.secrets.progress().resealed > 20, "{:?}", vault.secrets.progress());
    assert!(!vault.key_ids().contains(&old));
    let run = sync(&syncs, panel).await;
    let totals = run.totals();
    assert_eq!((totals.created, totals.updated, totals.removed), (0, 0, 0), "{run:#?}");
    assert_eq!(newest(), last);
    // What changes afterwards is under the new key.
    sim.with_world(|world| {
        let server = *world.servers.keys().next().unwrap();
        world.change_server(server, |it| it.name = "Renamed".into());
    });
    assert_eq!(sync(&syncs, panel).await.totals().updated, 1);
    assert_eq!(vault.key_ids(), BTreeSet::from([place.key().id()]));
}

#[test]
fn the_names_of_settings_come_back_from_their_keys() {
    // What a setting is sealed for is read from its key when the master key is renewed.
    for key in Key::ALL {
        let name = key.about().key;
        assert_eq!(SortText::new(name).text(), name);
    }
}

fn syncs(vault: &Vault) -> Syncs {
    let limits = Limits { percent: 20, rows: 10 };
    let (store, env, sealer) = (vault.store.clone(), vault.env.clone(), vault.sealer.clone());
    Syncs::new(store, env, sealer, vault.panels.clone(), limits, Handle::current())
}

async fn add(vault: &Vault, sim: &SimPanel) -> PanelId {
    let new = NewPanel {
        name: "Main".into(),
        url: sim.url(),
        app_key: Secret::from(sim.app_key()),
        client_key: None,
        share_percent: None,
        sync_every_s: None,
    };
    vault.panels.add(&who(), new).await.unwrap().id
}

async fn sync(syncs: &Syncs, panel: PanelId) -> SyncRun {
    let wanted = StartSync { panel, targets: vec![], by: who(), requested_by: None };
    let run = syncs.start(wanted).await.unwrap().run;
    let run = syncs.wait(run.id).await.unwrap();
    assert_eq!(run.status, SyncStatus::Completed, "{}", run.message);
    run
}
