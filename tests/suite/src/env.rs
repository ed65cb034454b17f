// SPDX-License-Identifier: BSD-2-Clause
//! The environment of a test: memory, slots, and the clean-up afterwards.

use core::fmt;

use sel4::{
    AbsoluteCPtr, BootInfoPtr, CPtr, Cap, CapRights, CapType, CapTypeForObjectOfFixedSize, Error,
    ObjectBlueprint, VmAttributes, cap,
    init_thread::{Slot, slot},
};

use crate::{
    arch,
    console::println,
    test::{Failure, Outcome},
    thread::Helpers,
    timer::Timer,
};

/// log2 of the memory that one test can use.
const POOL_BITS: usize = 24;
/// log2 of the memory for tests of long operations.
pub const LARGE_BITS: usize = 26;
/// The first address that nothing is mapped at: tests map from here on. There are no translation tables for it yet.
pub const WINDOW: usize = arch::WINDOW;

/// Physical address of the virtual CPU interface on QEMU's virt.
#[cfg(target_arch = "aarch64")]
const GICV: usize = 0x804_0000;

/// The root task's authority, and what the current test has taken of it.
pub struct Env {
    name: &'static str,
    first_slot: usize,
    next_slot: usize,
    probe: usize,
    end_slot: usize,
    pool: cap::Untyped,
    large: cap::Untyped,
    image_frames: usize,
    image_start: usize,
    #[cfg(target_arch = "aarch64")]
    gicv: cap::Granule,
    boot_slots: core::ops::Range<usize>,
    /// The authority to give out execution time.
    pub sched_control: cap::SchedControl,
    /// Threads that help.
    pub helpers: Helpers,
    /// A timer that the kernel leaves to the root task.
    pub timer: Timer,
}

// SAFETY: the linker defines it; only its address is taken.
unsafe extern "C" {
    /// The linker's name for the first byte of the image.
    static __executable_start: u8;
}

impl Env {
    /// Takes everything that the kernel gave.
    pub fn new(boot_info: &BootInfoPtr) -> Self {
        let empty = boot_info.empty();
        let mut env = Self {
            name: "setup",
            first_slot: empty.start(),
            next_slot: empty.start() + 1,
            probe: empty.start(),
            end_slot: empty.end(),
            pool: cap::Untyped::from_bits(0),
            large: cap::Untyped::from_bits(0),
            image_frames: boot_info.user_image_frames().start(),
            image_start: (&raw const __executable_start).addr(),
            #[cfg(target_arch = "aarch64")]
            gicv: Cap::from_bits(0),
            boot_slots: 1..empty.start(),
            sched_control: boot_info.sched_control().index(0).cap(),
            helpers: Helpers::new(),
            timer: Timer::none(),
        };
        arch::open_console(&mut env, boot_info);
        #[cfg(target_arch = "aarch64")]
        {
            let page = env.device_page(boot_info, GICV);
            env.gicv = page.unwrap_or(Cap::from_bits(0));
        }
        // The helper is made of memory that no test's end takes back.
        env.pool = env.carve(boot_info, 16);
        if let Err(failure) = Helpers::start(&mut env) {
            println!("suite: no helper thread: {failure}");
        }
        if let Err(failure) = Timer::start(&mut env, boot_info) {
            println!("suite: no timer: {failure}");
        }
        env.pool = env.carve(boot_info, POOL_BITS);
        env.large = env.carve(boot_info, LARGE_BITS);
        env.first_slot = env.next_slot;
        env
    }

    /// Translation tables for `vaddr`, of memory that no test's end takes back.
    pub fn map_tables_of(&mut self, boot_info: &BootInfoPtr, vaddr: usize) {
        self.pool = self.carve(boot_info, 14);
        self.map_tables(self.vspace(), vaddr).expect("page tables");
    }

    /// The page of device memory at `paddr`.
    pub fn device_page(&mut self, boot_info: &BootInfoPtr, paddr: usize) -> Option<cap::Granule> {
        let list = boot_info.untyped_list();
        let (at, desc) = list.iter().enumerate().find(|(_, desc)| {
            desc.is_device() && (paddr >> desc.size_bits()) == (desc.paddr() >> desc.size_bits())
        })?;
        let mut untyped = boot_info.untyped().index(at).cap();
        for size_bits in (12..desc.size_bits()).rev() {
            let half = self.take_slots(2);
            let blueprint = ObjectBlueprint::Untyped { size_bits };
            untyped
                .untyped_retype(&blueprint, &self.cnode_itself(), half, 2)
                .ok()?;
            untyped = Slot::from_index(half + (paddr >> size_bits & 1)).cap();
        }
        self.make_from::<sel4::cap_type::Granule>(untyped).ok()
    }

    /// An untyped of this size, out of the last one that has room.
    fn carve(&mut self, boot_info: &BootInfoPtr, size_bits: usize) -> cap::Untyped {
        let list = boot_info.untyped_list();
        for at in boot_info.kernel_untyped_range().rev() {
            if list[at].size_bits() < size_bits {
                continue;
            }
            let slot = self.take_slots(1);
            let untyped = boot_info.untyped().index(at).cap();
            let blueprint = ObjectBlueprint::Untyped { size_bits };
            if untyped
                .untyped_retype(&blueprint, &self.cnode_itself(), slot, 1)
                .is_ok()
            {
                return Slot::from_index(slot).cap();
            }
            self.next_slot = slot;
        }
        panic!("no untyped of 2^{size_bits} bytes");
    }

    /// Starts a test.
    pub fn begin(&mut self, name: &'static str) {
        self.name = name;
        self.next_slot = self.first_slot;
    }

    /// Takes everything away that the test has made.
    pub fn end(&mut self) -> Outcome {
        self.helpers.forget();
        for untyped in [self.pool, self.large] {
            self.at(untyped).revoke()?;
        }
        for slot in self.first_slot..self.next_slot {
            self.at_slot(slot).delete()?;
        }
        self.next_slot = self.first_slot;
        Ok(())
    }

    /// Prints a line of the test's trace.
    pub fn trace(&self, arguments: fmt::Arguments<'_>) {
        println!("trace {}: {arguments}", self.name);
    }

    /// Prints how `what` went: `Ok`, or the error with its details.
    pub fn note(&self, what: &str, result: sel4::Result<()>) {
        self.trace(format_args!("{what} {}", Shown(result)));
    }

    /// [`note`](Self::note), and fails unless the result is the expected one.
    #[track_caller]
    pub fn expect(
        &self,
        what: &str,
        result: sel4::Result<()>,
        expected: sel4::Result<()>,
    ) -> Outcome {
        self.note(what, result);
        if result == expected {
            Ok(())
        } else {
            Err(Failure::new("not the expected result"))
        }
    }

    /// The root task's CNode.
    pub fn cnode(&self) -> cap::CNode {
        slot::CNODE.cap()
    }

    /// The root task's CNode as the destination of a retype.
    pub fn cnode_itself(&self) -> AbsoluteCPtr {
        self.cnode().absolute_cptr_for_self()
    }

    /// The root task's address space.
    pub fn vspace(&self) -> cap::VSpace {
        slot::VSPACE.cap()
    }

    /// The root task's thread.
    pub fn tcb(&self) -> cap::Tcb {
        slot::TCB.cap()
    }

    /// The test's memory: 16 MiB.
    pub fn pool(&self) -> cap::Untyped {
        self.pool
    }

    /// Memory for long operations: 64 MiB.
    pub fn large(&self) -> cap::Untyped {
        self.large
    }

    /// A copy of the page of the virtual CPU interface.
    #[cfg(target_arch = "aarch64")]
    pub fn virtual_interface(&mut self) -> sel4::Result<cap::Granule> {
        self.copy(self.gicv)
    }

    /// Slots that the kernel filled at boot.
    pub fn boot_slots(&self) -> core::ops::Range<usize> {
        self.boot_slots.clone()
    }

    /// The slot that holds `cap`.
    pub fn at<T: CapType>(&self, cap: Cap<T>) -> AbsoluteCPtr {
        self.cnode().absolute_cptr(cap)
    }

    /// The slot with this index.
    pub fn at_slot(&self, slot: usize) -> AbsoluteCPtr {
        self.cnode().absolute_cptr(CPtr::from_bits(slot as u64))
    }

    /// `count` free slots in a row; gives the first.
    pub fn take_slots(&mut self, count: usize) -> usize {
        let first = self.next_slot;
        assert!(first + count <= self.end_slot, "out of slots");
        self.next_slot += count;
        first
    }

    /// `count` free slots in a row.
    pub fn take_range(&mut self, count: usize) -> core::ops::Range<usize> {
        let first = self.take_slots(count);
        first..first + count
    }

    /// A free slot, as the capability that will be in it.
    pub fn slot<T: CapType>(&mut self) -> Cap<T> {
        CPtr::from_bits(self.take_slots(1) as u64).cast()
    }

    /// A new object of fixed size out of the pool.
    pub fn make<T: CapTypeForObjectOfFixedSize>(&mut self) -> sel4::Result<Cap<T>> {
        self.make_from(self.pool)
    }

    /// A new object of fixed size out of `untyped`.
    pub fn make_from<T: CapTypeForObjectOfFixedSize>(
        &mut self,
        untyped: cap::Untyped,
    ) -> sel4::Result<Cap<T>> {
        self.make_as(untyped, T::object_blueprint())
    }

    /// A new object out of `untyped`.
    pub fn make_as<T: CapType>(
        &mut self,
        untyped: cap::Untyped,
        blueprint: ObjectBlueprint,
    ) -> sel4::Result<Cap<T>> {
        let slot = self.take_slots(1);
        untyped.untyped_retype(&blueprint, &self.cnode_itself(), slot, 1)?;
        Ok(CPtr::from_bits(slot as u64).cast())
    }

    /// A new untyped of `1 << size_bits` bytes.
    pub fn untyped(&mut self, size_bits: usize) -> sel4::Result<cap::Untyped> {
        self.make_as(self.pool, ObjectBlueprint::Untyped { size_bits })
    }

    /// A new reply object.
    pub fn reply(&mut self) -> sel4::Result<cap::Reply> {
        self.make_as(self.pool, ObjectBlueprint::Reply)
    }

    /// A new scheduling context with this budget and period, in microseconds.
    pub fn sched_context(&mut self, budget: u64, period: u64) -> sel4::Result<cap::SchedContext> {
        let context = self.make_as(self.pool, ObjectBlueprint::SchedContext { size_bits: 8 })?;
        self.sched_control
            .sched_control_configure_flags(context, budget, period, 0, 0, 0)?;
        Ok(context)
    }

    /// A copy of `cap` with all rights.
    pub fn copy<T: CapType>(&mut self, cap: Cap<T>) -> sel4::Result<Cap<T>> {
        let copy = self.slot();
        self.at(copy).copy(&self.at(cap), CapRights::all())?;
        Ok(copy)
    }

    /// A copy of `cap` with these rights and this badge.
    pub fn mint<T: CapType>(
        &mut self,
        cap: Cap<T>,
        rights: CapRights,
        badge: u64,
    ) -> sel4::Result<Cap<T>> {
        let copy = self.slot();
        self.at(copy).mint(&self.at(cap), rights, badge)?;
        Ok(copy)
    }

    /// Translation tables for the 2 MiB at `vaddr` of the root task, on all levels.
    pub fn map_tables(&mut self, vspace: cap::VSpace, vaddr: usize) -> sel4::Result<()> {
        for (_, kind) in sel4_extra::TABLES {
            let table: cap::UnspecifiedIntermediateTranslationTable =
                self.make_as(self.pool, kind.blueprint())?;
            table.generic_intermediate_translation_table_map(
                kind,
                vspace,
                vaddr,
                VmAttributes::DEFAULT,
            )?;
        }
        Ok(())
    }

    /// The frame of the image's page at `address`.
    pub fn image_frame(&self, address: usize) -> cap::Granule {
        Slot::from_index(self.image_frames + ((address - self.image_start) >> 12)).cap()
    }
}

/// Whether there is a capability in a slot: an empty one cannot be copied from.
pub fn is_there(env: &Env, cptr: CPtr) -> bool {
    let probe = env.probe;
    let result = env
        .at_slot(probe)
        .copy(&env.cnode().absolute_cptr(cptr), CapRights::all());
    // An untyped with children or another capability that refuses to be copied is there, too.
    let there = !matches!(result, Err(Error::FailedLookup));
    let _ = env.at_slot(probe).delete();
    there
}

/// A result with the kernel's details.
struct Shown(sel4::Result<()>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Err(error) = self.0 else {
            return f.write_str("Ok");
        };
        let mut words = [0; 6];
        sel4::with_ipc_buffer(|buffer| words.copy_from_slice(&buffer.msg_regs()[..6]));
        let used = match error {
            Error::InvalidArgument | Error::InvalidCapability | Error::NotEnoughMemory => 1,
            Error::RangeError => 2,
            // Whether it was the source, the kind of failure, and what goes with the kind.
            Error::FailedLookup => match words[1] {
                2 => 3,
                3 => 4,
                4 => 5,
                _ => 2,
            },
            _ => 0,
        };
        write!(f, "{error:?}")?;
        if used != 0 {
            write!(f, " {:x?}", &words[..used])?;
        }
        Ok(())
    }
}
