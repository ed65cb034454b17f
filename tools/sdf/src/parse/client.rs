// SPDX-License-Identifier: BSD-2-Clause
//! `<client>`

use super::Names;
use super::replaceable::or;
use super::technique::{stand_in, techniques};
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Client, PassThrough, Share};
use crate::value;
use crate::xml::{Element, bounds};

/// Attributes of a client's share of a disk.
const SECTORS: [&str; 2] = ["first_sector", "sectors"];

/// The longest time for which a client may defer an update, in ms: an hour. Who wants more wants no update at all.
const LONGEST_DEFERRAL_MS: u64 = 3_600_000;

/// `<client>`
pub fn parse(element: Element, names: &Names) -> Result<Client, Broken> {
    for name in SECTORS {
        if let Some(at) = element.text(name) {
            return broken(&at.span, Rule::ShareAttribute(name));
        }
    }
    let shares = element.children(&[
        "block",
        "entropy",
        "network",
        "sensor",
        "pass_through",
        "rom",
    ])?;
    if let Some(second) = shares.get(1) {
        return broken(&second.span(), Rule::OnlyOnce("client's share".to_owned()));
    }
    // These have no requests.
    let queued = !matches!(
        shares.first().map(|share| share.tag()),
        Some("pass_through" | "rom")
    );
    match queued {
        false => element.attributes(&["pd", "defer_ms"])?,
        true => element.attributes(&["pd", "queue", "memory", "defer_ms"])?,
    }
    Ok(Client {
        span: element.span(),
        domain: names.domain(&element.required("pd")?)?,
        queue: match queued {
            false => None,
            true => Some(names.region(&element.required("queue")?)?),
        },
        memory: (element.text("memory").as_ref())
            .map(|memory| names.region(memory))
            .transpose()?,
        defer_us: or(element, "defer_ms", 0, 0, LONGEST_DEFERRAL_MS)? * 1000,
        share: shares
            .first()
            .map(|share| self::share(*share))
            .transpose()?,
        techniques: shares
            .first()
            .map(|share| techniques(*share))
            .transpose()?
            .unwrap_or_default(),
        stand_in: shares
            .first()
            .map(|share| stand_in(*share, names))
            .transpose()?
            .flatten(),
    })
}

/// A client's share of a device, by class.
fn share(element: Element) -> Result<Share, Broken> {
    element.children(&[])?;
    match element.tag() {
        "entropy" => {
            element.attributes(&["technique"])?;
            Ok(Share::Entropy)
        }
        "sensor" => {
            element.attributes(&["technique"])?;
            Ok(Share::Sensor)
        }
        "network" => network(element),
        "pass_through" => pass_through(element),
        "rom" => {
            element.attributes(&["vaddr"])?;
            let vaddr = element.required_number("vaddr")?;
            Ok(Share::Rom { vaddr: vaddr.value })
        }
        _ => {
            element.attributes(&["first_sector", "sectors", "technique", "stand_in", "log"])?;
            Ok(Share::Block {
                first_sector: element.number_or("first_sector", 0)?.value,
                sectors: or(element, "sectors", 0, 0, 1 << 54)?,
            })
        }
    }
}

/// Interrupts of a guest that are no private ones, as far as they are modelled (`molt-vmm`).
const SHARED_INTERRUPTS: [u64; 2] = [32, 127];
/// Bytes of a page.
const PAGE: u64 = 0x1000;

/// `<pass_through>`
fn pass_through(element: Element) -> Result<Share, Broken> {
    element.attributes(&["vaddr", "irq", "id", "offset", "size"])?;
    let [first, last] = SHARED_INTERRUPTS;
    let vaddr = element.required_number("vaddr")?;
    if !vaddr.value.is_multiple_of(PAGE) {
        let name = "pass_through".to_owned();
        return broken(&vaddr.span, Rule::MapAlignment(vaddr.value, PAGE, name));
    }
    let irq = bounds(element.required_number("irq")?, "irq", first, last)?;
    let id = bounds(element.required_number("id")?, "id", 0, 61)?;
    Ok(Share::PassThrough(PassThrough {
        vaddr: vaddr.value,
        irq: irq.value,
        id: id.value,
        registers: (
            or(element, "offset", 0, 0, PAGE - 4)?,
            or(element, "size", PAGE, 4, PAGE)?,
        ),
    }))
}

/// `<network>`
fn network(element: Element) -> Result<Share, Broken> {
    element.attributes(&["mac", "pinned", "isolated", "technique"])?;
    let mac = element.required("mac")?;
    Ok(Share::Network {
        mac: mac.try_map(|text| value::mac(&text))?.value,
        pinned: element.boolean("pinned", false)?,
        isolated: element.boolean("isolated", false)?,
    })
}
