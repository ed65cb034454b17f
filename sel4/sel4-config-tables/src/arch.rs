// SPDX-License-Identifier: BSD-2-Clause
//! The architectures, and what programs for each need of a kernel's tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::{Error, Setting, Tables};

/// A kernel's architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// AArch64, in hypervisor mode.
    Aarch64,
    /// x86_64, without VT-x.
    X86_64,
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aarch64 => "AArch64",
            Self::X86_64 => "x86_64",
        })
    }
}

impl FromStr for Arch {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "aarch64" => Ok(Self::Aarch64),
            "x86_64" => Ok(Self::X86_64),
            _ => Err(format!("no architecture '{name}': 'aarch64' or 'x86_64'")),
        }
    }
}

/// The keys that have to be there.
pub(crate) struct Needed {
    pub(crate) config: BTreeSet<String>,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) sizes: BTreeSet<String>,
}

/// A label that kernels for several cores do not have; no program uses it.
const ONE_CORE_ONLY: &str = "ARMIRQIssueSGISignal";

/// Keys of the configuration that only programs for AArch64 can depend on.
const ARM_CONFIG: [&str; 7] = [
    "ARCH_AARCH64",
    "ARM_HYPERVISOR_SUPPORT",
    "ARM_PA_SIZE_BITS_40",
    "ARM_PA_SIZE_BITS_44",
    "ARM_CORTEX_A53",
    "ALLOW_SMC_CALLS",
    "TIMER_FREQUENCY",
];
/// Keys of the configuration that only programs for x86_64 can depend on.
const X86_CONFIG: [&str; 6] = [
    "IRQ_IOAPIC",
    "IOMMU",
    "VTX",
    "HUGE_PAGE",
    "SYSCALL",
    "XSAVE_SIZE",
];
/// Labels that only a kernel for x86_64 has.
const X86_LABELS: [&str; 22] = [
    "X86PDPTMap",
    "X86PDPTUnmap",
    "X86PageDirectoryMap",
    "X86PageDirectoryUnmap",
    "X86PageTableMap",
    "X86PageTableUnmap",
    "X86IOPageTableMap",
    "X86IOPageTableUnmap",
    "X86PageMap",
    "X86PageUnmap",
    "X86PageMapIO",
    "X86PageGetAddress",
    "X86ASIDControlMakePool",
    "X86ASIDPoolAssign",
    "X86IOPortControlIssue",
    "X86IOPortIn8",
    "X86IOPortIn32",
    "X86IOPortOut8",
    "X86IOPortOut32",
    "X86IRQIssueIRQHandlerIOAPIC",
    "X86IRQIssueIRQHandlerMSI",
    "X86IOPortIn16",
];
/// Sizes that only a kernel for x86_64 has.
const X86_SIZES: [&str; 1] = ["io_page_table"];

impl Arch {
    /// The architecture that a configuration is of; another one than these two is taken for AArch64, whose keys it lacks.
    pub(crate) fn of(config: &BTreeMap<String, Setting>) -> Self {
        match config.get("ARCH_X86_64") {
            Some(Setting::Bool(true)) => Self::X86_64,
            _ => Self::Aarch64,
        }
    }

    /// What programs for it need: what the embedded kernel's tables have, and on x86_64 its own in place of Arm's.
    pub(crate) fn needed(self) -> Result<Needed, Error> {
        let Tables {
            config,
            labels,
            sizes,
        } = Tables::embedded()?;
        let mut needed = Needed {
            config: config.into_keys().collect(),
            labels: labels.into_keys().collect(),
            sizes: sizes.into_keys().collect(),
        };
        needed.labels.remove(ONE_CORE_ONLY);
        if self == Self::X86_64 {
            for key in ARM_CONFIG {
                needed.config.remove(key);
            }
            needed.labels.retain(|label| !label.starts_with("ARM"));
            needed.config.extend(X86_CONFIG.map(str::to_owned));
            needed.labels.extend(X86_LABELS.map(str::to_owned));
            needed.sizes.extend(X86_SIZES.map(str::to_owned));
        }
        Ok(needed)
    }
}
