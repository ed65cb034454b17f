// SPDX-License-Identifier: BSD-2-Clause
//! The operations of the walk as invocations of seL4.

use molt_monitor::{Kernel, Memory, OutOfMemory, OwnFailure, Slot, own_window};
use molt_system::NONE;
use molt_system::boot::{
    IoPorts, IoSpace, Irq, Kind, NO_FPU, SOURCE_SCHED_CONTROL, SOURCE_SMC, ScheduleEntry, Thread,
};
use sel4::{
    AbsoluteCPtr, BootInfoExtraId, Cap, CapRights, CapRightsBuilder, CapType, FrameObjectType,
    ObjectBlueprint, UserContext, VmAttributes, cap, init_thread,
};
use sel4_extra::{FrameExt, TABLES, normal};

use crate::arch;

/// The gibibyte of the root task's address space in which it maps for itself; far from its image.
pub const WINDOW: u64 = 0x40_0000_0000;
/// Where a large frame is filled.
const LARGE: u64 = WINDOW + 0x20_0000;
/// The slot of the SMC capability.
const SMC: u64 = 15;

/// The kernel, as the root task has it.
pub struct Invocations<'b> {
    machine: arch::Machine,
    untyped: u64,
    sched_control: u64,
    opened: u64,
    boot_info: &'b sel4::BootInfoPtr,
}

pub fn slot<T: CapType>(slot: Slot) -> Cap<T> {
    Cap::from_bits(slot)
}

pub fn own(slot: Slot) -> AbsoluteCPtr {
    // The root CNode's size and the guard of its capability make up a whole word.
    init_thread::slot::CNODE
        .cap()
        .absolute_cptr_from_bits_with_depth(slot, 64)
}

pub fn rights(bits: u32) -> CapRights {
    CapRightsBuilder::none()
        .write(bits & 1 != 0)
        .read(bits & 2 != 0)
        .grant(bits & 4 != 0)
        .grant_reply(bits & 8 != 0)
        .build()
}

fn blueprint(kind: Kind, size_bits: u32) -> ObjectBlueprint {
    let size_bits = size_bits as usize;
    match kind {
        Kind::Untyped | Kind::AsidPool => ObjectBlueprint::Untyped { size_bits },
        Kind::Tcb => ObjectBlueprint::Tcb,
        Kind::Endpoint => ObjectBlueprint::Endpoint,
        Kind::Notification => ObjectBlueprint::Notification,
        Kind::CNode => ObjectBlueprint::CNode { size_bits },
        Kind::SchedContext => ObjectBlueprint::SchedContext { size_bits },
        Kind::Reply => ObjectBlueprint::Reply,
        Kind::VSpace => sel4_extra::VSPACE,
        Kind::SmallPage => FrameObjectType::GRANULE.blueprint(),
        Kind::LargePage => FrameObjectType::LargePage.blueprint(),
        other => arch::blueprint(other),
    }
}

impl<'b> Invocations<'b> {
    pub fn new(boot_info: &'b sel4::BootInfoPtr) -> Self {
        Invocations {
            machine: arch::Machine::new(boot_info),
            untyped: boot_info.untyped().start() as u64,
            sched_control: boot_info.sched_control().start() as u64,
            opened: 0,
            boot_info,
        }
    }

    /// Opens the window of the memory that is left, with the UART in it or beside it.
    pub fn open_window(
        &mut self,
        memory: &mut Memory,
        next: &mut Slot,
        uart: Option<Slot>,
    ) -> Result<(), OwnFailure<sel4::Error>> {
        let vspace = init_thread::slot::VSPACE.cap().bits();
        // Those above 1 GiB are the root task's own.
        let [.., upper, lower] = arch::TABLE_KINDS;
        own_window(self, memory, next, vspace, WINDOW, [upper, lower])?;
        match uart {
            Some(uart) => arch::open_uart(self, uart, next).map_err(OwnFailure::Kernel),
            None => Ok(()),
        }
    }
}

impl<'b> Kernel for Invocations<'b> {
    const FAN_OUT: u64 = sel4::sel4_cfg_usize!(RETYPE_FAN_OUT_LIMIT) as u64;

    type BootInfo = &'b [u8];
    type Error = sel4::Error;

    fn retype(
        &mut self,
        untyped: usize,
        kind: Kind,
        size_bits: u32,
        first: Slot,
        count: u64,
    ) -> sel4::Result<()> {
        let parent: cap::Untyped = slot(self.untyped + untyped as u64);
        let cnode = init_thread::slot::CNODE.cap().absolute_cptr_for_self();
        parent.untyped_retype(
            &blueprint(kind, size_bits),
            &cnode,
            first as usize,
            count as usize,
        )
    }

    fn make_asid_pool(&mut self, untyped: Slot, pool: Slot) -> sel4::Result<()> {
        init_thread::slot::ASID_CONTROL
            .cap()
            .asid_control_make_pool(slot(untyped), &own(pool))
    }

    fn assign_asid(&mut self, vspace: Slot) -> sel4::Result<()> {
        init_thread::slot::ASID_POOL
            .cap()
            .asid_pool_assign(slot(vspace))
    }

    fn irq_handler(&mut self, irq: &Irq, handler: Slot) -> sel4::Result<()> {
        arch::irq_handler(irq, handler)
    }

    fn irq_bind(&mut self, handler: Slot, notification: Slot) -> sel4::Result<()> {
        slot::<sel4::cap_type::IrqHandler>(handler).irq_handler_set_notification(slot(notification))
    }

    fn io_ports(&mut self, row: &IoPorts, ports: Slot) -> sel4::Result<()> {
        self.machine.io_ports(row, ports)
    }

    fn io_space(
        &mut self,
        row: &IoSpace,
        space: Slot,
        memory: &mut Memory,
        next: &mut Slot,
    ) -> sel4::Result<()> {
        for _ in 0..self.machine.io_space(row, space)? {
            let parts = memory.anywhere(12, 1);
            for part in &parts.map_err(|OutOfMemory| sel4::Error::NotEnoughMemory)? {
                self.retype(part.untyped, Kind::IoPageTable, 0, *next, 1)?;
                self.map_io_table(space, *next, 0)?;
                *next += 1;
            }
        }
        Ok(())
    }

    fn map_io_table(&mut self, space: Slot, table: Slot, address: u64) -> sel4::Result<()> {
        self.machine.map_io_table(space, table, address)
    }

    fn map_io(&mut self, space: Slot, frame: Slot, address: u64, r: u32) -> sel4::Result<()> {
        self.machine.map_io(space, frame, address, rights(r))
    }

    fn counter_hz(&mut self) -> u64 {
        self.machine.counter_hz()
    }

    fn boot_info(&self, id: u64) -> &'b [u8] {
        let wanted = BootInfoExtraId::from_sys(id);
        let mut all = self.boot_info.extra();
        let found = all.find(|extra| Some(&extra.id) == wanted.as_ref());
        found.map_or(&[], |extra| extra.content_with_header)
    }

    fn map_table(&mut self, vspace: Slot, table: Slot, vaddr: u64, bits: u32) -> sel4::Result<()> {
        let kind = TABLES.iter().find(|(of, _)| *of == bits);
        let (_, kind) = kind.ok_or(sel4::Error::InvalidArgument)?;
        slot::<sel4::cap_type::UnspecifiedIntermediateTranslationTable>(table)
            .generic_intermediate_translation_table_map(
                *kind,
                slot(vspace),
                vaddr as usize,
                VmAttributes::DEFAULT,
            )
    }

    fn map(
        &mut self,
        vspace: Slot,
        frame: Slot,
        vaddr: u64,
        r: u32,
        attributes: u64,
    ) -> sel4::Result<()> {
        let attributes = VmAttributes::from_inner(attributes);
        slot::<sel4::cap_type::Granule>(frame).frame_map(
            slot(vspace),
            vaddr as usize,
            rights(r),
            attributes,
        )
    }

    fn address(&mut self, frame: Slot) -> sel4::Result<u64> {
        slot::<sel4::cap_type::Granule>(frame)
            .frame_get_address()
            .map(|address| address as u64)
    }

    fn open(&mut self, frame: Slot, page_bits: u32) -> sel4::Result<()> {
        self.opened = if page_bits == 12 { WINDOW } else { LARGE };
        let vspace = init_thread::slot::VSPACE.cap().bits();
        self.map(vspace, frame, self.opened, 3, normal(false).into_inner())
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> sel4::Result<()> {
        // SAFETY: `open` has mapped the frame here for reading and writing, nobody else maps it yet, and the tool's rows
        // stay within the frame.
        unsafe { crate::window::write(self.opened + offset, bytes) };
        Ok(())
    }

    fn close(&mut self, frame: Slot, page_bits: u32) -> sel4::Result<()> {
        let frame: cap::Granule = slot(frame);
        // The frame may be read with other attributes (a guest with its MMU off, a device) or executed. The invocation
        // takes offsets in the frame (Arm ARM D7.5.9.5: clean to the point of coherency, then invalidate instructions).
        let size = 1usize << page_bits;
        frame.frame_clean_invalidate_data(0, size)?;
        frame.frame_unify_instruction(0, size)?;
        frame.frame_unmap()
    }

    fn copy(&mut self, from: Slot, to: Slot, r: u32, data: u64) -> sel4::Result<()> {
        match data {
            0 => own(to).copy(&own(from), rights(r)),
            data => own(to).mint(&own(from), rights(r), data),
        }
    }

    fn copy_into(
        &mut self,
        cnode: Slot,
        bits: u32,
        to: u64,
        from: Slot,
        r: u32,
        data: u64,
    ) -> sel4::Result<()> {
        let to = inside(cnode, bits, to);
        match data {
            0 => to.copy(&own(from), rights(r)),
            data => to.mint(&own(from), rights(r), data),
        }
    }

    fn move_into(&mut self, cnode: Slot, bits: u32, to: u64, from: Slot) -> sel4::Result<()> {
        inside(cnode, bits, to).move_(&own(from))
    }

    fn source(&mut self, constant: u32) -> Option<Slot> {
        match constant {
            SOURCE_SCHED_CONTROL => Some(self.sched_control),
            SOURCE_SMC => Some(SMC),
            _ => None,
        }
    }

    fn configure(
        &mut self,
        thread: &Thread,
        number: &dyn Fn(u32) -> Slot,
        fault: Slot,
    ) -> sel4::Result<()> {
        let tcb: cap::Tcb = slot(number(thread.tcb));
        let sc: cap::SchedContext = slot(number(thread.sc));
        let frame = slot(number(thread.ipc_frame));
        // CNodeCapData has no constructor of a raw word: guards are zeros, so size and value do.
        let guard = sel4::CNodeCapData::new(0, thread.cspace_data as usize);
        let cspace = slot(number(thread.cspace));
        tcb.tcb_configure(
            cspace,
            guard,
            slot(number(thread.vspace)),
            thread.ipc_buffer,
            frame,
        )?;
        // BootInfo has one for each core.
        let control: cap::SchedControl = slot(self.sched_control + u64::from(thread.core));
        let refills = thread.extra_refills.into();
        control.sched_control_configure_flags(
            sc,
            thread.budget_us,
            thread.period_us,
            refills,
            thread.sc_badge,
            0,
        )?;
        let authority = init_thread::slot::TCB.cap();
        tcb.tcb_set_sched_params(
            authority,
            thread.mcp.into(),
            thread.priority.into(),
            sc,
            slot(fault),
        )?;
        if thread.notification != NONE {
            tcb.tcb_bind_notification(slot(number(thread.notification)))?;
        }
        if thread.flags & NO_FPU != 0 {
            tcb.tcb_set_flags(0, 1)?;
        }
        if thread.vcpu != NONE {
            return arch::bind_vcpu(number(thread.vcpu), tcb);
        }
        let mut registers = UserContext::default();
        *registers.pc_mut() = thread.pc;
        *registers.sp_mut() = thread.sp;
        tcb.tcb_write_all_registers(false, &mut registers)
    }

    fn set_domain(&mut self, tcb: Slot, number: u32) -> sel4::Result<()> {
        init_thread::slot::DOMAIN_SET
            .cap()
            .domain_set_set(domain(number)?, slot(tcb))
    }

    fn schedule(&mut self, entry: &ScheduleEntry) -> sel4::Result<()> {
        init_thread::slot::DOMAIN_SET
            .cap()
            .domain_set_schedule_configure(entry.index.into(), domain(entry.domain)?, entry.ticks)
    }

    fn resume(&mut self, tcb: Slot) -> sel4::Result<()> {
        slot::<sel4::cap_type::Tcb>(tcb).tcb_resume()
    }

    fn start_schedule(&mut self, index: u64) -> sel4::Result<()> {
        init_thread::slot::DOMAIN_SET
            .cap()
            .domain_set_schedule_set_start(index)
    }
}

/// A domain's number, which is a byte.
fn domain(number: u32) -> sel4::Result<u8> {
    u8::try_from(number).map_err(|_| sel4::Error::RangeError)
}

fn inside(cnode: Slot, bits: u32, index: u64) -> AbsoluteCPtr {
    // Originals have no guard: their depth is their size.
    slot::<sel4::cap_type::CNode>(cnode).absolute_cptr_from_bits_with_depth(index, bits as usize)
}
