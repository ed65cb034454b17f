// SPDX-License-Identifier: BSD-2-Clause
//! The operator reads the log: one record at a time, as `flash` delivers them.

use molt_control::store::Command;
use molt_doorbell::Reason;
use molt_operator::Tag;
use molt_store::Record;

use crate::store::Task;
use crate::{Kernel, Supervisor};

/// Most records that are shown at once.
const MOST: u32 = 256;

/// The log that is being read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    tag: Tag,
    /// Records that are wanted.
    count: u32,
    /// The cell that is read next; none: how many there are is not known yet.
    next: Option<u32>,
}

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// Begins to show the newest records.
    pub(crate) fn read_log(&mut self, tag: Tag, count: u32) -> Result<(), &'static str> {
        if self.store.is_none() {
            return Err("no-store");
        }
        if self.reading.is_some() {
            return Err(Reason::Busy.word());
        }
        let count = count.min(MOST);
        self.reading = Some(Reading {
            tag,
            count,
            next: None,
        });
        self.read_cell(u32::MAX);
        Ok(())
    }

    fn read_cell(&mut self, cell: u32) {
        let store = self.store.as_mut();
        let given = store.is_some_and(|s| s.give(&self.kernel, Task::Read, Command::Read { cell }));
        if !given {
            self.log_read(Err(Reason::Busy));
        }
    }

    /// `flash` has delivered a record, or not.
    pub(crate) fn log_read(&mut self, result: Result<(), Reason>) {
        let (Some(reading), Some(store)) = (self.reading.take(), &self.store) else {
            return;
        };
        let tag = reading.tag;
        if let Err(reason) = result {
            return self.respond(tag, format_args!("refused {}", reason.word()));
        }
        let (cells, record) = store.read();
        if let Some(record) = record.filter(|_| reading.next.is_some()) {
            self.show(tag, &record);
        }
        let first = cells.saturating_sub(reading.count);
        let next = reading.next.map_or(first, |cell| cell.saturating_add(1));
        if next >= cells || reading.count == 0 {
            return self.respond(tag, format_args!("ok"));
        }
        self.reading = Some(Reading {
            next: Some(next),
            ..reading
        });
        self.read_cell(next);
    }

    fn show(&mut self, tag: Tag, record: &Record) {
        let text = |name: &'_ [u8; 16]| {
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(16);
            let mut out = heapless::String::<16>::new();
            let bytes = name.get(..end).unwrap_or_default();
            // Names are ASCII; whatever else is in the flash must not look like another line.
            let plain = |byte: &u8| if byte.is_ascii_graphic() { *byte } else { b'?' };
            bytes
                .iter()
                .for_each(|byte| drop(out.push(plain(byte).into())));
            if out.is_empty() {
                // There is room.
                let _ = out.push('-');
            }
            out
        };
        let (component, client) = (text(&record.component), text(&record.client));
        let kind = record.kind().map_or("unknown", |kind| kind.word());
        let reason = Reason::from_u32(record.reason).map_or("unknown", Reason::word);
        let (image, bundle) = (Bytes(&record.image), Bytes(&record.bundle));
        self.respond(
            tag,
            format_args!(
                "record number={} start={} time_us={} kind={kind} component={component} client={client} \
                 sequence={} reason={reason} left_out={} image={image} bundle={bundle}",
                record.number, record.start, record.time_us, record.sequence, record.left_out,
            ),
        );
    }
}

/// A digest in hexadecimal digits; `-` for zeros.
struct Bytes<'a>(&'a [u8; 32]);

impl core::fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if *self.0 == [0; 32] {
            return f.write_str("-");
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
