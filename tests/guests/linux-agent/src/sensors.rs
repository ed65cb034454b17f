// SPDX-License-Identifier: BSD-2-Clause
//! Reads a controller's sensors through a port, a line at a time, and checks the values.

use core::ffi::CStr;

use molt_guest::Readings;
use molt_guest::readings::SENSORS;
use molt_linux_system::{Errno, File, O_RDWR, say};

/// Longest line.
const LINE: usize = 256;
/// Lines of one step.
const READS: usize = 2;

/// The port, and what was read.
pub struct Sensors {
    port: Option<File>,
    readings: Readings,
    version: u32,
    /// Lines that the VMM gave while the driver was away.
    stale: u64,
    /// Lines that were wrong, and reads that failed.
    pub errors: u64,
}

impl Sensors {
    /// Opens this port; `-` means that there is none.
    pub fn open(path: &'static CStr) -> Self {
        let mut this = Self {
            port: None,
            readings: Readings::default(),
            version: 0,
            stale: 0,
            errors: 0,
        };
        if path != c"-" {
            match File::open(path, O_RDWR) {
                Ok(file) => this.port = Some(file),
                Err(error) => this.fail(format_args!("{path:?} cannot be opened: {error:?}")),
            }
        }
        this
    }

    /// Some lines.
    pub fn step(&mut self) {
        for _ in 0..READS {
            let Some(port) = &self.port else {
                return;
            };
            let mut line = [0; LINE];
            match ask(port, &mut line) {
                Ok(line) => self.check(line),
                Err(Errno(number)) => self.fail(format_args!("the sensors' port: error {number}")),
            }
        }
    }

    fn check(&mut self, line: &[u8]) {
        let text = core::str::from_utf8(line).unwrap_or("?").trim_end();
        // A line of the technique `stand-in`.
        let old = text.strip_prefix("stale ");
        self.stale += u64::from(old.is_some());
        let mut values = old.unwrap_or(text).split(' ');
        for sensor in 0..SENSORS {
            let value = values.next().and_then(|value| value.parse().ok());
            let taken = match (value, old) {
                (Some(value), None) => self.readings.take(sensor, value),
                (Some(value), Some(_)) => self.readings.take_stale(sensor, value),
                (None, _) => Err("no number"),
            };
            if let Err(wrong) = taken {
                self.fail(format_args!("sensor {sensor}: {wrong}, in '{text}'"));
            }
        }
        if values.next().is_some() {
            self.fail(format_args!("more sensors than there are, in '{text}'"));
        }
        let version = self.readings.version();
        if version != self.version {
            self.version = version;
            say!(
                "sensors: firmware {version}, boots {}",
                self.readings.boots()
            );
        }
    }

    /// Prints the account, where there is a port.
    pub fn report(&self) {
        if self.port.is_some() {
            say!(
                "result sensor_reads={} errors={} boots={} stale={}",
                self.readings.checked,
                self.errors,
                self.readings.boots(),
                self.stale
            );
        }
    }

    fn fail(&mut self, what: core::fmt::Arguments<'_>) {
        say!("error: {what}");
        self.errors += 1;
    }
}

/// One line of values.
fn ask<'l>(port: &File, line: &'l mut [u8; LINE]) -> Result<&'l [u8], Errno> {
    port.write(b"read\n")?;
    let mut length = 0;
    // A port gives what there is: a line may come in pieces.
    while let Some(room) = line.get_mut(length..).filter(|room| !room.is_empty()) {
        let count = port.read(room)?;
        length += count;
        let so_far = line.get(..length).unwrap_or_default();
        if count == 0 || so_far.ends_with(b"\n") {
            break;
        }
    }
    Ok(line.get(..length).unwrap_or_default())
}
