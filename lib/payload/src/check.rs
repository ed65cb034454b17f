// SPDX-License-Identifier: BSD-2-Clause
//! The checks that a payload must pass before anything is copied. The host tool makes them before it writes an
//! image, and the loader before it overwrites memory.

use core::ops::Range;

use thiserror::Error;

use crate::{
    ADDRESS_END, BLOCK_SIZE, Header, LINK_ADDRESS, MAGIC, MAX_CORES, MAX_REGIONS, PAGE_SIZE,
    PAYLOAD_OFFSET, RAM_GRANULE, VERSION,
};

/// Why a payload is refused. Region numbers count from 0.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CheckError {
    /// Nothing was appended to the loader, or something else was.
    #[error("no payload: magic {0:#x}")]
    Magic(u64),
    /// Another layout than this crate's.
    #[error("payload version {0}, expected {VERSION}")]
    Version(u32),
    /// More than [`MAX_REGIONS`] regions.
    #[error("{0} regions, at most {MAX_REGIONS} are possible")]
    Count(u32),
    /// The board's RAM reaches beyond what the loader maps, or the image is not in it.
    #[error(
        "the image at {LINK_ADDRESS:#x} is not in RAM, which is {0:#x}..{1:#x}, or that ends beyond {ADDRESS_END:#x}"
    )]
    Ram(u64, u64),
    /// The UART could not be mapped as a device.
    #[error("the UART at {0:#x} shares a gibibyte with RAM, or is beyond {ADDRESS_END:#x}")]
    Uart(u64),
    /// The image reaches past the end of RAM, or does not hold its own header.
    #[error("image of {0:#x} bytes is not between its header and the end of RAM")]
    ImageSize(u64),
    /// A region's bytes lie outside the image, or before the payload.
    #[error("region {0}: its bytes lie outside the image")]
    Source(usize),
    /// More bytes than memory.
    #[error("region {0}: file size is above memory size")]
    Size(usize),
    /// A region's destination is not RAM.
    #[error("region {0}: destination {1:#x} is outside RAM")]
    Destination(usize, u64),
    /// Copying would overwrite the image that is being copied.
    #[error("region {0}: destination {1:#x} overlaps the image itself")]
    OverImage(usize, u64),
    /// Two destinations overlap.
    #[error("region {0} overlaps region {1}")]
    Overlap(usize, usize),
    /// The kernel's addresses do not agree modulo [`BLOCK_SIZE`], or its entry is outside its window.
    #[error("kernel at {paddr:#x} cannot be mapped at {vaddr:#x} with entry {entry:#x}")]
    Kernel {
        /// Physical address.
        paddr: u64,
        /// Virtual address.
        vaddr: u64,
        /// Entry point.
        entry: u64,
    },
    /// A kernel for no core, or for more than the loader has stacks for.
    #[error("a kernel for {0} cores, from 1 to {MAX_CORES} are possible")]
    Cores(u64),
    /// The root task's image is empty, not page-aligned, or not in RAM.
    #[error("root task {0:#x}..{1:#x} is empty, unaligned or outside RAM")]
    User(u64, u64),
}

/// One copy that has been checked: from the image to its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copy {
    /// Physical address of the bytes to copy, inside the image.
    pub source: u64,
    /// Physical address where they go.
    pub destination: u64,
    /// Bytes to copy.
    pub file_size: u64,
    /// Bytes to copy and to clear.
    pub mem_size: u64,
}

/// What the loader has to do. It has passed all checks.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    copies: [Copy; MAX_REGIONS],
    count: usize,
}

impl Plan {
    /// The copies, in the header's order. None overlaps another or the image.
    #[must_use]
    pub fn copies(&self) -> &[Copy] {
        self.copies.get(..self.count).unwrap_or_default()
    }
}

/// Checks a header.
///
/// # Errors
/// The first rule that the header breaks.
pub fn check(header: &Header) -> Result<Plan, CheckError> {
    if header.magic.get() != MAGIC {
        return Err(CheckError::Magic(header.magic.get()));
    }
    if header.version.get() != VERSION {
        return Err(CheckError::Version(header.version.get()));
    }
    let count = header.region_count.get() as usize;
    let regions = header
        .regions
        .get(..count)
        .ok_or(CheckError::Count(header.region_count.get()))?;

    let ram = ram(header)?;
    let size = header.image_size.get();
    let payload = PAYLOAD_OFFSET + size_of::<Header>() as u64;
    if size < payload || size > ram.end - LINK_ADDRESS {
        return Err(CheckError::ImageSize(size));
    }
    let image = LINK_ADDRESS..LINK_ADDRESS + size;

    let mut plan = Plan {
        copies: [Copy::default(); MAX_REGIONS],
        count: 0,
    };
    for (index, region) in regions.iter().enumerate() {
        let (offset, file) = (region.offset.get(), region.file_size.get());
        let (start, memory) = (region.destination.get(), region.mem_size.get());
        if file > memory {
            return Err(CheckError::Size(index));
        }
        if file > 0 && (offset < payload || offset.checked_add(file).is_none_or(|end| end > size)) {
            return Err(CheckError::Source(index));
        }
        let target = span(&ram, start, memory).ok_or(CheckError::Destination(index, start))?;
        if overlap(&target, &image) {
            return Err(CheckError::OverImage(index, start));
        }
        for (other, copy) in plan.copies().iter().enumerate() {
            if overlap(
                &target,
                &(copy.destination..copy.destination + copy.mem_size),
            ) {
                return Err(CheckError::Overlap(index, other));
            }
        }
        if let Some(copy) = plan.copies.get_mut(index) {
            *copy = Copy {
                source: LINK_ADDRESS.saturating_add(offset),
                destination: start,
                file_size: file,
                mem_size: memory,
            };
        }
        plan.count = index + 1;
    }
    if !(1..=MAX_CORES).contains(&header.cores.get()) {
        return Err(CheckError::Cores(header.cores.get()));
    }
    kernel(header, &ram)?;
    user(header, &ram)?;
    Ok(plan)
}

/// The board's RAM, with the image in it.
fn ram(header: &Header) -> Result<Range<u64>, CheckError> {
    let ram = header.ram_start.get()..header.ram_end.get();
    if ram.end > ADDRESS_END || !ram.contains(&LINK_ADDRESS) {
        return Err(CheckError::Ram(ram.start, ram.end));
    }
    let uart = header.uart_address.get();
    let block = uart / RAM_GRANULE;
    let shared = block >= ram.start / RAM_GRANULE && block < ram.end.div_ceil(RAM_GRANULE);
    if shared || uart >= ADDRESS_END {
        return Err(CheckError::Uart(uart));
    }
    Ok(ram)
}

/// The kernel's window runs from its first block to the end of the virtual gibibyte that holds it.
fn kernel(header: &Header, ram: &Range<u64>) -> Result<(), CheckError> {
    let (paddr, vaddr) = (header.kernel_paddr.get(), header.kernel_vaddr.get());
    let entry = header.kernel_entry.get();
    let fits = paddr % BLOCK_SIZE == vaddr % BLOCK_SIZE
        && ram.contains(&paddr)
        && vaddr < 1 << 48
        // The identity mapping of devices and RAM owns the first 512 GiB.
        && vaddr >> 39 != 0
        && entry >= vaddr
        && entry >> 30 == vaddr >> 30;
    if fits {
        Ok(())
    } else {
        Err(CheckError::Kernel {
            paddr,
            vaddr,
            entry,
        })
    }
}

fn user(header: &Header, ram: &Range<u64>) -> Result<(), CheckError> {
    let (start, end) = (header.user_start.get(), header.user_end.get());
    let aligned = start % PAGE_SIZE == 0 && end % PAGE_SIZE == 0;
    if aligned && start >= ram.start && start < end && end <= ram.end {
        Ok(())
    } else {
        Err(CheckError::User(start, end))
    }
}

fn span(ram: &Range<u64>, start: u64, size: u64) -> Option<Range<u64>> {
    let end = start.checked_add(size)?;
    (start >= ram.start && end <= ram.end).then_some(start..end)
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Region;

    fn region(destination: u64, offset: u64, file: u64, memory: u64) -> Region {
        Region {
            destination: destination.into(),
            offset: offset.into(),
            file_size: file.into(),
            mem_size: memory.into(),
        }
    }

    fn good() -> Header {
        let mut header = Header::new();
        header.region_count = 2.into();
        header.ram_start = 0x4000_0000.into();
        header.ram_end = 0xc000_0000.into();
        header.image_size = 0x4_0000.into();
        header.kernel_entry = 0x80_6000_0000.into();
        header.kernel_vaddr = 0x80_6000_0000.into();
        header.kernel_paddr = 0x6000_0000.into();
        header.user_start = 0x6040_0000.into();
        header.user_end = 0x6041_0000.into();
        header.regions[0] = region(0x6000_0000, 0x1_1000, 0x1000, 0x8000);
        header.regions[1] = region(0x6040_0000, 0x1_2000, 0x2000, 0x1_0000);
        header
    }

    fn refused(change: impl FnOnce(&mut Header)) -> CheckError {
        let mut header = good();
        change(&mut header);
        check(&header).unwrap_err()
    }

    #[test]
    fn a_good_payload_becomes_its_copies() {
        let plan = check(&good()).unwrap();
        assert_eq!(
            plan.copies()[1],
            Copy {
                source: 0x7001_2000,
                destination: 0x6040_0000,
                file_size: 0x2000,
                mem_size: 0x1_0000
            }
        );
        assert_eq!(plan.copies().len(), 2);
    }

    #[test]
    fn each_rule_refuses_what_breaks_it() {
        use CheckError as E;
        assert_eq!(refused(|h| h.magic = 7.into()), E::Magic(7));
        assert_eq!(refused(|h| h.version = 9.into()), E::Version(9));
        assert_eq!(refused(|h| h.region_count = 9.into()), E::Count(9));
        for (start, end) in [
            (0x4000_0000u64, 0x4000_0000u64),
            (0x8000_0000, 0xc000_0000),
            (0x4000_0000, 5 << 30),
        ] {
            let ram = |h: &mut Header| (h.ram_start, h.ram_end) = (start.into(), end.into());
            assert_eq!(refused(ram), E::Ram(start, end));
        }
        for uart in [0x4900_0000u64, 0xbfff_f000, 4 << 30] {
            assert_eq!(refused(|h| h.uart_address = uart.into()), E::Uart(uart));
        }
        assert_eq!(refused(|h| h.image_size = 64.into()), E::ImageSize(64));
        assert_eq!(refused(|h| h.regions[0].offset = 0.into()), E::Source(0));
        assert_eq!(
            refused(|h| h.regions[1].offset = u64::MAX.into()),
            E::Source(1)
        );
        assert_eq!(
            refused(|h| h.regions[1].offset = 0x3_f000.into()),
            E::Source(1)
        );
        assert_eq!(refused(|h| h.regions[0].mem_size = 1.into()), E::Size(0));
        assert_eq!(
            refused(|h| h.regions[0].destination = 0x900_0000.into()),
            E::Destination(0, 0x900_0000)
        );
        assert_eq!(
            refused(|h| h.regions[0].destination = u64::MAX.into()),
            E::Destination(0, u64::MAX)
        );
        assert_eq!(
            refused(|h| h.regions[1].destination = 0x6fff_f000.into()),
            E::OverImage(1, 0x6fff_f000)
        );
        assert_eq!(
            refused(|h| h.regions[1].destination = 0x6000_7000.into()),
            E::Overlap(1, 0)
        );
        assert!(matches!(
            refused(|h| h.kernel_paddr = 0x6000_1000.into()),
            E::Kernel { .. }
        ));
        assert!(matches!(
            refused(|h| h.kernel_entry = 0x6000_0000.into()),
            E::Kernel { .. }
        ));
        for cores in [0, MAX_CORES + 1, u64::MAX] {
            assert_eq!(refused(|h| h.cores = cores.into()), E::Cores(cores));
        }
        for (start, end) in [
            (0x6040_0000u64, 0x6041_0001u64),
            (0x6040_0001, 0x6041_0000),
            (0x6040_0000, 0x6040_0000),
            (0x3fff_f000, 0x6041_0000),
            (0x6040_0000, 0xc000_1000),
        ] {
            let user = |h: &mut Header| (h.user_start, h.user_end) = (start.into(), end.into());
            assert_eq!(refused(user), E::User(start, end));
        }
    }
}
