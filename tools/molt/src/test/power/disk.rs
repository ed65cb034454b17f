// SPDX-License-Identifier: BSD-2-Clause
//! The disk after a cut: each block of each client's share was never written, or is whole and belongs there.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use molt_guest::pattern::{BLOCK, MARK, is};
use molt_sdf::System;
use molt_sdf::model::Client;

/// Bytes of a sector (virtio 1.2, 5.2).
const SECTOR: u64 = 512;

/// Checks it. The guests count themselves from 1, in the order of the description.
///
/// # Errors
/// A block is neither empty nor what its guest writes there, or the file cannot be read.
pub fn check(file: &Path, system: &System) -> Result<()> {
    let mut disk = File::open(file).with_context(|| format!("{}", file.display()))?;
    let clients = system.domains.iter().flat_map(|domain| &domain.clients);
    for (guest, share) in (1..).zip(clients.map(Client::sectors)) {
        disk.seek(SeekFrom::Start(share.start * SECTOR))?;
        let mut block = [0; BLOCK];
        for number in 0..(share.end - share.start) * SECTOR / BLOCK as u64 {
            disk.read_exact(&mut block)?;
            ensure!(
                is_whole(&block, guest, number),
                "block {number} of guest {guest} is neither empty nor what the guest writes to it"
            );
        }
    }
    Ok(())
}

fn is_whole(block: &[u8; BLOCK], guest: u64, number: u64) -> bool {
    let (words, _) = block.as_chunks::<8>();
    let write = words.get(2).copied().map_or(0, u64::from_le_bytes);
    let is_mark = || number == 0 && is(block, MARK, 0, MARK);
    block.iter().all(|byte| *byte == 0) || is(block, guest, number, write) || is_mark()
}

#[cfg(test)]
mod tests {
    use super::*;
    use molt_guest::pattern::fill;

    #[test]
    fn a_torn_or_misplaced_block_is_noticed() {
        let mut block = [0; BLOCK];
        assert!(is_whole(&block, 1, 7));
        fill(&mut block, 1, 7, 3);
        assert!(is_whole(&block, 1, 7));
        assert!(!is_whole(&block, 2, 7) && !is_whole(&block, 1, 8));
        let mut torn = block;
        fill(&mut block, 1, 7, 4);
        torn[..512].copy_from_slice(&block[..512]);
        assert!(!is_whole(&torn, 1, 7));
    }
}
