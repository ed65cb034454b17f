// SPDX-License-Identifier: BSD-2-Clause
//! `<doorbell>` and `<guest>`

use super::Names;
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{BellRegisters, Doorbell, Guest, GuestKind, Limit, Pause};
use crate::xml::Element;

/// `<doorbell>`; a native client's (`in_machine` false) has neither registers nor a port.
pub fn doorbell(element: Element, names: &Names, in_machine: bool) -> Result<Doorbell, Broken> {
    element.attributes(if in_machine {
        &["vaddr", "irq", "staging", "updates", "port"]
    } else {
        &["staging", "updates"]
    })?;
    let children = element.children(&["limit"])?;
    let port = element.boolean("port", false)?;
    let has = |name: &str| element.text(name).is_some();
    let mut registers = None;
    if in_machine && (!port || has("vaddr") || has("irq")) {
        let address = element.required_number("vaddr")?;
        if !address.value.is_multiple_of(0x1000) {
            return broken(
                &address.span,
                Rule::MapAlignment(address.value, 0x1000, "doorbell".to_owned()),
            );
        }
        registers = Some(BellRegisters {
            vaddr: address.value,
            irq: element.bounded("irq", 32, 1019)?.value,
        });
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
    let mut limits: Vec<Limit> = Vec::new();
    for child in children {
        let limit = limit(child, names)?;
        if limits.iter().any(|l| l.component == limit.component) {
            return broken(&limit.span, Rule::OnlyOnce(child.tag().to_owned()));
        }
        limits.push(limit);
    }
    Ok(Doorbell {
        span: element.span(),
        registers,
        port,
        staging,
        updates,
        limits,
    })
}

/// Most offers that a limit can count (`molt-system`).
const OFFERS: u64 = 16;
/// The longest time in which they are counted, in ms: a day.
const LONGEST_MS: u64 = 86_400_000;

/// `<limit>`
fn limit(element: Element, names: &Names) -> Result<Limit, Broken> {
    element.attributes(&["pd", "bundle_size", "offers", "per_ms", "approval"])?;
    element.children(&[])?;
    let bounded = |name, default, high| {
        let number = element.number_or(name, default)?;
        Ok(crate::xml::bounds(number, name, 1, high)?.value)
    };
    let given = |name: &str| element.text(name).is_some();
    let optional = |name, high| given(name).then(|| bounded(name, 0, high)).transpose();
    Ok(Limit {
        span: element.span(),
        component: names.domain(&element.required("pd")?)?,
        bundle_size: optional("bundle_size", u64::from(u32::MAX))?,
        offers: optional("offers", OFFERS)?,
        per_us: bounded("per_ms", 60_000, LONGEST_MS)? * 1000,
        approval: element.boolean("approval", false)?,
    })
}

/// `<guest>`
pub fn guest(element: Element) -> Result<Guest, Broken> {
    element.attributes(&[
        "kind",
        "kernel",
        "initrd",
        "cmdline",
        "reset",
        "pause_time",
        "pause_limit_ms",
    ])?;
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
        reset: element.boolean("reset", false)?,
        pause: pause(element)?,
    })
}

/// The longest pause if the description does not say, in ms: more than an update takes whose driver misses its deadlines once.
const PAUSE_MS: u64 = 10_000;
/// The longest that it may say.
const LONGEST_PAUSE_MS: u64 = 600_000;

/// What `<guest>` says about the technique `pause`.
fn pause(element: Element) -> Result<Pause, Broken> {
    let limit = element.number_or("pause_limit_ms", PAUSE_MS)?;
    let limit = crate::xml::bounds(limit, "pause_limit_ms", 1, LONGEST_PAUSE_MS)?;
    let shown = element.choice("pause_time", &[("hidden", false), ("shown", true)])?;
    Ok(Pause {
        shown: shown.unwrap_or(false),
        limit_us: limit.value * 1000,
        described: shown.is_some() || element.text("pause_limit_ms").is_some(),
    })
}
