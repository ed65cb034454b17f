// SPDX-License-Identifier: BSD-2-Clause
//! From text to model, element by element. Names are resolved here; what concerns several elements is in `rules`.

mod channel;
mod client;
mod domain;
mod domains;
mod guest;
mod machine;
mod map;
mod region;
mod replaceable;
mod schedule;
mod technique;
mod x86;

use crate::error::{Broken, broken};
use crate::model::{Arch, DomainId, RegionId, System};
use crate::xml::{At, Element, bounds};
use crate::{Rule, Source};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What elements refer to by name.
pub(crate) struct Names {
    pub regions: Vec<String>,
    pub domains: Vec<String>,
    pub io_spaces: Vec<String>,
    /// What the description is for.
    pub arch: Arch,
}

impl Names {
    pub fn region(&self, name: &At<String>) -> Result<RegionId, Broken> {
        match self.regions.iter().position(|r| *r == name.value) {
            Some(id) => Ok(id),
            None => broken(&name.span, Rule::NoRegion(name.value.clone())),
        }
    }

    pub fn io_space(&self, name: &At<String>) -> Result<usize, Broken> {
        match self.io_spaces.iter().position(|s| *s == name.value) {
            Some(id) => Ok(id),
            None => broken(&name.span, Rule::NoIoSpace(name.value.clone())),
        }
    }

    pub fn domain(&self, name: &At<String>) -> Result<DomainId, Broken> {
        match self.domains.iter().position(|d| *d == name.value) {
            Some(id) => Ok(id),
            None => broken(&name.span, Rule::NoDomain(name.value.clone())),
        }
    }
}

/// Elements of Microkit that an AArch64 board cannot have.
const NOT_AARCH64: [(&str, &str); 2] = [
    ("io_address_space", "this board has no IOMMU"),
    ("ioport", "AArch64 has no I/O ports"),
];
/// Elements of Microkit and of ours that an x86_64 board cannot have.
const NOT_X86_64: [(&str, &str); 1] = [(
    "virtual_machine",
    "this board's kernel is built without VT-x",
)];

pub(crate) fn refuse_unsupported(arch: Arch, children: &[Element]) -> Result<(), Broken> {
    let unsupported = match arch {
        Arch::Aarch64 => &NOT_AARCH64[..],
        Arch::X86_64 => &NOT_X86_64[..],
    };
    for child in children {
        if let Some((tag, why)) = unsupported.iter().find(|(tag, _)| *tag == child.tag()) {
            return broken(&child.span(), Rule::Unsupported((*tag).to_owned(), why));
        }
    }
    Ok(())
}

/// The attribute `cpu`. Which cores there are depends on the kernel: molt-image asks it.
fn core(element: Element) -> Result<Option<At<u64>>, Broken> {
    let cpu = element.number("cpu")?;
    cpu.map(|cpu| bounds(cpu, "the core", 0, u8::MAX.into()))
        .transpose()
}

/// A `<protection_domain>` with its parent's index.
struct Nested<'a> {
    element: Element<'a>,
    parent: Option<DomainId>,
    /// Whether `<domains>` comes before it: it can refer only to that.
    after_domains: bool,
}

/// A PD and its descendants, a parent before its children. No recursion: the text decides how deep it nests.
fn flatten<'a>(
    element: Element<'a>,
    after_domains: bool,
    all: &mut Vec<Nested<'a>>,
) -> Result<(), Broken> {
    let mut waiting = vec![Nested {
        element,
        parent: None,
        after_domains,
    }];
    while let Some(next) = waiting.pop() {
        let children = next.element.children(domain::CHILDREN)?;
        let parent = Some(all.len());
        all.push(next);
        for element in children.into_iter().rev() {
            if element.tag() == "protection_domain" {
                waiting.push(Nested {
                    element,
                    parent,
                    after_domains,
                });
            }
        }
    }
    Ok(())
}

/// An error of the XML parser. Its columns count characters from 1.
fn malformed(source: &Source, error: &roxmltree::Error) -> Broken {
    let at = error.pos();
    let mut lines = source.text().split_inclusive('\n');
    let row = at.row.saturating_sub(1) as usize;
    let before: usize = lines.by_ref().take(row).map(str::len).sum();
    let column = at.col.saturating_sub(1) as usize;
    let line = lines.next().unwrap_or_default();
    let offset = before
        + line
            .char_indices()
            .nth(column)
            .map_or(line.len(), |(offset, _)| offset);
    // Its text has the place, which our message already begins with.
    let text = error
        .to_string()
        .replace(&format!(" at {}:{}", at.row, at.col), "");
    Broken {
        rule: Rule::Xml(text),
        span: offset..offset + 1,
    }
}

/// The addresses at which each region is mapped, in PDs and virtual machines; they decide on its page size. Errors in a
/// mapping are reported when it is parsed.
fn mapped(document: &roxmltree::Document) -> BTreeMap<String, Vec<u64>> {
    let mut mapped: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let maps = document
        .descendants()
        .filter(|node| node.has_tag_name("map"));
    for (region, vaddr) in
        maps.filter_map(|map| Some((map.attribute("mr")?, map.attribute("vaddr")?)))
    {
        if let Ok(vaddr) = crate::value::number(vaddr) {
            mapped.entry(region.to_owned()).or_default().push(vaddr);
        }
    }
    mapped
}

/// The system that a description's text describes.
pub(crate) fn system(arch: Arch, source: &Source, search: &[PathBuf]) -> Result<System, Broken> {
    let document =
        roxmltree::Document::parse(source.text()).map_err(|error| malformed(source, &error))?;
    let root = Element::new(document.root_element());
    if root.tag() != "system" {
        return broken(&root.span(), Rule::Root(root.tag().to_owned()));
    }
    let children = root.children(&[
        "protection_domain",
        "memory_region",
        "channel",
        "domains",
        "io_address_space",
        "ioport",
    ])?;
    refuse_unsupported(arch, &children)?;
    root.only("domains", &children)?;

    let mapped = mapped(&document);
    let mut system = System::default();
    let mut nested = Vec::new();
    for child in &children {
        match child.tag() {
            "memory_region" => {
                let name = child.text("name").map(|name| name.value);
                let mapped = name.and_then(|name| mapped.get(&name));
                let mapped = mapped.map_or(&[][..], Vec::as_slice);
                system.regions.push(region::parse(*child, search, mapped)?);
            }
            "protection_domain" => {
                flatten(*child, system.domain_schedule.is_some(), &mut nested)?;
            }
            "domains" => system.domain_schedule = Some(domains::parse(*child)?),
            _ => {}
        }
    }
    let mut names = Names {
        regions: system.regions.iter().map(|r| r.name.clone()).collect(),
        domains: Vec::new(),
        io_spaces: Vec::new(),
        arch,
    };
    for element in children.iter().filter(|c| c.tag() == "io_address_space") {
        let space = x86::io_space(*element, &names, &system)?;
        names.io_spaces.push(space.name.clone());
        system.io_spaces.push(space);
    }
    for pd in &nested {
        names.domains.push(pd.element.required("name")?.value);
    }
    for pd in &nested {
        let mut domain = domain::parse(pd.element, pd.parent, &names, &system)?;
        let schedule = system.domain_schedule.as_ref().filter(|_| pd.after_domains);
        domain.scheduling_domain = domains::of(pd.element, schedule)?;
        system.domains.push(domain);
    }
    for (child, pd) in nested.iter().enumerate() {
        // The identifier of a child is a symbol of its parent.
        if let (Some(parent), Some(symbol)) = (pd.parent, pd.element.text("setvar_id")) {
            let id = system.domains[child].parent.map_or(0, |(_, id)| id);
            system.domains[parent].setvars.push(map::set(symbol, id));
        }
    }
    for element in children.iter().filter(|c| c.tag() == "channel") {
        let channel = channel::parse(*element, &names, &mut system)?;
        system.channels.push(channel);
    }
    Ok(system)
}
