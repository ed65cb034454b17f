// SPDX-License-Identifier: BSD-2-Clause
//! A device that the guest accesses itself: accesses to it that were denied wait, and its interrupt is passed on.

mod common;

use common::{Rig, esr};
use molt_gate::ClientGate;
use molt_vmm::{Exit, Next, Passed, Width};

/// Guest-physical address, bytes, interrupt, component.
const DEVICE: u64 = 0x0b10_0000;
const SIZE: u64 = 0x1000;
const IRQ: u16 = 100;
const COMPONENT: usize = 1;
/// ESR_EL2 of a load of a pair of registers, which says nothing of the access: translation fault, level 3.
const PAIR: u64 = 0x24 << 26 | 1 << 25 | 7;
/// The same as a permission fault.
const FORBIDDEN: u64 = 0x24 << 26 | 1 << 25 | 0xf;

/// A machine with the device, which nobody has been given yet.
fn rig() -> Rig {
    let mut rig = Rig::new();
    let gate = ClientGate::new(rig.to_client, rig.to_update, COMPONENT);
    rig.vm
        .add(DEVICE, Some(IRQ), Box::new(Passed::new(gate, SIZE, 1)));
    rig.enable_interrupt(IRQ);
    rig
}

fn open(rig: &mut Rig, generation: u64) -> bool {
    rig.warden.open(COMPONENT, generation);
    rig.poll()
}

fn close(rig: &mut Rig) {
    rig.warden.close(COMPONENT);
    assert!(!rig.poll());
    assert!(rig.warden.acknowledged(COMPONENT));
}

fn touch(rig: &mut Rig, esr: u64) -> Next {
    let address = DEVICE + 0xe70;
    rig.exit(Exit::Abort { address, esr })
}

fn waited(rig: &mut Rig) -> String {
    let all: Vec<_> = rig.vm.accounts().map(ToString::to_string).collect();
    all.concat()
}

#[test]
fn a_denied_access_waits_and_is_repeated() {
    let mut rig = rig();
    let pc = rig.registers.pc;
    for (round, esr) in [esr(Width::Word, false), esr(Width::Word, true), PAIR]
        .into_iter()
        .enumerate()
    {
        assert_eq!(touch(&mut rig, esr), Next::Wait);
        assert!(!rig.poll() && !rig.timer(), "nobody has given it");
        assert!(open(&mut rig, round as u64), "goes on");
        // Mapped meanwhile: the kernel would not report the access again.
        assert_eq!(touch(&mut rig, esr), Next::Run);
        assert_eq!(rig.registers.pc, pc, "never carried out by the VMM");
        close(&mut rig);
    }
    // The first was not denied: the device had not been there yet.
    assert_eq!(waited(&mut rig), "denied: 2 accesses waited");
}

/// `update` closes the gate before it takes the registers; the VMM may see the access first.
#[test]
fn an_access_waits_although_the_gate_was_not_looked_at() {
    let mut rig = rig();
    open(&mut rig, 0);
    rig.warden.close(COMPONENT);
    assert_eq!(touch(&mut rig, esr(Width::Word, false)), Next::Wait);
    assert!(!rig.poll());
}

#[test]
fn what_the_guest_may_not_do_is_an_abort_there_too() {
    let mut rig = rig();
    open(&mut rig, 0);
    let pc = rig.registers.pc;
    assert_eq!(touch(&mut rig, FORBIDDEN), Next::Run);
    assert_ne!(rig.registers.pc, pc, "taken to the guest's vector");
}

#[test]
fn an_interrupt_is_acknowledged_when_the_guest_has_ended_it() {
    let mut rig = rig();
    open(&mut rig, 0);
    assert_eq!(
        rig.end_interrupts(),
        [IRQ],
        "it may have come while nobody had it"
    );
    assert_eq!(rig.fake.interrupts_acknowledged, 1);
    rig.poll();
    assert_eq!(rig.end_interrupts(), []);
    rig.fake.interrupt = true;
    rig.poll();
    assert_eq!(rig.fake.injected, [IRQ, IRQ]);
    rig.poll();
    assert_eq!(rig.fake.interrupts_acknowledged, 1, "not before its end");
    assert_eq!(rig.end_interrupts(), [IRQ]);
    assert_eq!(rig.fake.interrupts_acknowledged, 2);
}

#[test]
fn a_device_that_is_gone_reads_as_zero() {
    let mut rig = rig();
    assert_eq!(touch(&mut rig, esr(Width::Word, false)), Next::Wait);
    rig.warden.out_of_service(COMPONENT);
    assert!(rig.poll(), "goes on");
    assert_eq!(rig.get(DEVICE + 8), 0);
    rig.set(DEVICE + 0x70, 1);
    let pc = rig.registers.pc;
    assert_eq!(touch(&mut rig, PAIR), Next::Run);
    assert_ne!(
        rig.registers.pc, pc,
        "nothing is known of the access: an abort"
    );
}

#[test]
fn a_rom_is_read_and_never_written() {
    let mut rig = Rig::new();
    let gate = ClientGate::new(rig.to_client, rig.to_update, COMPONENT);
    let rom = Passed::new(gate, SIZE, 1).read_only();
    rig.vm.add(DEVICE, None, Box::new(rom));
    open(&mut rig, 0);
    close(&mut rig);
    let pc = rig.registers.pc;
    assert_eq!(touch(&mut rig, esr(Width::Word, false)), Next::Wait);
    assert!(open(&mut rig, 1), "goes on");
    assert_eq!(rig.registers.pc, pc, "reads again");
    // A write would fault again for ever if it were repeated.
    for denied in [false, true] {
        if denied {
            close(&mut rig);
        }
        let pc = rig.registers.pc;
        assert_eq!(touch(&mut rig, esr(Width::Word, true)), Next::Run);
        assert_ne!(rig.registers.pc, pc, "taken to the guest's vector");
    }
    assert_eq!(rig.fake.injected, [], "it has no interrupt");
}
