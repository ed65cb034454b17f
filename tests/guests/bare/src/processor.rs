// SPDX-License-Identifier: BSD-2-Clause
//! The processor's own: virtual counter, waiting, PSCI.

use core::arch::asm;

/// The virtual counter in ticks (Arm ARM D12.2.1; the `isb` keeps the read in its place).
pub fn ticks() -> u64 {
    let value: u64;
    // SAFETY: reads a counter.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) value, options(nomem, nostack)) };
    value
}

/// Ticks as nanoseconds.
pub fn nanoseconds(ticks: u64) -> u64 {
    let frequency: u64;
    // SAFETY: reads a constant register.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) frequency, options(nomem, nostack)) };
    let nanoseconds = u128::from(ticks) * 1_000_000_000 / u128::from(frequency.max(1));
    u64::try_from(nanoseconds).unwrap_or(u64::MAX)
}

/// Sets the virtual timer to fire `milliseconds` from now (Arm ARM D13.11).
pub fn set_timer(milliseconds: u64) {
    let frequency: u64;
    // SAFETY: reads a constant register.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) frequency, options(nomem, nostack)) };
    let at = ticks().saturating_add(frequency / 1000 * milliseconds);
    // SAFETY: the timer does nothing but raise its interrupt.
    unsafe {
        asm!("msr cntv_cval_el0, {}", "msr cntv_ctl_el0, {}", "isb", in(reg) at, in(reg) 1_u64, options(nomem, nostack))
    };
}

/// Turns the virtual timer off.
pub fn stop_timer() {
    // SAFETY: as above.
    unsafe { asm!("msr cntv_ctl_el0, xzr", "isb", options(nomem, nostack)) };
}

/// This processor's number (MPIDR_EL1.Aff0).
pub fn number() -> u64 {
    let value: u64;
    // SAFETY: reads a constant register.
    unsafe { asm!("mrs {}, mpidr_el1", out(reg) value, options(nomem, nostack)) };
    value & 0xff
}

/// Where another processor starts.
pub fn secondary_entry() -> u64 {
    unsafe extern "C" {
        safe static secondary_start: u8;
    }
    core::ptr::from_ref(&secondary_start).addr() as u64
}

/// A PSCI call. Returns its result.
fn call(function: u64, arguments: [u64; 3]) -> i64 {
    let [x1, x2, x3] = arguments;
    let mut x0 = function;
    // SAFETY: what another processor does is in this program; the call changes X0 to X17 (SMCCC).
    unsafe {
        asm!("dsb sy", "smc #0", inout("x0") x0, inout("x1") x1 => _, inout("x2") x2 => _, inout("x3") x3 => _, clobber_abi("C"), options(nostack))
    };
    x0 as i64
}

/// PSCI CPU_ON (Arm DEN 0022, 5.6).
pub fn turn_on(number: u64, entry: u64, x0: u64) -> i64 {
    call(0xc400_0003, [number, entry, x0])
}

/// PSCI AFFINITY_INFO (5.7): 0 on, 1 off.
pub fn affinity_info(number: u64) -> i64 {
    call(0xc400_0004, [number, 0, 0])
}

/// PSCI CPU_OFF (5.5).
pub fn turn_off() -> ! {
    call(0x8400_0002, [0; 3]);
    loop {
        wait_for_interrupt();
    }
}

/// Waits for an interrupt; a pending one ends it though interrupts are masked (Arm ARM D1.6).
pub fn wait_for_interrupt() {
    // SAFETY: waits.
    unsafe { asm!("dsb sy", "wfi", options(nostack)) };
}

/// PSCI SYSTEM_RESET (Arm DEN 0022, 5.11). It comes back only if it is refused.
pub fn system_reset() {
    // SAFETY: the call changes X0 to X17 if it comes back (SMCCC).
    unsafe { asm!("smc #0", inout("x0") 0x8400_0009_u64 => _, clobber_abi("C"), options(nostack)) };
}

/// PSCI SYSTEM_OFF (Arm DEN 0022, 5.9); by SMC, the conduit that the device tree names.
pub fn system_off() -> ! {
    // SAFETY: the call does not return.
    unsafe { asm!("smc #0", in("x0") 0x8400_0008_u64, options(nostack)) };
    loop {
        wait_for_interrupt();
    }
}
