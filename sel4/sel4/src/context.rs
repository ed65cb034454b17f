// SPDX-License-Identifier: BSD-2-Clause
//! Where an invocation finds the IPC buffer of its thread.

use core::cell::RefCell;

use crate::IpcBuffer;

/// A way to the current thread's IPC buffer.
pub trait InvocationContext {
    /// Calls `f` with the buffer.
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T;
}

impl InvocationContext for &mut IpcBuffer {
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        f(self)
    }
}

impl<U: InvocationContext> InvocationContext for &mut U {
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        U::with_context(self, f)
    }
}

impl<U: InvocationContext> InvocationContext for &RefCell<U> {
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        U::with_context(&mut self.borrow_mut(), f)
    }
}

/// The buffer that was given to [`set_ipc_buffer`].
#[derive(Debug, Copy, Clone, Default, PartialEq, Eq, Hash)]
pub struct ImplicitInvocationContext;

impl ImplicitInvocationContext {
    /// The context.
    pub const fn new() -> Self {
        Self
    }
}

impl InvocationContext for ImplicitInvocationContext {
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        with_ipc_buffer_mut(f)
    }
}

/// The context of a capability that was not given another.
pub type NoExplicitInvocationContext = ImplicitInvocationContext;

/// The buffer of the program's first thread.
struct FirstThreadsOwn(RefCell<Option<&'static mut IpcBuffer>>);

// SAFETY: only the program's first thread uses the implicit context; the crate's documentation
// says so, and protection domains have one thread.
unsafe impl Sync for FirstThreadsOwn {}

static IPC_BUFFER: FirstThreadsOwn = FirstThreadsOwn(RefCell::new(None));

/// Sets the buffer that invocations without an explicit context use.
pub fn set_ipc_buffer(ipc_buffer: &'static mut IpcBuffer) {
    *IPC_BUFFER.0.borrow_mut() = Some(ipc_buffer);
}

/// Calls `f` with the buffer.
///
/// # Panics
/// Before [`set_ipc_buffer`], and inside [`with_ipc_buffer_mut`].
pub fn with_ipc_buffer<F, T>(f: F) -> T
where
    F: FnOnce(&IpcBuffer) -> T,
{
    f(IPC_BUFFER.0.borrow().as_ref().expect("IPC buffer not set"))
}

/// Calls `f` with the buffer, to change it.
///
/// # Panics
/// Before [`set_ipc_buffer`], and inside itself or [`with_ipc_buffer`].
pub fn with_ipc_buffer_mut<F, T>(f: F) -> T
where
    F: FnOnce(&mut IpcBuffer) -> T,
{
    f(IPC_BUFFER
        .0
        .borrow_mut()
        .as_mut()
        .expect("IPC buffer not set"))
}
