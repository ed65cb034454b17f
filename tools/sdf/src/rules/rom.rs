// SPDX-License-Identifier: BSD-2-Clause
//! ROMs: flash whose content clients read.

use molt_rom::LABEL;

use super::pass_through::covers;
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Client, DomainId, MemoryRegion, ROM, Stop, System};

/// Most clients: as many can map one revocable region, beside the driver (`molt-system`).
const CLIENTS: usize = molt_system::MAX_MAPPINGS - 1;
/// End of a guest's addresses: 40 bits (`molt-image`).
const GUEST_END: u64 = 1 << 40;

/// What a component of this class needs beside its clients.
pub fn component(system: &System, index: DomainId) -> Result<(), Broken> {
    let domain = &system.domains[index];
    let Some(replaceable) = domain.replaceable.as_ref().filter(|r| r.class == ROM) else {
        return Ok(());
    };
    let wrong = |why: String| broken(&replaceable.span, Rule::Rom(domain.name.clone(), why));
    if domain.clients.len() > CLIENTS {
        return wrong(format!("it has at most {CLIENTS} clients"));
    }
    let is_bank = |region: &MemoryRegion| !region.revocable && region.phys_addr.is_some();
    let regions = || domain.maps.iter().map(|map| system.region(map.region));
    let Some(content) = system.rom_content(index).map(|id| system.region(id)) else {
        return wrong(
            "it maps one revocable region, in which its clients read the content".to_owned(),
        );
    };
    let written = domain.maps.iter().all(|map| map.rights.write);
    let both = regions().count() == 2 && regions().any(is_bank) && written;
    if !both || !domain.irqs.is_empty() {
        return wrong(format!(
            "it maps its flash bank (a region with phys_addr) and '{}', with perms=\"rw\", and has no interrupt",
            content.name
        ));
    }
    if replaceable.stop != Stop::None || replaceable.io_space.is_some() {
        return wrong(
            "its 'stop' is 'none', and it has no address space: flash does no DMA".to_owned(),
        );
    }
    let Some(firmware) = &replaceable.firmware else {
        return wrong("its content is its <firmware>, which is missing".to_owned());
    };
    let needed = firmware.size.saturating_add(LABEL as u64);
    if needed > content.size {
        return wrong(format!(
            "'{}' has {:#x} bytes, and a content of {:#x} with its label needs {needed:#x}",
            content.name, content.size, firmware.size
        ));
    }
    Ok(())
}

/// A client, which reads the content.
pub fn client(system: &System, driver: DomainId, client: &Client) -> Result<(), Broken> {
    let described = &system.domains[driver];
    let domain = &system.domains[client.domain];
    let wrong = |why: &str| {
        let rule = Rule::Rom(described.name.clone(), why.to_owned());
        broken(&client.span, rule)
    };
    let Some(vaddr) = client.rom() else {
        return wrong("each of its <client>s has a <rom>");
    };
    // Without it the component is refused.
    let Some(content) = system.rom_content(driver).map(|id| system.region(id)) else {
        return Ok(());
    };
    if !vaddr.is_multiple_of(content.page_size) {
        let rule = Rule::MapAlignment(vaddr, content.page_size, content.name.clone());
        return broken(&client.span, rule);
    }
    let Some(machine) = &domain.machine else {
        return wrong("its client has no virtual machine");
    };
    if machine.guest.is_none() {
        return wrong("its client has no <guest>");
    }
    let range = vaddr..vaddr.saturating_add(content.size);
    if range.end > GUEST_END {
        return wrong("its address in the guest is too high");
    }
    let mut others = system.domains.iter().flat_map(|domain| &domain.clients);
    let others = others.any(|other| {
        let elsewhere = other.domain != client.domain || other.span == client.span;
        let place = other.rom().or(other.passed().map(|passed| passed.vaddr));
        !elsewhere && place.is_some_and(|place| range.contains(&place))
    });
    if others || covers(system, machine, range.clone()) {
        return wrong("something else is at its address in the guest");
    }
    Ok(())
}
