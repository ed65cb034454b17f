// SPDX-License-Identifier: BSD-2-Clause
//! The text of a description and places in it.

use std::ops::Range;

/// Bytes of the text that something was read from.
pub type Span = Range<usize>;

/// A description's text with its name.
#[derive(Clone, Debug, Default)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// `text`, called `name` in messages.
    pub fn new(name: String, text: String) -> Self {
        Source { name, text }
    }

    /// The name for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column (both from 1, columns in characters) and the line's text.
    pub fn place(&self, offset: usize) -> (usize, usize, &str) {
        let offset = (0..=offset.min(self.text.len()))
            .rev()
            .find(|at| self.text.is_char_boundary(*at))
            .unwrap_or(0);
        let (before, after) = self.text.split_at(offset);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = after
            .find('\n')
            .map_or(self.text.len(), |newline| offset + newline);
        let line = before.matches('\n').count() + 1;
        let column = before[start..].chars().count() + 1;
        (line, column, self.text[start..end].trim_end_matches('\r'))
    }
}
