// SPDX-License-Identifier: BSD-2-Clause
//! Linux's asynchronous I/O on one file (the kernel's `include/uapi/linux/aio_abi.h`): as many requests in
//! flight as there are slots, each with a buffer of its own.
//!
//! Completions are taken from the ring that the kernel maps into the program (`struct aio_ring` in its `fs/aio.c`), as fio
//! does; only where it is empty the program waits in the kernel.

use core::mem::size_of;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::{Errno, File, MAP_PRIVATE, MMAP, PROT_READ_WRITE, call};

const IO_SETUP: usize = 0;
const IO_DESTROY: usize = 1;
const IO_SUBMIT: usize = 2;
const IO_GETEVENTS: usize = 4;

const MAP_ANONYMOUS: usize = 0x20;
/// The pages are there before the first request is.
const MAP_POPULATE: usize = 0x8000;

/// The most requests in flight.
const SLOTS: usize = 32;

/// The operation of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `IOCB_CMD_PREAD`.
    Read = 0,
    /// `IOCB_CMD_PWRITE`.
    Write = 1,
}

/// `struct iocb`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Request {
    slot: u64,
    key: u32,
    flags: u32,
    operation: u16,
    priority: u16,
    file: u32,
    buffer: u64,
    bytes: u64,
    offset: u64,
    reserved: u64,
    more: [u32; 2],
}

/// `struct io_event`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Event {
    slot: u64,
    request: u64,
    result: i64,
    second: i64,
}

/// The ring's head, which the program moves.
const HEAD: usize = 8;
const TAIL: usize = 12;
/// Its number of places.
const PLACES: usize = 4;
/// Its magic number, and where that is.
const MAGIC: (usize, u32) = (16, 0xa10a_10a1);
/// Its first event.
const EVENTS: usize = 32;

const _: () = assert!(size_of::<Request>() == 64 && size_of::<Event>() == 32);

/// Requests of one size on one file.
pub struct Aio<'a> {
    file: &'a File,
    context: usize,
    buffers: usize,
    bytes: usize,
    depth: usize,
    requests: [Request; SLOTS],
    /// The requests that the next [`submit`](Self::submit) passes to the kernel.
    addresses: [usize; SLOTS],
    prepared: usize,
}

impl<'a> Aio<'a> {
    /// For `depth` requests at once (at most 32) of `bytes` each. The buffers stay as long as the program runs.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(file: &'a File, depth: usize, bytes: usize) -> Result<Self, Errno> {
        let depth = depth.clamp(1, SLOTS);
        let mut context = 0_usize;
        let address = &raw mut context as usize;
        call(IO_SETUP, [depth, address, 0, 0, 0, 0])?;
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
        let none = usize::MAX;
        let buffers = call(MMAP, [0, depth * bytes, PROT_READ_WRITE, flags, none, 0])?;
        Ok(Self {
            file,
            context,
            buffers,
            bytes,
            depth,
            requests: [Request::default(); SLOTS],
            addresses: [0; SLOTS],
            prepared: 0,
        })
    }

    /// How many may be in flight.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Prepares a request in a slot that is not in flight.
    pub fn prepare(&mut self, slot: usize, operation: Operation, offset: u64) {
        let (Some(request), Some(address)) = (
            self.requests.get_mut(slot),
            self.addresses.get_mut(self.prepared),
        ) else {
            return;
        };
        *request = Request {
            slot: slot as u64,
            operation: operation as u16,
            file: self.file.0 as u32,
            buffer: (self.buffers + slot * self.bytes) as u64,
            bytes: self.bytes as u64,
            offset,
            ..Request::default()
        };
        *address = &raw const *request as usize;
        self.prepared += 1;
    }

    /// Puts what was prepared in flight, in one call.
    ///
    /// # Errors
    /// The kernel's; it took none, or not all (`Errno(0)`).
    pub fn submit(&mut self) -> Result<(), Errno> {
        let count = core::mem::take(&mut self.prepared);
        if count == 0 {
            return Ok(());
        }
        let list = self.addresses.as_ptr() as usize;
        match call(IO_SUBMIT, [self.context, count, list, 0, 0, 0])? {
            taken if taken == count => Ok(()),
            _ => Err(Errno(0)),
        }
    }

    /// Waits until at least one is complete; tells the slot of each that is, and whether it succeeded.
    ///
    /// # Errors
    /// The kernel's.
    pub fn wait(&mut self, mut completed: impl FnMut(usize, bool)) -> Result<(), Errno> {
        let mut some = false;
        while let Some(event) = self.take() {
            completed(event.slot as usize, self.is_whole(&event));
            some = true;
        }
        if some {
            return Ok(());
        }
        let mut events = [Event::default(); SLOTS];
        let address = events.as_mut_ptr() as usize;
        let count = call(IO_GETEVENTS, [self.context, 1, self.depth, address, 0, 0])?;
        for event in events.iter().take(count) {
            completed(event.slot as usize, self.is_whole(event));
        }
        Ok(())
    }

    fn is_whole(&self, event: &Event) -> bool {
        usize::try_from(event.result) == Ok(self.bytes)
    }

    /// The ring's next event.
    fn take(&self) -> Option<Event> {
        let word = |offset: usize| {
            let address = ptr::with_exposed_provenance::<AtomicU32>(self.context + offset);
            // SAFETY: the kernel maps the ring at the context's address until it is destroyed, and writes its words whole.
            unsafe { &*address }
        };
        let head = word(HEAD).load(Ordering::Relaxed);
        // What the kernel wrote before it moved the tail is there.
        let tail = word(TAIL).load(Ordering::Acquire);
        let places = word(PLACES).load(Ordering::Relaxed);
        if word(MAGIC.0).load(Ordering::Relaxed) != MAGIC.1 || head == tail || head >= places {
            return None;
        }
        let address = self.context + EVENTS + head as usize * size_of::<Event>();
        // SAFETY: within the ring, and not written before the head has moved on.
        let event = unsafe { ptr::with_exposed_provenance::<Event>(address).read() };
        word(HEAD).store((head + 1) % places, Ordering::Release);
        Some(event)
    }
}

impl Drop for Aio<'_> {
    fn drop(&mut self) {
        // Waits for what is in flight; nothing can be done if it fails.
        let _ = call(IO_DESTROY, [self.context, 0, 0, 0, 0, 0]);
    }
}
