// SPDX-License-Identifier: BSD-2-Clause
//! VT-d's, as the kernel has them. Whatever unmaps a page or a table has the IOMMU forget what it knows of it.

use molt_system::VaultSlot;
use sel4::{CapRights, Result, cap_type};

use crate::vault::capability;

pub fn map(frame: VaultSlot, space: VaultSlot, address: u64, rights: CapRights) -> Result<()> {
    capability::<cap_type::Granule>(frame).io_frame_map(capability(space), rights, address)
}

pub fn map_table(table: VaultSlot, space: VaultSlot, address: u64) -> Result<()> {
    capability::<cap_type::IOPageTable>(table).io_page_table_map(capability(space), address)
}

pub fn unmap_table(table: VaultSlot) -> Result<()> {
    capability::<cap_type::IOPageTable>(table).io_page_table_unmap()
}
