// SPDX-License-Identifier: BSD-2-Clause
//! Untyped memory: the types and sizes of objects, and `Untyped_Retype`.

use crate::{
    cap::{ALL_RIGHTS, Cap, FrameSize, READ, WRITE},
    context::UserContext,
    error::{Error, LookupFailure},
    hardware::Hardware,
    invocation::{Call, Label, Outcome},
    kernel::Kernel,
    objects::{
        Above, Endpoint, Notification, Queued, Reply, SchedContext, State, TCB_RADIX, Tcb, Vcpu,
        Waiting,
    },
    queue::{Links, Queue},
    refill::Refills,
    scheduling_context::refill_capacity,
    slots::SlotRef,
};

/// Objects, by seL4's numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ObjectType {
    Untyped,
    Tcb,
    Endpoint,
    Notification,
    CNode,
    SchedContext,
    Reply,
    HugePage,
    VSpace,
    SmallPage,
    LargePage,
    PageTable,
    Vcpu,
}

/// Most objects of one `Untyped_Retype`.
const FAN_OUT: u64 = 256;
/// Largest and smallest untyped, log2.
const MAX_UNTYPED_BITS: u64 = 47;
const MIN_UNTYPED_BITS: u64 = 4;
const MIN_SCHED_CONTEXT_BITS: u64 = 7;
/// log2 of a slot's size.
const SLOT_BITS: u32 = 5;
/// Bytes cleared between two looks at the clock of steps.
const CHUNK: u64 = 4096;

impl ObjectType {
    fn from_number(number: u64) -> Option<Self> {
        use ObjectType::*;
        const ALL: [ObjectType; 13] = [
            Untyped,
            Tcb,
            Endpoint,
            Notification,
            CNode,
            SchedContext,
            Reply,
            HugePage,
            VSpace,
            SmallPage,
            LargePage,
            PageTable,
            Vcpu,
        ];
        ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// log2 of the size in bytes; `size_bits` matters for types of no fixed size.
    pub fn bits(self, size_bits: u32) -> u32 {
        match self {
            ObjectType::Untyped | ObjectType::SchedContext => size_bits,
            ObjectType::CNode => size_bits.saturating_add(SLOT_BITS),
            ObjectType::Tcb => 11,
            ObjectType::Endpoint => 4,
            ObjectType::Notification => 6,
            ObjectType::Reply => 5,
            ObjectType::HugePage => 30,
            ObjectType::VSpace => 13,
            ObjectType::LargePage => 21,
            ObjectType::SmallPage | ObjectType::PageTable | ObjectType::Vcpu => 12,
        }
    }

    /// Can it be made of device memory?
    fn of_device(self) -> bool {
        matches!(
            self,
            ObjectType::Untyped
                | ObjectType::SmallPage
                | ObjectType::LargePage
                | ObjectType::HugePage
        )
    }
}

/// The arguments of `Untyped_Retype`, checked.
struct Request {
    object: ObjectType,
    size_bits: u32,
    table: u32,
    first: u32,
    count: u32,
}

impl<H: Hardware> Kernel<H> {
    pub(crate) fn invoke_untyped(&mut self, at: SlotRef, call: &Call) -> Result<Outcome, Error> {
        if call.label != Label::UNTYPED_RETYPE {
            return Err(Error::IllegalOperation);
        }
        let Cap::Untyped {
            base,
            used,
            bits,
            device,
        } = self.slots.get(at).cap
        else {
            return Err(Error::InvalidCapability(0));
        };
        let request = self.check_retype(call)?;
        let object_bits = request.object.bits(request.size_bits);
        let fresh = self.first_child(at).is_none();
        let used = if fresh { 0 } else { used };
        let free = (1u64 << bits) - used;
        if free.checked_shr(object_bits).unwrap_or(0) < u64::from(request.count) {
            return Err(Error::NotEnoughMemory(free));
        }
        if device && !request.object.of_device() {
            return Err(Error::InvalidArgument(1));
        }
        if fresh {
            self.finish_doomed()?;
            self.reset_untyped(at)?;
        }
        let first = (base + used).next_multiple_of(1 << object_bits);
        self.make_objects(at, &request, first, device)?;
        let end = first + (u64::from(request.count) << object_bits);
        self.slots.set_cap(
            at,
            Cap::Untyped {
                base,
                used: end - base,
                bits,
                device,
            },
        );
        Ok(Outcome::Done)
    }

    fn check_retype(&mut self, call: &Call) -> Result<Request, Error> {
        call.require(6, 1)?;
        let object = ObjectType::from_number(call.word(0)?).ok_or(Error::InvalidArgument(0))?;
        let (size, index, depth) = (call.word(1)?, call.word(2)?, call.word(3)?);
        let (offset, count) = (call.word(4)?, call.word(5)?);
        let size_bits = match u32::try_from(size) {
            Ok(bits) if bits < 64 && u64::from(object.bits(bits)) <= MAX_UNTYPED_BITS => bits,
            _ => return Err(Error::Range(0, MAX_UNTYPED_BITS)),
        };
        if object == ObjectType::CNode && size == 0
            || object == ObjectType::Untyped && size < MIN_UNTYPED_BITS
            || object == ObjectType::SchedContext && size < MIN_SCHED_CONTEXT_BITS
        {
            return Err(Error::InvalidArgument(1));
        }
        let root = call.cap(0)?.1;
        let node = match depth {
            0 => root,
            _ => {
                let at = self.lookup_target(root, index, depth, false)?;
                self.slots.get(at).cap
            }
        };
        let Cap::CNode {
            id: table, radix, ..
        } = node
        else {
            return Err(Error::FailedLookup(
                false,
                LookupFailure::MissingCapability { bits_left: depth },
            ));
        };
        let slots = 1u64 << radix;
        if offset >= slots {
            return Err(Error::Range(0, slots - 1));
        }
        if !(1..=FAN_OUT).contains(&count) {
            return Err(Error::Range(1, FAN_OUT));
        }
        if count > slots - offset {
            return Err(Error::Range(1, slots - offset));
        }
        let request = Request {
            object,
            size_bits,
            table,
            first: offset as u32,
            count: count as u32,
        };
        for index in 0..request.count {
            self.require_empty(request.slot(index))?;
        }
        Ok(request)
    }

    /// Clear the memory that was used, from the top down, so that memory that is cleared need not be cleared again
    /// if this is interrupted.
    fn reset_untyped(&mut self, at: SlotRef) -> Result<(), Error> {
        let Cap::Untyped {
            base,
            mut used,
            bits,
            device,
        } = self.slots.get(at).cap
        else {
            return Ok(());
        };
        while used > 0 {
            let bottom = if device { 0 } else { (used - 1) & !(CHUNK - 1) };
            if !device {
                self.hw.clear(base + bottom, used - bottom);
            }
            used = bottom;
            self.slots.set_cap(
                at,
                Cap::Untyped {
                    base,
                    used,
                    bits,
                    device,
                },
            );
            self.step()?;
        }
        Ok(())
    }

    fn make_objects(
        &mut self,
        at: SlotRef,
        request: &Request,
        first: u64,
        device: bool,
    ) -> Result<(), Error> {
        let bits = request.object.bits(request.size_bits);
        for index in 0..request.count {
            let base = first + (u64::from(index) << bits);
            match self.make_object(request.object, request.size_bits, base, device) {
                Ok(cap) => self.slots.insert_after(at, request.slot(index), cap, true),
                Err(error) => {
                    // All or nothing.
                    for made in 0..index {
                        self.delete_slot(request.slot(made));
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// An object in memory that is clear.
    pub(crate) fn make_object(
        &mut self,
        object: ObjectType,
        size_bits: u32,
        base: u64,
        device: bool,
    ) -> Result<Cap, Error> {
        let frame = |size| Cap::Frame {
            base,
            vaddr: 0,
            asid: 0,
            size,
            rights: READ | WRITE,
            device,
        };
        Ok(match object {
            ObjectType::Untyped => Cap::Untyped {
                base,
                used: 0,
                bits: size_bits as u8,
                device,
            },
            ObjectType::Tcb => Cap::Tcb {
                id: self.make_tcb(base)?,
            },
            ObjectType::Endpoint => Cap::Endpoint {
                id: self.endpoints.add(Endpoint {
                    base,
                    waiting: Waiting::Nobody,
                    queue: Queue::default(),
                })?,
                rights: ALL_RIGHTS,
                badge: 0,
            },
            ObjectType::Notification => Cap::Notification {
                id: self.notifications.add(Notification {
                    base,
                    active: None,
                    queue: Queue::default(),
                    bound: None,
                    sc: None,
                })?,
                rights: READ | WRITE,
                badge: 0,
            },
            ObjectType::CNode => Cap::CNode {
                id: self.new_table(base, size_bits as u8)?,
                radix: size_bits as u8,
                guard_size: 0,
                guard: 0,
            },
            ObjectType::SchedContext => Cap::SchedContext {
                id: self.contexts.add(SchedContext {
                    base,
                    bits: size_bits as u8,
                    refills: Refills::new(refill_capacity(size_bits))?,
                    consumed: 0,
                    badge: 0,
                    sporadic: false,
                    tcb: None,
                    reply: None,
                    notification: None,
                    yield_from: None,
                })?,
            },
            ObjectType::Reply => Cap::Reply {
                id: self.replies.add(Reply {
                    base,
                    tcb: None,
                    above: Above::Nothing,
                    below: None,
                })?,
                grant: true,
            },
            ObjectType::HugePage => frame(FrameSize::Huge),
            ObjectType::LargePage => frame(FrameSize::Large),
            ObjectType::SmallPage => frame(FrameSize::Small),
            ObjectType::VSpace => Cap::VSpace { base, asid: 0 },
            ObjectType::PageTable => Cap::PageTable {
                base,
                vaddr: 0,
                asid: 0,
            },
            ObjectType::Vcpu => Cap::Vcpu {
                id: self.vcpus.add(Vcpu {
                    base,
                    tcb: None,
                    arch: H::VcpuState::default(),
                })?,
            },
        })
    }

    fn make_tcb(&mut self, base: u64) -> Result<u32, Error> {
        self.tcbs.reserve(1)?;
        let table = self.new_table(base, TCB_RADIX)?;
        let tcb = Tcb {
            base,
            context: UserContext::default(),
            state: State::Inactive,
            priority: 0,
            mcp: 0,
            sc: None,
            notification: None,
            table,
            buffer: 0,
            fault: None,
            yield_to: None,
            vcpu: None,
            flags: 0,
            queued: Queued::No,
            ready_links: Links::default(),
            wait_links: Links::default(),
            arch: H::ThreadState::default(),
        };
        Ok(self.tcbs.add(tcb)?)
    }
}

impl Request {
    fn slot(&self, index: u32) -> SlotRef {
        SlotRef {
            table: self.table,
            index: self.first + index,
        }
    }
}
