// SPDX-License-Identifier: BSD-2-Clause
//! What the first program of a system does: modules, file systems, the end.

use core::ffi::CStr;

use crate::{Errno, File, O_RDWR, call, exit};

const IOCTL: usize = 29;
const MOUNT: usize = 40;
const NANOSLEEP: usize = 101;
const SETPRIORITY: usize = 140;
const REBOOT: usize = 142;
const FINIT_MODULE: usize = 273;

/// `LINUX_REBOOT_MAGIC1`, `…MAGIC2`, `…CMD_POWER_OFF` (the kernel's `include/uapi/linux/reboot.h`).
const POWER_OFF: [usize; 3] = [0xfee1_dead, 672_274_793, 0x4321_fedc];

/// Mounts a file system that is on no device.
pub fn mount(kind: &CStr, directory: &CStr) -> Result<(), Errno> {
    let (kind, directory) = (kind.as_ptr() as usize, directory.as_ptr() as usize);
    call(MOUNT, [kind, directory, kind, 0, 0, 0]).map(drop)
}

/// Loads a kernel module, without parameters.
pub fn insert_module(file: &File) -> Result<(), Errno> {
    let parameters = c"".as_ptr() as usize;
    call(FINIT_MODULE, [file.0, parameters, 0, 0, 0, 0]).map(drop)
}

/// `RNDADDENTROPY` (the kernel's `include/uapi/linux/random.h`).
const RNDADDENTROPY: usize = 0x4008_5203;

/// Makes the kernel believe that its random numbers are random, from here on, by `/dev/random`.
///
/// Until it does, each system call computes a key stream for the offset of the kernel's stack: some 9,000 instructions.
pub fn credit_entropy() -> Result<(), Errno> {
    const BYTES: u32 = 64;
    // `struct rand_pool_info`: bits, bytes, and the bytes.
    let mut pool = [0x5eed_5eed; 2 + BYTES as usize / 4];
    [pool[0], pool[1]] = [8 * BYTES, BYTES];
    let address = pool.as_ptr() as usize;
    let random = File::open(c"/dev/random", O_RDWR)?;
    call(IOCTL, [random.0, RNDADDENTROPY, address, 0, 0, 0]).map(drop)
}

/// Sleeps so many milliseconds, below a thousand.
pub fn sleep_ms(milliseconds: u32) {
    let time: [u64; 2] = [0, u64::from(milliseconds) * 1_000_000];
    // A sleep that a signal ends early is short, which its caller has to bear.
    let _ = call(NANOSLEEP, [time.as_ptr() as usize, 0, 0, 0, 0, 0]);
}

/// Lets other programs have some three times as much of the processor as this one, if they want it: that is the weight of
/// a nice value of 5 in Linux.
pub fn stand_back() {
    const PROCESS: usize = 0;
    const NICE: usize = 5;
    // It only matters to how long others wait.
    let _ = call(SETPRIORITY, [PROCESS, 0, NICE, 0, 0, 0]);
}

/// Switches the machine off.
pub fn power_off() -> ! {
    let [first, second, command] = POWER_OFF;
    let _ = call(REBOOT, [first, second, command, 0, 0, 0]);
    exit(1)
}
