// SPDX-License-Identifier: BSD-2-Clause
//! Random sequences of operations on the interrupt controller, compared with a plain model of each interrupt.

mod common;

use common::{Fake, Rig};
use molt_vmm::{Gic, Width, machine};
use proptest::prelude::*;

/// What one interrupt of a GICv2 is, kept plainly.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    enabled: bool,
    edge: bool,
    level: bool,
    latched: bool,
    placed: bool,
    priority: u8,
}

impl Line {
    fn pending(self) -> bool {
        self.latched || (self.level && !self.edge)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Enable(u16, bool),
    Edge(u16, bool),
    Level(u16, bool),
    Pend(u16, bool),
    Priority(u16, u8),
    Distributor(bool),
    End(usize),
}

const FIRST: u16 = 62;
const COUNT: u16 = 8;

fn step() -> impl Strategy<Value = Step> {
    let irq = || FIRST..FIRST + COUNT;
    prop_oneof![
        (irq(), any::<bool>()).prop_map(|(i, b)| Step::Enable(i, b)),
        (irq(), any::<bool>()).prop_map(|(i, b)| Step::Edge(i, b)),
        (irq(), any::<bool>()).prop_map(|(i, b)| Step::Level(i, b)),
        (irq(), any::<bool>()).prop_map(|(i, b)| Step::Pend(i, b)),
        (irq(), any::<u8>()).prop_map(|(i, p)| Step::Priority(i, p)),
        any::<bool>().prop_map(Step::Distributor),
        (0..4_usize).prop_map(Step::End),
        (0..4_usize).prop_map(Step::End),
    ]
}

/// What should have been put into list registers: the most urgent first.
fn deliver(lines: &mut [Line], on: bool, free: usize) -> Vec<u16> {
    let mut out = Vec::new();
    while on && out.len() < free {
        let ready = |line: &Line| line.enabled && line.pending() && !line.placed;
        let Some(n) = (0..lines.len())
            .filter(|n| ready(&lines[*n]))
            .min_by_key(|n| (lines[*n].priority, *n))
        else {
            break;
        };
        lines[n].placed = true;
        lines[n].latched = false;
        out.push(FIRST + n as u16);
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_is_made_up(steps in prop::collection::vec(step(), 1..200)) {
        let mut gic = Gic::new(1);
        let mut fake = Fake::default();
        let mut lines = [Line::default(); COUNT as usize];
        let mut on = false;
        let write = |gic: &mut Gic, offset: u64, value: u32| gic.write(0, offset, Width::Word, value.into());
        for step in steps {
            fake.injected.clear();
            match step {
                Step::Enable(irq, enable) => {
                    let base = if enable { 0x100 } else { 0x180 };
                    write(&mut gic, base + u64::from(irq / 32) * 4, 1 << (irq % 32));
                    lines[usize::from(irq - FIRST)].enabled = enable;
                }
                Step::Edge(irq, edge) => {
                    let offset = 0xc00 + u64::from(irq / 16) * 4;
                    let bit = 2 << (2 * (irq % 16));
                    let old = gic.read(0, offset, Width::Word) as u32;
                    write(&mut gic, offset, if edge { old | bit } else { old & !bit });
                    lines[usize::from(irq - FIRST)].edge = edge;
                }
                Step::Level(irq, high) => {
                    let line = &mut lines[usize::from(irq - FIRST)];
                    line.latched |= line.edge && high && !line.level;
                    line.level = high;
                    let high = (FIRST..).zip(&lines).filter(|(_, line)| line.level);
                    gic.set_lines(high.fold(0, |levels, (irq, _)| levels | 1 << irq));
                }
                Step::Pend(irq, set) => {
                    let base = if set { 0x200 } else { 0x280 };
                    write(&mut gic, base + u64::from(irq / 32) * 4, 1 << (irq % 32));
                    lines[usize::from(irq - FIRST)].latched = set;
                }
                Step::Priority(irq, priority) => {
                    gic.write(0, 0x400 + u64::from(irq), Width::Byte, priority.into());
                    lines[usize::from(irq - FIRST)].priority = priority & 0xf8;
                }
                Step::Distributor(enable) => {
                    write(&mut gic, 0, enable.into());
                    on = enable;
                }
                Step::End(index) => {
                    let was = fake.list[index].take();
                    prop_assert_eq!(gic.ended(index), was);
                    if let Some(irq) = was {
                        lines[usize::from(irq - FIRST)].placed = false;
                    }
                }
            }
            let free = fake.list.iter().filter(|place| place.is_none()).count();
            gic.flush(&mut fake);
            prop_assert_eq!(&fake.injected, &deliver(&mut lines, on, free));
            for (n, line) in lines.iter().enumerate() {
                let irq = FIRST + n as u16;
                let bit = |base: u64| gic_bit(&mut gic, base, irq);
                let seen = [0x100, 0x200, 0x300].map(bit);
                prop_assert_eq!(seen, [line.enabled, line.pending(), line.placed], "interrupt {}", irq);
            }
            let waiting = on && lines.iter().any(|line| line.enabled && line.pending());
            prop_assert_eq!(gic.wakes(0), waiting || lines.iter().any(|line| line.placed));
        }
    }

    #[test]
    fn no_access_does_harm(accesses in prop::collection::vec((any::<u16>(), 0..4_u8, any::<bool>(), any::<u64>()), 1..300)) {
        let mut rig = Rig::new();
        for (offset, width, write, value) in accesses {
            let width = [Width::Byte, Width::Half, Width::Word, Width::Double][usize::from(width)];
            let address = machine::DISTRIBUTOR + u64::from(offset & 0xfff) / width as u64 * width as u64;
            if write {
                rig.write(address, width, value);
            } else {
                rig.read(address, width);
            }
            rig.end_interrupts();
        }
    }
}

fn gic_bit(gic: &mut Gic, base: u64, irq: u16) -> bool {
    gic.read(0, base + u64::from(irq / 32) * 4, Width::Word) >> (irq % 32) & 1 == 1
}

#[test]
fn a_software_interrupt_reaches_the_sender() {
    let mut rig = Rig::new();
    rig.set(machine::DISTRIBUTOR, 1);
    rig.set(machine::DISTRIBUTOR + 0xf00, 1 << 16 | 5);
    rig.set(machine::DISTRIBUTOR + 0xf00, 2 << 24 | 6);
    rig.set(machine::DISTRIBUTOR + 0xf00, 1 << 24 | 7);
    assert_eq!(
        rig.end_interrupts(),
        [5, 6],
        "filter 1 means all others, and there are none"
    );
}

#[test]
fn what_the_registers_say_of_the_machine() {
    let mut rig = Rig::new();
    assert_eq!(
        rig.get(machine::DISTRIBUTOR + 4),
        3,
        "128 interrupts, one CPU"
    );
    assert_eq!(rig.get(machine::DISTRIBUTOR + 0xfe8) >> 4 & 15, 2, "GICv2");
    assert_eq!(rig.get(machine::DISTRIBUTOR + 0x800), 0x0101_0101);
    assert_eq!(rig.get(machine::DISTRIBUTOR + 0x840), 0);
    assert_eq!(rig.get(machine::DISTRIBUTOR + 0xc00), 0xaaaa_aaaa);
}

#[test]
fn there_is_no_interrupt_beyond_the_last() {
    let mut gic = Gic::new(1);
    let mut fake = Fake::default();
    let set = |gic: &mut Gic, offset: u64| gic.write(0, offset, Width::Word, u32::MAX.into());
    set(&mut gic, 0);
    // Enabled, and configured as edge-triggered, whatever there is room for in the frame.
    for word in 0..32 {
        set(&mut gic, 0x100 + 4 * word);
    }
    for word in 8..64 {
        set(&mut gic, 0xc00 + 4 * word);
    }
    assert_eq!(
        gic.read(0, 0xc00 + 4 * 2, Width::Word),
        0,
        "32 to 47 are level-triggered yet"
    );
    for irq in [128, 128 + 33, 256 + 40, 1019, 1023, u16::MAX] {
        gic.raise(0, irq);
        assert!(!gic.is_enabled(0, irq));
    }
    gic.flush(&mut fake);
    assert_eq!(fake.injected, [] as [u16; 0]);
    assert!(!gic.wakes(0));
}
