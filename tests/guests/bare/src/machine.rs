// SPDX-License-Identifier: BSD-2-Clause
//! Reads the device tree: where the devices are, and how the guest has to behave.

use core::ops::Range;

use dtoolkit::fdt::{Fdt, FdtNode};
use dtoolkit::{Node, Property};

/// Shared peripheral interrupts begin here (Arm IHI 0048, 2.2.1).
const FIRST_SHARED_INTERRUPT: u32 = 32;

/// A device with registers and an interrupt.
#[derive(Clone, Copy)]
pub struct Device {
    /// Its registers.
    pub registers: usize,
    /// Bytes of registers.
    pub size: usize,
    /// Its interrupt's identifier.
    pub interrupt: u32,
}

/// The doorbell and the memory in which it takes bundles.
#[derive(Clone, Copy)]
pub struct Doorbell {
    /// Registers and interrupt.
    pub device: Device,
    /// Address of the staging region.
    pub staging: usize,
    /// Its bytes.
    pub staging_size: usize,
}

/// The machine.
pub struct Machine<'a> {
    /// `bootargs`.
    pub arguments: &'a str,
    /// The addresses of the initial RAM disk: an archive with bundles.
    pub archive: Range<usize>,
    /// PL011.
    pub console: usize,
    /// Distributor and CPU interface.
    pub interrupt_controller: (usize, usize),
    /// The first virtio-mmio transport.
    pub disk: Option<Device>,
    /// The window to a controller's sensors, where this guest has one.
    pub sensors: Option<Device>,
    /// Address and bytes of a ROM, where this guest has one.
    pub rom: Option<(usize, usize)>,
    /// The doorbell, where this guest has one.
    pub doorbell: Option<Doorbell>,
}

impl<'a> Machine<'a> {
    /// Reads the tree; `None` where it lacks what no guest can do without.
    pub fn read(tree: Fdt<'a>) -> Option<Self> {
        let chosen = tree.find_node("/chosen");
        let cell = |name: &str| {
            let value = chosen?.property(name)?;
            integer(value.value())
        };
        let controller = find(tree, "arm,cortex-a15-gic")?;
        let mut controller_regions = regions(controller);
        let doorbell = find(tree, molt_doorbell::regs::COMPATIBLE).and_then(|node| {
            let (staging, staging_size) = regions(node).nth(1)?;
            Some(Doorbell {
                device: device(node)?,
                staging,
                staging_size,
            })
        });
        Some(Self {
            arguments: chosen
                .and_then(|node| node.property("bootargs")?.value_as().ok())
                .unwrap_or_default(),
            archive: cell("linux,initrd-start").unwrap_or(0)..cell("linux,initrd-end").unwrap_or(0),
            console: regions(find(tree, "arm,pl011")?).next()?.0,
            interrupt_controller: (controller_regions.next()?.0, controller_regions.next()?.0),
            disk: find(tree, "virtio,mmio").and_then(device),
            sensors: find(tree, molt_sensor_queue::window::COMPATIBLE).and_then(device),
            rom: find(tree, molt_rom::COMPATIBLE).and_then(|node| regions(node).next()),
            doorbell,
        })
    }

    /// The value of `name=value` among the arguments.
    pub fn argument(&self, name: &str) -> Option<&'a str> {
        self.arguments
            .split_whitespace()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// The same as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.argument(name)?.parse().ok()
    }
}

/// The first node of this kind, at the root or one bus below it.
fn find<'a>(tree: Fdt<'a>, compatible: &str) -> Option<FdtNode<'a>> {
    let matches = |node: &FdtNode<'a>| {
        node.property("compatible").is_some_and(|property| {
            property
                .value()
                .split(|byte| *byte == 0)
                .any(|name| name == compatible.as_bytes())
        })
    };
    let root = tree.root();
    root.children()
        .find(matches)
        .or_else(|| root.children().flat_map(|bus| bus.children()).find(matches))
}

/// The `reg` of a node; two cells each, as the VMM writes it.
fn regions<'a>(node: FdtNode<'a>) -> impl Iterator<Item = (usize, usize)> + use<'a> {
    let value = value(node, "reg").unwrap_or_default();
    let (cells, _) = value.as_chunks::<16>();
    cells.iter().filter_map(|cells| {
        let (address, size) = cells.split_at_checked(8)?;
        Some((integer(address)?, integer(size)?))
    })
}

fn value<'a>(node: FdtNode<'a>, name: &str) -> Option<&'a [u8]> {
    node.property(name)?.value_as().ok()
}

fn device(node: FdtNode<'_>) -> Option<Device> {
    let (registers, size) = regions(node).next()?;
    let interrupts = value(node, "interrupts")?;
    Some(Device {
        registers,
        size,
        interrupt: FIRST_SHARED_INTERRUPT + u32::try_from(integer(interrupts.get(4..8)?)?).ok()?,
    })
}

/// Big-endian, one cell or two.
fn integer(bytes: &[u8]) -> Option<usize> {
    if !matches!(bytes.len(), 4 | 8) {
        return None;
    }
    Some(
        bytes
            .iter()
            .fold(0, |value, byte| value << 8 | usize::from(*byte)),
    )
}
