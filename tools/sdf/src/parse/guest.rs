// SPDX-License-Identifier: BSD-2-Clause
//! `<doorbell>` and `<guest>`

use super::Names;
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Doorbell, Guest, GuestKind};
use crate::xml::Element;

/// `<doorbell>`; a native client's (`in_machine` false) has neither registers nor interrupt.
pub fn doorbell(element: Element, names: &Names, in_machine: bool) -> Result<Doorbell, Broken> {
    element.attributes(if in_machine {
        &["vaddr", "irq", "staging", "updates"]
    } else {
        &["staging", "updates"]
    })?;
    element.children(&[])?;
    let (mut vaddr, mut irq) = (0, 0);
    if in_machine {
        let address = element.required_number("vaddr")?;
        if !address.value.is_multiple_of(0x1000) {
            return broken(
                &address.span,
                Rule::MapAlignment(address.value, 0x1000, "doorbell".to_owned()),
            );
        }
        vaddr = address.value;
        irq = element.bounded("irq", 32, 1019)?.value;
    }
    let staging = names.region(&element.required("staging")?)?;
    let list = element.required("updates")?;
    let mut updates = Vec::new();
    for name in list.value.split_whitespace() {
        let at = crate::xml::At {
            value: name.to_owned(),
            span: list.span.clone(),
        };
        updates.push(names.domain(&at)?);
    }
    Ok(Doorbell {
        span: element.span(),
        vaddr,
        irq,
        staging,
        updates,
    })
}

/// `<guest>`
pub fn guest(element: Element) -> Result<Guest, Broken> {
    element.attributes(&["kind", "kernel", "initrd", "cmdline"])?;
    element.children(&[])?;
    element.required("kind")?;
    let kind = element.choice(
        "kind",
        &[("bare", GuestKind::Bare), ("linux", GuestKind::Linux)],
    )?;
    Ok(Guest {
        span: element.span(),
        kind: kind.unwrap_or(GuestKind::Bare),
        kernel: element.required("kernel")?,
        initrd: element.text("initrd"),
        cmdline: element.text("cmdline").map(|t| t.value).unwrap_or_default(),
    })
}
