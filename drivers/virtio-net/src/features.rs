// SPDX-License-Identifier: BSD-2-Clause
//! Feature bits that this driver knows (5.1.3 and 6). Three are left out on purpose. With CTRL_VLAN a device drops frames of
//! VLANs that it was not told of (5.1.6.5.3), but the switch behind this driver forwards all. The device's own address
//! (CTRL_MAC_ADDR) and its wish for gratuitous packets (GUEST_ANNOUNCE) have no meaning for a switch's port: the addresses are
//! the clients'.

use bitflags::bitflags;

bitflags! {
    /// The features that were negotiated with the device.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Features: u64 {
        /// The device computes checksums of what is sent.
        const CSUM = 1 << 0;
        /// The driver accepts frames whose checksum is not computed yet.
        const GUEST_CSUM = 1 << 1;
        /// The device has a MAC address of its own.
        const MAC = 1 << 5;
        /// The driver takes TCP segments longer than a frame, over IPv4.
        const GUEST_TSO4 = 1 << 7;
        /// The same over IPv6.
        const GUEST_TSO6 = 1 << 8;
        /// Such segments may carry ECN.
        const GUEST_ECN = 1 << 9;
        /// The device takes TCP segments longer than a frame, over IPv4.
        const HOST_TSO4 = 1 << 11;
        /// The same over IPv6.
        const HOST_TSO6 = 1 << 12;
        /// Such segments may carry ECN.
        const HOST_ECN = 1 << 13;
        /// A frame may lie in several receive buffers.
        const MRG_RXBUF = 1 << 15;
        /// The link's state is known.
        const STATUS = 1 << 16;
        /// There is a control queue.
        const CTRL_VQ = 1 << 17;
        /// Its commands for the receive mode.
        const CTRL_RX = 1 << 18;
        /// Notifications and interrupts by index.
        const EVENT_IDX = molt_virtio::registers::EVENT_INDEX;
        /// Not legacy.
        const VERSION_1 = molt_virtio::registers::VERSION_1;
    }
}

/// Segments of TCP that the driver would get, which need merged buffers: without them each buffer would need room for one.
const LONG: Features = Features::GUEST_TSO4
    .union(Features::GUEST_TSO6)
    .union(Features::GUEST_ECN);

impl Features {
    /// The features that the driver asks for among those that the device offers. A feature is left out if one that it depends on
    /// (5.1.3.1) is missing.
    pub(crate) fn wanted(offered: Self) -> Self {
        let mut wanted = offered;
        if !wanted.contains(Self::MRG_RXBUF) || !wanted.contains(Self::GUEST_CSUM) {
            wanted.remove(LONG);
        }
        if !wanted.contains(Self::CSUM) {
            wanted.remove(Self::HOST_TSO4 | Self::HOST_TSO6 | Self::HOST_ECN);
        }
        if !wanted.contains(Self::CTRL_VQ) {
            wanted.remove(Self::CTRL_RX);
        }
        wanted
    }
}
