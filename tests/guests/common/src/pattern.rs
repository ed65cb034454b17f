// SPDX-License-Identifier: BSD-2-Clause
//! The content of a block: who wrote it, which block it is, which write it was, a checksum.

/// Bytes in a block.
pub const BLOCK: usize = 4096;
/// In place of a guest's number and of a write's: what a guest writes to block 0 at its start, to see whether the disk keeps it.
pub const MARK: u64 = u64::MAX;

/// Fills a block.
pub fn fill(block: &mut [u8; BLOCK], guest: u64, number: u64, sequence: u64) {
    let mut state = seed(guest, number, sequence);
    let mut sum = 0_u64;
    let (words, _) = block.as_chunks_mut::<8>();
    let Some((head, body)) = words.split_at_mut_checked(4) else {
        return;
    };
    for word in body {
        state = next(state);
        sum = sum.rotate_left(1) ^ state;
        *word = state.to_le_bytes();
    }
    for (word, value) in head.iter_mut().zip([guest, number, sequence, sum]) {
        *word = value.to_le_bytes();
    }
}

/// Whether the block is the one that [`fill`] makes of the same numbers.
pub fn is(block: &[u8; BLOCK], guest: u64, number: u64, sequence: u64) -> bool {
    let mut state = seed(guest, number, sequence);
    let mut sum = 0_u64;
    let (words, _) = block.as_chunks::<8>();
    let Some((head, body)) = words.split_at_checked(4) else {
        return false;
    };
    for word in body {
        state = next(state);
        sum = sum.rotate_left(1) ^ state;
        if u64::from_le_bytes(*word) != state {
            return false;
        }
    }
    head.iter()
        .zip([guest, number, sequence, sum])
        .all(|(word, value)| u64::from_le_bytes(*word) == value)
}

fn seed(guest: u64, number: u64, sequence: u64) -> u64 {
    next(guest ^ number.rotate_left(20) ^ sequence.rotate_left(40)) | 1
}

/// A step of xorshift64 (Marsaglia 2003).
pub fn next(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_other_number_or_byte_is_noticed() {
        let mut block = [0; BLOCK];
        fill(&mut block, 1, 2, 3);
        assert!(is(&block, 1, 2, 3));
        assert!(!is(&block, 0, 2, 3) && !is(&block, 1, 0, 3) && !is(&block, 1, 2, 0));
        for index in 0..BLOCK {
            block[index] ^= 0x10;
            assert!(!is(&block, 1, 2, 3), "byte {index}");
            block[index] ^= 0x10;
        }
    }
}
