// SPDX-License-Identifier: BSD-2-Clause
//! The rows.

use molt_block_queue::Op::{self, Read, Write};

/// Which requests a row makes, each of one block at a random offset.
pub struct Row {
    /// As results name it.
    pub name: &'static str,
    /// Reading or writing.
    pub op: Op,
    /// Requests in flight.
    pub depth: usize,
}

/// All of them, in the order in which they are measured.
pub const ROWS: [Row; 6] = [
    row("native_read_4k_d1", Read, 1),
    row("native_write_4k_d1", Write, 1),
    row("native_read_4k_d8", Read, 8),
    row("native_write_4k_d8", Write, 8),
    row("native_read_4k_d32", Read, DEEPEST),
    row("native_write_4k_d32", Write, DEEPEST),
];

/// The most in flight.
pub const DEEPEST: usize = 32;

const fn row(name: &'static str, op: Op, depth: usize) -> Row {
    Row { name, op, depth }
}
