// SPDX-License-Identifier: BSD-2-Clause
//! What goes into the kernel with a system call, and comes out of it.

use crate::Word;

/// The values of a system call; which machine registers hold them is the architecture's.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(not(target_os = "none"), allow(dead_code))]
pub(crate) struct Regs {
    /// In: capability pointer. Out: badge.
    pub(crate) cptr: Word,
    /// Message info, in and out.
    pub(crate) info: Word,
    /// The first message registers, in and out.
    pub(crate) mr: [Word; 4],
    /// Reply object.
    pub(crate) reply: Word,
    /// Where the combined calls send to.
    pub(crate) dest: Word,
}
