// SPDX-License-Identifier: BSD-2-Clause
//! FP and SIMD registers. The kernel does not use them, so the registers keep the last thread's values
//! until another thread runs: they are saved and loaded once for each change of thread, never for a system call.

use core::arch::global_asm;

use crate::registers::{instruction, read_register, write_register};

/// The registers of a thread (a vCPU's are its thread's).
#[derive(Clone, Debug, Default)]
#[repr(C, align(16))]
pub struct FpState {
    v: [u128; 32],
    fpcr: u64,
    fpsr: u64,
}

// SAFETY: both are defined by the assembly below, with these types.
unsafe extern "C" {
    fn molt_fp_save(state: *mut FpState);
    fn molt_fp_load(state: *const FpState);
}

impl FpState {
    /// The registers into `self`.
    pub fn save(&mut self) {
        // SAFETY: writes the type's 528 bytes.
        unsafe { molt_fp_save(self) }
    }

    /// `self` into the registers, of which the compiler knows nothing (softfloat target).
    pub fn load(&self) {
        // SAFETY: reads the type's 528 bytes.
        unsafe { molt_fp_load(self) }
    }
}

/// CPTR_EL2.TFP: traps FP and SIMD from every level. The other bits set are RES1.
const TRAP: u64 = 1 << 10;
const CPTR: u64 = 0x33ff & !TRAP;

/// Allows or forbids FP and SIMD; forbidden, EL2 has no access either.
pub fn set_disabled(disabled: bool) {
    let value = if disabled { CPTR | TRAP } else { CPTR };
    if read_register!("cptr_el2") & TRAP != value & TRAP {
        set(value);
    }
}

/// Starts with FP and SIMD allowed.
pub fn allow() {
    set(CPTR);
}

fn set(value: u64) {
    // SAFETY: says what traps; the kernel uses FP only in `save` and `load`, which are called with
    // it allowed (or trap, which ends in a panic).
    unsafe { write_register!("cptr_el2", value) };
    instruction!("isb");
}

global_asm!(
    ".text",
    ".arch_extension fp",
    ".arch_extension simd",
    ".macro fp_registers operation",
    "\\operation q0, q1, [x0]",
    "\\operation q2, q3, [x0, #32]",
    "\\operation q4, q5, [x0, #64]",
    "\\operation q6, q7, [x0, #96]",
    "\\operation q8, q9, [x0, #128]",
    "\\operation q10, q11, [x0, #160]",
    "\\operation q12, q13, [x0, #192]",
    "\\operation q14, q15, [x0, #224]",
    "\\operation q16, q17, [x0, #256]",
    "\\operation q18, q19, [x0, #288]",
    "\\operation q20, q21, [x0, #320]",
    "\\operation q22, q23, [x0, #352]",
    "\\operation q24, q25, [x0, #384]",
    "\\operation q26, q27, [x0, #416]",
    "\\operation q28, q29, [x0, #448]",
    "\\operation q30, q31, [x0, #480]",
    ".endm",
    "molt_fp_save:",
    "fp_registers stp",
    "mrs x1, fpcr",
    "mrs x2, fpsr",
    "str x1, [x0, #512]",
    "str x2, [x0, #520]",
    "ret",
    "molt_fp_load:",
    "fp_registers ldp",
    "ldr x1, [x0, #512]",
    "ldr x2, [x0, #520]",
    "msr fpcr, x1",
    "msr fpsr, x2",
    "ret",
    ".arch_extension nosimd",
    ".arch_extension nofp",
);
