// SPDX-License-Identifier: BSD-2-Clause
//! x86_64: interrupts of I/O APICs and PCI functions, I/O ports, devices' address spaces, the time stamp counter.

use core::sync::atomic::{AtomicU64, Ordering};

use molt_monitor::{Kernel, Slot};
use molt_shared::Mmio;
use molt_system::boot::{IRQ_IOAPIC, IRQ_MSI, IoPorts, IoSpace, Irq, Kind};
use sel4::{
    BootInfoExtraId, BootInfoPtr, CapRights, ObjectBlueprint, ObjectBlueprintX64,
    ObjectBlueprintX86, cap, cap_type, init_thread,
};

use crate::invocations::{Invocations, own, slot};

/// What the last word of a memory fault is.
pub const SYNDROME: &str = "error code";

/// Translation tables, upper ones first: log2 of the bytes that one translates, and what it is made as.
pub const TABLE_KINDS: [(u32, Kind); 3] = [
    (39, Kind::Pdpt),
    (30, Kind::PageDirectory),
    (21, Kind::PageTable),
];

/// Levels of tables of a device's address space that the tool makes: 39 bits of addresses.
const IO_LEVELS: u64 = 3;

/// What the kernel says of the machine.
pub struct Machine {
    counter_hz: u64,
    io_levels: u64,
}

/// How an object of this architecture's own is made.
pub fn blueprint(kind: Kind) -> ObjectBlueprint {
    ObjectBlueprint::Arch(match kind {
        Kind::Pdpt => ObjectBlueprintX86::SeL4Arch(ObjectBlueprintX64::PDPT),
        Kind::PageDirectory => ObjectBlueprintX86::PageDirectory,
        Kind::IoPageTable => ObjectBlueprintX86::IOPageTable,
        // vCPUs are in no table for this architecture.
        _ => ObjectBlueprintX86::PageTable,
    })
}

/// The handler of an interrupt.
pub fn irq_handler(irq: &Irq, handler: Slot) -> sel4::Result<()> {
    let control = init_thread::slot::IRQ_CONTROL.cap();
    let (number, vector) = (irq.number.into(), irq.vector.into());
    match irq.kind {
        IRQ_IOAPIC => control.irq_control_get_ioapic(
            irq.source.into(),
            number,
            u64::from(irq.edge == 0),
            irq.low.into(),
            vector,
            &own(handler),
        ),
        IRQ_MSI => control.irq_control_get_msi(
            u64::from(irq.source >> 8),
            u64::from(irq.source >> 3 & 0x1f),
            u64::from(irq.source & 7),
            number,
            vector,
            &own(handler),
        ),
        _ => Err(sel4::Error::IllegalOperation),
    }
}

/// There are none without VT-x.
pub fn bind_vcpu(_: Slot, _: cap::Tcb) -> sel4::Result<()> {
    Err(sel4::Error::IllegalOperation)
}

/// The slot of the UART's ports.
static UART: AtomicU64 = AtomicU64::new(0);

/// Takes a copy of the UART's ports, whose capability is in slot `uart`.
pub fn open_uart(kernel: &mut Invocations, uart: Slot, next: &mut Slot) -> sel4::Result<()> {
    kernel.copy(uart, *next, 15, 0)?;
    UART.store(*next, Ordering::Relaxed);
    *next += 1;
    Ok(())
}

/// The UART's registers from port `port` on, once [`open_uart`] has been there.
pub fn uart(port: u64) -> Ports {
    Ports {
        first: port as u16,
        slot: UART.load(Ordering::Relaxed),
    }
}

/// Registers of 8 bits in I/O ports.
pub struct Ports {
    first: u16,
    slot: Slot,
}

impl Mmio for Ports {
    fn read(&self, offset: usize) -> u32 {
        let ports: cap::IOPort = slot(self.slot);
        // As a port without a device answers.
        ports
            .ioport_in8(self.first.wrapping_add(offset as u16))
            .map_or(0xff, u32::from)
    }

    fn write(&self, offset: usize, value: u32) {
        let ports: cap::IOPort = slot(self.slot);
        // An error means that there is no such port: nothing to write to.
        let _ = ports.ioport_out8(self.first.wrapping_add(offset as u16), value as u8);
    }
}

impl Machine {
    pub fn new(boot_info: &BootInfoPtr) -> Self {
        let mhz = boot_info
            .extra()
            .find(|e| e.id == BootInfoExtraId::X86TscFreq);
        let mhz = mhz.and_then(|e| e.content().first_chunk().copied().map(u32::from_le_bytes));
        Self {
            counter_hz: u64::from(mhz.unwrap_or(0)) * 1_000_000,
            io_levels: boot_info.inner().numIOPTLevels,
        }
    }

    pub fn io_ports(&self, row: &IoPorts, ports: Slot) -> sel4::Result<()> {
        let control = init_thread::slot::IO_PORT_CONTROL.cap();
        control.ioport_control_issue(row.first.into(), row.last.into(), &own(ports))
    }

    /// Mints the capability; gives the number of tables that are needed above the tool's.
    pub fn io_space(&self, row: &IoSpace, space: Slot) -> sel4::Result<u64> {
        // Domain in the upper half of the badge, PCI function in the lower (seL4 reference manual, 9.2).
        let badge = u64::from(row.domain) << 16 | u64::from(row.device);
        let all = own(init_thread::slot::IO_SPACE.cptr_bits());
        own(space).mint(&all, CapRights::all(), badge)?;
        Ok(self.io_levels.saturating_sub(IO_LEVELS))
    }

    pub fn map_io_table(&self, space: Slot, table: Slot, address: u64) -> sel4::Result<()> {
        slot::<cap_type::IOPageTable>(table).io_page_table_map(slot(space), address)
    }

    pub fn map_io(
        &self,
        space: Slot,
        frame: Slot,
        address: u64,
        rights: CapRights,
    ) -> sel4::Result<()> {
        slot::<cap_type::Granule>(frame).io_frame_map(slot(space), rights, address)
    }

    pub fn counter_hz(&self) -> u64 {
        self.counter_hz
    }
}
