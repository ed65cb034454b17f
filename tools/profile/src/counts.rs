// SPDX-License-Identifier: BSD-2-Clause
//! Reads the plugin's output.

use std::str::FromStr;

/// A block of instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where its program has it.
    pub address: u64,
    /// Where QEMU has it.
    pub host: u64,
    /// How often it ran.
    pub runs: u64,
    /// Its instructions, each as its bytes in the order of memory.
    pub instructions: Vec<Vec<u8>>,
}

impl Block {
    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.instructions.concat()
    }

    /// Where each of its instructions is.
    pub fn addresses(&self) -> impl Iterator<Item = u64> {
        let sizes = self.instructions.iter().map(|bytes| bytes.len() as u64);
        sizes.scan(self.address, |next, size| {
            let address = *next;
            *next += size;
            Some(address)
        })
    }
}

/// The kernel was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The vector's offset (AArch64), or the address (x86_64).
    pub place: u64,
    /// Number of the block that ran before, where it ran between the marks.
    pub from: Option<usize>,
    /// How often.
    pub count: u64,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The blocks that ran.
    pub blocks: Vec<Block>,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// The text is not the plugin's output.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CountsError {
    /// This line.
    #[error("line {line} is not the plugin's")]
    Line {
        /// From 1 on.
        line: usize,
    },
    /// The last line is missing: the second mark was not reached, or the disk is full.
    #[error("the end is missing")]
    Cut,
}

impl FromStr for Counts {
    type Err = CountsError;

    fn from_str(text: &str) -> Result<Self, CountsError> {
        let mut counts = Self::default();
        for (index, line) in text.lines().enumerate() {
            if line == "end" {
                return Ok(counts);
            }
            counts
                .line(line)
                .ok_or(CountsError::Line { line: index + 1 })?;
        }
        Err(CountsError::Cut)
    }
}

impl Counts {
    /// Adds what was counted between another pair of marks of the same machine.
    pub fn add(&mut self, other: Self) {
        let first = self.blocks.len();
        self.blocks.extend(other.blocks);
        self.entries
            .extend(other.entries.into_iter().map(|entry| Entry {
                from: entry.from.map(|number| number + first),
                ..entry
            }));
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let hexadecimal = |text: &str| u64::from_str_radix(text, 16).ok();
        match words.next()? {
            "block" => self.blocks.push(Block {
                address: hexadecimal(words.next()?)?,
                host: hexadecimal(words.next()?)?,
                runs: words.next()?.parse().ok()?,
                instructions: words.map(bytes).collect::<Option<_>>()?,
            }),
            "entry" => self.entries.push(Entry {
                place: hexadecimal(words.next()?)?,
                from: match words.next()? {
                    "-" => None,
                    number => Some(number.parse().ok()?),
                },
                count: words.next()?.parse().ok()?,
            }),
            _ => return None,
        }
        Some(())
    }
}

/// Two digits for each.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_s_lines_are_read() {
        let text = "block 200000 7f00 3 90 0f1f4000\nentry 480 0 2\nentry 400 - 1\nend\n";
        let counts: Counts = text.parse().unwrap();
        let block = &counts.blocks[0];
        assert_eq!(
            (block.address, block.runs, block.instructions.len()),
            (0x20_0000, 3, 2)
        );
        assert_eq!(block.bytes(), [0x90, 0x0f, 0x1f, 0x40, 0x00]);
        assert!(block.addresses().eq([0x20_0000, 0x20_0001]));
        assert_eq!(counts.entries[1].from, None);
        assert_eq!(counts.entries[0].place, 0x480);
    }

    #[test]
    fn entries_of_a_second_pair_come_from_its_own_blocks() {
        let text = "block 200000 7f00 3 1f2003d5\nentry 480 0 2\nend\n";
        let mut counts: Counts = text.parse().unwrap();
        counts.add(text.parse().unwrap());
        let from: Vec<_> = counts.entries.iter().map(|entry| entry.from).collect();
        assert_eq!((from, counts.blocks.len()), (vec![Some(0), Some(1)], 2));
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        assert_eq!("block 1 2 3 0\n".parse::<Counts>(), Err(CountsError::Cut));
        let wrong = CountsError::Line { line: 1 };
        assert_eq!("block 1 2\nend\n".parse::<Counts>(), Err(wrong));
    }
}
