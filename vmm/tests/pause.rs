// SPDX-License-Identifier: BSD-2-Clause
//! The technique `pause`: the guest stands still while its disk is away.

mod common;

use common::{BASE, BELL_IRQ, Rig, SMC};
use molt_doorbell::{Answer, Status};
use molt_vmm::{Exit, Next, Pause, VcpuRegister, machine};

const WFI: Exit = Exit::Trap(0x01 << 26 | 1 << 25);
const LIMIT: u64 = 10_000;

fn rig(hides_time: bool) -> Rig {
    let mut rig = Rig::paused(1, Pause::new(hides_time, LIMIT));
    rig.fake.now = 1000;
    rig
}

impl Rig {
    fn offset(&self) -> u64 {
        let offset = self.fake.registers.get(&(VcpuRegister::TimerOffset as u64));
        offset.copied().unwrap_or(0)
    }

    fn set_register(&mut self, register: VcpuRegister, value: u64) {
        self.fake.registers.insert(register as u64, value);
    }

    /// Something else happens to the guest: its doorbell has news.
    fn ring(&mut self) -> bool {
        Answer {
            status: Status::Offered,
            ..Answer::default()
        }
        .write(self.to_client);
        self.poll()
    }
}

#[test]
fn a_guest_that_runs_is_stopped_and_goes_on_with_the_device() {
    let mut rig = rig(true);
    rig.close();
    assert_eq!((rig.stops, rig.fake.timer), (1, 1000 + LIMIT));
    assert!(!rig.ring(), "whatever happens");
    rig.fake.now = 1700;
    assert!(rig.open());
    assert_eq!(rig.stops, 1);
    assert_eq!(rig.offset(), 700, "its clock has stood still");
    assert_eq!((rig.vm.paused(), rig.vm.paused()), (Some(700), None));
}

#[test]
fn a_pause_that_is_shown_leaves_the_clock_alone() {
    let mut rig = rig(false);
    rig.close();
    rig.fake.now = 1700;
    assert!(rig.open());
    assert_eq!((rig.offset(), rig.vm.paused()), (0, Some(700)));
}

#[test]
fn several_pauses_add_up() {
    let mut rig = rig(true);
    for _ in 0..3 {
        rig.close();
        rig.fake.now += 100;
        assert!(rig.open());
    }
    assert_eq!(rig.offset(), 300);
}

/// The gate is also seen in an exit of the guest's own.
#[test]
fn an_exit_does_not_end_while_the_device_is_away() {
    let mut rig = rig(true);
    rig.warden.close(0);
    let notify = machine::VIRTIO + 0x50;
    assert_eq!(rig.write(notify, molt_vmm::Width::Word, 0), Next::Wait);
    assert_eq!(rig.stops, 0, "it is stopped already");
    assert_eq!(rig.fake.timer, 1000 + LIMIT);
    rig.fake.now = 1200;
    assert!(rig.open());
    assert_eq!(rig.offset(), 200);
}

/// WFI ends later by the time that the guest stood still, by its own clock at the same time.
#[test]
fn a_guest_that_sleeps_goes_on_sleeping() {
    let mut rig = rig(true);
    rig.enable_interrupt(27);
    rig.set_register(VcpuRegister::TimerControl, 1);
    rig.set_register(VcpuRegister::TimerCompare, 1500);
    assert_eq!(rig.exit(WFI), Next::Wait);
    assert_eq!(rig.fake.timer, 1500);
    rig.close();
    assert_eq!(rig.stops, 0, "it does not run");
    rig.fake.now = 1600;
    assert!(!rig.timer(), "not while it stands still");
    assert!(!rig.open());
    assert_eq!(rig.fake.timer, 2100, "500 ticks of its clock are left");
    rig.fake.now = 2100;
    assert!(rig.timer());
}

#[test]
fn a_timer_that_a_shown_pause_has_passed_wakes_at_once() {
    let mut rig = rig(false);
    rig.enable_interrupt(27);
    rig.set_register(VcpuRegister::TimerControl, 1);
    rig.set_register(VcpuRegister::TimerCompare, 1500);
    assert_eq!(rig.exit(WFI), Next::Wait);
    rig.close();
    rig.fake.now = 1600;
    assert!(rig.open());
}

#[test]
fn an_interrupt_meanwhile_wakes_a_guest_that_sleeps_afterwards() {
    let mut rig = rig(true);
    rig.enable_interrupt(BELL_IRQ);
    assert_eq!(rig.exit(WFI), Next::Wait);
    rig.close();
    assert!(!rig.ring());
    rig.fake.now = 1300;
    assert!(rig.open());
}

/// Whatever becomes of the update: the guest goes on, and its requests are held.
#[test]
fn a_pause_ends_at_its_limit() {
    let mut rig = rig(true);
    rig.close();
    rig.fake.now = 999 + LIMIT;
    assert!(!rig.timer(), "too early");
    rig.fake.now = 1000 + LIMIT;
    assert!(rig.timer());
    assert_eq!(rig.offset(), LIMIT);
    assert!(!rig.poll() && rig.stops == 1, "no second one");
    assert_eq!(
        rig.write(machine::VIRTIO + 0x50, molt_vmm::Width::Word, 0),
        Next::Run
    );
    assert!(!rig.open(), "it runs");
    rig.close();
    assert_eq!(rig.stops, 2, "the next absence is another one");
}

#[test]
fn a_pause_ends_out_of_service() {
    let mut rig = rig(true);
    rig.close();
    rig.fake.now = 1500;
    assert!(rig.out_of_service());
    assert_eq!(rig.offset(), 500);
}

#[test]
fn a_guest_that_boots_before_its_driver_is_there_is_not_paused() {
    let mut rig = Rig::without_driver();
    rig.vm.set_pause(Pause::new(true, LIMIT));
    assert!(!rig.poll());
    assert_eq!(rig.stops, 0);
}

#[test]
fn a_guest_that_has_ended_is_not_paused() {
    let mut rig = rig(true);
    rig.exit(Exit::Other(3));
    rig.close();
    rig.fake.now = 2000;
    assert!(!rig.open());
    assert_eq!((rig.stops, rig.vm.paused()), (0, None));
}

/// All vCPUs have the same time, also one that is turned on later.
#[test]
fn all_vcpus_of_a_guest_stand_still() {
    const CPU_ON: u64 = 0xc400_0003;
    let mut rig = Rig::paused(3, Pause::new(true, LIMIT));
    rig.fake.now = 1000;
    let on = |rig: &mut Rig, vcpu| {
        rig.registers.x[..4].copy_from_slice(&[CPU_ON, vcpu, BASE, 0]);
        assert_eq!(rig.exit(SMC), Next::Run);
        assert_eq!(rig.registers.x[0], 0);
        rig.vm.take_going().collect::<Vec<_>>()
    };
    assert_eq!(on(&mut rig, 1), [1]);
    assert!(rig.vm.start(1).is_some());
    rig.close();
    assert_eq!(rig.stops, 2, "the third is off");
    rig.fake.now = 1600;
    rig.warden.open(0, 1);
    rig.vm.poll(&mut rig.fake);
    let going: Vec<usize> = rig.vm.take_going().collect();
    assert_eq!(going, [0, 1]);
    let offset = |rig: &Rig, vcpu| {
        let place = (vcpu, VcpuRegister::TimerOffset as u64);
        rig.fake.other_registers.get(&place).copied()
    };
    assert_eq!((rig.offset(), offset(&rig, 1)), (600, Some(600)));
    assert_eq!(on(&mut rig, 2), [2]);
    assert_eq!(offset(&rig, 2), Some(600));
}
