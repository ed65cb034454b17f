// SPDX-License-Identifier: BSD-2-Clause
//! The steps of a guest's reset, each of which is short, and what its memory is filled with.
//!
//! 1. *Settling*: every device is reset. What they have passed on to drivers is in flight still, and a device may read or write
//!    the guest's memory for it; so nothing else is done until the drivers have completed it. A driver that is being replaced does
//!    it when the next generation is there.
//! 2. *Draining*: the vCPU ends the interrupts of its old life ([`ROUTINE`]).
//! 3. *Restoring*: the memory becomes what it was before the guest's first start: its boot images, and zeros.
//!
//! Then the guest is entered like the first time.

use alloc::vec::Vec;

use crate::gic::LINE;
use crate::machine;
use crate::platform::Platform;
use crate::ram::Ram;

/// Bytes of memory that are restored at a time: less than an event of a network card can take to copy. It divides 2 MiB.
pub const SLICE: u64 = 256 << 10;
/// After a slice the VMM leaves the processor for so many times the time that it took. So a guest that resets again and again takes
/// no more than a quarter of it from those whose priority is below the VMM's.
pub const PAUSES: u64 = 3;

/// A part of the boot images.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// Offset in the guest's memory.
    pub offset: u64,
    /// Its bytes, which nobody writes.
    pub bytes: &'a [u8],
}

/// What a guest is started with.
#[derive(Clone, Debug, Default)]
pub struct Boot<'a> {
    /// Guest-physical address of the first instruction.
    pub entry: u64,
    /// Guest-physical address of the device tree, or 0.
    pub device_tree: u64,
    /// What its memory contains, beside zeros.
    pub images: Vec<Image<'a>>,
}

/// How far a reset has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Requests are in flight.
    Settling,
    /// The vCPU executes [`ROUTINE`].
    Draining,
    /// Of several vCPUs this one executes [`SWITCH_ON`].
    SwitchingOn(usize),
    /// The memory is restored up to this offset.
    Restoring(u64),
}

/// Where the vCPU starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The first instruction.
    pub entry: u64,
    /// X0; all others are 0.
    pub x0: u64,
    /// It is the guest's own start, and the reset has taken so many ticks of the physical counter.
    pub took: Option<u64>,
}

/// Restores the slice of memory at `at`. Returns the offset of the next one; `None` after the last.
pub fn restore(ram: &Ram, boot: &Boot<'_>, at: u64, platform: &mut dyn Platform) -> Option<u64> {
    let end = ram.size().min(at + SLICE);
    // Slices lie in the memory, and so do images: the host tool has put them there at the first start.
    let _ = ram.clear(at, end - at);
    for image in &boot.images {
        let start = at.max(image.offset);
        // The part of the image in the slice, which may be none.
        let from = (start - image.offset) as usize;
        let to = end.saturating_sub(image.offset) as usize;
        if let Some(part) = image.bytes.get(from..to.min(image.bytes.len())) {
            let _ = ram.fill(start, part);
        }
    }
    platform.hand_over(at, end - at);
    (end < ram.size()).then_some(end)
}

/// Puts the routine in the memory's first bytes, and behind it the interrupts, the most urgent first. Returns where it starts.
pub fn put_routine(ram: &Ram, interrupts: &[u16], platform: &mut dyn Platform) -> Option<Start> {
    let words = ROUTINE.iter().copied().chain([interrupts.len() as u32]);
    let words = words.chain(interrupts.iter().map(|irq| u32::from(*irq)));
    Some(Start {
        entry: put(ram, words, platform)?,
        x0: machine::CPU_INTERFACE,
        took: None,
    })
}

/// Puts the routine for several vCPUs in the memory's first bytes. Returns where it starts.
pub fn put_switch_on(ram: &Ram, platform: &mut dyn Platform) -> Option<Start> {
    Some(Start {
        entry: put(ram, SWITCH_ON.iter().copied(), platform)?,
        x0: machine::HARDWARE_INTERFACE,
        took: None,
    })
}

/// Puts words in the memory's first bytes. Returns their address.
fn put(ram: &Ram, words: impl Iterator<Item = u32>, platform: &mut dyn Platform) -> Option<u64> {
    let base = ram.base();
    let mut place = base;
    for word in words {
        ram.store_u32(place, word)?;
        place += 4;
    }
    platform.hand_over(0, place - base);
    Some(base)
}

/// The memory's first bytes, where the routine for several vCPUs is put at the first start, when boot images are there already.
pub type FirstBytes = [u8; SWITCH_ON.len() * 4];
/// None of them.
pub const NO_BYTES: FirstBytes = [0; SWITCH_ON.len() * 4];

/// What the vCPU executes before the guest starts anew, with MMU and caches off.
///
/// The virtual CPU interface is the hardware's, and no invocation of the kernel resets it: interrupts that are pending or active in
/// a list register, active priorities, the priority mask. A guest that is reset in an interrupt's handler would never get that
/// interrupt again. But a guest can reset the interface through its own registers (GICv2, IHI 0048, 5.5): it ends what
/// is active, acknowledges and ends what is pending, and clears the rest.
///
/// X0 is the address of the CPU interface. Behind the routine are the number of the interrupts in list registers, and their
/// identifiers. It ends with an SMC.
#[rustfmt::skip]
pub const ROUTINE: [u32; 26] = [
    0x5280_00e1, //     mov  w1, #7            groups 0 and 1, GICV_IAR acknowledges both (AckCtl), EOImode 0
    0xb900_0001, //     str  w1, [x0]          GICV_CTLR
    0x1000_0302, //     adr  x2, 5f
    0xb840_4443, //     ldr  w3, [x2], #4
    0x3400_00a3, // 1:  cbz  w3, 2f
    0xb840_4441, //     ldr  w1, [x2], #4
    0xb900_1001, //     str  w1, [x0, #0x10]   GICV_EOIR: what is active, the most urgent first
    0x5100_0463, //     sub  w3, w3, #1
    0x17ff_fffc, //     b    1b
    0xb900_d01f, // 2:  str  wzr, [x0, #0xd0]  GICV_APR0: no priority is active
    0x5280_1f01, //     mov  w1, #0xf8
    0xb900_0401, //     str  w1, [x0, #4]      GICV_PMR: nothing is masked
    0xb940_0c01, // 3:  ldr  w1, [x0, #0xc]    GICV_IAR
    0x1200_2422, //     and  w2, w1, #0x3ff
    0x710f_f05f, //     cmp  w2, #1020
    0x5400_0062, //     b.hs 4f
    0xb900_1001, //     str  w1, [x0, #0x10]   GICV_EOIR: what was pending
    0x17ff_fffb, //     b    3b
    0xb900_d01f, // 4:  str  wzr, [x0, #0xd0]
    0xb900_041f, //     str  wzr, [x0, #4]
    0xb900_081f, //     str  wzr, [x0, #8]     GICV_BPR
    0xb900_1c1f, //     str  wzr, [x0, #0x1c]  GICV_ABPR
    0xb900_001f, //     str  wzr, [x0]
    0xd503_3f9f, //     dsb  sy
    0xd400_0003, //     smc  #0
    0x1400_0000, //     b    .
                 // 5:
];

/// What each of several vCPUs executes before the guest starts, the first time too, with MMU and caches off.
///
/// The guest's CPU interfaces are emulated, and the hardware's ([`machine::HARDWARE_INTERFACE`]) only carries the line to the vCPU
/// ([`LINE`]). No invocation of the kernel switches it on, or resets it if a guest has found and used it.
///
/// X0 is the interface's address. It ends with an SMC.
#[rustfmt::skip]
pub const SWITCH_ON: [u32; 20] = [
    0x5280_00e1, //     mov  w1, #7            groups 0 and 1, GICV_IAR acknowledges both
    0xb900_0001, //     str  w1, [x0]          GICV_CTLR
    0x5280_0001 | (LINE as u32) << 5, // mov w1, #LINE
    0xb900_1001, //     str  w1, [x0, #0x10]   GICV_EOIR: the line, if it was acknowledged
    0xb900_d01f, //     str  wzr, [x0, #0xd0]  GICV_APR0
    0x5280_1f01, //     mov  w1, #0xf8
    0xb900_0401, //     str  w1, [x0, #4]      GICV_PMR: nothing of a priority above 31 is masked
    0xb940_0c01, // 1:  ldr  w1, [x0, #0xc]    GICV_IAR
    0x1200_2422, //     and  w2, w1, #0x3ff
    0x710f_f05f, //     cmp  w2, #1020
    0x5400_0062, //     b.hs 2f
    0xb900_1001, //     str  w1, [x0, #0x10]   GICV_EOIR
    0x17ff_fffb, //     b    1b
    0xb900_d01f, // 2:  str  wzr, [x0, #0xd0]
    0xb900_081f, //     str  wzr, [x0, #8]     GICV_BPR
    0x5280_0021, //     mov  w1, #1            group 0 signals, group 1 does not
    0xb900_0001, //     str  w1, [x0]
    0xd503_3f9f, //     dsb  sy
    0xd400_0003, //     smc  #0
    0x1400_0000, //     b    .
];
