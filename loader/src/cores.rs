// SPDX-License-Identifier: BSD-2-Clause
//! The other cores, for kernels that use several. They enter the loader, wait until kernel and root task are in their places,
//! and then enter the kernel, where they wait until the first core has set it up.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use molt_payload::{CoreReset, Header};
use molt_shared::Registers;
use smccc::{Smc, psci};

use crate::{copy, enter};

/// The kernel may be entered. Cores that were released at EL3 look at it while the first one clears `.bss`: it is not there.
#[unsafe(link_section = ".data")]
static READY: AtomicBool = AtomicBool::new(false);
/// They were released at EL3. Not in `.bss` either, which is cleared after that.
#[unsafe(link_section = ".data")]
static RELEASED: AtomicBool = AtomicBool::new(false);

/// A core that does not start.
pub struct Failure {
    core: u64,
    reason: psci::error::Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "core {} does not start: PSCI: {}",
            self.core, self.reason
        )
    }
}

/// Starts the other cores, if that was not done at EL3, and lets them continue: memory is now as the kernel expects it.
///
/// # Errors
/// When the firmware does not start one (PSCI 1.1, 5.6: CPU_ON).
pub fn start(header: &Header) -> Result<(), Failure> {
    let others = 1..header.cores.get();
    if others.is_empty() {
        return Ok(());
    }
    READY.store(true, Ordering::Relaxed);
    copy::clean(READY.as_ptr() as u64, 1);
    enter::wake();
    if RELEASED.load(Ordering::Relaxed) {
        return Ok(());
    }
    for core in others {
        psci::cpu_on::<Smc>(core, enter::other(), 0).map_err(|reason| Failure { core, reason })?;
    }
    Ok(())
}

/// Waits, as one of them, until the kernel may be entered. Caches are off here: every look is at memory.
pub fn wait() {
    while !READY.load(Ordering::Relaxed) {
        enter::wait();
    }
}

/// The APU's registers (AMD UG1087), and of them RVBARADDR0L: the low half of core 0's reset address; the others' are 8 bytes
/// further each.
const APU: usize = 0xfd5c_0000;
const RVBARADDR: usize = 0x40;
/// CRF_APB's registers, and of them RST_FPD_APU: in bits 0 to 3 a core's reset, in bits 10 to 13 its power-on reset.
const CRF_APB: usize = 0xfd1a_0000;
const RST_FPD_APU: usize = 0x104;
const FRAME: usize = 0x1000;

/// Releases them from reset, at EL3, where no firmware does. `None`: the header does not tell how.
pub fn release(header: &Header) -> Option<()> {
    let others = 1..header.cores.get();
    if others.is_empty() {
        return Some(());
    }
    match CoreReset::try_from(header.core_reset.get()).ok()? {
        CoreReset::Zynqmp => {
            // SAFETY: the tool says that this is the machine that has these registers; the MMU is off, which makes every
            // access a device access. They reach no memory.
            let (apu, crf) =
                unsafe { (Registers::new(APU, FRAME), Registers::new(CRF_APB, FRAME)) };
            for core in others {
                apu.write(RVBARADDR + 8 * core as usize, enter::other() as u32);
                apu.write(RVBARADDR + 8 * core as usize + 4, 0);
                let reset = crf.read(RST_FPD_APU);
                crf.write(RST_FPD_APU, reset & !(0x401 << core));
            }
        }
    }
    RELEASED.store(true, Ordering::Relaxed);
    Some(())
}
