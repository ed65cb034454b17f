// SPDX-License-Identifier: BSD-2-Clause
//! How a program begins, and what becomes of one that fails: the controller is reset, which ends a trial.

use core::fmt::Write;
use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;

use crate::registers::Registers;
use crate::{Console, Uart};

const CONSOLE: usize = 0x7e78_3000;

/// Makes a function the program's entry: `entry!(main)`, where `main` is a `fn(Machine) -> !`.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        /// Called by `cortex-m-rt`, once, when the memory is set up.
        // SAFETY: no other symbol has this name, and `cortex-m-rt` calls a function of this type by it.
        #[unsafe(export_name = "main")]
        extern "C" fn entry() -> ! {
            $crate::main($main)
        }
    };
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // SAFETY: the program that had the registers does not go on.
    let mut console = Console(Uart::new(unsafe { Registers::new(CONSOLE) }));
    let _ = writeln!(console, "controller: {info}");
    SCB::sys_reset()
}

/// A fault of the processor.
// SAFETY: `cortex-m-rt` has its own only where there is none of this name, and its type is this one.
#[unsafe(export_name = "HardFault")]
extern "C" fn hard_fault() -> ! {
    // SAFETY: as above.
    let mut console = Console(Uart::new(unsafe { Registers::new(CONSOLE) }));
    let _ = writeln!(console, "controller: a fault of the processor");
    SCB::sys_reset()
}
