// SPDX-License-Identifier: BSD-2-Clause
//! The driver against the model: what the chips say, erase and program, errors, locks, and time-outs.

use molt_cfi_flash::model::{BUFFER_WORDS, Model, Shape};
use molt_cfi_flash::{Bank, Error, Lanes};
use molt_store::{Flash, FlashError, Geometry};

const SHAPE: Shape = Shape {
    block_words: 512,
    blocks: 8,
    buffer: true,
};
/// Bytes of a block of both chips.
const BLOCK: u32 = 2048;
const WINDOW: u64 = 8 * BLOCK as u64;

fn bank(model: &Model) -> Bank<Model, impl Fn() -> u64 + use<>> {
    Bank::new(model.clone(), WINDOW, model.clock()).unwrap()
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 256) as u8).collect()
}

fn content(model: &Model, offset: u32, length: usize) -> Vec<u8> {
    (offset as usize..offset as usize + length)
        .map(|at| model.peek(at))
        .collect()
}

#[test]
fn two_chips_beside_each_other_are_one_bank() {
    let bank = bank(&Model::new(SHAPE));
    assert_eq!(bank.query().lanes, Lanes::Two);
    assert_eq!(bank.query().buffer as usize, 2 * 2 * BUFFER_WORDS);
    let (block_size, blocks) = (BLOCK, 8);
    assert_eq!(bank.geometry(), Geometry { block_size, blocks });
}

#[test]
fn a_bank_that_is_not_this_drivers_is_refused_with_its_reason() {
    let refused = |word, value| {
        let model = Model::new(SHAPE);
        model.answer(word, value);
        Bank::new(model.clone(), WINDOW, model.clock()).err()
    };
    assert_eq!(refused(0x10, 0), Some(Error::ChipsDiffer(0x11)));
    assert_eq!(refused(0x10, 0x52), Some(Error::NoChip(0x52_0051)));
    assert_eq!(refused(0x13, 2), Some(Error::ChipsDiffer(0x13)));
    assert_eq!(refused(0x2d, 6), Some(Error::ChipsDiffer(0x2d)));
    let model = Model::new(SHAPE);
    let small = Bank::new(model.clone(), WINDOW - 1, model.clock());
    assert_eq!(small.err(), Some(Error::Window(WINDOW)));
}

#[test]
fn what_was_programmed_is_read_at_every_offset_and_length() {
    for buffer in [true, false] {
        for (offset, length) in [
            (0, 4),
            (4, 124),
            (120, 12),
            (128, 128),
            (252, 1024),
            (2040, 16),
        ] {
            let model = Model::new(Shape { buffer, ..SHAPE });
            let mut bank = bank(&model);
            let data = bytes(length);
            bank.program(offset, &data).unwrap();
            let mut back = vec![0; length];
            bank.read(offset, &mut back).unwrap();
            assert_eq!(back, data, "{offset} {length}");
            assert_eq!(content(&model, offset, length), data);
            assert_eq!(model.peek(offset as usize + length), 0xff);
        }
    }
}

#[test]
fn an_erase_is_of_one_block() {
    let model = Model::new(SHAPE);
    let mut bank = bank(&model);
    bank.program(BLOCK - 4, &[0; 12]).unwrap();
    bank.program(2 * BLOCK, &[0; 4]).unwrap();
    bank.erase(BLOCK).unwrap();
    bank.flush().unwrap();
    assert_eq!(
        content(&model, BLOCK - 4, 12),
        [0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]
    );
    assert_eq!(content(&model, 2 * BLOCK, 4), [0; 4]);
}

#[test]
fn the_array_is_never_read_while_the_chips_answer_with_their_status() {
    let model = Model::new(SHAPE);
    let mut bank = bank(&model);
    let data = bytes(64);
    bank.program(0, &data).unwrap();
    let mut back = [0; 64];
    for offset in [BLOCK, 2 * BLOCK, 3 * BLOCK] {
        // The erase is under way when this returns; the read waits for it, and puts the chips back.
        bank.erase(offset).unwrap();
        bank.read(0, &mut back).unwrap();
        assert_eq!(back[..], data);
        bank.program(offset, &data).unwrap();
        bank.read(offset, &mut back).unwrap();
        assert_eq!(back[..], data);
    }
}

#[test]
fn an_operation_is_done_when_flush_returns() {
    let model = Model::new(SHAPE);
    let mut bank = bank(&model);
    bank.program(0, &bytes(64)).unwrap();
    assert_ne!(
        content(&model, 0, 64),
        bytes(64),
        "the model is not slow enough for this test"
    );
    bank.flush().unwrap();
    assert_eq!(content(&model, 0, 64), bytes(64));
}

#[test]
fn what_a_chip_reports_is_reported_once() {
    let reports = [
        (1 << 4, FlashError::Program),
        (1 << 5, FlashError::Erase),
        (1 << 3 | 1 << 4, FlashError::Voltage),
    ];
    for (bits, error) in reports {
        let model = Model::new(SHAPE);
        let mut bank = bank(&model);
        model.fail_with(bits);
        bank.program(0, &[0; 4]).unwrap();
        assert_eq!(bank.flush(), Err(error));
        model.fail_with(0);
        assert_eq!(bank.flush(), Ok(()));
        bank.program(4, &[0; 4]).unwrap();
        assert_eq!(bank.flush(), Ok(()));
    }
}

#[test]
fn a_chip_that_is_never_ready_is_waited_for_until_its_deadline() {
    let model = Model::new(SHAPE);
    let mut bank = bank(&model);
    model.hang();
    bank.program(0, &[0; 4]).unwrap();
    assert_eq!(bank.flush(), Err(FlashError::TimedOut));
    assert_eq!(bank.read(0, &mut [0; 4]), Err(FlashError::TimedOut));
}

#[test]
fn a_locked_block_is_unlocked() {
    let model = Model::new(SHAPE);
    model.lock();
    let mut bank = bank(&model);
    bank.erase(0).unwrap();
    bank.program(4, &bytes(8)).unwrap();
    bank.program(BLOCK, &bytes(8)).unwrap();
    bank.flush().unwrap();
    assert_eq!(content(&model, 4, 8), bytes(8));
    assert_eq!(content(&model, BLOCK, 8), bytes(8));
}

#[test]
fn nothing_outside_the_bank_or_between_words_is_reached() {
    let mut bank = bank(&Model::new(SHAPE));
    let end = 8 * BLOCK;
    assert_eq!(bank.read(end - 4, &mut [0; 8]), Err(FlashError::Outside));
    assert_eq!(bank.read(2, &mut [0; 4]), Err(FlashError::Outside));
    assert_eq!(bank.program(0, &[0; 3]), Err(FlashError::Outside));
    assert_eq!(
        bank.program(u32::MAX - 3, &[0; 4]),
        Err(FlashError::Outside)
    );
    assert_eq!(bank.erase(end), Err(FlashError::Outside));
    assert_eq!(bank.erase(4), Err(FlashError::Outside));
}
