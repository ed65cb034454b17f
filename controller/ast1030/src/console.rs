// SPDX-License-Identifier: BSD-2-Clause
//! The console, for people: what the controller does. Nothing depends on it.

use core::fmt;

use crate::Uart;

/// Looks at the UART that a byte may take before it is given up: nobody may listen.
const PATIENCE: u32 = 10_000;

/// A UART that text is written to.
#[derive(Debug)]
pub struct Console(pub(crate) Uart);

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let free = (0..PATIENCE).any(|_| self.0.is_free());
            if free {
                self.0.send(byte);
            }
        }
        Ok(())
    }
}
