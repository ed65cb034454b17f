// SPDX-License-Identifier: BSD-2-Clause
//! The VMM's own lines for the console, and the channel to `serial`.

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
        if self.writer.line(format_args!("{name}: {text}")) {
            self.notify();
        }
    }

    /// Tells `serial` that there is something.
    pub fn notify(&self) {
        if let Some(serial) = self.serial {
            serial.notify();
        }
    }
}
