// SPDX-License-Identifier: BSD-2-Clause
//! Offsets of the registers in the doorbell's page. All are 32 bits, little endian, accessed as aligned 32-bit words.

/// Value of [`MAGIC`]: "MOLT", least significant byte first.
pub const MAGIC_VALUE: u32 = 0x544c_4f4d;
/// Value of [`VERSION`].
pub const VERSION_VALUE: u32 = 1;
/// Size of the register page in bytes.
pub const SIZE: u64 = 0x1000;
/// `compatible` of the device in the device tree. `reg` has the registers and the staging region; there is one interrupt.
pub const COMPATIBLE: &str = "molt,doorbell";

/// Read only: [`MAGIC_VALUE`].
pub const MAGIC: u64 = 0x000;
/// Read only: [`VERSION_VALUE`].
pub const VERSION: u64 = 0x004;
/// Read only: [`Status`](crate::Status) of the transaction.
pub const STATUS: u64 = 0x008;
/// Read only: [`Reason`](crate::Reason) for a refusal or a rollback, else 0.
pub const REASON: u64 = 0x00c;
/// Read/write: the component that the next command is about, an index in the system's plan.
pub const COMPONENT: u64 = 0x010;
/// Read/write: bytes of the bundle at the start of the staging region.
pub const LENGTH: u64 = 0x014;
/// Read/write: low half of the handle; read it after an offer, write it back before the confirm.
pub const HANDLE_LOW: u64 = 0x018;
/// Read/write: high half of the handle.
pub const HANDLE_HIGH: u64 = 0x01c;
/// Write only: a [`Command`](crate::Command).
pub const COMMAND: u64 = 0x020;
/// Read; write 1 to a bit to clear it: [`CHANGED`] and [`WAITED_FOR`]. The interrupt's level is that one of them is set.
pub const INTERRUPT_STATUS: u64 = 0x024;
/// Bit of [`INTERRUPT_STATUS`], set at every change of STATUS or REASON.
pub const CHANGED: u32 = 1 << 0;
/// Bit of [`INTERRUPT_STATUS`], set when an update of whichever component begins to wait for this guest, which defers it ([`DEFERRED`]).
pub const WAITED_FOR: u32 = 1 << 1;
/// Read only: guest-physical address of the staging region, low half.
pub const STAGING_LOW: u64 = 0x028;
/// Read only: guest-physical address of the staging region, high half.
pub const STAGING_HIGH: u64 = 0x02c;
/// Read only: bytes in the staging region.
pub const STAGING_SIZE: u64 = 0x030;
/// Read only: progress of the transaction, 0 to 1000.
pub const PROGRESS: u64 = 0x034;
/// Read only: number of the generation that COMPONENT is granted to (low 32 bits), whichever guest updated it.
pub const GENERATION: u64 = 0x038;
/// Read only: the sequence number committed last (low 32 bits); with the status `KeysExchanged`, that of the list of keys.
pub const SEQUENCE: u64 = 0x03c;
/// Read/write: for how many ms from now on the guest defers updates of COMPONENT; 0: not any more. It needs no command. Reads as what was
/// written last, or as 0 if that had no effect: the guest may not defer them, or it is too late.
pub const DEFER: u64 = 0x040;
/// Read only: for how many ms an update of COMPONENT waits for this guest at the most; 0: it may not defer it.
pub const DEFER_LIMIT: u64 = 0x044;
/// Read only: 1 if an update of COMPONENT waits for this guest, which defers it.
pub const DEFERRED: u64 = 0x048;
