// SPDX-License-Identifier: BSD-2-Clause
//! All parts, which a program is given at its entry, and the processor's sleep.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, Peripherals, SCB};
use molt_controller_banks::{Fault, Flash, layout};

use crate::registers::Registers;
use crate::{Clock, Console, SpiFlash, Uart, Watchdog};

const FMC: usize = 0x7e62_0000;
const FMC_WINDOW: usize = 0x8000_0000;
const TIMER: usize = 0x7e78_2000;
const CONSOLE: usize = 0x7e78_3000;
const LINE: usize = 0x7e78_4000;
const WATCHDOG: usize = 0x7e78_5000;
/// The processor's clock of 200 MHz has so many cycles in the longest sleep, 10 ms.
const SLEEP: u32 = 2_000_000;

/// The interrupt of the line's UART.
#[derive(Clone, Copy)]
struct LineInterrupt;

// SAFETY: it is always the same number, which the AST1030 gives to UART 5.
unsafe impl InterruptNumber for LineInterrupt {
    fn number(self) -> u16 {
        8
    }
}

/// The machine.
#[derive(Debug)]
pub struct Machine {
    /// The line to the host: UART 5.
    pub line: Uart,
    /// The console: UART 1.
    pub console: Console,
    /// The flash.
    pub flash: SpiFlash,
    /// The time.
    pub clock: Clock,
    /// The watchdog.
    pub watchdog: Watchdog,
}

/// The program's entry, with interrupts masked from here on.
#[doc(hidden)]
pub fn main(program: fn(Machine) -> !) -> ! {
    cortex_m::interrupt::disable();
    if let Some(mut peripherals) = Peripherals::take() {
        let timer = &mut peripherals.SYST;
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(SLEEP);
        timer.clear_current();
        timer.enable_counter();
        timer.enable_interrupt();
    }
    // SAFETY: interrupts are masked for good, so that it is never taken.
    unsafe { NVIC::unmask(LineInterrupt) };
    // SAFETY: each is the address of the registers of one of the AST1030's devices (of the flash's window), and taken once:
    // this is the only call, at the entry of the program.
    let [fmc, window, timer, console, line, watchdog] =
        unsafe { [FMC, FMC_WINDOW, TIMER, CONSOLE, LINE, WATCHDOG].map(|at| Registers::new(at)) };
    let mut line = Uart::new(line);
    line.announce(false);
    program(Machine {
        line,
        console: Console(Uart::new(console)),
        flash: SpiFlash::new(fmc, window),
        clock: Clock::new(timer),
        watchdog: Watchdog::new(watchdog),
    })
}

impl Machine {
    /// Copies an application from the flash to its memory and enters it. Returns only if that cannot be done.
    ///
    /// # Errors
    /// The flash cannot be read, or the application has no place in the memory for one.
    pub fn enter(&mut self, from: u32, length: u32, entry: u32) -> Result<(), Fault> {
        let (start, end) = (layout::APPLICATION, layout::APPLICATION_END);
        if length > end - start || entry < start || entry - start > length.saturating_sub(8) {
            return Err(Fault);
        }
        let memory = core::ptr::with_exposed_provenance_mut::<u8>(start as usize);
        // SAFETY: this memory is the applications', and the boot loader, which is the only one to call this, has nothing in it
        // (`memory.x` of the two).
        let memory = unsafe { core::slice::from_raw_parts_mut(memory, length as usize) };
        self.flash.read(from, memory)?;
        let table = core::ptr::with_exposed_provenance::<u32>(entry as usize);
        // SAFETY: the table is within what was copied, and the image's signature was checked: whoever signed it vouches for its
        // stack and its entry. This program does not go on.
        unsafe {
            // The table has to be where it is before an exception is taken.
            (*SCB::PTR).vtor.write(entry);
            cortex_m::asm::dsb();
            cortex_m::asm::isb();
            cortex_m::asm::bootload(table)
        }
    }
}

/// To be called before it is looked for what there is to do: what comes from then on ends the next [`sleep`].
pub fn wake() {
    SCB::clear_pendst();
    NVIC::unpend(LineInterrupt);
}

/// Sleeps until the line wants something since the last [`wake`], 10 ms at most.
pub fn sleep() {
    cortex_m::asm::dsb();
    cortex_m::asm::wfi();
}

/// Resets the controller.
pub fn reset() -> ! {
    SCB::sys_reset()
}
