// SPDX-License-Identifier: BSD-2-Clause
//! The IPC buffer.

use crate::{AbsoluteCPtr, Word, cap, sys};

/// A thread's IPC buffer (`seL4_IPCBuffer`).
#[repr(transparent)]
pub struct IpcBuffer(sys::seL4_IPCBuffer);

impl IpcBuffer {
    /// As the kernel lays it out.
    pub const fn inner(&self) -> &sys::seL4_IPCBuffer {
        &self.0
    }

    /// As the kernel lays it out.
    pub fn inner_mut(&mut self) -> &mut sys::seL4_IPCBuffer {
        &mut self.0
    }

    /// The message registers.
    pub fn msg_regs(&self) -> &[Word] {
        &self.0.msg
    }

    /// The message registers.
    pub fn msg_regs_mut(&mut self) -> &mut [Word] {
        &mut self.0.msg
    }

    /// The message registers as bytes.
    pub fn msg_bytes(&self) -> &[u8] {
        let msg = &self.0.msg;
        // SAFETY: any byte of a u64 array is a valid u8, and the slice covers just the array.
        unsafe { core::slice::from_raw_parts(msg.as_ptr().cast(), size_of_val(msg)) }
    }

    /// The message registers as bytes.
    pub fn msg_bytes_mut(&mut self) -> &mut [u8] {
        let msg = &mut self.0.msg;
        // SAFETY: as in `msg_bytes`; any bytes make valid words.
        unsafe { core::slice::from_raw_parts_mut(msg.as_mut_ptr().cast(), size_of_val(msg)) }
    }

    /// The word that is free for the program.
    pub fn user_data(&self) -> Word {
        self.0.userData
    }

    /// Sets the word that is free for the program.
    pub fn set_user_data(&mut self, data: Word) {
        self.0.userData = data;
    }

    /// Capabilities to send, or badges of unwrapped ones.
    pub fn caps_or_badges(&self) -> &[Word] {
        &self.0.caps_or_badges
    }

    /// Capabilities to send.
    pub fn caps_or_badges_mut(&mut self) -> &mut [Word] {
        &mut self.0.caps_or_badges
    }

    /// Where a capability is received.
    pub fn recv_slot(&self) -> AbsoluteCPtr {
        cap::CNode::from_bits(self.0.receiveCNode)
            .absolute_cptr_from_bits_with_depth(self.0.receiveIndex, self.0.receiveDepth as usize)
    }

    /// Sets where a capability is received.
    pub fn set_recv_slot(&mut self, slot: &AbsoluteCPtr) {
        self.0.receiveCNode = slot.root().bits();
        self.0.receiveIndex = slot.path().bits();
        self.0.receiveDepth = slot.path().depth() as Word;
    }
}
