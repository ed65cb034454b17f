// SPDX-License-Identifier: BSD-2-Clause
//! Lets the disk answer within the register write that notifies it. QEMU completes a request in its main loop, another thread than
//! the processor's: on a busy host that is at another instruction each time, and a driver that looks whether a request is done
//! before it waits for an interrupt takes another path then.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::api;
use crate::arch::Arch;

/// How long the processor is held between two looks at the main loop. No instruction runs meanwhile: the machine's clock stands.
const LOOK: Duration = Duration::from_micros(50);
/// So many looks in a row have to find it waiting, and after so many it is not waited for any longer.
const IN_A_ROW: u32 = 2;
const MOST: u32 = 20_000;
/// Where the host does not tell what the main loop does: long enough for it on a busy one.
const ANSWER: Duration = Duration::from_millis(20);

/// A store that is [watched](Arch::watched) was made at an address.
///
/// # Safety
/// In QEMU's callback of the store.
pub unsafe fn stored(arch: Arch, access: u32, address: u64) {
    if !arch.may_notify(address) {
        return;
    }
    // SAFETY: the caller's promise.
    let is_device = unsafe {
        let physical = api::qemu_plugin_get_hwaddr(access, address);
        !physical.is_null() && api::qemu_plugin_hwaddr_is_io(physical)
    };
    if is_device {
        answered();
    }
}

/// Waits until the main loop, which the store has woken, waits again.
fn answered() {
    let mut in_a_row = 0;
    for _ in 0..MOST {
        thread::sleep(LOOK);
        match main_loop_waits() {
            None => return thread::sleep(ANSWER),
            Some(true) => in_a_row += 1,
            Some(false) => in_a_row = 0,
        }
        if in_a_row == IN_A_ROW {
            return;
        }
    }
}

/// Whether the process's first thread, which runs QEMU's main loop, sleeps (proc(5), `/proc/pid/stat`).
fn main_loop_waits() -> Option<bool> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may have any characters.
    let (_, behind) = stat.rsplit_once(") ")?;
    Some(behind.starts_with('S'))
}
