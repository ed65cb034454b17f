// SPDX-License-Identifier: BSD-2-Clause
//! Cache maintenance, of which there is none: caches are coherent with each other, with instruction fetches and with
//! devices (Intel SDM, volume 3, 13.3 and 13.6), and a write that changes instructions is seen by whoever has since
//! executed a serialising instruction, as the return from the kernel is (8.1.3).

use sel4::{Cap, CapTypeForFrameObject, InvocationContext, Result};

/// Pages: what programs that do not care for the architecture do to the bytes `start..end` of a page.
pub trait FrameExt: Sized {
    /// Does nothing.
    fn frame_clean_data(self, _start: usize, _end: usize) -> Result<()> {
        Ok(())
    }
    /// Does nothing.
    fn frame_invalidate_data(self, _start: usize, _end: usize) -> Result<()> {
        Ok(())
    }
    /// Does nothing.
    fn frame_clean_invalidate_data(self, _start: usize, _end: usize) -> Result<()> {
        Ok(())
    }
    /// Does nothing.
    fn frame_unify_instruction(self, _start: usize, _end: usize) -> Result<()> {
        Ok(())
    }
}

impl<T: CapTypeForFrameObject, C: InvocationContext> FrameExt for Cap<T, C> {}
