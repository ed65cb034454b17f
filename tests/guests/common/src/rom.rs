// SPDX-License-Identifier: BSD-2-Clause
//! Contents for ROMs of tests: each word says which version and which place it is of, so that a mixture of two shows in any two
//! words of it.

/// Bytes of a word.
pub const WORD: usize = 8;

/// The bytes of a version's content: one is longer than the next, so that what is behind a content shows too.
#[must_use]
pub const fn length(version: u64) -> usize {
    match version {
        1 => 0x1_8000,
        _ => 0x1_4ff0,
    }
}

/// Word `n` of a version's content.
#[must_use]
pub const fn word(version: u64, n: u64) -> u64 {
    version << 48 | n
}

/// The version of the content that a word is of, if it is word `n`.
#[must_use]
pub const fn version(word: u64, n: u64) -> Option<u64> {
    match word & 0xffff_ffff_ffff == n {
        true => Some(word >> 48),
        false => None,
    }
}

/// The bytes of a version's content.
pub fn content(version: u64) -> impl Iterator<Item = u8> {
    let words = 0..(length(version) / WORD) as u64;
    words.flat_map(move |n| word(version, n).to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_shows_its_version_and_its_place() {
        for wanted in [1, 2] {
            let bytes: Vec<u8> = content(wanted).collect();
            assert_eq!(bytes.len(), length(wanted));
            let (words, rest) = bytes.as_chunks();
            assert!(rest.is_empty());
            for (n, word) in (0..).zip(words) {
                let word = u64::from_le_bytes(*word);
                assert_eq!(version(word, n), Some(wanted));
                assert_eq!(version(word, n + 1), None);
            }
        }
    }
}
