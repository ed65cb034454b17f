// SPDX-License-Identifier: BSD-2-Clause
//! Invocations: a message to the object behind a capability, and its answer.

use crate::{
    CPtrBits, Cap, CapType, Error, InvocationContext, IpcBuffer, MessageInfo, Result, Word,
    sys::{Regs, syscall_id, trap},
};

/// Message registers of an answer that a caller can want.
pub(crate) type Answer = [Word; 4];

impl<T: CapType, C: InvocationContext> Cap<T, C> {
    /// Calls the object with `label`, `caps` and `words`, and gives the answer's first registers.
    ///
    /// On an error the IPC buffer's first four message registers hold the kernel's details.
    #[inline(always)]
    pub(crate) fn request(self, label: u32, caps: &[CPtrBits], words: &[Word]) -> Result<Answer> {
        self.invoke(|cptr, ipc_buffer| request(ipc_buffer, cptr.bits(), label, caps, words))
    }

    /// [`Cap::request`] where there is nothing in the answer.
    #[inline(always)]
    pub(crate) fn order(self, label: u32, caps: &[CPtrBits], words: &[Word]) -> Result<()> {
        self.request(label, caps, words).map(|_| ())
    }
}

/// Inlined, so that the numbers of capabilities and words are constants: as a function it spent nearly a third of `update`'s time
/// on copies whose length it did not know.
#[inline(always)]
fn request(
    ipc_buffer: &mut IpcBuffer,
    cptr: CPtrBits,
    label: u32,
    caps: &[CPtrBits],
    words: &[Word],
) -> Result<Answer> {
    let mut mr = [0; 4];
    let (fast, slow) = words.split_at(words.len().min(4));
    mr[..fast.len()].copy_from_slice(fast);
    let inner = ipc_buffer.inner_mut();
    inner.msg[4..][..slow.len()].copy_from_slice(slow);
    inner.caps_or_badges[..caps.len()].copy_from_slice(caps);

    let info = MessageInfo::new(label.into(), 0, caps.len(), words.len());
    let mut regs = Regs {
        cptr,
        info: info.into_word(),
        mr,
        ..Regs::default()
    };
    trap(syscall_id::Call, &mut regs);

    let result = Error::check(MessageInfo::from_word(regs.info).label());
    if result.is_err() {
        inner.msg[..4].copy_from_slice(&regs.mr);
    }
    result.map(|()| regs.mr)
}
