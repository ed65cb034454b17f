// SPDX-License-Identifier: BSD-2-Clause
//! A store on a flash that is damaged, full, or not its own; and what its records say.

use molt_cfi_flash::model::Model;
use molt_store::log::Health;
use molt_store::{Entry, Kind, RECORD, Refused, Unreadable};
use sha2::{Digest as _, Sha256};

use crate::earlier;
use crate::steps::{
    BLOCK, DISK, LISTS, LOG, OTHER, SHAPE, Step, bundle, entry, image, open, perform, records,
};

#[test]
fn a_damaged_bundle_is_not_offered() {
    let model = earlier();
    let at = LOG as usize + 2 * BLOCK as usize + 100;
    model.poke(at, !model.peek(at));
    let mut store = open(&model).unwrap();
    assert_eq!(store.recall(&DISK, |_, _| ()), Err(Unreadable::Damaged));
    assert_eq!(store.floor(&DISK), 2, "the sequence number is forgotten");
    // It can be replaced.
    assert_eq!(perform(&mut store, Step::Commit(3)), Ok(()));
    assert_eq!(store.recall(&DISK, |_, _| ()).map(|c| c.sequence), Ok(3));
}

#[test]
fn a_damaged_list_is_not_delivered_and_its_number_is_known() {
    let model = earlier();
    let mut store = open(&model).unwrap();
    assert_eq!(perform(&mut store, Step::Keys(5)), Ok(()));
    let at = LISTS as usize + 100;
    model.poke(at, !model.peek(at));
    let mut store = open(&model.restarted(0)).unwrap();
    let keys = store.recall_keys(&DISK, |_, _| ());
    assert_eq!(keys, Err(Unreadable::Damaged));
    let known = store.component(&DISK).and_then(|c| c.keys);
    assert_eq!(known.map(|list| list.sequence), Some(5));
    // It can be replaced.
    assert_eq!(perform(&mut store, Step::Keys(6)), Ok(()));
    let keys = store.recall_keys(&DISK, |_, _| ());
    assert_eq!(keys.map(|list| list.sequence), Ok(6));
}

#[test]
fn a_log_in_which_a_record_is_missing_is_not_believed() {
    for at in [RECORD + 40, RECORD, 0, 2] {
        let model = earlier();
        model.poke(at, !model.peek(at));
        let mut store = open(&model).unwrap();
        assert!(matches!(store.health(), Health::Broken(_)), "{at}");
        assert_eq!(store.recall(&DISK, |_, _| ()), Err(Unreadable::Broken));
        assert_eq!(store.room(), Err(Refused::Broken));
        assert_eq!(perform(&mut store, Step::Commit(3)), Err(Refused::Broken));
        assert_eq!(perform(&mut store, Step::Refuse(3)), Err(Refused::Broken));
    }
}

#[test]
fn a_bank_with_something_else_in_it_is_not_written_to() {
    for value in [0, 0x5a] {
        let model = Model::new(SHAPE);
        for at in 0..600 {
            model.poke(at, value);
        }
        let mut store = open(&model).unwrap();
        assert_eq!(store.health(), Health::Broken(0));
        assert_eq!(perform(&mut store, Step::Commit(1)), Err(Refused::Broken));
        assert_eq!(model.operations(), 0);
    }
}

#[test]
fn a_full_log_refuses_offers_and_keeps_room_for_the_ends_of_those_it_took() {
    let model = Model::new(SHAPE);
    let mut store = open(&model).unwrap();
    let mut committed = 0;
    // Whoever only has offers refused does not fill the log.
    for n in 0..1000 {
        assert_eq!(perform(&mut store, Step::Refuse(n)), Ok(()));
    }
    while store.room().is_ok() {
        committed += 1;
        assert_eq!(perform(&mut store, Step::Commit(committed)), Ok(()));
    }
    assert_eq!(store.room(), Err(Refused::Full));
    for n in 0..10 {
        assert_eq!(perform(&mut store, Step::RollBack(100 + n)), Ok(()));
    }
    while store.free() > 0 {
        assert_eq!(perform(&mut store, Step::RollBack(100)), Ok(()));
    }
    assert_eq!(perform(&mut store, Step::RollBack(100)), Err(Refused::Full));
    assert_eq!(perform(&mut store, Step::Commit(99)), Err(Refused::Full));
    // What was committed last is still there, after a restart too.
    let mut store = open(&model.restarted(0)).unwrap();
    assert_eq!(
        store.recall(&DISK, |_, _| ()).map(|c| c.sequence),
        Ok(committed)
    );
    let left_out: u32 = records(&model).iter().map(|r| r.left_out).sum();
    let refused = records(&model)
        .iter()
        .filter(|r| r.kind() == Some(Kind::Refused))
        .count();
    assert_eq!(left_out as usize + refused, 1000);
}

#[test]
fn a_bundle_that_has_no_place_is_refused() {
    let mut store = open(&Model::new(SHAPE)).unwrap();
    let too_long = u64::from(2 * BLOCK) + 1;
    assert_eq!(
        store.commit(&entry(1), too_long, |_, _| ()),
        Err(Refused::NoPlace)
    );
    assert_eq!(store.commit(&entry(1), 0, |_, _| ()), Err(Refused::NoPlace));
    let stranger = Entry {
        component: *b"nobody\0\0\0\0\0\0\0\0\0\0",
        ..entry(1)
    };
    assert_eq!(
        store.commit(&stranger, 10, |_, _| ()),
        Err(Refused::NoPlace)
    );
}

#[test]
fn a_flash_that_fails_commits_nothing() {
    let model = earlier();
    let mut store = open(&model).unwrap();
    model.fail_with(1 << 4);
    assert!(matches!(
        perform(&mut store, Step::Commit(3)),
        Err(Refused::Flash(_))
    ));
    model.fail_with(0);
    let store = open(&model.restarted(0)).unwrap();
    assert_eq!(store.floor(&DISK), 2);
}

#[test]
fn a_word_that_does_not_take_what_is_written_is_noticed_before_the_commit() {
    // The erase leaves a word of slot 0, which the next commit writes, with bits that are clear.
    let model = earlier();
    let at = LOG as usize + 100;
    model.wear_out(at);
    let mut store = open(&model).unwrap();
    assert_eq!(perform(&mut store, Step::Commit(3)), Err(Refused::Differs));
    let mut store = open(&model.restarted(0)).unwrap();
    assert_eq!(store.recall(&DISK, |_, _| ()).map(|c| c.sequence), Ok(2));
}

#[test]
fn forgiven_images_are_forgotten_and_others_are_not() {
    let model = earlier();
    let mut store = open(&model).unwrap();
    perform(&mut store, Step::RollBack(7)).unwrap();
    let other = Entry {
        component: OTHER,
        ..entry(8)
    };
    store.record(Kind::RolledBack, &other).unwrap();
    store.record(Kind::Forgiven, &entry(0)).unwrap();
    let store = open(&model.restarted(0)).unwrap();
    assert!(store.component(&DISK).unwrap().failed.is_empty());
    assert_eq!(store.component(&OTHER).unwrap().failed[..], [image(8)]);
}

#[test]
fn each_start_has_its_number_and_each_record_its_own() {
    let model = earlier();
    let mut store = open(&model).unwrap();
    perform(&mut store, Step::Refuse(9)).unwrap();
    let records = records(&model);
    let numbers: Vec<(u64, u32)> = records.iter().map(|r| (r.number, r.start)).collect();
    assert_eq!(numbers, [(0, 1), (1, 1), (2, 1), (3, 2)]);
    let digest: [u8; 32] = Sha256::digest(bundle(2)).into();
    assert_eq!(records[2].bundle, digest);
}
