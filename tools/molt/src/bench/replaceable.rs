// SPDX-License-Identifier: BSD-2-Clause
//! What it costs a request that the driver can be replaced, while it is not: the instructions of the functions that are there for it.
//! docs/performance.md says why no second system is built to compare with.

use anyhow::{Result, bail};

use super::{profile, wanted};
use crate::kernel::Kernel;
use crate::toolchain::Toolchain;

/// The load's rows, in its order.
const ROWS: [&str; 10] = [
    "read_4k_d1",
    "write_4k_d1",
    "read_4k_d8",
    "write_4k_d8",
    "read_4k_d32",
    "write_4k_d32",
    "read_128k_d1",
    "write_128k_d1",
    "read_128k_d4",
    "write_128k_d4",
];
/// Requests in each.
const REQUESTS: u64 = 500;
/// Programs that are there for it alone.
const PROGRAMS: [&str; 2] = ["molt-update-pd", "molt-stage"];
/// Functions that are, by the beginning of their source's name; no function: all there.
const FUNCTIONS: [(&str, &[&str]); 5] = [
    ("lib/gate/src/", &[]),
    ("lib/control/src/", &[]),
    // A generation gives its account, looks for orders and shows that it lives.
    (
        "pds/generation/src/",
        &["account", "beat", "follow_order", "settle", "tell_update"],
    ),
    // The VMM counts for `update`, and follows the gate.
    ("vmm/src/", &["count", "follow", "follow_with"]),
    // The client keeps a copy of each request, to write the queue anew from it.
    ("lib/block-queue/src/", &["copy_from"]),
];

/// For each row the instructions of a request that are there for it, and how much more they are than all others together, in
/// percent.
pub fn run(toolchain: &Toolchain, kernel: &Kernel) -> Result<Vec<(String, f64)>> {
    let profiles = profile::run(&toolchain.with_lines(), kernel, &ROWS, REQUESTS)?;
    let mut figures = Vec::new();
    for (row, profile) in ROWS.iter().zip(profiles) {
        let own = profile.within(belongs);
        if profile.within(|name| name.contains("(lib/control/src/")) == 0.0 {
            bail!(
                "{row}: no instruction of lib/control was found: the programs have no line tables"
            );
        }
        let percent = 100.0 * own / (profile.instructions - own);
        let name = |what| format!("{}{row}_{what}", wanted::REPLACEABLE);
        figures.extend([(name("instructions"), own), (name("percent"), percent)]);
    }
    Ok(figures)
}

fn belongs(name: &str) -> bool {
    let Some((function, file)) = name
        .strip_suffix(')')
        .and_then(|name| name.rsplit_once(" ("))
    else {
        return PROGRAMS.contains(&name);
    };
    let function = match function.starts_with('<') {
        true => function.rsplit("::").next(),
        false => (function.split('<').next()).and_then(|path| path.rsplit("::").next()),
    };
    let is_it = |(start, functions): &(&str, &[&str])| {
        file.starts_with(start)
            && (functions.is_empty() || function.is_some_and(|name| functions.contains(&name)))
    };
    FUNCTIONS.iter().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_itself_does_not_belong_to_it() {
        for name in [
            "change (lib/gate/src/client.rs)",
            "settle<molt_block::driver::Driver<D>, F> (pds/generation/src/generation.rs)",
            "<molt_vmm::vm::Vm>::count (vmm/src/vm.rs)",
            "molt-update-pd",
        ] {
            assert!(belongs(name), "{name}");
        }
        for name in [
            "<molt_generation::generation::Generation<D, F> as sel4_microkit::handler::Handler>::run (pds/generation/src/generation.rs)",
            "<molt_vmm::virtio::block::Block>::take (vmm/src/virtio/block.rs)",
            "count<molt_vmm::bus::Entry>",
            "molt-vmm-pd",
        ] {
            assert!(!belongs(name), "{name}");
        }
    }
}
