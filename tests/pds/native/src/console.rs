// SPDX-License-Identifier: BSD-2-Clause
//! Lines to `serial`, which puts this domain's name before them.

use alloc::rc::Rc;
use core::cell::RefCell;
use core::fmt;

use molt_system::VmmBrief;
use molt_trace::ring::Writer;
use sel4_microkit::Channel;

use crate::brief;

/// The ring to `serial`, for whoever has a copy. Where there is none, lines go nowhere.
#[derive(Clone)]
pub struct Console {
    writer: Rc<RefCell<Writer<'static>>>,
    serial: Option<Channel>,
}

impl Console {
    /// The console of the brief.
    pub fn new(brief: &VmmBrief) -> Self {
        Self {
            writer: Rc::new(RefCell::new(Writer::new(brief::words(
                brief.log.vaddr,
                brief.log.size,
            )))),
            serial: brief::channel(brief.log.channel),
        }
    }

    /// One line.
    pub fn say(&self, line: fmt::Arguments<'_>) {
        if self.writer.borrow_mut().line(line)
            && let Some(serial) = self.serial
        {
            serial.notify();
        }
    }
}
