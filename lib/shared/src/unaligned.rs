// SPDX-License-Identifier: BSD-2-Clause
//! Bytes at any alignment as little-endian words. The targets are built without unaligned accesses: a word that is put together of
//! eight bytes costs twenty instructions, one of two aligned words three.

/// The whole words of the bytes, from the first byte on.
pub(crate) fn words(from: &[u8]) -> impl Iterator<Item = u64> + '_ {
    // SAFETY: every pattern of eight bytes is a `u64`.
    let (first, middle, last) = unsafe { from.align_to::<u64>() };
    let held = 8 * first.len() as u32;
    let mut low = number(first);
    let middle = middle.iter().map(move |word| {
        let word = u64::from_le(*word);
        match held {
            0 => word,
            _ => {
                let whole = low | word << held;
                low = word >> (64 - held);
                whole
            }
        }
    });
    // What the last aligned word has left is known only when it was read, so the end is put together from the bytes.
    let done = from.len() - first.len() - last.len();
    let end = from.get(done..).unwrap_or_default();
    middle.chain(end.first_chunk::<8>().map(|word| u64::from_le_bytes(*word)))
}

/// Fills `out` with the bytes of words from byte `at` on. `load(n)` is word `n`; only words are loaded of which a byte is needed.
pub(crate) fn fill(out: &mut [u8], at: usize, load: impl Fn(usize) -> u64) {
    // SAFETY: every pattern of eight bytes is a `u64`.
    let (first, middle, last) = unsafe { out.align_to_mut::<u64>() };
    let single = |bytes: &mut [u8], at: usize| {
        for (at, byte) in (at..).zip(bytes) {
            *byte = (load(at / 8) >> (8 * (at % 8))) as u8;
        }
    };
    let begin = at + first.len();
    let end = begin + size_of_val(middle);
    single(first, at);
    single(last, end);
    let (mut n, shift) = (begin / 8, 8 * (begin % 8) as u32);
    if shift == 0 {
        for word in middle {
            *word = load(n).to_le();
            n += 1;
        }
    } else if !middle.is_empty() {
        let mut low = load(n);
        for word in middle {
            n += 1;
            let high = load(n);
            *word = (low >> shift | high << (64 - shift)).to_le();
            low = high;
        }
    }
}

/// At most eight bytes as a number.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bytes_are_the_same_at_any_alignment() {
        let bytes: Vec<u8> = (1..=80).collect();
        let word = |n: usize| number(&bytes[8 * n..8 * n + 8]);
        for start in 0..9 {
            for len in 0..60 {
                let part = &bytes[start..start + len];
                let expected: Vec<u64> = part.chunks_exact(8).map(number).collect();
                assert_eq!(words(part).collect::<Vec<u64>>(), expected);
                for place in 0..9 {
                    let mut out = vec![0; place + len + 1];
                    fill(&mut out[place..place + len], start, word);
                    assert_eq!(&out[place..place + len], part);
                    assert_eq!(out[place + len], 0);
                }
            }
        }
    }
}
