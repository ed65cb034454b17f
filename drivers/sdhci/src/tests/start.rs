// SPDX-License-Identifier: BSD-2-Clause
//! From reset to a card that can be used, or the reason why not.

use super::*;

/// Starts the card, as far as it gets.
fn started(fake: &Fake, ring: Ring<'static>, width: Width) -> Result<Card, Error> {
    use molt_block::Device;
    let mut disk = Disk::start(fake.clone(), ring, width, no_pause)?;
    while disk.limits().is_none() {
        assert!(fake.finish(), "the start has come to a halt");
        disk.interrupt()?;
    }
    Ok(*disk.card().unwrap())
}

#[test]
fn a_card_of_high_capacity() {
    let (fake, ring) = fake(|_| ());
    let card = started(&fake, ring, Width::Four).unwrap();
    assert_eq!(
        (card.by_sector, card.sectors, card.protected),
        (true, 2048, false)
    );
    let commands: Vec<u8> = fake.get().log.iter().map(|command| command.0).collect();
    assert_eq!(commands, [0, 8, 55, 41, 55, 41, 55, 41, 2, 3, 9, 7, 55, 6]);
    assert!(fake.get().wide_card);
    // 25 MHz of 100: half the divisor is 2.
    assert_eq!(fake.get().register(CLOCK) & 0xffc0, 2 << 8);
}

#[test]
fn a_card_of_version_1_has_bytes_and_no_command_8() {
    let (fake, ring) = fake(|state| (state.version_2, state.by_sector) = (false, false));
    let card = started(&fake, ring, Width::One).unwrap();
    assert_eq!((card.by_sector, card.sectors), (false, 2048));
    assert!(fake.get().log.contains(&(16, 512)));
    assert!(!fake.get().wide_card);
}

#[test]
fn a_protected_card_is_read_only() {
    use molt_block::Device;
    for protect in [
        |state: &mut fake::State| state.protected = true,
        |state: &mut fake::State| state.present &= !present::WRITABLE,
    ] {
        let machine = Machine::with(protect);
        assert!(machine.driver.device().limits().unwrap().read_only);
    }
}

#[test]
fn what_is_no_such_controller_or_card_is_told() {
    type Spoil = fn(&mut fake::State);
    let cases: [(Spoil, Error); 9] = [
        (|state| state.version = 0, Error::Version(0)),
        (|state| state.version = 3, Error::Version(3)),
        (
            |state| state.capabilities &= !capability::ADMA2,
            Error::NoAdma,
        ),
        (|state| state.capabilities &= !0xff00, Error::Capabilities),
        (
            |state| state.capabilities &= !capability::VOLT_3_3,
            Error::Capabilities,
        ),
        (|state| state.resets = false, Error::Reset),
        (|state| state.stable = false, Error::Clock),
        (|state| state.present = 0, Error::NoCard),
        (|state| state.answers = false, Error::Card(0)),
    ];
    for (spoil, error) in cases {
        let (fake, ring) = fake(spoil);
        assert_eq!(started(&fake, ring, Width::Four), Err(error));
    }
}

#[test]
fn unusable_ring_memory() {
    let start = |words, physical, narrow: bool| {
        let (fake, _) = fake(|state| {
            if narrow {
                state.capabilities &= !capability::ADDRESS_64;
            }
        });
        Disk::start(fake, Ring { words, physical }, Width::One, no_pause).err()
    };
    let enough = words(RING_BYTES / 8);
    assert_eq!(start(enough, RING, false), None);
    assert_eq!(start(&enough[1..], RING, false), Some(Error::Memory));
    assert_eq!(start(enough, RING + 4, false), Some(Error::Memory));
    assert_eq!(start(enough, 1 << 32, false), None);
    assert_eq!(start(enough, (1 << 32) - 8, true), Some(Error::Memory));
}

#[test]
fn the_clock_is_never_faster_than_asked_for() {
    use crate::controller::divisor;
    for (version, bases) in [(1, 1..=63), (2, 1..=255)] {
        for base in bases.map(|mhz| mhz * 1000) {
            for khz in [400, 25_000] {
                let bits = divisor(version, base, khz);
                let half = bits >> 8 & 0xff | (bits >> 6 & 3) << 8;
                assert!(base / (2 * half).max(1) <= khz, "{base} kHz, {half}");
                assert!(version == 2 || half == 0 || half.is_power_of_two() && half <= 0x80);
            }
        }
    }
    assert_eq!(divisor(2, 100_000, 25_000) & clock::CARD, 0);
}
