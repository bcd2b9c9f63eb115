//! What is different about an object between two times, against a record that the test keeps itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use aviary_domain::mirror::{Book, Capacity, Changes, Compared, HistoryQuery, Lately, Writer, fields_of};
use aviary_kernel::base::{Env, Error, ManualClock, Timestamp};
use aviary_kernel::model::{JsonText, Kind, Location, Node, ObjectKey, Operation, PanelId, Resources, SyncId};
use aviary_kernel::store::{Options, Store};
use proptest::prelude::*;

use crate::lab::sealer;

const PANEL: PanelId = PanelId(1);
const HERE: ObjectKey = ObjectKey { panel: PANEL, kind: Kind::Location, id: 7 };

struct Mirror {
    store: Store,
    env: Env,
    clock: Arc<ManualClock>,
    book: Book,
    syncs: u128,
    _dir: tempfile::TempDir,
}

impl Mirror {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (env, clock) = Env::manual(Timestamp::from_seconds(1_000_000));
        let store = Store::open(Options::file(dir.path().join("aviary.redb"))).unwrap();
        Self { book: Book::new(store.clone()), store, env, clock, syncs: 0, _dir: dir }
    }

    fn writer(&mut self) -> Writer {
        self.syncs += 1;
        Writer::new(self.store.clone(), self.env.clone(), sealer(), PANEL, SyncId::from_u128(self.syncs))
    }

    /// Makes the location be so, or not be.
    async fn be(&mut self, location: Option<&Location>) {
        let writer = self.writer();
        match location {
            Some(location) => drop(writer.apply(vec![location.clone()]).await.unwrap()),
            None => drop(writer.remove(Kind::Location, vec![HERE.id]).await.unwrap()),
        }
    }

    async fn compare(&self, from: i64, until: i64) -> Result<Compared, Error> {
        let (from, until) = (Timestamp::from_seconds(from), Timestamp::from_seconds(until));
        self.book.look(move |page| page.compare(HERE, from, until)).await
    }

    fn now(&self) -> i64 {
        self.env.now().seconds()
    }
}

fn location(short: &str, long: Option<&str>) -> Location {
    Location { id: HERE.id, short: short.into(), long: long.map(str::to_owned), created_at: None, updated_at: None }
}

fn fields(location: Option<&Location>) -> BTreeMap<String, JsonText> {
    let fields = location.map(|location| fields_of(location).unwrap()).unwrap_or_default();
    fields.into_iter().map(|(field, value)| (field, JsonText::new(&value))).collect()
}

/// What it becomes when the differences are applied to what it was.
fn applied(mut fields: BTreeMap<String, JsonText>, compared: &Compared) -> BTreeMap<String, JsonText> {
    for field in &compared.fields {
        assert_eq!(fields.get(&field.field), field.old.as_ref(), "{field:?}");
        match &field.new {
            Some(new) => drop(fields.insert(field.field.clone(), new.clone())),
            None => drop(fields.remove(&field.field)),
        }
    }
    fields
}

/// How the location is at one step: not there, or with one of a few names and descriptions.
fn steps() -> impl Strategy<Value = Vec<Option<Location>>> {
    let one = prop::option::weighted(
        0.8,
        ("[ab]", prop::option::of("[xy]")).prop_map(|(short, long)| location(&short, long.as_deref())),
    );
    prop::collection::vec(one, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_differences_lead_from_how_it_was_to_how_it_is(steps in steps(), kept in 0_usize..12) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut mirror = Mirror::new();
            let begin = mirror.now();
            for step in &steps {
                mirror.be(step.as_ref()).await;
                mirror.clock.advance_s(10);
            }
            // How it was at each time, ten seconds apart; before the first it was not there.
            let at = |step: usize| begin + 10 * step as i64 + 5;
            let before_all = begin - 5;
            let all: Vec<_> = [(before_all, None)].into_iter().chain(steps.iter().enumerate().map(|(n, step)| (at(n), step.as_ref()))).collect();
            if steps.iter().all(Option::is_none) {
                assert!(matches!(mirror.compare(before_all, at(0)).await, Err(Error::NotFound { .. })));
                return;
            }
            for (a, (from, old)) in all.iter().enumerate() {
                for (until, new) in &all[a..] {
                    let compared = mirror.compare(*from, *until).await.unwrap();
                    assert_eq!(compared.known_since, None);
                    assert_eq!((compared.was_there, compared.is_there), (old.is_some(), new.is_some()), "{from} {until}");
                    assert_eq!(applied(fields(*old), &compared), fields(*new), "{from} to {until}");
                    assert!(compared.fields.iter().all(|field| !field.changes.is_empty()));
                }
            }
            // With a part forgotten: what is said is right, and where it is not known that is said.
            let horizon = begin + 10 * kept as i64;
            mirror.book.forget_history(Timestamp::from_seconds(horizon)).await.unwrap();
            for (a, (from, old)) in all.iter().enumerate() {
                for (until, new) in &all[a..] {
                    let Ok(compared) = mirror.compare(*from, *until).await else { continue };
                    match compared.known_since {
                        None => assert_eq!(applied(fields(*old), &compared), fields(*new), "{from} to {until}, kept since {horizon}"),
                        Some(known) => {
                            assert!(known.seconds() > *from);
                            if known.seconds() <= *until {
                                let was = fields(steps[usize::try_from((known.seconds() - begin) / 10).unwrap()].as_ref());
                                assert_eq!(applied(was, &compared), fields(*new), "{from} to {until}, known since {known}");
                            }
                        }
                    }
                }
            }
        });
    }
}

#[tokio::test]
async fn each_change_names_its_sync_and_what_came_back_is_told() {
    let mut mirror = Mirror::new();
    let begin = mirror.now();
    for long in [Some("a"), Some("b"), Some("a")] {
        mirror.be(Some(&location("fra", long))).await;
        mirror.clock.advance_s(10);
    }
    let compared = mirror.compare(begin + 5, begin + 25).await.unwrap();
    let [field] = &compared.fields[..] else { panic!("{compared:?}") };
    assert_eq!((field.field.as_str(), field.differs(), compared.changes), ("long", false, 2));
    let syncs: Vec<_> = field.changes.iter().map(|seen| seen.sync.as_u128()).collect();
    assert_eq!(syncs, [2, 3]);
    assert!(compared.turns.is_empty());
    // What happened exactly at a time belongs to before it.
    assert_eq!(mirror.compare(begin + 10, begin + 25).await.unwrap().changes, 1);
    let whole = mirror.compare(begin - 1, begin + 25).await.unwrap();
    assert_eq!(whole.turns.iter().map(|turn| turn.operation).collect::<Vec<_>>(), [Operation::Created]);
    assert!(matches!(mirror.compare(begin + 1, begin).await, Err(Error::Invalid { field: "until", .. })));
}

#[tokio::test]
async fn what_was_removed_and_forgotten_is_told_as_far_as_it_is_known() {
    let mut mirror = Mirror::new();
    let begin = mirror.now();
    mirror.be(Some(&location("fra", None))).await;
    mirror.clock.advance_s(100);
    mirror.be(None).await;
    mirror.clock.advance_s(100);
    let compared = mirror.compare(begin + 50, begin + 150).await.unwrap();
    assert_eq!((compared.was_there, compared.is_there, compared.label.as_str()), (true, false, "fra"));
    assert!(compared.fields.iter().all(|field| field.new.is_none()));
    mirror.book.forget_history(Timestamp::from_seconds(begin + 50)).await.unwrap();
    let compared = mirror.compare(begin + 10, begin + 150).await.unwrap();
    assert_eq!(compared.known_since, Some(Timestamp::from_seconds(begin + 100)));
    mirror.book.forget_history(Timestamp::from_seconds(begin + 500)).await.unwrap();
    assert!(matches!(mirror.compare(begin, begin + 150).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn changes_of_the_last_hours_are_counted_once_however_often_one_looks() {
    let mut mirror = Mirror::new();
    let mut lately = Lately::default();
    let mut total = async |mirror: &Mirror, hours| {
        let (now, mut seen) = (mirror.env.now(), std::mem::take(&mut lately));
        lately = mirror.book.look(move |page| page.catch_up(&mut seen, now, hours).map(|()| seen)).await.unwrap();
        (lately.total(), lately.by_kind(), lately.by_hour(now).len())
    };
    assert_eq!(total(&mirror, 24).await, (0, vec![], 25));
    mirror.be(Some(&location("fra", None))).await;
    mirror.be(Some(&location("ams", None))).await;
    let expected = Changes { created: 1, changed: 1, removed: 0 };
    for _ in 0..2 {
        assert_eq!(total(&mirror, 24).await, (2, vec![(Kind::Location, expected)], 25));
    }
    mirror.clock.advance_s(20 * 3600);
    mirror.be(None).await;
    assert_eq!(total(&mirror, 24).await.0, 3);
    mirror.clock.advance_s(20 * 3600);
    let removed = Changes { removed: 1, ..Changes::default() };
    assert_eq!(total(&mirror, 24).await, (1, vec![(Kind::Location, removed)], 25));
    assert_eq!(total(&mirror, 48).await.0, 3, "a longer time is counted anew");
    let since = lately.since();
    let listed = mirror.book.history(HistoryQuery { from: Some(since), ..HistoryQuery::default() }).await.unwrap();
    assert_eq!(listed.entries.len() as u64, lately.total(), "the list of that time has as many");
    let query = HistoryQuery { operation: Some(Operation::Removed), ..HistoryQuery::default() };
    assert_eq!(mirror.book.history(query).await.unwrap().entries.len(), 1);
}

fn node(id: u64, location: Option<u64>, memory: (i64, i64, i64), disk: (i64, i64, i64)) -> Node {
    Node {
        id,
        uuid: format!("00000000-0000-4000-8000-{id:012}"),
        public: true,
        name: format!("node-{id}"),
        description: None,
        location_id: location,
        fqdn: "node.example.com".into(),
        scheme: "https".into(),
        behind_proxy: false,
        maintenance_mode: false,
        memory: memory.1,
        memory_overallocate: memory.2,
        disk: disk.1,
        disk_overallocate: disk.2,
        cpu: None,
        cpu_overallocate: None,
        upload_size: 100,
        daemon_listen: 8080,
        daemon_sftp: 2022,
        daemon_base: "/srv".into(),
        daemon_sftp_alias: None,
        daemon_connect: None,
        tags: Vec::new(),
        allocated_resources: Resources { memory: memory.0, disk: disk.0, cpu: None },
        created_at: None,
        updated_at: None,
    }
}

#[tokio::test]
async fn nodes_that_gave_away_too_much_come_first_then_the_fullest() {
    let mut mirror = Mirror::new();
    let writer = mirror.writer();
    writer.apply(vec![location("fra", None)]).await.unwrap();
    let nodes = vec![
        node(1, Some(7), (50, 100, 0), (10, 100, 0)),
        node(2, Some(7), (140, 100, 50), (10, 100, 0)),
        node(3, Some(8), (10, 100, 0), (101, 100, 0)),
        node(4, None, (999, 0, 0), (0, 0, 0)),
    ];
    writer.apply(nodes).await.unwrap();
    let capacity: Capacity = mirror.book.look(|page| page.capacity()).await.unwrap();
    assert_eq!(capacity.nodes.iter().map(|place| place.id).collect::<Vec<_>>(), [3, 2, 1, 4]);
    assert_eq!(capacity.over, 1);
    let places: Vec<_> = capacity.locations.iter().map(|place| (place.name.as_str(), place.nodes)).collect();
    assert_eq!(places, [("location 8", 1), ("fra", 2)]);
    let fra = &capacity.locations[1].fullness;
    assert_eq!((fra.memory.given, fra.memory.has, fra.memory.may), (190, Some(200), Some(250)));
    assert_eq!(capacity.total.memory.has, None, "one of them sets no limit");
}
