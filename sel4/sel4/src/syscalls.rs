// SPDX-License-Identifier: BSD-2-Clause
//! System calls on endpoints, notifications, and whatever else takes a message.

use crate::{
    Cap, CapType, ConveysReplyAuthority, InvocationContext, IpcBuffer, MessageInfo, Word, cap,
    sys::{self, Regs, syscall, trap},
};

/// Words of a message.
pub const NUM_MESSAGE_REGISTERS: usize = sys::seL4_MsgMaxLength as usize;

/// Words of a message that travel in machine registers.
pub const NUM_FAST_MESSAGE_REGISTERS: usize = sys::seL4_FastMessageRegisters as usize;

/// The badge of the capability by which a message or signal was sent.
pub type Badge = Word;

/// What a wait gives beside the badge.
pub type WaitMessageInfo = MessageInfo;

/// Enters the kernel with the message that is in the buffer; what comes back is put there.
fn exchange(ipc_buffer: &mut IpcBuffer, number: i64, mut regs: Regs) -> (MessageInfo, Badge) {
    let msg = &mut ipc_buffer.inner_mut().msg;
    regs.mr.copy_from_slice(&msg[..NUM_FAST_MESSAGE_REGISTERS]);
    trap(number, &mut regs);
    msg[..NUM_FAST_MESSAGE_REGISTERS].copy_from_slice(&regs.mr);
    (MessageInfo::from_word(regs.info), regs.cptr)
}

/// The same for calls that bring nothing back: the buffer stays as it is.
fn give(ipc_buffer: &IpcBuffer, number: i64, cptr: Word, info: MessageInfo) {
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
        self.invoke(|cptr, buffer| give(buffer, syscall::SEND, cptr.bits(), info));
    }

    /// `seL4_NBSend`: drops the message if nobody waits for it.
    pub fn nb_send(self, info: MessageInfo) {
        self.invoke(|cptr, buffer| give(buffer, syscall::NB_SEND, cptr.bits(), info));
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
                syscall::NB_SEND_RECV,
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
        self.receive(syscall::RECV, reply_authority)
    }

    /// `seL4_NBRecv`: takes a message if there is one; the badge is 0 otherwise.
    pub fn nb_recv(self, reply_authority: impl ConveysReplyAuthority) -> (MessageInfo, Badge) {
        self.receive(syscall::NB_RECV, reply_authority)
    }

    fn receive(
        self,
        number: i64,
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
                syscall::CALL,
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
                syscall::REPLY_RECV,
                Regs {
                    cptr: cptr.bits(),
                    info,
                    reply,
                    ..Regs::default()
                },
            )
        })
    }

    /// [`send`](Self::send) with the first words given here.
    pub fn send_with_mrs<M: FastMessages>(self, info: MessageInfo, messages: M) {
        self.invoke(|cptr, buffer| {
            messages.put(buffer);
            give(buffer, syscall::SEND, cptr.bits(), info);
        });
    }

    /// [`recv`](Self::recv), with the first words of the message.
    pub fn recv_with_mrs(self, reply_authority: impl ConveysReplyAuthority) -> RecvWithMRs {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, buffer| {
            let regs = Regs {
                cptr: cptr.bits(),
                reply,
                ..Regs::default()
            };
            let (info, badge) = exchange(buffer, syscall::RECV, regs);
            RecvWithMRs {
                info,
                badge,
                msg: first_words(buffer),
            }
        })
    }

    /// [`call`](Self::call) with the first words given here, and those of the answer.
    pub fn call_with_mrs<M: FastMessages>(self, info: MessageInfo, messages: M) -> CallWithMRs {
        self.invoke(|cptr, buffer| {
            messages.put(buffer);
            let regs = Regs {
                cptr: cptr.bits(),
                info: info.into_word(),
                ..Regs::default()
            };
            let (info, _) = exchange(buffer, syscall::CALL, regs);
            CallWithMRs {
                info,
                msg: first_words(buffer),
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
    pub fn wait(self) -> (WaitMessageInfo, Badge) {
        self.invoke(|cptr, buffer| {
            exchange(
                buffer,
                syscall::WAIT,
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
                syscall::NB_WAIT,
                Regs {
                    cptr: cptr.bits(),
                    ..Regs::default()
                },
            )
        })
    }
}

impl<T: CapType, C: InvocationContext> Cap<T, C> {
    /// `seL4_NBSendWait`: [`nb_send`](Self::nb_send) here and [`wait`](cap::Notification::wait) on
    /// `src`, in one. (Upstream does not have it.)
    pub fn nb_send_wait<U: CapType>(self, info: MessageInfo, src: Cap<U>) -> (MessageInfo, Badge) {
        self.invoke(|dest, buffer| {
            let regs = Regs {
                cptr: src.bits(),
                info: info.into_word(),
                // There is no reply object in a wait: its register takes the destination.
                reply: dest.bits(),
                ..Regs::default()
            };
            exchange(buffer, syscall::NB_SEND_WAIT, regs)
        })
    }
}

/// `seL4_Yield`: gives up the rest of the current budget.
pub fn r#yield() {
    trap(syscall::YIELD, &mut Regs::default());
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

fn first_words(buffer: &IpcBuffer) -> [Word; NUM_FAST_MESSAGE_REGISTERS] {
    let mut words = [0; NUM_FAST_MESSAGE_REGISTERS];
    words.copy_from_slice(&buffer.msg_regs()[..NUM_FAST_MESSAGE_REGISTERS]);
    words
}

/// Up to four words that go with a message.
pub trait FastMessages: sealed::Sealed {
    #[doc(hidden)]
    fn put(self, ipc_buffer: &mut IpcBuffer);
}

impl<const N: usize> FastMessages for [Word; N]
where
    [Word; N]: sealed::Sealed,
{
    fn put(self, ipc_buffer: &mut IpcBuffer) {
        self.as_slice().put(ipc_buffer);
    }
}

impl FastMessages for &[Word] {
    fn put(self, ipc_buffer: &mut IpcBuffer) {
        assert!(self.len() <= NUM_FAST_MESSAGE_REGISTERS);
        ipc_buffer.msg_regs_mut()[..self.len()].copy_from_slice(self);
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
