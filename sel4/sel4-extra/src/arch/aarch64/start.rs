// SPDX-License-Identifier: BSD-2-Clause
//! A program's first instructions.

/// The body of a naked function that gives the thread the static stack `$stack` of `$size` bytes and goes on at `$entry`,
/// with x0 as it was.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_stack {
    ($stack:ident, $size:expr, $entry:ident) => {
        core::arch::naked_asm!(
            "adrp x1, {stack}",
            "add x1, x1, :lo12:{stack}",
            "ldr x2, ={size}",
            "add x1, x1, x2",
            "and x1, x1, #~15",
            "mov sp, x1",
            "mov x29, xzr",
            "mov x30, xzr",
            "b {entry}",
            stack = sym $stack,
            size = const $size,
            entry = sym $entry,
        )
    };
}

/// The body of a naked function that goes on at `$entry` on the stack that the thread was given.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_given_stack {
    ($entry:ident) => {
        core::arch::naked_asm!(
            "mov x29, xzr",
            "mov x30, xzr",
            "b {entry}",
            entry = sym $entry,
        )
    };
}
