// SPDX-License-Identifier: BSD-2-Clause
//! The entry from the boot protocol to Rust: image header, translation, stack, vectors.
//!
//! The header is the arm64 boot image's (Linux, `Documentation/arch/arm64/booting.rst`), so the VMM
//! starts this guest as it starts a Linux. Entered at EL1 with translation off and x0 the address of
//! the device tree. Other processors (`processors`) have the same translation.

use core::arch::global_asm;

global_asm!(
    r#"
    .section .head, "ax"
    .global _start
_start:
    b       1f                  // code0
    .long   0                   // code1
    .quad   0x200000            // text_offset
    .quad   __image_end - _start
    .quad   0b1010              // flags: little endian, 4 KiB pages, anywhere in memory
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0
1:
    mov     x19, x0
    adr     x1, __stack_top_address
    ldr     x1, [x1]
    mov     sp, x1
    adrp    x1, __bss_start
    add     x1, x1, :lo12:__bss_start
    adrp    x2, __bss_end
    add     x2, x2, :lo12:__bss_end
2:  cmp     x1, x2
    b.hs    3f
    stp     xzr, xzr, [x1], #16
    b       2b
3:
    bl      translate
    mov     x0, x19
    bl      guest_main
4:  wfi
    b       4b

    // Another processor, entered by CPU_ON: x0 is its number.
    .global secondary_start
secondary_start:
    mov     x19, x0
    bl      translate
    adr     x1, __stack_top_address
    ldr     x1, [x1]
    // Each has a quarter of the stack.
    lsl     x2, x19, #16
    sub     x1, x1, x2
    mov     sp, x1
    mov     x0, x19
    bl      processor_main

    // Vectors and translation.
translate:
    adrp    x1, vectors
    add     x1, x1, :lo12:vectors
    msr     vbar_el1, x1
    // Attribute 0 device nGnRE, 1 normal write-back (Arm ARM D17.2.97, MAIR_EL1).
    mov     x1, #0xff04
    msr     mair_el1, x1
    // 39-bit addresses from TTBR0 only, 4 KiB granule, inner shareable write-back walks (TCR_EL1).
    ldr     x1, =0x200803519    // IPS 40 bits, EPD1, SH0 inner, ORGN0 and IRGN0 write-back, T0SZ 25
    msr     tcr_el1, x1
    adrp    x1, translation_table
    msr     ttbr0_el1, x1
    dsb     sy
    tlbi    vmalle1
    ic      iallu
    dsb     sy
    isb
    mrs     x1, sctlr_el1
    mov     x2, #0x1005         // M, C, I
    orr     x1, x1, x2
    msr     sctlr_el1, x1
    isb
    ret
    .balign 8
__stack_top_address:
    .quad   __stack_top
    .ltorg

    .section .tables, "aw"
    .balign 4096
translation_table:
    // 1 GiB blocks: devices below memory, memory, and one more of memory (Arm ARM D8.3.1).
    .quad   0x0060000000000401  // device, execute never
    .quad   0x0000000040000705  // normal, inner shareable
    .quad   0x0000000080000705
    .fill   509, 8, 0

    .section .text.vectors, "ax"
    .balign 2048
vectors:
    .rept 16
    .balign 128
    mrs     x0, esr_el1
    mrs     x1, elr_el1
    mrs     x2, far_el1
    b       guest_exception
    .endr
"#
);
