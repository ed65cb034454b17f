// SPDX-License-Identifier: BSD-2-Clause
//! What happens at a panic: the hook runs, then the protection domain faults on purpose, so that
//! its parent or the monitor hears of it.

use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicBool, AtomicPtr, Ordering},
};

use crate::{debug_println, pd_name};

/// Called with the panic, before the protection domain faults.
pub type PanicHook = &'static (dyn Fn(&PanicInfo<'_>) + Send + Sync);

/// Holds a `&'static PanicHook`, or null.
static HOOK: AtomicPtr<PanicHook> = AtomicPtr::new(core::ptr::null_mut());

/// Sets the hook, in place of the one that prints to the debug sink.
pub fn set_hook(hook: &'static PanicHook) {
    HOOK.store(core::ptr::from_ref(hook).cast_mut(), Ordering::Release);
}

static PANICKING: AtomicBool = AtomicBool::new(false);

#[cfg_attr(target_os = "none", panic_handler)]
#[cfg_attr(not(target_os = "none"), allow(dead_code))]
fn panic(info: &PanicInfo<'_>) -> ! {
    // A panic inside a hook ends here at once.
    if !PANICKING.swap(true, Ordering::Relaxed) {
        // SAFETY: only `set_hook` stores here, and what it stores lives for ever.
        match unsafe { HOOK.load(Ordering::Acquire).as_ref() } {
            Some(hook) => hook(info),
            None => debug_println!("{}: {info}", pd_name().unwrap_or("?")),
        }
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
        #[cfg(not(target_arch = "aarch64"))]
        core::hint::spin_loop();
    }
}
