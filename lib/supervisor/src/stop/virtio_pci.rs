// SPDX-License-Identifier: BSD-2-Clause
//! virtio over PCI (virtio 1.2, 4.1.4.3): bus mastering off, after which the function reaches no memory (PCI 3.0, 6.2.2),
//! then status 0, and when it reads as 0 the device has forgotten its queues (2.1.2, 2.4.2). A function that does not answer
//! is reset by other means, if it has them ([`super::function_reset`]).

use molt_shared::Mmio;

use super::READS;
use super::function_reset::FunctionReset;
use crate::pci::{self, Dma};

/// The word of the common structure with the device's status in its lowest byte; the next byte cannot be written, and what
/// the upper half selects is selected anew by whoever uses a queue.
const STATUS: usize = 0x14;
const MASK: u32 = 0xff;

/// Begins to stop it.
pub fn stop(configuration: &impl Mmio, registers: &impl Mmio, reset: &mut FunctionReset, now: u64) {
    reset.begin(now);
    pci::set_dma(configuration, Dma::Off);
    if let Some(common) = pci::virtio_common(configuration).filter(|_| !reset.under_way()) {
        registers.write(common + STATUS, 0);
    }
}

/// Whether it has stopped.
pub fn stopped(
    configuration: &impl Mmio,
    registers: &impl Mmio,
    reset: &mut FunctionReset,
    now: u64,
) -> bool {
    let answers = |common| (0..READS).any(|_| registers.read(common + STATUS) & MASK == 0);
    let stopped = !reset.under_way() && pci::virtio_common(configuration).is_some_and(answers);
    if !stopped {
        reset.step(configuration, now);
    }
    stopped
}
