// SPDX-License-Identifier: BSD-2-Clause
//! The device's configuration (5.1.4).

use molt_net::Mac;

/// Status (5.1.4): the link is up.
const LINK_UP: u16 = 1;

/// The device's configuration. If a feature is missing, its value is the one that the driver has to assume by 5.1.4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its own address, if it has one.
    pub mac: Option<Mac>,
    /// Whether the link is up.
    pub link: bool,
}

impl Config {
    pub(crate) fn read(word: &dyn Fn(usize) -> u32, has_mac: bool, has_status: bool) -> Self {
        let (low, high) = (word(0).to_le_bytes(), word(4).to_le_bytes());
        let [a, b, c, d] = low;
        let [e, f, status @ ..] = high;
        let status = match has_status {
            true => u16::from_le_bytes(status),
            false => LINK_UP,
        };
        Self {
            mac: has_mac.then_some([a, b, c, d, e, f]),
            link: status & LINK_UP != 0,
        }
    }
}
