// SPDX-License-Identifier: BSD-2-Clause
//! Entry from the loader: MMU on, the kernel's window and RAM mapped, x0..x5 by the boot protocol.

use core::arch::global_asm;

const STACK_SIZE: usize = 0x1_0000;

#[repr(C, align(16))]
struct Stack([u8; STACK_SIZE]);

// SAFETY: the linker script has the section in `.bss`; no other symbol of the kernel has this name, and
// only the code below takes its address.
#[unsafe(link_section = ".bss.stack")]
#[unsafe(no_mangle)]
static mut KERNEL_STACK: Stack = Stack([0; STACK_SIZE]);

// bss was cleared by the loader. FP is not used by the kernel (softfloat target).
global_asm!(
    ".section .text.start, \"ax\"",
    ".global _start",
    "_start:",
    "msr daifset, #0xf",
    "msr spsel, #1",
    "adrp x8, KERNEL_STACK",
    "add x8, x8, :lo12:KERNEL_STACK",
    "add x8, x8, {size}",
    "mov sp, x8",
    "mov x29, xzr",
    "mov x30, xzr",
    "b kernel_main",
    size = const STACK_SIZE,
);
