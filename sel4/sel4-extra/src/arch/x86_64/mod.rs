// SPDX-License-Identifier: BSD-2-Clause
//! x86_64, without VT-x.

mod cache;
mod io_port;
mod memory;
mod start;
mod system_call;

pub use cache::FrameExt;
pub use io_port::{BASE_IOPORT_SLOT, IoPort};
pub use memory::{TABLES, VSPACE, device, normal};
pub use system_call::system_call;

/// Whether a message can be one of the faults that this architecture has or fills in its own way.
pub(crate) fn is_fault(label: u64, length: usize) -> bool {
    // Unknown system call.
    matches!((label, length), (2, 19))
}
