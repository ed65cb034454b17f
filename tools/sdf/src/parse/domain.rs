// SPDX-License-Identifier: BSD-2-Clause
//! `<protection_domain>`

use super::{Names, client, guest, machine, map, replaceable, schedule, x86};
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{
    Arch, DomainId, ExtraCap, ExtraCapability, Operator, ProtectionDomain, Role, System,
};
use crate::xml::{At, Element};
use molt_operator::May;

pub const CHILDREN: &[&str] = &[
    "program_image",
    "map",
    "irq",
    "setvar",
    "protection_domain",
    "virtual_machine",
    "ioport",
    "cspace",
    "replaceable",
    "client",
    "doorbell",
    "operator",
];

const ATTRIBUTES: &[&str] = &[
    "name",
    "priority",
    "budget",
    "period",
    "passive",
    "stack_size",
    "cpu",
    "smc",
    "fpu",
    "domain",
    "role",
];

/// The highest identifier of a child: limited by the slots for children's TCBs, and by the badge of their faults.
const LAST_CHILD: u64 = 63;

/// The page below the IPC buffer's, which stays free: the stack ends there.
fn stack_top(arch: Arch) -> u64 {
    match arch {
        Arch::Aarch64 => 0xff_ffff_e000,
        Arch::X86_64 => 0x7fff_ffff_d000,
    }
}

fn stack_size(element: Element) -> Result<u64, Broken> {
    let size = element.number_or("stack_size", 0x2000)?;
    if !(0x1000..=0x100_0000).contains(&size.value) {
        return broken(
            &size.span,
            Rule::Range("the stack size", 0x1000, 0x100_0000),
        );
    }
    if !size.value.is_multiple_of(0x1000) {
        return broken(&size.span, Rule::StackPages(size.value));
    }
    Ok(size.value)
}

fn identity(element: Element, parent: Option<DomainId>) -> Result<Option<(DomainId, u64)>, Broken> {
    match (parent, element.text("id")) {
        (Some(parent), Some(_)) => Ok(Some((parent, element.bounded("id", 0, LAST_CHILD)?.value))),
        (Some(_), None) => broken(&element.span(), Rule::ChildId),
        (None, Some(id)) => broken(&id.span, Rule::RootId),
        (None, None) => Ok(None),
    }
}

fn cspace(element: Element, names: &Names) -> Result<Vec<ExtraCap>, Broken> {
    element.attributes(&[])?;
    let mut caps = Vec::new();
    for child in element.children(&["cap_tcb", "cap_sc", "cap_vspace"])? {
        child.attributes(&["slot", "pd"])?;
        child.children(&[])?;
        let kind = match child.tag() {
            "cap_tcb" => ExtraCapability::Tcb,
            "cap_sc" => ExtraCapability::SchedContext,
            _ => ExtraCapability::VSpace,
        };
        // Microkit's parser lets 64 to 127 pass, which wrap around onto used slots at boot: refused here.
        let slot = child.bounded("slot", 1, 63)?;
        caps.push(ExtraCap {
            kind,
            slot,
            domain: names.domain(&child.required("pd")?)?,
        });
    }
    Ok(caps)
}

/// `<program_image>`: its file, and the one that has its symbols.
fn program(element: Element) -> Result<(At<String>, Option<At<String>>), Broken> {
    element.attributes(&["path", "path_for_symbols"])?;
    element.children(&[])?;
    Ok((element.required("path")?, element.text("path_for_symbols")))
}

/// `<operator>`
fn operator(element: Element) -> Result<Operator, Broken> {
    element.attributes(&["may"])?;
    element.children(&[])?;
    let words = element.required("may")?;
    let mut may = 0;
    for word in words.value.split_whitespace() {
        let mut groups = May::ALL.into_iter();
        let Some((_, group)) = groups.find(|(name, _)| *name == word) else {
            let all = May::ALL.map(|(name, _)| format!("'{name}'")).join(", ");
            return broken(&words.span, Rule::Choice(word.to_owned(), all));
        };
        may |= group.0;
    }
    Ok(Operator {
        span: element.span(),
        may,
    })
}

pub fn parse(
    element: Element,
    parent: Option<DomainId>,
    names: &Names,
    system: &System,
) -> Result<ProtectionDomain, Broken> {
    element.attributes(
        &[
            ATTRIBUTES,
            if parent.is_some() {
                &["id", "setvar_id"]
            } else {
                &["id"]
            },
        ]
        .concat(),
    )?;
    let children = element.children(CHILDREN)?;
    super::refuse_unsupported(names.arch, &children)?;
    let name = element.required("name")?;
    let parent = identity(element, parent)?;
    let stack_size = stack_size(element)?;
    // That there is none is said last, as Microkit does.
    let image = element.only("program_image", &children)?;
    let (path, symbols) = image.map_or(Ok((At::default(), None)), program)?;
    let words = Role::ALL.map(|role| (role.name(), role));

    let mut domain = ProtectionDomain {
        name: name.value,
        span: name.span,
        schedule: schedule::parse(element)?,
        cpu: super::core(element)?.unwrap_or(At {
            value: 0,
            span: element.span(),
        }),
        scheduling_domain: None,
        passive: element.boolean("passive", false)?,
        stack_size,
        smc: element.boolean("smc", false)?,
        fpu: element.boolean("fpu", true)?,
        parent,
        image: path,
        symbols,
        maps: Vec::new(),
        irqs: Vec::new(),
        ioports: Vec::new(),
        setvars: Vec::new(),
        cspace: Vec::new(),
        machine: None,
        role: element.choice("role", &words)?,
        replaceable: None,
        clients: Vec::new(),
        doorbell: None,
        operator: None,
    };
    for child in &children {
        match child.tag() {
            "map" => {
                let highest = stack_top(names.arch) - stack_size - 1;
                domain.maps.push(map::map(
                    *child,
                    names,
                    system,
                    highest,
                    Some(&mut domain.setvars),
                )?);
            }
            "irq" => {
                let irq = match names.arch {
                    Arch::Aarch64 => map::irq(*child, &mut domain.setvars)?,
                    Arch::X86_64 => x86::irq(*child, &mut domain.setvars)?,
                };
                domain.irqs.push(irq);
            }
            "ioport" => (domain.ioports).push(x86::ioport(*child, &mut domain.setvars)?),
            "setvar" => domain.setvars.push(map::setvar(*child, names)?),
            "client" => domain.clients.push(client::parse(*child, names)?),
            _ => {}
        }
    }
    if let Some(child) = element.only("cspace", &children)? {
        domain.cspace = cspace(child, names)?;
    }
    if let Some(child) = element.only("virtual_machine", &children)? {
        domain.machine = Some(machine::parse(
            child,
            names,
            system,
            &domain.cpu,
            &mut domain.setvars,
        )?);
    }
    if let Some(child) = element.only("replaceable", &children)? {
        domain.replaceable = Some(replaceable::parse(child, names)?);
    }
    if let Some(child) = element.only("doorbell", &children)? {
        domain.doorbell = Some(guest::doorbell(child, names, false)?);
    }
    if let Some(child) = element.only("operator", &children)? {
        domain.operator = Some(operator(child)?);
    }
    match image {
        Some(_) => Ok(domain),
        None => broken(&element.span(), Rule::NoImage(domain.name)),
    }
}
