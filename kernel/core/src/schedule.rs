// SPDX-License-Identifier: BSD-2-Clause
//! The scheduler: 256 priorities, first come first served in each; budgets; the release queue of
//! threads that wait for their budget.

use crate::{
    hardware::Hardware,
    kernel::Kernel,
    objects::{Queued, State, TCB_TIMEOUT},
    queue::{Kind, Queue},
    refill::Limits,
};

/// Priorities 0..=255.
pub(crate) const PRIORITIES: usize = 256;

/// What `schedule` is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// The current thread continues.
    Resume,
    /// Choose the highest.
    Choose,
    /// This thread has become ready; it may be the highest.
    Switch(u32),
}

/// The scheduler's state.
pub(crate) struct Scheduler {
    ready: [Queue; PRIORITIES],
    /// A bit for each queue that is not empty.
    occupied: [u64; PRIORITIES / 64],
    /// By time.
    release: Queue,
    pub action: Action,
    /// Time of entry.
    pub now: u64,
    /// Time since then that has not been charged.
    pub consumed: u64,
    /// The scheduling context that is being used.
    pub sc: Option<u32>,
    /// The timer's deadline is to be set anew.
    pub reprogram: bool,
    pub limits: Limits,
}

impl Scheduler {
    /// Nothing runs.
    pub fn new(now: u64, limits: Limits) -> Self {
        Scheduler {
            ready: [Queue::default(); PRIORITIES],
            occupied: [0; PRIORITIES / 64],
            release: Queue::default(),
            action: Action::Choose,
            now,
            consumed: 0,
            sc: None,
            reprogram: true,
            limits,
        }
    }

    fn highest(&self) -> Option<usize> {
        let group = self.occupied.iter().rposition(|g| *g != 0)?;
        Some(group * 64 + 63 - self.occupied[group].leading_zeros() as usize)
    }
}

impl<H: Hardware> Kernel<H> {
    /// At every entry.
    pub(crate) fn update_time(&mut self) {
        let now = self.hw.now().max(self.scheduler.now);
        self.scheduler.consumed += now - self.scheduler.now;
        self.scheduler.now = now;
    }

    /// Has the current thread time left? If not its time is charged and it loses the core.
    pub(crate) fn check_budget(&mut self) -> bool {
        let Some(sc) = self.scheduler.sc else {
            return true;
        };
        let context = &self.contexts[sc];
        if !context.refills.active()
            || context
                .refills
                .sufficient(self.scheduler.consumed, self.scheduler.limits)
        {
            return true;
        }
        self.charge_budget(self.scheduler.consumed, true);
        false
    }

    /// Charge the running scheduling context and end the current thread's slice.
    pub(crate) fn charge_budget(&mut self, amount: u64, may_fault: bool) {
        let Some(sc) = self.scheduler.sc else { return };
        let context = &mut self.contexts[sc];
        context.refills.charge(amount, self.scheduler.limits);
        context.consumed += amount;
        self.scheduler.consumed = 0;
        if let Some(current) = self.current
            && self.schedulable(current)
            && self.tcbs[current].sc == Some(sc)
        {
            self.end_timeslice(current, sc, may_fault);
            self.reschedule();
            self.scheduler.reprogram = true;
        }
    }

    fn end_timeslice(&mut self, thread: u32, sc: u32, may_fault: bool) {
        let round_robin = self.contexts[sc].refills.round_robin();
        if may_fault && !round_robin && self.has_timeout_handler(thread) {
            self.deliver_timeout(thread);
        } else if self.has_time(sc) {
            self.enqueue(thread, false);
        } else {
            self.postpone(sc);
        }
    }

    /// Whether a thread has a timeout handler.
    pub(crate) fn has_timeout_handler(&self, thread: u32) -> bool {
        !self
            .slots
            .get(self.tcb_slot(thread, TCB_TIMEOUT))
            .cap
            .is_null()
    }

    /// Can a scheduling context be run on now?
    pub(crate) fn has_time(&self, sc: u32) -> bool {
        let refills = &self.contexts[sc].refills;
        let limits = self.scheduler.limits;
        refills.active()
            && refills.ready(self.scheduler.now, limits)
            && refills.sufficient(0, limits)
    }

    /// Its thread waits until the next refill.
    pub(crate) fn postpone(&mut self, sc: u32) {
        let Some(thread) = self.contexts[sc].tcb else {
            return;
        };
        self.dequeue(thread);
        let time = self.contexts[sc].refills.head().time;
        let mut before = self.scheduler.release.head;
        while let Some(other) = before {
            let other_time = match self.tcbs[other].sc {
                Some(sc) => self.contexts[sc].refills.head().time,
                None => 0,
            };
            if other_time > time {
                break;
            }
            before = self.tcbs[other].ready_links.next;
        }
        self.scheduler
            .release
            .insert(&mut self.tcbs, Kind::Ready, thread, before);
        self.tcbs[thread].queued = Queued::Release;
        self.scheduler.reprogram = true;
    }

    /// Into the ready queue, at the head or the tail of its priority.
    pub(crate) fn enqueue(&mut self, thread: u32, head: bool) {
        let tcb = &self.tcbs[thread];
        if tcb.queued != Queued::No || tcb.sc.is_none() {
            return;
        }
        let priority = usize::from(tcb.priority);
        let queue = &mut self.scheduler.ready[priority];
        let before = if head { queue.head } else { None };
        queue.insert(&mut self.tcbs, Kind::Ready, thread, before);
        self.scheduler.occupied[priority / 64] |= 1 << (priority % 64);
        self.tcbs[thread].queued = Queued::Ready;
    }

    /// Out of whichever queue of the scheduler it is in.
    pub(crate) fn dequeue(&mut self, thread: u32) {
        let tcb = &mut self.tcbs[thread];
        let priority = usize::from(tcb.priority);
        match core::mem::replace(&mut tcb.queued, Queued::No) {
            Queued::No => {}
            Queued::Ready => {
                let queue = &mut self.scheduler.ready[priority];
                queue.remove(&mut self.tcbs, Kind::Ready, thread);
                if queue.is_empty() {
                    self.scheduler.occupied[priority / 64] &= !(1 << (priority % 64));
                }
            }
            Queued::Release => {
                if self.scheduler.release.head == Some(thread) {
                    self.scheduler.reprogram = true;
                }
                self.scheduler
                    .release
                    .remove(&mut self.tcbs, Kind::Ready, thread);
            }
        }
    }

    /// Does it want to run, and may it?
    pub(crate) fn schedulable(&self, thread: u32) -> bool {
        let tcb = &self.tcbs[thread];
        self.runnable(thread)
            && tcb.queued != Queued::Release
            && tcb.sc.is_some_and(|sc| self.contexts[sc].refills.active())
    }

    /// Does it want to run?
    pub(crate) fn runnable(&self, thread: u32) -> bool {
        matches!(self.tcbs[thread].state, State::Running | State::Restart)
    }

    pub(crate) fn set_state(&mut self, thread: u32, state: State) {
        let tcb = &mut self.tcbs[thread];
        tcb.state = state;
        if matches!(state, State::Running | State::Restart) {
            return;
        }
        if tcb.queued != Queued::No {
            // It may have run out of time just before it stopped.
            self.dequeue(thread);
        }
        if self.current == Some(thread) && self.scheduler.action == Action::Resume {
            self.scheduler.action = Action::Choose;
        }
    }

    /// Choose anew at the end of this entry.
    pub(crate) fn reschedule(&mut self) {
        if let Action::Switch(thread) = self.scheduler.action
            && self.schedulable(thread)
        {
            self.enqueue(thread, true);
        }
        self.scheduler.action = Action::Choose;
    }

    /// End a thread's wait.
    pub(crate) fn wake(&mut self, thread: u32, state: State) {
        self.set_state(thread, state);
        if let Some(sc) = self.tcbs[thread].sc
            && self.contexts[sc].sporadic
            && self.scheduler.sc != Some(sc)
        {
            self.unblock_refills(sc);
        }
        self.possible_switch_to(thread);
    }

    /// A thread has become ready: it may be the one to run.
    pub(crate) fn possible_switch_to(&mut self, thread: u32) {
        let Some(sc) = self.tcbs[thread].sc else {
            return;
        };
        if !self.contexts[sc].refills.active() || self.tcbs[thread].queued == Queued::Release {
            return;
        }
        if self.scheduler.sc != Some(sc) && !self.has_time(sc) {
            self.postpone(sc);
        } else if self.scheduler.action == Action::Resume {
            self.scheduler.action = Action::Switch(thread);
        } else {
            self.reschedule();
            self.enqueue(thread, true);
        }
    }

    /// A scheduling context that was not used does not accumulate time.
    pub(crate) fn unblock_refills(&mut self, sc: u32) {
        let (now, limits) = (self.scheduler.now, self.scheduler.limits);
        self.contexts[sc].refills.unblock(now, limits);
    }

    /// Release the threads whose refill is available.
    fn awaken(&mut self) {
        while let Some(thread) = self.scheduler.release.head {
            let ready = match self.tcbs[thread].sc {
                Some(sc) => self.contexts[sc]
                    .refills
                    .ready(self.scheduler.now, self.scheduler.limits),
                None => true,
            };
            if !ready {
                break;
            }
            self.dequeue(thread);
            if self.runnable(thread) {
                self.possible_switch_to(thread);
            }
            self.scheduler.reprogram = true;
        }
    }

    /// At every exit.
    pub(crate) fn schedule(&mut self) {
        self.awaken();
        if self.scheduler.action != Action::Resume {
            let current = self.current.filter(|c| self.schedulable(*c));
            if let Some(current) = current {
                self.enqueue(current, true);
            }
            if let Action::Switch(candidate) = self.scheduler.action
                && self.schedulable(candidate)
            {
                let tie =
                    current.is_some_and(|c| self.tcbs[c].priority == self.tcbs[candidate].priority);
                self.enqueue(candidate, !tie);
            }
            self.current = self.choose();
            self.scheduler.action = Action::Resume;
        }
        self.switch_context();
        if core::mem::take(&mut self.scheduler.reprogram) {
            self.set_deadline();
        }
    }

    fn choose(&mut self) -> Option<u32> {
        loop {
            let priority = self.scheduler.highest()?;
            let thread = self.scheduler.ready[priority].head?;
            self.dequeue(thread);
            if !self.schedulable(thread) {
                continue;
            }
            match self.tcbs[thread].sc {
                Some(sc) if self.scheduler.sc == Some(sc) || self.has_time(sc) => {
                    return Some(thread);
                }
                Some(sc) => self.postpone(sc),
                None => {}
            }
        }
    }

    fn switch_context(&mut self) {
        let next = self.current.and_then(|c| self.tcbs[c].sc);
        if next == self.scheduler.sc {
            return;
        }
        self.scheduler.reprogram = true;
        if let Some(sc) = next
            && !self.contexts[sc].sporadic
        {
            self.unblock_refills(sc);
        }
        self.commit_time();
        self.scheduler.sc = next;
    }

    /// Charge the running scheduling context for the time used so far.
    pub(crate) fn commit_time(&mut self) {
        let used = core::mem::take(&mut self.scheduler.consumed);
        if used > 0
            && let Some(sc) = self.scheduler.sc
        {
            let context = &mut self.contexts[sc];
            if context.refills.active() {
                context.refills.charge(used, self.scheduler.limits);
            }
            context.consumed += used;
        }
    }

    fn set_deadline(&mut self) {
        let mut deadline = u64::MAX;
        if let Some(sc) = self.scheduler.sc {
            let left = self.contexts[sc].refills.left(self.scheduler.consumed);
            deadline = self.scheduler.now.saturating_add(left);
        }
        if let Some(first) = self.scheduler.release.head
            && let Some(sc) = self.tcbs[first].sc
        {
            deadline = deadline.min(self.contexts[sc].refills.head().time);
        }
        self.hw.set_deadline(deadline);
    }

    /// `seL4_Yield`: the rest of the slice is given up.
    pub(crate) fn yield_now(&mut self) {
        let Some(sc) = self.scheduler.sc else { return };
        // Only time that was really used counts as consumed.
        let consumed = self.contexts[sc].consumed + self.scheduler.consumed;
        let rest = self.contexts[sc].refills.head().amount;
        self.charge_budget(rest, false);
        self.contexts[sc].consumed = consumed;
    }
}
