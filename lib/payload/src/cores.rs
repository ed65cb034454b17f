// SPDX-License-Identifier: BSD-2-Clause
//! The other cores, for kernels that use several.

use core::str::FromStr;

use thiserror::Error;

/// Cores that the loader has stacks for.
pub const MAX_CORES: u64 = 8;

/// What holds the other cores in reset where a machine has no firmware that starts them (PSCI).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum CoreReset {
    /// The APU of a Zynq UltraScale+ MPSoC (AMD UG1085, chapter 6; registers in UG1087: `APU`, `CRF_APB`).
    Zynqmp = 1,
}

/// No such name or number is known.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a known way to start cores without a firmware: 'zynqmp'")]
pub struct UnknownReset;

impl TryFrom<u64> for CoreReset {
    type Error = UnknownReset;

    fn try_from(number: u64) -> Result<Self, UnknownReset> {
        match number {
            1 => Ok(Self::Zynqmp),
            _ => Err(UnknownReset),
        }
    }
}

impl FromStr for CoreReset {
    type Err = UnknownReset;

    fn from_str(name: &str) -> Result<Self, UnknownReset> {
        match name {
            "zynqmp" => Ok(Self::Zynqmp),
            _ => Err(UnknownReset),
        }
    }
}
