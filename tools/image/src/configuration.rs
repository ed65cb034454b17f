// SPDX-License-Identifier: BSD-2-Clause
//! The kernel configuration that programs have to be built for, and the board's memory.

use crate::elf::Elf;
use crate::error::ElfError;
use crate::{Error, KernelSource};
use molt_payload::BLOCK_SIZE;
use molt_sdk::{Arch, Platform, Tables};
use molt_system::layout::{self, Top};
use std::ops::Range;

/// How seL4 is called: `svc #0` (Arm ARM, DDI 0487, C6.2 "SVC"), `syscall` (Intel SDM, volume 2, SYSCALL).
const SVC_0: [u8; 4] = 0xd400_0001_u32.to_le_bytes();
const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// Where a PD's IPC buffer and stack are on an architecture.
pub fn top_of(arch: Arch) -> Top {
    match arch {
        Arch::Aarch64 => layout::AARCH64,
        Arch::X86_64 => layout::X86_64,
    }
}

/// What programs have to be built for.
pub struct Configuration {
    pub tables: Tables,
    pub digest: [u8; 32],
    /// The board's memory.
    pub platform: Platform,
    /// Interrupts that a handler can be had for: those below this number; `None`: not known.
    pub interrupts: Option<u64>,
    /// The cores that the kernel runs on, all of which it waits for when it starts.
    pub cores: u64,
    kernel: KernelSource,
}

impl Configuration {
    pub fn of(kernel: &KernelSource) -> Result<Self, Error> {
        let tables = kernel.tables()?;
        Ok(Self {
            digest: tables.digest(),
            tables,
            platform: kernel.platform()?,
            interrupts: kernel.interrupts(),
            cores: kernel.cores(),
            kernel: kernel.clone(),
        })
    }

    /// Slots of the root task's CNode.
    pub fn root_slots(&self) -> Result<u64, Error> {
        let bits = self.tables.number("ROOT_CNODE_SIZE_BITS");
        Ok(1 << bits.map_err(molt_sdk::Error::Tables)?.min(47))
    }

    /// RAM that the kernel keeps, whatever else its image takes.
    pub fn kept(&self) -> Option<Range<u64>> {
        match self.kernel {
            KernelSource::Embedded(_) => Some(crate::kept::EMBEDDED_HEAP),
            KernelSource::Sdk(_) => None,
        }
    }

    /// RAM that can be left for a system at the most: the kernel and the root task have 2 MiB each at the least, from the
    /// beginning of the first range on.
    pub fn free_at_most(&self) -> Vec<Range<u64>> {
        let start = self.platform.memory.first().map_or(0, |range| range.start);
        let fixed = start..start + 2 * BLOCK_SIZE;
        let taken: Vec<_> = self.kept().into_iter().chain([fixed]).collect();
        crate::kept::free(&self.platform.memory, &taken)
    }

    /// The architecture.
    pub fn arch(&self) -> Arch {
        self.tables.arch()
    }

    /// Where a PD's IPC buffer and stack are.
    pub fn top(&self) -> Top {
        top_of(self.arch())
    }

    /// The kernel.
    pub fn kernel(&self) -> &KernelSource {
        &self.kernel
    }

    /// Why this kernel does not run one domain after the other, if it does not.
    pub fn without_domain_scheduler(&self) -> Option<&'static str> {
        match &self.kernel {
            KernelSource::Embedded(_) => Some(
                "the embedded one has no domain scheduler; build for the seL4 of a Microkit SDK (--sdk DIR)",
            ),
            KernelSource::Sdk(_) if self.cores > 1 => Some(
                "seL4 has no domain scheduler in configurations for several cores; take one for a single core (--config)",
            ),
            KernelSource::Sdk(_) => None,
        }
    }

    /// Refuses a program whose note names another configuration. A program without a note is accepted:
    /// whoever built it is responsible for the configuration.
    pub fn check(&self, program: &[u8]) -> Result<(), ElfError> {
        match molt_bundle::configuration(program) {
            Some(digest) if digest != self.digest => Err(ElfError::Configuration {
                built_for: self.name(digest),
                kernel: self.kernel.name(),
            }),
            _ => Ok(()),
        }
    }

    /// Refuses a C program that was linked with the libmicrokit of a debug configuration if the kernel is not a debug kernel, and
    /// the reverse: the library prints with a system call only in a debug configuration.
    pub fn check_library(&self, program: &Elf) -> Result<(), ElfError> {
        let Some(code) = program.content("microkit_dbg_putc") else {
            return Ok(());
        };
        let prints = match self.arch() {
            Arch::Aarch64 => code.as_chunks().0.contains(&SVC_0),
            // Instructions have no fixed length: these two bytes do not stand in the function that does nothing.
            Arch::X86_64 => code.windows(SYSCALL.len()).any(|two| two == SYSCALL),
        };
        if prints == self.tables.is("PRINTING") {
            return Ok(());
        }
        let built_for = if prints {
            "a debug kernel"
        } else {
            "a kernel that is no debug one"
        };
        Err(ElfError::Configuration {
            built_for: built_for.to_owned(),
            kernel: self.kernel.name(),
        })
    }

    /// The name of the configuration with these tables.
    fn name(&self, digest: [u8; 32]) -> String {
        if Tables::embedded().is_ok_and(|tables| tables.digest() == digest) {
            return KernelSource::Embedded("".into()).name();
        }
        let known = match &self.kernel {
            KernelSource::Sdk(configuration) => configuration.board().sdk().find(digest),
            KernelSource::Embedded(_) => None,
        };
        known.map_or_else(
            || {
                let [a, b, c, d, ..] = digest;
                format!("an unknown configuration (tables {a:02x}{b:02x}{c:02x}{d:02x}…)")
            },
            |configuration| KernelSource::Sdk(Box::new(configuration)).name(),
        )
    }
}
