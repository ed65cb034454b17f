// SPDX-License-Identifier: BSD-2-Clause
//! The users' address spaces in hardware: stage 2, distinguished by VMIDs. There are more ASIDs of the core (16 bits)
//! than VMIDs (8 bits), so an ASID without one takes the VMID that was assigned longest ago.

use alloc::boxed::Box;
use alloc::vec;

use crate::paging;
use crate::registers::{instruction, read_register, write_register};

/// A root that maps nothing: two concatenated level 1 tables.
#[repr(C, align(8192))]
struct Empty([u64; 1024]);

static EMPTY: Empty = Empty([0; 1024]);

const VMIDS: usize = 256;

/// Which address space has which VMID. VMID 0 belongs to the empty address space.
pub struct Spaces {
    /// VMID by ASID; 0 none.
    vmid: Box<[u8]>,
    /// ASID by VMID.
    owner: [Option<u16>; VMIDS],
    /// Which VMID is lent next.
    next: u8,
    /// VTTBR_EL2 as loaded.
    loaded: u64,
}

impl Spaces {
    /// No address space has a VMID; the empty one is loaded.
    pub fn new() -> Self {
        let mut spaces = Self {
            vmid: vec![0; 1 << 16].into_boxed_slice(),
            owner: [None; VMIDS],
            next: 1,
            loaded: 0,
        };
        spaces.load(None, 0);
        spaces
    }

    /// Loads an address space for the next run.
    pub fn load(&mut self, root: Option<u64>, asid: u16) {
        let vttbr = match root {
            Some(root) => root | self.lend(asid) << 48,
            None => paging::physical(&EMPTY),
        };
        if vttbr != self.loaded {
            self.loaded = vttbr;
            set(vttbr);
        }
    }

    /// Forgets one page's translations.
    pub fn forget_page(&mut self, asid: u16, address: u64) {
        self.with(asid, || {
            // Arm ARM D8.16.2: invalidate stage 2 by intermediate address, then the combined entries.
            instruction!("dsb ishst");
            instruction!("tlbi ipas2e1is, {}"; address >> 12);
            instruction!("dsb ish", "tlbi vmalle1is", "dsb ish", "isb");
        });
    }

    /// Forgets all translations of an address space, and takes its VMID back.
    pub fn forget(&mut self, asid: u16) {
        self.with(asid, || {
            instruction!("dsb ishst", "tlbi vmalls12e1is", "dsb ish", "isb");
        });
        let vmid = core::mem::take(&mut self.vmid[usize::from(asid)]);
        if vmid != 0 {
            self.owner[usize::from(vmid)] = None;
            // The VMID may be lent anew: nothing may be entered into the TLB under it meanwhile.
            if self.loaded >> 48 == u64::from(vmid) {
                self.load(None, 0);
            }
        }
    }

    /// Runs maintenance with the VMID of `asid` current; without a VMID there is nothing cached.
    fn with(&mut self, asid: u16, maintain: impl FnOnce()) {
        let vmid = u64::from(self.vmid[usize::from(asid)]);
        if vmid == 0 {
            return;
        }
        if self.loaded >> 48 == vmid {
            maintain();
        } else {
            set(paging::physical(&EMPTY) | vmid << 48);
            maintain();
            set(self.loaded);
        }
    }

    fn lend(&mut self, asid: u16) -> u64 {
        let held = self.vmid[usize::from(asid)];
        if held != 0 {
            return u64::from(held);
        }
        let free = (1..=u8::MAX).find(|&vmid| self.owner[usize::from(vmid)].is_none());
        let vmid = free.unwrap_or(self.next);
        if let Some(previous) = self.owner[usize::from(vmid)] {
            self.forget(previous);
            self.next = if vmid == u8::MAX { 1 } else { vmid + 1 };
        }
        self.owner[usize::from(vmid)] = Some(asid);
        self.vmid[usize::from(asid)] = vmid;
        u64::from(vmid)
    }
}

fn set(vttbr: u64) {
    // SAFETY: concerns EL1 and EL0 only; the tables are the core's stage 2 tables or the empty one.
    unsafe { write_register!("vttbr_el2", vttbr) };
    instruction!("isb");
}

/// The guest-physical address of a stage 2 fault (Arm ARM D24.2.70, D24.2.55).
pub fn fault_address(esr: u64) -> u64 {
    let virtual_address = read_register!("far_el2");
    let offset = virtual_address & 0xfff;
    // HPFAR_EL2 is valid for all but permission faults, and for those of a stage 1 walk (S1PTW).
    let permission = esr & 0x3c == 0x0c;
    let walk = esr & 1 << 7 != 0;
    if !permission || walk {
        return (read_register!("hpfar_el2") & !0xf) << 8 | offset;
    }
    let par = read_register!("par_el1");
    instruction!("at s1e1r, {}", "isb"; virtual_address);
    let result = read_register!("par_el1");
    // SAFETY: restores the guest's own register.
    unsafe { write_register!("par_el1", par) };
    result & 0xff_ffff_f000 | offset
}
