// SPDX-License-Identifier: BSD-2-Clause
//! How much memory each kind of object takes, as the kernel's own table has it.

use crate::Error;
use molt_sdk::Tables;
use molt_system::boot::Kind;

/// log2 of the bytes of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    tcb: u32,
    endpoint: u32,
    notification: u32,
    reply: u32,
    slot: u32,
    vspace: u32,
    small_page: u32,
    large_page: u32,
    page_table: u32,
    vcpu: u32,
    asid_pool: u32,
    /// x86_64 only; elsewhere as a page table's.
    io_page_table: u32,
}

impl Sizes {
    pub fn new(tables: &Tables) -> Result<Self, Error> {
        let bits = |name: &'static str| {
            let bits = tables.sizes.get(name).and_then(|n| u32::try_from(*n).ok());
            bits.filter(|bits| *bits < 64).ok_or(Error::NoSize(name))
        };
        Ok(Sizes {
            tcb: bits("tcb")?,
            endpoint: bits("endpoint")?,
            notification: bits("notification")?,
            reply: bits("reply")?,
            slot: bits("slot")?,
            vspace: bits("vspace")?,
            small_page: bits("small_page")?,
            large_page: bits("large_page")?,
            page_table: bits("page_table")?,
            vcpu: bits("vcpu")?,
            asid_pool: bits("asid_pool")?,
            io_page_table: bits("io_page_table").or_else(|_| bits("page_table"))?,
        })
    }

    /// log2 of the bytes of an object; `size_bits` is the argument of `Untyped_Retype`.
    pub fn memory_bits(&self, kind: Kind, size_bits: u32) -> u32 {
        match kind {
            Kind::Untyped | Kind::SchedContext => size_bits,
            Kind::Tcb => self.tcb,
            Kind::Endpoint => self.endpoint,
            Kind::Notification => self.notification,
            Kind::CNode => size_bits + self.slot,
            Kind::Reply => self.reply,
            Kind::VSpace => self.vspace,
            Kind::SmallPage => self.small_page,
            Kind::LargePage => self.large_page,
            Kind::PageTable | Kind::Pdpt | Kind::PageDirectory => self.page_table,
            Kind::IoPageTable => self.io_page_table,
            Kind::Vcpu => self.vcpu,
            Kind::AsidPool => self.asid_pool,
        }
    }
}
