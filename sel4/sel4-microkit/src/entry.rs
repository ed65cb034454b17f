// SPDX-License-Identifier: BSD-2-Clause
//! The entry of a protection domain.

use core::cell::UnsafeCell;

use crate::{Handler, debug_println, panic::abort, pd_name, symbols};

/// A static stack.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct Stack<const SIZE: usize>(UnsafeCell<[u8; SIZE]>);

// SAFETY: nothing but the stack pointer refers to it.
unsafe impl<const SIZE: usize> Sync for Stack<SIZE> {}

impl<const SIZE: usize> Stack<SIZE> {
    /// An empty one.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(UnsafeCell::new([0; SIZE]))
    }
}

/// Makes `init` (`fn() -> impl Handler`) the protection domain's initialisation.
///
/// Usually written as the attribute [`protection_domain`](crate::protection_domain). Optional, in
/// this order: `stack_size = BYTES`, `heap_size = BYTES`. Without a stack size the stack is the
/// one that the tool maps (8 KiB unless the system description says otherwise).
#[macro_export]
macro_rules! declare_protection_domain {
    (init = $init:expr $(,)?) => {
        const _: () = {
            // SAFETY: the name is that of the entry, and there is one in a program.
            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            unsafe extern "C" fn _start() -> ! {
                $crate::_private::with_given_stack!(entry)
            }
            unsafe extern "C" fn entry() -> ! {
                // SAFETY: this is the entry, called once, as Microkit starts a protection domain.
                unsafe { $crate::_private::start($init) }
            }
        };
    };
    (init = $init:expr, stack_size = $size:expr $(,)?) => {
        const _: () = {
            static STACK: $crate::_private::Stack<{ $size }> = $crate::_private::Stack::new();
            // SAFETY: the name is that of the entry, and there is one in a program.
            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            unsafe extern "C" fn _start() -> ! {
                $crate::_private::with_stack!(STACK, $size, entry)
            }
            unsafe extern "C" fn entry() -> ! {
                // SAFETY: this is the entry, called once, as Microkit starts a protection domain.
                unsafe { $crate::_private::start($init) }
            }
        };
    };
    (init = $init:expr, $(stack_size = $stack:expr,)? heap_size = $heap:expr $(,)?) => {
        const _: () = {
            #[global_allocator]
            static HEAP: $crate::_private::Heap<{ $heap }> = $crate::_private::Heap::new();
        };
        $crate::declare_protection_domain!(init = $init, $(stack_size = $stack)?);
    };
}

/// The page of the IPC buffer: the last one that a user program can have.
const IPC_BUFFER: usize =
    (sel4::sys::seL4_UserVSpaceTop & !((1 << sel4::sys::seL4_PageBits) - 1)) as usize;

/// The main function of every protection domain: initialises it and runs the event loop.
///
/// # Safety
/// Called once, at the program's entry, in a protection domain.
#[doc(hidden)]
pub unsafe fn start<T: Handler>(init: impl FnOnce() -> T) -> ! {
    // SAFETY: Microkit maps the IPC buffer there, and nobody else has a reference to it.
    sel4::set_ipc_buffer(unsafe {
        &mut *core::ptr::with_exposed_provenance_mut::<sel4::IpcBuffer>(IPC_BUFFER)
    });
    // The tool wants these symbols in every program: a read keeps the linker from dropping them.
    let _ = core::hint::black_box((
        symbols::pd_ioports(),
        symbols::pd_notifications(),
        symbols::pd_pps(),
        symbols::pd_name_bytes().len(),
    ));
    match init().run() {
        Ok(never) => match never {},
        Err(error) => {
            debug_println!("{}: stopped: {error}", pd_name().unwrap_or("?"));
            abort()
        }
    }
}
