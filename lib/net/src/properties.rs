// SPDX-License-Identifier: BSD-2-Clause
//! What the driver tells its clients about the network.

use molt_queue::PROPERTIES_WORDS;

/// A MAC address.
pub type Mac = [u8; 6];

/// What the network can do. The server publishes it once it has started the device. The client does not rely on it: it
/// only decides by it which features it offers to a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// The client's address.
    pub mac: Mac,
    /// The link is up. This changes while the queue is open.
    pub link: bool,
    /// The driver or its device completes checksums of frames that are sent.
    pub checksum: bool,
    /// TCP segments over IPv4 that are longer than a frame are accepted.
    pub tcp4: bool,
    /// The same over IPv6.
    pub tcp6: bool,
}

impl Properties {
    pub(crate) fn to_words(self) -> [u64; PROPERTIES_WORDS] {
        let flags = [self.link, self.checksum, self.tcp4, self.tcp6];
        let flags =
            (flags.into_iter().enumerate()).fold(0, |all, (n, set)| all | u64::from(set) << n);
        let [a, b, c, d, e, f] = self.mac;
        [flags, u64::from_le_bytes([a, b, c, d, e, f, 0, 0]), 0, 0, 0]
    }

    pub(crate) fn from_words([flags, mac, ..]: [u64; PROPERTIES_WORDS]) -> Self {
        let [a, b, c, d, e, f, ..] = mac.to_le_bytes();
        let is = |n: u32| flags >> n & 1 != 0;
        Self {
            mac: [a, b, c, d, e, f],
            link: is(0),
            checksum: is(1),
            tcp4: is(2),
            tcp6: is(3),
        }
    }
}
