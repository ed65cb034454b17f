// SPDX-License-Identifier: BSD-2-Clause
//! The operator: the lines that come from the console's port, one at a time, and the answers.
//!
//! Whoever types is not believed to be one who may: what is allowed stands in the plan, and no more than one line is looked at
//! in [`EVERY_US`].

use core::fmt;

use heapless::Vec;
use molt_operator::{ANSWER, Assembler, LINE, May, Tag, parse};
use molt_system::OperatorLink;
use molt_trace::ring::Reader;

use crate::{Kernel, Supervisor};

/// The time in us after a line in which no other is looked at.
const EVERY_US: u64 = 5_000;

/// The connection to whoever types.
pub struct Operator<'m> {
    reader: Reader<'m>,
    assembler: Assembler,
    /// The channel to `serial`, which waits for room.
    serial: u32,
    may: May,
    /// From when on the next line is looked at, in us.
    next: u64,
    /// There may be more.
    more: bool,
}

impl<'m> Operator<'m> {
    /// With the plan's ring; `None` if there is no operator.
    pub fn new(kernel: &impl Kernel<'m>, link: &OperatorLink) -> Option<Self> {
        (link.ring != 0).then(|| Self {
            reader: Reader::new(kernel.words(link.ring, link.size)),
            assembler: Assembler::default(),
            serial: link.channel,
            may: May(link.may),
            next: 0,
            more: false,
        })
    }

    /// Whether the operator may do what needs this.
    pub fn may(&self, group: May) -> bool {
        self.may.allows(group)
    }

    /// When the next line is looked at, in us, if there may be one.
    pub fn due(&self) -> Option<u64> {
        self.more.then_some(self.next)
    }

    /// The next line; `Err`: it is too long, or no text.
    fn line(&mut self, kernel: &impl Kernel<'m>, now: u64) -> Option<Result<Vec<u8, LINE>, ()>> {
        if now < self.next {
            self.more = true;
            return None;
        }
        let mut line = None;
        let mut bytes = 0;
        while line.is_none()
            && bytes < 2 * LINE
            && let Some(byte) = self.reader.next_byte()
        {
            line = self.assembler.take(byte);
            bytes += 1;
        }
        self.more = bytes > 0;
        if self.more {
            self.reader.release();
            self.next = now + EVERY_US;
            // It may wait for room.
            kernel.notify(self.serial);
        }
        line
    }
}

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// Looks at what the operator has typed.
    pub(crate) fn look_at_operator(&mut self) {
        let now = self.us();
        let line = (self.operator.as_mut()).and_then(|operator| operator.line(&self.kernel, now));
        match line {
            None => {}
            Some(Err(())) => self.respond(Tag(None), format_args!("refused bad-line")),
            Some(Ok(line)) => {
                let order = parse(&line);
                match order.command {
                    Err(wrong) => {
                        self.respond(order.tag, format_args!("refused {}", wrong.word()));
                    }
                    Ok(command) => self.order(order.tag, command),
                }
            }
        }
    }

    /// An answer, as one line.
    pub(crate) fn respond(&mut self, tag: Tag, text: fmt::Arguments<'_>) {
        self.console
            .say(&self.kernel, format_args!("{ANSWER} {tag} {text}"));
    }
}
