// SPDX-License-Identifier: BSD-2-Clause
//! x86_64: a PC.

use core::sync::atomic::{AtomicU64, Ordering};

use sel4::{
    AbsoluteCPtr, BootInfoPtr, FrameObjectType, ObjectBlueprint, TranslationTableObjectType, cap,
    cap_type, init_thread::slot,
};

use crate::env::Env;

/// Where tests map: a multiple of what a table of the first level translates by one entry.
pub const WINDOW: usize = 0x80_0000_0000;

/// Objects that not every architecture has.
pub fn objects() -> [(&'static str, ObjectBlueprint); 7] {
    [
        ("huge_page", FrameObjectType::HugePage.blueprint()),
        ("pml4", TranslationTableObjectType::PML4.blueprint()),
        ("4k_page", FrameObjectType::_4k.blueprint()),
        ("large_page", FrameObjectType::LargePage.blueprint()),
        ("pdpt", TranslationTableObjectType::PDPT.blueprint()),
        (
            "page_directory",
            TranslationTableObjectType::PageDirectory.blueprint(),
        ),
        (
            "page_table",
            TranslationTableObjectType::PageTable.blueprint(),
        ),
    ]
}

/// Those of them that cannot be made of device memory.
pub fn not_of_device_memory() -> [(&'static str, ObjectBlueprint); 3] {
    let [.., pdpt, directory, table] = objects();
    [pdpt, directory, table]
}

/// The handler of an interrupt that never comes: message-signalled, from a PCI function that there is not.
pub fn spare_interrupt(to: &AbsoluteCPtr) -> sel4::Result<()> {
    (slot::IRQ_CONTROL.cap()).irq_control_get_msi(0, 31, 7, 1, 70, to)
}

/// The stack pointer with which a function begins whose stack ends at `top`: below it there would be the return address
/// (System V ABI for AMD64, 3.2.2).
pub const fn stack_pointer(top: usize) -> u64 {
    top as u64 - 8
}

/// The first UART's ports; line status register, and its bit for an empty transmit FIFO.
const UART: u16 = 0x3f8;
const LSR: u16 = UART + 5;
const EMPTY: u8 = 1 << 5;

/// The capability to the ports, or 0 while there is none.
static PORTS: AtomicU64 = AtomicU64::new(0);

/// Takes the UART's ports for [`put`].
pub fn open_console(env: &mut Env, _boot_info: &BootInfoPtr) {
    let ports: cap::IOPort = env.slot::<cap_type::IOPort>();
    let control = slot::IO_PORT_CONTROL.cap();
    control
        .ioport_control_issue(UART.into(), (UART + 7).into(), &env.at(ports))
        .expect("the UART's ports");
    PORTS.store(ports.bits(), Ordering::Relaxed);
}

/// Writes a byte to the console, if that is open.
pub fn put(byte: u8) {
    let ports = PORTS.load(Ordering::Relaxed);
    if ports == 0 {
        return;
    }
    let ports = cap::IOPort::from_bits(ports);
    while ports
        .ioport_in8(LSR)
        .is_ok_and(|status| status & EMPTY == 0)
    {}
    let _ = ports.ioport_out8(UART, byte);
}
