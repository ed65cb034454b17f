// SPDX-License-Identifier: BSD-2-Clause
//! Leaves EL3, at which a machine with the security extensions and without firmware enters, for EL2. It does only what the
//! kernel expects a firmware to have done. Each core does this for itself.
//! Clauses are of the Arm ARM (DDI 0487 L) and of the GICv2 specification (IHI 0048B).

use core::arch::asm;

use molt_payload::Header;
use molt_shared::Registers;

/// GICD_TYPER (4.3.2), GICD_IGROUPR (4.3.4), GICC_PMR (4.4.2).
const TYPER: usize = 0x004;
const IGROUPR: usize = 0x080;
const PMR: usize = 0x004;
const FRAME: usize = 0x1000;

/// SCR_EL3 (D24.2.131): its RES1 bits, lower levels are non-secure (NS) and AArch64 (RW), hypervisor calls are enabled (HCE),
/// and secure monitor calls, which nothing would serve, are disabled (SMD). Interrupts go to the lower levels.
const SCR: u64 = 0x30 | 1 << 10 | 1 << 8 | 1 << 7 | 1;
/// SPSR_EL3: EL2 with its own stack pointer, everything masked (C5.2.20).
const SPSR: u64 = 0x3c9;
/// SCTLR_EL2: its RES1 bits; MMU and caches off, as an image is entered.
const SCTLR: u64 = 0x30c5_0830;

/// Gives the interrupts and the core to the non-secure side, and starts the loader over, at EL2, from `entry`. `None`: the header
/// does not tell where the interrupt controller is.
pub fn leave(header: &Header, entry: u64) -> Option<core::convert::Infallible> {
    let place = |address: u64| {
        let address = usize::try_from(address)
            .ok()
            .filter(|address| *address != 0)?;
        // SAFETY: the tool puts the board's interrupt controller into the header; the MMU is off, which makes every
        // access a device access. It reaches no memory.
        Some(unsafe { Registers::new(address, FRAME) })
    };
    let distributor = place(header.gic_distributor.get())?;
    let interface = place(header.gic_interface.get())?;
    // ITLinesNumber + 1 groups of 32 interrupts. The first 32 and their register are banked for each core.
    let groups = (distributor.read(TYPER) & 0x1f) as usize + 1;
    for group in 0..groups {
        distributor.write(IGROUPR + 4 * group, u32::MAX);
    }
    // A non-secure write cannot lower a mask that is in the secure half (4.4.2): so it is opened.
    interface.write(PMR, 0xff);
    // SAFETY: EL2 is entered as the machine would enter it if it had no EL3, at one of the loader's entries, which assume
    // nothing of registers and stack.
    unsafe {
        asm!(
            "msr scr_el3, {scr}",
            "msr cptr_el3, xzr",
            "msr mdcr_el3, xzr",
            "msr hcr_el2, xzr",
            "msr sctlr_el2, {sctlr}",
            "msr spsr_el3, {spsr}",
            "msr elr_el3, {entry}",
            "isb",
            "eret",
            entry = in(reg) entry,
            scr = in(reg) SCR,
            sctlr = in(reg) SCTLR,
            spsr = in(reg) SPSR,
            options(noreturn, nostack),
        )
    }
}
