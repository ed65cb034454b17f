// SPDX-License-Identifier: BSD-2-Clause
//! System calls on endpoints, notifications, and whatever else takes a message.

use crate::{
    Cap, CapType, ConveysReplyAuthority, InvocationContext, IpcBuffer, MessageInfo, Word,
    arch::trap,
    cap,
    sys::{self, Regs, syscall_id},
};

/// Words of a message.
pub const NUM_MESSAGE_REGISTERS: usize = sys::seL4_MsgMaxLength as usize;

/// Words of a message that travel in machine registers.
pub const NUM_FAST_MESSAGE_REGISTERS: usize = sys::seL4_FastMessageRegisters as usize;

/// The badge of the capability by which a message or signal was sent.
pub type Badge = Word;

/// Enters the kernel with the message that is in the buffer; what comes back is put there.
fn exchange(ipc_buffer: &mut IpcBuffer, number: i32, mut regs: Regs) -> (MessageInfo, Badge) {
    let msg = &mut ipc_buffer.inner_mut().msg;
    regs.mr.copy_from_slice(&msg[..NUM_FAST_MESSAGE_REGISTERS]);
    trap(number, &mut regs);
    msg[..NUM_FAST_MESSAGE_REGISTERS].copy_from_slice(&regs.mr);
    (MessageInfo::from_word(regs.info), regs.cptr)
}

/// The same for calls that bring nothing back: the buffer stays as it is.
fn give(ipc_buffer: &IpcBuffer, number: i32, cptr: Word, info: MessageInfo) {
    let mut regs = Regs {
        cptr,
        info: info.into_word(),
        ..Regs::default()
    };
    regs.mr
        .copy_from_slice(&ipc_buffer.msg_regs()[..NUM_FAST_MESSAGE_REGISTERS]);
    trap(number, &mut regs);
}

impl<T: CapType, C: InvocationContext> Cap<T, C> {
    /// `seL4_Send`: blocks until the message is taken.
    pub fn send(self, info: MessageInfo) {
        self.invoke(|cptr, buffer| give(buffer, syscall_id::Send, cptr.bits(), info));
    }

    /// `seL4_NBSend`: drops the message if nobody waits for it.
    pub fn nb_send(self, info: MessageInfo) {
        self.invoke(|cptr, buffer| give(buffer, syscall_id::NBSend, cptr.bits(), info));
    }

    /// `seL4_NBSendRecv`: [`nb_send`](Self::nb_send) here and [`recv`](Self::recv) on `src`, in one.
    pub fn nb_send_recv<U: CapType>(
        self,
        info: MessageInfo,
        src: Cap<U>,
        reply_authority: impl ConveysReplyAuthority,
    ) -> (MessageInfo, Badge) {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|dest, buffer| {
            exchange(
                buffer,
                syscall_id::NBSendRecv,
                Regs {
                    cptr: src.bits(),
                    info: info.into_word(),
                    reply,
                    dest: dest.bits(),
                    ..Regs::default()
                },
            )
        })
    }

    /// `seL4_Recv`: waits for a message, or for a signal of the bound notification.
    pub fn recv(self, reply_authority: impl ConveysReplyAuthority) -> (MessageInfo, Badge) {
        self.receive(syscall_id::Recv, reply_authority)
    }

    /// `seL4_NBRecv`: takes a message if there is one; the badge is 0 otherwise.
    pub fn nb_recv(self, reply_authority: impl ConveysReplyAuthority) -> (MessageInfo, Badge) {
        self.receive(syscall_id::NBRecv, reply_authority)
    }

    fn receive(
        self,
        number: i32,
        reply_authority: impl ConveysReplyAuthority,
    ) -> (MessageInfo, Badge) {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, buffer| {
            exchange(
                buffer,
                number,
                Regs {
                    cptr: cptr.bits(),
                    reply,
                    ..Regs::default()
                },
            )
        })
    }

    /// `seL4_Call`: sends, and waits for the answer.
    pub fn call(self, info: MessageInfo) -> MessageInfo {
        self.invoke(|cptr, buffer| {
            let info = info.into_word();
            exchange(
                buffer,
                syscall_id::Call,
                Regs {
                    cptr: cptr.bits(),
                    info,
                    ..Regs::default()
                },
            )
            .0
        })
    }

    /// `seL4_ReplyRecv`: answers by the reply object, and waits for the next message.
    pub fn reply_recv(
        self,
        info: MessageInfo,
        reply_authority: impl ConveysReplyAuthority,
    ) -> (MessageInfo, Badge) {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, buffer| {
            let info = info.into_word();
            exchange(
                buffer,
                syscall_id::ReplyRecv,
                Regs {
                    cptr: cptr.bits(),
                    info,
                    reply,
                    ..Regs::default()
                },
            )
        })
    }

    /// [`send`](Self::send) with the first words given here; those in the buffer are not sent.
    pub fn send_with_mrs<M: FastMessages>(self, info: MessageInfo, messages: M) {
        let mr = messages.prepare_in().map(Option::unwrap_or_default);
        self.invoke(|cptr, _| {
            let mut regs = Regs {
                cptr: cptr.bits(),
                info: info.into_word(),
                mr,
                ..Regs::default()
            };
            trap(syscall_id::Send, &mut regs);
        });
    }

    /// [`recv`](Self::recv), with the first words of the message, which are not put in the buffer.
    pub fn recv_with_mrs(self, reply_authority: impl ConveysReplyAuthority) -> RecvWithMRs {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, _| {
            let mut regs = Regs {
                cptr: cptr.bits(),
                reply,
                ..Regs::default()
            };
            trap(syscall_id::Recv, &mut regs);
            RecvWithMRs {
                info: MessageInfo::from_word(regs.info),
                badge: regs.cptr,
                msg: regs.mr,
            }
        })
    }

    /// [`call`](Self::call) with the first words given here, and those of the answer; neither is
    /// read from the buffer or put there.
    pub fn call_with_mrs<M: FastMessages>(self, info: MessageInfo, messages: M) -> CallWithMRs {
        let mr = messages.prepare_in_out();
        self.invoke(|cptr, _| {
            let mut regs = Regs {
                cptr: cptr.bits(),
                info: info.into_word(),
                mr,
                ..Regs::default()
            };
            trap(syscall_id::Call, &mut regs);
            CallWithMRs {
                info: MessageInfo::from_word(regs.info),
                msg: regs.mr,
            }
        })
    }
}

impl<C: InvocationContext> cap::Notification<C> {
    /// `seL4_Signal`.
    pub fn signal(self) {
        self.send(MessageInfo::new(0, 0, 0, 0));
    }

    /// `seL4_Wait`: waits for a signal; the badge is the OR of all since the last.
    pub fn wait(self) -> (MessageInfo, Badge) {
        self.invoke(|cptr, buffer| {
            exchange(
                buffer,
                syscall_id::Wait,
                Regs {
                    cptr: cptr.bits(),
                    ..Regs::default()
                },
            )
        })
    }

    /// `seL4_Poll`: takes the signals there are; the badge is 0 if there are none.
    pub fn poll(self) -> (MessageInfo, Badge) {
        self.invoke(|cptr, buffer| {
            exchange(
                buffer,
                syscall_id::NBWait,
                Regs {
                    cptr: cptr.bits(),
                    ..Regs::default()
                },
            )
        })
    }
}

/// `seL4_Yield`: gives up the rest of the current budget.
pub fn r#yield() {
    trap(syscall_id::Yield, &mut Regs::default());
}

/// What [`Cap::recv_with_mrs`] gives.
pub struct RecvWithMRs {
    /// The message's tag.
    pub info: MessageInfo,
    /// The sender's badge.
    pub badge: Badge,
    /// The message's first words.
    pub msg: [Word; NUM_FAST_MESSAGE_REGISTERS],
}

/// What [`Cap::call_with_mrs`] gives.
pub struct CallWithMRs {
    /// The answer's tag.
    pub info: MessageInfo,
    /// The answer's first words.
    pub msg: [Word; NUM_FAST_MESSAGE_REGISTERS],
}

/// Up to four words that go with a message.
pub trait FastMessages: sealed::Sealed {
    /// The words, each if it was given.
    fn prepare_in(self) -> [Option<Word>; NUM_FAST_MESSAGE_REGISTERS];

    /// The words; 0 for those that were not given.
    fn prepare_in_out(self) -> [Word; NUM_FAST_MESSAGE_REGISTERS];
}

impl<const N: usize> FastMessages for [Word; N]
where
    [Word; N]: sealed::Sealed,
{
    fn prepare_in(self) -> [Option<Word>; NUM_FAST_MESSAGE_REGISTERS] {
        self.as_slice().prepare_in()
    }

    fn prepare_in_out(self) -> [Word; NUM_FAST_MESSAGE_REGISTERS] {
        self.as_slice().prepare_in_out()
    }
}

impl FastMessages for &[Word] {
    fn prepare_in(self) -> [Option<Word>; NUM_FAST_MESSAGE_REGISTERS] {
        assert!(self.len() <= NUM_FAST_MESSAGE_REGISTERS);
        core::array::from_fn(|i| self.get(i).copied())
    }

    fn prepare_in_out(self) -> [Word; NUM_FAST_MESSAGE_REGISTERS] {
        self.prepare_in().map(Option::unwrap_or_default)
    }
}

mod sealed {
    use super::Word;

    pub trait Sealed {}
    impl Sealed for [Word; 0] {}
    impl Sealed for [Word; 1] {}
    impl Sealed for [Word; 2] {}
    impl Sealed for [Word; 3] {}
    impl Sealed for [Word; 4] {}
    impl Sealed for &[Word] {}
}
