// SPDX-License-Identifier: BSD-2-Clause
//! Memory that the root task reaches by address: frames while they are filled, the packed system, the UART.

use core::sync::atomic::{AtomicU64, Ordering};

/// Set by the tool: where the packed system is mapped.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data")]
static molt_system: AtomicU64 = AtomicU64::new(0);
/// Set by the tool: its bytes.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data")]
static molt_system_size: AtomicU64 = AtomicU64::new(0);

/// The packed system, which the kernel has mapped behind the program.
pub fn packed_system() -> &'static [u8] {
    let (address, size) = (
        molt_system.load(Ordering::Relaxed),
        molt_system_size.load(Ordering::Relaxed),
    );
    if address == 0 {
        return &[];
    }
    // SAFETY: the tool has put the packed system into the root task's image at this address; nobody writes it.
    unsafe {
        core::slice::from_raw_parts(
            core::ptr::with_exposed_provenance(address as usize),
            size as usize,
        )
    }
}

/// Copies bytes to an address.
///
/// # Safety
/// `address` must be mapped for writing for as many bytes, and nobody else may hold a reference there.
pub unsafe fn write(address: u64, bytes: &[u8]) {
    let to = core::ptr::with_exposed_provenance_mut::<u8>(address as usize);
    // SAFETY: the caller's contract; source and target are different memory.
    unsafe { molt_shared::copy_bulk(bytes.as_ptr(), to, bytes.len()) };
}
