// SPDX-License-Identifier: BSD-2-Clause
//! The source bytes of all fills, one after the other.

/// Grows as contents are added.
#[derive(Default)]
pub struct Blob {
    bytes: Vec<u8>,
}

impl Blob {
    /// Adds bytes; their offset.
    pub fn add(&mut self, bytes: &[u8]) -> u64 {
        let offset = self.bytes.len().next_multiple_of(16);
        self.bytes.resize(offset, 0);
        self.bytes.extend_from_slice(bytes);
        offset as u64
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
