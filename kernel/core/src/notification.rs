// SPDX-License-Identifier: BSD-2-Clause
//! Notifications: signal and wait, bound threads, and the scheduling context that a notification may donate.

use crate::{
    hardware::Hardware, kernel::Kernel, objects::State, queue::Kind, syscall::CAP_REGISTER,
};

impl<H: Hardware> Kernel<H> {
    /// Signal with a badge.
    pub(crate) fn signal(&mut self, id: u32, badge: u64) {
        let notification = &mut self.notifications[id];
        if let Some(active) = &mut notification.active {
            *active |= badge;
            return;
        }
        if let Some(waiter) = notification.queue.head {
            self.leave_notification(id, waiter);
            self.give_signal(id, badge, waiter);
            return;
        }
        match notification.bound {
            Some(bound) if matches!(self.tcbs[bound].state, State::Receive { .. }) => {
                self.cancel_ipc(bound);
                self.give_signal(id, badge, bound);
            }
            _ => self.notifications[id].active = Some(badge),
        }
    }

    fn give_signal(&mut self, id: u32, badge: u64, thread: u32) {
        self.tcbs[thread].context.x[CAP_REGISTER] = badge;
        self.tcbs[thread].state = State::Running;
        self.lend(id, thread);
        self.wake(thread, State::Running);
    }

    /// Wait for a signal.
    pub(crate) fn wait(&mut self, thread: u32, id: u32, blocking: bool) {
        if self.notifications[id].active.is_some() {
            self.complete_signal(id, thread);
        } else if blocking {
            self.return_lent(id, thread);
            self.notifications[id]
                .queue
                .insert_by_priority(&mut self.tcbs, thread);
            self.set_state(thread, State::Notification { notification: id });
        } else {
            self.tcbs[thread].context.x[CAP_REGISTER] = 0;
        }
    }

    /// Take a signal that has come.
    pub(crate) fn complete_signal(&mut self, id: u32, thread: u32) {
        if let Some(badge) = self.notifications[id].active.take() {
            self.tcbs[thread].context.x[CAP_REGISTER] = badge;
            self.lend(id, thread);
        }
    }

    /// Leave the queue.
    pub(crate) fn leave_notification(&mut self, id: u32, thread: u32) {
        self.notifications[id]
            .queue
            .remove(&mut self.tcbs, Kind::Wait, thread);
    }

    /// A passive thread that takes a signal gets the notification's scheduling context.
    fn lend(&mut self, id: u32, thread: u32) {
        if self.tcbs[thread].sc.is_none()
            && let Some(sc) = self.notifications[id].sc
            && self.contexts[sc].tcb.is_none()
        {
            self.donate(sc, thread);
            self.unblock_refills(sc);
            self.resume_context(sc);
        }
    }

    /// Take the donated scheduling context back from a thread that waits again.
    pub(crate) fn return_lent(&mut self, id: u32, thread: u32) {
        let sc = self.notifications[id].sc;
        if let Some(sc) = sc
            && self.tcbs[thread].sc == Some(sc)
        {
            self.detach(sc);
        }
    }

    /// The notification goes.
    pub(crate) fn cancel_all_signals(&mut self, id: u32) {
        while let Some(thread) = self.notifications[id].queue.head {
            self.leave_notification(id, thread);
            self.wake(thread, State::Restart);
        }
    }

    /// Undo the binding to a thread.
    pub(crate) fn unbind_notification(&mut self, thread: u32) {
        if let Some(id) = self.tcbs[thread].notification.take() {
            self.notifications[id].bound = None;
        }
    }
}
