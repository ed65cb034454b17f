// SPDX-License-Identifier: BSD-2-Clause
//! In memory.

use molt_shared::Registers;
use molt_system::SerialBrief;

/// The registers.
pub type UartRegisters = Registers;

/// The registers that the brief names.
pub fn registers(brief: &SerialBrief) -> UartRegisters {
    molt_brief::registers(brief.device, molt_uart::REGISTERS as u64)
}
