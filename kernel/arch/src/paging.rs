// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's own address space (EL2 stage 1): everything is mapped at its physical address plus
//! [`OFFSET`]. The loader's tables are in memory that is given to users, so the kernel switches to its own at once.

use core::ptr::addr_of_mut;

use crate::layout::{self, OFFSET};
use crate::registers::{instruction, write_register};

#[repr(C, align(4096))]
struct Table([u64; 512]);

static mut LEVEL_0: Table = Table([0; 512]);
static mut LEVEL_1: Table = Table([0; 512]);
/// The gibibyte of the kernel, 0x4000_0000..0x8000_0000.
static mut LEVEL_2: Table = Table([0; 512]);

const GIB: u64 = 1 << 30;
const BLOCK_SIZE: u64 = 1 << 21;

/// Next level's table (Arm ARM D8.3.1).
const TABLE: u64 = 0b11;
/// A block with the access flag (D8.3.2).
const BLOCK: u64 = 0b01 | 1 << 10;
/// XN.
const NEVER_EXECUTE: u64 = 1 << 54;
/// AP[2]: read-only.
const READ_ONLY: u64 = 1 << 7;
/// Attribute 0 of MAIR_EL2: Device-nGnRnE.
const DEVICE: u64 = BLOCK | NEVER_EXECUTE;
/// Attribute 4: Normal write-back, inner shareable.
const NORMAL: u64 = BLOCK | 4 << 2 | 3 << 8;

/// MAIR_EL2: the loader's order of attributes.
const MAIR: u64 = 0xff << 32 | 0x44 << 24 | 0x0c << 16 | 0x04 << 8;

/// VTCR_EL2 (D24.2.194): 40 bits of intermediate address from level 1 (two concatenated tables),
/// write-back inner-shareable walks, 4 KiB, 40 bits of physical address; bit 31 is RES1.
const VTCR: u64 = 1 << 31 | 2 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 1 << 6 | (64 - 40);

/// Builds the tables and switches to them.
pub fn activate() {
    let (level_0, level_1, level_2) = (
        addr_of_mut!(LEVEL_0),
        addr_of_mut!(LEVEL_1),
        addr_of_mut!(LEVEL_2),
    );
    // SAFETY: called once, at boot, before the tables are walked.
    let (root, first, second) = unsafe { (&mut *level_0, &mut *level_1, &mut *level_2) };
    root.0[(OFFSET >> 39) as usize] = physical(level_1) | TABLE;
    first.0[0] = DEVICE;
    first.0[1] = physical(level_2) | TABLE;
    first.0[2] = (2 * GIB) | NORMAL | NEVER_EXECUTE;
    for (entry, address) in second
        .0
        .iter_mut()
        .zip((GIB..).step_by(BLOCK_SIZE as usize))
    {
        let code = (layout::RAM.start..layout::code_end()).contains(&address);
        // RAM below the kernel's share is the users' as device memory: never reached from here.
        *entry = match (code, address >= layout::RAM.start) {
            (true, _) => address | NORMAL | READ_ONLY,
            (false, true) => address | NORMAL | NEVER_EXECUTE,
            (false, false) => 0,
        };
    }
    instruction!("dsb sy");
    // SAFETY: both the old and the new tables map the running code, stack and data at the same
    // place with the same memory type, so that no break-before-make is needed (D8.17.1).
    unsafe {
        write_register!("mair_el2", MAIR);
        write_register!("ttbr0_el2", physical(level_0));
        write_register!("vtcr_el2", VTCR);
    }
    instruction!("isb", "tlbi alle2", "tlbi alle1", "dsb sy", "isb");
}

/// Physical address of something that the kernel was linked with.
pub fn physical<T>(object: *const T) -> u64 {
    object as u64 - OFFSET
}
