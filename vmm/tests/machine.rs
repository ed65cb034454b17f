// SPDX-License-Identifier: BSD-2-Clause
//! The virtual machine as a whole: interrupts, waiting, time, calls, faults, the doorbell.

mod common;

use common::{BELL, BELL_IRQ, Rig, SMC, esr};
use molt_doorbell::{Answer, Command, Request, Status, regs};
use molt_vmm::{Exit, Next, Stop, VcpuRegister, Width, machine};

const UART_IRQ: u16 = machine::UART_IRQ;
const WFI: Exit = Exit::Trap(0x01 << 26 | 1 << 25);

/// Makes the UART raise its interrupt: a byte with the transmit interrupt unmasked.
fn raise_uart(rig: &mut Rig) {
    rig.set(machine::UART + 0x38, 1 << 5);
    rig.set(machine::UART, b'x'.into());
}

#[test]
fn an_interrupt_raised_while_disabled_is_not_lost() {
    let mut rig = Rig::new();
    raise_uart(&mut rig);
    assert_eq!(rig.fake.injected, []);
    rig.enable_interrupt(UART_IRQ);
    assert_eq!(rig.fake.injected, [UART_IRQ]);
    // Not served: the level is still high at the end, so it comes again.
    assert_eq!(rig.fake.list[0].take(), Some(UART_IRQ));
    rig.exit(Exit::Maintenance(Some(0)));
    assert_eq!(rig.fake.injected, [UART_IRQ; 2]);
    rig.set(machine::UART + 0x44, 1 << 5);
    rig.end_interrupts();
    assert_eq!(
        rig.fake.injected, [UART_IRQ; 2],
        "served: it does not come again"
    );
}

/// The load of a device's first register, which is repeated where it has to wait.
const MAGIC: u32 = 0x7472_6976;

fn load_magic() -> Exit {
    Exit::Abort {
        address: machine::VIRTIO,
        esr: esr(Width::Word, false),
    }
}

/// The guest runs while its disk's driver is still being built.
#[test]
fn an_access_waits_for_the_driver_and_is_repeated() {
    let mut rig = Rig::without_driver();
    rig.set(machine::UART, b'x'.into());
    let pc = rig.registers.pc;
    assert_eq!(rig.exit(load_magic()), Next::Wait);
    assert_eq!(rig.registers.pc, pc, "not carried out");
    assert!(!rig.poll() && !rig.timer());
    assert!(rig.open(), "goes on with the disk");
    assert_eq!(rig.get(machine::VIRTIO), MAGIC);
    assert_eq!(rig.registers.pc, pc + 4);
}

/// A driver that never comes: the device is there, and answers errors.
#[test]
fn an_access_does_not_wait_for_a_component_that_is_out_of_service() {
    let mut rig = Rig::without_driver();
    assert_eq!(rig.exit(load_magic()), Next::Wait);
    assert!(rig.out_of_service(), "goes on");
    assert_eq!(rig.get(machine::VIRTIO), MAGIC);
}

#[test]
fn waiting_ends_with_an_interrupt() {
    let mut rig = Rig::new();
    rig.enable_interrupt(BELL_IRQ);
    rig.registers.pc = 0x1000;
    assert_eq!(rig.exit(WFI), Next::Wait);
    assert_eq!(rig.registers.pc, 0x1004);
    assert!(!rig.poll(), "nothing has happened");
    Answer {
        status: Status::Offered,
        ..Answer::default()
    }
    .write(rig.to_client);
    assert!(rig.poll());
    assert_eq!(rig.fake.injected, [BELL_IRQ]);
    assert_eq!(rig.exit(WFI), Next::Run, "it is there already");
}

#[test]
fn a_masked_interrupt_does_not_end_waiting() {
    let mut rig = Rig::new();
    raise_uart(&mut rig);
    assert_eq!(rig.exit(WFI), Next::Wait);
}

#[test]
fn an_idle_guest_sleeps_until_its_timer() {
    let mut rig = Rig::new();
    let set = |rig: &mut Rig, register, value| rig.fake.registers.insert(register as u64, value);
    rig.enable_interrupt(27);
    rig.fake.now = 1000;
    set(&mut rig, VcpuRegister::TimerControl, 1);
    set(&mut rig, VcpuRegister::TimerCompare, 1500);
    set(&mut rig, VcpuRegister::TimerOffset, 200);
    assert_eq!(rig.exit(WFI), Next::Wait);
    assert_eq!(rig.fake.timer, 1700);
    rig.fake.now = 1700;
    assert!(rig.timer());
    assert_eq!(rig.exit(WFI), Next::Run, "the time has come");

    // The kernel reports the interrupt, once; it stays masked until the guest has ended it.
    assert_eq!(rig.exit(Exit::PrivateInterrupt(27)), Next::Run);
    assert_eq!(rig.fake.injected, [27]);
    assert_eq!(rig.fake.acknowledged, []);
    rig.end_interrupts();
    assert_eq!(rig.fake.acknowledged, [27]);

    set(&mut rig, VcpuRegister::TimerControl, 3);
    rig.fake.timer = 0;
    assert_eq!(rig.exit(WFI), Next::Wait);
    assert_eq!(rig.fake.timer, 0, "a masked timer wakes nobody");
}

#[test]
fn a_timer_interrupt_that_was_disabled_is_delivered_later() {
    let mut rig = Rig::new();
    rig.set(machine::DISTRIBUTOR, 1);
    assert_eq!(rig.exit(Exit::PrivateInterrupt(27)), Next::Run);
    assert_eq!(rig.fake.injected, []);
    rig.enable_interrupt(27);
    assert_eq!(rig.fake.injected, [27]);
}

#[test]
fn what_is_typed_at_the_uart_interrupts_and_is_read() {
    const REGISTERS: [(u64, u32); 3] = [(0x2c, 0x70), (0x30, 0x301), (0x38, 0x50)];
    let mut rig = Rig::new();
    rig.set(machine::DISTRIBUTOR, 1);
    rig.enable_interrupt(machine::UART_IRQ);
    for (register, value) in REGISTERS {
        rig.set(machine::UART + register, value);
    }
    // More than the FIFO holds, and so much that `serial` has to wait.
    let all: Vec<u8> = (0..0x1800).map(|n| (n % 251) as u8).collect();
    let mut typed = rig.typed.put(&all);
    assert!(typed == 0x1000 && rig.typed.is_full());
    rig.poll();
    assert_eq!(rig.fake.injected, [machine::UART_IRQ]);
    assert_eq!(rig.fake.serial, 1, "there is room again");
    let mut read = Vec::new();
    while read.len() < all.len() {
        while rig.get(machine::UART + 0x18) & 0x10 == 0 {
            read.push(rig.get(machine::UART) as u8);
            if !rig.typed.is_full() {
                typed += rig.typed.put(&all[typed..]);
            }
        }
        rig.poll();
    }
    assert_eq!(read, all);
    assert!(rig.fake.serial > 1, "told after a read too");
}

#[test]
fn calls() {
    let mut rig = Rig::new();
    rig.registers.pc = 0x1000;
    rig.registers.x[0] = 0x8400_0000;
    assert_eq!(rig.exit(SMC), Next::Run);
    assert_eq!((rig.registers.x[0], rig.registers.pc), (0x1_0001, 0x1004));
    rig.registers.x[0] = 0x8400_0008;
    rig.set(machine::UART, b'!'.into());
    rig.registers.x[0] = 0x8400_0008;
    assert_eq!(rig.exit(SMC), Next::Stop(Stop::Off));
    let printed = common::text(&mut rig.printed);
    assert_eq!(printed, "!\n", "a line that was not ended is one too");
    assert!(!rig.poll() && !rig.timer());
}

#[test]
fn an_access_to_nothing_is_an_external_abort() {
    let mut rig = Rig::new();
    rig.fake
        .registers
        .insert(VcpuRegister::Vbar as u64, 0xffff_0000);
    let abort = |rig: &mut Rig, address, esr| {
        (rig.registers.pc, rig.registers.spsr) = (0x1000, 0x3c5);
        assert_eq!(rig.exit(Exit::Abort { address, esr }), Next::Run);
        assert_eq!((rig.registers.pc, rig.registers.spsr), (0xffff_0200, 0x3c5));
        assert_eq!(rig.fake.registers[&(VcpuRegister::Elr as u64)], 0x1000);
        rig.fake.registers[&(VcpuRegister::Esr as u64)]
    };
    let read = common::esr(Width::Word, false);
    assert_eq!(
        abort(&mut rig, 0x1234_0000, read),
        0x25 << 26 | 1 << 25 | 1 << 10 | 0x10
    );
    let paired = read & !(1 << 24);
    assert_eq!(
        abort(&mut rig, machine::UART, paired) >> 26,
        0x25,
        "without a syndrome"
    );
    assert_eq!(
        abort(&mut rig, machine::UART + 2, read) >> 26,
        0x25,
        "misaligned"
    );
    assert_eq!(
        abort(&mut rig, 0x1234_0000, 0x20 << 26) >> 26,
        0x21,
        "a fetch"
    );

    // From EL0 the guest's kernel sees that it was a program's.
    (rig.registers.pc, rig.registers.spsr) = (0x1000, 0);
    rig.exit(Exit::Abort {
        address: 0x1234_0000,
        esr: read,
    });
    assert_eq!(rig.registers.pc, 0xffff_0400);
    assert_eq!(rig.fake.registers[&(VcpuRegister::Esr as u64)] >> 26, 0x24);
}

#[test]
fn system_registers() {
    let mut rig = Rig::new();
    let mrs = |op0: u64, op1: u64, crn: u64, crm: u64, op2: u64| {
        0x18 << 26 | 1 << 25 | op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | 3 << 5 | crm << 1 | 1
    };
    rig.registers.x[3] = 7;
    assert_eq!(rig.exit(Exit::Trap(mrs(3, 3, 9, 12, 0))), Next::Run);
    assert_eq!(
        (rig.registers.x[3], rig.registers.pc),
        (0, 4),
        "PMCR_EL0 reads as zero"
    );
    rig.fake.registers.insert(VcpuRegister::Vbar as u64, 0x8000);
    rig.registers.spsr = 5;
    assert_eq!(rig.exit(Exit::Trap(mrs(3, 0, 12, 12, 5))), Next::Run);
    assert_eq!(
        rig.registers.pc, 0x8200,
        "ICC_SRE_EL1 is not there: undefined"
    );
    assert_eq!(rig.fake.registers[&(VcpuRegister::Esr as u64)] >> 26, 0);
}

#[test]
fn the_doorbell_rings() {
    let mut rig = Rig::new();
    let before = rig.fake.update;
    rig.set(BELL + regs::LENGTH, 77);
    rig.set(BELL + regs::COMMAND, Command::Offer as u32);
    assert_eq!(rig.fake.update, before + 1);
    let request = Request::read(rig.to_update).map(|r| (r.command, r.length));
    assert_eq!(request, Some((Command::Offer, 77)));
    assert_eq!(rig.get(BELL + regs::STAGING_LOW), 0x6000_0000);
}

#[test]
fn a_fault_that_cannot_be_ends_the_guest() {
    let mut rig = Rig::new();
    assert_eq!(rig.exit(Exit::Other(3)), Next::Stop(Stop::Unexpected(3)));
    assert!(!rig.poll());
}
