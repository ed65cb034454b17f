// SPDX-License-Identifier: BSD-2-Clause
//! Lines for the console: the guest's, under its name, and the VMM's own.

use core::fmt;

use molt_system::VmmBrief;
use molt_trace::ring::Writer;
use sel4_microkit::Channel;

use crate::brief;

/// The ring to `serial`. Where there is none, lines go nowhere.
pub struct Console {
    writer: Writer<'static>,
    serial: Option<Channel>,
}

impl Console {
    /// The console of the brief.
    pub fn new(brief: &VmmBrief) -> Self {
        Self {
            writer: Writer::new(brief::ring(brief)),
            serial: brief::channel(brief.log.channel),
        }
    }

    /// One line, under a name.
    pub fn line(&mut self, name: impl fmt::Display, text: impl fmt::Display) {
        if self.writer.line(format_args!("{name}: {text}"))
            && let Some(serial) = self.serial
        {
            serial.notify();
        }
    }
}

/// A guest's bytes as text that cannot steer a terminal.
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                f.write_char(if character.is_control() {
                    ' '
                } else {
                    character
                })?;
            }
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}
