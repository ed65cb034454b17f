// SPDX-License-Identifier: BSD-2-Clause
//! A guest of one vCPU that runs a few instructions at EL1.

use sel4::{
    Cap, CapRights, MessageInfo, UserContext, VmAttributes, Word, cap, cap_type, init_thread::slot,
};

use crate::{env::Env, test::Failure};

/// Where the guest's code is, in its own address space.
pub const GUEST: usize = 0x4000_0000;
/// EL1 with its own stack pointer, interrupts masked.
pub const EL1H: Word = 0x3c5;

/// A guest of one vCPU, and where its faults arrive.
pub struct Guest {
    /// Its thread.
    pub tcb: cap::Tcb,
    /// Its vCPU.
    pub vcpu: cap::VCpu,
    /// Its address space.
    pub vspace: cap::VSpace,
    /// Where its exits arrive.
    pub endpoint: cap::Endpoint,
    /// What answers them.
    pub reply: cap::Reply,
}

impl Guest {
    /// With the page of snippets mapped at its own place within [`GUEST`].
    pub fn new(env: &mut Env) -> Result<Self, Failure> {
        let endpoint = env.make::<cap_type::Endpoint>()?;
        let reply = env.reply()?;
        let vspace = env.make::<cap_type::VSpace>()?;
        slot::ASID_POOL.cap().asid_pool_assign(vspace)?;
        env.map_tables(vspace, GUEST)?;
        let tcb = env.make::<cap_type::Tcb>()?;
        let vcpu = env.make::<cap_type::VCpu>()?;
        let context = env.sched_context(10_000, 10_000)?;
        let data = sel4::CNodeCapData::new(0, 0);
        tcb.tcb_configure(env.cnode(), data, vspace, 0, Cap::from_bits(0))?;
        tcb.tcb_set_sched_params(env.tcb(), 0, 50, context, endpoint)?;
        vcpu.vcpu_set_tcb(tcb)?;
        Ok(Self {
            tcb,
            vcpu,
            vspace,
            endpoint,
            reply,
        })
    }

    /// Maps the image's pages with `code` (it may lie across two), and gives its address there.
    pub fn place(&self, env: &mut Env, code: extern "C" fn() -> !) -> Result<Word, Failure> {
        let address = code as *const () as usize;
        for page in [address & !0xfff, (address & !0xfff) + 0x1000] {
            let copy = env.copy(env.image_frame(page))?;
            let at = GUEST + (page & 0x1f_ffff);
            copy.frame_map(self.vspace, at, CapRights::all(), VmAttributes::DEFAULT)?;
        }
        Ok((GUEST + (address & 0x1f_ffff)) as Word)
    }

    /// Lets it run from `pc`, with these values in x0 and on.
    pub fn start(&self, pc: Word, registers: &[Word]) -> sel4::Result<()> {
        let mut context = UserContext::default();
        *context.pc_mut() = pc;
        *context.spsr_mut() = EL1H;
        for (at, value) in registers.iter().enumerate() {
            *context.gpr_mut(at) = *value;
        }
        self.tcb.tcb_write_all_registers(true, &mut context)
    }

    /// Waits for the next exit and shows it; gives label and first word.
    pub fn exit(&self, env: &Env) -> (Word, Word) {
        let (info, badge) = self.endpoint.recv(self.reply);
        let mut words = [0; 8];
        sel4::with_ipc_buffer(|buffer| words.copy_from_slice(&buffer.msg_regs()[..8]));
        let length = info.length().min(8);
        env.trace(format_args!(
            "label {} badge {badge} words {:x?}",
            info.label(),
            &words[..length]
        ));
        (info.label(), words[0])
    }

    /// Its register x`at`.
    pub fn register(&self, at: usize) -> sel4::Result<Word> {
        Ok(*self.tcb.tcb_read_all_registers(false)?.gpr(at))
    }

    /// Lets it go on behind the instruction it stopped at.
    pub fn skip(&self) -> sel4::Result<()> {
        let mut context = self.tcb.tcb_read_all_registers(false)?;
        *context.pc_mut() += 4;
        self.tcb.tcb_write_all_registers(false, &mut context)?;
        self.go_on();
        Ok(())
    }

    /// Answers its exit: it goes on where it stopped.
    pub fn go_on(&self) {
        self.reply.send(MessageInfo::new(0, 0, 0, 0));
    }
}
