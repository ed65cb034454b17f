// SPDX-License-Identifier: BSD-2-Clause
//! Feature bits of the network card (virtio 1.2, 5.1.3).

use molt_net::{Offload, Properties};

pub const CSUM: u64 = 1 << 0;
pub const GUEST_CSUM: u64 = 1 << 1;
pub const MAC: u64 = 1 << 5;
pub const GUEST_TSO4: u64 = 1 << 7;
pub const GUEST_TSO6: u64 = 1 << 8;
pub const GUEST_ECN: u64 = 1 << 9;
pub const HOST_TSO4: u64 = 1 << 11;
pub const HOST_TSO6: u64 = 1 << 12;
pub const HOST_ECN: u64 = 1 << 13;
pub const MRG_RXBUF: u64 = 1 << 15;
pub const STATUS: u64 = 1 << 16;
pub const CTRL_VQ: u64 = 1 << 17;
pub const CTRL_RX: u64 = 1 << 18;
pub const CTRL_VLAN: u64 = 1 << 19;
pub const GUEST_ANNOUNCE: u64 = 1 << 21;
pub const CTRL_MAC_ADDR: u64 = 1 << 23;

/// The features that are offered to the guest for such a network.
pub fn offered(network: &Properties) -> u64 {
    let given = |there: bool, bits| if there { bits } else { 0 };
    let ecn = given(network.tcp4 || network.tcp6, HOST_ECN);
    // The guest may choose what it receives: for what it does not accept, the device completes the checksum and cuts the frame.
    let receives = GUEST_CSUM | GUEST_TSO4 | GUEST_TSO6 | GUEST_ECN | MRG_RXBUF;
    let control = CTRL_VQ | CTRL_RX | CTRL_VLAN | CTRL_MAC_ADDR | GUEST_ANNOUNCE;
    let sends = given(network.checksum, CSUM)
        | given(network.checksum && network.tcp4, HOST_TSO4)
        | given(network.checksum && network.tcp6, HOST_TSO6)
        | given(network.checksum, ecn);
    MAC | STATUS | receives | control | sends
}

/// Whether a guest that has agreed to `features` may send such a frame.
pub fn sends(features: u64, offload: &Offload) -> bool {
    let checksum = offload.flags & Offload::NEEDS_CHECKSUM == 0 || features & CSUM != 0;
    checksum && long(features, offload, [HOST_TSO4, HOST_TSO6, HOST_ECN])
}

/// Whether it has agreed to receive such a frame.
pub fn receives(features: u64, offload: &Offload) -> bool {
    long(features, offload, [GUEST_TSO4, GUEST_TSO6, GUEST_ECN])
}

fn long(features: u64, offload: &Offload, [tcp4, tcp6, ecn]: [u64; 3]) -> bool {
    let kind = match offload.gso_type & !Offload::ECN {
        Offload::TCP4 => tcp4,
        Offload::TCP6 => tcp6,
        _ => 0,
    };
    let needed = match offload.gso_type & Offload::ECN {
        0 => kind,
        _ => kind | ecn,
    };
    features & needed == needed
}
