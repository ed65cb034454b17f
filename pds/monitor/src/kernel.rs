// SPDX-License-Identifier: BSD-2-Clause
//! What the walk needs of a kernel.

use crate::Memory;
use molt_system::boot::{IoPorts, IoSpace, Irq, Kind, ScheduleEntry, Thread};

/// A slot of the root task's CNode.
pub type Slot = u64;

/// The invocations that make a system. All slots are the root task's own.
pub trait Kernel {
    /// Why an invocation failed.
    type Error;
    /// Bytes that the kernel has told, which stay where they are.
    type BootInfo: AsRef<[u8]>;
    /// Objects that one invocation may make.
    const FAN_OUT: u64;

    /// `Untyped_Retype` of untyped `untyped` (index in BootInfo's list) into `count` objects from `first` on.
    fn retype(
        &mut self,
        untyped: usize,
        kind: Kind,
        size_bits: u32,
        first: Slot,
        count: u64,
    ) -> Result<(), Self::Error>;
    /// `ASIDControl_MakePool` of an untyped of 4 KiB.
    fn make_asid_pool(&mut self, untyped: Slot, pool: Slot) -> Result<(), Self::Error>;
    /// Assigns a VSpace an ASID of the root task's pool.
    fn assign_asid(&mut self, vspace: Slot) -> Result<(), Self::Error>;
    /// The handler of an interrupt: the architecture's invocation of IRQControl.
    fn irq_handler(&mut self, irq: &Irq, handler: Slot) -> Result<(), Self::Error>;
    /// `IRQHandler_SetNotification`.
    fn irq_bind(&mut self, handler: Slot, notification: Slot) -> Result<(), Self::Error>;
    /// `IOPortControl_Issue`.
    fn io_ports(&mut self, row: &IoPorts, ports: Slot) -> Result<(), Self::Error>;
    /// A copy of the authority over devices' address spaces, for one device; with the tables that a machine of more
    /// levels than the three that the tool makes needs above those.
    fn io_space(
        &mut self,
        row: &IoSpace,
        space: Slot,
        memory: &mut Memory,
        next: &mut Slot,
    ) -> Result<(), Self::Error>;
    /// `IOPageTable_Map`.
    fn map_io_table(&mut self, space: Slot, table: Slot, address: u64) -> Result<(), Self::Error>;
    /// `Page_MapIO`.
    fn map_io(
        &mut self,
        space: Slot,
        frame: Slot,
        address: u64,
        rights: u32,
    ) -> Result<(), Self::Error>;
    /// The frequency of the counter that programs read time from, as the kernel measured it.
    fn counter_hz(&mut self) -> u64;
    /// What the kernel has told the root task under this number (`seL4_BootInfoID`), its header included; empty if nothing.
    fn boot_info(&self, id: u64) -> Self::BootInfo;
    /// Maps a table that translates 2^`bits` bytes.
    fn map_table(
        &mut self,
        vspace: Slot,
        table: Slot,
        vaddr: u64,
        bits: u32,
    ) -> Result<(), Self::Error>;
    /// `Page_Map`.
    fn map(
        &mut self,
        vspace: Slot,
        frame: Slot,
        vaddr: u64,
        rights: u32,
        attributes: u64,
    ) -> Result<(), Self::Error>;
    /// `Page_GetAddress`.
    fn address(&mut self, frame: Slot) -> Result<u64, Self::Error>;
    /// Makes a frame's contents writable; followed by [`Kernel::write`]s and a [`Kernel::close`].
    fn open(&mut self, frame: Slot, page_bits: u32) -> Result<(), Self::Error>;
    /// Writes into the open frame.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Self::Error>;
    /// Makes what was written visible to whoever the frame is for, data and instructions, and unmaps it.
    fn close(&mut self, frame: Slot, page_bits: u32) -> Result<(), Self::Error>;
    /// `CNode_Copy`, or `CNode_Mint` where `data` is not 0, within the root task's CNode.
    fn copy(&mut self, from: Slot, to: Slot, rights: u32, data: u64) -> Result<(), Self::Error>;
    /// The same into slot `to` of `cnode`, which has 2^`bits` slots.
    fn copy_into(
        &mut self,
        cnode: Slot,
        bits: u32,
        to: u64,
        from: Slot,
        rights: u32,
        data: u64,
    ) -> Result<(), Self::Error>;
    /// `CNode_Move` into slot `to` of `cnode`.
    fn move_into(&mut self, cnode: Slot, bits: u32, to: u64, from: Slot)
    -> Result<(), Self::Error>;
    /// The slot of a capability that the tables name by a `SOURCE_` constant.
    fn source(&mut self, constant: u32) -> Option<Slot>;
    /// Configures a thread and its scheduling context; `slot` translates the row's numbers, `fault` is its fault endpoint.
    fn configure(
        &mut self,
        thread: &Thread,
        slot: &dyn Fn(u32) -> Slot,
        fault: Slot,
    ) -> Result<(), Self::Error>;
    /// `DomainSet_Set`.
    fn set_domain(&mut self, tcb: Slot, domain: u32) -> Result<(), Self::Error>;
    /// `DomainSet_ScheduleConfigure`.
    fn schedule(&mut self, entry: &ScheduleEntry) -> Result<(), Self::Error>;
    /// `TCB_Resume`.
    fn resume(&mut self, tcb: Slot) -> Result<(), Self::Error>;
    /// `DomainSet_ScheduleSetStart`: from here on the root task runs only when its domain does, which may be never.
    fn start_schedule(&mut self, index: u64) -> Result<(), Self::Error>;
}
