// SPDX-License-Identifier: BSD-2-Clause
//! Capabilities.

/// May send or signal; for frames, may write.
pub const WRITE: u8 = 1;
/// May receive or wait; for frames, may read.
pub const READ: u8 = 2;
/// May pass capabilities.
pub const GRANT: u8 = 4;
/// May pass a reply.
pub const GRANT_REPLY: u8 = 8;
/// Everything.
pub const ALL_RIGHTS: u8 = 15;

/// Sizes of frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameSize {
    /// 4 KiB.
    Small,
    /// 2 MiB.
    Large,
    /// 1 GiB.
    Huge,
}

impl FrameSize {
    /// log2 of the bytes.
    pub fn bits(self) -> u32 {
        match self {
            FrameSize::Small => 12,
            FrameSize::Large => 21,
            FrameSize::Huge => 30,
        }
    }
}

/// A capability. Numbers name places in the kernel's tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Cap {
    /// None.
    #[default]
    Null,
    /// Memory to make objects of. `used`: bytes from the base that were given out.
    Untyped {
        base: u64,
        used: u64,
        bits: u8,
        device: bool,
    },
    Endpoint {
        id: u32,
        rights: u8,
        badge: u64,
    },
    Notification {
        id: u32,
        rights: u8,
        badge: u64,
    },
    Reply {
        id: u32,
        grant: bool,
    },
    CNode {
        id: u32,
        radix: u8,
        guard_size: u8,
        guard: u64,
    },
    Tcb {
        id: u32,
    },
    SchedContext {
        id: u32,
    },
    SchedControl,
    IrqControl,
    IrqHandler {
        irq: u32,
    },
    /// `asid` 0: not mapped.
    Frame {
        base: u64,
        vaddr: u64,
        asid: u16,
        size: FrameSize,
        rights: u8,
        device: bool,
    },
    /// `asid` 0: not mapped.
    PageTable {
        base: u64,
        vaddr: u64,
        asid: u16,
    },
    /// `asid` 0: not assigned.
    VSpace {
        base: u64,
        asid: u16,
    },
    AsidControl,
    AsidPool {
        base: u64,
        first: u16,
    },
    Vcpu {
        id: u32,
    },
    /// The remains (seL4: zombie) of a CNode or thread of 2^`bits` bytes that was deleted inside another one:
    /// its slots, in the first of which this capability is. It is removed when its memory is revoked.
    Remains {
        table: u32,
        bits: u8,
    },
}

impl Cap {
    /// Is there none?
    pub fn is_null(&self) -> bool {
        matches!(self, Cap::Null)
    }

    /// Whether both are capabilities of the same object (also `true` for two of a control capability, such as IRQControl).
    /// Always `false` for untyped memory.
    pub fn same_object(&self, other: &Cap) -> bool {
        use Cap::*;
        match (self, other) {
            (Endpoint { id: a, .. }, Endpoint { id: b, .. })
            | (Notification { id: a, .. }, Notification { id: b, .. })
            | (Reply { id: a, .. }, Reply { id: b, .. })
            | (CNode { id: a, .. }, CNode { id: b, .. })
            | (Tcb { id: a }, Tcb { id: b })
            | (SchedContext { id: a }, SchedContext { id: b })
            | (IrqHandler { irq: a }, IrqHandler { irq: b })
            | (Vcpu { id: a }, Vcpu { id: b }) => a == b,
            (PageTable { base: a, .. }, PageTable { base: b, .. })
            | (VSpace { base: a, .. }, VSpace { base: b, .. })
            | (AsidPool { base: a, .. }, AsidPool { base: b, .. }) => a == b,
            (
                Frame {
                    base: a, size: x, ..
                },
                Frame {
                    base: b, size: y, ..
                },
            ) => a == b && x == y,
            (SchedControl, SchedControl)
            | (IrqControl, IrqControl)
            | (AsidControl, AsidControl) => true,
            _ => false,
        }
    }

    /// With no more than these rights (capability types without rights stay as they are).
    pub fn masked(self, mask: u8) -> Cap {
        match self {
            Cap::Endpoint { id, rights, badge } => Cap::Endpoint {
                id,
                rights: rights & mask,
                badge,
            },
            Cap::Notification { id, rights, badge } => Cap::Notification {
                id,
                rights: rights & mask & (READ | WRITE),
                badge,
            },
            Cap::Reply { id, grant } => Cap::Reply {
                id,
                grant: grant && mask & GRANT != 0,
            },
            Cap::Frame {
                base,
                vaddr,
                asid,
                size,
                rights,
                device,
            } => Cap::Frame {
                base,
                vaddr,
                asid,
                size,
                rights: frame_rights(rights, mask),
                device,
            },
            other => other,
        }
    }

    /// Badge (of an unbadged endpoint or notification) or guard (of a CNode) set from `data`.
    /// `preserve`: Mutate, which leaves badges alone. Null: not possible.
    pub fn with_data(self, preserve: bool, data: u64) -> Cap {
        match self {
            Cap::Endpoint { id, rights, badge } => {
                if !preserve && badge == 0 {
                    Cap::Endpoint {
                        id,
                        rights,
                        badge: data,
                    }
                } else {
                    Cap::Null
                }
            }
            Cap::Notification { id, rights, badge } => {
                if !preserve && badge == 0 {
                    Cap::Notification {
                        id,
                        rights,
                        badge: data,
                    }
                } else {
                    Cap::Null
                }
            }
            Cap::CNode { id, radix, .. } => {
                let guard_size = data & 0x3f;
                if guard_size + u64::from(radix) > 64 {
                    return Cap::Null;
                }
                // The guard's width in a capability is 58 bits; further bits cannot matter, since
                // a CNode resolves at least one bit.
                let guard = (data >> 6) & ((1u64 << guard_size) - 1);
                Cap::CNode {
                    id,
                    radix,
                    guard_size: guard_size as u8,
                    guard,
                }
            }
            other => other,
        }
    }

    /// Is a capability `derived` from this one by copying a new parent (able to revoke)?
    pub fn derivation_is_original(&self, derived: &Cap) -> bool {
        match (self, derived) {
            (_, Cap::Untyped { .. }) => true,
            (Cap::IrqControl, Cap::IrqHandler { .. }) => true,
            (Cap::Endpoint { badge: a, .. }, Cap::Endpoint { badge: b, .. })
            | (Cap::Notification { badge: a, .. }, Cap::Notification { badge: b, .. }) => a != b,
            _ => false,
        }
    }
}

/// seL4's rule for frames: read-write needs both, write alone is nothing that a page can be.
fn frame_rights(have: u8, mask: u8) -> u8 {
    let rights = have & mask & (READ | WRITE);
    // The kernel-only right ("write without read") maps as no access.
    if rights & READ == 0 { 0 } else { rights }
}
