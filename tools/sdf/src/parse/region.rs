// SPDX-License-Identifier: BSD-2-Clause
//! `<memory_region>`

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::MemoryRegion;
use crate::xml::{At, Element};
use std::path::{Path, PathBuf};

const SMALL: u64 = 0x1000;
const LARGE: u64 = 0x20_0000;
/// Microkit's names of the information that a kernel may pass to its root task, and the kernel's numbers (`seL4_BootInfoID`).
const BOOTINFO: [(&str, u64); 6] = [
    ("x86_vbe", 1),
    ("x86_mbmmap", 2),
    ("x86_acpi_rsdp", 3),
    ("x86_framebuffer", 4),
    ("x86_tsc_freq", 5),
    ("fdt", 6),
];

fn prefill(element: Element, search: &[PathBuf]) -> Result<Option<(PathBuf, u64)>, Broken> {
    let Some(name) = element.text("prefill_path") else {
        return Ok(None);
    };
    let found = search
        .iter()
        .map(|d| d.join(Path::new(&name.value)))
        .find(|p| p.is_file());
    let Some(path) = found else {
        return broken(&name.span, Rule::PrefillMissing(name.value));
    };
    match std::fs::metadata(&path) {
        Ok(data) if data.len() > 0 => Ok(Some((path, data.len()))),
        Ok(_) => broken(&name.span, Rule::PrefillEmpty(name.value)),
        Err(_) => broken(&name.span, Rule::PrefillMissing(name.value)),
    }
}

/// Messages are the same wherever the files are.
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The page size that is given, or the largest that divides size, physical address and all addresses that the region is
/// mapped at.
fn page_size(element: Element, size: u64, addresses: &[u64]) -> Result<u64, Broken> {
    let fits = |page: u64| addresses.iter().all(|address| address.is_multiple_of(page));
    match element.number("page_size")? {
        Some(given) if given.value == SMALL || given.value == LARGE => Ok(given.value),
        Some(given) => broken(&given.span, Rule::PageSize(given.value)),
        None if size > 0 && size.is_multiple_of(LARGE) && fits(LARGE) => Ok(LARGE),
        None => Ok(SMALL),
    }
}

/// `mapped`: where the region is mapped.
pub fn parse(element: Element, search: &[PathBuf], mapped: &[u64]) -> Result<MemoryRegion, Broken> {
    element.attributes(&[
        "name",
        "size",
        "page_size",
        "phys_addr",
        "prefill_path",
        "prefill_bootinfo",
        "revocable",
    ])?;
    element.children(&[])?;
    let name = element.required("name")?;
    let prefill = prefill(element, search)?;
    let boot_info = match (element.text("prefill_bootinfo"), &prefill) {
        (Some(kind), Some(_)) => return broken(&kind.span, Rule::PrefillTwice),
        (Some(kind), None) => match BOOTINFO.iter().find(|(name, _)| *name == kind.value) {
            Some((_, number)) => Some(*number),
            None => return broken(&kind.span, Rule::PrefillBootinfo(kind.value)),
        },
        (None, _) => None,
    };
    let size = match (element.number("size")?, &prefill) {
        (Some(size), _) => size,
        (None, Some((_, length))) => At {
            value: length.next_multiple_of(SMALL),
            span: element.span(),
        },
        (None, None) if boot_info.is_some() => At {
            value: SMALL,
            span: element.span(),
        },
        (None, None) => return broken(&element.span(), Rule::RegionSize(name.value)),
    };
    let phys_addr = element.number("phys_addr")?;
    let addresses = phys_addr.iter().map(|address| address.value);
    let addresses: Vec<u64> = addresses.chain(mapped.iter().copied()).collect();
    let page = page_size(element, size.value, &addresses)?;
    let size = if element.text("size").is_none() {
        At {
            value: size.value.next_multiple_of(page),
            ..size
        }
    } else {
        size
    };
    if size.value == 0 || !size.value.is_multiple_of(page) {
        return broken(&size.span, Rule::RegionSizePages(size.value, page));
    }
    if let Some((path, length)) = &prefill
        && *length > size.value
    {
        return broken(
            &size.span,
            Rule::PrefillSize(file_name(path), *length, size.value),
        );
    }
    if let Some(address) = &phys_addr
        && !address.value.is_multiple_of(page)
    {
        return broken(&address.span, Rule::RegionAddress(address.value, page));
    }
    Ok(MemoryRegion {
        name: name.value,
        span: name.span,
        size: size.value,
        page_size: page,
        phys_addr: phys_addr.map(|a| a.value),
        prefill,
        boot_info,
        revocable: element.boolean("revocable", false)?,
    })
}
