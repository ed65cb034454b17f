// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's main loop: loads the thread that the core has chosen, runs it, and passes the event that stopped it to the
//! core.

use molt_kernel_core::Kernel;
use molt_kernel_core::hardware::{Hardware, TcbId, VcpuId};
use molt_kernel_core::{Event, Running};

use crate::fault;
use crate::fp;
use crate::machine::Machine;
use crate::registers::instruction;
use crate::vectors::{self, Entry};

/// Runs the system.
pub fn run(mut kernel: Kernel<Machine>) -> ! {
    loop {
        let event = match kernel.running() {
            Some(running) => step(&mut kernel, running),
            None => idle(&mut kernel),
        };
        kernel.handle(event);
    }
}

/// Waits for an interrupt. It ends the wait although it is masked (Arm ARM D1.6.2).
fn idle(kernel: &mut Kernel<Machine>) -> Event {
    kernel.hardware().idle();
    instruction!("dsb sy", "wfi");
    Event::Interrupt
}

fn step(kernel: &mut Kernel<Machine>, next: Running) -> Event {
    switch_vcpu(kernel, next.vcpu);
    switch_fp(kernel, next.thread, next.fpu_disabled);
    let (machine, Some((context, _)), _) = kernel.split(Some(next.thread), None) else {
        panic!("kernel bug: {next:?} does not exist")
    };
    machine.spaces.load(next.root, next.asid);
    match vectors::run(context) {
        Entry::Synchronous => fault::decode(next.vcpu.is_some()),
        Entry::Interrupt => Event::Interrupt,
        Entry::Other(reason) => panic!("FIQ or SError ({reason}) from below"),
    }
}

fn switch_vcpu(kernel: &mut Kernel<Machine>, next: Option<VcpuId>) {
    let loaded = kernel.hardware().vcpu;
    if loaded == next {
        return;
    }
    if let (machine, _, Some(state)) = kernel.split(None, loaded)
        && let Some(old) = loaded
    {
        machine.vcpu_unload(old, state);
    }
    if let (machine, _, Some(state)) = kernel.split(None, next)
        && let Some(new) = next
    {
        machine.load_vcpu(new, state);
    }
}

/// A thread that may not use the FP registers leaves them loaded: it cannot read them.
fn switch_fp(kernel: &mut Kernel<Machine>, thread: TcbId, disabled: bool) {
    let owner = kernel.hardware().fp_owner;
    if !disabled && owner != Some(thread) {
        fp::set_disabled(false);
        if let Some(state) = owner.and_then(|owner| kernel.thread_state(owner)) {
            state.save();
        }
        if let Some(state) = kernel.thread_state(thread) {
            state.load();
        }
        kernel.hardware().fp_owner = Some(thread);
    }
    fp::set_disabled(disabled);
}
