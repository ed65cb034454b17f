// SPDX-License-Identifier: BSD-2-Clause
//! The entry of a root task.
#![allow(
    unsafe_code,
    reason = "nothing is set up before the first instruction but what the kernel says"
)]

use sel4::{BootInfo, BootInfoPtr, set_ipc_buffer};

/// Makes `main` the root task: `fn(&sel4::BootInfoPtr) -> !`.
///
/// The kernel starts the root task without a stack; the macro gives it a static one of
/// `stack_size` bytes (64 KiB unless said otherwise) and sets the IPC buffer. Upstream has this as
/// the attribute `#[root_task]` of the crate `sel4-root-task`.
///
/// ```ignore
/// sel4_extra::root_task!(main = main, stack_size = 16 * 1024);
/// ```
#[macro_export]
macro_rules! root_task {
    (main = $main:expr $(,)?) => {
        $crate::root_task!(main = $main, stack_size = 64 * 1024);
    };
    (main = $main:expr, stack_size = $size:expr $(,)?) => {
        const _: () = {
            #[repr(C, align(16))]
            struct Stack(core::cell::UnsafeCell<[u8; $size]>);
            // SAFETY: nothing but the first thread's stack pointer refers to it.
            unsafe impl Sync for Stack {}
            static STACK: Stack = Stack(core::cell::UnsafeCell::new([0; $size]));

            // SAFETY: the name is that of the entry, and there is one in a program.
            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            unsafe extern "C" fn _start() -> ! {
                $crate::__with_stack!(STACK, $size, entry)
            }

            unsafe extern "C" fn entry(boot_info: *const $crate::_sel4::BootInfo) -> ! {
                let main: fn(&$crate::_sel4::BootInfoPtr) -> ! = $main;
                // SAFETY: the kernel passes this pointer to the root task, in the register of the first parameter.
                unsafe { $crate::__start_root_task(boot_info, main) }
            }
        };
    };
}

/// What [`root_task!`] does once there is a stack.
///
/// # Safety
/// As for [`BootInfoPtr::new`]; called once.
#[doc(hidden)]
pub unsafe fn __start_root_task(boot_info: *const BootInfo, main: fn(&BootInfoPtr) -> !) -> ! {
    // SAFETY: passed on.
    let boot_info = unsafe { BootInfoPtr::new(boot_info) };
    // SAFETY: the kernel maps the IPC buffer there, and nobody else has a reference to it.
    set_ipc_buffer(unsafe { &mut *boot_info.ipc_buffer() });
    main(&boot_info)
}
