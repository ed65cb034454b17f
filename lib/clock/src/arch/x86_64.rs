// SPDX-License-Identifier: BSD-2-Clause
//! The time stamp counter, which the kernel leaves to user programs (CR4.TSD is 0).

use core::arch::asm;

use crate::{Frequency, Ticks, told};

/// The counter now. LFENCE keeps the read from being made earlier (Intel SDM, volume 2, RDTSC).
pub fn now() -> Ticks {
    let (low, high): (u32, u32);
    // SAFETY: reads a counter; no memory is touched.
    unsafe {
        asm!("lfence", "rdtsc", out("eax") low, out("edx") high, options(nostack, preserves_flags));
    }
    Ticks(u64::from(high) << 32 | u64::from(low))
}

/// Whether the local APIC's timer can interrupt at a value of this counter (CPUID leaf 1, ECX bit 24: TSC-Deadline Mode).
pub fn has_deadline_mode() -> bool {
    let features: u32;
    // SAFETY: CPUID changes these four registers only, and RBX, which the compiler keeps for itself, gets its value back.
    unsafe {
        asm!("mov {kept}, rbx", "cpuid", "mov rbx, {kept}", kept = out(reg) _,
            inout("eax") 1 => _, inout("ecx") 0 => features, out("edx") _, options(nomem, nostack, preserves_flags));
    }
    features & 1 << 24 != 0
}

/// Marks the beginning of a measurement for QEMU's plugin (`tools/qemu-plugin`), with an instruction that does nothing: a NOP of
/// four bytes with a displacement that no compiler gives it (Intel SDM, volume 2, NOP: the operand is not accessed).
pub fn mark_begin() {
    // SAFETY: it does nothing.
    unsafe {
        asm!(
            "nop dword ptr [rax + 112]",
            options(nomem, nostack, preserves_flags)
        )
    };
}

/// Marks the end of a measurement.
pub fn mark_end() {
    // SAFETY: as above.
    unsafe {
        asm!(
            "nop dword ptr [rax + 113]",
            options(nomem, nostack, preserves_flags)
        )
    };
}

/// What the program was told: no register of the processor says it on every machine. 1 GHz before that.
pub(crate) fn frequency() -> Frequency {
    told::frequency().unwrap_or(Frequency::ONE_GHZ)
}
