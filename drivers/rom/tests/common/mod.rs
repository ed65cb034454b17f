// SPDX-License-Identifier: BSD-2-Clause
//! A ROM's driver on a model of its flash.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;

use molt_cfi_flash::Bank;
use molt_cfi_flash::model::{Model, Random, Shape};
use molt_rom::{LABEL, Label};
use molt_rom_driver::{Driver, Failure, Half, Halves, Service};
use molt_shared::{Memory, Mmio};
use molt_store::Flash;

/// Two halves of 16 KiB, of 8 blocks.
pub const SHAPE: Shape = Shape {
    block_words: 512,
    blocks: 16,
    buffer: true,
};
pub const HALF: usize = 0x4000;
/// Where the content of a half begins.
pub const AREA: usize = 0x1000;
/// Bytes of the clients' memory.
pub const MEMORY: usize = 0x1000;

/// The contents of versions 0 to 3: of several lengths, most of them no whole words.
static CONTENTS: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| {
    let content = |version: usize| {
        let mut random = Random::new(version as u64 + 77);
        let length = 3001 - 250 * version;
        (0..length).map(|_| random.draw() as u8).collect()
    };
    std::array::from_fn(content)
});

/// The content of a version.
pub fn content(version: usize) -> &'static [u8] {
    &CONTENTS[version]
}

pub fn bank(model: &Model) -> Result<Bank<impl Mmio + use<>, impl Fn() -> u64 + use<>>, Failure> {
    Bank::new(model.clone(), 2 * HALF as u64, model.clock()).map_err(|_| Failure::NoFlash)
}

thread_local! {
    /// The clients' memory, which no generation but the one that has it reads.
    static WORDS: &'static [AtomicU64] = {
        let words: Vec<_> = (0..MEMORY / 8).map(|_| AtomicU64::new(0)).collect();
        words.leak()
    };
}

pub fn memory() -> Memory {
    Memory::of(WORDS.with(|words| *words))
}

/// A generation of a version that is not ready yet.
pub fn generation(
    model: &Model,
    version: usize,
    number: u64,
) -> Result<Driver<impl Flash + use<>>, Failure> {
    Driver::new(bank(model)?, content(version), memory(), number)
}

/// Starts a generation of a version: it is asked again, as `update` wakes it, until it is ready.
pub fn start(
    model: &Model,
    version: usize,
    number: u64,
) -> Result<Driver<impl Flash + use<>>, Failure> {
    let mut driver = generation(model, version, number)?;
    for _ in 0..10_000 {
        if driver.ready()? {
            return Ok(driver);
        }
    }
    panic!("never ready");
}

/// Makes it do all that it has to do at once, as at a notification, `times` times.
pub fn pump(driver: &mut impl Service<Error = Failure>, times: usize) -> Result<(), Failure> {
    for _ in 0..times {
        while driver.pump()?.more {}
    }
    Ok(())
}

/// Checks that the clients' memory has a version, whole, and says so.
pub fn check_memory(version: usize, number: u64) {
    let mut bytes = vec![0; MEMORY];
    memory().read(0, &mut bytes).unwrap();
    let (rest, label) = bytes.split_last_chunk::<LABEL>().unwrap();
    let label = Label::parse(label).expect("a label");
    let wanted = content(version);
    assert_eq!(label.generation, number);
    assert_eq!(label.length, wanted.len() as u64);
    let (content, behind) = rest.split_at(wanted.len());
    assert!(content == wanted, "not the content of version {version}");
    assert!(behind.iter().all(|byte| *byte == 0xff), "what is behind it");
}

/// The content that is in force, as whoever reads the flash at a start finds it; `None`: there is none.
pub fn in_force(model: &Model) -> Option<usize> {
    let mut halves = Halves::open(bank(model).expect("the flash")).expect("two halves");
    let half = halves.in_force().expect("no error")?;
    let header = halves.header(half).expect("a header");
    let start = AREA + if half == Half::First { 0 } else { HALF };
    let bytes: Vec<u8> = (0..header.length as usize)
        .map(|n| model.peek(start + n))
        .collect();
    let version = (0..4).find(|version| content(*version) == bytes);
    Some(version.expect("a content that is no version's"))
}
