// SPDX-License-Identifier: BSD-2-Clause
//! Virtual machines: stage 2 and the vCPUs' threads, which the VMM starts.

use crate::builder::{ALL, CNode};
use crate::layout::Layout;
use crate::pages::Shared;
use crate::space::CONSTANT;
use molt_sdf::model::DomainId;
use molt_system::boot::{Kind, Thread};
use molt_system::layout::SMALL_PAGE;
use molt_system::{NONE, Name, cspace};
use molt_vmm::machine as guest;

const FAULT: u64 = 1 << 62;
const SC_BADGE: u64 = 0x100;
const SC_BITS: u32 = 8;

/// Lays out the virtual machine of a PD, if it has one.
pub fn lay_out(layout: &mut Layout, index: DomainId, shared: &Shared) {
    let system = layout.system;
    let Some(machine) = &system.domains[index].machine else {
        return;
    };
    let regions = layout.regions.clone();
    let guest = layout.domains[index].guest.take();
    let (Some((fixed, b)), Some(mut space)) = (layout.fixed(index), guest) else {
        return;
    };
    for map in &machine.maps {
        space.map(
            b,
            regions[map.region],
            map.vaddr.value,
            map.rights,
            map.cached,
        );
    }
    let clients = system.domains.iter().flat_map(|domain| &domain.clients);
    let passed = clients.filter(|client| client.domain == index);
    for passed in passed.filter_map(|client| client.passed()) {
        // `update` maps the device itself.
        space.reserve(b, passed.vaddr, SMALL_PAGE, SMALL_PAGE.trailing_zeros());
    }
    for (vaddr, content) in system.roms(index) {
        // `update` maps it.
        let frames = regions[content];
        space.reserve(b, vaddr, frames.size(), frames.page_bits);
    }
    for page in shared.registers.iter().filter(|page| page.domain == index) {
        let address = guest::VIRTIO + guest::VIRTIO_FRAME * page.device as u64;
        space.map(b, page.frames, address, CONSTANT, false);
    }
    for (n, vcpu) in machine.vcpus.iter().enumerate() {
        let tcb = b.make(Kind::Tcb, 0, 1);
        let object = b.make(Kind::Vcpu, 0, 1);
        let cnode = CNode::make(b, cspace::MICROKIT_BITS);
        let ipc = b.frames(0x1000, 12, None);
        let sc = b.make(Kind::SchedContext, SC_BITS, 1);
        b.place(
            fixed.cspace.microkit,
            cspace::VM_TCB + vcpu.id.value,
            tcb,
            ALL,
            0,
        );
        b.place(
            fixed.cspace.microkit,
            cspace::VCPU + vcpu.id.value,
            object,
            ALL,
            0,
        );
        b.threads.push(Thread {
            name: Name::new(&machine.name),
            tcb,
            cspace: cnode.object,
            cspace_data: cspace::guard(64 - cspace::MICROKIT_BITS),
            vspace: space.vspace,
            ipc_frame: ipc.first,
            ipc_buffer: 0,
            sc,
            notification: NONE,
            vcpu: object,
            fault_endpoint: fixed.endpoint.unwrap_or(NONE),
            fault_badge: FAULT | vcpu.id.value,
            priority: machine.schedule.priority as u32,
            mcp: machine.schedule.priority as u32,
            budget_us: machine.schedule.budget,
            period_us: machine.schedule.period,
            sc_badge: SC_BADGE + n as u64,
            pc: 0,
            sp: 0,
            flags: 0,
            extra_refills: 0,
            core: vcpu.cpu.value as u32,
            // As Microkit has it: vCPUs stay in the kernel's first domain, whatever their PD's is.
            domain: NONE,
        });
    }
}
