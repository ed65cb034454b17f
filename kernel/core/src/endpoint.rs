// SPDX-License-Identifier: BSD-2-Clause
//! Endpoints: send, receive, and the operations that end a wait.

use crate::{
    cap::GRANT,
    error::Error,
    hardware::Hardware,
    invocation::may_be_answered,
    kernel::Kernel,
    objects::{State, Waiting},
    queue::{Kind, Queue},
    syscall::CAP_REGISTER,
};

/// A send, as the capability and the system call have it.
#[derive(Clone, Copy)]
pub(crate) struct Send {
    pub endpoint: u32,
    pub badge: u64,
    pub rights: u8,
    pub blocking: bool,
    pub call: bool,
    /// May the sender's scheduling context go along.
    pub lends: bool,
}

impl<H: Hardware> Kernel<H> {
    /// Send from `sender` (a message, or the fault that it has).
    pub(crate) fn send(&mut self, send: Send, sender: u32) {
        let grant = send.rights & GRANT != 0;
        let endpoint = &mut self.endpoints[send.endpoint];
        if endpoint.waiting != Waiting::Receivers {
            if send.blocking {
                endpoint.waiting = Waiting::Senders;
                endpoint.queue.insert_by_priority(&mut self.tcbs, sender);
                self.set_state(
                    sender,
                    State::Send {
                        endpoint: send.endpoint,
                        badge: send.badge,
                        grant,
                        grant_reply: may_be_answered(send.rights),
                        call: send.call,
                    },
                );
            }
            return;
        }
        let Some(receiver) = self.take_waiter(send.endpoint) else {
            return;
        };
        let reply = match self.tcbs[receiver].state {
            State::Receive { reply, .. } => reply,
            _ => None,
        };
        self.transfer(sender, Some(send.endpoint), send.badge, grant, receiver);
        if let Some(reply) = reply {
            self.replies[reply].tcb = None;
        }
        if send.call || self.tcbs[sender].fault.is_some() {
            match reply {
                Some(reply) if may_be_answered(send.rights) => {
                    self.push_reply(sender, receiver, reply, send.lends);
                }
                _ => self.set_state(sender, State::Inactive),
            }
        } else if send.lends
            && self.tcbs[receiver].sc.is_none()
            && let Some(sc) = self.tcbs[sender].sc
        {
            self.donate(sc, receiver);
        }
        self.wake(receiver, State::Running);
    }

    /// Receive into `receiver`.
    pub(crate) fn receive(&mut self, receiver: u32, id: u32, blocking: bool, reply: Option<u32>) {
        // A reply object that somebody waits on is taken from him.
        if let Some(reply) = reply
            && let Some(other) = self.replies[reply].tcb
            && other != receiver
        {
            self.cancel_ipc(other);
        }
        if let Some(notification) = self.tcbs[receiver].notification {
            if self.notifications[notification].active.is_some() {
                self.complete_signal(notification, receiver);
                return;
            }
            if blocking {
                self.return_lent(notification, receiver);
            }
        }
        if self.endpoints[id].waiting != Waiting::Senders {
            if !blocking {
                self.tcbs[receiver].context.x[CAP_REGISTER] = 0;
                return;
            }
            let endpoint = &mut self.endpoints[id];
            endpoint.waiting = Waiting::Receivers;
            endpoint.queue.insert_by_priority(&mut self.tcbs, receiver);
            if let Some(reply) = reply {
                self.replies[reply].tcb = Some(receiver);
            }
            self.set_state(
                receiver,
                State::Receive {
                    endpoint: id,
                    reply,
                },
            );
            return;
        }
        let Some(sender) = self.take_waiter(id) else {
            return;
        };
        let State::Send {
            badge,
            grant,
            grant_reply,
            call,
            ..
        } = self.tcbs[sender].state
        else {
            return;
        };
        self.transfer(sender, Some(id), badge, grant, receiver);
        let fault = self.tcbs[sender].fault;
        if call || fault.is_some() {
            match reply {
                Some(reply) if grant_reply => {
                    let lends = self.tcbs[sender].sc.is_some()
                        && !matches!(fault, Some(crate::fault::Fault::Timeout { .. }));
                    self.push_reply(sender, receiver, reply, lends);
                }
                _ => self.set_state(sender, State::Inactive),
            }
        } else {
            self.wake(sender, State::Running);
        }
    }

    /// Take the first waiter out of the queue; its state is the caller's to change.
    fn take_waiter(&mut self, id: u32) -> Option<u32> {
        let first = self.endpoints[id].queue.head?;
        self.leave_endpoint(id, first);
        Some(first)
    }

    fn leave_endpoint(&mut self, id: u32, thread: u32) {
        let endpoint = &mut self.endpoints[id];
        endpoint.queue.remove(&mut self.tcbs, Kind::Wait, thread);
        if endpoint.queue.is_empty() {
            endpoint.waiting = Waiting::Nobody;
        }
    }

    /// End whatever a thread waits for; it is inactive then.
    pub(crate) fn cancel_ipc(&mut self, thread: u32) {
        match self.tcbs[thread].state {
            State::Inactive | State::Running | State::Restart => return,
            State::Receive {
                endpoint, reply, ..
            } => {
                self.leave_endpoint(endpoint, thread);
                if let Some(reply) = reply {
                    self.replies[reply].tcb = None;
                }
            }
            State::Send { endpoint, .. } => {
                self.leave_endpoint(endpoint, thread);
                self.tcbs[thread].fault = None;
            }
            State::Reply { reply } => {
                self.tcbs[thread].fault = None;
                self.cut_reply(reply);
            }
            State::Notification { notification } => self.leave_notification(notification, thread),
        }
        self.set_state(thread, State::Inactive);
    }

    /// The endpoint is deleted: waiting threads try again (and find nothing), faulted threads stay stopped.
    pub(crate) fn cancel_all(&mut self, id: u32) {
        while let Some(thread) = self.take_waiter(id) {
            self.turn_away(thread);
        }
    }

    /// Senders with this badge try again; others stay, in order.
    pub(crate) fn cancel_badged_sends(&mut self, id: u32, badge: u64) -> Result<(), Error> {
        if self.endpoints[id].waiting != Waiting::Senders {
            return Ok(());
        }
        let mut next = self.endpoints[id].queue.head;
        while let Some(thread) = next {
            next = self.tcbs[thread].wait_links.next;
            if matches!(self.tcbs[thread].state, State::Send { badge: b, .. } if b == badge) {
                self.leave_endpoint(id, thread);
                self.turn_away(thread);
                self.step()?;
            }
        }
        Ok(())
    }

    fn turn_away(&mut self, thread: u32) {
        if let State::Receive {
            reply: Some(reply), ..
        } = self.tcbs[thread].state
        {
            self.replies[reply].tcb = None;
        }
        if self.tcbs[thread].fault.take().is_some() {
            self.set_state(thread, State::Inactive);
        } else {
            self.wake(thread, State::Restart);
        }
    }

    /// A waiting thread's priority has changed: put it where it belongs in the queue.
    pub(crate) fn reorder(&mut self, thread: u32) {
        let queue: Option<&mut Queue> = match self.tcbs[thread].state {
            State::Receive { endpoint, .. } | State::Send { endpoint, .. } => {
                Some(&mut self.endpoints[endpoint].queue)
            }
            State::Notification { notification } => {
                Some(&mut self.notifications[notification].queue)
            }
            _ => None,
        };
        if let Some(queue) = queue {
            queue.remove(&mut self.tcbs, Kind::Wait, thread);
            queue.insert_by_priority(&mut self.tcbs, thread);
        }
    }
}
