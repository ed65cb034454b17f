// SPDX-License-Identifier: BSD-2-Clause
//! Generations that follow each other, and flash that does not do what it should.

mod common;

use common::{
    AREA, HALF, MEMORY, SHAPE, bank, check_memory, content, generation, in_force, memory, pump,
    start,
};
use molt_cfi_flash::model::{Model, Random};
use molt_rom_driver::{Driver, Failure, Half, Halves, Header, Service, Transfer, reason};
use molt_store::{Flash, FlashError};

/// Pumps that are enough for all that is under way.
const ENOUGH: usize = 100;

/// A flash in which a version is committed, and its generation.
fn committed(model: &Model, version: usize) -> Driver<impl Flash + use<>> {
    let mut driver = start(model, version, 0).unwrap();
    driver.committed();
    pump(&mut driver, ENOUGH).unwrap();
    assert_eq!(in_force(model), Some(version));
    driver
}

fn transfer(driver: &mut impl Service<Error = Failure>, image: &'static [u8]) -> Transfer {
    driver.transfer(image);
    pump(driver, ENOUGH).unwrap();
    driver.transferred()
}

#[test]
fn an_erased_flash_is_written_and_in_force_once_it_is_committed() {
    let model = Model::new(SHAPE);
    let mut driver = start(&model, 1, 7).unwrap();
    check_memory(1, 7);
    assert_eq!(in_force(&model), None);
    driver.committed();
    pump(&mut driver, ENOUGH).unwrap();
    assert_eq!(in_force(&model), Some(1));
    let mut halves = Halves::open(bank(&model).unwrap()).unwrap();
    let half = halves.in_force().unwrap().unwrap();
    let digest = halves.header(half).unwrap().digest;
    let first = u64::from_be_bytes(*digest.first_chunk().unwrap());
    assert_eq!(driver.version(), Some(first), "as the flash says");
}

#[test]
fn what_the_next_generation_brings_is_transferred_while_this_one_is_read() {
    let model = Model::new(SHAPE);
    let mut old = committed(&model, 0);
    assert_eq!(transfer(&mut old, content(1)), Transfer::Done);
    check_memory(0, 0);
    assert_eq!(in_force(&model), Some(0), "not before it is committed");
    drop(old);
    let operations = model.operations();
    let mut new = start(&model, 1, 1).unwrap();
    check_memory(1, 1);
    assert_eq!(
        model.operations(),
        operations,
        "nothing is written in the blackout"
    );
    assert_eq!(in_force(&model), Some(0));
    new.committed();
    pump(&mut new, ENOUGH).unwrap();
    assert_eq!(in_force(&model), Some(1));
    assert_eq!(model.operations(), operations + 1, "one record");
}

#[test]
fn a_rollback_writes_nothing() {
    let model = Model::new(SHAPE);
    let mut old = committed(&model, 0);
    assert_eq!(transfer(&mut old, content(1)), Transfer::Done);
    drop(old);
    drop(start(&model, 1, 1).unwrap());
    let operations = model.operations();
    let mut back = start(&model, 0, 2).unwrap();
    check_memory(0, 2);
    back.committed();
    pump(&mut back, ENOUGH).unwrap();
    assert_eq!(model.operations(), operations);
    assert_eq!(in_force(&model), Some(0));
    // Nor does the same update once more.
    assert_eq!(transfer(&mut back, content(1)), Transfer::Done);
    assert_eq!(model.operations(), operations);
}

#[test]
fn what_is_on_trial_transfers_nothing_since_it_would_erase_what_to_go_back_to() {
    let model = Model::new(SHAPE);
    let mut old = committed(&model, 0);
    assert_eq!(transfer(&mut old, content(1)), Transfer::Done);
    drop(old);
    let mut new = start(&model, 1, 1).unwrap();
    let refused = Transfer::Failed(reason::ON_TRIAL);
    assert_eq!(transfer(&mut new, content(2)), refused);
    assert_eq!(in_force(&model), Some(0));
    // Ordered before the commit has reached the flash: the commit comes first.
    new.committed();
    assert_eq!(transfer(&mut new, content(2)), Transfer::Done);
    assert_eq!(in_force(&model), Some(1));
}

#[test]
fn a_generation_that_is_not_ready_transfers_nothing() {
    let model = Model::new(SHAPE);
    let mut driver = generation(&model, 0, 0).unwrap();
    let refused = Transfer::Failed(reason::ON_TRIAL);
    assert_eq!(transfer(&mut driver, content(1)), refused);
    assert_eq!(model.operations(), 0);
}

#[test]
fn what_does_not_read_back_is_no_content() {
    for worn in [AREA, AREA + 1000, AREA + 2748] {
        let model = Model::new(SHAPE);
        let mut driver = committed(&model, 0);
        model.wear_out(HALF + worn);
        let failed = Transfer::Failed(Failure::NotWritten.reason());
        assert_eq!(transfer(&mut driver, content(1)), failed, "{worn:#x}");
        check_memory(0, 0);
        pump(&mut driver, ENOUGH).unwrap();
        assert_eq!(in_force(&model), Some(0));
        // A generation that finds it in no half fails in the same way.
        drop(driver);
        let failed = start(&model, 1, 1).err();
        assert_eq!(failed, Some(Failure::NotWritten));
        assert_eq!(in_force(&model), Some(0));
        drop(start(&model, 0, 2).unwrap());
        check_memory(0, 2);
    }
}

#[test]
fn a_header_that_does_not_read_back_is_none() {
    let model = Model::new(SHAPE);
    let mut driver = committed(&model, 0);
    model.wear_out(HALF + 20);
    let failed = Transfer::Failed(Failure::NotWritten.reason());
    assert_eq!(transfer(&mut driver, content(1)), failed);
    assert_eq!(in_force(&model), Some(0));
}

#[test]
fn a_header_that_has_decayed_is_none() {
    let model = Model::new(SHAPE);
    let mut old = committed(&model, 0);
    assert_eq!(transfer(&mut old, content(1)), Transfer::Done);
    drop(old);
    // A byte of the digest: the content itself is whole.
    model.poke(HALF + 12, !model.peek(HALF + 12));
    let mut new = start(&model, 1, 1).unwrap();
    new.committed();
    pump(&mut new, ENOUGH).unwrap();
    assert_eq!(in_force(&model), Some(1));
}

#[test]
fn a_record_that_is_torn_or_of_another_content_does_not_count() {
    let model = Model::new(SHAPE);
    let mut old = committed(&model, 0);
    assert_eq!(transfer(&mut old, content(1)), Transfer::Done);
    for n in 64..80 {
        model.poke(HALF + n, model.peek(n));
    }
    model.poke(HALF + 64, 9);
    assert_eq!(in_force(&model), Some(0));
}

#[test]
fn an_error_of_the_flash_ends_the_transfer_and_nothing_else() {
    let model = Model::new(SHAPE);
    let mut driver = committed(&model, 0);
    model.fail_with(1 << 5);
    let failed = Failure::Flash(FlashError::Erase).reason();
    assert_eq!(transfer(&mut driver, content(1)), Transfer::Failed(failed));
    pump(&mut driver, ENOUGH).unwrap();
    check_memory(0, 0);
    assert_eq!(in_force(&model), Some(0));
}

#[test]
fn a_content_that_decays_ends_its_generation() {
    let model = Model::new(SHAPE);
    let mut driver = committed(&model, 0);
    assert_eq!(transfer(&mut driver, content(1)), Transfer::Done);
    pump(&mut driver, ENOUGH).unwrap();
    let place = AREA + content(0).len() - 1;
    model.poke(place, !model.peek(place));
    assert_eq!(pump(&mut driver, ENOUGH), Err(Failure::Decayed));
    drop(driver);
    // The next one writes it anew.
    let mut again = start(&model, 0, 1).unwrap();
    again.committed();
    pump(&mut again, ENOUGH).unwrap();
    check_memory(0, 1);
    assert_eq!(in_force(&model), Some(0));
}

#[test]
fn a_content_that_has_decayed_is_not_put_in_force() {
    let model = Model::new(SHAPE);
    let mut old = committed(&model, 0);
    assert_eq!(transfer(&mut old, content(1)), Transfer::Done);
    drop(old);
    let mut new = start(&model, 1, 1).unwrap();
    model.poke(HALF + AREA, !model.peek(HALF + AREA));
    new.committed();
    assert_eq!(pump(&mut new, ENOUGH), Err(Failure::Decayed));
    let halves = Halves::open(bank(&model).unwrap()).unwrap();
    assert_eq!(halves.selected(), Some(Half::First));
}

#[test]
fn a_content_that_was_never_committed_is_not_in_force_whatever_becomes_of_the_other() {
    let model = Model::new(SHAPE);
    let mut old = committed(&model, 0);
    assert_eq!(transfer(&mut old, content(1)), Transfer::Done);
    assert_eq!(in_force(&model), Some(0));
    model.poke(AREA, !model.peek(AREA));
    assert_eq!(in_force(&model), None);
}

#[test]
fn of_a_damaged_half_in_force_and_a_whole_one_the_damaged_one_is_written() {
    let model = Model::new(SHAPE);
    let mut first = committed(&model, 0);
    assert_eq!(transfer(&mut first, content(1)), Transfer::Done);
    drop(first);
    let mut second = start(&model, 1, 1).unwrap();
    second.committed();
    pump(&mut second, ENOUGH).unwrap();
    drop(second);
    model.poke(HALF + AREA, !model.peek(HALF + AREA));
    assert_eq!(in_force(&model), Some(0), "what is left");
    drop(start(&model, 1, 2).unwrap());
    check_memory(1, 2);
    assert_eq!(in_force(&model), Some(0), "it was left alone");
}

#[test]
fn what_does_not_fit_is_refused_at_once() {
    let model = Model::new(SHAPE);
    let mut driver = committed(&model, 0);
    let operations = model.operations();
    let too_large = vec![1; MEMORY - 63].leak();
    let failed = Transfer::Failed(Failure::TooLarge.reason());
    assert_eq!(transfer(&mut driver, too_large), failed);
    assert_eq!(transfer(&mut driver, &[]), failed);
    assert_eq!(model.operations(), operations);
    for image in [&too_large[..], &[]] {
        let refused = Driver::new(bank(&model).unwrap(), image, memory(), 1);
        assert_eq!(refused.err(), Some(Failure::TooLarge));
    }
    let just_fits = vec![1; MEMORY - 64].leak();
    assert_eq!(transfer(&mut driver, just_fits), Transfer::Done);
}

#[test]
fn a_half_without_room_for_a_record_is_written_anew() {
    let model = Model::new(SHAPE);
    drop(committed(&model, 0));
    // 252 records have room in a half.
    let mut erased = Vec::new();
    for number in 1..600 {
        let version = number % 2;
        let operations = model.operations();
        let mut driver = start(&model, version, number as u64).unwrap();
        driver.committed();
        pump(&mut driver, ENOUGH).unwrap();
        check_memory(version, number as u64);
        assert_eq!(in_force(&model), Some(version));
        if model.operations() > operations + 1 {
            erased.push(number);
        }
    }
    // Each half once in its turn, when its last place is used.
    assert_eq!(erased, [1, 504, 505]);
}

/// What is in the flash may be anything: nobody's word is taken for it.
#[test]
fn whatever_is_in_the_flash_a_generation_ends_with_its_own_content() {
    for seed in 0..300 {
        let model = Model::new(SHAPE);
        let mut random = Random::new(seed);
        for start in [0, HALF] {
            let header = Header {
                length: [content(1).len() as u32, 0, u32::MAX, 0x3000][random.below(4)],
                digest: std::array::from_fn(|_| random.draw() as u8),
            };
            for (n, byte) in header.encode().into_iter().enumerate() {
                model.poke(start + n, byte);
            }
            for n in 64..AREA + 2048 {
                if random.below(3) == 0 {
                    model.poke(start + n, random.draw() as u8);
                }
            }
        }
        assert_eq!(
            Halves::open(bank(&model).unwrap()).unwrap().in_force(),
            Ok(None)
        );
        let mut driver = start(&model, 1, 3).unwrap();
        check_memory(1, 3);
        driver.committed();
        pump(&mut driver, ENOUGH).unwrap();
        assert_eq!(in_force(&model), Some(1), "seed {seed}");
    }
}

#[test]
fn nobody_waits_for_the_flash() {
    let model = Model::new(SHAPE);
    let mut driver = committed(&model, 0);
    driver.transfer(content(1));
    let mut steps = 0;
    for _ in 0..ENOUGH {
        let more = driver.pump().unwrap().more;
        let working = matches!(driver.transferred(), Transfer::Working(_));
        steps += usize::from(working);
        assert!(!(working && more), "it does not wait to be woken");
    }
    assert_eq!(driver.transferred(), Transfer::Done);
    // Of its own there are 11: it looks, and erases four blocks, writes three parts, ends that, compares, and writes the header. In
    // the others it finds the flash at work.
    assert!(steps > 11, "{steps}");
}

#[test]
fn the_second_half_can_be_the_newer_one() {
    let model = Model::new(SHAPE);
    drop(committed(&model, 0));
    let mut driver = committed(&model, 1);
    let halves = Halves::open(bank(&model).unwrap()).unwrap();
    assert_eq!(halves.selected(), Some(Half::Second));
    assert_eq!(transfer(&mut driver, content(2)), Transfer::Done);
    assert_eq!(in_force(&model), Some(1));
}
