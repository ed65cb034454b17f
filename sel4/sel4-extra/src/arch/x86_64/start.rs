// SPDX-License-Identifier: BSD-2-Clause
//! A program's first instructions.

/// The body of a naked function that gives the thread the static stack `$stack` of `$size` bytes and goes on at `$entry`,
/// with rdi as it was.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_stack {
    ($stack:ident, $size:expr, $entry:ident) => {
        core::arch::naked_asm!(
            "lea rsp, [rip + {stack} + {size}]",
            "and rsp, -16",
            "xor ebp, ebp",
            // A function is entered with a return address pushed (System V ABI for AMD64, 3.2.2); nothing returns here.
            "call {entry}",
            "ud2",
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
            "xor ebp, ebp",
            "call {entry}",
            "ud2",
            entry = sym $entry,
        )
    };
}
