// SPDX-License-Identifier: BSD-2-Clause
//! A guest's reset: what is in flight is settled first, then the machine is as it was at the start.

mod common;

use common::{BASE, BELL, BELL_IRQ, Rig, SIZE, SMC, esr};
use molt_doorbell::{Answer, Command, Request, Status, regs};
use molt_vmm::reset::{Boot, Image, ROUTINE, SLICE, Start};
use molt_vmm::{Exit, Next, Stop, VcpuRegister, Width, machine};

const SYSTEM_RESET: u64 = 0x8400_0009;
/// Where the boot image is put, over the end of a slice of the memory, and the image.
const PLACE: u64 = SLICE - 8;
const IMAGE: &[u8] = b"a boot image of some bytes";
/// Where the guest starts.
const GUEST: (u64, u64) = (BASE + PLACE, BASE + 0x100);

fn with_boot(mut rig: Rig) -> Rig {
    rig.vm.set_boot(Boot {
        entry: GUEST.0,
        device_tree: GUEST.1,
        images: vec![Image {
            offset: PLACE,
            bytes: IMAGE,
        }],
    });
    rig
}

fn rig() -> Rig {
    with_boot(Rig::new())
}

/// The guest asks for a reset.
fn ask(rig: &mut Rig) -> Next {
    rig.registers.x[0] = SYSTEM_RESET;
    rig.exit(SMC)
}

/// The time comes for which the machine has asked. Returns where the vCPU starts.
fn wake_up(rig: &mut Rig) -> Option<Start> {
    assert!(rig.fake.timer > rig.fake.now, "it waits for nothing");
    rig.fake.now = rig.fake.timer;
    let goes_on = rig.timer();
    let start = rig.vm.start(0);
    assert_eq!(start.is_some(), goes_on);
    start
}

/// Lets the vCPU, which has started there, execute the routine, and the memory be restored. Returns where the guest starts.
fn finish(rig: &mut Rig, start: Start) -> (u64, u64) {
    assert_eq!((start.entry, start.took), (BASE, None));
    assert_eq!(start.x0, machine::CPU_INTERFACE);
    assert_eq!(rig.memory.load_u32(0), Some(ROUTINE[0]));
    rig.end_interrupts();
    assert_eq!(rig.exit(SMC), Next::Wait);
    let slices = SIZE as u64 / SLICE;
    for _ in 1..slices {
        assert_eq!(wake_up(rig), None);
    }
    let start = wake_up(rig).expect("the last slice");
    assert!(start.took.is_some_and(|ticks| ticks > 0));
    (start.entry, start.x0)
}

fn reset(rig: &mut Rig) -> (u64, u64) {
    assert_eq!(ask(rig), Next::Wait);
    let start = wake_up(rig).expect("nothing is in flight");
    finish(rig, start)
}

/// Bytes of the memory, or how many of all are not zero outside the image.
fn bytes(rig: &Rig) -> Vec<u8> {
    let mut all = vec![0; SIZE];
    rig.memory.read(0, &mut all).expect("inside");
    all
}

/// A disk with one queue, and a read of a sector that the driver takes and does not complete.
fn read_in_flight(rig: &mut Rig) {
    rig.slow = true;
    let set = |rig: &mut Rig, offset, value: u64| rig.set(machine::VIRTIO + offset, value as u32);
    for (register, value) in [(0x70, 1), (0x70, 3), (0x24, 1), (0x20, 1), (0x70, 11)] {
        set(rig, register, value);
    }
    let (table, available, used, header) = (0x1000, 0x2000, 0x3000, 0x4000);
    set(rig, 0x38, 4);
    for (register, value) in [(0x80, table), (0x90, available), (0xa0, used)] {
        set(rig, register, BASE + value);
        set(rig, register + 4, (BASE + value) >> 32);
    }
    set(rig, 0x44, 1);
    set(rig, 0x70, 15);
    // Header, data, status.
    let parts = [(header, 16, 1), (0x5000, 512, 3), (header + 16, 1, 2)];
    for (n, (at, length, flags)) in parts.into_iter().enumerate() {
        let place = table as usize + 16 * n;
        let write = |offset, bytes: &[u8]| rig.memory.write(place + offset, bytes);
        write(0, &(BASE + at).to_le_bytes()).expect("inside");
        write(8, &u32::to_le_bytes(length)).expect("inside");
        write(12, &u16::to_le_bytes(flags)).expect("inside");
        write(14, &u16::to_le_bytes(n as u16 + 1)).expect("inside");
    }
    rig.memory.write(available as usize, &[0, 0, 1, 0]);
    set(rig, 0x50, 0);
    rig.drive();
    assert_eq!(rig.taken.len(), 1);
}

#[test]
fn a_guest_whose_images_are_not_kept_stays_down() {
    let mut rig = Rig::new();
    assert_eq!(ask(&mut rig), Next::Stop(Stop::Reset));
}

#[test]
fn memory_is_as_it_was_at_the_first_start() {
    let mut rig = rig();
    for at in (0..SIZE).step_by(8) {
        rig.memory.store_u64(at, u64::MAX);
    }
    assert_eq!(reset(&mut rig), GUEST);
    let all = bytes(&rig);
    let image = PLACE as usize..PLACE as usize + IMAGE.len();
    assert_eq!(&all[image.clone()], IMAGE);
    let rest = all.iter().enumerate().filter(|(at, _)| !image.contains(at));
    assert_eq!(rest.filter(|(_, byte)| **byte != 0).count(), 0);
    // All of it is handed over, each slice after it was written.
    let slices = (0..SIZE as u64).step_by(SLICE as usize);
    let slices: Vec<_> = slices.map(|at| (at, SLICE)).collect();
    assert!(rig.fake.handed_over.ends_with(&slices));
}

#[test]
fn between_two_slices_the_vmm_leaves_the_processor() {
    let mut rig = rig();
    assert_eq!(ask(&mut rig), Next::Wait);
    assert!(wake_up(&mut rig).is_some());
    assert_eq!(rig.exit(SMC), Next::Wait);
    rig.fake.now = rig.fake.timer;
    rig.fake.ticks = 100;
    assert!(!rig.timer());
    // What happens meanwhile is handled, and does not restore more.
    let handed_over = rig.fake.handed_over.len();
    rig.warden.close(0);
    assert!(!rig.poll());
    assert!(rig.warden.acknowledged(0), "in time");
    assert_eq!(rig.fake.handed_over.len(), handed_over);
    assert!(
        rig.fake.timer >= rig.fake.now + 3 * 100,
        "three times as long as the slice took"
    );
}

#[test]
fn the_vcpu_starts_as_at_the_first_time() {
    let mut rig = rig();
    rig.enable_interrupt(27);
    rig.exit(Exit::PrivateInterrupt(27));
    assert_eq!(rig.fake.list[0], Some(27), "placed and not ended");
    rig.fake.registers.insert(VcpuRegister::Vbar as u64, 1);
    assert_eq!(ask(&mut rig), Next::Wait);
    let start = wake_up(&mut rig).expect("nothing is in flight");
    assert_eq!(rig.fake.acknowledged, [27], "it may come again");
    // Behind the routine are the interrupts for it to end.
    let behind = ROUTINE.len() * 4;
    let listed = [behind, behind + 4].map(|at| rig.memory.load_u32(at));
    assert_eq!(listed, [Some(1), Some(27)]);
    assert_eq!(finish(&mut rig, start), GUEST);
    assert!(
        !rig.fake
            .registers
            .contains_key(&(VcpuRegister::Vbar as u64))
    );
    assert_eq!(
        rig.fake.vcpu_resets, 2,
        "for the routine, and for the guest"
    );
    // The new guest has enabled nothing, and gets the interrupt once it has.
    assert_eq!(rig.exit(Exit::PrivateInterrupt(27)), Next::Run);
    assert_eq!(rig.fake.injected, [27]);
    rig.enable_interrupt(27);
    assert_eq!(rig.fake.injected, [27; 2]);
}

#[test]
fn interrupts_are_ended_with_the_most_urgent_first() {
    let mut rig = rig();
    let set_priority = |rig: &mut Rig, irq: u64, priority: u64| {
        let place = machine::DISTRIBUTOR + 0x400 + irq;
        rig.write(place, Width::Byte, priority);
    };
    set_priority(&mut rig, machine::UART_IRQ.into(), 0x40);
    set_priority(&mut rig, 27, 0x80);
    rig.enable_interrupt(27);
    rig.exit(Exit::PrivateInterrupt(27));
    rig.enable_interrupt(machine::UART_IRQ);
    rig.set(machine::UART + 0x38, 1 << 5);
    rig.set(machine::UART, b'x'.into());
    assert_eq!(rig.fake.injected, [27, machine::UART_IRQ]);
    assert_eq!(ask(&mut rig), Next::Wait);
    assert!(wake_up(&mut rig).is_some());
    let behind = ROUTINE.len() * 4;
    let listed = [0, 4, 8].map(|n| rig.memory.load_u32(behind + n));
    assert_eq!(listed, [2, 33, 27].map(Some));
}

#[test]
fn requests_in_flight_are_settled_before_the_memory_is_used_again() {
    let mut rig = rig();
    rig.disk.fill(0x77);
    read_in_flight(&mut rig);
    assert_eq!(ask(&mut rig), Next::Wait);
    let before = bytes(&rig);
    assert_eq!(wake_up(&mut rig), None, "the driver owes an answer");
    assert!(!rig.poll());
    assert!(bytes(&rig) == before, "nothing has been written");
    // The driver's device writes the old guest's memory at the end.
    rig.finish();
    assert!(rig.poll());
    assert_eq!(rig.memory.load_u8(0x5000), Some(0x77));
    let start = rig.vm.start(0).expect("settled");
    assert_eq!(finish(&mut rig, start), GUEST);
    assert_eq!(rig.memory.load_u8(0x5000), Some(0));
    // The old answer is not the new guest's: the disk is as at the start, and works.
    assert_eq!(rig.get(machine::VIRTIO + 0x70), 0);
    assert_eq!(rig.get(machine::VIRTIO + 0x60), 0);
    assert_eq!(rig.statistics().requests, 0);
    read_in_flight(&mut rig);
    rig.finish();
    rig.poll();
    assert_eq!(rig.statistics().requests, 1);
}

#[test]
fn a_reset_while_the_device_is_denied_waits_for_the_next_generation() {
    let mut rig = rig();
    rig.disk.fill(0x77);
    read_in_flight(&mut rig);
    rig.close();
    assert_eq!(ask(&mut rig), Next::Wait);
    assert_eq!(wake_up(&mut rig), None);
    rig.slow = false;
    assert!(rig.open(), "the next generation has completed it");
    let start = rig.vm.start(0).expect("settled");
    assert_eq!(rig.memory.load_u8(0x5000), Some(0x77));
    assert_eq!(finish(&mut rig, start), GUEST);
    assert_eq!(rig.memory.load_u8(0x5000), Some(0));
}

#[test]
fn a_reset_does_not_wait_for_a_component_that_is_out_of_service() {
    let mut rig = rig();
    read_in_flight(&mut rig);
    rig.close();
    assert_eq!(ask(&mut rig), Next::Wait);
    assert!(rig.out_of_service());
    let start = rig.vm.start(0).expect("settled");
    assert_eq!(finish(&mut rig, start), GUEST);
}

#[test]
fn a_reset_before_there_is_a_driver() {
    let mut rig = with_boot(Rig::without_driver());
    assert_eq!(reset(&mut rig), GUEST);
    let load = Exit::Abort {
        address: machine::VIRTIO,
        esr: esr(Width::Word, false),
    };
    assert_eq!(rig.exit(load), Next::Wait);
    assert!(rig.open(), "goes on with the disk");
    assert_eq!(rig.vm.start(0), None, "it continues");
}

#[test]
fn twice_in_a_row_and_from_what_the_first_has_left() {
    let mut rig = rig();
    for _ in 0..2 {
        read_in_flight(&mut rig);
        assert_eq!(ask(&mut rig), Next::Wait);
        rig.finish();
        assert!(rig.poll());
        let start = rig.vm.start(0).expect("settled");
        assert_eq!(finish(&mut rig, start), GUEST);
    }
}

#[test]
fn a_guest_without_a_cpu_interface_is_reset_too() {
    let mut rig = rig();
    assert_eq!(ask(&mut rig), Next::Wait);
    assert!(wake_up(&mut rig).is_some());
    let abort = Exit::Abort {
        address: machine::CPU_INTERFACE,
        esr: esr(Width::Word, true),
    };
    assert_eq!(rig.exit(abort), Next::Wait);
    while rig.vm.start(0).is_none() {
        rig.timer();
    }
}

#[test]
fn the_console_s_line_is_passed_on_and_its_registers_are_clear() {
    let mut rig = rig();
    rig.set(machine::UART + 0x38, 1 << 5);
    rig.set(machine::UART, b'!'.into());
    assert_eq!(rig.typed.put(b"for nobody"), 10);
    assert_eq!(reset(&mut rig), GUEST);
    assert_eq!(common::text(&mut rig.printed), "!\n");
    rig.set(machine::UART + 0x30, 0x301);
    rig.poll();
    assert_eq!(
        rig.get(machine::UART + 0x18) & 0x10,
        0x10,
        "nothing is received"
    );
    assert_eq!(rig.get(machine::UART + 0x38), 0);
    assert_eq!(rig.get(machine::UART + 0x3c), 0);
}

fn offer(rig: &mut Rig) -> Request {
    rig.set(BELL + regs::LENGTH, 77);
    rig.set(BELL + regs::COMMAND, Command::Offer as u32);
    Request::read(rig.to_update).expect("an offer")
}

fn answer(rig: &mut Rig, serial: u64, status: Status) {
    Answer {
        serial,
        status,
        handle: 0x1234,
        ..Answer::default()
    }
    .write(rig.to_client);
    rig.poll();
}

#[test]
fn an_offer_is_taken_back_if_it_is_not_confirmed() {
    let mut rig = rig();
    rig.enable_interrupt(BELL_IRQ);
    let serial = offer(&mut rig).serial;
    answer(&mut rig, serial, Status::Offered);
    assert_eq!(ask(&mut rig), Next::Wait);
    let request = Request::read(rig.to_update).expect("a command");
    assert_eq!((request.command, request.handle), (Command::Cancel, 0x1234));
    let start = wake_up(&mut rig).expect("nothing is in flight");
    assert_eq!(finish(&mut rig, start), GUEST);
    assert_eq!(rig.get(BELL + regs::LENGTH), 0);
}

#[test]
fn an_offer_that_was_not_answered_is_taken_back_when_it_is() {
    let mut rig = rig();
    let offered = offer(&mut rig);
    assert_eq!(ask(&mut rig), Next::Wait);
    assert_eq!(Request::read(rig.to_update), Some(offered));
    answer(&mut rig, offered.serial, Status::Offered);
    let request = Request::read(rig.to_update).map(|request| request.command);
    assert_eq!(request, Some(Command::Cancel));
}

#[test]
fn an_offer_that_was_confirmed_goes_on() {
    let mut rig = rig();
    let offered = offer(&mut rig);
    answer(&mut rig, offered.serial, Status::Offered);
    rig.set(BELL + regs::COMMAND, Command::Confirm as u32);
    let confirmed = Request::read(rig.to_update);
    let start = {
        assert_eq!(ask(&mut rig), Next::Wait);
        wake_up(&mut rig).expect("nothing is in flight")
    };
    answer(&mut rig, offered.serial + 1, Status::Confirmed);
    assert_eq!(Request::read(rig.to_update), confirmed);
    assert_eq!(finish(&mut rig, start), GUEST);
    assert_eq!(rig.get(BELL + regs::STATUS), Status::Confirmed as u32);
}

#[test]
fn a_guest_that_starts_anew_does_not_use_its_disk() {
    let mut rig = with_boot(Rig::unplugging());
    for (register, value) in [(0x70, 3), (0x24, 1), (0x20, 1), (0x70, 11), (0x70, 15)] {
        rig.set(machine::VIRTIO + register, value);
    }
    assert_eq!(rig.warden.deferral(0), u64::MAX);
    assert_eq!(ask(&mut rig), Next::Wait);
    let start = wake_up(&mut rig).unwrap();
    finish(&mut rig, start);
    assert_eq!(rig.warden.deferral(0), 0);
}
