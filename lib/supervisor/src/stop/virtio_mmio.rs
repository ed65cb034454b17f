// SPDX-License-Identifier: BSD-2-Clause
//! virtio-mmio (virtio 1.2, 4.2.2): writes 0 to the status. When it reads as 0, the device accesses no memory any more (2.1.2,
//! 2.4.2).

use molt_shared::Mmio;

use super::READS;

/// Magic value, device ID, status; transports on one page of QEMU's virt.
const MAGIC: usize = 0x000;
const DEVICE_ID: usize = 0x008;
const STATUS: usize = 0x070;
const TRANSPORT: usize = 0x200;
const TRANSPORTS: usize = 8;
const VIRT: u32 = u32::from_le_bytes(*b"virt");

pub fn stop(registers: &impl Mmio) {
    for base in transports(registers) {
        registers.write(base + STATUS, 0);
    }
}

pub fn stopped(registers: &impl Mmio) -> bool {
    transports(registers).all(|base| (0..READS).any(|_| registers.read(base + STATUS) == 0))
}

/// The transports on the page that have a device. They all belong to this component, because a page has one owner.
fn transports(registers: &impl Mmio) -> impl Iterator<Item = usize> {
    (0..TRANSPORTS).map(|n| n * TRANSPORT).filter(|base| {
        registers.read(base + MAGIC) == VIRT && registers.read(base + DEVICE_ID) != 0
    })
}
