// SPDX-License-Identifier: BSD-2-Clause
//! `<replaceable>`

use super::{Names, x86};
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Firmware, Replaceable, Stop, Trust};
use crate::xml::{At, Element};

/// Arenas are made of untypeds of this size.
const ARENA_STEP: u64 = 0x1_0000;

/// Milliseconds, at most a minute.
const LONGEST_MS: u64 = 60_000;

fn text(element: Element, name: &'static str, longest: usize) -> Result<String, Broken> {
    let text = element.required(name)?;
    if text.value.len() > longest {
        return broken(&text.span, Rule::TooLong(text.value, longest));
    }
    Ok(text.value)
}

pub(super) fn or(
    element: Element,
    name: &'static str,
    default: u64,
    low: u64,
    high: u64,
) -> Result<u64, Broken> {
    let number = element.number_or(name, default)?;
    Ok(crate::xml::bounds(number, name, low, high)?.value)
}

/// A size that arenas can have.
fn arena(number: At<u64>) -> Result<u64, Broken> {
    if (0x4_0000..=0x400_0000).contains(&number.value) && number.value.is_multiple_of(ARENA_STEP) {
        return Ok(number.value);
    }
    broken(&number.span, Rule::ArenaSize(number.value))
}

/// Most keys of a component (`molt-system`).
const KEYS: usize = 8;

/// `<trust>`
fn trust(element: Element) -> Result<Trust, Broken> {
    element.attributes(&["key", "signs"])?;
    element.children(&[])?;
    let key = element.required("key")?;
    let signs = element.required("signs")?;
    let (mut driver, mut keys) = (false, false);
    for word in signs.value.split_whitespace() {
        match word {
            "driver" => driver = true,
            "keys" => keys = true,
            other => {
                let all = "'driver', 'keys'".to_owned();
                return broken(&signs.span, Rule::Choice(other.to_owned(), all));
            }
        }
    }
    Ok(Trust {
        span: element.span(),
        key,
        driver,
        keys,
    })
}

/// Most bytes of firmware (`molt-system`).
const FIRMWARE: u64 = 0x4_0000;

/// `<firmware>`
fn firmware(element: Element) -> Result<Firmware, Broken> {
    element.attributes(&["image", "size", "transfer_ms"])?;
    element.children(&[])?;
    Ok(Firmware {
        span: element.span(),
        image: element.required("image")?,
        size: or(element, "size", FIRMWARE, 1, FIRMWARE)?,
        transfer_us: or(element, "transfer_ms", 10_000, 1, LONGEST_MS)? * 1000,
    })
}

/// `<replaceable>`
pub fn parse(element: Element, names: &Names) -> Result<Replaceable, Broken> {
    element.attributes(&[
        "vendor",
        "class",
        "device",
        "abi",
        "arena",
        "bundle_slots",
        "bundle_size",
        "quiesce_ms",
        "ready_ms",
        "probation_ms",
        "probation_completions",
        "attempts",
        "relapses",
        "stop",
        "technique",
        "io_address_space",
    ])?;
    let children = element.children(&["trust", "pci", "firmware"])?;
    let pci = element.only("pci", &children)?;
    let firmware = element.only("firmware", &children)?;
    let io_space = element.text("io_address_space");
    let keys: Vec<_> = children
        .into_iter()
        .filter(|c| c.tag() == "trust")
        .collect();
    if let Some(extra) = keys.get(KEYS) {
        let what = "keys of a replaceable protection domain";
        return broken(&extra.span(), Rule::TooMany(what, KEYS));
    }
    element.choice("technique", &[("hold", ())])?;
    let arena_size = arena(element.required_number("arena")?)?;
    let bundle_size = arena(element.number_or("bundle_size", arena_size)?)?;
    Ok(Replaceable {
        span: element.span(),
        vendor: text(element, "vendor", 16)?,
        class: text(element, "class", 16)?,
        device: text(element, "device", 32)?,
        abi: or(element, "abi", 1, 0, u64::from(u32::MAX))?,
        arena: arena_size,
        bundle_slots: or(element, "bundle_slots", 3, 2, 8)?,
        bundle_size,
        quiesce_us: or(element, "quiesce_ms", 20, 1, LONGEST_MS)? * 1000,
        ready_us: or(element, "ready_ms", 200, 1, LONGEST_MS)? * 1000,
        probation_us: or(element, "probation_ms", 500, 1, LONGEST_MS)? * 1000,
        probation_completions: or(element, "probation_completions", 64, 0, u64::from(u32::MAX))?,
        attempts: or(element, "attempts", 3, 1, 100)?,
        relapses: or(element, "relapses", 5, 0, u64::from(u32::MAX))?,
        stop: element
            .choice(
                "stop",
                &[
                    ("none", Stop::None),
                    ("virtio-mmio", Stop::VirtioMmio),
                    ("sdhci", Stop::Sdhci),
                    ("virtio-pci", Stop::VirtioPci),
                ],
            )?
            .unwrap_or(Stop::None),
        trust: (keys.into_iter().map(trust)).collect::<Result<_, _>>()?,
        pci: pci.map(|pci| x86::pci(pci, names)).transpose()?,
        io_space: io_space.map(|name| names.io_space(&name)).transpose()?,
        firmware: firmware.map(self::firmware).transpose()?,
    })
}
