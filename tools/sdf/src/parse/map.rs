// SPDX-License-Identifier: BSD-2-Clause
//! `<map>`, `<irq>`, `<setvar>` and the `setvar_…` attributes.

use super::Names;
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Irq, IrqSource, Map, Rights, Setvar, SetvarValue, System};
use crate::value;
use crate::xml::{At, Element};

/// The GIC's last interrupt (Arm IHI 0048, 2.2.1).
const LAST_INTERRUPT: u64 = 1019;

/// A symbol that gets a number.
pub fn set(symbol: At<String>, value: u64) -> Setvar {
    Setvar {
        symbol,
        value: SetvarValue::Number(value),
    }
}

/// `<map>`. `highest`: the last address that may be mapped.
pub fn map(
    element: Element,
    names: &Names,
    system: &System,
    highest: u64,
    setvars: Option<&mut Vec<Setvar>>,
) -> Result<Map, Broken> {
    let in_domain = [
        "mr",
        "vaddr",
        "perms",
        "cached",
        "setvar_vaddr",
        "setvar_size",
        "setvar_prefill_size",
    ];
    element.attributes(if setvars.is_some() {
        &in_domain
    } else {
        &in_domain[..4]
    })?;
    element.children(&[])?;
    let region = names.region(&element.required("mr")?)?;
    let described = system.region(region);
    let vaddr = element.required_number("vaddr")?;
    if !vaddr.value.is_multiple_of(described.page_size) {
        let rule = Rule::MapAlignment(vaddr.value, described.page_size, described.name.clone());
        return broken(&vaddr.span, rule);
    }
    if vaddr
        .value
        .checked_add(described.size - 1)
        .is_none_or(|last| last > highest)
    {
        return broken(
            &vaddr.span,
            Rule::MapTooHigh(described.name.clone(), vaddr.value, highest),
        );
    }
    let rights = match element.text("perms") {
        Some(text) => text.try_map(|t| value::rights(&t))?.value,
        None => Rights {
            read: true,
            write: true,
            execute: false,
        },
    };
    if let Some(setvars) = setvars {
        setvars.extend(
            element
                .text("setvar_vaddr")
                .map(|symbol| set(symbol, vaddr.value)),
        );
        setvars.extend(
            element
                .text("setvar_size")
                .map(|symbol| set(symbol, described.size)),
        );
        if let Some(symbol) = element.text("setvar_prefill_size") {
            let Some((_, length)) = &described.prefill else {
                let rule = Rule::PrefillSizeSymbol(described.name.clone(), symbol.value);
                return broken(&symbol.span, rule);
            };
            setvars.push(set(symbol, *length));
        }
    }
    Ok(Map {
        region,
        span: element.span(),
        vaddr,
        rights,
        cached: element.boolean("cached", true)?,
    })
}

/// `<irq>`
pub fn irq(element: Element, setvars: &mut Vec<Setvar>) -> Result<Irq, Broken> {
    let foreign = ["pin", "vector", "ioapic", "polarity", "pcidev", "handle"];
    let has = |name: &&str| element.text(name).is_some();
    if !has(&"irq") && foreign.iter().any(has) {
        return broken(
            &element.span(),
            Rule::Unsupported("irq".to_owned(), "this interrupt is an x86's"),
        );
    }
    element.attributes(&["irq", "id", "trigger", "setvar_id"])?;
    element.children(&[])?;
    let id = element.identifier("id", 0, 61)?;
    let number = element.identifier("irq", 0, LAST_INTERRUPT)?;
    setvars.extend(
        element
            .text("setvar_id")
            .map(|symbol| set(symbol, id.value)),
    );
    let edge = element
        .choice("trigger", &[("level", false), ("edge", true)])?
        .unwrap_or(false);
    Ok(Irq {
        span: element.span(),
        number,
        id,
        edge,
        source: IrqSource::Gic,
    })
}

/// `<setvar>`
pub fn setvar(element: Element, names: &Names) -> Result<Setvar, Broken> {
    element.attributes(&["symbol", "region_paddr"])?;
    element.children(&[])?;
    let symbol = element.required("symbol")?;
    let region = names.region(&element.required("region_paddr")?)?;
    Ok(Setvar {
        symbol,
        value: SetvarValue::Address(region),
    })
}
