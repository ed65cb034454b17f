// SPDX-License-Identifier: BSD-2-Clause
//! User threads for tests: the current thread makes system calls through its registers and its IPC buffer.

use std::vec::Vec;

use crate::{
    boot_input::BootInput,
    cap::Cap,
    event::Event,
    hardware::{Interrupt, TcbId},
    invocation::Label,
    kernel::Kernel,
    slots::SlotRef,
    tests::fake::Fake,
};

pub const RAM: u64 = 0x6000_0000;
pub const RAM_END: u64 = 0x6400_0000;
pub const IMAGE: u64 = 0x7000_0000;
pub const ROOT: u32 = 2;

/// Object types.
pub const UNTYPED: u64 = 0;
pub const TCB: u64 = 1;
pub const ENDPOINT: u64 = 2;
pub const NOTIFICATION: u64 = 3;
pub const CNODE: u64 = 4;
pub const SCHED_CONTEXT: u64 = 5;
pub const REPLY: u64 = 6;
pub const VSPACE: u64 = 8;
pub const SMALL_PAGE: u64 = 9;
pub const LARGE_PAGE: u64 = 10;
pub const PAGE_TABLE: u64 = 11;
pub const VCPU: u64 = 12;

pub struct Machine {
    pub kernel: Kernel<Fake>,
    /// Slot of an untyped of 4 MiB or more, for what tests make.
    pub untyped: u64,
    /// Next free slot.
    pub free: u64,
    pub root: TcbId,
}

/// What came back: label (or whole information word), badge, words.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub label: u64,
    pub badge: u64,
    pub words: Vec<u64>,
}

impl Machine {
    pub fn new() -> Self {
        let ram = RAM..RAM_END;
        let device = 0x900_0000..0x901_0000;
        let kernel = Kernel::boot(
            Fake::default(),
            &BootInput {
                ram: core::slice::from_ref(&ram),
                device: core::slice::from_ref(&device),
                image: IMAGE..IMAGE + 0x3000,
                image_vaddr: 0x20_0000,
                entry: 0x20_0000,
                irq_count: 128,
                reserved_irqs: &[25, 26, 27],
            },
        )
        .unwrap();
        let root = kernel.running().unwrap().thread;
        let info = kernel.context(root).unwrap().x[0];
        assert_eq!(info, 0x20_0000 + 0x4000);
        let root_table = kernel.slots.get(kernel.tcb_slot(root.0, 0)).cap;
        let Cap::CNode { id: table, .. } = root_table else {
            panic!("no root CNode")
        };
        // The largest untyped; and the first slot behind all.
        let (mut best, mut bits_best, mut last) = (0, 0, 0);
        for index in 0..400 {
            let cap = kernel.slots.get(SlotRef { table, index }).cap;
            if !cap.is_null() {
                last = index;
            }
            if let Cap::Untyped {
                bits,
                device: false,
                ..
            } = cap
                && bits > bits_best
            {
                (best, bits_best) = (index, bits);
            }
        }
        assert!(bits_best >= 22);
        Machine {
            kernel,
            untyped: u64::from(best),
            free: u64::from(last) + 1,
            root,
        }
    }

    pub fn current(&self) -> Option<TcbId> {
        self.kernel.running().map(|r| r.thread)
    }

    /// The buffer of the current thread.
    fn buffer(&self, thread: TcbId) -> Option<u64> {
        self.kernel.buffer(thread.0, true)
    }

    /// Slot by CPtr of the root thread.
    pub fn slot(&self, address: u64) -> SlotRef {
        self.kernel.lookup(self.root.0, address).unwrap()
    }

    pub fn cap(&self, address: u64) -> Cap {
        self.kernel.slots.get(self.slot(address)).cap
    }

    /// Set up the current thread's registers for a send.
    pub fn prepare(&mut self, label: u64, words: &[u64], caps: &[u64]) {
        let thread = self.current().unwrap();
        let buffer = self.buffer(thread);
        for (i, word) in words.iter().enumerate() {
            if i < 4 {
                self.kernel.context_mut(thread).unwrap().x[2 + i] = *word;
            } else {
                self.kernel
                    .hw
                    .memory
                    .insert(buffer.unwrap() + 8 + 8 * i as u64, *word);
            }
        }
        for (i, cap) in caps.iter().enumerate() {
            self.kernel
                .hw
                .memory
                .insert(buffer.unwrap() + 976 + 8 * i as u64, *cap);
        }
        let x = &mut self.kernel.context_mut(thread).unwrap().x;
        x[1] = label << 12 | (caps.len() as u64) << 7 | words.len() as u64;
    }

    /// The current thread's system call.
    pub fn syscall(&mut self, number: i64, cap: u64, reply: u64) {
        let thread = self.current().expect("somebody runs");
        let context = self.kernel.context_mut(thread).unwrap();
        context.x[0] = cap;
        context.x[6] = reply;
        context.x[7] = number.cast_unsigned();
        context.next_pc = context.next_pc.wrapping_add(4);
        self.kernel.handle(Event::Syscall);
    }

    /// What a thread finds in its registers.
    pub fn answer(&self, thread: TcbId) -> Answer {
        let x = self.kernel.context(thread).unwrap().x;
        let length = (x[1] & 0x7f) as usize;
        let words = (0..length)
            .map(|i| self.kernel.message_word(thread.0, i))
            .collect();
        Answer {
            label: x[1] >> 12,
            badge: x[0],
            words,
        }
    }

    /// Call by the current thread, which stays current; restarted as often as it is cut.
    pub fn call(&mut self, cap: u64, label: u64, words: &[u64], caps: &[u64]) -> Answer {
        let thread = self.current().unwrap();
        self.prepare(label, words, caps);
        let pc = self.kernel.context(thread).unwrap().next_pc;
        self.syscall(-1, cap, 0);
        while self.kernel.context(thread).unwrap().next_pc == pc {
            self.kernel.handle(Event::Interrupt);
            self.syscall(-1, cap, 0);
        }
        self.answer(thread)
    }

    pub fn ok(&mut self, cap: u64, label: u64, words: &[u64], caps: &[u64]) -> Vec<u64> {
        let answer = self.call(cap, label, words, caps);
        assert_eq!(answer.label, 0, "{answer:?}");
        answer.words
    }

    /// Retype from `untyped` into the next free slots; the first slot.
    pub fn make_from(&mut self, untyped: u64, object: u64, bits: u64, count: u64) -> u64 {
        let at = self.free;
        self.free += count;
        let root = u64::from(ROOT);
        self.ok(
            untyped,
            Label::UNTYPED_RETYPE,
            &[object, bits, 0, 0, at, count],
            &[root],
        );
        at
    }

    pub fn make(&mut self, object: u64, bits: u64) -> u64 {
        self.make_from(self.untyped, object, bits, 1)
    }

    pub fn copy(&mut self, from: u64, rights: u64) -> u64 {
        let to = self.free;
        self.free += 1;
        let root = u64::from(ROOT);
        self.ok(
            root,
            Label::CNODE_COPY,
            &[to, 64, from, 64, rights],
            &[root],
        );
        to
    }

    pub fn mint(&mut self, from: u64, rights: u64, badge: u64) -> u64 {
        let to = self.free;
        self.free += 1;
        let root = u64::from(ROOT);
        self.ok(
            root,
            Label::CNODE_MINT,
            &[to, 64, from, 64, rights, badge],
            &[root],
        );
        to
    }

    pub fn delete(&mut self, at: u64) {
        self.ok(u64::from(ROOT), Label::CNODE_DELETE, &[at, 64], &[]);
    }

    pub fn revoke(&mut self, at: u64) {
        self.ok(u64::from(ROOT), Label::CNODE_REVOKE, &[at, 64], &[]);
    }

    /// A scheduling context, configured.
    pub fn sched_context(&mut self, budget_us: u64, period_us: u64) -> u64 {
        let sc = self.make(SCHED_CONTEXT, 8);
        let control = self.sched_control();
        self.ok(
            control,
            Label::SCHED_CONTROL_CONFIGURE,
            &[budget_us, period_us, 0, 0x77, 0],
            &[sc],
        );
        sc
    }

    pub fn sched_control(&self) -> u64 {
        (16..400)
            .find(|i| self.cap(*i) == Cap::SchedControl)
            .unwrap()
    }

    /// A thread in the root's CSpace and VSpace with a buffer of its own. `sc` 0: passive.
    /// It is suspended; its number.
    pub fn thread(&mut self, priority: u64, sc: u64, fault: u64) -> (u64, TcbId) {
        let tcb = self.make(TCB, 0);
        let frame = self.make(SMALL_PAGE, 0);
        self.ok(
            tcb,
            Label::TCB_CONFIGURE,
            &[0, 0, 0x1000],
            &[u64::from(ROOT), 3, frame],
        );
        let null = self.free + 100;
        let sc = if sc == 0 { null } else { sc };
        let fault = if fault == 0 { null } else { fault };
        self.ok(
            tcb,
            Label::TCB_SET_SCHED_PARAMS,
            &[255, priority],
            &[1, sc, fault],
        );
        let Cap::Tcb { id } = self.cap(tcb) else {
            panic!("no thread")
        };
        (tcb, TcbId(id))
    }

    pub fn resume(&mut self, tcb: u64) {
        self.ok(tcb, Label::TCB_RESUME, &[], &[]);
    }

    pub fn set_priority(&mut self, tcb: u64, priority: u64) {
        let thread = self.current().unwrap();
        self.prepare(Label::TCB_SET_PRIORITY, &[priority], &[1]);
        self.syscall(-1, tcb, 0);
        assert_eq!(self.answer(thread).label, 0);
    }

    /// Time passes for whoever runs; the timer fires if its time has come.
    pub fn pass(&mut self, us: u64) {
        let end = self.kernel.hw.now + us * super::fake::TICKS_PER_US;
        while self.kernel.hw.deadline <= end {
            self.kernel.hw.now = self.kernel.hw.now.max(self.kernel.hw.deadline);
            self.kernel.hw.pending.push_back(Interrupt::Timer);
            self.kernel.handle(Event::Interrupt);
        }
        self.kernel.hw.now = end;
    }

    pub fn interrupt(&mut self, interrupt: Interrupt) {
        self.kernel.hw.pending.push_back(interrupt);
        self.kernel.handle(Event::Interrupt);
    }
}
