// SPDX-License-Identifier: BSD-2-Clause
//! Faults, and answers to them.

use sel4::{Cap, CapRights, MessageInfo, UserContext, VmAttributes, cap, cap_type};

use crate::{
    env::{Env, WINDOW},
    snippets as code,
    test::{Failure, Outcome, ensure, tests},
    thread::Thread,
};

tests! { fault_vm_read fault_vm_write fault_vm_execute fault_vm_permission fault_vm_null fault_vm_high fault_exception fault_unknown_syscall fault_syscall_zero
fault_debug_syscall fault_hypervisor_call fault_monitor_call fault_virtual_counter fault_privileged_register fault_wfi fault_unaligned fault_cap_receive
fault_cap_call fault_cap_send fault_reply_restart fault_reply_skip fault_reply_registers fault_reply_label fault_no_handler fault_handler_deleted
fault_badge fault_repair fault_two_threads fault_cache_clean }

/// A thread that will fault, and where its faults arrive.
struct Patient {
    thread: Thread,
    endpoint: cap::Endpoint,
    reply: cap::Reply,
}

impl Patient {
    fn new(env: &mut Env) -> Result<Self, Failure> {
        let endpoint = env.make::<cap_type::Endpoint>()?;
        let reply = env.reply()?;
        let thread = env.thread_faulting_to(50, endpoint)?;
        Ok(Self {
            thread,
            endpoint,
            reply,
        })
    }

    fn start(&self, code: extern "C" fn() -> !, x0: u64) -> sel4::Result<()> {
        self.thread.start_at(address(code), x0)
    }

    /// Waits for the fault and gives its label and words.
    fn fault(&self) -> (MessageInfo, u64, [u64; 16]) {
        let (info, badge) = self.endpoint.recv(self.reply);
        let mut words = [0; 16];
        sel4::with_ipc_buffer(|buffer| words.copy_from_slice(&buffer.msg_regs()[..16]));
        (info, badge, words)
    }

    /// Waits for the fault and prints it: the instruction pointer is told from `code` on.
    fn show(&self, env: &Env, code: extern "C" fn() -> !) -> (u64, [u64; 16]) {
        let (info, badge, mut words) = self.fault();
        let length = info.length().min(16);
        let mut copy = words;
        let shown = &mut copy[..length];
        // Where each kind of fault has addresses.
        let (ip, sp): (Option<usize>, Option<usize>) = match info.label() {
            1 | 5 | 6 => (Some(0), None),
            2 => (Some(8), Some(9)),
            3 => (Some(0), Some(1)),
            _ => (None, None),
        };
        if let Some(ip) = ip {
            shown[ip] = shown[ip].wrapping_sub(address(code));
        }
        if info.label() == 2 {
            // The word of the link register.
            shown[10] = shown[10].wrapping_sub(address(code));
        }
        if let Some(sp) = sp {
            let context = self.thread.context(|_, _, _| (), 0, 0);
            shown[sp] = shown[sp].wrapping_sub(*context.sp());
        }
        env.trace(format_args!(
            "label {} length {length} badge {badge} words {shown:x?}",
            info.label()
        ));
        words[15] = 0;
        (info.label(), words)
    }
}

fn address(code: extern "C" fn() -> !) -> u64 {
    code as *const () as u64
}

/// Runs `code` until it faults, and shows that.
fn one(env: &mut Env, code: extern "C" fn() -> !, x0: u64) -> Result<u64, Failure> {
    let patient = Patient::new(env)?;
    patient.start(code, x0)?;
    let (label, _) = patient.show(env, code);
    Ok(label)
}

fn fault_vm_read(env: &mut Env) -> Outcome {
    ensure!(one(env, code::read, WINDOW as u64 + 0x123)? == 6);
    Ok(())
}

fn fault_vm_write(env: &mut Env) -> Outcome {
    ensure!(one(env, code::write, WINDOW as u64)? == 6);
    Ok(())
}

fn fault_vm_execute(env: &mut Env) -> Outcome {
    let patient = Patient::new(env)?;
    patient.start(code::execute, WINDOW as u64)?;
    let (info, _, words) = patient.fault();
    env.trace(format_args!(
        "label {} words {:x?}",
        info.label(),
        &words[..4]
    ));
    ensure!(info.label() == 6 && words[2] == 1);
    Ok(())
}

/// A page that may be read, but neither written nor executed.
fn fault_vm_permission(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    let attributes = VmAttributes::DEFAULT | VmAttributes::EXECUTE_NEVER;
    frame.frame_map(env.vspace(), WINDOW, CapRights::read_only(), attributes)?;
    one(env, code::write, WINDOW as u64)?;
    let patient = Patient::new(env)?;
    patient.start(code::execute, WINDOW as u64)?;
    let (info, _, words) = patient.fault();
    env.trace(format_args!(
        "execute: label {} words {:x?}",
        info.label(),
        &words[..4]
    ));
    // Reading is permitted: the next instruction is the one that traps.
    let patient = Patient::new(env)?;
    patient.start(code::read, WINDOW as u64)?;
    let (label, _) = patient.show(env, code::read);
    ensure!(label == 3);
    Ok(())
}

fn fault_vm_null(env: &mut Env) -> Outcome {
    one(env, code::read, 0)?;
    Ok(())
}

/// Addresses above what can be mapped, and above what can be translated.
fn fault_vm_high(env: &mut Env) -> Outcome {
    for at in [0xff_ffff_f008_u64, 1 << 40, 1 << 48, u64::MAX - 7] {
        env.trace(format_args!("at {at:#x}"));
        one(env, code::read, at)?;
        env.helpers.forget();
    }
    Ok(())
}

fn fault_exception(env: &mut Env) -> Outcome {
    one(env, code::undefined, 0)?;
    one(env, code::breakpoint, 0)?;
    Ok(())
}

fn fault_unknown_syscall(env: &mut Env) -> Outcome {
    ensure!(one(env, code::unknown_syscall, 10)? == 2);
    Ok(())
}

fn fault_syscall_zero(env: &mut Env) -> Outcome {
    one(env, code::syscall_zero, 10)?;
    Ok(())
}

fn fault_debug_syscall(env: &mut Env) -> Outcome {
    one(env, code::put_char, u64::from(b'!'))?;
    Ok(())
}

fn fault_hypervisor_call(env: &mut Env) -> Outcome {
    one(env, code::hypervisor_call, 0)?;
    Ok(())
}

fn fault_monitor_call(env: &mut Env) -> Outcome {
    one(env, code::monitor_call, 0)?;
    Ok(())
}

fn fault_virtual_counter(env: &mut Env) -> Outcome {
    one(env, code::virtual_counter, 0)?;
    Ok(())
}

fn fault_privileged_register(env: &mut Env) -> Outcome {
    one(env, code::privileged_register, 0)?;
    Ok(())
}

fn fault_wfi(env: &mut Env) -> Outcome {
    one(env, code::wait_for_interrupt, 0)?;
    Ok(())
}

fn fault_unaligned(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    frame.frame_map(
        env.vspace(),
        WINDOW,
        CapRights::all(),
        VmAttributes::DEFAULT,
    )?;
    one(env, code::unaligned_exclusive, WINDOW as u64)?;
    Ok(())
}

fn fault_cap_receive(env: &mut Env) -> Outcome {
    let empty = env.slot::<cap_type::Endpoint>();
    let tcb = env.make::<cap_type::Tcb>()?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let unreadable = env.mint(endpoint, CapRights::write_only(), 0)?;
    for (name, cptr, known) in [
        ("an empty slot", empty.bits(), false),
        ("a thread", tcb.bits(), false),
        ("without read", unreadable.bits(), false),
        ("beyond the guard", 1 << 40, true),
    ] {
        let patient = Patient::new(env)?;
        patient.start(code::receive, cptr)?;
        let (info, badge, mut words) = patient.fault();
        words[0] -= address(code::receive);
        if !known {
            // The slot's number is the suite's own affair.
            words[1] -= cptr;
        }
        env.trace(format_args!(
            "{name}: label {} length {} badge {badge} words {:x?}",
            info.label(),
            info.length(),
            &words[..info.length().min(16)]
        ));
        env.helpers.forget();
    }
    Ok(())
}

/// A call on nothing is answered with an error, not with a fault.
fn fault_cap_call(env: &mut Env) -> Outcome {
    let empty = env.slot::<cap_type::Endpoint>();
    let patient = Patient::new(env)?;
    patient.start(code::call, empty.bits())?;
    patient.show(env, code::call);
    let context = patient.thread.tcb.tcb_read_all_registers(false)?;
    env.trace(format_args!("x1 {:#x}", context.gpr(1)));
    Ok(())
}

fn fault_cap_send(env: &mut Env) -> Outcome {
    let empty = env.slot::<cap_type::Endpoint>();
    let patient = Patient::new(env)?;
    patient.start(code::send, empty.bits())?;
    patient.show(env, code::send);
    Ok(())
}

/// The plain answer: the instruction is tried again.
fn fault_reply_restart(env: &mut Env) -> Outcome {
    let patient = Patient::new(env)?;
    patient.start(code::read, WINDOW as u64)?;
    for _ in 0..3 {
        patient.show(env, code::read);
        patient.reply.send(MessageInfo::new(0, 0, 0, 0));
    }
    patient.show(env, code::read);
    Ok(())
}

/// The answer to an exception carries registers: here the program counter behind the instruction.
fn fault_reply_skip(env: &mut Env) -> Outcome {
    let patient = Patient::new(env)?;
    patient.start(code::undefined, 0)?;
    let (_, words) = patient.show(env, code::undefined);
    sel4::with_ipc_buffer_mut(|buffer| {
        buffer.msg_regs_mut()[..3].copy_from_slice(&[words[0] + 4, words[1] - 64, words[2]]);
    });
    patient.reply.send(MessageInfo::new(0, 0, 0, 3));
    patient.show(env, code::undefined);
    Ok(())
}

/// The answer to an unknown system call sets registers; a short one leaves the others.
fn fault_reply_registers(env: &mut Env) -> Outcome {
    let patient = Patient::new(env)?;
    patient.start(code::unknown_syscall, 10)?;
    let (_, words) = patient.show(env, code::unknown_syscall);
    sel4::with_ipc_buffer_mut(|buffer| {
        buffer.msg_regs_mut()[..16].copy_from_slice(&words);
        buffer.msg_regs_mut()[0] = 0xaaa;
        buffer.msg_regs_mut()[3] = 0xbbb;
        buffer.msg_regs_mut()[8] = words[8] + 4;
    });
    patient.reply.send(MessageInfo::new(0, 0, 0, 12));
    patient.show(env, code::unknown_syscall);
    let context = patient.thread.tcb.tcb_read_all_registers(false)?;
    env.trace(format_args!(
        "x0 {:#x} x1 {:#x} x3 {:#x} x7 {:#x}",
        context.gpr(0),
        context.gpr(1),
        context.gpr(3),
        context.gpr(7)
    ));
    // Without any register the thread goes on where it was.
    let patient = Patient::new(env)?;
    patient.start(code::unknown_syscall, 10)?;
    patient.show(env, code::unknown_syscall);
    patient.reply.send(MessageInfo::new(0, 0, 0, 0));
    patient.show(env, code::unknown_syscall);
    Ok(())
}

/// An answer with a label leaves the thread as it is.
fn fault_reply_label(env: &mut Env) -> Outcome {
    let patient = Patient::new(env)?;
    for (what, code) in [
        ("read", code::read as extern "C" fn() -> !),
        ("udf", code::undefined),
    ] {
        patient.start(code, WINDOW as u64)?;
        patient.show(env, code);
        patient.reply.send(MessageInfo::new(1, 0, 0, 0));
        env.settle();
        let (_, badge) = patient.endpoint.nb_recv(patient.reply);
        env.trace(format_args!("{what}: badge {badge} after a label"));
        env.note("resume", patient.thread.tcb.tcb_resume());
        patient.show(env, code);
    }
    Ok(())
}

/// Without a handler the thread stays where it is.
fn fault_no_handler(env: &mut Env) -> Outcome {
    let thread = env.thread(50)?;
    thread.start_at(address(code::undefined), 0)?;
    env.settle();
    let context = thread.tcb.tcb_read_all_registers(false)?;
    env.trace(format_args!(
        "pc {:#x}",
        context.pc() - address(code::undefined)
    ));
    // It can be started anew.
    let mut context = UserContext::default();
    *context.pc_mut() = address(code::breakpoint);
    env.expect(
        "write",
        thread.tcb.tcb_write_all_registers(true, &mut context),
        Ok(()),
    )?;
    env.settle();
    let context = thread.tcb.tcb_read_all_registers(false)?;
    env.trace(format_args!(
        "pc {:#x}",
        context.pc() - address(code::breakpoint)
    ));
    Ok(())
}

fn fault_handler_deleted(env: &mut Env) -> Outcome {
    let patient = Patient::new(env)?;
    patient.start(code::read, WINDOW as u64)?;
    env.settle();
    // It waits to tell of its fault; the endpoint goes, another takes its place.
    env.expect("delete", env.at(patient.endpoint).delete(), Ok(()))?;
    env.settle();
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let context = env.sched_context(1000, 1000)?;
    env.note(
        "another handler and context",
        patient
            .thread
            .tcb
            .tcb_set_sched_params(env.tcb(), 0, 50, context, endpoint),
    );
    env.note(
        "another handler",
        patient.thread.tcb.tcb_set_space(
            endpoint.cptr(),
            env.cnode(),
            sel4::CNodeCapData::new(0, 0),
            env.vspace(),
        ),
    );
    env.note("resume", patient.thread.tcb.tcb_resume());
    let (info, badge) = endpoint.recv(patient.reply);
    env.trace(format_args!("label {} badge {badge}", info.label()));
    Ok(())
}

fn fault_badge(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let badged = env.mint(endpoint, CapRights::all(), 1 << 62 | 9)?;
    let reply = env.reply()?;
    let thread = env.thread_faulting_to(50, badged)?;
    thread.start_at(address(code::read), WINDOW as u64)?;
    let (info, badge) = endpoint.recv(reply);
    env.trace(format_args!("label {} badge {badge:#x}", info.label()));
    ensure!(badge == 1 << 62 | 9);
    // The handler's capability can go: the thread holds a copy, derived from the original.
    env.at(badged).delete()?;
    reply.send(MessageInfo::new(0, 0, 0, 0));
    let (info, badge) = endpoint.recv(reply);
    env.trace(format_args!("label {} badge {badge:#x}", info.label()));
    Ok(())
}

/// The handler maps the page: the thread goes on as if nothing had been.
fn fault_repair(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    let patient = Patient::new(env)?;
    patient.start(code::read, WINDOW as u64)?;
    patient.show(env, code::read);
    frame.frame_map(
        env.vspace(),
        WINDOW,
        CapRights::all(),
        VmAttributes::DEFAULT,
    )?;
    patient.reply.send(MessageInfo::new(0, 0, 0, 0));
    let (label, _) = patient.show(env, code::read);
    ensure!(label == 3);
    frame.frame_unmap()?;
    patient.start(code::read, WINDOW as u64)?;
    patient.show(env, code::read);
    Ok(())
}

/// Two threads fault at one endpoint: each answer finds its own.
fn fault_two_threads(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let replies = [env.reply()?, env.reply()?];
    for (badge, code) in [
        (1, code::read as extern "C" fn() -> !),
        (2, code::undefined),
    ] {
        let badged = env.mint(endpoint, CapRights::all(), badge)?;
        let thread = env.thread_faulting_to(50, badged)?;
        thread.start_at(address(code), WINDOW as u64)?;
        env.settle();
    }
    for reply in replies {
        let (info, badge) = endpoint.recv(reply);
        env.trace(format_args!("label {} badge {badge}", info.label()));
    }
    for reply in [replies[1], replies[0]] {
        reply.send(MessageInfo::new(0, 0, 0, 0));
        let (info, badge) = endpoint.recv(reply);
        env.trace(format_args!("again: label {} badge {badge}", info.label()));
    }
    let _ = Cap::<cap_type::Null>::from_bits(0);
    Ok(())
}

fn fault_cache_clean(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    frame.frame_map(
        env.vspace(),
        WINDOW,
        CapRights::all(),
        VmAttributes::DEFAULT,
    )?;
    one(env, code::clean_cache, WINDOW as u64)?;
    Ok(())
}
