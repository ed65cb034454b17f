// SPDX-License-Identifier: BSD-2-Clause
//! AArch64: QEMU's virt.

use core::sync::atomic::{AtomicUsize, Ordering};

use sel4::{
    AbsoluteCPtr, BootInfoPtr, CapRights, ObjectBlueprint, ObjectBlueprintAArch64,
    ObjectBlueprintArch, VmAttributes, cap, init_thread::slot,
};

use crate::env::Env;

/// Where tests map: a multiple of what a table of the first level translates by one entry.
pub const WINDOW: usize = 0x10_0000_0000;

/// Objects that not every architecture has.
pub fn objects() -> [(&'static str, ObjectBlueprint); 6] {
    [
        ("huge_page", ObjectBlueprintAArch64::HugePage.into()),
        ("vspace", ObjectBlueprintAArch64::VSpace.into()),
        ("small_page", ObjectBlueprintArch::SmallPage.into()),
        ("large_page", ObjectBlueprintArch::LargePage.into()),
        ("pt", ObjectBlueprintArch::PT.into()),
        ("vcpu", ObjectBlueprintArch::VCpu.into()),
    ]
}

/// Those of them that cannot be made of device memory.
pub fn not_of_device_memory() -> [(&'static str, ObjectBlueprint); 2] {
    let [.., table, vcpu] = objects();
    [table, vcpu]
}

/// The handler of an interrupt that never comes.
pub fn spare_interrupt(to: &AbsoluteCPtr) -> sel4::Result<()> {
    slot::IRQ_CONTROL.cap().irq_control_get(70, to)
}

/// The stack pointer with which a function begins whose stack ends at `top`.
pub const fn stack_pointer(top: usize) -> u64 {
    top as u64
}

/// Physical address of the first UART, a PL011, and where it is mapped.
const UART: usize = 0x0900_0000;
const UART_MAPPED: usize = 0x7f_0000_0000;
/// Data register; flag register, and its bit for a full transmit FIFO.
const DR: usize = 0x00;
const FR: usize = 0x18;
const TXFF: u32 = 1 << 5;

/// The mapped registers, or 0 while they are not.
static REGISTERS: AtomicUsize = AtomicUsize::new(0);

/// Maps the UART for [`put`].
pub fn open_console(env: &mut Env, boot_info: &BootInfoPtr) {
    let page: cap::Granule = env
        .device_page(boot_info, UART)
        .expect("the UART's untyped");
    env.map_tables_of(boot_info, UART_MAPPED);
    page.frame_map(
        env.vspace(),
        UART_MAPPED,
        CapRights::read_write(),
        VmAttributes::NONE,
    )
    .expect("map");
    REGISTERS.store(UART_MAPPED, Ordering::Relaxed);
}

/// Writes a byte to the console, if that is open.
pub fn put(byte: u8) {
    let registers = REGISTERS.load(Ordering::Relaxed);
    if registers == 0 {
        return;
    }
    // SAFETY: `open_console` has mapped the UART's registers there, for ever.
    unsafe {
        let flags = core::ptr::with_exposed_provenance::<u32>(registers + FR);
        while flags.read_volatile() & TXFF != 0 {}
        let data = core::ptr::with_exposed_provenance_mut::<u32>(registers + DR);
        data.write_volatile(byte.into());
    }
}
