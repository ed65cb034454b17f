// SPDX-License-Identifier: BSD-2-Clause
//! A guest with several vCPUs: PSCI, interrupts between them and to them, their timers, and what a hostile one can do.

mod common;

use common::{BASE, BELL_IRQ, Rig, SIZE, SMC, esr};
use molt_vmm::reset::{Boot, Start};
use molt_vmm::{Exit, Gic, Next, Stop, VcpuRegister, Vcpus, Width, machine};
use proptest::prelude::*;

const VCPUS: usize = 4;
const WFI: Exit = Exit::Trap(0x01 << 26 | 1 << 25);
const TIMER: u16 = 27;

const CPU_SUSPEND: u64 = 0xc400_0001;
const CPU_OFF: u64 = 0x8400_0002;
const CPU_ON: u64 = 0xc400_0003;
const AFFINITY_INFO: u64 = 0xc400_0004;
const SYSTEM_OFF: u64 = 0x8400_0008;
const SYSTEM_RESET: u64 = 0x8400_0009;
const ALREADY_ON: i64 = -4;
const INVALID_PARAMETERS: i64 = -2;
const INVALID_ADDRESS: i64 = -9;

const SGIR: u64 = machine::DISTRIBUTOR + 0xf00;
const CTLR: u64 = machine::CPU_INTERFACE;
const PMR: u64 = machine::CPU_INTERFACE + 4;
const IAR: u64 = machine::CPU_INTERFACE + 0xc;
const EOIR: u64 = machine::CPU_INTERFACE + 0x10;
const SPURIOUS: u32 = 1023;

/// A machine with four vCPUs, of which the first runs.
struct Four(Rig);

impl Four {
    fn new() -> Self {
        Self(Rig::with_vcpus(VCPUS))
    }

    /// The same, and all run and have their CPU interfaces on.
    fn running() -> Self {
        let mut four = Self::new();
        for vcpu in 1..VCPUS {
            assert_eq!(four.call(0, [CPU_ON, vcpu as u64, BASE, 0]), 0);
            assert_eq!(four.going(), [vcpu]);
            assert!(four.0.vm.start(vcpu).is_some());
        }
        four.set(0, machine::DISTRIBUTOR, 1);
        for vcpu in 0..VCPUS {
            four.set(vcpu, CTLR, 1);
            four.set(vcpu, PMR, 0xff);
        }
        four
    }

    fn exit(&mut self, vcpu: usize, exit: Exit) -> Next {
        let rig = &mut self.0;
        rig.vm.exit(vcpu, exit, &mut rig.registers, &mut rig.fake)
    }

    fn smc(&mut self, vcpu: usize, arguments: [u64; 4]) -> Next {
        self.0.registers.x[..4].copy_from_slice(&arguments);
        self.exit(vcpu, SMC)
    }

    /// A PSCI call that returns.
    fn call(&mut self, vcpu: usize, arguments: [u64; 4]) -> i64 {
        assert_eq!(self.smc(vcpu, arguments), Next::Run);
        self.0.registers.x[0] as i64
    }

    fn set(&mut self, vcpu: usize, address: u64, value: u32) {
        self.0.registers.x[1] = value.into();
        let esr = esr(Width::Word, true);
        assert_eq!(self.exit(vcpu, Exit::Abort { address, esr }), Next::Run);
    }

    fn get(&mut self, vcpu: usize, address: u64) -> u32 {
        let esr = esr(Width::Word, false);
        assert_eq!(self.exit(vcpu, Exit::Abort { address, esr }), Next::Run);
        self.0.registers.x[1] as u32
    }

    fn going(&mut self) -> Vec<usize> {
        self.0.vm.take_going().collect()
    }

    fn halting(&mut self) -> Vec<usize> {
        self.0.vm.take_halting().collect()
    }

    fn put(&mut self, vcpu: usize, register: VcpuRegister, value: u64) {
        use molt_vmm::Platform;
        self.0.fake.write_vcpu(vcpu, register, value);
    }

    /// The vCPU waits, its timer set for this time of the physical counter.
    fn sleep(&mut self, vcpu: usize, at: u64) {
        self.put(vcpu, VcpuRegister::TimerControl, 1);
        self.put(vcpu, VcpuRegister::TimerCompare, at);
        assert_eq!(self.exit(vcpu, WFI), Next::Wait);
    }
}

#[test]
fn a_vcpu_is_turned_on_and_off() {
    let mut four = Four::new();
    assert_eq!(four.call(0, [AFFINITY_INFO, 0, 0, 0]), 0, "on");
    assert_eq!(four.call(0, [AFFINITY_INFO, 2, 0, 0]), 1, "off");
    assert_eq!(four.call(0, [CPU_ON, 0, BASE, 0]), ALREADY_ON);
    assert_eq!(four.call(0, [CPU_ON, 4, BASE, 0]), INVALID_PARAMETERS);
    let end = BASE + SIZE as u64;
    for nowhere in [0, BASE - 4, BASE + 2, end, end - 2, u64::MAX, u64::MAX - 3] {
        assert_eq!(four.call(0, [CPU_ON, 2, nowhere, 0]), INVALID_ADDRESS);
    }
    assert_eq!(four.going(), []);
    assert_eq!(four.call(0, [CPU_ON, 2, end - 4, 77]), 0);
    assert_eq!(four.going(), [2]);
    let start = Start {
        entry: end - 4,
        x0: 77,
        took: None,
    };
    assert_eq!(four.0.vm.start(2), Some(start));
    assert_eq!(four.call(0, [CPU_ON, 2, BASE, 0]), ALREADY_ON);
    assert_eq!(four.call(0, [AFFINITY_INFO, 2, 0, 0]), 0, "on");

    // It turns itself off, with all its registers as before the next start.
    four.put(2, VcpuRegister::Vbar, 5);
    assert_eq!(four.smc(2, [CPU_OFF, 0, 0, 0]), Next::Wait);
    assert_eq!(four.call(0, [AFFINITY_INFO, 2, 0, 0]), 1, "off");
    assert!(!four.0.poll() && four.going().is_empty());
    assert_eq!(four.call(0, [CPU_ON, 2, BASE, 0]), 0);
    assert!(four.0.fake.other_registers.is_empty());
    assert_eq!(four.smc(2, [CPU_OFF, 0, 0, 0]), Next::Wait);
    four.going();
    let last = four.smc(0, [CPU_OFF, 0, 0, 0]);
    assert_eq!(last, Next::Stop(Stop::CpuOff), "nobody can turn it on");
}

#[test]
fn suspending_is_waiting() {
    let mut four = Four::running();
    assert_eq!(four.smc(1, [CPU_SUSPEND, 0, 0, 0]), Next::Wait);
    assert_eq!(four.0.registers.x[0], 0);
    four.set(0, SGIR, 1 << 17);
    assert_eq!(four.going(), [1]);
    // An interrupt that is there ends it at once.
    assert_eq!(four.call(1, [CPU_SUSPEND, 0, 0, 0]), 0);
}

#[test]
fn any_vcpu_ends_the_guest() {
    let mut four = Four::running();
    assert_eq!(four.exit(1, WFI), Next::Wait);
    assert_eq!(four.smc(3, [SYSTEM_OFF, 0, 0, 0]), Next::Stop(Stop::Off));
    four.set_line_of_the_bell();
    assert!(four.going().is_empty(), "nobody goes on");
}

impl Four {
    fn set_line_of_the_bell(&mut self) {
        use molt_doorbell::{Answer, Status};
        let status = Status::Offered;
        Answer {
            status,
            ..Answer::default()
        }
        .write(self.0.to_client);
        self.0.vm.poll(&mut self.0.fake);
    }
}

/// At the first start each vCPU executes the VMM's routine in the guest's memory, which is as it was before the guest runs.
#[test]
fn the_first_bytes_of_memory_are_put_back() {
    let rig = Rig::with_vcpus(VCPUS);
    let mut bytes = [1; 512];
    rig.memory.read(0, &mut bytes).expect("inside");
    assert_eq!(bytes, [0; 512]);
    assert_eq!(rig.fake.handed_over.len(), VCPUS + 1, "each time");
}

#[test]
fn a_reset_stops_all_and_starts_the_first() {
    let mut four = Four::running();
    four.0.vm.set_boot(Boot {
        entry: BASE + 8,
        device_tree: 9,
        images: Vec::new(),
    });
    assert_eq!(four.exit(1, WFI), Next::Wait);
    four.exit(3, Exit::PrivateInterrupt(TIMER));
    four.0.fake.acknowledged_by.clear();
    assert_eq!(four.smc(2, [SYSTEM_RESET, 0, 0, 0]), Next::Wait);
    assert_eq!(
        four.halting(),
        [0, 3],
        "the caller and one in WFI are not running"
    );
    // Each one's hardware is made as at the first start, one after the other.
    four.0.fake.now = four.0.fake.timer;
    four.0.vm.timer(&mut four.0.fake);
    for vcpu in 0..VCPUS {
        assert_eq!(four.going(), [vcpu]);
        let start = four.0.vm.start(vcpu).expect("the routine");
        assert_eq!((start.entry, start.x0), (BASE, machine::HARDWARE_INTERFACE));
        let strange = (vcpu + 1) % VCPUS;
        assert_eq!(four.exit(strange, SMC), Next::Wait);
        assert!(four.going().is_empty(), "another one's exit is none of it");
        assert_eq!(four.exit(vcpu, Exit::Maintenance(Some(0))), Next::Run);
        assert_eq!(four.exit(vcpu, SMC), Next::Wait);
    }
    let by: Vec<usize> = (four.0.fake.acknowledged_by.iter().map(|(v, _)| *v)).collect();
    assert_eq!(by, [0, 1, 2, 3], "the timer of each may come again");
    let start = loop {
        four.0.fake.now = four.0.fake.timer;
        four.0.vm.timer(&mut four.0.fake);
        if let Some(start) = four.0.vm.start(0) {
            break start;
        }
    };
    assert_eq!(four.going(), [0]);
    assert_eq!((start.entry, start.x0), (BASE + 8, 9));
    for vcpu in 1..VCPUS as u64 {
        assert_eq!(four.call(0, [AFFINITY_INFO, vcpu, 0, 0]), 1, "off");
    }
    assert_eq!(four.get(0, CTLR), 0, "and the CPU interface");
    assert_eq!(four.get(0, machine::DISTRIBUTOR + 0x200), 0, "no interrupt");
}

#[test]
fn each_vcpu_sees_its_own_registers() {
    let mut four = Four::running();
    assert_eq!(
        four.get(0, machine::DISTRIBUTOR + 4),
        3 << 5 | 3,
        "four CPUs"
    );
    let target = |irq: u64| machine::DISTRIBUTOR + 0x800 + irq;
    for vcpu in 0..VCPUS {
        assert_eq!(four.get(vcpu, target(0)), 0x0101_0101 << vcpu);
        four.set(vcpu, machine::DISTRIBUTOR + 0x100, 1 << (16 + vcpu));
        four.set(vcpu, machine::DISTRIBUTOR + 0x400 + 16, 0x10 * vcpu as u32);
    }
    for vcpu in 0..VCPUS {
        let enabled = four.get(vcpu, machine::DISTRIBUTOR + 0x100);
        assert_eq!(enabled, 0xffff | 1 << (16 + vcpu));
        let priority = four.get(vcpu, machine::DISTRIBUTOR + 0x400 + 16);
        assert_eq!(priority, 0x10 * vcpu as u32);
    }
    // Shared ones are the same for all, and go to existing CPUs only.
    four.set(3, target(64), 0xff02_0a01);
    assert_eq!(four.get(0, target(64)), 0x0f02_0a01);
}

#[test]
fn a_shared_interrupt_goes_to_its_targets() {
    let mut four = Four::running();
    let irq = u64::from(BELL_IRQ);
    four.set(
        0,
        machine::DISTRIBUTOR + 0x100 + irq / 32 * 4,
        1 << (irq % 32),
    );
    four.set_line_of_the_bell();
    assert_eq!(four.0.fake.line, [true, false, false, false]);
    let target = |four: &mut Four, mask: u32| {
        four.set(0, machine::DISTRIBUTOR + 0x800 + irq, mask);
    };
    target(&mut four, 1 << 2 | 1 << 3);
    assert_eq!(four.0.fake.line, [false, false, true, true]);
    assert_eq!(four.get(0, IAR), SPURIOUS);
    assert_eq!(four.get(3, IAR), irq as u32);
    assert_eq!(four.0.fake.line, [false; 4], "one of them has taken it");
    assert_eq!(four.get(2, IAR), SPURIOUS);
    four.set(3, EOIR, irq as u32);
    assert_eq!(
        four.0.fake.line,
        [false, false, true, true],
        "its level is high"
    );
    target(&mut four, 0);
    assert_eq!(four.0.fake.line, [false; 4]);
}

#[test]
fn an_interrupt_wakes_the_one_it_is_for() {
    let mut four = Four::running();
    for vcpu in 1..VCPUS {
        assert_eq!(four.exit(vcpu, WFI), Next::Wait);
    }
    four.set(0, SGIR, 1 << 24 | 4);
    assert_eq!(four.going(), [1, 2, 3], "all others");
    for vcpu in 1..VCPUS {
        assert_eq!(four.get(vcpu, IAR), 4);
        four.set(vcpu, EOIR, 4);
        assert_eq!(four.exit(vcpu, WFI), Next::Wait);
    }
    four.set(0, SGIR, 1 << 18);
    assert_eq!(four.going(), [2]);
    assert_eq!(four.exit(2, WFI), Next::Run, "it is there still");
    // A masked one wakes nobody.
    four.set(0, PMR, 0);
    four.set(2, SGIR, 1 << 16);
    assert_eq!(four.exit(0, WFI), Next::Wait);
}

#[test]
fn each_vcpu_has_a_timer() {
    let mut four = Four::running();
    for vcpu in 0..VCPUS {
        four.set(vcpu, machine::DISTRIBUTOR + 0x100, 1 << TIMER);
    }
    four.sleep(1, 2000);
    assert_eq!(four.0.fake.timer, 2000);
    four.sleep(2, 1000);
    assert_eq!(four.0.fake.timer, 1000, "the first that is due");
    four.sleep(3, 3000);
    assert_eq!(four.0.fake.timer, 1000);
    four.0.fake.now = 1500;
    four.0.vm.timer(&mut four.0.fake);
    assert_eq!(four.going(), [2]);
    assert_eq!(four.0.fake.timer, 2000, "the next");
    assert_eq!(four.exit(2, Exit::PrivateInterrupt(TIMER)), Next::Run);
    assert_eq!(four.0.fake.line, [false, false, true, false]);
    assert_eq!(four.get(2, IAR), TIMER.into());
    assert_eq!(
        four.0.fake.acknowledged_by.last(),
        Some(&(3, TIMER)),
        "of its start"
    );
    four.0.fake.acknowledged_by.clear();
    four.set(2, EOIR, TIMER.into());
    assert_eq!(four.0.fake.acknowledged_by, [(2, TIMER)]);
    four.0.fake.now = 5000;
    four.0.vm.timer(&mut four.0.fake);
    assert_eq!(four.going(), [1, 3]);
}

#[test]
fn the_line_is_shown_anew_if_the_guest_has_taken_it() {
    let mut four = Four::running();
    four.set(0, SGIR, 1 << 17);
    four.0.fake.line[1] = false;
    assert_eq!(four.exit(1, Exit::Maintenance(Some(0))), Next::Run);
    assert!(four.0.fake.line[1]);
}

#[test]
fn a_more_urgent_interrupt_preempts() {
    let mut four = Four::running();
    let priority = |n: u64| machine::DISTRIBUTOR + 0x400 + n;
    four.set(0, priority(0), 0x40_80_80);
    four.set(0, SGIR, 1 << 16);
    assert_eq!(four.get(0, IAR), 0);
    four.set(1, SGIR, 1 << 16 | 1);
    assert_eq!(four.get(0, IAR), SPURIOUS, "not more urgent");
    assert_eq!(four.get(0, machine::CPU_INTERFACE + 0x14), 0x80, "running");
    assert_eq!(
        four.get(0, machine::CPU_INTERFACE + 0x18),
        1 << 10 | 1,
        "pending"
    );
    four.set(2, SGIR, 1 << 16 | 2);
    assert_eq!(four.get(0, IAR), 2 << 10 | 2);
    four.set(0, EOIR, 2 << 10 | 2);
    four.set(0, EOIR, 0);
    assert_eq!(four.get(0, IAR), 1 << 10 | 1);
    assert_eq!(four.get(0, machine::DISTRIBUTOR + 0x300), 2, "active");
}

#[test]
fn groups() {
    const AIAR: u64 = machine::CPU_INTERFACE + 0x20;
    let mut four = Four::running();
    four.set(0, machine::DISTRIBUTOR, 3);
    four.set(0, machine::DISTRIBUTOR + 0x80, 1 << 5);
    four.set(0, SGIR, 1 << 16 | 5);
    assert!(!four.0.fake.line[0], "the CPU interface has group 1 off");
    four.set(0, CTLR, 3);
    assert!(four.0.fake.line[0]);
    assert_eq!(four.get(0, IAR), 1022, "of the other group");
    assert_eq!(four.get(0, AIAR), 5);
    four.set(0, EOIR, 5);
    four.set(0, SGIR, 1 << 16 | 5);
    four.set(0, CTLR, 7);
    assert_eq!(four.get(0, IAR), 5, "AckCtl");
}

/// What an SGI is, kept plainly: pending for a receiver from a sender.
#[derive(Clone, Debug, Default)]
struct Plain {
    pending: [[[bool; VCPUS]; 16]; VCPUS],
    /// What each is handling, the innermost last.
    handling: [Vec<u32>; VCPUS],
}

#[derive(Clone, Debug)]
enum Step {
    /// Sender, filter, list, number.
    Send(usize, u32, u32, u32),
    /// GICD_SPENDSGIR or GICD_CPENDSGIR by this receiver: number, senders.
    Write(usize, bool, usize, u8),
    Acknowledge(usize),
    End(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let vcpu = || 0..VCPUS;
    prop_oneof![
        4 => (vcpu(), 0..4_u32, 0..256_u32, 0..16_u32).prop_map(|(v, f, l, n)| Step::Send(v, f, l, n)),
        1 => (vcpu(), any::<bool>(), 0..16_usize, any::<u8>()).prop_map(|(v, s, n, m)| Step::Write(v, s, n, m)),
        4 => vcpu().prop_map(Step::Acknowledge),
        4 => vcpu().prop_map(Step::End),
    ]
}

impl Plain {
    fn send(&mut self, from: usize, filter: u32, list: u32, sgi: u32) {
        for to in 0..VCPUS {
            let meant = match filter {
                0 => list >> to & 1 == 1,
                1 => to != from,
                2 => to == from,
                _ => false,
            };
            self.pending[to][sgi as usize][from] |= meant;
        }
    }

    /// All have the same priority, so what is being handled is not preempted. The lowest number comes first, of it the lowest sender.
    fn next(&self, vcpu: usize) -> Option<u32> {
        if !self.handling[vcpu].is_empty() {
            return None;
        }
        let all = (0..16).flat_map(|sgi| (0..VCPUS).map(move |from| (sgi, from)));
        let mut pending = all.filter(|(sgi, from)| self.pending[vcpu][*sgi][*from]);
        pending
            .next()
            .map(|(sgi, from)| sgi as u32 | (from as u32) << 10)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_sgi_is_lost_and_each_shows_its_sender(steps in prop::collection::vec(step(), 1..200)) {
        let mut gic = Gic::new(VCPUS);
        let mut fake = common::Fake::default();
        let mut plain = Plain::default();
        let interface = |gic: &mut Gic, vcpu, offset| gic.read_interface(vcpu, offset, Width::Word) as u32;
        gic.write(0, 0, Width::Word, 1);
        for vcpu in 0..VCPUS {
            gic.write_interface(vcpu, 0, Width::Word, 1);
            gic.write_interface(vcpu, 4, Width::Word, 0xff);
        }
        for step in steps {
            match step {
                Step::Send(from, filter, list, sgi) => {
                    let value = filter << 24 | list << 16 | sgi;
                    gic.write(from, 0xf00, Width::Word, value.into());
                    plain.send(from, filter, list, sgi);
                }
                Step::Write(vcpu, set, sgi, senders) => {
                    let base = if set { 0xf20 } else { 0xf10 };
                    gic.write(vcpu, base + sgi as u64, Width::Byte, senders.into());
                    for from in (0..VCPUS).filter(|from| senders >> from & 1 == 1) {
                        plain.pending[vcpu][sgi][from] = set;
                    }
                }
                Step::Acknowledge(vcpu) => {
                    let next = plain.next(vcpu);
                    prop_assert_eq!(interface(&mut gic, vcpu, 0xc), next.unwrap_or(SPURIOUS));
                    if let Some(value) = next {
                        plain.pending[vcpu][value as usize & 15][value as usize >> 10] = false;
                        plain.handling[vcpu].push(value);
                    }
                }
                Step::End(vcpu) => {
                    if let Some(value) = plain.handling[vcpu].pop() {
                        let ended = gic.write_interface(vcpu, 0x10, Width::Word, value.into());
                        prop_assert_eq!(ended, Some(value as u16 & 15));
                    }
                }
            }
            gic.flush(&mut fake);
            for vcpu in 0..VCPUS {
                prop_assert_eq!(fake.line[vcpu], plain.next(vcpu).is_some(), "the line of {}", vcpu);
                prop_assert_eq!(gic.wakes(vcpu), fake.line[vcpu]);
                for sgi in 0..16 {
                    let senders = gic.read(vcpu, 0xf20 + sgi as u64, Width::Byte);
                    let wanted = (0..VCPUS).fold(0, |byte, from| byte | u64::from(plain.pending[vcpu][sgi][from]) << from);
                    prop_assert_eq!(senders, wanted);
                }
            }
        }
    }

    /// Whatever vCPUs do to the interrupt controller and to each other, the VMM goes on, and one that waits is not told to go on twice.
    #[test]
    fn no_vcpu_does_harm(steps in prop::collection::vec((0..VCPUS, 0..8_u8, any::<u16>(), 0..4_u8, any::<u64>()), 1..300)) {
        let mut four = Four::running();
        let mut runs = Vcpus::default();
        (0..VCPUS).for_each(|vcpu| runs.insert(vcpu));
        for (vcpu, what, offset, width, value) in steps {
            if !runs.contains(vcpu) {
                continue;
            }
            let width = [Width::Byte, Width::Half, Width::Word, Width::Double][usize::from(width)];
            let at = |base: u64| base + u64::from(offset & 0xfff) / width as u64 * width as u64;
            let access = |address, write| Exit::Abort { address, esr: esr(width, write) };
            four.0.registers.x[1] = value;
            let next = match what {
                0 => four.exit(vcpu, access(at(machine::DISTRIBUTOR), false)),
                1 => four.exit(vcpu, access(at(machine::DISTRIBUTOR), true)),
                2 => four.exit(vcpu, access(at(machine::CPU_INTERFACE), false)),
                3 => four.exit(vcpu, access(at(machine::CPU_INTERFACE), true)),
                4 => four.exit(vcpu, Exit::PrivateInterrupt(offset % 40)),
                5 => four.exit(vcpu, Exit::Maintenance((width != Width::Byte).then_some(offset.into()))),
                6 => four.exit(vcpu, WFI),
                _ => {
                    let function = [CPU_SUSPEND, CPU_OFF, CPU_ON, AFFINITY_INFO][usize::from(offset % 4)];
                    four.smc(vcpu, [function, value % 5, BASE + value % 64, value])
                }
            };
            match next {
                Next::Run => {}
                Next::Wait => {
                    let left = runs.filter(|other| *other != vcpu);
                    runs = Vcpus::default();
                    left.for_each(|other| runs.insert(other));
                }
                Next::Stop(stop) => {
                    prop_assert_eq!(stop, Stop::CpuOff);
                    return Ok(());
                }
            }
            four.0.fake.now += u64::from(offset);
            four.0.vm.timer(&mut four.0.fake);
            for other in four.going() {
                prop_assert!(!runs.contains(other), "{} runs already", other);
                runs.insert(other);
                four.0.vm.start(other);
            }
            prop_assert!(four.halting().is_empty());
        }
    }
}
