// SPDX-License-Identifier: BSD-2-Clause
//! Invocations by label.

use sel4::{Cap, CapType, Error, InvocationContext, MessageInfo, Result, Word, cap_type};

/// Any capability.
pub trait CapExt: Sized {
    /// An invocation with this label, these capabilities (at most 3) and words (at most 120);
    /// gives the first four words of the answer. After an error the IPC buffer's first words are
    /// the kernel's details.
    ///
    /// # Panics
    /// If `caps` or `words` are too many.
    fn request(self, label: u32, caps: &[Word], words: &[Word]) -> Result<[Word; 4]>;

    /// [`request`](Self::request) where there is nothing in the answer.
    fn order(self, label: u32, caps: &[Word], words: &[Word]) -> Result<()> {
        self.request(label, caps, words).map(|_| ())
    }
}

impl<T: CapType, C: InvocationContext> CapExt for Cap<T, C> {
    fn request(self, label: u32, caps: &[Word], words: &[Word]) -> Result<[Word; 4]> {
        let cptr = self.cptr();
        self.into_invocation_context().with_context(|ipc_buffer| {
            ipc_buffer.caps_or_badges_mut()[..caps.len()].copy_from_slice(caps);
            ipc_buffer.msg_regs_mut()[..words.len()].copy_from_slice(words);
            let info = MessageInfo::new(label.into(), 0, caps.len(), words.len());
            let answer = cptr
                .cast::<cap_type::Unspecified>()
                .with(&mut *ipc_buffer)
                .call(info);
            match Error::from_sys(answer.label() as _) {
                Some(error) => Err(error),
                None => {
                    let mut first = [0; 4];
                    first.copy_from_slice(&ipc_buffer.msg_regs()[..4]);
                    Ok(first)
                }
            }
        })
    }
}
