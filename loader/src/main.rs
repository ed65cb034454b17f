// SPDX-License-Identifier: BSD-2-Clause
//! The loader: starts either kernel from the state in which the machine enters the image.
//!
//! It is entered at EL2, or at EL3, which it leaves first, with the MMU off, at the first byte of the image. It checks the
//! payload (before all of it is found good, nothing is written), turns on the MMU with RAM and the UART mapped at their
//! physical addresses and the kernel at its virtual one, copies kernel and root task to their places, makes the copies
//! visible to instruction fetch, starts the other cores if the kernel uses several, and enters the kernel.
//!
//! The kernel gets in x0 and x1 the first and the end address of the root task's image (physical), in x2 its
//! physical-minus-virtual offset, in x3 its virtual entry, in x4 and x5 address and size of a device tree. Every core gets
//! the same, and its own number in TPIDR_EL1.
#![no_std]
#![no_main]

mod copy;
mod cores;
mod enter;
mod secure;
mod tables;

use core::fmt::Write;

use molt_payload::{Header, LINK_ADDRESS, MAGIC, PAYLOAD_OFFSET};
use molt_shared::Registers;
use molt_uart::{Kind, Uart};

/// Called by the entry code with a stack and bss cleared.
// SAFETY: no other symbol of the loader has this name; `_start` branches to it with this argument.
#[unsafe(no_mangle)]
extern "C" fn loader_main(exception_level: u64) -> ! {
    let header = header();
    let plan = match molt_payload::check(header) {
        Ok(plan) => plan,
        Err(error) => stop(format_args!("{error}")),
    };
    if exception_level == 3 && cores::release(header).is_none() {
        stop(format_args!(
            "entered at EL3, and the board's file does not tell what starts its other cores"
        ));
    }
    to_el2(header, exception_level, enter::first());
    tables::make(header);
    tables::enable();
    for copy in plan.copies() {
        copy::carry_out(copy);
    }
    copy::before_execution();
    if let Err(failure) = cores::start(header) {
        stop(format_args!("{failure}"));
    }
    say(format_args!("kernel and root task are in place"));
    enter::kernel(header, 0)
}

/// Called by the entry code of the other cores, with their number. The first has checked the payload, or does.
// SAFETY: no other symbol of the loader has this name; `_start_other` branches to it with these arguments.
#[unsafe(no_mangle)]
extern "C" fn loader_other(exception_level: u64, core: u64) -> ! {
    let header = header();
    to_el2(header, exception_level, enter::other());
    cores::wait();
    tables::enable();
    enter::kernel(header, core)
}

/// Returns at EL2; a core at EL3 comes back to `entry`.
fn to_el2(header: &Header, exception_level: u64, entry: u64) {
    match exception_level {
        2 => {}
        3 => match secure::leave(header, entry) {
            Some(never) => match never {},
            None => stop(format_args!(
                "entered at EL3, and the board's file does not tell its interrupt controller"
            )),
        },
        level => stop(format_args!(
            "entered at EL{level}, not EL2 (QEMU: -machine ...,virtualization=on)"
        )),
    }
}

/// The payload's header, or whatever bytes are in its place.
fn header() -> &'static Header {
    // SAFETY: the linker script keeps the loader below PAYLOAD_OFFSET, RAM reaches further than the
    // header, every bit pattern is a Header, and nothing writes to it while the loader runs
    // (`check` refuses copies that would).
    unsafe { &*((LINK_ADDRESS + PAYLOAD_OFFSET) as *const Header) }
}

/// The board's UART; `None` if the header does not tell it, or is none.
fn uart() -> Option<Uart<Registers>> {
    let header = header();
    let kind = u32::try_from(header.uart_kind.get()).ok()?;
    let kind = Kind::try_from(kind)
        .ok()
        .filter(|_| header.magic.get() == MAGIC)?;
    // SAFETY: the tool puts the board's UART into the header; its registers are mapped as device memory, or the MMU
    // is off, which makes every access a device access. It reaches no memory.
    let registers =
        unsafe { Registers::new(header.uart_address.get() as usize, molt_uart::REGISTERS) };
    Some(Uart::new(kind, registers))
}

/// Writes one line. (A release kernel prints nothing. By this line a reader of the console knows that the loader has
/// finished.)
fn say(text: core::fmt::Arguments) {
    if let Some(mut uart) = uart() {
        uart.enable();
        let _ = write!(uart, "loader: {text}\r\n");
    }
}

/// Says why there is nothing to start, and stays.
fn stop(reason: core::fmt::Arguments) -> ! {
    say(reason);
    loop {
        enter::wait();
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    stop(format_args!("{}", info.message()))
}
