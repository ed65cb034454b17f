// SPDX-License-Identifier: BSD-2-Clause
//! The EL1 physical timer, which the kernel leaves to the root task.

use molt_clock::{Frequency, Ticks};
use sel4::{BootInfoPtr, Cap, cap, cap_type, init_thread::slot};

use crate::{env::Env, test::Outcome};

/// The timer's private interrupt.
pub const IRQ: u64 = 30;

/// The timer's interrupt, bound to a notification of its own.
#[derive(Clone, Copy)]
pub struct Timer {
    /// The handler, as the kernel made it.
    pub handler: cap::IrqHandler,
    /// The notification that it signals.
    pub notification: cap::Notification,
}

impl Timer {
    /// Not there yet.
    pub fn none() -> Self {
        Self {
            handler: Cap::from_bits(0),
            notification: Cap::from_bits(0),
        }
    }

    /// Takes the interrupt.
    pub fn start(env: &mut Env, _boot_info: &BootInfoPtr) -> Outcome {
        molt_clock::timer::stop();
        let handler = env.slot::<cap_type::IrqHandler>();
        slot::IRQ_CONTROL
            .cap()
            .irq_control_get(IRQ, &env.at(handler))?;
        let notification = env.make::<cap_type::Notification>()?;
        env.timer = Self {
            handler,
            notification,
        };
        env.timer.restore();
        Ok(())
    }

    /// Binds the interrupt to the suite's notification again, with nothing pending.
    pub fn restore(&self) {
        molt_clock::timer::stop();
        let _ = self.handler.irq_handler_set_notification(self.notification);
        let _ = self.handler.irq_handler_ack();
        self.notification.poll();
    }
}

/// `microseconds` in ticks.
pub fn ticks(microseconds: u64) -> Ticks {
    Frequency::of_this_machine().ticks(microseconds * 1000)
}

impl Env {
    /// The root task waits; all others can run meanwhile. Gives the microseconds that it took.
    pub fn pause_us(&self, microseconds: u64) -> u64 {
        let start = molt_clock::now();
        molt_clock::timer::set(start.saturating_add(ticks(microseconds)));
        self.timer.notification.wait();
        molt_clock::timer::stop();
        let _ = self.timer.handler.irq_handler_ack();
        Frequency::of_this_machine().ns(molt_clock::now().since(start)) / 1000
    }
}
