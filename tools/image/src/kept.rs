// SPDX-License-Identifier: BSD-2-Clause
//! Memory that is not available to the system: the kernel's own, and what the kernel takes for the root task.

use crate::kernel::{Kernel, KernelSource};
use crate::root::RootTask;
use crate::sizes::Sizes;
use crate::{Error, payload};
use molt_sdf::{Rule, System};
use molt_sdk::Tables;
use molt_system::boot::Kind;
use molt_system::layout::SMALL_PAGE;
use std::ops::Range;

/// log2 of the bytes of the root task's scheduling context, the smallest there is.
const SC_BITS: u32 = 7;
/// The embedded kernel's heap (`HEAP` in `kernel/arch/src/layout.rs`).
pub const EMBEDDED_HEAP: Range<u64> = 0xbe00_0000..0xc000_0000;
/// log2 of the bytes that the translation tables below an address space's first one translate.
const TABLE_BITS: [u32; 2] = [30, 21];

/// Refuses regions at physical addresses that the kernel keeps.
pub fn check(system: &System, kernel: &Kernel, root: &RootTask) -> Result<(), Error> {
    let kept = kept(kernel, root)?;
    for region in &system.regions {
        let Some(start) = region.phys_addr else {
            continue;
        };
        let range = start..start.saturating_add(region.size);
        if kept.iter().any(|other| overlap(&range, other)) {
            let rule = Rule::NoMemory(region.name.clone(), range.start, range.end);
            return Err(molt_sdf::Error::broken(&system.source, &region.span, rule).into());
        }
    }
    Ok(())
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

/// All of it.
pub fn kept(kernel: &Kernel, root: &RootTask) -> Result<Vec<Range<u64>>, Error> {
    let image = kernel_image(kernel);
    let start = payload::user_start(kernel);
    let root_task = start..start + root.bytes.len() as u64;
    let mut kept = vec![image, root_task.clone()];
    match kernel.configuration.kernel() {
        KernelSource::Embedded(_) => {
            kept.push(EMBEDDED_HEAP);
            kept.push(embedded_objects(root_task, root));
        }
        KernelSource::Sdk(_) => {
            let free = free(&kernel.configuration.platform.memory, &kept);
            let program = root.vaddr..root.vaddr + root.bytes.len() as u64;
            kept.extend(objects(&kernel.configuration.tables, program, &free)?);
        }
    }
    Ok(kept)
}

/// Bytes that the kernel keeps and those of `monitor`, by name.
pub fn parts(kernel: &Kernel, root: &RootTask) -> Result<[(String, u64); 2], Error> {
    let start = payload::user_start(kernel);
    let is_kernels = |range: &Range<u64>| *range == EMBEDDED_HEAP || range.end <= start;
    let (mut own, mut monitor) = (0, 0);
    for range in kept(kernel, root)? {
        match is_kernels(&range) {
            true => own += range.end - range.start,
            false => monitor += range.end - range.start,
        }
    }
    Ok([("kernel".to_owned(), own), ("monitor".to_owned(), monitor)])
}

/// Translation tables below the first one that an address space needs for the root task's image and the two pages behind it,
/// by the bytes (log2) that they translate.
fn paging(program: &Range<u64>) -> [u64; 2] {
    let end = program.end + 2 * SMALL_PAGE;
    TABLE_BITS.map(|bits| end.div_ceil(1 << bits) - (program.start >> bits))
}

/// How many of them the root task has.
pub fn root_tables(root: &RootTask) -> u64 {
    let program = root.vaddr..root.vaddr + root.bytes.len() as u64;
    paging(&program).iter().sum()
}

/// Where the embedded kernel puts the root task's objects (`kernel/core/src/boot.rs`): behind its image. In order: the first
/// translation table, two pages that must be aligned to their size; the ASID pool, BootInfo, the IPC buffer, the other tables.
fn embedded_objects(root_task: Range<u64>, root: &RootTask) -> Range<u64> {
    let vspace = root_task.end.next_multiple_of(2 * SMALL_PAGE);
    root_task.end..vspace + (2 + 3 + root_tables(root)) * SMALL_PAGE
}

/// The kernel's memory, without the part that seL4 needs only at boot and frees afterwards.
fn kernel_image(kernel: &Kernel) -> Range<u64> {
    let (elf, end) = (&kernel.elf, payload::kernel_end(kernel));
    let start = elf.segments.first().map_or(end, |first| {
        let boot = elf
            .symbol("ki_boot_end")
            .map_or(0, |(end, _)| end.saturating_sub(first.vaddr));
        first.paddr + boot
    });
    start..end
}

/// `memory` without the ranges in `taken`, by rising address.
pub fn free(memory: &[Range<u64>], taken: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut free = memory.to_vec();
    for taken in taken {
        free = (free.into_iter())
            .flat_map(|range| {
                [
                    range.start..range.end.min(taken.start),
                    range.start.max(taken.end)..range.end,
                ]
            })
            .filter(|range| !range.is_empty())
            .collect();
    }
    free
}

/// Where seL4 puts the root task's objects: side by side, at the end of the last free memory that has room for them.
/// `program`: the virtual addresses of the root task's image.
fn objects(
    tables: &Tables,
    program: Range<u64>,
    free: &[Range<u64>],
) -> Result<Option<Range<u64>>, Error> {
    let sizes = Sizes::new(tables)?;
    let slots = tables.number("ROOT_CNODE_SIZE_BITS");
    let cnode = sizes.memory_bits(Kind::CNode, slots.map_err(molt_sdk::Error::Tables)? as u32);
    let several = [
        // The IPC buffer's page and BootInfo's.
        (sizes.memory_bits(Kind::SmallPage, 0), 2),
        (
            sizes.memory_bits(Kind::PageTable, 0),
            paging(&program).iter().sum(),
        ),
    ];
    let single = [Kind::Tcb, Kind::AsidPool, Kind::VSpace].map(|kind| sizes.memory_bits(kind, 0));
    let single = single.into_iter().chain([cnode, SC_BITS]);
    let all = several.into_iter().chain(single.map(|bits| (bits, 1)));
    let size: u64 = all.map(|(bits, count): (u32, u64)| count << bits).sum();

    // The CNode, which is the largest, comes first.
    let place = |range: &Range<u64>| {
        let start = range.end.checked_sub(size)? >> cnode << cnode;
        (start >= range.start).then_some(start..start + size)
    };
    Ok(free.iter().rev().find_map(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_not_free() {
        let memory = [0x1000..0x5000, 0x8000..0x9000];
        let taken = [0x1000..0x2000, 0x3000..0x4000, 0x8000..0x9000];
        assert_eq!(free(&memory, &taken), [0x2000..0x3000, 0x4000..0x5000]);
    }

    /// The figures are those of a release kernel on `qemu_virt_aarch64`, as Microkit's tool reports them.
    #[test]
    fn the_root_tasks_objects_are_at_the_end() {
        let tables = Tables::embedded().unwrap();
        let memory = [0x6000_0000..0x6001_0000, 0x6040_0000..0xc000_0000];
        let small = objects(&tables, 0x20_0000..0x23_0000, &memory).unwrap();
        assert_eq!(small, Some(0xbf80_0000..0xbfc0_7880));
        // One more translation table.
        let large = objects(&tables, 0x20_0000..0x40_0000, &memory).unwrap();
        assert_eq!(large, Some(0xbf80_0000..0xbfc0_8880));
        assert_eq!(
            objects(&tables, 0x20_0000..0x23_0000, &memory[..1]).unwrap(),
            None
        );
    }
}
