// SPDX-License-Identifier: BSD-2-Clause
//! What a reader of a controller's sensors may expect: each value within the sensor's range, given by a firmware that may run, and
//! a count of starts that never goes back.
//!
//! The ranges are written down here a second time, apart from the controller's and the driver's (`molt_link::Sensor`), so that
//! a guest's judgement does not rest on theirs.

/// How many sensors the controller has: numbers 0 to this, less one.
pub const SENSORS: u32 = 6;
/// The number of a sensor that it does not have.
pub const ABSENT: u32 = 200;
/// The number of the count of starts.
pub const BOOTS: u32 = 5;

/// Lowest and highest value of each sensor, and the number by which the remainder is the firmware's version, if it shows.
const RANGES: [(u32, u32, Option<u32>); SENSORS as usize] = [
    (20_000, 39_999, Some(1000)),
    (40_000, 69_999, Some(1000)),
    (2_000, 8_999, Some(10)),
    (2_000, 8_999, Some(10)),
    (0, u32::MAX, None),
    (0, u32::MAX, None),
];

/// What was read so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Readings {
    boots: u32,
    version: u32,
    /// By sensor: what was read last.
    last: [Option<u32>; SENSORS as usize],
    /// Values that were checked.
    pub checked: u64,
}

impl Readings {
    /// Takes a value.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn take(&mut self, sensor: u32, value: u32) -> Result<(), &'static str> {
        let Some((lowest, highest, modulus)) = RANGES.get(sensor as usize).copied() else {
            return Err("a value of a sensor that there is not");
        };
        if !(lowest..=highest).contains(&value) {
            return Err("a value that the sensor cannot have");
        }
        match modulus {
            // The firmwares of tests have versions of one digit, not 0: each shows whole in every value.
            Some(modulus) if !(1..10).contains(&(value % modulus)) => {
                return Err("a value that no firmware gives");
            }
            Some(modulus) => self.version = value % modulus,
            None => {}
        }
        if sensor == BOOTS {
            if value < self.boots {
                return Err("the count of starts has gone back");
            }
            self.boots = value;
        }
        if let Some(last) = self.last.get_mut(sensor as usize) {
            *last = Some(value);
        }
        self.checked += 1;
        Ok(())
    }

    /// Takes a value that is marked as stale: it has to be the one that was read last.
    ///
    /// # Errors
    /// It is another one, or none was read.
    pub fn take_stale(&mut self, sensor: u32, value: u32) -> Result<(), &'static str> {
        let last = self.last.get(sensor as usize).copied().flatten();
        if last != Some(value) {
            return Err("a stale value that is not the one that was read last");
        }
        self.checked += 1;
        Ok(())
    }

    /// The version of the firmware that the last value showed; 0 if none did.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The count of starts that was read last.
    pub fn boots(&self) -> u32 {
        self.boots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use molt_link::Sensor;

    #[test]
    fn what_the_controller_s_documentation_allows_is_taken_and_nothing_else() {
        for sensor in Sensor::ALL {
            let number = sensor.number().into();
            for measured in [0, 25_000, 50_000, 4_000, 1 << 31] {
                let value = u32::try_from(sensor.show(measured, 3)).unwrap();
                let mut readings = Readings::default();
                assert_eq!(readings.take(number, value), Ok(()), "{sensor:?} {value}");
                if sensor.given_by(value.into()).is_some() {
                    assert_eq!(readings.version(), 3);
                }
            }
            for value in [0, 1_999, 9_000, 19_999, 40_000, 70_000, u32::MAX] {
                let taken = Readings::default().take(number, value).is_ok();
                assert!(!taken || sensor.can_be(value.into()), "{sensor:?} {value}");
            }
        }
        assert!(Readings::default().take(SENSORS, 1).is_err());
        assert!(Readings::default().take(0, 25_000).is_err(), "version 0");
    }

    #[test]
    fn a_stale_value_is_the_one_that_was_read_last() {
        let mut readings = Readings::default();
        assert!(readings.take_stale(0, 25_001).is_err(), "none was read");
        for value in [25_001, 26_002] {
            assert_eq!(readings.take(0, value), Ok(()));
        }
        assert_eq!(readings.take_stale(0, 26_002), Ok(()));
        for (sensor, value) in [(0, 25_001), (1, 26_002), (SENSORS, 26_002)] {
            assert!(
                readings.take_stale(sensor, value).is_err(),
                "{sensor} {value}"
            );
        }
        assert_eq!((readings.version(), readings.checked), (2, 3));
    }

    #[test]
    fn a_count_that_goes_back_is_noticed() {
        let mut readings = Readings::default();
        assert_eq!(readings.take(BOOTS, 3), Ok(()));
        assert_eq!(readings.take(BOOTS, 3), Ok(()));
        assert_eq!(readings.take(BOOTS, 4), Ok(()));
        assert!(readings.take(BOOTS, 3).is_err());
        assert_eq!((readings.boots(), readings.checked), (4, 3));
    }
}
