// SPDX-License-Identifier: BSD-2-Clause
//! The CSpace of a PD: Microkit 2.3's two levels, and the third CNode of `update` and `stage`.
//!
//! The root CNode has 2^6 slots. Slot 0 has the Microkit CNode (2^9 slots, guard 0 of 49 bits), so a small number is a
//! capability pointer into it. `update`'s *vault* and `stage`'s *workshop* are in root slot 1 (2^13 slots, guard 0 of 45
//! bits). A capability pointer through a root slot addresses the slots of that CNode and not the CNode itself, so their
//! CNode capabilities are in the Microkit CNode as well.

/// Size of the root CNode in bits.
pub const ROOT_BITS: u32 = 6;
/// Size of the Microkit CNode in bits.
pub const MICROKIT_BITS: u32 = 9;
/// Guard of the Microkit CNode: so many zero bits.
pub const MICROKIT_GUARD: u32 = 64 - ROOT_BITS - MICROKIT_BITS;
/// Size of the vault and of the workshop in bits.
pub const VAULT_BITS: u32 = 13;
/// Guard of the vault: so many zero bits.
pub const VAULT_GUARD: u32 = 64 - ROOT_BITS - VAULT_BITS;
/// Depth for CNode invocations on the vault's capability: its guard and its size.
pub const VAULT_DEPTH: u32 = VAULT_GUARD + VAULT_BITS;
/// Size of a generation's only CNode in bits; it is the root of that CSpace.
pub const GENERATION_BITS: u32 = 9;
/// Guard of a generation's CNode, so that small numbers are capability pointers there too.
pub const GENERATION_GUARD: u32 = 64 - GENERATION_BITS;

/// Endpoint or notification the PD waits on.
pub const INPUT: u64 = 1;
/// The endpoint that the PD's own faults go to.
pub const FAULT_ENDPOINT: u64 = 2;
/// The PD's own VSpace.
pub const VSPACE: u64 = 3;
/// The PD's reply object.
pub const REPLY: u64 = 4;
/// Endpoint of `monitor` (passive PDs only).
pub const MONITOR: u64 = 5;
/// The PD's own TCB (benchmark kernels only).
pub const OWN_TCB: u64 = 6;
/// The SMC capability (`smc="true"` only).
pub const SMC: u64 = 7;
/// First output notification, one per channel.
pub const OUTPUT_NOTIFICATION: u64 = 10;
/// First output endpoint, one per channel.
pub const OUTPUT_ENDPOINT: u64 = 74;
/// First IRQ handler, one per IRQ identifier.
pub const IRQ: u64 = 138;
/// First TCB of a child PD; `update` finds its clients here ([`crate::UpdateClient::child`]).
pub const CHILD_TCB: u64 = 202;
/// First TCB of a vCPU.
pub const VM_TCB: u64 = 266;
/// First vCPU.
pub const VCPU: u64 = 330;
/// First range of I/O ports (x86_64 only).
pub const IO_PORTS: u64 = 394;
/// CNode capability of the PD's own vault or workshop, with its guard.
pub const VAULT_CNODE: u64 = 458;
/// CNode capability of `stage`'s workshop, in `update`, with its guard.
pub const WORKSHOP_CNODE: u64 = 459;
/// Highest channel, IRQ, child and vCPU identifier.
pub const MAX_ID: u64 = 61;

/// Where `stage` leaves a built generation's TCB in the workshop.
pub const WORKSHOP_TCB: u32 = 1024;
/// Where `stage` leaves a built generation's CNode.
pub const WORKSHOP_GENERATION_CNODE: u32 = 1025;
/// Where `stage` leaves a built generation's VSpace.
pub const WORKSHOP_VSPACE: u32 = 1026;
/// The first of all further capabilities of a built generation.
pub const WORKSHOP_REST: u32 = 1027;
/// Where the tool puts `stage`'s own capabilities in the workshop (the ASID pool); from here to the end no slot is free.
pub const WORKSHOP_OWN: u32 = (1 << VAULT_BITS) - 16;

/// The capability pointer of a slot in the caller's own vault or workshop.
pub const fn vault_cptr(index: u32) -> u64 {
    (1 << (64 - ROOT_BITS)) | index as u64
}

/// The data word of a CNode capability with a guard of `bits` zero bits.
pub const fn guard(bits: u32) -> u64 {
    bits as u64
}
