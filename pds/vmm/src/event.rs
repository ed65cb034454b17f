// SPDX-License-Identifier: BSD-2-Clause
//! Waits for the next event, and carries out the last order before it in the same system call.
//!
//! Most exits end in one order to the kernel: the vCPU continues, an interrupt is put into a list register, or a neighbour is
//! notified. An order that needs no answer is therefore put off until the next order comes, or until the VMM waits:
//! `seL4_NBSendRecv` does both at once. seL4 refuses invocations of a TCB there (with InvalidCapability, which the caller
//! does not see), so these are a system call of their own.

use sel4::{Badge, MessageInfo, Word, cap, with_ipc_buffer_mut};

/// Slots of the Microkit CNode.
const INPUT: cap::Endpoint = sel4::Cap::from_bits(1);
/// The same slot, for `seL4_Wait`, which the bindings have for notifications only.
const SIGNALS: cap::Notification = sel4::Cap::from_bits(1);
const REPLY: cap::Reply = sel4::Cap::from_bits(4);

/// Badge bits: a call, a fault; neither: signals.
const IS_CALL: Badge = 1 << 63;
const IS_FAULT: Badge = 1 << 62;
/// Of a fault's badge, the vCPU's number.
const NUMBER: Badge = 0x3f;

/// Most words of an order.
const WORDS: usize = 3;

/// An event.
pub enum Event {
    /// These channels have been notified, one bit each.
    Notified(Badge),
    /// This vCPU has stopped; the message is in the IPC buffer.
    Fault(usize, MessageInfo),
    /// A call, which nobody has the right to.
    Call,
}

/// An invocation whose answer nobody needs.
#[derive(Clone, Copy)]
pub struct Order {
    cap: cap::Unspecified,
    label: Word,
    words: [Word; WORDS],
    count: usize,
    /// It may be the first part of a call that waits. seL4 refuses an invocation of a TCB there.
    combines: bool,
}

impl Order {
    /// An invocation of a TCB with these words.
    pub fn of_tcb<const N: usize>(cap: cap::Tcb, label: u32, words: [Word; N]) -> Self {
        Self {
            combines: false,
            ..Self::new(cap.upcast(), label, words)
        }
    }

    /// An invocation of `cap`, a notification or a vCPU, with these words.
    pub fn new<const N: usize>(cap: cap::Unspecified, label: u32, words: [Word; N]) -> Self {
        const { assert!(N <= WORDS) };
        let mut all = [0; WORDS];
        for (to, from) in all.iter_mut().zip(words) {
            *to = from;
        }
        Self {
            cap,
            label: label.into(),
            words: all,
            count: N,
            combines: true,
        }
    }

    fn send(&self) {
        self.cap.send(self.message());
    }

    /// Puts the words in the IPC buffer.
    fn message(&self) -> MessageInfo {
        with_ipc_buffer_mut(|buffer| {
            for (to, from) in buffer.msg_regs_mut().iter_mut().zip(self.words) {
                *to = from;
            }
        });
        MessageInfo::new(self.label, 0, 0, self.count)
    }
}

/// The orders that are put off. vCPUs have a lower priority and do not run until the VMM waits, so the sequence of orders of different
/// kinds does not matter.
#[derive(Default)]
pub struct Orders {
    /// An order that may be the first part of the call that waits.
    last: Option<Order>,
    /// An order that may not.
    alone: Option<Order>,
    /// The vCPU that has faulted continues unchanged: its fault is answered by a reply.
    reply: bool,
    /// The vCPU stays in its fault and has the reply object.
    held: bool,
}

impl Orders {
    /// Puts `order` off. An order of its kind that was put off before is carried out now.
    pub fn put_off(&mut self, order: Order) {
        let place = match order.combines {
            true => &mut self.last,
            false => &mut self.alone,
        };
        if let Some(earlier) = place.replace(order) {
            earlier.send();
        }
    }

    /// The vCPU that has faulted goes on as it is.
    pub fn reply(&mut self) {
        self.reply = true;
    }

    /// The vCPU, whose fault came last, stays in it until an order resumes it. It is the guest's only one.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// The vCPU is resumed, so that the reply object is free for its next fault.
    pub fn release(&mut self) {
        self.held = false;
    }

    /// Carries an order to a TCB out now, if one is put off.
    pub fn carry_out_alone(&mut self) {
        if let Some(order) = self.alone.take() {
            order.send();
        }
    }

    /// Waits for the next event.
    pub fn wait(&mut self) -> Event {
        self.carry_out_alone();
        if self.held {
            return self.wait_for_signals();
        }
        let (info, badge) = match (self.last.take(), core::mem::take(&mut self.reply)) {
            (last, true) => {
                if let Some(order) = last {
                    order.send();
                }
                INPUT.reply_recv(MessageInfo::new(0, 0, 0, 0), REPLY)
            }
            (Some(order), false) => order.cap.nb_send_recv(order.message(), INPUT, REPLY),
            (None, false) => INPUT.recv(REPLY),
        };
        Self::event(info, badge)
    }

    /// Nothing comes that would need the reply object: the only thread that can fault is in its fault.
    fn wait_for_signals(&mut self) -> Event {
        if let Some(order) = self.last.take() {
            order.send();
        }
        let (info, badge) = SIGNALS.wait();
        Self::event(info, badge)
    }

    fn event(info: MessageInfo, badge: Badge) -> Event {
        match badge {
            badge if badge & IS_CALL != 0 => Event::Call,
            badge if badge & IS_FAULT != 0 => Event::Fault((badge & NUMBER) as usize, info),
            badge => Event::Notified(badge),
        }
    }
}
