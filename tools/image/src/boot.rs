// SPDX-License-Identifier: BSD-2-Clause
//! Rehearses the boot: computes what the kernel passes to `monitor`, and tests whether the packed system can be made from it.
//!
//! The untypeds that BootInfo lists follow from the kernel's image, the root task's image and the board's memory. `monitor`'s
//! own walk runs over the packed tables with these untypeds, on a kernel that refuses nothing. What a system can run out of
//! is memory and slots, and only the walk itself knows in which order they are taken.

use crate::kernel::Kernel;
use crate::pack::Packed;
use crate::root::RootTask;
use crate::{Error, kept, limits};
use molt_monitor::{Failure, Memory, Slot, own_window, walk};
use molt_sdf::{Error as SdfError, System};
use molt_system::NONE;
use molt_system::boot::{
    IoPorts, IoSpace, Irq, Kind, Object, ScheduleEntry, System as Tables, Thread,
};
use std::convert::Infallible;
use std::ops::Range;

/// The first slot that the kernel fills with what depends on the system (`seL4_NumInitialCaps`).
const FIRST_SLOT: u64 = 16;
/// Sizes of untypeds, log2 (`seL4_MinUntypedBits`, `seL4_MaxUntypedBits`).
const UNTYPED_BITS: std::ops::RangeInclusive<u32> = 4..=47;

/// The aligned powers of two that a kernel cuts memory into.
pub fn untypeds(range: Range<u64>) -> impl Iterator<Item = (u64, u32)> {
    let mut base = range.start;
    std::iter::from_fn(move || {
        let left = range.end.checked_sub(base).filter(|left| *left > 0)?;
        let aligned = if base == 0 { 64 } else { base.trailing_zeros() };
        let bits = aligned.min(left.ilog2()).min(*UNTYPED_BITS.end());
        let piece = (base, bits);
        base += 1 << bits;
        Some(piece)
    })
    .filter(|(_, bits)| UNTYPED_BITS.contains(bits))
}

/// The bytes of the largest run of pages that memory has room for.
pub fn largest(memory: &Memory) -> u64 {
    let fits = |pages: u64| memory.clone().anywhere(12, pages).is_ok();
    let (mut fit, mut not) = (0, memory.free() / 0x1000 + 1);
    while not - fit > 1 {
        let middle = fit + (not - fit) / 2;
        if fits(middle) {
            fit = middle;
        } else {
            not = middle;
        }
    }
    fit * 0x1000
}

/// Refuses a system that `monitor` could not make.
pub fn rehearse(
    system: &System,
    packed: &Packed,
    kernel: &Kernel,
    root: &RootTask,
) -> Result<(), Error> {
    let configuration = &kernel.configuration;
    let kept = kept::kept(kernel, root)?;
    let devices = configuration.platform.devices.iter().cloned();
    let devices = devices
        .flat_map(untypeds)
        .map(|(paddr, bits)| (paddr, bits, true));
    let ram = kept::free(&configuration.platform.memory, &kept).into_iter();
    let ram = ram
        .flat_map(untypeds)
        .map(|(paddr, bits)| (paddr, bits, false));
    let listed: Vec<_> = devices.chain(ram).take(molt_monitor::MOST).collect();
    let mut memory = Memory::default();
    for (paddr, bits, device) in &listed {
        memory.add(*paddr, *bits, *device);
    }
    let frames = root.bytes.len() as u64 / 0x1000;
    let first =
        FIRST_SLOT + kept::root_tables(root) + configuration.cores + frames + listed.len() as u64;

    let tables = Tables::new(&packed.bytes).map_err(Error::Tables)?;
    let header = tables.header();
    let made = walk(
        &mut Willing,
        &mut memory,
        &tables,
        first,
        |kernel, memory, next| {
            // Where this fails, there is no memory for what follows either.
            let tables = [(30, Kind::PageTable), (21, Kind::PageTable)];
            let _ = own_window(kernel, memory, next, 0, 0, tables);
            // The copy of the UART's capability.
            *next += u64::from(header.uart != NONE);
        },
    );
    let there = configuration.root_slots()?.saturating_sub(first);
    match made {
        Ok(end) if end - first <= there => Ok(()),
        Ok(end) => Err(match limits::too_many_slots(system, end - first, there) {
            Some((span, rule)) => SdfError::broken(&system.source, span, rule).into(),
            None => Error::Slots {
                needed: end - first,
                there,
            },
        }),
        Err(Failure::Memory(row)) => {
            let objects = tables
                .rows::<Object>(header.objects)
                .map_err(Error::Tables)?;
            Err(no_room(system, packed, objects.get(row), &memory))
        }
        Err(Failure::Tables(error)) => Err(Error::Tables(error)),
        Err(Failure::Row(step, row)) => Err(Error::Row(step, row)),
        Err(Failure::Kernel(_, _, never)) => match never {},
    }
}

fn no_room(system: &System, packed: &Packed, object: Option<&Object>, memory: &Memory) -> Error {
    let first = object.map(|object| object.first);
    let region = packed
        .regions
        .iter()
        .position(|frames| Some(*frames) == first);
    if let Some(region) = region.and_then(|index| system.regions.get(index)) {
        let rule = limits::no_room(region, memory);
        return SdfError::broken(&system.source, &region.span, rule).into();
    }
    Error::NoRoom {
        kind: object.and_then(|object| Kind::from_number(object.kind)),
        bytes: object.map_or(0, |object| u64::from(object.count) << object.memory_bits),
        free: memory.free(),
        largest: largest(memory),
    }
}

/// A kernel that refuses nothing.
struct Willing;

impl molt_monitor::Kernel for Willing {
    const FAN_OUT: u64 = u64::MAX;

    type BootInfo = [u8; 0];
    type Error = Infallible;

    fn retype(&mut self, _: usize, _: Kind, _: u32, _: Slot, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn make_asid_pool(&mut self, _: Slot, _: Slot) -> Result<(), Infallible> {
        Ok(())
    }
    fn assign_asid(&mut self, _: Slot) -> Result<(), Infallible> {
        Ok(())
    }
    fn irq_handler(&mut self, _: &Irq, _: Slot) -> Result<(), Infallible> {
        Ok(())
    }
    fn io_ports(&mut self, _: &IoPorts, _: Slot) -> Result<(), Infallible> {
        Ok(())
    }
    fn io_space(
        &mut self,
        _: &IoSpace,
        _: Slot,
        _: &mut Memory,
        _: &mut Slot,
    ) -> Result<(), Infallible> {
        Ok(())
    }
    fn map_io_table(&mut self, _: Slot, _: Slot, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn map_io(&mut self, _: Slot, _: Slot, _: u64, _: u32) -> Result<(), Infallible> {
        Ok(())
    }
    fn boot_info(&self, _: u64) -> [u8; 0] {
        []
    }

    fn counter_hz(&mut self) -> u64 {
        0
    }
    fn irq_bind(&mut self, _: Slot, _: Slot) -> Result<(), Infallible> {
        Ok(())
    }
    fn map_table(&mut self, _: Slot, _: Slot, _: u64, _: u32) -> Result<(), Infallible> {
        Ok(())
    }
    fn map(&mut self, _: Slot, _: Slot, _: u64, _: u32, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn address(&mut self, _: Slot) -> Result<u64, Infallible> {
        Ok(0)
    }
    fn open(&mut self, _: Slot, _: u32) -> Result<(), Infallible> {
        Ok(())
    }
    fn write(&mut self, _: u64, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }
    fn close(&mut self, _: Slot, _: u32) -> Result<(), Infallible> {
        Ok(())
    }
    fn copy(&mut self, _: Slot, _: Slot, _: u32, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn copy_into(
        &mut self,
        _: Slot,
        _: u32,
        _: u64,
        _: Slot,
        _: u32,
        _: u64,
    ) -> Result<(), Infallible> {
        Ok(())
    }
    fn move_into(&mut self, _: Slot, _: u32, _: u64, _: Slot) -> Result<(), Infallible> {
        Ok(())
    }
    fn source(&mut self, _: u32) -> Option<Slot> {
        None
    }
    fn configure(
        &mut self,
        _: &Thread,
        _: &dyn Fn(u32) -> Slot,
        _: Slot,
    ) -> Result<(), Infallible> {
        Ok(())
    }
    fn set_domain(&mut self, _: Slot, _: u32) -> Result<(), Infallible> {
        Ok(())
    }
    fn schedule(&mut self, _: &ScheduleEntry) -> Result<(), Infallible> {
        Ok(())
    }
    fn resume(&mut self, _: Slot) -> Result<(), Infallible> {
        Ok(())
    }
    fn start_schedule(&mut self, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
}
