// SPDX-License-Identifier: BSD-2-Clause
//! The controller's sensors, and what their values say.
//!
//! **The version of the firmware shows in the values:** the last three digits of a temperature, and the last digit of a fan's
//! speed, are the version of the firmware that gave it ([`Sensor::given_by`]). So a reader can tell which firmware gave a
//! value, and whether any firmware did.

/// A sensor. Its number is what a request names it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Sensor {
    /// The temperature at the air's inlet, in thousandths of a degree Celsius: 20000 to 39999.
    Inlet = 0,
    /// The temperature at the outlet, in thousandths of a degree Celsius: 40000 to 69999.
    Outlet = 1,
    /// The first fan's speed, in revolutions a minute: 2000 to 8999.
    Fan1 = 2,
    /// The second fan's speed, in revolutions a minute: 2000 to 8999.
    Fan2 = 3,
    /// Time since the firmware was started, in milliseconds.
    Uptime = 4,
    /// How often the controller was started. It never goes back.
    Boots = 5,
}

impl Sensor {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Inlet,
        Self::Outlet,
        Self::Fan1,
        Self::Fan2,
        Self::Uptime,
        Self::Boots,
    ];

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The sensor with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its name, as it is shown to people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inlet => "inlet",
            Self::Outlet => "outlet",
            Self::Fan1 => "fan1",
            Self::Fan2 => "fan2",
            Self::Uptime => "uptime",
            Self::Boots => "boots",
        }
    }

    /// The lowest and the highest value, and the number by which the remainder is the firmware's version, if it shows.
    const fn range(self) -> (i64, i64, Option<i64>) {
        match self {
            Self::Inlet => (20_000, 39_999, Some(1000)),
            Self::Outlet => (40_000, 69_999, Some(1000)),
            Self::Fan1 | Self::Fan2 => (2_000, 8_999, Some(10)),
            Self::Uptime | Self::Boots => (0, u32::MAX as i64, None),
        }
    }

    /// Whether a value is one that this sensor can have.
    #[must_use]
    pub const fn can_be(self, value: i64) -> bool {
        let (lowest, highest, _) = self.range();
        lowest <= value && value <= highest
    }

    /// The version of the firmware that gave this value, where it shows in it: modulo 1000 for temperatures, and 10 for speeds.
    #[must_use]
    pub const fn given_by(self, value: i64) -> Option<u32> {
        match self.range() {
            (_, _, Some(modulus)) if self.can_be(value) => Some((value % modulus) as u32),
            _ => None,
        }
    }

    /// A value near `measured` that shows the version, within the sensor's range.
    #[must_use]
    pub fn show(self, measured: i64, version: u32) -> i64 {
        let (lowest, highest, modulus) = self.range();
        let Some(modulus) = modulus else {
            return measured.clamp(lowest, highest);
        };
        let step = measured.clamp(lowest, highest) / modulus;
        step * modulus + i64::from(version) % modulus
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_shows_the_version_that_gave_it() {
        for sensor in Sensor::ALL {
            assert_eq!(Sensor::from_number(sensor.number()), Some(sensor));
            for measured in [i64::MIN, 0, 3_333, 25_678, 55_555, i64::MAX] {
                let value = sensor.show(measured, 2);
                assert!(sensor.can_be(value), "{sensor:?} {value}");
                let shows = !matches!(sensor, Sensor::Uptime | Sensor::Boots);
                assert_eq!(sensor.given_by(value), shows.then_some(2));
            }
        }
        assert_eq!(Sensor::Inlet.given_by(999_999), None);
        assert_eq!(Sensor::from_number(6), None);
    }
}
