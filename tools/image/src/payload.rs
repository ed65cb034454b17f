// SPDX-License-Identifier: BSD-2-Clause
//! Puts loader, kernel and root task into one flat image.

use crate::Error;
use crate::elf::Elf;
use crate::kernel::Kernel;
use crate::root::RootTask;
use molt_board::Board;
use molt_payload::{BLOCK_SIZE, Header, LINK_ADDRESS, PAYLOAD_OFFSET, Region, check};
use molt_sdk::Arch;
use std::path::Path;
use zerocopy::IntoBytes;

fn loader_bytes(loader: &[u8], path: &Path) -> Result<Vec<u8>, Error> {
    let elf = Elf::parse(Arch::Aarch64, loader).map_err(|reason| Error::Program {
        path: path.to_owned(),
        reason,
    })?;
    let mut image = vec![0; PAYLOAD_OFFSET as usize];
    for segment in &elf.segments {
        let start = segment
            .paddr
            .checked_sub(LINK_ADDRESS)
            .and_then(|n| usize::try_from(n).ok());
        let place =
            start.and_then(|start| image.get_mut(start..start.checked_add(segment.data.len())?));
        place
            .ok_or(Error::LoaderSize(PAYLOAD_OFFSET))?
            .copy_from_slice(&segment.data);
    }
    Ok(image)
}

/// First address behind the kernel.
pub fn kernel_end(kernel: &Kernel) -> u64 {
    let ends = kernel.elf.segments.iter();
    let end = ends.map(|s| s.paddr + s.data.len() as u64).max();
    end.unwrap_or_default()
}

/// The address of the root task: behind the kernel.
pub fn user_start(kernel: &Kernel) -> u64 {
    kernel_end(kernel).next_multiple_of(BLOCK_SIZE)
}

/// Writes into a header what follows from kernel and board alone.
pub fn describe(header: &mut Header, kernel: &Kernel, board: &Board) {
    if let Some(first) = kernel.elf.segments.first() {
        header.kernel_vaddr = first.vaddr.into();
        header.kernel_paddr = first.paddr.into();
    }
    header.kernel_entry = kernel.elf.entry.into();
    header.ram_start = kernel.ram.start.into();
    header.ram_end = kernel.ram.end.into();
    header.uart_address = board.uart.address.into();
    header.uart_kind = u64::from(board.uart.kind as u32).into();
    header.cores = kernel.configuration.cores.into();
    if let Some(el3) = board.el3 {
        header.gic_distributor = el3.gic_distributor.into();
        header.gic_interface = el3.gic_interface.into();
        header.core_reset = (el3.core_reset as u64).into();
    }
}

/// Packs an image, which the loader's own check accepts.
pub fn pack(
    loader: &[u8],
    path: &Path,
    kernel: &Kernel,
    board: &Board,
    root: &RootTask,
) -> Result<Vec<u8>, Error> {
    let mut image = loader_bytes(loader, path)?;
    image.resize(
        (PAYLOAD_OFFSET as usize + size_of::<Header>()).next_multiple_of(0x1000),
        0,
    );
    let mut header = Header::new();
    let mut count = 0;
    let mut add = |image: &mut Vec<u8>, destination: u64, bytes: &[u8], mem_size: u64| {
        let offset = image.len().next_multiple_of(0x1000);
        image.resize(offset, 0);
        image.extend_from_slice(bytes);
        if let Some(region) = header.regions.get_mut(count) {
            *region = Region {
                destination: destination.into(),
                offset: (offset as u64).into(),
                file_size: (bytes.len() as u64).into(),
                mem_size: mem_size.into(),
            };
        }
        count += 1;
    };
    for segment in &kernel.elf.segments {
        let bytes = segment.data.get(..segment.file_size).unwrap_or_default();
        add(&mut image, segment.paddr, bytes, segment.data.len() as u64);
    }
    let user_start = user_start(kernel);
    let size = root.bytes.len() as u64;
    add(&mut image, user_start, &root.bytes, size);

    header.region_count = (count as u32).into();
    header.image_size = (image.len() as u64).into();
    header.user_start = user_start.into();
    header.user_end = (user_start + size).into();
    header.user_pv_offset = user_start.wrapping_sub(root.vaddr).into();
    header.user_entry = root.entry.into();
    describe(&mut header, kernel, board);
    check(&header)?;
    let place = PAYLOAD_OFFSET as usize..PAYLOAD_OFFSET as usize + size_of::<Header>();
    if let Some(place) = image.get_mut(place) {
        place.copy_from_slice(header.as_bytes());
    }
    Ok(image)
}
