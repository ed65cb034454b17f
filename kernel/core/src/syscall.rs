// SPDX-License-Identifier: BSD-2-Clause
//! Dispatches system calls by number, and invocations by the capability that is invoked.

use crate::{
    cap::{Cap, READ},
    error::{Error, LookupFailure},
    fault::Fault,
    hardware::Hardware,
    invocation::{Manner, Outcome},
    kernel::Kernel,
    objects::State,
    tcb::{CONTEXT_WORDS, get_register},
};

/// x0: the capability invoked or received on; the badge on return.
pub(crate) const CAP_REGISTER: usize = 0;
/// x1: message information.
pub(crate) const INFO_REGISTER: usize = 1;
/// x2..x5: the first message words.
pub(crate) const MESSAGE_REGISTER: usize = 2;
/// Message words in registers.
pub(crate) const MESSAGE_REGISTERS: usize = 4;
/// x6: the reply object.
const REPLY_REGISTER: usize = 6;
/// x7: the system call's number.
const SYSCALL_REGISTER: usize = 7;
/// x8: where NBSendRecv sends to.
const SEND_REGISTER: usize = 8;

const SEND: Manner = Manner {
    call: false,
    blocking: true,
    lends: false,
    receives: false,
};
const NB_SEND: Manner = Manner {
    call: false,
    blocking: false,
    lends: false,
    receives: false,
};
const CALL: Manner = Manner {
    call: true,
    blocking: true,
    lends: true,
    receives: false,
};
/// The first half of a send-and-receive.
const FIRST_HALF: Manner = Manner {
    call: false,
    blocking: false,
    lends: true,
    receives: true,
};

impl<H: Hardware> Kernel<H> {
    /// The current thread's system call.
    pub(crate) fn syscall(&mut self) {
        let Some(thread) = self.current else { return };
        let x = &self.tcbs[thread].context.x;
        let (cap, reply) = (x[CAP_REGISTER], x[REPLY_REGISTER]);
        let (number, send) = (x[SYSCALL_REGISTER], x[SEND_REGISTER]);
        match number.cast_signed() {
            -1 => {
                self.invocation(thread, cap, CALL);
            }
            -2 => {
                if self.invocation(thread, reply, FIRST_HALF) {
                    self.receive_call(thread, true, true);
                }
            }
            -3 => {
                if self.invocation(thread, send, FIRST_HALF) {
                    self.receive_call(thread, true, true);
                }
            }
            -4 => {
                if self.invocation(thread, reply, FIRST_HALF) {
                    self.receive_call(thread, true, false);
                }
            }
            -5 => {
                self.invocation(thread, cap, SEND);
            }
            -6 => {
                self.invocation(thread, cap, NB_SEND);
            }
            -7 => self.receive_call(thread, true, true),
            -8 => self.receive_call(thread, false, true),
            -9 => self.receive_call(thread, true, false),
            -10 => self.receive_call(thread, false, false),
            -11 => self.yield_now(),
            _ => self.fault_current(Fault::UnknownSyscall(number)),
        }
    }

    /// Invoke what `address` names. `false` if it was cut by an interrupt, or ended the thread.
    fn invocation(&mut self, thread: u32, address: u64, manner: Manner) -> bool {
        let at = match self.lookup(thread, address) {
            Ok(at) => at,
            Err(failure) => {
                self.invocation_fault(address, failure, manner.blocking);
                return true;
            }
        };
        let mut caps = [None; 3];
        if let Err((address, failure)) = self.extra_caps(thread, &mut caps) {
            self.invocation_fault(address, failure, manner.blocking);
            return true;
        }
        self.set_state(thread, State::Restart);
        let result = self.invoke(at, &caps, manner, thread);
        // The thread may have ended itself, or sent itself to sleep.
        if self.current != Some(thread) || self.tcbs.get(thread).is_none() {
            return false;
        }
        let restarting = self.tcbs[thread].state == State::Restart;
        match result {
            Err(Error::Preempted) => return false,
            Err(error) => {
                if manner.call {
                    let (label, words, count) = error.message();
                    self.answer(thread, label, &words, count);
                }
                if restarting {
                    self.set_state(thread, State::Running);
                }
            }
            Ok(outcome) => {
                if restarting {
                    match outcome {
                        Outcome::Word(word) if manner.call => {
                            self.answer(thread, 0, &[word], 1);
                        }
                        Outcome::Registers(from, count) if manner.call => {
                            let mut words = [0; CONTEXT_WORDS];
                            for (index, word) in words.iter_mut().enumerate().take(count) {
                                *word = get_register(&self.tcbs[from].context, index);
                            }
                            self.answer(thread, 0, &words, count);
                        }
                        Outcome::Done if manner.call => self.answer(thread, 0, &[], 0),
                        _ => {}
                    }
                    self.set_state(thread, State::Running);
                }
            }
        }
        true
    }

    fn invocation_fault(&mut self, address: u64, failure: LookupFailure, blocking: bool) {
        if blocking {
            self.fault_current(Fault::Cap {
                address,
                in_receive: false,
                failure,
            });
        }
    }

    /// Receive or wait on what x0 names.
    fn receive_call(&mut self, thread: u32, blocking: bool, with_reply: bool) {
        let x = &self.tcbs[thread].context.x;
        let (address, reply_address) = (x[CAP_REGISTER], x[REPLY_REGISTER]);
        if let Err((address, failure)) =
            self.try_receive(thread, address, reply_address, blocking, with_reply)
        {
            self.fault_current(Fault::Cap {
                address,
                in_receive: true,
                failure,
            });
        }
    }

    fn try_receive(
        &mut self,
        thread: u32,
        address: u64,
        reply_address: u64,
        blocking: bool,
        with_reply: bool,
    ) -> Result<(), (u64, LookupFailure)> {
        const MISSING: LookupFailure = LookupFailure::MissingCapability { bits_left: 0 };
        let at = self.lookup(thread, address).map_err(|f| (address, f))?;
        match self.slots.get(at).cap {
            Cap::Endpoint { id, rights, .. } if rights & READ != 0 => {
                let reply = if with_reply {
                    let at = self
                        .lookup(thread, reply_address)
                        .map_err(|f| (reply_address, f))?;
                    match self.slots.get(at).cap {
                        Cap::Reply { id, .. } => Some(id),
                        _ => return Err((reply_address, MISSING)),
                    }
                } else {
                    None
                };
                self.receive(thread, id, blocking, reply);
                Ok(())
            }
            Cap::Notification { id, rights, .. } if rights & READ != 0 => {
                match self.notifications[id].bound {
                    Some(bound) if bound != thread => Err((address, MISSING)),
                    _ => {
                        self.wait(thread, id, blocking);
                        Ok(())
                    }
                }
            }
            _ => Err((address, MISSING)),
        }
    }
}
