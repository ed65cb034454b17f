// SPDX-License-Identifier: BSD-2-Clause
//! Faults: the message to the handler, and the effect of its reply.

use crate::{
    context::SPSR_USER, error::LookupFailure, hardware::Hardware, kernel::Kernel, objects::State,
};

/// Why a thread stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    Cap {
        address: u64,
        in_receive: bool,
        failure: LookupFailure,
    },
    UnknownSyscall(u64),
    User {
        number: u64,
        code: u64,
    },
    Timeout {
        badge: u64,
    },
    Vm {
        address: u64,
        fsr: u64,
        prefetch: bool,
    },
    VgicMaintenance(Option<u32>),
    Vcpu(u64),
    Vppi(u32),
}

impl Fault {
    /// The message's label.
    pub fn label(&self) -> u64 {
        match self {
            Fault::Cap { .. } => 1,
            Fault::UnknownSyscall(_) => 2,
            Fault::User { .. } => 3,
            Fault::Timeout { .. } => 5,
            Fault::Vm { .. } => 6,
            Fault::VgicMaintenance(_) => 7,
            Fault::Vcpu(_) => 8,
            Fault::Vppi(_) => 9,
        }
    }
}

/// Longest fault message.
const LONGEST: usize = 13;

impl<H: Hardware> Kernel<H> {
    /// The current thread faulted.
    pub(crate) fn fault_current(&mut self, fault: Fault) {
        if let Some(id) = self.current {
            self.deliver_fault(id, fault);
        }
    }

    /// Tell the thread's handler, or leave the thread inactive where it has none.
    pub(crate) fn deliver_fault(&mut self, id: u32, fault: Fault) {
        let lends = self.tcbs[id].sc.is_some();
        if !self.send_fault(id, fault, crate::objects::TCB_FAULT, lends) {
            self.set_state(id, State::Inactive);
        }
    }

    /// Tell the thread's timeout handler; the caller has checked that there is one.
    pub(crate) fn deliver_timeout(&mut self, id: u32) {
        let badge = match self.tcbs[id].sc {
            Some(sc) => self.contexts[sc].badge,
            None => 0,
        };
        self.send_fault(
            id,
            Fault::Timeout { badge },
            crate::objects::TCB_TIMEOUT,
            false,
        );
    }

    fn send_fault(&mut self, id: u32, fault: Fault, slot: u32, lends: bool) -> bool {
        let at = self.tcb_slot(id, slot);
        match self.slots.get(at).cap {
            crate::cap::Cap::Endpoint {
                id: endpoint,
                rights,
                badge,
            } => {
                self.tcbs[id].fault = Some(fault);
                self.send(
                    crate::endpoint::Send {
                        endpoint,
                        badge,
                        rights,
                        blocking: true,
                        call: false,
                        lends,
                    },
                    id,
                );
                true
            }
            _ => false,
        }
    }

    /// The fault's message words.
    pub(crate) fn fault_message(&mut self, id: u32, fault: Fault) -> ([u64; LONGEST], usize) {
        let mut words = [0; LONGEST];
        let context = &self.tcbs[id].context;
        let fill = |words: &mut [u64; LONGEST], from: &[u64]| {
            for (to, from) in words.iter_mut().zip(from) {
                *to = *from;
            }
            from.len().min(LONGEST)
        };
        let count = match fault {
            Fault::Cap {
                address,
                in_receive,
                failure,
            } => {
                fill(&mut words, &[context.pc, address, u64::from(in_receive)]);
                let (detail, count) = failure.words();
                for (to, from) in words.iter_mut().skip(3).zip(detail) {
                    *to = from;
                }
                3 + count
            }
            Fault::UnknownSyscall(number) => {
                let c = context;
                let all = [
                    c.x[0], c.x[1], c.x[2], c.x[3], c.x[4], c.x[5], c.x[6], c.x[7], c.pc, c.sp,
                    c.next_pc, c.spsr, number,
                ];
                fill(&mut words, &all)
            }
            Fault::User { number, code } => fill(
                &mut words,
                &[context.pc, context.sp, context.spsr, number, code],
            ),
            Fault::Timeout { badge } => {
                let consumed = match self.tcbs[id].sc {
                    Some(sc) => self.take_consumed(sc),
                    None => 0,
                };
                fill(&mut words, &[badge, consumed])
            }
            Fault::Vm {
                address,
                fsr,
                prefetch,
            } => fill(&mut words, &[context.pc, address, u64::from(prefetch), fsr]),
            Fault::VgicMaintenance(index) => fill(&mut words, &[index.map_or(u64::MAX, u64::from)]),
            Fault::Vcpu(hsr) => fill(&mut words, &[hsr]),
            Fault::Vppi(irq) => fill(&mut words, &[u64::from(irq)]),
        };
        (words, count)
    }

    /// Apply a handler's reply. Returns whether the thread continues.
    pub(crate) fn fault_reply(&mut self, fault: Fault, handler: u32, thread: u32) -> bool {
        let (label, length) = self.message_tag(handler);
        let registers: usize = match fault {
            Fault::UnknownSyscall(_) => 12,
            Fault::User { .. } => 3,
            Fault::Timeout { .. } => 34,
            _ => return true,
        };
        for index in 0..length.min(registers) {
            let value = self.message_word(handler, index);
            let vcpu = self.tcbs[thread].vcpu.is_some();
            let context = &mut self.tcbs[thread].context;
            let place = match (fault, index) {
                (Fault::UnknownSyscall(_), 0..=7) => Place::General(index),
                (Fault::UnknownSyscall(_), 8) => Place::Pc,
                (Fault::UnknownSyscall(_), 9) => Place::Sp,
                // The next instruction's address, which a restart does not look at.
                (Fault::UnknownSyscall(_), 10) => continue,
                (Fault::UnknownSyscall(_), _) => Place::Spsr,
                (_, 0) => Place::Pc,
                (_, 1) => Place::Sp,
                (_, 2) => Place::Spsr,
                (_, _) => match crate::tcb::REGISTER_ORDER.get(index - 3) {
                    Some(register) => Place::General(*register),
                    None => continue,
                },
            };
            match place {
                Place::General(n) => {
                    if let Some(register) = context.x.get_mut(n) {
                        *register = value;
                    }
                }
                Place::Pc => context.pc = value,
                Place::Sp => context.sp = value,
                Place::Spsr => context.spsr = sanitise_spsr(value, vcpu),
            }
        }
        label == 0
    }
}

enum Place {
    General(usize),
    Pc,
    Sp,
    Spsr,
}

/// Condition flags from the caller; mode and masks as the kernel wants them. A thread with a vCPU
/// may choose its exception level and masks itself, but neither EL2 nor AArch32.
pub(crate) fn sanitise_spsr(value: u64, vcpu: bool) -> u64 {
    const FLAGS: u64 = 0xf000_0000;
    if vcpu {
        match value & 0x1f {
            0b00000 | 0b00100 | 0b00101 => value & 0xffff_ffff,
            _ => value & FLAGS | SPSR_USER,
        }
    } else {
        value & FLAGS | SPSR_USER
    }
}
