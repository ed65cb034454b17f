// SPDX-License-Identifier: BSD-2-Clause
//! The sensors. The emulated machine has none of these, so what they measure is computed from the time: it rises and falls.

use molt_controller_service::Sensors;
use molt_firmware::Refusal;
use molt_link::Sensor;

/// The version that the values show, which is that of the image's header.
pub const VERSION: u32 = if cfg!(feature = "v2") { 2 } else { 1 };

/// All sensors at one time.
pub struct Measured {
    /// Microseconds since the start.
    pub now: u64,
    /// Starts of the controller.
    pub boots: u32,
}

impl Measured {
    /// Rises from `lowest` to `highest` and falls again, in a period of so many seconds.
    fn swings(&self, lowest: i64, highest: i64, period: u64) -> i64 {
        let half = period * 500_000;
        let at = self.now % (2 * half);
        let height = at.min(2 * half - at);
        lowest + (highest - lowest) * height as i64 / half as i64
    }
}

impl Sensors for Measured {
    fn read(&mut self, sensor: u8) -> Result<i64, Refusal> {
        let sensor = Sensor::from_number(sensor).ok_or(Refusal::Sensor)?;
        if cfg!(feature = "nonsense") {
            return Ok(i64::MIN + self.now as i64);
        }
        let measured = match sensor {
            Sensor::Inlet => self.swings(22_000, 27_000, 60),
            Sensor::Outlet => self.swings(45_000, 58_000, 90),
            Sensor::Fan1 => self.swings(3_000, 6_000, 45),
            Sensor::Fan2 => self.swings(3_100, 6_200, 50),
            Sensor::Uptime => (self.now / 1000) as i64,
            Sensor::Boots => self.boots.into(),
        };
        Ok(sensor.show(measured, VERSION))
    }
}
