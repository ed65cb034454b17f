// SPDX-License-Identifier: BSD-2-Clause
//! Guests' drivers that break the rules. Whatever is in the queue, the VMM continues, the driver PD gets no request outside
//! the guest's memory or disk, and after a reset the disk works.

mod common;

use std::time::Duration;

use common::{BASE, Rig, SECTORS, SIZE};
use molt_vmm::{Next, Width, machine};
use proptest::prelude::*;

const TABLE: usize = 0x1000;
const AVAILABLE: usize = 0x2000;
const USED: usize = 0x3000;
const INDIRECT: usize = 0x4000;
const DATA: usize = 0x8000;
const ENTRIES: u16 = 8;

const STATUS: u64 = 0x70;
const NEEDS_RESET: u32 = 64;

fn reg(offset: u64) -> u64 {
    machine::VIRTIO + offset
}

/// Resets the device and brings it up with the queue in place, all of its memory cleared.
fn bring_up(rig: &mut Rig) {
    bring_up_without(rig, 0);
}

/// The same, without these of the features 0 to 31.
fn bring_up_without(rig: &mut Rig, features: u32) {
    let without = [features, 0];
    assert_eq!(rig.write(reg(STATUS), Width::Word, 0), Next::Run);
    assert_eq!(rig.get(reg(STATUS)), 0);
    rig.memory.write(0, &[0; DATA]).unwrap();
    for status in [1, 3] {
        rig.set(reg(STATUS), status);
    }
    // Everything that is offered, in two halves.
    for half in 0..2 {
        rig.set(reg(0x14), half);
        let features = rig.get(reg(0x10)) & !without[half as usize];
        rig.set(reg(0x24), half);
        rig.set(reg(0x20), features);
    }
    rig.set(reg(STATUS), 11);
    rig.set(reg(0x38), ENTRIES.into());
    for (register, offset) in [(0x80, TABLE), (0x90, AVAILABLE), (0xa0, USED)] {
        rig.set(reg(register), BASE as u32 + offset as u32);
    }
    rig.set(reg(0x44), 1);
    rig.set(reg(STATUS), 15);
    assert_eq!(rig.get(reg(STATUS)), 15);
}

#[derive(Clone, Copy, Debug)]
struct Descriptor {
    address: u64,
    length: u32,
    flags: u16,
    next: u16,
}

fn store(rig: &Rig, table: usize, index: usize, descriptor: Descriptor) {
    let at = table + 16 * index;
    rig.memory.store_u64(at, descriptor.address).unwrap();
    rig.memory.store_u32(at + 8, descriptor.length).unwrap();
    rig.memory.store_u16(at + 12, descriptor.flags).unwrap();
    rig.memory.store_u16(at + 14, descriptor.next).unwrap();
}

fn make_available(rig: &Rig, slot: usize, head: u16, index: u16) {
    rig.memory
        .store_u16(AVAILABLE + 4 + 2 * slot, head)
        .unwrap();
    rig.memory.store_u16(AVAILABLE + 2, index).unwrap();
}

fn header(rig: &Rig, offset: usize, operation: u32, sector: u64) {
    rig.memory.store_u32(offset, operation).unwrap();
    rig.memory.store_u64(offset + 8, sector).unwrap();
}

/// A request that keeps to the rules, in slot 0 of a fresh queue. Returns its status byte, if it was answered.
fn read_sector(rig: &mut Rig, sector: u64) -> Option<u8> {
    let at = |offset: usize| BASE + offset as u64;
    header(rig, DATA, 0, sector);
    rig.memory.store_u8(DATA + 0x1000, 0xff).unwrap();
    store(
        rig,
        TABLE,
        0,
        Descriptor {
            address: at(DATA),
            length: 16,
            flags: 1,
            next: 1,
        },
    );
    store(
        rig,
        TABLE,
        1,
        Descriptor {
            address: at(DATA + 512),
            length: 512,
            flags: 3,
            next: 2,
        },
    );
    store(
        rig,
        TABLE,
        2,
        Descriptor {
            address: at(DATA + 0x1000),
            length: 1,
            flags: 2,
            next: 0,
        },
    );
    make_available(rig, 0, 0, 1);
    rig.set(reg(0x50), 0);
    rig.drive();
    (rig.memory.load_u16(USED + 2) == Some(1)).then(|| rig.memory.load_u8(DATA + 0x1000).unwrap())
}

fn descriptor() -> impl Strategy<Value = Descriptor> {
    let address = prop_oneof![
        4 => (0..SIZE as u64).prop_map(|offset| BASE + offset),
        2 => Just(BASE + DATA as u64),
        1 => Just(BASE + INDIRECT as u64),
        1 => any::<u64>(),
        1 => Just(u64::MAX - 8),
    ];
    let length = prop_oneof![
        Just(1_u32),
        Just(16),
        Just(17),
        Just(512),
        Just(1024),
        Just(0),
        Just(64),
        Just(0xffff_fe00),
        any::<u32>()
    ];
    let flags = prop_oneof![6 => 0..4_u16, 2 => 4..8_u16, 1 => any::<u16>()];
    let next = prop_oneof![8 => 0..ENTRIES, 1 => any::<u16>()];
    (address, length, flags, next).prop_map(|(address, length, flags, next)| Descriptor {
        address,
        length,
        flags,
        next,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_queue_gets_an_answer_or_breaks_the_device(
        table in prop::collection::vec(descriptor(), ENTRIES as usize),
        indirect in prop::collection::vec(descriptor(), ENTRIES as usize),
        heads in prop::collection::vec(prop_oneof![8 => 0..ENTRIES, 1 => any::<u16>()], ENTRIES as usize),
        index in prop_oneof![8 => 1..=ENTRIES, 1 => any::<u16>()],
        operation in prop_oneof![Just(0_u32), Just(1), Just(4), Just(8), Just(11), Just(13), any::<u32>()],
        sector in prop_oneof![0..SECTORS + 2, any::<u64>()],
    ) {
        let mut rig = Rig::new();
        bring_up(&mut rig);
        for (n, descriptor) in table.into_iter().enumerate() {
            store(&rig, TABLE, n, descriptor);
        }
        for (n, descriptor) in indirect.into_iter().enumerate() {
            store(&rig, INDIRECT, n, descriptor);
        }
        header(&rig, DATA, operation, sector);
        for (slot, head) in heads.into_iter().enumerate() {
            make_available(&rig, slot, head, index);
        }
        rig.set(reg(0x50), 0);
        rig.drive();
        let used = rig.memory.load_u16(USED + 2).unwrap();
        let broken = rig.get(reg(STATUS)) & NEEDS_RESET != 0;
        // The device may have been told to write over its own used ring; then only its being alive counts.
        let told_to_write = operation == 0 || operation == 8;
        prop_assert!(broken || used == index || told_to_write, "{} of {} answered", used, index);
        bring_up(&mut rig);
        prop_assert_eq!(read_sector(&mut rig, 3), Some(0));
    }

    #[test]
    fn any_register_access_is_survived(
        accesses in prop::collection::vec((0..0x200_u64, 0..4_u8, any::<bool>(), prop_oneof![any::<u32>(), 0..16_u32]), 1..100),
    ) {
        let mut rig = Rig::new();
        for (offset, width, write, value) in accesses {
            let width = [Width::Byte, Width::Half, Width::Word, Width::Word][usize::from(width)];
            let address = reg(offset / width as u64 * width as u64);
            if write {
                rig.write(address, width, value.into());
            } else {
                rig.read(address, width);
            }
            rig.drive();
        }
        bring_up(&mut rig);
        prop_assert_eq!(read_sector(&mut rig, 3), Some(0));
    }
}

/// How a request deviates from a good one.
type Deviation = fn(&Rig);

/// Fills a queue with requests that read a sector, each a chain of three descriptors: every entry of the available ring
/// names the one at the start of the table, and one is available. The same descriptors stand in the indirect table, and
/// beyond the eight of the queue's table.
fn good_queue(rig: &Rig) {
    header(rig, DATA, 0, 3);
    let chain = [
        (DATA, 16, NEXT),
        (DATA + 512, 512, WRITE | NEXT),
        (DATA + 0x1000, 1, WRITE),
    ];
    for table in [TABLE, TABLE + 16 * usize::from(ENTRIES), INDIRECT] {
        for (n, (offset, length, flags)) in chain.into_iter().enumerate() {
            let descriptor = Descriptor {
                address: BASE + offset as u64,
                length,
                flags,
                next: n as u16 + 1,
            };
            store(rig, table, n, descriptor);
        }
    }
    make_available(rig, 0, 0, 1);
}

/// What a good queue with this deviation leads to: whether the device is broken, and how many requests were answered.
fn led_to(deviation: Deviation) -> (bool, u64) {
    // The VMM must come to an end, whatever it is given.
    let (done, result) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut rig = Rig::new();
        bring_up(&mut rig);
        good_queue(&rig);
        deviation(&rig);
        rig.set(reg(0x50), 0);
        rig.drive();
        let status = rig.get(reg(STATUS));
        let broken = status & NEEDS_RESET != 0;
        assert_eq!(status & !NEEDS_RESET, 15);
        let told = if broken { 2 } else { 1 };
        assert_eq!(
            rig.get(reg(0x60)),
            told,
            "a broken device tells by a configuration change"
        );
        let _ = done.send((broken, rig.statistics().requests));
    });
    result
        .recv_timeout(Duration::from_secs(20))
        .expect("it does not come to an end")
}

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT_TABLE: u16 = 4;

/// The first descriptor names the indirect table, which has `length` bytes.
fn indirect(rig: &Rig, length: u32, flags: u16) {
    let address = BASE + INDIRECT as u64;
    let flags = INDIRECT_TABLE | flags;
    store(
        rig,
        TABLE,
        0,
        Descriptor {
            address,
            length,
            flags,
            next: 1,
        },
    );
}

/// Changes a descriptor that stands there.
fn change(rig: &Rig, table: usize, index: usize, flags: u16, next: u16) {
    let at = table + 16 * index;
    rig.memory.store_u16(at + 12, flags).unwrap();
    rig.memory.store_u16(at + 14, next).unwrap();
}

#[test]
fn a_queue_that_keeps_to_the_rules_is_served() {
    assert_eq!(led_to(|_| ()), (false, 1));
    assert_eq!(led_to(|rig| indirect(rig, 48, 0)), (false, 1));
    // 2.7.5.3.1: the device ignores WRITE beside INDIRECT.
    assert_eq!(led_to(|rig| indirect(rig, 48, WRITE)), (false, 1));
    assert_eq!(led_to(|rig| make_available(rig, 0, 0, 8)), (false, 8));
}

#[test]
fn a_jump_of_the_available_index_breaks_the_device() {
    for deviation in [(|rig| make_available(rig, 0, 0, 9)) as Deviation, |rig| {
        make_available(rig, 0, 0, 0xffff)
    }] {
        assert_eq!(led_to(deviation), (true, 0));
    }
}

#[test]
fn a_descriptor_index_beyond_its_table_breaks_the_device() {
    for deviation in [
        (|rig| make_available(rig, 0, ENTRIES, 1)) as Deviation,
        |rig| change(rig, TABLE, 0, NEXT, ENTRIES + 1),
        |rig| indirect(rig, 32, 0),
    ] {
        assert_eq!(led_to(deviation), (true, 0));
    }
}

#[test]
fn a_loop_in_a_table_breaks_the_device() {
    for deviation in [
        (|rig| change(rig, TABLE, 2, WRITE | NEXT, 2)) as Deviation,
        |rig| {
            indirect(rig, 48, 0);
            change(rig, INDIRECT, 2, WRITE | NEXT, 1);
        },
    ] {
        assert_eq!(led_to(deviation), (true, 0));
    }
}

#[test]
fn an_indirect_table_inside_an_indirect_table_breaks_the_device() {
    let nested = |rig: &Rig| {
        indirect(rig, 48, 0);
        let address = BASE + INDIRECT as u64;
        let inner = Descriptor {
            address,
            length: 48,
            flags: INDIRECT_TABLE,
            next: 0,
        };
        store(rig, INDIRECT, 0, inner);
    };
    assert_eq!(led_to(nested), (true, 0));
}

#[test]
fn an_indirect_table_of_a_wrong_size_or_in_front_of_another_buffer_breaks_the_device() {
    for deviation in [
        (|rig| indirect(rig, 0, 0)) as Deviation,
        |rig| indirect(rig, 56, 0),
        |rig| indirect(rig, 16 * 257, 0),
        |rig| indirect(rig, 48, NEXT),
    ] {
        assert_eq!(led_to(deviation), (true, 0));
    }
}

#[test]
fn an_indirect_table_that_was_not_negotiated_breaks_the_device() {
    const INDIRECT_DESC: u32 = 1 << 28;
    let mut rig = Rig::new();
    for (without, broken) in [(0, 0), (INDIRECT_DESC, NEEDS_RESET)] {
        bring_up_without(&mut rig, without);
        good_queue(&rig);
        indirect(&rig, 48, 0);
        rig.set(reg(0x50), 0);
        rig.drive();
        assert_eq!(rig.get(reg(STATUS)), 15 | broken);
    }
}

#[test]
fn a_readable_buffer_behind_a_writable_one_breaks_the_device() {
    let deviation: Deviation = |rig| {
        change(rig, TABLE, 1, WRITE | NEXT, 3);
        let address = BASE + DATA as u64;
        let readable = Descriptor {
            address,
            length: 16,
            flags: NEXT,
            next: 2,
        };
        store(rig, TABLE, 3, readable);
    };
    assert_eq!(led_to(deviation), (true, 0));
}

#[test]
fn too_many_segments_and_foreign_memory_are_an_error_of_the_request() {
    let mut rig = Rig::new();
    bring_up(&mut rig);
    let at = |offset: usize| BASE + offset as u64;
    header(&rig, DATA, 1, 0);
    store(
        &rig,
        TABLE,
        0,
        Descriptor {
            address: at(DATA),
            length: 16,
            flags: 1,
            next: 1,
        },
    );
    store(
        &rig,
        TABLE,
        1,
        Descriptor {
            address: at(INDIRECT),
            length: 16 * 128,
            flags: 4,
            next: 0,
        },
    );
    // Data segments that fill an indirect table, with the status at its end, behind the header: one too many.
    for n in 0..127 {
        store(
            &rig,
            INDIRECT,
            n,
            Descriptor {
                address: at(DATA + 512 * n),
                length: 512,
                flags: 1,
                next: n as u16 + 1,
            },
        );
    }
    store(
        &rig,
        INDIRECT,
        127,
        Descriptor {
            address: at(DATA + 0x1_0000),
            length: 1,
            flags: 2,
            next: 0,
        },
    );
    make_available(&rig, 0, 1, 1);
    rig.set(reg(0x50), 0);
    assert_eq!(rig.memory.load_u16(USED + 2), Some(1));
    assert_eq!(
        rig.memory.load_u8(DATA + 0x1_0000),
        Some(1),
        "VIRTIO_BLK_S_IOERR"
    );
    assert_eq!(rig.get(reg(STATUS)), 15);

    bring_up(&mut rig);
    store(
        &rig,
        TABLE,
        0,
        Descriptor {
            address: at(DATA),
            length: 16,
            flags: 1,
            next: 1,
        },
    );
    store(
        &rig,
        TABLE,
        1,
        Descriptor {
            address: BASE + SIZE as u64 - 256,
            length: 512,
            flags: 1,
            next: 2,
        },
    );
    store(
        &rig,
        TABLE,
        2,
        Descriptor {
            address: at(DATA + 0x1_0000),
            length: 1,
            flags: 2,
            next: 0,
        },
    );
    make_available(&rig, 0, 0, 1);
    rig.set(reg(0x50), 0);
    assert_eq!(rig.memory.load_u8(DATA + 0x1_0000), Some(1));
    assert_eq!(
        rig.fake.driver, 1,
        "nothing but the first opening was ever passed on"
    );
}

#[test]
fn as_many_segments_as_are_offered_are_one_request() {
    let mut rig = Rig::new();
    bring_up(&mut rig);
    // seg_max (5.2.4), of which Linux makes use.
    let segments = rig.get(reg(0x100 + 12)) as usize;
    assert!(
        segments > 64,
        "two stretches of 128 KiB in scattered pages are one request"
    );
    header(&rig, DATA, 1, 0);
    indirect(&rig, 16 * (segments as u32 + 2), 0);
    for n in 0..segments + 2 {
        let status = n == segments + 1;
        store(
            &rig,
            INDIRECT,
            n,
            Descriptor {
                address: BASE + (DATA + 512 * n) as u64,
                length: match n {
                    0 => 16,
                    _ if status => 1,
                    _ => 512,
                },
                flags: if status { WRITE } else { NEXT },
                next: n as u16 + 1,
            },
        );
    }
    let status = DATA + 512 * (segments + 1);
    rig.memory.store_u8(status, 0xff).unwrap();
    make_available(&rig, 0, 0, 1);
    rig.set(reg(0x50), 0);
    rig.drive();
    assert_eq!(rig.memory.load_u16(USED + 2), Some(1));
    assert_eq!(rig.memory.load_u8(status), Some(0), "VIRTIO_BLK_S_OK");
}

#[test]
fn a_reset_waits_for_requests_in_flight_and_their_answers_are_dropped() {
    let mut rig = Rig::new();
    bring_up(&mut rig);
    rig.slow = true;
    assert_eq!(read_sector(&mut rig, 1), None);
    assert_eq!(rig.warden.account(0).owed, 1);
    assert_eq!(
        rig.write(reg(STATUS), Width::Word, 0),
        Next::Wait,
        "the vCPU waits in its store"
    );
    assert!(!rig.poll());
    rig.finish();
    assert!(rig.poll(), "the old request is over, and so is the reset");
    assert_eq!(rig.get(reg(STATUS)), 0);
    assert_eq!(
        rig.memory.load_u16(USED + 2),
        Some(0),
        "no answer from the old life"
    );
    let status = rig.memory.load_u8(DATA + 0x1000);
    assert_eq!((status, rig.statistics().requests), (Some(0xff), 0));
    rig.slow = false;
    bring_up(&mut rig);
    assert_eq!(read_sector(&mut rig, 1), Some(0));
}

#[test]
fn features_that_were_not_offered_are_not_accepted() {
    let mut rig = Rig::new();
    rig.set(reg(STATUS), 3);
    rig.set(reg(0x24), 0);
    rig.set(reg(0x20), 1 << 12);
    rig.set(reg(0x24), 1);
    rig.set(reg(0x20), 1);
    rig.set(reg(STATUS), 11);
    assert_eq!(rig.get(reg(STATUS)), 3, "FEATURES_OK does not stay");
    rig.set(reg(STATUS), 7);
    assert_eq!(rig.get(reg(STATUS)), 3, "nor does DRIVER_OK without it");
}
