// SPDX-License-Identifier: BSD-2-Clause
//! Finds the switch sequences in what is typed.

use heapless::Vec;

/// Ctrl-\: the character that a switch sequence begins with (as in seL4's sDDF).
pub const ESCAPE: u8 = 0x1c;
/// Longest word of a sequence, in bytes: a name of 16 and what is behind it.
pub const WORD: usize = 32;

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;

/// What a byte means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// It is part of a sequence that goes on.
    Nothing,
    /// It is typed for whoever is attached.
    Data(u8),
    /// It ends a sequence, whose word is [`Switch::word`].
    Choice,
}

/// The sequence that is being typed.
#[derive(Debug, Default)]
pub struct Switch {
    word: Vec<u8, WORD>,
    inside: bool,
}

impl Switch {
    /// The next byte.
    pub fn key(&mut self, byte: u8) -> Key {
        match (self.inside, byte) {
            (false, ESCAPE) => {
                self.inside = true;
                self.word.clear();
                Key::Nothing
            }
            (false, byte) => Key::Data(byte),
            (true, ESCAPE) => {
                self.inside = false;
                Key::Data(ESCAPE)
            }
            (true, b'\r' | b'\n') => {
                self.inside = false;
                Key::Choice
            }
            (true, BACKSPACE | DELETE) => {
                self.word.pop();
                Key::Nothing
            }
            (true, byte) => {
                // What is too long is no console's name, with its last byte replaced neither.
                if self.word.push(byte).is_err() {
                    self.word.pop();
                    let _ = self.word.push(0);
                }
                Key::Nothing
            }
        }
    }

    /// The word of the sequence that was ended last.
    pub fn word(&self) -> &[u8] {
        &self.word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(typed: &[u8]) -> (std::vec::Vec<u8>, std::vec::Vec<std::vec::Vec<u8>>) {
        let (mut data, mut words) = (vec![], vec![]);
        let mut switch = Switch::default();
        for byte in typed {
            match switch.key(*byte) {
                Key::Nothing => {}
                Key::Data(byte) => data.push(byte),
                Key::Choice => words.push(switch.word().to_vec()),
            }
        }
        (data, words)
    }

    #[test]
    fn sequences_are_found_between_data() {
        let (data, words) = keys(b"ls\r\x1clinux\rpw\x1d\x1c\x1c\n\x1cx\x7f2\n\x1c\ry");
        assert_eq!(data, b"ls\rpw\x1d\x1c\ny");
        assert_eq!(words, [b"linux".to_vec(), b"2".to_vec(), b"".to_vec()]);
    }

    #[test]
    fn a_word_is_bounded() {
        let mut typed = vec![b'x'; WORD + 1];
        typed.insert(0, ESCAPE);
        typed.push(b'\r');
        let (data, words) = keys(&typed);
        assert!(data.is_empty());
        assert_ne!(
            words,
            [vec![b'x'; WORD]],
            "not the name that it begins with"
        );
    }
}
