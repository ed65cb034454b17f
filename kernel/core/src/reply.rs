// SPDX-License-Identifier: BSD-2-Clause
//! Reply objects and the call stack that they form: each reply is above the one whose caller
//! donated the scheduling context before; the topmost is directly below the scheduling context.

use crate::{
    fault::Fault,
    hardware::Hardware,
    kernel::Kernel,
    objects::{Above, State},
};

impl<H: Hardware> Kernel<H> {
    /// `caller` waits on `reply`, which `callee` can answer. With `lends` a callee without a
    /// scheduling context gets the caller's until then.
    pub(crate) fn push_reply(&mut self, caller: u32, callee: u32, reply: u32, lends: bool) {
        {
            let object = &mut self.replies[reply];
            object.tcb = Some(caller);
            object.above = Above::Nothing;
            object.below = None;
        }
        self.set_state(caller, State::Reply { reply });
        if lends
            && self.tcbs[callee].sc.is_none()
            && let Some(sc) = self.tcbs[caller].sc
        {
            let below = self.contexts[sc].reply;
            if let Some(below) = below {
                self.replies[below].above = Above::Reply(reply);
            }
            self.replies[reply].below = below;
            self.replies[reply].above = Above::Context(sc);
            self.contexts[sc].reply = Some(reply);
            self.donate(sc, callee);
        }
    }

    /// Take a reply out: the waiting thread is inactive after it, and has its scheduling context
    /// back if this was the top of the stack.
    fn pop_reply(&mut self, reply: u32, caller: u32) {
        let (above, below) = (self.replies[reply].above, self.replies[reply].below);
        match above {
            Above::Context(sc) => {
                self.contexts[sc].reply = below;
                if let Some(below) = below {
                    self.replies[below].above = Above::Context(sc);
                }
                self.clear_reply(reply);
                if self.tcbs[caller].sc.is_none() {
                    self.donate(sc, caller);
                }
            }
            _ => self.cut_reply(reply),
        }
        self.set_state(caller, State::Inactive);
    }

    /// Take a reply whose caller gives up out of the stack; a donated scheduling context stays where it is.
    pub(crate) fn cut_reply(&mut self, reply: u32) {
        let (above, below) = (self.replies[reply].above, self.replies[reply].below);
        match above {
            Above::Context(sc) => self.contexts[sc].reply = None,
            Above::Reply(other) => self.replies[other].below = None,
            Above::Nothing => {}
        }
        if let Some(below) = below {
            self.replies[below].above = Above::Nothing;
        }
        self.clear_reply(reply);
    }

    fn clear_reply(&mut self, reply: u32) {
        let object = &mut self.replies[reply];
        object.tcb = None;
        object.above = Above::Nothing;
        object.below = None;
    }

    /// The reply object is deleted: a thread that waits for an answer stays inactive, a receiver that uses it stops receiving.
    pub(crate) fn delete_reply(&mut self, reply: u32) {
        if let Some(thread) = self.replies[reply].tcb {
            match self.tcbs[thread].state {
                State::Reply { .. } => self.pop_reply(reply, thread),
                _ => self.cancel_ipc(thread),
            }
        }
        self.replies.remove(reply);
    }

    /// `sender` answers through a reply object.
    pub(crate) fn reply_transfer(&mut self, sender: u32, reply: u32, grant: bool) {
        let Some(receiver) = self.replies[reply].tcb else {
            return;
        };
        if !matches!(self.tcbs[receiver].state, State::Reply { .. }) {
            return;
        }
        self.pop_reply(reply, receiver);
        if let Some(sc) = self.tcbs[receiver].sc
            && self.contexts[sc].sporadic
            && self.scheduler.sc != Some(sc)
        {
            self.unblock_refills(sc);
        }
        let fault = self.tcbs[receiver].fault.take();
        let next = match fault {
            None => {
                self.transfer(sender, None, 0, grant, receiver);
                State::Running
            }
            Some(fault) => match self.fault_reply(fault, sender, receiver) {
                true => State::Restart,
                false => State::Inactive,
            },
        };
        self.set_state(receiver, next);
        if next == State::Inactive {
            return;
        }
        let Some(sc) = self.tcbs[receiver].sc else {
            return;
        };
        if self.has_time(sc) {
            self.possible_switch_to(receiver);
        } else if self.contexts[sc].refills.active() {
            let timed_out = matches!(fault, Some(Fault::Timeout { .. }));
            if !timed_out && self.has_timeout_handler(receiver) {
                self.deliver_timeout(receiver);
            } else {
                self.postpone(sc);
            }
        }
    }
}
