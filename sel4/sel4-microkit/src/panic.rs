// SPDX-License-Identifier: BSD-2-Clause
//! The panic handler: the protection domain faults on purpose, so that its parent or the monitor
//! is informed.

use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{debug_println, pd_name};

static PANICKING: AtomicBool = AtomicBool::new(false);

#[cfg_attr(target_os = "none", panic_handler)]
#[cfg_attr(not(target_os = "none"), allow(dead_code))]
fn panic(info: &PanicInfo<'_>) -> ! {
    // A panic while this prints ends here at once.
    if !PANICKING.swap(true, Ordering::Relaxed) {
        debug_println!("{}: {info}", pd_name().unwrap_or("?"));
    }
    abort()
}

/// Faults: an undefined instruction (a `UserException` for the fault handler), again and again.
pub(crate) fn abort() -> ! {
    loop {
        #[cfg(target_arch = "aarch64")]
        // SAFETY: the instruction does nothing but fault.
        unsafe {
            core::arch::asm!("udf #0", options(nomem, nostack));
        }
        #[cfg(all(target_arch = "x86_64", target_os = "none"))]
        // SAFETY: the instruction does nothing but fault.
        unsafe {
            core::arch::asm!("ud2", options(nomem, nostack));
        }
        #[cfg(not(target_os = "none"))]
        core::hint::spin_loop();
    }
}
