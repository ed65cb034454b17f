// SPDX-License-Identifier: BSD-2-Clause
//! Makes the objects that `molt-vmm` works on from the addresses in the VMM's brief.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::sync::atomic::AtomicU64;

use molt_brief::{PAGE, bytes, words};
use molt_clock::Frequency;
use molt_gate::{ClientGate, Deferrals};
use molt_system::{
    Class, GatePages, GuestKind, ImageRow, NONE, PAUSE, STAND_IN, UNPLUG, VmmBrief, VmmShare,
};
use molt_terminal::{Kind, Terminal};
use molt_vmm::reset::{Boot, Image};
use molt_vmm::sensors::Sensors;
use molt_vmm::sensors_port::SensorsPort;
use molt_vmm::stand_in::StandIn;
use molt_vmm::virtio::block::Block;
use molt_vmm::virtio::console::Console;
use molt_vmm::virtio::entropy::Entropy;
use molt_vmm::virtio::link::Link;
use molt_vmm::virtio::net::Net;
use molt_vmm::virtio::standing::Standing;
use molt_vmm::virtio::terminal::TerminalPort;
use molt_vmm::virtio::usage::Usage;
use molt_vmm::{
    Component, Deferral, Device, Doorbell, DoorbellPort, Mailbox, Passed, Pause, Ram, machine,
};
use sel4_microkit::Channel;

/// The guest's consoles (`molt_terminal::KINDS`).
pub const UART: usize = Kind::Uart as usize;
const VIRTIO: usize = Kind::Virtio as usize;

/// The guest's ports.
const CONSOLE_PORT: usize = 0;
const DOORBELL_PORT: usize = 1;
/// In a console device of its own, as each share has a device of its own.
const SENSORS_PORT: usize = 1;

/// The guest's memory.
pub fn ram(brief: &VmmBrief) -> Ram {
    let memory = &brief.memory;
    Ram::new(molt_brief::memory(memory.vaddr, memory.size), memory.guest)
}

/// What the guest is started with at a reset; `None`: a reset ends it.
pub fn boot(brief: &VmmBrief) -> Option<Boot<'static>> {
    let images = &brief.images;
    if images.vaddr == 0 {
        return None;
    }
    let length = images.count * size_of::<ImageRow>() as u64;
    let rows = ImageRow::table(bytes(images.vaddr, length));
    let image = |row: &ImageRow| Image {
        offset: row.offset,
        bytes: bytes(images.vaddr + row.at, row.size),
    };
    Some(Boot {
        entry: brief.guest.entry,
        device_tree: brief.guest.device_tree,
        images: rows.iter().map(image).collect(),
    })
}

/// How the guest is paused; `None`: none of its devices asks for it.
pub fn pause(brief: &VmmBrief) -> Option<Pause> {
    let guest = &brief.guest;
    let paused = brief.shares().iter().any(|s| s.technique & PAUSE != 0);
    let limit = Frequency::of_this_machine().ticks(guest.pause_limit_us.saturating_mul(1000));
    paused.then(|| Pause::new(guest.pause_shown == 0, limit.0))
}

/// Both gate pages: `to_client`, `to_update`. Empty slices where there are none.
pub fn gate_pages(gate: &GatePages) -> (&'static [AtomicU64], &'static [AtomicU64]) {
    (words(gate.to_client, PAGE), words(gate.to_update, PAGE))
}

/// The device for the share numbered `n` of a guest of this kind; `None` for a class that this program knows no device for.
/// `nanoseconds` converts ticks of the counter.
pub fn device(
    share: &VmmShare,
    gate: &GatePages,
    n: usize,
    kind: Option<GuestKind>,
    nanoseconds: fn(u64) -> u64,
) -> Option<Box<dyn Device>> {
    let (to_client, to_update) = gate_pages(gate);
    let gate = ClientGate::new(to_client, to_update, share.component as usize);
    let queue = words(share.queue, share.queue_words * 8);
    let registers = match share.registers {
        0 => &[],
        page => words(page, PAGE),
    };
    let pauses = share.technique & PAUSE != 0;
    match Class::from_number(share.class)? {
        Class::Block => {
            let [_, sectors, ..] = share.share;
            let link = Link::new(molt_block_queue::Client::new(queue), gate, n).pausing(pauses);
            // It is large: it is moved to the heap once, as it is made.
            let mut block = Box::new(Block::new(link, sectors, registers));
            if share.technique & STAND_IN != 0 {
                let own = &share.stand_in;
                let memory = molt_brief::memory(own.vaddr, own.size);
                let stand_in = StandIn::new(memory, own.log as usize);
                block.set_stand_in(Standing::new(stand_in, queue, nanoseconds));
            }
            if share.technique & UNPLUG != 0 {
                let words = Deferrals::new(to_client, to_update);
                block.set_usage(Usage::new(words, share.component as usize));
            }
            Some(block)
        }
        Class::Entropy => {
            let link = Link::new(molt_entropy_queue::Client::new(queue), gate, n).pausing(pauses);
            Some(Box::new(Entropy::new(link, registers)))
        }
        Class::Sensor => {
            let link = Link::new(molt_sensor_queue::Client::new(queue), gate, n).pausing(pauses);
            let stand_in = share.technique & STAND_IN != 0;
            Some(match kind {
                Some(GuestKind::Linux) => {
                    let port = SensorsPort::new(link).standing_in(stand_in);
                    Box::new(Console::new(registers).with_port(SENSORS_PORT, port))
                }
                _ => Box::new(Sensors::new(link, registers).standing_in(stand_in)),
            })
        }
        Class::Network => {
            let link = Link::new(molt_net::Client::new(queue), gate, n).pausing(pauses);
            let net = Net::new(link, queue, registers);
            Some(Box::new(net.unplugged(share.technique & UNPLUG != 0)))
        }
        Class::PassThrough => {
            let [_, size, ..] = share.share;
            Some(Box::new(Passed::new(gate, size, n)))
        }
        Class::Rom => {
            let [_, size, ..] = share.share;
            Some(Box::new(Passed::new(gate, size, n).read_only()))
        }
    }
}

/// Where the guest finds the device of the share numbered `n`: guest-physical address, and interrupt (INTID) if it has one.
pub fn place(share: &VmmShare, n: usize) -> (u64, Option<u16>) {
    match Class::from_number(share.class) {
        Some(Class::PassThrough) => {
            let [vaddr, _, irq, _] = share.share;
            (vaddr, Some(irq as u16))
        }
        Some(Class::Rom) => {
            let [vaddr, ..] = share.share;
            (vaddr, None)
        }
        _ => (machine::virtio(n), Some(machine::virtio_irq(n))),
    }
}

/// Under what this PD gets the interrupt of a device that the guest drives itself.
pub fn passed_interrupt(share: &VmmShare) -> Option<Channel> {
    let passed = Class::from_number(share.class) == Some(Class::PassThrough);
    let [.., id] = share.share;
    passed.then(|| Channel::new(id as usize))
}

/// The guest's doorbells, where there are some: the registers, and the device with the port.
pub fn bells(
    brief: &VmmBrief,
    nanoseconds: fn(u64) -> u64,
) -> (Option<Doorbell<'static>>, Option<Console<'static>>) {
    let doorbell = &brief.doorbell;
    let (to_client, to_update) = gate_pages(&brief.gate);
    let mailbox = Rc::new(Mailbox::new(to_client, to_update));
    // What it uses of a disk that it has to give up, the VMM says.
    let may = |s: &VmmShare| s.class != Class::Block as u32 || s.technique & UNPLUG == 0;
    let most = (brief.shares().iter()).map(|s| (s.component, if may(s) { s.defer_us } else { 0 }));
    let deferral = Deferral::new((to_client, to_update), most, nanoseconds);
    let registers = (doorbell.present != 0 && doorbell.irq != 0).then(|| {
        let staging = (doorbell.staging_guest, doorbell.staging_size);
        Doorbell::new(mailbox.clone(), staging).deferring(deferral.clone())
    });
    let port = (doorbell.port != 0).then(|| {
        let components = brief.shares().iter().map(|share| Component {
            index: share.component,
            name: share.name.0,
            may_update: doorbell.may_update >> (share.component % u32::BITS) & 1 == 1,
            sequence: None,
        });
        let staging = molt_brief::memory(doorbell.staging_vaddr, doorbell.staging_size);
        let bell = DoorbellPort::new(mailbox, staging, components, nanoseconds).deferring(deferral);
        let terminal = TerminalPort::new(console(brief, VIRTIO));
        let console = Console::new(&[]).with_port(CONSOLE_PORT, terminal);
        console.with_port(DOORBELL_PORT, bell)
    });
    (registers, port)
}

/// A console of the guest.
pub fn console(brief: &VmmBrief, kind: usize) -> Terminal<'static> {
    let rings = brief.consoles.get(kind).copied().unwrap_or_default();
    Terminal::new(
        words(rings.output, rings.output_size),
        words(rings.input, rings.input_size),
    )
}

/// The ring to the console.
pub fn ring(brief: &VmmBrief) -> &'static [AtomicU64] {
    words(brief.log.vaddr, brief.log.size)
}

/// A channel of the brief, if it is there.
pub fn channel(id: u32) -> Option<Channel> {
    (id != NONE).then(|| Channel::new(id as usize))
}
