// SPDX-License-Identifier: BSD-2-Clause
//! The kernel has none here, and the plan names none.

use molt_system::VaultSlot;
use sel4::{CapRights, Error, Result};

pub fn map(_: VaultSlot, _: VaultSlot, _: u64, _: CapRights) -> Result<()> {
    Err(Error::IllegalOperation)
}

pub fn map_table(_: VaultSlot, _: VaultSlot, _: u64) -> Result<()> {
    Err(Error::IllegalOperation)
}

pub fn unmap_table(_: VaultSlot) -> Result<()> {
    Err(Error::IllegalOperation)
}
