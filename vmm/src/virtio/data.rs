// SPDX-License-Identifier: BSD-2-Clause
//! The data of a request in the guest's memory, as one stream of bytes.

use molt_block_queue::Segment;

use crate::ram::Ram;

/// The segments, and where the last access was.
pub struct Data<'a> {
    ram: &'a Ram,
    segments: &'a [Segment],
    /// A segment's index, and the bytes before it.
    index: usize,
    before: u64,
}

impl<'a> Data<'a> {
    /// The data in these segments.
    pub const fn new(ram: &'a Ram, segments: &'a [Segment]) -> Self {
        Self {
            ram,
            segments,
            index: 0,
            before: 0,
        }
    }

    /// Copies bytes from position `at` on; `None` beyond the end.
    pub fn read(&mut self, at: u64, out: &mut [u8]) -> Option<()> {
        let mut done = 0;
        while done < out.len() {
            let (address, there) = self.find(at + done as u64)?;
            let end = out.len().min(done.saturating_add(there));
            self.ram.read(address, out.get_mut(done..end)?)?;
            done = end;
        }
        Some(())
    }

    /// Copies bytes to position `at`; `None` beyond the end.
    pub fn write(&mut self, at: u64, from: &[u8]) -> Option<()> {
        let mut done = 0;
        while done < from.len() {
            let (address, there) = self.find(at + done as u64)?;
            let end = from.len().min(done.saturating_add(there));
            self.ram.write(address, from.get(done..end)?)?;
            done = end;
        }
        Some(())
    }

    /// The guest-physical address of position `at`, and how many bytes are there in a row.
    fn find(&mut self, at: u64) -> Option<(u64, usize)> {
        if at < self.before {
            (self.index, self.before) = (0, 0);
        }
        loop {
            let segment = self.segments.get(self.index)?;
            let len = u64::from(segment.len);
            let inside = at - self.before;
            if inside < len {
                let address = self.ram.base() + segment.offset + inside;
                return Some((address, (len - inside) as usize));
            }
            self.before += len;
            self.index += 1;
        }
    }
}
