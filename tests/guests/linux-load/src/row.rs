// SPDX-License-Identifier: BSD-2-Clause
//! The rows.

use molt_linux_system::Operation::{self, Read, Write};

/// Which requests a row makes.
pub struct Row {
    /// As results name it.
    pub name: &'static str,
    /// Reading or writing.
    pub operation: Operation,
    /// Bytes of each request.
    pub bytes: usize,
    /// Requests in flight.
    pub depth: usize,
    /// At random offsets, or one behind the other.
    pub random: bool,
}

const SMALL: usize = 4 << 10;
const LARGE: usize = 128 << 10;

/// All of them, in the order in which they are measured.
pub const ROWS: [Row; 10] = [
    small("read_4k_d1", Read, 1),
    small("write_4k_d1", Write, 1),
    small("read_4k_d8", Read, 8),
    small("write_4k_d8", Write, 8),
    small("read_4k_d32", Read, 32),
    small("write_4k_d32", Write, 32),
    large("read_128k_d1", Read, 1),
    large("write_128k_d1", Write, 1),
    large("read_128k_d4", Read, 4),
    large("write_128k_d4", Write, 4),
];

const fn small(name: &'static str, operation: Operation, depth: usize) -> Row {
    Row {
        name,
        operation,
        bytes: SMALL,
        depth,
        random: true,
    }
}

const fn large(name: &'static str, operation: Operation, depth: usize) -> Row {
    Row {
        name,
        operation,
        bytes: LARGE,
        depth,
        random: false,
    }
}
