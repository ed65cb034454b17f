// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of scheduling contexts.

use crate::{Badge, InvocationContext, Result, Time, Word, cap, sys::invocation_label as label};

impl<C: InvocationContext> cap::SchedControl<C> {
    /// `seL4_SchedControl_ConfigureFlags`: `budget` out of each `period`, both in microseconds.
    pub fn sched_control_configure_flags(
        self,
        sched_context: cap::SchedContext,
        budget: Time,
        period: Time,
        extra_refills: Word,
        badge: Badge,
        flags: Word,
    ) -> Result<()> {
        self.order(
            label::SchedControlConfigureFlags,
            &[sched_context.bits()],
            &[budget, period, extra_refills, badge, flags],
        )
    }
}

impl<C: InvocationContext> cap::SchedContext<C> {
    /// `seL4_SchedContext_Unbind`: from whatever it is bound to.
    pub fn unbind(self) -> Result<()> {
        self.order(label::SchedContextUnbind, &[], &[])
    }
}
