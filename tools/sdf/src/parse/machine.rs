// SPDX-License-Identifier: BSD-2-Clause
//! `<virtual_machine>`

use super::{Names, guest, map, schedule};
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Setvar, System, Vcpu, VirtualMachine};
use crate::xml::{At, Element};

/// Last guest-physical address: 40 bits.
const HIGHEST: u64 = 0xff_ffff_ffff;

fn vcpu(element: Element, cpu: &At<u64>, setvars: &mut Vec<Setvar>) -> Result<Vcpu, Broken> {
    element.attributes(&["id", "cpu", "setvar_id"])?;
    element.children(&[])?;
    let id = element.identifier("id", 0, 61)?;
    let cpu = super::core(element)?.unwrap_or_else(|| cpu.clone());
    setvars.extend(
        element
            .text("setvar_id")
            .map(|symbol| map::set(symbol, id.value)),
    );
    Ok(Vcpu { id, cpu })
}

pub fn parse(
    element: Element,
    names: &Names,
    system: &System,
    cpu: &At<u64>,
    setvars: &mut Vec<Setvar>,
) -> Result<VirtualMachine, Broken> {
    element.attributes(&["name", "priority", "budget", "period"])?;
    let children = element.children(&["vcpu", "map", "doorbell", "guest"])?;
    let name = element.required("name")?;
    let mut machine = VirtualMachine {
        name: name.value,
        span: name.span,
        schedule: schedule::parse(element)?,
        vcpus: Vec::new(),
        maps: Vec::new(),
        doorbell: None,
        guest: None,
    };
    for child in &children {
        match child.tag() {
            "vcpu" => machine.vcpus.push(vcpu(*child, cpu, setvars)?),
            "map" => machine
                .maps
                .push(map::map(*child, names, system, HIGHEST, None)?),
            _ => {}
        }
    }
    if machine.vcpus.is_empty() {
        return broken(&element.span(), Rule::NoVcpu);
    }
    if let Some(child) = element.only("doorbell", &children)? {
        machine.doorbell = Some(guest::doorbell(child, names, true)?);
    }
    if let Some(child) = element.only("guest", &children)? {
        machine.guest = Some(guest::guest(child)?);
    }
    Ok(machine)
}
