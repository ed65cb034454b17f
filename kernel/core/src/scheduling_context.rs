// SPDX-License-Identifier: BSD-2-Clause
//! Scheduling contexts: binding, donation, and the invocations of them and of SchedControl.

use crate::{
    cap::Cap,
    error::Error,
    hardware::Hardware,
    invocation::{Call, Label, Outcome},
    kernel::Kernel,
    objects::{Above, State},
    refill::MIN_REFILLS,
    schedule::Action,
};

/// Bytes of a scheduling context without extra refills, and of an extra refill.
const CORE_BYTES: usize = 128;
const REFILL_BYTES: usize = 16;
/// The kernel's own worst time, in microseconds; twice it is the least budget.
pub(crate) const WORST_US: u64 = 10;
const MIN_BUDGET_US: u64 = 2 * WORST_US;
/// Longest period: so that no sum of times overflows.
const MAX_PERIOD_TICKS: u64 = u64::MAX / 8;
/// `seL4_SchedContext_Sporadic`.
const SPORADIC: u64 = 1;

/// Most refills that an object of 2^bits bytes holds.
pub(crate) fn refill_capacity(bits: u32) -> usize {
    let bytes = 1usize.checked_shl(bits).unwrap_or(CORE_BYTES);
    MIN_REFILLS + bytes.saturating_sub(CORE_BYTES) / REFILL_BYTES
}

impl<H: Hardware> Kernel<H> {
    /// Donate a scheduling context to a thread, taking it from the thread that has it.
    pub(crate) fn donate(&mut self, sc: u32, to: u32) {
        self.detach(sc);
        self.contexts[sc].tcb = Some(to);
        self.tcbs[to].sc = Some(sc);
    }

    /// Take a scheduling context from its thread, if it has one.
    pub(crate) fn detach(&mut self, sc: u32) {
        let Some(from) = self.contexts[sc].tcb.take() else {
            return;
        };
        self.dequeue(from);
        self.tcbs[from].sc = None;
        if self.current == Some(from) || self.scheduler.action == Action::Switch(from) {
            self.reschedule();
        }
    }

    /// Its runnable thread waits if there is no time now.
    pub(crate) fn resume_context(&mut self, sc: u32) {
        if let Some(thread) = self.contexts[sc].tcb
            && self.schedulable(thread)
            && !self.has_time(sc)
            && self.scheduler.sc != Some(sc)
        {
            self.postpone(sc);
        }
    }

    /// Bind to a thread; both are free.
    pub(crate) fn bind_context(&mut self, sc: u32, thread: u32) {
        self.contexts[sc].tcb = Some(thread);
        self.tcbs[thread].sc = Some(sc);
        if self.contexts[sc].sporadic && self.scheduler.sc != Some(sc) {
            self.unblock_refills(sc);
        }
        self.resume_context(sc);
        if self.schedulable(thread) {
            self.enqueue(thread, true);
            self.reschedule();
        }
    }

    /// The scheduling context goes.
    pub(crate) fn delete_context(&mut self, sc: u32) {
        self.unbind_all(sc);
        if let Some(waiter) = self.contexts[sc].yield_from {
            self.complete_yield_to(waiter);
        }
        if self.scheduler.sc == Some(sc) {
            self.scheduler.sc = None;
            self.scheduler.consumed = 0;
            self.scheduler.reprogram = true;
        }
        self.contexts.remove(sc);
    }

    fn unbind_all(&mut self, sc: u32) {
        self.detach(sc);
        if let Some(notification) = self.contexts[sc].notification.take() {
            self.notifications[notification].sc = None;
        }
        if let Some(reply) = self.contexts[sc].reply.take() {
            self.replies[reply].above = Above::Nothing;
        }
    }

    /// Microseconds used since the last time that somebody asked.
    pub(crate) fn take_consumed(&mut self, sc: u32) -> u64 {
        let ticks = core::mem::take(&mut self.contexts[sc].consumed);
        self.hw.ticks_to_us(ticks)
    }

    /// A thread that yielded runs again: it gets the time that the other one consumed.
    pub(crate) fn complete_yield_to(&mut self, thread: u32) {
        if let Some(sc) = self.tcbs[thread].yield_to {
            let consumed = self.take_consumed(sc);
            self.answer(thread, 0, &[consumed], 1);
            self.cancel_yield_to(thread);
        }
    }

    /// Forget a yield.
    pub(crate) fn cancel_yield_to(&mut self, thread: u32) {
        if let Some(sc) = self.tcbs[thread].yield_to.take() {
            self.contexts[sc].yield_from = None;
        }
    }

    pub(crate) fn invoke_sched_context(&mut self, sc: u32, call: &Call) -> Result<Outcome, Error> {
        match call.label {
            Label::SCHED_CONTEXT_BIND => self.bind(sc, call),
            Label::SCHED_CONTEXT_UNBIND => {
                if self.contexts[sc].tcb == self.current && self.current.is_some() {
                    return Err(Error::IllegalOperation);
                }
                self.unbind_all(sc);
                Ok(Outcome::Done)
            }
            Label::SCHED_CONTEXT_UNBIND_OBJECT => self.unbind_object(sc, call),
            Label::SCHED_CONTEXT_CONSUMED => Ok(Outcome::Word(self.take_consumed(sc))),
            Label::SCHED_CONTEXT_YIELD_TO => self.yield_to(sc, call),
            _ => Err(Error::IllegalOperation),
        }
    }

    fn bind(&mut self, sc: u32, call: &Call) -> Result<Outcome, Error> {
        let (_, cap) = call.cap(0)?;
        match cap {
            Cap::Tcb { id } => {
                if self.contexts[sc].tcb.is_some() || self.tcbs[id].sc.is_some() {
                    return Err(Error::IllegalOperation);
                }
                self.require_released(sc, id)?;
                self.bind_context(sc, id);
                Ok(Outcome::Done)
            }
            Cap::Notification { id, .. } => {
                if self.contexts[sc].notification.is_some() || self.notifications[id].sc.is_some() {
                    return Err(Error::IllegalOperation);
                }
                self.contexts[sc].notification = Some(id);
                self.notifications[id].sc = Some(sc);
                Ok(Outcome::Done)
            }
            _ => Err(Error::InvalidCapability(1)),
        }
    }

    /// A thread that waits for IPC may only get a scheduling context that could run at once.
    pub(crate) fn require_released(&self, sc: u32, thread: u32) -> Result<(), Error> {
        let waits = !matches!(
            self.tcbs[thread].state,
            State::Inactive | State::Running | State::Restart
        );
        if waits && !self.has_time(sc) {
            return Err(Error::IllegalOperation);
        }
        Ok(())
    }

    fn unbind_object(&mut self, sc: u32, call: &Call) -> Result<Outcome, Error> {
        let (_, cap) = call.cap(0)?;
        match cap {
            Cap::Tcb { id } => {
                if self.contexts[sc].tcb != Some(id) || self.current == Some(id) {
                    return Err(Error::IllegalOperation);
                }
                self.detach(sc);
                Ok(Outcome::Done)
            }
            Cap::Notification { id, .. } => {
                if self.contexts[sc].notification != Some(id) {
                    return Err(Error::IllegalOperation);
                }
                self.contexts[sc].notification = None;
                self.notifications[id].sc = None;
                Ok(Outcome::Done)
            }
            _ => Err(Error::InvalidCapability(1)),
        }
    }

    fn yield_to(&mut self, sc: u32, call: &Call) -> Result<Outcome, Error> {
        let this = call.thread;
        let Some(target) = self.contexts[sc].tcb else {
            return Err(Error::IllegalOperation);
        };
        if target == this
            || self.tcbs[target].priority > self.tcbs[this].mcp
            || self.tcbs[this].yield_to.is_some()
        {
            return Err(Error::IllegalOperation);
        }
        if let Some(other) = self.contexts[sc].yield_from {
            self.complete_yield_to(other);
        }
        if self.scheduler.sc != Some(sc) && self.contexts[sc].sporadic {
            self.unblock_refills(sc);
        }
        self.resume_context(sc);
        if !self.schedulable(target) {
            return Ok(Outcome::Word(self.take_consumed(sc)));
        }
        self.dequeue(target);
        self.enqueue(target, true);
        if self.tcbs[target].priority < self.tcbs[this].priority {
            return Ok(Outcome::Word(self.take_consumed(sc)));
        }
        self.tcbs[this].yield_to = Some(sc);
        self.contexts[sc].yield_from = Some(this);
        // It is queued behind the target and before the others, and gets the result when it runs again.
        self.enqueue(this, true);
        self.dequeue(target);
        self.enqueue(target, true);
        self.reschedule();
        Ok(Outcome::Silent)
    }

    pub(crate) fn invoke_sched_control(&mut self, call: &Call) -> Result<Outcome, Error> {
        if call.label != Label::SCHED_CONTROL_CONFIGURE {
            return Err(Error::IllegalOperation);
        }
        call.require(5, 1)?;
        let (budget_us, period_us) = (call.word(0)?, call.word(1)?);
        let (extra, badge, flags) = (call.word(2)?, call.word(3)?, call.word(4)?);
        let Cap::SchedContext { id: sc } = call.cap(0)?.1 else {
            return Err(Error::InvalidCapability(1));
        };
        let max_us = self.hw.ticks_to_us(MAX_PERIOD_TICKS);
        if !(MIN_BUDGET_US..=max_us).contains(&budget_us)
            || !(MIN_BUDGET_US..=max_us).contains(&period_us)
        {
            return Err(Error::Range(MIN_BUDGET_US, max_us));
        }
        if budget_us > period_us {
            return Err(Error::Range(MIN_BUDGET_US, period_us));
        }
        let capacity = refill_capacity(u32::from(self.contexts[sc].bits)) - MIN_REFILLS;
        if extra > capacity as u64 {
            return Err(Error::Range(0, capacity as u64));
        }
        let budget = self.hw.us_to_ticks(budget_us);
        // Equal: a slice among others, with no account over time.
        let period = match budget_us == period_us {
            true => 0,
            false => self.hw.us_to_ticks(period_us),
        };
        let max = match period {
            0 => MIN_REFILLS,
            _ => MIN_REFILLS + extra as usize,
        };
        self.configure(sc, (max, budget, period), badge, flags & SPORADIC != 0);
        Ok(Outcome::Done)
    }

    fn configure(
        &mut self,
        sc: u32,
        (max, budget, period): (usize, u64, u64),
        badge: u64,
        sporadic: bool,
    ) {
        let thread = self.contexts[sc].tcb;
        if let Some(thread) = thread {
            self.dequeue(thread);
        }
        if self.scheduler.sc == Some(sc) {
            self.commit_time();
        }
        let (now, limits) = (self.scheduler.now, self.scheduler.limits);
        let context = &mut self.contexts[sc];
        context.badge = badge;
        context.sporadic = sporadic;
        if context.refills.active() && thread.is_some_and(|t| self.runnable(t)) {
            let refills = &mut self.contexts[sc].refills;
            refills.update(max, budget, period, now, limits);
        } else {
            let refills = &mut self.contexts[sc].refills;
            refills.configure(max, budget, period, now);
        }
        let Some(thread) = thread else { return };
        if self.current == Some(thread) {
            self.scheduler.reprogram = true;
            if !self.has_time(sc) {
                self.postpone(sc);
            }
            self.reschedule();
        } else if self.runnable(thread) {
            self.possible_switch_to(thread);
        }
    }
}
