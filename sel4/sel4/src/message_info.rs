// SPDX-License-Identifier: BSD-2-Clause
//! The tag of a message.

use crate::Word;

const EXTRA_CAPS_SHIFT: u32 = 7;
const CAPS_UNWRAPPED_SHIFT: u32 = 9;
const LABEL_SHIFT: u32 = 12;

/// Label, length and capabilities of a message (`seL4_MessageInfo_t`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageInfo(Word);

impl MessageInfo {
    /// A tag with these fields.
    ///
    /// # Panics
    /// If `label` has more than 52 bits, or the others are above 7, 3 and 127.
    pub fn new(label: Word, caps_unwrapped: usize, extra_caps: usize, length: usize) -> Self {
        assert!(label >> Self::label_width() == 0);
        assert!(caps_unwrapped < 8 && extra_caps < 4 && length < 128);
        Self(
            label << LABEL_SHIFT
                | (caps_unwrapped as Word) << CAPS_UNWRAPPED_SHIFT
                | (extra_caps as Word) << EXTRA_CAPS_SHIFT
                | length as Word,
        )
    }

    pub(crate) const fn from_word(word: Word) -> Self {
        Self(word)
    }

    pub(crate) const fn into_word(self) -> Word {
        self.0
    }

    /// What the message is about: the sender's choice, an invocation's label, or a fault's type.
    pub fn label(&self) -> Word {
        self.0 >> LABEL_SHIFT
    }

    /// Bits of a label.
    pub const fn label_width() -> usize {
        (Word::BITS - LABEL_SHIFT) as usize
    }

    /// Which received capabilities were unwrapped: a bit for each.
    pub fn caps_unwrapped(&self) -> usize {
        (self.0 >> CAPS_UNWRAPPED_SHIFT & 7) as usize
    }

    /// Capabilities sent, or received (0 to 3).
    pub fn extra_caps(&self) -> usize {
        (self.0 >> EXTRA_CAPS_SHIFT & 3) as usize
    }

    /// Words in the message (0 to 120).
    pub fn length(&self) -> usize {
        (self.0 & 0x7f) as usize
    }
}

/// Builds a [`MessageInfo`] field by field.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct MessageInfoBuilder {
    label: Word,
    caps_unwrapped: usize,
    extra_caps: usize,
    length: usize,
}

impl MessageInfoBuilder {
    /// The tag.
    pub fn build(self) -> MessageInfo {
        MessageInfo::new(
            self.label,
            self.caps_unwrapped,
            self.extra_caps,
            self.length,
        )
    }

    /// Sets the label.
    #[must_use]
    pub fn label(self, label: Word) -> Self {
        Self { label, ..self }
    }

    /// Sets which capabilities were unwrapped.
    #[must_use]
    pub fn caps_unwrapped(self, caps_unwrapped: usize) -> Self {
        Self {
            caps_unwrapped,
            ..self
        }
    }

    /// Sets the number of capabilities.
    #[must_use]
    pub fn extra_caps(self, extra_caps: usize) -> Self {
        Self { extra_caps, ..self }
    }

    /// Sets the number of words.
    #[must_use]
    pub fn length(self, length: usize) -> Self {
        Self { length, ..self }
    }
}

impl From<MessageInfoBuilder> for MessageInfo {
    fn from(builder: MessageInfoBuilder) -> Self {
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_where_the_kernel_looks() {
        let info = MessageInfo::new(0x123, 5, 2, 17);
        assert_eq!(info.clone().into_word(), 0x123 << 12 | 5 << 9 | 2 << 7 | 17);
        assert_eq!(
            (
                info.label(),
                info.caps_unwrapped(),
                info.extra_caps(),
                info.length()
            ),
            (0x123, 5, 2, 17)
        );
    }
}
