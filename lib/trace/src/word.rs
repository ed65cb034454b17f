// SPDX-License-Identifier: BSD-2-Clause
//! A short text without spaces: names, reasons, stages.

use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

/// At most 47 bytes of printable ASCII without spaces and `=`; made from any text by replacing what
/// does not fit with `-` and cutting what is too long. So `rolled back` is `rolled-back`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Word(heapless::String<47>);

impl Word {
    /// The word for `text`.
    pub fn new(text: &str) -> Self {
        let mut word = heapless::String::new();
        for character in text.chars() {
            let fits = character.is_ascii_graphic() && character != '=';
            if word.push(if fits { character } else { '-' }).is_err() {
                break;
            }
        }
        Self(word)
    }

    /// The word for a name of fixed length, padded with NULs.
    pub fn padded(name: &[u8]) -> Self {
        let length = name.iter().position(|byte| *byte == 0);
        let name = name.get(..length.unwrap_or(name.len())).unwrap_or(name);
        Self::new(core::str::from_utf8(name).unwrap_or("?"))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A text that is written as [`Word`] would write it, and is copied nowhere: for events that are noted where time counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WordRef<'a>(pub &'a str);

impl fmt::Display for WordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Word::new(self.0).fmt(f)
    }
}

impl Deref for Word {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl FromStr for Word {
    type Err = core::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An empty value could not be distinguished from a missing one.
        f.write_str(if self.0.is_empty() { "-" } else { &self.0 })
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}
