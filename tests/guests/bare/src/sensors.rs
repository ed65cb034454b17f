// SPDX-License-Identifier: BSD-2-Clause
//! A controller's sensors through the VMM's registers, read one after the other, for ever.

use core::ptr;

use molt_guest::Readings;
use molt_guest::readings::{ABSENT, SENSORS};
use molt_sensor_queue::window::{self, Status};

use crate::console::say;
use crate::machine::Device;

/// The sensors, and what was read.
pub struct Sensors {
    device: Device,
    /// The sensor that is being read, and how many reads have ended.
    sensor: u32,
    answers: u32,
    readings: Readings,
    version: u32,
    errors: u64,
    /// Values that the VMM answered with while the driver was away.
    stale: u64,
}

impl Sensors {
    /// Nothing is read before [`Self::begin`].
    pub fn new(device: Device) -> Self {
        Self {
            device,
            sensor: 0,
            answers: 0,
            readings: Readings::default(),
            version: 0,
            errors: 0,
            stale: 0,
        }
    }

    /// Its interrupt.
    pub fn interrupt(&self) -> u32 {
        self.device.interrupt
    }

    /// Reads the first one.
    pub fn begin(&mut self) {
        if self.read(window::MAGIC) != window::MAGIC_VALUE {
            self.fail("the sensors' registers are not there");
            return;
        }
        self.write(window::SENSOR, self.sensor);
    }

    /// Takes the answer, if it is there, and reads the next one.
    pub fn look(&mut self) {
        self.write(window::INTERRUPT_STATUS, 1);
        let status = self.read(window::STATUS);
        if status == Status::Busy as u32 {
            return;
        }
        self.answers = self.answers.wrapping_add(1);
        if self.read(window::ANSWERS) != self.answers {
            self.fail("a read was not answered exactly once");
        }
        self.check(status);
        // The last one is a sensor that there is not.
        self.sensor = match self.sensor {
            ABSENT => 0,
            sensor if sensor + 1 == SENSORS => ABSENT,
            sensor => sensor + 1,
        };
        self.write(window::SENSOR, self.sensor);
    }

    fn check(&mut self, status: u32) {
        const ABSENT_STATUS: u32 = Status::Absent as u32;
        const VALUE: u32 = Status::Value as u32;
        const STALE: u32 = Status::Stale as u32;
        self.stale += u64::from(status == STALE);
        match (status, self.sensor) {
            (ABSENT_STATUS, ABSENT) => {}
            (VALUE | STALE, sensor) => {
                let value = self.read(window::VALUE);
                let taken = match status {
                    STALE => self.readings.take_stale(sensor, value),
                    _ => self.readings.take(sensor, value),
                };
                if let Err(wrong) = taken {
                    say!("error: sensor {sensor} is {value}: {wrong}");
                    self.errors += 1;
                }
                let version = self.readings.version();
                if version != self.version {
                    self.version = version;
                    say!("sensors: firmware {version}");
                }
            }
            (status, sensor) => {
                say!("error: reading sensor {sensor} ended with status {status}");
                self.errors += 1;
            }
        }
    }

    /// Prints the account.
    pub fn report(&self) {
        say!(
            "result sensor_reads={} errors={} boots={} stale={}",
            self.readings.checked,
            self.errors,
            self.readings.boots(),
            self.stale
        );
    }

    fn fail(&mut self, what: &str) {
        say!("error: {what}");
        self.errors += 1;
    }

    fn read(&self, offset: u64) -> u32 {
        let register = self.device.registers + offset as usize;
        // SAFETY: a register of the window, which the translation table maps as a device.
        unsafe { ptr::with_exposed_provenance::<u32>(register).read_volatile() }
    }

    fn write(&mut self, offset: u64, value: u32) {
        let register = self.device.registers + offset as usize;
        // SAFETY: as above.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) };
    }
}
