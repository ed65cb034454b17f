// SPDX-License-Identifier: BSD-2-Clause
//! Threads that help a test: in the root task's address space and CSpace, with a stack and an IPC
//! buffer of their own.

use core::cell::UnsafeCell;

use sel4::{CNodeCapData, Cap, IpcBuffer, MessageInfo, UserContext, cap, cap_type};

use crate::{
    arch,
    env::Env,
    test::{Failure, Outcome},
};

/// Threads at one time, the janitor included.
const MAX_THREADS: usize = 8;
const STACK_SIZE: usize = 16 * 1024;

#[repr(C, align(4096))]
struct Stacks(UnsafeCell<[[u8; STACK_SIZE]; MAX_THREADS]>);
// SAFETY: each stack belongs to one thread.
unsafe impl Sync for Stacks {}
static STACKS: Stacks = Stacks(UnsafeCell::new([[0; STACK_SIZE]; MAX_THREADS]));

#[repr(C, align(4096))]
struct Page([u8; 4096]);
struct Buffers(UnsafeCell<[Page; MAX_THREADS]>);
// SAFETY: each buffer belongs to one thread.
unsafe impl Sync for Buffers {}
static BUFFERS: Buffers = Buffers(UnsafeCell::new([const { Page([0; 4096]) }; MAX_THREADS]));

/// The function of a helper: it gets its IPC buffer, and two words from the test.
pub type Body = fn(&mut IpcBuffer, u64, u64);

/// The threads in use.
pub struct Helpers {
    used: usize,
    kept: usize,
    janitor: cap::Endpoint,
}

/// A helper thread.
#[derive(Clone, Copy)]
pub struct Thread {
    /// The thread.
    pub tcb: cap::Tcb,
    index: usize,
}

impl Helpers {
    /// None yet.
    pub fn new() -> Self {
        Self {
            used: 0,
            kept: 0,
            janitor: Cap::from_bits(0),
        }
    }

    /// Starts the janitor: at the lowest priority that is not idle, it answers calls; so a call
    /// returns when every other thread waits.
    pub fn start(env: &mut Env) -> Outcome {
        let (endpoint, reply) = (env.make::<cap_type::Endpoint>()?, env.reply()?);
        let thread = env.thread(1)?;
        thread.start(answer, endpoint.bits(), reply.bits())?;
        env.helpers.janitor = endpoint;
        env.helpers.kept = env.helpers.used;
        Ok(())
    }

    /// Every thread but the janitor is gone.
    pub fn forget(&mut self) {
        self.used = self.kept;
    }
}

/// Answers every call on `endpoint` with an empty message.
pub fn answer(buffer: &mut IpcBuffer, endpoint: u64, reply: u64) {
    let endpoint = cap::Endpoint::from_bits(endpoint);
    let reply = cap::Reply::from_bits(reply);
    let mut owed = false;
    loop {
        let context = endpoint.with(&mut *buffer);
        if owed {
            context.reply_recv(MessageInfo::new(0, 0, 0, 0), reply);
        } else {
            context.recv(reply);
        }
        owed = true;
    }
}

impl Env {
    /// Lets all other threads run until each waits for something.
    pub fn settle(&self) {
        self.helpers.janitor.call(MessageInfo::new(0, 0, 0, 0));
    }

    /// A new thread with a scheduling context of its own, at this priority (below 255).
    pub fn thread(&mut self, priority: u64) -> Result<Thread, Failure> {
        let context = self.sched_context(100_000, 100_000)?;
        self.thread_with(priority, context, Cap::from_bits(0))
    }

    /// A new thread with a fault endpoint.
    pub fn thread_faulting_to(
        &mut self,
        priority: u64,
        endpoint: cap::Endpoint,
    ) -> Result<Thread, Failure> {
        let context = self.sched_context(100_000, 100_000)?;
        self.thread_with(priority, context, endpoint)
    }

    /// A new thread; either capability can be null.
    pub fn thread_with(
        &mut self,
        priority: u64,
        context: cap::SchedContext,
        fault_endpoint: cap::Endpoint,
    ) -> Result<Thread, Failure> {
        let index = self.helpers.used;
        if index == MAX_THREADS {
            return Err(Failure::new("too many threads"));
        }
        self.helpers.used += 1;
        let tcb = self.make::<cap_type::Tcb>()?;
        let buffer = buffer_address(index);
        tcb.tcb_configure(
            self.cnode(),
            CNodeCapData::new(0, 0),
            self.vspace(),
            buffer as u64,
            self.image_frame(buffer),
        )?;
        tcb.tcb_set_sched_params(self.tcb(), 0, priority, context, fault_endpoint)?;
        Ok(Thread { tcb, index })
    }
}

fn buffer_address(index: usize) -> usize {
    BUFFERS
        .0
        .get()
        .cast::<Page>()
        .wrapping_add(index)
        .expose_provenance()
}

impl Thread {
    /// Registers for `body`, at its first instruction.
    pub fn context(&self, body: Body, first: u64, second: u64) -> UserContext {
        let mut context = UserContext::default();
        *context.pc_mut() = entry as *const () as u64;
        let top = STACKS
            .0
            .get()
            .cast::<[u8; STACK_SIZE]>()
            .wrapping_add(self.index + 1)
            .addr();
        *context.sp_mut() = arch::stack_pointer(top);
        *context.c_param_mut(0) = body as *const () as u64;
        *context.c_param_mut(1) = buffer_address(self.index) as u64;
        *context.c_param_mut(2) = first;
        *context.c_param_mut(3) = second;
        *context.c_param_mut(4) = self.tcb.bits();
        context
    }

    /// Lets it run `body`; when that returns the thread suspends itself.
    pub fn start(&self, body: Body, first: u64, second: u64) -> sel4::Result<()> {
        self.tcb
            .tcb_write_all_registers(true, &mut self.context(body, first, second))
    }

    /// Lets it run at the instruction `pc`, with `first` as its parameter and a stack.
    pub fn start_at(&self, pc: u64, first: u64) -> sel4::Result<()> {
        let mut context = UserContext::default();
        *context.sp_mut() = *self.context(|_, _, _| (), 0, 0).sp();
        *context.pc_mut() = pc;
        *context.c_param_mut(0) = first;
        self.tcb.tcb_write_all_registers(true, &mut context)
    }

    /// Sets the free word of its IPC buffer, before it runs.
    pub fn set_user_data(&self, data: u64) {
        let buffer =
            core::ptr::with_exposed_provenance_mut::<IpcBuffer>(buffer_address(self.index));
        // SAFETY: the page is an IPC buffer, and its thread does not run yet.
        unsafe { (*buffer).set_user_data(data) };
    }

    /// Its IPC buffer, to be looked at while it does not run.
    pub fn words(&self) -> [u64; 4] {
        let buffer = core::ptr::with_exposed_provenance::<IpcBuffer>(buffer_address(self.index));
        // SAFETY: the page is an IPC buffer, and its thread waits.
        let words = unsafe { (*buffer).msg_regs() };
        [words[0], words[1], words[2], words[3]]
    }
}

/// Where a helper starts.
#[allow(
    improper_ctypes_definitions,
    reason = "a function pointer is one word, and both ends are ours"
)]
extern "C" fn entry(body: Body, buffer: *mut IpcBuffer, first: u64, second: u64, tcb: u64) -> ! {
    // SAFETY: the page was set aside for this thread.
    let buffer = unsafe { &mut *buffer };
    body(buffer, first, second);
    loop {
        let _ = cap::Tcb::from_bits(tcb).with(&mut *buffer).tcb_suspend();
    }
}
