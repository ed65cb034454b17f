// SPDX-License-Identifier: BSD-2-Clause
//! The first thread's image may be as large as the root CNode has slots for, as on the real kernel.

use core::slice;

use crate::{
    boot_input::{BootError, BootInput},
    kernel::Kernel,
    tests::fake::Fake,
};

const IMAGE: u64 = 0x6040_0000;

fn boot(bytes: u64) -> Result<Kernel<Fake>, BootError> {
    let ram = IMAGE + bytes..0xbe00_0000;
    Kernel::boot(
        Fake::default(),
        &BootInput {
            ram: slice::from_ref(&ram),
            device: &[],
            image: IMAGE..IMAGE + bytes,
            image_vaddr: 0x20_0000,
            entry: 0x20_0000,
            irq_count: 160,
            reserved_irqs: &[25, 26, 27],
        },
    )
}

/// Three Linux guests' kernels and file systems are 88 MiB.
#[test]
fn an_image_of_many_guests_is_booted() {
    assert!(boot(88 << 20).is_ok());
    assert!(boot(400 << 20).is_ok());
}

#[test]
fn an_image_with_more_pages_than_slots_is_refused() {
    assert_eq!(boot(512 << 20).err(), Some(BootError::NoSlots));
    // The frames have slots, the untypeds behind them have none.
    assert_eq!(
        boot((512 << 20) - (260 << 12)).err(),
        Some(BootError::NoSlots)
    );
    assert_eq!(boot(0).err(), Some(BootError::BadImage));
}
