// SPDX-License-Identifier: BSD-2-Clause
//! A SHA-256 in the form that commands, answers and records between domains have: four little endian words.

/// The words of a digest.
#[must_use]
pub fn words(digest: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(digest.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// The digest that has these words.
#[must_use]
pub fn bytes(words: [u64; 4]) -> [u8; 32] {
    let mut digest = [0; 32];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
    digest
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_and_back() {
        let digest = core::array::from_fn(|n| n as u8);
        let words = super::words(&digest);
        assert_eq!(words[0], 0x0706_0504_0302_0100);
        assert_eq!(super::bytes(words), digest);
    }
}
