// SPDX-License-Identifier: BSD-2-Clause
//! `molt test`: runs the tests on the host, on the kernel, and of whole systems, and ends with one line that counts them.

mod bench;
mod compare;
mod controller;
mod count;
mod growth;
mod host;
mod lint;
mod markdown;
mod microkit;
mod power;
mod programs;
mod scenarios;
mod seen;
mod suite;

use anyhow::Result;

use crate::arguments::{Part, Test};
use crate::kernel::Kernel;
use crate::output::say;
use crate::toolchain::Toolchain;
use count::Count;

/// Runs every test that the filter lets through.
pub fn run(arguments: &Test) -> Result<bool> {
    let toolchain = Toolchain::from_environment()?;
    if arguments.compare {
        return compare::run(&toolchain, &arguments.kernel);
    }
    let kernel = Kernel::choose(&arguments.kernel)?;
    let filter = arguments.filter.as_deref();
    if arguments.record {
        return suite::record(&toolchain, &kernel);
    }
    let wanted = |part| arguments.part.is_none_or(|only| only == part);
    let mut count = Count::default();
    if wanted(Part::Lint) {
        say!("== layout of the sources, Clippy");
        count += lint::run(&toolchain, filter)?;
    }
    if wanted(Part::Host) {
        say!("== on the host");
        count += host::run(&toolchain, filter)?;
    }
    if wanted(Part::Controller) {
        say!("== the controller's firmware");
        count += controller::run(&toolchain, filter, arguments.long)?;
    }
    if wanted(Part::Suite) {
        say!("== target suite on {}", kernel.label());
        count += suite::run(&toolchain, &kernel, filter)?;
    }
    if wanted(Part::Programs) {
        say!("== programs for {}", kernel.label());
        count += programs::run(&toolchain, &kernel, filter)?;
    }
    if wanted(Part::Microkit) {
        say!("== plain Microkit systems on {}", kernel.label());
        count += microkit::run(&toolchain, &kernel, filter)?;
    }
    if wanted(Part::Bench) {
        say!("== instructions of requests on {}", kernel.label());
        count += bench::run(&toolchain, &kernel, filter)?;
    }
    if wanted(Part::Scenarios) {
        say!("== scenarios on {}", kernel.label());
        count += scenarios::run(&toolchain, &kernel, filter, arguments.long)?;
    }
    if wanted(Part::Power) {
        say!("== power cuts on {}", kernel.label());
        count += power::run(&toolchain, &kernel, filter, arguments.long)?;
    }
    say!("{count}");
    Ok(count.failed == 0 && count.passed > 0)
}
