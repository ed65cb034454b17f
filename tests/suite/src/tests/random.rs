// SPDX-License-Identifier: BSD-2-Clause
//! Random sequences of operations on capabilities and memory.
//!
//! A sequence is made of its number alone, so both kernels are given the same ones. The trace is
//! a hash of what the kernel answered, for every block of sequences. To find the step at which two
//! kernels differ, build with `MOLT_SUITE_SEQUENCES=N`: the first N sequences (and no others) are
//! then run, and printed step by step. `MOLT_SUITE_SEED=S` makes them others: those from S on.

use sel4::{
    AbsoluteCPtr, CNodeCapData, CPtr, Cap, CapRights, Error, ObjectBlueprint,
    ObjectBlueprintAArch64, ObjectBlueprintArch, VmAttributes, cap, init_thread::slot,
};
use sel4_extra::{AbsoluteCPtrExt, PtExt, SchedContextExt};

use crate::{
    console::println,
    env::{Env, WINDOW, is_there},
    test::{Outcome, ensure, tests},
};

tests! { random_sequences }

/// A debug kernel prints a line about each invocation that it refuses, which takes far longer than the invocation.
const SEQUENCES: u64 = if sel4::sel4_cfg_bool!(PRINTING) {
    500
} else {
    10_000
};
const BLOCK: u64 = 500;
const STEPS: usize = 40;
/// Slots that a sequence works on.
const SLOTS: usize = 24;
/// log2 of the memory of a sequence.
const MEMORY_BITS: usize = 16;

/// What a slot is known to hold, as far as it matters for what may be invoked.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Empty,
    /// An invocation would be a message, and block.
    Port,
    Untyped,
    Node,
    Tcb,
    Context,
    Page,
    Table,
    Vspace,
    Vcpu,
}

/// xorshift64*, which is good enough to choose operations.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound as u64) as usize
    }
}

/// FNV-1a.
struct Hash(u64);

impl Hash {
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
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    for number in 0..shown.unwrap_or(SEQUENCES) {
        let mut sequence = Sequence {
            env,
            first,
            random: Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed + number + 1)),
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
            hash = Hash(0xcbf2_9ce4_8422_2325);
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
        for step in 0..STEPS {
            let (operation, result) = self.step();
            let code = result.map_or_else(|error| u64::from(error.into_sys()), |()| 0);
            hash.add(operation);
            hash.add(code);
            let mut detail = 0;
            if result == Err(Error::NotEnoughMemory) {
                detail = sel4::with_ipc_buffer(|buffer| buffer.msg_regs()[0]);
                hash.add(detail);
            }
            if self.shown {
                println!(
                    "step {step} operation {operation} {result:?} {detail:#x} {:?}",
                    self.kinds
                );
            }
        }
        let there = self.look();
        hash.add(there);
        if self.shown {
            println!("there {there:#x}");
        }
        self.env.at(memory).revoke()?;
        for at in 0..SLOTS {
            self.env.at_slot(self.first + at).delete()?;
        }
        ensure!(self.look() == 0, "something is left after the revoke");
        Ok(())
    }

    fn pick(&mut self) -> usize {
        self.random.below(SLOTS)
    }

    fn slot(&self, at: usize) -> AbsoluteCPtr {
        self.env.at_slot(self.first + at)
    }

    fn cap<T: sel4::CapType>(&self, at: usize) -> Cap<T> {
        CPtr::from_bits((self.first + at) as u64).cast()
    }

    /// A slot that may hold this kind: of four drawn, the first that does, or the last that may be
    /// invoked at all.
    fn pick_of(&mut self, kind: Kind) -> Option<usize> {
        let mut found = None;
        for _ in 0..6 {
            let at = self.pick();
            if self.kinds[at] == kind {
                return Some(at);
            }
            if self.kinds[at] != Kind::Port {
                found = Some(at);
            }
        }
        found
    }

    fn rights(&mut self) -> CapRights {
        let bits = self.random.below(16);
        CapRights::new(bits & 8 != 0, bits & 4 != 0, bits & 2 != 0, bits & 1 != 0)
    }

    fn badge(&mut self) -> u64 {
        match self.random.below(5) {
            0 => 0,
            1 => 1,
            2 => 0x1234,
            3 => CNodeCapData::skip_high_bits(4).into_word(),
            _ => CNodeCapData::new(1, 10).into_word(),
        }
    }

    fn address(&mut self) -> usize {
        WINDOW + self.random.below(4) * 0x1000 + self.random.below(2) * 0x20_0000
    }

    /// Which slots hold something; what does not is known to be empty from then on.
    fn look(&mut self) -> u64 {
        let mut there = 0;
        for at in 0..SLOTS {
            if is_there(self.env, CPtr::from_bits((self.first + at) as u64)) {
                there |= 1 << at;
            } else {
                self.kinds[at] = Kind::Empty;
            }
        }
        there
    }

    fn step(&mut self) -> (u64, sel4::Result<()>) {
        let operation = self.random.below(32);
        let result = match operation {
            0..=7 => self.retype(),
            8..=15 => self.derive(operation),
            16..=17 => {
                let at = self.pick();
                let result = self.slot(at).delete();
                self.look();
                result
            }
            18..=19 => {
                let at = self.pick();
                let result = self.slot(at).revoke();
                self.look();
                result
            }
            20..=24 => self.memory(operation),
            25..=28 => self.thread(operation),
            _ => self.other(operation),
        };
        (operation as u64, result)
    }

    fn retype(&mut self) -> sel4::Result<()> {
        let Some(from) = self.pick_of(Kind::Untyped) else {
            return Ok(());
        };
        let size_bits = 4 + self.random.below(11);
        let (kind, blueprint) = match self.random.below(12) {
            0..=3 => (Kind::Untyped, ObjectBlueprint::Untyped { size_bits }),
            4 => (Kind::Port, ObjectBlueprint::Endpoint),
            5 => (Kind::Port, ObjectBlueprint::Notification),
            6 => (
                Kind::Node,
                ObjectBlueprint::CNode {
                    size_bits: size_bits.min(8),
                },
            ),
            7 => (Kind::Tcb, ObjectBlueprint::Tcb),
            8 => (Kind::Context, ObjectBlueprint::SchedContext { size_bits }),
            9 => (Kind::Page, ObjectBlueprintArch::SmallPage.into()),
            10 => (Kind::Table, ObjectBlueprintArch::PT.into()),
            _ => match self.random.below(2) {
                0 => (Kind::Vspace, ObjectBlueprintAArch64::VSpace.into()),
                _ => (Kind::Vcpu, ObjectBlueprintArch::VCpu.into()),
            },
        };
        let (to, count) = (self.pick(), 1 + self.random.below(3));
        let count = count.min(SLOTS - to);
        let untyped = self.cap::<sel4::cap_type::Untyped>(from);
        let itself = self.env.cnode_itself();
        let result = untyped.untyped_retype(&blueprint, &itself, self.first + to, count);
        if result.is_ok() {
            self.kinds[to..to + count].fill(kind);
        }
        result
    }

    fn derive(&mut self, operation: usize) -> sel4::Result<()> {
        let (to, from, third) = (self.pick(), self.pick(), self.pick());
        let (rights, badge) = (self.rights(), self.badge());
        let kind = self.kinds[from];
        let result = match operation {
            8..=9 => self.slot(to).copy(&self.slot(from), rights),
            10..=11 => self.slot(to).mint(&self.slot(from), rights, badge),
            12 => self.slot(to).move_(&self.slot(from)),
            13 => self.slot(to).mutate(&self.slot(from), badge),
            14 => self
                .slot(to)
                .rotate(0, &self.slot(from), 0, &self.slot(third)),
            _ => self.slot(from).cancel_badged_sends(),
        };
        if result.is_ok() {
            match operation {
                8..=11 => self.kinds[to] = kind,
                12 | 13 => {
                    self.kinds[to] = kind;
                    self.kinds[from] = Kind::Empty;
                }
                14 => {
                    let moved = self.kinds[third];
                    self.kinds[third] = Kind::Empty;
                    self.kinds[to] = kind;
                    self.kinds[from] = moved;
                }
                _ => {}
            }
            // A copy without any right can be empty.
            self.look();
        }
        result
    }

    fn memory(&mut self, operation: usize) -> sel4::Result<()> {
        let vspace = self.pick_of(Kind::Vspace);
        let (page, table) = (self.pick_of(Kind::Page), self.pick_of(Kind::Table));
        let (address, rights) = (self.address(), self.rights());
        let (Some(vspace), Some(page), Some(table)) = (vspace, page, table) else {
            return Ok(());
        };
        let vspace = self.cap::<sel4::cap_type::VSpace>(vspace);
        let page = self.cap::<sel4::cap_type::SmallPage>(page);
        let table = self.cap::<sel4::cap_type::PT>(table);
        match operation {
            20 => page.frame_map(vspace, address, rights, VmAttributes::DEFAULT),
            21 => table.pt_map(vspace, address, VmAttributes::DEFAULT),
            22 => page.frame_unmap(),
            23 => table.pt_unmap(),
            _ => slot::ASID_POOL.cap().asid_pool_assign(vspace),
        }
    }

    fn thread(&mut self, operation: usize) -> sel4::Result<()> {
        let (tcb, context) = (self.pick_of(Kind::Tcb), self.pick_of(Kind::Context));
        let (vspace, other) = (self.pick_of(Kind::Vspace), self.pick());
        let (Some(tcb), Some(context), Some(vspace)) = (tcb, context, vspace) else {
            return Ok(());
        };
        let tcb = self.cap::<sel4::cap_type::Tcb>(tcb);
        let context = self.cap::<sel4::cap_type::SchedContext>(context);
        let choice = self.random.below(4);
        match (operation, choice) {
            (25, 0 | 1) => tcb.tcb_bind_notification(self.cap(other)),
            (25, _) => tcb.tcb_unbind_notification(),
            (26, 0 | 1) => context.bind_tcb(tcb),
            (26, 2) => context.bind_notification(self.cap(other)),
            (26, _) => context.unbind(),
            (27, 0 | 1) => {
                let data = CNodeCapData::new(0, 0);
                let vspace = self.cap(vspace);
                tcb.tcb_configure(self.env.cnode(), data, vspace, 0, Cap::from_bits(0))
            }
            (27, _) => tcb.tcb_set_priority(self.env.tcb(), (choice * 90) as u64),
            (_, 0) => tcb.tcb_suspend(),
            (_, 1) => context.unbind_object(self.cap(other)),
            (_, 2) => self
                .env
                .sched_control
                .sched_control_configure_flags(context, 1000, 1000, 0, 0, 0),
            _ => tcb.tcb_set_timeout_endpoint(self.cap(other)),
        }
    }

    fn other(&mut self, operation: usize) -> sel4::Result<()> {
        let (vcpu, tcb) = (self.pick_of(Kind::Vcpu), self.pick_of(Kind::Tcb));
        let page = self.pick_of(Kind::Page);
        let (Some(vcpu), Some(tcb), Some(page)) = (vcpu, tcb, page) else {
            return Ok(());
        };
        match operation {
            29 => self
                .cap::<sel4::cap_type::VCpu>(vcpu)
                .vcpu_set_tcb(self.cap(tcb)),
            30 => self
                .cap::<sel4::cap_type::SmallPage>(page)
                .frame_get_address()
                .map(|_| ()),
            _ => self
                .cap::<sel4::cap_type::Tcb>(tcb)
                .tcb_read_registers(false, 3)
                .map(|_| ()),
        }
    }
}
