// SPDX-License-Identifier: BSD-2-Clause
//! The operations of a sequence.

use sel4::{
    CNodeCapData, Cap, ObjectBlueprint, ObjectBlueprintAArch64, ObjectBlueprintArch, Result,
    VmAttributes, cap, cap_type, init_thread::slot,
};
use sel4_extra::{AbsoluteCPtrExt, PtExt, SchedContextExt};

use super::{
    Kind, Sequence,
    draw::{NODE_BITS, Place},
};
use crate::env::WINDOW;

/// How often it is chosen, its name, and what it does.
type Operation<S> = (usize, &'static str, fn(&mut S) -> Result<()>);

impl Sequence<'_> {
    const OPERATIONS: [Operation<Self>; 23] = [
        (6, "retype", Self::retype),
        (4, "copy", Self::copy),
        (3, "mint", Self::mint),
        (3, "move", Self::move_),
        (2, "mutate", Self::mutate),
        (2, "rotate", Self::rotate),
        (1, "cancel badged sends", Self::cancel_badged_sends),
        (3, "delete", Self::delete),
        (2, "revoke", Self::revoke),
        (5, "map", Self::map),
        (3, "unmap", Self::unmap),
        (3, "map a table", Self::map_table),
        (1, "unmap a table", Self::unmap_table),
        (1, "assign an ASID", Self::assign),
        (1, "get an address", Self::get_address),
        (2, "bind a notification", Self::bind_notification),
        (2, "bind a context", Self::bind_context),
        (1, "configure a context", Self::configure_context),
        (1, "configure a thread", Self::configure_thread),
        (1, "set a priority", Self::set_priority),
        (1, "set a time-out endpoint", Self::set_timeout_endpoint),
        (1, "read registers", Self::read_registers),
        (1, "set a vCPU's thread", Self::set_vcpu_thread),
    ];

    /// Makes what most operations need: a CNode, a thread, and an address space in which pages
    /// can be mapped.
    pub fn furnish(&mut self) -> Result<()> {
        let pages = ObjectBlueprintArch::SmallPage.into();
        let tables = ObjectBlueprintArch::PT.into();
        let context = ObjectBlueprint::SchedContext { size_bits: 8 };
        let node = ObjectBlueprint::CNode {
            size_bits: NODE_BITS,
        };
        self.make(1, 1, Kind::Vspace, ObjectBlueprintAArch64::VSpace.into())?;
        self.make(2, 3, Kind::Table, tables)?;
        self.make(5, 3, Kind::Page, pages)?;
        self.make(8, 1, Kind::Node, node)?;
        self.make(9, 1, Kind::Tcb, ObjectBlueprint::Tcb)?;
        self.make(10, 1, Kind::Context, context)?;
        self.make(11, 1, Kind::Mute, ObjectBlueprint::Notification)?;
        self.make(12, 1, Kind::Mute, ObjectBlueprint::Endpoint)?;
        let vspace = self.cap::<cap_type::VSpace>(1);
        slot::ASID_POOL.cap().asid_pool_assign(vspace)?;
        for table in 2..4 {
            let table = self.cap::<cap_type::PT>(table);
            table.pt_map(vspace, WINDOW, VmAttributes::DEFAULT)?;
        }
        Ok(())
    }

    fn make(&mut self, at: usize, count: usize, kind: Kind, what: ObjectBlueprint) -> Result<()> {
        let (memory, itself) = (self.cap::<cap_type::Untyped>(0), self.env.cnode_itself());
        memory.untyped_retype(&what, &itself, self.first + at, count)?;
        self.kinds[at..at + count].fill(kind);
        Ok(())
    }

    /// Does one of the operations; gives its name and how it went.
    pub fn step(&mut self) -> (&'static str, Result<()>) {
        let all = Self::OPERATIONS.iter().map(|(weight, ..)| weight).sum();
        let mut drawn = self.random.below(all);
        for (weight, name, operation) in Self::OPERATIONS {
            if drawn < weight {
                return (name, operation(self));
            }
            drawn -= weight;
        }
        ("nothing", Ok(()))
    }

    fn retype(&mut self) -> Result<()> {
        let size_bits = 4 + self.random.below(11);
        let (kind, blueprint) = match self.random.below(12) {
            0..=3 => (Kind::Untyped, ObjectBlueprint::Untyped { size_bits }),
            4 => (Kind::Mute, ObjectBlueprint::Endpoint),
            5 => (Kind::Mute, ObjectBlueprint::Notification),
            6 => (
                Kind::Node,
                ObjectBlueprint::CNode {
                    size_bits: size_bits.min(8),
                },
            ),
            7 => (Kind::Tcb, ObjectBlueprint::Tcb),
            8 => (Kind::Context, ObjectBlueprint::SchedContext { size_bits }),
            9 => (Kind::Page, ObjectBlueprintArch::SmallPage.into()),
            10 => (Kind::Table, ObjectBlueprintArch::PT.into()),
            _ => match self.random.below(2) {
                0 => (Kind::Vspace, ObjectBlueprintAArch64::VSpace.into()),
                _ => (Kind::Vcpu, ObjectBlueprintArch::VCpu.into()),
            },
        };
        let untyped = self.of::<cap_type::Untyped>(Kind::Untyped);
        let count = 1 + self.random.below(3);
        if self.random.below(4) == 0 {
            let node = self.of::<cap_type::CNode>(Kind::Node);
            let (node, at) = (self.env.at(node), self.random.below(1 << NODE_BITS));
            return untyped.untyped_retype(&blueprint, &node, at, count);
        }
        let to = self.free();
        let count = count.min(self.kinds.len() - to);
        let itself = self.env.cnode_itself();
        untyped.untyped_retype(&blueprint, &itself, self.first + to, count)?;
        self.kinds[to..to + count].fill(kind);
        Ok(())
    }

    /// Where from and where to.
    fn source_and_destination(&mut self) -> (Place, Place) {
        let (from, to) = (self.used(), self.free());
        (self.place(from), self.place(to))
    }

    /// What is known of the capability at a place.
    fn kind(&self, place: &Place) -> Kind {
        place.at.map_or(Kind::Mute, |at| self.kinds[at])
    }

    fn set_kind(&mut self, place: &Place, kind: Kind) {
        if let Some(at) = place.at {
            self.kinds[at] = kind;
        }
    }

    fn copy(&mut self) -> Result<()> {
        let ((from, to), rights) = (self.source_and_destination(), self.rights());
        to.path.copy(&from.path, rights)?;
        self.set_kind(&to, self.kind(&from));
        Ok(())
    }

    fn mint(&mut self) -> Result<()> {
        let (from, to) = self.source_and_destination();
        let (rights, badge) = (self.rights(), self.badge());
        to.path.mint(&from.path, rights, badge)?;
        self.set_kind(&to, self.kind(&from));
        Ok(())
    }

    fn move_(&mut self) -> Result<()> {
        let (from, to) = self.source_and_destination();
        to.path.move_(&from.path)?;
        self.set_kind(&to, self.kind(&from));
        Ok(())
    }

    fn mutate(&mut self) -> Result<()> {
        let ((from, to), badge) = (self.source_and_destination(), self.badge());
        to.path.mutate(&from.path, badge)?;
        self.set_kind(&to, self.kind(&from));
        Ok(())
    }

    fn rotate(&mut self) -> Result<()> {
        let ((from, to), pivot) = (self.source_and_destination(), self.used());
        let pivot = self.place(pivot);
        to.path.rotate(0, &pivot.path, 0, &from.path)?;
        let (moved, next) = (self.kind(&pivot), self.kind(&from));
        self.set_kind(&to, moved);
        self.set_kind(&pivot, next);
        Ok(())
    }

    fn cancel_badged_sends(&mut self) -> Result<()> {
        let at = self.used();
        self.slot(at).cancel_badged_sends()
    }

    fn delete(&mut self) -> Result<()> {
        let at = self.used();
        self.place(at).path.delete()
    }

    fn revoke(&mut self) -> Result<()> {
        let at = self.used();
        self.place(at).path.revoke()
    }

    fn map(&mut self) -> Result<()> {
        let (address, rights) = (self.address(), self.rights());
        let (page, vspace) = (
            self.of::<cap_type::SmallPage>(Kind::Page),
            self.of(Kind::Vspace),
        );
        page.frame_map(vspace, address, rights, VmAttributes::DEFAULT)
    }

    fn unmap(&mut self) -> Result<()> {
        self.of::<cap_type::SmallPage>(Kind::Page).frame_unmap()
    }

    fn map_table(&mut self) -> Result<()> {
        let address = self.address();
        let (table, vspace) = (self.of::<cap_type::PT>(Kind::Table), self.of(Kind::Vspace));
        table.pt_map(vspace, address, VmAttributes::DEFAULT)
    }

    fn unmap_table(&mut self) -> Result<()> {
        self.of::<cap_type::PT>(Kind::Table).pt_unmap()
    }

    fn assign(&mut self) -> Result<()> {
        slot::ASID_POOL
            .cap()
            .asid_pool_assign(self.of(Kind::Vspace))
    }

    fn get_address(&mut self) -> Result<()> {
        let page = self.of::<cap_type::SmallPage>(Kind::Page);
        page.frame_get_address().map(|_| ())
    }

    fn bind_notification(&mut self) -> Result<()> {
        let (tcb, other) = (self.of::<cap_type::Tcb>(Kind::Tcb), self.used());
        match self.random.below(3) {
            0 => tcb.tcb_unbind_notification(),
            _ => tcb.tcb_bind_notification(self.cap(other)),
        }
    }

    fn bind_context(&mut self) -> Result<()> {
        let context = self.of::<cap_type::SchedContext>(Kind::Context);
        let other = self.used();
        match self.random.below(5) {
            0 => context.bind_notification(self.cap(other)),
            1 => context.unbind_object(self.cap(other)),
            2 => context.unbind(),
            _ => context.bind_tcb(self.of(Kind::Tcb)),
        }
    }

    fn configure_context(&mut self) -> Result<()> {
        let context = self.of(Kind::Context);
        (self.env.sched_control).sched_control_configure_flags(context, 1000, 1000, 0, 0, 0)
    }

    fn configure_thread(&mut self) -> Result<()> {
        let (tcb, vspace) = (self.of::<cap_type::Tcb>(Kind::Tcb), self.of(Kind::Vspace));
        let data = CNodeCapData::new(0, 0);
        match self.random.below(2) {
            0 => tcb.tcb_suspend(),
            _ => tcb.tcb_configure(self.env.cnode(), data, vspace, 0, Cap::from_bits(0)),
        }
    }

    fn set_priority(&mut self) -> Result<()> {
        let priority = self.random.below(4) as u64 * 90;
        (self.of::<cap_type::Tcb>(Kind::Tcb)).tcb_set_priority(self.env.tcb(), priority)
    }

    fn set_timeout_endpoint(&mut self) -> Result<()> {
        let (tcb, other) = (self.of::<cap_type::Tcb>(Kind::Tcb), self.used());
        tcb.tcb_set_timeout_endpoint(self.cap(other))
    }

    fn read_registers(&mut self) -> Result<()> {
        let tcb = self.of::<cap_type::Tcb>(Kind::Tcb);
        tcb.tcb_read_registers(false, 3).map(|_| ())
    }

    fn set_vcpu_thread(&mut self) -> Result<()> {
        let vcpu: cap::VCpu = self.of(Kind::Vcpu);
        vcpu.vcpu_set_tcb(self.of(Kind::Tcb))
    }
}
