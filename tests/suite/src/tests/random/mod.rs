// SPDX-License-Identifier: BSD-2-Clause
//! Random sequences of operations on capabilities and memory.
//!
//! A sequence is made of its number alone, so both kernels are given the same ones. The trace is
//! a hash of what the kernel answered, for every block of sequences. To find the step at which two
//! kernels differ, build with `MOLT_SUITE_SEQUENCES=N`: the first N sequences (and no others) are
//! then run, and printed step by step. `MOLT_SUITE_SEED=S` makes them others: those from S on.

mod draw;
mod operations;

use sel4::{CPtr, Error, ObjectBlueprint, cap};

use crate::{
    console::println,
    env::{Env, is_there},
    test::{Outcome, ensure, tests},
};
use draw::Random;

tests! { random_sequences }

/// A debug kernel prints a line about each invocation that it refuses, which takes far longer than the invocation.
const SEQUENCES: u64 = if sel4::sel4_cfg_bool!(PRINTING) {
    500
} else {
    10_000
};
const BLOCK: u64 = 500;
const STEPS: usize = 32;
/// Slots that a sequence works on.
const SLOTS: usize = 24;
/// log2 of the memory of a sequence.
const MEMORY_BITS: usize = 17;

/// What a slot is known to hold, as far as it matters for what may be invoked.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Empty,
    /// An endpoint or a notification, where an invocation would be a message and block; or it is
    /// not known, since it came out of a CNode.
    Mute,
    Untyped,
    Node,
    Tcb,
    Context,
    Page,
    Table,
    Vspace,
    Vcpu,
}

/// FNV-1a.
struct Hash(u64);

impl Hash {
    const START: Self = Self(0xcbf2_9ce4_8422_2325);

    fn add(&mut self, value: u64) {
        for byte in value.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

struct Sequence<'a> {
    env: &'a Env,
    first: usize,
    random: Random,
    kinds: [Kind; SLOTS],
    shown: bool,
}

fn random_sequences(env: &mut Env) -> Outcome {
    let shown = option_env!("MOLT_SUITE_SEQUENCES").and_then(|text| text.parse().ok());
    let seed = option_env!("MOLT_SUITE_SEED").and_then(|text| text.parse::<u64>().ok());
    let seed = seed.unwrap_or(0);
    let first = env.take_slots(SLOTS);
    let memory = env.untyped(MEMORY_BITS)?;
    let mut hash = Hash::START;
    for number in 0..shown.unwrap_or(SEQUENCES) {
        let mut sequence = Sequence {
            env,
            first,
            random: Random::new(seed + number),
            kinds: [Kind::Empty; SLOTS],
            shown: shown.is_some(),
        };
        sequence.run(memory, &mut hash)?;
        if number % BLOCK == BLOCK - 1 {
            env.trace(format_args!(
                "{} to {number}: {:016x}",
                number + 1 - BLOCK,
                hash.0
            ));
            hash = Hash::START;
        }
    }
    Ok(())
}

impl Sequence<'_> {
    fn run(&mut self, memory: cap::Untyped, hash: &mut Hash) -> Outcome {
        if self.shown {
            println!("sequence");
        }
        let whole = ObjectBlueprint::Untyped {
            size_bits: MEMORY_BITS,
        };
        memory.untyped_retype(&whole, &self.env.cnode_itself(), self.first, 1)?;
        self.kinds[0] = Kind::Untyped;
        // One in four starts with nothing but its memory.
        if self.random.below(4) != 0 {
            self.furnish()?;
        }
        for step in 0..STEPS {
            let (name, result) = self.step();
            let detail = match result {
                Err(Error::NotEnoughMemory) => sel4::with_ipc_buffer(|buffer| buffer.msg_regs()[0]),
                _ => 0,
            };
            // What failed has changed nothing, and what holds at the end shows if it did.
            let there = if result.is_ok() { self.look() } else { 0 };
            let code = result.map_or_else(|error| u64::from(error.into_sys()), |()| 0);
            for word in [code, detail, there] {
                hash.add(word);
            }
            if self.shown {
                println!("step {step} {name} {result:?} {detail:#x} {there:06x}");
            }
        }
        self.env.at(memory).revoke()?;
        for at in 0..SLOTS {
            self.env.at_slot(self.first + at).delete()?;
        }
        self.kinds = [Kind::Mute; SLOTS];
        ensure!(self.look() == 0, "something is left after the revoke");
        Ok(())
    }

    /// Which slots hold something. What does not is known to be empty from then on, and is not
    /// looked at again until something is put there.
    fn look(&mut self) -> u64 {
        let mut there = 0;
        for at in 0..SLOTS {
            if self.kinds[at] == Kind::Empty {
                continue;
            }
            if is_there(self.env, CPtr::from_bits((self.first + at) as u64)) {
                there |= 1 << at;
            } else {
                self.kinds[at] = Kind::Empty;
            }
        }
        there
    }
}
