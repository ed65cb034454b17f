// SPDX-License-Identifier: BSD-2-Clause
//! Virtual processors, running a few instructions at EL1.

use sel4::{
    Cap, CapRights, UserContext, VCpuReg, VmAttributes, Word, cap_type,
    sys::invocation_label as label,
};
use sel4_extra::CapExt;

use crate::{
    env::{Env, WINDOW},
    guest::{GUEST, Guest},
    snippets as code,
    test::{Failure, Outcome, ensure, tests},
};

tests! { vcpu_registers vcpu_register_errors vcpu_set_tcb_errors vcpu_monitor_call vcpu_reply_registers vcpu_wfi vcpu_hypervisor_call vcpu_stage2_fault vcpu_stage2_execute
vcpu_inject_errors vcpu_interrupt vcpu_interrupt_group vcpu_two_interrupts vcpu_timer vcpu_timer_masked vcpu_preempted vcpu_deleted vcpu_spsr vcpu_float vcpu_unbound vcpu_system_registers }

/// Where the virtual CPU interface is.
const INTERFACE: usize = 0x801_0000;
/// Registers in the order of the kernel's numbers (`seL4_VCPUReg`): the crate names only some of them.
const REGISTERS: [&str; 24] = [
    "SCTLR",
    "CPACR",
    "TTBR0",
    "TTBR1",
    "TCR",
    "MAIR",
    "AMAIR",
    "CIDR",
    "ACTLR",
    "AFSR0",
    "AFSR1",
    "ESR",
    "FAR",
    "PAR",
    "VBAR",
    "TPIDR_EL1",
    "VMPIDR_EL2",
    "SP_EL1",
    "ELR_EL1",
    "SPSR_EL1",
    "CNTV_CTL",
    "CNTV_CVAL",
    "CNTVOFF",
    "CNTKCTL",
];

fn vcpu_registers(env: &mut Env) -> Outcome {
    let vcpu = env.make::<cap_type::VCpu>()?;
    let read = |number| {
        vcpu.request(label::ARMVCPUReadReg, &[], &[number])
            .map(|[value, ..]| value)
    };
    for (number, name) in (0..).zip(REGISTERS) {
        let before = read(number);
        let written = vcpu.order(label::ARMVCPUWriteReg, &[], &[number, 0x8765_4320]);
        let after = read(number);
        env.trace(format_args!(
            "{name}: {before:x?} write {written:?} then {after:x?}"
        ));
    }
    Ok(())
}

fn vcpu_register_errors(env: &mut Env) -> Outcome {
    let vcpu = env.make::<cap_type::VCpu>()?;
    for field in [24, 25, 100, Word::MAX] {
        env.trace(format_args!("field {field}"));
        env.note("read", vcpu.order(label::ARMVCPUReadReg, &[], &[field]));
        env.note(
            "write",
            vcpu.order(label::ARMVCPUWriteReg, &[], &[field, 1]),
        );
    }
    env.note("read, no word", vcpu.order(label::ARMVCPUReadReg, &[], &[]));
    env.note(
        "write, 1 word",
        vcpu.order(label::ARMVCPUWriteReg, &[], &[1]),
    );
    env.note(
        "inject, no word",
        vcpu.order(label::ARMVCPUInjectIRQ, &[], &[]),
    );
    env.note("set, no thread", vcpu.order(label::ARMVCPUSetTCB, &[], &[]));
    env.note("label 700", vcpu.order(700, &[], &[]));
    for irq in [27, 26, 30, 0, 32, 999] {
        env.trace(format_args!("irq {irq}"));
        env.note("acknowledge", vcpu.vcpu_ack_vppi(irq));
    }
    Ok(())
}

fn vcpu_set_tcb_errors(env: &mut Env) -> Outcome {
    let (one, two) = (env.make::<cap_type::VCpu>()?, env.make::<cap_type::VCpu>()?);
    let (first, second) = (env.make::<cap_type::Tcb>()?, env.make::<cap_type::Tcb>()?);
    env.expect("set", one.vcpu_set_tcb(first), Ok(()))?;
    env.note("again", one.vcpu_set_tcb(first));
    env.note("thread has one", two.vcpu_set_tcb(first));
    env.note("another thread", one.vcpu_set_tcb(second));
    let endpoint = env.make::<cap_type::Endpoint>()?;
    env.note("an endpoint", one.vcpu_set_tcb(endpoint.cast()));
    env.note("nothing", one.vcpu_set_tcb(Cap::from_bits(0)));
    let copy = env.slot::<cap_type::VCpu>();
    env.note("copy", env.at(copy).copy(&env.at(one), CapRights::all()));
    env.expect("delete the thread", env.at(second).delete(), Ok(()))?;
    env.note("another", one.vcpu_set_tcb(first));
    Ok(())
}

fn vcpu_monitor_call(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_monitor_calls)?;
    guest.start(pc, &[])?;
    for _ in 0..3 {
        let (label, _) = guest.exit(env);
        let context = guest.tcb.tcb_read_all_registers(false)?;
        env.trace(format_args!(
            "x0 {} at {} spsr {:#x}",
            context.gpr(0),
            context.pc() - pc,
            context.spsr()
        ));
        ensure!(label == 8);
        guest.skip()?;
    }
    Ok(())
}

/// Registers are written before the answer; and without a skip the same exit comes again.
fn vcpu_reply_registers(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_monitor_calls)?;
    guest.start(pc, &[])?;
    guest.exit(env);
    let mut context = guest.tcb.tcb_read_all_registers(false)?;
    *context.gpr_mut(0) = 77;
    guest.tcb.tcb_write_all_registers(false, &mut context)?;
    guest.go_on();
    guest.exit(env);
    env.trace(format_args!("x0 {}", guest.register(0)?));
    // Resumed without an answer, the reply object left behind.
    *context.pc_mut() += 4;
    guest.tcb.tcb_write_all_registers(true, &mut context)?;
    guest.exit(env);
    env.trace(format_args!("x0 {}", guest.register(0)?));
    Ok(())
}

fn vcpu_wfi(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_waits)?;
    guest.start(pc, &[])?;
    guest.exit(env);
    env.trace(format_args!(
        "at {}",
        guest.tcb.tcb_read_all_registers(false)?.pc() - pc
    ));
    guest.skip()?;
    guest.exit(env);
    Ok(())
}

fn vcpu_hypervisor_call(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_hypervisor_call)?;
    guest.start(pc, &[5])?;
    let (info, _) = guest.endpoint.recv(guest.reply);
    let words = sel4::with_ipc_buffer(|buffer| {
        [
            buffer.msg_regs()[0],
            buffer.msg_regs()[8],
            buffer.msg_regs()[12],
        ]
    });
    env.trace(format_args!(
        "label {} length {} x0 {} at {} number {}",
        info.label(),
        info.length(),
        words[0],
        words[1].wrapping_sub(pc),
        words[2]
    ));
    env.trace(format_args!(
        "pc {}",
        guest.tcb.tcb_read_all_registers(false)?.pc() - pc
    ));
    guest.skip()?;
    guest.exit(env);
    Ok(())
}

/// A guest's access to what is not mapped for it: its own physical address is told.
fn vcpu_stage2_fault(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_touches)?;
    guest.start(pc, &[0x900_0010])?;
    let shown = |env: &Env| {
        let (info, _) = guest.endpoint.recv(guest.reply);
        let mut words = [0; 4];
        sel4::with_ipc_buffer(|buffer| words.copy_from_slice(&buffer.msg_regs()[..4]));
        words[0] -= pc;
        env.trace(format_args!(
            "label {} length {} words {words:x?}",
            info.label(),
            info.length()
        ));
    };
    shown(env);
    guest.skip()?;
    shown(env);
    guest.skip()?;
    guest.exit(env);
    Ok(())
}

fn vcpu_stage2_execute(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    guest.start(0x5000_0000, &[])?;
    guest.exit(env);
    // Nothing at all there: an address beyond the guest's physical ones.
    guest.start(1 << 41, &[])?;
    guest.exit(env);
    Ok(())
}

fn vcpu_inject_errors(env: &mut Env) -> Outcome {
    let vcpu = env.make::<cap_type::VCpu>()?;
    env.expect("inject", vcpu.vcpu_inject_irq(40, 0, 1, 0), Ok(()))?;
    env.note("list register in use", vcpu.vcpu_inject_irq(41, 0, 1, 0));
    env.note("the same again", vcpu.vcpu_inject_irq(40, 0, 1, 0));
    env.note("register 3", vcpu.vcpu_inject_irq(42, 31, 0, 3));
    env.note("register 4", vcpu.vcpu_inject_irq(43, 0, 1, 4));
    env.note("register 255", vcpu.vcpu_inject_irq(43, 0, 1, 255));
    env.note("priority 32", vcpu.vcpu_inject_irq(44, 32, 1, 1));
    env.note("priority 31", vcpu.vcpu_inject_irq(44, 31, 1, 1));
    env.note("group 2", vcpu.vcpu_inject_irq(45, 0, 2, 2));
    env.note("interrupt 1023", vcpu.vcpu_inject_irq(1023, 0, 1, 2));
    env.note("interrupt 1024", vcpu.vcpu_inject_irq(1024, 0, 1, 2));
    Ok(())
}

/// A guest with vectors, its interrupts on.
fn interrupted(env: &mut Env) -> Result<Guest, Failure> {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_interrupts)?;
    // The vectors are copied to a page of their own: their place must be aligned.
    let vectors = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    vectors.frame_map(
        env.vspace(),
        WINDOW,
        CapRights::read_write(),
        VmAttributes::DEFAULT,
    )?;
    let from = code::guest_vectors as *const ();
    let to = core::ptr::with_exposed_provenance_mut::<u8>(WINDOW);
    // SAFETY: 2 KiB of code (`.balign 2048` is its start, as 16 entries follow), into a page of
    // the test's own.
    unsafe { core::ptr::copy_nonoverlapping(from.cast::<u8>(), to, 2048) };
    let copy = env.copy(vectors)?;
    let at = GUEST + 0x1f_0000;
    copy.frame_map(guest.vspace, at, CapRights::all(), VmAttributes::DEFAULT)?;
    sel4_extra::FrameExt::frame_unify_instruction(vectors, 0, 4096)?;
    let interface = env.virtual_interface()?;
    env.map_tables(guest.vspace, INTERFACE)?;
    interface.frame_map(
        guest.vspace,
        INTERFACE,
        CapRights::read_write(),
        VmAttributes::NONE,
    )?;
    guest.start(pc, &[INTERFACE as Word, at as Word])?;
    Ok(guest)
}

fn vcpu_interrupt(env: &mut Env) -> Outcome {
    let guest = interrupted(env)?;
    guest.exit(env);
    env.expect("inject", guest.vcpu.vcpu_inject_irq(40, 0, 0, 0), Ok(()))?;
    guest.skip()?;
    guest.exit(env);
    env.trace(format_args!("acknowledged {}", guest.register(2)?));
    ensure!(guest.register(2)? == 40);
    env.note("while active", guest.vcpu.vcpu_inject_irq(40, 0, 0, 0));
    guest.skip()?;
    // Its end empties the list register: the kernel tells so.
    guest.exit(env);
    guest.go_on();
    guest.exit(env);
    env.note("inject again", guest.vcpu.vcpu_inject_irq(41, 0, 0, 0));
    guest.skip()?;
    guest.exit(env);
    env.trace(format_args!("acknowledged {}", guest.register(2)?));
    Ok(())
}

/// An interrupt of group 1, which the guest has not enabled, waits.
fn vcpu_interrupt_group(env: &mut Env) -> Outcome {
    let guest = interrupted(env)?;
    guest.exit(env);
    env.expect("inject", guest.vcpu.vcpu_inject_irq(40, 0, 1, 0), Ok(()))?;
    guest.skip()?;
    guest.exit(env);
    Ok(())
}

fn vcpu_two_interrupts(env: &mut Env) -> Outcome {
    let guest = interrupted(env)?;
    guest.exit(env);
    env.expect("inject", guest.vcpu.vcpu_inject_irq(40, 20, 0, 0), Ok(()))?;
    env.expect("another", guest.vcpu.vcpu_inject_irq(50, 10, 0, 1), Ok(()))?;
    guest.skip()?;
    for _ in 0..6 {
        let (label, _) = guest.exit(env);
        if label == 8 {
            env.trace(format_args!("x2 {}", guest.register(2)?));
            guest.skip()?;
        } else {
            guest.go_on();
        }
    }
    Ok(())
}

/// The guest's virtual timer: an event for the VMM, once, until it is acknowledged.
fn vcpu_timer(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_timer)?;
    guest.start(pc, &[50_000])?;
    let (label, irq) = guest.exit(env);
    ensure!(label == 9 && irq == 27);
    guest.go_on();
    env.pause_us(1_000);
    let (_, badge) = guest.endpoint.nb_recv(guest.reply);
    env.trace(format_args!("not acknowledged: badge {badge}"));
    guest.tcb.tcb_suspend()?;
    let control = guest.vcpu.vcpu_read_regs(VCpuReg::CNTV_CTL)?;
    env.trace(format_args!("CNTV_CTL {control:#x}"));
    env.expect("acknowledge", guest.vcpu.vcpu_ack_vppi(27), Ok(()))?;
    guest.tcb.tcb_resume()?;
    guest.exit(env);
    // Off, it is quiet.
    guest.vcpu.vcpu_write_regs(VCpuReg::CNTV_CTL, 0)?;
    guest.vcpu.vcpu_ack_vppi(27)?;
    guest.go_on();
    env.pause_us(1_000);
    guest.tcb.tcb_suspend()?;
    let (info, _) = guest.endpoint.nb_recv(guest.reply);
    env.trace(format_args!(
        "off: label {}",
        if info.length() == 0 { 0 } else { info.label() }
    ));
    Ok(())
}

/// A timer that is written by the VMM while the guest does not run.
fn vcpu_timer_masked(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_spins)?;
    guest.vcpu.vcpu_write_regs(VCpuReg::CNTV_CVAL, 1)?;
    guest.vcpu.vcpu_write_regs(VCpuReg::CNTV_CTL, 1)?;
    guest.start(pc, &[])?;
    guest.exit(env);
    guest.tcb.tcb_suspend()?;
    env.trace(format_args!(
        "CNTV_CTL {:#x}",
        guest.vcpu.vcpu_read_regs(VCpuReg::CNTV_CTL)?
    ));
    Ok(())
}

/// A guest that spins is preempted, and goes on with its registers.
fn vcpu_preempted(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_spins)?;
    guest.start(pc, &[1000])?;
    env.pause_us(2_000);
    let first = guest.register(0)?;
    env.pause_us(2_000);
    let second = guest.register(0)?;
    env.trace(format_args!("counts: {} {}", first > 1000, second > first));
    guest.tcb.tcb_suspend()?;
    let third = guest.register(0)?;
    env.pause_us(1_000);
    ensure!(guest.register(0)? == third);
    Ok(())
}

fn vcpu_deleted(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_spins)?;
    guest.start(pc, &[])?;
    env.pause_us(1_000);
    env.expect("delete the vCPU", env.at(guest.vcpu).delete(), Ok(()))?;
    env.pause_us(1_000);
    let first = guest.register(0)?;
    env.pause_us(1_000);
    env.trace(format_args!("runs on: {}", guest.register(0)? != first));
    guest.tcb.tcb_suspend()?;
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_spins)?;
    guest.start(pc, &[])?;
    env.pause_us(1_000);
    env.expect("delete the thread", env.at(guest.tcb).delete(), Ok(()))?;
    env.note(
        "read a register",
        guest.vcpu.vcpu_read_regs(VCpuReg::SCTLR).map(|_| ()),
    );
    Ok(())
}

/// What a thread with a vCPU may have as its processor state.
fn vcpu_spsr(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let vcpu = env.make::<cap_type::VCpu>()?;
    vcpu.vcpu_set_tcb(tcb)?;
    let fresh = tcb.tcb_read_all_registers(false)?;
    env.trace(format_args!("fresh {:#x}", fresh.spsr()));
    for spsr in [0, 5, 4, 0x3c5, 9, 0x3c9, 0xd, 0x10, Word::MAX] {
        let mut context = UserContext::default();
        *context.spsr_mut() = spsr;
        tcb.tcb_write_all_registers(false, &mut context)?;
        let read = *tcb.tcb_read_all_registers(false)?.spsr();
        env.trace(format_args!("{spsr:#x} becomes {read:#x}"));
    }
    Ok(())
}

/// Floating point registers are the guest's own.
fn vcpu_float(env: &mut Env) -> Outcome {
    let (one, two) = (Guest::new(env)?, Guest::new(env)?);
    for (guest, value) in [(&one, 0x1111), (&two, 0x2222)] {
        let pc = guest.place(env, code::guest_float)?;
        guest.start(pc, &[value])?;
        guest.exit(env);
    }
    for guest in [&one, &two] {
        guest.skip()?;
        guest.exit(env);
        env.trace(format_args!(
            "d0 {:#x} d31 {:#x}",
            guest.register(1)?,
            guest.register(2)?
        ));
    }
    ensure!(one.register(1)? == 0x1111 && two.register(2)? == 0x2222);
    Ok(())
}

/// A thread at EL1 without a vCPU.
fn vcpu_unbound(env: &mut Env) -> Outcome {
    let vcpu = env.make::<cap_type::VCpu>()?;
    env.note("inject", vcpu.vcpu_inject_irq(40, 0, 1, 0));
    env.note("acknowledge", vcpu.vcpu_ack_vppi(27));
    Ok(())
}

/// What the guest sets is what the VMM reads, and the other way round.
fn vcpu_system_registers(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_float)?;
    guest.vcpu.vcpu_write_regs(VCpuReg::TPIDR_EL1, 0x99)?;
    guest.start(pc, &[1])?;
    guest.exit(env);
    let read = |register| guest.vcpu.vcpu_read_regs(register);
    env.trace(format_args!(
        "CPACR {:x?} TPIDR_EL1 {:x?}",
        read(VCpuReg::CPACR),
        read(VCpuReg::TPIDR_EL1)
    ));
    ensure!(read(VCpuReg::CPACR)? == 0x30_0000);
    Ok(())
}
