// SPDX-License-Identifier: BSD-2-Clause
//! A thread's registers: read, written, copied.

use sel4::{UserContext, Word, cap_type};
use sel4_extra::TcbExt;

use crate::{
    env::Env,
    test::{Outcome, ensure, tests},
};

tests! { tcb_registers tcb_registers_errors tcb_write_some tcb_copy_registers tcb_tls_base tcb_spsr }

fn tcb_registers(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let mut written = UserContext::default();
    for register in 0..31 {
        *written.gpr_mut(register) = 0x1000 + register as Word;
    }
    *written.pc_mut() = 0x40_0000;
    *written.sp_mut() = 0x50_0000;
    env.expect(
        "write",
        tcb.tcb_write_all_registers(false, &mut written),
        Ok(()),
    )?;
    let read = tcb.tcb_read_all_registers(false)?;
    let same = (0..31)
        .filter(|at| read.gpr(*at) == written.gpr(*at))
        .count();
    env.trace(format_args!(
        "{same} of 31 the same, pc {:#x} sp {:#x} spsr {:#x}",
        read.pc(),
        read.sp(),
        read.spsr()
    ));
    ensure!(same == 31);
    let fresh = env.make::<cap_type::Tcb>()?.tcb_read_all_registers(false)?;
    env.trace(format_args!(
        "fresh: pc {:#x} sp {:#x} spsr {:#x} x0 {:#x} tpidr {:#x}",
        fresh.pc(),
        fresh.sp(),
        fresh.spsr(),
        fresh.gpr(0),
        fresh.inner().tpidr_el0
    ));
    Ok(())
}

fn tcb_registers_errors(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let mut context = UserContext::default();
    for count in [0, 36, 37, 200] {
        env.trace(format_args!("count {count}"));
        env.note("read", tcb.tcb_read_registers(false, count).map(|_| ()));
        env.note("write", tcb.tcb_write_registers(false, count, &mut context));
    }
    env.note(
        "read oneself",
        env.tcb().tcb_read_all_registers(false).map(|_| ()),
    );
    env.note(
        "write oneself",
        env.tcb().tcb_write_registers(false, 1, &mut context),
    );
    let other = env.make::<cap_type::Endpoint>()?;
    env.note(
        "copy from an endpoint",
        tcb.copy_registers(other.cast(), false, false, true, true),
    );
    env.note(
        "copy from oneself",
        tcb.copy_registers(env.tcb(), false, false, false, false),
    );
    Ok(())
}

/// A short write changes what it has, and nothing else.
fn tcb_write_some(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let mut context = UserContext::default();
    for register in 0..31 {
        *context.gpr_mut(register) = 5;
    }
    tcb.tcb_write_all_registers(false, &mut context)?;
    let mut other = UserContext::default();
    *other.pc_mut() = 0x1000;
    tcb.tcb_write_registers(false, 1, &mut other)?;
    let read = tcb.tcb_read_all_registers(false)?;
    env.trace(format_args!(
        "pc {:#x} x0 {} x28 {}",
        read.pc(),
        read.gpr(0),
        read.gpr(28)
    ));
    ensure!(*read.pc() == 0x1000 && *read.gpr(0) == 5);
    Ok(())
}

fn tcb_copy_registers(env: &mut Env) -> Outcome {
    let (from, to) = (env.make::<cap_type::Tcb>()?, env.make::<cap_type::Tcb>()?);
    let mut context = UserContext::default();
    for register in 0..31 {
        *context.gpr_mut(register) = 0x2000 + register as Word;
    }
    *context.pc_mut() = 0x1234_5000;
    *context.sp_mut() = 0x2345_6000;
    from.tcb_write_all_registers(false, &mut context)?;
    for (name, frame, integer) in [
        ("nothing", false, false),
        ("frame", true, false),
        ("integer", false, true),
    ] {
        env.note(name, to.copy_registers(from, false, false, frame, integer));
        let read = to.tcb_read_all_registers(false)?;
        env.trace(format_args!("pc {:#x} sp {:#x}", read.pc(), read.sp()));
        let mut which = 0u64;
        for register in 0..31 {
            which |= u64::from(read.gpr(register) == context.gpr(register)) << register;
        }
        env.trace(format_args!("registers {which:#x}"));
    }
    Ok(())
}

fn tcb_tls_base(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    env.expect("set", tcb.tcb_set_tls_base(0x1234_5678), Ok(()))?;
    let context = tcb.tcb_read_all_registers(false)?;
    env.trace(format_args!(
        "tpidr_el0 {:#x} tpidrro_el0 {:#x}",
        context.inner().tpidr_el0,
        context.inner().tpidrro_el0
    ));
    Ok(())
}

/// The kernel keeps the processor state to what a thread may have.
fn tcb_spsr(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    for spsr in [0, 0x3c5, 0x3c9, 0xf000_0000, Word::MAX, 0x10] {
        let mut context = UserContext::default();
        *context.spsr_mut() = spsr;
        tcb.tcb_write_all_registers(false, &mut context)?;
        let read = *tcb.tcb_read_all_registers(false)?.spsr();
        env.trace(format_args!("{spsr:#x} becomes {read:#x}"));
    }
    Ok(())
}
