// SPDX-License-Identifier: BSD-2-Clause
//! The vCPUs of a guest that Molt's VMM runs.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{System, VirtualMachine};
use molt_vmm::MAX_VCPUS;
use molt_vmm::machine::{CPU_INTERFACE, GIC_FRAME, HARDWARE_INTERFACE};

pub fn check(system: &System) -> Result<(), Broken> {
    let machines = system.domains.iter().filter_map(|d| d.machine.as_ref());
    for machine in machines.filter(|machine| machine.guest.is_some()) {
        numbers(machine)?;
        if machine.vcpus.len() > 1 {
            interfaces(system, machine)?;
        }
    }
    Ok(())
}

/// At most four, and numbered from 0 on; no number is there twice (`identifiers`).
fn numbers(machine: &VirtualMachine) -> Result<(), Broken> {
    let count = machine.vcpus.len() as u64;
    if let Some(extra) = machine.vcpus.get(MAX_VCPUS) {
        return broken(
            &extra.id.span,
            Rule::TooManyVcpus(machine.name.clone(), count),
        );
    }
    match machine.vcpus.iter().find(|vcpu| vcpu.id.value >= count) {
        Some(beyond) => broken(
            &beyond.id.span,
            Rule::VcpuNumber(machine.name.clone(), beyond.id.value, count - 1),
        ),
        None => Ok(()),
    }
}

/// The hardware's CPU interface is where the VMM uses it, and not where the guest uses the emulated ones.
fn interfaces(system: &System, machine: &VirtualMachine) -> Result<(), Broken> {
    let rule = || Rule::CpuInterface(machine.name.clone());
    let mut hardware = false;
    for map in &machine.maps {
        let region = system.region(map.region);
        let (start, end) = (map.vaddr.value, map.vaddr.value.saturating_add(region.size));
        if start < CPU_INTERFACE + GIC_FRAME && end > CPU_INTERFACE {
            return broken(&map.vaddr.span, rule());
        }
        hardware |= start == HARDWARE_INTERFACE && region.phys_addr.is_some();
    }
    match hardware {
        true => Ok(()),
        false => broken(&machine.span, rule()),
    }
}
