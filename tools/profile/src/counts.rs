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
    /// Its instructions.
    pub words: Vec<u32>,
}

/// The kernel was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The vector's offset.
    pub vector: u64,
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
                words: words
                    .map(|w| u32::from_str_radix(w, 16).ok())
                    .collect::<Option<_>>()?,
            }),
            "entry" => self.entries.push(Entry {
                vector: hexadecimal(words.next()?)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_s_lines_are_read() {
        let text = "block 200000 7f00 3 d503201f d65f03c0\nentry 480 0 2\nentry 400 - 1\nend\n";
        let counts: Counts = text.parse().unwrap();
        let block = &counts.blocks[0];
        assert_eq!(
            (block.address, block.runs, block.words.len()),
            (0x20_0000, 3, 2)
        );
        assert_eq!(counts.entries[1].from, None);
        assert_eq!(counts.entries[0].vector, 0x480);
    }

    #[test]
    fn entries_of_a_second_pair_come_from_its_own_blocks() {
        let text = "block 200000 7f00 3 d503201f\nentry 480 0 2\nend\n";
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
