// SPDX-License-Identifier: BSD-2-Clause
//! Linux's system calls on arm64 (the kernel's `include/uapi/asm-generic/unistd.h`), as many as are used here.
//!
//! Programs are built for bare AArch64, with the same compiler and libraries as all the rest: they need
//! no C library and no second target. A program has a function `program_start`, which is called with the
//! stack pointer at the entry.
#![no_std]

mod aio;
mod child;
mod clock;
mod directory;
mod exchange;
mod machine;
mod mapping;
pub mod mark;
mod port;
mod print;
mod socket;

pub use aio::{Aio, Operation};
pub use child::Child;
pub use clock::{Watchdog, monotonic, processors, run_on};
pub use directory::{Names, link_target};
pub use exchange::{O_TRUNC, link, make_directory, rename, unlink, write_file};
pub use machine::{credit_entropy, insert_module, mount, power_off, sleep_ms, stand_back};
pub use mapping::Mapping;
pub use port::{NoPort, as_path, open_port, terminated};
pub use print::print_line;
pub use socket::{Address, READABLE, Received, Socket, WRITABLE, wait};

use core::arch::{asm, global_asm};
use core::ffi::CStr;
use core::{ptr, slice};

const OPENAT: usize = 56;
const CLOSE: usize = 57;
const LSEEK: usize = 62;
const READ: usize = 63;
const WRITE: usize = 64;
const PREAD64: usize = 67;
const PWRITE64: usize = 68;
const FSYNC: usize = 82;
const EXIT_GROUP: usize = 94;
const MMAP: usize = 222;

const AT_FDCWD: usize = -100_isize as usize;
/// Flags of `open` on arm64.
pub const O_RDONLY: usize = 0;
/// Writing a file that is there.
pub const O_WRONLY: usize = 1;
/// Reading and writing, made where it is not there.
pub const O_RDWR_CREATE: usize = 0o2 | 0o100;
/// Reading and writing.
pub const O_RDWR: usize = 0o2;
/// Of a block device: unless it is mounted, or claimed in another way.
pub const O_EXCL: usize = 0o200;
/// Past the page cache.
pub const O_DIRECT: usize = 0o200_000;
/// For `/dev/mem`: as a device, uncached.
pub const O_SYNC: usize = 0o4_010_000;

const PROT_READ_WRITE: usize = 3;
const PROT_READ: usize = 1;
const MAP_SHARED: usize = 1;
const MAP_PRIVATE: usize = 2;
const SEEK_END: usize = 2;

/// A Linux error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub usize);

// The stack pointer at the entry points at the count of arguments, then the arguments
// (System V ABI, "Process Initialization").
#[rustfmt::skip]
global_asm!(
    ".global _start",
    "_start:",
    "mov x29, xzr",
    "mov x30, xzr",
    "mov x0, sp",
    "and sp, x0, #-16",
    "bl program_start",
    "brk #1",
);

fn call(number: usize, arguments: [usize; 6]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = arguments;
    let result: isize;
    // SAFETY: the wrappers below pass addresses and lengths of memory that the caller has lent them.
    unsafe {
        asm!("svc #0", in("x8") number, inlateout("x0") a => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f, options(nostack));
    }
    match usize::try_from(result) {
        Ok(value) => Ok(value),
        Err(_) => Err(Errno(result.unsigned_abs())),
    }
}

/// An open file; closed when dropped.
pub struct File(usize);

impl File {
    /// Opens it.
    pub fn open(path: &CStr, flags: usize) -> Result<Self, Errno> {
        let path = path.as_ptr() as usize;
        call(OPENAT, [AT_FDCWD, path, flags, 0o644, 0, 0]).map(Self)
    }

    /// Reads from where the last read ended; 0 at the end.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let address = buffer.as_mut_ptr() as usize;
        call(READ, [self.0, address, buffer.len(), 0, 0, 0])
    }

    /// Writes where the last write ended, as much as there is room for.
    pub fn write(&self, buffer: &[u8]) -> Result<usize, Errno> {
        let address = buffer.as_ptr() as usize;
        call(WRITE, [self.0, address, buffer.len(), 0, 0, 0])
    }

    /// Reads at this offset.
    pub fn read_at(&self, buffer: &mut [u8], offset: usize) -> Result<usize, Errno> {
        let address = buffer.as_mut_ptr() as usize;
        call(PREAD64, [self.0, address, buffer.len(), offset, 0, 0])
    }

    /// Writes at this offset.
    pub fn write_at(&self, buffer: &[u8], offset: usize) -> Result<usize, Errno> {
        let address = buffer.as_ptr() as usize;
        call(PWRITE64, [self.0, address, buffer.len(), offset, 0, 0])
    }

    /// Waits until all that was written is on the disk.
    pub fn sync(&self) -> Result<(), Errno> {
        call(FSYNC, [self.0, 0, 0, 0, 0, 0]).map(drop)
    }

    /// How many bytes it holds; a block device's capacity.
    pub fn size(&self) -> Result<usize, Errno> {
        call(LSEEK, [self.0, 0, SEEK_END, 0, 0, 0])
    }

    /// Maps so many bytes of it, shared, for reading and writing; never unmapped.
    pub fn map(&self, offset: usize, length: usize) -> Result<usize, Errno> {
        let protection = PROT_READ_WRITE;
        call(MMAP, [0, length, protection, MAP_SHARED, self.0, offset])
    }

    /// All of it, as long as the program runs; for a file that nobody changes.
    pub fn contents(&self) -> Result<&'static [u8], Errno> {
        let length = self.size()?;
        if length == 0 {
            return Ok(&[]);
        }
        let address = call(MMAP, [0, length, PROT_READ, MAP_PRIVATE, self.0, 0])?;
        // SAFETY: just mapped, so many bytes, and never unmapped.
        Ok(unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(address), length) })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // Nothing can be done about it.
        let _ = call(CLOSE, [self.0, 0, 0, 0, 0, 0]);
    }
}

/// Prints on the standard output.
pub fn print(text: &str) {
    // Nobody to tell where the console is gone.
    let _ = call(WRITE, [1, text.as_ptr() as usize, text.len(), 0, 0, 0]);
}

/// The monotonic clock in nanoseconds, by the virtual counter that the kernel lets programs read.
pub fn now() -> u64 {
    let (ticks, frequency): (u64, u64);
    // SAFETY: reads two registers that Linux leaves open to programs.
    unsafe {
        asm!("isb", "mrs {}, cntvct_el0", "mrs {}, cntfrq_el0", out(reg) ticks, out(reg) frequency,
            options(nomem, nostack));
    }
    u64::try_from(u128::from(ticks) * 1_000_000_000 / u128::from(frequency.max(1)))
        .unwrap_or(u64::MAX)
}

/// Ends the program.
pub fn exit(code: usize) -> ! {
    loop {
        let _ = call(EXIT_GROUP, [code, 0, 0, 0, 0, 0]);
    }
}

/// The program's arguments, its name first.
pub struct Arguments {
    next: *const *const core::ffi::c_char,
}

impl Arguments {
    /// From the stack at the entry.
    ///
    /// # Safety
    ///
    /// `stack` is the stack pointer that the kernel started the program with.
    pub unsafe fn new(stack: *const usize) -> Self {
        // SAFETY: behind the count stand the arguments' addresses.
        let next = unsafe { stack.add(1) }.cast();
        Self { next }
    }
}

impl Iterator for Arguments {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        // SAFETY: the list ends with a null address, behind which this never reads.
        let address = unsafe { self.next.read() };
        if address.is_null() {
            return None;
        }
        // SAFETY: not the last one, so another stands behind it.
        self.next = unsafe { self.next.add(1) };
        // SAFETY: the kernel put a string there that stays for the program's life.
        Some(unsafe { CStr::from_ptr(address) })
    }
}
