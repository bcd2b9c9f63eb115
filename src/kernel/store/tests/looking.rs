//! What `verify` finds.

use super::sample::*;
use crate::model::Kind;
use crate::store::faulty::{Disk, Op};
use crate::store::tables::{self, BY_NAME, SERVERS};
use crate::store::{Key, SortText, Store, WriteTx, has_sound_pages, verify};

fn prepared() -> (Disk, Store) {
    let disk = Disk::new();
    let store = open(&disk);
    add_panel(&store, 1).unwrap();
    store.write_blocking(|tx| (0..20).try_for_each(|id| put_server(tx, id))).unwrap();
    (disk, store)
}

fn problems_after(damage: impl FnOnce(&mut WriteTx<'_>) -> crate::base::Result<()> + Send + 'static) -> Vec<String> {
    let (_disk, store) = prepared();
    store.write_blocking(damage).unwrap();
    report(&store).problems.iter().map(ToString::to_string).collect()
}

fn name_key(id: u64) -> Vec<u8> {
    (Kind::Server, SortText::new(&server(id).data.name), PANEL, id).to_bytes()
}

#[test]
fn a_sound_file_has_no_problems_and_everything_was_looked_at() {
    let (_disk, store) = prepared();
    let report = report(&store);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.rows["servers"], report.rows["feed"], report.rows["panels"]), (20, 20, 1));
    assert_eq!((report.index_keys["by_name"], report.index_keys["allocation_server"]), (20, 40));
    assert!(report.counters > 5);
    let rows = tables::ALL.iter().filter(|t| t.entries.is_some()).count();
    assert_eq!((report.rows.len(), report.index_keys.len()), (rows, tables::ALL.len() - rows));
}

#[test]
fn a_missing_index_key_is_found() {
    let found = problems_after(|tx| tx.remove_bytes(BY_NAME.name(), &name_key(3)).map(drop));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("by_name ") && found[0].contains("servers 000000010000000000000003 needs it"),
        "{found:?}"
    );
}

#[test]
fn an_index_key_without_a_row_is_found_even_beside_a_missing_one() {
    let stray = problems_after(|tx| tx.put_bytes(BY_NAME.name(), &name_key(99), &[]).map(drop));
    assert_eq!(stray, ["by_name: 1 keys belong to no row"]);
    let both = problems_after(|tx| {
        tx.remove_bytes(BY_NAME.name(), &name_key(3))?;
        tx.put_bytes(BY_NAME.name(), &name_key(99), &[]).map(drop)
    });
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn wrong_missing_and_strange_counters_are_found() {
    let counter = servers_counter().to_bytes();
    let (wrong, missing) = (counter.clone(), counter.clone());
    let found = problems_after(move |tx| tx.put_bytes(tables::COUNTERS, &wrong, &7u64.to_bytes()).map(drop));
    assert_eq!(found.len(), 1);
    assert!(found[0].ends_with("stands at 7, the rows give 20"), "{found:?}");
    let found = problems_after(move |tx| tx.remove_bytes(tables::COUNTERS, &missing).map(drop));
    assert!(found[0].ends_with("is missing, the rows give 20"), "{found:?}");
    let found = problems_after(|tx| tx.put_bytes(tables::COUNTERS, b"abc", b"x").map(drop));
    assert_eq!(found, ["counters 616263: is no counter"]);
}

#[test]
fn rows_that_cannot_be_read_are_named() {
    let found = problems_after(|tx| tx.put_bytes("panels", &PANEL.to_bytes(), b"\x01\x00\x09zzz").map(drop));
    assert_eq!(found, ["panels 00000001: cannot be read: version 9 of the record is unknown to this release"]);
    let found = problems_after(|tx| tx.put_bytes("panels", b"abc", b"x").map(drop));
    assert_eq!(found, ["panels 616263: cannot be read: the key cannot be read"]);
}

#[test]
fn unknown_tables_are_found() {
    let found = problems_after(|tx| tx.put_bytes("from_the_future", b"a", b"b").map(drop));
    assert_eq!(found, ["from_the_future: this release does not know the table"]);
}

#[test]
fn problems_are_counted_but_not_all_kept() {
    let (_disk, store) = prepared();
    store
        .write_blocking(|tx| (0..1500u32).try_for_each(|n| tx.put_bytes("panels", &n.to_bytes(), b"x").map(drop)))
        .unwrap();
    let report = report(&store);
    assert_eq!((report.problem_count, report.problems.len()), (1500, 1000));
}

#[test]
fn a_disk_that_cannot_be_read_is_an_error_and_not_a_problem_of_the_file() {
    let (disk, store) = prepared();
    drop(store);
    let store = Store::open(crate::store::Options { cache_bytes: 0, ..options(&disk) }).unwrap();
    disk.fail_once(Op::Read, 5, std::io::ErrorKind::Other);
    assert!(matches!(store.read_blocking(verify), Err(crate::base::Error::ReadOnly(_))));
}

#[test]
fn flipped_bits_never_bring_the_process_down() {
    let (disk, store) = prepared();
    store.write_blocking(|tx| tx.remove(SERVERS, &key(1)).map(drop)).unwrap();
    drop(store);
    let image = disk.image();
    let used: Vec<_> = (0..image.len()).filter(|at| image[*at] != 0).collect();
    let mut dice = Dice(5);
    assert!(has_sound_pages(&options(&Disk::with(image.clone()))).unwrap());
    let (mut noticed, mut unsound) = (0, 0);
    for _ in 0..60 {
        let mut bad = image.clone();
        for _ in 0..=dice.roll(3) {
            let at = used[usize::try_from(dice.roll(used.len() as u64)).unwrap()];
            bad[at] ^= 1 << dice.roll(8);
        }
        let disk = Disk::with(bad.clone());
        let sound = has_sound_pages(&options(&disk));
        assert!(disk.image() == bad, "looking changes nothing");
        unsound += u32::from(!matches!(sound, Ok(true)));
        let Ok(store) = Store::open(options(&disk)) else { continue };
        if store.read_blocking(verify).map_or(true, |r| !r.is_clean()) {
            noticed += 1;
            assert!(!matches!(sound, Ok(true)), "the checksums know it as well");
        }
        // Whatever these come to, they come to an end.
        for id in 0..25 {
            let _ = store.write_blocking(move |tx| remove_server(tx, id).and_then(|()| put_server(tx, id)));
        }
        let _ = store.probe_blocking().unwrap();
    }
    // Many bits lie in pages that are free, or in values where any bit is as good as another.
    println!("of 60 damaged files {unsound} had unsound pages, {noticed} of them unsound rows");
    assert!(unsound >= noticed && unsound > 5);
}
