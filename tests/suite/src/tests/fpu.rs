// SPDX-License-Identifier: BSD-2-Clause
//! Floating point registers across switches.

use sel4::{IpcBuffer, MessageInfo, TcbFlagsBuilder, cap, cap_type, sys::syscall_id};

use crate::{
    env::Env,
    snippets as code,
    test::{Outcome, ensure, tests},
};

tests! { fpu_kept_by_ipc fpu_kept_by_preemption fpu_disabled fpu_fresh }

/// Loads all vector registers with values made of `seed`.
fn load(seed: u64) {
    let values: [u64; 64] = core::array::from_fn(|at| seed.wrapping_mul(at as u64 + 1));
    // SAFETY: it reads the array and changes vector registers only; the compiler knows which.
    unsafe {
        core::arch::asm!(
            "ld1 {{v8.2d-v11.2d}}, [{at}], #64",
            "ld1 {{v12.2d-v15.2d}}, [{at}], #64",
            "ld1 {{v16.2d-v19.2d}}, [{at}], #64",
            "ld1 {{v20.2d-v23.2d}}, [{at}], #64",
            "ld1 {{v24.2d-v27.2d}}, [{at}], #64",
            "ld1 {{v28.2d-v31.2d}}, [{at}], #64",
            at = inout(reg) values.as_ptr() => _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _,
            out("v14") _, out("v15") _, out("v16") _, out("v17") _, out("v18") _, out("v19") _,
            out("v20") _, out("v21") _, out("v22") _, out("v23") _, out("v24") _, out("v25") _,
            out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack, readonly),
        );
    }
}

/// Loads the registers, enters the kernel `times` times by system call `number` (with x0, x1 and
/// x6 as given), and counts the words that are not as they were, all without the compiler's help.
fn keeps(seed: u64, times: u64, number: i32, cptr: u64, reply: u64) -> u64 {
    let mut wrong = 0;
    for round in 0..times {
        let values: [u64; 48] =
            core::array::from_fn(|at| (seed + round).wrapping_mul(at as u64 + 1));
        let mut after = [0_u64; 48];
        // SAFETY: the registers that change are named; the arrays are as large as is read and
        // written.
        unsafe {
            core::arch::asm!(
                "ld1 {{v8.2d-v11.2d}}, [{from}], #64",
                "ld1 {{v12.2d-v15.2d}}, [{from}], #64",
                "ld1 {{v16.2d-v19.2d}}, [{from}], #64",
                "ld1 {{v20.2d-v23.2d}}, [{from}], #64",
                "ld1 {{v24.2d-v27.2d}}, [{from}], #64",
                "ld1 {{v28.2d-v31.2d}}, [{from}], #64",
                "svc #0",
                "st1 {{v8.2d-v11.2d}}, [{to}], #64",
                "st1 {{v12.2d-v15.2d}}, [{to}], #64",
                "st1 {{v16.2d-v19.2d}}, [{to}], #64",
                "st1 {{v20.2d-v23.2d}}, [{to}], #64",
                "st1 {{v24.2d-v27.2d}}, [{to}], #64",
                "st1 {{v28.2d-v31.2d}}, [{to}], #64",
                from = inout(reg) values.as_ptr() => _,
                to = inout(reg) after.as_mut_ptr() => _,
                inout("x0") cptr => _, inout("x1") 0_u64 => _,
                out("x2") _, out("x3") _, out("x4") _, out("x5") _,
                in("x6") reply, in("x7") i64::from(number),
                out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _,
                out("v14") _, out("v15") _, out("v16") _, out("v17") _, out("v18") _,
                out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
                out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _,
                out("v29") _, out("v30") _, out("v31") _,
                options(nostack),
            );
        }
        wrong += values.iter().zip(&after).filter(|(a, b)| a != b).count() as u64;
    }
    wrong
}

/// Two threads that answer each other, each with registers of its own.
fn fpu_kept_by_ipc(env: &mut Env) -> Outcome {
    fn server(buffer: &mut IpcBuffer, endpoint: u64, reply: u64) {
        let wrong = keeps(5, 1, syscall_id::Recv, endpoint, reply)
            + keeps(7, 9, syscall_id::ReplyRecv, endpoint, reply);
        buffer.msg_regs_mut()[0] = wrong;
        cap::Reply::from_bits(reply)
            .with(buffer)
            .send(MessageInfo::new(0, 0, 0, 1));
    }
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    let thread = env.thread(50)?;
    thread.start(server, endpoint.bits(), reply.bits())?;
    let own = keeps(1000, 9, syscall_id::Call, endpoint.bits(), 0);
    let answer = endpoint.call_with_mrs(MessageInfo::new(0, 0, 0, 0), []);
    env.trace(format_args!(
        "wrong words: {own} here, {} there",
        answer.msg[0]
    ));
    ensure!(own == 0 && answer.msg[0] == 0);
    Ok(())
}

/// Threads that are preempted while they compute.
fn fpu_kept_by_preemption(env: &mut Env) -> Outcome {
    fn compute(buffer: &mut IpcBuffer, notification: u64, seed: u64) {
        let mut sum = seed as f64;
        for step in 0..400_000_u64 {
            sum += (step ^ seed) as f64 * 0.5;
        }
        buffer.msg_regs_mut()[0] = sum.to_bits();
        cap::Notification::from_bits(notification)
            .with(buffer)
            .signal();
    }
    let notification = env.make::<cap_type::Notification>()?;
    let mut threads = [None; 3];
    for (at, thread) in threads.iter_mut().enumerate() {
        let context = env.sched_context(1_000, 1_000)?;
        let new = env.thread_with(50, context, sel4::Cap::from_bits(0))?;
        new.start(compute, notification.bits(), at as u64)?;
        *thread = Some(new);
    }
    env.settle();
    for (at, thread) in threads.into_iter().flatten().enumerate() {
        let mut sum = at as f64;
        for step in 0..400_000_u64 {
            sum += (step ^ at as u64) as f64 * 0.5;
        }
        let right = thread.words()[0] == sum.to_bits();
        env.trace(format_args!("thread {at}: right {right}"));
        ensure!(right);
    }
    Ok(())
}

/// A thread without the right to floating point.
fn fpu_disabled(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    let thread = env.thread_faulting_to(50, endpoint)?;
    let off = TcbFlagsBuilder::new().fpu_disabled(true).build();
    let flags = thread.tcb.tcb_set_flags(0, off);
    env.trace(format_args!("flags {flags:?}"));
    thread.start_at(code::float as *const () as u64, 0)?;
    for _ in 0..2 {
        let (info, _) = endpoint.recv(reply);
        let words = sel4::with_ipc_buffer(|buffer| {
            [
                buffer.msg_regs()[0],
                buffer.msg_regs()[3],
                buffer.msg_regs()[4],
            ]
        });
        let at = words[0].wrapping_sub(code::float as *const () as u64);
        if info.label() == 3 {
            env.trace(format_args!(
                "label 3 at {at} number {:#x} code {:#x}",
                words[1], words[2]
            ));
        } else {
            env.trace(format_args!("label {} word {:#x}", info.label(), words[0]));
        }
        // With the right again it goes on to the end.
        thread.tcb.tcb_set_flags(off, 0)?;
        reply.send(MessageInfo::new(0, 0, 0, 0));
    }
    Ok(())
}

/// What a new thread finds in its registers: nobody else's values.
fn fpu_fresh(env: &mut Env) -> Outcome {
    fn look(buffer: &mut IpcBuffer, endpoint: u64, _: u64) {
        let mut found = [1_u64; 4];
        // SAFETY: it stores two registers into the array.
        unsafe {
            core::arch::asm!("stp q20, q31, [{to}]", to = in(reg) found.as_mut_ptr(), options(nostack));
        }
        let sum = found.iter().filter(|word| **word != 0).count() as u64;
        buffer.msg_regs_mut()[0] = sum;
        cap::Endpoint::from_bits(endpoint)
            .with(buffer)
            .send(MessageInfo::new(0, 0, 0, 1));
    }
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    load(0x1234_5678_9abc_def1);
    let thread = env.thread(50)?;
    thread.start(look, endpoint.bits(), 0)?;
    endpoint.recv(reply);
    let left = sel4::with_ipc_buffer(|buffer| buffer.msg_regs()[0]);
    env.trace(format_args!("words not 0: {left}"));
    Ok(())
}
