// SPDX-License-Identifier: BSD-2-Clause
//! Functions that tests of memory share.

use sel4::{Cap, CapRights, CapTypeForFrameObject, VmAttributes, cap, cap_type, init_thread::slot};

use crate::env::Env;

/// The size of a large page.
pub const MIB2: usize = 1 << 21;
/// How pages are mapped unless a test says otherwise.
pub const DEFAULT: VmAttributes = VmAttributes::DEFAULT;

/// A volatile read of the word at `address`, which must be mapped.
pub fn peek(address: usize) -> u64 {
    // SAFETY: the tests read only where they have mapped something.
    unsafe { core::ptr::with_exposed_provenance::<u64>(address).read_volatile() }
}

/// A volatile write of the word at `address`, which must be mapped for writing.
pub fn poke(address: usize, value: u64) {
    // SAFETY: the tests write only where they have mapped memory of their own.
    unsafe { core::ptr::with_exposed_provenance_mut::<u64>(address).write_volatile(value) }
}

/// An address space of its own, with an ASID.
pub fn new_vspace(env: &mut Env) -> sel4::Result<cap::VSpace> {
    let vspace = env.make::<cap_type::VSpace>()?;
    slot::ASID_POOL.cap().asid_pool_assign(vspace)?;
    Ok(vspace)
}

/// Maps the page for reading and writing.
pub fn map<T: CapTypeForFrameObject>(
    vspace: cap::VSpace,
    frame: Cap<T>,
    at: usize,
) -> sel4::Result<()> {
    frame.frame_map(vspace, at, CapRights::read_write(), DEFAULT)
}
