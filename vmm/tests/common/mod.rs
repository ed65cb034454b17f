// SPDX-License-Identifier: BSD-2-Clause
//! A virtual machine with fakes around it: the vCPU's list registers, `update`'s gate, a driver with a disk in memory.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;

use molt_block_queue::{Client, Op, Properties, Request, Server, SlotId, Status};
use molt_disk_guest::Disk;
use molt_gate::{ClientGate, Deferrals, Statistics, Warden};
use molt_shared::Memory;
use molt_terminal::Terminal;
use molt_trace::ring::{Reader, Writer};
use molt_vmm::stand_in::StandIn;
use molt_vmm::virtio::block::Block;
use molt_vmm::virtio::link::Link;
use molt_vmm::virtio::standing::Standing;
use molt_vmm::virtio::usage::Usage;
use molt_vmm::{
    Doorbell, Exit, Frame, InjectError, LINE, MAX_VCPUS, Mailbox, Next, Pause, Platform, Ram,
    VcpuRegister, Vm, Width, machine,
};

/// Guest-physical address of the guest's memory.
pub const BASE: u64 = 0x4000_0000;
/// Its size.
pub const SIZE: usize = 0x8_0000;
/// Sectors of the guest's disk.
pub const SECTORS: u64 = 256;
/// Bytes of the queue to the driver.
const QUEUE: usize = 0x8_0000;
/// Address of the doorbell.
pub const BELL: u64 = 0x0b00_0000;
/// Interrupt of the doorbell.
pub const BELL_IRQ: u16 = 80;

/// An SMC.
pub const SMC: Exit = Exit::Trap(0x17 << 26 | 1 << 25);

/// Shared words that live for ever.
pub type Words = &'static [AtomicU64];

/// So many of them.
pub fn words(n: usize) -> Words {
    (0..n).map(|_| AtomicU64::new(0)).collect::<Vec<_>>().leak()
}

/// A console with rings of so many bytes, and `serial`'s ends of them.
pub fn console(size: usize) -> (Terminal<'static>, Reader<'static>, Writer<'static>) {
    let (output, input) = (words(8 + size / 8), words(8 + size / 8));
    let console = Terminal::new(output, input);
    (console, Reader::new(output), Writer::new(input))
}

/// What was printed and not taken yet.
pub fn text(printed: &mut Reader<'_>) -> String {
    let bytes = std::iter::from_fn(|| printed.next_byte()).collect();
    printed.release();
    String::from_utf8(bytes).unwrap()
}

/// vCPUs, the first with four list registers, a clock that stands still, and neighbours that are counted.
#[derive(Default)]
pub struct Fake {
    /// The list registers of vCPU 0.
    pub list: [Option<u16>; 4],
    pub injected: Vec<u16>,
    /// Of each of several vCPUs: whether its only list register signals.
    pub line: [bool; MAX_VCPUS],
    pub acknowledged: Vec<u16>,
    /// The same with the vCPU.
    pub acknowledged_by: Vec<(usize, u16)>,
    /// vCPU 0's.
    pub registers: HashMap<u64, u64>,
    /// The others'.
    pub other_registers: HashMap<(usize, u64), u64>,
    pub now: u64,
    /// Ticks that pass whenever the guest's memory is handed over.
    pub ticks: u64,
    pub timer: u64,
    pub driver: usize,
    pub update: usize,
    pub serial: usize,
    /// The interrupt of a device that the guest drives itself has come; and how often it was acknowledged.
    pub interrupt: bool,
    pub interrupts_acknowledged: usize,
    /// How often the vCPU's registers were reset.
    pub vcpu_resets: usize,
    /// What was handed over to the guest: offset and length.
    pub handed_over: Vec<(u64, u64)>,
}

impl Platform for Fake {
    fn inject(
        &mut self,
        vcpu: usize,
        index: u8,
        irq: u16,
        priority: u8,
        group: u8,
    ) -> Result<(), InjectError> {
        assert!(
            priority < 32 && group < 2 && irq < 1020,
            "the kernel would refuse this"
        );
        if irq == LINE {
            assert_eq!(index, 0, "one list register");
            self.line[vcpu] = group == 0;
            return Ok(());
        }
        assert_eq!(vcpu, 0, "several vCPUs only have a line");
        assert!(
            !self.list.contains(&Some(irq)),
            "interrupt {irq} in two list registers"
        );
        match self.list.get_mut(usize::from(index)) {
            None => Err(InjectError::NoSuchRegister),
            Some(Some(_)) => Err(InjectError::InUse),
            Some(free) => {
                *free = Some(irq);
                self.injected.push(irq);
                Ok(())
            }
        }
    }
    fn acknowledge_vppi(&mut self, vcpu: usize, irq: u16) {
        self.acknowledged.push(irq);
        self.acknowledged_by.push((vcpu, irq));
    }
    fn read_vcpu(&mut self, vcpu: usize, register: VcpuRegister) -> u64 {
        let register = register as u64;
        let found = match vcpu {
            0 => self.registers.get(&register),
            _ => self.other_registers.get(&(vcpu, register)),
        };
        found.copied().unwrap_or(0)
    }
    fn write_vcpu(&mut self, vcpu: usize, register: VcpuRegister, value: u64) {
        let register = register as u64;
        match vcpu {
            0 => self.registers.insert(register, value),
            _ => self.other_registers.insert((vcpu, register), value),
        };
    }
    fn reset_vcpu(&mut self, vcpu: usize) {
        match vcpu {
            0 => self.registers.clear(),
            _ => self.other_registers.retain(|(owner, _), _| *owner != vcpu),
        }
        self.vcpu_resets += 1;
    }
    fn hand_over(&mut self, offset: u64, length: u64) {
        self.handed_over.push((offset, length));
        self.now += self.ticks;
    }
    fn now(&mut self) -> u64 {
        self.now
    }
    fn set_timer(&mut self, at: u64) {
        self.timer = at;
    }
    fn notify_driver(&mut self, _: usize) {
        self.driver += 1;
    }
    fn take_interrupt(&mut self, _: usize) -> bool {
        std::mem::take(&mut self.interrupt)
    }
    fn acknowledge_interrupt(&mut self, _: usize) {
        self.interrupts_acknowledged += 1;
    }
    fn notify_update(&mut self) {
        self.update += 1;
    }
    fn notify_serial(&mut self) {
        self.serial += 1;
    }
}

/// The machine and everything around it.
pub struct Rig {
    pub vm: Vm<'static>,
    pub fake: Fake,
    /// The other end of the UART.
    pub printed: Reader<'static>,
    pub typed: Writer<'static>,
    pub registers: Frame,
    pub memory: Memory,
    base: std::ptr::NonNull<u8>,
    pub to_client: &'static [AtomicU64],
    pub to_update: &'static [AtomicU64],
    pub warden: Warden<'static>,
    queue: &'static [AtomicU64],
    /// The page in which the guest reads the disk's registers without an exit.
    pub page: &'static [AtomicU64],
    server: Option<Server<'static>>,
    generation: u64,
    pub disk: Disk,
    /// The driver takes requests but does not complete them.
    pub slow: bool,
    /// It completes writes with errors.
    pub refuses: bool,
    /// How often a vCPU was stopped where it was.
    pub stops: usize,
    pub taken: Vec<(SlotId, Request)>,
}

impl Rig {
    /// A machine whose driver is there.
    pub fn new() -> Self {
        let mut rig = Self::without_driver();
        assert!(!rig.open(), "nobody waits");
        rig
    }

    /// A machine whose driver is not there yet.
    pub fn without_driver() -> Self {
        Self::with_vcpus(1)
    }

    /// The same with so many vCPUs. The guest has started.
    pub fn with_vcpus(vcpus: usize) -> Self {
        Self::build(vcpus, false, |_, _, _| ())
    }

    /// A machine with so many vCPUs whose guest is paused while its disk is away.
    pub fn paused(vcpus: usize, pause: Pause) -> Self {
        let mut rig = Self::build(vcpus, true, |_, _, _| ());
        rig.vm.set_pause(pause);
        assert!(!rig.open(), "nobody waits");
        rig
    }

    /// A machine whose disk has a stand-in with so many bytes of cache and log.
    pub fn standing(cache: usize, log: usize) -> Self {
        let memory = Memory::of(words((cache + log) / 8));
        let stand_in = StandIn::new(memory, log);
        let mut rig = Self::build(1, false, |block, queue, _| {
            block.set_stand_in(Standing::new(stand_in, queue, |ticks| ticks));
        });
        assert!(!rig.open(), "nobody waits");
        rig
    }

    /// A machine whose guest has to give its disk up before each update.
    pub fn unplugging() -> Self {
        let mut rig = Self::build(1, false, |block, _, (to_client, to_update)| {
            let words = Deferrals::new(to_client, to_update);
            block.set_usage(Usage::new(words, 0));
        });
        assert!(!rig.open(), "nobody waits");
        rig
    }

    /// `set` is called with the disk, the region of its queue, and the gate pages.
    fn build(
        vcpus: usize,
        pauses: bool,
        set: impl FnOnce(&mut Block<'static>, Words, (Words, Words)),
    ) -> Self {
        let (to_client, to_update) = (words(512), words(512));
        let (queue, page) = (words(QUEUE / 8), words(512));
        let guest = words(SIZE / 8);
        let memory = Memory::of(guest);
        let (console, printed, typed) = console(0x1000);
        let ram = Ram::new(memory, BASE);
        let mut vm = Vm::new(ram, vcpus, console, to_update, |ticks| ticks);
        let gate = ClientGate::new(to_client, to_update, 0);
        let link = Link::new(Client::new(queue), gate, 0).pausing(pauses);
        let mut block = Block::new(link, SECTORS, page);
        set(&mut block, queue, (to_client, to_update));
        vm.add(machine::VIRTIO, Some(machine::VIRTIO_IRQ), Box::new(block));
        let mailbox = Rc::new(Mailbox::new(to_client, to_update));
        let bell = Doorbell::new(mailbox, (0x6000_0000, 0x10_0000));
        vm.add(BELL, Some(BELL_IRQ), Box::new(bell));
        let mut rig = Self {
            vm,
            fake: Fake::default(),
            printed,
            typed,
            registers: Frame::default(),
            memory,
            base: std::ptr::NonNull::from(guest).cast(),
            to_client,
            to_update,
            warden: Warden::new(to_client, to_update),
            queue,
            page,
            server: None,
            generation: 0,
            disk: Disk::new(SECTORS),
            slow: false,
            refuses: false,
            stops: 0,
            taken: Vec::new(),
        };
        assert!(!rig.poll(), "nobody waits");
        rig.begin(vcpus);
        rig
    }

    /// Starts the guest at the memory's begin.
    fn begin(&mut self, vcpus: usize) {
        self.vm.begin(BASE, 0, &mut self.fake);
        if vcpus > 1 {
            for vcpu in 0..vcpus {
                assert!(self.vm.take_going().contains(vcpu));
                let start = self.vm.start(vcpu).expect("the VMM's routine");
                assert_eq!(start.x0, machine::HARDWARE_INTERFACE);
                let next = (self.vm).exit(vcpu, SMC, &mut self.registers, &mut self.fake);
                assert_eq!(next, Next::Wait);
            }
        }
        assert!(self.vm.take_going().contains(0));
        let start = self.vm.start(0).expect("the guest's own");
        assert_eq!((start.entry, start.x0, start.took), (BASE, 0, None));
    }

    /// Gives the queue to the next generation. Returns whether the vCPU, which waits, goes on.
    pub fn open(&mut self) -> bool {
        self.warden.open(0, self.generation);
        let woken = self.poll();
        assert!(self.warden.acknowledged(0));
        let server = Server::new(self.queue, self.generation);
        server.publish(&Properties {
            read_only: false,
            flush: true,
            max_discard_sectors: 64,
            max_write_zeroes_sectors: 64,
            block_size: 512,
            max_segments: 0,
        });
        self.server = Some(server);
        self.generation += 1;
        self.drive() || woken
    }

    /// Takes the queue away.
    pub fn close(&mut self) {
        self.warden.close(0);
        self.poll();
        assert!(self.warden.acknowledged(0));
        self.server = None;
        self.taken.clear();
        // The region is spoilt meanwhile.
        for word in self.queue {
            word.store(0xdead_beef, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// The device, whose driver is away, is at rest. Returns whether the vCPU, which waits, goes on.
    pub fn deny(&mut self) -> bool {
        self.warden.deny(0);
        self.poll()
    }

    /// There will be no driver any more. Returns whether the vCPU, which waits, goes on.
    pub fn out_of_service(&mut self) -> bool {
        self.warden.out_of_service(0);
        let woken = self.poll();
        assert!(self.warden.acknowledged(0));
        woken
    }

    /// Lets the driver work. Returns whether the vCPU, which waits, goes on.
    pub fn drive(&mut self) -> bool {
        let Some(server) = &mut self.server else {
            return false;
        };
        let mut request = Request::default();
        while let Some(slot) = server.take(&mut request) {
            let slot = slot.expect("the VMM keeps to the protocol");
            self.taken.push((slot, request.clone()));
        }
        if !self.slow {
            self.finish();
        }
        self.poll()
    }

    /// Completes what was taken.
    pub fn finish(&mut self) {
        for (slot, request) in std::mem::take(&mut self.taken) {
            let status = self.carry_out(&request);
            self.server
                .as_mut()
                .expect("open")
                .complete(slot, status)
                .expect("taken from it");
        }
    }

    /// Completes the first of what was taken.
    pub fn finish_one(&mut self) {
        if !self.taken.is_empty() {
            let rest = self.taken.split_off(1);
            self.finish();
            self.taken = rest;
        }
    }

    fn carry_out(&mut self, request: &Request) -> Status {
        if self.refuses && request.op == Op::Write {
            return Status::IoError;
        }
        let done = self.disk.carry_out(request, self.memory, self.queue);
        done.expect("its share of the disk, and what is its client's");
        Status::Ok
    }

    /// The guest's memory, for a driver that uses pointers.
    pub fn base(&self) -> std::ptr::NonNull<u8> {
        self.base
    }

    /// What the VMM has counted.
    pub fn statistics(&self) -> Statistics {
        self.warden.statistics()
    }

    /// Something may have happened. Returns whether vCPU 0, which waits, goes on.
    pub fn poll(&mut self) -> bool {
        self.vm.poll(&mut self.fake);
        self.stops += self.vm.take_halting().count();
        self.vm.take_going().contains(0)
    }

    /// The wake-up time has come. Returns whether vCPU 0, which waits, goes on.
    pub fn timer(&mut self) -> bool {
        self.vm.timer(&mut self.fake);
        self.vm.take_going().contains(0)
    }

    /// One exit of vCPU 0.
    pub fn exit(&mut self, exit: Exit) -> Next {
        self.vm.exit(0, exit, &mut self.registers, &mut self.fake)
    }

    /// The guest loads a device's register.
    pub fn read(&mut self, address: u64, width: Width) -> u64 {
        self.registers.x[1] = 0xaaaa_aaaa_aaaa_aaaa;
        let pc = self.registers.pc;
        assert_eq!(
            self.exit(Exit::Abort {
                address,
                esr: esr(width, false)
            }),
            Next::Run
        );
        assert_eq!(self.registers.pc, pc + 4);
        self.registers.x[1]
    }

    /// The guest stores to a device's register.
    pub fn write(&mut self, address: u64, width: Width, value: u64) -> Next {
        self.registers.x[1] = value;
        self.exit(Exit::Abort {
            address,
            esr: esr(width, true),
        })
    }

    /// A 32-bit register.
    pub fn get(&mut self, address: u64) -> u32 {
        self.read(address, Width::Word) as u32
    }

    /// A 32-bit register.
    pub fn set(&mut self, address: u64, value: u32) {
        assert_eq!(self.write(address, Width::Word, value.into()), Next::Run);
    }

    /// The guest takes and ends all interrupts in list registers.
    pub fn end_interrupts(&mut self) -> Vec<u16> {
        let mut all = Vec::new();
        for _ in 0..64 {
            let Some(index) = self.fake.list.iter().position(Option::is_some) else {
                break;
            };
            all.extend(self.fake.list[index].take());
            self.exit(Exit::Maintenance(Some(index)));
        }
        all
    }

    /// Enables an interrupt and the distributor.
    pub fn enable_interrupt(&mut self, irq: u16) {
        self.set(machine::DISTRIBUTOR, 1);
        let register = machine::DISTRIBUTOR + 0x100 + u64::from(irq / 32) * 4;
        self.set(register, 1 << (irq % 32));
    }
}

/// ESR_EL2 of a load to, or a store from, X1.
pub fn esr(width: Width, write: bool) -> u64 {
    let size = (width as u64).trailing_zeros();
    0x24 << 26
        | 1 << 25
        | 1 << 24
        | u64::from(size) << 22
        | 1 << 16
        | 1 << 15
        | u64::from(write) << 6
        | 6
}
