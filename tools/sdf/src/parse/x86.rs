// SPDX-License-Identifier: BSD-2-Clause
//! What only x86_64 has: interrupts of I/O APICs and of PCI functions, `<ioport>`, `<io_address_space>`, and our `<pci>`.

use super::{Names, map};
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{
    IoMap, IoPorts, IoSpace, Irq, IrqSource, Pci, PciFunction, Rights, Setvar, System,
};
use crate::xml::{At, Element};

/// The last vector that the kernel leaves to user programs, counted from its first one for them.
const LAST_VECTOR: u64 = 107;
/// The last I/O port.
const LAST_PORT: u64 = 0xffff;
/// The last address that three levels of the IOMMU's tables translate.
const LAST_ADDRESS: u64 = (1 << 39) - 1;
/// The last domain of the IOMMU: a descriptor has 16 bits for it (VT-d 9.3).
const LAST_DOMAIN: u64 = 0xffff;
/// The last base address register of a function (PCI 3.0, 6.2.5).
const LAST_BAR: u64 = 5;

/// A PCI function as Microkit has it: `BUS:DEVICE.FUNCTION`, in hexadecimal digits.
fn function(text: &At<String>) -> Result<PciFunction, Broken> {
    let parse = |part: &str, last: u16| {
        let digits = part.len() <= 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
        let number = digits.then(|| u16::from_str_radix(part, 16).ok()).flatten();
        number.filter(|number| *number <= last)
    };
    let parsed = || {
        let (bus, rest) = text.value.split_once(':')?;
        let (device, function) = rest.split_once('.')?;
        Some(PciFunction(
            parse(bus, 0xff)? << 8 | parse(device, 0x1f)? << 3 | parse(function, 7)?,
        ))
    };
    match parsed() {
        Some(function) => Ok(function),
        None => broken(&text.span, Rule::PciFunction(text.value.clone())),
    }
}

/// `<irq>`, of a pin or of a message.
pub fn irq(element: Element, setvars: &mut Vec<Setvar>) -> Result<Irq, Broken> {
    if element.text("irq").is_some() {
        let why = "this interrupt is an Arm's: on x86_64 it has 'pin' or 'pcidev'";
        return broken(&element.span(), Rule::Unsupported("irq".to_owned(), why));
    }
    element.children(&[])?;
    let id = element.identifier("id", 0, 61)?;
    let is_message = element.text("pcidev").is_some() && element.text("pin").is_none();
    let (number, edge, source) = if is_message {
        element.attributes(&["id", "setvar_id", "pcidev", "handle", "vector"])?;
        let device = function(&element.required("pcidev")?)?;
        let handle = element.identifier("handle", 0, u64::from(u32::MAX))?;
        let vector = element.identifier("vector", 0, LAST_VECTOR)?.value;
        (handle, true, IrqSource::Msi { device, vector })
    } else {
        element.attributes(&[
            "id",
            "setvar_id",
            "ioapic",
            "pin",
            "trigger",
            "polarity",
            "vector",
        ])?;
        let index = match element.text("ioapic") {
            Some(_) => element.identifier("ioapic", 0, 255)?.value,
            None => 0,
        };
        let pin = element.identifier("pin", 0, 255)?;
        let edge = element.choice("trigger", &[("level", false), ("edge", true)])?;
        let low = element.choice("polarity", &[("high", false), ("low", true)])?;
        let vector = element.identifier("vector", 0, LAST_VECTOR)?.value;
        let source = IrqSource::IoApic {
            index,
            low: low.unwrap_or(false),
            vector,
        };
        (pin, edge.unwrap_or(false), source)
    };
    let symbol = element.text("setvar_id");
    setvars.extend(symbol.map(|symbol| map::set(symbol, id.value)));
    Ok(Irq {
        span: element.span(),
        number,
        id,
        edge,
        source,
    })
}

/// `<ioport>`
pub fn ioport(element: Element, setvars: &mut Vec<Setvar>) -> Result<IoPorts, Broken> {
    element.attributes(&["id", "setvar_id", "setvar_addr", "addr", "size"])?;
    element.children(&[])?;
    let id = element.identifier("id", 0, 61)?;
    let first = element.bounded("addr", 0, LAST_PORT)?;
    let count = element.identifier("size", 1, LAST_PORT + 1 - first.value)?;
    for (attribute, value) in [("setvar_id", id.value), ("setvar_addr", first.value)] {
        let symbol = element.text(attribute);
        setvars.extend(symbol.map(|symbol| map::set(symbol, value)));
    }
    Ok(IoPorts {
        span: element.span(),
        id,
        first: first.value,
        count: count.value,
    })
}

/// `<io_address_space>`
pub fn io_space(element: Element, names: &Names, system: &System) -> Result<IoSpace, Broken> {
    element.attributes(&["name", "peripheral_id", "domain_id"])?;
    let name = element.required("name")?;
    let domain = element.bounded("domain_id", 0, LAST_DOMAIN)?;
    let peripheral = element.required("peripheral_id")?;
    let device = function(&peripheral)?;
    for other in &system.io_spaces {
        if other.name == name.value {
            return broken(
                &name.span,
                Rule::DuplicateName("io_address_space", name.value),
            );
        }
        if other.domain == domain.value {
            return broken(
                &domain.span,
                Rule::IoDomain(domain.value, other.name.clone()),
            );
        }
        if other.device == device {
            return broken(
                &peripheral.span,
                Rule::IoDevice(device.to_string(), other.name.clone()),
            );
        }
    }
    let mut maps: Vec<IoMap> = Vec::new();
    for child in element.children(&["iomap"])? {
        let map = iomap(child, names, system)?;
        let end = |map: &IoMap| map.address + system.region(map.region).size;
        if let Some(other) = maps
            .iter()
            .find(|m| m.address < end(&map) && map.address < end(m))
        {
            let (one, two) = (system.region(map.region), system.region(other.region));
            let rule = Rule::IoMapOverlap(one.name.clone(), two.name.clone());
            return broken(&map.span, rule);
        }
        maps.push(map);
    }
    Ok(IoSpace {
        name: name.value,
        span: name.span,
        device,
        domain: domain.value,
        maps,
    })
}

fn iomap(element: Element, names: &Names, system: &System) -> Result<IoMap, Broken> {
    element.attributes(&["mr", "iovaddr", "perms"])?;
    element.children(&[])?;
    let region = names.region(&element.required("mr")?)?;
    let described = system.region(region);
    let address = element.required_number("iovaddr")?;
    if !address.value.is_multiple_of(0x1000) {
        let rule = Rule::MapAlignment(address.value, 0x1000, described.name.clone());
        return broken(&address.span, rule);
    }
    if described.page_size != 0x1000 {
        return broken(&element.span(), Rule::IoMapPages(described.name.clone()));
    }
    if address
        .value
        .checked_add(described.size - 1)
        .is_none_or(|last| last > LAST_ADDRESS)
    {
        let rule = Rule::MapTooHigh(described.name.clone(), address.value, LAST_ADDRESS);
        return broken(&address.span, rule);
    }
    let both = Rights {
        read: true,
        write: true,
        execute: false,
    };
    let words = [
        ("rw", both),
        ("wr", both),
        (
            "r",
            Rights {
                write: false,
                ..both
            },
        ),
        (
            "w",
            Rights {
                read: false,
                ..both
            },
        ),
    ];
    Ok(IoMap {
        region,
        span: element.span(),
        address: address.value,
        rights: element.choice("perms", &words)?.unwrap_or(both),
    })
}

/// `<pci>` of a replaceable PD.
pub fn pci(element: Element, names: &Names) -> Result<Pci, Broken> {
    element.attributes(&["configuration", "messages"])?;
    let mut bars = Vec::new();
    for child in element.children(&["bar"])? {
        child.attributes(&["index", "mr"])?;
        child.children(&[])?;
        let index = child.bounded("index", 0, LAST_BAR)?.value;
        bars.push((index, names.region(&child.required("mr")?)?));
    }
    Ok(Pci {
        span: element.span(),
        configuration: names.region(&element.required("configuration")?)?,
        messages: names.region(&element.required("messages")?)?,
        bars,
    })
}
