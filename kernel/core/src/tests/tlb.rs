// SPDX-License-Identifier: BSD-2-Clause
//! A TLB may keep any translation that was ever valid until it is invalidated (Arm ARM D8.17). The fake machine's TLB keeps
//! all of them. After each operation it must contain none that is not in the tables.

use std::collections::BTreeMap;

use super::machine::{Machine, PAGE_TABLE, SMALL_PAGE, UNTYPED, VSPACE};
use crate::{cap::Cap, descriptor, invocation::Label};

/// The root task's pool, and what makes more.
const ASID_CONTROL: u64 = 5;
const ASID_POOL: u64 = 6;
const ROOT_VSPACE: u64 = 3;
/// Where the tests map, in a gibibyte where nothing else is.
const PLACE: u64 = 0x1_4000_0000;
const PAGE: u64 = 0x1000;
const READ_WRITE: u64 = 3;
const CACHED: u64 = 1;

/// Bytes of a root table and of the others; address bits below an entry of each level.
const LEVELS: [(u64, u32); 3] = [(1024 * 8, 30), (512 * 8, 21), (512 * 8, 12)];

impl Machine {
    /// Asserts that the TLB knows nothing but what the tables say, and lets it know all of that.
    pub fn check_tlb(&mut self) {
        let tables = self.translations();
        for (place, descriptor) in &self.kernel.hw.tlb {
            let (asid, vaddr) = place;
            assert_eq!(
                tables.get(place),
                Some(descriptor),
                "address {vaddr:#x} of ASID {asid} is still translated as before"
            );
        }
        self.kernel.hw.tlb = tables;
    }

    /// The descriptors of all mapped pages, by ASID and address.
    fn translations(&self) -> BTreeMap<(u16, u64), u64> {
        let mut all = BTreeMap::new();
        for (n, pool) in self.kernel.asid_pools.iter().enumerate() {
            if *pool != 0 {
                for (entry, root) in self.words(*pool, 4096) {
                    let asid = (n * 512) as u16 + ((entry - pool) / 8) as u16;
                    self.add_pages(&mut all, asid, root, 0, 0);
                }
            }
        }
        all
    }

    fn add_pages(
        &self,
        all: &mut BTreeMap<(u16, u64), u64>,
        asid: u16,
        table: u64,
        level: usize,
        vaddr: u64,
    ) {
        let (bytes, bits) = LEVELS[level];
        for (place, value) in self.words(table, bytes) {
            let vaddr = vaddr | ((place - table) / 8) << bits;
            match descriptor::next_table(value) {
                Some(next) if level + 1 < LEVELS.len() => {
                    self.add_pages(all, asid, next, level + 1, vaddr);
                }
                _ if descriptor::valid(value) => {
                    all.insert((asid, vaddr), value);
                }
                _ => {}
            }
        }
    }

    /// The words in a piece of memory that are not zero, with their addresses.
    fn words(&self, start: u64, bytes: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let range = self.kernel.hw.memory.range(start..start + bytes);
        range
            .map(|(place, value)| (*place, *value))
            .filter(|(_, value)| *value != 0)
    }

    /// An address space with an ASID of this pool and tables for [`PLACE`].
    fn space(&mut self, pool: u64) -> u64 {
        let space = self.make(VSPACE, 0);
        self.ok(pool, Label::ASID_POOL_ASSIGN, &[], &[space]);
        self.tables(space);
        space
    }

    /// Tables for [`PLACE`]; the second one, which holds the pages.
    fn tables(&mut self, space: u64) -> u64 {
        let [_, last] = [(); 2].map(|()| {
            let table = self.make(PAGE_TABLE, 0);
            self.ok(table, Label::PAGE_TABLE_MAP, &[PLACE, 0], &[space]);
            table
        });
        last
    }

    /// Maps a frame and lets the TLB know.
    fn map(&mut self, frame: u64, space: u64, vaddr: u64, rights: u64) {
        self.ok(frame, Label::PAGE_MAP, &[vaddr, rights, CACHED], &[space]);
        self.check_tlb();
    }

    /// The physical address of what is mapped at an address, and that of a frame.
    fn mapped(&self, space: u64, vaddr: u64) -> Option<u64> {
        let Cap::VSpace { asid, .. } = self.cap(space) else {
            panic!("no address space")
        };
        let descriptor = self.translations().get(&(asid, vaddr)).copied()?;
        Some(descriptor::address(descriptor))
    }

    fn physical(&mut self, frame: u64) -> Option<u64> {
        self.ok(frame, Label::PAGE_GET_ADDRESS, &[], &[])
            .first()
            .copied()
    }
}

#[test]
fn an_unmapped_and_a_deleted_frame_are_forgotten() {
    let mut m = Machine::new();
    m.tables(ROOT_VSPACE);
    let frame = m.make(SMALL_PAGE, 0);
    m.map(frame, ROOT_VSPACE, PLACE, READ_WRITE);
    m.ok(frame, Label::PAGE_UNMAP, &[], &[]);
    m.check_tlb();
    assert_eq!(m.mapped(ROOT_VSPACE, PLACE), None);
    let copy = m.copy(frame, 3);
    m.map(copy, ROOT_VSPACE, PLACE, READ_WRITE);
    m.revoke(frame);
    m.check_tlb();
    assert_eq!(m.mapped(ROOT_VSPACE, PLACE), None);
}

#[test]
fn rights_that_are_taken_and_a_page_that_is_replaced_are_forgotten() {
    let mut m = Machine::new();
    m.tables(ROOT_VSPACE);
    let [a, b] = [(); 2].map(|()| m.make(SMALL_PAGE, 0));
    m.map(a, ROOT_VSPACE, PLACE, READ_WRITE);
    m.map(a, ROOT_VSPACE, PLACE, 2);
    m.map(b, ROOT_VSPACE, PLACE, READ_WRITE);
    assert_eq!(m.mapped(ROOT_VSPACE, PLACE), m.physical(b));
}

#[test]
fn a_frame_is_unmapped_only_where_it_is_mapped() {
    // What became of the place, and then of the capability that was mapped there before.
    for delete in [false, true] {
        let mut m = Machine::new();
        m.tables(ROOT_VSPACE);
        let [old, new] = [(); 2].map(|()| m.make(SMALL_PAGE, 0));
        m.map(old, ROOT_VSPACE, PLACE, READ_WRITE);
        m.map(new, ROOT_VSPACE, PLACE, READ_WRITE);
        if delete {
            m.delete(old);
        } else {
            m.ok(old, Label::PAGE_UNMAP, &[], &[]);
        }
        m.check_tlb();
        assert_eq!(m.mapped(ROOT_VSPACE, PLACE), m.physical(new));
    }
}

#[test]
fn a_frame_of_a_deleted_address_space_is_not_unmapped_in_its_successor() {
    let mut m = Machine::new();
    let space = m.space(ASID_POOL);
    let [old, new] = [(); 2].map(|()| m.make(SMALL_PAGE, 0));
    m.map(old, space, PLACE, READ_WRITE);
    m.delete(space);
    m.check_tlb();
    // It gets the same ASID.
    let successor = m.space(ASID_POOL);
    m.map(new, successor, PLACE, READ_WRITE);
    m.delete(old);
    m.check_tlb();
    assert_eq!(m.mapped(successor, PLACE), m.physical(new));
}

#[test]
fn a_page_table_is_forgotten_with_what_it_mapped() {
    for delete in [false, true] {
        let mut m = Machine::new();
        let table = m.tables(ROOT_VSPACE);
        for n in 0..3 {
            let frame = m.make(SMALL_PAGE, 0);
            m.map(frame, ROOT_VSPACE, PLACE + n * PAGE, READ_WRITE);
        }
        if delete {
            m.delete(table);
        } else {
            m.ok(table, Label::PAGE_TABLE_UNMAP, &[], &[]);
        }
        m.check_tlb();
        assert_eq!(m.mapped(ROOT_VSPACE, PLACE), None);
    }
}

#[test]
fn a_deleted_address_space_is_forgotten() {
    let mut m = Machine::new();
    let space = m.space(ASID_POOL);
    let frame = m.make(SMALL_PAGE, 0);
    m.map(frame, space, PLACE, READ_WRITE);
    m.delete(space);
    m.check_tlb();
}

#[test]
fn a_deleted_pool_is_forgotten_with_its_address_spaces() {
    let mut m = Machine::new();
    let untyped = m.make(UNTYPED, 12);
    let pool = m.free;
    m.free += 1;
    m.ok(
        ASID_CONTROL,
        Label::ASID_CONTROL_MAKE_POOL,
        &[pool, 64],
        &[untyped, u64::from(super::machine::ROOT)],
    );
    let space = m.space(pool);
    let frame = m.make(SMALL_PAGE, 0);
    m.map(frame, space, PLACE, READ_WRITE);
    m.delete(pool);
    m.check_tlb();
}
