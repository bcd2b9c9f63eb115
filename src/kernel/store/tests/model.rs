//! Any sequence of writes gives what a map gives.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::sample::*;
use crate::base::Error;
use crate::model::{Kind, PanelId, Server};
use crate::store::faulty::Disk;
use crate::store::rows::Mirrored;
use crate::store::tables::{BY_NAME, CHILDREN, RowKey, SERVERS, SERVERS_BY_STATE, counted};
use crate::store::{Counter, Direction, Index, Key, Read, SortText, Span};

type Model = BTreeMap<RowKey, Mirrored<Server>>;

#[derive(Clone, Debug)]
enum Change {
    Put(RowKey, String, bool, u64),
    Remove(RowKey),
}

#[derive(Clone, Debug)]
enum Step {
    Write { changes: Vec<Change>, fails: bool },
    Reopen,
    PowerCut,
}

fn row_key() -> impl Strategy<Value = RowKey> {
    (1..3u32, 0..8u64).prop_map(|(panel, id)| (PanelId(panel), id))
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (row_key(), "[a-cA-C \u{0}é]{0,3}", any::<bool>(), 0..3u64).prop_map(|(k, n, s, o)| Change::Put(k, n, s, o)),
        1 => row_key().prop_map(Change::Remove),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (prop::collection::vec(change(), 0..8), prop::bool::weighted(0.2))
            .prop_map(|(changes, fails)| Step::Write { changes, fails }),
        1 => Just(Step::Reopen),
        1 => Just(Step::PowerCut),
    ]
}

fn changed(id: u64, name: &str, suspended: bool, owner: u64) -> Mirrored<Server> {
    let mut row = server(id);
    row.data.name = name.to_owned();
    row.data.suspended = suspended;
    row.data.user_id = owner;
    row
}

fn apply(model: &mut Model, changes: &[Change]) {
    for change in changes {
        match change {
            Change::Put(key, name, suspended, owner) => {
                model.insert(*key, changed(key.1, name, *suspended, *owner));
            }
            Change::Remove(key) => {
                model.remove(key);
            }
        }
    }
}

/// All keys, page by page as a list is read: each page begins behind the last key of the page before.
fn paged<K: Key + Ord>(tx: &impl Read, index: Index<K>, all: &Span, direction: Direction, page: usize) -> Vec<K> {
    let mut keys: Vec<K> = Vec::new();
    loop {
        let span = match keys.last() {
            Some(last) => all.clone().after(&last.to_bytes(), direction),
            None => all.clone(),
        };
        let before = keys.len();
        tx.walk_index(index, &span, direction, |key| {
            keys.push(key);
            Ok(if keys.len() - before == page { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .unwrap();
        if keys.len() - before < page {
            return keys;
        }
    }
}

fn check<K: Key + Ord + std::fmt::Debug>(
    tx: &impl Read,
    index: Index<K>,
    span: &Span,
    page: usize,
    mut expected: Vec<K>,
) -> Result<(), TestCaseError> {
    expected.sort();
    prop_assert_eq!(&paged(tx, index, span, Direction::Up, page), &expected);
    expected.reverse();
    prop_assert_eq!(&paged(tx, index, span, Direction::Down, page), &expected);
    Ok(())
}

fn compare(tx: &impl Read, model: &Model, page: usize) -> Result<(), TestCaseError> {
    let rows = tx.all(SERVERS, &Span::all()).unwrap();
    prop_assert_eq!(&rows, &model.iter().map(|(k, v)| (*k, v.clone())).collect::<Vec<_>>());
    let of_one = tx.all(SERVERS, &Span::prefix(&PanelId(1))).unwrap().len();
    prop_assert_eq!(of_one, model.keys().filter(|(panel, _)| panel.0 == 1).count());
    prop_assert_eq!(tx.last_key(SERVERS, &Span::all()).unwrap(), model.keys().next_back().copied());

    let name = |row: &Mirrored<Server>| SortText::new(&row.data.name);
    let by_name = model.iter().map(|((panel, id), row)| (Kind::Server, name(row), *panel, *id)).collect();
    check(tx, BY_NAME, &Span::prefix(&Kind::Server), page, by_name)?;
    let suspended = model.iter().filter(|(_, row)| row.data.suspended);
    let suspended = suspended.map(|((panel, id), row)| (1, name(row), *panel, *id)).collect();
    check(tx, SERVERS_BY_STATE, &Span::prefix(&1u8), page, suspended)?;
    let owned = model.iter().filter(|((panel, _), row)| panel.0 == 2 && row.data.user_id == 1);
    let owned = owned.map(|((panel, id), row)| (*panel, Kind::User, 1, Kind::Server, name(row), *id)).collect();
    check(tx, CHILDREN, &Span::prefix(&(PanelId(2), Kind::User, 1u64)), page, owned)?;

    for owner in 0..3 {
        let counter = Counter { what: counted::USER_SERVERS, panel: PANEL, of: owner };
        let count = model.iter().filter(|((panel, _), row)| *panel == PANEL && row.data.user_id == owner).count();
        prop_assert_eq!(tx.count(counter).unwrap(), count as u64);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_indexes_and_counters_are_those_of_a_map(
        steps in prop::collection::vec(step(), 1..12), page in 1..4usize,
    ) {
        let disk = Disk::new();
        let mut store = open(&disk);
        let mut model = Model::new();
        for step in steps {
            match step {
                Step::Write { changes, fails } => {
                    let mut after = model.clone();
                    apply(&mut after, &changes);
                    let expected = after.clone();
                    let result = store.write_blocking(move |tx| {
                        for change in &changes {
                            match change {
                                Change::Put(key, name, suspended, owner) => {
                                    tx.put(SERVERS, key, &changed(key.1, name, *suspended, *owner))?;
                                }
                                Change::Remove(key) => {
                                    tx.remove(SERVERS, key)?;
                                }
                            }
                        }
                        // The transaction sees its own writes.
                        let seen = compare(tx, &expected, 2).map_err(|e| e.to_string());
                        if fails { Err(Error::Conflict(String::new())) } else { Ok(seen) }
                    });
                    if let Ok(seen) = result {
                        prop_assert_eq!(seen, Ok(()));
                        model = after;
                    }
                }
                Step::Reopen => {
                    drop(store);
                    store = open(&disk);
                }
                Step::PowerCut => {
                    disk.power_cut();
                    drop(store);
                    store = open(&disk);
                }
            }
            store.read_blocking(|tx| Ok(compare(tx, &model, page))).unwrap()?;
        }
        assert_sound(&store);
    }
}
