// SPDX-License-Identifier: BSD-2-Clause
//! A component's PCI function: what is written into its configuration space, which is never the driver's business.
//!
//! A page of the machine's configuration space is one function's (PCI Express 3.0, 7.2.2), so the capability to it is
//! authority over this function and no other. There is no protection domain in between: whoever stops the device must not
//! have to wait for another, and a driver that could write there could have interrupts raised that are not its own.

use molt_shared::Mmio;
use molt_system::{DeviceFrames, UpdateComponent, UpdatePci};

use crate::books::Books;
use crate::holder::Holder;
use crate::{Attributes, Error, Kernel, Result, Rights, Space};

/// Command and status (PCI 3.0, 6.2.2); the status bits are cleared by writing 1, so they are written as 0.
const COMMAND: usize = 0x04;
/// The function answers at its base addresses; it reaches memory; it does not raise its interrupt line.
const MEMORY: u32 = 1 << 1;
const MASTER: u32 = 1 << 2;
const NO_LINE: u32 = 1 << 10;
/// Base address register 0; bits 2 and 1 of one that takes 64 bits of address are 10 (6.2.5.1).
const BAR: usize = 0x10;
/// How many there can be.
pub(crate) const BARS: usize = 6;
const WIDE: u32 = 0b100;
const WIDTH: u32 = 0b110;
/// The list of capabilities, and how many there can be (6.7).
const CAPABILITIES: usize = 0x34;
const MOST_CAPABILITIES: usize = 48;
/// MSI-X: enable and mask bit of its first word, then the table's place: base address register, and offset (6.8.2).
const MSI_X: u32 = 0x11;
const ENABLE: u32 = 1 << 31;
const MASK: u32 = 1 << 30;
const TABLE: usize = 4;
/// Of the first message: address, its upper half, data, control, whose bit 0 masks it.
const ADDRESS: usize = 0x0;
const UPPER: usize = 0x4;
const DATA: usize = 0x8;
const CONTROL: usize = 0xc;
/// The local APIC of the first processor (Intel SDM, volume 3, 11.11.1).
const APIC: u32 = 0xfee0_0000;

/// What bus mastering is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dma {
    /// The function reaches memory.
    On,
    /// It does not.
    Off,
}

/// Maps the function's pages here, until the denial, and has it answer where the plan says, send its message, and reach
/// memory.
pub(crate) fn begin<'m>(
    kernel: &impl Kernel<'m>,
    books: &mut Books,
    holder: &mut Holder,
    plan: &UpdateComponent,
) -> Result {
    if plan.pci.present == 0 {
        return Ok(());
    }
    for page in [&plan.pci.configuration, &plan.pci.messages] {
        window(kernel, books, holder, page)?;
    }
    let configuration = kernel.registers(plan.pci.configuration.update_vaddr);
    let messages = kernel.registers(plan.pci.messages.update_vaddr);
    set_up(&configuration, &messages, &plan.pci).ok_or(Error::INVALID_ARGUMENT)
}

/// Maps a page of a device here.
pub(crate) fn window<'m>(
    kernel: &impl Kernel<'m>,
    books: &mut Books,
    holder: &mut Holder,
    page: &DeviceFrames,
) -> Result {
    holder.map(
        kernel,
        books,
        page.first,
        Space::Own,
        page.update_vaddr,
        Rights::READ_WRITE,
        Attributes::Device,
    )
}

/// `None`: the function has no MSI-X, or its table begins elsewhere than on a page.
fn set_up(configuration: &impl Mmio, messages: &impl Mmio, plan: &UpdatePci) -> Option<()> {
    // It must not answer while it is moved.
    configuration.write(COMMAND, NO_LINE);
    for bar in plan.bars() {
        let register = BAR + 4 * bar.index as usize;
        let wide = configuration.read(register) & WIDTH == WIDE;
        configuration.write(register, bar.paddr as u32);
        if wide {
            configuration.write(register + 4, (bar.paddr >> 32) as u32);
        }
    }
    let capability = find(configuration, MSI_X)?;
    if configuration.read(capability + TABLE) & !0b111 != 0 {
        return None;
    }
    configuration.write(COMMAND, NO_LINE | MEMORY);
    let control = configuration.read(capability) & !MASK;
    configuration.write(capability, control | ENABLE);
    messages.write(ADDRESS, APIC);
    messages.write(UPPER, 0);
    messages.write(DATA, plan.message);
    messages.write(CONTROL, 0);
    set_dma(configuration, Dma::On);
    Some(())
}

/// Sets whether the function reaches memory.
pub(crate) fn set_dma(configuration: &impl Mmio, dma: Dma) {
    let rest = configuration.read(COMMAND) & 0xffff & !MASTER;
    let master = if dma == Dma::On { MASTER } else { 0 };
    configuration.write(COMMAND, rest | master);
}

/// What the base address registers have.
pub(crate) fn bars(configuration: &impl Mmio) -> [u32; BARS] {
    core::array::from_fn(|n| configuration.read(BAR + 4 * n))
}

/// After a reset of the function: its registers answer again, where they did. It reaches no memory.
pub(crate) fn restore(configuration: &impl Mmio, bars: &[u32; BARS]) {
    configuration.write(COMMAND, NO_LINE);
    for (n, bar) in bars.iter().enumerate() {
        configuration.write(BAR + 4 * n, *bar);
    }
    configuration.write(COMMAND, NO_LINE | MEMORY);
}

/// The capabilities: where each is, and its first word.
fn capabilities(configuration: &impl Mmio) -> impl Iterator<Item = (usize, u32)> {
    let mut next = configuration.read(CAPABILITIES) & 0xfc;
    let each = core::iter::from_fn(move || {
        let at = next as usize;
        let head = (at != 0).then(|| configuration.read(at))?;
        next = head >> 8 & 0xfc;
        Some((at, head))
    });
    each.take(MOST_CAPABILITIES)
}

/// Where a capability is.
pub(crate) fn find(configuration: &impl Mmio, id: u32) -> Option<usize> {
    let mut all = capabilities(configuration);
    all.find_map(|(at, head)| (head & 0xff == id).then_some(at))
}

/// Where a virtio function has its common structure, in bytes from its base address (virtio 1.2, 4.1.4).
pub(crate) fn virtio_common(configuration: &impl Mmio) -> Option<usize> {
    virtio_structure(configuration, 1)
}

/// Where it has its notification structure, which begins with the register of queue 0 on QEMU's devices (4.1.4.4).
#[cfg(feature = "probe-denied")]
pub(crate) fn virtio_notify(configuration: &impl Mmio) -> Option<usize> {
    virtio_structure(configuration, 2)
}

fn virtio_structure(configuration: &impl Mmio, kind: u32) -> Option<usize> {
    // A vendor's own capability.
    let is_it = |head: u32| head & 0xff == 0x09 && head >> 24 == kind;
    let (at, _) = capabilities(configuration).find(|(_, head)| is_it(*head))?;
    Some(configuration.read(at + 8) as usize)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use molt_system::{Bar, DeviceFrames};
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    /// Words that read as they were written, and the order of the writes.
    #[derive(Default)]
    struct Words {
        values: RefCell<BTreeMap<usize, u32>>,
        writes: RefCell<Vec<(usize, u32)>>,
    }

    impl Mmio for &Words {
        fn read(&self, offset: usize) -> u32 {
            self.values.borrow().get(&offset).copied().unwrap_or(0)
        }
        fn write(&self, offset: usize, value: u32) {
            self.values.borrow_mut().insert(offset, value);
            self.writes.borrow_mut().push((offset, value));
        }
    }

    fn function() -> Words {
        let words = Words::default();
        words.values.borrow_mut().extend([
            (COMMAND, 0x0010_0107),
            (BAR + 16, 0xfe00_000c),
            (CAPABILITIES, 0x84),
            // A vendor's: virtio's common structure, then MSI-X with its table at the beginning of register 1.
            (0x84, 0x0114_9809),
            (0x8c, 0x40),
            (0x98, 0x0001_0011),
            (0x9c, 1),
        ]);
        words
    }

    fn plan() -> UpdatePci {
        let mut plan = UpdatePci {
            present: 1,
            bar_count: 1,
            configuration: DeviceFrames::default(),
            messages: DeviceFrames::default(),
            message: 0x32,
            ..UpdatePci::default()
        };
        plan.bars[0] = Bar {
            index: 4,
            reserved: 0,
            paddr: 0x1_e000_0000,
        };
        plan
    }

    #[test]
    fn the_function_is_moved_before_it_answers_and_masters_last() {
        let (configuration, messages) = (function(), Words::default());
        assert_eq!(set_up(&&configuration, &&messages, &plan()), Some(()));
        let writes = configuration.writes.borrow();
        assert_eq!(
            writes[..],
            [
                (COMMAND, NO_LINE),
                (BAR + 16, 0xe000_0000),
                (BAR + 20, 1),
                (COMMAND, NO_LINE | MEMORY),
                (0x98, 0x0001_0011 | ENABLE),
                (COMMAND, NO_LINE | MEMORY | MASTER),
            ]
        );
        let message = messages.values.borrow();
        assert_eq!(
            (message[&ADDRESS], message[&DATA], message[&CONTROL]),
            (APIC, 0x32, 0)
        );
    }

    #[test]
    fn mastering_is_taken_and_nothing_else() {
        let configuration = function();
        set_dma(&&configuration, Dma::Off);
        assert_eq!(configuration.values.borrow()[&COMMAND], 0x0103);
        assert_eq!(virtio_common(&&configuration), Some(0x40));
    }

    #[test]
    fn a_function_without_messages_is_refused() {
        let configuration = function();
        configuration.values.borrow_mut().insert(0x84, 0x0114_0009);
        assert_eq!(set_up(&&configuration, &&Words::default(), &plan()), None);
    }
}
