// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of the authority over domains, which only kernels of more than one domain obey.

use crate::{InvocationContext, Result, Time, Word, cap, sys::invocation_label as label};

impl<C: InvocationContext> cap::DomainSet<C> {
    /// `seL4_DomainSet_Set`: the thread runs only while `domain` does.
    pub fn domain_set_set(self, domain: u8, thread: cap::Tcb) -> Result<()> {
        self.order(label::DomainSetSet, &[thread.bits()], &[domain.into()])
    }

    /// `seL4_DomainSet_ScheduleConfigure`: entry `index` of the schedule runs `domain` for `duration`, which is in
    /// ticks of the timer (not microseconds), at most 56 bits of them. Domain 0 for 0 ticks ends the schedule.
    pub fn domain_set_schedule_configure(
        self,
        index: Word,
        domain: u8,
        duration: Time,
    ) -> Result<()> {
        self.order(
            label::DomainScheduleConfigure,
            &[],
            &[index, domain.into(), duration],
        )
    }

    /// `seL4_DomainSet_ScheduleSetStart`: the schedule continues at entry `index`, now and after each end marker.
    pub fn domain_set_schedule_set_start(self, index: Word) -> Result<()> {
        self.order(label::DomainScheduleSetStart, &[], &[index])
    }
}
