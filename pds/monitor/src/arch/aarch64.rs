// SPDX-License-Identifier: BSD-2-Clause
//! AArch64: interrupts of the GIC, a UART in memory, vCPUs; no I/O ports and no IOMMU that the kernel knows.

use molt_monitor::{Kernel, Slot};
use molt_shared::Registers;
use molt_system::boot::{IoPorts, IoSpace, Irq, Kind};
use sel4::{BootInfoPtr, CapRights, ObjectBlueprint, ObjectBlueprintArm, cap, init_thread};

use crate::invocations::{Invocations, WINDOW, own, slot};

/// Where the UART is mapped.
const UART: u64 = WINDOW + 0x1000;

/// What the last word of a memory fault is.
pub const SYNDROME: &str = "ESR";

/// Translation tables, upper ones first: log2 of the bytes that one translates, and what it is made as.
pub const TABLE_KINDS: [(u32, Kind); 2] = [(30, Kind::PageTable), (21, Kind::PageTable)];

/// What the kernel says of the machine: nothing that is needed.
pub struct Machine;

/// How an object of this architecture's own is made.
pub fn blueprint(kind: Kind) -> ObjectBlueprint {
    match kind {
        Kind::Vcpu => ObjectBlueprint::Arch(ObjectBlueprintArm::VCpu),
        // The kinds of x86_64 are in no table for this architecture; the kernel refuses what comes of one.
        _ => ObjectBlueprint::Arch(ObjectBlueprintArm::PT),
    }
}

/// The handler of an interrupt of the GIC.
pub fn irq_handler(irq: &Irq, handler: Slot) -> sel4::Result<()> {
    let control = init_thread::slot::IRQ_CONTROL.cap();
    let (number, edge) = (irq.number.into(), irq.edge != 0);
    sel4::sel4_cfg_if! {
        if #[sel4_cfg(MAX_NUM_NODES = "1")] {
            control.irq_control_get_trigger(number, edge, &own(handler))
        } else {
            // The first 32 interrupts, each core's own, have handlers in this way only.
            control.irq_control_get_trigger_core(number, edge, irq.core.into(), &own(handler))
        }
    }
}

/// Binds a vCPU to the thread that runs it.
pub fn bind_vcpu(vcpu: Slot, tcb: cap::Tcb) -> sel4::Result<()> {
    slot::<sel4::cap_type::VCpu>(vcpu).vcpu_set_tcb(tcb)
}

/// Maps the UART's page, whose frame is in slot `uart`.
pub fn open_uart(kernel: &mut Invocations, uart: Slot, next: &mut Slot) -> sel4::Result<()> {
    kernel.copy(uart, *next, 15, 0)?;
    let vspace = init_thread::slot::VSPACE.cap().bits();
    let attributes = sel4_extra::device().into_inner();
    kernel.map(vspace, *next, UART, 3, attributes)?;
    *next += 1;
    Ok(())
}

/// The UART's registers, once [`open_uart`] has mapped them.
pub fn uart(_port: u64) -> Registers {
    // SAFETY: `open_uart` has mapped the UART's page here, for good.
    unsafe { Registers::new(UART as usize, molt_uart::REGISTERS) }
}

impl Machine {
    pub fn new(_: &BootInfoPtr) -> Self {
        Self
    }

    pub fn io_ports(&self, _: &IoPorts, _: Slot) -> sel4::Result<()> {
        Err(sel4::Error::IllegalOperation)
    }

    pub fn io_space(&self, _: &IoSpace, _: Slot) -> sel4::Result<u64> {
        Err(sel4::Error::IllegalOperation)
    }

    pub fn map_io_table(&self, _: Slot, _: Slot, _: u64) -> sel4::Result<()> {
        Err(sel4::Error::IllegalOperation)
    }

    pub fn map_io(&self, _: Slot, _: Slot, _: u64, _: CapRights) -> sel4::Result<()> {
        Err(sel4::Error::IllegalOperation)
    }

    pub fn counter_hz(&self) -> u64 {
        0
    }
}
