// SPDX-License-Identifier: BSD-2-Clause
//! Invocations: a message to the object behind a capability, and its answer.

use crate::{
    CPtrBits, Cap, CapType, Error, InvocationContext, IpcBuffer, MessageInfo, Result, Word,
    arch::trap,
    sys::{Regs, syscall_id},
};

/// Words of a message that are in registers, not in the IPC buffer.
const REGISTERS: usize = 4;

/// Message registers of an answer that a caller can want.
pub(crate) type Answer = [Word; REGISTERS];

impl<T: CapType, C: InvocationContext> Cap<T, C> {
    /// Calls the object with `label`, `caps` and `words`, and gives the answer's first registers.
    ///
    /// On an error the IPC buffer's first four message registers hold the kernel's details.
    ///
    /// The numbers of capabilities and words are part of the type: with slices, a call takes longer to copy its arguments than for
    /// all else that it does here.
    pub(crate) fn request<const CAPS: usize, const WORDS: usize>(
        self,
        label: u32,
        caps: &[CPtrBits; CAPS],
        words: &[Word; WORDS],
    ) -> Result<Answer> {
        self.invoke(|cptr, ipc_buffer| {
            let inner = ipc_buffer.inner_mut();
            for (to, cap) in inner.caps_or_badges.iter_mut().zip(caps) {
                *to = *cap;
            }
            for (to, word) in inner.msg.iter_mut().zip(words).skip(REGISTERS) {
                *to = *word;
            }
            let mut registers = [0; REGISTERS];
            for (to, word) in registers.iter_mut().zip(words) {
                *to = *word;
            }
            let info = MessageInfo::new(label.into(), 0, CAPS, WORDS);
            call(ipc_buffer, cptr.bits(), info, registers)
        })
    }

    /// [`Cap::request`] where there is nothing in the answer.
    pub(crate) fn order<const CAPS: usize, const WORDS: usize>(
        self,
        label: u32,
        caps: &[CPtrBits; CAPS],
        words: &[Word; WORDS],
    ) -> Result<()> {
        self.request(label, caps, words).map(|_| ())
    }

    /// [`Cap::order`] with as many words as there are.
    pub(crate) fn order_words(self, label: u32, words: &[Word]) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            let mut registers = [0; REGISTERS];
            let (fast, slow) = words.split_at(words.len().min(REGISTERS));
            registers[..fast.len()].copy_from_slice(fast);
            ipc_buffer.inner_mut().msg[REGISTERS..][..slow.len()].copy_from_slice(slow);
            let info = MessageInfo::new(label.into(), 0, 0, words.len());
            call(ipc_buffer, cptr.bits(), info, registers).map(|_| ())
        })
    }
}

/// Calls with what is in the IPC buffer already and the first words in registers.
fn call(
    ipc_buffer: &mut IpcBuffer,
    cptr: CPtrBits,
    info: MessageInfo,
    mr: [Word; REGISTERS],
) -> Result<Answer> {
    let mut regs = Regs {
        cptr,
        info: info.into_word(),
        mr,
        ..Regs::default()
    };
    trap(syscall_id::Call, &mut regs);

    let result = Error::check(MessageInfo::from_word(regs.info).label());
    if result.is_err() {
        ipc_buffer.inner_mut().msg[..REGISTERS].copy_from_slice(&regs.mr);
    }
    result.map(|()| regs.mr)
}
