// SPDX-License-Identifier: BSD-2-Clause
//! The EL2 translation tables that the kernel is entered with. Clauses are of the Arm ARM, DDI 0487 L.

use core::arch::asm;
use core::ptr::addr_of_mut;

use molt_payload::{ADDRESS_END, Header};

/// One translation table of the 4 KiB granule (D8.2.4).
#[repr(C, align(4096))]
struct Table([u64; 512]);

static mut LEVEL_0: Table = Table([0; 512]);
/// The first 4 GiB, each address at itself; RAM a second time at [`ALIAS`].
static mut IDENTITY_1: Table = Table([0; 512]);
static mut KERNEL_1: Table = Table([0; 512]);
static mut KERNEL_2: Table = Table([0; 512]);

/// Next level's table (D8.3.1).
const TABLE: u64 = 0b11;
/// A block that may be accessed: AF set, EL2 read-write (AP 0), executable (D8.3.2).
const BLOCK: u64 = 0b01 | 1 << 10;
/// Attribute 0: Device-nGnRnE.
const DEVICE: u64 = BLOCK;
/// Attribute 4: Normal write-back, inner shareable (D8.6.2).
const NORMAL: u64 = BLOCK | 4 << 2 | 3 << 8;

const GIB: u64 = 1 << 30;
/// Where address 0 is mapped a second time, if it is RAM.
pub const ALIAS: u64 = 256 * GIB;
const BLOCK_SIZE: u64 = molt_payload::BLOCK_SIZE;

/// MAIR_EL2 (D24.2.110) in the order that the kernels use: Device-nGnRnE, Device-nGnRE,
/// Device-GRE, Normal non-cacheable, Normal write-back.
const MAIR: u64 = 0xff << 32 | 0x44 << 24 | 0x0c << 16 | 0x04 << 8;

/// TCR_EL2 (D24.2.187): 48 bits of address, walks write-back and inner shareable, granule 4 KiB,
/// 40 bits of physical address; bits 31 and 23 are RES1.
const TCR: u64 = 1 << 31 | 1 << 23 | 2 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | (64 - 48);

/// SCTLR_EL2 (D24.2.162): its RES1 bits, instruction cache (I), data cache (C), MMU (M).
const SCTLR: u64 = 0x30c5_0830 | 1 << 12 | 1 << 2 | 1;

/// Maps devices and RAM at their own addresses and the kernel's window, from its first block to the end of the virtual
/// gibibyte that holds it. The header has been checked.
pub fn make(header: &Header) {
    let (kernel_vaddr, kernel_paddr) = (header.kernel_vaddr.get(), header.kernel_paddr.get());
    let (level_0, identity, kernel_1, kernel_2) = (
        addr_of_mut!(LEVEL_0),
        addr_of_mut!(IDENTITY_1),
        addr_of_mut!(KERNEL_1),
        addr_of_mut!(KERNEL_2),
    );
    // SAFETY: the loader is the only code that runs, only the first core makes tables, and calls this once; they
    // are not walked before the MMU is on.
    let (root, identity_1, window_1, window_2) = unsafe {
        (
            &mut *level_0,
            &mut *identity,
            &mut *kernel_1,
            &mut *kernel_2,
        )
    };

    root.0[0] = identity as u64 | TABLE;
    let ram = header.ram_start.get()..header.ram_end.get();
    for address in (0..ADDRESS_END).step_by(GIB as usize) {
        if address < ram.end && address + GIB > ram.start {
            identity_1.0[index(address, 30)] = address | NORMAL;
            identity_1.0[index(ALIAS + address, 30)] = address | NORMAL;
        } else {
            identity_1.0[index(address, 30)] = address | DEVICE;
        }
    }

    // `check` has seen to it that this is not entry 0, and that the two agree within a block.
    root.0[index(kernel_vaddr, 39)] = kernel_1 as u64 | TABLE;
    window_1.0[index(kernel_vaddr, 30)] = kernel_2 as u64 | TABLE;
    let first = kernel_paddr & !(BLOCK_SIZE - 1);
    for (block, entry) in (0..).zip(&mut window_2.0[index(kernel_vaddr, 21)..]) {
        *entry = (first + block * BLOCK_SIZE) | NORMAL;
    }

    for table in [
        level_0 as u64,
        identity as u64,
        kernel_1 as u64,
        kernel_2 as u64,
    ] {
        for line in (table..table + 4096).step_by(16) {
            // SAFETY: the tables were written with the MMU off, so past the caches (D8.2.12); caches hold nothing of RAM
            // that is dirty (QEMU starts them clean, and so does a reset: D7.5.6), and stale lines of the tables are
            // dropped by address.
            unsafe { asm!("dc ivac, {}", in(reg) line, options(nostack)) };
        }
    }
}

/// Turns the MMU of this core on, with the tables that the first one has made.
pub fn enable() {
    let level_0 = addr_of_mut!(LEVEL_0);
    // SAFETY: the tables map this code, its stack and the UART at their own addresses. Order (D8.16, K11.5): stores to the
    // tables, DSB, old TLB entries, DSB, ISB, then SCTLR, ISB.
    unsafe {
        asm!(
            "dsb sy",
            "msr mair_el2, {mair}",
            "msr tcr_el2, {tcr}",
            "msr ttbr0_el2, {root}",
            "isb",
            "tlbi alle2",
            "ic iallu",
            "dsb sy",
            "isb",
            "msr sctlr_el2, {sctlr}",
            "isb",
            mair = in(reg) MAIR,
            tcr = in(reg) TCR,
            root = in(reg) level_0,
            sctlr = in(reg) SCTLR,
            options(nostack),
        );
    }
}

fn index(vaddr: u64, shift: u32) -> usize {
    (vaddr >> shift & 0x1ff) as usize
}
