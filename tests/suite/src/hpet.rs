// SPDX-License-Identifier: BSD-2-Clause
//! The timer of a PC: an HPET.

use molt_clock::{Frequency, Ticks};
use molt_hpet::Hpet;
use molt_shared::Registers;
use sel4::{BootInfoPtr, Cap, CapRights, VmAttributes, cap, cap_type, init_thread::slot};

use crate::{
    env::Env,
    test::{Failure, Outcome},
};

/// Where QEMU's machine has it, and where it is mapped: there are no translation tables for that yet, on any level.
const HPET: usize = 0xfed0_0000;
const MAPPED: usize = 0x100_0000_0000;
/// The pin of the I/O APIC that its interrupt goes to, and the vector.
const PIN: u32 = 20;
const VECTOR: u64 = 1;
/// While the root task waits, the kernel looks at its clock at least so often, in nanoseconds: its own timer does not interrupt on every
/// machine (docs/x86.md).
const TICK_NS: u64 = 1_000_000;

/// The timer, and its interrupt, bound to a notification of its own.
pub struct Timer {
    hpet: Option<Hpet<Registers>>,
    handler: cap::IrqHandler,
    notification: cap::Notification,
}

impl Timer {
    /// Not there yet.
    pub fn none() -> Self {
        Self {
            hpet: None,
            handler: Cap::from_bits(0),
            notification: Cap::from_bits(0),
        }
    }

    /// Takes the timer and its interrupt.
    pub fn start(env: &mut Env, boot_info: &BootInfoPtr) -> Outcome {
        let page = env.device_page(boot_info, HPET);
        let page = page.ok_or(Failure::new("the HPET's registers are not there"))?;
        env.map_tables_of(boot_info, MAPPED);
        let rights = CapRights::read_write();
        page.frame_map(env.vspace(), MAPPED, rights, VmAttributes::NONE)?;
        // SAFETY: the registers were mapped there, for ever.
        let registers = unsafe { Registers::new(MAPPED, molt_hpet::REGISTERS) };
        let hpet = Hpet::start(registers, PIN).map_err(|_| Failure::new("no usable HPET"))?;
        let handler = env.slot::<cap_type::IrqHandler>();
        // Level-triggered, active high.
        (slot::IRQ_CONTROL.cap()).irq_control_get_ioapic(
            0,
            PIN.into(),
            1,
            0,
            VECTOR,
            &env.at(handler),
        )?;
        let notification = env.make::<cap_type::Notification>()?;
        handler.irq_handler_set_notification(notification)?;
        env.timer = Self {
            hpet: Some(hpet),
            handler,
            notification,
        };
        Ok(())
    }

    /// Waits for the interrupt, `ns` nanoseconds from now.
    fn wait(&self, ns: u64) {
        if let Some(hpet) = &self.hpet {
            hpet.set(ns);
            self.notification.wait();
            hpet.stop();
            let _ = self.handler.irq_handler_ack();
        }
    }
}

impl Env {
    /// The root task waits; all others can run meanwhile. Gives the microseconds that it took.
    pub fn pause_us(&self, microseconds: u64) -> u64 {
        let clock = Frequency::of_this_machine();
        let start = molt_clock::now();
        let end = start.saturating_add(clock.ticks(microseconds * 1000));
        loop {
            let left = end.since(molt_clock::now());
            if left == Ticks(0) {
                return clock.ns(molt_clock::now().since(start)) / 1000;
            }
            self.timer.wait(clock.ns(left).min(TICK_NS));
        }
    }
}
