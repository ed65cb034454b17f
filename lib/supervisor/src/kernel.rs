// SPDX-License-Identifier: BSD-2-Clause
//! The trait [`Kernel`]: everything that the supervisor needs from outside. Capability operations, threads, interrupts,
//! signals, a clock, and memory.

use core::sync::atomic::AtomicU64;

use molt_clock::{Frequency, Ticks};
use molt_shared::Mmio;
use molt_system::{UpdateComponent, VaultSlot};

/// An invocation failed: the kernel's error number (`seL4_Error`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(pub u64);

impl Error {
    /// The plan has no such thing.
    pub const INVALID_ARGUMENT: Self = Self(1);
    /// No slot is free.
    pub const NOT_ENOUGH_MEMORY: Self = Self(10);
}

/// The result of an operation.
pub type Result<T = ()> = core::result::Result<T, Error>;

/// Rights of a capability, as seL4 numbers them: bit 0 write, 1 read, 2 grant, 3 grant reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights(pub u8);

impl Rights {
    /// Send, signal.
    pub const WRITE: Self = Self(1);
    /// Receive, wait, read.
    pub const READ: Self = Self(2);
    /// Both.
    pub const READ_WRITE: Self = Self(3);
    /// All.
    pub const ALL: Self = Self(15);
}

/// A slot for a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// In the supervisor's own vault.
    Vault(VaultSlot),
    /// In `stage`'s workshop.
    Workshop(u32),
    /// In the CNode of a generation, or of a client that drives its device itself.
    Generation {
        /// Where the CNode's capability is.
        cnode: VaultSlot,
        /// Index.
        slot: u64,
    },
}

/// A VSpace to map into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The supervisor's own.
    Own,
    /// One whose capability is in the vault.
    Vault(VaultSlot),
}

/// How a frame is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attributes {
    /// Memory: cached, not executable.
    Normal,
    /// A device's registers: not cached, not executable.
    Device,
    /// As the plan has it (`molt_system::RegionMapping`), in the architecture's bits.
    Planned(u32),
}

/// A thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thread {
    /// A generation's.
    Vault(VaultSlot),
    /// That of a static PD, by its child identifier.
    Child(u32),
}

/// The operations that the supervisor needs. On the target each capability operation is one invocation of the kernel.
///
/// `'m` is the lifetime of the memory that the plan names.
pub trait Kernel<'m> {
    /// `CNode_Copy` from the vault.
    fn copy(&self, to: Slot, from: VaultSlot, rights: Rights) -> Result;
    /// `CNode_Mint` within the vault.
    fn mint(&self, to: VaultSlot, from: VaultSlot, rights: Rights, badge: u64) -> Result;
    /// `CNode_Move`.
    fn relocate(&self, to: Slot, from: Slot) -> Result;
    /// `CNode_Revoke`: deletes all that was derived from the capability, and with each copy of a frame its mapping.
    fn revoke(&self, original: VaultSlot) -> Result;
    /// `CNode_Delete`.
    fn delete(&self, slot: VaultSlot) -> Result;
    /// Maps a frame.
    fn map(
        &self,
        frame: VaultSlot,
        space: Space,
        vaddr: u64,
        rights: Rights,
        attributes: Attributes,
    ) -> Result;

    /// Maps a frame of 4 KiB into a device's address space.
    fn map_io(&self, frame: VaultSlot, space: VaultSlot, address: u64, rights: Rights) -> Result;
    /// Maps a table, with all that hangs below it, into a device's address space.
    fn map_io_table(&self, table: VaultSlot, space: VaultSlot, address: u64) -> Result;
    /// Unmaps it: the device reaches nothing below it.
    fn unmap_io_table(&self, table: VaultSlot) -> Result;

    /// `IRQHandler_SetNotification`.
    fn bind_irq(&self, handler: VaultSlot, notification: VaultSlot) -> Result;
    /// `IRQHandler_Clear`: undoes [`Self::bind_irq`].
    fn clear_irq(&self, handler: VaultSlot) -> Result;

    /// `SchedControl_ConfigureFlags`: the scheduling context as the plan says, with its whole budget. It may be in use.
    fn configure_time(&self, plan: &UpdateComponent) -> Result;
    /// Configures a generation's thread as the plan says, with `fault` as fault endpoint, binds scheduling context and port, and
    /// resumes the thread.
    fn start(&self, plan: &UpdateComponent, tcb: VaultSlot, fault: VaultSlot) -> Result;
    /// `TCB_UnbindNotification`.
    fn unbind_port(&self, tcb: VaultSlot) -> Result;
    /// `SchedContext_Unbind`: takes the scheduling context from its thread.
    fn unbind_time(&self, sc: VaultSlot) -> Result;
    /// `TCB_Suspend`.
    fn suspend(&self, thread: Thread) -> Result;
    /// `TCB_Resume`.
    fn resume(&self, thread: Thread) -> Result;

    /// Signals the other side of a channel.
    fn notify(&self, channel: u32);
    /// Yields the processor, so that the supervisor's own scheduling context is charged.
    fn yield_now(&self);
    /// `SchedContext_Consumed`: execution time since the last call, in us.
    fn consumed(&self, sc: VaultSlot) -> u64;

    /// A blackout begins, for whoever counts instructions.
    fn mark_begin(&self) {}
    /// It ends.
    fn mark_end(&self) {}

    /// The clock.
    fn now(&self) -> Ticks;
    /// Its frequency.
    fn frequency(&self) -> Frequency;
    /// Asks the timer on `channel` for a wake-up at a time, in place of what was asked for before.
    fn wake_at(&self, channel: u32, at: Ticks);

    /// Memory that the plan names as mapped; empty if the address is 0.
    fn words(&self, address: u64, size: u64) -> &'m [AtomicU64];
    /// The first page of a device's registers, where the supervisor has mapped it.
    fn registers(&self, address: u64) -> impl Mmio;

    /// Makes one object of an untyped's whole size, in the vault.
    #[cfg(feature = "probe")]
    fn retype_whole(&self, untyped: VaultSlot, size_bits: u32, to: VaultSlot) -> Result;
    /// Waits for a child's fault until `end`. Signals that come meanwhile can be ignored: the next turn looks at everything.
    #[cfg(feature = "probe-old")]
    fn await_fault(&self, child: u32, timer: u32, end: Ticks) -> Option<crate::Fault>;
}
